//! A convolution as training computes it: on pixels, by a method that its shape alone decides, or by way of coefficients
//! where the definition asks for that.

use crate::operations::{Operation, Wanted, method_name};
use jpegnet_kernels::pixels::{
    self, ConvShape, Epilogue, InputGradient, Method, Wide, coefficients_from_pixels_into,
    pixels_from_coefficients_into,
};
use jpegnet_kernels::{Conv2d, Isa, add_in_place};

/// Fewest channels in for which tiles are worth their transforms.
const FEWEST_CHANNELS: usize = 8;

/// Floats of a core's cache that a run of tiles may fill.
const RUN_CACHE: usize = 200_000;

/// Floats of a packed filter from which no cache holds it: threads share its panels rather than the batch.
const WIDE: usize = 1 << 20;

/// A convolution with its method.
#[derive(Clone, Debug)]
pub(crate) enum Convolution {
    Pixels(Box<pixels::Conv2d>),
    /// Pixels to coefficients, Ξ by a factorisation of its own, and back.
    Coefficients(Box<Conv2d>),
}

impl Convolution {
    /// How an operation is computed in training; none if it is no convolution. Measured times play no part, so that the
    /// same definition gives the same bits.
    pub(crate) fn of(operation: &Operation) -> Option<Convolution> {
        let Operation::Conv2d { shape, trained, wanted, .. } = operation else {
            return None;
        };
        let method = match *wanted {
            Wanted::Coefficients => return Some(Convolution::Coefficients(trained.clone())),
            Wanted::Pixels(method) => method,
            Wanted::Any | Wanted::Diagonalised | Wanted::Scatter => method_for(shape),
        };
        let conv = pixels::Conv2d::new(*shape, method).or_else(|| pixels::Conv2d::new(*shape, Method::Direct));
        conv.map(|conv| Convolution::Pixels(Box::new(conv)))
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Convolution::Pixels(conv) => method_name(conv.method()),
            Convolution::Coefficients(conv) => conv.factorisation().name(),
        }
    }

    /// The convolution by panels of its filter, if that is larger than a cache.
    pub(crate) fn wide(&self) -> Option<Wide<'_>> {
        match self {
            Convolution::Pixels(conv) if conv.packed_len() >= WIDE => conv.wide(),
            _ => None,
        }
    }

    /// Tiles of an image that a product has for rows.
    pub(crate) fn tiles(&self) -> usize {
        match self {
            Convolution::Pixels(conv) => {
                let side = conv.method().tile().map_or(1, |tile| tile.side);
                let shape = conv.shape();
                shape.output_height().div_ceil(side) * shape.output_width().div_ceil(side)
            }
            Convolution::Coefficients(_) => usize::MAX,
        }
    }

    pub(crate) fn filter_len(&self) -> usize {
        match self {
            Convolution::Pixels(conv) => conv.shape().filter_len(),
            Convolution::Coefficients(conv) => conv.shape().filter_len(),
        }
    }

    pub(crate) fn packed_len(&self) -> usize {
        match self {
            Convolution::Pixels(conv) => conv.packed_len(),
            Convolution::Coefficients(conv) => conv.packed_len(),
        }
    }

    pub(crate) fn pack(&self, isa: Isa, filter: &[f32], packed: &mut [f32]) {
        match self {
            Convolution::Pixels(conv) => conv.pack_for_step_into(isa, filter, packed),
            Convolution::Coefficients(conv) => conv.pack_filter_into(filter, packed),
        }
    }

    pub(crate) fn adjoint_packed_len(&self) -> usize {
        match self {
            Convolution::Pixels(conv) => conv.adjoint_packed_len(),
            Convolution::Coefficients(conv) => conv.adjoint_packed_len(),
        }
    }

    pub(crate) fn pack_adjoint(&self, isa: Isa, filter: &[f32], packed: &mut [f32]) {
        match self {
            Convolution::Pixels(conv) => conv.pack_adjoint_into(isa, filter, packed),
            Convolution::Coefficients(conv) => conv.pack_adjoint_filter_into(filter, packed),
        }
    }

    /// Floats of the sums that the filter's gradient is made from.
    pub(crate) fn sums_len(&self) -> usize {
        match self {
            Convolution::Pixels(conv) => conv.filter_sums_len(),
            Convolution::Coefficients(conv) => conv.filter_gradient_len(),
        }
    }

    /// Adds the filter's gradient that [`backward`](Self::backward) summed up.
    pub(crate) fn add_filter_gradient(&self, isa: Isa, sums: &[f32], gradient: &mut [f32], scratch: &mut [f32]) {
        match self {
            Convolution::Pixels(conv) => conv.add_filter_gradient(isa, sums, gradient),
            Convolution::Coefficients(conv) => {
                let unpacked = &mut scratch[..gradient.len()];
                conv.unpack_filter_gradient_into(sums, unpacked);
                add_in_place(isa, gradient, unpacked);
            }
        }
    }

    /// Floats of scratch for so many images, forward and backward.
    pub(crate) fn scratch_len(&self, images: usize) -> usize {
        match self {
            Convolution::Pixels(conv) => {
                conv.workspace_len(run_of(conv, images)).max(conv.backward_workspace_len(images))
            }
            Convolution::Coefficients(conv) => {
                let maps = conv.shape().input_len() + conv.output_len();
                let backward =
                    maps + conv.shape().input_len() + conv.shape().input_len() + conv.backward_workspace_len();
                (maps + conv.output_len() + conv.forward_workspace_len()).max(backward).max(conv.shape().filter_len())
            }
        }
    }

    /// The convolution of some images, with a bias.
    #[expect(clippy::too_many_arguments, reason = "input, filter, bias, output and scratch of some images")]
    pub(crate) fn forward(
        &self,
        isa: Isa,
        images: usize,
        input: &[f32],
        packed: &[f32],
        bias: Option<&[f32]>,
        output: &mut [f32],
        scratch: &mut [f32],
    ) {
        match self {
            Convolution::Pixels(conv) => {
                let epilogue = Epilogue { bias, ..Epilogue::NONE };
                let (units, run) = (images * conv.units(), run_of(conv, images));
                let row = conv.shape().output_row_len();
                for start in (0..units).step_by(run) {
                    let units = start..(start + run).min(units);
                    let rows = conv.first_row(units.start) * row..conv.first_row(units.end) * row;
                    conv.forward_units(isa, units, input, packed, epilogue, &mut output[rows], scratch);
                }
            }
            Convolution::Coefficients(conv) => {
                let (input_size, output_size) = sizes(conv);
                let lengths = (input.len() / images, output.len() / images);
                for (input, output) in input.chunks_exact(lengths.0).zip(output.chunks_exact_mut(lengths.1)) {
                    let (map, scratch) = scratch.split_at_mut(conv.shape().input_len());
                    let (result, scratch) = scratch.split_at_mut(conv.output_len());
                    coefficients_from_pixels_into(isa, input_size, input, map);
                    conv.forward_into(isa, map, packed, bias, result, scratch);
                    pixels_from_coefficients_into(isa, output_size, result, output);
                }
            }
        }
    }

    /// Gradients of some images, added: of the filter to `sums`, of the input to `target` if it is given with the filter
    /// packed for it.
    #[expect(clippy::too_many_arguments, reason = "two operands, two gradients and scratch of some images")]
    pub(crate) fn backward(
        &self,
        isa: Isa,
        images: usize,
        input: &[f32],
        output_gradient: &[f32],
        target: Option<(&[f32], &mut [f32])>,
        sums: &mut [f32],
        scratch: &mut [f32],
    ) {
        match self {
            Convolution::Pixels(conv) => {
                let target = target.map(|(packed, gradient)| InputGradient { packed, gradient });
                conv.backward(isa, images, input, output_gradient, target, sums, scratch);
            }
            Convolution::Coefficients(conv) => {
                let (input_size, output_size) = sizes(conv);
                let (input_len, output_len) = (input.len() / images, output_gradient.len() / images);
                let (packed, mut gradients) = target.unzip();
                for image in 0..images {
                    let (map, scratch) = scratch.split_at_mut(conv.shape().input_len());
                    let (gradient, scratch) = scratch.split_at_mut(conv.output_len());
                    let (of_input, scratch) = scratch.split_at_mut(conv.shape().input_len());
                    let (of_pixels, scratch) = scratch.split_at_mut(conv.shape().input_len());
                    coefficients_from_pixels_into(isa, input_size, &input[image * input_len..][..input_len], map);
                    let output_gradient = &output_gradient[image * output_len..][..output_len];
                    coefficients_from_pixels_into(isa, output_size, output_gradient, gradient);
                    let target = gradients.as_ref().map(|_| (&mut *of_input, false));
                    conv.backward(isa, map, gradient, packed.unwrap_or_default(), target, sums, scratch);
                    if let Some(gradients) = &mut gradients {
                        let of_pixels = &mut of_pixels[..input_len];
                        pixels_from_coefficients_into(isa, input_size, of_input, of_pixels);
                        add_in_place(isa, &mut gradients[image * input_len..][..input_len], of_pixels);
                    }
                }
            }
        }
    }
}

fn sizes(conv: &Conv2d) -> ((usize, usize, usize), (usize, usize, usize)) {
    let (shape, output) = (conv.shape(), conv.output_extent());
    let input = (shape.input.height, shape.input.width, shape.input_channels);
    (input, (output.height, output.width, shape.output_channels))
}

/// Units of a convolution that are computed at once for so many images.
fn run_of(conv: &pixels::Conv2d, images: usize) -> usize {
    // A filter that no cache holds is read once a run.
    conv.units_at_once(RUN_CACHE.max(conv.packed_len() / 4)).min(images * conv.units())
}

/// The method for a shape.
fn method_for(shape: &ConvShape) -> Method {
    let methods = [
        Method::Pointwise,
        Method::Winograd4,
        Method::Winograd4Stride2,
        Method::Winograd5,
        Method::Winograd5Stride2,
        Method::Winograd7Stride2,
    ];
    let fits = |method: &Method| {
        let folded = method.tile().map_or(shape.input_channels, |tile| shape.input_channels * tile.fold * tile.fold);
        method.takes(shape) && (*method == Method::Pointwise || folded >= FEWEST_CHANNELS)
    };
    methods.into_iter().find(fits).unwrap_or(Method::Direct)
}

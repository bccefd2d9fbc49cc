//! Convolution of feature maps: one linear map Ξ = J̃CJ, several ways to compute it.
//!
//! The learned parameters are always the spatial filter `[out, in, size, size]`; a [`Conv2d`] packs it for its
//! [`Factorisation`], applies it and its adjoint to one image at a time, and takes gradients back to the spatial filter.

mod backward;
mod exploded;
mod pointwise;
mod sandwich;
mod shape;

pub use shape::Conv2dShape;

use self::backward::Backward;
use crate::block::{BLOCK, Grid};
use crate::edges::{Edges, add_inside};
use crate::extent::Extent;
use crate::isa::Isa;

/// A way to compute Ξ = J̃CJ. All are the same map up to float error; see docs/convolutions.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factorisation {
    /// Inverse DCT, direct convolution of the pixels, DCT.
    Sandwich,
    /// A 1×1 filter at stride 1 commutes with the DCT: one matrix product over coefficients.
    Pointwise,
    /// The paper's exploded map applied as written: 64 times the multiplies, there to be compared with.
    Exploded,
}

impl Factorisation {
    /// All, in the order of preference.
    pub const ALL: [Factorisation; 3] = [Factorisation::Pointwise, Factorisation::Sandwich, Factorisation::Exploded];

    /// `sandwich`, `pointwise` or `exploded`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Factorisation::Sandwich => "sandwich",
            Factorisation::Pointwise => "pointwise",
            Factorisation::Exploded => "exploded",
        }
    }
}

/// A convolution with its factorisation chosen.
#[derive(Clone, Debug)]
pub struct Conv2d {
    shape: Conv2dShape,
    output: Extent,
    method: Method,
}

#[derive(Clone, Debug)]
enum Method {
    Sandwich(sandwich::Sandwich),
    Pointwise(pointwise::Pointwise),
    Exploded(exploded::Exploded),
}

/// The same call on whichever method was chosen.
macro_rules! on_method {
    ($self:ident, $method:ident => $call:expr) => {
        match &$self.method {
            Method::Sandwich($method) => $call,
            Method::Pointwise($method) => $call,
            Method::Exploded($method) => $call,
        }
    };
}

impl Conv2d {
    /// A convolution computed by `factorisation`; none if that cannot do the shape, or the filter is larger than the
    /// padded input.
    #[must_use]
    pub fn new(shape: Conv2dShape, factorisation: Factorisation) -> Option<Conv2d> {
        let output = shape.output_extent()?;
        let method = match factorisation {
            Factorisation::Sandwich => Method::Sandwich(sandwich::Sandwich::new(shape, output)),
            Factorisation::Pointwise => Method::Pointwise(pointwise::Pointwise::new(shape)?),
            Factorisation::Exploded => Method::Exploded(exploded::Exploded::new(shape, output)),
        };
        Some(Conv2d { shape, output, method })
    }

    /// A convolution by the first factorisation that can do its shape; none if the filter is larger than the padded
    /// input.
    #[must_use]
    pub fn choose(shape: Conv2dShape) -> Option<Conv2d> {
        Factorisation::ALL.into_iter().find_map(|factorisation| Conv2d::new(shape, factorisation))
    }

    /// The shape it was made for.
    #[must_use]
    pub fn shape(&self) -> &Conv2dShape {
        &self.shape
    }

    /// Size of the output in blocks.
    #[must_use]
    pub fn output_grid(&self) -> Grid {
        self.output.grid()
    }

    /// Size of the output in pixels.
    #[must_use]
    pub fn output_extent(&self) -> Extent {
        self.output
    }

    /// The factorisation it was made with.
    #[must_use]
    pub fn factorisation(&self) -> Factorisation {
        match self.method {
            Method::Sandwich(_) => Factorisation::Sandwich,
            Method::Pointwise(_) => Factorisation::Pointwise,
            Method::Exploded(_) => Factorisation::Exploded,
        }
    }

    /// Floats of one image's output.
    #[must_use]
    pub fn output_len(&self) -> usize {
        self.output.grid().blocks() * BLOCK * self.shape.output_channels
    }

    /// Floats of a packed filter.
    #[must_use]
    pub fn packed_len(&self) -> usize {
        on_method!(self, method => method.packed_len())
    }

    /// Packs a spatial filter `[out, in, size, size]` for [`forward_into`](Self::forward_into).
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn pack_filter_into(&self, filter: &[f32], packed: &mut [f32]) {
        assert_eq!(filter.len(), self.shape.filter_len(), "a filter is [out, in, size, size]");
        assert_eq!(packed.len(), self.packed_len(), "a packed filter has packed_len floats");
        on_method!(self, method => method.pack_filter_into(filter, packed));
    }

    /// Floats of a filter packed for the input's gradient.
    #[must_use]
    pub fn adjoint_packed_len(&self) -> usize {
        on_method!(self, method => method.adjoint_packed_len())
    }

    /// Packs a spatial filter `[out, in, size, size]` for [`backward`](Self::backward).
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn pack_adjoint_filter_into(&self, filter: &[f32], packed: &mut [f32]) {
        assert_eq!(filter.len(), self.shape.filter_len(), "a filter is [out, in, size, size]");
        assert_eq!(packed.len(), self.adjoint_packed_len(), "a packed filter has adjoint_packed_len floats");
        on_method!(self, method => method.pack_adjoint_filter_into(filter, packed));
    }

    /// Floats of scratch for one image's forward.
    #[must_use]
    pub fn forward_workspace_len(&self) -> usize {
        on_method!(self, method => method.forward_workspace_len())
    }

    /// Floats of scratch for one image's backward.
    #[must_use]
    pub fn backward_workspace_len(&self) -> usize {
        on_method!(self, method => method.backward_workspace_len())
    }

    /// `F' = Ξ·F`, plus the bias at every pixel inside (8·bias at DC), of one image's orthonormal coefficients: input
    /// `[blocks, 64, in]`, output `[blocks, 64, out]`. Source: the paper's §4.1; mathematics as docs/convolutions.md.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn forward_into(
        &self,
        isa: Isa,
        input: &[f32],
        packed: &[f32],
        bias: Option<&[f32]>,
        output: &mut [f32],
        workspace: &mut [f32],
    ) {
        assert_eq!(input.len(), self.shape.input_len(), "the input fills its grid");
        assert_eq!(output.len(), self.output_len(), "the output fills its grid");
        assert_eq!(packed.len(), self.packed_len(), "a packed filter has packed_len floats");
        assert!(bias.is_none_or(|bias| bias.len() == self.shape.output_channels), "one bias an output channel");
        let workspace = &mut workspace[..self.forward_workspace_len()];
        on_method!(self, method => method.forward_into(isa, input, packed, output, workspace));
        if let Some(bias) = bias {
            add_inside(isa, self.output, bias, 8.0, output);
        }
    }

    /// Gradients of one image. The input's (if asked for) is the adjoint Ξᵀ·dF', replaced or (second of the pair) added
    /// to; the filter's is added to `filter_gradient`, in an order of its own that
    /// [`unpack_filter_gradient_into`](Self::unpack_filter_gradient_into) undoes.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    #[expect(clippy::too_many_arguments, reason = "two operands, two gradients, the filter and scratch")]
    pub fn backward(
        &self,
        isa: Isa,
        input: &[f32],
        output_gradient: &[f32],
        adjoint_packed: &[f32],
        input_gradient: Option<(&mut [f32], bool)>,
        filter_gradient: &mut [f32],
        workspace: &mut [f32],
    ) {
        assert_eq!(input.len(), self.shape.input_len(), "the input fills its grid");
        assert_eq!(output_gradient.len(), self.output_len(), "the output's gradient fills its grid");
        assert_eq!(filter_gradient.len(), self.filter_gradient_len(), "a gradient has filter_gradient_len floats");
        if let Some((gradient, _)) = &input_gradient {
            assert_eq!(gradient.len(), input.len(), "a gradient for every coefficient of the input");
            assert_eq!(
                adjoint_packed.len(),
                self.adjoint_packed_len(),
                "a packed filter has adjoint_packed_len floats"
            );
        }
        let workspace = &mut workspace[..self.backward_workspace_len()];
        let pass = Backward { input, output_gradient, adjoint_packed, input_gradient, filter_gradient, workspace };
        on_method!(self, method => method.backward(isa, pass));
    }

    /// Floats of a filter's gradient as [`backward`](Self::backward) adds it up.
    #[must_use]
    pub fn filter_gradient_len(&self) -> usize {
        on_method!(self, method => method.filter_gradient_len())
    }

    /// A gradient as [`backward`](Self::backward) adds it up, to `[out, in, size, size]`.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn unpack_filter_gradient_into(&self, packed_gradient: &[f32], gradient: &mut [f32]) {
        assert_eq!(packed_gradient.len(), self.filter_gradient_len(), "a gradient has filter_gradient_len floats");
        assert_eq!(gradient.len(), self.shape.filter_len(), "a filter is [out, in, size, size]");
        on_method!(self, method => method.unpack_filter_gradient_into(packed_gradient, gradient));
    }
}

/// Adds one image's gradient of a convolution's bias: the sum of the derivatives by the pixels inside. A bias b adds 8b to
/// the DC of a block that lies inside, so such blocks give 8·dF'_00.
///
/// # Panics
/// If a slice does not have the length its shape says.
pub fn bias_gradient_into(
    isa: Isa,
    extent: Extent,
    channels: usize,
    output_gradient: &[f32],
    bias_gradient: &mut [f32],
) {
    assert_eq!(output_gradient.len(), extent.grid().blocks() * BLOCK * channels, "the gradient fills its grid");
    assert_eq!(bias_gradient.len(), channels, "one bias a channel");
    let edges = Edges::new(extent);
    isa.vectorise(
        #[inline(always)]
        || {
            for (number, block) in output_gradient.chunks_exact(BLOCK * channels).enumerate() {
                let Some(weights) = edges.weights(number) else {
                    for (sum, dc) in bias_gradient.iter_mut().zip(block) {
                        *sum += 8.0 * dc;
                    }
                    continue;
                };
                for (coefficients, weight) in block.chunks_exact(channels).zip(weights) {
                    for (sum, coefficient) in bias_gradient.iter_mut().zip(coefficients) {
                        *sum += 8.0 * weight * coefficient;
                    }
                }
            }
        },
    );
}

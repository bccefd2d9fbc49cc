//! Reference cases of convolution, and a batch through a fast kernel.

use super::{Vectors, doubles, singles};
use jpegnet_kernels::definition::CoefficientMap;
use jpegnet_kernels::{BLOCK, Conv2d, Conv2dShape, Isa, bias_gradient_into};

pub const CASES: [&str; 8] = ["conv_0", "conv_1", "conv_2", "conv_3", "conv_4", "conv_5", "conv_6", "conv_7"];

/// A convolution with its truth.
pub struct Case {
    pub shape: Conv2dShape,
    pub input: CoefficientMap,
    pub filter: Vec<f64>,
    pub bias: Vec<f64>,
    pub output_gradient: CoefficientMap,
    pub expected: Results,
}

/// What forward and backward give.
pub struct Results {
    pub output: CoefficientMap,
    pub input_gradient: CoefficientMap,
    pub filter_gradient: Vec<f64>,
    pub bias_gradient: Vec<f64>,
}

impl Case {
    pub fn read(name: &str) -> Case {
        let vectors = Vectors::read(name);
        let case = vectors.metadata("case");
        let number = |key: &str| usize::try_from(case[key].as_u64().expect(key)).expect(key);
        let input = vectors.map("x");
        Case {
            shape: Conv2dShape {
                input_channels: number("cin"),
                output_channels: number("cout"),
                size: number("k"),
                stride: number("s"),
                padding: number("p"),
                input: input.extent,
            },
            input,
            filter: vectors.double("weight"),
            bias: vectors.double("bias"),
            output_gradient: vectors.map("dy"),
            expected: Results {
                output: vectors.map("y"),
                input_gradient: vectors.map("dx"),
                filter_gradient: vectors.double("dweight"),
                bias_gradient: vectors.double("dbias"),
            },
        }
    }
}

/// Every image of the batch through the kernel, forward and backward; gradients of the filter and bias added up.
///
/// Scratch is full of NaN, so that a kernel that reads what it did not write is found out.
pub fn run(
    isa: Isa,
    convolution: &Conv2d,
    input: &CoefficientMap,
    filter: &[f64],
    bias: Option<&[f64]>,
    output_gradient: &CoefficientMap,
) -> Results {
    let (filter, bias) = (singles(filter), bias.map(singles));
    let mut packed = vec![f32::NAN; convolution.packed_len()];
    convolution.pack_filter_into(&filter, &mut packed);
    let mut adjoint = vec![f32::NAN; convolution.adjoint_packed_len()];
    convolution.pack_adjoint_filter_into(&filter, &mut adjoint);

    let (maps, gradients) = (input.to_kernel_layout(), output_gradient.to_kernel_layout());
    let mut output = vec![f32::NAN; gradients.len()];
    let mut input_gradient = vec![f32::NAN; maps.len()];
    let mut filter_gradient = vec![0.0; convolution.filter_gradient_len()];
    let mut bias_gradient = vec![0.0; output_gradient.channels];
    let images = maps
        .chunks_exact(input.grid.blocks() * BLOCK * input.channels)
        .zip(input_gradient.chunks_exact_mut(input.grid.blocks() * BLOCK * input.channels))
        .zip(gradients.chunks_exact(convolution.output_len()).zip(output.chunks_exact_mut(convolution.output_len())));
    for ((x, dx), (dy, y)) in images {
        let mut workspace = vec![f32::NAN; convolution.forward_workspace_len()];
        convolution.forward_into(isa, x, &packed, bias.as_deref(), y, &mut workspace);
        let mut workspace = vec![f32::NAN; convolution.backward_workspace_len()];
        convolution.backward(isa, x, dy, &adjoint, Some((dx, false)), &mut filter_gradient, &mut workspace);
        bias_gradient_into(isa, output_gradient.extent, output_gradient.channels, dy, &mut bias_gradient);
    }
    let mut unpacked = vec![f32::NAN; filter.len()];
    convolution.unpack_filter_gradient_into(&filter_gradient, &mut unpacked);
    let map = |like: &CoefficientMap, values: &[f32]| {
        CoefficientMap::from_kernel_layout(like.images, like.channels, like.extent, values)
    };
    Results {
        output: map(output_gradient, &output),
        input_gradient: map(input, &input_gradient),
        filter_gradient: doubles(&unpacked),
        bias_gradient: doubles(&bias_gradient),
    }
}

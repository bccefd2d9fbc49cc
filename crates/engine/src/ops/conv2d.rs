//! Convolution: image by image, its filter's gradient summed over the chunk in the kernel's own order.

use super::Pass;
use crate::layers::Layer;
use crate::parameters::Parameters;
use crate::plan::{Operation, Plan};
use crate::program::{Buffer, Scheduled, Target};
use crate::views::{Chunk, Views};
use jpegnet_kernels::{Conv2d, bias_gradient_into};

/// The convolution of a node with its weight's and bias's numbers.
fn convolution(plan: &Plan, node: usize) -> (&Conv2d, usize, Option<usize>) {
    match &plan.nodes[node].operation {
        Operation::Conv2d { trained: conv, weight, bias, .. } => (conv, *weight, *bias),
        _ => unreachable!("the node is a convolution"),
    }
}

pub(super) fn forward(pass: &Pass, node: usize, views: &mut Views, input: Buffer, output: Buffer, scratch: &mut [f32]) {
    let (conv, _, bias) = convolution(pass.plan, node);
    let Layer::Conv2d(packed) = pass.layer(node) else {
        unreachable!("a convolution has a convolution's layer");
    };
    let bias = bias.map(|bias| pass.parameter(bias));
    views.write(output, |output, views| {
        conv.forward_into(pass.isa, views.read(input), packed, bias, output, scratch);
    });
}

#[expect(clippy::too_many_arguments, reason = "two operands, two gradients, the filter and scratch")]
pub(super) fn backward(
    pass: &Pass,
    node: usize,
    scheduled: &Scheduled,
    chunk: &mut Chunk,
    (input, output_gradient): (Buffer, Buffer),
    input_gradient: Option<Target>,
    adjoint: &[f32],
    scratch: &mut [f32],
) {
    let (conv, _, bias) = convolution(pass.plan, node);
    let sums = &mut chunk.singles[scheduled.singles..];
    let (filter_gradient, sums) = sums.split_at_mut(conv.filter_gradient_len());
    if bias.is_some() {
        let channels = conv.shape().output_channels;
        bias_gradient_into(
            pass.isa,
            conv.output_extent(),
            channels,
            chunk.views.read(output_gradient),
            &mut sums[..channels],
        );
    }
    let Some(Target { buffer, accumulate }) = input_gradient else {
        let (input, output_gradient) = (chunk.views.read(input), chunk.views.read(output_gradient));
        conv.backward(pass.isa, input, output_gradient, &[], None, filter_gradient, scratch);
        return;
    };
    chunk.views.write(buffer, |input_gradient, views| {
        let adjoint = &adjoint[scheduled.adjoint..scheduled.adjoint + conv.adjoint_packed_len()];
        let (input, output_gradient) = (views.read(input), views.read(output_gradient));
        let target = Some((input_gradient, accumulate));
        conv.backward(pass.isa, input, output_gradient, adjoint, target, filter_gradient, scratch);
    });
}

pub(super) fn pack_adjoint(plan: &Plan, parameters: &Parameters, node: usize, adjoint: &mut [f32]) {
    let (conv, weight, _) = convolution(plan, node);
    conv.pack_adjoint_filter_into(&parameters.values[weight], &mut adjoint[..conv.adjoint_packed_len()]);
}

pub(super) fn finish_gradients(plan: &Plan, parameters: &mut Parameters, node: usize, sums: &[f32]) {
    let (conv, weight, bias) = convolution(plan, node);
    let (filter_gradient, sums) = sums.split_at(conv.filter_gradient_len());
    conv.unpack_filter_gradient_into(filter_gradient, &mut parameters.gradients[weight]);
    if let Some(bias) = bias {
        parameters.gradients[bias].copy_from_slice(&sums[..conv.shape().output_channels]);
    }
}

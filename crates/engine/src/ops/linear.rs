//! The linear head.

use super::Pass;
use crate::parameters::Parameters;
use crate::plan::{Operation, Plan};
use crate::program::{Buffer, Scheduled, Target};
use crate::views::{Chunk, Views};
use jpegnet_kernels::{add_in_place, linear_backward, linear_into};

/// What a linear layer is made of.
struct Linear {
    inputs: usize,
    outputs: usize,
    weight: usize,
    bias: Option<usize>,
}

fn linear(plan: &Plan, node: usize) -> Linear {
    match plan.nodes[node].operation {
        Operation::Linear { inputs, outputs, weight, bias } => Linear { inputs, outputs, weight, bias },
        _ => unreachable!("the node is a linear layer"),
    }
}

pub(super) fn forward(pass: &Pass, node: usize, views: &mut Views, input: Buffer, output: Buffer) {
    let Linear { inputs, outputs, weight, bias } = linear(pass.plan, node);
    let bias = bias.map(|bias| pass.parameter(bias));
    views.write(output, |output, views| {
        linear_into(pass.isa, views.read(input), pass.parameter(weight), bias, inputs, outputs, output);
    });
}

pub(super) fn backward(
    pass: &Pass,
    node: usize,
    scheduled: &Scheduled,
    chunk: &mut Chunk,
    (input, output_gradient): (Buffer, Buffer),
    input_gradient: Option<Target>,
) {
    let Linear { inputs, outputs, weight, bias } = linear(pass.plan, node);
    let sums = &mut chunk.singles[scheduled.singles..];
    let (weight_gradient, sums) = sums.split_at_mut(inputs * outputs);
    let bias_gradient = bias.map(|_| &mut sums[..outputs]);
    let values = pass.parameter(weight);
    let run = |x: &[f32], dy: &[f32], dx: Option<&mut [f32]>| {
        linear_backward(pass.isa, x, values, dy, inputs, outputs, dx, weight_gradient, bias_gradient);
    };
    match input_gradient {
        None => run(chunk.views.read(input), chunk.views.read(output_gradient), None),
        Some(Target { buffer, accumulate }) => chunk.views.write(buffer, |input_gradient, views| {
            let before = accumulate.then(|| input_gradient.to_vec());
            run(views.read(input), views.read(output_gradient), Some(input_gradient));
            if let Some(before) = before {
                add_in_place(pass.isa, input_gradient, &before);
            }
        }),
    }
}

pub(crate) fn finish_gradients(plan: &Plan, parameters: &mut Parameters, node: usize, sums: &[f32]) {
    let Linear { inputs, outputs, weight, bias } = linear(plan, node);
    let (weight_gradient, sums) = sums.split_at(inputs * outputs);
    parameters.gradients[weight].copy_from_slice(weight_gradient);
    if let Some(bias) = bias {
        parameters.gradients[bias].copy_from_slice(&sums[..outputs]);
    }
}

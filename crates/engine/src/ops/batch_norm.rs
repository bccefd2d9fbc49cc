//! Batch normalisation: sums over the batch first, then a scale and a shift; running statistics for inference.

use super::Pass;
use crate::layers::{Layer, Layers, Normalisation};
use crate::parameters::Parameters;
use crate::plan::{Operation, Plan};
use crate::program::{Buffer, Scheduled, Target};
use crate::views::{Chunk, Views};
use jpegnet_kernels::{
    BatchNormGradient, BatchStatistics, Extent, GRADIENT_MOMENTS, MOMENTS, add_gradient_moments, add_moments,
    batch_norm_backward_into, clear_beyond, normalise_coefficients, scale_shift_into,
};

/// What a batch normalisation is made of.
struct BatchNorm {
    channels: usize,
    extent: Extent,
    epsilon: f32,
    weight: usize,
    bias: usize,
}

fn batch_norm(plan: &Plan, node: usize) -> BatchNorm {
    let (channels, extent) = plan.shapes[node + 1].as_map();
    match plan.nodes[node].operation {
        Operation::BatchNorm { epsilon, weight, bias, .. } => BatchNorm { channels, extent, epsilon, weight, bias },
        _ => unreachable!("the node is a batch normalisation"),
    }
}

fn normalisation<'a>(pass: &'a Pass, node: usize) -> &'a Normalisation {
    match pass.layer(node) {
        Layer::BatchNorm(layer) => layer,
        _ => unreachable!("a batch normalisation has a batch normalisation's layer"),
    }
}

/// Floats of scratch for an image's map: truncated maps do not end where their pixels end, but their statistics do.
pub(crate) fn scratch_len(plan: &Plan, node: usize) -> usize {
    let BatchNorm { extent, .. } = batch_norm(plan, node);
    if plan.band.is_none() || extent.fills_blocks() { 0 } else { plan.shapes[node + 1].len() }
}

/// A batch normalisation's input, zero beyond its last row and column.
fn inside<'a>(pass: &Pass, node: usize, input: &'a [f32], scratch: &'a mut [f32]) -> &'a [f32] {
    let BatchNorm { channels, extent, .. } = batch_norm(pass.plan, node);
    let length = scratch_len(pass.plan, node);
    if length == 0 {
        return input;
    }
    scratch[..length].copy_from_slice(input);
    clear_beyond(pass.isa, extent, channels, &mut scratch[..length]);
    &scratch[..length]
}

pub(super) fn moments(
    pass: &Pass,
    node: usize,
    scheduled: &Scheduled,
    chunk: &mut Chunk,
    input: Buffer,
    scratch: &mut [f32],
) {
    let BatchNorm { channels, .. } = batch_norm(pass.plan, node);
    let moments = &mut chunk.doubles[scheduled.doubles..scheduled.doubles + MOMENTS * channels];
    add_moments(pass.isa, channels, inside(pass, node, chunk.views.read(input), scratch), moments);
}

pub(super) fn forward(pass: &Pass, node: usize, views: &mut Views, input: Buffer, output: Buffer) {
    let BatchNorm { channels, extent, .. } = batch_norm(pass.plan, node);
    let Normalisation { scale, dc_shift, .. } = normalisation(pass, node);
    views.write(output, |output, views| {
        scale_shift_into(pass.isa, extent, channels, views.read(input), (scale, dc_shift), output);
    });
}

pub(super) fn gradient_moments(
    pass: &Pass,
    node: usize,
    scheduled: &Scheduled,
    chunk: &mut Chunk,
    input: Buffer,
    output_gradient: Buffer,
) {
    let BatchNorm { channels, extent, .. } = batch_norm(pass.plan, node);
    let moments = &mut chunk.doubles[scheduled.doubles..scheduled.doubles + GRADIENT_MOMENTS * channels];
    let (input, output_gradient) = (chunk.views.read(input), chunk.views.read(output_gradient));
    add_gradient_moments(pass.isa, extent, channels, input, output_gradient, moments);
}

pub(super) fn backward(
    pass: &Pass,
    node: usize,
    views: &mut Views,
    (input, output_gradient): (Buffer, Buffer),
    Target { buffer, accumulate }: Target,
    scratch: &mut [f32],
) {
    let BatchNorm { channels, extent, .. } = batch_norm(pass.plan, node);
    let Some(gradient) = &normalisation(pass, node).gradient else {
        unreachable!("a stage for the gradient's moments comes before");
    };
    views.write(buffer, |input_gradient, views| {
        let (input, output_gradient) = (inside(pass, node, views.read(input), scratch), views.read(output_gradient));
        batch_norm_backward_into(
            pass.isa,
            extent,
            channels,
            input,
            output_gradient,
            gradient,
            input_gradient,
            accumulate,
        );
    });
}

pub(crate) fn finish_moments(
    plan: &Plan,
    parameters: &Parameters,
    layers: &mut Layers,
    node: usize,
    batch: usize,
    moments: &[f64],
) {
    let BatchNorm { channels, extent, epsilon, weight, bias } = batch_norm(plan, node);
    let Layer::BatchNorm(layer) = &mut layers.nodes[node] else {
        unreachable!("a batch normalisation has a batch normalisation's layer");
    };
    layer.statistics = if layers.fixed[node] {
        running_statistics(plan, parameters, node)
    } else {
        BatchStatistics::from_moments(&moments[..MOMENTS * channels], channels, batch * extent.pixels())
    };
    layer.scale.resize(channels, 0.0);
    layer.dc_shift.resize(channels, 0.0);
    normalise_coefficients(
        &layer.statistics.mean,
        &layer.statistics.variance,
        epsilon,
        &parameters.values[weight],
        &parameters.values[bias],
        &mut layer.scale,
        &mut layer.dc_shift,
    );
    // A constant is eight times as large at DC as in every pixel.
    layer.shift.clear();
    layer.shift.extend(layer.dc_shift.iter().map(|shift| shift / 8.0));
}

/// The running statistics as those of endlessly many pixels, on which those of a batch have no influence: gradients by
/// them take no way through the statistics.
fn running_statistics(plan: &Plan, parameters: &Parameters, node: usize) -> BatchStatistics {
    let Operation::BatchNorm { running, .. } = plan.nodes[node].operation else {
        unreachable!("the node is a batch normalisation");
    };
    let double = |values: &[f32]| values.iter().copied().map(f64::from).collect();
    let running = &parameters.running[running];
    BatchStatistics { mean: double(&running.mean), variance: double(&running.variance), pixels: f64::INFINITY }
}

pub(crate) fn finish_gradients(
    plan: &Plan,
    parameters: &mut Parameters,
    layers: &mut Layers,
    node: usize,
    moments: &[f64],
) {
    let BatchNorm { channels, epsilon, weight, bias, .. } = batch_norm(plan, node);
    let Layer::BatchNorm(layer) = &mut layers.nodes[node] else {
        unreachable!("a batch normalisation has a batch normalisation's layer");
    };
    let moments = &moments[..GRADIENT_MOMENTS * channels];
    let values = &parameters.values[weight];
    let gradient = BatchNormGradient::from_moments(moments, &layer.statistics, epsilon, values);
    parameters.gradients[weight].copy_from_slice(&gradient.weight);
    parameters.gradients[bias].copy_from_slice(&gradient.bias);
    layer.gradient = Some(gradient);
}

/// Moves every running statistic that is not fixed towards the batch's, once its loss is known to be finite.
pub(crate) fn update_running(plan: &Plan, parameters: &mut Parameters, layers: &Layers) {
    for ((node, layer), &fixed) in plan.nodes.iter().zip(&layers.nodes).zip(&layers.fixed) {
        if let (Operation::BatchNorm { momentum, running, .. }, Layer::BatchNorm(layer)) = (&node.operation, layer) {
            if fixed {
                continue;
            }
            let running = &mut parameters.running[*running];
            layer.statistics.update_running(*momentum, &mut running.mean, &mut running.variance);
            running.batches += 1;
        }
    }
}

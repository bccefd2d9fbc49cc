//! Batch normalisation between stages: from sums over the batch to a scale and a shift, to gradients, and to the running
//! statistics of inference.

use crate::layers::{Layer, Layers, Normalisation};
use crate::operations::Operation;
use crate::parameters::Parameters;
use crate::plan::Plan;
use jpegnet_kernels::{BatchNormGradient, BatchStatistics, Extent, GRADIENT_MOMENTS, MOMENTS, normalise_coefficients};

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

fn layer(layers: &mut Layers, node: usize) -> &mut Normalisation {
    match &mut layers.nodes[node] {
        Layer::BatchNorm(layer) => layer,
        Layer::Plain => unreachable!("a batch normalisation has a batch normalisation's layer"),
    }
}

/// Takes the moments of a batch, as those of its coefficients, to the statistics, scale and shift of a node.
pub(super) fn finish_moments(
    plan: &Plan,
    parameters: &Parameters,
    layers: &mut Layers,
    node: usize,
    batch: usize,
    moments: &[f64],
) {
    let BatchNorm { channels, extent, epsilon, weight, bias } = batch_norm(plan, node);
    let fixed = layers.fixed[node];
    let layer = layer(layers, node);
    layer.statistics = if fixed {
        running_statistics(plan, parameters, node)
    } else {
        BatchStatistics::from_moments(&moments[..MOMENTS * channels], channels, batch * extent.pixels())
    };
    layer.scale.resize(channels, 0.0);
    layer.shift.resize(channels, 0.0);
    normalise_coefficients(
        &layer.statistics.mean,
        &layer.statistics.variance,
        epsilon,
        &parameters.values[weight],
        &parameters.values[bias],
        &mut layer.scale,
        &mut layer.shift,
    );
    // A constant is eight times as large at DC as in every pixel.
    layer.shift.iter_mut().for_each(|shift| *shift /= 8.0);
}

/// Makes every normalisation ready that is by running statistics: they need no batch.
pub(crate) fn normalise_by_running(plan: &Plan, parameters: &Parameters, layers: &mut Layers) {
    for node in (0..plan.nodes.len()).filter(|&node| layers.fixed[node]).collect::<Vec<_>>() {
        finish_moments(plan, parameters, layers, node, 0, &[]);
    }
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

/// Takes a batch's sums to the gradients of a node's parameters and to what the gradient of its input is made with.
pub(super) fn finish_gradients(
    plan: &Plan,
    parameters: &mut Parameters,
    layers: &mut Layers,
    node: usize,
    moments: &[f64],
) {
    let BatchNorm { channels, epsilon, weight, bias, .. } = batch_norm(plan, node);
    let layer = layer(layers, node);
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

//! From a stage's sums over the batch to statistics and gradients.

use super::{Batch, Statistics};
use crate::layers::Layers;
use crate::operations::Operation;
use crate::parameters::Parameters;
use crate::plan::Plan;
use crate::training::loss::BatchLoss;
use crate::training::program::{Program, Stage};
use crate::training::statistics::{finish_gradients, finish_moments};
use crate::training::step::Step;

/// Gives the loss if this stage had it.
pub(super) fn finish(
    batch: &Batch,
    program: &Program,
    stage: &Stage,
    parameters: &mut Parameters,
    layers: &mut Layers,
    (singles, doubles): (&[f32], &[f64]),
) -> Option<BatchLoss> {
    let plan = batch.plan;
    let images = batch.input.len();
    let mut loss = None;
    for scheduled in &stage.steps {
        let singles = &singles[scheduled.singles..];
        let doubles = &doubles[scheduled.doubles..];
        match scheduled.step {
            Step::Moments { node, .. } => {
                let [sums, squares] = moments(plan, node, doubles);
                // As if of coefficients: a constant is eight times as large at DC, and all squares are a DC's.
                let moments: Vec<f64> = sums
                    .iter()
                    .map(|sum| sum / 8.0)
                    .chain(squares.iter().copied())
                    .chain(sums.iter().map(|_| 0.0))
                    .collect();
                finish_moments(plan, parameters, layers, node, images, &moments);
            }
            Step::GradientMoments { statistics: Statistics { node, .. }, .. }
            | Step::Pass { moments: Some(Statistics { node, .. }), .. } => {
                let [products, sums] = moments(plan, node, doubles);
                let moments: Vec<f64> = products.iter().copied().chain(sums.iter().map(|sum| sum / 8.0)).collect();
                finish_gradients(plan, parameters, layers, node, &moments);
            }
            Step::Conv2dBackward { node, .. } => {
                let Operation::Conv2d { weight, bias, .. } = plan.nodes[node].operation else {
                    unreachable!("a convolution's backward is of a convolution");
                };
                let (of_filter, rest) = singles.split_at(program.convolution(node).filter_len());
                parameters.gradients[weight].copy_from_slice(of_filter);
                if let Some(bias) = bias {
                    parameters.gradients[bias].copy_from_slice(&rest[..plan.parameters[bias].len()]);
                }
            }
            Step::LinearBackward { node, .. } => {
                let Operation::Linear { inputs, outputs, weight, bias } = plan.nodes[node].operation else {
                    unreachable!("a linear layer's backward is of a linear layer");
                };
                let (of_weight, rest) = singles.split_at(inputs * outputs);
                parameters.gradients[weight].copy_from_slice(of_weight);
                if let Some(bias) = bias {
                    parameters.gradients[bias].copy_from_slice(&rest[..outputs]);
                }
            }
            Step::Loss { .. } => loss = Some(BatchLoss::from_sums(doubles, images)),
            _ => {}
        }
    }
    loss
}

/// The two sums of every channel of a batch normalisation.
fn moments<'a>(plan: &Plan, node: usize, doubles: &'a [f64]) -> [&'a [f64]; 2] {
    let (channels, _) = plan.shapes[node + 1].as_map();
    [&doubles[..channels], &doubles[channels..2 * channels]]
}

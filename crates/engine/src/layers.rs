//! What training derives from a batch: scales and shifts, statistics.

use crate::operations::Operation;
use crate::parameters::Parameters;
use crate::plan::{Node, Plan};
use jpegnet_kernels::{BatchNormGradient, BatchStatistics, normalise_coefficients};

/// Derived values of one node.
#[derive(Debug)]
pub(crate) enum Layer {
    /// The node needs none.
    Plain,
    BatchNorm(Box<Normalisation>),
}

/// A batch normalisation ready to run.
#[derive(Debug, Default)]
pub(crate) struct Normalisation {
    pub(crate) scale: Vec<f32>,
    pub(crate) shift: Vec<f32>,
    /// What training normalises by: of the batch at hand, or the running ones.
    pub(crate) statistics: BatchStatistics,
    /// Of the batch at hand.
    pub(crate) gradient: Option<BatchNormGradient>,
}

/// Derived values of all nodes.
#[derive(Debug)]
pub(crate) struct Layers {
    pub(crate) nodes: Vec<Layer>,
    /// For each node whether it is a batch normalisation that trains on its running statistics, which then stay, rather
    /// than on the batch's.
    pub(crate) fixed: Vec<bool>,
}

impl Layers {
    pub(crate) fn new(plan: &Plan) -> Layers {
        let nodes = plan.nodes.iter().map(|node| match node.operation {
            Operation::BatchNorm { .. } => Layer::BatchNorm(Box::default()),
            _ => Layer::Plain,
        });
        Layers { nodes: nodes.collect(), fixed: vec![false; plan.nodes.len()] }
    }

    /// Says which batch normalisations train on their running statistics; none if nothing is said.
    pub(crate) fn fix_statistics(&mut self, plan: &Plan, fixed: &[bool]) {
        self.fixed = fixed_nodes(plan, fixed);
    }

    pub(crate) fn bytes(&self) -> usize {
        let floats: usize = self
            .nodes
            .iter()
            .map(|layer| match layer {
                Layer::BatchNorm(layer) => 2 * layer.scale.len() + 6 * layer.statistics.mean.len(),
                Layer::Plain => 0,
            })
            .sum();
        size_of::<f32>() * floats
    }
}

/// For each node whether it is a batch normalisation that trains on its running statistics, as `fixed` says of each
/// normalisation; none if it is empty.
pub(crate) fn fixed_nodes(plan: &Plan, fixed: &[bool]) -> Vec<bool> {
    let is_fixed = |node: &Node| match node.operation {
        Operation::BatchNorm { running, .. } => fixed.get(running).copied().unwrap_or(false),
        _ => false,
    };
    plan.nodes.iter().map(is_fixed).collect()
}

/// Scale and shift of a batch normalisation by its running statistics.
pub(crate) fn running_coefficients(operation: &Operation, parameters: &Parameters) -> (Vec<f32>, Vec<f32>) {
    let Operation::BatchNorm { channels, epsilon, weight, bias, running, .. } = *operation else {
        unreachable!("running statistics are of batch normalisations");
    };
    let double = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<f64>>();
    let running = &parameters.running[running];
    let (mut scale, mut dc_shift) = (vec![0.0; channels], vec![0.0; channels]);
    normalise_coefficients(
        &double(&running.mean),
        &double(&running.variance),
        epsilon,
        &parameters.values[weight],
        &parameters.values[bias],
        &mut scale,
        &mut dc_shift,
    );
    (scale, dc_shift)
}

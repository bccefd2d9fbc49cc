//! What training derives from the parameters or from a batch: packed filters, scales and shifts, statistics.

use crate::parameters::Parameters;
use crate::plan::{Node, Operation, Plan};
use jpegnet_kernels::{BatchNormGradient, BatchStatistics, normalise_coefficients};
use rayon::prelude::*;

/// Derived values of one node.
#[derive(Debug)]
pub(crate) enum Layer {
    /// The node needs none.
    Plain,
    /// The filter, packed.
    Conv2d(Vec<f32>),
    BatchNorm(Box<Normalisation>),
}

/// A batch normalisation ready to run.
#[derive(Debug, Default)]
pub(crate) struct Normalisation {
    pub(crate) scale: Vec<f32>,
    /// Of coefficients.
    pub(crate) dc_shift: Vec<f32>,
    /// Of pixels.
    pub(crate) shift: Vec<f32>,
    /// What training normalises by: of the batch at hand, or the running ones.
    pub(crate) statistics: BatchStatistics,
    /// Of the batch at hand.
    pub(crate) gradient: Option<BatchNormGradient>,
}

/// Derived values of all nodes, and what they were derived for.
#[derive(Debug)]
pub(crate) struct Layers {
    pub(crate) nodes: Vec<Layer>,
    /// For each node whether it is a batch normalisation that trains on its running statistics, which then stay, rather
    /// than on the batch's.
    pub(crate) fixed: Vec<bool>,
    /// The version of the parameters.
    prepared: Option<u64>,
}

impl Layers {
    pub(crate) fn new(plan: &Plan) -> Layers {
        let nodes = plan.nodes.iter().map(|node| match node.operation {
            Operation::Conv2d { .. } => Layer::Conv2d(Vec::new()),
            Operation::BatchNorm { .. } => Layer::BatchNorm(Box::default()),
            _ => Layer::Plain,
        });
        Layers { nodes: nodes.collect(), fixed: vec![false; plan.nodes.len()], prepared: None }
    }

    /// Brings everything up to date with the parameters.
    pub(crate) fn prepare(&mut self, plan: &Plan, parameters: &Parameters) {
        if self.prepared == Some(parameters.version) {
            return;
        }
        self.nodes.par_iter_mut().zip(&plan.nodes).for_each(|(layer, node)| {
            if let (Layer::Conv2d(packed), Operation::Conv2d { trained: conv, weight, .. }) = (layer, &node.operation) {
                packed.resize(conv.packed_len(), 0.0);
                conv.pack_filter_into(&parameters.values[*weight], packed);
            }
        });
        self.prepared = Some(parameters.version);
    }

    /// Says which batch normalisations train on their running statistics; none if nothing is said.
    pub(crate) fn fix_statistics(&mut self, plan: &Plan, fixed: &[bool]) {
        let is_fixed = |node: &Node| match node.operation {
            Operation::BatchNorm { running, .. } => fixed.get(running).copied().unwrap_or(false),
            _ => false,
        };
        self.fixed = plan.nodes.iter().map(is_fixed).collect();
    }

    /// Normalises by the running statistics until a batch brings its own.
    pub(crate) fn normalise_by_running(&mut self, plan: &Plan, parameters: &Parameters) {
        for (layer, node) in self.nodes.iter_mut().zip(&plan.nodes) {
            if let Layer::BatchNorm(layer) = layer {
                (layer.scale, layer.dc_shift) = running_coefficients(&node.operation, parameters);
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let floats: usize = self
            .nodes
            .iter()
            .map(|layer| match layer {
                Layer::Conv2d(packed) => packed.len(),
                Layer::BatchNorm(layer) => 3 * layer.scale.len() + 6 * layer.statistics.mean.len(),
                Layer::Plain => 0,
            })
            .sum();
        size_of::<f32>() * floats
    }
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

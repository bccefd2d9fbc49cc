//! What is derived from the parameters or from a batch: packed filters, scales and shifts, statistics.

use crate::parameters::Parameters;
use crate::plan::{Operation, Plan};
use crate::program::{Mode, folds_into};
use jpegnet_kernels::{BatchNormGradient, BatchStatistics, normalise_coefficients};
use rayon::prelude::*;

/// Derived values of one node.
#[derive(Debug)]
pub(crate) enum Layer {
    /// The node needs none.
    Plain,
    Conv2d(Convolution),
    BatchNorm(Normalisation),
}

/// A convolution ready to run.
#[derive(Debug, Default)]
pub(crate) struct Convolution {
    /// The filter, packed; scaled by the batch normalisation folded into it, if any.
    pub(crate) packed: Vec<f32>,
    /// The bias that the folded batch normalisation makes.
    pub(crate) folded_bias: Option<Vec<f32>>,
}

/// A batch normalisation ready to run.
#[derive(Debug, Default)]
pub(crate) struct Normalisation {
    pub(crate) scale: Vec<f32>,
    pub(crate) dc_shift: Vec<f32>,
    /// Of the batch at hand.
    pub(crate) statistics: BatchStatistics,
    /// Of the batch at hand.
    pub(crate) gradient: Option<BatchNormGradient>,
}

/// Derived values of all nodes, and what they were derived for.
#[derive(Debug)]
pub(crate) struct Layers {
    pub(crate) nodes: Vec<Layer>,
    prepared: Option<(Mode, u64)>,
}

impl Layers {
    pub(crate) fn new(plan: &Plan) -> Layers {
        let nodes = plan.nodes.iter().map(|node| match node.operation {
            Operation::Conv2d { .. } => Layer::Conv2d(Convolution::default()),
            Operation::BatchNorm { .. } => Layer::BatchNorm(Normalisation::default()),
            _ => Layer::Plain,
        });
        Layers { nodes: nodes.collect(), prepared: None }
    }

    /// Brings everything up to date with the parameters.
    pub(crate) fn prepare(&mut self, plan: &Plan, parameters: &Parameters, mode: Mode) {
        if self.prepared == Some((mode, parameters.version)) {
            return;
        }
        let mut folded = vec![None; plan.nodes.len()];
        if mode == Mode::Inference {
            for (number, node) in plan.nodes.iter().enumerate() {
                if let (Operation::BatchNorm { .. }, Some(convolution)) = (&node.operation, folds_into(plan, number)) {
                    folded[convolution] = Some(&node.operation);
                }
            }
        }
        self.nodes.par_iter_mut().zip(&plan.nodes).zip(folded).for_each(|((layer, node), folded)| match layer {
            Layer::Conv2d(layer) => layer.prepare(&node.operation, parameters, folded),
            Layer::BatchNorm(layer) if mode == Mode::Inference => {
                (layer.scale, layer.dc_shift) = running_coefficients(&node.operation, parameters);
            }
            Layer::BatchNorm(_) | Layer::Plain => {}
        });
        self.prepared = Some((mode, parameters.version));
    }

    pub(crate) fn bytes(&self) -> usize {
        let floats: usize = self
            .nodes
            .iter()
            .map(|layer| match layer {
                Layer::Conv2d(layer) => layer.packed.len() + layer.folded_bias.as_ref().map_or(0, Vec::len),
                Layer::BatchNorm(layer) => 2 * layer.scale.len() + 6 * layer.statistics.mean.len(),
                Layer::Plain => 0,
            })
            .sum();
        size_of::<f32>() * floats
    }
}

impl Convolution {
    fn prepare(&mut self, operation: &Operation, parameters: &Parameters, folded: Option<&Operation>) {
        let Operation::Conv2d { conv, weight, bias } = operation else {
            unreachable!("a convolution's layer is of a convolution");
        };
        let filter = &parameters.values[*weight];
        self.packed.resize(conv.packed_len(), 0.0);
        let Some(batch_norm) = folded else {
            self.folded_bias = None;
            conv.pack_filter_into(filter, &mut self.packed);
            return;
        };
        let (scale, dc_shift) = running_coefficients(batch_norm, parameters);
        let mut scaled = filter.clone();
        for (filter, scale) in scaled.chunks_exact_mut(filter.len() / scale.len()).zip(&scale) {
            for weight in filter {
                *weight *= scale;
            }
        }
        conv.pack_filter_into(&scaled, &mut self.packed);
        // A bias adds 8 times itself to the DC.
        let mut folded: Vec<f32> = dc_shift.iter().map(|shift| shift / 8.0).collect();
        if let Some(bias) = bias {
            for ((folded, scale), bias) in folded.iter_mut().zip(&scale).zip(&parameters.values[*bias]) {
                *folded += scale * bias;
            }
        }
        self.folded_bias = Some(folded);
    }
}

/// Scale and shift of a batch normalisation by its running statistics.
fn running_coefficients(operation: &Operation, parameters: &Parameters) -> (Vec<f32>, Vec<f32>) {
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

//! What a plan says of itself.

use super::Plan;
use crate::methods::Convolution;
use crate::operations::Operation;
use jpegnet_kernels::{BLOCK, coefficients_kept};

use crate::spec::MaskingSpec;

/// A line of a network's summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSummary {
    /// The node's path.
    pub path: String,
    /// `conv2d`, `batchNorm`, `piecewiseLinear`, `add`, `maxPool`, `averagePool`, `subsample`, `globalAveragePool` or `linear`.
    pub operation: &'static str,
    /// `[channels, height, width]` in pixels, or `[features]`.
    pub output_shape: Vec<usize>,
    /// Weights and biases to learn.
    pub parameters: usize,
    /// Of a nonlinearity: coefficients of a block that its pieces are picked from.
    pub coefficients_kept: Option<usize>,
    /// The convolution's factorisation in training, or the nonlinearity's masking.
    pub choice: Option<&'static str>,
}

impl Plan {
    /// One line a node, in order.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeSummary> {
        let values = self.nodes.iter().zip(&self.shapes[1..]);
        values
            .map(|(node, shape)| {
                let operation = &node.operation;
                let (kept, choice) = match operation {
                    Operation::Conv2d { .. } => (None, Convolution::of(operation).map(|conv| conv.name())),
                    Operation::PiecewiseLinear { masking, frequencies, .. } => {
                        let band = self.band.map_or(BLOCK, coefficients_kept);
                        let kept = if *masking == MaskingSpec::Exact { BLOCK } else { coefficients_kept(*frequencies) };
                        let kept = kept.min(band);
                        (Some(kept), Some(masking.name()))
                    }
                    _ => (None, None),
                };
                NodeSummary {
                    path: node.path.clone(),
                    operation: operation.name(),
                    output_shape: shape.dimensions(),
                    parameters: operation.parameters().map(|number| self.parameters[number].len()).sum(),
                    coefficients_kept: kept,
                    choice,
                }
            })
            .collect()
    }
}

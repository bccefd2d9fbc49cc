//! What nodes compute, an operation a file: its shape rule, the names of its parameters, and, of those without parameters,
//! what they compute.

mod add;
mod average_pool;
mod batch_norm;
mod check;
mod context;
mod conv2d;
mod factorisation;
mod global_average_pool;
mod linear;
mod map_function;
mod max_pool;
mod operation;
mod piecewise_linear;
mod subsample;

use crate::EngineError;
use crate::shape::Shape;
use crate::spec::OperationSpec;
pub(crate) use check::{check_size, invalid, mismatch, quoted};
pub(crate) use context::Context;
pub(crate) use factorisation::{Wanted, method_name};
pub(crate) use linear::linear_shape;
pub(crate) use map_function::MapFunction;
pub(crate) use operation::Operation;
pub(crate) use subsample::Subsampling;

/// Checks what a definition says of a node, and gives its operation with the shape of its output.
///
/// # Errors
/// [`EngineError::InvalidDefinition`] or [`EngineError::ShapeMismatch`] at the node.
pub(crate) fn infer(spec: &OperationSpec, context: &mut Context) -> Result<(Operation, Shape), EngineError> {
    match spec {
        &OperationSpec::Conv2d { channels, input_channels, size, stride, padding, bias, ref factorisation } => {
            let given = conv2d::Given { channels, input_channels, size, stride, padding, bias, factorisation };
            conv2d::infer(context, given)
        }
        OperationSpec::BatchNorm { epsilon, momentum, channels } => {
            batch_norm::infer(context, *epsilon, *momentum, *channels)
        }
        OperationSpec::PiecewiseLinear { slope, intercept, breakpoints, masking, frequencies } => {
            piecewise_linear::infer(context, (*slope, *intercept, breakpoints), (*masking, *frequencies))
        }
        OperationSpec::Add {} => add::infer(context),
        OperationSpec::AveragePool { size, stride, padding, counts_padding } => {
            average_pool::infer(context, (*size, *stride, *padding), *counts_padding)
        }
        OperationSpec::MaxPool { size, stride, padding, ceil } => {
            max_pool::infer(context, (*size, *stride, *padding), *ceil)
        }
        OperationSpec::Subsample { stride, channels } => subsample::infer(context, *stride, *channels),
        OperationSpec::GlobalAveragePool {} => global_average_pool::infer(context),
        OperationSpec::Linear { features, input_features, bias } => {
            linear::infer(context, *features, *input_features, *bias)
        }
    }
}

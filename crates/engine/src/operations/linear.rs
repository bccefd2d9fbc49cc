//! A linear layer.

use super::check::{check_count, mismatch, one};
use super::context::Context;
use super::operation::Operation;
use crate::EngineError;
use crate::parameters::Initial;
use crate::shape::Shape;
use jpegnet_kernels::pixels::ConvShape;

pub(super) fn infer(
    context: &mut Context,
    outputs: usize,
    expected_features: Option<usize>,
    bias: bool,
) -> Result<(Operation, Shape), EngineError> {
    let Context { path, inputs, .. } = *context;
    let Shape::Features(features) = one(path, inputs)? else {
        return Err(mismatch(path, "a vector of features (a global average pool makes one)", inputs[0].to_string()));
    };
    if let Some(expected) = expected_features.filter(|&expected| expected != features) {
        return Err(mismatch(path, format!("{expected} input features"), features.to_string()));
    }
    check_count(path, "features", outputs)?;
    let weight = context.parameter("weight", vec![outputs, features], Initial::Uniform { fan_in: features })?;
    let bias = context.bias(bias, outputs, features)?;
    Ok((Operation::Linear { inputs: features, outputs, weight, bias }, Shape::Features(outputs)))
}

/// A linear layer as a convolution of one pixel.
pub(crate) fn linear_shape(input_channels: usize, output_channels: usize) -> ConvShape {
    ConvShape { input_channels, output_channels, size: 1, stride: 1, padding: 0, height: 1, width: 1 }
}

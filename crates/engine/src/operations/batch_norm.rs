//! Batch normalisation.

use super::check::{invalid, mismatch, one_map};
use super::context::Context;
use super::operation::Operation;
use crate::EngineError;
use crate::parameters::Initial;
use crate::shape::Shape;

pub(super) fn infer(
    context: &mut Context,
    epsilon: f32,
    momentum: f32,
    expected_channels: Option<usize>,
) -> Result<(Operation, Shape), EngineError> {
    let Context { path, inputs, .. } = *context;
    let (channels, ..) = one_map(path, inputs)?;
    if let Some(expected) = expected_channels.filter(|&expected| expected != channels) {
        return Err(mismatch(path, format!("{expected} channels"), channels.to_string()));
    }
    if !(epsilon.is_finite() && epsilon > 0.0) {
        return Err(invalid(path, "a finite epsilon above 0", epsilon.to_string()));
    }
    if !(0.0..=1.0).contains(&momentum) {
        return Err(invalid(path, "a momentum from 0 to 1", momentum.to_string()));
    }
    let weight = context.parameter("weight", vec![channels], Initial::Ones)?;
    let bias = context.parameter("bias", vec![channels], Initial::Zeros)?;
    let running = context.running_statistics(channels);
    Ok((Operation::BatchNorm { channels, epsilon, momentum, weight, bias, running }, inputs[0]))
}

//! A piecewise-linear function of every pixel; ReLU above all.

use super::check::{invalid, one_map};
use super::context::Context;
use super::operation::Operation;
use crate::EngineError;
use crate::shape::Shape;
use crate::spec::{ALL_FREQUENCIES, BreakpointSpec, MaskingSpec, piecewise_linear};
use jpegnet_kernels::Extent;

/// Breakpoints the kernels keep mask bits for.
const MOST_BREAKPOINTS: usize = 4;

pub(super) fn infer(
    context: &Context,
    (slope, intercept, breakpoints): (f32, f32, &[BreakpointSpec]),
    (masking, frequencies): (MaskingSpec, usize),
) -> Result<(Operation, Shape), EngineError> {
    let Context { path, inputs, .. } = *context;
    let (channels, height, width) = one_map(path, inputs)?;
    check_pieces(path, slope, intercept, breakpoints)?;
    if !(1..=ALL_FREQUENCIES).contains(&frequencies) {
        return Err(invalid(path, "frequencies from 1 to 15", frequencies.to_string()));
    }
    let function = piecewise_linear(slope, intercept, breakpoints);
    let extent = Extent { height, width };
    Ok((Operation::PiecewiseLinear { function, masking, frequencies, channels, extent }, inputs[0]))
}

fn check_pieces(path: &str, slope: f32, intercept: f32, breakpoints: &[BreakpointSpec]) -> Result<(), EngineError> {
    if breakpoints.len() > MOST_BREAKPOINTS {
        let found = breakpoints.len().to_string();
        return Err(invalid(path, format!("at most {MOST_BREAKPOINTS} breakpoints"), found));
    }
    let changes = breakpoints.iter().flat_map(|point| [point.at, point.slope_change, point.intercept_change]);
    match [slope, intercept].into_iter().chain(changes).find(|value| !value.is_finite()) {
        Some(value) => Err(invalid(path, "finite slopes, intercepts and breakpoints", value.to_string())),
        None => Ok(()),
    }
}

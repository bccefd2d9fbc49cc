//! What operations check of their inputs and sizes; each refusal says at which node, what was expected and what was found.

use crate::EngineError;
use crate::shape::{LARGEST, Shape};
use jpegnet_kernels::SIDE;

/// Largest filter side, stride aside, that makes sense on blocks of 8 and keeps sums of sizes far from overflow.
pub(super) const LARGEST_FILTER: usize = 1024;

pub(crate) fn invalid(path: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> EngineError {
    EngineError::InvalidDefinition { path: path.into(), expected: expected.into(), found: found.into() }
}

pub(crate) fn mismatch(path: &str, expected: impl Into<String>, found: impl Into<String>) -> EngineError {
    EngineError::ShapeMismatch { path: path.into(), expected: expected.into(), found: found.into() }
}

pub(crate) fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// The only input.
pub(super) fn one(path: &str, inputs: &[Shape]) -> Result<Shape, EngineError> {
    match inputs {
        [input] => Ok(*input),
        _ => Err(invalid(path, "1 input", inputs.len().to_string())),
    }
}

/// The only input's channels, height and width.
pub(super) fn one_map(path: &str, inputs: &[Shape]) -> Result<(usize, usize, usize), EngineError> {
    match one(path, inputs)? {
        Shape::Map { channels, height, width } => Ok((channels, height, width)),
        shape @ Shape::Features(_) => Err(mismatch(path, "a feature map", shape.to_string())),
    }
}

pub(super) fn check_count(path: &str, what: &str, count: usize) -> Result<(), EngineError> {
    if (1..=LARGEST).contains(&count) {
        return Ok(());
    }
    Err(invalid(path, format!("from 1 to {LARGEST} {what}"), count.to_string()))
}

/// No value is too large to be addressed.
pub(crate) fn check_size(path: &str, channels: usize, height: usize, width: usize) -> Result<(), EngineError> {
    // Whole blocks: what training needs is never less than what inference needs.
    let floats = height.checked_next_multiple_of(SIDE).zip(width.checked_next_multiple_of(SIDE));
    let floats = floats.and_then(|(height, width)| height.checked_mul(width)?.checked_mul(channels));
    if floats.is_some_and(|floats| floats <= LARGEST) {
        return Ok(());
    }
    let found = format!("{channels} channels of {height}×{width} pixels");
    Err(invalid(path, format!("at most {LARGEST} coefficients an image"), found))
}

/// A window must fit into the padded map once.
pub(super) fn check_window(
    path: &str,
    what: &str,
    size: usize,
    padding: usize,
    (height, width): (usize, usize),
) -> Result<(), EngineError> {
    if size <= height.min(width) + 2 * padding {
        return Ok(());
    }
    let expected =
        format!("a map of at least {size}×{size} pixels with its padding of {padding} for a {size}×{size} {what}");
    Err(mismatch(path, expected, format!("{height}×{width} pixels")))
}

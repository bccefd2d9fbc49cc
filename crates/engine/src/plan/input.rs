//! The input that a definition says.

use crate::EngineError;
use crate::operations::{check_size, invalid};
use crate::shape::Shape;
use crate::spec::InputSpec;

/// The shape of an input that makes sense.
pub(super) fn input_shape(input: &InputSpec) -> Result<Shape, EngineError> {
    let InputSpec { channels, height, width, mean, std } = input;
    if ![1, 3].contains(channels) {
        return Err(invalid("input", "1 or 3 channels", channels.to_string()));
    }
    if *height == 0 || *width == 0 {
        return Err(invalid("input", "a width and height above 0", format!("{width}×{height} pixels")));
    }
    check_size("input", *channels, *height, *width)?;
    for (name, values) in [("mean", mean), ("std", std)] {
        if values.len() != *channels {
            return Err(invalid(format!("input.{name}"), format!("{channels} values"), values.len().to_string()));
        }
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(invalid(format!("input.{name}"), "finite values", value.to_string()));
        }
    }
    if let Some(value) = std.iter().find(|&&value| value <= 0.0) {
        return Err(invalid("input.std", "values above 0", value.to_string()));
    }
    Ok(Shape::Map { channels: *channels, height: *height, width: *width })
}

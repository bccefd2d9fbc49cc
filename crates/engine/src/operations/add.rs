//! The sum of two or more values of one shape.

use super::check::{invalid, mismatch};
use super::context::Context;
use super::operation::Operation;
use crate::EngineError;
use crate::shape::Shape;

pub(super) fn infer(context: &Context) -> Result<(Operation, Shape), EngineError> {
    Ok((Operation::Add, same_shape(context.path, context.inputs)?))
}

fn same_shape(path: &str, inputs: &[Shape]) -> Result<Shape, EngineError> {
    let [first, rest @ ..] = inputs else {
        return Err(invalid(path, "at least 2 inputs", "0"));
    };
    if rest.is_empty() {
        return Err(invalid(path, "at least 2 inputs", "1"));
    }
    match rest.iter().find(|shape| *shape != first) {
        Some(other) => Err(mismatch(path, format!("inputs of one shape, all {first}"), other.to_string())),
        None => Ok(*first),
    }
}

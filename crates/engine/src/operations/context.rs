//! What a node's operation is inferred from.

use crate::EngineError;
use crate::parameters::{Declared, Initial};
use crate::shape::Shape;

/// A node before its operation is known.
pub(crate) struct Context<'a> {
    /// The node's path.
    pub(crate) path: &'a str,
    /// Shapes of the values that it takes.
    pub(crate) inputs: &'a [Shape],
    /// What the nodes before it learn and keep.
    pub(crate) declared: &'a mut Declared,
}

impl Context<'_> {
    /// The number of a new parameter of the node.
    pub(super) fn parameter(&mut self, name: &str, shape: Vec<usize>, initial: Initial) -> Result<usize, EngineError> {
        self.declared.parameter(self.path, name, shape, initial)
    }

    /// The number of its bias, if it has one.
    pub(super) fn bias(&mut self, wanted: bool, length: usize, fan_in: usize) -> Result<Option<usize>, EngineError> {
        if !wanted {
            return Ok(None);
        }
        self.parameter("bias", vec![length], Initial::Uniform { fan_in }).map(Some)
    }

    /// The number of its running statistics.
    pub(super) fn running_statistics(&mut self, channels: usize) -> usize {
        self.declared.running_statistics(self.path, channels)
    }
}

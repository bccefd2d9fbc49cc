//! What a network must be to train: its maps fill whole blocks, and every operation has a backward.

use super::{Operation, Plan, mismatch};
use crate::EngineError;
use crate::shape::Shape;
use jpegnet_kernels::SIDE;

impl Plan {
    /// Says why the network cannot train, if it cannot.
    ///
    /// # Errors
    /// [`EngineError::ShapeMismatch`] naming the first layer whose map does not fill whole blocks of 8×8 pixels, or whose
    /// operation has no backward.
    pub fn check_trainable(&self) -> Result<(), EngineError> {
        let names = std::iter::once("input").chain(self.nodes.iter().map(|node| node.path.as_str()));
        for (name, shape) in names.zip(&self.shapes) {
            if let Shape::Map { height, width, .. } = *shape
                && !(height.is_multiple_of(SIDE) && width.is_multiple_of(SIDE))
            {
                let expected = "maps of whole blocks of 8×8 pixels to train";
                return Err(mismatch(name, expected, format!("{height}×{width} pixels")));
            }
        }
        let without = |operation: &Operation| matches!(operation, Operation::MaxPool(_) | Operation::Subsample { .. });
        match self.nodes.iter().find(|node| without(&node.operation)) {
            Some(node) => Err(mismatch(&node.path, "an operation that can be trained through", node.operation.name())),
            None => Ok(()),
        }
    }
}

//! Whether a picture's parts fit each other.

use crate::error::JpegError;
use crate::sparse::{Component, SparseJpeg};
use std::fmt::Display;

impl SparseJpeg {
    /// Whether sides, colours, sampling factors and numbers of blocks are those of one picture that a file could hold.
    ///
    /// # Errors
    /// [`JpegError::Unwritable`], naming the first part that does not fit.
    pub(crate) fn check(&self) -> Result<(), JpegError> {
        /// libjpeg's `JPEG_MAX_DIMENSION`.
        const LONGEST_SIDE: u32 = 65_500;
        for (side, length) in [("width", self.width), ("height", self.height)] {
            if !(1..=LONGEST_SIDE).contains(&length) {
                return Err(unwritable(side, format!("1 to {LONGEST_SIDE} pixels"), &length));
            }
        }
        let expected = self.colour.components();
        if self.components.len() != expected {
            let expected = format!("{expected} of {}", self.colour.name());
            return Err(unwritable("components", expected, &self.components.len()));
        }
        let factors = |component: &Component| [component.horizontal, component.vertical];
        // All factors before any blocks, whose numbers are by all of them.
        for (index, [horizontal, vertical]) in self.components.iter().map(factors).enumerate() {
            if ![horizontal, vertical].iter().all(|factor| (1..=4).contains(factor)) {
                let found = format!("{horizontal}×{vertical}");
                return Err(unwritable(format!("component {index}"), "sampling factors of 1 to 4", &found));
            }
        }
        for (index, component) in self.components.iter().enumerate() {
            let Component { blocks_high, blocks_wide, blocks, .. } = component;
            let part = || format!("component {index}");
            let (high, wide) = self.blocks_of(component);
            if (*blocks_high, *blocks_wide) != (high, wide) {
                let found = format!("{blocks_high} × {blocks_wide}");
                return Err(unwritable(part(), format!("{high} × {wide} blocks"), &found));
            }
            if blocks.len() != high * wide {
                return Err(unwritable(part(), format!("{} blocks", high * wide), &blocks.len()));
            }
        }
        Ok(())
    }
}

pub(crate) fn unwritable(part: impl Into<String>, expected: impl Into<String>, found: &dyn Display) -> JpegError {
    JpegError::Unwritable { part: part.into(), expected: expected.into(), found: found.to_string() }
}

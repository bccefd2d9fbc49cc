//! Shapes of values: feature maps of any size in pixels, and vectors of features.

use jpegnet_kernels::{BLOCK, Extent};
use std::fmt;

/// Floats of a value or of all parameters beyond which a definition is refused: 8 GiB.
pub(crate) const LARGEST: usize = 1 << 31;

/// The shape of one image's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Coefficients `[blocks high, blocks wide, 64, channels]` in training, pixels `[height, width, channels]` at
    /// inference.
    Map {
        /// Channels.
        channels: usize,
        /// Pixels from top to bottom.
        height: usize,
        /// Pixels from left to right.
        width: usize,
    },
    /// `[features]`.
    Features(usize),
}

impl Shape {
    /// Channels and size of a map.
    ///
    /// # Panics
    /// If it is a vector of features.
    pub(crate) fn as_map(self) -> (usize, Extent) {
        match self {
            Shape::Map { channels, height, width } => (channels, Extent { height, width }),
            Shape::Features(_) => unreachable!("operations on maps take maps"),
        }
    }

    /// Floats of one image's value in training.
    pub(crate) fn len(self) -> usize {
        match self {
            Shape::Map { channels, height, width } => Extent { height, width }.grid().blocks() * BLOCK * channels,
            Shape::Features(features) => features,
        }
    }

    /// As `PyTorch` has it: `[channels, height, width]` in pixels, or `[features]`.
    pub(crate) fn dimensions(self) -> Vec<usize> {
        match self {
            Shape::Map { channels, height, width } => vec![channels, height, width],
            Shape::Features(features) => vec![features],
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Map { channels, height, width } => {
                write!(formatter, "a feature map of {channels} channels, {height}×{width} pixels")
            }
            Shape::Features(features) => write!(formatter, "{features} features"),
        }
    }
}

//! Shapes of values: feature maps on a grid of blocks, and vectors of features.

use jpegnet_kernels::{BLOCK, Grid, SIDE};
use std::fmt;

/// The shape of one image's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `[grid.high, grid.wide, 64, channels]` coefficients.
    Map {
        /// Channels.
        channels: usize,
        /// Blocks.
        grid: Grid,
    },
    /// `[features]`.
    Features(usize),
}

impl Shape {
    /// Floats of one image's value.
    pub(crate) fn len(self) -> usize {
        match self {
            Shape::Map { channels, grid } => grid.blocks() * BLOCK * channels,
            Shape::Features(features) => features,
        }
    }

    /// As `PyTorch` has it: `[channels, height, width]` in pixels, or `[features]`.
    pub(crate) fn dimensions(self) -> Vec<usize> {
        match self {
            Shape::Map { channels, grid } => vec![channels, grid.high * SIDE, grid.wide * SIDE],
            Shape::Features(features) => vec![features],
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Map { channels, grid } => {
                write!(
                    formatter,
                    "a feature map of {channels} channels, {}×{} pixels",
                    grid.high * SIDE,
                    grid.wide * SIDE
                )
            }
            Shape::Features(features) => write!(formatter, "{features} features"),
        }
    }
}

//! Sizes of band maps and of the convolutions between them.

use crate::block::{SIDE, coefficients_kept};

/// The size of one image's band map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BandShape {
    /// Rows of pixels; the blocks may reach beyond them.
    pub height: usize,
    /// Columns of pixels; the blocks may reach beyond them.
    pub width: usize,
    /// Channels.
    pub channels: usize,
    /// Diagonals of coefficients kept, 1…15.
    pub frequencies: usize,
}

impl BandShape {
    /// Blocks from top to bottom.
    #[must_use]
    pub const fn high(&self) -> usize {
        self.height.div_ceil(SIDE)
    }

    /// Blocks from left to right.
    #[must_use]
    pub const fn wide(&self) -> usize {
        self.width.div_ceil(SIDE)
    }

    /// Coefficients of a block.
    ///
    /// # Panics
    /// If frequencies are not in 1…15.
    #[must_use]
    pub const fn kept(&self) -> usize {
        coefficients_kept(self.frequencies)
    }

    /// Floats of one block.
    ///
    /// # Panics
    /// If frequencies are not in 1…15.
    #[must_use]
    pub const fn block_len(&self) -> usize {
        self.kept() * self.channels
    }

    /// Floats of one row of blocks.
    ///
    /// # Panics
    /// If frequencies are not in 1…15.
    #[must_use]
    pub const fn row_len(&self) -> usize {
        self.wide() * self.block_len()
    }

    /// Floats of one image.
    ///
    /// # Panics
    /// If frequencies are not in 1…15.
    #[must_use]
    pub const fn image_len(&self) -> usize {
        self.high() * self.row_len()
    }

    /// Coefficients of a line of a block that can be kept.
    pub(super) const fn line(&self) -> usize {
        if self.frequencies < SIDE { self.frequencies } else { SIDE }
    }

    /// Whether the pixels fill their blocks.
    pub(super) const fn is_whole(&self) -> bool {
        self.height.is_multiple_of(SIDE) && self.width.is_multiple_of(SIDE)
    }
}

/// The shape of a convolution at stride 1 that keeps the size of its map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvShape {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
    /// Channels in.
    pub input_channels: usize,
    /// Channels out.
    pub output_channels: usize,
    /// Diagonals of coefficients that the input has, 1…15.
    pub input_frequencies: usize,
    /// Diagonals of coefficients that the output keeps, 1…15.
    pub output_frequencies: usize,
}

impl ConvShape {
    /// The map it reads.
    #[must_use]
    pub const fn input(&self) -> BandShape {
        let ConvShape { height, width, input_channels: channels, input_frequencies: frequencies, .. } = *self;
        BandShape { height, width, channels, frequencies }
    }

    /// The map it makes.
    #[must_use]
    pub const fn output(&self) -> BandShape {
        let ConvShape { height, width, output_channels: channels, output_frequencies: frequencies, .. } = *self;
        BandShape { height, width, channels, frequencies }
    }
}

//! The shape of a convolution of coefficients, whatever computes it.

use crate::block::{BLOCK, Grid};
use crate::extent::Extent;

/// The shape of a convolution of coefficients; sizes count pixels of the spatial filter, as in the spatial twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dShape {
    /// Channels in.
    pub input_channels: usize,
    /// Channels out.
    pub output_channels: usize,
    /// Height and width of the spatial filter.
    pub size: usize,
    /// 1 or 2.
    pub stride: usize,
    /// Zero pixels around the input.
    pub padding: usize,
    /// Size of the input in pixels.
    pub input: Extent,
}

impl Conv2dShape {
    /// Size of the output in pixels, `⌊(side + 2·padding − size)/stride⌋ + 1`; none if the filter is larger than the
    /// padded input.
    #[must_use]
    pub fn output_extent(&self) -> Option<Extent> {
        let side = |pixels: usize| Some((pixels + 2 * self.padding).checked_sub(self.size)? / self.stride + 1);
        Some(Extent { height: side(self.input.height)?, width: side(self.input.width)? })
    }

    /// Size of the output in blocks; none if the filter is larger than the padded input.
    #[must_use]
    pub fn output_grid(&self) -> Option<Grid> {
        self.output_extent().map(Extent::grid)
    }

    /// Whether every output pixel reads the input pixel at its own place and nothing else: then what lies beyond a map
    /// stays beyond it, and nothing need be cleared.
    pub(super) fn keeps_pixels_apart(&self) -> bool {
        self.size == 1 && self.stride == 1 && self.padding == 0
    }

    /// The input's and the output's pixels to compute with, the others being zero: those inside, or all of the blocks where
    /// pixels are kept apart, so that every factorisation is the same map.
    pub(crate) fn cut_to(&self, output: Extent) -> (Extent, Extent) {
        if self.keeps_pixels_apart() { (self.input.grid().into(), output.grid().into()) } else { (self.input, output) }
    }

    /// Weights of the spatial filter.
    #[must_use]
    pub fn filter_len(&self) -> usize {
        self.output_channels * self.input_channels * self.size * self.size
    }

    /// Floats of one image's input.
    #[must_use]
    pub fn input_len(&self) -> usize {
        self.input.grid().blocks() * BLOCK * self.input_channels
    }
}

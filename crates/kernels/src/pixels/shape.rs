//! The shape of a convolution of maps in pixels, whatever computes it.

/// The shape of a convolution, sizes in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvShape {
    /// Channels in.
    pub input_channels: usize,
    /// Channels out.
    pub output_channels: usize,
    /// Height and width of the filter.
    pub size: usize,
    /// Pixels of the input from one output pixel to the next.
    pub stride: usize,
    /// Zero pixels around the input.
    pub padding: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
}

impl ConvShape {
    /// Rows of the output.
    ///
    /// # Panics
    /// If the filter is larger than the padded input.
    #[must_use]
    pub const fn output_height(&self) -> usize {
        (self.height + 2 * self.padding - self.size) / self.stride + 1
    }

    /// Columns of the output.
    ///
    /// # Panics
    /// If the filter is larger than the padded input.
    #[must_use]
    pub const fn output_width(&self) -> usize {
        (self.width + 2 * self.padding - self.size) / self.stride + 1
    }

    /// Weights of the filter.
    #[must_use]
    pub const fn filter_len(&self) -> usize {
        self.output_channels * self.input_channels * self.size * self.size
    }

    /// Floats of one image's input.
    #[must_use]
    pub const fn input_len(&self) -> usize {
        self.height * self.width * self.input_channels
    }

    /// Floats of one row of the output.
    #[must_use]
    pub const fn output_row_len(&self) -> usize {
        self.output_width() * self.output_channels
    }

    /// Floats of one image's output.
    #[must_use]
    pub const fn output_len(&self) -> usize {
        self.output_height() * self.output_row_len()
    }

    /// Multiply-adds of the direct convolution of one image: what all methods are compared with.
    #[must_use]
    pub const fn direct_multiplies(&self) -> usize {
        self.output_height() * self.output_width() * self.filter_len()
    }
}

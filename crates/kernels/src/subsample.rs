//! Subsampling of coefficient maps, through pixels: the shortcut without parameters.

use crate::block::BLOCK;
use crate::extent::Extent;
use crate::isa::Isa;
use crate::pixels::{
    add_subsample_gradient, coefficients_from_pixels_into, pixels_from_coefficients_into, subsample_into,
};

/// Every `stride`-th pixel of every channel, then channels of zeros up to `output_channels`, half of them (rounded down)
/// before the others. Source: option A of He et al., *Deep Residual Learning for Image Recognition* (2016).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subsample {
    /// Channels in.
    pub input_channels: usize,
    /// Channels out, at least those in.
    pub output_channels: usize,
    /// Size of the input in pixels.
    pub input: Extent,
    /// Pixels of the input from one output pixel to the next.
    pub stride: usize,
}

impl Subsample {
    /// Size of the output in pixels: `⌈side/stride⌉`.
    #[must_use]
    pub fn output(&self) -> Extent {
        let Extent { height, width } = self.input;
        Extent { height: height.div_ceil(self.stride), width: width.div_ceil(self.stride) }
    }

    fn input_pixels(&self) -> usize {
        self.input.pixels() * self.input_channels
    }

    /// Floats of scratch for one image, forward or backward.
    #[must_use]
    pub fn workspace_len(&self) -> usize {
        self.input_pixels() + self.output().pixels() * self.output_channels
    }

    fn check(&self, input: usize, output: usize) {
        assert!(self.output_channels >= self.input_channels, "no channel is lost");
        assert_eq!(input, self.input.grid().blocks() * BLOCK * self.input_channels, "the input fills its grid");
        assert_eq!(output, self.output().grid().blocks() * BLOCK * self.output_channels, "the output fills its grid");
    }

    /// One image's coefficients `[blocks, 64, in]` to `[blocks, 64, out]`.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn forward_into(&self, isa: Isa, input: &[f32], output: &mut [f32], workspace: &mut [f32]) {
        self.check(input.len(), output.len());
        let (pixels, kept) = workspace[..self.workspace_len()].split_at_mut(self.input_pixels());
        let size = |Extent { height, width }: Extent, channels| (height, width, channels);
        let input_size = size(self.input, self.input_channels);
        pixels_from_coefficients_into(isa, input_size, input, pixels);
        subsample_into(input_size, self.stride, self.output_channels, pixels, kept);
        coefficients_from_pixels_into(isa, size(self.output(), self.output_channels), kept, output);
    }

    /// The adjoint of [`forward_into`](Self::forward_into): one image's gradient `[blocks, 64, out]` to the input's
    /// `[blocks, 64, in]`.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn backward_into(&self, isa: Isa, output_gradient: &[f32], input_gradient: &mut [f32], workspace: &mut [f32]) {
        self.check(input_gradient.len(), output_gradient.len());
        let (pixels, kept) = workspace[..self.workspace_len()].split_at_mut(self.input_pixels());
        let (inputs, outputs, output) = (self.input_channels, self.output_channels, self.output());
        pixels_from_coefficients_into(isa, (output.height, output.width, outputs), output_gradient, kept);
        pixels.fill(0.0);
        let input = (self.input.height, self.input.width, inputs);
        add_subsample_gradient(input, self.stride, outputs, kept, pixels);
        coefficients_from_pixels_into(isa, input, pixels, input_gradient);
    }
}

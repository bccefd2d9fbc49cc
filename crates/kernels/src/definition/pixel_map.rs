//! Feature maps of pixels in float64.

use crate::extent::Extent;

/// A batch of feature maps in the spatial domain.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelMap {
    /// Images in the batch.
    pub images: usize,
    /// Channels of an image.
    pub channels: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// Pixels from left to right.
    pub width: usize,
    /// `[images, channels, height, width]`.
    pub values: Vec<f64>,
}

impl PixelMap {
    /// A map of zeros.
    #[must_use]
    pub fn zeros(images: usize, channels: usize, height: usize, width: usize) -> PixelMap {
        PixelMap { images, channels, height, width, values: vec![0.0; images * channels * height * width] }
    }

    /// Size of a channel.
    #[must_use]
    pub fn extent(&self) -> Extent {
        Extent { height: self.height, width: self.width }
    }

    /// One channel of one image, `[height, width]`.
    #[must_use]
    pub fn plane(&self, image: usize, channel: usize) -> &[f64] {
        let length = self.height * self.width;
        &self.values[(image * self.channels + channel) * length..][..length]
    }

    /// One channel of one image, `[height, width]`.
    #[must_use]
    pub fn plane_mut(&mut self, image: usize, channel: usize) -> &mut [f64] {
        let length = self.height * self.width;
        &mut self.values[(image * self.channels + channel) * length..][..length]
    }

    pub(super) fn channel_of(&self, index: usize) -> usize {
        index / (self.height * self.width) % self.channels
    }

    /// Σ over the images and pixels of every channel of `term(index)`.
    pub(super) fn channel_sums(&self, term: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.channels];
        for index in 0..self.values.len() {
            sums[self.channel_of(index)] += term(index);
        }
        sums
    }
}

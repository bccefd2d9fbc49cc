//! Average pooling of maps in pixels.

use super::pool::{PoolShape, inside};
use crate::isa::Isa;
use std::ops::Range;

/// The mean of each window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AveragePool {
    /// The windows.
    pub shape: PoolShape,
    /// Whether pixels of the padding count as zeros (`count_include_pad` of `torch.nn.AvgPool2d`); otherwise a mean is of
    /// the pixels inside alone.
    pub counts_padding: bool,
}

impl AveragePool {
    /// The means of one image's map `[height, width, channels]`.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn forward_into(&self, isa: Isa, input: &[f32], output: &mut [f32]) {
        self.check(input.len(), output.len());
        let PoolShape { channels, width, .. } = self.shape;
        isa.vectorise(
            #[inline(always)]
            || {
                for (number, mean) in output.chunks_exact_mut(channels).enumerate() {
                    let (rows, columns, weight) = self.window(number);
                    mean.fill(0.0);
                    for row in rows {
                        let pixels = (row * width + columns.start) * channels..(row * width + columns.end) * channels;
                        for pixel in input[pixels].chunks_exact(channels) {
                            for (sum, value) in mean.iter_mut().zip(pixel) {
                                *sum += value;
                            }
                        }
                    }
                    for mean in mean {
                        *mean *= weight;
                    }
                }
            },
        );
    }

    /// Adds the gradient of one image's map to `sum`.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn add_gradient(&self, isa: Isa, output_gradient: &[f32], sum: &mut [f32]) {
        self.check(sum.len(), output_gradient.len());
        let PoolShape { channels, width, .. } = self.shape;
        isa.vectorise(
            #[inline(always)]
            || {
                for (number, gradient) in output_gradient.chunks_exact(channels).enumerate() {
                    let (rows, columns, weight) = self.window(number);
                    for row in rows {
                        let pixels = (row * width + columns.start) * channels..(row * width + columns.end) * channels;
                        for pixel in sum[pixels].chunks_exact_mut(channels) {
                            for (sum, gradient) in pixel.iter_mut().zip(gradient) {
                                *sum += weight * gradient;
                            }
                        }
                    }
                }
            },
        );
    }

    fn check(&self, input: usize, output: usize) {
        let PoolShape { channels, height, width, .. } = self.shape;
        assert_eq!(input, height * width * channels, "the input fills its shape");
        let outputs = self.shape.output_height() * self.shape.output_width();
        assert_eq!(output, outputs * channels, "the output fills its shape");
    }

    /// The rows and columns of a window that lie inside, and what each pixel weighs.
    #[inline(always)]
    fn window(&self, number: usize) -> (Range<usize>, Range<usize>, f32) {
        let PoolShape { height, width, size, stride, padding, .. } = self.shape;
        let wide = self.shape.output_width();
        let (top, left) = (number / wide * stride, number % wide * stride);
        let (rows, columns) = (inside(top, size, padding, height), inside(left, size, padding, width));
        let pixels = if self.counts_padding {
            let within = |start: usize, length: usize| (start + size).min(length + 2 * padding) - start;
            within(top, height) * within(left, width)
        } else {
            rows.len() * columns.len()
        };
        #[expect(clippy::cast_precision_loss, reason = "no window has 2^24 pixels")]
        let weight = 1.0 / pixels.max(1) as f32;
        (rows, columns, weight)
    }
}

//! Max pooling of coefficient maps, through pixels: inverse DCT, the largest of each window, DCT. Which pixel won is kept
//! in a byte, so that its gradient finds the way back.

use crate::block::BLOCK;
use crate::extent::Extent;
use crate::isa::Isa;
use crate::pixels::{PoolShape, coefficients_from_pixels_into, pixels_from_coefficients_into};
use std::ops::Range;

/// Bytes in a word of winners: those of so many neighbouring output pixels of a row.
const BYTES: usize = 4;

/// Max pooling of one image's coefficients; padding never wins, what is not a number does, the first of equals does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool(PoolShape);

impl MaxPool {
    /// The largest side of a window: which of its pixels won must fit a byte.
    pub const LARGEST_WINDOW: usize = 16;

    /// A pooling of that shape; none if the window is larger than the padded map or than
    /// [`LARGEST_WINDOW`](Self::LARGEST_WINDOW), or could lie on padding alone.
    #[must_use]
    pub fn new(shape: PoolShape) -> Option<MaxPool> {
        let PoolShape { height, width, size, stride, padding, .. } = shape;
        let fits = size <= Self::LARGEST_WINDOW && size <= height.min(width) + 2 * padding;
        (fits && stride > 0 && padding < size).then_some(MaxPool(shape))
    }

    /// The shape it was made for.
    #[must_use]
    pub fn shape(&self) -> &PoolShape {
        &self.0
    }

    /// Size of the output in pixels.
    #[must_use]
    pub fn output(&self) -> Extent {
        Extent { height: self.0.output_height(), width: self.0.output_width() }
    }

    fn input(&self) -> Extent {
        Extent { height: self.0.height, width: self.0.width }
    }

    /// 32-bit words that hold the winners of one image: a byte an output pixel and channel.
    #[must_use]
    pub fn winners_len(&self) -> usize {
        let Extent { height, width } = self.output();
        height * width.div_ceil(BYTES) * self.0.channels
    }

    /// Floats of scratch for one image, forward or backward.
    #[must_use]
    pub fn workspace_len(&self) -> usize {
        (self.input().pixels() + self.output().pixels()) * self.0.channels
    }

    fn check(&self, input: usize, output: usize) {
        let floats = |extent: Extent| extent.grid().blocks() * BLOCK * self.0.channels;
        assert_eq!(input, floats(self.input()), "the input fills its grid");
        assert_eq!(output, floats(self.output()), "the output fills its grid");
    }

    /// Pixels of the map under each of a row's (or column's) windows, and the first tap of the window that lies there.
    fn window(&self, place: usize, side: usize) -> (Range<usize>, usize) {
        let PoolShape { size, stride, padding, .. } = self.0;
        let start = place * stride;
        let first = start.saturating_sub(padding);
        (first..(start + size).saturating_sub(padding).min(side), first + padding - start)
    }

    /// Calls with each output pixel (row, column) and, one after the other, the index of a pixel under its window and its
    /// tap.
    #[inline(always)]
    fn for_each_tap(&self, mut each: impl FnMut((usize, usize), usize, u32)) {
        let output = self.output();
        for row in 0..output.height {
            let (lines, first_line) = self.window(row, self.0.height);
            for column in 0..output.width {
                let (pixels, first_pixel) = self.window(column, self.0.width);
                for (line, v) in lines.clone().zip(first_line..) {
                    for (pixel, u) in pixels.clone().zip(first_pixel..) {
                        #[expect(clippy::cast_possible_truncation, reason = "a window has at most 256 pixels")]
                        each((row, column), line * self.0.width + pixel, (v * self.0.size + u) as u32);
                    }
                }
            }
        }
    }

    /// Where an output pixel's winners lie, and the weight of its byte.
    #[inline(always)]
    fn winners(&self, (row, column): (usize, usize)) -> (Range<usize>, u32) {
        let words = self.output().width.div_ceil(BYTES);
        let start = (row * words + column / BYTES) * self.0.channels;
        (start..start + self.0.channels, 1 << (8 * (column % BYTES)))
    }

    /// One image's coefficients `[blocks, 64, channels]` to those of the largest pixel of each window; who won goes to
    /// `winners` if given. `⌊(side + 2·padding − size)/stride⌋ + 1` pixels a side, or ⌈ ⌉ (`torch.nn.MaxPool2d`).
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn forward_into(
        &self,
        isa: Isa,
        input: &[f32],
        output: &mut [f32],
        winners: Option<&mut [u32]>,
        workspace: &mut [f32],
    ) {
        self.check(input.len(), output.len());
        let PoolShape { channels, height, width, .. } = self.0;
        let (pixels, pooled) = workspace[..self.workspace_len()].split_at_mut(self.input().pixels() * channels);
        pixels_from_coefficients_into(isa, (height, width, channels), input, pixels);
        self.pixels_into(isa, pixels, pooled, winners);
        let Extent { height, width } = self.output();
        coefficients_from_pixels_into(isa, (height, width, channels), pooled, output);
    }

    /// The same of one image's pixels, `[height, width, channels]` both.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn pixels_into(&self, isa: Isa, pixels: &[f32], pooled: &mut [f32], winners: Option<&mut [u32]>) {
        self.check_pixels(pixels.len(), pooled.len());
        pooled.fill(f32::NEG_INFINITY);
        match winners {
            Some(winners) => self.pick(isa, pixels, pooled, winners),
            None => self.pool(isa, pixels, pooled),
        }
    }

    fn check_pixels(&self, input: usize, output: usize) {
        assert_eq!(input, self.input().pixels() * self.0.channels, "the input fills its shape");
        assert_eq!(output, self.output().pixels() * self.0.channels, "the output fills its shape");
    }

    fn pool(&self, isa: Isa, pixels: &[f32], pooled: &mut [f32]) {
        let (channels, wide) = (self.0.channels, self.output().width);
        isa.vectorise(
            #[inline(always)]
            || {
                self.for_each_tap(
                    #[inline(always)]
                    |(row, column), pixel, _| {
                        let largest = &mut pooled[(row * wide + column) * channels..][..channels];
                        for (largest, &value) in largest.iter_mut().zip(&pixels[pixel * channels..][..channels]) {
                            *largest = if wins(value, *largest) { value } else { *largest };
                        }
                    },
                );
            },
        );
    }

    fn pick(&self, isa: Isa, pixels: &[f32], pooled: &mut [f32], winners: &mut [u32]) {
        assert_eq!(winners.len(), self.winners_len(), "a winner for every output pixel");
        let (channels, wide) = (self.0.channels, self.output().width);
        winners.fill(0);
        isa.vectorise(
            #[inline(always)]
            || {
                self.for_each_tap(
                    #[inline(always)]
                    |place, pixel, tap| {
                        let largest = &mut pooled[(place.0 * wide + place.1) * channels..][..channels];
                        let (words, byte) = self.winners(place);
                        let (others, tap) = (!(0xFF * byte), tap * byte);
                        let values = &pixels[pixel * channels..][..channels];
                        for ((largest, word), &value) in largest.iter_mut().zip(&mut winners[words]).zip(values) {
                            let won = wins(value, *largest);
                            *word = if won { (*word & others) | tap } else { *word };
                            *largest = if won { value } else { *largest };
                        }
                    },
                );
            },
        );
    }

    /// One image's gradient `[blocks, 64, channels]` to the input's: every window's derivative goes to the pixel that won.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn backward_into(
        &self,
        isa: Isa,
        winners: &[u32],
        output_gradient: &[f32],
        input_gradient: &mut [f32],
        workspace: &mut [f32],
    ) {
        self.check(input_gradient.len(), output_gradient.len());
        let channels = self.0.channels;
        let output = self.output();
        let (pixels, pooled) = workspace[..self.workspace_len()].split_at_mut(self.input().pixels() * channels);
        pixels_from_coefficients_into(isa, (output.height, output.width, channels), output_gradient, pooled);
        pixels.fill(0.0);
        self.add_pixel_gradient(isa, winners, pooled, pixels);
        coefficients_from_pixels_into(isa, (self.0.height, self.0.width, channels), pixels, input_gradient);
    }

    /// The same of one image's pixels, `[height, width, channels]` both; added to the input's gradient.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn add_pixel_gradient(&self, isa: Isa, winners: &[u32], output_gradient: &[f32], input_gradient: &mut [f32]) {
        self.check_pixels(input_gradient.len(), output_gradient.len());
        assert_eq!(winners.len(), self.winners_len(), "a winner for every output pixel");
        let (channels, wide) = (self.0.channels, self.output().width);
        isa.vectorise(
            #[inline(always)]
            || {
                self.for_each_tap(
                    #[inline(always)]
                    |place, pixel, tap| {
                        let gradient = &output_gradient[(place.0 * wide + place.1) * channels..][..channels];
                        let (words, byte) = self.winners(place);
                        let (mask, tap) = (0xFF * byte, tap * byte);
                        let sums = &mut input_gradient[pixel * channels..][..channels];
                        for ((sum, &word), &gradient) in sums.iter_mut().zip(&winners[words]).zip(gradient) {
                            *sum += if word & mask == tap { gradient } else { 0.0 };
                        }
                    },
                );
            },
        );
    }
}

/// Whether a value takes the place of the largest so far: what is not a number does, and stays.
#[inline(always)]
fn wins(value: f32, largest: f32) -> bool {
    value > largest || value.is_nan()
}

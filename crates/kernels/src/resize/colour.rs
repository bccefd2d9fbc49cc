//! From planes of samples to planes of colours: an affine map of every pixel's values.

use crate::isa::Isa;

/// Planes of pixels side by side, `[planes, rows, columns]`.
#[derive(Clone, Copy, Debug)]
pub struct PixelPlanes<'a> {
    /// All of them, one after the other.
    pub pixels: &'a [f32],
    /// Pixels from top to bottom.
    pub rows: usize,
    /// Pixels from left to right.
    pub columns: usize,
}

/// `channel = Σ weights[channel, plane]·plane + offset[channel] + uncovered·beyond[channel]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ColourMix {
    /// `[channels, planes]`.
    pub weights: Vec<f32>,
    /// Added to every pixel, a channel each.
    pub offset: Vec<f32>,
    /// Added where nothing of the picture is, a channel each; in part where a part is.
    pub beyond: Vec<f32>,
}

/// How much of every row and of every column is the picture's; the rest of a pixel is padding.
#[derive(Clone, Copy, Debug)]
pub struct Coverage<'a> {
    /// Of each row, 0…1.
    pub rows: &'a [f32],
    /// Of each column, 0…1.
    pub columns: &'a [f32],
}

impl ColourMix {
    /// Channels that come out.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.offset.len()
    }

    /// Mixes planes to channels `[channels, rows, columns]`.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn apply_into(&self, isa: Isa, planes: PixelPlanes, coverage: Option<Coverage>, output: &mut [f32]) {
        let PixelPlanes { pixels, rows, columns } = planes;
        let (channels, plane_len) = (self.channels(), rows * columns);
        let count = self.weights.len() / channels;
        assert_eq!(pixels.len(), count * plane_len, "the planes have the pixels");
        assert_eq!(output.len(), channels * plane_len, "the output has the pixels");
        for (channel, output) in output.chunks_exact_mut(plane_len.max(1)).enumerate() {
            let weights = &self.weights[channel * count..][..count];
            let (offset, beyond) = (self.offset[channel], self.beyond[channel]);
            isa.vectorise(
                #[inline(always)]
                || {
                    for (row, output) in output.chunks_exact_mut(columns).enumerate() {
                        match coverage {
                            None => output.fill(offset),
                            Some(Coverage { rows, columns }) => {
                                for (output, covered) in output.iter_mut().zip(columns) {
                                    *output = offset + beyond * (1.0 - rows[row] * covered);
                                }
                            }
                        }
                        for (plane, &weight) in weights.iter().enumerate().filter(|(_, weight)| **weight != 0.0) {
                            let line = &pixels[plane * plane_len + row * columns..][..columns];
                            for (output, pixel) in output.iter_mut().zip(line) {
                                *output += weight * pixel;
                            }
                        }
                    }
                },
            );
        }
    }
}

/// Exchanges rows and columns of `[rows, columns]`.
///
/// # Panics
/// If a slice does not have the length its shape says.
pub fn transpose_into(columns: usize, input: &[f32], output: &mut [f32]) {
    /// Squares of lines of the cache.
    const TILE: usize = 16;
    assert_eq!(input.len(), output.len(), "as much comes out");
    let rows = input.len() / columns.max(1);
    for top in (0..rows).step_by(TILE) {
        for left in (0..columns).step_by(TILE) {
            for row in top..(top + TILE).min(rows) {
                for column in left..(left + TILE).min(columns) {
                    output[column * rows + row] = input[row * columns + column];
                }
            }
        }
    }
}

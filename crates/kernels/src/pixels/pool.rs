//! Pooling and subsampling of maps in pixels.

use crate::isa::{Full, Isa, Lanes, Partial};
use pulp::{Simd, WithSimd};

/// A window that moves over a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PoolShape {
    /// Channels.
    pub channels: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Height and width of the window.
    pub size: usize,
    /// Pixels of the input from one window to the next.
    pub stride: usize,
    /// Pixels around the input that never win; less than the window's size.
    pub padding: usize,
    /// Whether a last window that lies beyond the padding in part is one, too (`ceil_mode` of `torch.nn.MaxPool2d`).
    pub ceil: bool,
}

impl PoolShape {
    /// Rows of the output.
    #[must_use]
    pub const fn output_height(&self) -> usize {
        self.windows(self.height)
    }

    /// Columns of the output.
    #[must_use]
    pub const fn output_width(&self) -> usize {
        self.windows(self.width)
    }

    const fn windows(&self, side: usize) -> usize {
        let room = side + 2 * self.padding - self.size;
        if !self.ceil {
            return room / self.stride + 1;
        }
        let windows = room.div_ceil(self.stride) + 1;
        // The last one begins within the map or the padding before it.
        if (windows - 1) * self.stride >= side + self.padding { windows - 1 } else { windows }
    }
}

/// The largest pixel of each window: rows `first_row…` of one image's output, `[rows, width, channels]`. Not a number
/// wins.
///
/// # Panics
/// If a slice does not have the length its shape says.
pub fn max_pool_rows_into(isa: Isa, shape: &PoolShape, input: &[f32], first_row: usize, output: &mut [f32]) {
    assert_eq!(input.len(), shape.height * shape.width * shape.channels, "the input fills its shape");
    isa.run(MaxPool { shape, input, first_row, output });
}

struct MaxPool<'a> {
    shape: &'a PoolShape,
    input: &'a [f32],
    first_row: usize,
    output: &'a mut [f32],
}

impl WithSimd for MaxPool<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let PoolShape { channels, height, width, size, stride, padding, .. } = *self.shape;
        let wide = self.shape.output_width();
        for (number, pixel) in self.output.chunks_exact_mut(channels).enumerate() {
            let (row, column) = (self.first_row + number / wide, number % wide);
            let rows = inside(row * stride, size, padding, height);
            let columns = inside(column * stride, size, padding, width);
            let mut channel = 0;
            while channel < channels {
                let rest = channels - channel;
                let lanes = if rest >= S::F32_LANES { None } else { Some(Partial::new(rest)) };
                let pixels =
                    rows.clone().flat_map(|y| columns.clone().map(move |x| (y * width + x) * channels + channel));
                match lanes {
                    None => largest(simd, Full, self.input, pixels, &mut pixel[channel..]),
                    Some(lanes) => largest(simd, lanes, self.input, pixels, &mut pixel[channel..]),
                }
                channel += S::F32_LANES;
            }
        }
    }
}

/// Pixels of a window that lie inside.
#[inline(always)]
pub(super) fn inside(start: usize, size: usize, padding: usize, length: usize) -> std::ops::Range<usize> {
    start.saturating_sub(padding)..(start + size).saturating_sub(padding).min(length)
}

#[inline(always)]
fn largest<S: Simd, L: Lanes>(
    simd: S,
    lanes: L,
    input: &[f32],
    pixels: impl Iterator<Item = usize>,
    output: &mut [f32],
) {
    let mut largest = simd.splat_f32s(f32::NEG_INFINITY);
    for pixel in pixels {
        let value = lanes.load(simd, &input[pixel..]);
        // Written so that a value that is not a number is kept: every comparison with it is false.
        largest = simd.select_f32s(simd.less_than_f32s(value, largest), largest, value);
    }
    lanes.store(simd, output, largest);
}

/// The mean of each channel's pixels: `[pixels, channels]` to `[channels]`.
///
/// # Panics
/// If a slice does not have the length its shape says.
pub fn global_average_pool_into(isa: Isa, channels: usize, input: &[f32], pooled: &mut [f32]) {
    assert_eq!(pooled.len(), channels, "one mean a channel");
    assert_eq!(input.len() % channels, 0, "whole pixels");
    #[expect(clippy::cast_precision_loss, reason = "no map has 2^24 pixels")]
    let weight = 1.0 / (input.len() / channels) as f32;
    isa.vectorise(
        #[inline(always)]
        || {
            pooled.fill(0.0);
            for pixel in input.chunks_exact(channels) {
                for (pooled, value) in pooled.iter_mut().zip(pixel) {
                    *pooled += value;
                }
            }
            for pooled in pooled {
                *pooled *= weight;
            }
        },
    );
}

/// Every stride-th pixel of one image `[height, width, in]`, with zero channels up to `channels`: half of the missing ones
/// (rounded down) before the others. Option A of He et al. (2016) as `PyTorch` nets write it.
///
/// # Panics
/// If a slice does not have the length its shape says, or channels would be lost.
pub fn subsample_into(
    (height, width, inputs): (usize, usize, usize),
    stride: usize,
    channels: usize,
    input: &[f32],
    output: &mut [f32],
) {
    assert!(channels >= inputs, "no channel is lost");
    assert_eq!(input.len(), height * width * inputs, "the input fills its shape");
    let wide = width.div_ceil(stride);
    assert_eq!(output.len(), height.div_ceil(stride) * wide * channels, "the output fills its shape");
    let before = (channels - inputs) / 2;
    for (number, pixel) in output.chunks_exact_mut(channels).enumerate() {
        let from = (number / wide * stride * width + number % wide * stride) * inputs;
        pixel[..before].fill(0.0);
        pixel[before..before + inputs].copy_from_slice(&input[from..from + inputs]);
        pixel[before + inputs..].fill(0.0);
    }
}

/// The adjoint of [`subsample_into`]: one image's gradient `[height, width, channels]` of the output, added to that of its
/// input `[height, width, in]`.
///
/// # Panics
/// If a slice does not have the length its shape says, or channels would be lost.
pub fn add_subsample_gradient(
    (height, width, inputs): (usize, usize, usize),
    stride: usize,
    channels: usize,
    output_gradient: &[f32],
    input_gradient: &mut [f32],
) {
    assert!(channels >= inputs, "no channel is lost");
    assert_eq!(input_gradient.len(), height * width * inputs, "the input fills its shape");
    let wide = width.div_ceil(stride);
    assert_eq!(output_gradient.len(), height.div_ceil(stride) * wide * channels, "the output fills its shape");
    let before = (channels - inputs) / 2;
    for (number, pixel) in output_gradient.chunks_exact(channels).enumerate() {
        let to = (number / wide * stride * width + number % wide * stride) * inputs;
        for (sum, gradient) in input_gradient[to..to + inputs].iter_mut().zip(&pixel[before..]) {
            *sum += gradient;
        }
    }
}

/// The adjoint of [`global_average_pool_into`]: the gradient `[channels]` of the means, added to that of every pixel
/// `[pixels, channels]`.
///
/// # Panics
/// If a slice does not have the length its shape says.
pub fn add_global_average_pool_gradient(isa: Isa, pooled_gradient: &[f32], input_gradient: &mut [f32]) {
    let channels = pooled_gradient.len();
    assert_eq!(input_gradient.len() % channels, 0, "whole pixels");
    #[expect(clippy::cast_precision_loss, reason = "no map has 2^24 pixels")]
    let weight = 1.0 / (input_gradient.len() / channels) as f32;
    isa.vectorise(
        #[inline(always)]
        || {
            for pixel in input_gradient.chunks_exact_mut(channels) {
                for (sum, gradient) in pixel.iter_mut().zip(pooled_gradient) {
                    *sum += weight * gradient;
                }
            }
        },
    );
}

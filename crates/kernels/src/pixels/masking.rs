//! Nonlinearities of maps in pixels whose pieces are picked from the low frequencies of each 8×8 block: the paper's ASM
//! and APX between two layers whose DCTs have cancelled.

use crate::block::SIDE;
use crate::dct::{Vectors, forward_block, inverse_block};
use crate::isa::{Isa, Lanes, for_each_channel_group};
use crate::piecewise_linear::{Masking, PiecewiseLinear, is_kept};
use pulp::{Simd, WithSimd};

/// Applies a function to one image `[height, width, channels]` in place. A block's low-pass signal is made from the
/// pixels that lie inside the image, those beyond counting as zero; the values are the pixels themselves (ASM) or the
/// low-pass signal (APX). Source: the paper's §4, equations 20–24.
///
/// # Panics
/// If the slice does not have the length its shape says, or frequencies are not in 1…15.
pub fn masked_in_place(
    isa: Isa,
    function: &PiecewiseLinear,
    masking: Masking,
    (height, width, channels): (usize, usize, usize),
    image: &mut [f32],
) {
    assert_eq!(image.len(), height * width * channels, "the image fills its shape");
    let (mask_below, value_below) = masking.diagonals();
    isa.run(Masked {
        function,
        mask_below,
        values_are_low_pass: mask_below == value_below,
        height,
        width,
        channels,
        image,
    });
}

struct Masked<'a> {
    function: &'a PiecewiseLinear,
    mask_below: usize,
    values_are_low_pass: bool,
    height: usize,
    width: usize,
    channels: usize,
    image: &'a mut [f32],
}

impl WithSimd for Masked<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let wide = self.width.div_ceil(SIDE);
        let channels = self.channels;
        for block in 0..self.height.div_ceil(SIDE) * wide {
            for_each_channel_group(simd, channels, block, &mut self);
        }
    }
}

impl crate::isa::BlockKernel for Masked<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let wide = self.width.div_ceil(SIDE);
        let (top, left) = (block / wide * SIDE, block % wide * SIDE);
        let zero = simd.splat_f32s(0.0);
        let (rows, columns) = (SIDE.min(self.height - top), SIDE.min(self.width - left));
        let place = |row: usize, column: usize| ((top + row) * self.width + left + column) * self.channels + channel;
        let mut values: Vectors<S> = [zero; 64];
        for row in 0..rows {
            for column in 0..columns {
                values[row * SIDE + column] = lanes.load(simd, &self.image[place(row, column)..]);
            }
        }
        let mut coefficients = [zero; 64];
        forward_block(
            simd,
            #[inline(always)]
            |index| values[index],
            &mut coefficients,
        );
        let mut low_pass = [zero; 64];
        let below = self.mask_below;
        inverse_block(
            simd,
            #[inline(always)]
            |index| if is_kept(index, below) { coefficients[index] } else { zero },
            &mut low_pass,
        );
        if self.values_are_low_pass {
            values = low_pass;
        }
        for row in 0..rows {
            for column in 0..columns {
                let index = row * SIDE + column;
                let result = self.function.evaluate(simd, low_pass[index], values[index]);
                lanes.store(simd, &mut self.image[place(row, column)..], result);
            }
        }
    }
}

//! Between coefficients and pixels where they do not cancel: at the network's input, and around what needs coefficients.

use crate::block::{BLOCK, ROW_MAJOR_TO_ZIGZAG, SIDE, ZIGZAG_TO_ROW_MAJOR};
use crate::dct::{forward_block, inverse_block};
use crate::isa::{BlockKernel, Isa, Lanes, over_blocks};
use pulp::Simd;

/// One image's orthonormal coefficients `[blocks, 64 zigzag, channels]` to its pixels `[height, width, channels]`; what
/// lies beyond its true size is left out.
///
/// # Panics
/// If a slice does not have the length its shape says.
pub fn pixels_from_coefficients_into(
    isa: Isa,
    (height, width, channels): (usize, usize, usize),
    map: &[f32],
    pixels: &mut [f32],
) {
    let (high, wide) = (height.div_ceil(SIDE), width.div_ceil(SIDE));
    assert_eq!(map.len(), high * wide * BLOCK * channels, "the map has the image's blocks");
    assert_eq!(pixels.len(), height * width * channels, "the pixels fill the image");
    over_blocks(isa, high * wide, channels, Inverse { height, width, channels, map, pixels });
}

struct Inverse<'a> {
    height: usize,
    width: usize,
    channels: usize,
    map: &'a [f32],
    pixels: &'a mut [f32],
}

impl BlockKernel for Inverse<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let Inverse { height, width, channels, .. } = *self;
        let wide = width.div_ceil(SIDE);
        let (top, left) = (block / wide * SIDE, block % wide * SIDE);
        let map = &self.map[block * BLOCK * channels..(block + 1) * BLOCK * channels];
        let mut block_pixels = [simd.splat_f32s(0.0); BLOCK];
        inverse_block(
            simd,
            #[inline(always)]
            |index| lanes.load(simd, &map[usize::from(ROW_MAJOR_TO_ZIGZAG[index]) * channels + channel..]),
            &mut block_pixels,
        );
        for row in 0..SIDE.min(height - top) {
            for column in 0..SIDE.min(width - left) {
                let at = ((top + row) * width + left + column) * channels + channel;
                lanes.store(simd, &mut self.pixels[at..], block_pixels[row * SIDE + column]);
            }
        }
    }
}

/// One image's pixels `[height, width, channels]` to orthonormal coefficients `[blocks, 64 zigzag, channels]`; blocks are
/// filled up with zeros beyond its true size.
///
/// # Panics
/// If a slice does not have the length its shape says.
pub fn coefficients_from_pixels_into(
    isa: Isa,
    (height, width, channels): (usize, usize, usize),
    pixels: &[f32],
    map: &mut [f32],
) {
    let (high, wide) = (height.div_ceil(SIDE), width.div_ceil(SIDE));
    assert_eq!(map.len(), high * wide * BLOCK * channels, "the map has the image's blocks");
    assert_eq!(pixels.len(), height * width * channels, "the pixels fill the image");
    over_blocks(isa, high * wide, channels, Forward { height, width, channels, pixels, map });
}

struct Forward<'a> {
    height: usize,
    width: usize,
    channels: usize,
    pixels: &'a [f32],
    map: &'a mut [f32],
}

impl BlockKernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let Forward { height, width, channels, .. } = *self;
        let wide = width.div_ceil(SIDE);
        let (top, left) = (block / wide * SIDE, block % wide * SIDE);
        let mut coefficients = [simd.splat_f32s(0.0); BLOCK];
        forward_block(
            simd,
            #[inline(always)]
            |index| {
                let (row, column) = (top + index / SIDE, left + index % SIDE);
                if row < height && column < width {
                    lanes.load(simd, &self.pixels[(row * width + column) * channels + channel..])
                } else {
                    simd.splat_f32s(0.0)
                }
            },
            &mut coefficients,
        );
        let map = &mut self.map[block * BLOCK * channels..(block + 1) * BLOCK * channels];
        for (position, &index) in ZIGZAG_TO_ROW_MAJOR.iter().enumerate() {
            lanes.store(simd, &mut map[position * channels + channel..], coefficients[usize::from(index)]);
        }
    }
}

//! Nonlinearities of band maps: `P·DCT(f(IDCT x))`, exact on the truncated signal.

use super::finish::activate;
use super::shape::BandShape;
use crate::block::{SIDE, ZIGZAG_TO_ROW_MAJOR};
use crate::dct::{DCT, Vectors};
use crate::isa::{BlockKernel, Isa, Lanes, over_blocks};
use crate::pixels::Activation;
use pulp::Simd;

/// Applies a function in place to the pixels that whole blocks of a band map `[blocks, kept, channels]` stand for.
/// Source: the paper's §4, applied to the truncated signal.
///
/// # Panics
/// If the slice is not a whole number of blocks, or frequencies are not in 1…15.
pub fn activation_in_place(isa: Isa, shape: &BandShape, activation: Activation, map: &mut [f32]) {
    let blocks = whole_blocks(shape, map);
    let bound = SignBound::new(shape.frequencies);
    over_blocks(isa, blocks, shape.channels, Activate { shape: *shape, activation, bound, map });
}

fn whole_blocks(shape: &BandShape, map: &[f32]) -> usize {
    assert_eq!(map.len() % shape.block_len(), 0, "a band map is a whole number of blocks");
    map.len() / shape.block_len()
}

struct Activate<'a> {
    shape: BandShape,
    activation: Activation<'a>,
    bound: SignBound,
    map: &'a mut [f32],
}

impl BlockKernel for Activate<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let BandShape { channels, frequencies, .. } = self.shape;
        let (kept, length) = (self.shape.kept(), self.shape.block_len());
        let map = &mut self.map[block * length + channel..];
        let mut values: Vectors<S> = [simd.splat_f32s(0.0); 64];
        for (position, &index) in ZIGZAG_TO_ROW_MAJOR[..kept].iter().enumerate() {
            values[usize::from(index) % 64] = lanes.load(simd, &map[position * channels..]);
        }
        activate(simd, frequencies, self.activation, self.bound, &mut values);
        for (position, &index) in ZIGZAG_TO_ROW_MAJOR[..kept].iter().enumerate() {
            lanes.store(simd, &mut map[position * channels..], values[usize::from(index) % 64]);
        }
    }
}

/// When a block of a band has one sign: by Cauchy–Schwarz no pixel leaves `F_00/8 ± c·‖AC‖₂`, c the largest norm over
/// the pixels of the kept basis functions' values there; `√63/8` for all 15 diagonals, less for fewer.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignBound {
    /// `(8·c)²`, rounded up.
    squared: f32,
}

impl SignBound {
    pub(super) fn new(frequencies: usize) -> SignBound {
        let mut largest: f64 = 0.0;
        for pixel in 0..64 {
            let (row, column) = (pixel / SIDE, pixel % SIDE);
            let norm: f64 = (1..64)
                .filter(|index| index / SIDE + index % SIDE < frequencies)
                .map(|index| f64::from(DCT[index / SIDE][row]) * f64::from(DCT[index % SIDE][column]))
                .map(|value| value * value)
                .sum();
            largest = largest.max(norm);
        }
        // More than the rounding of the table and of a sum of 63 squares.
        #[expect(clippy::cast_possible_truncation, reason = "rounded up by the margin")]
        SignBound { squared: (64.0 * largest * (1.0 + 1e-5)) as f32 }
    }

    /// `F_00² − (8c·‖AC‖)²`: not negative where the block has one sign.
    #[inline(always)]
    fn margin<S: Simd>(self, simd: S, frequencies: usize, block: &Vectors<S>) -> S::f32s {
        let zero = simd.splat_f32s(0.0);
        let mut energy = [zero; 2];
        for row in 0..SIDE.min(frequencies) {
            for column in usize::from(row == 0)..SIDE.min(frequencies - row) {
                let value = block[row * SIDE + column];
                let energy = &mut energy[column % 2];
                *energy = simd.mul_add_e_f32s(value, value, *energy);
            }
        }
        let squared = simd.splat_f32s(self.squared);
        let ac = simd.mul_f32s(squared, simd.add_f32s(energy[0], energy[1]));
        simd.sub_f32s(simd.mul_f32s(block[0], block[0]), ac)
    }

    /// ReLU of a block that has one sign in every lane: itself or zero. False, and nothing done, if one has not.
    #[inline(always)]
    pub(super) fn relu_of_constant_signs<S: Simd>(self, simd: S, frequencies: usize, block: &mut Vectors<S>) -> bool {
        let zero = simd.splat_f32s(0.0);
        // Not a number is in no order, and so never passes.
        let margin = self.margin(simd, frequencies, block);
        let constant = simd.select_f32s(simd.greater_than_or_equal_f32s(margin, zero), simd.splat_f32s(1.0), zero);
        if simd.reduce_min_f32s(constant) < 1.0 {
            return false;
        }
        let positive = simd.greater_than_f32s(block[0], zero);
        for value in block.iter_mut() {
            *value = simd.select_f32s(positive, *value, zero);
        }
        true
    }
}

/// How many blocks of channels of a band map `[blocks, kept, channels]` have one sign, so that ReLU is the identity or
/// zero there; all are `blocks · channels`.
///
/// # Panics
/// If the slice is not a whole number of blocks, or frequencies are not in 1…15.
#[must_use]
pub fn constant_signs(isa: Isa, shape: &BandShape, map: &[f32]) -> usize {
    let blocks = whole_blocks(shape, map);
    let mut count = 0;
    let bound = SignBound::new(shape.frequencies);
    over_blocks(isa, blocks, shape.channels, Count { shape: *shape, bound, map, found: &mut count });
    count
}

struct Count<'a> {
    shape: BandShape,
    bound: SignBound,
    map: &'a [f32],
    found: &'a mut usize,
}

impl BlockKernel for Count<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let BandShape { channels, frequencies, .. } = self.shape;
        let map = &self.map[block * self.shape.block_len() + channel..];
        let mut values: Vectors<S> = [simd.splat_f32s(0.0); 64];
        for (position, &index) in ZIGZAG_TO_ROW_MAJOR[..self.shape.kept()].iter().enumerate() {
            values[usize::from(index) % 64] = lanes.load(simd, &map[position * channels..]);
        }
        let margin = self.bound.margin(simd, frequencies, &values);
        let mut margins = [-1.0; 16];
        lanes.store(simd, &mut margins, margin);
        *self.found += margins[..lanes.count::<S>()].iter().filter(|&&margin| margin >= 0.0).count();
    }
}

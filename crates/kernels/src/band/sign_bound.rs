//! Blocks of a band whose pixels all have one sign, found without an inverse DCT.

use crate::block::SIDE;
use crate::dct::{DCT, Vectors};
use pulp::Simd;

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
    pub(super) fn margin<S: Simd>(self, simd: S, frequencies: usize, block: &Vectors<S>) -> S::f32s {
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

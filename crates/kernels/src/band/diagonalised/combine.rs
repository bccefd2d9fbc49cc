//! From the products of a block back to its coefficients: the change of basis from sines to cosines, and the border.

use super::slots::{ABSENT, BOTTOM, LEFT, RIGHT, Slots, TOP};
use crate::band::planes::{line_length, with_length};
use crate::block::SIDE;
use crate::dct::{DCT, Vectors};
use crate::isa::{Full, Lanes};
use pulp::Simd;

/// `T·diag(sin(πk/8))` with `T = D·Sᵀ`, `S_kn = ½·sin(π(2n+1)k/16)`: row k' the cosine, column k the sine; zero where k'
/// and k are both even or both odd.
pub(super) fn sine_to_cosine_matrix() -> [[f32; SIDE]; SIDE] {
    use std::f64::consts::PI;
    let number = |k: usize| f64::from(u8::try_from(k).unwrap_or(u8::MAX));
    let cosine = |k: usize, n: usize| {
        let scale = if k == 0 { 0.125f64.sqrt() } else { 0.5 };
        scale * (PI * number(2 * n + 1) * number(k) / 16.0).cos()
    };
    let sine = |k: usize, n: usize| 0.5 * (PI * number(2 * n + 1) * number(k) / 16.0).sin();
    std::array::from_fn(|to| {
        std::array::from_fn(|from| {
            let value: f64 = (0..SIDE).map(|n| cosine(to, n) * sine(from, n)).sum();
            #[expect(clippy::cast_possible_truncation, reason = "the kernels compute in float32")]
            if (to + from) % 2 == 1 { (value * (PI * number(from) / 8.0).sin()) as f32 } else { 0.0 }
        })
    })
}

/// The products of a run, one group of outputs.
#[derive(Clone, Copy)]
pub(super) struct Products<'a> {
    pub slots: &'a Slots,
    pub values: &'a [f32],
    /// Floats from one block to the next: the group's channels.
    pub width: usize,
    pub change: &'a [[f32; SIDE]; SIDE],
    /// Diagonals that the output keeps.
    pub frequencies: usize,
}

impl Products<'_> {
    #[inline(always)]
    fn load<S: Simd>(&self, simd: S, slot: usize, block: usize, lane: usize) -> S::f32s {
        if slot == ABSENT {
            return simd.splat_f32s(0.0);
        }
        Full.load(simd, &self.values[slot * self.slots.product_step() + block * self.width + lane..])
    }

    /// Row-major coefficients of a block of the run; those above the band are left undefined.
    #[inline(always)]
    pub(super) fn combine<S: Simd>(&self, simd: S, block: usize, lane: usize, result: &mut Vectors<S>) {
        let Products { slots, frequencies, .. } = *self;
        let [plain, horizontal, vertical, both] = &slots.coefficients;
        let zero = simd.splat_f32s(0.0);
        let line = line_length(frequencies, 0);
        let mut sines: Vectors<S> = [zero; 64];
        for row in 0..SIDE {
            let start = row * SIDE;
            let out = line_length(frequencies, row);
            if out > 0 {
                let changed = self.change_line(simd, &horizontal[start..start + SIDE], block, lane);
                for column in 0..out {
                    result[start + column] =
                        simd.add_f32s(self.load(simd, plain[start + column], block, lane), changed[column]);
                }
            }
            let changed = self.change_line(simd, &both[start..start + SIDE], block, lane);
            for column in 0..line {
                sines[start + column] =
                    simd.add_f32s(self.load(simd, vertical[start + column], block, lane), changed[column]);
            }
        }
        let sides = self.sides(simd, block, lane);
        let sum = |a: usize, b: usize, k: usize| simd.add_f32s(sides[a][k], sides[b][k]);
        let difference = |a: usize, b: usize, k: usize| simd.sub_f32s(sides[a][k], sides[b][k]);
        for column in 0..line {
            let mut values = [zero; SIDE];
            for row in 1..SIDE {
                values[row] = sines[row * SIDE + column];
            }
            let changed = change::<S, 8>(simd, self.change, values);
            // The last row of a block is (−1)^α times its first in cosine α.
            let ends = [sum(TOP, BOTTOM, column), difference(TOP, BOTTOM, column)];
            let first_column = simd.splat_f32s(DCT[column][0]);
            for row in 0..line_length(frequencies, column) {
                let across = if column % 2 == 0 { sum(LEFT, RIGHT, row) } else { difference(LEFT, RIGHT, row) };
                let mut value = simd.add_f32s(result[row * SIDE + column], changed[row]);
                value = simd.mul_add_e_f32s(simd.splat_f32s(DCT[row][0]), ends[row % 2], value);
                result[row * SIDE + column] = simd.mul_add_e_f32s(first_column, across, value);
            }
        }
    }

    /// A line of products of sines, in cosines.
    #[inline(always)]
    fn change_line<S: Simd>(&self, simd: S, slots: &[usize], block: usize, lane: usize) -> [S::f32s; SIDE] {
        let zero = simd.splat_f32s(0.0);
        let mut values = [zero; SIDE];
        let mut length = 0;
        for (k, (value, &slot)) in values.iter_mut().zip(slots).enumerate() {
            if slot != ABSENT {
                length = k + 1;
                *value = self.load(simd, slot, block, lane);
            }
        }
        if length == 0 {
            return [zero; SIDE];
        }
        with_length!(length, N => change::<S, N>(simd, self.change, values))
    }

    /// What the border adds along each side, the corners with the top and the bottom.
    #[inline(always)]
    fn sides<S: Simd>(&self, simd: S, block: usize, lane: usize) -> [[S::f32s; SIDE]; 4] {
        let mut sides = [[simd.splat_f32s(0.0); SIDE]; 4];
        for (side, [cosines, sines]) in sides.iter_mut().zip(&self.slots.sides) {
            let changed = self.change_line(simd, sines, block, lane);
            for (k, value) in side.iter_mut().enumerate() {
                *value = simd.add_f32s(self.load(simd, cosines[k], block, lane), changed[k]);
            }
        }
        for (side, corners) in [(TOP, [0, 1]), (BOTTOM, [2, 3])] {
            let [first, last] = corners.map(|corner| self.load(simd, self.slots.corners[corner], block, lane));
            let ends = [simd.add_f32s(first, last), simd.sub_f32s(first, last)];
            for (k, value) in sides[side].iter_mut().enumerate() {
                *value = simd.mul_add_e_f32s(simd.splat_f32s(DCT[k][0]), ends[k % 2], *value);
            }
        }
        sides
    }
}

/// `T·x` for sines 1…`N`−1, the others being zero.
#[inline(always)]
fn change<S: Simd, const N: usize>(simd: S, matrix: &[[f32; SIDE]; SIDE], x: [S::f32s; SIDE]) -> [S::f32s; SIDE] {
    let mut result = [simd.splat_f32s(0.0); SIDE];
    for (to, result) in result.iter_mut().enumerate() {
        for from in 1..N {
            if (to + from) % 2 == 1 {
                *result = simd.mul_add_e_f32s(simd.splat_f32s(matrix[to][from]), x[from], *result);
            }
        }
    }
    result
}

//! From the products of a block back to its coefficients: the change of basis from sines to cosines, and the border.

use super::slots::{BOTTOM, LEFT, Slots, TOP};
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
        Full.load(simd, &self.values[slot * self.slots.product_step() + block * self.width + lane..])
    }

    /// The first `N` of a line of slots; those that are absent hold zeros.
    #[inline(always)]
    fn line<S: Simd, const N: usize>(&self, simd: S, slots: &[usize], block: usize, lane: usize) -> [S::f32s; SIDE] {
        let mut values = [simd.splat_f32s(0.0); SIDE];
        for (value, &slot) in values.iter_mut().zip(slots).take(N) {
            *value = self.load(simd, slot, block, lane);
        }
        values
    }

    /// Row-major coefficients of a block of the run into `result`, those above the band left undefined; `sines` is
    /// scratch.
    #[inline(always)]
    pub(super) fn combine<S: Simd>(
        &self,
        simd: S,
        (block, lane): (usize, usize),
        sines: &mut Vectors<S>,
        result: &mut Vectors<S>,
    ) {
        let Products { slots, frequencies, .. } = *self;
        let [plain, horizontal, vertical, both] = &slots.coefficients;
        let kept = line_length(frequencies, 0);
        let (sines, result) = (sines.as_chunks_mut::<SIDE>().0, result.as_chunks_mut::<SIDE>().0);
        for (row, out) in result.iter_mut().enumerate().take(kept) {
            let range = row * SIDE..(row + 1) * SIDE;
            with_length!(slots.length(1, row).max(line_length(frequencies, row)), N => {
                let changed = change::<S, N>(simd, self.change, self.line::<S, N>(simd, &horizontal[range.clone()], block, lane));
                *out = add_lines(simd, self.line::<S, N>(simd, &plain[range], block, lane), changed);
            });
        }
        // Rows of vertical sines: none at 0, and none from here on.
        let rows = slots.rows_of_vertical_sines;
        for (row, out) in sines.iter_mut().enumerate().take(rows).skip(1) {
            let range = row * SIDE..(row + 1) * SIDE;
            with_length!(slots.length(3, row), N => {
                let values = self.line::<S, N>(simd, &both[range.clone()], block, lane);
                *out = change::<S, N>(simd, self.change, values);
            });
            with_length!(slots.length(2, row), N => {
                *out = add_lines(simd, self.line::<S, N>(simd, &vertical[range], block, lane), *out);
            });
        }
        let border = self.sides(simd, block, lane);
        with_length!(rows, N => for column in 0..kept {
            let mut values = [simd.splat_f32s(0.0); SIDE];
            for (value, line) in values.iter_mut().zip(sines.iter()).take(N).skip(1) {
                *value = line[column];
            }
            let changed = change::<S, N>(simd, self.change, values);
            // The last row of a block is (−1)^α times its first in cosine α.
            let (top, bottom) = (border[TOP][column], border[BOTTOM][column]);
            let ends = [simd.add_f32s(top, bottom), simd.sub_f32s(top, bottom)];
            let across = &border[LEFT + column % 2];
            let first_column = simd.splat_f32s(DCT[column][0]);
            with_length!(line_length(frequencies, column), M => for row in 0..M {
                let mut value = simd.add_f32s(result[row][column], changed[row]);
                value = simd.mul_add_e_f32s(simd.splat_f32s(DCT[row][0]), ends[row % 2], value);
                result[row][column] = simd.mul_add_e_f32s(first_column, across[row], value);
            });
        });
    }

    /// What the border adds along each side: top and bottom with the corners, then the sum and the difference of left
    /// and right, which even and odd columns of coefficients take.
    #[inline(always)]
    fn sides<S: Simd>(&self, simd: S, block: usize, lane: usize) -> [[S::f32s; SIDE]; 4] {
        let mut sides = [[simd.splat_f32s(0.0); SIDE]; 4];
        for (side, [cosines, sines]) in sides.iter_mut().zip(&self.slots.sides) {
            with_length!(self.slots.side_length, N => {
                let changed = change::<S, N>(simd, self.change, self.line::<S, N>(simd, sines, block, lane));
                *side = add_lines(simd, self.line::<S, N>(simd, cosines, block, lane), changed);
            });
        }
        for (side, corners) in [(TOP, [0, 1]), (BOTTOM, [2, 3])] {
            let [first, last] = corners.map(|corner| self.load(simd, self.slots.corners[corner], block, lane));
            let ends = [simd.add_f32s(first, last), simd.sub_f32s(first, last)];
            for (k, value) in sides[side].iter_mut().enumerate() {
                *value = simd.mul_add_e_f32s(simd.splat_f32s(DCT[k][0]), ends[k % 2], *value);
            }
        }
        let [_, _, left, right] = &mut sides;
        for (left, right) in left.iter_mut().zip(right) {
            (*left, *right) = (simd.add_f32s(*left, *right), simd.sub_f32s(*left, *right));
        }
        sides
    }
}

#[inline(always)]
fn add_lines<S: Simd>(simd: S, a: [S::f32s; SIDE], b: [S::f32s; SIDE]) -> [S::f32s; SIDE] {
    let mut sum = a;
    for (sum, b) in sum.iter_mut().zip(b) {
        *sum = simd.add_f32s(*sum, b);
    }
    sum
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

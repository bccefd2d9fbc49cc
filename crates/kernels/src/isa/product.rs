//! The register-blocked matrix product under every convolution and linear layer.

use super::Isa;
use super::lanes::{Full, Lanes, Partial};
use pulp::{Simd, WithSimd};

/// Where an operand of a product lies in its slice: element `(row, outer, inner)` at
/// `row·row_stride + outer·outer_stride + inner·inner_stride`. Rows may overlap, which is what makes a convolution a
/// product: neighbouring output pixels read overlapping runs of the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix {
    pub offset: usize,
    pub row: usize,
    pub outer: usize,
    pub inner: usize,
}

/// The size of a product: `rows × columns` results, each a sum over `outer × inner` terms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product {
    pub rows: usize,
    pub columns: usize,
    pub outer: usize,
    pub inner: usize,
}

/// Whether a product replaces its destination or is added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sum {
    Replace,
    Add,
}

/// `out[row, column] (+)= Σ_outer Σ_inner a(row, outer, inner) · b[outer, inner, column]`, columns contiguous in `b` and
/// `out` (they are channels, and fill the vector lanes). `b.row` is unused; `out` uses `offset` and `row` only.
///
/// # Panics
/// If an operand's last element lies outside its slice.
#[inline]
pub(crate) fn multiply(
    isa: Isa,
    size: Product,
    a: (&[f32], Matrix),
    b: (&[f32], Matrix),
    out: (&mut [f32], Matrix),
    sum: Sum,
) {
    let Product { rows, columns, outer, inner } = size;
    if rows == 0 || columns == 0 {
        return;
    }
    let ((a, at), (b, bt), (out, ot)) = (a, b, out);
    if outer > 0 && inner > 0 {
        let last = (outer - 1, inner - 1);
        assert!(at.offset + (rows - 1) * at.row + last.0 * at.outer + last.1 * at.inner < a.len(), "a is too short");
        assert!(bt.offset + last.0 * bt.outer + last.1 * bt.inner + columns <= b.len(), "b is too short");
    }
    assert!(ot.offset + (rows - 1) * ot.row + columns <= out.len(), "out is too short");
    isa.run(Multiply { size, a, at, b, bt, out, ot, sum });
}

/// Terms after which a partial sum is put aside: rounding grows with the length of a running sum, and sums of sums of
/// this length lose about half as much as one sum over a whole filter.
const RUN: usize = 48;

/// A product whose operands were checked to lie inside their slices.
struct Multiply<'a> {
    size: Product,
    a: &'a [f32],
    at: Matrix,
    b: &'a [f32],
    bt: Matrix,
    out: &'a mut [f32],
    ot: Matrix,
    sum: Sum,
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let vectors = self.size.columns / S::F32_LANES;
        // 32 registers hold 8 × 3 sums, 16 hold 4 × 3; equal groups waste fewer loads than 3 + 1.
        let groups = vectors.div_ceil(3);
        let mut vector = 0;
        for group in 0..groups {
            let width = (vectors - vector).div_ceil(groups - group);
            let column = vector * S::F32_LANES;
            match width {
                3 => self.column_group::<S, Full, 3>(simd, Full, column),
                2 => self.column_group::<S, Full, 2>(simd, Full, column),
                _ => self.column_group::<S, Full, 1>(simd, Full, column),
            }
            vector += width;
        }
        let rest = self.size.columns % S::F32_LANES;
        if rest > 0 {
            self.column_group::<S, Partial, 1>(simd, Partial::new(rest), vectors * S::F32_LANES);
        }
    }
}

impl Multiply<'_> {
    #[inline(always)]
    fn column_group<S: Simd, L: Lanes, const V: usize>(&mut self, simd: S, lanes: L, column: usize) {
        let mut row = 0;
        if S::REGISTER_COUNT >= 32 {
            while row + 8 <= self.size.rows {
                self.tile::<S, L, 8, V>(simd, lanes, row, column);
                row += 8;
            }
        }
        while row + 4 <= self.size.rows {
            self.tile::<S, L, 4, V>(simd, lanes, row, column);
            row += 4;
        }
        while row < self.size.rows {
            self.tile::<S, L, 1, V>(simd, lanes, row, column);
            row += 1;
        }
    }

    /// `R` rows by `V` vectors of the result, held in registers over the whole sum.
    #[inline(always)]
    fn tile<S: Simd, L: Lanes, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        lanes: L,
        row: usize,
        column: usize,
    ) {
        let zero = [[simd.splat_f32s(0.0); V]; R];
        let (mut totals, mut sums, mut terms) = (zero, zero, 0);
        let a_start = self.at.offset + row * self.at.row;
        let b_start = self.bt.offset + column;
        for outer in 0..self.size.outer {
            let mut a_at = a_start + outer * self.at.outer;
            let mut b_at = b_start + outer * self.bt.outer;
            for _ in 0..self.size.inner {
                let mut b = [simd.splat_f32s(0.0); V];
                for (v, b) in b.iter_mut().enumerate() {
                    // SAFETY: `multiply` checked the last element of `b`; every other lies before it, and a group's
                    // columns end at or before the last column.
                    let values = unsafe {
                        self.b.get_unchecked(b_at + v * S::F32_LANES..b_at + v * S::F32_LANES + lanes.count::<S>())
                    };
                    *b = lanes.load(simd, values);
                }
                for (r, sums) in sums.iter_mut().enumerate() {
                    // SAFETY: `multiply` checked the last element of `a`; every other lies before it.
                    let a = simd.splat_f32s(unsafe { *self.a.get_unchecked(a_at + r * self.at.row) });
                    for (sum, &b) in sums.iter_mut().zip(&b) {
                        *sum = simd.mul_add_e_f32s(a, b, *sum);
                    }
                }
                a_at += self.at.inner;
                b_at += self.bt.inner;
            }
            terms += self.size.inner;
            if terms >= RUN || outer + 1 == self.size.outer {
                for (total, sum) in totals.as_flattened_mut().iter_mut().zip(sums.as_flattened()) {
                    *total = simd.add_f32s(*total, *sum);
                }
                (sums, terms) = (zero, 0);
            }
        }
        for (r, sums) in totals.iter().enumerate() {
            let start = self.ot.offset + (row + r) * self.ot.row + column;
            for (v, &sum) in sums.iter().enumerate() {
                let out = &mut self.out[start + v * S::F32_LANES..][..lanes.count::<S>()];
                let value = match self.sum {
                    Sum::Replace => sum,
                    Sum::Add => simd.add_f32s(lanes.load(simd, out), sum),
                };
                lanes.store(simd, out, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Isa, Matrix, Product, Sum, multiply};

    fn values(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f32::from(u16::try_from(state >> 16).unwrap_or(0)) / 32768.0 - 1.0
            })
            .collect()
    }

    #[test]
    fn products_of_every_shape_equal_the_triple_loop_on_every_isa() {
        for isa in Isa::available() {
            for columns in [1, 3, 7, 8, 15, 16, 17, 24, 48, 64, 80] {
                for rows in [1, 2, 3, 5, 8, 13] {
                    let (outer, inner) = (3, 5);
                    let a = values(rows * 2 + outer * 11 + inner + 8, 1);
                    let b = values(outer * inner * columns, 2);
                    let at = Matrix { offset: 4, row: 2, outer: 11, inner: 1 };
                    let bt = Matrix { offset: 0, row: 0, outer: inner * columns, inner: columns };
                    let ot = Matrix { offset: 2, row: columns + 1, outer: 0, inner: 0 };
                    for sum in [Sum::Replace, Sum::Add] {
                        let before = values(2 + rows * (columns + 1), 3);
                        let mut out = before.clone();
                        multiply(isa, Product { rows, columns, outer, inner }, (&a, at), (&b, bt), (&mut out, ot), sum);
                        let mut expected = before.clone();
                        for row in 0..rows {
                            for column in 0..columns {
                                let mut total = 0.0;
                                for o in 0..outer {
                                    for i in 0..inner {
                                        total += a[4 + row * 2 + o * 11 + i] * b[(o * inner + i) * columns + column];
                                    }
                                }
                                let at = 2 + row * (columns + 1) + column;
                                expected[at] = if sum == Sum::Add { before[at] + total } else { total };
                            }
                        }
                        for (found, expected) in out.iter().zip(&expected) {
                            assert!((found - expected).abs() < 1e-5, "{isa:?} {rows}x{columns} {sum:?}");
                        }
                    }
                }
            }
        }
    }
}

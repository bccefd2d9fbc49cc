//! Sums of outer products, `out += aᵀ·b`: what the gradient of a filter is made of.

use super::lanes::{Full, Lanes};
use super::panels::Rows;
use pulp::Simd;

/// `out[row, column] += Σ_term a[term, row] · b[term, column]` for `rows` contiguous floats of each row of `a` and
/// `columns` of `b` and `out`, whole vectors of any instruction set. A sum over the terms is rounded before it is added.
///
/// # Panics
/// If an operand's last element lies outside its slice.
#[inline(always)]
pub(crate) fn add_outer_products<S: Simd>(
    simd: S,
    terms: usize,
    (a, at, rows): (&[f32], Rows, usize),
    (b, bt, columns): (&[f32], Rows, usize),
    (out, ot): (&mut [f32], Rows),
) {
    if terms == 0 || rows == 0 {
        return;
    }
    assert!(at.offset + (terms - 1) * at.stride + rows <= a.len(), "a is too short");
    assert!(bt.offset + (terms - 1) * bt.stride + columns <= b.len(), "b is too short");
    assert!(ot.offset + (rows - 1) * ot.stride + columns <= out.len(), "out is too short");
    assert_eq!(columns % S::F32_LANES, 0, "whole vectors");
    let mut block = Block { a, at, b, bt, out, ot, terms };
    let vectors = columns / S::F32_LANES;
    let mut vector = 0;
    while vector < vectors {
        let column = vector * S::F32_LANES;
        if vectors - vector == 1 {
            // One vector alone needs more rows to hide the latency of a multiply-add.
            if S::REGISTER_COUNT >= 32 {
                block.all_rows::<S, 16, 1>(simd, rows, column);
            } else {
                block.all_rows::<S, 8, 1>(simd, rows, column);
            }
            vector += 1;
        } else {
            if S::REGISTER_COUNT >= 32 {
                block.all_rows::<S, 8, 2>(simd, rows, column);
            } else {
                block.all_rows::<S, 4, 2>(simd, rows, column);
            }
            vector += 2;
        }
    }
}

struct Block<'a> {
    a: &'a [f32],
    at: Rows,
    b: &'a [f32],
    bt: Rows,
    out: &'a mut [f32],
    ot: Rows,
    terms: usize,
}

impl Block<'_> {
    #[inline(always)]
    fn all_rows<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, rows: usize, column: usize) {
        let mut row = 0;
        while row + R <= rows {
            self.tile::<S, R, V>(simd, row, column);
            row += R;
        }
        while row + 4 <= rows {
            self.tile::<S, 4, V>(simd, row, column);
            row += 4;
        }
        while row < rows {
            self.tile::<S, 1, V>(simd, row, column);
            row += 1;
        }
    }

    /// `R` rows by `V` vectors of the result, held in registers over the whole sum.
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(&mut self, simd: S, row: usize, column: usize) {
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        let mut a_at = self.at.offset + row;
        let mut b_at = self.bt.offset + column;
        for _ in 0..self.terms {
            let mut b = [simd.splat_f32s(0.0); V];
            for (v, b) in b.iter_mut().enumerate() {
                let start = b_at + v * S::F32_LANES;
                // SAFETY: `add_outer_products` checked the last element of `b`; every other lies before it.
                *b = Full.load(simd, unsafe { self.b.get_unchecked(start..start + S::F32_LANES) });
            }
            // SAFETY: `add_outer_products` checked the last element of `a`; every other lies before it.
            let a = unsafe { self.a.get_unchecked(a_at..a_at + R) };
            for (sums, &a) in sums.iter_mut().zip(a) {
                let a = simd.splat_f32s(a);
                for (sum, &b) in sums.iter_mut().zip(&b) {
                    *sum = simd.mul_add_e_f32s(a, b, *sum);
                }
            }
            a_at += self.at.stride;
            b_at += self.bt.stride;
        }
        for (r, sums) in sums.iter().enumerate() {
            let start = self.ot.offset + (row + r) * self.ot.stride + column;
            for (v, &sum) in sums.iter().enumerate() {
                let out = &mut self.out[start + v * S::F32_LANES..][..S::F32_LANES];
                Full.store(simd, out, simd.add_f32s(Full.load(simd, out), sum));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Rows, add_outer_products};
    use crate::isa::Isa;
    use pulp::{Simd, WithSimd};

    struct Run<'a> {
        size: (usize, usize, usize),
        a: &'a [f32],
        b: &'a [f32],
        out: &'a mut [f32],
    }

    impl WithSimd for Run<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let (terms, rows, columns) = self.size;
            let a = (self.a, Rows { offset: 1, stride: rows + 2 }, rows);
            let b = (self.b, Rows { offset: 2, stride: columns + 1 }, columns);
            add_outer_products(simd, terms, a, b, (self.out, Rows { offset: 3, stride: columns + 5 }));
        }
    }

    #[test]
    fn sums_of_outer_products_equal_the_triple_loop_on_every_isa() {
        let value = |index: usize| f32::from(u8::try_from(index * 37 % 101).unwrap_or(0)) / 50.0 - 1.0;
        for isa in Isa::available() {
            for (terms, rows, columns) in [(1, 1, 16), (5, 3, 16), (7, 17, 48), (33, 16, 16), (21, 13, 32), (9, 64, 64)]
            {
                let a: Vec<f32> = (0..=terms * (rows + 2)).map(value).collect();
                let b: Vec<f32> = (0..2 + terms * (columns + 1)).map(|index| value(index * 3)).collect();
                let mut out = vec![0.25; 3 + rows * (columns + 5)];
                isa.run(Run { size: (terms, rows, columns), a: &a, b: &b, out: &mut out });
                for row in 0..rows {
                    for column in 0..columns {
                        let product = |term| a[1 + term * (rows + 2) + row] * b[2 + term * (columns + 1) + column];
                        let expected: f32 = 0.25 + (0..terms).map(product).sum::<f32>();
                        let found = out[3 + row * (columns + 5) + column];
                        assert!((found - expected).abs() < 1e-4, "{isa:?} {terms}x{rows}x{columns}");
                    }
                }
            }
        }
    }
}

//! The matrix product over packed panels, for use inside a kernel that already runs on an instruction set.

use super::lanes::{Full, Lanes};
use pulp::Simd;

/// Columns that packed panels are padded to: the widest vector of any instruction set, so that a product never meets a
/// partial vector.
pub(crate) const PANEL_UNIT: usize = 16;

/// Units of a panel at most: 8 rows of two vectors of 16 lanes are enough sums to hide the latency of a multiply-add,
/// and a third vector was measured to be slower.
const MOST_UNITS: usize = 2;

/// Columns of a padded row.
pub(crate) const fn padded(columns: usize) -> usize {
    columns.next_multiple_of(PANEL_UNIT)
}

/// A matrix `[terms, columns]` cut into panels of equal width (up to one unit), each `[terms, width]`, padded with zero
/// columns: the order in which the product reads it, so that it streams through the caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Panels {
    terms: usize,
    columns: usize,
}

impl Panels {
    pub(crate) const fn new(terms: usize, columns: usize) -> Self {
        Panels { terms, columns }
    }

    /// Rows of the matrix: terms of every sum.
    pub(crate) const fn terms(self) -> usize {
        self.terms
    }

    /// Floats of the packed matrix.
    pub(crate) const fn packed_len(self) -> usize {
        self.terms * padded(self.columns)
    }

    /// Where element `(term, column)` is packed.
    pub(crate) fn index(self, term: usize, column: usize) -> usize {
        let (start, width) = self.panel_of(column);
        start * self.terms + term * width + (column - start)
    }

    /// First column and width of the panel that holds `column`.
    fn panel_of(self, column: usize) -> (usize, usize) {
        let mut panels = self.each();
        loop {
            let (start, width) = panels.next().unwrap_or((padded(self.columns), 0));
            if column < start + width || width == 0 {
                return (start, width);
            }
        }
    }

    /// First column and width of every panel.
    #[inline(always)]
    pub(crate) fn each(self) -> impl Iterator<Item = (usize, usize)> {
        let units = self.columns.div_ceil(PANEL_UNIT);
        let panels = units.div_ceil(MOST_UNITS);
        let mut unit = 0;
        (0..panels).map(move |panel| {
            let width = (units - unit).div_ceil(panels - panel);
            let start = unit * PANEL_UNIT;
            unit += width;
            (start, width * PANEL_UNIT)
        })
    }
}

/// Where the rows of an operand begin: row `r` at `offset + r·stride`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    pub offset: usize,
    pub stride: usize,
}

/// `out[row, column] = Σ_term a[row, term] · b[term, column]` for all padded columns of `b`; the terms of a row of `a`
/// are contiguous. Sums run over all terms in order.
///
/// # Panics
/// If an operand's last element lies outside its slice.
#[inline(always)]
pub(crate) fn multiply_panels<S: Simd>(
    simd: S,
    rows: usize,
    (a, at): (&[f32], Rows),
    (b, panels): (&[f32], Panels),
    (out, ot): (&mut [f32], Rows),
) {
    if rows == 0 {
        return;
    }
    assert!(at.offset + (rows - 1) * at.stride + panels.terms <= a.len(), "a is too short");
    assert!(panels.packed_len() <= b.len(), "b is too short");
    assert!(ot.offset + (rows - 1) * ot.stride + padded(panels.columns) <= out.len(), "out is too short");
    for (start, width) in panels.each() {
        let mut block = PanelBlock { a, at, b, b_at: start * panels.terms, width, terms: panels.terms, out, ot };
        let vectors = width / S::F32_LANES;
        let mut vector = 0;
        while vector < vectors {
            let column = start + vector * S::F32_LANES;
            block.b_at = start * panels.terms + vector * S::F32_LANES;
            if vectors - vector == 1 {
                block.all_rows::<S, 1>(simd, rows, column);
                vector += 1;
            } else {
                block.all_rows::<S, 2>(simd, rows, column);
                vector += 2;
            }
        }
    }
}

struct PanelBlock<'a> {
    a: &'a [f32],
    at: Rows,
    b: &'a [f32],
    b_at: usize,
    width: usize,
    terms: usize,
    out: &'a mut [f32],
    ot: Rows,
}

impl PanelBlock<'_> {
    #[inline(always)]
    fn all_rows<S: Simd, const V: usize>(&mut self, simd: S, rows: usize, column: usize) {
        let mut row = 0;
        if S::REGISTER_COUNT >= 32 {
            while row + 8 <= rows {
                self.tile::<S, 8, V>(simd, row, column);
                row += 8;
            }
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
        let a_start = self.at.offset + row * self.at.stride;
        let mut b_at = self.b_at;
        for term in 0..self.terms {
            let mut b = [simd.splat_f32s(0.0); V];
            for (v, b) in b.iter_mut().enumerate() {
                let start = b_at + v * S::F32_LANES;
                // SAFETY: `multiply_panels` checked that the packed matrix lies inside `b`; a panel's last row ends
                // with the panel.
                *b = Full.load(simd, unsafe { self.b.get_unchecked(start..start + S::F32_LANES) });
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: `multiply_panels` checked the last element of `a`; every other lies before it.
                let a = simd.splat_f32s(unsafe { *self.a.get_unchecked(a_start + r * self.at.stride + term) });
                for (sum, &b) in sums.iter_mut().zip(&b) {
                    *sum = simd.mul_add_e_f32s(a, b, *sum);
                }
            }
            b_at += self.width;
        }
        for (r, sums) in sums.iter().enumerate() {
            let start = self.ot.offset + (row + r) * self.ot.stride + column;
            for (v, &sum) in sums.iter().enumerate() {
                Full.store(simd, &mut self.out[start + v * S::F32_LANES..], sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Panels, Rows, multiply_panels, padded};
    use crate::isa::Isa;
    use pulp::{Simd, WithSimd};

    struct Run<'a> {
        rows: usize,
        a: &'a [f32],
        b: &'a [f32],
        panels: Panels,
        out: &'a mut [f32],
        stride: usize,
    }

    impl WithSimd for Run<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let at = Rows { offset: 1, stride: self.panels.terms + 2 };
            let ot = Rows { offset: 3, stride: self.stride };
            multiply_panels(simd, self.rows, (self.a, at), (self.b, self.panels), (self.out, ot));
        }
    }

    #[test]
    fn products_over_panels_equal_the_triple_loop_on_every_isa() {
        let value = |index: usize| f32::from(u8::try_from(index * 37 % 101).unwrap_or(0)) / 50.0 - 1.0;
        for isa in Isa::available() {
            for (rows, terms, columns) in [(1, 1, 1), (3, 5, 16), (8, 7, 17), (13, 4, 48), (21, 3, 64), (9, 6, 100)] {
                let panels = Panels::new(terms, columns);
                let a: Vec<f32> = (0..=rows * (terms + 2)).map(value).collect();
                let mut b = vec![0.0; panels.packed_len()];
                for term in 0..terms {
                    for column in 0..columns {
                        b[panels.index(term, column)] = value(term * 31 + column * 7);
                    }
                }
                let stride = padded(columns) + 5;
                let mut out = vec![f32::NAN; 3 + rows * stride];
                isa.run(Run { rows, a: &a, b: &b, panels, out: &mut out, stride });
                for row in 0..rows {
                    for column in 0..padded(columns) {
                        let weight = |term| if column < columns { value(term * 31 + column * 7) } else { 0.0 };
                        let expected: f32 = (0..terms).map(|term| a[1 + row * (terms + 2) + term] * weight(term)).sum();
                        let found = out[3 + row * stride + column];
                        assert!((found - expected).abs() < 1e-5, "{isa:?} {rows}x{terms}x{columns}");
                    }
                }
            }
        }
    }
}

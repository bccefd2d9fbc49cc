//! Small grids of vectors with any distance between rows and columns, checked once and then read without checks.

use super::lanes::Lanes;
use pulp::Simd;

/// Where vector `(row, column)` of a grid begins: `offset + row·rows + column·columns`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps {
    pub offset: usize,
    pub rows: usize,
    pub columns: usize,
}

impl Steps {
    #[inline(always)]
    fn end(self, rows: usize, columns: usize, lanes: usize) -> usize {
        self.offset + (rows - 1) * self.rows + (columns - 1) * self.columns + lanes
    }
}

/// `R × C` vectors to read.
#[derive(Clone, Copy)]
pub(crate) struct VectorGrid<'a, L, const R: usize, const C: usize> {
    values: &'a [f32],
    steps: Steps,
    lanes: L,
    /// Values of a vector.
    count: usize,
}

impl<'a, L: Lanes, const R: usize, const C: usize> VectorGrid<'a, L, R, C> {
    /// # Panics
    /// If the last vector lies outside the slice.
    #[inline(always)]
    pub(crate) fn new<S: Simd>(_: S, lanes: L, values: &'a [f32], steps: Steps) -> Self {
        let count = lanes.count::<S>();
        assert!(steps.end(R, C, count) <= values.len(), "a grid of vectors lies inside its slice");
        VectorGrid { values, steps, lanes, count }
    }

    #[inline(always)]
    pub(crate) fn load<S: Simd>(&self, simd: S, row: usize, column: usize) -> S::f32s {
        assert!(row < R && column < C);
        let start = self.steps.offset + row * self.steps.rows + column * self.steps.columns;
        // SAFETY: the last vector was checked to lie inside the slice, every other begins before it.
        self.lanes.load(simd, unsafe { self.values.get_unchecked(start..start + self.count) })
    }
}

/// `R × C` vectors to write.
pub(crate) struct VectorGridMut<'a, L, const R: usize, const C: usize> {
    values: &'a mut [f32],
    steps: Steps,
    lanes: L,
    /// Values of a vector.
    count: usize,
}

impl<'a, L: Lanes, const R: usize, const C: usize> VectorGridMut<'a, L, R, C> {
    /// # Panics
    /// If the last vector lies outside the slice.
    #[inline(always)]
    pub(crate) fn new<S: Simd>(_: S, lanes: L, values: &'a mut [f32], steps: Steps) -> Self {
        let count = lanes.count::<S>();
        assert!(steps.end(R, C, count) <= values.len(), "a grid of vectors lies inside its slice");
        VectorGridMut { values, steps, lanes, count }
    }

    #[inline(always)]
    pub(crate) fn store<S: Simd>(&mut self, simd: S, row: usize, column: usize, vector: S::f32s) {
        assert!(row < R && column < C);
        let start = self.steps.offset + row * self.steps.rows + column * self.steps.columns;
        // SAFETY: the last vector was checked to lie inside the slice, every other begins before it.
        let values = unsafe { self.values.get_unchecked_mut(start..start + self.count) };
        self.lanes.store(simd, values, vector);
    }
}

//! One component of a picture: where its blocks' responses lie in the output and in a packed filter.

use super::super::shape::ConvShape;
use super::axis::{Axis, PROFILES};
use crate::block::Grid;
use crate::input::PlaneTransform;
use crate::isa::padded;
use std::ops::Range;

/// One component.
#[derive(Clone, Debug)]
pub(super) struct Plane {
    pub grid: Grid,
    pub vertical: Axis,
    pub horizontal: Axis,
    /// Output rows and columns that a response covers.
    pub high: usize,
    pub wide: usize,
    /// Output row and column of a response's first, from the block's own.
    pub top: isize,
    pub left: isize,
    /// Output rows and columns from one block to the next.
    pub down: usize,
    pub right: usize,
    /// Floats of a response's row, padded to whole vectors.
    pub row_len: usize,
    /// Where its responses begin in a packed filter.
    pub at: usize,
}

impl Plane {
    pub(super) fn new(plane: &PlaneTransform, shape: &ConvShape, at: usize) -> Option<Plane> {
        let (vertical, horizontal) = (Axis::vertical(plane, shape.height), Axis::horizontal(plane, shape.width));
        let strided = |axis: &Axis| axis.footprint().is_multiple_of(shape.stride);
        if !strided(&vertical) || !strided(&horizontal) {
            return None;
        }
        // Outputs whose windows meet a pixel between −reach and footprint + reach.
        let covered = |axis: &Axis| {
            let stride = shape.stride.cast_signed();
            let (reach, padding) = (axis.reach().cast_signed(), shape.padding.cast_signed());
            let first = (padding - reach - (shape.size.cast_signed() - 1)).div_euclid(stride)
                + isize::from((padding - reach - (shape.size.cast_signed() - 1)).rem_euclid(stride) != 0);
            let last = (axis.footprint().cast_signed() - 1 + reach + padding).div_euclid(stride);
            (first, usize::try_from(last - first + 1).unwrap_or(0))
        };
        let ((top, high), (left, wide)) = (covered(&vertical), covered(&horizontal));
        Some(Plane {
            grid: plane.grid,
            vertical,
            horizontal,
            high,
            wide,
            top,
            left,
            down: vertical.footprint() / shape.stride,
            right: horizontal.footprint() / shape.stride,
            row_len: padded(wide * shape.output_channels),
            at,
        })
    }

    /// Floats from one response to the next: such that the same piece of several does not fall on one set of the cache.
    pub(super) fn response_len(&self) -> usize {
        const LINE: usize = 16;
        let lines = self.high * self.row_len / LINE;
        // A cache has 64 sets of lines; a piece is up to 16 lines long.
        let odd = (17 + 64 - lines % 64) % 64;
        (lines + odd) * LINE
    }

    /// Floats of all its responses.
    pub(super) fn packed_len(&self) -> usize {
        PROFILES * PROFILES * self.response_len()
    }

    /// Rows of blocks whose responses reach some output rows.
    pub(super) fn block_rows(&self, rows: &Range<usize>) -> Range<usize> {
        let (down, top) = (self.down.cast_signed(), self.top);
        let first = (rows.start.cast_signed() - top - self.high.cast_signed() + 1).max(0);
        let first = (first + down - 1).div_euclid(down);
        let end = (rows.end.cast_signed() - 1 - top).div_euclid(down) + 1;
        let end = usize::try_from(end).unwrap_or(0).min(self.grid.high);
        usize::try_from(first).unwrap_or(0).min(end)..end
    }
}

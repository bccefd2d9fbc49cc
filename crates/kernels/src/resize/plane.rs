//! One component's blocks to the pixels that come out of a crop, resize, flip and padding: out = A_v·C·A_hᵀ, without its
//! pixels being made at the component's own size. What is zero, and blocks that nothing reads, cost nothing.

use super::component_axis::ComponentAxis;
use crate::block::{BLOCK, SIDE};
use crate::input::SparsePlane;
use crate::isa::{Full, Isa, Lanes, Partial};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Blocks of values that are not zero, by rows of blocks.
pub trait Blocks {
    /// Begins with a row of blocks, after those before it were run through or skipped.
    fn skip_rows(&mut self, rows: usize);

    /// Runs through the blocks of the next row: for those of `columns`, every (column, row-major position, value) that is
    /// not zero.
    fn next_row(&mut self, columns: Range<usize>, visit: impl FnMut(usize, usize, f32));
}

/// The dequantised coefficients of a plane.
#[derive(Clone, Debug)]
pub struct Dequantised<'a> {
    plane: &'a SparsePlane<'a>,
    steps: [f32; BLOCK],
    /// The next block.
    block: usize,
    /// The next non-zero.
    at: usize,
}

impl<'a> Dequantised<'a> {
    /// Of a plane, from its first block on.
    #[must_use]
    pub fn new(plane: &'a SparsePlane<'a>) -> Self {
        Dequantised { plane, steps: plane.quantisation.map(f32::from), block: 0, at: 0 }
    }

    fn skip(&mut self, blocks: usize) {
        let skipped = &self.plane.counts[self.block..self.block + blocks];
        self.at += skipped.iter().map(|&count| usize::from(count)).sum::<usize>();
        self.block += blocks;
    }
}

impl Blocks for Dequantised<'_> {
    #[inline(always)]
    fn skip_rows(&mut self, rows: usize) {
        self.skip(rows * self.plane.grid.wide);
    }

    #[inline(always)]
    fn next_row(&mut self, columns: Range<usize>, mut visit: impl FnMut(usize, usize, f32)) {
        let SparsePlane { grid, counts, positions, values, .. } = *self.plane;
        self.skip(columns.start);
        let mut at = self.at;
        for (column, &count) in columns.clone().zip(&counts[self.block..self.block + columns.len()]) {
            let range = at..at + usize::from(count);
            for (&position, &value) in positions[range.clone()].iter().zip(&values[range.clone()]) {
                let position = usize::from(position);
                visit(column, position, f32::from(value) * self.steps[position]);
            }
            at = range.end;
        }
        self.at = at;
        self.block += columns.len();
        self.skip(grid.wide - columns.end);
    }
}

/// Floats of scratch that [`resize_into`] needs.
#[must_use]
pub fn resize_scratch_len(horizontal: &ComponentAxis) -> usize {
    SIDE * horizontal.line_len()
}

/// Adds the pixels of one component, `[vertical.outputs(), horizontal.outputs()]`, to `output`.
///
/// # Panics
/// If a slice is too short, or the axes read blocks that are not there.
pub fn add_resized(
    isa: Isa,
    blocks: impl Blocks,
    (vertical, horizontal): (&ComponentAxis, &ComponentAxis),
    output: &mut [f32],
    scratch: &mut [f32],
) {
    assert_eq!(output.len(), vertical.outputs() * horizontal.outputs(), "the output has the pixels");
    let lines = &mut scratch[..resize_scratch_len(horizontal)];
    isa.run(Resized { blocks, vertical, horizontal, output, lines });
}

struct Resized<'a, B> {
    blocks: B,
    vertical: &'a ComponentAxis,
    horizontal: &'a ComponentAxis,
    output: &'a mut [f32],
    /// Eight lines: the rows of a row of blocks, resized horizontally.
    lines: &'a mut [f32],
}

impl<B: Blocks> WithSimd for Resized<'_, B> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Resized { mut blocks, vertical, horizontal, output, lines } = self;
        let (line_len, width) = (horizontal.line_len(), horizontal.outputs());
        blocks.skip_rows(vertical.blocks().start);
        for row in vertical.blocks() {
            let reached = vertical.span(row);
            lines.fill(0.0);
            // Rows of coefficients without any are left out below.
            let mut present = [false; SIDE];
            blocks.next_row(
                horizontal.blocks(),
                #[inline(always)]
                |column, position, value| {
                    let (v, h) = (position / SIDE, position % SIDE);
                    present[v] = true;
                    let first = horizontal.span(column).start;
                    let (columns, length) = horizontal.columns(column);
                    let line = &mut lines[v * line_len + first..][..length];
                    add_scaled(simd, value, &columns[h * length..][..length], line);
                },
            );
            let (weights, stride) = vertical.columns(row);
            for (at, output) in output[reached.start * width..reached.end * width].chunks_exact_mut(width).enumerate() {
                let weight = |v: usize| weights[v * stride + at];
                let mut x = 0;
                while x + S::F32_LANES <= width {
                    add_weighted(simd, Full, weight, &present, (lines, line_len), (output, x));
                    x += S::F32_LANES;
                }
                if x < width {
                    add_weighted(simd, Partial::new(width - x), weight, &present, (lines, line_len), (output, x));
                }
            }
        }
    }
}

#[inline(always)]
fn add_scaled<S: Simd>(simd: S, factor: f32, column: &[f32], line: &mut [f32]) {
    let factor = simd.splat_f32s(factor);
    for (line, column) in line.chunks_exact_mut(S::F32_LANES).zip(column.chunks_exact(S::F32_LANES)) {
        let sum = simd.mul_add_f32s(factor, Full.load(simd, column), Full.load(simd, line));
        Full.store(simd, line, sum);
    }
}

/// `output[x..] += Σ_v weight(v)·line_v[x..]` over the lines that are present.
#[inline(always)]
fn add_weighted<S: Simd, L: Lanes>(
    simd: S,
    lanes: L,
    weight: impl Fn(usize) -> f32,
    present: &[bool; SIDE],
    (lines, line_len): (&[f32], usize),
    (output, x): (&mut [f32], usize),
) {
    let mut sum = lanes.load(simd, &output[x..]);
    for (v, _) in present.iter().enumerate().filter(|(_, present)| **present) {
        let line = lanes.load(simd, &lines[v * line_len + x..]);
        sum = simd.mul_add_f32s(simd.splat_f32s(weight(v)), line, sum);
    }
    lanes.store(simd, &mut output[x..], sum);
}

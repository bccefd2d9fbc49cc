//! One component's blocks to the pixels that come out of a crop, resize, flip and padding: out = A_v·C·A_hᵀ, without its
//! pixels being made at the component's own size. Blocks that nothing reads cost nothing, nor do frequencies that a block
//! has none of.

use super::component_axis::{ComponentAxis, Panels};
use crate::block::{BLOCK, SIDE};
use crate::input::SparsePlane;
use crate::isa::{Full, Isa, Lanes, PANEL_UNIT, Partial};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// The values of a block, column after column: `[h][v]`.
pub type Columns = [[f32; SIDE]; SIDE];

/// Rows of blocks, one after the other.
pub trait BlockRows {
    /// Passes over some rows.
    fn skip_rows(&mut self, rows: usize);

    /// The blocks `columns` of the next row into `blocks`, which are zero; of each, bit h of `present` is set where column
    /// h is not zero.
    fn next_row(&mut self, columns: Range<usize>, blocks: &mut [Columns], present: &mut [u8]);
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

impl BlockRows for Dequantised<'_> {
    fn skip_rows(&mut self, rows: usize) {
        self.skip(rows * self.plane.grid.wide);
    }

    #[inline(always)]
    fn next_row(&mut self, columns: Range<usize>, blocks: &mut [Columns], present: &mut [u8]) {
        let SparsePlane { grid, counts, positions, values, .. } = *self.plane;
        self.skip(columns.start);
        let mut at = self.at;
        let counts = &counts[self.block..self.block + columns.len()];
        for ((block, present), &count) in blocks.iter_mut().zip(present).zip(counts) {
            let range = at..at + usize::from(count);
            for (&position, &value) in positions[range.clone()].iter().zip(&values[range.clone()]) {
                let position = usize::from(position) % BLOCK;
                block[position % SIDE][position / SIDE] = f32::from(value) * self.steps[position];
                *present |= 1 << (position % SIDE);
            }
            at = range.end;
        }
        self.at = at;
        self.block += columns.len();
        self.skip(grid.wide - columns.end);
    }
}

/// Memory of [`add_resized`], grown where it is too small.
#[derive(Clone, Debug, Default)]
pub struct ResizeScratch {
    blocks: Vec<Columns>,
    present: Vec<u8>,
    /// Eight lines: the rows of a row of blocks, resized horizontally.
    lines: Vec<[f32; PANEL_UNIT]>,
}

/// Adds the pixels of one component to `output`, `[vertical.outputs(), horizontal.outputs()]`.
///
/// # Panics
/// If a slice is too short, or the axes read blocks that are not there.
pub fn add_resized(
    isa: Isa,
    blocks: impl BlockRows,
    (vertical, horizontal): (&ComponentAxis, &Panels),
    output: &mut [f32],
    scratch: &mut ResizeScratch,
) {
    assert_eq!(output.len(), vertical.outputs() * horizontal.outputs(), "the output has the pixels");
    scratch.lines.resize(SIDE * horizontal.panels().len(), [0.0; PANEL_UNIT]);
    isa.run(Resized { rows: blocks, vertical, horizontal, output, scratch });
}

struct Resized<'a, B> {
    rows: B,
    vertical: &'a ComponentAxis,
    horizontal: &'a Panels,
    output: &'a mut [f32],
    scratch: &'a mut ResizeScratch,
}

impl<B: BlockRows> WithSimd for Resized<'_, B> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Resized { mut rows, vertical, horizontal, output, scratch } = self;
        let ResizeScratch { blocks, present, lines } = scratch;
        let width = horizontal.outputs();
        rows.skip_rows(vertical.blocks().start);
        for row in vertical.blocks() {
            let span = vertical.span(row);
            let wanted = if span.is_empty() { 0..0 } else { horizontal.blocks() };
            blocks.clear();
            blocks.resize(wanted.len(), [[0.0; SIDE]; SIDE]);
            present.clear();
            present.resize(wanted.len(), 0);
            rows.next_row(wanted.clone(), blocks, present);
            if present.iter().all(|&present| present == 0) {
                continue;
            }
            resize_row(simd, horizontal, (blocks, present), lines);
            let lines = lines.as_flattened();
            let line_len = lines.len() / SIDE;
            let outputs = output[span.start * width..span.end * width].chunks_exact_mut(width);
            for (y, output) in span.zip(outputs) {
                let Some(weights) = vertical.weights(y, row) else {
                    continue;
                };
                let mut x = 0;
                while x + S::F32_LANES <= width {
                    add_weighted(simd, Full, weights, (lines, line_len), (output, x));
                    x += S::F32_LANES;
                }
                if x < width {
                    add_weighted(simd, Partial::new(width - x), weights, (lines, line_len), (output, x));
                }
            }
        }
    }
}

/// The eight rows of a row of blocks, resized horizontally: `[8, panels]`.
#[inline(always)]
fn resize_row<S: Simd>(
    simd: S,
    horizontal: &Panels,
    (blocks, present): (&[Columns], &[u8]),
    lines: &mut [[f32; PANEL_UNIT]],
) {
    let (first, count) = (horizontal.blocks().start, horizontal.panels().len());
    for (number, panel) in horizontal.panels().iter().enumerate() {
        for from in (0..PANEL_UNIT).step_by(S::F32_LANES) {
            let mut sums = [simd.splat_f32s(0.0); SIDE];
            for block in panel.blocks.clone() {
                let mut rest = present[block - first];
                let columns = horizontal.columns(panel, block);
                while rest != 0 {
                    let h = rest.trailing_zeros() as usize % SIDE;
                    let column = Full.load(simd, &columns[h][from..]);
                    for (sum, value) in sums.iter_mut().zip(&blocks[block - first][h]) {
                        *sum = simd.mul_add_f32s(simd.splat_f32s(*value), column, *sum);
                    }
                    rest &= rest - 1;
                }
            }
            for (v, sum) in sums.into_iter().enumerate() {
                Full.store(simd, &mut lines[v * count + number][from..], sum);
            }
        }
    }
}

/// `output[x..] += Σ_v weights[v]·row_v[x..]`.
#[inline(always)]
fn add_weighted<S: Simd, L: Lanes>(
    simd: S,
    lanes: L,
    weights: &[f32; SIDE],
    (rows, row_len): (&[f32], usize),
    (output, x): (&mut [f32], usize),
) {
    let mut sum = lanes.load(simd, &output[x..]);
    for (v, weight) in weights.iter().enumerate() {
        let row = lanes.load(simd, &rows[v * row_len + x..]);
        sum = simd.mul_add_f32s(simd.splat_f32s(*weight), row, sum);
    }
    lanes.store(simd, &mut output[x..], sum);
}

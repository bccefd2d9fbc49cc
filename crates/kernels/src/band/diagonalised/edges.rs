//! The border's operands: the DCT of the outermost rows and columns of blocks, and how those of neighbours differ from
//! the symmetric extension.

use super::slots::{BOTTOM, LEFT, RIGHT, Slots, Source, TOP};
use crate::band::planes::{line_length, with_length};
use crate::band::shape::BandShape;
use crate::block::{ROW_MAJOR_TO_ZIGZAG, SIDE};
use crate::dct::DCT;
use crate::isa::{BlockKernel, Lanes, for_each_channel_group};
use pulp::Simd;
use std::ops::Range;

/// Vectors of channels a block: four sides of 8 frequencies, then four corners.
const VECTORS: usize = 4 * SIDE + 4;

/// The edges of the blocks of some of the batch's rows, `[rows, wide, 36, channels]`.
pub(super) struct Edges<'a> {
    shape: BandShape,
    /// The batch's rows of blocks that are held.
    rows: Range<usize>,
    values: &'a mut [f32],
}

impl<'a> Edges<'a> {
    /// Floats for `rows` rows of blocks and the rows above and below.
    pub(super) fn len(shape: &BandShape, rows: usize) -> usize {
        (rows + 2) * shape.wide() * VECTORS * shape.channels
    }

    /// The edges of the batch's rows of blocks `rows` and of the rows of the same images above and below.
    #[inline(always)]
    pub(super) fn of<S: Simd>(
        simd: S,
        shape: BandShape,
        rows: Range<usize>,
        input: &[f32],
        values: &'a mut [f32],
    ) -> Self {
        let high = shape.high();
        let before = usize::from(!rows.start.is_multiple_of(high));
        let after = usize::from(!rows.end.is_multiple_of(high));
        let rows = rows.start - before..rows.end + after;
        let mut edges = Edges { shape, rows: rows.clone(), values };
        for block in rows.start * shape.wide()..rows.end * shape.wide() {
            let map = &input[block * shape.block_len()..(block + 1) * shape.block_len()];
            let block = block - rows.start * shape.wide();
            let values = edges.block_mut(block);
            for_each_channel_group(simd, shape.channels, 0, &mut Measure { shape, map, values });
        }
        edges
    }

    #[inline(always)]
    fn block_mut(&mut self, number: usize) -> &mut [f32] {
        let length = VECTORS * self.shape.channels;
        &mut self.values[number * length..(number + 1) * length]
    }

    /// One vector of channels of a block of the batch, if the block is in the map.
    #[inline(always)]
    fn vector(&self, (row, column): (usize, usize), vector: usize) -> &[f32] {
        let number = (row - self.rows.start) * self.shape.wide() + column;
        let start = (number * VECTORS + vector) * self.shape.channels;
        &self.values[start..start + self.shape.channels]
    }

    /// Writes the operands of the border of blocks (of the batch) to rows of the run's left operands.
    #[inline(always)]
    pub(super) fn operands_into(&self, slots: &Slots, blocks: Range<usize>, operands: &mut [f32]) {
        let (wide, high, channels) = (self.shape.wide(), self.shape.high(), self.shape.channels);
        let step = slots.operand_step(channels);
        for (number, block) in blocks.enumerate() {
            let (row, column) = (block / wide, block % wide);
            let above = (!row.is_multiple_of(high)).then(|| row - 1);
            let below = (!(row + 1).is_multiple_of(high)).then_some(row + 1);
            let left = column.checked_sub(1);
            let right = (column + 1 < wide).then_some(column + 1);
            let here = (row, column);
            for (operand, source) in operands.chunks_mut(step).zip(&slots.sources) {
                let out = &mut operand[number * channels..(number + 1) * channels];
                match *source {
                    Source::Coefficient { .. } => {}
                    Source::Side { side, frequency } => {
                        let (neighbour, facing) = match side {
                            TOP => (above.map(|row| (row, column)), BOTTOM),
                            BOTTOM => (below.map(|row| (row, column)), TOP),
                            LEFT => (left.map(|column| (row, column)), RIGHT),
                            _ => (right.map(|column| (row, column)), LEFT),
                        };
                        let own = self.vector(here, side * SIDE + frequency);
                        match neighbour {
                            Some(at) => {
                                let other = self.vector(at, facing * SIDE + frequency);
                                for ((out, own), other) in out.iter_mut().zip(own).zip(other) {
                                    *out = other - own;
                                }
                            }
                            None => {
                                for (out, own) in out.iter_mut().zip(own) {
                                    *out = -own;
                                }
                            }
                        }
                    }
                    // Beyond the corner, minus what the extensions of the two sides put there, which each subtract
                    // the corner pixel itself: diagonal − vertical − horizontal + own.
                    Source::Corner(corner) => {
                        let vertical = if corner < 2 { above } else { below };
                        let horizontal = if corner % 2 == 0 { left } else { right };
                        let pixel = |at, corner| self.vector(at, 4 * SIDE + corner);
                        out.copy_from_slice(pixel(here, corner));
                        if let Some(row) = vertical {
                            subtract(out, pixel((row, column), corner ^ 2));
                        }
                        if let Some(column) = horizontal {
                            subtract(out, pixel((row, column), corner ^ 1));
                        }
                        if let (Some(row), Some(column)) = (vertical, horizontal) {
                            let diagonal = pixel((row, column), corner ^ 3);
                            out.iter_mut().zip(diagonal).for_each(|(out, diagonal)| *out += diagonal);
                        }
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn subtract(from: &mut [f32], values: &[f32]) {
    from.iter_mut().zip(values).for_each(|(from, value)| *from -= value);
}

/// The DCT along the sides of a block's outermost lines, and its corner pixels.
struct Measure<'a> {
    shape: BandShape,
    map: &'a [f32],
    values: &'a mut [f32],
}

impl BlockKernel for Measure<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, _: usize, channel: usize) {
        let BandShape { channels, frequencies, .. } = self.shape;
        let mut corners = [simd.splat_f32s(0.0); 4];
        for (along, line) in DCT.iter().enumerate().take(self.shape.line()) {
            let [top, bottom, left, right] = with_length!(line_length(frequencies, along), N => {
                let (first_row, last_row) = self.ends::<S, L, N>(simd, lanes, channel, along, SIDE);
                let (first_column, last_column) = self.ends::<S, L, N>(simd, lanes, channel, along * SIDE, 1);
                [first_row, last_row, first_column, last_column]
            });
            let (start, end) = (simd.splat_f32s(line[0]), simd.splat_f32s(line[7]));
            for (corner, value) in corners.iter_mut().enumerate() {
                let side = if corner < 2 { top } else { bottom };
                *value = simd.mul_add_e_f32s(if corner % 2 == 0 { start } else { end }, side, *value);
            }
            for (side, value) in [(TOP, top), (BOTTOM, bottom), (LEFT, left), (RIGHT, right)] {
                lanes.store(simd, &mut self.values[(side * SIDE + along) * channels + channel..], value);
            }
        }
        for (corner, value) in corners.into_iter().enumerate() {
            lanes.store(simd, &mut self.values[(4 * SIDE + corner) * channels + channel..], value);
        }
    }
}

impl Measure<'_> {
    /// First and last pixel of the line of coefficients `start`, `start + step`, … (row-major), `N` or one fewer of
    /// which are kept: sums over even and odd frequencies give both, cosine k's last pixel being (−1)^k times its first.
    #[inline(always)]
    fn ends<S: Simd, L: Lanes, const N: usize>(
        &self,
        simd: S,
        lanes: L,
        channel: usize,
        start: usize,
        step: usize,
    ) -> (S::f32s, S::f32s) {
        let kept = self.shape.kept();
        let mut sums = [simd.splat_f32s(0.0); 2];
        for (across, line) in DCT.iter().enumerate().take(N) {
            let position = usize::from(ROW_MAJOR_TO_ZIGZAG[start + across * step]);
            // Only the last of an odd number can lie above the band.
            if across + 1 < N || position < kept {
                let value = lanes.load(simd, &self.map[position * self.shape.channels + channel..]);
                sums[across % 2] = simd.mul_add_e_f32s(simd.splat_f32s(line[0]), value, sums[across % 2]);
            }
        }
        let [even, odd] = sums;
        (simd.add_f32s(even, odd), simd.sub_f32s(even, odd))
    }
}

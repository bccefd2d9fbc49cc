//! From a file's sparse coefficients to the network's input in pixels: dequantise, inverse DCT of each component at its
//! own size, upsample chroma, YCbCr to RGB, normalise. The same map as [`InputTransform::apply_into`], for networks whose
//! first layer reads pixels.

use crate::block::{BLOCK, SIDE};
use crate::dct::{Vectors, inverse_block};
use crate::input::{InputTransform, PlaneTransform, SparsePlane};
use crate::isa::{Full, Isa, Lanes};
use crate::sampling::Sampling;
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Lanes of the widest vector.
const MOST_LANES: usize = 16;

impl InputTransform {
    /// Floats of scratch that [`pixel_rows_into`](Self::pixel_rows_into) needs for so many rows.
    #[must_use]
    pub fn pixel_workspace_len(&self, rows: usize) -> usize {
        let samples: usize = self.planes.iter().map(|plane| plane.most_samples(rows)).sum();
        samples + 2 * self.planes.len() * self.line_len()
    }

    /// Rows of one file's pixels, `[rows, width, channels]`, normalised.
    ///
    /// # Panics
    /// If the planes are not those the transform was made for, or a slice is too short.
    pub fn pixel_rows_into(
        &self,
        isa: Isa,
        planes: &[SparsePlane],
        rows: Range<usize>,
        output: &mut [f32],
        workspace: &mut [f32],
    ) {
        assert!(rows.end <= self.height, "the rows are the picture's");
        assert_eq!(output.len(), rows.len() * self.width * self.channels, "the output has the rows");
        isa.run(PixelRows { transform: self, planes, rows, output, workspace });
    }

    /// Samples of a line, those of the last block that lie beyond the picture included.
    fn line_len(&self) -> usize {
        self.planes.iter().map(|plane| plane.grid.wide * SIDE).max().unwrap_or(0).max(self.width)
    }
}

impl PlaneTransform {
    /// The sample rows that rows of pixels are made from.
    fn sample_rows(&self, rows: &Range<usize>) -> Range<usize> {
        let Sampling { samples, ratio, triangle } = self.vertical;
        let last = samples - 1;
        let (first, end) = (rows.start / ratio, (rows.end - 1) / ratio);
        if triangle {
            first.saturating_sub(1).min(last)..(end + 1).min(last) + 1
        } else {
            first.min(last)..end.min(last) + 1
        }
    }

    /// Floats of the samples of so many rows of pixels, in whole blocks.
    fn most_samples(&self, rows: usize) -> usize {
        let blocks = (rows.div_ceil(self.vertical.ratio) + 2).div_ceil(SIDE) + 1;
        blocks.min(self.grid.high) * self.grid.wide * BLOCK
    }
}

struct PixelRows<'a> {
    transform: &'a InputTransform,
    planes: &'a [SparsePlane<'a>],
    rows: Range<usize>,
    output: &'a mut [f32],
    workspace: &'a mut [f32],
}

impl WithSimd for PixelRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let PixelRows { transform, planes, rows, output, workspace } = self;
        let count = transform.planes.len();
        let line_len = transform.line_len();
        let (lines, mut workspace) = workspace.split_at_mut(2 * count * line_len);
        let mut samples: [(&[f32], usize); 3] = [(&[], 0); 3];
        for ((plane, sparse), samples) in transform.planes.iter().zip(planes).zip(&mut samples) {
            assert_eq!(sparse.grid, plane.grid, "the plane has the grid the transform was made for");
            let needed = plane.sample_rows(&rows);
            let blocks = needed.start / SIDE..needed.end.div_ceil(SIDE);
            let (own, rest) = workspace.split_at_mut(blocks.len() * plane.grid.wide * BLOCK);
            inverse_block_rows(simd, sparse, blocks.clone(), own);
            *samples = (own, blocks.start * SIDE);
            workspace = rest;
        }
        let row_len = transform.width * transform.channels;
        for (row, output) in rows.zip(output.chunks_exact_mut(row_len)) {
            for ((plane, (samples, first)), lines) in
                transform.planes.iter().zip(&samples).zip(lines.chunks_exact_mut(2 * line_len))
            {
                let (line, tall) = lines.split_at_mut(line_len);
                plane.line_into(row, transform.width, samples, *first, line, tall);
            }
            let line = |number: usize| &lines[2 * number * line_len..2 * number * line_len + transform.width];
            match (transform.channels, count) {
                (1, 1) => transform.mix_line::<1, 1>([line(0)], output),
                (1, _) => transform.mix_line::<1, 3>([line(0), line(1), line(2)], output),
                (_, 1) => transform.mix_line::<3, 1>([line(0)], output),
                _ => transform.mix_line::<3, 3>([line(0), line(1), line(2)], output),
            }
        }
    }
}

impl PlaneTransform {
    /// One line of samples at the picture's size; `samples` begin with sample row `first`, `tall` is scratch.
    #[inline(always)]
    fn line_into(&self, row: usize, width: usize, samples: &[f32], first: usize, line: &mut [f32], tall: &mut [f32]) {
        let (wide, columns) = (self.grid.wide * SIDE, self.horizontal.samples);
        let of = |row: usize| &samples[(row - first) * wide..(row - first) * wide + columns];
        let (near, next) = self.vertical.taps(row);
        let tall = &mut tall[..columns];
        if near == next {
            tall.copy_from_slice(of(near));
        } else {
            for ((out, near), next) in tall.iter_mut().zip(of(near)).zip(of(next)) {
                *out = 0.75 * near + 0.25 * next;
            }
        }
        let line = &mut line[..width];
        if self.horizontal.ratio == 1 {
            line.copy_from_slice(&tall[..width]);
        } else if self.horizontal.triangle {
            // Inside, both neighbours exist; the last pixel of an odd width has no pair.
            let pairs = tall.windows(3).zip(line[2..].chunks_exact_mut(2));
            for (window, pair) in pairs {
                pair[0] = 0.75 * window[1] + 0.25 * window[0];
                pair[1] = 0.75 * window[1] + 0.25 * window[2];
            }
            for x in (0..width.min(2)).chain(width.saturating_sub(3)..width) {
                let (near, next) = self.horizontal.taps(x);
                line[x] = 0.75 * tall[near] + 0.25 * tall[next];
            }
        } else {
            for (x, out) in line.iter_mut().enumerate() {
                *out = tall[self.horizontal.taps(x).0];
            }
        }
    }
}

impl InputTransform {
    /// `output[x, c] = Σ_p mix[c, p]·line_p[x] + offset_c`.
    #[inline(always)]
    fn mix_line<const C: usize, const P: usize>(&self, lines: [&[f32]; P], output: &mut [f32]) {
        let mix: [[f32; P]; C] = std::array::from_fn(|c| std::array::from_fn(|p| self.mix[c * P + p]));
        // An offset of pixels is an eighth of that of the DC.
        let offset: [f32; C] = std::array::from_fn(|c| self.dc_offset[c] / 8.0);
        for (x, pixel) in output.chunks_exact_mut(C).enumerate() {
            for c in 0..C {
                let mut value = offset[c];
                for p in 0..P {
                    value += mix[c][p] * lines[p][x];
                }
                pixel[c] = value;
            }
        }
    }
}

/// Some rows of blocks of a plane to samples `[8·rows, 8·blocks wide]`, a block to a lane. Only what is not zero is
/// dequantised.
#[inline(always)]
fn inverse_block_rows<S: Simd>(simd: S, plane: &SparsePlane, rows: Range<usize>, samples: &mut [f32]) {
    let wide = plane.grid.wide;
    let lanes = S::F32_LANES;
    let steps = plane.quantisation.map(f32::from);
    let skipped = rows.start * wide;
    let mut at: usize = plane.counts[..skipped].iter().map(|&count| usize::from(count)).sum();
    let mut coefficients = crate::isa::OnLines([0.0f32; BLOCK * MOST_LANES]);
    let mut pixels: Vectors<S> = [simd.splat_f32s(0.0); BLOCK];
    for (row, samples) in samples.chunks_exact_mut(SIDE * SIDE * wide).enumerate() {
        for first in (0..wide).step_by(lanes) {
            let blocks = lanes.min(wide - first);
            let coefficients = &mut coefficients.0[..BLOCK * lanes];
            coefficients.fill(0.0);
            let number = skipped + row * wide + first;
            for (lane, &count) in plane.counts[number..number + blocks].iter().enumerate() {
                let range = at..at + usize::from(count);
                for (&position, &value) in plane.positions[range.clone()].iter().zip(&plane.values[range.clone()]) {
                    let position = usize::from(position);
                    coefficients[position * lanes + lane] = f32::from(value) * steps[position];
                }
                at = range.end;
            }
            inverse_block(
                simd,
                #[inline(always)]
                |index| Full.load(simd, &coefficients[index * lanes..]),
                &mut pixels,
            );
            for (index, &vector) in pixels.iter().enumerate() {
                Full.store(simd, &mut coefficients[index * lanes..], vector);
            }
            for (y, line) in samples.chunks_exact_mut(SIDE * wide).enumerate() {
                let line = &mut line[first * SIDE..(first + blocks) * SIDE];
                for (lane, block) in line.chunks_exact_mut(SIDE).enumerate() {
                    for (x, sample) in block.iter_mut().enumerate() {
                        *sample = coefficients[(y * SIDE + x) * lanes + lane];
                    }
                }
            }
        }
    }
}

//! Blocks of 8×8 of maps in pixels, and the signal of their lowest frequencies: the orthogonal projection of a block on a
//! band, without coefficients in between.

use crate::block::{BLOCK, SIDE};
use crate::dct::{Vectors, forward_line, inverse_line};
use crate::extent::Extent;
use crate::isa::{BlockKernel, Isa, Lanes, over_blocks};
use pulp::Simd;

/// Leaves of every block of an image `[height, width, channels]` the frequencies `α + β < frequencies`. Pixels beyond the
/// image count as zero, and what the projection puts there is cut off: the map is its own adjoint.
///
/// # Panics
/// If the image does not have the length its shape says, or frequencies are not in 1…15.
pub fn truncate_pixels_in_place(
    isa: Isa,
    frequencies: usize,
    (height, width, channels): (usize, usize, usize),
    image: &mut [f32],
) {
    assert!((1..2 * SIDE).contains(&frequencies), "frequencies are counted from 1 to 15");
    let blocks = Blocks::new((height, width, channels), image.len());
    over_blocks(isa, blocks.extent.grid().blocks(), channels, Truncate { below: frequencies, blocks, image });
}

struct Truncate<'a> {
    below: usize,
    blocks: Blocks,
    image: &'a mut [f32],
}

impl BlockKernel for Truncate<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let mut values = self.blocks.load(simd, lanes, self.image, (block, channel));
        low_pass(simd, &mut values, self.below);
        self.blocks.store(simd, lanes, self.image, (block, channel), &values);
    }
}

/// The blocks of an image in pixels.
#[derive(Clone, Copy)]
pub(super) struct Blocks {
    pub(super) extent: Extent,
    pub(super) channels: usize,
}

impl Blocks {
    pub(super) fn new((height, width, channels): (usize, usize, usize), length: usize) -> Self {
        assert_eq!(length, height * width * channels, "the image fills its shape");
        Blocks { extent: Extent { height, width }, channels }
    }

    /// Rows and columns of a block that lie inside, and where its first pixel is.
    fn place(self, block: usize, channel: usize) -> (usize, usize, usize) {
        let wide = self.extent.grid().wide;
        let (rows, columns) = self.extent.inside(block);
        let first = (block / wide * self.extent.width + block % wide) * SIDE;
        (rows, columns, first * self.channels + channel)
    }

    #[inline(always)]
    pub(super) fn load<S: Simd, L: Lanes>(
        self,
        simd: S,
        lanes: L,
        image: &[f32],
        (block, channel): (usize, usize),
    ) -> Vectors<S> {
        let (rows, columns, first) = self.place(block, channel);
        let mut values = [simd.splat_f32s(0.0); BLOCK];
        for row in 0..rows {
            for column in 0..columns {
                let at = first + (row * self.extent.width + column) * self.channels;
                values[row * SIDE + column] = lanes.load(simd, &image[at..]);
            }
        }
        values
    }

    #[inline(always)]
    pub(super) fn store<S: Simd, L: Lanes>(
        self,
        simd: S,
        lanes: L,
        image: &mut [f32],
        (block, channel): (usize, usize),
        values: &Vectors<S>,
    ) {
        let (rows, columns, first) = self.place(block, channel);
        for row in 0..rows {
            for column in 0..columns {
                let at = first + (row * self.extent.width + column) * self.channels;
                lanes.store(simd, &mut image[at..], values[row * SIDE + column]);
            }
        }
    }
}

/// Leaves the signal of a block's frequencies `α + β < below`: rows to frequencies, of each column of them the lowest
/// there and back, rows back again.
#[inline(always)]
pub(super) fn low_pass<S: Simd>(simd: S, block: &mut Vectors<S>, below: usize) {
    let columns = below.min(SIDE);
    for row in block.chunks_exact_mut(SIDE) {
        let mut line = [simd.splat_f32s(0.0); SIDE];
        line.copy_from_slice(row);
        row.copy_from_slice(&forward_line::<S, SIDE>(simd, line));
    }
    for column in 0..columns {
        let kept = (below - column).min(SIDE);
        if kept == SIDE {
            continue;
        }
        let mut line = [simd.splat_f32s(0.0); SIDE];
        for (row, value) in line.iter_mut().enumerate() {
            *value = block[row * SIDE + column];
        }
        let line = match kept.div_ceil(2) {
            1 => project_line::<S, 2>(simd, line, kept),
            2 => project_line::<S, 4>(simd, line, kept),
            3 => project_line::<S, 6>(simd, line, kept),
            _ => project_line::<S, 8>(simd, line, kept),
        };
        for (row, &value) in line.iter().enumerate() {
            block[row * SIDE + column] = value;
        }
    }
    for row in block.chunks_exact_mut(SIDE) {
        let mut line = [simd.splat_f32s(0.0); SIDE];
        line[..columns].copy_from_slice(&row[..columns]);
        row.copy_from_slice(&inverse_line::<S, SIDE>(simd, line));
    }
}

/// The signal of a line's lowest frequencies, of which there are `N` or one less.
#[inline(always)]
fn project_line<S: Simd, const N: usize>(simd: S, line: [S::f32s; SIDE], kept: usize) -> [S::f32s; SIDE] {
    let mut frequencies = forward_line::<S, N>(simd, line);
    if kept < N {
        frequencies[N - 1] = simd.splat_f32s(0.0);
    }
    inverse_line::<S, N>(simd, frequencies)
}

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
pub fn truncate_pixels_in_place(isa: Isa, frequencies: usize, size: (usize, usize, usize), image: &mut [f32]) {
    assert!((1..2 * SIDE).contains(&frequencies), "frequencies are counted from 1 to 15");
    let blocks = Blocks::new(size);
    over_blocks(isa, blocks.extent.grid().blocks(), blocks.channels, Truncate { below: frequencies, blocks, image });
}

struct Truncate<'a> {
    below: usize,
    blocks: Blocks,
    image: &'a mut [f32],
}

impl BlockKernel for Truncate<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let mut values = [simd.splat_f32s(0.0); BLOCK];
        self.blocks.load(simd, lanes, self.image, (block, channel), &mut values);
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
    pub(super) fn new((height, width, channels): (usize, usize, usize)) -> Self {
        Blocks { extent: Extent { height, width }, channels }
    }

    /// Every image must fill its shape.
    #[inline(always)]
    fn check(self, image: &[f32]) {
        let Extent { height, width } = self.extent;
        assert_eq!(image.len(), height * width * self.channels, "the image fills its shape");
    }

    /// Rows and columns of a block that lie inside, and where its first pixel is.
    fn place(self, block: usize, channel: usize) -> (usize, usize, usize) {
        let wide = self.extent.grid().wide;
        let (rows, columns) = self.extent.inside(block);
        let first = (block / wide * self.extent.width + block % wide) * SIDE;
        (rows, columns, first * self.channels + channel)
    }

    /// A block's pixels, zero beyond the image.
    #[inline(always)]
    pub(super) fn load<S: Simd, L: Lanes>(
        self,
        simd: S,
        lanes: L,
        image: &[f32],
        (block, channel): (usize, usize),
        values: &mut Vectors<S>,
    ) {
        self.check(image);
        let (rows, columns, first) = self.place(block, channel);
        let at = |index: usize| first + (index / SIDE * self.extent.width + index % SIDE) * self.channels;
        let is_whole = (rows, columns) == (SIDE, SIDE);
        for (index, value) in values.iter_mut().enumerate() {
            let inside = is_whole || (index / SIDE < rows && index % SIDE < columns);
            *value = if inside { lanes.load(simd, &image[at(index)..]) } else { simd.splat_f32s(0.0) };
        }
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
        self.check(image);
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
    for row in 0..SIDE {
        let frequencies = forward_line::<S, SIDE>(simd, line(simd, block, row * SIDE, 1));
        set_line::<S>(block, row * SIDE, 1, frequencies);
    }
    let columns = below.min(SIDE);
    for column in 0..columns {
        let kept = below - column;
        if kept >= SIDE {
            continue;
        }
        let pixels = line(simd, block, column, SIDE);
        let projected = match kept.div_ceil(2) {
            1 => project_line::<S, 2>(simd, pixels, kept),
            2 => project_line::<S, 4>(simd, pixels, kept),
            3 => project_line::<S, 6>(simd, pixels, kept),
            _ => project_line::<S, 8>(simd, pixels, kept),
        };
        set_line::<S>(block, column, SIDE, projected);
    }
    match columns.div_ceil(2) {
        1 => rows_back::<S, 2>(simd, block, columns),
        2 => rows_back::<S, 4>(simd, block, columns),
        3 => rows_back::<S, 6>(simd, block, columns),
        _ => rows_back::<S, 8>(simd, block, columns),
    }
}

/// Eight values of a block, `step` apart.
#[inline(always)]
fn line<S: Simd>(simd: S, block: &Vectors<S>, first: usize, step: usize) -> [S::f32s; SIDE] {
    let mut line = [simd.splat_f32s(0.0); SIDE];
    for (number, value) in line.iter_mut().enumerate() {
        *value = block[first + number * step];
    }
    line
}

/// Sets them; by one at a time, for a copy of all would be a call.
#[inline(always)]
fn set_line<S: Simd>(block: &mut Vectors<S>, first: usize, step: usize, line: [S::f32s; SIDE]) {
    for (number, value) in line.into_iter().enumerate() {
        block[first + number * step] = value;
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

/// Rows of pixels from their lowest frequencies, of which there are `N` or one less.
#[inline(always)]
fn rows_back<S: Simd, const N: usize>(simd: S, block: &mut Vectors<S>, kept: usize) {
    for row in 0..SIDE {
        let mut frequencies = line(simd, block, row * SIDE, 1);
        if kept < N {
            frequencies[N - 1] = simd.splat_f32s(0.0);
        }
        set_line::<S>(block, row * SIDE, 1, inverse_line::<S, N>(simd, frequencies));
    }
}

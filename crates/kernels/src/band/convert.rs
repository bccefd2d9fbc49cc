//! Between maps in pixels and band maps, a range of the batch's rows of blocks at a time.

use super::planes::{forward_band, inverse_band};
use super::shape::BandShape;
use crate::block::{SIDE, ZIGZAG_TO_ROW_MAJOR};
use crate::dct::Vectors;
use crate::isa::{BlockKernel, Isa, Lanes, over_blocks};
use pulp::Simd;
use std::ops::Range;

/// Pixels `[images, height, width, channels]` to the rows `block_rows` of the batch's band map `[rows, blocks wide, kept,
/// channels]`, a row of blocks being one of `images · blocks high`; blocks are filled up with zeros beyond the true size.
///
/// # Panics
/// If a slice does not have the length its shape says, or frequencies are not in 1…15.
pub fn band_rows_from_pixels_into(
    isa: Isa,
    shape: &BandShape,
    block_rows: Range<usize>,
    pixels: &[f32],
    rows: &mut [f32],
) {
    assert_eq!(rows.len(), block_rows.len() * shape.row_len(), "the band map has the rows");
    let images = block_rows.end.div_ceil(shape.high());
    assert!(pixels.len() >= images * shape.height * shape.width * shape.channels, "the pixels have the images");
    let blocks = block_rows.len() * shape.wide();
    over_blocks(isa, blocks, shape.channels, Forward { shape: *shape, first: block_rows.start, pixels, rows });
}

/// The pixels of the batch's rows of blocks `block_rows` of a band map `[images, blocks high, blocks wide, kept,
/// channels]`: `[rows of pixels, width, channels]`, those beyond the true size left out. A row of blocks that is the last
/// of its image may have fewer than 8 rows of pixels: see [`BandShape::pixel_row`].
///
/// # Panics
/// If a slice does not have the length its shape says, or frequencies are not in 1…15.
pub fn pixel_rows_from_band_into(
    isa: Isa,
    shape: &BandShape,
    block_rows: Range<usize>,
    map: &[f32],
    pixels: &mut [f32],
) {
    let images = block_rows.end.div_ceil(shape.high());
    assert!(map.len() >= images * shape.image_len(), "the band map has the images");
    let rows = shape.pixel_row(block_rows.end) - shape.pixel_row(block_rows.start);
    assert_eq!(pixels.len(), rows * shape.width * shape.channels, "the pixels fill the rows");
    let blocks = block_rows.len() * shape.wide();
    over_blocks(isa, blocks, shape.channels, Inverse { shape: *shape, first: block_rows.start, map, pixels });
}

impl BandShape {
    /// The row of pixels of the batch at which a row of blocks of the batch begins.
    #[must_use]
    pub const fn pixel_row(&self, block_row: usize) -> usize {
        block_row / self.high() * self.height + block_row % self.high() * SIDE
    }

    /// Rows and columns of pixels of a block.
    #[inline(always)]
    const fn inside(&self, block_row: usize, column: usize) -> (usize, usize) {
        let (rows, columns) = (self.height - block_row % self.high() * SIDE, self.width - column * SIDE);
        (if rows < SIDE { rows } else { SIDE }, if columns < SIDE { columns } else { SIDE })
    }
}

struct Forward<'a> {
    shape: BandShape,
    first: usize,
    pixels: &'a [f32],
    rows: &'a mut [f32],
}

impl BlockKernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let shape = self.shape;
        let (block_row, column) = (self.first + block / shape.wide(), block % shape.wide());
        let (rows, columns) = shape.inside(block_row, column);
        let mut values: Vectors<S> = [simd.splat_f32s(0.0); 64];
        for row in 0..rows {
            let start = ((shape.pixel_row(block_row) + row) * shape.width + column * SIDE) * shape.channels + channel;
            for x in 0..columns {
                values[row * SIDE + x] = lanes.load(simd, &self.pixels[start + x * shape.channels..]);
            }
        }
        forward_band(simd, shape.frequencies, &mut values);
        let map = &mut self.rows[block * shape.block_len() + channel..];
        for (position, &index) in ZIGZAG_TO_ROW_MAJOR[..shape.kept()].iter().enumerate() {
            lanes.store(simd, &mut map[position * shape.channels..], values[usize::from(index) % 64]);
        }
    }
}

struct Inverse<'a> {
    shape: BandShape,
    first: usize,
    map: &'a [f32],
    pixels: &'a mut [f32],
}

impl BlockKernel for Inverse<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let shape = self.shape;
        let (block_row, column) = (self.first + block / shape.wide(), block % shape.wide());
        let mut values: Vectors<S> = [simd.splat_f32s(0.0); 64];
        let map = &self.map[(block_row * shape.wide() + column) * shape.block_len() + channel..];
        for (position, &index) in ZIGZAG_TO_ROW_MAJOR[..shape.kept()].iter().enumerate() {
            values[usize::from(index) % 64] = lanes.load(simd, &map[position * shape.channels..]);
        }
        inverse_band(simd, shape.frequencies, &mut values);
        let (rows, columns) = shape.inside(block_row, column);
        let top = shape.pixel_row(block_row) - shape.pixel_row(self.first);
        for row in 0..rows {
            let start = ((top + row) * shape.width + column * SIDE) * shape.channels + channel;
            for x in 0..columns {
                lanes.store(simd, &mut self.pixels[start + x * shape.channels..], values[row * SIDE + x]);
            }
        }
    }
}

//! Blocks at the right and bottom edge of a map that ends inside them: a constant there is not DC alone, and what they
//! stand for beyond the map can be cleared.

use crate::block::{BLOCK, Grid, ROW_MAJOR_TO_ZIGZAG, SIDE, ZIGZAG_TO_ROW_MAJOR};
use crate::dct::{forward_block, inverse_block};
use crate::definition::dct_8;
use crate::extent::Extent;
use crate::isa::{BlockKernel, Isa, Lanes, over_blocks};
use pulp::Simd;

/// The coefficients of a map that is 1 inside and 0 beyond, divided by 8, for every kind of block: 1 at DC alone for a
/// block that lies inside.
#[derive(Clone, Debug)]
pub(crate) struct Edges {
    grid: Grid,
    right: Option<[f32; BLOCK]>,
    bottom: Option<[f32; BLOCK]>,
    corner: Option<[f32; BLOCK]>,
}

impl Edges {
    pub(crate) fn new(extent: Extent) -> Edges {
        let (rows, columns) = (extent.height % SIDE, extent.width % SIDE);
        let edge = |rows: usize, columns: usize| indicator(rows, columns).map(|value| value / 8.0);
        Edges {
            grid: extent.grid(),
            right: (columns > 0).then(|| edge(SIDE, columns)),
            bottom: (rows > 0).then(|| edge(rows, SIDE)),
            corner: (rows > 0 && columns > 0).then(|| edge(rows, columns)),
        }
    }

    /// Weights of a block's coefficients in zigzag order; none if it lies inside, where DC has weight 1 and the others
    /// none. Blocks are numbered row by row, image after image.
    #[inline(always)]
    pub(crate) fn weights(&self, block: usize) -> Option<&[f32; BLOCK]> {
        let last_row = block / self.grid.wide % self.grid.high + 1 == self.grid.high;
        let last_column = block % self.grid.wide + 1 == self.grid.wide;
        match (last_row, last_column) {
            (false, false) => None,
            (false, true) => self.right.as_ref(),
            (true, false) => self.bottom.as_ref(),
            (true, true) => self.corner.as_ref().or(self.right.as_ref()).or(self.bottom.as_ref()),
        }
    }
}

/// Coefficients, in zigzag order, of a block whose first `rows × columns` pixels are 1 and the others 0.
fn indicator(rows: usize, columns: usize) -> [f32; BLOCK] {
    let d = dct_8();
    let side = |frequency: usize, pixels: usize| d[frequency][..pixels].iter().sum::<f64>();
    ZIGZAG_TO_ROW_MAJOR.map(|index| {
        let index = usize::from(index);
        #[expect(clippy::cast_possible_truncation, reason = "the kernels compute in float32")]
        let value = (side(index / SIDE, rows) * side(index % SIDE, columns)) as f32;
        value
    })
}

/// Adds a constant to every pixel inside the maps `[blocks, 64, channels]` of one or more images: `values` are one a
/// channel, and 1 of them is `dc_of_one` at the DC of a block that lies inside.
pub(crate) fn add_inside(isa: Isa, extent: Extent, values: &[f32], dc_of_one: f32, map: &mut [f32]) {
    let channels = values.len();
    let edges = Edges::new(extent);
    isa.vectorise(
        #[inline(always)]
        || {
            for (number, block) in map.chunks_exact_mut(BLOCK * channels).enumerate() {
                let Some(weights) = edges.weights(number) else {
                    for (dc, value) in block.iter_mut().zip(values) {
                        *dc += dc_of_one * value;
                    }
                    continue;
                };
                for (coefficients, weight) in block.chunks_exact_mut(channels).zip(weights) {
                    for (coefficient, value) in coefficients.iter_mut().zip(values) {
                        *coefficient += dc_of_one * weight * value;
                    }
                }
            }
        },
    );
}

/// Clears what the maps `[blocks, 64, channels]` of one or more images stand for beyond their last row and column:
/// inverse DCT, zeros, DCT, of the blocks at those edges. Maps that fill their blocks stay as they are.
///
/// # Panics
/// If the map is not a whole number of images.
pub fn clear_beyond(isa: Isa, extent: Extent, channels: usize, map: &mut [f32]) {
    let image = extent.grid().blocks() * BLOCK * channels;
    assert_eq!(map.len() % image, 0, "a whole number of images");
    if extent.fills_blocks() {
        return;
    }
    over_blocks(isa, map.len() / (BLOCK * channels), channels, Clear { extent, channels, map });
}

struct Clear<'a> {
    extent: Extent,
    channels: usize,
    map: &'a mut [f32],
}

impl BlockKernel for Clear<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let (rows, columns) = self.extent.inside(block);
        if (rows, columns) == (SIDE, SIDE) {
            return;
        }
        let channels = self.channels;
        let map = &mut self.map[block * BLOCK * channels..(block + 1) * BLOCK * channels];
        let mut pixels = [simd.splat_f32s(0.0); BLOCK];
        inverse_block(
            simd,
            #[inline(always)]
            |index| lanes.load(simd, &map[usize::from(ROW_MAJOR_TO_ZIGZAG[index]) * channels + channel..]),
            &mut pixels,
        );
        let mut coefficients = [simd.splat_f32s(0.0); BLOCK];
        forward_block(
            simd,
            #[inline(always)]
            |index| if index / SIDE < rows && index % SIDE < columns { pixels[index] } else { simd.splat_f32s(0.0) },
            &mut coefficients,
        );
        for (position, &index) in ZIGZAG_TO_ROW_MAJOR.iter().enumerate() {
            lanes.store(simd, &mut map[position * channels + channel..], coefficients[usize::from(index)]);
        }
    }
}

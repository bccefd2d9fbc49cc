//! The size-independent form of Ξ: zero padding is zero blocks, so Ξ is block-Toeplitz, a convolution of blocks.

use super::explode::convolve_by;
use super::jpeg::{JpegTransform, dct_8};
use super::linear_map::LinearMap;
use super::map::{CoefficientMap, crop, fill_up};
use super::steps::Steps;
use crate::block::{BLOCK, Grid, SIDE, ZIGZAG_TO_ROW_MAJOR};
use crate::conv2d::Conv2dShape;
use crate::extent::Extent;
use std::ops::RangeInclusive;

/// Block offsets d for which some tap of the filter reaches from an output block x' to the input block
/// `stride·x' + d`: from ⌊−p/8⌋ to ⌊(7·stride + size − 1 − p)/8⌋.
#[must_use]
pub fn block_offsets(shape: &Conv2dShape) -> RangeInclusive<isize> {
    let padding = signed(shape.padding);
    let last = signed((SIDE - 1) * shape.stride + shape.size - 1) - padding;
    (-padding).div_euclid(8)..=last.div_euclid(8)
}

/// Ξ of one channel pair as 64×64 matrices `E[d, e]`, one a pair of block offsets.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockForm {
    /// The block offsets d (and e).
    pub offsets: RangeInclusive<isize>,
    /// Input blocks from one output block to the next.
    pub stride: usize,
    /// `E[d, e]`, row-major over (d, e): input coefficients (zigzag, input's units) to output coefficients.
    pub matrices: Vec<LinearMap>,
}

impl BlockForm {
    /// `E[d,e]_{(a,b),(c,f)} = Σ_uv K_uv·G[u,d]_ac·G[v,e]_bf` with `G[u,d] = D·T_u[d]·Dᵀ` and `T_u[d]_{x_o x_i} = 1` iff
    /// `stride·x_o + u − p = 8d + x_i`; (a, b) output, (c, f) input frequencies. Independent of the image's size.
    ///
    /// # Panics
    /// If the filter is not `[size, size]`.
    #[must_use]
    pub fn new(shape: &Conv2dShape, filter: &[f64], input_steps: &Steps, output_steps: &Steps) -> BlockForm {
        assert_eq!(filter.len(), shape.size * shape.size, "a filter of one channel pair is [size, size]");
        let offsets = block_offsets(shape);
        let g = |tap: usize, offset: isize| tap_matrix(shape, tap, offset);
        let g: Vec<Vec<_>> = (0..shape.size).map(|tap| offsets.clone().map(|d| g(tap, d)).collect()).collect();
        let count = offsets.clone().count();
        let matrices = (0..count * count).map(|at| {
            let (d, e) = (at / count, at % count);
            LinearMap::from_fn(BLOCK, BLOCK, |input, output| {
                let ((c, f), (a, b)) = (frequencies(input), frequencies(output));
                let taps = filter.iter().enumerate().filter(|(_, k)| **k != 0.0).map(|(tap, k)| {
                    let (u, v) = (tap / shape.size, tap % shape.size);
                    k * g[u][d][a][c] * g[v][e][b][f]
                });
                taps.sum::<f64>() * input_steps[input] / output_steps[output]
            })
        });
        BlockForm { stride: shape.stride, matrices: matrices.collect(), offsets }
    }

    /// `F'_{x'y'} = Σ_de E[d,e]·F_{stride·x'+d, stride·y'+e}`, blocks outside the grid being zero.
    ///
    /// # Panics
    /// If there are not 64 coefficients a block of `grid`.
    #[must_use]
    pub fn apply(&self, grid: Grid, output_grid: Grid, input: &[f64]) -> Vec<f64> {
        assert_eq!(input.len(), grid.blocks() * BLOCK, "64 coefficients a block");
        let mut output = vec![0.0; output_grid.blocks() * BLOCK];
        self.for_each_reach(grid, output_grid, |matrix, from, to| {
            let terms = matrix.apply(&input[from * BLOCK..(from + 1) * BLOCK]);
            for (sum, term) in output[to * BLOCK..(to + 1) * BLOCK].iter_mut().zip(terms) {
                *sum += term;
            }
        });
        output
    }

    /// The same Ξ written out for one size of image: what Algorithm 1 gives.
    #[must_use]
    pub fn on_grid(&self, grid: Grid, output_grid: Grid) -> LinearMap {
        let outputs = output_grid.blocks() * BLOCK;
        let mut map = LinearMap::from_fn(grid.blocks() * BLOCK, outputs, |_, _| 0.0);
        self.for_each_reach(grid, output_grid, |matrix, from, to| {
            for input in 0..BLOCK {
                let row = (from * BLOCK + input) * outputs + to * BLOCK;
                map.values[row..row + BLOCK].copy_from_slice(matrix.row(input));
            }
        });
        map
    }

    /// Calls with each matrix and the input and output block it connects.
    fn for_each_reach(&self, grid: Grid, output_grid: Grid, mut each: impl FnMut(&LinearMap, usize, usize)) {
        let inside = |block: usize, offset: isize, side: usize| {
            (block * self.stride).checked_add_signed(offset).filter(|&block| block < side)
        };
        for to in 0..output_grid.blocks() {
            let (high, wide) = (to / output_grid.wide, to % output_grid.wide);
            let pairs = self.offsets.clone().flat_map(|d| self.offsets.clone().map(move |e| (d, e)));
            for ((d, e), matrix) in pairs.zip(&self.matrices) {
                if let (Some(x), Some(y)) = (inside(high, d, grid.high), inside(wide, e, grid.wide)) {
                    each(matrix, x * grid.wide + y, to);
                }
            }
        }
    }
}

/// `F'_o = Σ_i Ξ_oi·F_i`, plus bias_o at every pixel inside, by the block form for every channel pair.
///
/// Filter `[out, in, size, size]`; the output is in units of `output_steps`, one entry an output channel.
///
/// # Panics
/// If an argument does not have the shape that `shape` says.
#[must_use]
pub fn convolve_block_form(
    shape: &Conv2dShape,
    filter: &[f64],
    bias: Option<&[f64]>,
    input: &CoefficientMap,
    output_steps: Vec<Steps>,
) -> CoefficientMap {
    convolve_by(shape, filter, bias, input, output_steps, |pair, input_steps, output_steps| {
        let form = BlockForm::new(shape, pair, input_steps, output_steps);
        let (input, output) = shape.cut_to(shape.output_extent().expect("the filter fits the padded input"));
        let (input_steps, output_steps) = (*input_steps, *output_steps);
        // The matrices know nothing of a map's size.
        move |plane: &[f64]| {
            let inside = cleared(input, &input_steps, plane);
            cleared(output, &output_steps, &form.apply(input.grid(), output.grid(), &inside))
        }
    })
}

/// A plane cleared beyond its last row and column.
fn cleared(extent: Extent, steps: &Steps, plane: &[f64]) -> Vec<f64> {
    let transform = JpegTransform { grid: extent.grid(), steps: *steps };
    transform.encode(&fill_up(extent, &crop(extent, &transform.decode(plane))))
}

/// `G[u, d]_ac = Σ D_{a x_o}·D_{c x_i}` over the pixel pairs that T_u[d] connects.
fn tap_matrix(shape: &Conv2dShape, tap: usize, offset: isize) -> [[f64; SIDE]; SIDE] {
    let d = dct_8();
    let mut g = [[0.0; SIDE]; SIDE];
    for from in 0..SIDE {
        for to in 0..SIDE {
            if signed(shape.stride * to + tap) - signed(shape.padding) == 8 * offset + signed(from) {
                for (a, row) in g.iter_mut().enumerate() {
                    for (c, value) in row.iter_mut().enumerate() {
                        *value += d[a][to] * d[c][from];
                    }
                }
            }
        }
    }
    g
}

fn frequencies(zigzag: usize) -> (usize, usize) {
    let at = usize::from(ZIGZAG_TO_ROW_MAJOR[zigzag]);
    (at / SIDE, at % SIDE)
}

#[expect(clippy::cast_possible_wrap, reason = "sizes of filters and paddings are far below isize::MAX")]
fn signed(value: usize) -> isize {
    value as isize
}

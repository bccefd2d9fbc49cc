//! Linear maps along one axis of an image, applied to DCT blocks: `F' = (B'·R·Bᵀ)·F`, R the map on pixels, B the block DCT.
//!
//! R's rows reach few input pixels, so the map is a short list of 8×8 matrices for each output block. Upsampling chroma is
//! one such R.

use crate::block::{BLOCK, SIDE};
use crate::isa::Isa;

/// An 8×8 matrix; `[k]` is its k-th column, the response to the k-th frequency of the input block.
type Columns = [[f32; SIDE]; SIDE];

/// A linear map along one axis, as the 8×8 matrices that connect blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct AxisOperator {
    input_blocks: usize,
    /// For each output block the input blocks it reads, with their matrices.
    terms: Vec<Vec<(usize, Columns)>>,
}

/// Along which axis an [`AxisOperator`] is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Axis {
    Vertical,
    Horizontal,
}

impl AxisOperator {
    /// Upsampling by `ratio` as libjpeg does it: its triangle filter for 2 (¾ of the nearer sample, ¼ of the next), a
    /// copy for any other ratio. Beyond the last of the `input_length` true samples, the edge is repeated; beyond
    /// `output_length` pixels, the last one is.
    ///
    /// # Panics
    /// If a length or the ratio is 0.
    #[must_use]
    pub fn upsample(output_length: usize, input_length: usize, ratio: usize) -> AxisOperator {
        assert!(output_length > 0 && input_length > 0 && ratio > 0, "lengths and ratios are positive");
        let last = input_length - 1;
        AxisOperator::from_rows(output_length, input_length, |pixel| {
            let nearest = (pixel / ratio).min(last);
            if ratio != 2 {
                return vec![(nearest, 1.0)];
            }
            let next = if pixel % 2 == 0 { nearest.saturating_sub(1) } else { (nearest + 1).min(last) };
            vec![(nearest, 0.75), (next, 0.25)]
        })
    }

    /// A map given by the (input pixel, weight) pairs of each output pixel.
    fn from_rows(output_length: usize, input_length: usize, row: impl Fn(usize) -> Vec<(usize, f64)>) -> AxisOperator {
        let dct = crate::definition::dct_8();
        let input_blocks = input_length.div_ceil(SIDE);
        let block_terms = |block: usize| {
            let mut terms: Vec<(usize, [[f64; SIDE]; SIDE])> = Vec::new();
            for n in 0..SIDE {
                for (pixel, weight) in row((block * SIDE + n).min(output_length - 1)) {
                    let (input, m) = (pixel / SIDE, pixel % SIDE);
                    let known = terms.iter().position(|(block, _)| *block == input);
                    let at = known.unwrap_or_else(|| {
                        terms.push((input, [[0.0; SIDE]; SIDE]));
                        terms.len() - 1
                    });
                    for (k, column) in terms[at].1.iter_mut().enumerate() {
                        for (out, value) in column.iter_mut().enumerate() {
                            *value += dct[out][n] * weight * dct[k][m];
                        }
                    }
                }
            }
            #[expect(clippy::cast_possible_truncation, reason = "an entry of a float32 matrix")]
            terms.into_iter().map(|(input, matrix)| (input, matrix.map(|column| column.map(|v| v as f32)))).collect()
        };
        let output_blocks = output_length.div_ceil(SIDE);
        AxisOperator { input_blocks, terms: (0..output_blocks).map(block_terms).collect() }
    }

    /// Blocks along the axis that come out.
    #[must_use]
    pub fn output_blocks(&self) -> usize {
        self.terms.len()
    }

    /// Blocks along the axis that go in.
    #[must_use]
    pub fn input_blocks(&self) -> usize {
        self.input_blocks
    }

    /// Applies the map down the columns of a plane `[input_blocks, wide, 64]`, row-major within blocks, to `[output
    /// blocks, wide, 64]`.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn apply_vertical_into(&self, isa: Isa, wide: usize, input: &[f32], output: &mut [f32]) {
        self.apply(isa, Axis::Vertical, (1, wide), input, output);
    }

    /// Applies the map along the rows of a plane `[high, input_blocks, 64]`, row-major within blocks, to `[high, output
    /// blocks, 64]`.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn apply_horizontal_into(&self, isa: Isa, high: usize, input: &[f32], output: &mut [f32]) {
        self.apply(isa, Axis::Horizontal, (high, 1), input, output);
    }

    /// `lines` independent lines of blocks, each with `across` blocks side by side at every step along the axis.
    fn apply(&self, isa: Isa, axis: Axis, (lines, across): (usize, usize), input: &[f32], output: &mut [f32]) {
        assert_eq!(input.len(), lines * self.input_blocks * across * BLOCK, "the input fills its grid");
        assert_eq!(output.len(), lines * self.terms.len() * across * BLOCK, "the output fills its grid");
        isa.vectorise(
            #[inline(always)]
            || {
                output.fill(0.0);
                for line in 0..lines {
                    for (to, terms) in self.terms.iter().enumerate() {
                        for (from, columns) in terms {
                            for side in 0..across {
                                let from = ((line * self.input_blocks + from) * across + side) * BLOCK;
                                let to = ((line * self.terms.len() + to) * across + side) * BLOCK;
                                add_term(axis, columns, &input[from..from + BLOCK], &mut output[to..to + BLOCK]);
                            }
                        }
                    }
                }
            },
        );
    }
}

/// Adds the matrix times a block (vertical) or the block times the matrix's transpose (horizontal), leaving out what is
/// zero.
#[inline(always)]
fn add_term(axis: Axis, columns: &Columns, from: &[f32], to: &mut [f32]) {
    for (row, values) in from.chunks_exact(SIDE).enumerate() {
        if values.iter().all(|&value| value == 0.0) {
            continue;
        }
        match axis {
            Axis::Vertical => {
                for (weight, to) in columns[row].iter().zip(to.chunks_exact_mut(SIDE)) {
                    for (to, value) in to.iter_mut().zip(values) {
                        *to += weight * value;
                    }
                }
            }
            Axis::Horizontal => {
                let to = &mut to[row * SIDE..(row + 1) * SIDE];
                for (value, column) in values.iter().zip(columns) {
                    for (to, weight) in to.iter_mut().zip(column) {
                        *to += value * weight;
                    }
                }
            }
        }
    }
}

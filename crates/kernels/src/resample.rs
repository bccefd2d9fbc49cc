//! Linear maps along one axis of an image, applied to DCT blocks: `F' = (B'·R·Bᵀ)·F`, R the map on pixels, B the block DCT.
//!
//! R's rows reach few input pixels, so the map is a short list of 8×8 matrices for each output block. Upsampling chroma is
//! one such R.

use crate::block::{BLOCK, SIDE};
use crate::isa::Isa;

/// An 8×8 matrix; `[k]` is its k-th column, the response to the k-th frequency of the input block.
type Columns = [[f32; SIDE]; SIDE];

/// The coefficients of a block; `[i]` is its i-th row.
type Rows = [[f32; SIDE]; SIDE];

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
    /// Upsampling to twice the length with libjpeg's triangle filter: ¾ of the nearer sample, ¼ of the next. Beyond the
    /// last of the `input_length` true samples, the edge is repeated; beyond `output_length` pixels, the last one is.
    ///
    /// # Panics
    /// If a length is 0.
    #[must_use]
    pub fn upsample_by_triangle(output_length: usize, input_length: usize) -> AxisOperator {
        assert!(output_length > 0 && input_length > 0, "lengths are positive");
        let last = input_length - 1;
        AxisOperator::from_rows(output_length, input_length, |pixel| {
            let nearest = (pixel / 2).min(last);
            let next = if pixel % 2 == 0 { nearest.saturating_sub(1) } else { (nearest + 1).min(last) };
            vec![(nearest, 0.75), (next, 0.25)]
        })
    }

    /// Upsampling by copying every sample `ratio` times. Beyond the last of the `input_length` true samples, the edge is
    /// repeated; beyond `output_length` pixels, the last one is.
    ///
    /// # Panics
    /// If a length or the ratio is 0.
    #[must_use]
    pub fn upsample_by_copy(output_length: usize, input_length: usize, ratio: usize) -> AxisOperator {
        assert!(output_length > 0 && input_length > 0 && ratio > 0, "lengths and ratios are positive");
        let last = input_length - 1;
        AxisOperator::from_rows(output_length, input_length, |pixel| vec![((pixel / ratio).min(last), 1.0)])
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
        let (input, output) = (blocks(input), output.as_chunks_mut().0.as_chunks_mut().0);
        isa.vectorise(
            #[inline(always)]
            || {
                let lines = output.chunks_exact_mut(self.terms.len() * across);
                for (to, from) in lines.zip(input.chunks_exact(self.input_blocks * across)) {
                    for (to, terms) in to.chunks_exact_mut(across).zip(&self.terms) {
                        for (side, to) in to.iter_mut().enumerate() {
                            // Summed here, not in the output: eight rows stay in registers.
                            let mut sum = [[0.0; SIDE]; SIDE];
                            for (at, columns) in terms {
                                add_term(axis, columns, &from[at * across + side], &mut sum);
                            }
                            *to = sum;
                        }
                    }
                }
            },
        );
    }
}

/// A plane's blocks as rows of coefficients.
fn blocks(plane: &[f32]) -> &[Rows] {
    plane.as_chunks().0.as_chunks().0
}

/// Adds the matrix times a block (vertical) or the block times the matrix's transpose (horizontal), leaving out rows of
/// zeros.
#[inline(always)]
fn add_term(axis: Axis, columns: &Columns, from: &Rows, sum: &mut Rows) {
    for (row, values) in from.iter().enumerate() {
        if values.iter().fold(0, |any, value| any | value.to_bits()) == 0 {
            continue;
        }
        match axis {
            Axis::Vertical => {
                for (to, weight) in sum.iter_mut().zip(&columns[row]) {
                    add_scaled(to, *weight, values);
                }
            }
            Axis::Horizontal => {
                for (value, column) in values.iter().zip(columns) {
                    add_scaled(&mut sum[row], *value, column);
                }
            }
        }
    }
}

#[inline(always)]
fn add_scaled(sum: &mut [f32; SIDE], factor: f32, term: &[f32; SIDE]) {
    for (sum, term) in sum.iter_mut().zip(term) {
        *sum += factor * term;
    }
}

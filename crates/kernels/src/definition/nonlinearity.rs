//! Piecewise-linear functions in the transform domain: approximated spatial masking (ASM), the baseline APX, and the
//! half-spatial tensor H.

use super::jpeg::{dct_8, dct_block, inverse_dct_block};
use super::map::CoefficientMap;
use super::steps::Steps;
use crate::block::{BLOCK, ROW_MAJOR_TO_ZIGZAG, SIDE, ZIGZAG_TO_ROW_MAJOR};
use crate::piecewise_linear::{Masking, PiecewiseLinear};

/// One piece of a piecewise-linear function: `f(x) = slope·x + intercept` for x beyond `above`, up to the next piece.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    /// The last x of the piece before; −∞ for the first.
    pub above: f64,
    /// Slope.
    pub slope: f64,
    /// Intercept.
    pub intercept: f64,
}

/// ReLU: 0 up to 0, x beyond. Its mask is the paper's nnm(x) = 1 if x > 0, else 0.
#[must_use]
pub fn relu_pieces() -> Vec<Piece> {
    vec![
        Piece { above: f64::NEG_INFINITY, slope: 0.0, intercept: 0.0 },
        Piece { above: 0.0, slope: 1.0, intercept: 0.0 },
    ]
}

/// The pieces, from left to right, of a function given by its breakpoints.
#[must_use]
pub fn pieces_of(function: &PiecewiseLinear) -> Vec<Piece> {
    let mut piece =
        Piece { above: f64::NEG_INFINITY, slope: f64::from(function.slope), intercept: f64::from(function.intercept) };
    let mut breakpoints = function.breakpoints.clone();
    breakpoints.sort_by(|a, b| a.at.total_cmp(&b.at));
    let mut pieces = vec![piece];
    for breakpoint in breakpoints {
        piece.above = f64::from(breakpoint.at);
        piece.slope += f64::from(breakpoint.slope_change);
        piece.intercept += f64::from(breakpoint.intercept_change);
        pieces.push(piece);
    }
    pieces
}

/// A piecewise-linear function applied: its output and, for the gradient, which piece every pixel is on.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// In the units of the input.
    pub output: CoefficientMap,
    /// Index of the piece of every pixel, `[images, channels, high, wide, 8, 8]`.
    pub pieces: Vec<usize>,
}

/// The pixels that pick the pieces: the inverse DCT of `F·[α + β < φ]`, φ = 15 for [`Masking::Exact`];
/// `[images, channels, high, wide, 8, 8]`.
#[must_use]
pub fn low_pass_pixels(input: &CoefficientMap, masking: Masking) -> Vec<f64> {
    blocks(input).flat_map(|block| inverse_dct_block(&low_pass(&block, mask_frequencies(masking)))).collect()
}

/// `F' = Σ_pieces slope·D(M∘DᵀF̂D)Dᵀ + intercept·D(M)Dᵀ`, M the 0/1 mask of the pixels inside whose low-pass value is on
/// the piece. F̂ is F itself for [`Masking::Exact`] and ASM, and `F·[α + β < φ]` for APX.
///
/// In JPEG units F is multiplied by q on the way in and divided on the way out.
/// Source: the paper's ASM ReLU (Algorithm 2) and, for other functions, its remark on piecewise-linear ones.
///
/// # Panics
/// If there are no pieces or they are not in order.
#[must_use]
pub fn piecewise_linear(pieces: &[Piece], masking: Masking, input: &CoefficientMap) -> Response {
    assert!(pieces.is_sorted_by(|a, b| a.above <= b.above), "pieces go from left to right");
    assert_eq!(pieces.first().map(|piece| piece.above), Some(f64::NEG_INFINITY), "the first piece begins at −∞");
    let low = low_pass_pixels(input, masking);
    let chosen: Vec<usize> =
        low.iter().map(|&x| pieces.iter().rposition(|piece| x > piece.above).unwrap_or_default()).collect();
    let blocks = blocks(input).zip(chosen.chunks_exact(BLOCK)).enumerate().map(|(number, (block, chosen))| {
        let pixels = inverse_dct_block(&low_pass(&block, value_frequencies(masking)));
        let mut output = vec![0.0; BLOCK];
        for (index, piece) in pieces.iter().enumerate() {
            let on_piece = |(at, &chosen)| chosen == index && input.is_inside(number, at);
            let mask: Vec<f64> = chosen.iter().enumerate().map(|at| f64::from(u8::from(on_piece(at)))).collect();
            let masked: Vec<f64> = mask.iter().zip(&pixels).map(|(mask, pixel)| mask * pixel).collect();
            for (sum, (masked, mask)) in output.iter_mut().zip(dct_block(&masked).iter().zip(dct_block(&mask))) {
                *sum += piece.slope * masked + piece.intercept * mask;
            }
        }
        output
    });
    let blocks: Vec<f64> = blocks.flatten().collect();
    let output = CoefficientMap::from_row_major(input.images, input.channels, input.extent, &blocks);
    Response { output: output.in_units_of(input.steps.clone()), pieces: chosen }
}

/// Gradient with the masks constant: `dF = D(slopes ∘ DᵀdF'D)Dᵀ`, and `·[α + β < φ]` for APX, whose input is truncated.
///
/// `output_gradient` holds derivatives by the output's values in their units; the result likewise.
///
/// # Panics
/// If there is not a piece for every coefficient.
#[must_use]
pub fn piecewise_linear_gradient(
    pieces: &[Piece],
    masking: Masking,
    chosen: &[usize],
    output_gradient: &CoefficientMap,
) -> CoefficientMap {
    assert_eq!(chosen.len(), output_gradient.values.len(), "a piece for every pixel");
    let cotangent = output_gradient.gradient_to_orthonormal();
    let blocks =
        blocks(&cotangent).zip(chosen.chunks_exact(BLOCK)).enumerate().flat_map(|(number, (block, chosen))| {
            let pixels = inverse_dct_block(&block);
            let slope = |(at, &piece): (usize, &usize)| {
                if cotangent.is_inside(number, at) { pieces[piece].slope } else { 0.0 }
            };
            let slopes = chosen.iter().enumerate().map(slope);
            let scaled: Vec<f64> = pixels.iter().zip(slopes).map(|(pixel, slope)| pixel * slope).collect();
            low_pass(&dct_block(&scaled), value_frequencies(masking))
        });
    let blocks: Vec<f64> = blocks.collect();
    CoefficientMap::from_row_major(cotangent.images, cotangent.channels, cotangent.extent, &blocks)
        .gradient_from_orthonormal(output_gradient.steps.clone())
}

/// The half-spatial tensor `H^{αβij}_{α'β'} = q_αβ·D^{αβ}_{ij}·D^{ij}_{α'β'}/q_α'β'` (ij not summed): 64³ entries,
/// `[coefficient, pixel, output coefficient]`, coefficients in zigzag order, pixels row-major.
///
/// Source: the paper, half-spatial masking, with the steps folded in as for J; steps of 1 give the orthonormal tensor.
#[must_use]
pub fn half_spatial_tensor(steps: &Steps) -> Vec<f64> {
    let d = dct_8();
    let basis = |zigzag: usize, pixel: usize| {
        let at = usize::from(ZIGZAG_TO_ROW_MAJOR[zigzag]);
        d[at / SIDE][pixel / SIDE] * d[at % SIDE][pixel % SIDE]
    };
    let entry = |index: usize| {
        let (from, pixel, to) = (index / BLOCK / BLOCK, index / BLOCK % BLOCK, index % BLOCK);
        steps[from] * basis(from, pixel) * basis(to, pixel) / steps[to]
    };
    (0..BLOCK * BLOCK * BLOCK).map(entry).collect()
}

/// `F'_{α'β'} = Σ_{αβij} H^{αβij}_{α'β'}·F_αβ·M_ij` of one block: coefficients in zigzag order, mask row-major.
///
/// # Panics
/// If a slice does not have 64 values (H: 64³).
#[must_use]
pub fn apply_half_spatial(tensor: &[f64], coefficients: &[f64], mask: &[f64]) -> Vec<f64> {
    assert_eq!(tensor.len(), BLOCK * BLOCK * BLOCK, "H has 64³ entries");
    assert!(coefficients.len() == BLOCK && mask.len() == BLOCK, "a block has 64 values");
    let mut output = vec![0.0; BLOCK];
    for (pair, row) in tensor.chunks_exact(BLOCK).enumerate() {
        let factor = coefficients[pair / BLOCK] * mask[pair % BLOCK];
        for (sum, h) in output.iter_mut().zip(row) {
            *sum += h * factor;
        }
    }
    output
}

/// Orthonormal blocks in row-major order.
fn blocks(map: &CoefficientMap) -> impl Iterator<Item = Vec<f64>> {
    let map = map.orthonormal();
    (0..map.values.len() / BLOCK).map(move |block| {
        let values = &map.values[block * BLOCK..(block + 1) * BLOCK];
        ROW_MAJOR_TO_ZIGZAG.iter().map(|&zigzag| values[usize::from(zigzag)]).collect()
    })
}

/// `F·[α + β < φ]` of a row-major block.
fn low_pass(block: &[f64], frequencies: usize) -> Vec<f64> {
    let keep = |at: usize| at / SIDE + at % SIDE < frequencies;
    block.iter().enumerate().map(|(at, &value)| if keep(at) { value } else { 0.0 }).collect()
}

fn mask_frequencies(masking: Masking) -> usize {
    match masking {
        Masking::Exact => 2 * SIDE - 1,
        Masking::Approximated { frequencies } | Masking::Truncated { frequencies } => frequencies,
    }
}

fn value_frequencies(masking: Masking) -> usize {
    match masking {
        Masking::Exact | Masking::Approximated { .. } => 2 * SIDE - 1,
        Masking::Truncated { frequencies } => frequencies,
    }
}

//! JPEG without its rounding and entropy coding, as a linear map (the paper's background section): J = B·D·Z·S and its inverse J̃.

use super::linear_map::LinearMap;
use super::steps::Steps;
use crate::block::{BLOCK, Grid, ROW_MAJOR_TO_ZIGZAG, SIDE, ZIGZAG_TO_ROW_MAJOR};
use std::f64::consts::{FRAC_1_SQRT_2, PI};
use std::sync::LazyLock;

/// The orthonormal 8-point DCT-II `D_kn = ½·A(k)·cos(π(2n+1)k/16)`, A(0) = 1/√2, else 1 (ITU-T T.81, A.3.3).
#[must_use]
pub fn dct_8() -> [[f64; SIDE]; SIDE] {
    let mut d = [[0.0; SIDE]; SIDE];
    for (k, row) in d.iter_mut().enumerate() {
        let norm = if k == 0 { FRAC_1_SQRT_2 } else { 1.0 };
        for (n, value) in row.iter_mut().enumerate() {
            *value = 0.5 * norm * (PI * ((2 * n + 1) * k) as f64 / 16.0).cos();
        }
    }
    d
}

/// `F = D·P·Dᵀ`: 64 pixels, row-major, to 64 orthonormal coefficients, row-major (vertical frequency first).
///
/// # Panics
/// If there are not 64 pixels.
#[must_use]
pub fn dct_block(pixels: &[f64]) -> Vec<f64> {
    two_dimensional(pixels, |d, k, n| d[k][n])
}

/// `P = Dᵀ·F·D`: 64 orthonormal coefficients, row-major, to 64 pixels, row-major.
///
/// # Panics
/// If there are not 64 coefficients.
#[must_use]
pub fn inverse_dct_block(coefficients: &[f64]) -> Vec<f64> {
    two_dimensional(coefficients, |d, n, k| d[k][n])
}

static DCT: LazyLock<[[f64; SIDE]; SIDE]> = LazyLock::new(dct_8);

/// `out[a, b] = Σ_ij M_ai·M_bj·in[i, j]`, one axis after the other.
fn two_dimensional(block: &[f64], entry: impl Fn(&[[f64; SIDE]; SIDE], usize, usize) -> f64) -> Vec<f64> {
    assert_eq!(block.len(), BLOCK, "a block has 64 values");
    if block.iter().all(|&value| value == 0.0) {
        return vec![0.0; BLOCK]; // most blocks of the rows of J̃
    }
    let d = &*DCT;
    let along_rows: Vec<f64> =
        (0..BLOCK).map(|at| (0..SIDE).map(|j| entry(d, at % SIDE, j) * block[at / SIDE * SIDE + j]).sum()).collect();
    (0..BLOCK).map(|at| (0..SIDE).map(|i| entry(d, at / SIDE, i) * along_rows[i * SIDE + at % SIDE]).sum()).collect()
}

/// The linear JPEG transform of a one-channel image of `grid` blocks with quantisation steps `steps`.
///
/// Pixels are `[8·high, 8·wide]`, coefficients `[high, wide, 64 zigzag]` divided by the steps.
#[derive(Clone, Debug, PartialEq)]
pub struct JpegTransform {
    /// Size of the image in blocks.
    pub grid: Grid,
    /// q, in zigzag order; all 1 for orthonormal coefficients.
    pub steps: Steps,
}

impl JpegTransform {
    /// J·p by index arithmetic: `F_xyγ = (1/q_γ)·Σ_ij D^{ij}_{αβ}·p_{8x+i, 8y+j}`, (α, β) at zigzag position γ.
    ///
    /// # Panics
    /// If there are not 64 pixels a block.
    #[must_use]
    pub fn encode(&self, pixels: &[f64]) -> Vec<f64> {
        assert_eq!(pixels.len(), self.len(), "64 pixels a block");
        let mut coefficients = Vec::with_capacity(self.len());
        for block in 0..self.grid.blocks() {
            let pixels: Vec<f64> = (0..BLOCK).map(|at| pixels[self.pixel(block, at)]).collect();
            let f = dct_block(&pixels);
            coefficients.extend((0..BLOCK).map(|zigzag| f[row_major(zigzag)] / self.steps[zigzag]));
        }
        coefficients
    }

    /// J̃·F by index arithmetic: `p_{8x+i, 8y+j} = Σ_αβ D^{αβ}_{ij}·q_γ·F_xyγ`.
    ///
    /// # Panics
    /// If there are not 64 coefficients a block.
    #[must_use]
    pub fn decode(&self, coefficients: &[f64]) -> Vec<f64> {
        assert_eq!(coefficients.len(), self.len(), "64 coefficients a block");
        let mut pixels = vec![0.0; self.len()];
        for (block, coefficients) in coefficients.chunks_exact(BLOCK).enumerate() {
            let f: Vec<f64> = (0..BLOCK)
                .map(|at| {
                    let zigzag = usize::from(ROW_MAJOR_TO_ZIGZAG[at]);
                    coefficients[zigzag] * self.steps[zigzag]
                })
                .collect();
            for (at, pixel) in inverse_dct_block(&f).into_iter().enumerate() {
                pixels[self.pixel(block, at)] = pixel;
            }
        }
        pixels
    }

    /// B, the blocking `B^{hw}_{xyij} = 1` if (h, w) = (8x+i, 8y+j), else 0.
    #[must_use]
    pub fn blocking(&self) -> LinearMap {
        let width = self.grid.wide * SIDE;
        self.dense(|pixel, blocked| {
            let (h, w) = (pixel / width, pixel % width);
            let (block, at) = (blocked / BLOCK, blocked % BLOCK);
            let (x, y) = (block / self.grid.wide, block % self.grid.wide);
            let (i, j) = (at / SIDE, at % SIDE);
            indicator((h, w) == (SIDE * x + i, SIDE * y + j))
        })
    }

    /// D, the block DCT `D^{ij}_{αβ} = D_αi·D_βj` within every block.
    #[must_use]
    pub fn block_dct(&self) -> LinearMap {
        let d = dct_8();
        self.dense(|pixel, frequency| {
            let (i, j) = (pixel % BLOCK / SIDE, pixel % SIDE);
            let (alpha, beta) = (frequency % BLOCK / SIDE, frequency % SIDE);
            indicator(pixel / BLOCK == frequency / BLOCK) * d[alpha][i] * d[beta][j]
        })
    }

    /// Z, the zigzag order `Z^{αβ}_γ = 1` if (α, β) is at position γ of it.
    #[must_use]
    pub fn zigzag(&self) -> LinearMap {
        self.dense(|frequency, ordered| {
            let same_block = frequency / BLOCK == ordered / BLOCK;
            indicator(same_block && row_major(ordered % BLOCK) == frequency % BLOCK)
        })
    }

    /// S, the scaling `S^γ_k = 1/q_k` if γ = k, else 0 (rounding is the step left out).
    #[must_use]
    pub fn scaling(&self) -> LinearMap {
        self.dense(|from, to| indicator(from == to) / self.steps[to % BLOCK])
    }

    /// J = B·D·Z·S as one dense map, pixels to coefficients.
    #[must_use]
    pub fn forward_map(&self) -> LinearMap {
        self.blocking().then(&self.block_dct()).then(&self.zigzag()).then(&self.scaling())
    }

    /// J̃ = S⁻¹·Zᵀ·Dᵀ·Bᵀ as one dense map, coefficients to pixels.
    #[must_use]
    pub fn inverse_map(&self) -> LinearMap {
        let unscaling = self.dense(|from, to| indicator(from == to) * self.steps[to % BLOCK]);
        let [unorder, inverse_dct, unblock] =
            [self.zigzag(), self.block_dct(), self.blocking()].map(|factor| factor.transposed());
        unscaling.then(&unorder).then(&inverse_dct).then(&unblock)
    }

    /// Pixels, and coefficients, of the image.
    fn len(&self) -> usize {
        self.grid.blocks() * BLOCK
    }

    fn dense(&self, entry: impl FnMut(usize, usize) -> f64) -> LinearMap {
        LinearMap::from_fn(self.len(), self.len(), entry)
    }

    /// Index in the image of pixel `at` of a block.
    fn pixel(&self, block: usize, at: usize) -> usize {
        let (x, y) = (block / self.grid.wide, block % self.grid.wide);
        (SIDE * x + at / SIDE) * self.grid.wide * SIDE + SIDE * y + at % SIDE
    }
}

fn row_major(zigzag: usize) -> usize {
    usize::from(ZIGZAG_TO_ROW_MAJOR[zigzag])
}

fn indicator(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

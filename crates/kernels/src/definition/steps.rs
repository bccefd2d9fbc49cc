//! Units of coefficients.

use crate::block::BLOCK;

/// Quantisation steps q of a block in zigzag order, as a JPEG file stores them.
pub type Steps = [f64; BLOCK];

/// Steps of 1: orthonormal, dequantised coefficients.
pub const UNIT_STEPS: Steps = [1.0; BLOCK];

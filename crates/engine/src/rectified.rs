//! `ReLU` of blocks that are in no picture, as networks compute it.

use crate::{EngineError, MaskingSpec};
use jpegnet_kernels::pixels::{coefficients_from_pixels_into, pixels_from_coefficients_into};
use jpegnet_kernels::{BLOCK, Extent, Isa, Masking, PiecewiseLinear, SIDE};
use rayon::prelude::*;

/// Blocks that go through a kernel together, as channels of one block.
const TOGETHER: usize = 64;

/// `ReLU` of the pixels of blocks `[blocks, 8, 8]` by half-spatial masking.
///
/// # Errors
/// [`EngineError::InvalidOption`] if there are no whole blocks, or φ is not in 1…15.
pub fn rectified_blocks(
    isa: Isa,
    pixels: &[f32],
    masking: MaskingSpec,
    frequencies: usize,
) -> Result<Vec<f32>, EngineError> {
    let invalid = |option: &str, expected: &str, found: usize| {
        Err(EngineError::InvalidOption { option: option.into(), expected: expected.into(), found: found.to_string() })
    };
    if pixels.is_empty() || !pixels.len().is_multiple_of(BLOCK) {
        return invalid("pixels", "64 a block, and one block at least", pixels.len());
    }
    if !(1..=15).contains(&frequencies) {
        return invalid("frequencies", "a whole number from 1 to 15", frequencies);
    }
    let masking = match masking {
        MaskingSpec::Exact => Masking::Exact,
        MaskingSpec::Asm => Masking::Approximated { frequencies },
        MaskingSpec::Apx => Masking::Truncated { frequencies },
    };
    let function = PiecewiseLinear::relu();
    let extent = Extent { height: SIDE, width: SIDE };
    let mut output = vec![0.0; pixels.len()];
    output.par_chunks_mut(TOGETHER * BLOCK).zip(pixels.par_chunks(TOGETHER * BLOCK)).for_each(|(output, pixels)| {
        let channels = pixels.len() / BLOCK;
        let (mut map, mut coefficients) = (vec![0.0; pixels.len()], vec![0.0; pixels.len()]);
        for (channel, block) in pixels.chunks_exact(BLOCK).enumerate() {
            for (at, &pixel) in block.iter().enumerate() {
                map[at * channels + channel] = pixel;
            }
        }
        coefficients_from_pixels_into(isa, (SIDE, SIDE, channels), &map, &mut coefficients);
        function.forward_in_place(isa, masking, extent, channels, &mut coefficients, None);
        pixels_from_coefficients_into(isa, (SIDE, SIDE, channels), &coefficients, &mut map);
        for (channel, block) in output.chunks_exact_mut(BLOCK).enumerate() {
            for (at, pixel) in block.iter_mut().enumerate() {
                *pixel = map[at * channels + channel];
            }
        }
    });
    Ok(output)
}

//! Band-limited maps: the orthogonal projection on the lowest frequencies of every block, which is its own adjoint.

use crate::block::{BLOCK, coefficients_kept};

/// Sets every coefficient of the maps `[blocks, 64, channels]` with `α + β ≥ frequencies` to zero: all but a prefix of
/// each block in zigzag order.
///
/// # Panics
/// If frequencies are not in 1…15 or the map is not a whole number of blocks.
pub fn truncate_in_place(frequencies: usize, channels: usize, map: &mut [f32]) {
    assert_eq!(map.len() % (BLOCK * channels), 0, "a feature map is a whole number of blocks");
    let kept = coefficients_kept(frequencies) * channels;
    for block in map.chunks_exact_mut(BLOCK * channels) {
        block[kept..].fill(0.0);
    }
}

//! Global average pooling: the mean over all pixels is a weighted sum of the DCs of all blocks.

use crate::block::BLOCK;
use crate::extent::Extent;
use crate::isa::Isa;

/// `pooled_c = 8·Σ_blocks F_00 / n` of one image, n its pixels: `[blocks, 64, channels]` orthonormal coefficients to
/// `[channels]` pixel means (the paper's §3.4, for any number of blocks). What lies beyond the map counts as it is: zero.
///
/// # Panics
/// If a slice does not have the length its shape says.
pub fn global_average_pool_into(isa: Isa, extent: Extent, channels: usize, map: &[f32], pooled: &mut [f32]) {
    check(extent, channels, map.len(), pooled.len());
    let weight = dc_weight(extent);
    isa.vectorise(
        #[inline(always)]
        || {
            pooled.fill(0.0);
            for block in map.chunks_exact(BLOCK * channels) {
                for (pooled, dc) in pooled.iter_mut().zip(block) {
                    *pooled += weight * dc;
                }
            }
        },
    );
}

/// The adjoint of [`global_average_pool_into`]: spreads `[channels]` to the DC of every block; other coefficients get
/// zero. Replaces `map_gradient` or (`accumulate`) adds to it.
///
/// # Panics
/// If a slice does not have the length its shape says.
pub fn global_average_pool_backward_into(
    extent: Extent,
    channels: usize,
    pooled_gradient: &[f32],
    map_gradient: &mut [f32],
    accumulate: bool,
) {
    check(extent, channels, map_gradient.len(), pooled_gradient.len());
    let weight = dc_weight(extent);
    if !accumulate {
        map_gradient.fill(0.0);
    }
    for block in map_gradient.chunks_exact_mut(BLOCK * channels) {
        for (dc, gradient) in block.iter_mut().zip(pooled_gradient) {
            *dc += weight * gradient;
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "no map has 2^24 pixels")]
fn dc_weight(extent: Extent) -> f32 {
    8.0 / extent.pixels() as f32
}

fn check(extent: Extent, channels: usize, map: usize, pooled: usize) {
    assert_eq!(map, extent.grid().blocks() * BLOCK * channels, "the feature map fills its grid");
    assert_eq!(pooled, channels, "one mean a channel");
}

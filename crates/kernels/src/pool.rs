//! Global average pooling: the mean over all pixels is the mean over blocks of `F_00 / 8`.

use crate::block::{BLOCK, Grid};
use crate::isa::Isa;

/// `pooled_c = Σ_blocks F_00 / (8·blocks)` of one image: `[blocks, 64, channels]` orthonormal coefficients to
/// `[channels]` pixel means (the paper's §3.4, for any number of blocks).
///
/// # Panics
/// If a slice does not have the length its shape says.
pub fn global_average_pool_into(isa: Isa, grid: Grid, channels: usize, map: &[f32], pooled: &mut [f32]) {
    check(grid, channels, map.len(), pooled.len());
    let weight = dc_weight(grid);
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
    grid: Grid,
    channels: usize,
    pooled_gradient: &[f32],
    map_gradient: &mut [f32],
    accumulate: bool,
) {
    check(grid, channels, map_gradient.len(), pooled_gradient.len());
    let weight = dc_weight(grid);
    if !accumulate {
        map_gradient.fill(0.0);
    }
    for block in map_gradient.chunks_exact_mut(BLOCK * channels) {
        for (dc, gradient) in block.iter_mut().zip(pooled_gradient) {
            *dc += weight * gradient;
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "no grid has 2^24 blocks")]
fn dc_weight(grid: Grid) -> f32 {
    1.0 / (8.0 * grid.blocks() as f32)
}

fn check(grid: Grid, channels: usize, map: usize, pooled: usize) {
    assert_eq!(map, grid.blocks() * BLOCK * channels, "the feature map fills its grid");
    assert_eq!(pooled, channels, "one mean a channel");
}

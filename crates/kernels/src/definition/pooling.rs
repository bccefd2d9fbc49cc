//! Global average pooling and addition of coefficient maps.

use super::map::CoefficientMap;
use crate::block::{BLOCK, SIDE};

/// `pooled = mean over blocks of q_0·F_00/8`, the mean of a channel's pixels, for one block or many: `[images,
/// channels]`. Source: the paper, global average pooling.
#[must_use]
pub fn global_average_pool(input: &CoefficientMap) -> Vec<f64> {
    let scale = 1.0 / (SIDE * input.grid.blocks()) as f64;
    let mean = |index: usize| {
        let (image, channel) = (index / input.channels, index % input.channels);
        let dc = input.plane(image, channel).iter().step_by(BLOCK);
        dc.sum::<f64>() * input.steps[channel][0] * scale
    };
    (0..input.images * input.channels).map(mean).collect()
}

/// Gradient of [`global_average_pool`]: `dF_00 = q_0·dpooled/(8·blocks)` in every block of the map `like`, 0 elsewhere.
///
/// # Panics
/// If there is not one derivative a channel of every image.
#[must_use]
pub fn global_average_pool_gradient(like: &CoefficientMap, pooled_gradient: &[f64]) -> CoefficientMap {
    assert_eq!(pooled_gradient.len(), like.images * like.channels, "one derivative a channel of every image");
    let mut gradient = CoefficientMap::zeros(like.images, like.grid, like.steps.clone());
    let scale = 1.0 / (SIDE * like.grid.blocks()) as f64;
    for (index, pooled) in pooled_gradient.iter().enumerate() {
        let (image, channel) = (index / like.channels, index % like.channels);
        let dc = pooled * like.steps[channel][0] * scale;
        gradient.plane_mut(image, channel).iter_mut().step_by(BLOCK).for_each(|value| *value = dc);
    }
    gradient
}

/// Addition is addition: J is linear, so J(a) + J(b) = J(a + b).
///
/// # Panics
/// If the maps are not of one shape and in the same units.
#[must_use]
pub fn add(a: &CoefficientMap, b: &CoefficientMap) -> CoefficientMap {
    assert!((a.images, a.grid, &a.steps) == (b.images, b.grid, &b.steps), "terms of one shape in the same units");
    let values = a.values.iter().zip(&b.values).map(|(a, b)| a + b).collect();
    CoefficientMap { values, ..a.clone() }
}

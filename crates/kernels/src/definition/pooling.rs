//! Pooling, subsampling, truncation and addition of coefficient maps.

use super::map::CoefficientMap;
use super::pixels;
use super::steps::UNIT_STEPS;
use crate::block::{BLOCK, SIDE, coefficients_kept};

/// `pooled = 8·Σ_blocks q_0·F_00/n`, the mean of a channel's n pixels, for one block or many: `[images, channels]`. What lies
/// beyond a map counts as it is: zero. Source: the paper, global average pooling.
#[must_use]
pub fn global_average_pool(input: &CoefficientMap) -> Vec<f64> {
    let scale = SIDE as f64 / input.extent.pixels() as f64;
    let mean = |index: usize| {
        let (image, channel) = (index / input.channels, index % input.channels);
        let dc = input.plane(image, channel).iter().step_by(BLOCK);
        dc.sum::<f64>() * input.steps[channel][0] * scale
    };
    (0..input.images * input.channels).map(mean).collect()
}

/// Gradient of [`global_average_pool`]: `dF_00 = 8·q_0·dpooled/n` in every block of the map `like`, 0 elsewhere.
///
/// # Panics
/// If there is not one derivative a channel of every image.
#[must_use]
pub fn global_average_pool_gradient(like: &CoefficientMap, pooled_gradient: &[f64]) -> CoefficientMap {
    assert_eq!(pooled_gradient.len(), like.images * like.channels, "one derivative a channel of every image");
    let mut gradient = CoefficientMap::zeros(like.images, like.extent, like.steps.clone());
    let scale = SIDE as f64 / like.extent.pixels() as f64;
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

/// `J(maxpool(J̃F))`, in the units of the input.
///
/// # Panics
/// As [`pixels::max_pool`].
#[must_use]
pub fn max_pool(size: usize, stride: usize, padding: usize, input: &CoefficientMap) -> CoefficientMap {
    let pooled = pixels::max_pool(size, stride, padding, &input.to_pixels());
    CoefficientMap::from_pixels(&pooled, input.steps.clone())
}

/// Gradient of [`max_pool`]; `output_gradient` holds derivatives by the output's values in their units, the result likewise.
///
/// # Panics
/// As [`pixels::max_pool_gradient`].
#[must_use]
pub fn max_pool_gradient(
    size: usize,
    stride: usize,
    padding: usize,
    input: &CoefficientMap,
    output_gradient: &CoefficientMap,
) -> CoefficientMap {
    let cotangent = output_gradient.gradient_to_orthonormal().to_pixels();
    let gradient = pixels::max_pool_gradient(size, stride, padding, &input.to_pixels(), &cotangent);
    let gradient = CoefficientMap::from_pixels(&gradient, vec![UNIT_STEPS; input.channels]);
    gradient.gradient_from_orthonormal(input.steps.clone())
}

/// `J(subsample(J̃F))` in orthonormal units.
///
/// # Panics
/// As [`pixels::subsample`].
#[must_use]
pub fn subsample(stride: usize, channels: usize, input: &CoefficientMap) -> CoefficientMap {
    let kept = pixels::subsample(stride, channels, &input.to_pixels());
    CoefficientMap::from_pixels(&kept, vec![UNIT_STEPS; channels])
}

/// Gradient of [`subsample`] of a map like `input`; derivatives by the input's values in their units.
///
/// # Panics
/// As [`pixels::subsample_gradient`].
#[must_use]
pub fn subsample_gradient(stride: usize, input: &CoefficientMap, output_gradient: &CoefficientMap) -> CoefficientMap {
    let cotangent = output_gradient.gradient_to_orthonormal().to_pixels();
    let gradient = pixels::subsample_gradient(stride, &input.to_pixels(), &cotangent);
    let gradient = CoefficientMap::from_pixels(&gradient, vec![UNIT_STEPS; input.channels]);
    gradient.gradient_from_orthonormal(input.steps.clone())
}

/// P: `F·[α + β < φ]` of every block, an orthogonal projection and so its own adjoint.
///
/// # Panics
/// If frequencies are not in 1…15.
#[must_use]
pub fn truncate(frequencies: usize, input: &CoefficientMap) -> CoefficientMap {
    let mut output = input.clone();
    for block in output.values.chunks_exact_mut(BLOCK) {
        block[coefficients_kept(frequencies)..].fill(0.0);
    }
    output
}

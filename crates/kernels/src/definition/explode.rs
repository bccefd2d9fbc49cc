//! Explosion by the paper's Algorithm 1: a convolution C of pixels as the linear map Ξ = J̃·C·J of coefficients.

use super::jpeg::JpegTransform;
use super::linear_map::LinearMap;
use super::map::{CoefficientMap, crop, fill_up};
use super::pixels::{add_plane_convolution, bias_gradient};
use super::steps::{Steps, UNIT_STEPS};
use crate::block::BLOCK;
use crate::conv2d::Conv2dShape;

/// Ξ of one channel pair by Algorithm 1: the high·wide·64 rows of J̃ are a batch of one-channel images; each is convolved
/// with the spatial filter `[size, size]` and encoded by the J of the output's size. `Ξ = J(J̃ ⋆ K)`; J̃ cuts to the map's
/// size, J fills up with zeros (a 1×1 filter at stride 1 keeps pixels apart and takes whole blocks).
///
/// The map goes from `[high, wide, 64 zigzag]` in units of `input_steps` to the output's blocks in units of
/// `output_steps`; steps of 1 give the orthonormal Ξ. Only the shape's size, stride, padding and grid are used.
/// Source: the paper, "Deriving the JPEG domain convolution", Algorithm 1.
///
/// # Panics
/// If the filter is not `[size, size]` or is larger than the padded input.
#[must_use]
pub fn explode(shape: &Conv2dShape, filter: &[f64], input_steps: &Steps, output_steps: &Steps) -> LinearMap {
    let (from, to) = shape.cut_to(shape.output_extent().expect("the filter fits the padded input"));
    let shape = Conv2dShape { input: from, ..*shape };
    let input = JpegTransform { grid: from.grid(), steps: *input_steps };
    let output = JpegTransform { grid: to.grid(), steps: *output_steps };
    let (rows, outputs) = (from.grid().blocks() * BLOCK, to.grid().blocks() * BLOCK);
    LinearMap::from_rows(rows, outputs, |row| {
        let mut unit = vec![0.0; rows];
        unit[row] = 1.0;
        let mut convolved = vec![0.0; to.pixels()];
        add_plane_convolution(&shape, filter, &crop(from, &input.decode(&unit)), &mut convolved);
        output.encode(&fill_up(to, &convolved))
    })
}

/// `F'_o = Σ_i Ξ_oi·F_i`, plus bias_o at every pixel inside, by Algorithm 1 for every channel pair.
///
/// Filter `[out, in, size, size]`; the output is in units of `output_steps`, one entry an output channel.
///
/// # Panics
/// If an argument does not have the shape that `shape` says.
#[must_use]
pub fn convolve_exploded(
    shape: &Conv2dShape,
    filter: &[f64],
    bias: Option<&[f64]>,
    input: &CoefficientMap,
    output_steps: Vec<Steps>,
) -> CoefficientMap {
    convolve_by(shape, filter, bias, input, output_steps, |pair, input_steps, output_steps| {
        let map = explode(shape, pair, input_steps, output_steps);
        move |plane: &[f64]| map.apply(plane)
    })
}

/// The sum over input channels that both forms of Ξ share; `map_of_pair` gives Ξ of one channel pair's filter.
pub(super) fn convolve_by<Apply: Fn(&[f64]) -> Vec<f64>>(
    shape: &Conv2dShape,
    filter: &[f64],
    bias: Option<&[f64]>,
    input: &CoefficientMap,
    output_steps: Vec<Steps>,
    map_of_pair: impl Fn(&[f64], &Steps, &Steps) -> Apply,
) -> CoefficientMap {
    check(shape, filter, input);
    assert_eq!(output_steps.len(), shape.output_channels, "steps for every output channel");
    let size = shape.output_extent().expect("the filter fits the padded input");
    let mut output = CoefficientMap::zeros(input.images, size, output_steps);
    for (pair, filter) in filter.chunks_exact(shape.size * shape.size).enumerate() {
        let (o, i) = (pair / shape.input_channels, pair % shape.input_channels);
        let apply = map_of_pair(filter, &input.steps[i], &output.steps[o]);
        for image in 0..input.images {
            for (sum, term) in output.plane_mut(image, o).iter_mut().zip(apply(input.plane(image, i))) {
                *sum += term;
            }
        }
    }
    for (channel, bias) in bias.into_iter().flatten().enumerate() {
        output.add_constant(channel, *bias);
    }
    output
}

/// What a convolution's backward gives.
#[derive(Clone, Debug, PartialEq)]
pub struct ConvolutionGradients {
    /// By the input's coefficients, in the input's units.
    pub input: CoefficientMap,
    /// By the spatial filter, `[out, in, size, size]`.
    pub filter: Vec<f64>,
    /// By the bias, `[out]`.
    pub bias: Vec<f64>,
}

/// Gradients through Ξ: `dF_i = Σ_o Ξ_oiᵀ·dF'_o`; Ξ is linear in K, so `dK_oiuv = dF'_oᵀ·Ξ_uv·F_i` with Ξ_uv the explosion
/// of the filter that is 1 at tap (u, v) and 0 elsewhere; `db_o` is the sum
/// of the derivatives by the pixels inside.
///
/// `output_gradient` holds derivatives by the output's values, in the output's units.
///
/// # Panics
/// If an argument does not have the shape that `shape` says.
#[must_use]
pub fn exploded_gradients(
    shape: &Conv2dShape,
    filter: &[f64],
    input: &CoefficientMap,
    output_gradient: &CoefficientMap,
) -> ConvolutionGradients {
    check(shape, filter, input);
    let taps = shape.size * shape.size;
    let (signal, cotangent) = (input.orthonormal(), output_gradient.gradient_to_orthonormal());
    let mut input_gradient = CoefficientMap::zeros(input.images, input.extent, signal.steps.clone());
    let mut filter_gradient = vec![0.0; filter.len()];
    for (pair, filter) in filter.chunks_exact(taps).enumerate() {
        let (o, i) = (pair / shape.input_channels, pair % shape.input_channels);
        let map = explode(shape, filter, &UNIT_STEPS, &UNIT_STEPS);
        for image in 0..input.images {
            let terms = map.apply_adjoint(cotangent.plane(image, o));
            for (sum, term) in input_gradient.plane_mut(image, i).iter_mut().zip(terms) {
                *sum += term;
            }
        }
    }
    for tap in 0..taps {
        let mut unit = vec![0.0; taps];
        unit[tap] = 1.0;
        let map = explode(shape, &unit, &UNIT_STEPS, &UNIT_STEPS);
        for image in 0..input.images {
            for i in 0..shape.input_channels {
                let response = map.apply(signal.plane(image, i));
                for o in 0..shape.output_channels {
                    let product = response.iter().zip(cotangent.plane(image, o)).map(|(x, dy)| x * dy);
                    filter_gradient[(o * shape.input_channels + i) * taps + tap] += product.sum::<f64>();
                }
            }
        }
    }
    ConvolutionGradients {
        input: input_gradient.gradient_from_orthonormal(input.steps.clone()),
        filter: filter_gradient,
        bias: bias_gradient(&cotangent.to_pixels()),
    }
}

fn check(shape: &Conv2dShape, filter: &[f64], input: &CoefficientMap) {
    assert_eq!(filter.len(), shape.filter_len(), "a filter is [out, in, size, size]");
    assert_eq!(input.channels, shape.input_channels, "the shape's input channels");
    assert_eq!(input.extent, shape.input, "the shape's input size");
}

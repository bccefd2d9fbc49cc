//! The spatial twin: the operations of a residual network on pixels, float64, naive. No transform appears here.

mod pool;

pub use super::pixel_map::PixelMap;
pub use pool::{average_pool, max_pool, max_pool_gradient, subsample, subsample_gradient};

use super::batch_norm::{BatchNorm, Moments};
use super::nonlinearity::Piece;
use crate::conv2d::Conv2dShape;
use crate::extent::Extent;

/// `y[h, w] = Σ_iuv K_oiuv·x_i[stride·h + u − p, stride·w + v − p] + b_o`, zero outside (`torch.nn.functional.conv2d`).
/// Filter `[out, in, size, size]`.
///
/// # Panics
/// If an argument does not have the shape that `shape` says.
#[must_use]
pub fn conv2d(shape: &Conv2dShape, filter: &[f64], bias: Option<&[f64]>, input: &PixelMap) -> PixelMap {
    let Extent { height, width } = check(shape, filter, input);
    let mut output = PixelMap::zeros(input.images, shape.output_channels, height, width);
    for image in 0..input.images {
        for (pair, filter) in filter.chunks_exact(shape.size * shape.size).enumerate() {
            let (o, i) = (pair / shape.input_channels, pair % shape.input_channels);
            add_plane_convolution(shape, filter, input.plane(image, i), output.plane_mut(image, o));
        }
        for (o, bias) in bias.into_iter().flatten().enumerate() {
            output.plane_mut(image, o).iter_mut().for_each(|value| *value += bias);
        }
    }
    output
}

/// What a convolution's backward gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv2dGradients {
    /// By the input's pixels.
    pub input: PixelMap,
    /// By the filter, `[out, in, size, size]`.
    pub filter: Vec<f64>,
    /// By the bias, `[out]`.
    pub bias: Vec<f64>,
}

/// Gradients of [`conv2d`].
///
/// # Panics
/// If an argument does not have the shape that `shape` says.
#[must_use]
pub fn conv2d_gradients(
    shape: &Conv2dShape,
    filter: &[f64],
    input: &PixelMap,
    output_gradient: &PixelMap,
) -> Conv2dGradients {
    assert_eq!(output_gradient.extent(), check(shape, filter, input), "the output's size");
    let taps = shape.size * shape.size;
    let mut gradients = Conv2dGradients {
        input: PixelMap { values: vec![0.0; input.values.len()], ..*input },
        filter: vec![0.0; filter.len()],
        bias: bias_gradient(output_gradient),
    };
    for image in 0..input.images {
        for pair in 0..shape.output_channels * shape.input_channels {
            let (o, i) = (pair / shape.input_channels, pair % shape.input_channels);
            let (x, dy) = (input.plane(image, i), output_gradient.plane(image, o));
            let (weights, dweights) = (&filter[pair * taps..][..taps], &mut gradients.filter[pair * taps..][..taps]);
            let dx = gradients.input.plane_mut(image, i);
            for_each_product(shape, |tap, from, to| {
                dx[from] += weights[tap] * dy[to];
                dweights[tap] += x[from] * dy[to];
            });
        }
    }
    gradients
}

/// Adds the convolution of one plane with one `[size, size]` filter.
pub(super) fn add_plane_convolution(shape: &Conv2dShape, filter: &[f64], input: &[f64], output: &mut [f64]) {
    assert_eq!(filter.len(), shape.size * shape.size, "a filter of one channel pair is [size, size]");
    for_each_product(shape, |tap, from, to| output[to] += filter[tap] * input[from]);
}

/// Derivatives by a bias, `db_o = Σ_pixels dy_o`.
pub(super) fn bias_gradient(output_gradient: &PixelMap) -> Vec<f64> {
    output_gradient.channel_sums(|index| output_gradient.values[index])
}

/// Calls with each tap and the input and output pixel it connects.
fn for_each_product(shape: &Conv2dShape, mut each: impl FnMut(usize, usize, usize)) {
    let Extent { height, width } = shape.input;
    let output = output_extent(shape);
    // The outputs whose pixel stride·out + tap − padding lies inside.
    let reached = |tap: usize, side: usize, outputs: usize| {
        let first = shape.padding.saturating_sub(tap).div_ceil(shape.stride);
        let end = (side + shape.padding).saturating_sub(tap).div_ceil(shape.stride);
        first..end.min(outputs)
    };
    for tap in 0..shape.size * shape.size {
        let (u, v) = (tap / shape.size, tap % shape.size);
        for h in reached(u, height, output.height) {
            let from_row = (h * shape.stride + u - shape.padding) * width;
            for w in reached(v, width, output.width) {
                each(tap, from_row + w * shape.stride + v - shape.padding, h * output.width + w);
            }
        }
    }
}

fn output_extent(shape: &Conv2dShape) -> Extent {
    shape.output_extent().expect("the filter fits the padded input")
}

fn check(shape: &Conv2dShape, filter: &[f64], input: &PixelMap) -> Extent {
    assert_eq!(filter.len(), shape.filter_len(), "a filter is [out, in, size, size]");
    assert_eq!(input.channels, shape.input_channels, "the shape's input channels");
    assert_eq!(input.extent(), shape.input, "the shape's input size");
    output_extent(shape)
}

/// `y = f(x)` for every pixel, f given by its pieces.
#[must_use]
pub fn piecewise_linear(pieces: &[Piece], input: &PixelMap) -> PixelMap {
    let value = |x: &f64| {
        let piece = piece_at(pieces, *x);
        piece.slope * x + piece.intercept
    };
    PixelMap { values: input.values.iter().map(value).collect(), ..*input }
}

/// `dx = f'(x)·dy`.
#[must_use]
pub fn piecewise_linear_gradient(pieces: &[Piece], input: &PixelMap, output_gradient: &PixelMap) -> PixelMap {
    let products = input.values.iter().zip(&output_gradient.values).map(|(x, dy)| piece_at(pieces, *x).slope * dy);
    PixelMap { values: products.collect(), ..*input }
}

fn piece_at(pieces: &[Piece], x: f64) -> Piece {
    *pieces.iter().rfind(|piece| x > piece.above).unwrap_or(&pieces[0])
}

/// Mean and biased variance of every channel's pixels, in two passes.
#[must_use]
pub fn moments(input: &PixelMap) -> Moments {
    let pixels = (input.images * input.height * input.width) as f64;
    let mean: Vec<f64> = input.channel_sums(|index| input.values[index]).iter().map(|sum| sum / pixels).collect();
    let deviation = |index: usize| input.values[index] - mean[input.channel_of(index)];
    let variance = input.channel_sums(|index| deviation(index).powi(2)).iter().map(|sum| sum / pixels).collect();
    Moments { mean, variance, pixels }
}

/// `y = γ·(x − μ)/√(σ²+ε) + β` (`torch.nn.BatchNorm2d`).
#[must_use]
pub fn batch_norm(norm: &BatchNorm, moments: &Moments, input: &PixelMap) -> PixelMap {
    let value = |(index, x): (usize, &f64)| {
        let c = input.channel_of(index);
        norm.weight[c] * (x - moments.mean[c]) / (moments.variance[c] + norm.epsilon).sqrt() + norm.bias[c]
    };
    PixelMap { values: input.values.iter().enumerate().map(value).collect(), ..*input }
}

/// Gradients of training-mode [`batch_norm`] by input, γ and β: `dβ = Σdy`, `dγ = Σ dy·x̂`,
/// `dx = γ/√(σ²+ε)·(dy − dβ/n − x̂·dγ/n)`.
#[must_use]
pub fn batch_norm_gradients(
    norm: &BatchNorm,
    moments: &Moments,
    input: &PixelMap,
    output_gradient: &PixelMap,
) -> (PixelMap, Vec<f64>, Vec<f64>) {
    let dy = &output_gradient.values;
    let deviation = |c: usize| (moments.variance[c] + norm.epsilon).sqrt();
    let normalised = |index: usize| {
        let c = input.channel_of(index);
        (input.values[index] - moments.mean[c]) / deviation(c)
    };
    let weight = input.channel_sums(|index| dy[index] * normalised(index));
    let bias = input.channel_sums(|index| dy[index]);
    let dx = |index: usize| {
        let c = input.channel_of(index);
        let centred = dy[index] - (bias[c] + normalised(index) * weight[c]) / moments.pixels;
        norm.weight[c] / deviation(c) * centred
    };
    (PixelMap { values: (0..dy.len()).map(dx).collect(), ..*input }, weight, bias)
}

/// Mean of every channel's pixels: `[images, channels]`.
#[must_use]
pub fn global_average_pool(input: &PixelMap) -> Vec<f64> {
    let pixels = input.height * input.width;
    input.values.chunks_exact(pixels).map(|plane| plane.iter().sum::<f64>() / pixels as f64).collect()
}

/// Gradient of [`global_average_pool`]: every pixel of the map `like` gets `dpooled/(height·width)`.
#[must_use]
pub fn global_average_pool_gradient(like: &PixelMap, pooled_gradient: &[f64]) -> PixelMap {
    let pixels = like.height * like.width;
    let values = (0..like.values.len()).map(|index| pooled_gradient[index / pixels] / pixels as f64);
    PixelMap { values: values.collect(), ..*like }
}

/// `a + b`, pixel by pixel.
///
/// # Panics
/// If the maps differ in shape.
#[must_use]
pub fn add(a: &PixelMap, b: &PixelMap) -> PixelMap {
    assert!((a.images, a.channels, a.height, a.width) == (b.images, b.channels, b.height, b.width), "one shape");
    PixelMap { values: a.values.iter().zip(&b.values).map(|(a, b)| a + b).collect(), ..*a }
}

/// `y = x·Wᵀ + b`; x `[rows, inputs]`, weight `[outputs, inputs]`, bias `[outputs]`, y `[rows, outputs]`.
#[must_use]
pub fn linear(inputs: usize, x: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let row = |x: &[f64]| -> Vec<f64> {
        let dot = |weight: &[f64]| weight.iter().zip(x).map(|(weight, x)| weight * x).sum::<f64>();
        weight.chunks_exact(inputs).zip(bias).map(|(weight, bias)| dot(weight) + bias).collect()
    };
    x.chunks_exact(inputs).flat_map(row).collect()
}

/// Gradients of [`linear`] by x, weight and bias: `dx = dy·W`, `dW = dyᵀ·x`, `db = Σ_rows dy`.
#[must_use]
pub fn linear_gradients(inputs: usize, x: &[f64], weight: &[f64], dy: &[f64]) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let outputs = weight.len() / inputs;
    let (mut dx, mut dweight, mut dbias) = (vec![0.0; x.len()], vec![0.0; weight.len()], vec![0.0; outputs]);
    for (index, dy) in dy.iter().enumerate() {
        let (row, o) = (index / outputs, index % outputs);
        dbias[o] += dy;
        for i in 0..inputs {
            dx[row * inputs + i] += dy * weight[o * inputs + i];
            dweight[o * inputs + i] += dy * x[row * inputs + i];
        }
    }
    (dx, dweight, dbias)
}

/// Mean over rows of `−log softmax(logits)[label]`, and its gradient `(softmax − onehot)/rows`; logits
/// `[rows, classes]`.
///
/// # Panics
/// If there is not a row of logits a label, or a label is not a class.
#[must_use]
pub fn softmax_cross_entropy(logits: &[f64], classes: usize, labels: &[usize]) -> (f64, Vec<f64>) {
    assert_eq!(logits.len(), classes * labels.len(), "a row of logits a label");
    let rows = labels.len() as f64;
    let (mut loss, mut gradient) = (0.0, Vec::with_capacity(logits.len()));
    for (row, &label) in logits.chunks_exact(classes).zip(labels) {
        let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = row.iter().map(|logit| (logit - largest).exp()).sum();
        loss += (sum.ln() + largest - row[label]) / rows;
        gradient.extend(row.iter().enumerate().map(|(class, logit)| {
            let onehot = f64::from(u8::from(class == label));
            ((logit - largest).exp() / sum - onehot) / rows
        }));
    }
    (loss, gradient)
}

//! Batch normalisation by the DCT mean-variance theorem.
//!
//! Per channel, over the n pixels of a batch: μ = 8·ΣF_00/n and σ² = Σ_k F_k²/n − μ², by Parseval's theorem. DCs, which
//! alone know the mean, are summed in float64, so that a large mean does not eat the digits of variances and gradients.
//! Source: the paper's §4.3, theorem 2; running statistics as `torch.nn.BatchNorm2d` keeps them.

use crate::block::BLOCK;
use crate::edges::{Edges, add_inside};
use crate::extent::Extent;
use crate::isa::{BlockKernel, Full, Isa, Lanes, Partial, over_blocks};
use pulp::{Simd, WithSimd};

/// Sums a channel needs for its statistics: Σ F_00, Σ F_00², Σ of the squared AC coefficients.
pub const MOMENTS: usize = 3;

/// Sums a channel needs for its gradients: Σ_k dF'_k·F_k and Σ dF'_00.
pub const GRADIENT_MOMENTS: usize = 2;

/// Mean and variance of each channel's pixels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchStatistics {
    /// μ.
    pub mean: Vec<f64>,
    /// σ², divided by the number of pixels (biased), which is what normalises.
    pub variance: Vec<f64>,
    /// n, the pixels a channel: those of one image times the batch.
    pub pixels: f64,
}

/// Adds one or more images' sums to `moments` `[3, channels]`; map `[blocks, 64, channels]`, orthonormal, zero beyond its
/// last row and column.
///
/// # Panics
/// If a slice does not have the length its shape says.
pub fn add_moments(isa: Isa, channels: usize, map: &[f32], moments: &mut [f64]) {
    assert_eq!(map.len() % (BLOCK * channels), 0, "a feature map is a whole number of blocks");
    assert_eq!(moments.len(), MOMENTS * channels, "three moments a channel");
    let (dc_sums, rest) = moments.split_at_mut(channels);
    let (dc_squares, ac_squares) = rest.split_at_mut(channels);
    isa.vectorise(
        #[inline(always)]
        || {
            for block in map.chunks_exact(BLOCK * channels) {
                for ((sum, square), &dc) in dc_sums.iter_mut().zip(dc_squares.iter_mut()).zip(block) {
                    let dc = f64::from(dc);
                    *sum += dc;
                    *square += dc * dc;
                }
            }
        },
    );
    isa.run(AcProducts { channels, factors: Squared { map }, sums: ac_squares });
}

/// Adds one or more images' sums to `moments` `[2, channels]`: Σ_k dF'_k·F_k and, as if at DC, an eighth of the sum of the
/// derivatives by the pixels inside: Σ dF'_00 where the blocks lie inside.
///
/// # Panics
/// If a slice does not have the length its shape says.
pub fn add_gradient_moments(
    isa: Isa,
    extent: Extent,
    channels: usize,
    input: &[f32],
    output_gradient: &[f32],
    moments: &mut [f64],
) {
    assert_eq!(input.len() % (extent.grid().blocks() * BLOCK * channels), 0, "a whole number of images");
    assert_eq!(input.len(), output_gradient.len(), "a gradient for every coefficient");
    assert_eq!(moments.len(), GRADIENT_MOMENTS * channels, "two moments a channel");
    let (products, dc_sums) = moments.split_at_mut(channels);
    let edges = Edges::new(extent);
    isa.vectorise(
        #[inline(always)]
        || {
            let block = BLOCK * channels;
            let blocks = input.chunks_exact(block).zip(output_gradient.chunks_exact(block));
            for (number, (input, gradient)) in blocks.enumerate() {
                let products = products.iter_mut().zip(input);
                for ((product, &dc), &gradient) in products.zip(gradient) {
                    *product += f64::from(dc) * f64::from(gradient);
                }
                let Some(weights) = edges.weights(number) else {
                    for (sum, &gradient) in dc_sums.iter_mut().zip(gradient) {
                        *sum += f64::from(gradient);
                    }
                    continue;
                };
                for (gradient, &weight) in gradient.chunks_exact(channels).zip(weights) {
                    for (sum, &gradient) in dc_sums.iter_mut().zip(gradient) {
                        *sum += f64::from(weight) * f64::from(gradient);
                    }
                }
            }
        },
    );
    isa.run(AcProducts { channels, factors: Paired { input, output_gradient }, sums: products });
}

/// Two maps `[blocks, 64, channels]` to multiply coefficient by coefficient.
trait Factors {
    fn len(&self) -> usize;
    fn load<S: Simd, L: Lanes>(&self, simd: S, lanes: L, index: usize) -> [S::f32s; 2];
}

struct Squared<'a> {
    map: &'a [f32],
}

impl Factors for Squared<'_> {
    fn len(&self) -> usize {
        self.map.len()
    }

    #[inline(always)]
    fn load<S: Simd, L: Lanes>(&self, simd: S, lanes: L, index: usize) -> [S::f32s; 2] {
        [lanes.load(simd, &self.map[index..]); 2]
    }
}

struct Paired<'a> {
    input: &'a [f32],
    output_gradient: &'a [f32],
}

impl Factors for Paired<'_> {
    fn len(&self) -> usize {
        self.input.len()
    }

    #[inline(always)]
    fn load<S: Simd, L: Lanes>(&self, simd: S, lanes: L, index: usize) -> [S::f32s; 2] {
        [lanes.load(simd, &self.input[index..]), lanes.load(simd, &self.output_gradient[index..])]
    }
}

/// Adds Σ over blocks and AC coefficients of a product to `sums` `[channels]`.
struct AcProducts<'a, F> {
    channels: usize,
    factors: F,
    sums: &'a mut [f64],
}

impl<F: Factors> WithSimd for AcProducts<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let mut channel = 0;
        while channel + S::F32_LANES <= self.channels {
            self.channel_group(simd, Full, channel);
            channel += S::F32_LANES;
        }
        if channel < self.channels {
            self.channel_group(simd, Partial::new(self.channels - channel), channel);
        }
    }
}

impl<F: Factors> AcProducts<'_, F> {
    /// Sums sixteen blocks in float32, which loses nothing that matters, and those sums in float64.
    #[inline(always)]
    fn channel_group<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, channel: usize) {
        const RUN: usize = 16;
        const WIDEST: usize = 64;
        let blocks = self.factors.len() / (BLOCK * self.channels);
        for first in (0..blocks).step_by(RUN) {
            // Two chains of additions, so that one need not wait for the other.
            let mut parts = [simd.splat_f32s(0.0); 2];
            for block in first..(first + RUN).min(blocks) {
                for k in 1..BLOCK {
                    let index = (block * BLOCK + k) * self.channels + channel;
                    let [a, b] = self.factors.load(simd, lanes, index);
                    parts[k % 2] = simd.mul_add_e_f32s(a, b, parts[k % 2]);
                }
            }
            let mut values = [0.0; WIDEST];
            lanes.store(simd, &mut values, simd.add_f32s(parts[0], parts[1]));
            let sums = &mut self.sums[channel..][..lanes.count::<S>()];
            for (sum, &value) in sums.iter_mut().zip(&values) {
                *sum += f64::from(value);
            }
        }
    }
}

impl BatchStatistics {
    /// Statistics of `pixels` pixels (batch times map) from their [`add_moments`] sums. A single pixel is its own mean and
    /// tells no variance: it is infinite then, by which the pixel is normalised to exactly zero and no gradient reaches it.
    ///
    /// # Panics
    /// If there are no pixels or not three moments a channel.
    #[must_use]
    pub fn from_moments(moments: &[f64], channels: usize, pixels: usize) -> Self {
        assert!(pixels > 0, "statistics of at least one pixel");
        assert_eq!(moments.len(), MOMENTS * channels, "three moments a channel");
        #[expect(clippy::cast_precision_loss, reason = "no batch has 2^52 pixels")]
        let pixels = pixels as f64;
        let (dc, rest) = moments.split_at(channels);
        let (dc_squared, ac_squared) = rest.split_at(channels);
        let mean: Vec<f64> = dc.iter().map(|sum| sum / (pixels / 8.0)).collect();
        let spread = dc_squared.iter().zip(&mean).map(|(sum, mean)| sum / pixels - mean * mean);
        // The spread alone may be below zero: a constant is not DC alone where a map ends inside its blocks.
        let of_channel = |(spread, energy): (f64, &f64)| {
            if pixels > 1.0 { (spread + energy / pixels).max(0.0) } else { f64::INFINITY }
        };
        let variance = spread.zip(ac_squared).map(of_channel).collect();
        BatchStatistics { mean, variance, pixels }
    }

    /// Moves running statistics towards these: `r ← (1 − momentum)·r + momentum·s`, with the unbiased variance
    /// σ²·n/(n − 1), as PyTorch does. Those of a single pixel, which PyTorch refuses, move nothing.
    ///
    /// # Panics
    /// If a slice does not have one value a channel.
    pub fn update_running(&self, momentum: f32, running_mean: &mut [f32], running_variance: &mut [f32]) {
        assert_eq!(running_mean.len(), self.mean.len(), "one running mean a channel");
        assert_eq!(running_variance.len(), self.variance.len(), "one running variance a channel");
        if self.pixels <= 1.0 {
            return;
        }
        let momentum = f64::from(momentum);
        let unbiased = self.pixels / (self.pixels - 1.0);
        let moved = |old: f32, new: f64| single((1.0 - momentum) * f64::from(old) + momentum * new);
        for (running, mean) in running_mean.iter_mut().zip(&self.mean) {
            *running = moved(*running, *mean);
        }
        for (running, variance) in running_variance.iter_mut().zip(&self.variance) {
            *running = moved(*running, variance * unbiased);
        }
    }
}

/// `scale = γ/√(σ² + ε)` and `dc_shift = 8·(β − scale·μ)`, so that normalising is [`scale_shift_into`]; in inference
/// with the running statistics.
///
/// # Panics
/// If a slice does not have one value a channel.
pub fn normalise_coefficients(
    mean: &[f64],
    variance: &[f64],
    epsilon: f32,
    weight: &[f32],
    bias: &[f32],
    scale: &mut [f32],
    dc_shift: &mut [f32],
) {
    let channels = mean.len();
    assert!(
        [variance.len(), weight.len(), bias.len(), scale.len(), dc_shift.len()] == [channels; 5],
        "one of each a channel"
    );
    for c in 0..channels {
        let factor = f64::from(weight[c]) / (variance[c] + f64::from(epsilon)).sqrt();
        scale[c] = single(factor);
        dc_shift[c] = single(8.0 * (f64::from(bias[c]) - factor * mean[c]));
    }
}

/// `output = scale∘input`, and `dc_shift/8` added to every pixel inside, which is DC `+= dc_shift` for blocks that lie
/// inside; maps `[blocks, 64, channels]` of one or more images, one scale and shift a channel.
///
/// # Panics
/// If a slice does not have the length its shape says.
pub fn scale_shift_into(
    isa: Isa,
    extent: Extent,
    channels: usize,
    input: &[f32],
    (scale, dc_shift): (&[f32], &[f32]),
    output: &mut [f32],
) {
    assert_eq!(input.len(), output.len(), "input and output are of one shape");
    assert_eq!(input.len() % (extent.grid().blocks() * BLOCK * channels), 0, "a whole number of images");
    assert!(scale.len() == channels && dc_shift.len() == channels, "one scale and shift a channel");
    isa.vectorise(
        #[inline(always)]
        || {
            for (input, output) in input.chunks_exact(channels).zip(output.chunks_exact_mut(channels)) {
                for ((output, input), scale) in output.iter_mut().zip(input).zip(scale) {
                    *output = scale * input;
                }
            }
        },
    );
    add_inside(isa, extent, dc_shift, 1.0, output);
}

/// Gradients of training-mode batch normalisation. The input's is `of_output∘dF' + of_input∘F`, DC `+= dc` (an eighth of it
/// at every pixel inside).
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNormGradient {
    /// dγ.
    pub weight: Vec<f32>,
    /// dβ.
    pub bias: Vec<f32>,
    /// Factor of the output's gradient, γ/σ.
    pub of_output: Vec<f32>,
    /// Factor of the input, −γ·mean(dy·x̂)/σ².
    pub of_input: Vec<f32>,
    /// Added to DC.
    pub dc: Vec<f32>,
}

impl BatchNormGradient {
    /// Gradients from the sums of [`add_gradient_moments`], with the batch's own statistics.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    #[must_use]
    pub fn from_moments(moments: &[f64], statistics: &BatchStatistics, epsilon: f32, weight: &[f32]) -> Self {
        let channels = statistics.mean.len();
        assert_eq!(moments.len(), GRADIENT_MOMENTS * channels, "two moments a channel");
        assert_eq!(weight.len(), channels, "one weight a channel");
        let mut gradient = BatchNormGradient {
            weight: vec![0.0; channels],
            bias: vec![0.0; channels],
            of_output: vec![0.0; channels],
            of_input: vec![0.0; channels],
            dc: vec![0.0; channels],
        };
        for c in 0..channels {
            let (mean, deviation) = (statistics.mean[c], (statistics.variance[c] + f64::from(epsilon)).sqrt());
            // In pixels, by Parseval: Σ dy·x is the sum over coefficients, Σ dy is eight times the sum of DCs.
            let (correlation, sum) = (moments[c], 8.0 * moments[channels + c]);
            let with_normalised = (correlation - mean * sum) / deviation;
            let factor = f64::from(weight[c]) / deviation;
            let of_input = -factor * with_normalised / (deviation * statistics.pixels);
            gradient.weight[c] = single(with_normalised);
            gradient.bias[c] = single(sum);
            gradient.of_output[c] = single(factor);
            gradient.of_input[c] = single(of_input);
            gradient.dc[c] = single(8.0 * (-factor * sum / statistics.pixels - of_input * mean));
        }
        gradient
    }
}

/// Gradient to the input of training-mode batch normalisation, replaced or (`accumulate`) added to; maps `[blocks, 64,
/// channels]` of one or more images, the input zero beyond its last row and column.
///
/// # Panics
/// If a slice does not have the length its shape says.
#[expect(clippy::too_many_arguments, reason = "two operands, the factors and the sum they go to")]
pub fn batch_norm_backward_into(
    isa: Isa,
    extent: Extent,
    channels: usize,
    input: &[f32],
    output_gradient: &[f32],
    gradient: &BatchNormGradient,
    input_gradient: &mut [f32],
    accumulate: bool,
) {
    assert_eq!(input.len() % (extent.grid().blocks() * BLOCK * channels), 0, "a whole number of images");
    assert!(
        input.len() == output_gradient.len() && input.len() == input_gradient.len(),
        "input and gradients are of one shape"
    );
    assert_eq!(gradient.dc.len(), channels, "gradients of that many channels");
    let blocks = input.len() / (BLOCK * channels);
    let edges = Edges::new(extent);
    let place = Combine { edges, channels, input, output_gradient, gradient, input_gradient, accumulate };
    over_blocks(isa, blocks, channels, place);
}

struct Combine<'a> {
    edges: Edges,
    channels: usize,
    input: &'a [f32],
    output_gradient: &'a [f32],
    gradient: &'a BatchNormGradient,
    input_gradient: &'a mut [f32],
    accumulate: bool,
}

impl BlockKernel for Combine<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let range = block * BLOCK * self.channels..(block + 1) * BLOCK * self.channels;
        let (input, dy) = (&self.input[range.clone()], &self.output_gradient[range.clone()]);
        let dx = &mut self.input_gradient[range];
        let of_output = lanes.load(simd, &self.gradient.of_output[channel..]);
        let of_input = lanes.load(simd, &self.gradient.of_input[channel..]);
        let dc = lanes.load(simd, &self.gradient.dc[channel..]);
        let weights = self.edges.weights(block);
        let mut shift = dc;
        for k in 0..BLOCK {
            if let Some(weights) = weights {
                shift = simd.mul_f32s(simd.splat_f32s(weights[k]), dc);
            }
            let at = k * self.channels + channel;
            let out = &mut dx[at..];
            let before = if self.accumulate { simd.add_f32s(shift, lanes.load(simd, out)) } else { shift };
            let with_input = simd.mul_add_e_f32s(of_input, lanes.load(simd, &input[at..]), before);
            let value = simd.mul_add_e_f32s(of_output, lanes.load(simd, &dy[at..]), with_input);
            lanes.store(simd, out, value);
            shift = simd.splat_f32s(0.0);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a scalar of a float32 map, computed in float64")]
fn single(value: f64) -> f32 {
    value as f32
}

//! Batch normalisation by the DCT mean-variance theorem (the paper's batch normalisation section and appendix).

use super::map::CoefficientMap;
use crate::block::{BLOCK, SIDE};

/// Mean and (biased) variance of every channel's pixels, read from its coefficients.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// μ of every channel.
    pub mean: Vec<f64>,
    /// σ² of every channel, over n pixels, divided by n.
    pub variance: Vec<f64>,
    /// n, those of one image times the images.
    pub pixels: f64,
}

impl Moments {
    /// Over the n pixels of the batch, with G = q∘F cleared beyond the maps' last rows and columns: `μ = 8·ΣG_00/n`,
    /// `σ² = ΣΣ_k G_k²/n − μ²`.
    ///
    /// Setting DC to zero and averaging the energy of the rest is not this: block means differ.
    #[must_use]
    pub fn of(input: &CoefficientMap) -> Moments {
        let (inside, pixels) = (input.inside(), (input.images * input.extent.pixels()) as f64);
        let (mean, variance) = (0..input.channels)
            .map(|channel| {
                let (mut dc, mut energy) = (0.0, 0.0);
                for image in 0..input.images {
                    for block in inside.plane(image, channel).chunks_exact(BLOCK) {
                        dc += block[0];
                        energy += block.iter().map(|g| g.powi(2)).sum::<f64>();
                    }
                }
                let mean = SIDE as f64 * dc / pixels;
                (mean, energy / pixels - mean * mean)
            })
            .unzip();
        Moments { mean, variance, pixels }
    }

    /// Running statistics after this batch, as PyTorch moves them: `(1 − momentum)·old + momentum·new`, the variance
    /// unbiased (σ²·n/(n − 1)).
    #[must_use]
    pub fn moved(&self, running: &Moments, momentum: f64) -> Moments {
        let moved = |old: &f64, new: f64| (1.0 - momentum) * old + momentum * new;
        let unbiased = self.pixels / (self.pixels - 1.0);
        Moments {
            mean: running.mean.iter().zip(&self.mean).map(|(old, new)| moved(old, *new)).collect(),
            variance: running.variance.iter().zip(&self.variance).map(|(old, v)| moved(old, v * unbiased)).collect(),
            pixels: self.pixels,
        }
    }
}

/// The learned parameters and ε of a batch normalisation.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNorm {
    /// γ of every channel.
    pub weight: Vec<f64>,
    /// β of every channel.
    pub bias: Vec<f64>,
    /// ε, added to the variance under the root.
    pub epsilon: f64,
}

/// What a training-mode batch normalisation's backward gives.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNormGradients {
    /// By the input's coefficients, in the input's units.
    pub input: CoefficientMap,
    /// dγ.
    pub weight: Vec<f64>,
    /// dβ.
    pub bias: Vec<f64>,
}

impl BatchNorm {
    /// `F ← γF/√(σ²+ε)`, then `β − γμ/√(σ²+ε)` added to every pixel inside (`DC += 8·(β − γμ/√(σ²+ε))/q_0` where blocks lie
    /// inside): with the batch's own moments in training, with the running ones in inference. Output in the units of the
    /// input.
    #[must_use]
    pub fn apply(&self, moments: &Moments, input: &CoefficientMap) -> CoefficientMap {
        let mut output = input.clone();
        for channel in 0..input.channels {
            let scale = self.scale(moments, channel);
            for image in 0..input.images {
                output.plane_mut(image, channel).iter_mut().for_each(|value| *value *= scale);
            }
            output.add_constant(channel, self.bias[channel] - scale * moments.mean[channel]);
        }
        output
    }

    /// Gradients of training-mode normalisation, whose moments depend on the input. With x̂ the normalised pixels, sums
    /// over the n pixels of a channel taken by Parseval's theorem: `dβ = Σdy`, `dγ = Σ dy·x̂`,
    /// `dx = γ/√(σ²+ε)·(dy − dβ/n − x̂·dγ/n)`, the last two terms inside the maps only, as are the moments.
    ///
    /// `output_gradient` holds derivatives by the output's values in their units; the result likewise.
    #[must_use]
    pub fn gradients(
        &self,
        moments: &Moments,
        input: &CoefficientMap,
        output_gradient: &CoefficientMap,
    ) -> BatchNormGradients {
        let plain =
            BatchNorm { weight: vec![1.0; input.channels], bias: vec![0.0; input.channels], epsilon: self.epsilon };
        let (normalised, inside) = (plain.apply(moments, &input.orthonormal()), plain.apply(moments, &input.inside()));
        let cotangent = output_gradient.gradient_to_orthonormal();
        let mut gradients = BatchNormGradients {
            input: cotangent.clone(),
            weight: vec![0.0; input.channels],
            bias: vec![0.0; input.channels],
        };
        for channel in 0..input.channels {
            let (mut bias, mut weight) = (0.0, 0.0);
            let ones = cotangent.ones(channel);
            for image in 0..input.images {
                let (dy, x) = (cotangent.plane(image, channel), normalised.plane(image, channel));
                bias += dy.iter().zip(&ones).map(|(dy, one)| dy * one).sum::<f64>();
                weight += dy.iter().zip(x).map(|(dy, x)| dy * x).sum::<f64>();
            }
            let (scale, pixels) = (self.scale(moments, channel), moments.pixels);
            for image in 0..input.images {
                let x = inside.plane(image, channel);
                for (index, dx) in gradients.input.plane_mut(image, channel).iter_mut().enumerate() {
                    *dx = scale * (*dx - ones[index] * bias / pixels - x[index] * weight / pixels);
                }
            }
            gradients.weight[channel] = weight;
            gradients.bias[channel] = bias;
        }
        gradients.input = gradients.input.gradient_from_orthonormal(input.steps.clone());
        gradients
    }

    fn scale(&self, moments: &Moments, channel: usize) -> f64 {
        self.weight[channel] / (moments.variance[channel] + self.epsilon).sqrt()
    }
}

/// Inference-mode normalisation folded into the convolution before it: `K'_o = K_o·γ_o/√(σ_o²+ε)` and
/// `b'_o = β_o + (b_o − μ_o)·γ_o/√(σ_o²+ε)`. Filter `[out, …]`; the bias adds 8·b' to every DC.
///
/// # Panics
/// If the filter is not a whole number of values an output channel.
#[must_use]
pub fn fold_batch_norm(
    norm: &BatchNorm,
    running: &Moments,
    filter: &[f64],
    bias: Option<&[f64]>,
) -> (Vec<f64>, Vec<f64>) {
    let channels = norm.weight.len();
    assert_eq!(filter.len() % channels, 0, "a filter is [out, in, size, size]");
    let per_channel = filter.len() / channels;
    let folded = filter.iter().enumerate().map(|(index, k)| k * norm.scale(running, index / per_channel)).collect();
    let shift = |channel: usize| {
        let bias = bias.map_or(0.0, |bias| bias[channel]);
        norm.bias[channel] + (bias - running.mean[channel]) * norm.scale(running, channel)
    };
    (folded, (0..channels).map(shift).collect())
}

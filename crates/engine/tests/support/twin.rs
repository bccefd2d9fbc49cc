//! The spatial twin: a definition interpreted on pixels in float64, from the naive formulas alone.

use jpegnet_engine::{MaskingSpec, NamedTensor, NetworkSpec, OperationSpec};
use jpegnet_kernels::definition::pixels::{self, PixelMap};
use jpegnet_kernels::definition::{BatchNorm, CoefficientMap, Moments, UNIT_STEPS, pieces_of, piecewise_linear};
use jpegnet_kernels::{Breakpoint, Conv2dShape, Masking, PiecewiseLinear};
use std::collections::HashMap;

/// Parameters and statistics by name, in float64.
pub type Weights = HashMap<String, Vec<f64>>;

pub fn weights(tensors: &[NamedTensor]) -> Weights {
    let double = |tensor: &NamedTensor| tensor.values.iter().map(|&value| f64::from(value)).collect();
    tensors.iter().map(|tensor| (tensor.name.clone(), double(tensor))).collect()
}

#[derive(Clone)]
enum Value {
    Map(PixelMap),
    Features(Vec<f64>),
}

/// Logits `[images, classes]`; in training, batch normalisation uses the batch's own statistics.
pub fn logits(spec: &NetworkSpec, weights: &Weights, input: &PixelMap, training: bool) -> Vec<f64> {
    let mut values = vec![Value::Map(input.clone())];
    for node in &spec.nodes {
        let weight = |name: &str| &weights[&format!("{}.{name}", node.path)];
        let map = |position: usize| match &values[node.inputs[position]] {
            Value::Map(map) => map,
            Value::Features(_) => panic!("{} takes a map", node.path),
        };
        let value = match &node.operation {
            OperationSpec::Conv2d { channels, size, stride, padding, bias, .. } => {
                let input = map(0);
                let shape = Conv2dShape {
                    input_channels: input.channels,
                    output_channels: *channels,
                    size: *size,
                    stride: *stride,
                    padding: *padding,
                    input: input.extent(),
                };
                let bias = bias.then(|| weight("bias").as_slice());
                Value::Map(pixels::conv2d(&shape, weight("weight"), bias, input))
            }
            OperationSpec::BatchNorm { epsilon, .. } => {
                let norm = BatchNorm {
                    weight: weight("weight").clone(),
                    bias: weight("bias").clone(),
                    epsilon: f64::from(*epsilon),
                };
                let moments = if training {
                    pixels::moments(map(0))
                } else {
                    let (mean, variance) = (weight("running_mean").clone(), weight("running_var").clone());
                    Moments { mean, variance, pixels: 0.0 }
                };
                Value::Map(pixels::batch_norm(&norm, &moments, map(0)))
            }
            OperationSpec::PiecewiseLinear { slope, intercept, breakpoints, masking, frequencies } => {
                let breakpoints = breakpoints.iter().map(|point| Breakpoint {
                    at: point.at,
                    slope_change: point.slope_change,
                    intercept_change: point.intercept_change,
                });
                let breakpoints = breakpoints.collect();
                let pieces = pieces_of(&PiecewiseLinear { slope: *slope, intercept: *intercept, breakpoints });
                let frequencies = *frequencies;
                let masking = match masking {
                    MaskingSpec::Exact => Masking::Exact,
                    MaskingSpec::Asm => Masking::Approximated { frequencies },
                    MaskingSpec::Apx => Masking::Truncated { frequencies },
                };
                Value::Map(match masking {
                    Masking::Exact => pixels::piecewise_linear(&pieces, map(0)),
                    masking => {
                        let coefficients = CoefficientMap::from_pixels(map(0), vec![UNIT_STEPS; map(0).channels]);
                        piecewise_linear(&pieces, masking, &coefficients).output.to_pixels()
                    }
                })
            }
            OperationSpec::Add {} => {
                let mut sum = values[node.inputs[0]].clone();
                for &term in &node.inputs[1..] {
                    match (&mut sum, &values[term]) {
                        (Value::Map(sum), Value::Map(term)) => *sum = pixels::add(sum, term),
                        (Value::Features(sum), Value::Features(term)) => {
                            sum.iter_mut().zip(term).for_each(|(sum, term)| *sum += term);
                        }
                        _ => panic!("{} adds a map to features", node.path),
                    }
                }
                sum
            }
            OperationSpec::MaxPool { size, stride, padding } => {
                Value::Map(pixels::max_pool(*size, *stride, *padding, map(0)))
            }
            OperationSpec::Subsample { stride, channels } => Value::Map(pixels::subsample(*stride, *channels, map(0))),
            OperationSpec::GlobalAveragePool {} => Value::Features(pixels::global_average_pool(map(0))),
            OperationSpec::Linear { bias, features, .. } => {
                let Value::Features(x) = &values[node.inputs[0]] else { panic!("{} takes features", node.path) };
                let none = vec![0.0; *features];
                let bias = if *bias { weight("bias") } else { &none };
                Value::Features(pixels::linear(weight("weight").len() / features, x, weight("weight"), bias))
            }
        };
        values.push(value);
    }
    match values.pop() {
        Some(Value::Features(logits)) => logits,
        _ => panic!("the last value is logits"),
    }
}

/// Mean softmax cross-entropy in training mode.
pub fn loss(spec: &NetworkSpec, weights: &Weights, input: &PixelMap, labels: &[u32]) -> f64 {
    let logits = logits(spec, weights, input, true);
    let labels: Vec<usize> = labels.iter().map(|&label| label as usize).collect();
    pixels::softmax_cross_entropy(&logits, logits.len() / labels.len(), &labels).0
}

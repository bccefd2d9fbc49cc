//! The spatial twin: a definition interpreted on pixels in float64, from the naive formulas alone.

use super::domains::{Band, Domain, Pixels};
use super::network;
use super::pictures::{images, input_pixels, pictures};
use jpegnet_engine::{MaskingSpec, NamedTensor, NetworkSpec, OperationSpec};
use jpegnet_jpeg::Colour;
use jpegnet_kernels::definition::pixels::{self, PixelMap};
use jpegnet_kernels::definition::{BatchNorm, Moments, dct_block, pieces_of};
use jpegnet_kernels::{BLOCK, Breakpoint, Conv2dShape, Masking, PiecewiseLinear, SIDE};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::HashMap;

/// Parameters and statistics by name, in float64.
pub type Weights = HashMap<String, Vec<f64>>;

pub fn weights(tensors: &[NamedTensor]) -> Weights {
    let double = |tensor: &NamedTensor| tensor.values.iter().map(|&value| f64::from(value)).collect();
    tensors.iter().map(|tensor| (tensor.name.clone(), double(tensor))).collect()
}

#[derive(Clone)]
enum Value<M> {
    Map(M),
    Features(Vec<f64>),
}

/// Logits `[images, classes]`; in training, batch normalisation uses the batch's own statistics.
pub fn logits(spec: &NetworkSpec, weights: &Weights, input: &PixelMap, training: bool) -> Vec<f64> {
    let values = match spec.band {
        None => last(interpreted(&Pixels, spec, weights, input, training)),
        Some(frequencies) => last(interpreted(&Band { frequencies }, spec, weights, input, training)),
    };
    values.expect("the last value is logits")
}

fn last<M>(mut values: Vec<Value<M>>) -> Option<Vec<f64>> {
    match values.pop() {
        Some(Value::Features(features)) => Some(features),
        _ => None,
    }
}

/// What every node gives after training, the input first: coefficients `[images, channels, blocks high, blocks wide, 8, 8]`
/// of a map, blocks filled up with zeros, and features as they are.
pub fn values(spec: &NetworkSpec, weights: &Weights, input: &PixelMap) -> Vec<Vec<f64>> {
    fn of_all<D: Domain>(domain: &D, values: Vec<Value<D::Map>>) -> Vec<Vec<f64>> {
        let value = |value| match value {
            Value::Map(map) => coefficients(&domain.pixels(&map)),
            Value::Features(features) => features,
        };
        values.into_iter().map(value).collect()
    }
    match spec.band {
        None => of_all(&Pixels, interpreted(&Pixels, spec, weights, input, false)),
        Some(frequencies) => {
            let domain = Band { frequencies };
            of_all(&domain, interpreted(&domain, spec, weights, input, false))
        }
    }
}

/// Block after block, by the formula.
fn coefficients(map: &PixelMap) -> Vec<f64> {
    let grid = map.extent().grid();
    let mut coefficients = Vec::new();
    for plane in 0..map.images * map.channels {
        let plane = map.plane(plane / map.channels, plane % map.channels);
        for block in 0..grid.blocks() {
            let (top, left) = (block / grid.wide * SIDE, block % grid.wide * SIDE);
            let pixel = |at: usize| {
                let (row, column) = (top + at / SIDE, left + at % SIDE);
                if row < map.height && column < map.width { plane[row * map.width + column] } else { 0.0 }
            };
            coefficients.extend(dct_block(&(0..BLOCK).map(pixel).collect::<Vec<f64>>()));
        }
    }
    coefficients
}

fn interpreted<D: Domain>(
    domain: &D,
    spec: &NetworkSpec,
    weights: &Weights,
    input: &PixelMap,
    training: bool,
) -> Vec<Value<D::Map>> {
    let mut values = vec![Value::Map(domain.input(input))];
    for node in &spec.nodes {
        let weight = |name: &str| &weights[&format!("{}.{name}", node.path)];
        let map = |position: usize| match &values[node.inputs[position]] {
            Value::Map(map) => map,
            Value::Features(_) => panic!("{} takes a map", node.path),
        };
        let value = match &node.operation {
            OperationSpec::Conv2d { channels, size, stride, padding, bias, .. } => {
                let (input_channels, input) = domain.size(map(0));
                let shape = Conv2dShape {
                    input_channels,
                    output_channels: *channels,
                    size: *size,
                    stride: *stride,
                    padding: *padding,
                    input,
                };
                let bias = bias.then(|| weight("bias").as_slice());
                Value::Map(domain.conv2d(&shape, weight("weight"), bias, map(0)))
            }
            OperationSpec::BatchNorm { epsilon, .. } => {
                let norm = BatchNorm {
                    weight: weight("weight").clone(),
                    bias: weight("bias").clone(),
                    epsilon: f64::from(*epsilon),
                };
                let moments = if training {
                    domain.moments(map(0))
                } else {
                    let (mean, variance) = (weight("running_mean").clone(), weight("running_var").clone());
                    Moments { mean, variance, pixels: 0.0 }
                };
                Value::Map(domain.batch_norm(&norm, &moments, map(0)))
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
                Value::Map(domain.piecewise_linear(&pieces, masking, map(0)))
            }
            OperationSpec::Add {} => {
                let mut sum = values[node.inputs[0]].clone();
                for &term in &node.inputs[1..] {
                    match (&mut sum, &values[term]) {
                        (Value::Map(sum), Value::Map(term)) => *sum = domain.add(sum, term),
                        (Value::Features(sum), Value::Features(term)) => {
                            sum.iter_mut().zip(term).for_each(|(sum, term)| *sum += term);
                        }
                        _ => panic!("{} adds a map to features", node.path),
                    }
                }
                sum
            }
            OperationSpec::MaxPool { size, stride, padding, .. } => {
                Value::Map(domain.max_pool(*size, *stride, *padding, map(0)))
            }
            OperationSpec::AveragePool { size, stride, padding, counts_padding } => {
                Value::Map(domain.average_pool((*size, *stride, *padding), *counts_padding, map(0)))
            }
            OperationSpec::Subsample { stride, channels } => Value::Map(domain.subsample(*stride, *channels, map(0))),
            OperationSpec::GlobalAveragePool {} => Value::Features(domain.global_average_pool(map(0))),
            OperationSpec::Linear { bias, features, .. } => {
                let Value::Features(x) = &values[node.inputs[0]] else { panic!("{} takes features", node.path) };
                let none = vec![0.0; *features];
                let bias = if *bias { weight("bias") } else { &none };
                Value::Features(pixels::linear(weight("weight").len() / features, x, weight("weight"), bias))
            }
        };
        values.push(value);
    }
    values
}

/// Mean softmax cross-entropy in training mode.
pub fn loss(spec: &NetworkSpec, weights: &Weights, input: &PixelMap, labels: &[u32]) -> f64 {
    let logits = logits(spec, weights, input, true);
    let labels: Vec<usize> = labels.iter().map(|&label| label as usize).collect();
    pixels::softmax_cross_entropy(&logits, logits.len() / labels.len(), &labels).0
}

/// Compares every parameter's gradient with central differences of the twin's float64 loss along random directions. The
/// step of 1e-7 is small enough that no mask flips; what is left is the float32 of the gradients, so 1e-3 relative.
pub fn gradients_are_those_of(spec: &NetworkSpec) {
    let pictures = pictures(3, Colour::YCbCr, spec.input.height, spec.input.width, 11);
    let input = input_pixels(&spec.input, &pictures);
    let labels = [0, 3, 2];
    let mut network = network(spec.clone(), 5);
    let weights = weights(&network.state(false));
    let result = network.loss_and_gradients(&images(&pictures), &labels).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let step = 1e-7;
    let (mut differences, mut scale) = (Vec::new(), 0.0f64);
    for gradient in &result.gradients {
        for _ in 0..3 {
            let direction: Vec<f64> =
                gradient.values.iter().map(|_| f64::from(random.next_u32()) / f64::from(u32::MAX) - 0.5).collect();
            let at = |sign: f64| {
                let mut moved = weights.clone();
                for (weight, direction) in moved.get_mut(&gradient.name).unwrap().iter_mut().zip(&direction) {
                    *weight += sign * step * direction;
                }
                loss(spec, &moved, &input, &labels)
            };
            let numerical = (at(1.0) - at(-1.0)) / (2.0 * step);
            let analytical: f64 = gradient.values.iter().zip(&direction).map(|(g, d)| f64::from(*g) * d).sum();
            scale = scale.max(numerical.abs());
            differences.push((gradient.name.clone(), numerical, analytical));
        }
    }
    for (name, numerical, analytical) in differences {
        // Gradients that cancel (a bias before batch normalisation) are zero only to the scale of the others.
        let allowed = 1e-3 * numerical.abs() + 1e-5 * scale;
        assert!(
            (numerical - analytical).abs() < allowed,
            "{name}: {numerical} by differences, {analytical} by backward"
        );
    }
}

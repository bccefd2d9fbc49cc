//! Batch normalisation of maps in pixels equals its definition, with what is fused to it, on every instruction set.

mod support;

use jpegnet_kernels::pixels::{
    Activation, Passed, Term, add_moments, normalise_backward_into, pass_and_add_moments, pass_in_place, sum_into,
};
use jpegnet_kernels::{BatchNormGradient, BatchStatistics, Isa, PiecewiseLinear};
use support::pixels::values;

/// Pixels and channels: fewer and more than a vector, none a multiple of anything.
const SIZES: [(usize, usize); 6] = [(1, 1), (7, 3), (300, 16), (129, 17), (64, 40), (1030, 5)];

fn close(found: &[f32], expected: &[f64], what: &str) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((f64::from(*found) - expected).abs() < 1e-5 * expected.abs().max(1.0), "{what}: {found}, {expected}");
    }
}

fn double(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

#[test]
fn sums_of_normalised_maps_are_what_they_say() {
    for (pixels, channels) in SIZES {
        let maps: Vec<Vec<f32>> = (0..3).map(|seed| values(pixels * channels, seed)).collect();
        let (scale, shift) = (values(channels, 7), values(channels, 8));
        let leaky = PiecewiseLinear::leaky_relu(0.125);
        for isa in Isa::available() {
            for count in 1..=3 {
                let term = |number: usize| Term {
                    map: &maps[number],
                    scale_shift: (number != 1).then_some((&scale[..], &shift[..])),
                };
                let terms: Vec<Term> = (0..count).map(term).collect();
                for activation in [Activation::Identity, Activation::Relu, Activation::Function(&leaky)] {
                    let mut found = vec![f32::NAN; pixels * channels];
                    sum_into(isa, channels, &terms, activation, &mut found);
                    let expected = |at: usize| {
                        let value = |number: usize| {
                            let (scale, shift) = (f64::from(scale[at % channels]), f64::from(shift[at % channels]));
                            let value = f64::from(maps[number][at]);
                            if number == 1 { value } else { scale * value + shift }
                        };
                        let sum: f64 = (0..count).map(value).sum();
                        match activation {
                            Activation::Identity => sum,
                            Activation::Relu => sum.max(0.0),
                            Activation::Function(_) => sum.max(0.125 * sum),
                        }
                    };
                    let expected: Vec<f64> = (0..found.len()).map(expected).collect();
                    close(&found, &expected, isa.name());
                }
            }
        }
    }
}

#[test]
fn moments_are_sums_over_pixels_and_are_added_up() {
    for (pixels, channels) in SIZES {
        let map = values(pixels * channels, 1);
        let mut expected = vec![1.0; 2 * channels];
        for (at, &value) in map.iter().enumerate() {
            expected[at % channels] += f64::from(value);
            expected[channels + at % channels] += f64::from(value) * f64::from(value);
        }
        for isa in Isa::available() {
            let mut moments = vec![1.0; 2 * channels];
            add_moments(isa, channels, &map, &mut moments);
            for (found, expected) in moments.iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-5 * expected.abs().max(1.0), "{}", isa.name());
            }
        }
    }
}

#[test]
fn gradients_pass_where_the_signs_say_and_are_summed_up_as_they_do() {
    for (pixels, channels) in SIZES {
        let (input, signs) = (values(pixels * channels, 1), values(pixels * channels, 2));
        let (scale, shift) = (values(channels, 7), values(channels, 8));
        let gradient = values(pixels * channels, 3);
        let normalised = Term { map: &signs, scale_shift: Some((&scale, &shift)) };
        for isa in Isa::available() {
            for passed in [Passed::All, Passed::Above(&signs), Passed::Normalised(normalised)] {
                let passes = |at: usize| match passed {
                    Passed::All => true,
                    Passed::Above(map) => map[at] > 0.0,
                    Passed::Normalised(_) => {
                        f64::from(signs[at]) * f64::from(scale[at % channels]) + f64::from(shift[at % channels]) > 0.0
                    }
                };
                let expected: Vec<f32> =
                    gradient.iter().enumerate().map(|(at, &value)| if passes(at) { value } else { 0.0 }).collect();
                let mut moments = vec![0.0; 2 * channels];
                for (at, &value) in expected.iter().enumerate() {
                    moments[at % channels] += f64::from(value) * f64::from(input[at]);
                    moments[channels + at % channels] += f64::from(value);
                }
                let mut found = gradient.clone();
                pass_in_place(isa, channels, passed, &mut found);
                assert!(found == expected, "{}", isa.name());
                let (mut found, mut sums) = (gradient.clone(), vec![0.0; 2 * channels]);
                pass_and_add_moments(isa, channels, passed, &mut found, &input, &mut sums);
                assert!(found == expected, "{}", isa.name());
                for (found, expected) in sums.iter().zip(&moments) {
                    assert!((found - expected).abs() < 1e-5 * expected.abs().max(1.0), "{}", isa.name());
                }
            }
        }
    }
}

/// Sums as the statistics take them: of DCs, an eighth of the pixels'; of squares.
fn statistics(moments: &[f64], channels: usize, pixels: usize) -> BatchStatistics {
    let sums = moments[..channels].iter().map(|sum| sum / 8.0);
    let all: Vec<f64> = sums.chain(moments[channels..].iter().copied()).chain(vec![0.0; channels]).collect();
    BatchStatistics::from_moments(&all, channels, pixels)
}

#[test]
fn the_gradient_to_a_normalisations_input_is_that_of_finite_differences() {
    let (pixels, channels) = (30, 3);
    let epsilon = 1e-3;
    let (input, weight) = (values(pixels * channels, 1), [0.5, 2.0, -1.5]);
    let gradient = values(pixels * channels, 2);
    // Σ dy·y of one channel, y normalised by the batch's own moments.
    let loss = |input: &[f64], channel: usize| -> f64 {
        let of_channel = |at: usize| input[at * channels + channel];
        #[expect(clippy::cast_precision_loss, reason = "thirty pixels")]
        let count = pixels as f64;
        let mean = (0..pixels).map(of_channel).sum::<f64>() / count;
        let variance = (0..pixels).map(|at| (of_channel(at) - mean).powi(2)).sum::<f64>() / count;
        let scale = f64::from(weight[channel]) / (variance + f64::from(epsilon)).sqrt();
        (0..pixels).map(|at| f64::from(gradient[at * channels + channel]) * scale * (of_channel(at) - mean)).sum()
    };
    let exact = double(&input);
    for isa in Isa::available() {
        let mut moments = vec![0.0; 2 * channels];
        add_moments(isa, channels, &input, &mut moments);
        let statistics = statistics(&moments, channels, pixels);
        let (mut passed, mut sums) = (gradient.clone(), vec![0.0; 2 * channels]);
        pass_and_add_moments(isa, channels, Passed::All, &mut passed, &input, &mut sums);
        sums[channels..].iter_mut().for_each(|sum| *sum /= 8.0);
        let of_norm = BatchNormGradient::from_moments(&sums, &statistics, epsilon, &weight);
        let mut found = vec![f32::NAN; input.len()];
        normalise_backward_into(isa, &input, &gradient, &of_norm, &mut found);
        for at in 0..input.len() {
            let moved = |step: f64| {
                let mut moved = exact.clone();
                moved[at] += step;
                loss(&moved, at % channels)
            };
            let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((f64::from(found[at]) - expected).abs() < 1e-4, "{}: {} {expected}", isa.name(), found[at]);
        }
    }
}

//! Band-limited networks against their definition in float64: logits, losses, gradients, and what a band leaves alone.

mod support;

use jpegnet_engine::{InferenceMode, MaskingSpec, NetworkSpec, OptimizerSpec, Plan};
use jpegnet_jpeg::Colour;
use support::definitions::{averages, everything_of, paper_resnet, stem_and_shortcuts, unusual_ends};
use support::pictures::{images, input_pixels, pictures};
use support::{bits, network, twin};

const SGD: OptimizerSpec =
    OptimizerSpec::Sgd { learning_rate: 0.01, momentum: 0.9, nesterov: false, weight_decay: 0.0 };

fn in_band(spec: NetworkSpec, frequencies: usize) -> NetworkSpec {
    NetworkSpec { band: Some(frequencies), ..spec }
}

/// Sizes that fill their blocks and sizes that do not, every operation, several bands.
fn networks() -> Vec<NetworkSpec> {
    let exact = MaskingSpec::Exact;
    vec![
        in_band(paper_resnet(exact, 15, &[0.49, 0.48, 0.45], &[0.25, 0.24, 0.26]), 6),
        in_band(everything_of(32, 16, exact, 15), 8),
        in_band(everything_of(29, 21, exact, 15), 5),
        in_band(stem_and_shortcuts(44, 36), 8),
        in_band(stem_and_shortcuts(64, 64), 4),
        in_band(unusual_ends(exact, 15), 3),
        in_band(everything_of(13, 21, MaskingSpec::Asm, 6), 10),
    ]
}

#[test]
fn band_limited_networks_are_their_definition() {
    for (number, spec) in networks().into_iter().enumerate() {
        let pictures = pictures(3, Colour::YCbCr, spec.input.height, spec.input.width, 7);
        let input = input_pixels(&spec.input, &pictures);
        let mut network = network(spec.clone(), number as u64);
        network.train_step(&images(&pictures), &[0, 1, 1], &SGD).unwrap();
        let weights = twin::weights(&network.state(false));

        let logits = network.predict(&images(&pictures), None).unwrap();
        let expected = twin::logits(&spec, &weights, &input, false);
        let scale = expected.iter().fold(1.0f64, |largest, logit| largest.max(logit.abs()));
        let error = logits.iter().zip(&expected).map(|(&got, twin)| (f64::from(got) - twin).abs()).fold(0.0, f64::max);
        println!("network {number}: largest error of a logit {error:.2e}, largest logit {scale:.2e}");
        assert!(error < 1e-4 * scale, "network {number}: {error}");

        let loss = network.loss_and_gradients(&images(&pictures), &[0, 1, 1]).unwrap().loss;
        let expected = twin::loss(&spec, &weights, &input, &[0, 1, 1]);
        assert!(
            (loss - expected).abs() < 1e-4 * expected.max(1.0),
            "network {number}: loss {loss}, definition {expected}"
        );
    }
}

#[test]
fn gradients_of_band_limited_networks_equal_finite_differences_of_their_definition() {
    twin::gradients_are_those_of(&in_band(everything_of(32, 16, MaskingSpec::Exact, 15), 8));
    twin::gradients_are_those_of(&in_band(everything_of(13, 21, MaskingSpec::Exact, 15), 6));
    twin::gradients_are_those_of(&in_band(stem_and_shortcuts(44, 36), 8));
    twin::gradients_are_those_of(&in_band(averages(21, 18), 8));
    twin::gradients_are_those_of(&in_band(unusual_ends(MaskingSpec::Exact, 15), 5));
}

#[test]
fn a_band_for_one_prediction_is_that_of_the_definition() {
    let exact = stem_and_shortcuts(44, 36);
    let pictures = pictures(3, Colour::YCbCr, 44, 36, 3);
    let mut plain = network(exact.clone(), 1);
    plain.train_step(&images(&pictures), &[0, 1, 2], &SGD).unwrap();
    let expected = plain.predict(&images(&pictures), None).unwrap();
    for frequencies in [4, 8] {
        let mut banded = network(in_band(exact.clone(), frequencies), 2);
        banded.load(&plain.state(false)).unwrap();
        let own = banded.predict(&images(&pictures), None).unwrap();
        let mode = Some(InferenceMode::BandLimited { frequencies });
        assert_eq!(plain.predict(&images(&pictures), mode).unwrap(), own);
        assert_ne!(own, expected);
        assert_eq!(banded.predict(&images(&pictures), Some(InferenceMode::Exact)).unwrap(), expected);
    }
}

#[test]
fn a_band_of_fifteen_frequencies_is_the_exact_network_to_the_bit() {
    let spec = everything_of(29, 21, MaskingSpec::Exact, 15);
    let pictures = pictures(3, Colour::YCbCr, 29, 21, 3);
    let (mut exact, mut band) = (network(spec.clone(), 1), network(in_band(spec, 15), 1));
    for network in [&mut exact, &mut band] {
        network.train_step(&images(&pictures), &[0, 1, 2], &SGD).unwrap();
    }
    assert_eq!(bits(&exact.state(true)), bits(&band.state(true)));
    let mode = Some(InferenceMode::BandLimited { frequencies: 15 });
    let logits = exact.predict(&images(&pictures), None).unwrap();
    assert_eq!(exact.predict(&images(&pictures), mode).unwrap(), logits);
    assert_eq!(band.predict(&images(&pictures), None).unwrap(), logits);
}

#[test]
fn a_band_limited_networks_logits_do_not_depend_on_the_batch() {
    let spec = in_band(stem_and_shortcuts(44, 36), 6);
    let pictures = pictures(5, Colour::YCbCr, 44, 36, 9);
    let mut network = network(spec, 4);
    let all = network.predict(&images(&pictures), None).unwrap();
    for (image, logits) in images(&pictures).iter().zip(all.chunks_exact(4)) {
        assert_eq!(network.predict(std::slice::from_ref(image), None).unwrap(), logits);
    }
}

#[test]
fn a_band_is_a_part_of_the_definition_as_json() {
    let spec = in_band(stem_and_shortcuts(44, 36), 6);
    let json = serde_json::to_string(&spec).unwrap();
    assert!(json.contains(r#""band":6"#));
    assert!(json.contains(r#"{"type":"maxPool","size":3,"stride":2,"padding":1}"#));
    assert!(json.contains(r#"{"type":"subsample","stride":2,"channels":9}"#));
    assert_eq!(NetworkSpec::from_json(&json).unwrap(), spec);
    assert!(Plan::new(spec).is_ok());
}

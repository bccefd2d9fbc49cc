//! What single layers give at inference, against the definitions in float64.

mod support;

use jpegnet_engine::{EngineError, InferenceMode, MaskingSpec, NetworkSpec, OptimizerSpec};
use jpegnet_jpeg::Colour;
use support::definitions::{everything, everything_of, paper_resnet, stem_and_shortcuts, unusual_ends};
use support::pictures::{images, input_pixels, pictures};
use support::{network, twin};

const SGD: OptimizerSpec =
    OptimizerSpec::Sgd { learning_rate: 0.01, momentum: 0.0, nesterov: false, weight_decay: 0.0 };

/// Every operation, maps that fill their blocks and maps that do not.
fn networks() -> Vec<NetworkSpec> {
    let exact = MaskingSpec::Exact;
    vec![
        paper_resnet(exact, 15, &[0.49, 0.48, 0.45], &[0.25, 0.24, 0.26]),
        everything(MaskingSpec::Asm, 6),
        everything_of(29, 21, exact, 15),
        stem_and_shortcuts(44, 36),
        stem_and_shortcuts(64, 64),
        unusual_ends(exact, 15),
    ]
}

/// Compares the input's and every node's value with the definition's.
fn values_are_those_of(spec: &NetworkSpec) {
    let pictures = pictures(3, Colour::YCbCr, spec.input.height, spec.input.width, 7);
    let input = input_pixels(&spec.input, &pictures);
    let mut network = network(spec.clone(), 1);
    // One step moves the running statistics away from 0 and 1.
    network.train_step(&images(&pictures), &[0, 1, 1], &SGD).unwrap();
    let expected = twin::values(spec, &twin::weights(&network.state(false)), &input);
    let paths = [None].into_iter().chain(spec.nodes.iter().map(|node| Some(node.path.as_str())));
    for (path, expected) in paths.zip(&expected) {
        let found = network.value_of(&images(&pictures), path, None).unwrap();
        assert_eq!(found.len(), expected.len(), "{path:?}");
        let scale = expected.iter().fold(1.0f64, |largest, value| largest.max(value.abs()));
        let error =
            found.iter().zip(expected).map(|(&found, value)| (f64::from(found) - value).abs()).fold(0.0, f64::max);
        assert!(error < 1e-4 * scale, "{path:?}: {error} of {scale}");
    }
}

#[test]
fn every_layer_gives_what_its_definition_does() {
    for spec in networks() {
        values_are_those_of(&spec);
    }
}

#[test]
fn every_layer_of_a_band_limited_network_gives_what_its_definition_does() {
    for (spec, frequencies) in networks().into_iter().zip([6, 9, 5, 8, 4, 3]) {
        let has_masks = spec.nodes.iter().any(|node| format!("{:?}", node.operation).contains("Asm"));
        if !has_masks {
            values_are_those_of(&NetworkSpec { band: Some(frequencies), ..spec });
        }
    }
}

#[test]
fn the_last_layer_gives_the_logits_in_every_mode() {
    let spec = paper_resnet(MaskingSpec::Exact, 15, &[0.49, 0.48, 0.45], &[0.25, 0.24, 0.26]);
    let pictures = pictures(2, Colour::YCbCr, 32, 32, 7);
    let last = spec.nodes.last().unwrap().path.clone();
    let mut network = network(spec, 1);
    let asm = InferenceMode::Approximated { masking: MaskingSpec::Asm, frequencies: 5 };
    for mode in [None, Some(asm), Some(InferenceMode::BandLimited { frequencies: 5 })] {
        let logits = network.predict(&images(&pictures), mode).unwrap();
        assert_eq!(network.value_of(&images(&pictures), Some(&last), mode).unwrap(), logits);
    }
    let error = network.value_of(&images(&pictures), Some("nowhere"), None).unwrap_err();
    assert!(matches!(&error, EngineError::InvalidOption { found, .. } if found == "nowhere"), "{error}");
}

#[test]
fn products_are_counted_and_fewer_than_the_direct_convolution_has() {
    let spec = paper_resnet(MaskingSpec::Exact, 15, &[0.49, 0.48, 0.45], &[0.25, 0.24, 0.26]);
    let mut network = network(spec, 1);
    let steps = network.steps_of(128, Some(InferenceMode::Exact)).unwrap();
    let direct: f64 = steps.iter().filter_map(|step| step.direct_multiplies).sum();
    // 3×3 and 1×1 filters of 3, 16, 32 and 64 channels, by hand.
    let block1 = 1024 * (9 * 3 * 16 + 9 * 16 * 16 + 3 * 16);
    let block2 = 256 * (9 * 16 * 32 + 9 * 32 * 32 + 16 * 32);
    let block3 = 64 * (9 * 32 * 64 + 9 * 64 * 64 + 32 * 64);
    let expected = f64::from(block1 + block2 + block3 + 64 * 10);
    assert!((direct - expected).abs() < 0.5, "{direct} instead of {expected}");
    for step in &steps {
        match (step.multiplies, step.direct_multiplies) {
            (Some(done), Some(direct)) => assert!(done <= direct, "{}: {done} of {direct}", step.path),
            (done, direct) => assert_eq!((done, direct), (None, None), "{}", step.path),
        }
    }
}

//! Steps that begin with features: what layers that stay as they are make of pictures, computed once.

mod support;

use jpegnet_engine::{Content, EngineError, Features, Image, Network, OptimizerSpec, Plan, StepOptions, Storage};
use jpegnet_jpeg::{Colour, SparseJpeg};
use support::definitions::stem_and_shortcuts;
use support::pictures::{images, pictures};
use support::{adam, bits, network};

const ADAM: OptimizerSpec = adam(0.01, false);

/// All layers but the head stay as they are, statistics included.
fn head_alone(storage: Storage) -> StepOptions {
    let plan = Plan::new(stem_and_shortcuts(32, 32)).unwrap();
    StepOptions {
        batch: Some(3),
        label_smoothing: 0.1,
        frozen: plan.parameter_names().map(|name| !name.starts_with("fc")).collect(),
        fixed_statistics: vec![true; plan.normalisations()],
        average: Some(0.9),
        storage,
        ..StepOptions::new(ADAM)
    }
}

fn given<'a>(pictures: &'a [(String, SparseJpeg)], features: &'a [Features]) -> Vec<Image<'a>> {
    let images = pictures.iter().zip(features);
    images.map(|((name, _), features)| Image { name, content: Content::Features(features) }).collect()
}

/// A network whose running statistics are those of some steps.
fn trained(pictures: &[(String, SparseJpeg)], labels: &[u32]) -> Network {
    let mut network = network(stem_and_shortcuts(32, 32), 5);
    for _ in 0..3 {
        network.train_step(&images(pictures), labels, &ADAM).unwrap();
    }
    network
}

#[test]
fn steps_with_features_are_those_with_pictures_to_the_bit() {
    let pictures = pictures(8, Colour::YCbCr, 32, 32, 77);
    let labels: Vec<u32> = (0..4).cycle().take(8).collect();
    for storage in [Storage::Float32, Storage::Bfloat16] {
        let options = head_alone(storage);
        let (mut by_pictures, mut by_features) = (trained(&pictures, &labels), trained(&pictures, &labels));
        // In other batches than those of the steps.
        let mut features = by_features.settled_features(&images(&pictures[..5]), &options).unwrap();
        features.extend(by_features.settled_features(&images(&pictures[5..]), &options).unwrap());
        for _ in 0..3 {
            let expected = by_pictures.train_step_with(&images(&pictures), &labels[..], &options).unwrap();
            let found = by_features.train_step_with(&given(&pictures, &features), &labels[..], &options).unwrap();
            assert_eq!(found, expected);
        }
        assert_eq!(bits(&by_features.state(true)), bits(&by_pictures.state(true)));
        let expected = by_pictures.predict(&images(&pictures), None).unwrap();
        let found = by_features.predict(&given(&pictures, &features), None).unwrap();
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4, "{found} instead of {expected}");
        }
    }
}

#[test]
fn features_are_those_of_layers_that_stay_alone() {
    let pictures = pictures(4, Colour::YCbCr, 32, 32, 77);
    let labels = [0, 1, 2, 3];
    let mut network = trained(&pictures, &labels);
    let plan = Plan::new(stem_and_shortcuts(32, 32)).unwrap();
    let head = head_alone(Storage::Float32);
    assert!(plan.settled(&head).is_some());
    let moving = StepOptions { fixed_statistics: Vec::new(), ..head.clone() };
    let learning = StepOptions { frozen: Vec::new(), ..head.clone() };
    let features = network.settled_features(&images(&pictures), &head).unwrap();
    for options in [moving, learning] {
        assert_eq!(plan.settled(&options), None);
        let refused = network.settled_features(&images(&pictures), &options);
        assert!(matches!(refused, Err(EngineError::InvalidOption { .. })));
        let step = network.train_step_with(&given(&pictures, &features), &labels[..], &options);
        assert!(matches!(step, Err(EngineError::InvalidOption { .. })));
    }
    let mut both = images(&pictures);
    both[1] = given(&pictures, &features)[1];
    let step = network.train_step_with(&both, &labels[..], &head);
    assert!(matches!(step, Err(EngineError::InvalidOption { .. })));
    assert!(matches!(network.predict(&both, None), Err(EngineError::InvalidOption { .. })));
}

#[test]
fn features_are_refused_where_layers_before_them_are_to_run() {
    let pictures = pictures(4, Colour::YCbCr, 32, 32, 77);
    let labels = [0, 1, 2, 3];
    let mut network = trained(&pictures, &labels);
    let head = head_alone(Storage::Float32);
    let features = network.settled_features(&images(&pictures), &head).unwrap();
    let features = given(&pictures, &features);
    for refused in [
        network.time_steps(&features, None, 1).unwrap_err(),
        network.time_training(&features, &labels, 1).unwrap_err(),
        network.loss_and_gradients(&features, &labels).unwrap_err(),
        network.settled_features(&features, &head).unwrap_err(),
    ] {
        assert_eq!(refused.to_string(), "pictures: expected pictures, found features");
    }
}

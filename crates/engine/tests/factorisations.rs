//! Every factorisation of a network's convolutions is the same network, and the plan says which was picked.

mod support;

use jpegnet_engine::{InferenceMode, MaskingSpec, NetworkSpec, OperationSpec, OptimizerSpec};
use jpegnet_jpeg::Colour;
use support::definitions::{paper_resnet, stem_and_shortcuts};
use support::pictures::{images, pictures};
use support::{largest_difference, network};

/// The network with its convolutions of 3×3 and more computed so, those of 3×3 at stride 1 alone if only they can be.
fn computed_by(mut spec: NetworkSpec, name: &str, any_shape: bool) -> NetworkSpec {
    for node in &mut spec.nodes {
        if let OperationSpec::Conv2d { size: size @ 2.., stride, factorisation, .. } = &mut node.operation
            && (any_shape || (*size, *stride) == (3, 1))
        {
            *factorisation = name.into();
        }
    }
    spec
}

fn logits(spec: &NetworkSpec, mode: Option<InferenceMode>) -> Vec<f32> {
    let (height, width) = (spec.input.height, spec.input.width);
    let pictures = pictures(3, Colour::YCbCr, height, width, 5);
    let mut network = network(spec.clone(), 4);
    let sgd = OptimizerSpec::Sgd { learning_rate: 0.01, momentum: 0.0, nesterov: false, weight_decay: 0.0 };
    // Running statistics away from 0 and 1, the same for all: training does not depend on how inference computes.
    network.train_step(&images(&pictures), &[0, 1, 2], &sgd).unwrap();
    network.predict(&images(&pictures), mode).unwrap()
}

#[test]
fn factorisations_agree_on_sizes_that_fill_blocks_and_that_do_not() {
    let paper = paper_resnet(MaskingSpec::Exact, 15, &[0.49, 0.48, 0.45], &[0.25, 0.24, 0.26]);
    for spec in [paper, stem_and_shortcuts(44, 36)] {
        let expected = logits(&computed_by(spec.clone(), "sandwich", true), None);
        for (name, any_shape) in [("auto", true), ("winograd", true), ("winograd2", false), ("diagonalised", false)] {
            let found = logits(&computed_by(spec.clone(), name, any_shape), None);
            assert!(largest_difference(&found, &expected) < 1e-5, "{name}");
        }
    }
}

#[test]
fn images_that_run_in_groups_of_several_sizes_have_the_logits_they_have_alone() {
    let band = Some(InferenceMode::BandLimited { frequencies: 6 });
    let asm = Some(InferenceMode::Approximated { masking: MaskingSpec::Asm, frequencies: 6 });
    let apx = Some(InferenceMode::Approximated { masking: MaskingSpec::Apx, frequencies: 6 });
    let uneven = [None, asm, apx, band].map(|mode| (456, 440, mode));
    for (height, width, mode) in uneven.into_iter().chain([(512, 512, band), (512, 512, asm)]) {
        let pictures = pictures(9, Colour::YCbCr, height, width, 5);
        let images = images(&pictures);
        let mut network = network(stem_and_shortcuts(height, width), 4);
        let together = network.predict(&images, mode).unwrap();
        let alone: Vec<f32> = images.iter().flat_map(|&image| network.predict(&[image], mode).unwrap()).collect();
        assert!(largest_difference(&together, &alone) < 1e-5, "{mode:?}");
        // Some of them different, or the order could not be seen.
        assert!(largest_difference(&together[..4], &together[4..8]) > 1e-3);
    }
}

/// The network with its first convolution computed so.
fn begins_with(mut spec: NetworkSpec, name: &str) -> NetworkSpec {
    let first = spec.nodes.iter_mut().find(|node| node.inputs == [0]).unwrap();
    if let OperationSpec::Conv2d { factorisation, .. } = &mut first.operation {
        *factorisation = name.into();
    }
    spec
}

#[test]
fn a_first_convolution_straight_from_coefficients_agrees_for_all_kinds_of_files() {
    // One convolution alone reads its input.
    for (height, width) in [(44, 36), (64, 64), (33, 50)] {
        let spec = stem_and_shortcuts(height, width);
        let pictures: Vec<_> = [Colour::YCbCr, Colour::Gray, Colour::YCbCr]
            .into_iter()
            .zip(5..)
            .flat_map(|(colour, seed)| pictures(2, colour, height, width, seed))
            .collect();
        let images = images(&pictures);
        let mut through_pixels = network(begins_with(spec.clone(), "sandwich"), 4);
        let expected = through_pixels.predict(&images, None).unwrap();
        let mut scattered = network(begins_with(spec, "scatter"), 4);
        let found = scattered.predict(&images, None).unwrap();
        assert!(largest_difference(&found, &expected) < 1e-5);
        let steps = scattered.steps_of(images.len(), None).unwrap();
        assert_eq!((steps[0].path.as_str(), steps[0].factorisation), ("conv1", Some("scatter")));
        assert_eq!(steps[0].operation, "input + conv2d + batchNorm + piecewiseLinear");
        assert!(steps[0].reason.as_deref().unwrap().starts_with("asked for, for about "));
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(|| scattered.predict(&images, None)).unwrap(), found, "the same bits");
        }
    }
}

#[test]
fn an_input_that_several_layers_read_is_not_scattered() {
    let spec = paper_resnet(MaskingSpec::Exact, 15, &[0.5; 3], &[0.25; 3]);
    let mut network = network(begins_with(spec, "scatter"), 4);
    let pictures = pictures(3, Colour::YCbCr, 32, 32, 5);
    network.predict(&images(&pictures), None).unwrap();
    assert_eq!(network.steps_of(3, None).unwrap()[0].path, "input");
}

#[test]
fn factorisations_agree_in_a_band() {
    let spec = paper_resnet(MaskingSpec::Exact, 15, &[0.49, 0.48, 0.45], &[0.25, 0.24, 0.26]);
    for frequencies in [3, 6, 8, 14] {
        let mode = Some(InferenceMode::BandLimited { frequencies });
        let expected = logits(&computed_by(spec.clone(), "sandwich", true), mode);
        for (name, any_shape) in [("auto", true), ("diagonalised", false), ("winograd", true)] {
            let found = logits(&computed_by(spec.clone(), name, any_shape), mode);
            assert!(largest_difference(&found, &expected) < 1e-5, "{name} at {frequencies}");
        }
    }
}

#[test]
fn the_plan_names_the_factorisation_asked_for() {
    let spec = paper_resnet(MaskingSpec::Exact, 15, &[0.5; 3], &[0.25; 3]);
    for (name, mode, representation) in [
        ("winograd", None, "pixels"),
        ("winograd2", None, "pixels"),
        ("sandwich", None, "pixels"),
        ("exploded", None, "pixels"),
        ("diagonalised", None, "band"),
        ("diagonalised", Some(InferenceMode::BandLimited { frequencies: 6 }), "band"),
    ] {
        let mut network = network(computed_by(spec.clone(), name, false), 1);
        let steps = network.steps_of(8, mode).unwrap();
        // Its input is a map of the same kind as its output: nothing of the first layer's.
        let step = steps.iter().find(|step| step.path == "block1.conv2" && step.factorisation.is_some()).unwrap();
        assert_eq!((step.factorisation, step.representation), (Some(name), representation));
        assert_eq!(step.reason.as_deref(), Some("asked for"));
        assert_eq!(step.operation, "conv2d + batchNorm");
        let last = steps.last().unwrap();
        assert_eq!((last.path.as_str(), last.representation), ("fc", "features"));
    }
}

/// Filters large enough that threads share their panels; maps that do not fill their blocks.
fn wide(height: usize, width: usize) -> NetworkSpec {
    let mut spec = stem_and_shortcuts(height, width);
    for node in &mut spec.nodes {
        match &mut node.operation {
            OperationSpec::Conv2d { channels, .. } | OperationSpec::Subsample { channels, .. } => *channels = 192,
            _ => {}
        }
    }
    spec
}

#[test]
fn gradients_agree_whatever_the_factorisation_and_the_threads() {
    let paper = paper_resnet(MaskingSpec::Exact, 15, &[0.49, 0.48, 0.45], &[0.25, 0.24, 0.26]);
    for (spec, batch) in [(paper, 5), (stem_and_shortcuts(44, 36), 3), (wide(40, 28), 9)] {
        let pictures = pictures(batch, Colour::YCbCr, spec.input.height, spec.input.width, 5);
        let labels: Vec<u32> = (0..3).cycle().take(batch).collect();
        let gradients = |name: &str, threads: usize| {
            let any_shape = !["winograd2", "diagonalised"].contains(&name);
            let mut network = network(computed_by(spec.clone(), name, any_shape), 4);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| network.loss_and_gradients(&images(&pictures), &labels)).unwrap()
        };
        let expected = gradients("sandwich", 1);
        for name in ["auto", "winograd", "winograd2", "diagonalised"] {
            let found = gradients(name, 1);
            assert!((found.loss - expected.loss).abs() < 1e-5, "{name}: {} and {}", found.loss, expected.loss);
            for (found, expected) in found.gradients.iter().zip(&expected.gradients) {
                let norm = expected.values.iter().map(|value| value * value).sum::<f32>().sqrt();
                let error = largest_difference(&found.values, &expected.values);
                assert!(error < 1e-3 * norm + 1e-6, "{name}, {}: {error} of {norm}", found.name);
            }
            assert!(gradients(name, 3) == found, "{name}: the same bits with three threads");
        }
    }
}

//! Networks against their spatial twins: logits, losses, and gradients by finite differences.

mod support;

use jpegnet_engine::{MaskingSpec, NetworkSpec, OptimizerSpec};
use jpegnet_jpeg::Colour;
use support::definitions::{
    Builder, averages, everything, everything_of, paper_resnet, stem_and_shortcuts, unusual_ends,
};
use support::pictures::{images, input_pixels, pictures};
use support::twin::gradients_are_those_of;
use support::{network, twin};

/// A chain of residual blocks with these (channels, stride).
fn residual(channels: usize, height: usize, width: usize, blocks: &[(usize, usize)], classes: usize) -> NetworkSpec {
    let mut net = Builder::new(channels, height, width);
    let mut value = 0;
    for (number, &(channels, stride)) in blocks.iter().enumerate() {
        let at = |name: &str| format!("layer{number}.{name}");
        let conv = net.conv2d(&at("conv1"), value, channels, (3, stride));
        let norm = net.batch_norm(&at("bn1"), conv);
        let relu = net.relu(&at("relu"), norm, MaskingSpec::Asm, 15);
        let conv = net.conv2d(&at("conv2"), relu, channels, (5, 1));
        let shortcut = net.conv2d(&at("shortcut"), value, channels, (1, stride));
        let sum = net.node(&at("add"), &[conv, shortcut], jpegnet_engine::OperationSpec::Add {});
        let norm = net.batch_norm(&at("bn2"), sum);
        value = net.relu(&at("out"), norm, MaskingSpec::Exact, 15);
    }
    net.head(value, classes)
}

/// Networks of several shapes: gray and colour, one block and many, odd channels, wide and tall.
fn shapes() -> Vec<(NetworkSpec, Colour)> {
    vec![
        (residual(1, 8, 8, &[(3, 1)], 2), Colour::Gray),
        (residual(1, 16, 32, &[(7, 2)], 3), Colour::YCbCr),
        (residual(3, 32, 32, &[(5, 2), (17, 2)], 10), Colour::YCbCr),
        (residual(3, 24, 40, &[(9, 1)], 5), Colour::Gray),
        (paper_resnet(MaskingSpec::Asm, 15, &[0.49, 0.48, 0.45], &[0.25, 0.24, 0.26]), Colour::YCbCr),
        (everything(MaskingSpec::Exact, 15), Colour::YCbCr),
        (unusual_ends(MaskingSpec::Exact, 15), Colour::YCbCr),
        (stem_and_shortcuts(44, 36), Colour::YCbCr),
        (stem_and_shortcuts(64, 64), Colour::YCbCr),
        (everything_of(29, 21, MaskingSpec::Exact, 15), Colour::YCbCr),
        (residual(1, 28, 28, &[(4, 2), (5, 2)], 3), Colour::Gray),
        (residual(3, 7, 9, &[(3, 1)], 2), Colour::YCbCr),
    ]
}

#[test]
fn networks_with_all_frequencies_equal_their_spatial_twins() {
    for (number, (spec, colour)) in shapes().into_iter().enumerate() {
        let pictures = pictures(3, colour, spec.input.height, spec.input.width, 7);
        let input = input_pixels(&spec.input, &pictures);
        let mut network = network(spec.clone(), number as u64);
        // One step moves the running statistics away from 0 and 1.
        let optimizer = OptimizerSpec::Sgd { learning_rate: 0.01, momentum: 0.0, nesterov: false, weight_decay: 0.0 };
        network.train_step(&images(&pictures), &[0, 1, 1], &optimizer).unwrap();
        let weights = twin::weights(&network.state(false));

        let logits = network.predict(&images(&pictures), None).unwrap();
        let expected = twin::logits(&spec, &weights, &input, false);
        let error = logits.iter().zip(&expected).map(|(&got, twin)| (f64::from(got) - twin).abs()).fold(0.0, f64::max);
        println!("network {number}: largest error of a logit {error:.2e}");
        assert!(error < 1e-4, "network {number}: {error}");

        let loss = network.loss_and_gradients(&images(&pictures), &[0, 1, 1]).unwrap().loss;
        let expected = twin::loss(&spec, &weights, &input, &[0, 1, 1]);
        assert!((loss - expected).abs() < 1e-4 * expected.max(1.0), "network {number}: loss {loss}, twin {expected}");
    }
}

#[test]
fn gradients_equal_finite_differences_through_every_operation() {
    gradients_are_those_of(&everything(MaskingSpec::Exact, 15));
}

#[test]
fn gradients_equal_finite_differences_through_every_operation_on_blocks_that_maps_do_not_fill() {
    gradients_are_those_of(&everything_of(29, 21, MaskingSpec::Exact, 15));
}

#[test]
fn gradients_equal_finite_differences_through_max_pooling_and_both_shortcuts() {
    gradients_are_those_of(&stem_and_shortcuts(44, 36));
}

#[test]
fn gradients_equal_finite_differences_through_average_pooling() {
    gradients_are_those_of(&averages(21, 18));
}

#[test]
fn gradients_equal_finite_differences_with_approximated_masks_on_blocks_that_maps_do_not_fill() {
    gradients_are_those_of(&everything_of(13, 21, MaskingSpec::Asm, 6));
    gradients_are_those_of(&everything_of(13, 21, MaskingSpec::Apx, 8));
}

#[test]
fn gradients_equal_finite_differences_at_unusual_ends() {
    gradients_are_those_of(&unusual_ends(MaskingSpec::Exact, 15));
}

#[test]
fn gradients_equal_finite_differences_with_approximated_masks() {
    gradients_are_those_of(&everything(MaskingSpec::Asm, 6));
}

#[test]
fn gradients_equal_finite_differences_with_truncated_signals() {
    gradients_are_those_of(&everything(MaskingSpec::Apx, 8));
}

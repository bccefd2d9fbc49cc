//! The paper's network against the vectors computed in the pixel domain with PyTorch.

mod support;

use jpegnet_engine::{MaskingOverride, MaskingSpec, Network, OptimizerSpec, Plan};
use jpegnet_kernels::Isa;
use support::definitions::paper_resnet;
use support::pictures::{images, reference_pictures};
use support::{largest_difference, reference, tensor};

/// The network with the reference's weights, normalising as the reference did.
fn paper_network(frequencies: usize, isa: Isa) -> Network {
    let (metadata, _) = reference("paper_resnet_io");
    let list = |key: &str| -> Vec<f32> {
        let values: Vec<f32> = serde_json::from_str(&metadata[key]).unwrap();
        values.into_iter().map(|value| value / 255.0).collect()
    };
    let spec = paper_resnet(MaskingSpec::Asm, frequencies, &list("mean"), &list("std"));
    let mut network = Network::new(Plan::new(spec).unwrap(), 0, isa);
    let report = network.load(&reference("paper_resnet").1).unwrap();
    assert!(report.missing.is_empty() && report.unused.is_empty() && report.mismatched.is_empty(), "{report:?}");
    network
}

#[test]
fn the_papers_network_gives_the_references_logits_at_every_number_of_frequencies() {
    let pictures = reference_pictures();
    let (_, expected) = reference("paper_resnet_io");
    for isa in Isa::available() {
        let mut network = paper_network(15, isa);
        for frequencies in [1, 4, 6, 8, 12, 15] {
            let change = MaskingOverride { masking: Some(MaskingSpec::Asm), frequencies: Some(frequencies) };
            let logits = network.predict(&images(&pictures), Some(change)).unwrap();
            let expected = tensor(&expected, &format!("logits_{frequencies:02}"));
            let error = largest_difference(&logits, &expected.values);
            println!("{}, φ = {frequencies}: largest error of a logit {error:.2e}", isa.name());
            assert!(error < 1e-3, "{} at φ = {frequencies}: {error}", isa.name());
        }
    }
}

fn five_steps_reach_the_reference(frequencies: usize) {
    let pictures = reference_pictures();
    let labels: Vec<u32> = (0..10).collect();
    let optimizer = OptimizerSpec::Sgd { learning_rate: 0.002, momentum: 0.9, nesterov: false, weight_decay: 5e-4 };
    let (metadata, expected) = reference(&format!("paper_resnet_after_5_steps_{frequencies:02}"));
    let losses: Vec<f64> = serde_json::from_str(&metadata["losses"]).unwrap();
    for isa in Isa::available() {
        let mut network = paper_network(frequencies, isa);
        let mut worst_loss = 0.0f64;
        for expected in &losses {
            let report = network.train_step(&images(&pictures), &labels, &optimizer).unwrap();
            eprintln!("{} {frequencies}: {} expected {expected}", isa.name(), report.loss);
            worst_loss = worst_loss.max((report.loss - expected).abs() / expected);
        }
        assert!(worst_loss < 1e-3, "{} at φ = {frequencies}: relative error of a loss {worst_loss}", isa.name());
        let mut worst = (0.0, String::new());
        for (got, expected) in network.state(false).iter().map(|got| (got, tensor(&expected, &got.name))) {
            let scale = expected.values.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
            let error = largest_difference(&got.values, &expected.values) / scale.max(1e-3);
            if error > worst.0 {
                worst = (error, got.name.clone());
            }
        }
        println!("{}, φ = {frequencies}: losses {worst_loss:.2e} relative, state {:.2e} ({})", isa.name(), worst.0, worst.1);
        assert!(worst.0 < 1e-3, "{} at φ = {frequencies}: {worst:?}", isa.name());
    }
}

#[test]
fn five_steps_of_sgd_reach_the_references_losses_and_weights_with_all_frequencies() {
    five_steps_reach_the_reference(15);
}

#[test]
fn five_steps_of_sgd_reach_the_references_losses_and_weights_with_six_frequencies() {
    five_steps_reach_the_reference(6);
}

//! What the engine's tests share: fixtures, pictures made up for a test, definitions, and the spatial twin.
#![allow(dead_code, reason = "every test file uses a part of it")]
#![allow(missing_docs, reason = "tests are read, not linked to")]

pub mod definitions;
pub mod domains;
pub mod pictures;
pub mod pixel_reference;
pub mod twin;

use jpegnet_engine::weights::{Metadata, read_safetensors};
use jpegnet_engine::{NamedTensor, Network, OptimizerSpec, Plan};
use jpegnet_kernels::Isa;
use std::path::{Path, PathBuf};

/// Adam at the rate of 0.01 with `PyTorch`'s constants and a weight decay, added to the gradient or decoupled.
pub const fn adam(weight_decay: f32, decoupled: bool) -> OptimizerSpec {
    OptimizerSpec::Adam { learning_rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay, decoupled }
}

pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../__test__/fixtures").join(name)
}

pub fn reference(name: &str) -> (Metadata, Vec<NamedTensor>) {
    read_safetensors(&fixture("reference").join(format!("{name}.safetensors"))).unwrap()
}

pub fn tensor<'a>(tensors: &'a [NamedTensor], name: &str) -> &'a NamedTensor {
    tensors.iter().find(|tensor| tensor.name == name).unwrap_or_else(|| panic!("no tensor {name}"))
}

pub fn network(spec: jpegnet_engine::NetworkSpec, seed: u64) -> Network {
    Network::new(Plan::new(spec).unwrap(), seed, Isa::detect())
}

pub fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

pub fn bits(tensors: &[NamedTensor]) -> Vec<(String, Vec<u32>)> {
    tensors
        .iter()
        .map(|tensor| (tensor.name.clone(), tensor.values.iter().map(|value| value.to_bits()).collect()))
        .collect()
}

//! What the tests of this crate share: the reference vectors, seeded random maps, and one measure of error.
#![allow(dead_code, reason = "every test file uses its own part of this")]

pub mod convolution;
pub mod nonlinearity;
pub mod pixels;
pub mod plane;

use jpegnet_kernels::definition::{CoefficientMap, UNIT_STEPS};
use jpegnet_kernels::{BLOCK, Extent, Grid};
use safetensors::{Dtype, SafeTensors};
use std::path::PathBuf;

/// The bound of every comparison of a float32 kernel with its float64 truth.
pub const TOLERANCE: f64 = 1e-5;

/// One file of reference vectors.
pub struct Vectors {
    bytes: Vec<u8>,
}

impl Vectors {
    pub fn read(name: &str) -> Vectors {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../../__test__/fixtures/reference")
            .join(format!("{name}.safetensors"));
        Vectors { bytes: std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())) }
    }

    fn tensors(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.bytes).expect("a safetensors file")
    }

    pub fn shape(&self, name: &str) -> Vec<usize> {
        self.tensors().tensor(name).expect(name).shape().to_vec()
    }

    pub fn names(&self) -> Vec<String> {
        self.tensors().names().into_iter().map(str::to_owned).collect()
    }

    pub fn single(&self, name: &str) -> Vec<f32> {
        let tensors = self.tensors();
        let tensor = tensors.tensor(name).expect(name);
        assert_eq!(tensor.dtype(), Dtype::F32, "{name}");
        tensor.data().as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
    }

    pub fn double(&self, name: &str) -> Vec<f64> {
        self.single(name).into_iter().map(f64::from).collect()
    }

    pub fn integers(&self, name: &str) -> Vec<usize> {
        let tensors = self.tensors();
        let tensor = tensors.tensor(name).expect(name);
        assert_eq!(tensor.dtype(), Dtype::I32, "{name}");
        let integers = tensor.data().as_chunks::<4>().0.iter().map(|&bytes| i32::from_le_bytes(bytes));
        integers.map(|value| usize::try_from(value).expect(name)).collect()
    }

    /// A feature map stored `[images, channels, high, wide, 8, 8]`.
    pub fn map(&self, name: &str) -> CoefficientMap {
        let shape = self.shape(name);
        let grid = Grid { high: shape[2], wide: shape[3] };
        CoefficientMap::from_row_major(shape[0], shape[1], grid, &self.single(name))
    }

    pub fn metadata(&self, key: &str) -> serde_json::Value {
        let (_, metadata) = SafeTensors::read_metadata(&self.bytes).expect("a safetensors file");
        let metadata = metadata.metadata().as_ref().expect("metadata");
        serde_json::from_str(&metadata[key]).expect(key)
    }
}

/// max |found − expected| / max |expected|; not a number if anything is not.
pub fn relative_error(found: &[f64], expected: &[f64]) -> f64 {
    relative_error_of_sums(found, expected, 0)
}

/// The same for sums of `terms` products of standard normals, relative to at least √`terms`, which is what such a sum
/// comes to: one that happens to cancel has no digits of its own.
pub fn relative_error_of_sums(found: &[f64], expected: &[f64], terms: usize) -> f64 {
    assert_eq!(found.len(), expected.len(), "equally many values");
    let largest = |values: &mut dyn Iterator<Item = f64>| {
        values.fold(
            0.0,
            |largest: f64, value| if largest.is_nan() || value.is_nan() { f64::NAN } else { largest.max(value.abs()) },
        )
    };
    let difference = largest(&mut found.iter().zip(expected).map(|(found, expected)| found - expected));
    let usual = f64::from(u32::try_from(terms).expect("few terms")).sqrt();
    let scale = largest(&mut expected.iter().copied().chain([usual]));
    if difference == 0.0 { 0.0 } else { difference / scale }
}

/// Fails, saying what, unless the relative error is within `bound`; prints it for whoever wants the figures.
pub fn assert_close(what: &str, found: &[f64], expected: &[f64], bound: f64) {
    let error = relative_error(found, expected);
    println!("{what}: {error:.1e}");
    assert!(error <= bound, "{what}: relative error {error:.3e}, at most {bound:.0e} allowed");
}

pub fn doubles(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "the kernels compute in float32")]
pub fn singles(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

/// A seeded stream of numbers (`SplitMix64`).
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// Uniform in (0, 1).
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Standard normal (Box–Muller).
    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Values that float32 holds exactly, so that float64 and float32 compute from the same numbers.
    #[expect(clippy::cast_possible_truncation, reason = "rounding to float32 is the purpose")]
    pub fn normals(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| f64::from(self.normal() as f32)).collect()
    }

    /// Orthonormal coefficients with normal deviates.
    pub fn map(&mut self, images: usize, channels: usize, size: impl Into<Extent>) -> CoefficientMap {
        let mut map = CoefficientMap::zeros(images, size, vec![UNIT_STEPS; channels]);
        map.values = self.normals(map.values.len());
        map
    }

    /// Quantisation steps of `channels` channels, uniform in 1…`largest`.
    pub fn steps(&mut self, channels: usize, largest: f64) -> Vec<[f64; BLOCK]> {
        (0..channels).map(|_| std::array::from_fn(|_| self.between(1.0, largest).round())).collect()
    }
}

/// Central differences of a scalar function by each of `x`.
pub fn finite_differences(x: &[f64], step: f64, mut value: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
    let mut moved = x.to_vec();
    (0..x.len())
        .map(|index| {
            moved[index] = x[index] + step;
            let above = value(&moved);
            moved[index] = x[index] - step;
            let below = value(&moved);
            moved[index] = x[index];
            (above - below) / (2.0 * step)
        })
        .collect()
}

pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "equally many values");
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

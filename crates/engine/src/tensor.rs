//! Tensors with `PyTorch`'s names, as they enter and leave a network.

/// A tensor as files and the border carry it; counts (`num_batches_tracked`) are one float, exact up to 2²⁴.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// `layer1.0.conv1.weight`.
    pub name: String,
    /// Lengths of the axes; empty for a single value.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

/// What a load did with every tensor given and every tensor needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Tensors of the network that were replaced.
    pub applied: Vec<String>,
    /// Tensors of the network that were not given.
    pub missing: Vec<String>,
    /// Tensors given that the network has not.
    pub unused: Vec<String>,
    /// Tensors given in another shape.
    pub mismatched: Vec<Mismatch>,
}

/// A tensor given in another shape than the network's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The tensor.
    pub name: String,
    /// The network's shape.
    pub expected: String,
    /// The shape given.
    pub found: String,
}

/// Whether a tensor has that shape and as many values.
pub(crate) fn has_shape(tensor: &NamedTensor, shape: &[usize]) -> bool {
    tensor.shape == shape && tensor.values.len() == shape.iter().product::<usize>()
}

/// A count carried as a float.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a whole number above -1")]
pub(crate) fn count(value: f32) -> Option<u64> {
    (value >= 0.0 && value.fract() == 0.0 && value < 9.0e18).then_some(value as u64)
}

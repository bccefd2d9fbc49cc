//! What a node computes, as a value that compilers look at.

use super::factorisation::Wanted;
use super::map_function::MapFunction;
use crate::spec::MaskingSpec;
use jpegnet_kernels::pixels::ConvShape;
use jpegnet_kernels::{Conv2d, Extent, PiecewiseLinear};
use std::sync::Arc;

/// A node's operation with everything it needs to know; numbers index the plan's parameters and running statistics.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Conv2d {
        shape: ConvShape,
        /// The convolution of coefficients that trains.
        trained: Box<Conv2d>,
        weight: usize,
        bias: Option<usize>,
        wanted: Wanted,
    },
    BatchNorm {
        channels: usize,
        epsilon: f32,
        momentum: f32,
        weight: usize,
        bias: usize,
        running: usize,
    },
    PiecewiseLinear {
        function: PiecewiseLinear,
        masking: MaskingSpec,
        frequencies: usize,
        channels: usize,
        extent: Extent,
    },
    Add,
    Map(Arc<dyn MapFunction>),
    Linear {
        inputs: usize,
        outputs: usize,
        weight: usize,
        bias: Option<usize>,
    },
}

impl Operation {
    /// What a summary calls it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Operation::Conv2d { .. } => "conv2d",
            Operation::BatchNorm { .. } => "batchNorm",
            Operation::PiecewiseLinear { .. } => "piecewiseLinear",
            Operation::Add => "add",
            Operation::Map(function) => function.name(),
            Operation::Linear { .. } => "linear",
        }
    }

    /// Numbers of its weights and biases.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = usize> {
        let (weight, bias) = match *self {
            Operation::Conv2d { weight, bias, .. } | Operation::Linear { weight, bias, .. } => (Some(weight), bias),
            Operation::BatchNorm { weight, bias, .. } => (Some(weight), Some(bias)),
            _ => (None, None),
        };
        weight.into_iter().chain(bias)
    }
}

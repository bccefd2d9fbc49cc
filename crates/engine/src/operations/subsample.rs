//! Subsampling: every stride-th pixel, and channels of zeros around those that are there.

use super::check::{LARGEST_FILTER, check_size, invalid, one_map};
use super::context::Context;
use super::map_function::MapFunction;
use super::operation::Operation;
use crate::EngineError;
use crate::shape::{LARGEST, Shape};
use jpegnet_kernels::Isa;
use jpegnet_kernels::pixels::{add_subsample_gradient, subsample_into};
use std::sync::Arc;

pub(super) fn infer(context: &Context, stride: usize, channels: usize) -> Result<(Operation, Shape), EngineError> {
    let Context { path, inputs, .. } = *context;
    let (found, height, width) = one_map(path, inputs)?;
    if !(1..=LARGEST_FILTER).contains(&stride) {
        return Err(invalid(path, format!("a stride from 1 to {LARGEST_FILTER}"), stride.to_string()));
    }
    if !(found..=LARGEST).contains(&channels) {
        return Err(invalid(path, format!("from {found} (the input's) to {LARGEST} channels"), channels.to_string()));
    }
    let subsampling = Subsampling { from: (height, width, found), stride, channels };
    let (height, width) = (height.div_ceil(stride), width.div_ceil(stride));
    check_size(path, channels, height, width)?;
    Ok((Operation::Map(Arc::new(subsampling)), Shape::Map { channels, height, width }))
}

/// Every stride-th pixel of a map.
#[derive(Debug)]
pub(crate) struct Subsampling {
    /// Height, width and channels of the input.
    pub(crate) from: (usize, usize, usize),
    pub(crate) stride: usize,
    /// Of the output.
    pub(crate) channels: usize,
}

impl MapFunction for Subsampling {
    fn name(&self) -> &'static str {
        "subsample"
    }

    fn forward(&self, _isa: Isa, input: &[f32], output: &mut [f32], _kept: Option<&mut [u32]>) {
        subsample_into(self.from, self.stride, self.channels, input, output);
    }

    fn add_gradient(&self, _isa: Isa, output_gradient: &[f32], _kept: &[u32], sum: &mut [f32]) {
        add_subsample_gradient(self.from, self.stride, self.channels, output_gradient, sum);
    }
}

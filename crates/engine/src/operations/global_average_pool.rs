//! The mean of each channel's pixels.

use super::check::one_map;
use super::context::Context;
use super::map_function::MapFunction;
use super::operation::Operation;
use crate::EngineError;
use crate::shape::Shape;
use jpegnet_kernels::Isa;
use jpegnet_kernels::pixels::{add_global_average_pool_gradient, global_average_pool_into};
use std::sync::Arc;

pub(super) fn infer(context: &Context) -> Result<(Operation, Shape), EngineError> {
    let (channels, ..) = one_map(context.path, context.inputs)?;
    Ok((Operation::Map(Arc::new(Mean { channels })), Shape::Features(channels)))
}

/// The mean of all pixels.
#[derive(Debug)]
struct Mean {
    channels: usize,
}

impl MapFunction for Mean {
    fn name(&self) -> &'static str {
        "globalAveragePool"
    }

    fn forward(&self, isa: Isa, input: &[f32], output: &mut [f32], _kept: Option<&mut [u32]>) {
        global_average_pool_into(isa, self.channels, input, output);
    }

    fn add_gradient(&self, isa: Isa, output_gradient: &[f32], _kept: &[u32], sum: &mut [f32]) {
        add_global_average_pool_gradient(isa, output_gradient, sum);
    }
}

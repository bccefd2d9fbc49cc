//! Average pooling.

use super::check::{LARGEST_FILTER, check_size, check_window, invalid, one_map};
use super::context::Context;
use super::map_function::MapFunction;
use super::operation::Operation;
use crate::EngineError;
use crate::shape::Shape;
use jpegnet_kernels::Isa;
use jpegnet_kernels::pixels::{AveragePool, PoolShape};
use std::sync::Arc;

pub(super) fn infer(
    context: &Context,
    (size, stride, padding): (usize, usize, usize),
    counts_padding: bool,
) -> Result<(Operation, Shape), EngineError> {
    let Context { path, inputs, .. } = *context;
    let (channels, height, width) = one_map(path, inputs)?;
    if !(1..=LARGEST_FILTER).contains(&size) {
        return Err(invalid(path, format!("a window from 1 to {LARGEST_FILTER}"), size.to_string()));
    }
    if !(1..=LARGEST_FILTER).contains(&stride) {
        return Err(invalid(path, format!("a stride from 1 to {LARGEST_FILTER}"), stride.to_string()));
    }
    if padding >= size {
        return Err(invalid(path, format!("a padding below the window's {size}"), padding.to_string()));
    }
    check_window(path, "window", size, padding, (height, width))?;
    let shape = PoolShape { channels, height, width, size, stride, padding, ceil: false };
    let (height, width) = (shape.output_height(), shape.output_width());
    check_size(path, channels, height, width)?;
    let pool = AveragePool { shape, counts_padding };
    Ok((Operation::Map(Arc::new(pool)), Shape::Map { channels, height, width }))
}

impl MapFunction for AveragePool {
    fn name(&self) -> &'static str {
        "averagePool"
    }

    fn forward(&self, isa: Isa, input: &[f32], output: &mut [f32], _kept: Option<&mut [u32]>) {
        self.forward_into(isa, input, output);
    }

    fn add_gradient(&self, isa: Isa, output_gradient: &[f32], _kept: &[u32], sum: &mut [f32]) {
        AveragePool::add_gradient(self, isa, output_gradient, sum);
    }
}

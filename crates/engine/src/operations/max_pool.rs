//! Max pooling.

use super::check::{LARGEST_FILTER, check_size, check_window, invalid, one_map};
use super::context::Context;
use super::map_function::MapFunction;
use super::operation::Operation;
use crate::EngineError;
use crate::shape::Shape;
use jpegnet_kernels::pixels::{PoolShape, max_pool_rows_into};
use jpegnet_kernels::{Isa, MaxPool};
use std::sync::Arc;

pub(super) fn infer(
    context: &Context,
    (size, stride, padding): (usize, usize, usize),
    ceil: bool,
) -> Result<(Operation, Shape), EngineError> {
    let Context { path, inputs, .. } = *context;
    let (channels, height, width) = one_map(path, inputs)?;
    if !(1..=MaxPool::LARGEST_WINDOW).contains(&size) {
        return Err(invalid(path, format!("a window from 1 to {}", MaxPool::LARGEST_WINDOW), size.to_string()));
    }
    if !(1..=LARGEST_FILTER).contains(&stride) {
        return Err(invalid(path, format!("a stride from 1 to {LARGEST_FILTER}"), stride.to_string()));
    }
    if padding >= size {
        return Err(invalid(path, format!("a padding below the window's {size}"), padding.to_string()));
    }
    check_window(path, "window", size, padding, (height, width))?;
    let shape = PoolShape { channels, height, width, size, stride, padding, ceil };
    let (height, width) = (shape.output_height(), shape.output_width());
    check_size(path, channels, height, width)?;
    let Some(pool) = MaxPool::new(shape) else {
        unreachable!("the window was checked");
    };
    Ok((Operation::Map(Arc::new(Pooling { shape, pool })), Shape::Map { channels, height, width }))
}

/// The largest pixel of every window.
#[derive(Debug)]
struct Pooling {
    shape: PoolShape,
    pool: MaxPool,
}

impl MapFunction for Pooling {
    fn name(&self) -> &'static str {
        "maxPool"
    }

    /// The winner of every window and channel.
    fn kept_words(&self) -> usize {
        self.pool.winners_len()
    }

    fn forward(&self, isa: Isa, input: &[f32], output: &mut [f32], kept: Option<&mut [u32]>) {
        match kept {
            Some(winners) => self.pool.pixels_into(isa, input, output, Some(winners)),
            None => max_pool_rows_into(isa, &self.shape, input, 0, output),
        }
    }

    fn add_gradient(&self, isa: Isa, output_gradient: &[f32], winners: &[u32], sum: &mut [f32]) {
        self.pool.add_pixel_gradient(isa, winners, output_gradient, sum);
    }
}

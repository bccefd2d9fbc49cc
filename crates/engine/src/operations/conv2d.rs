//! Convolution with a square filter.

use super::check::{LARGEST_FILTER, check_count, check_size, check_window, invalid, mismatch, one_map, quoted};
use super::context::Context;
use super::factorisation::NAMED;
use super::operation::Operation;
use crate::EngineError;
use crate::parameters::Initial;
use crate::shape::Shape;
use jpegnet_kernels::pixels::ConvShape;
use jpegnet_kernels::{Conv2d, Conv2dShape, Extent};

/// What a definition says of a convolution.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) channels: usize,
    pub(super) input_channels: Option<usize>,
    pub(super) size: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
    pub(super) bias: bool,
    pub(super) factorisation: &'a str,
}

pub(super) fn infer(context: &mut Context, given: Given) -> Result<(Operation, Shape), EngineError> {
    let Context { path, inputs, .. } = *context;
    let Given { channels, input_channels, size, stride, padding, bias, factorisation } = given;
    let (found_channels, height, width) = one_map(path, inputs)?;
    if let Some(expected) = input_channels.filter(|&expected| expected != found_channels) {
        return Err(mismatch(path, format!("{expected} input channels"), found_channels.to_string()));
    }
    check_count(path, "channels", channels)?;
    if !(1..=LARGEST_FILTER).contains(&size) {
        return Err(invalid(path, format!("a filter size from 1 to {LARGEST_FILTER}"), size.to_string()));
    }
    if ![1, 2].contains(&stride) {
        return Err(invalid(path, "a stride of 1 or 2", stride.to_string()));
    }
    if padding > LARGEST_FILTER {
        return Err(invalid(path, format!("a padding of at most {LARGEST_FILTER}"), padding.to_string()));
    }
    check_window(path, "filter", size, padding, (height, width))?;
    let shape =
        ConvShape { input_channels: found_channels, output_channels: channels, size, stride, padding, height, width };
    let (output_height, output_width) = (shape.output_height(), shape.output_width());
    check_size(path, channels, output_height, output_width)?;
    let weight = context.parameter(
        "weight",
        vec![channels, found_channels, size, size],
        Initial::Uniform { fan_in: found_channels * size * size },
    )?;
    let bias = context.bias(bias, channels, found_channels * size * size)?;
    let refused = || {
        let expected = format!("a factorisation for a {size}×{size} filter, stride {stride}, padding {padding}");
        invalid(path, expected, factorisation)
    };
    let Some(named) = NAMED.into_iter().find(|(name, ..)| *name == factorisation) else {
        let expected = format!("the factorisation {}", NAMED.map(|(name, ..)| name).join(", "));
        return Err(invalid(path, expected, quoted(factorisation)));
    };
    let (_, trained, wanted) = named;
    let wanted = wanted.of_shape(&shape).ok_or_else(refused)?;
    let of_coefficients = coefficients_shape(&shape);
    let trained = match trained {
        None => Conv2d::choose(of_coefficients),
        Some(trained) => Conv2d::new(of_coefficients, trained),
    };
    let trained = Box::new(trained.ok_or_else(refused)?);
    Ok((
        Operation::Conv2d { shape, trained, weight, bias, wanted },
        Shape::Map { channels, height: output_height, width: output_width },
    ))
}

/// The shape of the same convolution of coefficients.
fn coefficients_shape(shape: &ConvShape) -> Conv2dShape {
    Conv2dShape {
        input_channels: shape.input_channels,
        output_channels: shape.output_channels,
        size: shape.size,
        stride: shape.stride,
        padding: shape.padding,
        input: Extent { height: shape.height, width: shape.width },
    }
}

//! Shape inference, one function an operation.

use super::{LARGEST, Node, Operation, Plan, invalid, mismatch, pixels, quoted};
use crate::EngineError;
use crate::inference::Wanted;
use crate::parameters::Initial;
use crate::shape::Shape;
use crate::spec::{BreakpointSpec, InputSpec, NodeSpec, OperationSpec, PLANNERS_CHOICE, piecewise_linear};
use jpegnet_kernels::pixels::{ConvShape, Method};
use jpegnet_kernels::{BLOCK, Conv2d, Conv2dShape, Factorisation, Grid, SIDE};

/// Breakpoints the kernels keep mask bits for.
const MOST_BREAKPOINTS: usize = 4;

/// Largest filter side, stride aside, that makes sense on blocks of 8 and keeps sums of sizes far from overflow.
const LARGEST_FILTER: usize = 1024;

/// Names of factorisations: what trains, and what a definition asks of inference.
const NAMED: [(&str, Option<Factorisation>, Wanted); 6] = [
    (PLANNERS_CHOICE, None, Wanted::Any),
    ("winograd", None, Wanted::Pixels(Method::Winograd4)),
    ("winograd2", None, Wanted::Pixels(Method::Winograd2)),
    ("pointwise", Some(Factorisation::Pointwise), Wanted::Pixels(Method::Pointwise)),
    ("sandwich", Some(Factorisation::Sandwich), Wanted::Pixels(Method::Direct)),
    ("exploded", Some(Factorisation::Exploded), Wanted::Coefficients),
];

fn conv_shape_of(shape: &Conv2dShape) -> ConvShape {
    ConvShape {
        input_channels: shape.input_channels,
        output_channels: shape.output_channels,
        size: shape.size,
        stride: shape.stride,
        padding: shape.padding,
        height: shape.input_grid.high * SIDE,
        width: shape.input_grid.wide * SIDE,
    }
}

pub(super) fn input_shape(input: &InputSpec) -> Result<Shape, EngineError> {
    let InputSpec { channels, height, width, mean, std } = input;
    if ![1, 3].contains(channels) {
        return Err(invalid("input", "1 or 3 channels", channels.to_string()));
    }
    if height % SIDE != 0 || width % SIDE != 0 || *height == 0 || *width == 0 {
        let expected = "a width and height that are multiples of 8";
        return Err(invalid("input", expected, format!("{width}×{height} pixels")));
    }
    let grid = Grid { high: height / SIDE, wide: width / SIDE };
    check_size("input", *channels, grid)?;
    for (name, values) in [("mean", mean), ("std", std)] {
        if values.len() != *channels {
            return Err(invalid(format!("input.{name}"), format!("{channels} values"), values.len().to_string()));
        }
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(invalid(format!("input.{name}"), "finite values", value.to_string()));
        }
    }
    if let Some(value) = std.iter().find(|&&value| value <= 0.0) {
        return Err(invalid("input.std", "values above 0", value.to_string()));
    }
    Ok(Shape::Map { channels: *channels, grid })
}

impl Plan {
    /// Infers one node and appends it.
    pub(super) fn add_node(&mut self, node: &NodeSpec, reductions: &mut Vec<usize>) -> Result<(), EngineError> {
        let path = node.path.as_str();
        let inputs: Vec<Shape> = node.inputs.iter().map(|&value| self.shapes[value]).collect();
        let reduction = node.inputs.first().map_or(1, |&value| reductions[value]);
        let (operation, shape, reduction) = match &node.operation {
            OperationSpec::Conv2d { stride, .. } => {
                let (operation, shape) = self.infer_conv2d(path, &inputs, reduction, &node.operation)?;
                (operation, shape, reduction * stride)
            }
            OperationSpec::BatchNorm { epsilon, momentum, channels } => {
                let (operation, shape) = self.infer_batch_norm(path, &inputs, *epsilon, *momentum, *channels)?;
                (operation, shape, reduction)
            }
            OperationSpec::PiecewiseLinear { slope, intercept, breakpoints, masking, frequencies } => {
                let (channels, grid) = one_map(path, &inputs)?;
                check_pieces(path, *slope, *intercept, breakpoints)?;
                if !(1..2 * SIDE).contains(frequencies) {
                    return Err(invalid(path, "frequencies from 1 to 15", frequencies.to_string()));
                }
                let function = piecewise_linear(*slope, *intercept, breakpoints);
                let (masking, frequencies) = (*masking, *frequencies);
                (Operation::PiecewiseLinear { function, masking, frequencies, grid, channels }, inputs[0], reduction)
            }
            OperationSpec::Add {} => (Operation::Add, same_shape(path, &inputs)?, reduction),
            OperationSpec::GlobalAveragePool {} => {
                let (channels, grid) = one_map(path, &inputs)?;
                (Operation::GlobalAveragePool { grid, channels }, Shape::Features(channels), reduction)
            }
            OperationSpec::Linear { features, input_features, bias } => {
                let (operation, shape) = self.infer_linear(path, &inputs, *features, *input_features, *bias)?;
                (operation, shape, reduction)
            }
        };
        self.nodes.push(Node { path: path.into(), inputs: node.inputs.clone(), operation });
        self.shapes.push(shape);
        reductions.push(reduction);
        Ok(())
    }

    fn infer_conv2d(
        &mut self,
        path: &str,
        inputs: &[Shape],
        reduction: usize,
        operation: &OperationSpec,
    ) -> Result<(Operation, Shape), EngineError> {
        let OperationSpec::Conv2d { channels, input_channels, size, stride, padding, bias, factorisation } = operation
        else {
            unreachable!("called for convolutions only");
        };
        let (found_channels, input_grid) = one_map(path, inputs)?;
        if let Some(expected) = input_channels.filter(|&expected| expected != found_channels) {
            return Err(mismatch(path, format!("{expected} input channels"), found_channels.to_string()));
        }
        check_count(path, "channels", *channels)?;
        if !(1..=LARGEST_FILTER).contains(size) {
            return Err(invalid(path, format!("a filter size from 1 to {LARGEST_FILTER}"), size.to_string()));
        }
        if ![1, 2].contains(stride) {
            return Err(invalid(path, "a stride of 1 or 2", stride.to_string()));
        }
        if *padding > LARGEST_FILTER {
            return Err(invalid(path, format!("a padding of at most {LARGEST_FILTER}"), padding.to_string()));
        }
        let (size, stride, padding) = (*size, *stride, *padding);
        let shape = Conv2dShape {
            input_channels: found_channels,
            output_channels: *channels,
            size,
            stride,
            padding,
            input_grid,
        };
        let Some(output_grid) = shape.output_grid() else {
            return Err(self.leaves_blocks(path, &shape, reduction));
        };
        check_size(path, *channels, output_grid)?;
        let weight = self.parameter(
            path,
            "weight",
            vec![*channels, found_channels, size, size],
            Initial::Uniform { fan_in: found_channels * size * size },
        )?;
        let bias = self.bias(path, *bias, *channels, found_channels * size * size)?;
        let refused = || {
            let expected = format!("a factorisation for a {size}×{size} filter, stride {stride}, padding {padding}");
            invalid(path, expected, factorisation.clone())
        };
        let Some(named) = NAMED.into_iter().find(|(name, ..)| name == factorisation) else {
            let expected = format!("the factorisation {}", NAMED.map(|(name, ..)| name).join(", "));
            return Err(invalid(path, expected, quoted(factorisation)));
        };
        let (_, trained, wanted) = named;
        let wanted = match wanted {
            Wanted::Pixels(Method::Winograd4) if stride == 2 => Wanted::Pixels(Method::WinogradStride2),
            wanted => wanted,
        };
        if let Wanted::Pixels(method) = wanted
            && !method.takes(&conv_shape_of(&shape))
        {
            return Err(refused());
        }
        let conv = match trained {
            None => Conv2d::choose(shape),
            Some(trained) => Conv2d::new(shape, trained),
        };
        let conv = conv.ok_or_else(refused)?;
        Ok((
            Operation::Conv2d { conv: Box::new(conv), weight, bias, wanted },
            Shape::Map { channels: *channels, grid: output_grid },
        ))
    }

    /// Why a convolution's output does not fill whole blocks: the input's size, or the padding.
    fn leaves_blocks(&self, path: &str, shape: &Conv2dShape, reduction: usize) -> EngineError {
        let Conv2dShape { size, stride, padding, input_grid, .. } = *shape;
        let fitting = Conv2dShape {
            input_grid: Grid {
                high: input_grid.high.next_multiple_of(stride),
                wide: input_grid.wide.next_multiple_of(stride),
            },
            ..*shape
        };
        if fitting.output_grid().is_some() {
            let InputSpec { width, height, .. } = self.input();
            let multiple = SIDE * stride * reduction;
            let expected = format!(
                "whole blocks of 8×8 pixels after stride {stride}, so an input whose width and height are multiples of \
                 {multiple}"
            );
            return mismatch(path, expected, format!("an input of {width}×{height}"));
        }
        let expected = format!("a padding that keeps whole blocks of 8×8 pixels for a {size}×{size} filter");
        let expected = if size % 2 == 1 { format!("{expected}: {}", (size - 1) / 2) } else { expected };
        let found = format!("padding {padding} on a map of {}", pixels(input_grid));
        mismatch(path, expected, found)
    }

    fn infer_batch_norm(
        &mut self,
        path: &str,
        inputs: &[Shape],
        epsilon: f32,
        momentum: f32,
        expected_channels: Option<usize>,
    ) -> Result<(Operation, Shape), EngineError> {
        let (channels, _) = one_map(path, inputs)?;
        if let Some(expected) = expected_channels.filter(|&expected| expected != channels) {
            return Err(mismatch(path, format!("{expected} channels"), channels.to_string()));
        }
        if !(epsilon.is_finite() && epsilon > 0.0) {
            return Err(invalid(path, "a finite epsilon above 0", epsilon.to_string()));
        }
        if !(0.0..=1.0).contains(&momentum) {
            return Err(invalid(path, "a momentum from 0 to 1", momentum.to_string()));
        }
        let weight = self.parameter(path, "weight", vec![channels], Initial::Ones)?;
        let bias = self.parameter(path, "bias", vec![channels], Initial::Zeros)?;
        let running = self.running_statistics(path, channels);
        Ok((Operation::BatchNorm { channels, epsilon, momentum, weight, bias, running }, inputs[0]))
    }

    fn infer_linear(
        &mut self,
        path: &str,
        inputs: &[Shape],
        outputs: usize,
        expected_features: Option<usize>,
        bias: bool,
    ) -> Result<(Operation, Shape), EngineError> {
        let Shape::Features(features) = one(path, inputs)? else {
            return Err(mismatch(
                path,
                "a vector of features (a global average pool makes one)",
                inputs[0].to_string(),
            ));
        };
        if let Some(expected) = expected_features.filter(|&expected| expected != features) {
            return Err(mismatch(path, format!("{expected} input features"), features.to_string()));
        }
        check_count(path, "features", outputs)?;
        let weight = self.parameter(path, "weight", vec![outputs, features], Initial::Uniform { fan_in: features })?;
        let bias = self.bias(path, bias, outputs, features)?;
        Ok((Operation::Linear { inputs: features, outputs, weight, bias }, Shape::Features(outputs)))
    }

    fn bias(&mut self, path: &str, wanted: bool, length: usize, fan_in: usize) -> Result<Option<usize>, EngineError> {
        if !wanted {
            return Ok(None);
        }
        self.parameter(path, "bias", vec![length], Initial::Uniform { fan_in }).map(Some)
    }
}

fn one(path: &str, inputs: &[Shape]) -> Result<Shape, EngineError> {
    match inputs {
        [input] => Ok(*input),
        _ => Err(invalid(path, "1 input", inputs.len().to_string())),
    }
}

fn one_map(path: &str, inputs: &[Shape]) -> Result<(usize, Grid), EngineError> {
    match one(path, inputs)? {
        Shape::Map { channels, grid } => Ok((channels, grid)),
        shape @ Shape::Features(_) => Err(mismatch(path, "a feature map", shape.to_string())),
    }
}

fn same_shape(path: &str, inputs: &[Shape]) -> Result<Shape, EngineError> {
    let [first, rest @ ..] = inputs else {
        return Err(invalid(path, "at least 2 inputs", "0"));
    };
    if rest.is_empty() {
        return Err(invalid(path, "at least 2 inputs", "1"));
    }
    match rest.iter().find(|shape| *shape != first) {
        Some(other) => Err(mismatch(path, format!("inputs of one shape, all {first}"), other.to_string())),
        None => Ok(*first),
    }
}

fn check_pieces(path: &str, slope: f32, intercept: f32, breakpoints: &[BreakpointSpec]) -> Result<(), EngineError> {
    if breakpoints.len() > MOST_BREAKPOINTS {
        let found = breakpoints.len().to_string();
        return Err(invalid(path, format!("at most {MOST_BREAKPOINTS} breakpoints"), found));
    }
    let changes = breakpoints.iter().flat_map(|point| [point.at, point.slope_change, point.intercept_change]);
    match [slope, intercept].into_iter().chain(changes).find(|value| !value.is_finite()) {
        Some(value) => Err(invalid(path, "finite slopes, intercepts and breakpoints", value.to_string())),
        None => Ok(()),
    }
}

fn check_count(path: &str, what: &str, count: usize) -> Result<(), EngineError> {
    if (1..=LARGEST).contains(&count) {
        return Ok(());
    }
    Err(invalid(path, format!("from 1 to {LARGEST} {what}"), count.to_string()))
}

fn check_size(path: &str, channels: usize, grid: Grid) -> Result<(), EngineError> {
    let floats = grid.high.checked_mul(grid.wide).and_then(|blocks| blocks.checked_mul(BLOCK));
    let floats = floats.and_then(|floats| floats.checked_mul(channels));
    if floats.is_some_and(|floats| floats <= LARGEST) {
        return Ok(());
    }
    let found = format!("{channels} channels of {}", pixels(grid));
    Err(invalid(path, format!("at most {LARGEST} coefficients an image"), found))
}

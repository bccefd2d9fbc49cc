//! Shape inference, one function an operation.

use super::{LARGEST, Node, Operation, Plan, invalid, mismatch, quoted};
use crate::EngineError;
use crate::inference::Wanted;
use crate::parameters::Initial;
use crate::shape::Shape;
use crate::spec::{
    ALL_FREQUENCIES, BreakpointSpec, InputSpec, NodeSpec, OperationSpec, PLANNERS_CHOICE, piecewise_linear,
};
use jpegnet_kernels::pixels::{ConvShape, Method, PoolShape};
use jpegnet_kernels::{Conv2d, Conv2dShape, Extent, Factorisation, MaxPool, SIDE};

/// Breakpoints the kernels keep mask bits for.
const MOST_BREAKPOINTS: usize = 4;

/// Largest filter side, stride aside, that makes sense on blocks of 8 and keeps sums of sizes far from overflow.
const LARGEST_FILTER: usize = 1024;

/// Names of factorisations: what trains, and what a definition asks of inference.
const NAMED: [(&str, Option<Factorisation>, Wanted); 8] = [
    (PLANNERS_CHOICE, None, Wanted::Any),
    ("winograd", None, Wanted::Pixels(Method::Winograd4)),
    ("diagonalised", None, Wanted::Diagonalised),
    ("winograd2", None, Wanted::Pixels(Method::Winograd2)),
    ("scatter", None, Wanted::Scatter),
    ("pointwise", Some(Factorisation::Pointwise), Wanted::Pixels(Method::Pointwise)),
    ("sandwich", Some(Factorisation::Sandwich), Wanted::Pixels(Method::Direct)),
    ("exploded", Some(Factorisation::Exploded), Wanted::Coefficients),
];

pub(super) fn input_shape(input: &InputSpec) -> Result<Shape, EngineError> {
    let InputSpec { channels, height, width, mean, std } = input;
    if ![1, 3].contains(channels) {
        return Err(invalid("input", "1 or 3 channels", channels.to_string()));
    }
    if *height == 0 || *width == 0 {
        return Err(invalid("input", "a width and height above 0", format!("{width}×{height} pixels")));
    }
    check_size("input", *channels, *height, *width)?;
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
    Ok(Shape::Map { channels: *channels, height: *height, width: *width })
}

impl Plan {
    /// Infers one node and appends it.
    pub(super) fn add_node(&mut self, node: &NodeSpec) -> Result<(), EngineError> {
        let path = node.path.as_str();
        let inputs: Vec<Shape> = node.inputs.iter().map(|&value| self.shapes[value]).collect();
        let (operation, shape) = match &node.operation {
            OperationSpec::Conv2d { .. } => self.infer_conv2d(path, &inputs, &node.operation)?,
            OperationSpec::BatchNorm { epsilon, momentum, channels } => {
                self.infer_batch_norm(path, &inputs, *epsilon, *momentum, *channels)?
            }
            OperationSpec::PiecewiseLinear { slope, intercept, breakpoints, masking, frequencies } => {
                let (channels, height, width) = one_map(path, &inputs)?;
                check_pieces(path, *slope, *intercept, breakpoints)?;
                if !(1..=ALL_FREQUENCIES).contains(frequencies) {
                    return Err(invalid(path, "frequencies from 1 to 15", frequencies.to_string()));
                }
                let function = piecewise_linear(*slope, *intercept, breakpoints);
                let (masking, frequencies, extent) = (*masking, *frequencies, Extent { height, width });
                (Operation::PiecewiseLinear { function, masking, frequencies, channels, extent }, inputs[0])
            }
            OperationSpec::Add {} => (Operation::Add, same_shape(path, &inputs)?),
            OperationSpec::MaxPool { size, stride, padding, ceil } => {
                infer_max_pool(path, &inputs, (*size, *stride, *padding), *ceil)?
            }
            OperationSpec::Subsample { stride, channels } => infer_subsample(path, &inputs, *stride, *channels)?,
            OperationSpec::GlobalAveragePool {} => {
                let (channels, _, _) = one_map(path, &inputs)?;
                (Operation::GlobalAveragePool, Shape::Features(channels))
            }
            OperationSpec::Linear { features, input_features, bias } => {
                self.infer_linear(path, &inputs, *features, *input_features, *bias)?
            }
        };
        self.nodes.push(Node { path: path.into(), inputs: node.inputs.clone(), operation });
        self.shapes.push(shape);
        Ok(())
    }

    fn infer_conv2d(
        &mut self,
        path: &str,
        inputs: &[Shape],
        operation: &OperationSpec,
    ) -> Result<(Operation, Shape), EngineError> {
        let OperationSpec::Conv2d { channels, input_channels, size, stride, padding, bias, factorisation } = operation
        else {
            unreachable!("called for convolutions only");
        };
        let (found_channels, height, width) = one_map(path, inputs)?;
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
        check_window(path, "filter", size, padding, (height, width))?;
        let shape = ConvShape {
            input_channels: found_channels,
            output_channels: *channels,
            size,
            stride,
            padding,
            height,
            width,
        };
        let (output_height, output_width) = (shape.output_height(), shape.output_width());
        check_size(path, *channels, output_height, output_width)?;
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
        let wanted = wanted.of_shape(&shape).ok_or_else(refused)?;
        let of_coefficients = coefficients_shape(&shape);
        let trained = match trained {
            None => Conv2d::choose(of_coefficients),
            Some(trained) => Conv2d::new(of_coefficients, trained),
        };
        let trained = Box::new(trained.ok_or_else(refused)?);
        Ok((
            Operation::Conv2d { shape, trained, weight, bias, wanted },
            Shape::Map { channels: *channels, height: output_height, width: output_width },
        ))
    }

    fn infer_batch_norm(
        &mut self,
        path: &str,
        inputs: &[Shape],
        epsilon: f32,
        momentum: f32,
        expected_channels: Option<usize>,
    ) -> Result<(Operation, Shape), EngineError> {
        let (channels, ..) = one_map(path, inputs)?;
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

/// Channels, height and width.
fn one_map(path: &str, inputs: &[Shape]) -> Result<(usize, usize, usize), EngineError> {
    match one(path, inputs)? {
        Shape::Map { channels, height, width } => Ok((channels, height, width)),
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

fn check_size(path: &str, channels: usize, height: usize, width: usize) -> Result<(), EngineError> {
    // Whole blocks: what training needs is never less than what inference needs.
    let floats = height.checked_next_multiple_of(SIDE).zip(width.checked_next_multiple_of(SIDE));
    let floats = floats.and_then(|(height, width)| height.checked_mul(width)?.checked_mul(channels));
    if floats.is_some_and(|floats| floats <= LARGEST) {
        return Ok(());
    }
    let found = format!("{channels} channels of {height}×{width} pixels");
    Err(invalid(path, format!("at most {LARGEST} coefficients an image"), found))
}

/// A window must fit into the padded map once.
fn check_window(
    path: &str,
    what: &str,
    size: usize,
    padding: usize,
    (height, width): (usize, usize),
) -> Result<(), EngineError> {
    if size <= height.min(width) + 2 * padding {
        return Ok(());
    }
    let expected =
        format!("a map of at least {size}×{size} pixels with its padding of {padding} for a {size}×{size} {what}");
    Err(mismatch(path, expected, format!("{height}×{width} pixels")))
}

fn infer_max_pool(
    path: &str,
    inputs: &[Shape],
    (size, stride, padding): (usize, usize, usize),
    ceil: bool,
) -> Result<(Operation, Shape), EngineError> {
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
    check_size(path, channels, shape.output_height(), shape.output_width())?;
    let output = Shape::Map { channels, height: shape.output_height(), width: shape.output_width() };
    Ok((Operation::MaxPool(shape), output))
}

fn infer_subsample(
    path: &str,
    inputs: &[Shape],
    stride: usize,
    channels: usize,
) -> Result<(Operation, Shape), EngineError> {
    let (found, height, width) = one_map(path, inputs)?;
    if !(1..=LARGEST_FILTER).contains(&stride) {
        return Err(invalid(path, format!("a stride from 1 to {LARGEST_FILTER}"), stride.to_string()));
    }
    if !(found..=LARGEST).contains(&channels) {
        return Err(invalid(path, format!("from {found} (the input's) to {LARGEST} channels"), channels.to_string()));
    }
    let (height, width) = (height.div_ceil(stride), width.div_ceil(stride));
    check_size(path, channels, height, width)?;
    Ok((Operation::Subsample { stride }, Shape::Map { channels, height, width }))
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

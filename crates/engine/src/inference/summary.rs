//! What a compiled network says of itself.

#![expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]

use super::cost::{BandMethod, Pick};
use super::scatter::ScatterPick;
use super::step::{Activation, Compiled, Kind, Size, Step};
use crate::operations::{Operation, linear_shape, method_name};
use crate::plan::Plan;
use jpegnet_kernels::pixels::ConvShape;

/// One pass over the maps, and why it is done so.
#[derive(Clone, Debug, PartialEq)]
pub struct StepSummary {
    /// The node it is named by.
    pub path: String,
    /// What it does, with all that is fused into it: `conv2d + batchNorm + add + piecewiseLinear`.
    pub operation: String,
    /// How a convolution is computed: `winograd`, `winograd2`, `pointwise`, `sandwich`, `scatter` or a
    /// factorisation of coefficients.
    pub factorisation: Option<&'static str>,
    /// What its output is: `pixels`, `band` or `features`.
    pub representation: &'static str,
    /// Why the factorisation was picked.
    pub reason: Option<String>,
    /// Estimated microseconds for an image of the batch.
    pub microseconds: Option<f64>,
    /// Of a convolution or linear layer: multiply-adds for an image, those of its transforms left out.
    pub multiplies: Option<f64>,
    /// Of a convolution or linear layer: multiply-adds of the direct convolution of an image's pixels.
    pub direct_multiplies: Option<f64>,
}

/// One line a step, in order.
pub(crate) fn summarise(plan: &Plan, compiled: &Compiled) -> Vec<StepSummary> {
    compiled.steps.iter().map(|step| summary(plan, step)).collect()
}

fn summary(plan: &Plan, step: &Step) -> StepSummary {
    let node = &plan.nodes[step.named_by];
    let (path, mut operation) = match step.kind {
        Kind::Input => ("input".into(), vec!["input"]),
        _ => (node.path.clone(), vec![node.operation.name()]),
    };
    let (factorisation, reason, microseconds) = match &step.kind {
        Kind::BandConv2d { method, folded, activation, nanoseconds, others, asked_for } => {
            operation.extend(folded.map(|_| "batchNorm"));
            operation.extend((step.inputs.len() > 1).then_some("add"));
            operation.extend(name_of(activation));
            (Some(method.name()), Some(because(*asked_for, *nanoseconds, others)), Some(nanoseconds / 1e3))
        }
        Kind::Truncate { .. } => {
            operation = vec!["truncate"];
            (None, None, None)
        }
        Kind::ToPixels => {
            operation = vec!["to pixels"];
            (None, Some("the next step has no kernel on band maps that is faster".into()), None)
        }
        Kind::Map(function) if matches!(node.operation, Operation::Conv2d { .. }) => {
            operation = vec![function.name()];
            (None, Some("the filter sees these pixels alone".into()), None)
        }
        Kind::ToBand { activation } => {
            operation = vec!["to the band"];
            operation.extend((step.inputs.len() > 1).then_some("add"));
            operation.extend(name_of(activation));
            (None, None, None)
        }
        Kind::Conv2d { conv, folded, activation, pick } => {
            operation.extend(folded.map(|_| "batchNorm"));
            operation.extend((step.inputs.len() > 1).then_some("add"));
            operation.extend(name_of(activation));
            (Some(method_name(conv.method())), Some(reason(pick)), Some(pick.nanoseconds / 1e3))
        }
        Kind::Scatter { folded, activation, pick } => {
            operation.insert(0, "input");
            operation.extend(folded.map(|_| "batchNorm"));
            operation.extend(name_of(activation));
            let ScatterPick { nanoseconds, through_pixels, non_zeros, asked_for, .. } = pick;
            let others = [("pixels and their convolution", *through_pixels)];
            let because = because(*asked_for, *nanoseconds, &others);
            let reason = format!("{because}, for about {non_zeros:.1} non-zero coefficients in 8×8 pixels");
            (Some("scatter"), Some(reason), Some(nanoseconds / 1e3))
        }
        Kind::Coefficients { folded, activation, .. } => {
            operation.extend(folded.map(|_| "batchNorm"));
            operation.extend((step.inputs.len() > 1).then_some("add"));
            operation.extend(name_of(activation));
            let factorisation = match &node.operation {
                Operation::Conv2d { trained: conv, .. } => Some(conv.factorisation().name()),
                _ => None,
            };
            (factorisation, Some("asked for".into()), None)
        }
        Kind::Sum { activation } if matches!(node.operation, Operation::Add) => {
            operation.extend(name_of(activation));
            (None, None, None)
        }
        _ => (None, None, None),
    };
    let representation = match step.size {
        Size { band: Some(_), .. } => "band",
        Size { height: 1, width: 1, .. } => "features",
        _ => "pixels",
    };
    let multiplies = multiplies(plan, step);
    let direct_multiplies =
        multiplies.and_then(|_| direct_shape(&node.operation)).map(|shape| shape.direct_multiplies() as f64);
    let operation = operation.join(" + ");
    StepSummary { path, operation, factorisation, representation, reason, microseconds, multiplies, direct_multiplies }
}

/// Multiply-adds of a step that is a product, for an image.
fn multiplies(plan: &Plan, step: &Step) -> Option<f64> {
    match &step.kind {
        Kind::Conv2d { conv, .. } => Some(conv.multiplies() as f64),
        Kind::Scatter { pick, .. } => Some(pick.multiplies),
        Kind::BandConv2d { method, .. } => {
            let shape = direct_shape(&plan.nodes[step.named_by].operation)?;
            let (band, blocks) = match method {
                BandMethod::Diagonalised(method) => (method.multiplies(), method.shape().output()),
                BandMethod::Pointwise(method) => (method.multiplies(), method.shape().output()),
            };
            Some((blocks.high() * blocks.wide() * band * shape.input_channels * shape.output_channels) as f64)
        }
        _ => None,
    }
}

/// The convolution that an operation is, on pixels.
fn direct_shape(operation: &Operation) -> Option<ConvShape> {
    match *operation {
        Operation::Conv2d { shape, .. } => Some(shape),
        Operation::Linear { inputs, outputs, .. } => Some(linear_shape(inputs, outputs)),
        _ => None,
    }
}

fn name_of(activation: &Activation) -> Option<&'static str> {
    match activation {
        Activation::Identity => None,
        Activation::Function(_) => Some("piecewiseLinear"),
    }
}

fn reason(pick: &Pick) -> String {
    let others: Vec<(&str, f64)> =
        pick.others.iter().map(|(method, estimate)| (method_name(*method), *estimate)).collect();
    because(pick.asked_for, pick.nanoseconds, &others)
}

fn because(asked_for: bool, nanoseconds: f64, others: &[(&str, f64)]) -> String {
    let listed: Vec<String> = others.iter().map(|(name, estimate)| format!("{name} {:.1}", estimate / 1e3)).collect();
    match (asked_for, others.is_empty()) {
        (true, _) => "asked for".into(),
        (false, true) => "the only one for its shape".into(),
        (false, false) => format!("{:.1} µs an image, instead of {}", nanoseconds / 1e3, listed.join(", ")),
    }
}

//! Steps of a band-limited network: maps keep the coefficients with `α + β < φ`, so storage, 1×1 products and the
//! diagonalised explosion shrink with the band. What has no kernel on band maps goes through pixels.

use super::super::circumstances::Circumstances;
use super::super::cost::BandPick;
use super::super::step::{Activation, Buffer, Kind, Size, Step};
use super::Compiler;
use crate::operations::{Operation, Subsampling, Wanted};
use crate::shape::Shape;
use jpegnet_kernels::SIDE;
use jpegnet_kernels::pixels::ConvShape;
use std::sync::Arc;

impl Compiler<'_> {
    /// Compiles a node whose map is truncated to `band`.
    pub(super) fn band_step(&mut self, node: usize, band: usize) {
        let plan = self.plan;
        let definition = &plan.nodes[node];
        if matches!(plan.shapes[definition.inputs[0]], Shape::Features(_)) {
            self.step(node);
            return;
        }
        match &definition.operation {
            Operation::Conv2d { .. } => self.band_convolution(node, band),
            // The network's input is not truncated before a function of it is.
            Operation::PiecewiseLinear { function, .. } if definition.inputs[0] == 0 => {
                let kind = Kind::Sum { activation: Activation::Function(function.clone()) };
                let pixels = self.in_pixels_of(node, kind, vec![self.value(0)]);
                self.emit(Kind::ToBand { activation: Activation::Identity }, node, node, vec![pixels]);
            }
            Operation::Add | Operation::PiecewiseLinear { .. } => {
                let inputs = definition.inputs.iter().map(|&value| self.in_band(value, node, band)).collect();
                self.emit(Kind::Sum { activation: Activation::Identity }, node, node, inputs);
                let (last, activation) = match &definition.operation {
                    Operation::PiecewiseLinear { function, .. } => (node, Activation::Function(function.clone())),
                    _ => self.activation_after(node),
                };
                if let Activation::Function(function) = activation {
                    let (output, size) = (self.value(node + 1), self.size(node + 1));
                    let kind = Kind::BandActivation { function };
                    self.steps.push(Step { kind, named_by: last, inputs: vec![output], output, size });
                    self.values[last + 1] = Some(output);
                }
            }
            operation => {
                let input = self.in_pixels(definition.inputs[0], node);
                let kind = match operation {
                    Operation::Map(function) => Kind::Map(Arc::clone(function)),
                    _ => Kind::Normalise,
                };
                if matches!(plan.shapes[node + 1], Shape::Features(_)) {
                    self.emit(kind, node, node, vec![input]);
                    return;
                }
                let pixels = self.in_pixels_of(node, kind, vec![input]);
                self.emit(Kind::ToBand { activation: Activation::Identity }, node, node, vec![pixels]);
            }
        }
    }

    fn band_convolution(&mut self, node: usize, band: usize) {
        let plan = self.plan;
        let Operation::Conv2d { shape, wanted, .. } = &plan.nodes[node].operation else {
            unreachable!("called for convolutions");
        };
        let value = plan.nodes[node].inputs[0];
        let mut last = node;
        let folded = self.batch_norm_after(&mut last);
        let residual = self.residual_after(&mut last).map(|value| self.in_band(value, node, band));
        let (end, activation) = self.activation_after(last);
        let from_band = self.sizes[self.value(value).0].band.is_some();
        let threads = self.circumstances.threads;
        let images = self.images_at_once(shape);
        // A strided 1×1 filter sees some pixels alone: it is a product over the coefficients that are kept of those.
        let of_some_pixels = (shape.size, shape.padding) == (1, 0) && shape.stride > 1;
        let (height, width) = (shape.output_height(), shape.output_width());
        let seen = if of_some_pixels { ConvShape { stride: 1, height, width, ..*shape } } else { *shape };
        let pick = self.circumstances.machine.pick_in_band(&seen, *wanted, band, images, threads);
        if let Some(BandPick { method, nanoseconds, others, asked_for }) = pick.filter(|_| from_band) {
            let input = if of_some_pixels { self.subsampled(value, node, &seen, band) } else { self.value(value) };
            let inputs = [input].into_iter().chain(residual).collect();
            let kind = Kind::BandConv2d { method, folded, activation, nanoseconds, others, asked_for };
            self.emit(kind, end, node, inputs);
            return;
        }
        let input = self.in_pixels(value, node);
        let kind = self.convolution_in_pixels(*shape, *wanted, node, folded);
        let pixels = self.in_pixels_of(node, kind, vec![input]);
        let inputs = [pixels].into_iter().chain(residual).collect();
        self.emit(Kind::ToBand { activation }, end, node, inputs);
    }

    /// Compiles a node alone on maps in pixels, its output truncated if a band is given.
    pub(super) fn truncated_step(&mut self, node: usize, band: Option<usize>) {
        let definition = &self.plan.nodes[node];
        match &definition.operation {
            Operation::Conv2d { shape, wanted, .. } => {
                let inputs = vec![self.value(definition.inputs[0])];
                let kind = self.convolution_in_pixels(*shape, *wanted, node, None);
                self.emit(kind, node, node, inputs);
            }
            Operation::Add => {
                let inputs = definition.inputs.iter().map(|&value| self.value(value)).collect();
                self.emit(Kind::Sum { activation: Activation::Identity }, node, node, inputs);
            }
            _ => self.step(node),
        }
        if let Some(band) = band {
            let (output, size) = (self.value(node + 1), self.size(node + 1));
            self.steps.push(Step { kind: Kind::Truncate { band }, named_by: node, inputs: vec![output], output, size });
        }
    }

    /// The pixels of a band map that a strided 1×1 filter sees, in the band.
    fn subsampled(&mut self, value: usize, node: usize, seen: &ConvShape, band: usize) -> Buffer {
        let Operation::Conv2d { shape: ConvShape { stride, height, width, .. }, .. } = self.plan.nodes[node].operation
        else {
            unreachable!("called for convolutions");
        };
        let from = (height, width);
        let pixels = self.in_pixels(value, node);
        let ConvShape { height, width, input_channels: channels, .. } = *seen;
        let size = Size { height, width, channels, band: None };
        let subsampling = Subsampling { from: (from.0, from.1, channels), stride, channels };
        let some = self.temporary(Kind::Map(Arc::new(subsampling)), node, vec![pixels], size);
        let activation = Activation::Identity;
        self.temporary(Kind::ToBand { activation }, node, vec![some], Size { band: Some(band), ..size })
    }

    /// The diagonalised explosion of all 15 frequencies, for a network whose maps are in pixels: `inputs` then begin with
    /// its result. False if the maps do not fill their blocks.
    pub(super) fn diagonalised(
        &mut self,
        shape: &ConvShape,
        node: usize,
        folded: Option<usize>,
        inputs: &mut [Buffer],
    ) -> bool {
        let all = 2 * SIDE - 1;
        let Circumstances { threads, machine, .. } = self.circumstances;
        let images = self.images_at_once(shape);
        let Some(pick) = machine.pick_in_band(shape, Wanted::Diagonalised, all, images, threads) else {
            return false;
        };
        let BandPick { method, nanoseconds, others, asked_for } = pick;
        let activation = Activation::Identity;
        let from = Size { band: Some(all), ..self.sizes[inputs[0].0] };
        let to = Size { band: Some(all), ..self.size(node + 1) };
        let map = self.temporary(Kind::ToBand { activation: Activation::Identity }, node, vec![inputs[0]], from);
        let kind = Kind::BandConv2d { method, folded, activation, nanoseconds, others, asked_for };
        let map = self.temporary(kind, node, vec![map], to);
        inputs[0] = self.temporary(Kind::ToPixels, node, vec![map], Size { band: None, ..to });
        true
    }

    fn convolution_in_pixels(&self, shape: ConvShape, wanted: Wanted, node: usize, folded: Option<usize>) -> Kind {
        let activation = Activation::Identity;
        if let Some((conv, pick)) = self.pick(&shape, wanted) {
            return Kind::Conv2d { conv: Box::new(conv), folded, activation, pick };
        }
        let scratch = super::coefficients_scratch(&self.plan.nodes[node].operation);
        Kind::Coefficients { folded, activation, scratch }
    }

    /// A value in pixels, for `node`; converted by a step if it is in a band.
    pub(super) fn in_pixels(&mut self, value: usize, node: usize) -> Buffer {
        let buffer = self.value(value);
        if self.sizes[buffer.0].band.is_none() {
            return buffer;
        }
        let size = Size { band: None, ..self.sizes[buffer.0] };
        self.temporary(Kind::ToPixels, node, vec![buffer], size)
    }

    /// A value in the band, for `node`; converted by a step if it is the network's input in pixels.
    fn in_band(&mut self, value: usize, node: usize, band: usize) -> Buffer {
        let buffer = self.value(value);
        if self.sizes[buffer.0].band.is_some() {
            return buffer;
        }
        let size = Size { band: Some(band), ..self.sizes[buffer.0] };
        self.temporary(Kind::ToBand { activation: Activation::Identity }, node, vec![buffer], size)
    }

    /// A node's output in pixels, on its way into the band.
    fn in_pixels_of(&mut self, node: usize, kind: Kind, inputs: Vec<Buffer>) -> Buffer {
        let size = Size { band: None, ..self.size(node + 1) };
        self.temporary(kind, node, inputs, size)
    }

    fn temporary(&mut self, kind: Kind, node: usize, inputs: Vec<Buffer>, size: Size) -> Buffer {
        self.sizes.push(size);
        let output = Buffer(self.sizes.len() - 1);
        self.steps.push(Step { kind, named_by: node, inputs, output, size });
        output
    }
}

//! One step of a compiled network on the maps of a group.

use super::convolution::Convolution;
use crate::inference::cost::{Pick, run_length};
use crate::inference::executor::{Executor, INPUT_ROWS, Run};
use crate::inference::pack::Filter;
use crate::inference::step::{Activation, Kind, Size, Step, size_of_map};
use crate::layers::running_coefficients;
use crate::operations::Operation;
use jpegnet_kernels::pixels::{
    self, Conv2d, Epilogue, Masked, coefficients_from_pixels_into, pixels_from_coefficients_into, scale_shift_in_place,
    truncate_pixels_in_place,
};
use rayon::prelude::*;
use std::ops::Range;

/// A step with all it reads.
pub(super) struct Pass<'a> {
    pub(super) executor: &'a Executor,
    pub(super) run: &'a Run<'a>,
    pub(super) step: &'a Step,
    /// Of a convolution.
    pub(super) filter: Option<&'a Filter>,
    /// Of the batch.
    pub(super) images: Range<usize>,
    /// Maps of the group.
    pub(super) inputs: &'a [&'a [f32]],
    /// Whether threads share the step.
    pub(super) parallel: bool,
}

impl Pass<'_> {
    /// Does the step's work on the group.
    pub(super) fn run(&self, output: &mut [f32]) {
        let Size { height, width, channels, .. } = self.step.size;
        let isa = self.run.isa;
        match &self.step.kind {
            Kind::Input => self.expand(output),
            Kind::Scatter { activation, .. } => self.scatter(activation, output),
            Kind::Conv2d { conv, activation, pick, .. } => self.conv2d(conv, pick, activation, output),
            Kind::Coefficients { activation, .. } => self.each_image(output, |image, output| {
                self.executor.workspaces.lend(|scratch| self.through_coefficients(image, output, scratch));
                let residual = self.inputs.get(1).map(|term| of_image(term, image, output.len()));
                self.epilogue(residual, activation).apply_in_place(isa, channels, output);
            }),
            Kind::BandConv2d { method, activation, .. } => self.band_conv2d(method, activation, output),
            Kind::ToPixels => self.to_pixels(output),
            Kind::ToBand { activation } => self.to_band(activation, output),
            Kind::BandActivation { function } => self.band_activation(function, output),
            Kind::Masked { function, masking } => self.each_image(output, |_, output| {
                Masked::new(function, *masking, None, (height, width, channels)).apply_in_place(isa, output, None);
            }),
            Kind::Truncate { band } => self.each_image(output, |_, output| {
                truncate_pixels_in_place(isa, *band, (height, width, channels), output);
            }),
            Kind::Sum { activation } => self.each_image(output, |image, output| self.sum(activation, image, output)),
            Kind::Normalise => {
                let operation = &self.run.plan.nodes[self.step.named_by].operation;
                let (scale, dc_shift) = running_coefficients(operation, self.run.parameters);
                let shift: Vec<f32> = dc_shift.iter().map(|shift| shift / 8.0).collect();
                self.each_image(output, |image, output| {
                    output.copy_from_slice(of_image(self.inputs[0], image, output.len()));
                    scale_shift_in_place(isa, &scale, &shift, output);
                });
            }
            Kind::Map(function) => self.each_image(output, |image, output| {
                let input = of_image(self.inputs[0], image, self.input_size().len());
                function.forward(isa, input, output, None);
            }),
        }
    }

    /// Calls with every image of the group and its part of the output.
    pub(super) fn each_image(&self, output: &mut [f32], body: impl Fn(usize, &mut [f32]) + Sync) {
        let length = self.step.size.len();
        if self.parallel {
            output.par_chunks_mut(length).enumerate().for_each(|(image, output)| body(image, output));
        } else {
            output.chunks_mut(length).enumerate().for_each(|(image, output)| body(image, output));
        }
    }

    /// Threads that share the step.
    pub(super) fn threads(&self) -> usize {
        if self.parallel { rayon::current_num_threads() } else { 1 }
    }

    /// The filter of a convolution.
    pub(super) fn filter(&self) -> &Filter {
        let Some(filter) = self.filter else {
            unreachable!("every convolution has its filter");
        };
        filter
    }

    /// The epilogue of a convolution.
    pub(super) fn epilogue<'e>(&'e self, residual: Option<&'e [f32]>, activation: &'e Activation) -> Epilogue<'e> {
        Epilogue { bias: self.filter().bias.as_deref(), residual, activation: activation.of_kernels() }
    }

    /// The size of the map in pixels that the step's node reads first.
    fn input_size(&self) -> Size {
        let node = &self.run.plan.nodes[self.step.named_by];
        size_of_map(&self.run.plan.shapes[node.inputs[0]])
    }

    /// The pictures' sparse coefficients to pixels, strip by strip.
    fn expand(&self, output: &mut [f32]) {
        let row = self.step.size.width * self.step.size.channels;
        self.each_image(output, |image, output| {
            let strip = |(number, output): (usize, &mut [f32])| {
                let rows = number * INPUT_ROWS..number * INPUT_ROWS + output.len() / row;
                self.executor.workspaces.lend(|scratch| {
                    self.run.input.pixel_rows_into(self.run.isa, self.images.start + image, rows, output, scratch);
                });
            };
            if self.parallel {
                output.par_chunks_mut(INPUT_ROWS * row).enumerate().for_each(strip);
            } else {
                output.chunks_mut(INPUT_ROWS * row).enumerate().for_each(strip);
            }
        });
    }

    /// The first convolution from the pictures' sparse coefficients, unit by unit.
    fn scatter(&self, activation: &Activation, output: &mut [f32]) {
        let row = self.step.size.width * self.step.size.channels;
        self.each_image(output, |image, output| {
            let image = self.images.start + image;
            let (scatter, filter) = &self.run.scatters[image];
            let Some((_, planes)) = self.run.input.file(image) else {
                unreachable!("compiled for files");
            };
            let one = |(unit, output): (usize, &mut [f32])| {
                self.executor.workspaces.lend(|scratch| {
                    let (isa, activation) = (self.run.isa, activation.of_kernels());
                    scatter.forward_unit(isa, unit, &planes, &filter.packed, activation, output, scratch);
                });
            };
            if self.parallel {
                output.par_chunks_mut(scatter.unit_rows() * row).enumerate().for_each(one);
            } else {
                output.chunks_mut(scatter.unit_rows() * row).enumerate().for_each(one);
            }
        });
    }

    fn conv2d(&self, conv: &Conv2d, pick: &Pick, activation: &Activation, output: &mut [f32]) {
        let residual = self.inputs.get(1).map(|residual| &residual[..output.len()]);
        let epilogue = self.epilogue(residual, activation);
        let Pass { executor, run, .. } = *self;
        let (input, packed) = (self.inputs[0], &self.filter().packed[..]);
        let convolution = Convolution { executor, isa: run.isa, conv, input, packed };
        let units = 0..self.images.len() * conv.units();
        if self.parallel && pick.shared {
            convolution.run_shared(units, epilogue, output);
        } else {
            let length = run_length(conv, self.images.len(), self.threads());
            convolution.run(units, length, self.parallel, epilogue, output);
        }
    }

    /// A convolution of one image's pixels by way of their coefficients.
    fn through_coefficients(&self, image: usize, output: &mut [f32], scratch: &mut [f32]) {
        let node = &self.run.plan.nodes[self.step.named_by];
        let Operation::Conv2d { trained: conv, .. } = &node.operation else {
            unreachable!("only convolutions are computed on coefficients");
        };
        let isa = self.run.isa;
        let Size { height, width, channels, .. } = self.step.size;
        let from = self.input_size();
        let (map, scratch) = scratch.split_at_mut(conv.shape().input_len());
        let (result, scratch) = scratch.split_at_mut(conv.output_len());
        let input = of_image(self.inputs[0], image, from.len());
        coefficients_from_pixels_into(isa, (from.height, from.width, from.channels), input, map);
        conv.forward_into(isa, map, &self.filter().packed, None, result, scratch);
        pixels_from_coefficients_into(isa, (height, width, channels), result, output);
    }

    /// `activation(Σ inputs)` of one image.
    fn sum(&self, activation: &Activation, image: usize, output: &mut [f32]) {
        let (isa, channels) = (self.run.isa, self.step.size.channels);
        output.copy_from_slice(of_image(self.inputs[0], image, output.len()));
        let [_, terms @ ..] = self.inputs else {
            return;
        };
        for (position, term) in terms.iter().enumerate() {
            let last = position + 1 == terms.len();
            let activation = if last { activation.of_kernels() } else { pixels::Activation::Identity };
            let residual = Some(of_image(term, image, output.len()));
            Epilogue { bias: None, residual, activation }.apply_in_place(isa, channels, output);
        }
        if terms.is_empty() {
            let activation = activation.of_kernels();
            Epilogue { bias: None, residual: None, activation }.apply_in_place(isa, channels, output);
        }
    }
}

/// One image of a group's maps.
fn of_image(maps: &[f32], image: usize, length: usize) -> &[f32] {
    &maps[image * length..(image + 1) * length]
}

impl Activation {
    /// As the kernels take it.
    pub(super) fn of_kernels(&self) -> pixels::Activation<'_> {
        match self {
            Activation::Identity => pixels::Activation::Identity,
            Activation::Function(function) => pixels::Activation::of(function),
        }
    }
}

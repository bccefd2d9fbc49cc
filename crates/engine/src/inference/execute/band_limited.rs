//! The steps of a band-limited network.

use super::pass::Pass;
use crate::inference::cost::BandMethod;
use crate::inference::step::Activation;
use jpegnet_kernels::PiecewiseLinear;
use jpegnet_kernels::band::{BandShape, activation_in_place, band_rows_from_pixels_into, pixel_rows_from_band_into};
use jpegnet_kernels::pixels::{self, Epilogue};
use rayon::prelude::*;
use std::ops::Range;

impl Pass<'_> {
    pub(super) fn band_conv2d(&self, method: &BandMethod, activation: &Activation, output: &mut [f32]) {
        let isa = self.run.isa;
        let (input, packed) = (self.inputs[0], &self.filter().packed[..]);
        let residual = self.inputs.get(1).map(|residual| &residual[..output.len()]);
        let at_once = match method {
            BandMethod::Diagonalised(method) => method.rows_at_once(),
            BandMethod::Pointwise(_) => 1,
        };
        self.band_rows(at_once, self.epilogue(residual, activation), output, |rows, epilogue, output| {
            self.executor.workspaces.lend(|scratch| match method {
                BandMethod::Diagonalised(method) => {
                    method.forward_rows(isa, rows, input, packed, epilogue, output, scratch);
                }
                BandMethod::Pointwise(method) => {
                    method.forward_rows(isa, rows, input, packed, epilogue, output, scratch);
                }
            });
        });
    }

    pub(super) fn to_pixels(&self, output: &mut [f32]) {
        let writer = self.run.compiled.steps.iter().rfind(|other| other.output == self.step.inputs[0]);
        let Some((size, frequencies)) = writer.and_then(|writer| Some((writer.size, writer.size.band?))) else {
            unreachable!("the input is a band map that an earlier step wrote");
        };
        let shape = size.in_band(frequencies);
        self.each_image(output, |image, output| {
            let rows = image * shape.high()..(image + 1) * shape.high();
            pixel_rows_from_band_into(self.run.isa, &shape, rows, self.inputs[0], output);
        });
    }

    pub(super) fn to_band(&self, activation: &Activation, output: &mut [f32]) {
        let (isa, shape) = (self.run.isa, self.shape());
        let residual = self.inputs.get(1).map(|residual| &residual[..output.len()]);
        let epilogue = Epilogue { bias: None, residual, activation: pixels::Activation::Identity };
        let activation = activation.of_kernels();
        self.band_rows(1, epilogue, output, |rows, epilogue, output| {
            band_rows_from_pixels_into(isa, &shape, rows, self.inputs[0], output);
            epilogue.apply_in_place(isa, shape.channels, output);
            if activation != pixels::Activation::Identity {
                activation_in_place(isa, &shape, activation, output);
            }
        });
    }

    pub(super) fn band_activation(&self, function: &PiecewiseLinear, output: &mut [f32]) {
        let (isa, shape) = (self.run.isa, self.shape());
        let activation = pixels::Activation::of(function);
        self.each_image(output, |_, output| activation_in_place(isa, &shape, activation, output));
    }

    /// The shape of the band map that the step makes.
    fn shape(&self) -> BandShape {
        let Some(frequencies) = self.step.size.band else {
            unreachable!("the output is a band map");
        };
        self.step.size.in_band(frequencies)
    }

    /// Works through the rows of blocks of the group's band map, at least `at_once` at a time.
    fn band_rows(
        &self,
        at_once: usize,
        epilogue: Epilogue,
        output: &mut [f32],
        work: impl Fn(Range<usize>, Epilogue, &mut [f32]) + Sync,
    ) {
        let shape = self.shape();
        let rows = self.images.len() * shape.high();
        let length = rows.div_ceil(rows.div_ceil(at_once).next_multiple_of(self.threads()).min(rows));
        let part = |(number, output): (usize, &mut [f32])| {
            let first = number * length;
            let range = first * shape.row_len()..first * shape.row_len() + output.len();
            let residual = epilogue.residual.map(|residual| &residual[range]);
            work(first..first + output.len() / shape.row_len(), Epilogue { residual, ..epilogue }, output);
        };
        if self.parallel {
            output.par_chunks_mut(length * shape.row_len()).enumerate().for_each(part);
        } else {
            output.chunks_mut(length * shape.row_len()).enumerate().for_each(part);
        }
    }
}

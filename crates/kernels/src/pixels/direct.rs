//! Direct convolution: every size, stride and padding. An output pixel's inputs are `size` runs of `size·channels`
//! contiguous floats of rows with a zero border, so a row of output pixels is one matrix product with overlapping rows.

use super::epilogue::Epilogue;
use super::input_gradient::InputGradient;
use super::pointwise::round;
use super::shape::ConvShape;
use crate::isa::{Isa, Matrix, Panels, Product, Sum, multiply};
use std::ops::Range;

#[derive(Clone, Debug)]
pub(super) struct Direct {
    shape: ConvShape,
    panels: Panels,
}

impl Direct {
    pub(super) fn new(shape: ConvShape) -> Self {
        let panels = Panels::new(shape.size * shape.size * shape.input_channels, shape.output_channels);
        Direct { shape, panels }
    }

    pub(super) fn packed_len(&self) -> usize {
        self.panels.packed_len()
    }

    /// `[row, column, in, out]`, in panels of output channels.
    pub(super) fn pack_filter_into(&self, weight: &impl Fn(usize, usize) -> f64, packed: &mut [f32]) {
        let ConvShape { input_channels: inputs, output_channels: outputs, size, .. } = self.shape;
        for out in 0..outputs {
            for input in 0..inputs {
                for tap in 0..size * size {
                    packed[self.panels.index(tap * inputs + input, out)] =
                        round(weight(out, input * size * size + tap));
                }
            }
        }
    }

    pub(super) fn units_at_once(&self, cache: usize) -> usize {
        let budget = (cache / 2 / self.padded_row()).saturating_sub(self.shape.size) / self.shape.stride;
        budget.clamp(1, 16)
    }

    pub(super) fn workspace_len(&self, units: usize) -> usize {
        // Rows of one image; a run that spans images does them one after the other.
        let rows = units.min(self.shape.output_height());
        ((rows - 1) * self.shape.stride + self.shape.size) * self.padded_row()
    }

    pub(super) fn pack_for_step_into(&self, filter: &[f32], packed: &mut [f32]) {
        self.pack_filter_into(
            &|out, rest| f64::from(filter[out * (filter.len() / self.shape.output_channels) + rest]),
            packed,
        );
    }

    /// `[out, row, column, in]`.
    pub(super) fn adjoint_packed_len(&self) -> usize {
        self.shape.filter_len()
    }

    pub(super) fn pack_adjoint_into(&self, filter: &[f32], packed: &mut [f32]) {
        let ConvShape { input_channels: inputs, size, .. } = self.shape;
        let taps = size * size;
        for (weights, packed) in filter.chunks_exact(inputs * taps).zip(packed.chunks_exact_mut(inputs * taps)) {
            for (input, weights) in weights.chunks_exact(taps).enumerate() {
                for (tap, weight) in weights.iter().enumerate() {
                    packed[tap * inputs + input] = *weight;
                }
            }
        }
    }

    /// `[row, column, in, out]`.
    pub(super) fn sums_len(&self) -> usize {
        self.shape.filter_len()
    }

    pub(super) fn add_filter_gradient(&self, sums: &[f32], gradient: &mut [f32]) {
        let ConvShape { input_channels: inputs, output_channels: outputs, size, .. } = self.shape;
        let taps = size * size;
        for (place, sums) in sums.chunks_exact(outputs).enumerate() {
            let (tap, input) = (place / inputs, place % inputs);
            for (out, sum) in sums.iter().enumerate() {
                gradient[(out * inputs + input) * taps + tap] += sum;
            }
        }
    }

    pub(super) fn backward_workspace_len(&self) -> usize {
        self.workspace_len(self.shape.output_height())
    }

    #[expect(clippy::too_many_arguments, reason = "the same call for every method")]
    pub(super) fn backward(
        &self,
        isa: Isa,
        images: usize,
        input: &[f32],
        output_gradient: &[f32],
        mut input_gradient: Option<InputGradient>,
        sums: &mut [f32],
        workspace: &mut [f32],
    ) {
        let ConvShape { input_channels: inputs, output_channels: outputs, size, stride, .. } = self.shape;
        let (high, wide) = (self.shape.output_height(), self.shape.output_width());
        for image in 0..images {
            let input = &input[image * self.shape.input_len()..][..self.shape.input_len()];
            self.copy_rows(0..high, input, workspace);
            for row in 0..high {
                let of_row = (image * high + row) * wide * outputs;
                // The taps of a row of the filter and their channels are one run of the input.
                for tap in 0..size {
                    let of_filter = Product { rows: size * inputs, columns: outputs, outer: 1, inner: wide };
                    let offset = (row * stride + tap) * self.padded_row();
                    let at = Matrix { offset, row: 1, outer: 0, inner: stride * inputs };
                    let bt = Matrix { offset: of_row, row: 0, outer: 0, inner: outputs };
                    let ot = Matrix { offset: tap * size * inputs * outputs, row: outputs, outer: 0, inner: 0 };
                    multiply(isa, of_filter, (workspace, at), (output_gradient, bt), (sums, ot), Sum::Add);
                }
                if let Some(InputGradient { packed, gradient }) = &mut input_gradient {
                    let gradient = &mut gradient[image * self.shape.input_len()..][..self.shape.input_len()];
                    self.add_input_gradient(
                        isa,
                        row,
                        &output_gradient[of_row..of_row + wide * outputs],
                        packed,
                        gradient,
                    );
                }
            }
        }
    }

    /// Adds what one row of the output's gradient says of one image's input.
    fn add_input_gradient(&self, isa: Isa, row: usize, of_row: &[f32], packed: &[f32], gradient: &mut [f32]) {
        let ConvShape { input_channels: inputs, output_channels: outputs, size, stride, padding, height, width } =
            self.shape;
        let wide = self.shape.output_width();
        for tap in 0..size * size {
            let (down, right) = (tap / size, tap % size);
            let Some(y) = (row * stride + down).checked_sub(padding).filter(|&y| y < height) else {
                continue;
            };
            // Output pixels whose tap lies inside the input.
            let first = padding.saturating_sub(right).div_ceil(stride);
            let end = (width + padding).saturating_sub(right).div_ceil(stride).min(wide);
            if first >= end {
                continue;
            }
            let size_of = Product { rows: end - first, columns: inputs, outer: 1, inner: outputs };
            let at = Matrix { offset: first * outputs, row: outputs, outer: 0, inner: 1 };
            let bt = Matrix { offset: tap * inputs, row: 0, outer: 0, inner: size * size * inputs };
            let offset = (y * width + first * stride + right - padding) * inputs;
            let ot = Matrix { offset, row: stride * inputs, outer: 0, inner: 0 };
            multiply(isa, size_of, (of_row, at), (packed, bt), (&mut *gradient, ot), Sum::Add);
        }
    }

    fn padded_row(&self) -> usize {
        (self.shape.width + 2 * self.shape.padding) * self.shape.input_channels
    }

    #[expect(clippy::too_many_arguments, reason = "the same call for every method")]
    pub(super) fn forward_units(
        &self,
        isa: Isa,
        units: Range<usize>,
        input: &[f32],
        packed: &[f32],
        epilogue: Epilogue,
        output: &mut [f32],
        workspace: &mut [f32],
    ) {
        let high = self.shape.output_height();
        let row_len = self.shape.output_row_len();
        let mut unit = units.start;
        while unit < units.end {
            let (image, row) = (unit / high, unit % high);
            let rows = (high - row).min(units.end - unit);
            let input = &input[image * self.shape.input_len()..(image + 1) * self.shape.input_len()];
            let range = (unit - units.start) * row_len..(unit - units.start + rows) * row_len;
            let epilogue =
                Epilogue { residual: epilogue.residual.map(|residual| &residual[range.clone()]), ..epilogue };
            self.forward_rows(isa, row..row + rows, input, packed, epilogue, &mut output[range], workspace);
            unit += rows;
        }
    }

    /// The rows of one image's input that some rows of the output read, with the zeros around it.
    fn copy_rows(&self, rows: Range<usize>, input: &[f32], workspace: &mut [f32]) {
        let ConvShape { input_channels: inputs, size, stride, padding, .. } = self.shape;
        let (row, padded_row) = (self.shape.width * inputs, self.padded_row());
        let above = rows.start * stride;
        let needed = (rows.len() - 1) * stride + size;
        for (number, line) in workspace[..needed * padded_row].chunks_exact_mut(padded_row).enumerate() {
            match (above + number).checked_sub(padding).filter(|&y| y < self.shape.height) {
                None => line.fill(0.0),
                Some(y) => {
                    let inside = padding * inputs..padding * inputs + row;
                    line[..inside.start].fill(0.0);
                    line[inside.end..].fill(0.0);
                    line[inside].copy_from_slice(&input[y * row..(y + 1) * row]);
                }
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the same call for every method")]
    fn forward_rows(
        &self,
        isa: Isa,
        rows: Range<usize>,
        input: &[f32],
        packed: &[f32],
        epilogue: Epilogue,
        output: &mut [f32],
        workspace: &mut [f32],
    ) {
        let ConvShape { input_channels: inputs, output_channels: outputs, size, stride, .. } = self.shape;
        let padded_row = self.padded_row();
        self.copy_rows(rows, input, workspace);
        let wide = self.shape.output_width();
        let row_len = self.shape.output_row_len();
        // A panel of the filter is read once for all rows: it stays in the cache where the whole filter would not.
        for (start, width) in self.panels.each() {
            let columns = width.min(outputs - start);
            let size_of = Product { rows: wide, columns, outer: size, inner: size * inputs };
            let offset = start * size * size * inputs;
            let bt = Matrix { offset, row: 0, outer: size * inputs * width, inner: width };
            for (number, out) in output.chunks_exact_mut(row_len).enumerate() {
                let offset = number * stride * padded_row;
                let at = Matrix { offset, row: stride * inputs, outer: padded_row, inner: 1 };
                let ot = Matrix { offset: start, row: outputs, outer: 0, inner: 0 };
                multiply(isa, size_of, (workspace, at), (packed, bt), (out, ot), Sum::Replace);
            }
        }
        epilogue.apply_in_place(isa, outputs, output);
    }
}

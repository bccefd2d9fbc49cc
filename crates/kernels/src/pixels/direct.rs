//! Direct convolution: every size, stride and padding. An output pixel's inputs are `size` runs of `size·channels`
//! contiguous floats of rows with a zero border, so a row of output pixels is one matrix product with overlapping rows.

use super::conv2d::ConvShape;
use super::epilogue::Epilogue;
use super::pointwise::round;
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
        let ConvShape { input_channels: inputs, output_channels: outputs, size, stride, padding, .. } = self.shape;
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

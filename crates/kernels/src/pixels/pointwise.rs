//! A 1×1 filter: every output pixel is one product of an input pixel with the filter.

use super::conv2d::ConvShape;
use super::epilogue::{Epilogue, finish};
use crate::isa::{Isa, Panels, Rows, multiply_panels, padded};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Pixels multiplied before they are finished: few enough that they are still in the cache, many enough that the filter
/// is read from far away once for many of them.
const PIXELS: usize = 64;

#[derive(Clone, Debug)]
pub(super) struct Pointwise {
    shape: ConvShape,
    panels: Panels,
}

impl Pointwise {
    pub(super) fn new(shape: ConvShape) -> Self {
        Pointwise { shape, panels: Panels::new(shape.input_channels, shape.output_channels) }
    }

    pub(super) fn packed_len(&self) -> usize {
        self.panels.packed_len()
    }

    pub(super) fn pack_filter_into(&self, weight: &impl Fn(usize, usize) -> f64, packed: &mut [f32]) {
        for out in 0..self.shape.output_channels {
            for input in 0..self.shape.input_channels {
                packed[self.panels.index(input, out)] = round(weight(out, input));
            }
        }
    }

    pub(super) fn units_at_once(&self, _cache: usize) -> usize {
        PIXELS.div_ceil(self.shape.output_width())
    }

    pub(super) fn workspace_len(&self, _units: usize) -> usize {
        PIXELS * padded(self.shape.output_channels)
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
        isa.run(Forward { method: self, units, input, packed, epilogue, output, workspace });
    }
}

#[expect(clippy::cast_possible_truncation, reason = "filters are float32")]
pub(super) fn round(weight: f64) -> f32 {
    weight as f32
}

struct Forward<'a> {
    method: &'a Pointwise,
    units: Range<usize>,
    input: &'a [f32],
    packed: &'a [f32],
    epilogue: Epilogue<'a>,
    output: &'a mut [f32],
    workspace: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Forward { method: Pointwise { shape, panels }, units, input, packed, epilogue, output, workspace } = self;
        let (inputs, outputs) = (shape.input_channels, shape.output_channels);
        let (high, wide) = (shape.output_height(), shape.output_width());
        let row_len = shape.output_row_len();
        // At stride 1 all rows of a run are one long row.
        let runs = if shape.stride == 1 { 1 } else { units.len() };
        let pixels = if shape.stride == 1 { units.len() * wide } else { wide };
        for run in 0..runs {
            let unit = units.start + run;
            let start = (unit / high * shape.height + unit % high * shape.stride) * shape.width * inputs;
            for first in (0..pixels).step_by(PIXELS) {
                let count = PIXELS.min(pixels - first);
                let at = Rows { offset: start + first * shape.stride * inputs, stride: shape.stride * inputs };
                let range = run * row_len + first * outputs..run * row_len + (first + count) * outputs;
                let out = &mut output[range.clone()];
                let epilogue =
                    Epilogue { residual: epilogue.residual.map(|residual| &residual[range.clone()]), ..epilogue };
                if padded(outputs) == outputs {
                    multiply_panels(
                        simd,
                        count,
                        (input, at),
                        (packed, *panels),
                        (out, Rows { offset: 0, stride: outputs }),
                    );
                } else {
                    let stride = padded(outputs);
                    let ot = Rows { offset: 0, stride };
                    multiply_panels(simd, count, (input, at), (packed, *panels), (workspace, ot));
                    for (out, product) in out.chunks_exact_mut(outputs).zip(workspace.chunks_exact(stride)) {
                        out.copy_from_slice(&product[..outputs]);
                    }
                }
                finish(simd, epilogue, outputs, out);
            }
        }
    }
}

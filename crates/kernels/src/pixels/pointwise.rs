//! A 1×1 filter: every output pixel is one product of an input pixel with the filter.

use super::epilogue::{Epilogue, finish};
use super::input_gradient::InputGradient;
use super::shape::ConvShape;
use crate::isa::{Full, Isa, Lanes, Panels, Partial, Rows, add_outer_products, multiply_panels, padded};
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

/// Pixels whose products are summed before they are added to a filter's gradient.
const PIXELS_SUMMED: usize = 256;

impl Pointwise {
    fn adjoint_panels(&self) -> Panels {
        Panels::new(self.shape.output_channels, self.shape.input_channels)
    }

    pub(super) fn adjoint_packed_len(&self) -> usize {
        self.adjoint_panels().packed_len()
    }

    pub(super) fn pack_for_step_into(&self, filter: &[f32], packed: &mut [f32]) {
        let inputs = self.shape.input_channels;
        for (start, width) in self.panels.each() {
            let panel = &mut packed[start * inputs..(start + width) * inputs];
            for (column, weights) in filter[start * inputs..].chunks_exact(inputs).take(width).enumerate() {
                for (term, weight) in weights.iter().enumerate() {
                    panel[term * width + column] = *weight;
                }
            }
        }
    }

    pub(super) fn pack_adjoint_into(&self, filter: &[f32], packed: &mut [f32]) {
        let (inputs, outputs) = (self.shape.input_channels, self.shape.output_channels);
        for (start, width) in self.adjoint_panels().each() {
            let columns = width.min(inputs - start);
            for (term, weights) in filter.chunks_exact(inputs).enumerate() {
                packed[start * outputs + term * width..][..columns].copy_from_slice(&weights[start..start + columns]);
            }
        }
    }

    /// `[in, padded out]`.
    pub(super) fn sums_len(&self) -> usize {
        self.shape.input_channels * padded(self.shape.output_channels)
    }

    pub(super) fn add_filter_gradient(&self, sums: &[f32], gradient: &mut [f32]) {
        let (inputs, stride) = (self.shape.input_channels, padded(self.shape.output_channels));
        for (out, gradient) in gradient.chunks_exact_mut(inputs).enumerate() {
            for (gradient, sums) in gradient.iter_mut().zip(sums.chunks_exact(stride)) {
                *gradient += sums[out];
            }
        }
    }

    pub(super) fn backward_workspace_len(&self) -> usize {
        let (inputs, outputs) = (padded(self.shape.input_channels), padded(self.shape.output_channels));
        let gradients = if outputs == self.shape.output_channels { 0 } else { PIXELS_SUMMED * outputs };
        gradients + PIXELS_SUMMED * inputs
    }

    #[expect(clippy::too_many_arguments, reason = "the same call for every method")]
    pub(super) fn backward(
        &self,
        isa: Isa,
        images: usize,
        input: &[f32],
        output_gradient: &[f32],
        input_gradient: Option<InputGradient>,
        sums: &mut [f32],
        workspace: &mut [f32],
    ) {
        isa.run(Backward { method: self, images, input, output_gradient, input_gradient, sums, workspace });
    }

    /// Runs of output pixels whose input pixels lie equally far apart, of some images: first output pixel, first input
    /// pixel and how many.
    fn runs(&self, images: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        let ConvShape { stride, height, width, .. } = self.shape;
        let (high, wide) = (self.shape.output_height(), self.shape.output_width());
        // At stride 1 all pixels are one row.
        let (rows, length) = if stride == 1 { (1, images * high * wide) } else { (images * high, wide) };
        (0..rows).flat_map(move |row| {
            let first = (row / high * height + row % high * stride) * width;
            (0..length)
                .step_by(PIXELS_SUMMED)
                .map(move |start| (row * wide + start, first + start * stride, PIXELS_SUMMED.min(length - start)))
        })
    }
}

struct Backward<'a> {
    method: &'a Pointwise,
    images: usize,
    input: &'a [f32],
    output_gradient: &'a [f32],
    input_gradient: Option<InputGradient<'a>>,
    sums: &'a mut [f32],
    workspace: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Backward { method, images, input, output_gradient, mut input_gradient, sums, workspace } = self;
        let ConvShape { input_channels: inputs, output_channels: outputs, stride, .. } = method.shape;
        let step = stride * inputs;
        let columns = padded(outputs);
        let adjoint = method.adjoint_panels();
        let (products, gradients) = workspace.split_at_mut(PIXELS_SUMMED * padded(inputs));
        for (output, first, pixels) in method.runs(images) {
            let of_run = &output_gradient[output * outputs..(output + pixels) * outputs];
            let of_run = if columns == outputs {
                of_run
            } else {
                for (padded, pixel) in gradients.chunks_exact_mut(columns).zip(of_run.chunks_exact(outputs)) {
                    padded[..outputs].copy_from_slice(pixel);
                    padded[outputs..].fill(0.0);
                }
                &*gradients
            };
            let bt = Rows { offset: 0, stride: columns };
            let a = (input, Rows { offset: first * inputs, stride: step }, inputs);
            add_outer_products(simd, pixels, a, (of_run, bt, columns), (&mut *sums, bt));
            let Some(InputGradient { packed, gradient }) = &mut input_gradient else {
                continue;
            };
            let ot = Rows { offset: 0, stride: padded(inputs) };
            multiply_panels(simd, pixels, (of_run, bt), (packed, adjoint), (&mut *products, ot));
            let gradient = gradient[first * inputs..].chunks_mut(step);
            for (gradient, product) in gradient.zip(products.chunks_exact(ot.stride)).take(pixels) {
                add_pixel(simd, &mut gradient[..inputs], product);
            }
        }
    }
}

/// `sum += term` for the channels of one pixel; the term may be padded.
#[inline(always)]
fn add_pixel<S: Simd>(simd: S, sum: &mut [f32], term: &[f32]) {
    let full = sum.len() / S::F32_LANES * S::F32_LANES;
    for channel in (0..full).step_by(S::F32_LANES) {
        let total = simd.add_f32s(Full.load(simd, &sum[channel..]), Full.load(simd, &term[channel..]));
        Full.store(simd, &mut sum[channel..], total);
    }
    if full < sum.len() {
        let lanes = Partial::new(sum.len() - full);
        let total = simd.add_f32s(lanes.load(simd, &sum[full..]), lanes.load(simd, &term[full..]));
        lanes.store(simd, &mut sum[full..], total);
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

//! Gradients of a Winograd convolution, by the transposes of its own transforms: with `V = Bᵀ X B` of the input and
//! `W = A dY Aᵀ` of the output's gradient, the filter's is `Gᵀ(Σ V ∘ W)G` and the input's `Σ B(U ∘ W)Bᵀ`, so that `W` is made
//! once for both and each takes as many multiplies as the way forward.

use super::super::input_gradient::InputGradient;
use super::super::shape::ConvShape;
use super::{Place, Run, SKEW, TileTransform, Winograd, at_channel, channels_to_frequencies, filter_step};
use crate::isa::{
    Full, Isa, Lanes, OnLines, Partial, Rows, Steps, VectorGrid, add_outer_products, multiply_panels, padded,
};
use pulp::{Simd, WithSimd};
use std::ops::Range;

impl<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize> Winograd<T, IN, FREQ, OUT> {
    /// Floats of scratch for the gradients of a run of `units`.
    pub(in super::super) fn backward_workspace_len(&self, units: usize) -> usize {
        let run = self.run(units);
        FREQ * FREQ * (run.input_step + run.output_step) + self.rows_len().max(self.tile_len())
    }

    /// Floats of a tile of the output, padded.
    pub(super) fn tile_len(&self) -> usize {
        OUT * OUT * padded(self.shape.output_channels)
    }

    #[expect(clippy::too_many_arguments, reason = "the same call for every method")]
    pub(in super::super) fn backward(
        &self,
        isa: Isa,
        images: usize,
        input: &[f32],
        output_gradient: &[f32],
        input_gradient: Option<InputGradient>,
        sums: &mut [f32],
        (units_at_once, workspace): (usize, &mut [f32]),
    ) {
        let backward =
            Backward { method: self, images, input, output_gradient, input_gradient, sums, units_at_once, workspace };
        isa.run(backward);
    }

    /// Takes the gradients of a run's tiles to frequencies.
    #[inline(always)]
    pub(super) fn transform_gradients<S: Simd>(
        &self,
        simd: S,
        run: Run,
        units: &Range<usize>,
        output_gradient: &[f32],
        frequencies: &mut [f32],
        tile: &mut [f32],
    ) {
        let channels = self.shape.output_channels;
        let (high, wide) = (self.shape.output_height(), self.shape.output_width());
        self.for_each_tile(
            units,
            #[inline(always)]
            |place| {
                let start = ((place.image * high + place.row) * wide + place.column) * channels;
                let (rows, columns) = (OUT.min(high - place.row), OUT.min(wide - place.column));
                let offset = place.tile * run.output_channels;
                let to = Steps { offset, rows: FREQ * run.output_step, columns: run.output_step };
                let inside = Steps { offset: start, rows: wide * channels, columns: channels };
                let (pixels, from) = if (rows, columns) == (OUT, OUT) {
                    (output_gradient, inside)
                } else {
                    // What lies beyond the map has no gradient.
                    tile[..OUT * OUT * channels].fill(0.0);
                    for row in 0..rows {
                        let from = start + row * wide * channels;
                        tile[row * OUT * channels..][..columns * channels]
                            .copy_from_slice(&output_gradient[from..from + columns * channels]);
                    }
                    (&*tile, Steps { offset: 0, rows: OUT * channels, columns: channels })
                };
                channels_to_frequencies(
                    simd,
                    channels,
                    #[inline(always)]
                    |line| T::output_adjoint(simd, line),
                    (pixels, from),
                    (frequencies, to),
                );
            },
        );
    }

    /// Adds `Bᵐ` of a run's tiles to the gradient of the input.
    #[inline(always)]
    fn add_input_gradients<S: Simd>(
        &self,
        simd: S,
        run: Run,
        units: &Range<usize>,
        products: &[f32],
        gradient: &mut [f32],
    ) {
        self.for_each_tile(
            units,
            #[inline(always)]
            |place| {
                let offset = place.tile * run.input_channels;
                let from = Steps { offset, rows: FREQ * run.input_step, columns: run.input_step };
                self.add_columns(simd, place, &(0..self.channels()), (products, from), gradient);
            },
        );
    }

    /// Adds some channels of one tile to the gradient of the input; `from` begins with the first of them.
    #[inline(always)]
    pub(super) fn add_columns<S: Simd>(
        &self,
        simd: S,
        place: Place,
        columns: &Range<usize>,
        (products, from): (&[f32], Steps),
        gradient: &mut [f32],
    ) {
        let image = &mut gradient[place.image * self.shape.input_len()..][..self.shape.input_len()];
        let corner = (place.row * T::STRIDE, place.column * T::STRIDE);
        for channel in columns.clone().step_by(S::F32_LANES) {
            let from = at_channel(from, channel - columns.start);
            if channel + S::F32_LANES <= columns.end {
                self.add_patch(simd, Full, (products, from), image, corner, channel);
            } else {
                let lanes = Partial::new(columns.end - channel);
                self.add_patch(simd, lanes, (products, from), image, corner, channel);
            }
        }
    }

    /// Adds one group of channels of one tile to an image; pixels of the padding have no gradient.
    #[inline(always)]
    fn add_patch<S: Simd, L: Lanes>(
        &self,
        simd: S,
        lanes: L,
        (products, from): (&[f32], Steps),
        image: &mut [f32],
        (top, left): (usize, usize),
        channel: usize,
    ) {
        let ConvShape { input_channels: inputs, padding, height, width, .. } = self.shape;
        let products = VectorGrid::<Full, FREQ, FREQ>::new(simd, Full, products, from);
        let zero = simd.splat_f32s(0.0);
        let mut columns = OnLines([[zero; IN]; FREQ]);
        for (column, transformed) in columns.0.iter_mut().enumerate() {
            let mut line = [zero; FREQ];
            for (row, value) in line.iter_mut().enumerate() {
                *value = products.load(simd, row, column);
            }
            *transformed = T::input_adjoint(simd, line);
        }
        for row in 0..IN {
            let mut line = [zero; FREQ];
            for (value, column) in line.iter_mut().zip(&columns.0) {
                *value = column[row];
            }
            let pixels = T::input_adjoint(simd, line);
            if T::FOLD > 1 {
                for (column, &pixel) in pixels.iter().enumerate() {
                    self.unfold(simd, lanes, pixel, image, (top + row, left + column), channel);
                }
                continue;
            }
            let Some(y) = (top + row).checked_sub(padding).filter(|&y| y < height) else {
                continue;
            };
            let line = &mut image[y * width * inputs..(y + 1) * width * inputs];
            for (column, &pixel) in pixels.iter().enumerate() {
                if let Some(x) = (left + column).checked_sub(padding).filter(|&x| x < width) {
                    let pixels = &mut line[x * inputs + channel..];
                    lanes.store(simd, pixels, simd.add_f32s(lanes.load(simd, pixels), pixel));
                }
            }
        }
    }

    /// Adds the channels of a folded pixel to the pixels they stand for.
    #[inline(always)]
    fn unfold<S: Simd, L: Lanes>(
        &self,
        simd: S,
        lanes: L,
        pixel: S::f32s,
        image: &mut [f32],
        (row, column): (usize, usize),
        channel: usize,
    ) {
        let ConvShape { input_channels: inputs, padding, height, width, .. } = self.shape;
        let mut values = [0.0; 16];
        Full.store(simd, &mut values, pixel);
        for (lane, value) in values[..lanes.count::<S>()].iter().enumerate() {
            let (phase, input) = ((channel + lane) / inputs, (channel + lane) % inputs);
            let y = (row * T::FOLD + phase / T::FOLD).checked_sub(padding).filter(|&y| y < height);
            let x = (column * T::FOLD + phase % T::FOLD).checked_sub(padding).filter(|&x| x < width);
            if let (Some(y), Some(x)) = (y, x) {
                image[(y * width + x) * inputs + input] += value;
            }
        }
    }
}

struct Backward<'a, T, const IN: usize, const FREQ: usize, const OUT: usize> {
    method: &'a Winograd<T, IN, FREQ, OUT>,
    images: usize,
    input: &'a [f32],
    output_gradient: &'a [f32],
    input_gradient: Option<InputGradient<'a>>,
    sums: &'a mut [f32],
    units_at_once: usize,
    workspace: &'a mut [f32],
}

impl<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize> WithSimd
    for Backward<'_, T, IN, FREQ, OUT>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Backward { method, images, input, output_gradient, mut input_gradient, sums, units_at_once, workspace } =
            self;
        let units = images * method.shape.output_height().div_ceil(OUT);
        let (channels, outputs) = (method.channels(), padded(method.shape.output_channels));
        let adjoint = method.adjoint_panels();
        let mut start = 0;
        while start < units {
            let range = start..(start + units_at_once).min(units);
            let run = method.run(range.len());
            let (frequencies, rest) = workspace.split_at_mut(FREQ * FREQ * run.input_step);
            let (gradients, rows) = rest.split_at_mut(FREQ * FREQ * run.output_step);
            method.transform_inputs(simd, run, &range, input, frequencies, rows);
            method.transform_gradients(simd, run, &range, output_gradient, gradients, rows);
            for frequency in 0..FREQ * FREQ {
                let at = Rows { offset: frequency * run.input_step, stride: run.input_channels };
                let bt = Rows { offset: frequency * run.output_step, stride: run.output_channels };
                let ot = Rows { offset: frequency * (channels * outputs + SKEW), stride: outputs };
                let (a, b) = ((&*frequencies, at, channels), (&*gradients, bt, outputs));
                add_outer_products(simd, run.tiles, a, b, (&mut *sums, ot));
            }
            if let Some(InputGradient { packed, gradient }) = &mut input_gradient {
                // The input's own frequencies are not needed any more.
                let products = &mut *frequencies;
                let step = filter_step(adjoint);
                for frequency in 0..FREQ * FREQ {
                    multiply_panels(
                        simd,
                        run.tiles,
                        (gradients, Rows { offset: frequency * run.output_step, stride: run.output_channels }),
                        (&packed[frequency * step..(frequency + 1) * step], adjoint),
                        (products, Rows { offset: frequency * run.input_step, stride: run.input_channels }),
                    );
                }
                method.add_input_gradients(simd, run, &range, products, gradient);
            }
            start = range.end;
        }
    }
}

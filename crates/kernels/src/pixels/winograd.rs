//! Winograd convolution of small filters: tiles of the input and the filter are taken to a basis in which the convolution
//! is a product per frequency, `Y = Aᵀ[(G K Gᵀ) ∘ (Bᵀ X B)]A` (Lavin and Gray 2016; Cook-Toom interpolation).
//!
//! A run of tiles is transformed, multiplied (one matrix product over the channels for each frequency) and transformed
//! back while it is in the cache; bias, residual and activation are part of the way back.

mod backward;
mod filter;
mod shared;
mod transform;
mod wide;

pub use filter::Order;
pub use shared::SharedRun;
pub(super) use transform::{F23, F25, F34, F43, Folded, Phases2, Phases4, TileTransform};
pub use wide::WideRuns;

use super::epilogue::Epilogue;
use super::pointwise::round;
use super::shape::ConvShape;
use crate::isa::{
    Full, Isa, Lanes, OnLines, Panels, Partial, Rows, Steps, VectorGrid, VectorGridMut, multiply_panels, padded,
};
use pulp::{Simd, WithSimd};
use std::marker::PhantomData;
use std::ops::Range;

/// Floats between frequencies beyond their own, so that they do not all fall on one set of the cache.
const SKEW: usize = 16;

/// From one frequency of a packed filter to the next.
fn filter_step(panels: Panels) -> usize {
    panels.packed_len() + SKEW
}

/// A Winograd convolution whose tiles take `IN × IN` pixels to `FREQ × FREQ` frequencies to `OUT × OUT` pixels.
#[derive(Clone, Debug)]
pub(super) struct Winograd<T, const IN: usize, const FREQ: usize, const OUT: usize> {
    shape: ConvShape,
    panels: Panels,
    tiles_wide: usize,
    transform: PhantomData<T>,
}

impl<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize> Winograd<T, IN, FREQ, OUT> {
    pub(super) fn new(shape: ConvShape) -> Self {
        Winograd {
            shape,
            panels: Panels::new(shape.input_channels * T::FOLD * T::FOLD, shape.output_channels),
            tiles_wide: shape.output_width().div_ceil(OUT),
            transform: PhantomData,
        }
    }

    pub(super) fn packed_len(&self) -> usize {
        FREQ * FREQ * filter_step(self.panels)
    }

    /// Channels of a pixel, those folded into it included.
    fn channels(&self) -> usize {
        self.panels.terms()
    }

    pub(super) fn pack_filter_into(&self, weight: &impl Fn(usize, usize) -> f64, packed: &mut [f32]) {
        let ConvShape { input_channels: inputs, output_channels: outputs, size, .. } = self.shape;
        let folded = |tap: usize, phase: usize| Some(tap * T::FOLD + phase).filter(|&tap| tap < size);
        for out in 0..outputs {
            for channel in 0..self.channels() {
                let (phase, input) = (channel / inputs, channel % inputs);
                let tap = |row: usize, column: usize| {
                    let (row, column) = (folded(row, phase / T::FOLD), folded(column, phase % T::FOLD));
                    row.zip(column).map_or(0.0, |(row, column)| weight(out, (input * size + row) * size + column))
                };
                let at = self.panels.index(channel, out);
                // K Gᵀ, then G (K Gᵀ).
                let half: Vec<[f64; FREQ]> = (0..T::TAPS)
                    .map(|row| {
                        std::array::from_fn(|frequency| {
                            (0..T::TAPS).map(|column| T::filter(frequency, column) * tap(row, column)).sum()
                        })
                    })
                    .collect();
                for vertical in 0..FREQ {
                    for horizontal in 0..FREQ {
                        let value: f64 = half
                            .iter()
                            .enumerate()
                            .map(|(row, half)| T::filter(vertical, row) * half[horizontal])
                            .sum();
                        packed[(vertical * FREQ + horizontal) * filter_step(self.panels) + at] = round(value);
                    }
                }
            }
        }
    }

    pub(super) fn units_at_once(&self, cache: usize) -> usize {
        let tile = FREQ * FREQ * (padded(self.channels()) + padded(self.shape.output_channels));
        let tiles = (cache / tile).clamp(16, 64);
        tiles / self.tiles_wide
    }

    pub(super) fn workspace_len(&self, units: usize) -> usize {
        let run = self.run(units);
        FREQ * FREQ * (run.input_step + run.output_step) + self.rows_len()
    }

    /// Floats of the rows that a row of tiles reads.
    fn rows_len(&self) -> usize {
        IN * self.padded_width() * self.channels()
    }

    fn run(&self, units: usize) -> Run {
        let tiles = units * self.tiles_wide;
        let input_channels = padded(self.channels());
        let output_channels = padded(self.shape.output_channels);
        Run {
            tiles,
            input_channels,
            output_channels,
            input_step: tiles * input_channels + SKEW,
            output_step: tiles * output_channels + SKEW,
        }
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

    /// Every tile of a run with its place, in order.
    #[inline(always)]
    fn for_each_tile(&self, units: &Range<usize>, mut each: impl FnMut(Place)) {
        let units_an_image = self.shape.output_height().div_ceil(OUT);
        let (mut image, mut row) = (units.start / units_an_image, units.start % units_an_image);
        let mut tile = 0;
        for _ in units.clone() {
            for column in 0..self.tiles_wide {
                each(Place { tile, image, row: row * OUT, column: column * OUT });
                tile += 1;
            }
            row += 1;
            if row == units_an_image {
                (image, row) = (image + 1, 0);
            }
        }
    }
}

/// One tile of a run.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Its number in the run.
    tile: usize,
    image: usize,
    /// Row and column of its first output pixel.
    row: usize,
    column: usize,
}

/// How the frequencies of a run of tiles lie: `[frequency][tile][channel]`.
#[derive(Clone, Copy, Debug)]
struct Run {
    tiles: usize,
    /// Padded.
    input_channels: usize,
    /// Padded.
    output_channels: usize,
    /// From one frequency to the next.
    input_step: usize,
    /// From one frequency to the next.
    output_step: usize,
}

struct Forward<'a, T, const IN: usize, const FREQ: usize, const OUT: usize> {
    method: &'a Winograd<T, IN, FREQ, OUT>,
    units: Range<usize>,
    input: &'a [f32],
    packed: &'a [f32],
    epilogue: Epilogue<'a>,
    output: &'a mut [f32],
    workspace: &'a mut [f32],
}

impl<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize> WithSimd
    for Forward<'_, T, IN, FREQ, OUT>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Forward { method, units, input, packed, epilogue, output, workspace } = self;
        let run = method.run(units.len());
        let (frequencies, rest) = workspace.split_at_mut(FREQ * FREQ * run.input_step);
        let (products, rows) = rest.split_at_mut(FREQ * FREQ * run.output_step);
        method.transform_inputs(simd, run, &units, input, frequencies, rows);
        method.multiply(simd, run, 0..FREQ * FREQ, frequencies, packed, products);
        method.transform_outputs(simd, run, &units, 0, products, epilogue, output);
    }
}

impl<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize> Winograd<T, IN, FREQ, OUT> {
    /// Takes all tiles of a run to their frequencies.
    #[inline(always)]
    fn transform_inputs<S: Simd>(
        &self,
        simd: S,
        run: Run,
        units: &Range<usize>,
        input: &[f32],
        frequencies: &mut [f32],
        rows: &mut [f32],
    ) {
        let channels = self.channels();
        let line = self.padded_width() * channels;
        self.for_each_tile(
            units,
            #[inline(always)]
            |place| {
                if place.column == 0 {
                    let image = &input[place.image * self.shape.input_len()..][..self.shape.input_len()];
                    self.copy_rows(image, place.row * T::STRIDE, rows);
                }
                let from = Steps { offset: place.column * T::STRIDE * channels, rows: line, columns: channels };
                let offset = place.tile * run.input_channels;
                let to = Steps { offset, rows: FREQ * run.input_step, columns: run.input_step };
                channels_to_frequencies(
                    simd,
                    channels,
                    #[inline(always)]
                    |line| T::input(simd, line),
                    (rows, from),
                    (frequencies, to),
                );
            },
        );
    }

    /// The products of some frequencies; `products` begins with the first of them.
    #[inline(always)]
    fn multiply<S: Simd>(
        &self,
        simd: S,
        run: Run,
        range: Range<usize>,
        frequencies: &[f32],
        packed: &[f32],
        products: &mut [f32],
    ) {
        let step = filter_step(self.panels);
        for (number, frequency) in range.enumerate() {
            multiply_panels(
                simd,
                run.tiles,
                (frequencies, Rows { offset: frequency * run.input_step, stride: run.input_channels }),
                (&packed[frequency * step..(frequency + 1) * step], self.panels),
                (products, Rows { offset: number * run.output_step, stride: run.output_channels }),
            );
        }
    }

    /// Takes the tiles of `units`, the first of which is the run's tile `first_tile`, back to finished pixels.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "a part of a run, what it reads and what it writes")]
    fn transform_outputs<S: Simd>(
        &self,
        simd: S,
        run: Run,
        units: &Range<usize>,
        first_tile: usize,
        products: &[f32],
        epilogue: Epilogue,
        output: &mut [f32],
    ) {
        let units_an_image = self.shape.output_height().div_ceil(OUT);
        let first_row = units.start / units_an_image * self.shape.output_height() + units.start % units_an_image * OUT;
        self.for_each_tile(
            units,
            #[inline(always)]
            |place| {
                let place = Place { tile: first_tile + place.tile, ..place };
                let offset = place.tile * run.output_channels;
                let from = Steps { offset, rows: FREQ * run.output_step, columns: run.output_step };
                let columns = 0..self.shape.output_channels;
                self.transform_columns(simd, place, first_row, &columns, (products, from), epilogue, output);
            },
        );
    }

    /// Rows of the input that one row of tiles reads, with the zeros around the image, `[IN, columns, channels]`.
    fn copy_rows(&self, image: &[f32], top: usize, rows: &mut [f32]) {
        if T::FOLD == 1 {
            self.copy_plain_rows(image, top, rows);
        } else {
            // A copy of few floats is much faster if their number is known.
            match self.shape.input_channels {
                1 => self.copy_folded_rows::<1>(image, top, rows),
                3 => self.copy_folded_rows::<3>(image, top, rows),
                _ => self.copy_folded_rows::<0>(image, top, rows),
            }
        }
    }

    fn copy_plain_rows(&self, image: &[f32], top: usize, rows: &mut [f32]) {
        let ConvShape { input_channels: channels, padding, height, width, .. } = self.shape;
        let line_len = self.padded_width() * channels;
        let inside = width.min(self.padded_width() - padding) * channels;
        for (row, line) in rows[..IN * line_len].chunks_exact_mut(line_len).enumerate() {
            let Some(y) = (top + row).checked_sub(padding).filter(|&y| y < height) else {
                line.fill(0.0);
                continue;
            };
            let (before, line) = line.split_at_mut(padding * channels);
            before.fill(0.0);
            line[..inside].copy_from_slice(&image[y * width * channels..y * width * channels + inside]);
            line[inside..].fill(0.0);
        }
    }

    /// The same where `FOLD × FOLD` pixels are one; `KNOWN` is the number of their channels, or 0.
    fn copy_folded_rows<const KNOWN: usize>(&self, image: &[f32], top: usize, rows: &mut [f32]) {
        let ConvShape { input_channels, padding, height, width, .. } = self.shape;
        let channels = if KNOWN > 0 { KNOWN } else { input_channels };
        let pair = T::FOLD * channels;
        let line_len = self.padded_width() * T::FOLD * pair;
        for (row, line) in rows[..IN * line_len].chunks_exact_mut(line_len).enumerate() {
            for phase in 0..T::FOLD {
                let y = ((top + row) * T::FOLD + phase).checked_sub(padding).filter(|&y| y < height);
                let from = y.map(|y| &image[y * width * channels..(y + 1) * width * channels]);
                for (column, folded) in line.chunks_exact_mut(T::FOLD * pair).enumerate() {
                    let to = &mut folded[phase * pair..(phase + 1) * pair];
                    let first = (column * T::FOLD).checked_sub(padding).filter(|first| first + T::FOLD <= width);
                    match (from, first) {
                        (None, _) => to.fill(0.0),
                        (Some(from), Some(first)) => {
                            to.copy_from_slice(&from[first * channels..first * channels + pair]);
                        }
                        // Some of the pixels lie beside the image.
                        (Some(from), None) => {
                            for (number, to) in to.chunks_exact_mut(channels).enumerate() {
                                match (column * T::FOLD + number).checked_sub(padding).filter(|&x| x < width) {
                                    Some(x) => to.copy_from_slice(&from[x * channels..(x + 1) * channels]),
                                    None => to.fill(0.0),
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Columns that a row of tiles reads.
    fn padded_width(&self) -> usize {
        (self.tiles_wide - 1) * OUT * T::STRIDE + IN
    }

    /// Takes some output channels of one tile back to finished pixels; `from` begins with the first of them.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "a tile of a run, what it reads and what it writes")]
    fn transform_columns<S: Simd>(
        &self,
        simd: S,
        place: Place,
        first_row: usize,
        columns: &Range<usize>,
        (products, from): (&[f32], Steps),
        epilogue: Epilogue,
        output: &mut [f32],
    ) {
        let channels = self.shape.output_channels;
        let (high, wide) = (self.shape.output_height(), self.shape.output_width());
        let start = ((place.image * high + place.row - first_row) * wide + place.column) * channels;
        let target = Target {
            rows: OUT.min(high - place.row),
            columns: OUT.min(wide - place.column),
            start,
            row: wide * channels,
            column: channels,
        };
        for channel in columns.clone().step_by(S::F32_LANES) {
            let from = at_channel(from, channel - columns.start);
            let target = Target { start: target.start + channel, ..target };
            let bias = epilogue.bias.map(|bias| &bias[channel..]);
            let epilogue = Epilogue { bias, ..epilogue };
            if channel + S::F32_LANES <= columns.end {
                transform_products::<S, T, _, IN, FREQ, OUT>(simd, Full, products, from, epilogue, output, target);
            } else {
                let lanes = Partial::new(columns.end - channel);
                transform_products::<S, T, _, IN, FREQ, OUT>(simd, lanes, products, from, epilogue, output, target);
            }
        }
    }
}

#[inline(always)]
fn at_channel(steps: Steps, channel: usize) -> Steps {
    Steps { offset: steps.offset.wrapping_add(channel), ..steps }
}

/// Takes all channels of one tile of pixels to frequencies: `along` both axes.
#[inline(always)]
fn channels_to_frequencies<S: Simd, const PIXELS: usize, const FREQ: usize>(
    simd: S,
    channels: usize,
    along: impl Fn([S::f32s; PIXELS]) -> [S::f32s; FREQ] + Copy,
    (pixels, from): (&[f32], Steps),
    (frequencies, to): (&mut [f32], Steps),
) {
    let mut channel = 0;
    while channel < channels {
        let (pixels, frequencies) = ((pixels, at_channel(from, channel)), (&mut *frequencies, at_channel(to, channel)));
        if channel + S::F32_LANES <= channels {
            to_frequencies(simd, Full, along, pixels, frequencies);
        } else {
            to_frequencies(simd, Partial::new(channels - channel), along, pixels, frequencies);
        }
        channel += S::F32_LANES;
    }
}

/// The same for one group of channels.
#[inline(always)]
fn to_frequencies<S: Simd, L: Lanes, const PIXELS: usize, const FREQ: usize>(
    simd: S,
    lanes: L,
    along: impl Fn([S::f32s; PIXELS]) -> [S::f32s; FREQ],
    (pixels, from): (&[f32], Steps),
    (frequencies, to): (&mut [f32], Steps),
) {
    let pixels = VectorGrid::<L, PIXELS, PIXELS>::new(simd, lanes, pixels, from);
    let mut frequencies = VectorGridMut::<Full, FREQ, FREQ>::new(simd, Full, frequencies, to);
    let zero = simd.splat_f32s(0.0);
    let mut rows = OnLines([[zero; FREQ]; PIXELS]);
    for (row, transformed) in rows.0.iter_mut().enumerate() {
        let mut line = [zero; PIXELS];
        for (column, value) in line.iter_mut().enumerate() {
            *value = pixels.load(simd, row, column);
        }
        *transformed = along(line);
    }
    for column in 0..FREQ {
        let mut line = [zero; PIXELS];
        for (value, row) in line.iter_mut().zip(&rows.0) {
            *value = row[column];
        }
        for (row, value) in along(line).into_iter().enumerate() {
            frequencies.store(simd, row, column, value);
        }
    }
}

/// Where a tile's pixels go.
#[derive(Clone, Copy)]
struct Target {
    /// Rows and columns inside the image.
    rows: usize,
    columns: usize,
    start: usize,
    row: usize,
    column: usize,
}

/// `Aᵀ M A` of one group of channels of one tile, finished.
#[inline(always)]
fn transform_products<
    S: Simd,
    T: TileTransform<IN, FREQ, OUT>,
    L: Lanes,
    const IN: usize,
    const FREQ: usize,
    const OUT: usize,
>(
    simd: S,
    lanes: L,
    products: &[f32],
    from: Steps,
    epilogue: Epilogue,
    output: &mut [f32],
    target: Target,
) {
    let products = VectorGrid::<Full, FREQ, FREQ>::new(simd, Full, products, from);
    let zero = simd.splat_f32s(0.0);
    let mut columns = OnLines([[zero; OUT]; FREQ]);
    for (column, transformed) in columns.0.iter_mut().enumerate() {
        let mut line = [zero; FREQ];
        for (row, value) in line.iter_mut().enumerate() {
            *value = products.load(simd, row, column);
        }
        *transformed = T::output(simd, line);
    }
    let bias = epilogue.bias.map_or(zero, |bias| lanes.load(simd, bias));
    for row in 0..OUT {
        let mut line = [zero; FREQ];
        for (value, column) in line.iter_mut().zip(&columns.0) {
            *value = column[row];
        }
        if row >= target.rows {
            break;
        }
        for (column, value) in T::output(simd, line).into_iter().enumerate() {
            if column < target.columns {
                let at = target.start + row * target.row + column * target.column;
                let mut value = simd.add_f32s(value, bias);
                if let Some(residual) = epilogue.residual {
                    value = simd.add_f32s(value, lanes.load(simd, &residual[at..]));
                }
                lanes.store(simd, &mut output[at..], epilogue.activation.apply(simd, value));
            }
        }
    }
}

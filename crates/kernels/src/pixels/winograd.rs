//! Winograd convolution of 3×3 filters: tiles of the input and the filter are taken to a basis in which the convolution
//! is a product per frequency, `Y = Aᵀ[(G K Gᵀ) ∘ (Bᵀ X B)]A` (Lavin and Gray 2016; Cook-Toom interpolation).
//!
//! A run of tiles is transformed, multiplied (one matrix product over the channels for each frequency) and transformed
//! back while it is in the cache; bias, residual and activation are part of the way back.

mod transform;

pub(super) use transform::{F23, F43, Stride2, TileTransform};

use super::conv2d::ConvShape;
use super::epilogue::Epilogue;
use super::pointwise::round;
use crate::isa::{Full, Isa, Lanes, Panels, Partial, Rows, Steps, VectorGrid, VectorGridMut, multiply_panels, padded};
use pulp::{Simd, WithSimd};
use std::marker::PhantomData;
use std::ops::Range;

/// Floats between the frequencies of a run beyond their own, so that they do not all fall on one set of the cache.
const SKEW: usize = 16;

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
            panels: Panels::new(shape.input_channels, shape.output_channels),
            tiles_wide: shape.output_width().div_ceil(OUT),
            transform: PhantomData,
        }
    }

    pub(super) fn packed_len(&self) -> usize {
        FREQ * FREQ * self.panels.packed_len()
    }

    pub(super) fn pack_filter_into(&self, weight: &impl Fn(usize, usize) -> f64, packed: &mut [f32]) {
        for out in 0..self.shape.output_channels {
            for input in 0..self.shape.input_channels {
                let at = self.panels.index(input, out);
                // K Gᵀ, then G (K Gᵀ).
                let half: [[f64; FREQ]; 3] = std::array::from_fn(|row| {
                    std::array::from_fn(|frequency| {
                        (0..3).map(|tap| T::FILTER[frequency][tap] * weight(out, input * 9 + row * 3 + tap)).sum()
                    })
                });
                for vertical in 0..FREQ {
                    for horizontal in 0..FREQ {
                        let value: f64 = (0..3).map(|row| T::FILTER[vertical][row] * half[row][horizontal]).sum();
                        packed[(vertical * FREQ + horizontal) * self.panels.packed_len() + at] = round(value);
                    }
                }
            }
        }
    }

    pub(super) fn unit_rows(&self) -> usize {
        OUT
    }

    pub(super) fn units_at_once(&self, cache: usize) -> usize {
        let tile = FREQ * FREQ * (padded(self.shape.input_channels) + padded(self.shape.output_channels));
        let tiles = (cache / tile).clamp(16, 64);
        tiles / self.tiles_wide
    }

    pub(super) fn workspace_len(&self, units: usize) -> usize {
        let run = self.run(units);
        FREQ * FREQ * (run.input_step + run.output_step) + IN * IN * padded(self.shape.input_channels)
    }

    fn run(&self, units: usize) -> Run {
        let tiles = units * self.tiles_wide;
        let input_channels = padded(self.shape.input_channels);
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

    /// The image, tile row and tile column of a run's tile.
    #[inline(always)]
    fn place(&self, units: &Range<usize>, tile: usize) -> (usize, usize, usize) {
        let unit = units.start + tile / self.tiles_wide;
        let units_an_image = self.shape.output_height().div_ceil(OUT);
        (unit / units_an_image, unit % units_an_image, tile % self.tiles_wide)
    }
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
        let (products, patch) = rest.split_at_mut(FREQ * FREQ * run.output_step);
        for tile in 0..run.tiles {
            method.transform_input(simd, run, &units, tile, input, frequencies, patch);
        }
        let panel = method.panels.packed_len();
        for frequency in 0..FREQ * FREQ {
            multiply_panels(
                simd,
                run.tiles,
                (frequencies, Rows { offset: frequency * run.input_step, stride: run.input_channels }),
                (&packed[frequency * panel..(frequency + 1) * panel], method.panels),
                (products, Rows { offset: frequency * run.output_step, stride: run.output_channels }),
            );
        }
        for tile in 0..run.tiles {
            method.transform_output(simd, run, &units, tile, products, epilogue, output);
        }
    }
}

impl<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize> Winograd<T, IN, FREQ, OUT> {
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "a tile of a run, what it reads and what it writes")]
    fn transform_input<S: Simd>(
        &self,
        simd: S,
        run: Run,
        units: &Range<usize>,
        tile: usize,
        input: &[f32],
        frequencies: &mut [f32],
        patch: &mut [f32],
    ) {
        let ConvShape { input_channels: channels, padding, height, width, .. } = self.shape;
        let (image, tile_row, tile_column) = self.place(units, tile);
        let (top, left) = (tile_row * OUT * T::STRIDE, tile_column * OUT * T::STRIDE);
        let image = &input[image * self.shape.input_len()..(image + 1) * self.shape.input_len()];
        let inside = top >= padding && left >= padding && top + IN <= height + padding && left + IN <= width + padding;
        let (pixels, steps) = if inside {
            let offset = ((top - padding) * width + left - padding) * channels;
            (image, Steps { offset, rows: width * channels, columns: channels })
        } else {
            copy_patch::<IN>(&self.shape, top, left, image, patch);
            (&*patch, Steps { offset: 0, rows: IN * channels, columns: channels })
        };
        let to = Steps { offset: tile * run.input_channels, rows: FREQ * run.input_step, columns: run.input_step };
        let mut channel = 0;
        while channel < channels {
            let (from, to) = (at_channel(steps, channel), at_channel(to, channel));
            if channel + S::F32_LANES <= channels {
                transform_patch::<S, T, _, IN, FREQ, OUT>(simd, Full, pixels, from, frequencies, to);
            } else {
                let lanes = Partial::new(channels - channel);
                transform_patch::<S, T, _, IN, FREQ, OUT>(simd, lanes, pixels, from, frequencies, to);
            }
            channel += S::F32_LANES;
        }
    }

    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "a tile of a run, what it reads and what it writes")]
    fn transform_output<S: Simd>(
        &self,
        simd: S,
        run: Run,
        units: &Range<usize>,
        tile: usize,
        products: &[f32],
        epilogue: Epilogue,
        output: &mut [f32],
    ) {
        let channels = self.shape.output_channels;
        let (high, wide) = (self.shape.output_height(), self.shape.output_width());
        let (image, tile_row, tile_column) = self.place(units, tile);
        let units_an_image = high.div_ceil(OUT);
        let first_row = units.start / units_an_image * high + units.start % units_an_image * OUT;
        let start = ((image * high + tile_row * OUT - first_row) * wide + tile_column * OUT) * channels;
        let target = Target {
            rows: OUT.min(high - tile_row * OUT),
            columns: OUT.min(wide - tile_column * OUT),
            start,
            row: wide * channels,
            column: channels,
        };
        let from = Steps { offset: tile * run.output_channels, rows: FREQ * run.output_step, columns: run.output_step };
        let mut channel = 0;
        while channel < channels {
            let from = at_channel(from, channel);
            let target = Target { start: target.start + channel, ..target };
            let bias = epilogue.bias.map(|bias| &bias[channel..]);
            let epilogue = Epilogue { bias, ..epilogue };
            if channel + S::F32_LANES <= channels {
                transform_products::<S, T, _, IN, FREQ, OUT>(simd, Full, products, from, epilogue, output, target);
            } else {
                let lanes = Partial::new(channels - channel);
                transform_products::<S, T, _, IN, FREQ, OUT>(simd, lanes, products, from, epilogue, output, target);
            }
            channel += S::F32_LANES;
        }
    }
}

#[inline(always)]
fn at_channel(steps: Steps, channel: usize) -> Steps {
    Steps { offset: steps.offset + channel, ..steps }
}

/// A tile's pixels with zeros where it leaves the image, `[IN, IN, channels]`.
fn copy_patch<const IN: usize>(shape: &ConvShape, top: usize, left: usize, image: &[f32], patch: &mut [f32]) {
    let ConvShape { input_channels: channels, padding, height, width, .. } = *shape;
    for (row, line) in patch[..IN * IN * channels].chunks_exact_mut(IN * channels).enumerate() {
        let Some(y) = (top + row).checked_sub(padding).filter(|&y| y < height) else {
            line.fill(0.0);
            continue;
        };
        let first = padding.saturating_sub(left).min(IN);
        let last = (width + padding).saturating_sub(left).clamp(first, IN);
        line[..first * channels].fill(0.0);
        line[last * channels..].fill(0.0);
        if first < last {
            let from = (y * width + left + first - padding) * channels;
            line[first * channels..last * channels].copy_from_slice(&image[from..from + (last - first) * channels]);
        }
    }
}

/// `Bᵀ X B` of one group of channels of one tile.
#[inline(always)]
fn transform_patch<
    S: Simd,
    T: TileTransform<IN, FREQ, OUT>,
    L: Lanes,
    const IN: usize,
    const FREQ: usize,
    const OUT: usize,
>(
    simd: S,
    lanes: L,
    pixels: &[f32],
    from: Steps,
    frequencies: &mut [f32],
    to: Steps,
) {
    let pixels = VectorGrid::<L, IN, IN>::new(simd, lanes, pixels, from);
    let mut frequencies = VectorGridMut::<Full, FREQ, FREQ>::new(simd, Full, frequencies, to);
    let zero = simd.splat_f32s(0.0);
    let mut rows = [[zero; FREQ]; IN];
    for (row, transformed) in rows.iter_mut().enumerate() {
        let mut line = [zero; IN];
        for (column, value) in line.iter_mut().enumerate() {
            *value = pixels.load(simd, row, column);
        }
        *transformed = T::input(simd, line);
    }
    for column in 0..FREQ {
        let mut line = [zero; IN];
        for (value, row) in line.iter_mut().zip(&rows) {
            *value = row[column];
        }
        for (row, value) in T::input(simd, line).into_iter().enumerate() {
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
    let mut columns = [[zero; OUT]; FREQ];
    for (column, transformed) in columns.iter_mut().enumerate() {
        let mut line = [zero; FREQ];
        for (row, value) in line.iter_mut().enumerate() {
            *value = products.load(simd, row, column);
        }
        *transformed = T::output(simd, line);
    }
    let bias = epilogue.bias.map_or(zero, |bias| lanes.load(simd, bias));
    for row in 0..OUT {
        let mut line = [zero; FREQ];
        for (value, column) in line.iter_mut().zip(&columns) {
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

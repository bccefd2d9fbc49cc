//! Filters that no cache holds, on a batch of few tiles: the whole batch is taken to frequencies first, and then threads
//! share the products by panels of the filter. A panel is made from the filter where it is used and never stored, so that
//! memory sees the filter itself and not its frequencies, which are four times as many.

use super::super::epilogue::Epilogue;
use super::super::shape::ConvShape;
use super::filter::{Order, Pack, Unpack};
use super::{Place, SKEW, TileTransform, Winograd};
use crate::isa::{Isa, Panels, Rows, Steps, add_outer_products, multiply_panels};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Tiles of a run: rows of a product.
const TILES: usize = 16;

/// Channels whose sums of a panel stay in a cache.
const CHANNELS: usize = 128;

/// The sizes of a batch's runs, each of whole images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WideRuns {
    /// Images of a run; the last may have fewer.
    pub images: usize,
    /// Runs of the batch.
    pub runs: usize,
    /// Floats of a run's inputs as frequencies.
    pub input_len: usize,
    /// Floats of a run's gradients as frequencies.
    pub gradient_len: usize,
    /// Floats of a run's products with one column of the filter.
    pub column_len: usize,
    /// Scratch of a run.
    pub rows_len: usize,
}

impl<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize> Winograd<T, IN, FREQ, OUT> {
    fn units_an_image(&self) -> usize {
        self.shape.output_height().div_ceil(OUT)
    }

    pub(in super::super) fn wide_runs(&self, images: usize) -> WideRuns {
        let of_run = TILES.div_ceil(self.units_an_image() * self.tiles_wide).min(images);
        let run = self.run(of_run * self.units_an_image());
        WideRuns {
            images: of_run,
            runs: images.div_ceil(of_run),
            input_len: FREQ * FREQ * run.input_step,
            gradient_len: FREQ * FREQ * run.output_step,
            column_len: FREQ * FREQ * run.tiles,
            rows_len: self.rows_len().max(self.tile_len()),
        }
    }

    /// First column and width of every panel.
    pub(in super::super) fn wide_panels(&self, order: Order) -> Vec<(usize, usize)> {
        self.panels_of(order).each().collect()
    }

    /// Floats of scratch for the products or the gradient of a panel.
    pub(in super::super) fn panel_workspace_len(&self) -> usize {
        let widest = |order| self.panels_of(order).each().map(|(_, width)| width).max().unwrap_or(0);
        let product = |order: Order| self.panels_of(order).terms() * widest(order);
        let sums = CHANNELS.min(self.channels()) * widest(Order::Forward);
        FREQ * FREQ * (product(Order::Forward).max(product(Order::Adjoint)).max(sums) + SKEW)
    }

    /// A run of images to frequencies.
    pub(in super::super) fn wide_inputs(
        &self,
        isa: Isa,
        images: usize,
        input: &[f32],
        frequencies: &mut [f32],
        scratch: &mut [f32],
    ) {
        self.shared_input(isa, 0..images * self.units_an_image(), input, frequencies, scratch);
    }

    /// The gradients of a run of images to frequencies.
    pub(in super::super) fn wide_gradients(
        &self,
        isa: Isa,
        images: usize,
        output_gradient: &[f32],
        frequencies: &mut [f32],
        scratch: &mut [f32],
    ) {
        isa.run(Gradients { method: self, images, output_gradient, frequencies, scratch });
    }

    /// The products of all runs with one panel of the filter, `[run, frequency, tile, column]`.
    #[expect(clippy::too_many_arguments, reason = "a panel, a filter, what it multiplies, the products and scratch")]
    pub(in super::super) fn panel_products(
        &self,
        isa: Isa,
        order: Order,
        panel: (usize, usize),
        images: usize,
        filter: &[f32],
        frequencies: &[f32],
        products: &mut [f32],
        scratch: &mut [f32],
    ) {
        isa.run(Products { method: self, order, panel, images, filter, frequencies, output: products, scratch });
    }

    /// The gradient of the filters of one panel's output channels, added to.
    #[expect(clippy::too_many_arguments, reason = "a panel, two operands, the gradient and scratch")]
    pub(in super::super) fn panel_filter_gradient(
        &self,
        isa: Isa,
        panel: (usize, usize),
        images: usize,
        inputs: &[f32],
        gradients: &[f32],
        gradient: &mut [f32],
        scratch: &mut [f32],
    ) {
        isa.run(FilterGradient { method: self, panel, images, inputs, gradients, gradient, scratch });
    }

    /// One run's products to finished pixels.
    pub(in super::super) fn wide_outputs(
        &self,
        isa: Isa,
        (run, images): (usize, usize),
        batch: usize,
        products: &[f32],
        epilogue: Epilogue,
        output: &mut [f32],
    ) {
        isa.run(Outputs { method: self, run, images, batch, products, epilogue, output });
    }

    /// One run's products to the gradient of its images' input, added to.
    pub(in super::super) fn add_wide_input_gradients(
        &self,
        isa: Isa,
        (run, images): (usize, usize),
        batch: usize,
        products: &[f32],
        gradient: &mut [f32],
    ) {
        isa.run(InputGradients { method: self, run, images, batch, products, gradient });
    }

    /// Images of every run.
    fn each_run(&self, images: usize) -> impl Iterator<Item = (usize, usize)> {
        let WideRuns { images: of_run, runs, .. } = self.wide_runs(images);
        (0..runs).map(move |run| (run, of_run.min(images - run * of_run)))
    }

    /// Where a panel's products of a run begin: those of a panel follow those of the panels before it.
    fn products_of(&self, panels: Panels, first_column: usize, run: usize, batch: usize) -> usize {
        let WideRuns { runs, column_len, .. } = self.wide_runs(batch);
        let width = panels.each().find(|(start, _)| *start == first_column).map_or(0, |(_, width)| width);
        first_column * runs * column_len + run * column_len * width
    }
}

struct Gradients<'a, T, const IN: usize, const FREQ: usize, const OUT: usize> {
    method: &'a Winograd<T, IN, FREQ, OUT>,
    images: usize,
    output_gradient: &'a [f32],
    frequencies: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize> WithSimd
    for Gradients<'_, T, IN, FREQ, OUT>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Gradients { method, images, output_gradient, frequencies, scratch } = self;
        let units = 0..images * method.units_an_image();
        method.transform_gradients(simd, method.run(units.len()), &units, output_gradient, frequencies, scratch);
    }
}

struct Products<'a, T, const IN: usize, const FREQ: usize, const OUT: usize> {
    method: &'a Winograd<T, IN, FREQ, OUT>,
    order: Order,
    panel: (usize, usize),
    images: usize,
    filter: &'a [f32],
    frequencies: &'a [f32],
    output: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize> WithSimd
    for Products<'_, T, IN, FREQ, OUT>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Products { method, order, panel, images, filter, frequencies, output, scratch } = self;
        let terms = method.panels_of(order).terms();
        let width = panel.1;
        let of_panel = Panels::new(terms, width);
        let step = terms * width + SKEW;
        let packed = &mut scratch[..FREQ * FREQ * step];
        Pack { method, order, filter, panel: Some(panel), packed }.with_simd(simd);
        let WideRuns { input_len, gradient_len, column_len, .. } = method.wide_runs(images);
        let from = match order {
            Order::Forward => input_len,
            Order::Adjoint => gradient_len,
        };
        for (number, of_run) in method.each_run(images) {
            let run = method.run(of_run * method.units_an_image());
            let (of_frequency, stride) = match order {
                Order::Forward => (run.input_step, run.input_channels),
                Order::Adjoint => (run.output_step, run.output_channels),
            };
            let products = &mut output[number * column_len * width..];
            for frequency in 0..FREQ * FREQ {
                multiply_panels(
                    simd,
                    run.tiles,
                    (frequencies, Rows { offset: number * from + frequency * of_frequency, stride }),
                    (&packed[frequency * step..(frequency + 1) * step], of_panel),
                    (products, Rows { offset: frequency * run.tiles * width, stride: width }),
                );
            }
        }
    }
}

struct FilterGradient<'a, T, const IN: usize, const FREQ: usize, const OUT: usize> {
    method: &'a Winograd<T, IN, FREQ, OUT>,
    panel: (usize, usize),
    images: usize,
    inputs: &'a [f32],
    gradients: &'a [f32],
    gradient: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize> WithSimd
    for FilterGradient<'_, T, IN, FREQ, OUT>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let FilterGradient { method, panel: (start, width), images, inputs, gradients, gradient, scratch } = self;
        let ConvShape { output_channels, .. } = method.shape;
        let channels = method.channels();
        let WideRuns { input_len, gradient_len, .. } = method.wide_runs(images);
        for first in (0..channels).step_by(CHANNELS) {
            let channels = first..(first + CHANNELS).min(channels);
            let frequency_len = channels.len() * width + SKEW;
            let sums = &mut scratch[..FREQ * FREQ * frequency_len];
            sums.fill(0.0);
            for (number, of_run) in method.each_run(images) {
                let run = method.run(of_run * method.units_an_image());
                for frequency in 0..FREQ * FREQ {
                    let offset = number * input_len + frequency * run.input_step + first;
                    let at = Rows { offset, stride: run.input_channels };
                    let offset = number * gradient_len + frequency * run.output_step + start;
                    let bt = Rows { offset, stride: run.output_channels };
                    let ot = Rows { offset: frequency * frequency_len, stride: width };
                    let (a, b) = ((inputs, at, channels.len()), (gradients, bt, width));
                    add_outer_products(simd, run.tiles, a, b, (&mut *sums, ot));
                }
            }
            let outputs = start..(start + width).min(output_channels);
            Unpack { method, stride: width, outputs, channels, sums, gradient: &mut *gradient }.with_simd(simd);
        }
    }
}

struct Outputs<'a, T, const IN: usize, const FREQ: usize, const OUT: usize> {
    method: &'a Winograd<T, IN, FREQ, OUT>,
    run: usize,
    images: usize,
    batch: usize,
    products: &'a [f32],
    epilogue: Epilogue<'a>,
    output: &'a mut [f32],
}

impl<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize> WithSimd
    for Outputs<'_, T, IN, FREQ, OUT>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Outputs { method, run: number, images, batch, products, epilogue, output } = self;
        let units = 0..images * method.units_an_image();
        let tiles = units.len() * method.tiles_wide;
        for (start, width) in method.panels.each() {
            let products = &products[method.products_of(method.panels, start, number, batch)..];
            let columns = start..(start + width).min(method.shape.output_channels);
            method.for_each_tile(
                &units,
                #[inline(always)]
                |place: Place| {
                    let from = Steps { offset: place.tile * width, rows: FREQ * tiles * width, columns: tiles * width };
                    method.transform_columns(simd, place, 0, &columns, (products, from), epilogue, output);
                },
            );
        }
    }
}

struct InputGradients<'a, T, const IN: usize, const FREQ: usize, const OUT: usize> {
    method: &'a Winograd<T, IN, FREQ, OUT>,
    run: usize,
    images: usize,
    batch: usize,
    products: &'a [f32],
    gradient: &'a mut [f32],
}

impl<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize> WithSimd
    for InputGradients<'_, T, IN, FREQ, OUT>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let InputGradients { method, run: number, images, batch, products, gradient } = self;
        let panels = method.adjoint_panels();
        let units: Range<usize> = 0..images * method.units_an_image();
        let tiles = units.len() * method.tiles_wide;
        for (start, width) in panels.each() {
            let products = &products[method.products_of(panels, start, number, batch)..];
            let columns = start..(start + width).min(method.channels());
            method.for_each_tile(
                &units,
                #[inline(always)]
                |place: Place| {
                    let from = Steps { offset: place.tile * width, rows: FREQ * tiles * width, columns: tiles * width };
                    method.add_columns(simd, place, &columns, (products, from), gradient);
                },
            );
        }
    }
}

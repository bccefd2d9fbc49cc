//! A run of tiles computed by several threads that share its frequencies rather than its tiles: each reads its part of
//! the packed filter once, where threads that share tiles would all read the whole of it.

use super::super::epilogue::Epilogue;
use super::{TileTransform, Winograd};
use crate::isa::Isa;
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Floats of a shared run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedRun {
    /// Frequencies to multiply.
    pub frequencies: usize,
    /// Floats of all tiles of one frequency, before the product.
    pub frequency_len: usize,
    /// The same, after it.
    pub product_len: usize,
    /// Scratch of the first step.
    pub rows_len: usize,
}

impl<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize> Winograd<T, IN, FREQ, OUT> {
    pub(in super::super) fn shared_run(&self, units: usize) -> SharedRun {
        let run = self.run(units);
        SharedRun {
            frequencies: FREQ * FREQ,
            frequency_len: run.input_step,
            product_len: run.output_step,
            rows_len: self.rows_len(),
        }
    }

    pub(in super::super) fn shared_input(
        &self,
        isa: Isa,
        units: Range<usize>,
        input: &[f32],
        frequencies: &mut [f32],
        rows: &mut [f32],
    ) {
        isa.run(Step { method: self, step: Kind::Input { units, input, frequencies, rows } });
    }

    pub(in super::super) fn shared_products(
        &self,
        isa: Isa,
        units: usize,
        range: Range<usize>,
        frequencies: &[f32],
        packed: &[f32],
        products: &mut [f32],
    ) {
        isa.run(Step { method: self, step: Kind::Products { units, range, frequencies, packed, products } });
    }

    pub(in super::super) fn shared_output(
        &self,
        isa: Isa,
        run: Range<usize>,
        units: Range<usize>,
        products: &[f32],
        epilogue: Epilogue,
        output: &mut [f32],
    ) {
        isa.run(Step { method: self, step: Kind::Output { run, units, products, epilogue, output } });
    }
}

enum Kind<'a> {
    Input {
        units: Range<usize>,
        input: &'a [f32],
        frequencies: &'a mut [f32],
        rows: &'a mut [f32],
    },
    Products {
        units: usize,
        range: Range<usize>,
        frequencies: &'a [f32],
        packed: &'a [f32],
        products: &'a mut [f32],
    },
    Output {
        run: Range<usize>,
        units: Range<usize>,
        products: &'a [f32],
        epilogue: Epilogue<'a>,
        output: &'a mut [f32],
    },
}

struct Step<'a, T, const IN: usize, const FREQ: usize, const OUT: usize> {
    method: &'a Winograd<T, IN, FREQ, OUT>,
    step: Kind<'a>,
}

impl<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize> WithSimd
    for Step<'_, T, IN, FREQ, OUT>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let method = self.method;
        match self.step {
            Kind::Input { units, input, frequencies, rows } => {
                method.transform_inputs(simd, method.run(units.len()), &units, input, frequencies, rows);
            }
            Kind::Products { units, range, frequencies, packed, products } => {
                method.multiply(simd, method.run(units), range, frequencies, packed, products);
            }
            Kind::Output { run, units, products, epilogue, output } => {
                let first_tile = (units.start - run.start) * method.tiles_wide;
                let tiles = method.run(run.len());
                method.transform_outputs(simd, tiles, &units, first_tile, products, epilogue, output);
            }
        }
    }
}

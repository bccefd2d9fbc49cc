//! A convolution of a group's maps in pixels, cut for the threads.

use crate::inference::executor::Executor;
use jpegnet_kernels::Isa;
use jpegnet_kernels::pixels::{Conv2d, Epilogue};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::PoisonError;

/// One convolution of a group's maps.
pub(super) struct Convolution<'a> {
    pub(super) executor: &'a Executor,
    pub(super) isa: Isa,
    pub(super) conv: &'a Conv2d,
    pub(super) input: &'a [f32],
    pub(super) packed: &'a [f32],
}

impl Convolution<'_> {
    /// Computes units with all threads on the same run, each with frequencies of its own.
    pub(super) fn run_shared(&self, units: Range<usize>, epilogue: Epilogue, output: &mut [f32]) {
        let Convolution { executor, isa, conv, .. } = *self;
        let run = conv.shared_run(units.len());
        let mut shared = executor.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let (frequencies, products) = &mut *shared;
        let frequencies = &mut frequencies[..run.frequencies * run.frequency_len];
        let products = &mut products[..run.frequencies * run.product_len];
        executor.workspaces.lend(|scratch| {
            conv.shared_input(isa, units.clone(), self.input, frequencies, &mut scratch[..run.rows_len]);
        });
        let frequencies = &*frequencies;
        products.par_chunks_mut(run.product_len).enumerate().for_each(|(frequency, products)| {
            let range = frequency..frequency + 1;
            conv.shared_products(isa, units.len(), range, frequencies, self.packed, products);
        });
        self.shared_output(&units, units.clone(), products, epilogue, output);
    }

    /// Threads halve the units of a shared run until each has its part.
    fn shared_output(
        &self,
        run: &Range<usize>,
        units: Range<usize>,
        products: &[f32],
        epilogue: Epilogue,
        output: &mut [f32],
    ) {
        if units.len() <= run.len().div_ceil(rayon::current_num_threads()) {
            self.conv.shared_output(self.isa, run.clone(), units, products, epilogue, output);
            return;
        }
        let middle = units.start + units.len() / 2;
        let ((first, first_part), (second, second_part)) = self.split(&units, middle, epilogue, output);
        rayon::join(
            || self.shared_output(run, units.start..middle, products, first_part, first),
            || self.shared_output(run, middle..units.end, products, second_part, second),
        );
    }

    /// The output rows, and the epilogue, of units before and from `middle`.
    #[expect(clippy::type_complexity, reason = "two halves of two things")]
    fn split<'e, 'o>(
        &self,
        units: &Range<usize>,
        middle: usize,
        epilogue: Epilogue<'e>,
        output: &'o mut [f32],
    ) -> ((&'o mut [f32], Epilogue<'e>), (&'o mut [f32], Epilogue<'e>)) {
        let rows = self.conv.first_row(middle) - self.conv.first_row(units.start);
        let at = rows * self.conv.shape().output_row_len();
        let (first, second) = output.split_at_mut(at);
        let residuals = epilogue.residual.map(|residual| residual.split_at(at));
        let of_first = Epilogue { residual: residuals.map(|(first, _)| first), ..epilogue };
        let of_second = Epilogue { residual: residuals.map(|(_, second)| second), ..epilogue };
        ((first, of_first), (second, of_second))
    }

    /// Computes units, `length` at a time; threads halve what is left until no more than one run remains.
    pub(super) fn run(
        &self,
        units: Range<usize>,
        length: usize,
        parallel: bool,
        epilogue: Epilogue,
        output: &mut [f32],
    ) {
        if units.len() <= length {
            self.executor.workspaces.lend(|scratch| {
                self.conv.forward_units(self.isa, units, self.input, self.packed, epilogue, output, scratch);
            });
            return;
        }
        let runs = units.len().div_ceil(length);
        let half = if parallel { runs / 2 } else { 1 };
        let middle = units.start + half * length;
        let ((first, first_part), (second, second_part)) = self.split(&units, middle, epilogue, output);
        if parallel {
            rayon::join(
                || self.run(units.start..middle, length, parallel, first_part, first),
                || self.run(middle..units.end, length, parallel, second_part, second),
            );
        } else {
            self.run(units.start..middle, length, parallel, first_part, first);
            self.run(middle..units.end, length, parallel, second_part, second);
        }
    }
}

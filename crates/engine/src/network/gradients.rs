//! Gradients between the backward pass and the update: added up over batches, measured, clipped.

use crate::step::{Clipping, StepOptions};
use jpegnet_kernels::{Isa, add_in_place, clamp_in_place, scale_in_place, sum_of_squares};
use rayon::prelude::*;

/// Elements that one task works on; partial sums are added in the order of the tasks.
const ELEMENTS_A_TASK: usize = 1 << 15;

/// Keeps the norm from being divided by 0, as `torch.nn.utils.clip_grad_norm_` does.
const NORM_EPSILON: f64 = 1e-6;

/// Gradients of the batches of a step that came before the one at hand; no memory while steps are of one batch.
#[derive(Debug, Default)]
pub(super) struct EarlierBatches {
    sums: Vec<Vec<f32>>,
    any: bool,
}

impl EarlierBatches {
    /// Forgets the batches of another step.
    pub(super) fn begin(&mut self) {
        self.any = false;
    }

    /// Adds the gradients of a batch that others follow.
    pub(super) fn add(&mut self, isa: Isa, gradients: &[Vec<f32>]) {
        if self.any {
            self.sums.par_iter_mut().zip(gradients).for_each(|(sum, gradient)| add(isa, sum, gradient));
        } else {
            self.sums.resize_with(gradients.len(), Vec::new);
            self.sums.par_iter_mut().zip(gradients).for_each(|(sum, gradient)| sum.clone_from(gradient));
        }
        self.any = true;
    }

    /// Adds all of them to the gradients of the last batch.
    pub(super) fn add_to(&self, isa: Isa, gradients: &mut [Vec<f32>]) {
        if self.any {
            gradients.par_iter_mut().zip(&self.sums).for_each(|(gradient, sum)| add(isa, gradient, sum));
        }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<f32>() * self.sums.iter().map(Vec::len).sum::<usize>()
    }
}

fn add(isa: Isa, sum: &mut [f32], term: &[f32]) {
    let parts = sum.par_chunks_mut(ELEMENTS_A_TASK).zip(term.par_chunks(ELEMENTS_A_TASK));
    parts.for_each(|(sum, term)| add_in_place(isa, sum, term));
}

/// The Euclidean norm of all gradients that count, taken together; the number of the first parameter whose gradient is not
/// finite, if there is one.
pub(super) fn norm(isa: Isa, gradients: &[Vec<f32>], counts: impl Fn(usize) -> bool + Sync) -> Result<f64, usize> {
    let squares = gradients.par_iter().enumerate().map(|(number, gradient)| {
        if !counts(number) {
            return 0.0;
        }
        let parts = gradient.par_chunks(ELEMENTS_A_TASK).map(|part| sum_of_squares(isa, part));
        parts.collect::<Vec<f64>>().iter().sum()
    });
    let squares: Vec<f64> = squares.collect();
    match squares.iter().position(|square| !square.is_finite()) {
        Some(number) => Err(number),
        None => Ok(squares.iter().sum::<f64>().sqrt()),
    }
}

/// Clips all gradients that count, whose norm is known.
pub(super) fn clip(isa: Isa, gradients: &mut [Vec<f32>], norm: f64, options: &StepOptions) {
    let each = |gradients: &mut [Vec<f32>], change: &(dyn Fn(&mut [f32]) + Sync)| {
        gradients.par_iter_mut().enumerate().filter(|(number, _)| !options.is_frozen(*number)).for_each(
            |(_, gradient)| {
                gradient.par_chunks_mut(ELEMENTS_A_TASK).for_each(change);
            },
        );
    };
    match options.clipping {
        Clipping::None => {}
        Clipping::Value(limit) => each(gradients, &|part| clamp_in_place(isa, part, limit)),
        Clipping::Norm(limit) => {
            let factor = f64::from(limit) / (norm + NORM_EPSILON);
            if factor < 1.0 {
                #[expect(clippy::cast_possible_truncation, reason = "a factor of float32 gradients")]
                each(gradients, &|part| scale_in_place(isa, part, factor as f32));
            }
        }
    }
}

//! A training step: forward with batch statistics, loss, backward, update.

use super::mode::maskings;
use super::{Network, check_batch};
use crate::EngineError;
use crate::arena::Arena;
use crate::chunks::Chunks;
use crate::input::{BatchInput, Image};
use crate::ops::{self, BatchLoss, FirstNotFinite, Pass};
use crate::optimizer::OptimizerSpec;
use crate::program::{Program, Stage};
use crate::tensor::NamedTensor;
use jpegnet_kernels::{Isa, Masking, add_in_place};
use rayon::prelude::*;

/// Sums that one task adds up over the chunks.
const SUMS_A_TASK: usize = 1 << 14;

/// What a step saw, before its update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// Softmax cross-entropy, the mean over the batch.
    pub loss: f64,
    /// Images whose largest logit was their label's.
    pub correct: usize,
}

/// A batch's loss and the gradients of all parameters, nothing updated.
#[derive(Clone, Debug, PartialEq)]
pub struct LossAndGradients {
    /// Softmax cross-entropy, the mean over the batch.
    pub loss: f64,
    /// Images whose largest logit was their label's.
    pub correct: usize,
    /// One tensor a parameter, in the order of the network's state.
    pub gradients: Vec<NamedTensor>,
}

impl Network {
    /// One step: loss and gradients of a batch in training mode, then the optimizer's update of every parameter and the
    /// running statistics' of every batch normalisation.
    ///
    /// # Errors
    /// [`EngineError::InvalidOption`] for options, labels or batches that make no sense; [`EngineError::SizeMismatch`]
    /// naming a picture; [`EngineError::NotFinite`] naming the first layer or parameter that left float32's range. After
    /// an error, parameters, statistics and optimizer are what they were.
    pub fn train_step(
        &mut self,
        images: &[Image],
        labels: &[u32],
        optimizer: &OptimizerSpec,
    ) -> Result<StepReport, EngineError> {
        optimizer.validate()?;
        let BatchLoss { mean, correct } = self.backpropagate(images, labels)?;
        ops::update_running(&self.plan, &mut self.parameters, &self.layers);
        self.optimizer.update(optimizer, self.isa, &mut self.parameters);
        Ok(StepReport { loss: mean, correct })
    }

    /// Loss and gradients of a batch in training mode (batch statistics), changing nothing.
    ///
    /// # Errors
    /// As [`train_step`](Self::train_step).
    pub fn loss_and_gradients(&mut self, images: &[Image], labels: &[u32]) -> Result<LossAndGradients, EngineError> {
        let BatchLoss { mean, correct } = self.backpropagate(images, labels)?;
        let named = self.plan.parameters.iter().zip(&self.parameters.gradients);
        let gradients = named.map(|(spec, values)| NamedTensor {
            name: spec.name.clone(),
            shape: spec.shape.clone(),
            values: values.clone(),
        });
        Ok(LossAndGradients { loss: mean, correct, gradients: gradients.collect() })
    }

    /// Leaves the gradients of a batch's mean loss with the parameters, and its statistics with the layers.
    fn backpropagate(&mut self, images: &[Image], labels: &[u32]) -> Result<BatchLoss, EngineError> {
        check_batch(images.len())?;
        self.check_labels(images.len(), labels)?;
        let input = self.transforms.batch(self.plan.input(), images)?;
        let program = self.training.get_or_insert_with(|| Program::training(&self.plan));
        self.arena.prepare(program, images.len())?;
        self.workspaces.prepare(program.scratch.max(input.scratch()))?;
        self.parameters.prepare_gradients();
        self.layers.prepare(&self.plan, &self.parameters);
        let maskings = maskings(&self.plan, None);
        let Some(loss) = self.run_training(&input, labels, &maskings, None) else {
            unreachable!("every training program has a loss");
        };
        let step = self.optimizer.step + 1;
        if !loss.mean.is_finite() {
            let search = FirstNotFinite::new();
            self.run_training(&input, labels, &maskings, Some(&search));
            let path = search.first().map_or("loss", |node| &self.plan.nodes[node].path).into();
            return Err(EngineError::NotFinite {
                path,
                found: "an output that is infinite or not a number".into(),
                step,
            });
        }
        let infinite = |gradient: &Vec<f32>| !gradient.iter().all(|value| value.is_finite());
        if let Some(number) = self.parameters.gradients.par_iter().position_first(infinite) {
            let path = self.plan.parameters[number].name.clone();
            let found = "a gradient that is infinite or not a number".into();
            return Err(EngineError::NotFinite { path, found, step });
        }
        Ok(loss)
    }

    fn check_labels(&self, images: usize, labels: &[u32]) -> Result<(), EngineError> {
        let invalid = |expected: String, found: String| {
            Err(EngineError::InvalidOption { option: "labels".into(), expected, found })
        };
        if labels.len() != images {
            return invalid(format!("{images}, one for each image"), labels.len().to_string());
        }
        let classes = self.plan.classes();
        match labels.iter().find(|&&label| label as usize >= classes) {
            Some(label) => invalid(format!("classes from 0 to {}", classes - 1), label.to_string()),
            None => Ok(()),
        }
    }

    fn run_training(
        &mut self,
        input: &BatchInput,
        labels: &[u32],
        maskings: &[Masking],
        search: Option<&FirstNotFinite>,
    ) -> Option<BatchLoss> {
        let Network { plan, isa, parameters, layers, training, arena, workspaces, .. } = self;
        let program = training.as_ref()?;
        let batch = input.len();
        let mut loss = None;
        for stage in &program.stages {
            let chunks = Chunks::new(batch, stage.singles);
            ops::pack_adjoint_filters(plan, parameters, stage, arena.adjoint(stage));
            let pass = Pass { plan, isa: *isa, parameters, layers, input, labels, maskings, search };
            let (cut, adjoint) = arena.chunks(program, stage, chunks);
            cut.into_par_iter().for_each(|mut chunk| {
                chunk.singles.fill(0.0);
                chunk.doubles.fill(0.0);
                workspaces.lend(|workspace| {
                    for image in 0..chunk.images {
                        pass.run_image(stage, &mut chunk, image, adjoint, workspace);
                    }
                });
            });
            let sums = add_up(arena, *isa, stage, chunks);
            loss = loss.or(ops::finish(plan, parameters, layers, stage, batch, sums));
        }
        loss
    }
}

/// Adds every chunk's sums to the first chunk's, in the order of the chunks.
fn add_up<'a>(arena: &'a mut Arena, isa: Isa, stage: &Stage, chunks: Chunks) -> (&'a [f32], &'a [f64]) {
    let (singles, doubles) = arena.sums(stage, chunks);
    let (total_singles, singles) = singles.split_at_mut(stage.singles);
    let (total_doubles, doubles) = doubles.split_at_mut(stage.doubles);
    total_singles.par_chunks_mut(SUMS_A_TASK).enumerate().for_each(|(task, total)| {
        for chunk in singles.chunks_exact(stage.singles) {
            let start = task * SUMS_A_TASK;
            add_in_place(isa, total, &chunk[start..start + total.len()]);
        }
    });
    for chunk in doubles.chunks_exact(stage.doubles.max(1)) {
        for (total, part) in total_doubles.iter_mut().zip(chunk) {
            *total += part;
        }
    }
    (total_singles, total_doubles)
}

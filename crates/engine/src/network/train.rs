//! A training step: forward with batch statistics, loss, backward, update.

use super::mode::maskings;
use super::{Network, check_batch};
use crate::EngineError;
use crate::input::{BatchInput, Image};
use crate::ops::{self, BatchLoss, CoefficientTraining, FirstNotFinite};
use crate::optimizer::OptimizerSpec;
use crate::plan::Plan;
use crate::tensor::NamedTensor;
use crate::training::{Batch, Training};
use crate::workspace::Workspaces;
use jpegnet_kernels::Masking;
use rayon::prelude::*;

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
        let maskings = maskings(&self.plan, None);
        let trainer = self.trainer.get_or_insert_with(|| Trainer::new(&self.plan, &maskings));
        trainer.prepare(&self.plan, &input, &mut self.workspaces)?;
        self.parameters.prepare_gradients();
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
        let Network { plan, isa, parameters, layers, trainer, workspaces, .. } = self;
        let batch = Batch { plan, isa: *isa, input, labels, maskings, search };
        match trainer.as_mut()? {
            Trainer::Pixels(training) => training.run(&batch, parameters, layers, workspaces),
            Trainer::Coefficients(training) => training.run(&batch, parameters, layers, workspaces),
        }
    }
}

/// How a network trains.
#[derive(Debug)]
pub(super) enum Trainer {
    /// On pixels: all frequencies are kept.
    Pixels(Training),
    /// On coefficients, truncated to a band.
    Coefficients(CoefficientTraining),
}

impl Trainer {
    fn new(plan: &Plan, maskings: &[Masking]) -> Trainer {
        match plan.band {
            None => Trainer::Pixels(Training::new(plan, maskings)),
            Some(_) => Trainer::Coefficients(CoefficientTraining::new(plan)),
        }
    }

    fn prepare(&mut self, plan: &Plan, input: &BatchInput, workspaces: &mut Workspaces) -> Result<(), EngineError> {
        match self {
            Trainer::Pixels(training) => training.prepare(input, workspaces, plan.input().height),
            Trainer::Coefficients(training) => training.prepare(input, workspaces),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Trainer::Pixels(training) => training.bytes(),
            Trainer::Coefficients(training) => training.bytes(),
        }
    }
}

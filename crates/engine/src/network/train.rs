//! A training step: forward with batch statistics, loss, backward, update.

use super::gradients::{clip, norm};
use super::mode::maskings;
use super::{Network, WeightSet, check_batch, features_given};
use crate::EngineError;
use crate::first_not_finite::FirstNotFinite;
use crate::inference::StepTimes;
use crate::input::{BatchInput, Features, Image};
use crate::optimizer::OptimizerSpec;
use crate::parameters::StateEntry;
use crate::step::{StepOptions, Storage};
use crate::tensor::NamedTensor;
use crate::training::{
    Batch, BatchLoss, LossTarget, Observers, Part, Training, Wanted, normalise_by_running, update_running,
};
use jpegnet_kernels::{Labels, Masking};

/// What a step saw, before its update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// Softmax cross-entropy, smoothed if asked for, the mean over all images.
    pub loss: f64,
    /// Images whose largest logit was their label's.
    pub correct: usize,
    /// Euclidean norm of the gradients of all parameters that are not frozen, before any clipping.
    pub gradient_norm: f64,
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
    /// As [`train_step_with`](Self::train_step_with).
    pub fn train_step(
        &mut self,
        images: &[Image],
        labels: &[u32],
        optimizer: &OptimizerSpec,
    ) -> Result<StepReport, EngineError> {
        self.train_step_with(images, labels, &StepOptions::new(*optimizer))
    }

    /// One step: loss and gradients in training mode of one or more batches, whose running statistics move one after the
    /// other, then one update of every parameter that is not frozen, and of the average if one is asked for; it answers
    /// from then on.
    ///
    /// # Errors
    /// [`EngineError::InvalidOption`] for options, labels or batches that make no sense; [`EngineError::SizeMismatch`]
    /// naming a picture; [`EngineError::NotFinite`] naming the first layer or parameter that left float32's range. After
    /// an error, parameters, statistics and optimizer are what they were.
    pub fn train_step_with<'a>(
        &mut self,
        images: &[Image],
        labels: impl Into<Labels<'a>>,
        options: &StepOptions,
    ) -> Result<StepReport, EngineError> {
        let labels = labels.into();
        options.validate(&self.plan)?;
        self.check_step(images, labels)?;
        let answering = self.weight_sets.answering();
        self.weight_sets.answer_with(WeightSet::Live, &mut self.parameters);
        let statistics = self.parameters.running.clone();
        let outcome = self.gradients_of_step(images, labels, options);
        let outcome = outcome.and_then(|report| self.update(&report, options).map(|()| report));
        if outcome.is_err() {
            self.parameters.running = statistics;
            self.weight_sets.answer_with(answering, &mut self.parameters);
        }
        outcome
    }

    /// Takes the gradients of a step to the weights and their average; all or nothing.
    fn update(&mut self, report: &StepReport, options: &StepOptions) -> Result<(), EngineError> {
        let room = options.average.map(|_| self.weight_sets.room_for_average(&self.parameters)).transpose()?;
        clip(self.isa, &mut self.parameters.gradients, report.gradient_norm, options);
        self.optimizer.update(options, self.isa, &mut self.parameters)?;
        if let Some((decay, room)) = options.average.zip(room) {
            self.weight_sets.average(decay, self.isa, &self.parameters, room);
            self.weight_sets.answer_with(WeightSet::Average, &mut self.parameters);
        } else {
            self.weight_sets.forget_average();
        }
        Ok(())
    }

    /// Loss and gradients of a batch in training mode (batch statistics), changing nothing.
    ///
    /// # Errors
    /// As [`train_step`](Self::train_step).
    pub fn loss_and_gradients(&mut self, images: &[Image], labels: &[u32]) -> Result<LossAndGradients, EngineError> {
        let labels = labels.into();
        self.check_step(images, labels)?;
        self.fix_statistics(&[]);
        let target = LossTarget { label_smoothing: 0.0, images: images.len() };
        let wanted = self.wanted(Part::WHOLE, &[], Storage::Float32);
        let BatchLoss { mean, correct } = self.backpropagate(images, labels, target, wanted)?;
        self.gradient_norm(|_| true)?;
        let named = self.plan.parameters.iter().zip(&self.parameters.gradients);
        let gradients = named.map(|(spec, values)| NamedTensor {
            name: spec.name.clone(),
            shape: spec.shape.clone(),
            values: values.clone(),
        });
        Ok(LossAndGradients { loss: mean, correct, gradients: gradients.collect() })
    }

    /// Leaves the gradients of the mean loss over all of a step's images with the parameters; moves the running statistics.
    fn gradients_of_step(
        &mut self,
        images: &[Image],
        labels: Labels,
        options: &StepOptions,
    ) -> Result<StepReport, EngineError> {
        self.fix_statistics(&options.fixed_statistics);
        self.earlier_batches.begin();
        let begin = self.nodes_done(images, options)?;
        let wanted = self.wanted(Part { begin, end: None }, &options.frozen, options.storage);
        let target = LossTarget { label_smoothing: options.label_smoothing, images: images.len() };
        let size = options.batch.unwrap_or(images.len());
        let (mut loss, mut correct) = (0.0, 0);
        for start in (0..images.len()).step_by(size) {
            let end = (start + size).min(images.len());
            let (batch, labels) = (&images[start..end], labels.of(start..end));
            let of_batch = self.backpropagate(batch, labels, target, wanted.clone())?;
            update_running(&self.plan, &mut self.parameters, &self.layers);
            #[expect(clippy::cast_precision_loss, reason = "no step has 2^52 images")]
            let share = batch.len() as f64 / images.len() as f64;
            loss += share * of_batch.mean;
            correct += of_batch.correct;
            if end < images.len() {
                self.earlier_batches.add(self.isa, &self.parameters.gradients);
            }
        }
        self.earlier_batches.add_to(self.isa, &mut self.parameters.gradients);
        self.check_running()?;
        let gradient_norm = self.gradient_norm(|parameter| !options.is_frozen(parameter))?;
        Ok(StepReport { loss, correct, gradient_norm })
    }

    /// Refuses running statistics that left float32: maps of large values have a finite loss all the same.
    fn check_running(&self) -> Result<(), EngineError> {
        let unusable = |entry: StateEntry| match entry {
            StateEntry::RunningMean(number) => is_not_finite(&self.parameters.running[number].mean),
            StateEntry::RunningVariance(number) => is_not_finite(&self.parameters.running[number].variance),
            StateEntry::Parameter(_) | StateEntry::BatchesTracked(_) => false,
        };
        match self.plan.state.iter().find(|(_, entry)| unusable(*entry)) {
            Some((name, _)) => Err(self.not_finite(name.clone(), "a statistic that is infinite or not a number")),
            None => Ok(()),
        }
    }

    /// The norm of all gradients that count.
    fn gradient_norm(&self, counts: impl Fn(usize) -> bool + Sync) -> Result<f64, EngineError> {
        norm(self.isa, &self.parameters.gradients, counts).map_err(|parameter| {
            let path = self.plan.parameters[parameter].name.clone();
            self.not_finite(path, "a gradient that is infinite or not a number")
        })
    }

    pub(super) fn not_finite(&self, path: String, found: &str) -> EngineError {
        EngineError::NotFinite { path, found: found.into(), step: self.optimizer.step + 1 }
    }

    /// Leaves the gradients of a batch's share in a loss with the parameters that are not frozen, and its statistics with
    /// the layers.
    fn backpropagate(
        &mut self,
        images: &[Image],
        labels: Labels,
        target: LossTarget,
        wanted: Wanted,
    ) -> Result<BatchLoss, EngineError> {
        let input = self.transforms.batch(self.plan.input(), images)?;
        let maskings = maskings(&self.plan, None);
        self.prepare_program(&input, &maskings, wanted)?;
        self.parameters.prepare_gradients()?;
        let Some(loss) = self.run_training(&input, (labels, target), &maskings, Observers::default()) else {
            unreachable!("every training program has a loss");
        };
        if loss.mean.is_finite() {
            return Ok(loss);
        }
        let search = FirstNotFinite::new();
        let observers = Observers { search: Some(&search), times: None };
        self.run_training(&input, (labels, target), &maskings, observers);
        let path = search.first().map_or("loss", |node| &self.plan.nodes[node].path).into();
        Err(self.not_finite(path, "an output that is infinite or not a number"))
    }

    /// Makes sure that the program at hand is the one that is wanted, with room for a batch, and begins with what is given.
    fn prepare_program(&mut self, input: &BatchInput, maskings: &[Masking], wanted: Wanted) -> Result<(), EngineError> {
        if input.nodes_done()?.unwrap_or(0) != wanted.part.begin {
            return Err(features_given("pictures"));
        }
        let trainer = match self.trainer.take().filter(|trainer| trainer.is_for(&wanted)) {
            Some(trainer) => self.trainer.insert(trainer),
            None => self.trainer.insert(Box::new(Training::new(&self.plan, maskings, wanted))),
        };
        trainer.prepare(input, &mut self.workspaces, self.plan.input().height)
    }

    fn wanted(&self, part: Part, frozen: &[bool], storage: Storage) -> Wanted {
        Wanted { part, frozen: frozen.to_vec(), fixed: self.layers.fixed.clone(), storage }
    }

    fn fix_statistics(&mut self, fixed: &[bool]) {
        self.layers.fix_statistics(&self.plan, fixed);
        normalise_by_running(&self.plan, &self.parameters, &mut self.layers);
    }

    /// Nodes that made features of a step's images, none of pictures.
    fn nodes_done(&mut self, images: &[Image], options: &StepOptions) -> Result<usize, EngineError> {
        let done = self.transforms.batch(self.plan.input(), images)?.nodes_done()?;
        match done {
            Some(nodes) if self.plan.settled(options) != Some(nodes) => Err(EngineError::InvalidOption {
                option: "frozen".into(),
                expected: "all layers before the features that are given".into(),
                found: "others".into(),
            }),
            _ => Ok(done.unwrap_or(0)),
        }
    }

    /// What the layers that no step with these options changes make of pictures, to the bit what a step makes of them.
    ///
    /// # Errors
    /// [`EngineError::InvalidOption`] if there are no such layers; as [`train_step`](Self::train_step).
    pub fn settled_features(&mut self, images: &[Image], options: &StepOptions) -> Result<Vec<Features>, EngineError> {
        check_batch(images.len())?;
        options.validate(&self.plan)?;
        let Some(nodes) = self.plan.settled(options) else {
            return Err(EngineError::InvalidOption {
                option: "frozen".into(),
                expected: "layers that stay as they are, up to a vector of features".into(),
                found: "none".into(),
            });
        };
        self.fix_statistics(&options.fixed_statistics);
        let wanted = self.wanted(Part { begin: 0, end: Some(nodes) }, &options.frozen, options.storage);
        let values = self.run_forward(images, wanted)?;
        let features = values.chunks_exact(values.len() / images.len());
        Ok(features.map(|values| Features { nodes, values: values.to_vec() }).collect())
    }

    /// Logits `[images, classes]` of features that [`settled_features`](Self::settled_features) gave.
    pub(super) fn logits_of_features(&mut self, images: &[Image], begin: usize) -> Result<Vec<f32>, EngineError> {
        self.fix_statistics(&[]);
        let wanted = self.wanted(Part { begin, end: Some(self.plan.nodes.len()) }, &[], Storage::Float32);
        self.run_forward(images, wanted)
    }

    /// Runs a program without a loss; what it keeps.
    fn run_forward(&mut self, images: &[Image], wanted: Wanted) -> Result<Vec<f32>, EngineError> {
        let input = self.transforms.batch(self.plan.input(), images)?;
        let maskings = maskings(&self.plan, None);
        self.prepare_program(&input, &maskings, wanted)?;
        let target = LossTarget { label_smoothing: 0.0, images: images.len() };
        let labels = Labels::from(&[][..]);
        self.run_training(&input, (labels, target), &maskings, Observers::default());
        let values = self.trainer.as_ref().map_or(&[][..], |trainer| trainer.kept(images.len())).to_vec();
        if values.iter().all(|value| value.is_finite()) {
            return Ok(values);
        }
        let search = FirstNotFinite::new();
        let observers = Observers { search: Some(&search), times: None };
        self.run_training(&input, (labels, target), &maskings, observers);
        let path = search.first().map_or("features", |node| &self.plan.nodes[node].path).into();
        Err(self.not_finite(path, "an output that is infinite or not a number"))
    }

    fn check_step(&self, images: &[Image], labels: Labels) -> Result<(), EngineError> {
        check_batch(images.len())?;
        self.check_labels(images.len(), labels)
    }

    /// Every step of a training step, in order, with the microseconds of a thread that it takes for an image of this batch:
    /// the median of some `rounds` after one to warm up, nothing updated.
    ///
    /// # Errors
    /// As [`train_step`](Self::train_step).
    #[expect(clippy::cast_precision_loss, reason = "counts of images are small")]
    pub fn time_training(
        &mut self,
        images: &[Image],
        labels: &[u32],
        rounds: usize,
    ) -> Result<Vec<(String, f64)>, EngineError> {
        let labels = labels.into();
        self.check_step(images, labels)?;
        let target = LossTarget { label_smoothing: 0.0, images: images.len() };
        let wanted = self.wanted(Part::WHOLE, &[], Storage::Float32);
        self.backpropagate(images, labels, target, wanted)?;
        let input = self.transforms.batch(self.plan.input(), images)?;
        let maskings = maskings(&self.plan, None);
        let lines = self.trainer.as_ref().map_or_else(Vec::new, |training| training.steps(&self.plan));
        let rounds: Vec<Vec<f64>> = (0..rounds.max(1))
            .map(|_| {
                let times = StepTimes::new(lines.len());
                let observers = Observers { search: None, times: Some(&times) };
                self.run_training(&input, (labels, target), &maskings, observers);
                times.into_microseconds()
            })
            .collect();
        let median = |step: usize| {
            let mut times: Vec<f64> = rounds.iter().map(|times| times[step]).collect();
            times.sort_by(f64::total_cmp);
            times[times.len() / 2] / images.len() as f64
        };
        Ok(lines.into_iter().enumerate().map(|(step, line)| (line, median(step))).collect())
    }

    fn check_labels(&self, images: usize, labels: Labels) -> Result<(), EngineError> {
        let invalid = |option: &str, expected: String, found: String| {
            Err(EngineError::InvalidOption { option: option.into(), expected, found })
        };
        let (others, share) = labels.mixed.unwrap_or((labels.own, 1.0));
        if !(0.0..=1.0).contains(&share) {
            return invalid("share", "0…1".into(), share.to_string());
        }
        for (option, labels) in [("labels", labels.own), ("labels mixed with", others)] {
            if labels.len() != images {
                return invalid(option, format!("{images}, one for each image"), labels.len().to_string());
            }
            let classes = self.plan.classes();
            if let Some(label) = labels.iter().find(|&&label| label as usize >= classes) {
                return invalid(option, format!("classes from 0 to {}", classes - 1), label.to_string());
            }
        }
        Ok(())
    }

    fn run_training(
        &mut self,
        input: &BatchInput,
        (labels, target): (Labels, LossTarget),
        maskings: &[Masking],
        observers: Observers,
    ) -> Option<BatchLoss> {
        let Network { plan, isa, parameters, layers, trainer, workspaces, .. } = self;
        let batch = Batch { plan, isa: *isa, input, labels, target, maskings, observers };
        trainer.as_mut()?.run(&batch, parameters, layers, workspaces)
    }
}

fn is_not_finite(values: &[f32]) -> bool {
    values.iter().any(|value| !value.is_finite())
}

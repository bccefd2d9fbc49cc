//! Parameters, statistics and optimizer state in and out, by `PyTorch`'s names.

use super::Network;
use super::weight_sets::{WeightSet, WeightSets, named};
use crate::EngineError;
use crate::optimizer::{OptimizerState, PREFIX, invalid};
use crate::parameters::StateEntry;
use crate::tensor::{LoadReport, Mismatch, NamedTensor, count};
use std::collections::HashSet;

impl Network {
    /// Everything `state_dict()` would hold of the weights that answer, in its order; with the training's tensors
    /// (`optimizer.…`) if asked for: what the optimizer remembers, empty for frozen parameters, and the sets of weights that do
    /// not answer, empty where they are bit for bit those that do.
    #[must_use]
    pub fn state(&self, include_optimizer: bool) -> Vec<NamedTensor> {
        let mut tensors = named(&self.plan, &self.parameters.values, &self.parameters.running);
        if include_optimizer {
            tensors.extend(self.optimizer.tensors(&self.plan.parameters));
            tensors.extend(self.weight_sets.tensors(&self.plan, &self.parameters));
        }
        tensors
    }

    /// Everything `state_dict()` would hold of one set of weights; none if training keeps no such set.
    #[must_use]
    pub fn weights(&self, set: WeightSet) -> Option<Vec<NamedTensor>> {
        if set == self.weight_sets.answering() {
            return Some(self.state(false));
        }
        self.weight_sets.aside(set).map(|weights| named(&self.plan, &weights.values, &weights.running))
    }

    /// Keeps the weights that answer as the best so far.
    ///
    /// # Errors
    /// [`EngineError::OutOfMemory`]; those that were kept stay.
    pub fn keep_best(&mut self) -> Result<(), EngineError> {
        self.weight_sets.keep_best(&self.parameters)
    }

    /// Makes the best weights kept answer; the next step goes on from the live ones.
    ///
    /// # Errors
    /// [`EngineError::InvalidOption`] if none were kept.
    pub fn restore_best(&mut self) -> Result<(), EngineError> {
        self.weight_sets.answer_with(WeightSet::Best, &mut self.parameters);
        if self.weight_sets.answering() == WeightSet::Best {
            return Ok(());
        }
        Err(invalid("weights", "best weights that were kept", "none"))
    }

    /// Makes the weights answer that the last step left: their average if there is one, else the live ones.
    pub fn answer_with_latest(&mut self) {
        self.weight_sets.answer_with_latest(&mut self.parameters);
    }

    /// Refuses tensors that could not be loaded again, by the name of the first.
    ///
    /// # Errors
    /// [`EngineError::NotFinite`] if a value is infinite or not a number.
    pub fn check_savable(&self, tensors: &[NamedTensor]) -> Result<(), EngineError> {
        let found = |tensor: &NamedTensor| tensor.values.iter().copied().find(|value| !value.is_finite());
        match tensors.iter().find_map(|tensor| Some((tensor, found(tensor)?))) {
            Some((tensor, value)) => Err(EngineError::NotFinite {
                path: tensor.name.clone(),
                found: value.to_string(),
                step: self.optimizer.step,
            }),
            None => Ok(()),
        }
    }

    /// Forgets the best weights.
    pub fn forget_best(&mut self) {
        self.weight_sets.forget_best(&mut self.parameters);
    }

    /// Replaces every parameter and statistic that is given by its name and in its shape; says what was left. Training goes
    /// on from these weights: an average and best weights of others are forgotten.
    ///
    /// # Errors
    /// [`EngineError::InvalidWeights`] naming a tensor that is given twice, is not finite, is a negative variance or
    /// contradicts itself; nothing is replaced then.
    pub fn load(&mut self, tensors: &[NamedTensor]) -> Result<LoadReport, EngineError> {
        let mut names = HashSet::new();
        if let Some(twice) = tensors.iter().find(|tensor| !names.insert(tensor.name.as_str())) {
            return Err(wrong(&twice.name, "each tensor once", "it twice"));
        }
        let mut report = LoadReport::default();
        let mut fitting = Vec::new();
        for (name, entry) in &self.plan.state {
            let Some(tensor) = tensors.iter().find(|tensor| tensor.name == *name) else {
                report.missing.push(name.clone());
                continue;
            };
            let shape = self.plan.shape_of(*entry);
            // Some writers store a scalar as one value on one axis.
            if tensor.shape != shape && !(shape.is_empty() && tensor.shape == [1]) {
                report.mismatched.push(Mismatch {
                    name: name.clone(),
                    expected: format!("{shape:?}"),
                    found: format!("{:?}", tensor.shape),
                });
                continue;
            }
            check_values(tensor, *entry, shape.iter().product())?;
            report.applied.push(name.clone());
            fitting.push((*entry, tensor));
        }
        let known = |tensor: &&NamedTensor| !self.plan.state.iter().any(|(name, _)| *name == tensor.name);
        report.unused = tensors.iter().filter(known).map(|tensor| tensor.name.clone()).collect();
        for (entry, tensor) in fitting {
            let running = &mut self.parameters.running;
            match entry {
                StateEntry::Parameter(number) => self.parameters.values[number].copy_from_slice(&tensor.values),
                StateEntry::RunningMean(number) => running[number].mean.copy_from_slice(&tensor.values),
                StateEntry::RunningVariance(number) => running[number].variance.copy_from_slice(&tensor.values),
                StateEntry::BatchesTracked(number) => {
                    running[number].batches = tensor.values.first().copied().and_then(count).unwrap_or(0);
                }
            }
        }
        self.parameters.version += 1;
        self.weight_sets = WeightSets::default();
        Ok(report)
    }

    /// Replaces the training's state, all of it or nothing: the optimizer's memory, and the sets of weights beside those
    /// that answer, which must be [loaded](Self::load) before: empty tensors of the other sets are theirs. Tensors without the
    /// prefix `optimizer.` are ignored.
    ///
    /// # Errors
    /// [`EngineError::InvalidCheckpoint`] naming a tensor that is missing, unknown, of another shape or not finite.
    pub fn load_optimizer(&mut self, tensors: &[NamedTensor]) -> Result<(), EngineError> {
        let given: Vec<&NamedTensor> = tensors.iter().filter(|tensor| tensor.name.starts_with(PREFIX)).collect();
        let (weight_sets, rest) = WeightSets::from_tensors(&self.plan, &self.parameters, &given)?;
        self.optimizer = OptimizerState::from_tensors(&self.plan.parameters, &rest)?;
        self.weight_sets = weight_sets;
        Ok(())
    }
}

fn check_values(tensor: &NamedTensor, entry: StateEntry, length: usize) -> Result<(), EngineError> {
    let NamedTensor { name, values, .. } = tensor;
    if values.len() != length {
        return Err(wrong(name, &format!("{length} values"), &values.len().to_string()));
    }
    if let Some(value) = values.iter().find(|value| !value.is_finite()) {
        return Err(wrong(name, "finite values", &value.to_string()));
    }
    match entry {
        StateEntry::RunningVariance(_) => match values.iter().find(|&&value| value < 0.0) {
            Some(value) => Err(wrong(name, "variances of 0 or above", &value.to_string())),
            None => Ok(()),
        },
        StateEntry::BatchesTracked(_) if count(values[0]).is_none() => {
            Err(wrong(name, "a whole number", &values[0].to_string()))
        }
        _ => Ok(()),
    }
}

fn wrong(name: &str, expected: &str, found: &str) -> EngineError {
    EngineError::InvalidWeights { name: name.into(), expected: expected.into(), found: found.into() }
}

//! Parameters, statistics and optimizer state in and out, by `PyTorch`'s names.

use super::Network;
use crate::EngineError;
use crate::optimizer::OptimizerState;
use crate::parameters::StateEntry;
use crate::tensor::{LoadReport, Mismatch, NamedTensor, count};
use std::collections::HashSet;

impl Network {
    /// Everything `state_dict()` would hold, in its order; with the optimizer's tensors (`optimizer.…`) if asked for.
    #[must_use]
    pub fn state(&self, include_optimizer: bool) -> Vec<NamedTensor> {
        let entries = self.plan.state.iter().map(|(name, entry)| {
            let running = &self.parameters.running;
            let values = match *entry {
                StateEntry::Parameter(number) => self.parameters.values[number].clone(),
                StateEntry::RunningMean(number) => running[number].mean.clone(),
                StateEntry::RunningVariance(number) => running[number].variance.clone(),
                #[expect(clippy::cast_precision_loss, reason = "batches are counted exactly up to 2^24")]
                StateEntry::BatchesTracked(number) => vec![running[number].batches as f32],
            };
            NamedTensor { name: name.clone(), shape: self.shape_of(*entry), values }
        });
        let mut tensors: Vec<NamedTensor> = entries.collect();
        if include_optimizer {
            tensors.extend(self.optimizer.tensors(&self.plan.parameters));
        }
        tensors
    }

    /// Replaces every parameter and statistic that is given by its name and in its shape; says what was left.
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
            let shape = self.shape_of(*entry);
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
        Ok(report)
    }

    /// Replaces the optimizer's state, all of it or nothing; tensors without the prefix `optimizer.` are ignored.
    ///
    /// # Errors
    /// [`EngineError::InvalidCheckpoint`] naming a tensor that is missing, unknown, of another shape or not finite.
    pub fn load_optimizer(&mut self, tensors: &[NamedTensor]) -> Result<(), EngineError> {
        self.optimizer = OptimizerState::from_tensors(&self.plan.parameters, tensors)?;
        Ok(())
    }

    fn shape_of(&self, entry: StateEntry) -> Vec<usize> {
        match entry {
            StateEntry::Parameter(number) => self.plan.parameters[number].shape.clone(),
            StateEntry::RunningMean(number) | StateEntry::RunningVariance(number) => {
                vec![self.plan.running[number]]
            }
            StateEntry::BatchesTracked(_) => Vec::new(),
        }
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

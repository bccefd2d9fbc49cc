//! What an optimizer remembers of every parameter, and its tensors in a checkpoint.

use super::OptimizerSpec;
use crate::EngineError;
use crate::floats::zeros;
use crate::parameters::{ParameterSpec, Parameters};
use crate::step::StepOptions;
use crate::tensor::{NamedTensor, count, has_shape};
use jpegnet_kernels::{Adam, Isa, Sgd};
use rayon::prelude::*;

/// Before the names of all tensors of a training's state.
pub(crate) const PREFIX: &str = "optimizer.";

/// The tensor that counts the steps done.
pub(crate) const STEP: &str = "optimizer.step";

/// How many parameters one task updates.
const PARAMETERS_A_TASK: usize = 1 << 15;

/// What an optimizer remembers between steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct OptimizerState {
    /// Steps done.
    pub(crate) step: u64,
    /// Of each parameter; empty before the first step.
    memory: Vec<Memory>,
}

/// What is remembered of one parameter.
#[derive(Clone, Debug, Default, PartialEq)]
enum Memory {
    /// The optimizer needs none, or the parameter is frozen.
    #[default]
    Nothing,
    Velocity(Vec<f32>),
    Moments {
        first: Vec<f32>,
        second: Vec<f32>,
        /// Steps done before the parameter's first, when it was frozen: they do not count in its bias corrections.
        missed: u64,
    },
}

impl OptimizerState {
    /// Updates every parameter that is not frozen by its gradient. Memory of another kind of optimizer is dropped first,
    /// and that of frozen parameters.
    ///
    /// # Errors
    /// [`EngineError::OutOfMemory`], before anything is changed.
    pub(crate) fn update(
        &mut self,
        options: &StepOptions,
        isa: Isa,
        parameters: &mut Parameters,
    ) -> Result<(), EngineError> {
        let of_another_kind = |memory: &Memory| match (&options.optimizer, memory) {
            (_, Memory::Nothing) => false,
            (OptimizerSpec::Sgd { .. }, memory) => !matches!(memory, Memory::Velocity(_)),
            (OptimizerSpec::Adam { .. }, memory) => !matches!(memory, Memory::Moments { .. }),
        };
        let anew = self.memory.iter().any(of_another_kind);
        let done = if anew { 0 } else { self.step };
        let is_new = |number: usize| anew || matches!(self.memory.get(number), None | Some(Memory::Nothing));
        let new_memory = |(number, values): (usize, &Vec<f32>)| match options.update_of(number) {
            Some(update) if is_new(number) => Ok(Some(Memory::new(&update, done, values.len())?)),
            _ => Ok(None),
        };
        let new: Vec<Option<Memory>> =
            parameters.values.iter().enumerate().map(new_memory).collect::<Result<_, EngineError>>()?;
        self.memory.resize(parameters.values.len(), Memory::Nothing);
        for (memory, new) in self.memory.iter_mut().zip(new) {
            if let Some(new) = new {
                *memory = new;
            }
        }
        self.step = done + 1;
        let values = parameters.values.par_iter_mut().zip(&parameters.gradients);
        values.zip(&mut self.memory).enumerate().for_each(|(number, ((values, gradient), memory))| {
            match options.update_of(number) {
                Some(update) => memory.update(&update, isa, done, values, gradient),
                None => *memory = Memory::Nothing,
            }
        });
        parameters.version += 1;
        Ok(())
    }

    /// The state as named tensors: `optimizer.step`, and one tensor a parameter and moment, empty for frozen parameters.
    pub(crate) fn tensors(&self, specs: &[ParameterSpec]) -> Vec<NamedTensor> {
        let mut tensors = vec![scalar(STEP.into(), self.step)];
        for moment in MOMENTS {
            if !self.memory.iter().any(|memory| memory.moment(moment).is_some()) {
                continue;
            }
            for (spec, memory) in specs.iter().zip(&self.memory) {
                let (shape, values) = match memory.moment(moment) {
                    Some(values) => (spec.shape.clone(), values.clone()),
                    None => (vec![0], Vec::new()),
                };
                tensors.push(NamedTensor { name: format!("{PREFIX}{}.{moment}", spec.name), shape, values });
            }
        }
        for (spec, memory) in specs.iter().zip(&self.memory) {
            if let Memory::Moments { missed: missed @ 1.., .. } = memory {
                tensors.push(scalar(format!("{PREFIX}{}.{MISSED}", spec.name), *missed));
            }
        }
        tensors
    }

    /// A state from its named tensors, all of which must be its own.
    ///
    /// # Errors
    /// [`EngineError::InvalidCheckpoint`] if a tensor is missing, unknown, of another shape or not finite.
    pub(crate) fn from_tensors(specs: &[ParameterSpec], tensors: &[&NamedTensor]) -> Result<Self, EngineError> {
        let find = |name: &str| tensors.iter().find(|tensor| tensor.name == name).copied();
        let Some(step) = find(STEP) else {
            return Err(wrong(STEP, "the number of steps done", "nothing"));
        };
        let step = whole(step)?;
        let has = |moment: &str| tensors.iter().any(|tensor| tensor.name.ends_with(&format!(".{moment}")));
        let mut known = 1;
        let mut take = |spec: &ParameterSpec, moment: &str| -> Result<Option<Vec<f32>>, EngineError> {
            let name = format!("{PREFIX}{}.{moment}", spec.name);
            let expected = format!("a tensor of shape {:?}", spec.shape);
            let tensor = find(&name).ok_or_else(|| wrong(&name, &expected, "nothing"))?;
            known += 1;
            if has_shape(tensor, &[0]) {
                return Ok(None);
            }
            if !has_shape(tensor, &spec.shape) {
                return Err(wrong(&name, &expected, &format!("{:?}", tensor.shape)));
            }
            match tensor.values.iter().find(|value| !value.is_finite()) {
                Some(value) => Err(wrong(&name, "finite values", &value.to_string())),
                None => Ok(Some(tensor.values.clone())),
            }
        };
        let mut memory = Vec::new();
        if has(VELOCITY) {
            for spec in specs {
                memory.push(take(spec, VELOCITY)?.map_or(Memory::Nothing, Memory::Velocity));
            }
        } else if has(FIRST) || has(SECOND) {
            for spec in specs {
                memory.push(match (take(spec, FIRST)?, take(spec, SECOND)?) {
                    (Some(first), Some(second)) => Memory::Moments { first, second, missed: 0 },
                    (None, None) => Memory::Nothing,
                    _ => {
                        let name = format!("{PREFIX}{}.{SECOND}", spec.name);
                        return Err(wrong(&name, "both moments, or none of a frozen parameter", "one"));
                    }
                });
            }
        }
        for (spec, memory) in specs.iter().zip(&mut memory) {
            if let (Memory::Moments { missed, .. }, Some(tensor)) =
                (memory, find(&format!("{PREFIX}{}.{MISSED}", spec.name)))
            {
                known += 1;
                *missed = whole(tensor)?;
                if *missed > step {
                    return Err(wrong(&tensor.name, &format!("at most the {step} steps done"), &missed.to_string()));
                }
            }
        }
        if tensors.len() != known {
            let expected = format!("the {known} tensors of this network's optimizer");
            return Err(wrong("optimizer", &expected, &tensors.len().to_string()));
        }
        Ok(OptimizerState { step, memory })
    }

    pub(crate) fn bytes(&self) -> usize {
        let floats = |memory: &Memory| match memory {
            Memory::Nothing => 0,
            Memory::Velocity(velocity) => velocity.len(),
            Memory::Moments { first, second, .. } => first.len() + second.len(),
        };
        size_of::<f32>() * self.memory.iter().map(floats).sum::<usize>()
    }
}

/// Names of what is remembered, in the order of their tensors.
const MOMENTS: [&str; 3] = [VELOCITY, FIRST, SECOND];
const VELOCITY: &str = "velocity";
const FIRST: &str = "first_moment";
const SECOND: &str = "second_moment";
/// Name of the count of steps that a parameter was frozen in before its first.
pub(crate) const MISSED: &str = "missed_steps";

impl Memory {
    /// What is remembered of a parameter before its first update, after so many steps.
    fn new(spec: &OptimizerSpec, done: u64, length: usize) -> Result<Memory, EngineError> {
        Ok(match *spec {
            OptimizerSpec::Sgd { momentum, .. } if momentum > 0.0 => Memory::Velocity(zeros(length)?),
            OptimizerSpec::Sgd { .. } => Memory::Nothing,
            OptimizerSpec::Adam { .. } => {
                Memory::Moments { first: zeros(length)?, second: zeros(length)?, missed: done }
            }
        })
    }

    /// Updates one parameter, after so many steps.
    fn update(&mut self, spec: &OptimizerSpec, isa: Isa, done: u64, values: &mut [f32], gradient: &[f32]) {
        let parts = parts(values).zip(gradient.par_chunks(PARAMETERS_A_TASK));
        match (*spec, self) {
            (OptimizerSpec::Sgd { learning_rate, momentum, nesterov, weight_decay }, memory) => {
                let sgd = Sgd { learning_rate, momentum, weight_decay, nesterov };
                // A velocity starts at zero, so its first step is like any other.
                match memory {
                    Memory::Velocity(velocity) if momentum > 0.0 => {
                        parts.zip(self::parts(velocity)).for_each(|((values, gradient), velocity)| {
                            sgd.update(isa, values, gradient, velocity, false);
                        });
                    }
                    _ => parts.for_each(|(values, gradient)| sgd.update(isa, values, gradient, &mut [], false)),
                }
            }
            (
                OptimizerSpec::Adam { learning_rate, beta1, beta2, epsilon, weight_decay, decoupled },
                Memory::Moments { first, second, missed },
            ) => {
                let adam = Adam { learning_rate, beta1, beta2, epsilon, weight_decay, decoupled };
                let step = done + 1 - *missed;
                parts.zip(self::parts(first)).zip(self::parts(second)).for_each(
                    |(((values, gradient), first), second)| {
                        adam.update(isa, step, values, gradient, first, second);
                    },
                );
            }
            (OptimizerSpec::Adam { .. }, _) => unreachable!("moments were made before"),
        }
    }

    fn moment(&self, name: &str) -> Option<&Vec<f32>> {
        match self {
            Memory::Velocity(velocity) if name == VELOCITY => Some(velocity),
            Memory::Moments { first, .. } if name == FIRST => Some(first),
            Memory::Moments { second, .. } if name == SECOND => Some(second),
            _ => None,
        }
    }
}

fn parts(values: &mut [f32]) -> rayon::slice::ChunksMut<'_, f32> {
    values.par_chunks_mut(PARAMETERS_A_TASK)
}

/// A count as a tensor.
#[expect(clippy::cast_precision_loss, reason = "steps are counted exactly up to 2^24")]
pub(crate) fn scalar(name: String, count: u64) -> NamedTensor {
    NamedTensor { name, shape: Vec::new(), values: vec![count as f32] }
}

/// The count that a tensor carries.
pub(crate) fn whole(tensor: &NamedTensor) -> Result<u64, EngineError> {
    match tensor.values[..] {
        [value] => count(value).ok_or_else(|| wrong(&tensor.name, "a whole number", &value.to_string())),
        _ => Err(wrong(&tensor.name, "one value", &tensor.values.len().to_string())),
    }
}

pub(crate) fn wrong(name: &str, expected: &str, found: &str) -> EngineError {
    EngineError::InvalidCheckpoint { name: name.into(), expected: expected.into(), found: found.into() }
}

//! Optimizers: their options, and the state they keep between steps.

use crate::EngineError;
use crate::parameters::{ParameterSpec, Parameters};
use crate::tensor::{NamedTensor, has_shape};
use jpegnet_kernels::{Adam, Isa, Sgd};
use rayon::prelude::*;

/// Before the names of all tensors of an optimizer's state.
const PREFIX: &str = "optimizer.";

/// How many parameters one task updates.
const PARAMETERS_A_TASK: usize = 1 << 15;

/// How a step turns gradients into updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OptimizerSpec {
    /// Stochastic gradient descent, as `torch.optim.SGD`.
    Sgd {
        /// Step size, at least 0.
        learning_rate: f32,
        /// Velocity kept from the step before, 0 ≤ momentum < 1.
        momentum: f32,
        /// Whether to look ahead along the velocity.
        nesterov: bool,
        /// Pull towards zero, added to the gradient, at least 0.
        weight_decay: f32,
    },
    /// Adam, as `torch.optim.Adam`; or `AdamW`.
    Adam {
        /// Step size, at least 0.
        learning_rate: f32,
        /// Decay of the mean of gradients, 0 ≤ β₁ < 1.
        beta1: f64,
        /// Decay of the mean of squared gradients, 0 ≤ β₂ < 1.
        beta2: f64,
        /// Added to the root of the second moment, above 0.
        epsilon: f32,
        /// Pull towards zero, at least 0.
        weight_decay: f32,
        /// Whether the pull is taken from the parameter rather than added to the gradient (`AdamW`).
        decoupled: bool,
    },
}

impl OptimizerSpec {
    /// Checks every option's range.
    ///
    /// # Errors
    /// [`EngineError::InvalidOption`] naming the option, its range and what was found.
    pub fn validate(&self) -> Result<(), EngineError> {
        match *self {
            OptimizerSpec::Sgd { learning_rate, momentum, nesterov, weight_decay } => {
                not_negative("learningRate", learning_rate.into())?;
                fraction("momentum", momentum.into())?;
                not_negative("weightDecay", weight_decay.into())?;
                if nesterov && momentum == 0.0 {
                    return Err(invalid("momentum", "above 0 for Nesterov's look ahead", "0"));
                }
                Ok(())
            }
            OptimizerSpec::Adam { learning_rate, beta1, beta2, epsilon, weight_decay, .. } => {
                not_negative("learningRate", learning_rate.into())?;
                fraction("beta1", beta1)?;
                fraction("beta2", beta2)?;
                not_negative("weightDecay", weight_decay.into())?;
                if epsilon == 0.0 {
                    return Err(invalid("epsilon", "a finite number above 0", "0"));
                }
                not_negative("epsilon", epsilon.into())
            }
        }
    }
}

fn not_negative(option: &str, value: f64) -> Result<(), EngineError> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(invalid(option, "a finite number, 0 or above", &value.to_string()))
}

fn fraction(option: &str, value: f64) -> Result<(), EngineError> {
    if (0.0..1.0).contains(&value) {
        return Ok(());
    }
    Err(invalid(option, "a number from 0 to below 1", &value.to_string()))
}

fn invalid(option: &str, expected: &str, found: &str) -> EngineError {
    EngineError::InvalidOption { option: option.into(), expected: expected.into(), found: found.into() }
}

/// What an optimizer remembers: one tensor a parameter for each of its moments.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct OptimizerState {
    /// Steps done.
    pub(crate) step: u64,
    memory: Memory,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum Memory {
    #[default]
    Nothing,
    Velocity(Vec<Vec<f32>>),
    Moments {
        first: Vec<Vec<f32>>,
        second: Vec<Vec<f32>>,
    },
}

impl OptimizerState {
    /// Updates every parameter by its gradient. A state of another kind of optimizer is dropped first.
    pub(crate) fn update(&mut self, spec: &OptimizerSpec, isa: Isa, parameters: &mut Parameters) {
        let zeros = |parameters: &Parameters| -> Vec<Vec<f32>> {
            parameters.values.iter().map(|values| vec![0.0; values.len()]).collect()
        };
        match spec {
            OptimizerSpec::Sgd { momentum, .. } => {
                if matches!(self.memory, Memory::Moments { .. }) {
                    *self = OptimizerState::default();
                }
                if *momentum > 0.0 && self.memory == Memory::Nothing {
                    self.memory = Memory::Velocity(zeros(parameters));
                }
            }
            OptimizerSpec::Adam { .. } => {
                if !matches!(self.memory, Memory::Moments { .. }) {
                    let (first, second) = (zeros(parameters), zeros(parameters));
                    *self = OptimizerState { step: 0, memory: Memory::Moments { first, second } };
                }
            }
        }
        self.step += 1;
        self.update_all(spec, isa, parameters);
        parameters.version += 1;
    }

    fn update_all(&mut self, spec: &OptimizerSpec, isa: Isa, parameters: &mut Parameters) {
        let step = self.step;
        let values = parameters.values.par_iter_mut().zip(&parameters.gradients);
        match (*spec, &mut self.memory) {
            (OptimizerSpec::Sgd { learning_rate, momentum, nesterov, weight_decay }, memory) => {
                let sgd = Sgd { learning_rate, momentum, weight_decay, nesterov };
                match memory {
                    Memory::Velocity(velocity) if momentum > 0.0 => {
                        values.zip(velocity).for_each(|((values, gradient), velocity)| {
                            parts(values).zip(gradient.par_chunks(PARAMETERS_A_TASK)).zip(parts(velocity)).for_each(
                                |((values, gradient), velocity)| {
                                    // The velocity starts at zero, so the first step is like any other.
                                    sgd.update(isa, values, gradient, velocity, false);
                                },
                            );
                        });
                    }
                    _ => values.for_each(|(values, gradient)| {
                        parts(values).zip(gradient.par_chunks(PARAMETERS_A_TASK)).for_each(|(values, gradient)| {
                            sgd.update(isa, values, gradient, &mut [], false);
                        });
                    }),
                }
            }
            (
                OptimizerSpec::Adam { learning_rate, beta1, beta2, epsilon, weight_decay, decoupled },
                Memory::Moments { first, second },
            ) => {
                let adam = Adam { learning_rate, beta1, beta2, epsilon, weight_decay, decoupled };
                values.zip(first).zip(second).for_each(|(((values, gradient), first), second)| {
                    parts(values)
                        .zip(gradient.par_chunks(PARAMETERS_A_TASK))
                        .zip(parts(first))
                        .zip(parts(second))
                        .for_each(|(((values, gradient), first), second)| {
                            adam.update(isa, step, values, gradient, first, second);
                        });
                });
            }
            (OptimizerSpec::Adam { .. }, _) => unreachable!("moments were made before"),
        }
    }

    /// The state as named tensors: `optimizer.step`, and one tensor a parameter and moment.
    pub(crate) fn tensors(&self, specs: &[ParameterSpec]) -> Vec<NamedTensor> {
        #[expect(clippy::cast_precision_loss, reason = "steps are counted exactly up to 2^24")]
        let step = NamedTensor { name: format!("{PREFIX}step"), shape: Vec::new(), values: vec![self.step as f32] };
        let mut tensors = vec![step];
        let moments: &[(&str, &Vec<Vec<f32>>)] = match &self.memory {
            Memory::Nothing => &[],
            Memory::Velocity(velocity) => &[("velocity", velocity)],
            Memory::Moments { first, second } => &[("first_moment", first), ("second_moment", second)],
        };
        for (moment, values) in moments {
            for (spec, values) in specs.iter().zip(*values) {
                let name = format!("{PREFIX}{}.{moment}", spec.name);
                tensors.push(NamedTensor { name, shape: spec.shape.clone(), values: values.clone() });
            }
        }
        tensors
    }

    /// A state from its named tensors; tensors without the prefix are not its concern.
    ///
    /// # Errors
    /// [`EngineError::InvalidCheckpoint`] if a tensor is missing, unknown, of another shape or not finite.
    pub(crate) fn from_tensors(specs: &[ParameterSpec], tensors: &[NamedTensor]) -> Result<Self, EngineError> {
        let given: Vec<&NamedTensor> = tensors.iter().filter(|tensor| tensor.name.starts_with(PREFIX)).collect();
        let find = |name: &str| given.iter().find(|tensor| tensor.name == name);
        let step_name = format!("{PREFIX}step");
        let Some(step) = find(&step_name) else {
            return Err(wrong(&step_name, "the number of steps done", "nothing"));
        };
        let step = match step.values[..] {
            [value] => {
                crate::tensor::count(value).ok_or_else(|| wrong(&step_name, "a whole number", &value.to_string()))
            }
            _ => Err(wrong(&step_name, "one value", &step.values.len().to_string())),
        }?;
        let has = |moment: &str| given.iter().any(|tensor| tensor.name.ends_with(&format!(".{moment}")));
        let collect = |moment: &str| -> Result<Vec<Vec<f32>>, EngineError> {
            specs
                .iter()
                .map(|spec| {
                    let name = format!("{PREFIX}{}.{moment}", spec.name);
                    let expected = format!("a tensor of shape {:?}", spec.shape);
                    let tensor = find(&name).ok_or_else(|| wrong(&name, &expected, "nothing"))?;
                    if !has_shape(tensor, &spec.shape) {
                        return Err(wrong(&name, &expected, &format!("{:?}", tensor.shape)));
                    }
                    match tensor.values.iter().find(|value| !value.is_finite()) {
                        Some(value) => Err(wrong(&name, "finite values", &value.to_string())),
                        None => Ok(tensor.values.clone()),
                    }
                })
                .collect()
        };
        let (memory, count) = if has("velocity") {
            (Memory::Velocity(collect("velocity")?), 1 + specs.len())
        } else if has("first_moment") || has("second_moment") {
            let (first, second) = (collect("first_moment")?, collect("second_moment")?);
            (Memory::Moments { first, second }, 1 + 2 * specs.len())
        } else {
            (Memory::Nothing, 1)
        };
        if given.len() != count {
            let expected = format!("the {count} tensors of this network's optimizer");
            return Err(wrong("optimizer", &expected, &given.len().to_string()));
        }
        Ok(OptimizerState { step, memory })
    }

    pub(crate) fn bytes(&self) -> usize {
        let floats = |tensors: &[Vec<f32>]| tensors.iter().map(Vec::len).sum::<usize>();
        size_of::<f32>()
            * match &self.memory {
                Memory::Nothing => 0,
                Memory::Velocity(velocity) => floats(velocity),
                Memory::Moments { first, second } => floats(first) + floats(second),
            }
    }
}

fn parts(values: &mut [f32]) -> rayon::slice::ChunksMut<'_, f32> {
    values.par_chunks_mut(PARAMETERS_A_TASK)
}

fn wrong(name: &str, expected: &str, found: &str) -> EngineError {
    EngineError::InvalidCheckpoint { name: name.into(), expected: expected.into(), found: found.into() }
}

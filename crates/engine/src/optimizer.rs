//! Optimizers: their options, and the state they keep between steps.

mod state;

use crate::EngineError;
pub(crate) use state::{MISSED, OptimizerState, PREFIX, STEP, scalar, whole, wrong};

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

/// A parameter's own step size and decay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Step size, at least 0.
    pub learning_rate: f32,
    /// Pull towards zero, at least 0.
    pub weight_decay: f32,
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

    /// The same with another step size and decay.
    pub(crate) fn with_rates(self, Rates { learning_rate, weight_decay }: Rates) -> Self {
        match self {
            OptimizerSpec::Sgd { momentum, nesterov, .. } => {
                OptimizerSpec::Sgd { learning_rate, momentum, nesterov, weight_decay }
            }
            OptimizerSpec::Adam { beta1, beta2, epsilon, decoupled, .. } => {
                OptimizerSpec::Adam { learning_rate, beta1, beta2, epsilon, weight_decay, decoupled }
            }
        }
    }
}

pub(crate) fn not_negative(option: &str, value: f64) -> Result<(), EngineError> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(invalid(option, "a finite number, 0 or above", &value.to_string()))
}

pub(crate) fn fraction(option: &str, value: f64) -> Result<(), EngineError> {
    if (0.0..1.0).contains(&value) {
        return Ok(());
    }
    Err(invalid(option, "a number from 0 to below 1", &value.to_string()))
}

pub(crate) fn invalid(option: &str, expected: &str, found: &str) -> EngineError {
    EngineError::InvalidOption { option: option.into(), expected: expected.into(), found: found.into() }
}

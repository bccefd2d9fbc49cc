//! How one step goes: which pictures make a batch, what is lost, which gradients count and what they change.

use crate::EngineError;
use crate::operations::Operation;
use crate::optimizer::{OptimizerSpec, Rates, fraction, invalid, not_negative};
use crate::plan::{Node, Plan};
use crate::shape::Shape;

/// How one step goes.
#[derive(Clone, Debug, PartialEq)]
pub struct StepOptions {
    /// How gradients become updates.
    pub optimizer: OptimizerSpec,
    /// Pictures that are run, and normalised, together; the gradients of a step's batches are added up. Every picture of
    /// the step weighs the same, also where the last batch is smaller. All are one batch if none.
    pub batch: Option<usize>,
    /// ε of `torch.nn.CrossEntropyLoss(label_smoothing=ε)`, 0…1.
    pub label_smoothing: f32,
    /// What is done to large gradients.
    pub clipping: Clipping,
    /// For each parameter, in the order of [`Plan::parameter_names`], whether it stays as it is: no update, no decay, no
    /// memory of the optimizer, and no part of the gradient's norm. Empty: all learn.
    pub frozen: Vec<bool>,
    /// For each batch normalisation, in the order of the nodes, whether it normalises by its running statistics and
    /// leaves them, as at inference, instead of by the batch's. Empty: none does.
    pub fixed_statistics: Vec<bool>,
    /// Each parameter's own step size and decay instead of the optimizer's. Empty: the optimizer's for all.
    pub rates: Vec<Rates>,
    /// Decay of the moving average of the weights, 0 ≤ decay < 1; none keeps no average.
    pub average: Option<f64>,
    /// How the maps are kept that the backward pass reads again.
    pub storage: Storage,
}

/// How the maps are kept that the backward pass reads again; all are computed in float32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Storage {
    /// As they are computed.
    #[default]
    Float32,
    /// Rounded to the upper 16 bits of a float32: half the memory, an error of at most 2⁻⁸ of each value.
    Bfloat16,
}

/// What is done to large gradients, after those of all batches are added up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Clipping {
    /// Nothing.
    #[default]
    None,
    /// All gradients are scaled so that the norm of all of them together is at most this
    /// (`torch.nn.utils.clip_grad_norm_`).
    Norm(f32),
    /// Every element is brought into ± this (`torch.nn.utils.clip_grad_value_`).
    Value(f32),
}

impl StepOptions {
    /// One batch, nothing smoothed, clipped, frozen or averaged.
    #[must_use]
    pub fn new(optimizer: OptimizerSpec) -> Self {
        StepOptions {
            optimizer,
            batch: None,
            label_smoothing: 0.0,
            clipping: Clipping::None,
            frozen: Vec::new(),
            fixed_statistics: Vec::new(),
            rates: Vec::new(),
            average: None,
            storage: Storage::Float32,
        }
    }

    /// Checks every option's range, and that lists have an entry for each of the plan's parameters or normalisations.
    ///
    /// # Errors
    /// [`EngineError::InvalidOption`] naming the option, its range and what was found.
    pub fn validate(&self, plan: &Plan) -> Result<(), EngineError> {
        self.optimizer.validate()?;
        if self.batch == Some(0) {
            return Err(invalid("batch", "at least 1 image", "0"));
        }
        if !(0.0..=1.0).contains(&self.label_smoothing) {
            return Err(invalid("labelSmoothing", "a number from 0 to 1", &self.label_smoothing.to_string()));
        }
        match self.clipping {
            Clipping::Norm(limit) | Clipping::Value(limit) if !(limit.is_finite() && limit > 0.0) => {
                return Err(invalid("clip", "a finite number above 0", &limit.to_string()));
            }
            _ => {}
        }
        self.average.map_or(Ok(()), |decay| fraction("average.decay", decay))?;
        let parameters = plan.parameters.len();
        for (option, length, expected) in [
            ("frozen", self.frozen.len(), parameters),
            ("rates", self.rates.len(), parameters),
            ("fixedStatistics", self.fixed_statistics.len(), plan.running.len()),
        ] {
            if length != 0 && length != expected {
                return Err(invalid(option, &format!("{expected} entries, or none"), &length.to_string()));
            }
        }
        for rates in &self.rates {
            not_negative("learningRate", rates.learning_rate.into())?;
            not_negative("weightDecay", rates.weight_decay.into())?;
        }
        Ok(())
    }

    /// Whether a parameter stays as it is.
    pub(crate) fn is_frozen(&self, parameter: usize) -> bool {
        self.frozen.get(parameter).copied().unwrap_or(false)
    }

    /// How a parameter is updated; none if it stays as it is.
    pub(crate) fn update_of(&self, parameter: usize) -> Option<OptimizerSpec> {
        if self.is_frozen(parameter) {
            return None;
        }
        Some(self.rates.get(parameter).map_or(self.optimizer, |rates| self.optimizer.with_rates(*rates)))
    }
}

impl Plan {
    /// Names of all parameters, in the order in which per-parameter options count them.
    pub fn parameter_names(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().map(|parameter| parameter.name.as_str())
    }

    /// Numbers of a node's parameters, and of its running statistics if it has any; none if there is no such node.
    #[must_use]
    pub fn learned_by(&self, path: &str) -> Option<(Vec<usize>, Option<usize>)> {
        let node = self.nodes.iter().find(|node| node.path == path)?;
        Some(match node.operation {
            Operation::Conv2d { weight, bias, .. } | Operation::Linear { weight, bias, .. } => {
                ([Some(weight), bias].into_iter().flatten().collect(), None)
            }
            Operation::BatchNorm { weight, bias, running, .. } => (vec![weight, bias], Some(running)),
            _ => (Vec::new(), None),
        })
    }

    /// How many features there are behind the nodes that are [settled](Self::settled); none if there are no such nodes.
    #[must_use]
    pub fn settled_features(&self, options: &StepOptions) -> Option<usize> {
        self.settled(options).map(|nodes| self.shapes[nodes].len())
    }

    /// The most nodes at the beginning whose joint output is a vector of features that no step with these options changes:
    /// they learn nothing, normalise by statistics that stay, and no later node reads what they make on the way.
    #[must_use]
    pub fn settled(&self, options: &StepOptions) -> Option<usize> {
        let stays = |node: &Node| {
            let learns = node.operation.parameters().any(|parameter| !options.is_frozen(parameter));
            let moves = match node.operation {
                Operation::BatchNorm { running, .. } => {
                    !options.fixed_statistics.get(running).copied().unwrap_or(false)
                }
                _ => false,
            };
            !learns && !moves
        };
        let settled = self.nodes.iter().take_while(|node| stays(node)).count();
        let is_cut = |&nodes: &usize| {
            let reads = self.nodes[nodes..].iter().flat_map(|node| &node.inputs);
            matches!(self.shapes[nodes], Shape::Features(_)) && reads.into_iter().all(|&value| value >= nodes)
        };
        (1..=settled.min(self.nodes.len().saturating_sub(1))).rev().find(is_cut)
    }

    /// Batch normalisations, each of which keeps running statistics.
    #[must_use]
    pub fn normalisations(&self) -> usize {
        self.running.len()
    }
}

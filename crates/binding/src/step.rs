//! What a training step is told, and what it tells.

use crate::failure::BindingFailure;
use jpegnet_engine::{
    Clipping, OptimizerSpec, Plan, PlannedTraining, Rates, StepOptions, StepReport, Storage, TrainingMemory,
};
use napi_derive::napi;

/// How one step goes.
#[napi(object)]
#[derive(Clone, Debug)]
pub struct BindingStepOptions {
    /// `sgd`, `adam` or `adamw`.
    #[napi(ts_type = "'sgd' | 'adam' | 'adamw'")]
    pub optimizer: String,
    /// Step size.
    pub learning_rate: f64,
    /// Velocity kept (SGD).
    pub momentum: Option<f64>,
    /// Whether to look ahead (SGD).
    pub nesterov: Option<bool>,
    /// Decay of the first moment (Adam).
    pub beta1: Option<f64>,
    /// Decay of the second moment (Adam).
    pub beta2: Option<f64>,
    /// Added to the root of the second moment (Adam).
    pub epsilon: Option<f64>,
    /// Pull towards zero.
    pub weight_decay: Option<f64>,
    /// Pictures that are run together; all of the step unless given.
    pub batch: Option<u32>,
    /// Share of the loss's target that all classes have alike.
    pub label_smoothing: Option<f64>,
    /// Largest norm of all gradients together; not with `clipValue`.
    pub clip_norm: Option<f64>,
    /// Largest absolute value of a gradient's element.
    pub clip_value: Option<f64>,
    /// Decay of the weights' moving average; none is kept unless given.
    pub average: Option<f64>,
    /// How the maps are kept that the backward pass reads again: `float32` unless given, or `bfloat16`.
    pub storage: Option<String>,
    /// Layers that go another way than the rest.
    pub layers: Option<Vec<BindingLayerOptions>>,
}

/// How a step treats one layer.
#[napi(object)]
#[derive(Clone, Debug)]
pub struct BindingLayerOptions {
    /// `PyTorch`'s module path.
    pub path: String,
    /// Whether its parameters stay as they are.
    pub frozen: Option<bool>,
    /// Whether it normalises by its running statistics, which stay.
    pub fixed_statistics: Option<bool>,
    /// Its own step size.
    pub learning_rate: Option<f64>,
    /// Its own pull towards zero.
    pub weight_decay: Option<f64>,
}

/// What a step saw, before its update.
#[napi(object)]
#[derive(Clone, Copy, Debug)]
pub struct BindingStep {
    /// Mean loss of its pictures.
    pub loss: f64,
    /// Images whose largest logit was their label's.
    pub correct: u32,
    /// Norm of all gradients together, before clipping.
    pub gradient_norm: f64,
}

impl From<StepReport> for BindingStep {
    fn from(StepReport { loss, correct, gradient_norm }: StepReport) -> Self {
        BindingStep { loss, correct: u32::try_from(correct).unwrap_or(u32::MAX), gradient_norm }
    }
}

/// A training whose memory is asked for.
#[napi(object)]
#[derive(Clone, Copy, Debug)]
pub struct BindingPlannedTraining {
    /// Pictures of a step.
    pub images: u32,
    /// Pictures of a call that tests it; 0 if none does.
    pub tested: u32,
    /// Whether the weights of the best epoch are kept.
    pub keeps_best: bool,
}

impl From<BindingPlannedTraining> for PlannedTraining {
    fn from(BindingPlannedTraining { images, tested, keeps_best }: BindingPlannedTraining) -> Self {
        PlannedTraining { images: images as usize, tested: tested as usize, keeps_best }
    }
}

/// Bytes that a training takes, by what they are for.
#[napi(object)]
#[derive(Clone, Copy, Debug)]
pub struct BindingTrainingMemory {
    /// Weights, biases and running statistics.
    pub weights: f64,
    /// Their gradients.
    pub gradients: f64,
    /// What the optimizer remembers of them.
    pub optimizer: f64,
    /// Other sets of weights: the average, the best.
    pub copies: f64,
    /// Maps of a batch, their gradients and all that goes with them.
    pub maps: f64,
    /// The same of a test.
    pub test: f64,
    /// All tensors once more, while they are written to a file.
    pub saving: f64,
}

impl From<TrainingMemory> for BindingTrainingMemory {
    fn from(memory: TrainingMemory) -> Self {
        BindingTrainingMemory {
            weights: memory.weights as f64,
            gradients: memory.gradients as f64,
            optimizer: memory.optimizer as f64,
            copies: memory.copies as f64,
            maps: memory.maps as f64,
            test: memory.test as f64,
            saving: memory.saving as f64,
        }
    }
}

fn storage(given: &BindingStepOptions) -> Result<Storage, BindingFailure> {
    match given.storage.as_deref() {
        None | Some("float32") => Ok(Storage::Float32),
        Some("bfloat16") => Ok(Storage::Bfloat16),
        Some(other) => Err(BindingFailure::invalid_option("storage", "float32 or bfloat16", other)),
    }
}

/// The engine's options of a step of this plan.
#[expect(clippy::cast_possible_truncation, reason = "options of a float32 update")]
pub(crate) fn step_options(given: &BindingStepOptions, plan: &Plan) -> Result<StepOptions, BindingFailure> {
    let clipping = match (given.clip_norm, given.clip_value) {
        (None, None) => Clipping::None,
        (Some(limit), None) => Clipping::Norm(limit as f32),
        (None, Some(limit)) => Clipping::Value(limit as f32),
        (Some(_), Some(_)) => return Err(BindingFailure::invalid_option("clip", "a norm or a value", "both")),
    };
    let mut options = StepOptions {
        batch: given.batch.map(|batch| batch as usize),
        label_smoothing: given.label_smoothing.unwrap_or(0.0) as f32,
        clipping,
        average: given.average,
        storage: storage(given)?,
        ..StepOptions::new(optimizer(given)?)
    };
    let layers = given.layers.as_deref().unwrap_or_default();
    if layers.is_empty() {
        return Ok(options);
    }
    let parameters = plan.parameter_names().count();
    let (learning_rate, weight_decay) = (given.learning_rate as f32, given.weight_decay.unwrap_or(0.0) as f32);
    options.frozen = vec![false; parameters];
    options.rates = vec![Rates { learning_rate, weight_decay }; parameters];
    options.fixed_statistics = vec![false; plan.normalisations()];
    for layer in layers {
        let Some((parameters, running)) = plan.learned_by(&layer.path) else {
            return Err(BindingFailure::invalid_option("layers", "paths of layers", &layer.path));
        };
        for parameter in parameters {
            options.frozen[parameter] = layer.frozen.unwrap_or(false);
            let rates = &mut options.rates[parameter];
            rates.learning_rate = layer.learning_rate.map_or(rates.learning_rate, |rate| rate as f32);
            rates.weight_decay = layer.weight_decay.map_or(rates.weight_decay, |decay| decay as f32);
        }
        if let Some(running) = running {
            options.fixed_statistics[running] = layer.fixed_statistics.unwrap_or(false);
        }
    }
    Ok(options)
}

#[expect(clippy::cast_possible_truncation, reason = "options of a float32 update")]
fn optimizer(options: &BindingStepOptions) -> Result<OptimizerSpec, BindingFailure> {
    let learning_rate = options.learning_rate as f32;
    let weight_decay = options.weight_decay.unwrap_or(0.0) as f32;
    match options.optimizer.as_str() {
        "sgd" => Ok(OptimizerSpec::Sgd {
            learning_rate,
            momentum: options.momentum.unwrap_or(0.0) as f32,
            nesterov: options.nesterov.unwrap_or(false),
            weight_decay,
        }),
        "adam" | "adamw" => Ok(OptimizerSpec::Adam {
            learning_rate,
            beta1: options.beta1.unwrap_or(0.9),
            beta2: options.beta2.unwrap_or(0.999),
            epsilon: options.epsilon.unwrap_or(1e-8) as f32,
            weight_decay,
            decoupled: options.optimizer == "adamw",
        }),
        other => Err(BindingFailure::invalid_option("optimizer", "sgd, adam or adamw", other)),
    }
}

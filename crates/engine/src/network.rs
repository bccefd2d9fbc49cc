//! A network: a plan with its parameters, its memory and what it does.

mod gradients;
mod infer;
mod mode;
mod planned;
mod state;
mod train;
mod weight_sets;

pub use mode::InferenceMode;
pub use planned::{PlannedTraining, TrainingMemory};
pub use train::{LossAndGradients, StepReport};
pub(crate) use weight_sets::UPDATES;
pub use weight_sets::WeightSet;

use crate::EngineError;
use crate::input::InputTransforms;
use crate::layers::Layers;
use crate::optimizer::OptimizerState;
use crate::parameters::Parameters;
use crate::plan::Plan;
use crate::training::Training;
use crate::workspace::Workspaces;
use jpegnet_kernels::Isa;

/// A network that trains and predicts; it owns parameters, optimizer state and working memory.
#[derive(Debug)]
pub struct Network {
    plan: Plan,
    isa: Isa,
    parameters: Parameters,
    layers: Layers,
    optimizer: OptimizerState,
    weight_sets: weight_sets::WeightSets,
    earlier_batches: gradients::EarlierBatches,
    transforms: InputTransforms,
    inference: infer::Inference,
    /// Compiled at the first step: a network that only predicts needs none.
    trainer: Option<Box<Training>>,
    workspaces: Workspaces,
}

impl Network {
    /// A network with `PyTorch`'s default initial values: filters, weights and biases uniform in ±1/√`fan_in`, batch
    /// normalisation 1 and 0; the same for the same seed on every machine.
    #[must_use]
    pub fn new(plan: Plan, seed: u64, isa: Isa) -> Network {
        Network {
            parameters: Parameters::new(&plan.parameters, &plan.running, seed),
            layers: Layers::new(&plan),
            optimizer: OptimizerState::default(),
            weight_sets: weight_sets::WeightSets::default(),
            earlier_batches: gradients::EarlierBatches::default(),
            transforms: InputTransforms::default(),
            inference: infer::Inference::default(),
            trainer: None,
            workspaces: Workspaces::default(),
            plan,
            isa,
        }
    }

    /// The plan it was made from.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Steps the optimizer has done.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.optimizer.step
    }

    /// Bytes of native memory it holds now.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.parameters.bytes()
            + self.layers.bytes()
            + self.optimizer.bytes()
            + self.weight_sets.bytes()
            + self.earlier_batches.bytes()
            + self.inference.bytes()
            + self.trainer.as_ref().map_or(0, |training| training.bytes())
            + self.workspaces.bytes()
    }
}

fn check_batch(images: usize) -> Result<(), EngineError> {
    if images == 0 {
        return Err(EngineError::InvalidOption {
            option: "batch".into(),
            expected: "at least 1 image".into(),
            found: "0".into(),
        });
    }
    Ok(())
}

/// Refuses features where layers before them are to run.
fn features_given(expected: &str) -> EngineError {
    EngineError::InvalidOption { option: "pictures".into(), expected: expected.into(), found: "features".into() }
}

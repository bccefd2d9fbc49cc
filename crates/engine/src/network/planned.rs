//! What a training will take of memory, computed before any of it is.

use super::infer::compiled_for_estimate;
use super::mode::maskings;
use crate::EngineError;
use crate::inference::{Executor, Packed};
use crate::input::usual_pixel_scratch;
use crate::layers::fixed_nodes;
use crate::optimizer::OptimizerSpec;
use crate::parameters::ParameterSpec;
use crate::plan::Plan;
use crate::step::StepOptions;
use crate::training::{Part, Training, Wanted};
use jpegnet_kernels::Isa;

/// A training whose memory is asked for, beside how its steps go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedTraining {
    /// Pictures of a step.
    pub images: usize,
    /// Pictures of a call that tests it; 0 if none does.
    pub tested: usize,
    /// Whether the weights of the best epoch are kept.
    pub keeps_best: bool,
}

/// Bytes that a training takes, by what they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainingMemory {
    /// Weights, biases and running statistics.
    pub weights: usize,
    /// Their gradients; twice if a step has more than one batch.
    pub gradients: usize,
    /// What the optimizer remembers of them.
    pub optimizer: usize,
    /// Other sets of weights: the average, the best.
    pub copies: usize,
    /// Maps of a batch and their gradients, masks, packed filters, sums and scratch.
    pub maps: usize,
    /// The same of a test.
    pub test: usize,
    /// All tensors once more, while they are written to a file.
    pub saving: usize,
}

impl Plan {
    /// What a training takes on the threads at hand, pictures aside.
    ///
    /// # Errors
    /// As [`StepOptions::validate`].
    pub fn training_memory(
        &self,
        options: &StepOptions,
        training: PlannedTraining,
        isa: Isa,
    ) -> Result<TrainingMemory, EngineError> {
        options.validate(self)?;
        let PlannedTraining { images, tested, keeps_best } = training;
        let float = size_of::<f32>();
        let learned: usize = self.parameters.iter().map(ParameterSpec::len).sum();
        let learning = self.parameters.iter().enumerate().filter(|(number, _)| !options.is_frozen(*number));
        let learning: usize = learning.map(|(_, parameter)| parameter.len()).sum();
        let weights = float * (learned + 2 * self.running.iter().sum::<usize>());
        let batch = options.batch.unwrap_or(images).min(images);
        let remembered = match options.optimizer {
            OptimizerSpec::Sgd { momentum, .. } => usize::from(momentum > 0.0),
            OptimizerSpec::Adam { .. } => 2,
        };
        let optimizer = float * remembered * learning;
        let copies = weights * (usize::from(options.average.is_some()) + usize::from(keeps_best));
        let threads = rayon::current_num_threads();
        let expanding = usual_pixel_scratch(self.input(), self.input().height);
        let wanted = Wanted {
            part: Part::WHOLE,
            frozen: options.frozen.clone(),
            fixed: fixed_nodes(self, &options.fixed_statistics),
            storage: options.storage,
        };
        let training = Training::new(self, &maskings(self, None), wanted);
        let test = if tested == 0 {
            0
        } else {
            let compiled = compiled_for_estimate(self, isa, tested);
            Executor::planned_bytes(&compiled, expanding, threads) + Packed::planned_bytes(self, &compiled)
        };
        Ok(TrainingMemory {
            weights,
            gradients: float * learned * if images > batch { 2 } else { 1 },
            optimizer,
            copies,
            maps: training.planned_bytes(batch, expanding, threads),
            test,
            saving: weights + optimizer + copies,
        })
    }
}

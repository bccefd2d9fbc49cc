//! Inference: every image runs through the whole network while its maps are in the cache.

use super::{Network, check_batch, maskings};
use crate::EngineError;
use crate::input::Image;
use crate::ops::{FirstNotFinite, Pass};
use crate::program::Mode;
use crate::spec::MaskingSpec;
use rayon::prelude::*;

/// Masking of every nonlinearity for one prediction, instead of the definition's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaskingOverride {
    /// From which signal pieces are picked; the definition's if none, or the paper's ASM where the definition says exact
    /// but frequencies are given.
    pub masking: Option<MaskingSpec>,
    /// φ, 1…15; the definition's if none.
    pub frequencies: Option<usize>,
}

impl Network {
    /// Logits `[images, classes]` in inference mode: running statistics, folded into the convolutions. An image's logits
    /// do not depend on the others of its batch.
    ///
    /// # Errors
    /// [`EngineError::SizeMismatch`] naming the picture, [`EngineError::InvalidOption`] for frequencies outside 1…15 or
    /// no images, [`EngineError::NotFinite`] naming the first layer that overflowed.
    pub fn predict(&mut self, images: &[Image], masking: Option<MaskingOverride>) -> Result<Vec<f32>, EngineError> {
        check_batch(images.len())?;
        let change = masking.unwrap_or_default();
        if let Some(frequencies) = change.frequencies.filter(|frequencies| !(1..=15).contains(frequencies)) {
            return Err(EngineError::InvalidOption {
                option: "frequencies".into(),
                expected: "a whole number from 1 to 15".into(),
                found: frequencies.to_string(),
            });
        }
        let maskings = maskings(&self.plan, change);
        let input = self.transforms.batch(self.plan.input(), images)?;
        self.workspaces.prepare(self.inference.scratch.max(input.scratch()), Some(&self.inference))?;
        self.layers.prepare(&self.plan, &self.parameters, Mode::Inference);
        let pass = |search| Pass {
            plan: &self.plan,
            isa: self.isa,
            parameters: &self.parameters,
            layers: &self.layers,
            input: &input,
            labels: &[],
            maskings: &maskings,
            search,
        };
        let logits = self.run_inference(&pass(None), images.len());
        if logits.iter().all(|value| value.is_finite()) {
            return Ok(logits);
        }
        let search = FirstNotFinite::new();
        self.run_inference(&pass(Some(&search)), images.len());
        let node = search.node().unwrap_or(self.plan.nodes.len() - 1);
        Err(EngineError::NotFinite {
            path: self.plan.nodes[node].path.clone(),
            found: "an output that is infinite or not a number".into(),
            step: self.optimizer.step,
        })
    }

    fn run_inference(&self, pass: &Pass, batch: usize) -> Vec<f32> {
        let program = &self.inference;
        let classes = self.plan.classes();
        let mut logits = vec![0.0; batch * classes];
        logits.par_chunks_mut(classes).enumerate().for_each(|(image, logits)| {
            self.workspaces.lend(|workspace| {
                let mut chunk = workspace.arena.chunk(&program.places, &program.slots);
                chunk.first = image;
                for stage in &program.stages {
                    pass.run_image(stage, &mut chunk, 0, &[], &mut workspace.scratch);
                }
                logits.copy_from_slice(chunk.views.read(program.logits));
            });
        });
        logits
    }
}

//! Inference in a band: the forward half of training, with running statistics and every map truncated.

use super::Network;
use crate::EngineError;
use crate::arena::Arena;
use crate::chunks::Chunks;
use crate::input::{BatchInput, Image};
use crate::ops::{FirstNotFinite, LossTarget, Pass};
use crate::program::Program;
use jpegnet_kernels::Masking;
use rayon::prelude::*;

/// What band-limited inference keeps between calls.
#[derive(Debug, Default)]
pub(super) struct BandLimited {
    /// φ and the program for it.
    program: Option<(usize, Program)>,
    arena: Arena,
}

impl BandLimited {
    pub(super) fn bytes(&self) -> usize {
        self.arena.bytes()
    }
}

impl Network {
    /// Logits `[images, classes]` with every feature map truncated to `α + β < band`.
    pub(super) fn predict_band_limited(
        &mut self,
        images: &[Image],
        band: usize,
        maskings: &[Masking],
    ) -> Result<Vec<f32>, EngineError> {
        let input = self.transforms.batch(self.plan.input(), images)?;
        let BandLimited { program, arena } = &mut self.band_limited;
        let known = program.take().filter(|(known, _)| *known == band);
        let (_, program) = program.insert(known.unwrap_or_else(|| (band, Program::inference(&self.plan, Some(band)))));
        arena.prepare(program, images.len())?;
        self.workspaces.prepare(program.scratch.max(input.scratch()))?;
        self.layers.prepare(&self.plan, &self.parameters);
        self.layers.normalise_by_running(&self.plan, &self.parameters);
        let logits = self.run_band_limited(&input, maskings, None);
        if logits.iter().all(|value| value.is_finite()) {
            return Ok(logits);
        }
        let search = FirstNotFinite::new();
        self.run_band_limited(&input, maskings, Some(&search));
        let node = search.first().unwrap_or(self.plan.nodes.len() - 1);
        Err(EngineError::NotFinite {
            path: self.plan.nodes[node].path.clone(),
            found: "an output that is infinite or not a number".into(),
            step: self.optimizer.step,
        })
    }

    fn run_band_limited(
        &mut self,
        input: &BatchInput,
        maskings: &[Masking],
        search: Option<&FirstNotFinite>,
    ) -> Vec<f32> {
        let Network { plan, isa, parameters, layers, workspaces, band_limited, .. } = self;
        let BandLimited { program: Some((_, program)), arena } = band_limited else {
            unreachable!("compiled before");
        };
        let [stage] = program.stages.as_slice() else {
            unreachable!("without batch statistics nothing waits for other images");
        };
        let target = LossTarget::default();
        let pass = Pass { plan, isa: *isa, parameters, layers, input, labels: &[], target, maskings, search };
        let (chunks, _) = arena.chunks(program, stage, Chunks::new(input.len(), 0));
        let logits: Vec<Vec<f32>> = chunks
            .into_par_iter()
            .map(|mut chunk| {
                let mut logits = Vec::with_capacity(chunk.images * plan.classes());
                workspaces.lend(|workspace| {
                    for image in 0..chunk.images {
                        pass.run_image(stage, &mut chunk, image, &[], workspace);
                        logits.extend_from_slice(chunk.views.read(program.logits));
                    }
                });
                logits
            })
            .collect();
        logits.concat()
    }
}

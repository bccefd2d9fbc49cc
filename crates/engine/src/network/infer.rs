//! Inference: the network compiled for the batch at hand, its filters packed once.

use super::mode::{InferenceMode, band, maskings};
use super::{Network, check_batch};
use crate::EngineError;
use crate::inference::{
    Circumstances, Compiled, Executor, Machine, Packed, Run, StepSummary, compile, summarise, summarise_coefficients,
};
use crate::input::Image;
use crate::plan::Plan;
use jpegnet_kernels::{Isa, Masking};
use std::sync::atomic::AtomicUsize;

/// Compiled forms kept: batches of a size, the rest of a folder, single pictures, another mode.
const MOST_FORMS: usize = 4;

/// What inference keeps between calls.
#[derive(Debug, Default)]
pub(super) struct Inference {
    forms: Forms,
    packed: Packed,
    executor: Executor,
}

/// Compiled forms by maskings, batch and threads; the latest used last.
#[derive(Debug, Default)]
struct Forms(Vec<((Vec<Masking>, usize, usize), Compiled)>);

impl Forms {
    /// The form for a batch on the threads at hand, compiled if it is not known.
    fn get(&mut self, plan: &Plan, isa: Isa, maskings: Vec<Masking>, batch: usize) -> &Compiled {
        let key = (maskings, batch, rayon::current_num_threads());
        let form = match self.0.iter().position(|(known, _)| *known == key) {
            Some(position) => self.0.remove(position),
            None => {
                let machine = Machine::get(isa);
                let circumstances = Circumstances { batch: key.1, threads: key.2, maskings: &key.0, machine: &machine };
                let form = compile(plan, circumstances);
                (key, form)
            }
        };
        if self.0.len() == MOST_FORMS {
            self.0.remove(0);
        }
        let last = self.0.len();
        self.0.push(form);
        &self.0[last].1
    }
}

impl Inference {
    pub(super) fn bytes(&self) -> usize {
        self.packed.bytes() + self.executor.bytes()
    }
}

impl Network {
    /// What [`predict`](Self::predict) would do with a batch on the threads at hand: one line a step, in order.
    ///
    /// # Errors
    /// [`EngineError::InvalidOption`] for a mode that makes no sense or a batch of no images.
    pub fn steps_of(&mut self, batch: usize, mode: Option<InferenceMode>) -> Result<Vec<StepSummary>, EngineError> {
        check_batch(batch)?;
        mode.map_or(Ok(()), InferenceMode::validate)?;
        if band(&self.plan, mode).is_some() {
            return Ok(summarise_coefficients(&self.plan));
        }
        let maskings = maskings(&self.plan, mode);
        let compiled = self.inference.forms.get(&self.plan, self.isa, maskings, batch);
        Ok(summarise(&self.plan, compiled))
    }

    /// Logits `[images, classes]` in inference mode: running statistics, folded into the convolutions. An image's logits
    /// do not depend on the others of its batch.
    ///
    /// # Errors
    /// [`EngineError::SizeMismatch`] naming the picture, [`EngineError::InvalidOption`] for a mode that makes no sense
    /// or no images, [`EngineError::NotFinite`] naming the first layer that overflowed.
    pub fn predict(&mut self, images: &[Image], mode: Option<InferenceMode>) -> Result<Vec<f32>, EngineError> {
        check_batch(images.len())?;
        mode.map_or(Ok(()), InferenceMode::validate)?;
        let maskings = maskings(&self.plan, mode);
        if let Some(band) = band(&self.plan, mode) {
            return self.predict_band_limited(images, band, &maskings);
        }
        let input = self.transforms.batch(self.plan.input(), images)?;
        let Inference { forms, packed, executor } = &mut self.inference;
        let compiled = forms.get(&self.plan, self.isa, maskings, images.len());
        let filters = packed.prepare(&self.plan, &self.parameters, compiled)?;
        executor.prepare(compiled, &input)?;
        let run = |search| Run {
            plan: &self.plan,
            isa: self.isa,
            parameters: &self.parameters,
            compiled,
            filters: &filters,
            input: &input,
            search,
        };
        let logits = executor.run(&run(None));
        if logits.iter().all(|value| value.is_finite()) {
            return Ok(logits);
        }
        let search = AtomicUsize::new(usize::MAX);
        executor.run(&run(Some(&search)));
        let step = compiled.steps.get(search.into_inner());
        // The input is never at fault: pictures and normalisation are finite.
        let node = step.map_or(self.plan.nodes.len() - 1, |step| step.named_by);
        Err(EngineError::NotFinite {
            path: self.plan.nodes[node].path.clone(),
            found: "an output that is infinite or not a number".into(),
            step: self.optimizer.step,
        })
    }
}

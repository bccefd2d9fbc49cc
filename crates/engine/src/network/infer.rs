//! Inference: the network compiled for the batch at hand, its filters packed once.

use super::mode::{InferenceMode, band, maskings};
use super::{Network, check_batch};
use crate::EngineError;
use crate::inference::{
    Circumstances, Compiled, Executor, Machine, Packed, Run, StepSummary, compile, summarise, summarise_coefficients,
};
use crate::input::Image;
use crate::plan::Plan;
use crate::shape::Shape;
use jpegnet_kernels::{Extent, Isa, Masking};
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

/// What a form was compiled for: maskings, band, batch and threads.
type Key = (Vec<Masking>, Option<usize>, usize, usize);

/// Compiled forms; the latest used last.
#[derive(Debug, Default)]
struct Forms(Vec<(Key, Compiled)>);

impl Forms {
    /// The form for a batch on the threads at hand, compiled if it is not known.
    fn get(
        &mut self,
        plan: &Plan,
        isa: Isa,
        (maskings, band): (Vec<Masking>, Option<usize>),
        batch: usize,
    ) -> &Compiled {
        let key = (maskings, band, batch, rayon::current_num_threads());
        let known = self.0.iter().position(|(known, _)| *known == key);
        let form = if let Some(position) = known {
            self.0.remove(position)
        } else {
            let machine = Machine::get(isa);
            let (maskings, band, batch, threads) = (&key.0, key.1, key.2, key.3);
            let form = compile(plan, Circumstances { batch, threads, maskings, band, machine: &machine });
            (key, form)
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
        let (maskings, band) = (maskings(&self.plan, mode), band(&self.plan, mode));
        if band.is_some() && !has_band_kernels(&self.plan, &maskings) {
            return Ok(summarise_coefficients(&self.plan));
        }
        let compiled = self.inference.forms.get(&self.plan, self.isa, (maskings, band), batch);
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
        let (maskings, band) = (maskings(&self.plan, mode), band(&self.plan, mode));
        if let Some(band) = band.filter(|_| !has_band_kernels(&self.plan, &maskings)) {
            return self.predict_band_limited(images, band, &maskings);
        }
        let input = self.transforms.batch(self.plan.input(), images)?;
        let Inference { forms, packed, executor } = &mut self.inference;
        let compiled = forms.get(&self.plan, self.isa, (maskings, band), images.len());
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

/// Whether a band-limited network can run on band maps: every map fills its blocks, and no nonlinearity picks its pieces
/// from fewer frequencies than the band has. Others run on all coefficients, truncated.
fn has_band_kernels(plan: &Plan, maskings: &[Masking]) -> bool {
    let fills_blocks = |shape: &Shape| match *shape {
        Shape::Map { height, width, .. } => Extent { height, width }.fills_blocks(),
        Shape::Features(_) => true,
    };
    plan.shapes.iter().all(fills_blocks) && maskings.iter().all(|masking| *masking == Masking::Exact)
}

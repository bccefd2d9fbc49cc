//! Inference: the network compiled for the batch at hand, its filters packed once.

use super::mode::{InferenceMode, band, maskings};
use super::{Network, check_batch, features_given};
use crate::EngineError;
use crate::first_not_finite::FirstNotFinite;
use crate::inference::{
    Circumstances, Compiled, Executor, First, Machine, Observer, Packed, Run, Scatters, Sparsity, StepSummary,
    StepTimes, compile, summarise,
};
use crate::input::Image;
use crate::operations::Operation;
use crate::plan::Plan;
use crate::shape::Shape;
use jpegnet_kernels::pixels::coefficients_from_pixels_into;
use jpegnet_kernels::{BLOCK, Extent, Isa, Masking, ROW_MAJOR_TO_ZIGZAG};

/// Compiled forms kept: batches of a size, the rest of a folder, single pictures, another mode.
const MOST_FORMS: usize = 4;

/// What inference keeps between calls.
#[derive(Debug, Default)]
pub(super) struct Inference {
    forms: Forms,
    packed: Packed,
    scatters: Scatters,
    /// Of the last batch.
    sparsity: Option<Sparsity>,
    executor: Executor,
}

/// What a form was compiled for.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    maskings: Vec<Masking>,
    band: Option<usize>,
    batch: usize,
    threads: usize,
    sparsity: Option<Sparsity>,
    nodes: usize,
}

/// What a run is to compute, and how.
struct Wanted {
    maskings: Vec<Masking>,
    band: Option<usize>,
    /// Nodes of the plan that are run.
    nodes: usize,
}

impl Wanted {
    /// Logits, in a mode.
    fn logits(plan: &Plan, mode: Option<InferenceMode>) -> Wanted {
        Wanted { maskings: maskings(plan, mode), band: band(plan, mode), nodes: plan.nodes.len() }
    }
}

/// Compiled forms; the latest used last.
#[derive(Debug, Default)]
struct Forms(Vec<(Key, Compiled)>);

impl Forms {
    /// The form for a batch on the threads at hand, compiled if it is not known.
    fn get(
        &mut self,
        plan: &Plan,
        isa: Isa,
        Wanted { maskings, band, nodes }: Wanted,
        batch: usize,
        sparsity: Option<Sparsity>,
    ) -> &Compiled {
        let threads = rayon::current_num_threads();
        let key = Key { maskings, band, batch, threads, sparsity, nodes };
        let known = self.0.iter().position(|(known, _)| *known == key);
        let form = if let Some(position) = known {
            self.0.remove(position)
        } else {
            let machine = Machine::get(isa);
            let Key { maskings, .. } = &key;
            let circumstances = Circumstances { batch, threads, maskings, band, machine: &machine, sparsity, nodes };
            let form = compile(plan, circumstances);
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

/// A network as it is compiled for a batch of pictures of which nothing is known.
pub(super) fn compiled_for_estimate(plan: &Plan, isa: Isa, batch: usize) -> Compiled {
    let Wanted { maskings, band, nodes } = Wanted::logits(plan, None);
    let machine = Machine::get(isa);
    let threads = rayon::current_num_threads();
    let (maskings, machine) = (&maskings, &machine);
    compile(plan, Circumstances { batch, threads, maskings, band, machine, sparsity: None, nodes })
}

impl Network {
    /// What [`predict`](Self::predict) would do with a batch on the threads at hand, of pictures about as sparse as the last
    /// it was given: one line a step, in order.
    ///
    /// # Errors
    /// [`EngineError::InvalidOption`] for a mode that makes no sense or a batch of no images.
    pub fn steps_of(&mut self, batch: usize, mode: Option<InferenceMode>) -> Result<Vec<StepSummary>, EngineError> {
        check_batch(batch)?;
        mode.map_or(Ok(()), InferenceMode::validate)?;
        let wanted = Wanted::logits(&self.plan, mode);
        let sparsity = self.inference.sparsity.filter(|_| wanted.band.is_none());
        let compiled = self.inference.forms.get(&self.plan, self.isa, wanted, batch, sparsity);
        Ok(summarise(&self.plan, compiled))
    }

    /// Logits `[images, classes]` in inference mode: running statistics, folded into the convolutions. An image's logits
    /// do not depend on the others of its batch.
    ///
    /// # Errors
    /// [`EngineError::SizeMismatch`] naming the picture, [`EngineError::InvalidOption`] for a mode that makes no sense
    /// or no images, [`EngineError::NotFinite`] naming the first layer that overflowed.
    pub fn predict(&mut self, images: &[Image], mode: Option<InferenceMode>) -> Result<Vec<f32>, EngineError> {
        self.outputs(images, mode, self.plan.nodes.len())
    }

    /// What the last linear layer is given, `[images, features]`, in inference mode.
    ///
    /// # Errors
    /// As [`predict`](Self::predict); [`EngineError::InvalidDefinition`] if the network does not end in a linear layer.
    pub fn features(&mut self, images: &[Image], mode: Option<InferenceMode>) -> Result<Vec<f32>, EngineError> {
        let nodes = self.plan.nodes.len();
        let last = &self.plan.nodes[nodes - 1];
        // What it takes is the value before it: it has one input, and nothing before it is left unused.
        if !matches!(last.operation, Operation::Linear { .. }) {
            return Err(EngineError::InvalidDefinition {
                path: last.path.clone(),
                expected: "a network that ends in a linear layer, whose inputs are features".into(),
                found: "another layer".into(),
            });
        }
        self.outputs(images, mode, nodes - 1)
    }

    /// What the node of a path gives in inference mode, or the network's input if there is no path: of a map its
    /// orthonormal coefficients `[images, channels, blocks high, blocks wide, 8, 8]`, vertical frequency first, blocks
    /// filled up with zeros beyond its true size; of features `[images, features]`. Steps are fused only as far as that
    /// leaves the node's own value, so that it agrees with what [`predict`](Self::predict) goes through up to rounding.
    ///
    /// # Errors
    /// As [`predict`](Self::predict); [`EngineError::InvalidOption`] if no node has the path.
    pub fn value_of(
        &mut self,
        images: &[Image],
        path: Option<&str>,
        mode: Option<InferenceMode>,
    ) -> Result<Vec<f32>, EngineError> {
        let nodes = match path {
            None => 0,
            Some(path) => {
                1 + self.plan.nodes.iter().position(|node| node.path == path).ok_or_else(|| {
                    let expected = "the path of a layer".into();
                    EngineError::InvalidOption { option: "layer".into(), expected, found: path.into() }
                })?
            }
        };
        let shape = self.plan.shapes[nodes];
        let values = self.outputs(images, mode, nodes)?;
        let Shape::Map { channels, height, width } = shape else {
            return Ok(values);
        };
        let blocks = Extent { height, width }.grid().blocks();
        let mut coefficients = vec![0.0; images.len() * channels * blocks * BLOCK];
        let mut map = vec![0.0; channels * blocks * BLOCK];
        let images = values.chunks_exact(height * width * channels);
        for (pixels, image) in images.zip(coefficients.chunks_exact_mut(map.len())) {
            coefficients_from_pixels_into(self.isa, (height, width, channels), pixels, &mut map);
            for (at, value) in image.iter_mut().enumerate() {
                let (channel, block, index) = (at / BLOCK / blocks, at / BLOCK % blocks, at % BLOCK);
                *value = map[(block * BLOCK + usize::from(ROW_MAJOR_TO_ZIGZAG[index])) * channels + channel];
            }
        }
        Ok(coefficients)
    }

    fn outputs(
        &mut self,
        images: &[Image],
        mode: Option<InferenceMode>,
        nodes: usize,
    ) -> Result<Vec<f32>, EngineError> {
        check_batch(images.len())?;
        mode.map_or(Ok(()), InferenceMode::validate)?;
        if let Some(begin) = self.transforms.batch(self.plan.input(), images)?.nodes_done()? {
            if mode.is_none() && nodes == self.plan.nodes.len() {
                return self.logits_of_features(images, begin);
            }
            return Err(features_given("pictures, or features for logits in the network's own mode"));
        }
        let wanted = Wanted { nodes, ..Wanted::logits(&self.plan, mode) };
        let outcome = self.run_compiled(images, wanted, |compiled, run| {
            let outputs = run(None);
            if outputs.iter().all(|value| value.is_finite()) {
                return Ok(outputs);
            }
            let search = FirstNotFinite::new();
            run(Some(&search));
            // The input is never at fault: pictures and normalisation are finite.
            Err(search.first().and_then(|step| compiled.steps.get(step)).map(|step| step.named_by))
        })?;
        outcome.map_err(|node| EngineError::NotFinite {
            path: self.plan.nodes[node.unwrap_or(nodes.saturating_sub(1))].path.clone(),
            found: "an output that is infinite or not a number".into(),
            step: self.optimizer.step,
        })
    }

    /// Microseconds that every step of [`steps_of`](Self::steps_of) took for an image of this batch: medians of some
    /// `rounds`, after one to warm up. Where every thread has groups of its own their times are divided by the number
    /// of threads, so that the sum is what an image takes.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    #[expect(clippy::cast_precision_loss, reason = "counts of images are small")]
    pub fn time_steps(
        &mut self,
        images: &[Image],
        mode: Option<InferenceMode>,
        rounds: usize,
    ) -> Result<Vec<f64>, EngineError> {
        self.predict(images, mode)?;
        self.run_compiled(images, Wanted::logits(&self.plan, mode), |compiled, run| {
            let sharing = if compiled.side_by_side { rayon::current_num_threads() } else { 1 };
            let rounds = (0..rounds.max(1)).map(|_| {
                let times = StepTimes::new(compiled.steps.len());
                run(Some(&times));
                times.into_microseconds()
            });
            let rounds: Vec<Vec<f64>> = rounds.collect();
            let median = |step: usize| {
                let mut times: Vec<f64> = rounds.iter().map(|times| times[step]).collect();
                times.sort_by(f64::total_cmp);
                times[times.len() / 2] / (sharing * images.len()) as f64
            };
            (0..compiled.steps.len()).map(median).collect()
        })
    }

    /// Prepares all that a batch needs and calls `body` with the compiled network and a function that runs it.
    fn run_compiled<T>(
        &mut self,
        images: &[Image],
        wanted: Wanted,
        body: impl FnOnce(&Compiled, &dyn Fn(Option<&dyn Observer>) -> Vec<f32>) -> T,
    ) -> Result<T, EngineError> {
        let input = self.transforms.batch(self.plan.input(), images)?;
        if input.nodes_done()?.is_some() {
            return Err(features_given("pictures"));
        }
        let Inference { forms, packed, scatters, sparsity, executor } = &mut self.inference;
        let first = First::of(&self.plan);
        *sparsity = first.and_then(|first| scatters.sparsity(first.shape, &input));
        let sparsity = sparsity.filter(|_| wanted.band.is_none());
        let compiled = forms.get(&self.plan, self.isa, wanted, images.len(), sparsity);
        let filters = packed.prepare(&self.plan, &self.parameters, compiled)?;
        let scatters = packed.prepare_scatter(&self.plan, &self.parameters, compiled, (scatters, &input))?;
        executor.prepare(compiled, &input, &scatters)?;
        let run = |observer: Option<&dyn Observer>| {
            executor.run(&Run {
                plan: &self.plan,
                isa: self.isa,
                parameters: &self.parameters,
                compiled,
                filters: &filters,
                input: &input,
                scatters: &scatters,
                observer,
            })
        };
        Ok(body(compiled, &run))
    }
}

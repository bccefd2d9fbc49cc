//! A network in native memory.

use crate::failure::BindingFailure;
use crate::job::{Job, Outcome, contained, job};
use crate::jpeg_set::{JpegSet, locked};
use crate::memory::ToldBytes;
use crate::picture::{Picture, PictureContent};
use crate::step::{BindingPlannedTraining, BindingStep, BindingStepOptions, BindingTrainingMemory, step_options};
use crate::weights::{BindingTensor, copied, lifted};
use jpegnet_engine::transform::Mixed;
use jpegnet_engine::weights::{Metadata, write_safetensors};
use jpegnet_engine::{
    Content, EngineError, Image, InferenceMode, Labels, LoadReport, MaskingSpec, NamedTensor, Network as Engine,
    NetworkSpec, Plan, StepReport, StepSummary, TrainingMemory, WeightSet,
};
use napi::Env;
use napi::bindgen_prelude::{AsyncTask, Either, Float32Array, ObjectFinalize, Result, Uint32Array};
use napi_derive::napi;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What the handle and its running call share.
struct Shared {
    /// None once disposed of.
    state: Mutex<Option<State>>,
    /// Whether a call is running or waiting for its thread.
    taken: AtomicBool,
    /// Bytes it held when the last call ended.
    bytes: AtomicUsize,
}

/// The plan is checked when the handle is made; parameters are drawn by the first call, on its thread.
enum State {
    Planned(Box<Plan>, u64),
    Ready(Box<Engine>),
}

/// A network in native memory.
#[napi(custom_finalize)]
pub struct Network {
    shared: Arc<Shared>,
    plan: Plan,
    told: ToldBytes,
}

/// One node of the plan.
#[napi(object)]
#[derive(Clone, Debug)]
pub struct BindingNode {
    /// `PyTorch`'s module path.
    pub path: String,
    /// What it computes.
    pub operation: String,
    /// `[channels, height, width]` in pixels, or `[features]`.
    pub output_shape: Vec<u32>,
    /// Weights and biases to learn.
    pub parameters: u32,
    /// Of a nonlinearity: coefficients of a block that its pieces are picked from.
    pub coefficients_kept: Option<u32>,
    /// The convolution's factorisation, or the nonlinearity's masking.
    pub choice: Option<String>,
}

/// How every map of one prediction is computed, instead of as the definition says.
#[napi(object)]
#[derive(Clone, Debug)]
pub struct BindingMode {
    /// `exact`, `approximated` or `band-limited`; the definition's if none.
    #[napi(ts_type = "'exact' | 'approximated' | 'band-limited'")]
    pub mode: Option<String>,
    /// `asm` or `apx`, if approximated.
    #[napi(ts_type = "'asm' | 'apx'")]
    pub masking: Option<String>,
    /// φ, 1…15, if approximated or band-limited.
    pub frequencies: Option<u32>,
}

/// One pass over the maps at inference, and why it is done so.
#[napi(object)]
#[derive(Clone, Debug)]
pub struct BindingPlannedStep {
    /// The node it is named by.
    pub path: String,
    /// What it does, with all that is fused into it.
    pub operation: String,
    /// How a convolution is computed.
    pub factorisation: Option<String>,
    /// What its output is: `pixels`, `coefficients` or `features`.
    pub representation: String,
    /// Why the factorisation was picked.
    pub reason: Option<String>,
    /// Estimated microseconds for an image of the batch.
    pub microseconds: Option<f64>,
    /// Measured microseconds for an image of the batch, if the steps were timed.
    pub measured: Option<f64>,
    /// Of a product: multiply-adds for an image.
    pub multiplies: Option<f64>,
    /// The same of the direct convolution of pixels.
    pub direct_multiplies: Option<f64>,
}

impl From<StepSummary> for BindingPlannedStep {
    fn from(step: StepSummary) -> Self {
        BindingPlannedStep {
            path: step.path,
            operation: step.operation,
            factorisation: step.factorisation.map(Into::into),
            representation: step.representation.into(),
            reason: step.reason,
            microseconds: step.microseconds,
            measured: None,
            multiplies: step.multiplies,
            direct_multiplies: step.direct_multiplies,
        }
    }
}

/// A tensor given in another shape than the network's.
#[napi(object)]
#[derive(Clone, Debug)]
pub struct BindingMismatch {
    /// The tensor.
    pub name: String,
    /// The network's shape.
    pub expected: String,
    /// The shape given.
    pub found: String,
}

/// What a load did with every tensor.
#[napi(object)]
#[derive(Clone, Debug)]
pub struct BindingLoadReport {
    /// Tensors of the network that were replaced.
    pub applied: Vec<String>,
    /// Tensors of the network that were not given.
    pub missing: Vec<String>,
    /// Tensors given that the network has not.
    pub unused: Vec<String>,
    /// Tensors given in another shape.
    pub mismatched: Vec<BindingMismatch>,
}

/// Released when the call that took it ends, however it ends.
struct Turn(Arc<Shared>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.taken.store(false, Ordering::Release);
    }
}

type Outcomes<T> = std::result::Result<T, BindingFailure>;

#[napi]
impl Network {
    /// Checks a definition and infers its shapes; parameters are drawn by the first asynchronous call.
    #[napi(ts_return_type = "Network | BindingFailure")]
    #[must_use]
    pub fn create(spec: String, seed: f64) -> Outcome<Network> {
        let planned = contained(|| Ok(NetworkSpec::from_json(&spec).and_then(Plan::new)?));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a seed is a whole number below 2^53"
        )]
        let seed = seed as u64;
        match planned {
            Err(failure) => Either::B(failure),
            Ok(plan) => {
                let state = Mutex::new(Some(State::Planned(Box::new(plan.clone()), seed)));
                let shared = Shared { state, taken: AtomicBool::new(false), bytes: AtomicUsize::new(0) };
                Either::A(Network { shared: Arc::new(shared), plan, told: ToldBytes::default() })
            }
        }
    }

    /// The plan's nodes, in order.
    #[napi]
    #[must_use]
    pub fn nodes(&self) -> Vec<BindingNode> {
        let count = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let nodes = self.plan.nodes().into_iter().map(|node| BindingNode {
            path: node.path,
            operation: node.operation.to_owned(),
            output_shape: node.output_shape.into_iter().map(count).collect(),
            parameters: count(node.parameters),
            coefficients_kept: node.coefficients_kept.map(count),
            choice: node.choice.map(str::to_owned),
        });
        nodes.collect()
    }

    /// Weights and biases to learn.
    #[napi(getter)]
    #[must_use]
    pub fn parameters(&self) -> f64 {
        self.plan.parameter_count() as f64
    }

    /// Bytes of native memory it held when the last call ended.
    #[napi(getter)]
    #[must_use]
    pub fn bytes(&self) -> f64 {
        self.shared.bytes.load(Ordering::Acquire) as f64
    }

    /// One training step on pictures of a set: one update, of one or more batches. If the set's pictures are mixed, so are
    /// their labels.
    #[napi(ts_return_type = "Promise<BindingStep | BindingFailure>")]
    #[must_use]
    pub fn train_step(
        &self,
        set: &JpegSet,
        indices: Uint32Array,
        labels: Uint32Array,
        options: BindingStepOptions,
    ) -> AsyncTask<Job<StepReport, BindingStep>> {
        let (pictures, labels) = (set.pictures(&indices), labels.to_vec());
        let mixed = set.mixed();
        self.call(
            move |engine| {
                let options = step_options(&options, engine.plan())?;
                let mut others = labels.clone();
                others.rotate_right(1.min(labels.len()));
                let labels = Labels { own: &labels, mixed: mixed.map(|Mixed { share }| (&others[..], share)) };
                Ok(engine.train_step_with(&images(&pictures?), labels, &options)?)
            },
            |_, step| step.into(),
        )
    }

    /// What a training takes of memory, pictures aside, on the threads at hand; nothing is taken for it.
    #[napi(ts_return_type = "Promise<BindingTrainingMemory | BindingFailure>")]
    #[must_use]
    pub fn training_memory(
        &self,
        options: BindingStepOptions,
        training: BindingPlannedTraining,
    ) -> AsyncTask<Job<TrainingMemory, BindingTrainingMemory>> {
        let plan = self.plan.clone();
        job(
            move || {
                let isa = crate::runtime::isa()?;
                let options = step_options(&options, &plan)?;
                Ok(plan.training_memory(&options, training.into(), isa)?)
            },
            |_, memory| memory.into(),
        )
    }

    /// How many features there are behind the layers that no step with these options changes; none if there are no such
    /// layers.
    #[napi(ts_return_type = "number | null | BindingFailure")]
    #[must_use]
    pub fn settled_features(&self, options: BindingStepOptions) -> Outcome<Option<u32>> {
        let count = |features: usize| u32::try_from(features).unwrap_or(u32::MAX);
        match step_options(&options, &self.plan) {
            Ok(options) => Either::A(self.plan.settled_features(&options).map(count)),
            Err(failure) => Either::B(failure),
        }
    }

    /// Appends to a set what the layers that no step with these options changes make of all pictures of another: what steps
    /// and predictions take as well, without running these layers again.
    #[napi(ts_return_type = "Promise<boolean | BindingFailure>")]
    #[must_use]
    pub fn append_features(
        &self,
        set: &JpegSet,
        options: BindingStepOptions,
        to: &JpegSet,
    ) -> AsyncTask<Job<(), bool>> {
        let pictures = set.pictures(&(0..set.length()).collect::<Vec<_>>());
        let to = to.shared();
        self.call(
            move |engine| {
                let options = step_options(&options, engine.plan())?;
                let pictures = pictures?;
                let features = engine.settled_features(&images(&pictures), &options)?;
                let mut guard = locked(&to);
                let to = guard.as_mut().ok_or_else(|| BindingFailure::disposed("JpegSet"))?;
                for (picture, features) in pictures.iter().zip(features) {
                    to.push(Picture::made(picture.name.clone(), PictureContent::Features(features)));
                }
                Ok(())
            },
            |_, ()| true,
        )
    }

    /// Logits `[pictures, classes]` of pictures of a set.
    #[napi(ts_return_type = "Promise<Float32Array | BindingFailure>")]
    #[must_use]
    pub fn predict(
        &self,
        set: &JpegSet,
        indices: Uint32Array,
        mode: BindingMode,
    ) -> AsyncTask<Job<Vec<f32>, Float32Array>> {
        self.answers(set, &indices, mode, Engine::predict)
    }

    /// What the last layer, a linear one, is given of pictures of a set: features `[pictures, features]`.
    #[napi(ts_return_type = "Promise<Float32Array | BindingFailure>")]
    #[must_use]
    pub fn features(
        &self,
        set: &JpegSet,
        indices: Uint32Array,
        mode: BindingMode,
    ) -> AsyncTask<Job<Vec<f32>, Float32Array>> {
        self.answers(set, &indices, mode, Engine::features)
    }

    /// What the layer of a path gives for pictures of a set, the network's input if there is no path: coefficients
    /// `[pictures, channels, blocks high, blocks wide, 8, 8]` of a map, `[pictures, features]` of features.
    #[napi(ts_return_type = "Promise<Float32Array | BindingFailure>")]
    #[must_use]
    pub fn value_of(
        &self,
        set: &JpegSet,
        indices: Uint32Array,
        path: Option<String>,
        mode: BindingMode,
    ) -> AsyncTask<Job<Vec<f32>, Float32Array>> {
        self.answers(set, &indices, mode, move |engine, images, mode| engine.value_of(images, path.as_deref(), mode))
    }

    /// What a prediction of so many pictures would do, step by step.
    #[napi(ts_return_type = "Promise<Array<BindingPlannedStep> | BindingFailure>")]
    #[must_use]
    pub fn plan(&self, batch: u32, mode: BindingMode) -> AsyncTask<Job<Vec<StepSummary>, Vec<BindingPlannedStep>>> {
        self.call(
            move |engine| {
                let mode = inference_mode(&mode)?;
                Ok(engine.steps_of(batch as usize, mode)?)
            },
            |_, steps| steps.into_iter().map(Into::into).collect(),
        )
    }

    /// The steps of a prediction of these pictures of a set, with what each took: the median of some rounds.
    #[napi(ts_return_type = "Promise<Array<BindingPlannedStep> | BindingFailure>")]
    #[must_use]
    pub fn profile(
        &self,
        set: &JpegSet,
        indices: Uint32Array,
        rounds: u32,
        mode: BindingMode,
    ) -> AsyncTask<Job<Vec<BindingPlannedStep>, Vec<BindingPlannedStep>>> {
        let pictures = set.pictures(&indices);
        self.call(
            move |engine| {
                let mode = inference_mode(&mode)?;
                let pictures = pictures?;
                let mut times = engine.time_steps(&images(&pictures), mode, rounds as usize)?.into_iter();
                let steps = engine.steps_of(pictures.len(), mode)?.into_iter();
                Ok(steps.map(|step| BindingPlannedStep { measured: times.next(), ..step.into() }).collect())
            },
            |_, steps| steps,
        )
    }

    /// All tensors with `PyTorch`'s names, in its order; the optimizer's after them if asked for.
    #[napi(ts_return_type = "Promise<Array<BindingTensor> | BindingFailure>")]
    #[must_use]
    pub fn state(&self, include_optimizer: bool) -> AsyncTask<Job<Vec<NamedTensor>, Vec<BindingTensor>>> {
        self.call(move |engine| Ok(engine.state(include_optimizer)), |_, tensors| lifted(tensors))
    }

    /// All tensors of one set of weights, with `PyTorch`'s names, in its order.
    #[napi(ts_return_type = "Promise<Array<BindingTensor> | BindingFailure>")]
    #[must_use]
    pub fn weights(&self, set: String) -> AsyncTask<Job<Vec<NamedTensor>, Vec<BindingTensor>>> {
        self.call(move |engine| weights(engine, &set), |_, tensors| lifted(tensors))
    }

    /// Keeps the weights that answer as the best so far.
    #[napi(ts_return_type = "Promise<boolean | BindingFailure>")]
    #[must_use]
    pub fn keep_best(&self) -> AsyncTask<Job<(), bool>> {
        self.call(|engine| Ok(engine.keep_best()?), |_, ()| true)
    }

    /// Makes the best weights kept answer; the next step goes on from those that steps changed last.
    #[napi(ts_return_type = "Promise<boolean | BindingFailure>")]
    #[must_use]
    pub fn restore_best(&self) -> AsyncTask<Job<(), bool>> {
        self.call(|engine| Ok(engine.restore_best()?), |_, ()| true)
    }

    /// Makes the weights answer that the last step left: their average if there is one, else those that steps change.
    #[napi(ts_return_type = "Promise<boolean | BindingFailure>")]
    #[must_use]
    pub fn answer_with_latest(&self) -> AsyncTask<Job<(), bool>> {
        self.call(
            |engine| {
                engine.answer_with_latest();
                Ok(())
            },
            |_, ()| true,
        )
    }

    /// Forgets the best weights.
    #[napi(ts_return_type = "Promise<boolean | BindingFailure>")]
    #[must_use]
    pub fn forget_best(&self) -> AsyncTask<Job<(), bool>> {
        self.call(
            |engine| {
                engine.forget_best();
                Ok(())
            },
            |_, ()| true,
        )
    }

    /// Replaces every tensor whose name and shape fit, and says what became of each.
    #[napi(ts_return_type = "Promise<BindingLoadReport | BindingFailure>")]
    #[must_use]
    pub fn load(&self, tensors: Vec<BindingTensor>) -> AsyncTask<Job<LoadReport, BindingLoadReport>> {
        let tensors = copied(tensors);
        self.call(
            move |engine| Ok(engine.load(&tensors)?),
            |_, report| BindingLoadReport {
                applied: report.applied,
                missing: report.missing,
                unused: report.unused,
                mismatched: report
                    .mismatched
                    .into_iter()
                    .map(|mismatch| BindingMismatch {
                        name: mismatch.name,
                        expected: mismatch.expected,
                        found: mismatch.found,
                    })
                    .collect(),
            },
        )
    }

    /// Replaces the training's state, all of it or nothing: the optimizer's memory and the sets of weights that do not
    /// answer.
    #[napi(ts_return_type = "Promise<boolean | BindingFailure>")]
    #[must_use]
    pub fn load_optimizer(&self, tensors: Vec<BindingTensor>) -> AsyncTask<Job<(), bool>> {
        let tensors = copied(tensors);
        self.call(move |engine| Ok(engine.load_optimizer(&tensors)?), |_, ()| true)
    }

    /// Writes all tensors to a safetensors file, aside and then in place: of one set of weights, or of those that answer,
    /// with the training's state if asked for. Nothing is written if a value is not finite: it could not be loaded again.
    #[napi(ts_return_type = "Promise<boolean | BindingFailure>")]
    #[must_use]
    pub fn save(
        &self,
        path: String,
        metadata: HashMap<String, String>,
        include_optimizer: bool,
        set: Option<String>,
    ) -> AsyncTask<Job<(), bool>> {
        let metadata: Metadata = metadata.into_iter().collect();
        self.call(
            move |engine| {
                let tensors = match set {
                    Some(set) => weights(engine, &set)?,
                    None => engine.state(include_optimizer),
                };
                engine.check_savable(&tensors)?;
                Ok(write_safetensors(&PathBuf::from(path), &tensors, &metadata)?)
            },
            |_, ()| true,
        )
    }

    /// Tells the collector how much memory the network holds now; all that it knows of, in bytes.
    #[napi]
    pub fn report_memory(&self, env: Env) -> Result<f64> {
        self.told.tell(env, self.shared.bytes.load(Ordering::Acquire))
    }

    /// Frees the network; false if a call is still running, which must end first.
    #[napi]
    pub fn dispose(&self, env: Env) -> Result<bool> {
        if self.shared.taken.load(Ordering::Acquire) {
            return Ok(false);
        }
        // A network that a panic broke is freed like any other.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.shared.state.clear_poison();
        self.shared.bytes.store(0, Ordering::Release);
        self.report_memory(env)?;
        Ok(true)
    }

    /// What an inference gives of pictures of a set, on a worker thread.
    fn answers(
        &self,
        set: &JpegSet,
        indices: &Uint32Array,
        mode: BindingMode,
        of: impl FnOnce(&mut Engine, &[Image], Option<InferenceMode>) -> std::result::Result<Vec<f32>, EngineError>
        + Send
        + 'static,
    ) -> AsyncTask<Job<Vec<f32>, Float32Array>> {
        let pictures = set.pictures(indices);
        self.call(
            move |engine| {
                let mode = inference_mode(&mode)?;
                Ok(of(engine, &images(&pictures?), mode)?)
            },
            |_, values| values.into(),
        )
    }

    /// Runs a call on a worker thread, if none is running.
    fn call<T, V>(
        &self,
        work: impl FnOnce(&mut Engine) -> Outcomes<T> + Send + 'static,
        lift: fn(Env, T) -> V,
    ) -> AsyncTask<Job<T, V>>
    where
        T: Send + 'static,
        V: napi::bindgen_prelude::ToNapiValue + napi::bindgen_prelude::TypeName,
    {
        if self.shared.taken.swap(true, Ordering::Acquire) {
            return job(|| Err(BindingFailure::busy("Network")), lift);
        }
        let turn = Turn(Arc::clone(&self.shared));
        job(
            move || {
                let mut guard =
                    turn.0.state.lock().map_err(|_| BindingFailure::panicked(&"a call broke off before"))?;
                let state = guard.take().ok_or_else(|| BindingFailure::disposed("Network"))?;
                let engine = match state {
                    State::Ready(engine) => engine,
                    State::Planned(plan, seed) => match crate::runtime::isa() {
                        Ok(isa) => Box::new(Engine::new(*plan, seed, isa)),
                        Err(failure) => {
                            *guard = Some(State::Planned(plan, seed));
                            return Err(failure);
                        }
                    },
                };
                let State::Ready(engine) = guard.insert(State::Ready(engine)) else {
                    return Err(BindingFailure::panicked(&"a network was not made"));
                };
                // On a thread of the pool, with the network locked out here: every parallel step of a call that came from
                // elsewhere would wait for the pool to wake up.
                let result = rayon::scope(|_| work(engine));
                turn.0.bytes.store(engine.bytes(), Ordering::Release);
                result
            },
            lift,
        )
    }
}

impl ObjectFinalize for Network {
    fn finalize(self, env: Env) -> Result<()> {
        self.told.tell(env, 0)?;
        Ok(())
    }
}

fn images(pictures: &[Arc<Picture>]) -> Vec<Image<'_>> {
    pictures
        .iter()
        .map(|picture| Image {
            name: &picture.name,
            content: match &picture.content {
                PictureContent::Jpeg(jpeg) => Content::Jpeg(jpeg),
                PictureContent::Pixels(pixels) => Content::Pixels(pixels),
                PictureContent::Features(features) => Content::Features(features),
            },
        })
        .collect()
}

/// The tensors of a set of weights.
fn weights(engine: &Engine, name: &str) -> Outcomes<Vec<NamedTensor>> {
    let set = WeightSet::from_name(name)
        .ok_or_else(|| BindingFailure::invalid_option("weights", "live, average or best", name))?;
    let missing = || BindingFailure::invalid_option("weights", "a set of weights that its training keeps", name);
    engine.weights(set).ok_or_else(missing)
}

/// None for the definition's.
fn inference_mode(given: &BindingMode) -> Outcomes<Option<InferenceMode>> {
    let frequencies = || {
        let count = given
            .frequencies
            .ok_or_else(|| BindingFailure::invalid_option("frequencies", "a whole number from 1 to 15", "none"));
        count.map(|count| count as usize)
    };
    let mode = match given.mode.as_deref() {
        None if given.masking.is_none() && given.frequencies.is_none() => return Ok(None),
        Some("exact") => InferenceMode::Exact,
        Some("approximated") => {
            let name = given.masking.as_deref().unwrap_or("none");
            let masking = MaskingSpec::from_name(name)
                .ok_or_else(|| BindingFailure::invalid_option("masking", "asm or apx", name))?;
            InferenceMode::Approximated { masking, frequencies: frequencies()? }
        }
        Some("band-limited") => InferenceMode::BandLimited { frequencies: frequencies()? },
        other => {
            let expected = "exact, approximated or band-limited";
            return Err(BindingFailure::invalid_option("mode", expected, other.unwrap_or("none")));
        }
    };
    Ok(Some(mode))
}

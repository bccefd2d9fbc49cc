//! The sets of weights a training keeps: those it changes, their moving average, the best so far. One of them answers: it
//! is what predictions use and what is saved under the plain names.

use crate::EngineError;
use crate::floats::zeros;
use crate::optimizer::{PREFIX, scalar, whole, wrong};
use crate::parameters::{Parameters, Running, StateEntry};
use crate::plan::Plan;
use crate::tensor::{NamedTensor, has_shape};
use jpegnet_kernels::{Isa, move_towards};
use rayon::prelude::*;
use std::borrow::Cow;

/// Elements that one task averages.
const ELEMENTS_A_TASK: usize = 1 << 15;

/// One of the sets of weights (parameters and running statistics) that a training keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeightSet {
    /// Those that steps change.
    #[default]
    Live,
    /// Their moving average.
    Average,
    /// Those that answered best so far.
    Best,
}

impl WeightSet {
    const ALL: [WeightSet; 3] = [WeightSet::Live, WeightSet::Average, WeightSet::Best];

    /// The set of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<WeightSet> {
        WeightSet::ALL.into_iter().find(|set| set.name() == name)
    }

    /// Its name in options and files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            WeightSet::Live => "live",
            WeightSet::Average => "average",
            WeightSet::Best => "best",
        }
    }
}

/// A set of weights put aside.
#[derive(Clone, Debug)]
pub(super) struct Weights {
    pub(super) values: Vec<Vec<f32>>,
    pub(super) running: Vec<Running>,
}

impl Weights {
    fn of(parameters: &Parameters) -> Result<Weights, EngineError> {
        let copy = |values: &Vec<f32>| {
            let mut copy = zeros(values.len())?;
            copy.copy_from_slice(values);
            Ok(copy)
        };
        let values = parameters.values.iter().map(copy).collect::<Result<_, EngineError>>()?;
        Ok(Weights { values, running: parameters.running.clone() })
    }

    fn swap(&mut self, parameters: &mut Parameters) {
        std::mem::swap(&mut self.values, &mut parameters.values);
        std::mem::swap(&mut self.running, &mut parameters.running);
        parameters.version += 1;
    }
}

/// Memory for an average that begins, if it does.
pub(super) struct AverageRoom(Option<Weights>);

/// Which set answers, and the others that there are; the one that answers lies with the network's parameters.
#[derive(Debug, Default)]
pub(super) struct WeightSets {
    answering: WeightSet,
    aside: [Option<Weights>; 3],
    /// Steps that the average has seen.
    updates: u64,
}

impl WeightSets {
    pub(super) fn answering(&self) -> WeightSet {
        self.answering
    }

    /// A set that does not answer, if there is one.
    pub(super) fn aside(&self, set: WeightSet) -> Option<&Weights> {
        self.aside[set as usize].as_ref()
    }

    /// Makes a set answer; one that does not exist changes nothing.
    pub(super) fn answer_with(&mut self, set: WeightSet, parameters: &mut Parameters) {
        if set == self.answering {
            return;
        }
        if let Some(mut weights) = self.aside[set as usize].take() {
            weights.swap(parameters);
            self.aside[self.answering as usize] = Some(weights);
            self.answering = set;
        }
    }

    /// Makes those answer that steps left last: their average if there is one, else the live ones.
    pub(super) fn answer_with_latest(&mut self, parameters: &mut Parameters) {
        let average = self.aside(WeightSet::Average).is_some() || self.answering == WeightSet::Average;
        self.answer_with(if average { WeightSet::Average } else { WeightSet::Live }, parameters);
    }

    /// Room for the average that the next step begins; none if there is one, which must not answer.
    pub(super) fn room_for_average(&self, parameters: &Parameters) -> Result<AverageRoom, EngineError> {
        let is_new = self.aside(WeightSet::Average).is_none();
        Ok(AverageRoom(is_new.then(|| Weights::of(parameters)).transpose()?))
    }

    /// Takes the weights after a step into the average, which must not answer; the first step's are its beginning
    /// (`torch.optim.swa_utils.AveragedModel`). After n steps it keeps min(decay, (1 + n) / (10 + n)) of itself
    /// (`tf.train.ExponentialMovingAverage` with `num_updates`).
    pub(super) fn average(&mut self, decay: f64, isa: Isa, parameters: &Parameters, room: AverageRoom) {
        if let AverageRoom(Some(mut weights)) = room {
            for (weights, values) in weights.values.iter_mut().zip(&parameters.values) {
                weights.copy_from_slice(values);
            }
            weights.running.clone_from(&parameters.running);
            self.aside[WeightSet::Average as usize] = Some(weights);
            self.updates = 1;
            return;
        }
        let Some(average) = &mut self.aside[WeightSet::Average as usize] else {
            unreachable!("an average that there is none of gets room");
        };
        #[expect(clippy::cast_precision_loss, reason = "no training has 2^52 steps")]
        let n = self.updates as f64;
        #[expect(clippy::cast_possible_truncation, reason = "a share of float32 weights")]
        let share = (1.0 - decay.min((1.0 + n) / (10.0 + n))) as f32;
        average.values.par_iter_mut().zip(&parameters.values).for_each(|(average, values)| {
            let parts = average.par_chunks_mut(ELEMENTS_A_TASK).zip(values.par_chunks(ELEMENTS_A_TASK));
            parts.for_each(|(average, values)| move_towards(isa, average, values, share));
        });
        for (average, running) in average.running.iter_mut().zip(&parameters.running) {
            move_towards(isa, &mut average.mean, &running.mean, share);
            move_towards(isa, &mut average.variance, &running.variance, share);
            average.batches = running.batches;
        }
        self.updates += 1;
    }

    /// Forgets the average, which must not answer.
    pub(super) fn forget_average(&mut self) {
        self.aside[WeightSet::Average as usize] = None;
        self.updates = 0;
    }

    /// Keeps what answers now as the best.
    pub(super) fn keep_best(&mut self, parameters: &Parameters) -> Result<(), EngineError> {
        if self.answering != WeightSet::Best {
            self.aside[WeightSet::Best as usize] = Some(Weights::of(parameters)?);
        }
        Ok(())
    }

    /// Forgets the best; if they answer, the live ones do instead.
    pub(super) fn forget_best(&mut self, parameters: &mut Parameters) {
        if self.answering == WeightSet::Best {
            self.answer_with(WeightSet::Live, parameters);
        }
        self.aside[WeightSet::Best as usize] = None;
    }

    pub(super) fn bytes(&self) -> usize {
        let floats = |weights: &Weights| {
            let running: usize = weights.running.iter().map(|running| 2 * running.mean.len()).sum();
            running + weights.values.iter().map(Vec::len).sum::<usize>()
        };
        size_of::<f32>() * self.aside.iter().flatten().map(floats).sum::<usize>()
    }

    /// The sets that do not answer as named tensors, `optimizer.<set>.<name>`, and the average's count of steps. Which set
    /// answers is the one of which no tensors are written. A tensor that is bit for bit the one that answers, as all are that
    /// do not learn, is empty.
    pub(super) fn tensors(&self, plan: &Plan, parameters: &Parameters) -> Vec<NamedTensor> {
        let mut tensors = Vec::new();
        if self.updates > 0 {
            tensors.push(scalar(UPDATES.into(), self.updates));
        }
        for set in WeightSet::ALL {
            let Some(weights) = self.aside(set) else { continue };
            let prefix = prefix(set);
            tensors.extend(plan.state.iter().map(|(name, entry)| {
                let values = values_of(*entry, &weights.values, &weights.running);
                let answering = values_of(*entry, &parameters.values, &parameters.running);
                let (shape, values) = if same_bits(&values, &answering) {
                    (EMPTY.to_vec(), Vec::new())
                } else {
                    (plan.shape_of(*entry), values.into_owned())
                };
                NamedTensor { name: format!("{prefix}{name}"), shape, values }
            }));
        }
        tensors
    }

    /// Takes its tensors out of a training's, and gives the rest. Empty ones are those of `parameters`, which answer.
    ///
    /// # Errors
    /// [`EngineError::InvalidCheckpoint`] if a set is not whole, of other shapes or not finite, or none can be the one that
    /// answers.
    pub(super) fn from_tensors<'a>(
        plan: &Plan,
        parameters: &Parameters,
        tensors: &[&'a NamedTensor],
    ) -> Result<(WeightSets, Vec<&'a NamedTensor>), EngineError> {
        let mut sets = WeightSets::default();
        let mut rest = tensors.to_vec();
        if let Some(position) = rest.iter().position(|tensor| tensor.name == UPDATES) {
            sets.updates = whole(rest.remove(position))?;
        }
        for set in WeightSet::ALL {
            let prefix = prefix(set);
            let is_own = |tensor: &&NamedTensor| {
                let name = tensor.name.strip_prefix(&prefix);
                name.is_some_and(|name| plan.state.iter().any(|(own, _)| own == name))
            };
            let (own, others) = rest.into_iter().partition::<Vec<_>, _>(is_own);
            rest = others;
            if !own.is_empty() {
                sets.aside[set as usize] = Some(weights(plan, parameters, &own, &prefix)?);
            }
        }
        let [live, average, best] = &sets.aside;
        sets.answering = match (live, average, best) {
            (None, ..) => WeightSet::Live,
            (Some(_), None, _) if sets.updates > 0 => WeightSet::Average,
            (Some(_), _, None) => WeightSet::Best,
            _ => return Err(wrong("optimizer.live", "one set of weights without a prefix", "all with one")),
        };
        if average.is_some() != (sets.updates > 0) && sets.answering != WeightSet::Average {
            return Err(wrong(
                UPDATES,
                "a count of steps beside an average, and only there",
                &sets.updates.to_string(),
            ));
        }
        Ok((sets, rest))
    }
}

/// The tensor that counts the steps the average has seen.
pub(crate) const UPDATES: &str = "optimizer.average.updates";

fn prefix(set: WeightSet) -> String {
    format!("{PREFIX}{}.", set.name())
}

/// Shape of a tensor that is not written, because it is the one that answers.
const EMPTY: [usize; 1] = [0];

/// Weights under `PyTorch`'s names, in its order.
pub(super) fn named(plan: &Plan, values: &[Vec<f32>], running: &[Running]) -> Vec<NamedTensor> {
    let tensors = plan.state.iter().map(|(name, entry)| NamedTensor {
        name: name.clone(),
        shape: plan.shape_of(*entry),
        values: values_of(*entry, values, running).into_owned(),
    });
    tensors.collect()
}

/// What a tensor has in a set of weights.
fn values_of<'a>(entry: StateEntry, values: &'a [Vec<f32>], running: &'a [Running]) -> Cow<'a, [f32]> {
    match entry {
        StateEntry::Parameter(number) => Cow::from(&values[number]),
        StateEntry::RunningMean(number) => Cow::from(&running[number].mean),
        StateEntry::RunningVariance(number) => Cow::from(&running[number].variance),
        #[expect(clippy::cast_precision_loss, reason = "batches are counted exactly up to 2^24")]
        StateEntry::BatchesTracked(number) => Cow::from(vec![running[number].batches as f32]),
    }
}

/// Whether values are the same and zeros have the same sign.
fn same_bits(one: &[f32], other: &[f32]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.to_bits() == other.to_bits())
}

/// A set from its tensors, and those that answer where they are empty.
fn weights(
    plan: &Plan,
    parameters: &Parameters,
    tensors: &[&NamedTensor],
    prefix: &str,
) -> Result<Weights, EngineError> {
    let mut weights = Weights::of(parameters)?;
    for (name, entry) in &plan.state {
        let name = format!("{prefix}{name}");
        let shape = plan.shape_of(*entry);
        let expected =
            format!("a tensor of shape {shape:?}, or an empty one for that of the same name without {prefix}");
        let Some(tensor) = tensors.iter().find(|tensor| tensor.name == name) else {
            return Err(wrong(&name, &expected, "nothing"));
        };
        if has_shape(tensor, &EMPTY) {
            continue;
        }
        if !has_shape(tensor, &shape) {
            return Err(wrong(&name, &expected, &format!("{:?}", tensor.shape)));
        }
        if let Some(value) = tensor.values.iter().find(|value| !value.is_finite()) {
            return Err(wrong(&name, "finite values", &value.to_string()));
        }
        let running = &mut weights.running;
        match *entry {
            StateEntry::Parameter(number) => weights.values[number].copy_from_slice(&tensor.values),
            StateEntry::RunningMean(number) => running[number].mean.copy_from_slice(&tensor.values),
            StateEntry::RunningVariance(number) => running[number].variance.copy_from_slice(&tensor.values),
            StateEntry::BatchesTracked(number) => running[number].batches = whole(tensor)?,
        }
    }
    Ok(weights)
}

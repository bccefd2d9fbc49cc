//! Filters packed once for the method that reads them, shared by all compiled forms of a network.

use super::scatter::Scatters;
use super::step::{Compiled, Kind, Step};
use crate::EngineError;
use crate::floats::Floats;
use crate::input::BatchInput;
use crate::layers::running_coefficients;
use crate::operations::Operation;
use crate::parameters::Parameters;
use crate::plan::Plan;
use jpegnet_kernels::pixels::{Method, Scatter};
use rayon::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

/// A filter in its packed form and the bias that goes with it.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) packed: Floats,
    pub(crate) bias: Option<Vec<f32>>,
}

/// What a filter was packed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    node: usize,
    form: Form,
    folded: Option<usize>,
}

/// What a packed filter is read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Form {
    Pixels(Method),
    Coefficients,
    /// By the number of the kind of file.
    Scatter(usize),
    /// By the method's name and its φ.
    Band(&'static str, Option<usize>),
}

/// A scatter for the file kind of every image of a batch, with its packed responses.
pub(crate) type ScattersOfImages = Vec<(Arc<Scatter>, Arc<Filter>)>;

/// The packed filters of a network.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    version: Option<u64>,
    filters: HashMap<Key, Arc<Filter>>,
}

impl Packed {
    /// The filter of every step, in order; packs what is missing or stale.
    pub(crate) fn prepare(
        &mut self,
        plan: &Plan,
        parameters: &Parameters,
        compiled: &Compiled,
    ) -> Result<Vec<Option<Arc<Filter>>>, EngineError> {
        if self.version != Some(parameters.version) {
            self.filters.clear();
            self.version = Some(parameters.version);
        }
        let missing: Vec<&Step> = compiled
            .steps
            .iter()
            .filter(|step| key(step).is_some_and(|key| !self.filters.contains_key(&key)))
            .collect();
        let packed: Vec<Option<(Key, Arc<Filter>)>> = missing
            .into_par_iter()
            .map(|step| {
                let filter = pack(plan, parameters, step)?;
                Ok(key(step).zip(filter.map(Arc::new)))
            })
            .collect::<Result<_, EngineError>>()?;
        self.filters.extend(packed.into_iter().flatten());
        Ok(compiled.steps.iter().map(|step| key(step).and_then(|key| self.filters.get(&key).cloned())).collect())
    }

    /// The filter of a step that reads pictures of these kinds, for each; packs what is missing. Call it after
    /// [`prepare`](Self::prepare).
    pub(crate) fn prepare_scatter(
        &mut self,
        plan: &Plan,
        parameters: &Parameters,
        compiled: &Compiled,
        (scatters, input): (&Scatters, &BatchInput),
    ) -> Result<ScattersOfImages, EngineError> {
        let Some(Step { kind: Kind::Scatter { folded, .. }, named_by: node, .. }) = compiled.steps.first() else {
            return Ok(Vec::new());
        };
        let (node, folded) = (*node, *folded);
        let mut filters = Vec::with_capacity(input.len());
        for image in 0..input.len() {
            let kind = input.file(image).map(|(kind, _)| kind.number);
            let Some((kind, scatter)) = kind.and_then(|kind| Some((kind, scatters.get(kind)?))) else {
                unreachable!("compiled for kinds that can be scattered");
            };
            let key = Key { node, form: Form::Scatter(kind), folded };
            let known = self.filters.get(&key).cloned();
            let filter = known.map_or_else(|| pack_scatter(plan, parameters, (node, folded), scatter), Ok)?;
            self.filters.insert(key, Arc::clone(&filter));
            filters.push((Arc::clone(scatter), filter));
        }
        Ok(filters)
    }

    /// Bytes that the filters of a compiled network take, biases aside.
    pub(crate) fn planned_bytes(plan: &Plan, compiled: &Compiled) -> usize {
        let packed_len = |step: &Step| match (&step.kind, &plan.nodes[step.named_by].operation) {
            (Kind::Conv2d { conv, .. }, _) => conv.packed_len(),
            (Kind::BandConv2d { method, .. }, _) => method.packed_len(),
            (Kind::Coefficients { .. }, Operation::Conv2d { trained, .. }) => trained.packed_len(),
            _ => 0,
        };
        size_of::<f32>() * compiled.steps.iter().map(packed_len).sum::<usize>()
    }

    pub(crate) fn bytes(&self) -> usize {
        let floats = |filter: &Arc<Filter>| filter.packed.len() + filter.bias.as_ref().map_or(0, Vec::len);
        size_of::<f32>() * self.filters.values().map(floats).sum::<usize>()
    }
}

fn key(step: &Step) -> Option<Key> {
    let node = step.named_by;
    match &step.kind {
        Kind::Conv2d { conv, folded, .. } => Some(Key { node, form: Form::Pixels(conv.method()), folded: *folded }),
        Kind::Coefficients { folded, .. } => Some(Key { node, form: Form::Coefficients, folded: *folded }),
        Kind::BandConv2d { method, folded, .. } => {
            Some(Key { node, form: Form::Band(method.name(), step.size.band), folded: *folded })
        }
        _ => None,
    }
}

/// The weights of a convolution or linear layer, and what its output channels are scaled by and shifted by.
struct Weights<'a> {
    weight: &'a [f32],
    scale: Option<Vec<f32>>,
    bias: Option<Vec<f32>>,
}

impl<'a> Weights<'a> {
    /// Of a node and the batch normalisation folded into it; none if it has no weights.
    fn of(plan: &Plan, parameters: &'a Parameters, node: usize, folded: Option<usize>) -> Option<Weights<'a>> {
        let (Operation::Conv2d { weight, bias, .. } | Operation::Linear { weight, bias, .. }) =
            &plan.nodes[node].operation
        else {
            return None;
        };
        let bias = bias.map(|bias| &parameters.values[bias]);
        let (scale, bias) = match folded {
            None => (None, bias.cloned()),
            Some(batch_norm) => {
                let (scale, dc_shift) = running_coefficients(&plan.nodes[batch_norm].operation, parameters);
                // A shift of pixels is an eighth of the shift of the DC.
                let shift = dc_shift
                    .iter()
                    .enumerate()
                    .map(|(channel, shift)| shift / 8.0 + bias.map_or(0.0, |bias| scale[channel] * bias[channel]));
                let shift = shift.collect();
                (Some(scale), Some(shift))
            }
        };
        Some(Weights { weight: &parameters.values[*weight], scale, bias })
    }
}

/// The responses of a scatter, which hold the bias as well.
fn pack_scatter(
    plan: &Plan,
    parameters: &Parameters,
    (node, folded): (usize, Option<usize>),
    scatter: &Scatter,
) -> Result<Arc<Filter>, EngineError> {
    let mut packed = Floats::zeros(scatter.packed_len())?;
    if let Some(Weights { weight, scale, bias }) = Weights::of(plan, parameters, node, folded) {
        scatter.pack_filter_into(weight, scale.as_deref(), bias.as_deref(), &mut packed);
    }
    Ok(Arc::new(Filter { packed, bias: None }))
}

fn pack(plan: &Plan, parameters: &Parameters, step: &Step) -> Result<Option<Filter>, EngineError> {
    let (Kind::Conv2d { folded, .. } | Kind::Coefficients { folded, .. } | Kind::BandConv2d { folded, .. }) =
        &step.kind
    else {
        return Ok(None);
    };
    let Some(Weights { weight, scale, bias }) = Weights::of(plan, parameters, step.named_by, *folded) else {
        return Ok(None);
    };
    let packed = match &step.kind {
        Kind::Conv2d { conv, .. } => {
            let mut packed = Floats::zeros(conv.packed_len())?;
            conv.pack_filter_into(weight, scale.as_deref(), &mut packed);
            packed
        }
        Kind::BandConv2d { method, .. } => {
            let mut packed = Floats::zeros(method.packed_len())?;
            method.pack_filter_into(weight, scale.as_deref(), &mut packed);
            packed
        }
        _ => {
            let Operation::Conv2d { trained: conv, .. } = &plan.nodes[step.named_by].operation else {
                return Ok(None);
            };
            let mut scaled = weight.to_vec();
            if let Some(scale) = &scale {
                for (filter, scale) in scaled.chunks_exact_mut(weight.len() / scale.len()).zip(scale) {
                    for weight in filter {
                        *weight *= scale;
                    }
                }
            }
            let mut packed = Floats::zeros(conv.packed_len())?;
            conv.pack_filter_into(&scaled, &mut packed);
            packed
        }
    };
    Ok(Some(Filter { packed, bias }))
}

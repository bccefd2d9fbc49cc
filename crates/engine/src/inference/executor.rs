//! The memory in which a compiled network runs, and what a run reads.

use super::pack::Filter;
use super::step::{Compiled, Kind};
use crate::EngineError;
use crate::floats::Floats;
use crate::input::BatchInput;
use crate::parameters::Parameters;
use crate::plan::Plan;
use crate::workspace::Workspaces;
use jpegnet_kernels::Isa;
use jpegnet_kernels::pixels::Scatter;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Rows of an input that one task makes: several rows of blocks, since neighbouring strips both read the samples between
/// them.
pub(super) const INPUT_ROWS: usize = 64;

/// Memory of inference: the maps of every group in flight and the scratch of every thread; grown, never shrunk.
#[derive(Debug, Default)]
pub(crate) struct Executor {
    pub(super) groups: Vec<Mutex<Vec<Floats>>>,
    pub(super) workspaces: Workspaces,
    /// Frequencies and products of a run that all threads work on.
    pub(super) shared: Mutex<(Floats, Floats)>,
}

/// What all steps of a run only read.
pub(crate) struct Run<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) isa: Isa,
    pub(crate) parameters: &'a Parameters,
    pub(crate) compiled: &'a Compiled,
    pub(crate) filters: &'a [Option<Arc<Filter>>],
    pub(crate) input: &'a BatchInput<'a>,
    /// Of every image, if the first step reads coefficients.
    pub(crate) scatters: &'a [(Arc<Scatter>, Arc<Filter>)],
    /// Told of every step.
    pub(crate) observer: Option<&'a dyn Observer>,
}

/// Looks on while a network runs.
pub(crate) trait Observer: Sync {
    /// A step gave `output` for a group of images, which took `duration`.
    fn step(&self, number: usize, output: &[f32], duration: Duration);
}

impl Executor {
    /// Makes room for a compiled network.
    pub(crate) fn prepare(
        &mut self,
        compiled: &Compiled,
        input: &BatchInput,
        scatters: &[(Arc<Scatter>, Arc<Filter>)],
    ) -> Result<(), EngineError> {
        let threads = rayon::current_num_threads();
        let groups = if compiled.side_by_side { threads } else { 1 };
        self.groups.resize_with(groups.max(self.groups.len()), Mutex::default);
        for group in &mut self.groups[..groups] {
            let slots = group.get_mut().unwrap_or_else(PoisonError::into_inner);
            slots.resize_with(compiled.slots.len().max(slots.len()), Floats::default);
            for (slot, &length) in slots.iter_mut().zip(&compiled.slots) {
                slot.grow(length)?;
            }
        }
        let (frequencies, products) = self.shared.get_mut().unwrap_or_else(PoisonError::into_inner);
        frequencies.grow(compiled.shared.0)?;
        products.grow(compiled.shared.1)?;
        let coefficients = compiled.steps.iter().map(|step| match step.kind {
            Kind::Input => input.pixel_scratch(INPUT_ROWS.min(step.size.height)),
            Kind::Scatter { .. } => scatters.iter().map(|(scatter, _)| scatter.workspace_len()).max().unwrap_or(0),
            Kind::Coefficients { scratch, .. } => scratch,
            _ => 0,
        });
        let length = coefficients.max().unwrap_or(0).max(compiled.scratch);
        self.workspaces.prepare(length)
    }

    /// Bytes that a compiled network takes on that many threads, `expanding` floats of scratch to make a picture's pixels.
    pub(crate) fn planned_bytes(compiled: &Compiled, expanding: usize, threads: usize) -> usize {
        let groups = if compiled.side_by_side { threads } else { 1 };
        let slots: usize = compiled.slots.iter().sum();
        let coefficients = compiled.steps.iter().map(|step| match step.kind {
            Kind::Coefficients { scratch, .. } => scratch,
            _ => 0,
        });
        let scratch = coefficients.max().unwrap_or(0).max(compiled.scratch).max(expanding);
        let (frequencies, products) = compiled.shared;
        size_of::<f32>() * (groups * slots + threads * scratch + frequencies + products)
    }

    pub(crate) fn bytes(&self) -> usize {
        let of_group = |group: &Mutex<Vec<Floats>>| {
            group.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|slot| slot.len()).sum::<usize>()
        };
        size_of::<f32>() * self.groups.iter().map(of_group).sum::<usize>()
            + self.workspaces.bytes()
            + size_of::<f32>() * self.shared.lock().map_or(0, |shared| shared.0.len() + shared.1.len())
    }
}

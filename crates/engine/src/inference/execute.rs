//! Runs a compiled network on a batch.

mod band_limited;
mod convolution;
mod pass;

use super::pack::Filter;
use super::step::{Buffer, Compiled, Kind, Step};
use crate::EngineError;
use crate::floats::Floats;
use crate::input::BatchInput;
use crate::parameters::Parameters;
use crate::plan::Plan;
use crate::workspace::Workspaces;
use jpegnet_kernels::Isa;
use jpegnet_kernels::pixels::Scatter;
use pass::{INPUT_ROWS, Pass};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Memory of inference: the maps of every group in flight and the scratch of every thread; grown, never shrunk.
#[derive(Debug, Default)]
pub(crate) struct Executor {
    groups: Vec<Mutex<Vec<Floats>>>,
    workspaces: Workspaces,
    /// Frequencies and products of a run that all threads work on.
    shared: Mutex<(Floats, Floats)>,
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

    /// What comes out of the network, logits `[images, classes]` or features, of the batch.
    pub(crate) fn run(&self, run: &Run) -> Vec<f32> {
        let length = run.compiled.sizes[run.compiled.output.0];
        let mut outputs = vec![0.0; run.input.len() * length];
        let group_len = run.compiled.group() * length;
        let work = |(number, outputs): (usize, &mut [f32])| {
            let first = number * run.compiled.group();
            let memory = rayon::current_thread_index().filter(|_| run.compiled.side_by_side).unwrap_or(0);
            let mut slots = self.groups[memory].lock().unwrap_or_else(PoisonError::into_inner);
            let last = run.compiled.segments.len() - 1;
            let mut starts = vec![0; last + 1];
            let images = first..first + outputs.len() / length;
            self.run_segments(run, &mut slots, &mut starts, last, images);
            let from = &slots[run.compiled.places[run.compiled.output.0]];
            outputs.copy_from_slice(&from[..outputs.len()]);
        };
        if run.compiled.side_by_side {
            outputs.par_chunks_mut(group_len).enumerate().for_each(work);
        } else {
            outputs.chunks_mut(group_len).enumerate().for_each(work);
        }
        outputs
    }

    /// Takes a group through all segments up to the one numbered `last`, whose images they are; `starts` has the first
    /// image that each segment is at.
    fn run_segments(&self, run: &Run, slots: &mut [Floats], starts: &mut [usize], last: usize, images: Range<usize>) {
        let Compiled { steps, segments, .. } = run.compiled;
        starts[last] = images.start;
        if let Some(before) = last.checked_sub(1) {
            let part = segments[before].group;
            for first in images.clone().step_by(part) {
                self.run_segments(run, slots, starts, before, first..(first + part).min(images.end));
            }
        }
        for number in segments[last].steps.clone() {
            self.run_step(run, slots, starts, (number, &steps[number]), images.clone());
        }
    }

    fn run_step(
        &self,
        run: &Run,
        slots: &mut [Floats],
        starts: &[usize],
        (number, step): (usize, &Step),
        images: Range<usize>,
    ) {
        let Compiled { places, owners, .. } = run.compiled;
        // A buffer holds the images of its owner's group.
        let offset = |buffer: Buffer| images.start - starts[owners[buffer.0]];
        let place = places[step.output.0];
        // Taken out so that it can be written while the others are read.
        let mut memory = std::mem::take(&mut slots[place]);
        let length = step.size.len();
        let output = &mut memory[offset(step.output) * length..][..images.len() * length];
        let input = |input: &Buffer| {
            // A step that works in place finds its input in its output.
            if *input == step.output {
                &[]
            } else {
                &slots[places[input.0]][offset(*input) * run.compiled.sizes[input.0]..]
            }
        };
        let inputs: Vec<&[f32]> = step.inputs.iter().map(input).collect();
        let filter = run.filters[number].as_deref();
        let parallel = !run.compiled.side_by_side;
        let start = run.observer.map(|observer| (observer, Instant::now()));
        Pass { executor: self, run, step, filter, images, inputs: &inputs, parallel }.run(output);
        if let Some((observer, start)) = start {
            observer.step(number, output, start.elapsed());
        }
        slots[place] = memory;
    }
}

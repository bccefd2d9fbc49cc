//! Runs a compiled network on a batch.

mod band_limited;
mod convolution;
mod pass;

use super::executor::{Executor, Run};
use super::step::{Buffer, Compiled, Step};
use crate::floats::Floats;
use pass::Pass;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::PoisonError;
use std::time::Instant;

impl Executor {
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

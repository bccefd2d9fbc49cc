//! Runs a training program: stage after stage, chunks of the batch side by side, groups of a chunk one after the other.

mod convolution;
mod finish;
mod maps;
mod wide;

use super::compile::{Wanted, compile};
use super::loss::{BatchLoss, LossTarget};
use super::memory::{Chunk, Lengths, Maps, Memory, chunks_of};
use super::program::{Program, Scheduled, Stage};
use super::step::{Passed, Statistics, Step};
use crate::EngineError;
use crate::first_not_finite::FirstNotFinite;
use crate::inference::{Observer, StepTimes};
use crate::input::BatchInput;
use crate::layers::Layers;
use crate::parameters::Parameters;
use crate::plan::Plan;
use crate::workspace::Workspaces;
use jpegnet_kernels::pixels::add_moments;
use jpegnet_kernels::{Isa, Labels, Masking, add_in_place};
use rayon::prelude::*;
use std::time::Instant;

/// Sums that one task adds up over the chunks.
const SUMS_A_TASK: usize = 1 << 14;

/// A compiled training step with its memory.
#[derive(Debug)]
pub(crate) struct Training {
    wanted: Wanted,
    program: Program,
    memory: Memory,
}

/// What all images of a batch share and only read.
pub(crate) struct Batch<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) isa: Isa,
    pub(crate) input: &'a BatchInput<'a>,
    pub(crate) labels: Labels<'a>,
    pub(crate) target: LossTarget,
    /// Of every node; exact for those that mask nothing.
    pub(crate) maskings: &'a [Masking],
    pub(crate) observers: Observers<'a>,
}

/// What looks on while a step runs.
#[derive(Clone, Copy, Default)]
pub(crate) struct Observers<'a> {
    /// Looks for the first layer whose output is not finite.
    pub(crate) search: Option<&'a FirstNotFinite>,
    /// Told how long every step took.
    pub(crate) times: Option<&'a StepTimes>,
}

impl Training {
    /// A step that computes the gradients of all parameters that are not frozen, or a part of it.
    pub(crate) fn new(plan: &Plan, maskings: &[Masking], wanted: Wanted) -> Training {
        let program = compile(plan, maskings, &wanted);
        Training { wanted, program, memory: Memory::default() }
    }

    /// Whether it was made for this.
    pub(crate) fn is_for(&self, wanted: &Wanted) -> bool {
        self.wanted == *wanted
    }

    /// What the last run kept of so many images, one after the other; nothing of a program with a loss.
    pub(crate) fn kept(&self, images: usize) -> &[f32] {
        let last = self.program.stages.last().and_then(|stage| stage.steps.last());
        match last.map(|scheduled| &scheduled.step) {
            Some(&Step::Keep { from }) => self.memory.of_batch(&self.program, from, images),
            _ => &[],
        }
    }

    /// Makes room for a batch.
    pub(crate) fn prepare(
        &mut self,
        input: &BatchInput,
        workspaces: &mut Workspaces,
        rows: usize,
    ) -> Result<(), EngineError> {
        self.memory.prepare(&self.program, input.len())?;
        workspaces.prepare(self.program.workspace_len(input.pixel_scratch(rows)))
    }

    /// Bytes that a batch takes: of memory, and of the scratch of that many threads.
    pub(crate) fn planned_bytes(&self, batch: usize, expanding: usize, threads: usize) -> usize {
        let scratch = self.program.workspace_len(expanding).saturating_mul(threads).saturating_mul(size_of::<f32>());
        Lengths::of(&self.program, batch).bytes().saturating_add(scratch)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.memory.bytes()
    }

    /// What it does, one line a step.
    pub(crate) fn steps(&self, plan: &Plan) -> Vec<String> {
        self.program.describe(plan)
    }

    /// Leaves the gradients of the batch's mean loss with the parameters, and its statistics with the layers.
    pub(crate) fn run(
        &mut self,
        batch: &Batch,
        parameters: &mut Parameters,
        layers: &mut Layers,
        workspaces: &Workspaces,
    ) -> Option<BatchLoss> {
        let Training { program, memory, .. } = self;
        let mut loss = None;
        for stage in &program.stages {
            if stage.wide {
                let begin = Instant::now();
                wide::run(batch, program, stage, parameters, memory, workspaces);
                if let (Some(times), Some(only)) = (batch.observers.times, stage.steps.first()) {
                    // All threads were at it.
                    let threads = u32::try_from(rayon::current_num_threads()).unwrap_or(1);
                    times.step(only.number, &[], begin.elapsed() * threads);
                }
                continue;
            }
            let chunks = chunks_of(stage, batch.input.len());
            convolution::pack(batch, program, parameters, stage, &mut memory.packed);
            let (cut, packed) = memory.chunks(program, stage, chunks);
            let pass = Pass { batch, program, stage, parameters, layers, packed };
            cut.into_par_iter().for_each(|chunk| workspaces.lend(|workspace| pass.run_chunk(chunk, workspace)));
            let (singles, doubles) = memory.sums(stage, chunks);
            let sums = add_up(batch.isa, (singles, stage.singles), (doubles, stage.doubles));
            loss = loss.or(finish::finish(batch, program, stage, parameters, layers, sums));
        }
        loss
    }
}

/// One stage of a batch.
struct Pass<'a> {
    batch: &'a Batch<'a>,
    program: &'a Program,
    stage: &'a Stage,
    parameters: &'a Parameters,
    layers: &'a Layers,
    /// Filters of the stage.
    packed: &'a [f32],
}

/// Where a group's steps add up and compute.
struct Work<'a> {
    singles: &'a mut [f32],
    doubles: &'a mut [f64],
    /// Of filters' gradients, in orders of their own.
    sums: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl Pass<'_> {
    fn run_chunk(&self, chunk: Chunk, workspace: &mut [f32]) {
        let Stage { group, maps, sums, .. } = *self.stage;
        let (thread, rest) = workspace.split_at_mut(group * maps);
        let (sums, scratch) = rest.split_at_mut(sums);
        let Chunk { first, images, mut memory, singles, doubles } = chunk;
        sums.fill(0.0);
        singles.fill(0.0);
        doubles.fill(0.0);
        let mut work = Work { singles, doubles, sums, scratch };
        for start in (0..images).step_by(group) {
            let images = start..(start + group).min(images);
            let mut maps = Maps::new(self.program, &mut memory, thread, images);
            for scheduled in &self.stage.steps {
                let begin = self.batch.observers.times.map(|times| (times, Instant::now()));
                self.run_step(scheduled, first + start, &mut maps, &mut work);
                if let Some((times, begin)) = begin {
                    times.step(scheduled.number, &[], begin.elapsed());
                }
                if let (Some(search), Some(node), Some(output)) =
                    (self.batch.observers.search, scheduled.completes, scheduled.step.writes())
                {
                    search.look_at(node, maps.read(output));
                }
            }
        }
        convolution::finish_chunk(self, &mut work);
    }

    fn run_step(&self, scheduled: &Scheduled, first: usize, maps: &mut Maps, work: &mut Work) {
        let isa = self.batch.isa;
        match &scheduled.step {
            Step::Input { output } => self.expand(*output, first, maps, work.scratch),
            Step::Sum { terms, relu, output } => self.sum(terms, *relu, *output, maps),
            Step::Masked { node, map } => self.masked(*node, *map, maps),
            Step::MaskedAgain { node, map } => self.masked_again(*node, *map, maps),
            Step::Truncate { node, map } => self.truncate(*node, *map, maps),
            Step::Conv2d { node, input, output } => {
                self.conv2d(scheduled, *node, (*input, *output), maps, work.scratch);
            }
            Step::Moments { node, input } => {
                let channels = self.channels(*node);
                add_moments(isa, channels, maps.read(*input), &mut work.doubles[scheduled.doubles..][..2 * channels]);
            }
            Step::Map { node, input, output } => self.map(*node, (*input, *output), maps),
            Step::Linear { node, input, output } => self.linear(*node, (*input, *output), maps),
            Step::Loss { logits, gradient } => {
                let doubles = &mut work.doubles[scheduled.doubles..][..2];
                self.loss(first, (*logits, *gradient), maps, doubles);
            }
            Step::Keep { .. } => {}
            Step::Copy { from, to } => maps.write(*to, [*from], |to, [from]| to.copy_from_slice(from)),
            Step::Narrow { from, to } => maps.narrow(isa, *from, *to),
            Step::Widen { from, to } => maps.widen(isa, *from, *to),
            Step::Add { sum, term } => maps.write(*sum, [*term], |sum, [term]| add_in_place(isa, sum, term)),
            Step::Pass { passed, gradient, moments } => {
                let doubles = &mut work.doubles[scheduled.doubles..];
                self.pass(Some(passed), *gradient, moments.map(|statistics| (statistics, doubles)), maps);
            }
            Step::GradientMoments { statistics, gradient } => {
                let doubles = &mut work.doubles[scheduled.doubles..];
                self.pass(None, *gradient, Some((*statistics, doubles)), maps);
            }
            Step::MaskedBackward { node, gradient } => self.masked_backward(*node, *gradient, maps),
            Step::NormaliseBackward { node, input, gradient, output } => {
                self.normalise_backward(*node, (*input, *gradient), *output, maps);
            }
            Step::Conv2dBackward { node, input, gradient, target } => {
                self.conv2d_backward(scheduled, *node, (*input, *gradient), *target, maps, work);
            }
            Step::MapBackward { node, gradient, target } => self.map_backward(*node, *gradient, *target, maps),
            Step::LinearBackward { node, input, gradient, target } => {
                let singles = &mut work.singles[scheduled.singles..];
                self.linear_backward(*node, (*input, *gradient), *target, maps, singles, work.scratch);
            }
        }
    }
}

/// Adds every chunk's sums to the first chunk's, in the order of the chunks; each of the pairs is all sums and how many a
/// chunk has.
fn add_up<'a>(
    isa: Isa,
    (singles, of_chunk): (&'a mut [f32], usize),
    (doubles, doubles_of_chunk): (&'a mut [f64], usize),
) -> (&'a [f32], &'a [f64]) {
    let (total_singles, singles) = singles.split_at_mut(of_chunk);
    let (total_doubles, doubles) = doubles.split_at_mut(doubles_of_chunk);
    total_singles.par_chunks_mut(SUMS_A_TASK).enumerate().for_each(|(task, total)| {
        for chunk in singles.chunks_exact(of_chunk) {
            let start = task * SUMS_A_TASK;
            add_in_place(isa, total, &chunk[start..start + total.len()]);
        }
    });
    for chunk in doubles.chunks_exact(doubles_of_chunk.max(1)) {
        for (total, part) in total_doubles.iter_mut().zip(chunk) {
            *total += part;
        }
    }
    (total_singles, total_doubles)
}

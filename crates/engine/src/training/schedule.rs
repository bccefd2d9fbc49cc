//! Cuts steps into stages, and gives every buffer its place.

use super::narrow::{self, Narrowed, Steps, narrow};
use super::program::{Place, Program, Scheduled, Stage};
use super::step::{Buffer, Passed, Statistics, Step, Term};
use crate::methods::Convolution;
use crate::operations::Operation;
use crate::plan::Plan;
use crate::shape::Shape;
use jpegnet_kernels::pixels::MOMENTS;
use std::ops::Range;

/// Floats of a thread's maps that the images of a group may take: they stay in a core's cache.
const NEAR: usize = 1 << 17;

/// Rows of a matrix product that a group's tiles should make.
const ROWS: usize = 64;

/// Images of a group at most.
const MOST_IMAGES: usize = 32;

/// What a plan was compiled to.
pub(super) struct Compiled {
    /// Nodes that are not run: what they give is given.
    pub(super) begin: usize,
    pub(super) steps: Vec<Step>,
    /// The node that every step completes.
    pub(super) completes: Vec<Option<usize>>,
    /// Floats of an image in every buffer.
    pub(super) lengths: Vec<usize>,
    pub(super) masks: Vec<usize>,
    pub(super) truncates: Vec<bool>,
    pub(super) convolutions: Vec<Option<Convolution>>,
}

/// Cuts a step into stages; `sixteen_bits` keeps what the forward pass stores so.
pub(super) fn schedule(plan: &Plan, compiled: Compiled, sixteen_bits: bool) -> Program {
    let Compiled { begin, steps, completes, mut lengths, masks, truncates, convolutions } = compiled;
    let stored = if sixteen_bits { stored(plan, &steps) } else { Vec::new() };
    let ranges = stages(&steps, &convolutions);
    let mut all = steps.into_iter().zip(completes);
    let cut: Vec<Steps> = ranges.iter().map(|range| all.by_ref().take(range.len()).collect()).collect();
    let is_fixed = |steps: &Steps| steps.iter().any(|(step, _)| is_wide(step, &convolutions));
    let Narrowed { stages, narrow } = narrow(cut, &stored, is_fixed, &mut lengths);
    let ranges = narrow::ranges(&stages);
    let steps: Vec<Step> = stages.iter().flatten().map(|(step, _)| step.clone()).collect();
    let Placed { places, slots, narrow_slots, maps } = place(&steps, &ranges, &lengths, &narrow);
    let mut program =
        Program { begin, stages: Vec::new(), lengths, places, slots, narrow_slots, masks, truncates, convolutions };
    for ((steps, range), maps) in stages.into_iter().zip(ranges).zip(maps) {
        let stage = stage(plan, &program, range.start, steps, maps);
        program.stages.push(stage);
    }
    program
}

/// Maps that the forward pass writes.
fn stored(plan: &Plan, steps: &[Step]) -> Vec<Buffer> {
    let is_map = |node: usize| matches!(plan.shapes[node + 1], Shape::Map { .. });
    let forward = steps.iter().take_while(|step| !matches!(step, Step::Loss { .. }));
    let written = forward.filter_map(|step| match *step {
        Step::Conv2d { node, output, .. } | Step::Map { node, output, .. } if is_map(node) => Some(output),
        Step::Sum { output, .. } => Some(output),
        _ => None,
    });
    written.collect()
}

/// A batch normalisation's statistics, forward or backward.
type Awaited = (usize, bool);

/// What must be known of the whole batch before a step.
fn waits_for(step: &Step) -> Vec<Awaited> {
    let of_term = |term: &Term| term.normalised_by.map(|node| (node, false));
    match step {
        Step::Sum { terms, .. } => terms.iter().filter_map(of_term).collect(),
        Step::Pass { passed: Passed::Normalised(term), .. } => of_term(term).into_iter().collect(),
        Step::NormaliseBackward { node, .. } => vec![(*node, true)],
        _ => Vec::new(),
    }
}

/// What a step adds up for the whole batch.
fn sums_for(step: &Step) -> Option<Awaited> {
    match *step {
        Step::Moments { node, .. } => Some((node, false)),
        Step::GradientMoments { statistics: Statistics { node, .. }, .. }
        | Step::Pass { moments: Some(Statistics { node, .. }), .. } => Some((node, true)),
        _ => None,
    }
}

/// Whether a step is a convolution whose filter's panels threads share.
fn is_wide(step: &Step, convolutions: &[Option<Convolution>]) -> bool {
    match step {
        Step::Conv2d { node, .. } | Step::Conv2dBackward { node, .. } => {
            convolutions[*node].as_ref().is_some_and(|convolution| convolution.wide().is_some())
        }
        _ => false,
    }
}

/// Runs of steps that need nothing of other images; one alone for which threads share the batch.
fn stages(steps: &[Step], convolutions: &[Option<Convolution>]) -> Vec<Range<usize>> {
    let mut stages = Vec::new();
    let (mut start, mut summed) = (0, Vec::new());
    for (number, step) in steps.iter().enumerate() {
        // What is kept for the caller must outlive the stage that makes it.
        let alone = is_wide(step, convolutions)
            || matches!(step, Step::Keep { .. })
            || (number > 0 && is_wide(&steps[number - 1], convolutions));
        if number > 0 && (alone || waits_for(step).iter().any(|awaited| summed.contains(awaited))) {
            stages.push(start..number);
            start = number;
            summed.clear();
        }
        summed.extend(sums_for(step));
    }
    stages.push(start..steps.len());
    stages
}

struct Placed {
    places: Vec<Place>,
    /// Floats of an image in every slot of the arena.
    slots: Vec<usize>,
    /// 16-bit values of an image in every slot of those.
    narrow_slots: Vec<usize>,
    /// Floats of an image's maps that a thread holds, of every stage.
    maps: Vec<usize>,
}

/// Buffers of one stage go to the thread's maps, others to slots of the arena. A slot is taken over within a stage only by
/// a buffer of the same length: images reach the steps of a stage at different times, and must not meet.
fn place(steps: &[Step], stages: &[Range<usize>], lengths: &[usize], narrow: &[bool]) -> Placed {
    let mut first = vec![usize::MAX; lengths.len()];
    let mut last = vec![0; lengths.len()];
    for (number, step) in steps.iter().enumerate() {
        for buffer in step.reads().into_iter().chain(step.writes()) {
            first[buffer.0] = first[buffer.0].min(number);
            last[buffer.0] = number;
        }
    }
    let mut places = vec![Place::Batch(usize::MAX); lengths.len()];
    let mut slots: Vec<usize> = Vec::new();
    let mut narrow_slots: Vec<usize> = Vec::new();
    // Free slots, with the stage in which they became so and the length of what was there.
    let mut free: Vec<(usize, usize, usize)> = Vec::new();
    let mut maps = Vec::with_capacity(stages.len());
    for (stage, range) in stages.iter().enumerate() {
        let mut thread = ThreadMaps::default();
        for number in range.clone() {
            let step = &steps[number];
            if let Some(buffer) = step.writes().filter(|buffer| first[buffer.0] == number) {
                let length = lengths[buffer.0];
                places[buffer.0] = if range.contains(&last[buffer.0]) {
                    Place::Thread(thread.take(length))
                } else if narrow[buffer.0] {
                    // What the forward pass stores lives until the backward pass: nothing to take over.
                    narrow_slots.push(length);
                    Place::Narrow(narrow_slots.len() - 1)
                } else {
                    let usable = |&(_, slot, freed, held): &(usize, usize, usize, usize)| {
                        freed < stage || (held == length && slots[slot] >= length)
                    };
                    let numbered = free
                        .iter()
                        .enumerate()
                        .map(|(at, &(slot, freed, held))| (at, slot, freed, held))
                        .filter(usable);
                    // The slot that wastes least, or else must grow least.
                    let best = numbered.min_by_key(|&(_, slot, ..)| slots[slot].abs_diff(length));
                    let slot = best.map_or_else(
                        || {
                            slots.push(0);
                            slots.len() - 1
                        },
                        |(at, slot, ..)| {
                            free.swap_remove(at);
                            slot
                        },
                    );
                    slots[slot] = slots[slot].max(length);
                    Place::Batch(slot)
                };
            }
            let mut ended: Vec<Buffer> =
                step.reads().into_iter().chain(step.writes()).filter(|buffer| last[buffer.0] == number).collect();
            ended.sort_unstable_by_key(|buffer| buffer.0);
            ended.dedup();
            for buffer in ended {
                match places[buffer.0] {
                    Place::Batch(slot) => free.push((slot, stage, lengths[buffer.0])),
                    Place::Narrow(_) => {}
                    Place::Thread(start) => thread.give_back(start..start + lengths[buffer.0]),
                }
            }
        }
        maps.push(thread.length);
    }
    Placed { places, slots, narrow_slots, maps }
}

/// A thread's maps in one stage: the first gap that is long enough, or the end.
#[derive(Default)]
struct ThreadMaps {
    taken: Vec<Range<usize>>,
    length: usize,
}

impl ThreadMaps {
    fn take(&mut self, length: usize) -> usize {
        let mut start = 0;
        for range in &self.taken {
            if range.start - start >= length {
                break;
            }
            start = range.end;
        }
        self.taken.push(start..start + length);
        self.taken.sort_unstable_by_key(|range| range.start);
        self.length = self.length.max(start + length);
        start
    }

    fn give_back(&mut self, range: Range<usize>) {
        self.taken.retain(|taken| *taken != range);
    }
}

fn stage(plan: &Plan, program: &Program, first: usize, steps: Steps, maps: usize) -> Stage {
    let mut slots: Vec<(usize, usize)> = Vec::new();
    let (mut tiles, mut filters) = (ROWS, 0);
    for (step, _) in &steps {
        for buffer in step.reads().into_iter().chain(step.writes()) {
            let Place::Batch(slot) = program.places[buffer.0] else {
                continue;
            };
            let used = (slot, program.length(buffer));
            if !slots.contains(&used) {
                slots.push(used);
            }
        }
        if let Step::Conv2d { node, .. } | Step::Conv2dBackward { node, .. } = step {
            tiles = tiles.min(program.convolution(*node).tiles());
            filters += program.convolution(*node).packed_len();
        }
    }
    // Filters that are larger than the maps are read from far away once a group.
    let group = ROWS.div_ceil(tiles.max(1)).min(NEAR.max(filters) / maps.max(1)).clamp(1, MOST_IMAGES);
    let wide = matches!(&steps[..], [(step, _)] if is_wide(step, &program.convolutions));
    let mut stage =
        Stage { steps: Vec::new(), wide, group, slots, maps, singles: 0, doubles: 0, packed: 0, sums: 0, scratch: 0 };
    for (number, (step, completes)) in (first..).zip(steps) {
        let needs = needs(plan, program, &step, group);
        let Stage { singles, doubles, packed, sums, .. } = stage;
        stage.steps.push(Scheduled { step, number, completes, singles, doubles, packed, sums });
        stage.singles += needs.singles;
        stage.doubles += needs.doubles;
        stage.packed += needs.packed;
        stage.sums += needs.sums;
        stage.scratch = stage.scratch.max(needs.scratch);
    }
    stage
}

#[derive(Default)]
struct Needs {
    singles: usize,
    doubles: usize,
    packed: usize,
    sums: usize,
    scratch: usize,
}

fn needs(plan: &Plan, program: &Program, step: &Step, group: usize) -> Needs {
    let moments = |node: usize| {
        let (channels, _) = plan.shapes[node + 1].as_map();
        Needs { doubles: MOMENTS * channels, ..Needs::default() }
    };
    let parameter = |number: Option<usize>| number.map_or(0, |number| plan.parameters[number].len());
    match *step {
        Step::Moments { node, .. }
        | Step::GradientMoments { statistics: Statistics { node, .. }, .. }
        | Step::Pass { moments: Some(Statistics { node, .. }), .. } => moments(node),
        Step::Loss { .. } => Needs { doubles: 2, ..Needs::default() },
        Step::Conv2d { node, .. } | Step::Conv2dBackward { node, .. } if is_wide(step, &program.convolutions) => {
            let scratch = program.convolution(node).wide().map_or(0, |wide| {
                let rows = wide.runs(1).rows_len;
                wide.panel_workspace_len().max(rows)
            });
            Needs { scratch, ..Needs::default() }
        }
        Step::Conv2d { node, .. } => {
            let conv = program.convolution(node);
            Needs { packed: conv.packed_len(), scratch: conv.scratch_len(group), ..Needs::default() }
        }
        Step::Conv2dBackward { node, target, .. } => {
            let conv = program.convolution(node);
            let Operation::Conv2d { bias, .. } = plan.nodes[node].operation else {
                unreachable!("a convolution's backward is of a convolution");
            };
            Needs {
                singles: conv.filter_len() + parameter(bias),
                packed: if target.is_some() { conv.adjoint_packed_len() } else { 0 },
                sums: conv.sums_len(),
                scratch: conv.scratch_len(group),
                ..Needs::default()
            }
        }
        Step::LinearBackward { node, target, .. } => match plan.nodes[node].operation {
            Operation::Linear { weight, bias, inputs, .. } => Needs {
                singles: parameter(Some(weight)) + parameter(bias),
                scratch: if target.is_some() { group * inputs } else { 0 },
                ..Needs::default()
            },
            _ => unreachable!("a linear layer's backward is of a linear layer"),
        },
        _ => Needs::default(),
    }
}

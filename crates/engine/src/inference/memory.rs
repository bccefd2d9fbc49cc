//! Which buffers share memory, how many images run together, and how threads divide them.

use super::circumstances::Circumstances;
use super::cost::longest_run;
use super::step::{Buffer, Compiled, Kind, Segment, Size, Step};

/// Floats of an image's maps up to which a network is small: groups of such images run side by side, one a thread.
const SMALL: usize = 1 << 17;

/// Floats of maps that a group of a small network should hold, so that they stay near its core.
const NEAR: usize = 1 << 17;

/// Images of a small network that run through it together: enough that its last layers still have tiles to multiply.
const SMALL_GROUP: std::ops::RangeInclusive<usize> = 4..=32;

/// Floats that the images at work on a step may read (residuals aside) and write: 6 MiB, which stays in a cache that the
/// cores share.
const AT_ONCE: usize = 3 << 19;

/// Images that run together through a step that reads and writes so many floats an image: few where maps are large, so
/// that they stay in the cache; many where they are small, since every group reads all filters anew.
pub(super) fn images_at_once(floats: usize, batch: usize) -> usize {
    let most = (AT_ONCE / floats.max(1)).max(1);
    // Powers of two, so that a group is made of whole smaller ones.
    (1 << most.ilog2()).min(batch)
}

pub(super) fn plan(circumstances: Circumstances, steps: &mut Vec<Step>, sizes: &[Size], output: Buffer) -> Compiled {
    let Circumstances { batch, threads, .. } = circumstances;
    let (_, slots) = assign(steps, sizes, output, &[Segment { steps: 0..steps.len(), group: 1 }]);
    let image: usize = slots.iter().sum::<usize>().max(1);
    let side_by_side = image <= SMALL && threads > 1 && batch >= threads * SMALL_GROUP.start();
    let segments = if image <= SMALL {
        let most = (NEAR / image).clamp(*SMALL_GROUP.start(), *SMALL_GROUP.end());
        // Equally large groups, as many as keep all threads busy.
        let groups = batch.div_ceil(most);
        let group = batch.div_ceil(if side_by_side { groups.next_multiple_of(threads) } else { groups });
        vec![Segment { steps: 0..steps.len(), group }]
    } else {
        segments(steps, sizes, batch)
    };
    let sharing = if side_by_side { 1 } else { threads };
    let (mut scratch, mut shared) = (0, (0, 0));
    for Segment { steps: range, group } in &segments {
        for step in &steps[range.clone()] {
            let needed = match &step.kind {
                Kind::Conv2d { conv, pick, .. } if pick.shared && sharing > 1 => {
                    let run = conv.shared_run(group * conv.units());
                    shared.0 = run.frequency_len.saturating_mul(run.frequencies).max(shared.0);
                    shared.1 = run.product_len.saturating_mul(run.frequencies).max(shared.1);
                    run.rows_len
                }
                Kind::Conv2d { conv, .. } => conv.workspace_len(longest_run(conv, *group)),
                Kind::BandConv2d { method, .. } => method.workspace_len(),
                _ => 0,
            };
            scratch = needed.max(scratch);
        }
    }
    let (places, slots) = assign(steps, sizes, output, &segments);
    let owners = owners(steps, sizes.len(), output, &segments);
    let sizes = sizes.iter().map(|size| size.len()).collect();
    let steps = std::mem::take(steps);
    Compiled { steps, segments, sizes, places, owners, slots, output, side_by_side, scratch, shared }
}

/// Runs of steps with the images of each at once: as many as suit the step that suits the fewest from there on, since a
/// group is made of whole smaller ones.
fn segments(steps: &[Step], sizes: &[Size], batch: usize) -> Vec<Segment> {
    let mut groups: Vec<usize> = Vec::with_capacity(steps.len());
    let mut fewest = batch;
    for step in steps.iter().rev() {
        let read = step.inputs.first().map_or(0, |input| sizes[input.0].len());
        fewest = images_at_once(read + step.size.len(), fewest);
        groups.push(fewest);
    }
    let mut segments: Vec<Segment> = Vec::new();
    for (number, group) in groups.into_iter().rev().enumerate() {
        match segments.last_mut() {
            Some(last) if group == last.group => last.steps.end = number + 1,
            _ => segments.push(Segment { steps: number..number + 1, group }),
        }
    }
    segments
}

/// The segment that reads each buffer last, whose images it holds.
fn owners(steps: &[Step], buffers: usize, output: Buffer, segments: &[Segment]) -> Vec<usize> {
    let mut owners = vec![0; buffers];
    for (number, segment) in segments.iter().enumerate() {
        for step in &steps[segment.steps.clone()] {
            for buffer in step.inputs.iter().chain([&step.output]) {
                owners[buffer.0] = number;
            }
        }
    }
    owners[output.0] = segments.len() - 1;
    owners
}

/// A slot for every buffer, reused once nothing reads it any more, and every slot's floats.
fn assign(steps: &[Step], sizes: &[Size], output: Buffer, segments: &[Segment]) -> (Vec<usize>, Vec<usize>) {
    let owners = owners(steps, sizes.len(), output, segments);
    let lengths: Vec<usize> =
        sizes.iter().zip(&owners).map(|(size, &owner)| size.len() * segments[owner].group).collect();
    let segment_of = |step: usize| segments.iter().position(|segment| segment.steps.contains(&step));
    let mut last_use = vec![0; sizes.len()];
    for (number, step) in steps.iter().enumerate() {
        for buffer in step.inputs.iter().chain([&step.output]) {
            last_use[buffer.0] = number;
        }
    }
    last_use[output.0] = steps.len();
    let mut places = vec![usize::MAX; sizes.len()];
    let mut slots: Vec<usize> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    // What one segment writes, part by part, for a later one to read must outlast all parts: it is never shared before.
    for (number, step) in steps.iter().enumerate() {
        let buffer = step.output.0;
        if places[buffer] == usize::MAX && segment_of(number) != Some(owners[buffer]) {
            slots.push(lengths[buffer]);
            places[buffer] = slots.len() - 1;
        }
    }
    for (number, step) in steps.iter().enumerate() {
        let buffer = step.output.0;
        if places[buffer] == usize::MAX {
            let length = lengths[buffer];
            // The smallest free slot that is large enough, else the largest, which grows.
            let fitting = free.iter().copied().filter(|&slot| slots[slot] >= length).min_by_key(|&slot| slots[slot]);
            let slot = fitting.or_else(|| free.iter().copied().max_by_key(|&slot| slots[slot]));
            let slot = slot.unwrap_or_else(|| {
                slots.push(0);
                slots.len() - 1
            });
            free.retain(|&other| other != slot);
            slots[slot] = slots[slot].max(length);
            places[buffer] = slot;
        }
        for (buffer, &last) in last_use.iter().enumerate() {
            if last == number && places[buffer] != usize::MAX && !free.contains(&places[buffer]) {
                free.push(places[buffer]);
            }
        }
    }
    (places, slots)
}

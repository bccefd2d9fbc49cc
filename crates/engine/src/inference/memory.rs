//! Which buffers share memory, how many images run together, and how threads divide them.

use super::compile::Circumstances;
use super::cost::longest_run;
use super::step::{Buffer, Compiled, Kind, Size, Step};

/// Floats of an image's maps up to which a network is small: groups of such images run side by side, one a thread.
const SMALL: usize = 1 << 17;

/// Floats of maps that a group of a small network should hold, so that they stay near its core.
const NEAR: usize = 1 << 17;

/// Floats of maps that a group may hold at all, unless one image needs more: 64 MiB.
const MOST: usize = 1 << 24;

/// Images of a small network that run through it together: enough that its last layers still have tiles to multiply.
const SMALL_GROUP: std::ops::RangeInclusive<usize> = 4..=32;

pub(super) fn plan(circumstances: Circumstances, steps: &mut Vec<Step>, sizes: &[Size], logits: Buffer) -> Compiled {
    let (places, slots) = assign(steps, sizes, logits);
    let image: usize = slots.iter().sum::<usize>().max(1);
    let Circumstances { batch, threads, .. } = circumstances;
    let side_by_side = image <= SMALL && threads > 1 && batch >= threads * SMALL_GROUP.start();
    let group = if image <= SMALL {
        let most = (NEAR / image).clamp(*SMALL_GROUP.start(), *SMALL_GROUP.end());
        // Equally large groups, as many as keep all threads busy.
        let groups = batch.div_ceil(most);
        batch.div_ceil(if side_by_side { groups.next_multiple_of(threads) } else { groups })
    } else {
        (MOST / image).clamp(1, batch)
    };
    let sharing = if side_by_side { 1 } else { threads };
    let scratch = steps.iter().map(|step| match &step.kind {
        Kind::Conv2d { conv, pick, .. } if pick.shared && sharing > 1 => conv.shared_run(group * conv.units()).rows_len,
        Kind::Conv2d { conv, .. } => conv.workspace_len(longest_run(conv, group)),
        Kind::BandConv2d { method, .. } => method.workspace_len(),
        _ => 0,
    });
    let scratch = scratch.max().unwrap_or(0);
    let shared = steps.iter().map(|step| match &step.kind {
        Kind::Conv2d { conv, pick, .. } if pick.shared && sharing > 1 => {
            let run = conv.shared_run(group * conv.units());
            (run.frequencies * run.frequency_len, run.frequencies * run.product_len)
        }
        _ => (0, 0),
    });
    let shared = shared.fold((0, 0), |most, run| (most.0.max(run.0), most.1.max(run.1)));
    Compiled { steps: std::mem::take(steps), places, slots, logits, group, side_by_side, scratch, shared }
}

/// A slot for every buffer, reused once nothing reads it any more, and every slot's length.
fn assign(steps: &[Step], sizes: &[Size], logits: Buffer) -> (Vec<usize>, Vec<usize>) {
    let mut last_use = vec![0; sizes.len()];
    for (number, step) in steps.iter().enumerate() {
        for buffer in step.inputs.iter().chain([&step.output]) {
            last_use[buffer.0] = number;
        }
    }
    last_use[logits.0] = steps.len();
    let mut places = vec![usize::MAX; sizes.len()];
    let mut slots: Vec<usize> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let buffer = step.output.0;
        if places[buffer] == usize::MAX {
            let length = sizes[buffer].len();
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

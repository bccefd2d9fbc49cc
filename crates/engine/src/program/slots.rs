//! Memory for buffers: those that never live at the same time share a slot.

use super::{Buffer, Instruction};

/// Where a buffer lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BufferPlace {
    pub(crate) slot: usize,
    /// Floats of an image; the slot may be wider.
    pub(crate) length: usize,
}

/// Gives every buffer a slot; second, the floats an image takes in each slot.
///
/// Images of a batch run through a stage one after the other, so a slot has one stride for all its buffers: then image i
/// never touches what belongs to image j, whatever either has reached.
pub(super) fn assign(
    buffers: &[usize],
    instructions: &[Instruction],
    logits: Buffer,
) -> (Vec<BufferPlace>, Vec<usize>) {
    let mut first = vec![usize::MAX; buffers.len()];
    let mut last = vec![0; buffers.len()];
    for (number, instruction) in instructions.iter().enumerate() {
        for buffer in instruction.reads().chain(instruction.writes()) {
            first[buffer.0] = first[buffer.0].min(number);
            last[buffer.0] = number;
        }
    }
    // Read after the program has ended.
    last[logits.0] = instructions.len();

    let mut slots: Vec<usize> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let mut places = vec![BufferPlace { slot: usize::MAX, length: 0 }; buffers.len()];
    for (number, instruction) in instructions.iter().enumerate() {
        if let Some(buffer) = instruction.writes().filter(|buffer| first[buffer.0] == number) {
            let length = buffers[buffer.0];
            let slot = take_best(&mut free, &slots, length).unwrap_or_else(|| {
                slots.push(0);
                slots.len() - 1
            });
            slots[slot] = slots[slot].max(length);
            places[buffer.0] = BufferPlace { slot, length };
        }
        let mut ended: Vec<usize> = instruction
            .reads()
            .chain(instruction.writes())
            .filter(|buffer| last[buffer.0] == number)
            .map(|buffer| places[buffer.0].slot)
            .collect();
        ended.sort_unstable();
        ended.dedup();
        free.extend(ended);
    }
    (places, slots)
}

/// The smallest free slot that is wide enough, or else the widest.
fn take_best(free: &mut Vec<usize>, slots: &[usize], length: usize) -> Option<usize> {
    let fitting = |&(_, slot): &(usize, &usize)| slots[*slot] >= length;
    let best = free.iter().enumerate().filter(fitting).min_by_key(|&(_, slot)| slots[*slot]);
    let best = best.or_else(|| free.iter().enumerate().max_by_key(|&(_, slot)| slots[*slot]));
    let position = best.map(|(position, _)| position)?;
    Some(free.swap_remove(position))
}

//! Keeps what the forward pass stores for later stages in 16 bits: a stage works on float32 of its own.

use super::step::{Buffer, Step};
use std::ops::Range;

/// Steps with the node that each completes.
pub(super) type Steps = Vec<(Step, Option<usize>)>;

/// Steps in their stages, and which buffers are kept in 16 bits.
pub(super) struct Narrowed {
    pub(super) stages: Vec<Steps>,
    /// Of every buffer.
    pub(super) narrow: Vec<bool>,
}

/// Rewrites stages so that every candidate that outlives its stage is kept in 16 bits; those that a stage of `fixed` steps
/// touches stay as they are. `lengths` grows by the stages' own buffers.
pub(super) fn narrow(
    stages: Vec<Steps>,
    candidates: &[Buffer],
    fixed: impl Fn(&Steps) -> bool,
    lengths: &mut Vec<usize>,
) -> Narrowed {
    let mut narrow = vec![false; lengths.len()];
    for &buffer in candidates {
        let users = stages.iter().filter(|steps| steps.iter().any(|(step, _)| touches(step, buffer)));
        narrow[buffer.0] = users.clone().count() > 1 && !users.into_iter().any(&fixed);
    }
    let stages = stages.into_iter().map(|steps| in_stage(steps, &narrow, lengths)).collect();
    narrow.resize(lengths.len(), false);
    Narrowed { stages, narrow }
}

fn touches(step: &Step, buffer: Buffer) -> bool {
    step.writes() == Some(buffer) || step.reads().contains(&buffer)
}

/// One stage on float32 of its own.
fn in_stage(steps: Steps, narrow: &[bool], lengths: &mut Vec<usize>) -> Steps {
    let mut own: Vec<(Buffer, Buffer)> = Vec::new();
    let last_write = |buffer: Buffer| steps.iter().rposition(|(step, _)| step.writes() == Some(buffer));
    let last_writes: Vec<(Buffer, usize)> = (0..narrow.len())
        .filter(|&buffer| narrow[buffer])
        .filter_map(|buffer| Some((Buffer(buffer), last_write(Buffer(buffer))?)))
        .collect();
    let mut result = Vec::with_capacity(steps.len());
    for (number, (mut step, completes)) in steps.into_iter().enumerate() {
        for buffer in step.reads().into_iter().chain(step.writes()) {
            if !narrow.get(buffer.0).copied().unwrap_or(false) || own.iter().any(|(kept, _)| *kept == buffer) {
                continue;
            }
            lengths.push(lengths[buffer.0]);
            let wide = Buffer(lengths.len() - 1);
            own.push((buffer, wide));
            if step.reads().contains(&buffer) {
                result.push((Step::Widen { from: buffer, to: wide }, None));
            }
        }
        let own_of = |buffer: Buffer| own.iter().find(|(kept, _)| *kept == buffer).map_or(buffer, |(_, wide)| *wide);
        step.rename(own_of);
        result.push((step, completes));
        for &(buffer, _) in last_writes.iter().filter(|(_, last)| *last == number) {
            result.push((Step::Narrow { from: own_of(buffer), to: buffer }, None));
        }
    }
    result
}

/// Where every stage's steps lie in one row.
pub(super) fn ranges(stages: &[Steps]) -> Vec<Range<usize>> {
    let mut start = 0;
    let range = |steps: &Steps| {
        let range = start..start + steps.len();
        start = range.end;
        range
    };
    stages.iter().map(range).collect()
}

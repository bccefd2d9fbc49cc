//! Stages: runs of instructions that need nothing of other images.

use super::{BufferPlace, Instruction};
use crate::plan::{Operation, Plan};
use jpegnet_kernels::{GRADIENT_MOMENTS, MOMENTS};

/// What a stage does with a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SlotUse {
    /// Nothing.
    #[default]
    Unused,
    /// Reads only, so that all chunks may share it.
    Read,
    /// Writes.
    Write,
}

/// An instruction and where its sums over images go: offsets into the chunk's sums and the stage's packed filters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scheduled {
    pub(crate) instruction: Instruction,
    pub(crate) singles: usize,
    pub(crate) doubles: usize,
    pub(crate) adjoint: usize,
}

/// Instructions that every image runs through on its own, and the sums that are added up after all have.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) instructions: Vec<Scheduled>,
    pub(crate) slots: Vec<SlotUse>,
    /// Float32 sums of a chunk: gradients of filters, weights and biases.
    pub(crate) singles: usize,
    /// Float64 sums of a chunk: moments and loss.
    pub(crate) doubles: usize,
    /// Floats of the filters packed for input gradients.
    pub(crate) adjoint: usize,
}

impl Stage {
    fn new(slots: usize) -> Stage {
        Stage { instructions: Vec::new(), slots: vec![SlotUse::Unused; slots], singles: 0, doubles: 0, adjoint: 0 }
    }
}

pub(super) fn split(plan: &Plan, instructions: Vec<Instruction>, places: &[BufferPlace], slots: usize) -> Vec<Stage> {
    let mut stages = vec![Stage::new(slots)];
    let mut stage = 0;
    for instruction in instructions {
        if waits_for(&instruction).is_some_and(|awaited| {
            stages[stage].instructions.iter().any(|earlier| sums_for(&earlier.instruction) == Some(awaited))
        }) {
            stages.push(Stage::new(slots));
            stage += 1;
        }
        let stage = &mut stages[stage];
        for buffer in instruction.reads() {
            let slot = &mut stage.slots[places[buffer.0].slot];
            if *slot == SlotUse::Unused {
                *slot = SlotUse::Read;
            }
        }
        if let Some(buffer) = instruction.writes() {
            stage.slots[places[buffer.0].slot] = SlotUse::Write;
        }
        let Stage { singles, doubles, adjoint, .. } = *stage;
        stage.instructions.push(Scheduled { instruction, singles, doubles, adjoint });
        let sizes = sums(plan, &instruction);
        stage.singles += sizes.singles;
        stage.doubles += sizes.doubles;
        stage.adjoint += sizes.adjoint;
    }
    stages
}

/// Statistics of a batch normalisation (node, forward or backward).
type Statistics = (usize, bool);

fn sums_for(instruction: &Instruction) -> Option<Statistics> {
    match *instruction {
        Instruction::Moments { node, .. } => Some((node, false)),
        Instruction::GradientMoments { node, .. } => Some((node, true)),
        _ => None,
    }
}

fn waits_for(instruction: &Instruction) -> Option<Statistics> {
    match *instruction {
        Instruction::Normalise { node, .. } => Some((node, false)),
        Instruction::NormaliseBackward { node, .. } => Some((node, true)),
        _ => None,
    }
}

#[derive(Default)]
struct Sums {
    singles: usize,
    doubles: usize,
    adjoint: usize,
}

fn sums(plan: &Plan, instruction: &Instruction) -> Sums {
    let operation = |node: usize| &plan.nodes[node].operation;
    let parameter = |number: Option<usize>| number.map_or(0, |number| plan.parameters[number].len());
    match *instruction {
        Instruction::Moments { node, .. } => match *operation(node) {
            Operation::BatchNorm { channels, .. } => Sums { doubles: MOMENTS * channels, ..Sums::default() },
            _ => unreachable!("moments are of batch normalisations"),
        },
        Instruction::GradientMoments { node, .. } => match *operation(node) {
            Operation::BatchNorm { channels, .. } => Sums { doubles: GRADIENT_MOMENTS * channels, ..Sums::default() },
            _ => unreachable!("moments are of batch normalisations"),
        },
        Instruction::Loss { .. } => Sums { doubles: 2, ..Sums::default() },
        Instruction::Conv2dBackward { node, input_gradient, .. } => match operation(node) {
            Operation::Conv2d { trained: conv, bias, .. } => Sums {
                singles: conv.filter_gradient_len() + parameter(*bias),
                adjoint: if input_gradient.is_some() { conv.adjoint_packed_len() } else { 0 },
                ..Sums::default()
            },
            _ => unreachable!("a convolution's backward is of a convolution"),
        },
        Instruction::LinearBackward { node, .. } => match *operation(node) {
            Operation::Linear { weight, bias, .. } => {
                Sums { singles: parameter(Some(weight)) + parameter(bias), ..Sums::default() }
            }
            _ => unreachable!("a linear layer's backward is of a linear layer"),
        },
        _ => Sums::default(),
    }
}

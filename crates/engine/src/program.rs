//! A plan compiled to a straight list of instructions on buffers, for training: forward, loss, backward.
//!
//! Buffers are virtual: [`slots`] gives those that never live at the same time the same memory. An instruction works on
//! one image, so a chunk of images can run a whole [`Stage`] image by image while its maps are in the cache; a stage
//! ends where something must be known of the whole batch first (batch statistics).

mod backward;
mod forward;
mod instruction;
mod slots;
mod stages;

pub(crate) use instruction::{Buffer, Instruction, Target};
pub(crate) use slots::BufferPlace;
pub(crate) use stages::{Scheduled, SlotUse, Stage};

use crate::plan::{Operation, Plan};

/// Instructions with their memory planned.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) stages: Vec<Stage>,
    /// Where every buffer lives.
    pub(crate) places: Vec<BufferPlace>,
    /// Floats of an image in every slot.
    pub(crate) slots: Vec<usize>,
    /// 32-bit words of an image's masks, per node; 0 for those that keep none.
    pub(crate) masks: Vec<usize>,
    /// Floats of scratch that one image at a time needs.
    pub(crate) scratch: usize,
}

impl Program {
    /// Compiles a plan that [can be trained](Plan::check_trainable).
    pub(crate) fn new(plan: &Plan) -> Program {
        let mut compiler =
            Compiler { plan, buffers: Vec::new(), instructions: Vec::new(), needs_gradient: needs_gradient(plan) };
        let values = compiler.forward();
        let logits = values[values.len() - 1];
        compiler.backward(&values);
        let Compiler { buffers, instructions, needs_gradient, .. } = compiler;
        let (places, slots) = slots::assign(&buffers, &instructions, logits);
        let keeps_masks = |number: usize| needs_gradient[plan.nodes[number].inputs[0]];
        let masks = plan.nodes.iter().enumerate().map(|(number, node)| match &node.operation {
            Operation::PiecewiseLinear { function, grid, channels, .. } if keeps_masks(number) => {
                function.masks_len(*grid, *channels)
            }
            _ => 0,
        });
        let masks = masks.collect();
        let scratch = plan.nodes.iter().map(|node| match &node.operation {
            Operation::Conv2d { trained: Some(conv), .. } => {
                conv.forward_workspace_len().max(conv.backward_workspace_len())
            }
            _ => 0,
        });
        let scratch = scratch.max().unwrap_or(0);
        let stages = stages::split(plan, instructions, &places, slots.len());
        Program { stages, places, slots, masks, scratch }
    }
}

/// Which values a gradient must reach: those that depend on a parameter.
fn needs_gradient(plan: &Plan) -> Vec<bool> {
    let mut needs = vec![false];
    for node in &plan.nodes {
        let learns =
            matches!(node.operation, Operation::Conv2d { .. } | Operation::BatchNorm { .. } | Operation::Linear { .. });
        needs.push(learns || node.inputs.iter().any(|&value| needs[value]));
    }
    needs
}

struct Compiler<'a> {
    plan: &'a Plan,
    /// Floats of an image in every buffer.
    buffers: Vec<usize>,
    instructions: Vec<Instruction>,
    /// Of every value.
    needs_gradient: Vec<bool>,
}

impl Compiler<'_> {
    fn buffer(&mut self, length: usize) -> Buffer {
        self.buffers.push(length);
        Buffer(self.buffers.len() - 1)
    }

    /// A new buffer with the contents of another.
    fn copy(&mut self, from: Buffer) -> Buffer {
        let to = self.buffer(self.buffers[from.0]);
        self.instructions.push(Instruction::Copy { from, to });
        to
    }
}

//! A plan compiled to a straight list of instructions on buffers: forward, loss, backward for training; or forward alone,
//! for inference on coefficients.
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

use crate::ops::batch_norm_scratch;
use crate::plan::{Operation, Plan};
use crate::shape::Shape;
use jpegnet_kernels::{Extent, Factorisation, MaxPool, Subsample};

/// Instructions with their memory planned.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) stages: Vec<Stage>,
    /// Where every buffer lives.
    pub(crate) places: Vec<BufferPlace>,
    /// Floats of an image in every slot.
    pub(crate) slots: Vec<usize>,
    /// The buffer of the logits.
    pub(crate) logits: Buffer,
    /// 32-bit words of an image's masks or winners, per node; 0 for those that keep none.
    pub(crate) masks: Vec<usize>,
    /// Floats of scratch that one image at a time needs.
    pub(crate) scratch: usize,
}

impl Program {
    /// Forward with batch statistics, loss and backward, in the plan's own band.
    pub(crate) fn training(plan: &Plan) -> Program {
        Program::new(plan, true, plan.band)
    }

    /// Forward with running statistics, in a band.
    pub(crate) fn inference(plan: &Plan, band: Option<usize>) -> Program {
        Program::new(plan, false, band)
    }

    fn new(plan: &Plan, training: bool, band: Option<usize>) -> Program {
        let mut compiler = Compiler {
            plan,
            training,
            buffers: Vec::new(),
            instructions: Vec::new(),
            needs_gradient: needs_gradient(plan),
            truncates: truncates(plan, band),
        };
        let values = compiler.forward();
        let logits = values[values.len() - 1];
        if training {
            compiler.backward(&values);
        }
        let Compiler { buffers, instructions, needs_gradient, .. } = compiler;
        let (places, slots) = slots::assign(&buffers, &instructions, logits);
        let keeps_masks = |number: usize| training && needs_gradient[plan.nodes[number].inputs[0]];
        let masks = plan.nodes.iter().enumerate().map(|(number, node)| match &node.operation {
            _ if !keeps_masks(number) => 0,
            Operation::PiecewiseLinear { function, channels, extent, .. } => {
                function.masks_len(extent.grid(), *channels)
            }
            Operation::MaxPool(_) => max_pool(plan, number).winners_len(),
            _ => 0,
        });
        let masks = masks.collect();
        let scratch = plan.nodes.iter().enumerate().map(|(number, node)| match &node.operation {
            Operation::Conv2d { trained: conv, .. } if training => {
                conv.forward_workspace_len().max(conv.backward_workspace_len())
            }
            Operation::Conv2d { trained: conv, .. } => conv.forward_workspace_len(),
            Operation::BatchNorm { .. } if training => batch_norm_scratch(plan, number),
            Operation::MaxPool(_) => max_pool(plan, number).workspace_len(),
            Operation::Subsample { .. } => subsample(plan, number).workspace_len(),
            _ => 0,
        });
        let scratch = scratch.max().unwrap_or(0);
        let stages = stages::split(plan, instructions, &places, slots.len());
        Program { stages, places, slots, logits, masks, scratch }
    }
}

/// The max pooling of a node.
pub(crate) fn max_pool(plan: &Plan, node: usize) -> MaxPool {
    match plan.nodes[node].operation {
        Operation::MaxPool(shape) => MaxPool::new(shape),
        _ => None,
    }
    .unwrap_or_else(|| unreachable!("the plan has checked the window"))
}

/// The subsampling of a node.
pub(crate) fn subsample(plan: &Plan, node: usize) -> Subsample {
    let Operation::Subsample { stride } = plan.nodes[node].operation else {
        unreachable!("the node is a subsampling");
    };
    let (input_channels, input) = plan.shapes[plan.nodes[node].inputs[0]].as_map();
    let (output_channels, _) = plan.shapes[node + 1].as_map();
    Subsample { input_channels, output_channels, input, stride }
}

/// For every node the band its output must be truncated to, if it could leave it.
///
/// Additions, 1×1 convolutions of coefficients and scales work on each coefficient alone: from maps in the band they make
/// maps in the band, unless a constant is added to a map that does not fill its blocks. The input (value 0) is not
/// truncated.
fn truncates(plan: &Plan, band: Option<usize>) -> Vec<Option<usize>> {
    let leaves_band = |number: usize| {
        let node = &plan.nodes[number];
        let Shape::Map { height, width, .. } = plan.shapes[number + 1] else {
            return false;
        };
        let fills_blocks = Extent { height, width }.fills_blocks();
        let stays = match &node.operation {
            Operation::Add => true,
            Operation::BatchNorm { .. } => fills_blocks,
            Operation::Conv2d { trained, bias, .. } => {
                trained.factorisation() == Factorisation::Pointwise && (bias.is_none() || fills_blocks)
            }
            _ => false,
        };
        !stays || node.inputs.contains(&0)
    };
    (0..plan.nodes.len()).map(|number| band.filter(|_| leaves_band(number))).collect()
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
    training: bool,
    /// Floats of an image in every buffer.
    buffers: Vec<usize>,
    instructions: Vec<Instruction>,
    /// Of every value.
    needs_gradient: Vec<bool>,
    /// Of every node.
    truncates: Vec<Option<usize>>,
}

impl Compiler<'_> {
    fn buffer(&mut self, length: usize) -> Buffer {
        self.buffers.push(length);
        Buffer(self.buffers.len() - 1)
    }

    /// Truncates a node's output, or the gradient of it, to the band if it could have left it.
    fn keep_band(&mut self, node: usize, map: Buffer) {
        if let Some(band) = self.truncates[node] {
            self.instructions.push(Instruction::Truncate { node, band, map });
        }
    }

    /// A new buffer with the contents of another.
    fn copy(&mut self, from: Buffer) -> Buffer {
        let to = self.buffer(self.buffers[from.0]);
        self.instructions.push(Instruction::Copy { from, to });
        to
    }
}

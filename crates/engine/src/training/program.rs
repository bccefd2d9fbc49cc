//! A training program: stages of steps, and where every buffer lives.

use super::step::{Buffer, Step};
use crate::methods::Convolution;
use crate::plan::Plan;

/// Where a buffer's maps lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Of the whole batch: a slot of the arena.
    Batch(usize),
    /// Of the whole batch in 16 bits: a slot of those.
    Narrow(usize),
    /// Of the images at work in one stage: floats behind the beginning of the thread's maps, times those images.
    Thread(usize),
}

/// Steps that some images run through without the others of the batch.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) steps: Vec<Scheduled>,
    /// Whether its one step is a convolution whose filter's panels threads share, for the whole batch.
    pub(crate) wide: bool,
    /// Images that run through it together.
    pub(crate) group: usize,
    /// Slots of the arena that it touches, each with the floats of an image of the buffers it touches there.
    pub(crate) slots: Vec<(usize, usize)>,
    /// Floats of an image's maps that no other stage needs.
    pub(crate) maps: usize,
    /// Float32 sums of a chunk: gradients of filters, weights and biases.
    pub(crate) singles: usize,
    /// Float64 sums of a chunk: moments and loss.
    pub(crate) doubles: usize,
    /// Floats of all filters packed for it.
    pub(crate) packed: usize,
    /// Floats of a thread's sums that filters' gradients are made from.
    pub(crate) sums: usize,
    /// Floats of scratch for one step.
    pub(crate) scratch: usize,
}

/// A step with the places of what it adds up and of its packed filters.
#[derive(Clone, Debug)]
pub(crate) struct Scheduled {
    pub(crate) step: Step,
    /// Of all steps of the program.
    pub(crate) number: usize,
    /// The node whose output is complete with it.
    pub(crate) completes: Option<usize>,
    pub(crate) singles: usize,
    pub(crate) doubles: usize,
    pub(crate) packed: usize,
    pub(crate) sums: usize,
}

/// A compiled training step.
#[derive(Debug)]
pub(crate) struct Program {
    /// Nodes that are not run: what they give is given.
    pub(crate) begin: usize,
    pub(crate) stages: Vec<Stage>,
    /// Floats of an image in every buffer.
    pub(crate) lengths: Vec<usize>,
    pub(crate) places: Vec<Place>,
    /// Floats of an image in every slot of the arena.
    pub(crate) slots: Vec<usize>,
    /// 16-bit values of an image in every slot of those.
    pub(crate) narrow_slots: Vec<usize>,
    /// 32-bit words of an image's masks or winners, per node; 0 for those that keep none.
    pub(crate) masks: Vec<usize>,
    /// For every node whether its output is truncated to a band.
    pub(crate) truncates: Vec<bool>,
    /// Of every node that is one.
    pub(crate) convolutions: Vec<Option<Convolution>>,
}

impl Program {
    pub(crate) fn length(&self, buffer: Buffer) -> usize {
        self.lengths[buffer.0]
    }

    /// Floats of scratch that a thread needs, `expanding` of them to make a picture's pixels.
    pub(crate) fn workspace_len(&self, expanding: usize) -> usize {
        let of_stage = |stage: &Stage| stage.group * stage.maps + stage.sums + stage.scratch.max(expanding);
        self.stages.iter().map(of_stage).max().unwrap_or(0)
    }

    /// The convolution of a node.
    pub(crate) fn convolution(&self, node: usize) -> &Convolution {
        let Some(convolution) = &self.convolutions[node] else {
            unreachable!("the node is a convolution");
        };
        convolution
    }

    /// One line a step, in order: its stage, what it does and the node it does it for.
    pub(crate) fn describe(&self, plan: &Plan) -> Vec<String> {
        let stages = self.stages.iter().enumerate();
        let lines = stages.flat_map(|(number, stage)| {
            stage.steps.iter().map(move |Scheduled { step, .. }| {
                let method = step.node().and_then(|node| self.convolutions[node].as_ref()).map(Convolution::name);
                let path = step.node().map(|node| plan.nodes[node].path.as_str());
                let name = step.name(step.node().map(|node| plan.nodes[node].operation.name()));
                let words = [Some(name.as_ref()), path, method].into_iter().flatten().collect::<Vec<_>>().join(" ");
                format!("stage {number} (groups of {}): {words}", stage.group)
            })
        });
        lines.collect()
    }
}

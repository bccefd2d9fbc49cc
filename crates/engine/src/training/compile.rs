//! From a plan to the steps of its training.

mod backward;
mod forward;

use super::program::Program;
use super::schedule;
use super::step::{Buffer, Step, Term};
use crate::band::truncates;
use crate::methods::Convolution;
use crate::operations::Operation;
use crate::plan::Plan;
use crate::shape::Shape;
use crate::step::Storage;
use jpegnet_kernels::{Masking, PiecewiseLinear};

/// Which nodes of a plan a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Nodes before them, whose output is given; none if pictures are.
    pub(crate) begin: usize,
    /// Nodes up to which it runs, forward alone; none if there is a loss at the end, and a way back.
    pub(crate) end: Option<usize>,
}

impl Part {
    /// From pictures to the loss, and back.
    pub(crate) const WHOLE: Part = Part { begin: 0, end: None };
}

/// What a program is wanted for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) part: Part,
    /// The parameters whose gradients nobody asks for; none if it is empty.
    pub(crate) frozen: Vec<bool>,
    /// For every node whether it is a batch normalisation by statistics that stay.
    pub(crate) fixed: Vec<bool>,
    pub(crate) storage: Storage,
}

/// Compiles forward, loss and backward of a network, or a part of it.
pub(crate) fn compile(plan: &Plan, maskings: &[Masking], wanted: &Wanted) -> Program {
    let Wanted { part, frozen, fixed, storage } = wanted;
    let mut compiler = Compiler {
        plan,
        maskings,
        fixed,
        lengths: Vec::new(),
        steps: Vec::new(),
        completes: Vec::new(),
        truncates: truncates(plan).into_iter().map(|truncates| truncates && plan.band.is_some()).collect(),
        users: users(plan),
        needs_gradient: needs_gradient(plan, frozen),
        values: Vec::new(),
    };
    compiler.forward(*part);
    match part.end {
        None => compiler.backward(),
        Some(end) => {
            let from = compiler.store(end);
            compiler.push(Step::Keep { from });
        }
    }
    let masks = (0..plan.nodes.len()).map(|node| compiler.mask_words(node)).collect();
    let Compiler { lengths, steps, completes, truncates, .. } = compiler;
    let convolutions = plan.nodes.iter().map(|node| Convolution::of(&node.operation)).collect();
    let parts = schedule::Compiled { begin: part.begin, steps, completes, lengths, masks, truncates, convolutions };
    schedule::schedule(plan, parts, *storage == Storage::Bfloat16)
}

/// What is known of a value of the plan.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    /// It is not computed: what comes after it is given.
    Absent,
    /// It is in a buffer.
    Stored(Buffer),
    /// It is a function of the sum of maps that are.
    Sum { terms: Vec<Term>, function: Function },
}

/// What is made of a sum.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Identity,
    Relu,
    /// The nonlinearity of a node whose pieces are kept as bits; `picked` once they are.
    Masked {
        node: usize,
        picked: bool,
    },
}

struct Compiler<'a> {
    plan: &'a Plan,
    /// Of every node.
    maskings: &'a [Masking],
    /// For every node whether it is a batch normalisation by statistics that stay.
    fixed: &'a [bool],
    /// Floats of an image in every buffer.
    lengths: Vec<usize>,
    steps: Vec<Step>,
    /// The node that every step completes.
    completes: Vec<Option<usize>>,
    /// For every node whether its output is truncated.
    truncates: Vec<bool>,
    /// How many nodes take every value.
    users: Vec<usize>,
    /// Whether a value depends on a parameter that learns.
    needs_gradient: Vec<bool>,
    values: Vec<Value>,
}

/// Floats of one image's value in pixels.
pub(super) fn length_of(shape: &Shape) -> usize {
    match *shape {
        Shape::Map { channels, height, width } => channels * height * width,
        Shape::Features(features) => features,
    }
}

/// Channels of a value.
pub(super) fn channels_of(shape: &Shape) -> usize {
    match *shape {
        Shape::Map { channels, .. } | Shape::Features(channels) => channels,
    }
}

impl Compiler<'_> {
    fn buffer(&mut self, length: usize) -> Buffer {
        self.lengths.push(length);
        Buffer(self.lengths.len() - 1)
    }

    /// A buffer for a value of the plan or its gradient.
    fn buffer_of(&mut self, value: usize) -> Buffer {
        self.buffer(length_of(&self.plan.shapes[value]))
    }

    fn push(&mut self, step: Step) {
        self.steps.push(step);
        self.completes.push(None);
    }

    /// A step with which a node's output is complete.
    fn complete(&mut self, node: usize, step: Step) {
        self.steps.push(step);
        self.completes.push(Some(node));
    }

    /// Leaves the band of a node's output, or of a gradient of it, if the node's output is truncated.
    fn truncate(&mut self, node: usize, map: Buffer) {
        if self.truncates[node] {
            self.push(Step::Truncate { node, map });
        }
    }

    /// Whether a nonlinearity is an exact ReLU, whose pieces are seen from its input or output again.
    fn is_plain_relu(&self, node: usize) -> bool {
        let Operation::PiecewiseLinear { function, .. } = &self.plan.nodes[node].operation else {
            return false;
        };
        self.maskings[node] == Masking::Exact && *function == PiecewiseLinear::relu() && !self.truncates[node]
    }

    /// Words that a node keeps of an image for the backward pass.
    fn mask_words(&self, node: usize) -> usize {
        let definition = &self.plan.nodes[node];
        if !self.needs_gradient[definition.inputs[0]] {
            return 0;
        }
        match &definition.operation {
            Operation::PiecewiseLinear { function, channels, extent, .. } if !self.is_plain_relu(node) => {
                function.masks_len(extent.grid(), *channels)
            }
            Operation::Map(function) => function.kept_words(),
            _ => 0,
        }
    }
}

fn users(plan: &Plan) -> Vec<usize> {
    let mut users = vec![0; plan.shapes.len()];
    for node in &plan.nodes {
        for &value in &node.inputs {
            users[value] += 1;
        }
    }
    users
}

/// Which values a gradient must reach: those that depend on a parameter that learns.
fn needs_gradient(plan: &Plan, frozen: &[bool]) -> Vec<bool> {
    let learns = |parameter: usize| !frozen.get(parameter).copied().unwrap_or(false);
    let mut needs = vec![false];
    for node in &plan.nodes {
        needs.push(node.operation.parameters().any(learns) || node.inputs.iter().any(|&value| needs[value]));
    }
    needs
}

//! From a plan to fused steps.

mod band_limited;

use super::circumstances::Circumstances;
use super::cost::Pick;
use super::memory;
use super::scatter::First;
use super::step::{Activation, Buffer, Compiled, Kind, Size, Step, size_of_map};
use crate::band::truncates;
use crate::operations::{Operation, Wanted, linear_shape};
use crate::plan::Plan;
use crate::shape::Shape;
use jpegnet_kernels::pixels::{Conv2d, ConvShape};
use jpegnet_kernels::{Extent, Masking};
use std::sync::Arc;

/// Fuses a plan's nodes into steps, picks the methods and plans the memory.
pub(crate) fn compile(plan: &Plan, circumstances: Circumstances) -> Compiled {
    // Maps that end inside a block, and nonlinearities of few frequencies, have no kernels on band maps.
    let truncated = circumstances.band.filter(|_| !has_band_kernels(plan, circumstances.maskings));
    let circumstances = Circumstances { band: circumstances.band.filter(|_| truncated.is_none()), ..circumstances };
    let mut compiler = Compiler {
        plan,
        circumstances,
        users: users(plan, circumstances.nodes),
        values: vec![None; plan.shapes.len()],
        done: vec![false; plan.nodes.len()],
        sizes: Vec::new(),
        steps: Vec::new(),
    };
    let leaves_band = truncates(plan);
    let input = compiler.buffer(0);
    compiler.values[0] = Some(input);
    let size = compiler.size(0);
    compiler.steps.push(Step { kind: Kind::Input, named_by: 0, inputs: Vec::new(), output: input, size });
    for (node, leaves_band) in leaves_band.into_iter().enumerate().take(circumstances.nodes) {
        if compiler.done[node] {
            continue;
        }
        match (circumstances.band, truncated) {
            (Some(band), _) => compiler.band_step(node, band),
            (None, Some(band)) => compiler.truncated_step(node, leaves_band.then_some(band)),
            (None, None) => compiler.step(node),
        }
    }
    // What comes out of a network that is run only so far may be a band map.
    let output = compiler.in_pixels(circumstances.nodes, circumstances.nodes.saturating_sub(1));
    let Compiler { mut steps, sizes, .. } = compiler;
    memory::plan(circumstances, &mut steps, &sizes, output)
}

struct Compiler<'a> {
    plan: &'a Plan,
    circumstances: Circumstances<'a>,
    /// Nodes that take each value.
    users: Vec<Vec<usize>>,
    /// The buffer of every value computed so far; fused values share one.
    values: Vec<Option<Buffer>>,
    /// Nodes that a step so far computes.
    done: Vec<bool>,
    sizes: Vec<Size>,
    steps: Vec<Step>,
}

impl Compiler<'_> {
    fn size(&self, value: usize) -> Size {
        let size = size_of_map(&self.plan.shapes[value]);
        let is_map = matches!(self.plan.shapes[value], Shape::Map { .. });
        // The network's input is not truncated.
        Size { band: self.circumstances.band.filter(|_| is_map && value > 0), ..size }
    }

    fn buffer(&mut self, value: usize) -> Buffer {
        self.sizes.push(self.size(value));
        Buffer(self.sizes.len() - 1)
    }

    /// The buffer of a value that was computed before.
    fn value(&self, value: usize) -> Buffer {
        let Some(buffer) = self.values[value] else {
            unreachable!("nodes use values of nodes before them");
        };
        buffer
    }

    fn step(&mut self, node: usize) {
        let plan = self.plan;
        let definition = &plan.nodes[node];
        let inputs: Vec<Buffer> = definition.inputs.iter().map(|&value| self.value(value)).collect();
        match &definition.operation {
            Operation::Conv2d { .. } | Operation::Linear { .. } => self.convolution(node, inputs),
            Operation::BatchNorm { .. } => self.emit(Kind::Normalise, node, node, inputs),
            Operation::PiecewiseLinear { function, .. } => match self.circumstances.maskings[node] {
                Masking::Exact => {
                    let activation = Activation::Function(function.clone());
                    self.emit(Kind::Sum { activation }, node, node, inputs);
                }
                masking => {
                    let function = function.clone();
                    // In place if nothing else needs the input.
                    if self.users[definition.inputs[0]].len() == 1 && definition.inputs[0] != 0 {
                        let size = self.size(node + 1);
                        let kind = Kind::Masked { function, masking };
                        let output = inputs[0];
                        self.steps.push(Step { kind, named_by: node, inputs, output, size });
                        self.values[node + 1] = Some(output);
                    } else {
                        self.emit(Kind::Sum { activation: Activation::Identity }, node, node, inputs);
                        let output = self.value(node + 1);
                        let size = self.size(node + 1);
                        let kind = Kind::Masked { function, masking };
                        self.steps.push(Step { kind, named_by: node, inputs: vec![output], output, size });
                    }
                }
            },
            Operation::Add => {
                let (last, activation) = self.activation_after(node);
                self.emit(Kind::Sum { activation }, last, node, inputs);
            }
            Operation::Map(function) => self.emit(Kind::Map(Arc::clone(function)), node, node, inputs),
        }
    }

    /// A step that completes `last` (all values from `named_by` to it are its) in a buffer of its own.
    fn emit(&mut self, kind: Kind, last: usize, named_by: usize, inputs: Vec<Buffer>) {
        let output = self.buffer(last + 1);
        let size = self.size(last + 1);
        self.steps.push(Step { kind, named_by, inputs, output, size });
        self.values[last + 1] = Some(output);
    }

    /// The only node that takes a node's output, if there is just one.
    fn only_user(&self, node: usize) -> Option<usize> {
        match self.users[node + 1][..] {
            [user] => Some(user),
            _ => None,
        }
    }

    /// The activation that can be fused behind a node, with the node that is complete then.
    fn activation_after(&mut self, node: usize) -> (usize, Activation) {
        if let Some(user) = self.only_user(node)
            && let Operation::PiecewiseLinear { function, .. } = &self.plan.nodes[user].operation
            && self.circumstances.maskings[user] == Masking::Exact
        {
            self.done[user] = true;
            return (user, Activation::Function(function.clone()));
        }
        (node, Activation::Identity)
    }

    /// The batch normalisation that folds into the convolution `last`, which then is complete with it.
    fn batch_norm_after(&mut self, last: &mut usize) -> Option<usize> {
        let user = self.only_user(*last)?;
        let folds = matches!(self.plan.nodes[user].operation, Operation::BatchNorm { .. })
            && matches!(self.plan.nodes[*last].operation, Operation::Conv2d { .. });
        folds.then(|| {
            self.done[user] = true;
            *last = user;
            user
        })
    }

    /// The value that a sum adds to the output of `last`, if it is known already; `last` then is the sum.
    fn residual_after(&mut self, last: &mut usize) -> Option<usize> {
        let user = self.only_user(*last)?;
        let [first, second] = self.plan.nodes[user].inputs[..] else {
            return None;
        };
        if !matches!(self.plan.nodes[user].operation, Operation::Add) || first == second {
            return None;
        }
        let other = if first == *last + 1 { second } else { first };
        self.values[other]?;
        self.done[user] = true;
        *last = user;
        Some(other)
    }

    /// The method for a convolution of as many images as will run through it together.
    fn pick(&self, shape: &ConvShape, wanted: Wanted) -> Option<(Conv2d, Pick)> {
        let Circumstances { threads, machine, .. } = self.circumstances;
        machine.pick(shape, wanted, self.images_at_once(shape), threads)
    }

    /// Images that run through a convolution together.
    fn images_at_once(&self, shape: &ConvShape) -> usize {
        memory::images_at_once(shape.input_len() + shape.output_len(), self.circumstances.batch)
    }

    /// A convolution with all that can be fused behind it: batch normalisation, one residual, one activation.
    fn convolution(&mut self, node: usize, mut inputs: Vec<Buffer>) {
        let plan = self.plan;
        let mut last = node;
        let folded = self.batch_norm_after(&mut last);
        inputs.extend(self.residual_after(&mut last).map(|value| self.value(value)));
        let (end, activation) = self.activation_after(last);
        let (shape, wanted) = match plan.nodes[node].operation {
            Operation::Conv2d { shape, wanted, .. } => (shape, wanted),
            // A linear layer is a 1×1 convolution of a map of one pixel.
            Operation::Linear { inputs, outputs, .. } => (linear_shape(inputs, outputs), Wanted::Any),
            _ => unreachable!("only convolutions and linear layers have filters"),
        };
        if wanted == Wanted::Diagonalised && self.diagonalised(&shape, node, folded, &mut inputs) {
            self.emit(Kind::Sum { activation }, end, node, inputs);
            return;
        }
        let kind = match self.pick(&shape, wanted) {
            Some((conv, pick)) => Kind::Conv2d { conv: Box::new(conv), folded, activation, pick },
            None => {
                Kind::Coefficients { folded, activation, scratch: coefficients_scratch(&plan.nodes[node].operation) }
            }
        };
        if let Some(kind) = self.scatter(node, &kind) {
            // It reads the pictures themselves: the only step so far made the pixels it would have read.
            self.steps.clear();
            self.emit(kind, end, node, Vec::new());
            return;
        }
        self.emit(kind, end, node, inputs);
    }

    /// A convolution of pixels straight from the pictures' coefficients instead, if that is possible and faster.
    fn scatter(&self, node: usize, kind: &Kind) -> Option<Kind> {
        let Circumstances { threads, machine, sparsity, .. } = self.circumstances;
        let Kind::Conv2d { folded, activation, pick, .. } = kind else {
            return None;
        };
        let first = First::of(self.plan).filter(|first| first.node == node)?;
        let pick = first.pick(sparsity?, machine, threads, pick.nanoseconds)?;
        Some(Kind::Scatter { folded: *folded, activation: activation.clone(), pick })
    }
}

/// Floats that a convolution of coefficients needs beside its maps in pixels.
fn coefficients_scratch(operation: &Operation) -> usize {
    match operation {
        Operation::Conv2d { trained: conv, .. } => {
            conv.shape().input_len() + conv.output_len() + conv.forward_workspace_len()
        }
        _ => 0,
    }
}

/// Whether a band-limited network can run on band maps: every map fills its blocks, and no nonlinearity picks its pieces
/// from fewer frequencies than the band has. Others run on pixels that are truncated.
fn has_band_kernels(plan: &Plan, maskings: &[Masking]) -> bool {
    let fills_blocks = |shape: &Shape| match *shape {
        Shape::Map { height, width, .. } => Extent { height, width }.fills_blocks(),
        Shape::Features(_) => true,
    };
    plan.shapes.iter().all(fills_blocks) && maskings.iter().all(|masking| *masking == Masking::Exact)
}

/// Of every value, which of the first `nodes` nodes take it; what the others would take is not fused away.
fn users(plan: &Plan, nodes: usize) -> Vec<Vec<usize>> {
    let mut users = vec![Vec::new(); plan.shapes.len()];
    for (node, definition) in plan.nodes.iter().enumerate().take(nodes) {
        for &value in &definition.inputs {
            users[value].push(node);
        }
    }
    users
}

//! The forward half of a program: one buffer a value, in place wherever nothing later needs what was there.

use super::{Buffer, Compiler, Instruction};
use crate::plan::{Operation, Plan};

impl Compiler<'_> {
    /// Emits the forward pass; gives the buffer of every value.
    pub(super) fn forward(&mut self) -> Vec<Buffer> {
        let plan = self.plan;
        let last_uses = last_uses(plan);
        let kept = if self.training { kept_for_backward(plan) } else { vec![false; plan.shapes.len()] };
        let overwritable = |value: usize, node: usize| {
            let once = plan.nodes[node].inputs.iter().filter(|&&input| input == value).count() == 1;
            once && last_uses[value] == node && !kept[value]
        };
        let output = self.buffer(plan.shapes[0].len());
        self.instructions.push(Instruction::Input { output });
        let mut values = vec![output];
        for (number, node) in plan.nodes.iter().enumerate() {
            let inputs = &node.inputs;
            let length = plan.shapes[number + 1].len();
            let input = values[inputs[0]];
            let value = match &node.operation {
                Operation::Conv2d { .. } => {
                    let output = self.buffer(length);
                    self.instructions.push(Instruction::Conv2d { node: number, input, output });
                    output
                }
                Operation::BatchNorm { .. } => {
                    let output = self.buffer(length);
                    if self.training {
                        self.instructions.push(Instruction::Moments { node: number, input });
                    }
                    self.instructions.push(Instruction::Normalise { node: number, input, output });
                    output
                }
                Operation::PiecewiseLinear { .. } => {
                    let map = if overwritable(inputs[0], number) { input } else { self.copy(input) };
                    self.instructions.push(Instruction::PiecewiseLinear { node: number, map });
                    map
                }
                Operation::Add => self.emit_sum(number, inputs, &values, overwritable),
                Operation::MaxPool(_) => {
                    let output = self.buffer(length);
                    self.instructions.push(Instruction::MaxPool { node: number, input, output });
                    output
                }
                Operation::Subsample { .. } => {
                    let output = self.buffer(length);
                    self.instructions.push(Instruction::Subsample { node: number, input, output });
                    output
                }
                Operation::GlobalAveragePool { .. } => {
                    let output = self.buffer(length);
                    self.instructions.push(Instruction::Pool { node: number, input, output });
                    output
                }
                Operation::Linear { .. } => {
                    let output = self.buffer(length);
                    self.instructions.push(Instruction::Linear { node: number, input, output });
                    output
                }
            };
            self.keep_band(number, value);
            values.push(value);
        }
        values
    }

    /// A sum, on top of a term that nothing else needs if there is one.
    fn emit_sum(
        &mut self,
        node: usize,
        inputs: &[usize],
        values: &[Buffer],
        overwritable: impl Fn(usize, usize) -> bool,
    ) -> Buffer {
        let own = inputs.iter().position(|&value| overwritable(value, node));
        let start = own.unwrap_or(0);
        let sum = if own.is_some() { values[inputs[start]] } else { self.copy(values[inputs[start]]) };
        for (position, &value) in inputs.iter().enumerate() {
            if position != start {
                self.instructions.push(Instruction::Add { node: Some(node), sum, term: values[value] });
            }
        }
        sum
    }
}

/// The last node that takes each value.
fn last_uses(plan: &Plan) -> Vec<usize> {
    let mut last = vec![0; plan.shapes.len()];
    for (number, node) in plan.nodes.iter().enumerate() {
        for &value in &node.inputs {
            last[value] = number;
        }
    }
    last
}

/// Values that some backward needs again: the inputs of what multiplies them by parameters or by statistics.
fn kept_for_backward(plan: &Plan) -> Vec<bool> {
    let mut kept = vec![false; plan.shapes.len()];
    for node in &plan.nodes {
        match node.operation {
            Operation::Conv2d { .. } | Operation::BatchNorm { .. } | Operation::Linear { .. } => {
                kept[node.inputs[0]] = true;
            }
            Operation::PiecewiseLinear { .. }
            | Operation::Add
            | Operation::MaxPool(_)
            | Operation::Subsample { .. }
            | Operation::GlobalAveragePool { .. } => {}
        }
    }
    kept
}

//! The backward half of a program: gradients shared until someone writes to them.

use super::{Buffer, Compiler, Instruction, Target};
use crate::plan::Operation;

/// Which buffer holds the gradient of each value so far, and how many values share each buffer.
struct Gradients {
    of_value: Vec<Option<Buffer>>,
    shares: Vec<usize>,
}

impl Gradients {
    fn share(&mut self, buffer: Buffer) {
        if self.shares.len() <= buffer.0 {
            self.shares.resize(buffer.0 + 1, 0);
        }
        self.shares[buffer.0] += 1;
    }

    fn release(&mut self, buffer: Buffer) {
        self.shares[buffer.0] -= 1;
    }

    fn is_shared(&self, buffer: Buffer) -> bool {
        self.shares[buffer.0] > 1
    }

    fn set(&mut self, value: usize, buffer: Buffer) {
        self.share(buffer);
        self.of_value[value] = Some(buffer);
    }
}

impl Compiler<'_> {
    /// Emits loss and backward pass after the forward pass that put each value in these buffers.
    pub(super) fn backward(&mut self, values: &[Buffer]) {
        let plan = self.plan;
        let mut gradients = Gradients { of_value: vec![None; values.len()], shares: Vec::new() };
        let logits = values[values.len() - 1];
        let gradient = self.buffer(self.buffers[logits.0]);
        self.instructions.push(Instruction::Loss { logits, gradient });
        gradients.set(values.len() - 1, gradient);

        for (node, definition) in plan.nodes.iter().enumerate().rev() {
            let Some(output_gradient) = gradients.of_value[node + 1].take() else {
                continue;
            };
            let value = definition.inputs[0];
            let input = values[value];
            // The truncation is its own adjoint. Others that share the buffer are maps in the band too, whose derivatives
            // outside it nobody asks for.
            self.keep_band(node, output_gradient);
            match &definition.operation {
                Operation::Add => {
                    for &term in &definition.inputs {
                        if self.needs_gradient[term] {
                            self.contribute(&mut gradients, term, output_gradient);
                        }
                    }
                }
                Operation::PiecewiseLinear { .. } => {
                    if self.needs_gradient[value] {
                        let gradient = self.own(&gradients, output_gradient);
                        self.instructions.push(Instruction::PiecewiseLinearBackward { node, gradient });
                        self.contribute(&mut gradients, value, gradient);
                    }
                }
                Operation::MaxPool(_) | Operation::Subsample { .. } => {
                    if self.needs_gradient[value] {
                        let input_gradient = self.buffer(plan.shapes[value].len());
                        self.instructions.push(match definition.operation {
                            Operation::MaxPool(_) => {
                                Instruction::MaxPoolBackward { node, output_gradient, input_gradient }
                            }
                            _ => Instruction::SubsampleBackward { node, output_gradient, input_gradient },
                        });
                        self.contribute(&mut gradients, value, input_gradient);
                    }
                }
                Operation::GlobalAveragePool { .. } => {
                    if let Some(input_gradient) = self.target(&mut gradients, value) {
                        self.instructions.push(Instruction::PoolBackward { node, output_gradient, input_gradient });
                    }
                }
                Operation::BatchNorm { .. } => {
                    self.instructions.push(Instruction::GradientMoments { node, input, output_gradient });
                    if let Some(input_gradient) = self.target(&mut gradients, value) {
                        let backward = Instruction::NormaliseBackward { node, input, output_gradient, input_gradient };
                        self.instructions.push(backward);
                    }
                }
                Operation::Conv2d { .. } => {
                    let input_gradient = self.target(&mut gradients, value);
                    let backward = Instruction::Conv2dBackward { node, input, output_gradient, input_gradient };
                    self.instructions.push(backward);
                }
                Operation::Linear { .. } => {
                    let input_gradient = self.target(&mut gradients, value);
                    let backward = Instruction::LinearBackward { node, input, output_gradient, input_gradient };
                    self.instructions.push(backward);
                }
            }
            gradients.release(output_gradient);
        }
    }

    /// Where a gradient of `value` goes: a new buffer, or on top of what others left there; none if nobody needs it.
    fn target(&mut self, gradients: &mut Gradients, value: usize) -> Option<Target> {
        if !self.needs_gradient[value] {
            return None;
        }
        let Some(present) = gradients.of_value[value] else {
            let buffer = self.buffer(self.plan.shapes[value].len());
            gradients.set(value, buffer);
            return Some(Target { buffer, accumulate: false });
        };
        let buffer = self.own(gradients, present);
        if buffer != present {
            gradients.release(present);
            gradients.set(value, buffer);
        }
        Some(Target { buffer, accumulate: true })
    }

    /// Adds a finished gradient to that of `value`, without work if it is the first.
    fn contribute(&mut self, gradients: &mut Gradients, value: usize, term: Buffer) {
        let Some(present) = gradients.of_value[value] else {
            gradients.set(value, term);
            return;
        };
        let sum = self.own(gradients, present);
        self.instructions.push(Instruction::Add { node: None, sum, term });
        if sum != present {
            gradients.release(present);
            gradients.set(value, sum);
        }
    }

    /// The buffer itself if one value alone has it, else a copy to write to.
    fn own(&mut self, gradients: &Gradients, buffer: Buffer) -> Buffer {
        if gradients.is_shared(buffer) { self.copy(buffer) } else { buffer }
    }
}

//! The backward half: gradients shared until someone writes to them.

use super::{Buffer, Compiler, Step, Value};
use crate::operations::Operation;
use crate::training::step::{Passed, Statistics, Target};

/// Which buffer holds the gradient of each value so far, and how many values share each buffer.
struct Gradients {
    of_value: Vec<Option<Buffer>>,
    shares: Vec<usize>,
}

impl Gradients {
    fn release(&mut self, buffer: Buffer) {
        self.shares[buffer.0] -= 1;
    }

    fn is_shared(&self, buffer: Buffer) -> bool {
        self.shares[buffer.0] > 1
    }

    fn set(&mut self, value: usize, buffer: Buffer) {
        if self.shares.len() <= buffer.0 {
            self.shares.resize(buffer.0 + 1, 0);
        }
        self.shares[buffer.0] += 1;
        self.of_value[value] = Some(buffer);
    }
}

impl Compiler<'_> {
    pub(super) fn backward(&mut self) {
        let plan = self.plan;
        let last = plan.nodes.len();
        let mut gradients = Gradients { of_value: vec![None; last + 1], shares: Vec::new() };
        let logits = self.store(last);
        let gradient = self.buffer_of(last);
        self.push(Step::Loss { logits, gradient });
        gradients.set(last, gradient);
        for node in (0..plan.nodes.len()).rev() {
            let Some(gradient) = gradients.of_value[node + 1].take() else {
                continue;
            };
            self.node_backward(&mut gradients, node, gradient);
            gradients.release(gradient);
        }
        self.sum_up_early();
    }

    fn node_backward(&mut self, gradients: &mut Gradients, node: usize, gradient: Buffer) {
        let definition = &self.plan.nodes[node];
        let value = definition.inputs[0];
        if !self.needs_gradient[node + 1] {
            return;
        }
        let gradient = if self.truncates[node] && !matches!(definition.operation, Operation::PiecewiseLinear { .. }) {
            let gradient = self.own(gradients, gradient);
            self.push(Step::Truncate { node, map: gradient });
            gradient
        } else {
            gradient
        };
        match &definition.operation {
            Operation::Add => {
                for &term in &definition.inputs {
                    if self.needs_gradient[term] {
                        self.contribute(gradients, term, gradient);
                    }
                }
            }
            Operation::PiecewiseLinear { .. } => {
                if self.needs_gradient[value] {
                    let gradient = self.own(gradients, gradient);
                    if self.is_plain_relu(node) {
                        let passed = self.passed(node);
                        self.push(Step::Pass { passed, gradient, moments: None });
                    } else {
                        self.push(Step::MaskedBackward { node, gradient });
                    }
                    self.contribute(gradients, value, gradient);
                }
            }
            Operation::BatchNorm { .. } => {
                let input = self.store(value);
                self.push(Step::GradientMoments { statistics: Statistics { node, input }, gradient });
                if self.needs_gradient[value] {
                    let output = self.buffer_of(value);
                    self.push(Step::NormaliseBackward { node, input, gradient, output });
                    self.contribute(gradients, value, output);
                }
            }
            Operation::Conv2d { .. } => {
                let input = self.read(value);
                let target = self.target(gradients, value);
                self.push(Step::Conv2dBackward { node, input, gradient, target });
            }
            Operation::Linear { .. } => {
                let input = self.read(value);
                let target = self.target(gradients, value);
                self.push(Step::LinearBackward { node, input, gradient, target });
            }
            Operation::Map(_) => {
                if let Some(target) = self.target(gradients, value) {
                    self.push(Step::MapBackward { node, gradient, target });
                }
            }
        }
    }

    /// Where a ReLU's output is above zero.
    fn passed(&mut self, node: usize) -> Passed {
        match &self.values[node + 1] {
            Value::Sum { terms, .. } if terms.len() == 1 => Passed::Normalised(terms[0]),
            _ => Passed::Above(self.store(node + 1)),
        }
    }

    /// Where a gradient of `value` goes: a new buffer, or on top of what others left there; none if nobody needs it.
    fn target(&mut self, gradients: &mut Gradients, value: usize) -> Option<Target> {
        if !self.needs_gradient[value] {
            return None;
        }
        let Some(present) = gradients.of_value[value] else {
            let buffer = self.buffer_of(value);
            gradients.set(value, buffer);
            return Some(Target { buffer, fresh: true });
        };
        let buffer = self.own(gradients, present);
        if buffer != present {
            gradients.release(present);
            gradients.set(value, buffer);
        }
        Some(Target { buffer, fresh: false })
    }

    /// Adds a finished gradient to that of `value`, without work if it is the first.
    fn contribute(&mut self, gradients: &mut Gradients, value: usize, term: Buffer) {
        let Some(present) = gradients.of_value[value] else {
            gradients.set(value, term);
            return;
        };
        let sum = self.own(gradients, present);
        self.push(Step::Add { sum, term });
        if sum != present {
            gradients.release(present);
            gradients.set(value, sum);
        }
    }

    /// The buffer itself if one value alone has it, else a copy to write to.
    fn own(&mut self, gradients: &Gradients, buffer: Buffer) -> Buffer {
        if !gradients.is_shared(buffer) {
            return buffer;
        }
        let to = self.buffer(self.lengths[buffer.0]);
        self.push(Step::Copy { from: buffer, to });
        to
    }

    /// Moves sums for the gradients of batch normalisations to where their gradient is complete: what waits for them
    /// then waits for fewer stages, and the pass that cleared the gradient can add it up.
    fn sum_up_early(&mut self) {
        for number in 0..self.steps.len() {
            let Step::GradientMoments { gradient, statistics } = self.steps[number].clone() else {
                continue;
            };
            let mut place = number;
            while place > 0 && self.steps[place - 1].writes() != Some(gradient) {
                self.steps.swap(place - 1, place);
                self.completes.swap(place - 1, place);
                place -= 1;
            }
            if let Some(Step::Pass { moments: moments @ None, .. }) = place.checked_sub(1).map(|at| &mut self.steps[at])
            {
                *moments = Some(statistics);
                self.steps.remove(place);
                self.completes.remove(place);
                return self.sum_up_early();
            }
        }
    }
}

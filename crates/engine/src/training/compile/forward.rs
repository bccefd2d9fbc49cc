//! The forward half: convolutions are stored, what follows them until the next is a sum that is made where it is read.

use super::{Buffer, Compiler, Function, Part, Step, Term, Value};
use crate::operations::Operation;

impl Compiler<'_> {
    pub(super) fn forward(&mut self, Part { begin, end }: Part) {
        let plan = self.plan;
        self.values.resize(begin, Value::Absent);
        let output = self.buffer_of(begin);
        self.push(Step::Input { output });
        self.values.push(Value::Stored(output));
        let nodes = plan.nodes.iter().enumerate().take(end.unwrap_or(plan.nodes.len())).skip(begin);
        for (number, node) in nodes {
            let first = node.inputs[0];
            let value = match &node.operation {
                Operation::Conv2d { .. } => {
                    let input = self.read(first);
                    let output = self.buffer_of(number + 1);
                    self.complete(number, Step::Conv2d { node: number, input, output });
                    self.truncate(number, output);
                    Value::Stored(output)
                }
                Operation::BatchNorm { .. } => {
                    let input = self.store(first);
                    if !self.fixed.get(number).copied().unwrap_or(false) {
                        self.push(Step::Moments { node: number, input });
                    }
                    let terms = vec![Term { buffer: input, normalised_by: Some(number) }];
                    self.sum(number, terms)
                }
                Operation::PiecewiseLinear { .. } => {
                    let is_plain = self.is_plain_relu(number);
                    let masked = Function::Masked { node: number, picked: false };
                    Value::Sum { terms: self.terms(first), function: if is_plain { Function::Relu } else { masked } }
                }
                Operation::Add => {
                    let terms = node.inputs.iter().flat_map(|&value| self.terms(value)).collect();
                    self.sum(number, terms)
                }
                Operation::Map(_) => {
                    let input = self.read(first);
                    let output = self.buffer_of(number + 1);
                    self.complete(number, Step::Map { node: number, input, output });
                    self.truncate(number, output);
                    Value::Stored(output)
                }
                Operation::Linear { .. } => {
                    let input = self.read(first);
                    let output = self.buffer_of(number + 1);
                    self.complete(number, Step::Linear { node: number, input, output });
                    Value::Stored(output)
                }
            };
            self.values.push(value);
        }
    }

    /// A node's output as a sum to be made where it is read; made at once if it is truncated.
    fn sum(&mut self, node: usize, terms: Vec<Term>) -> Value {
        if !self.truncates[node] {
            return Value::Sum { terms, function: Function::Identity };
        }
        let output = self.buffer_of(node + 1);
        self.complete(node, Step::Sum { terms, relu: false, output });
        self.truncate(node, output);
        Value::Stored(output)
    }

    /// A value as terms of a sum.
    fn terms(&mut self, value: usize) -> Vec<Term> {
        match &self.values[value] {
            Value::Sum { terms, function: Function::Identity } => terms.clone(),
            _ => vec![Term { buffer: self.store(value), normalised_by: None }],
        }
    }

    /// The buffer of a value, which stays there for all that read it, forward and backward.
    pub(super) fn store(&mut self, value: usize) -> Buffer {
        match self.values[value].clone() {
            Value::Stored(buffer) => buffer,
            Value::Absent => unreachable!("nothing reads beyond what is given"),
            Value::Sum { terms, function } => {
                let output = self.make(value, terms, function);
                self.values[value] = Value::Stored(output);
                output
            }
        }
    }

    /// A buffer that holds a value for the next step. One term alone is cheaper to make again than to keep.
    pub(super) fn read(&mut self, value: usize) -> Buffer {
        match &self.values[value] {
            Value::Sum { terms, function } if terms.len() == 1 && self.users[value] == 1 => {
                let (terms, function) = (terms.clone(), *function);
                let output = self.make(value, terms.clone(), function);
                if let Function::Masked { node, .. } = function {
                    self.values[value] = Value::Sum { terms, function: Function::Masked { node, picked: true } };
                }
                output
            }
            _ => self.store(value),
        }
    }

    /// Makes a value in a buffer of its own.
    fn make(&mut self, value: usize, terms: Vec<Term>, function: Function) -> Buffer {
        let output = self.buffer_of(value);
        match function {
            Function::Identity | Function::Relu => {
                let relu = function == Function::Relu;
                self.complete(value - 1, Step::Sum { terms, relu, output });
            }
            Function::Masked { node, picked } => {
                self.push(Step::Sum { terms, relu: false, output });
                // Where nobody needs the gradient no pieces are kept.
                let again = picked && self.mask_words(node) > 0;
                let map = output;
                self.complete(node, if again { Step::MaskedAgain { node, map } } else { Step::Masked { node, map } });
            }
        }
        output
    }
}

//! From a definition to a plan: every shape inferred, every parameter named, every factorisation chosen, or one error
//! that says where.

mod input;
mod summary;

pub use summary::NodeSummary;

use crate::EngineError;
use crate::operations::{Context, Operation, infer, invalid, mismatch, quoted};
use crate::parameters::{Declared, ParameterSpec, StateEntry};
use crate::shape::Shape;
use crate::spec::{ALL_FREQUENCIES, InputSpec, NetworkSpec, NodeSpec};
use std::collections::HashSet;

/// A validated node.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) path: String,
    /// Numbers of the values it takes; node i makes value i + 1.
    pub(crate) inputs: Vec<usize>,
    pub(crate) operation: Operation,
}

/// A validated network: shapes inferred, parameters named, factorisations chosen. Making one costs O(nodes).
#[derive(Clone, Debug)]
pub struct Plan {
    spec: NetworkSpec,
    pub(crate) nodes: Vec<Node>,
    /// Of every value, the input first.
    pub(crate) shapes: Vec<Shape>,
    pub(crate) parameters: Vec<ParameterSpec>,
    /// Channels of every batch normalisation, which keeps running statistics of them.
    pub(crate) running: Vec<usize>,
    parameter_count: usize,
    /// φ of a band-limited network; none if every frequency is kept.
    pub(crate) band: Option<usize>,
    /// What `state_dict()` holds, in its order.
    pub(crate) state: Vec<(String, StateEntry)>,
}

impl Plan {
    /// Validates a definition and infers every shape.
    ///
    /// # Errors
    /// [`EngineError::InvalidDefinition`] or [`EngineError::ShapeMismatch`] naming the node, what was expected and what
    /// was found.
    pub fn new(spec: NetworkSpec) -> Result<Plan, EngineError> {
        let input = input::input_shape(&spec.input)?;
        if let Some(band) = spec.band.filter(|band| !(1..=ALL_FREQUENCIES).contains(band)) {
            return Err(invalid("band", format!("from 1 to {ALL_FREQUENCIES} frequencies"), band.to_string()));
        }
        let mut plan = Plan {
            nodes: Vec::with_capacity(spec.nodes.len()),
            shapes: vec![input],
            parameters: Vec::new(),
            running: Vec::new(),
            parameter_count: 0,
            band: spec.band.filter(|&band| band < ALL_FREQUENCIES),
            state: Vec::new(),
            spec,
        };
        let mut declared = Declared::default();
        let mut paths = HashSet::new();
        for number in 0..plan.spec.nodes.len() {
            let node = plan.spec.nodes[number].clone();
            if node.path.is_empty() || node.path.starts_with("optimizer.") {
                let path = format!("nodes[{number}]");
                return Err(invalid(path, "a path that is not empty and not the optimizer's", quoted(&node.path)));
            }
            if !paths.insert(node.path.clone()) {
                return Err(invalid(node.path, "a path of its own", "the path of an earlier node"));
            }
            if let Some(&unknown) = node.inputs.iter().find(|&&value| value > number) {
                let expected = format!("inputs among the values 0…{number} made before it");
                return Err(invalid(node.path, expected, format!("value {unknown}")));
            }
            plan.add_node(&node, &mut declared)?;
        }
        plan.check_ends()?;
        let Declared { parameters, count, running, state } = declared;
        plan = Plan { parameters, running, parameter_count: count, state, ..plan };
        Ok(plan)
    }

    /// The definition it was made from.
    #[must_use]
    pub fn spec(&self) -> &NetworkSpec {
        &self.spec
    }

    /// Weights and biases to learn, counted.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.parameter_count
    }

    /// Class logits an image gets.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.shapes.last().map_or(0, |shape| shape.len())
    }

    pub(crate) fn input(&self) -> &InputSpec {
        &self.spec.input
    }

    /// Infers one node and appends it.
    fn add_node(&mut self, node: &NodeSpec, declared: &mut Declared) -> Result<(), EngineError> {
        let inputs: Vec<Shape> = node.inputs.iter().map(|&value| self.shapes[value]).collect();
        let mut context = Context { path: &node.path, inputs: &inputs, declared };
        let (operation, shape) = infer(&node.operation, &mut context)?;
        self.nodes.push(Node { path: node.path.clone(), inputs: node.inputs.clone(), operation });
        self.shapes.push(shape);
        Ok(())
    }

    /// The last node makes logits, and nothing else is left unused.
    fn check_ends(&self) -> Result<(), EngineError> {
        let Some(last) = self.nodes.last() else {
            return Err(invalid("network", "at least one node", "none"));
        };
        let Some(Shape::Features(_)) = self.shapes.last() else {
            let found = self.shapes.last().map(ToString::to_string).unwrap_or_default();
            return Err(mismatch(&last.path, "class logits from the last node: a vector of features", found));
        };
        let used: HashSet<usize> = self.nodes.iter().flat_map(|node| node.inputs.iter().copied()).collect();
        match (1..self.nodes.len()).find(|value| !used.contains(value)) {
            Some(unused) => Err(invalid(&self.nodes[unused - 1].path, "a later node that uses its output", "none")),
            None => Ok(()),
        }
    }

    /// Shape of a tensor of the state.
    pub(crate) fn shape_of(&self, entry: StateEntry) -> Vec<usize> {
        match entry {
            StateEntry::Parameter(number) => self.parameters[number].shape.clone(),
            StateEntry::RunningMean(number) | StateEntry::RunningVariance(number) => vec![self.running[number]],
            StateEntry::BatchesTracked(_) => Vec::new(),
        }
    }
}

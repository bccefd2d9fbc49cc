//! A training step on coefficients: what band-limited networks take.

use super::{BatchLoss, Pass, finish, pack_adjoint_filters};
use crate::EngineError;
use crate::arena::Arena;
use crate::chunks::Chunks;
use crate::input::BatchInput;
use crate::layers::Layers;
use crate::parameters::Parameters;
use crate::plan::Plan;
use crate::program::Program;
use crate::training::{Batch, add_up};
use crate::workspace::Workspaces;
use rayon::prelude::*;

/// A compiled training step with its memory.
#[derive(Debug)]
pub(crate) struct CoefficientTraining {
    program: Program,
    arena: Arena,
}

impl CoefficientTraining {
    pub(crate) fn new(plan: &Plan) -> CoefficientTraining {
        CoefficientTraining { program: Program::training(plan), arena: Arena::default() }
    }

    /// Makes room for a batch.
    pub(crate) fn prepare(&mut self, input: &BatchInput, workspaces: &mut Workspaces) -> Result<(), EngineError> {
        self.arena.prepare(&self.program, input.len())?;
        workspaces.prepare(self.program.scratch.max(input.scratch()))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.arena.bytes()
    }

    /// Leaves the gradients of the batch's mean loss with the parameters, and its statistics with the layers.
    pub(crate) fn run(
        &mut self,
        batch: &Batch,
        parameters: &mut Parameters,
        layers: &mut Layers,
        workspaces: &Workspaces,
    ) -> Option<BatchLoss> {
        let Batch { plan, isa, input, labels, target, maskings, observers } = *batch;
        let CoefficientTraining { program, arena } = self;
        layers.prepare(plan, parameters);
        let mut loss = None;
        for stage in &program.stages {
            let chunks = Chunks::new(input.len(), stage.singles);
            pack_adjoint_filters(plan, parameters, stage, arena.adjoint(stage));
            let search = observers.search;
            let pass = Pass { plan, isa, parameters, layers, input, labels, target, maskings, search };
            let (cut, adjoint) = arena.chunks(program, stage, chunks);
            cut.into_par_iter().for_each(|mut chunk| {
                chunk.singles.fill(0.0);
                chunk.doubles.fill(0.0);
                workspaces.lend(|workspace| {
                    for image in 0..chunk.images {
                        pass.run_image(stage, &mut chunk, image, adjoint, workspace);
                    }
                });
            });
            let (singles, doubles) = arena.sums(stage, chunks);
            let sums = add_up(isa, (singles, stage.singles), (doubles, stage.doubles));
            loss = loss.or(finish(plan, parameters, layers, stage, input.len(), sums));
        }
        loss
    }
}

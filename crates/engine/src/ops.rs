//! What each instruction does to one image, and what a stage adds up when all its images are done: one file an
//! operation.

mod add;
mod batch_norm;
mod conv2d;
mod linear;
mod loss;
mod max_pool;
mod piecewise_linear;
mod pool;
mod subsample;
mod training;

use crate::input::BatchInput;
use crate::layers::{Layer, Layers};
use crate::parameters::Parameters;
use crate::plan::{Operation, Plan};
use crate::program::{Instruction, Scheduled, Stage};
use crate::views::Chunk;
pub(crate) use batch_norm::{
    finish_gradients as finish_norm_gradients, finish_moments, scratch_len as batch_norm_scratch, update_running,
};
use jpegnet_kernels::{Isa, Masking, truncate_in_place};
pub(crate) use linear::finish_gradients as finish_linear_gradients;
pub(crate) use loss::{BatchLoss, LossTarget, finish as finish_loss};
use std::sync::atomic::{AtomicUsize, Ordering};
pub(crate) use training::CoefficientTraining;

/// What all images of a pass share and only read.
pub(crate) struct Pass<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) isa: Isa,
    pub(crate) parameters: &'a Parameters,
    pub(crate) layers: &'a Layers,
    pub(crate) input: &'a BatchInput<'a>,
    /// Empty without a loss.
    pub(crate) labels: &'a [u32],
    pub(crate) target: LossTarget,
    /// Of every node; exact for those that mask nothing.
    pub(crate) maskings: &'a [Masking],
    /// Looks for the first layer whose output is not finite.
    pub(crate) search: Option<&'a FirstNotFinite>,
}

/// The first of several things done in order, nodes or steps, whose output was not finite for some image.
#[derive(Debug)]
pub(crate) struct FirstNotFinite(AtomicUsize);

impl FirstNotFinite {
    pub(crate) fn new() -> Self {
        FirstNotFinite(AtomicUsize::new(usize::MAX))
    }

    pub(crate) fn first(&self) -> Option<usize> {
        Some(self.0.load(Ordering::Relaxed)).filter(|&node| node != usize::MAX)
    }

    pub(crate) fn look_at(&self, number: usize, output: &[f32]) {
        if !output.iter().all(|value| value.is_finite()) {
            self.0.fetch_min(number, Ordering::Relaxed);
        }
    }
}

impl Pass<'_> {
    /// Runs one image of a chunk through a stage.
    pub(crate) fn run_image(
        &self,
        stage: &Stage,
        chunk: &mut Chunk,
        image: usize,
        adjoint: &[f32],
        scratch: &mut [f32],
    ) {
        chunk.views.turn_to(image);
        for scheduled in &stage.instructions {
            self.run(scheduled, chunk, image, adjoint, scratch);
            if let Some(search) = self.search
                && let (Some(node), Some(output)) = (scheduled.instruction.completes(), scheduled.instruction.writes())
            {
                search.look_at(node, chunk.views.read(output));
            }
        }
    }

    fn run(&self, scheduled: &Scheduled, chunk: &mut Chunk, image: usize, adjoint: &[f32], scratch: &mut [f32]) {
        match scheduled.instruction {
            Instruction::Input { output } => {
                let number = chunk.first + image;
                chunk.views.write(output, |output, _| self.input.expand_into(self.isa, number, output, scratch));
            }
            Instruction::Copy { from, to } => {
                chunk.views.write(to, |to, views| to.copy_from_slice(views.read(from)));
            }
            Instruction::Add { sum, term, .. } => add::add(self, &mut chunk.views, sum, term),
            Instruction::Conv2d { node, input, output } => {
                conv2d::forward(self, node, &mut chunk.views, input, output, scratch);
            }
            Instruction::Moments { node, input } => batch_norm::moments(self, node, scheduled, chunk, input, scratch),
            Instruction::Normalise { node, input, output } => {
                batch_norm::forward(self, node, &mut chunk.views, input, output);
            }
            Instruction::PiecewiseLinear { node, map } => piecewise_linear::forward(self, node, chunk, image, map),
            Instruction::MaxPool { node, input, output } => {
                max_pool::forward(self, node, chunk, image, (input, output), scratch);
            }
            Instruction::Subsample { node, input, output } => {
                subsample::forward(self, node, &mut chunk.views, (input, output), scratch);
            }
            Instruction::Truncate { node, band, map } => {
                let (channels, _) = self.plan.shapes[node + 1].as_map();
                chunk.views.write(map, |map, _| truncate_in_place(band, channels, map));
            }
            Instruction::Pool { node, input, output } => pool::forward(self, node, &mut chunk.views, input, output),
            Instruction::Linear { node, input, output } => linear::forward(self, node, &mut chunk.views, input, output),
            Instruction::Loss { logits, gradient } => loss::loss(self, scheduled, chunk, image, logits, gradient),
            Instruction::LinearBackward { node, input, output_gradient, input_gradient } => {
                linear::backward(self, node, scheduled, chunk, (input, output_gradient), input_gradient);
            }
            Instruction::PoolBackward { node, output_gradient, input_gradient } => {
                pool::backward(self, node, &mut chunk.views, output_gradient, input_gradient);
            }
            Instruction::MaxPoolBackward { node, output_gradient, input_gradient } => {
                max_pool::backward(self, node, chunk, image, (output_gradient, input_gradient), scratch);
            }
            Instruction::SubsampleBackward { node, output_gradient, input_gradient } => {
                subsample::backward(self, node, &mut chunk.views, (output_gradient, input_gradient), scratch);
            }
            Instruction::PiecewiseLinearBackward { node, gradient } => {
                piecewise_linear::backward(self, node, chunk, image, gradient);
            }
            Instruction::GradientMoments { node, input, output_gradient } => {
                batch_norm::gradient_moments(self, node, scheduled, chunk, input, output_gradient);
            }
            Instruction::NormaliseBackward { node, input, output_gradient, input_gradient } => {
                batch_norm::backward(self, node, &mut chunk.views, (input, output_gradient), input_gradient, scratch);
            }
            Instruction::Conv2dBackward { node, input, output_gradient, input_gradient } => {
                let operands = (input, output_gradient);
                conv2d::backward(self, node, scheduled, chunk, operands, input_gradient, adjoint, scratch);
            }
        }
    }

    fn operation(&self, node: usize) -> &Operation {
        &self.plan.nodes[node].operation
    }

    fn layer(&self, node: usize) -> &Layer {
        &self.layers.nodes[node]
    }

    fn parameter(&self, number: usize) -> &[f32] {
        &self.parameters.values[number]
    }
}

/// Packs the filters that a stage's convolutions need for their inputs' gradients.
fn pack_adjoint_filters(plan: &Plan, parameters: &Parameters, stage: &Stage, adjoint: &mut [f32]) {
    for scheduled in &stage.instructions {
        if let Instruction::Conv2dBackward { node, input_gradient: Some(_), .. } = scheduled.instruction {
            conv2d::pack_adjoint(plan, parameters, node, &mut adjoint[scheduled.adjoint..]);
        }
    }
}

/// Takes a stage's sums, added up over the batch, to statistics and gradients; gives the loss if this stage had it.
fn finish(
    plan: &Plan,
    parameters: &mut Parameters,
    layers: &mut Layers,
    stage: &Stage,
    batch: usize,
    (singles, doubles): (&[f32], &[f64]),
) -> Option<BatchLoss> {
    let mut batch_loss = None;
    for scheduled in &stage.instructions {
        let doubles = &doubles[scheduled.doubles..];
        let singles = &singles[scheduled.singles..];
        match scheduled.instruction {
            Instruction::Moments { node, input: _ } => {
                finish_moments(plan, parameters, layers, node, batch, doubles);
            }
            Instruction::GradientMoments { node, .. } => {
                finish_norm_gradients(plan, parameters, layers, node, doubles);
            }
            Instruction::Conv2dBackward { node, .. } => conv2d::finish_gradients(plan, parameters, node, singles),
            Instruction::LinearBackward { node, .. } => finish_linear_gradients(plan, parameters, node, singles),
            Instruction::Loss { .. } => batch_loss = Some(finish_loss(doubles, batch)),
            _ => {}
        }
    }
    batch_loss
}

//! Convolutions of a group's maps, their filters and their filters' gradients.

use super::maps::prepare;
use super::{Batch, Pass, Work};
use crate::operations::Operation;
use crate::parameters::Parameters;
use crate::plan::Plan;
use crate::training::memory::Maps;
use crate::training::program::{Program, Scheduled, Stage};
use crate::training::step::{Buffer, Step, Target};
use jpegnet_kernels::Isa;
use jpegnet_kernels::pixels::add_bias_gradient;
use rayon::prelude::*;

/// The weight's and bias's numbers of a convolution.
pub(super) fn parameters_of(plan: &Plan, node: usize) -> (usize, Option<usize>) {
    match plan.nodes[node].operation {
        Operation::Conv2d { weight, bias, .. } => (weight, bias),
        _ => unreachable!("the node is a convolution"),
    }
}

/// Packs the filters of a stage's convolutions, side by side.
pub(super) fn pack(batch: &Batch, program: &Program, parameters: &Parameters, stage: &Stage, packed: &mut [f32]) {
    if stage.wide {
        return;
    }
    let mut rest = packed;
    let mut parts: Vec<(&Step, &mut [f32])> = Vec::new();
    for scheduled in &stage.steps {
        let length = match scheduled.step {
            Step::Conv2d { node, .. } => program.convolution(node).packed_len(),
            Step::Conv2dBackward { node, target: Some(_), .. } => program.convolution(node).adjoint_packed_len(),
            _ => continue,
        };
        let (part, others) = rest.split_at_mut(length);
        parts.push((&scheduled.step, part));
        rest = others;
    }
    let isa: Isa = batch.isa;
    parts.into_par_iter().for_each(|(step, packed)| match *step {
        Step::Conv2d { node, .. } => {
            let (weight, _) = parameters_of(batch.plan, node);
            program.convolution(node).pack(isa, &parameters.values[weight], packed);
        }
        Step::Conv2dBackward { node, .. } => {
            let (weight, _) = parameters_of(batch.plan, node);
            program.convolution(node).pack_adjoint(isa, &parameters.values[weight], packed);
        }
        _ => unreachable!("only convolutions have filters"),
    });
}

/// Takes what a chunk's groups summed up to gradients of filters.
pub(super) fn finish_chunk(pass: &Pass, work: &mut Work) {
    for scheduled in &pass.stage.steps {
        if let Step::Conv2dBackward { node, .. } = scheduled.step {
            let conv = pass.program.convolution(node);
            let sums = &work.sums[scheduled.sums..scheduled.sums + conv.sums_len()];
            let gradient = &mut work.singles[scheduled.singles..scheduled.singles + conv.filter_len()];
            conv.add_filter_gradient(pass.batch.isa, sums, gradient, work.scratch);
        }
    }
}

impl Pass<'_> {
    pub(super) fn conv2d(
        &self,
        scheduled: &Scheduled,
        node: usize,
        (input, output): (Buffer, Buffer),
        maps: &mut Maps,
        scratch: &mut [f32],
    ) {
        let conv = self.program.convolution(node);
        let packed = &self.packed[scheduled.packed..scheduled.packed + conv.packed_len()];
        let (_, bias) = parameters_of(self.batch.plan, node);
        let bias = bias.map(|bias| &self.parameters.values[bias][..]);
        let images = maps.images();
        maps.write(output, [input], |output, [input]| {
            conv.forward(self.batch.isa, images, input, packed, bias, output, scratch);
        });
    }

    pub(super) fn conv2d_backward(
        &self,
        scheduled: &Scheduled,
        node: usize,
        (input, gradient): (Buffer, Buffer),
        target: Option<Target>,
        maps: &mut Maps,
        work: &mut Work,
    ) {
        let isa = self.batch.isa;
        let conv = self.program.convolution(node);
        let images = maps.images();
        let sums = &mut work.sums[scheduled.sums..scheduled.sums + conv.sums_len()];
        if let (_, Some(bias)) = parameters_of(self.batch.plan, node) {
            let channels = self.batch.plan.parameters[bias].len();
            let of_bias = &mut work.singles[scheduled.singles + conv.filter_len()..][..channels];
            add_bias_gradient(isa, maps.read(gradient), of_bias);
        }
        let scratch = &mut *work.scratch;
        let Some(target) = target else {
            let (input, gradient) = (maps.read(input), maps.read(gradient));
            conv.backward(isa, images, input, gradient, None, sums, scratch);
            return;
        };
        let packed = &self.packed[scheduled.packed..scheduled.packed + conv.adjoint_packed_len()];
        maps.write(target.buffer, [input, gradient], |of_input, [input, gradient]| {
            prepare(target, of_input);
            conv.backward(isa, images, input, gradient, Some((packed, of_input)), sums, scratch);
        });
    }
}

//! Convolutions of the whole batch by panels of their filters, which threads share.

use super::Batch;
use super::convolution::parameters_of;
use super::maps::prepare;
use crate::parameters::Parameters;
use crate::training::memory::{Maps, Memory, WideMemory};
use crate::training::program::{Program, Stage};
use crate::training::step::Step;
use crate::workspace::Workspaces;
use jpegnet_kernels::pixels::{Epilogue, Order, Wide, WideRuns, add_bias_gradient};
use rayon::prelude::*;

/// Runs a stage of one wide convolution.
pub(super) fn run(
    batch: &Batch,
    program: &Program,
    stage: &Stage,
    parameters: &mut Parameters,
    memory: &mut Memory,
    workspaces: &Workspaces,
) {
    let images = batch.input.len();
    let (mut whole, shared) = memory.whole(stage);
    let mut maps = Maps::new(program, &mut whole, &mut [], 0..images);
    for scheduled in &stage.steps {
        let Some((node, wide)) = scheduled.step.node().and_then(|node| Some((node, program.convolution(node).wide()?)))
        else {
            unreachable!("a wide stage is one wide convolution");
        };
        let (weight, bias) = parameters_of(batch.plan, node);
        let by_panels = ByPanels { batch, wide, runs: wide.runs(images), filter: weight, workspaces };
        match scheduled.step {
            Step::Conv2d { input, output, .. } => {
                let filter = &parameters.values[weight];
                let bias = bias.map(|bias| &parameters.values[bias][..]);
                maps.write(output, [input], |output, [input]| {
                    by_panels.inputs(input, shared);
                    by_panels.products(Order::Forward, filter, shared);
                    by_panels.outputs(bias, output, shared);
                });
            }
            Step::Conv2dBackward { input, gradient, target, .. } => {
                by_panels.inputs(maps.read(input), shared);
                by_panels.gradients(maps.read(gradient), shared);
                by_panels.filter_gradient(&mut parameters.gradients[weight], shared);
                if let Some(bias) = bias {
                    let of_bias = &mut parameters.gradients[bias];
                    of_bias.fill(0.0);
                    add_bias_gradient(batch.isa, maps.read(gradient), of_bias);
                }
                if let Some(target) = target {
                    by_panels.products(Order::Adjoint, &parameters.values[weight], shared);
                    maps.write(target.buffer, [], |sums, []| {
                        prepare(target, sums);
                        by_panels.add_input_gradient(sums, shared);
                    });
                }
            }
            _ => unreachable!("a wide stage is one wide convolution"),
        }
        if let (Some(search), Some(node), Some(output)) =
            (batch.observers.search, scheduled.completes, scheduled.step.writes())
        {
            search.look_at(node, maps.read(output));
        }
    }
}

/// One convolution of a batch.
struct ByPanels<'a> {
    batch: &'a Batch<'a>,
    wide: Wide<'a>,
    runs: WideRuns,
    /// Its number among the parameters.
    filter: usize,
    workspaces: &'a Workspaces,
}

impl ByPanels<'_> {
    fn images(&self) -> usize {
        self.batch.input.len()
    }

    /// Images of a run.
    fn images_of(&self, run: usize) -> usize {
        self.runs.images.min(self.images() - run * self.runs.images)
    }

    /// Floats of a run's maps.
    fn maps_of_run(&self, maps: &[f32]) -> usize {
        maps.len() / self.images() * self.runs.images
    }

    fn inputs(&self, input: &[f32], shared: &mut WideMemory) {
        let (runs, length) = (self.runs, self.maps_of_run(input));
        let frequencies = &mut shared.inputs[..runs.runs * runs.input_len];
        let tasks = frequencies.par_chunks_mut(runs.input_len).zip(input.par_chunks(length)).enumerate();
        tasks.for_each(|(run, (frequencies, input))| {
            self.workspaces.lend(|scratch| {
                self.wide.inputs(self.batch.isa, self.images_of(run), input, frequencies, scratch);
            });
        });
    }

    fn gradients(&self, gradient: &[f32], shared: &mut WideMemory) {
        let (runs, length) = (self.runs, self.maps_of_run(gradient));
        let frequencies = &mut shared.gradients[..runs.runs * runs.gradient_len];
        let tasks = frequencies.par_chunks_mut(runs.gradient_len).zip(gradient.par_chunks(length)).enumerate();
        tasks.for_each(|(run, (frequencies, gradient))| {
            self.workspaces.lend(|scratch| {
                self.wide.gradients(self.batch.isa, self.images_of(run), gradient, frequencies, scratch);
            });
        });
    }

    fn products(&self, order: Order, filter: &[f32], shared: &mut WideMemory) {
        let column = self.runs.runs * self.runs.column_len;
        let WideMemory { inputs, gradients, products } = shared;
        let frequencies = match order {
            Order::Forward => &**inputs,
            Order::Adjoint => &**gradients,
        };
        let mut rest = &mut products[..];
        let mut tasks = Vec::new();
        for panel in self.wide.panels(order) {
            let (of_panel, others) = rest.split_at_mut(column * panel.1);
            tasks.push((panel, of_panel));
            rest = others;
        }
        let (isa, images) = (self.batch.isa, self.images());
        tasks.into_par_iter().for_each(|(panel, products)| {
            self.workspaces.lend(|scratch| {
                self.wide.products(isa, order, panel, images, filter, frequencies, products, scratch);
            });
        });
    }

    fn outputs(&self, bias: Option<&[f32]>, output: &mut [f32], shared: &WideMemory) {
        let length = self.maps_of_run(output);
        output.par_chunks_mut(length).enumerate().for_each(|(run, output)| {
            let epilogue = Epilogue { bias, ..Epilogue::NONE };
            let run = (run, self.images_of(run));
            self.wide.outputs(self.batch.isa, run, self.images(), &shared.products, epilogue, output);
        });
    }

    fn filter_gradient(&self, gradient: &mut [f32], shared: &WideMemory) {
        let outputs = self.batch.plan.parameters[self.filter].shape[0];
        let of_output = gradient.len() / outputs;
        let mut rest = gradient;
        let mut tasks = Vec::new();
        for panel in self.wide.panels(Order::Forward) {
            let (of_panel, others) = rest.split_at_mut(panel.1.min(outputs - panel.0) * of_output);
            tasks.push((panel, of_panel));
            rest = others;
        }
        let (isa, images) = (self.batch.isa, self.images());
        tasks.into_par_iter().for_each(|(panel, gradient)| {
            gradient.fill(0.0);
            self.workspaces.lend(|scratch| {
                self.wide.filter_gradient(isa, panel, images, &shared.inputs, &shared.gradients, gradient, scratch);
            });
        });
    }

    fn add_input_gradient(&self, sums: &mut [f32], shared: &WideMemory) {
        let length = self.maps_of_run(sums);
        sums.par_chunks_mut(length).enumerate().for_each(|(run, sums)| {
            let run = (run, self.images_of(run));
            self.wide.input_gradient(self.batch.isa, run, self.images(), &shared.products, sums);
        });
    }
}

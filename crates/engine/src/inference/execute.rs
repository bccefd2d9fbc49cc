//! Runs a compiled network on a batch.

use super::cost::BandMethod;
use super::pack::Filter;
use super::step::{Activation, Compiled, Kind, Size, Step, size_of_map};
use crate::EngineError;
use crate::floats::Floats;
use crate::input::BatchInput;
use crate::layers::running_coefficients;
use crate::parameters::Parameters;
use crate::plan::{Operation, Plan};
use crate::workspace::Workspaces;
use jpegnet_kernels::Isa;
use jpegnet_kernels::band::{BandShape, activation_in_place, band_rows_from_pixels_into, pixel_rows_from_band_into};
use jpegnet_kernels::pixels::{
    self, Conv2d, Epilogue, coefficients_from_pixels_into, global_average_pool_into, masked_in_place,
    max_pool_rows_into, pixels_from_coefficients_into, scale_shift_in_place, subsample_into,
};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Memory of inference: the maps of every group in flight and the scratch of every thread; grown, never shrunk.
#[derive(Debug, Default)]
pub(crate) struct Executor {
    groups: Vec<Mutex<Vec<Floats>>>,
    workspaces: Workspaces,
    /// Frequencies and products of a run that all threads work on.
    shared: Mutex<(Floats, Floats)>,
}

/// Rows of an input that one task makes: several rows of blocks, since neighbouring strips both read the samples between
/// them.
const INPUT_ROWS: usize = 64;

/// What all steps of a run only read.
pub(crate) struct Run<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) isa: Isa,
    pub(crate) parameters: &'a Parameters,
    pub(crate) compiled: &'a Compiled,
    pub(crate) filters: &'a [Option<Arc<Filter>>],
    pub(crate) input: &'a BatchInput<'a>,
    /// Set to the smallest step whose output was not finite, if it is to be looked for.
    pub(crate) search: Option<&'a AtomicUsize>,
}

impl Executor {
    /// Makes room for a compiled network.
    pub(crate) fn prepare(&mut self, compiled: &Compiled, input: &BatchInput) -> Result<(), EngineError> {
        let threads = rayon::current_num_threads();
        let groups = if compiled.side_by_side { threads } else { 1 };
        self.groups.resize_with(groups.max(self.groups.len()), Mutex::default);
        for group in &mut self.groups[..groups] {
            let slots = group.get_mut().unwrap_or_else(PoisonError::into_inner);
            slots.resize_with(compiled.slots.len().max(slots.len()), Floats::default);
            for (slot, &length) in slots.iter_mut().zip(&compiled.slots) {
                slot.grow(length * compiled.group)?;
            }
        }
        let (frequencies, products) = self.shared.get_mut().unwrap_or_else(PoisonError::into_inner);
        frequencies.grow(compiled.shared.0)?;
        products.grow(compiled.shared.1)?;
        let coefficients = compiled.steps.iter().map(|step| match step.kind {
            Kind::Input => input.pixel_scratch(INPUT_ROWS.min(step.size.height)),
            Kind::Coefficients { scratch, .. } => scratch,
            _ => 0,
        });
        let length = coefficients.max().unwrap_or(0).max(compiled.scratch);
        self.workspaces.prepare(length)
    }

    pub(crate) fn bytes(&self) -> usize {
        let of_group = |group: &Mutex<Vec<Floats>>| {
            group.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|slot| slot.len()).sum::<usize>()
        };
        size_of::<f32>() * self.groups.iter().map(of_group).sum::<usize>()
            + self.workspaces.bytes()
            + size_of::<f32>() * self.shared.lock().map_or(0, |shared| shared.0.len() + shared.1.len())
    }

    /// Logits `[images, classes]` of the batch.
    pub(crate) fn run(&self, run: &Run) -> Vec<f32> {
        let classes = run.plan.classes();
        let mut logits = vec![0.0; run.input.len() * classes];
        let group_len = run.compiled.group * classes;
        let work = |(number, logits): (usize, &mut [f32])| {
            let first = number * run.compiled.group;
            let memory = rayon::current_thread_index().filter(|_| run.compiled.side_by_side).unwrap_or(0);
            let mut slots = self.groups[memory].lock().unwrap_or_else(PoisonError::into_inner);
            self.run_group(run, &mut slots, first..first + logits.len() / classes);
            let from = &slots[run.compiled.places[run.compiled.logits.0]];
            logits.copy_from_slice(&from[..logits.len()]);
        };
        if run.compiled.side_by_side {
            logits.par_chunks_mut(group_len).enumerate().for_each(work);
        } else {
            logits.chunks_mut(group_len).enumerate().for_each(work);
        }
        logits
    }

    fn run_group(&self, run: &Run, slots: &mut [Floats], images: Range<usize>) {
        let Compiled { steps, places, .. } = run.compiled;
        for (number, step) in steps.iter().enumerate() {
            let place = places[step.output.0];
            // Taken out so that it can be written while the others are read.
            let mut memory = std::mem::take(&mut slots[place]);
            let output = &mut memory[..images.len() * step.size.len()];
            let inputs: Vec<&[f32]> = step.inputs.iter().map(|input| &slots[places[input.0]][..]).collect();
            self.run_step(run, number, step, &images, &inputs, output);
            if let Some(search) = run.search
                && !output.iter().all(|value| value.is_finite())
            {
                search.fetch_min(number, Ordering::Relaxed);
            }
            slots[place] = memory;
        }
    }

    /// The shape of the band map that a step reads first.
    fn input_band(&self, run: &Run, step: &Step) -> BandShape {
        let writer = run.compiled.steps.iter().rfind(|other| other.output == step.inputs[0]);
        match writer.and_then(|writer| Some((writer.size, writer.size.band?))) {
            Some((size, frequencies)) => size.in_band(frequencies),
            None => unreachable!("the input is a band map that an earlier step wrote"),
        }
    }

    /// Works through the rows of blocks of a group's band map, at least `at_once` at a time.
    #[expect(clippy::too_many_arguments, reason = "what to cut, how, and what to do with each part")]
    fn band_rows(
        &self,
        shape: &BandShape,
        images: usize,
        at_once: usize,
        parallel: bool,
        epilogue: Epilogue,
        output: &mut [f32],
        work: &(dyn Fn(Range<usize>, Epilogue, &mut [f32]) + Sync),
    ) {
        let rows = images * shape.high();
        let threads = if parallel { rayon::current_num_threads() } else { 1 };
        let length = rows.div_ceil(rows.div_ceil(at_once).next_multiple_of(threads).min(rows));
        let part = |(number, output): (usize, &mut [f32])| {
            let first = number * length;
            let range = first * shape.row_len()..first * shape.row_len() + output.len();
            let residual = epilogue.residual.map(|residual| &residual[range]);
            work(first..first + output.len() / shape.row_len(), Epilogue { residual, ..epilogue }, output);
        };
        if parallel {
            output.par_chunks_mut(length * shape.row_len()).enumerate().for_each(part);
        } else {
            output.chunks_mut(length * shape.row_len()).enumerate().for_each(part);
        }
    }

    fn run_step(
        &self,
        run: &Run,
        number: usize,
        step: &Step,
        images: &Range<usize>,
        inputs: &[&[f32]],
        output: &mut [f32],
    ) {
        let Size { height, width, channels, .. } = step.size;
        let isa = run.isa;
        let parallel = !run.compiled.side_by_side;
        let each_image = |output: &mut [f32], body: &(dyn Fn(usize, &mut [f32]) + Sync)| {
            if parallel {
                output.par_chunks_mut(step.size.len()).enumerate().for_each(|(image, output)| body(image, output));
            } else {
                output.chunks_mut(step.size.len()).enumerate().for_each(|(image, output)| body(image, output));
            }
        };
        match &step.kind {
            Kind::Input => each_image(output, &|image, output| {
                let row = width * channels;
                let strip = |(number, output): (usize, &mut [f32])| {
                    let rows = number * INPUT_ROWS..number * INPUT_ROWS + output.len() / row;
                    self.workspaces.lend(|scratch| {
                        run.input.pixel_rows_into(isa, images.start + image, rows, output, scratch);
                    });
                };
                if parallel {
                    output.par_chunks_mut(INPUT_ROWS * row).enumerate().for_each(strip);
                } else {
                    output.chunks_mut(INPUT_ROWS * row).enumerate().for_each(strip);
                }
            }),
            Kind::Conv2d { conv, activation, pick, .. } => {
                let Some(filter) = &run.filters[number] else {
                    unreachable!("every convolution has its filter");
                };
                let epilogue = Epilogue {
                    bias: filter.bias.as_deref(),
                    residual: inputs.get(1).map(|residual| &residual[..output.len()]),
                    activation: activation.of_kernels(),
                };
                let threads = if parallel { rayon::current_num_threads() } else { 1 };
                let length = pick.run(conv, images.len(), threads);
                let convolution = Convolution { executor: self, isa, conv, input: inputs[0], packed: &filter.packed };
                let units = 0..images.len() * conv.units();
                if parallel && pick.shared {
                    convolution.run_shared(units, epilogue, output);
                } else {
                    convolution.run(units, length, parallel, epilogue, output);
                }
            }
            Kind::Coefficients { activation, .. } => {
                let Some(filter) = &run.filters[number] else {
                    unreachable!("every convolution has its filter");
                };
                each_image(output, &|image, output| {
                    let residual = inputs.get(1).map(|term| &term[image * output.len()..(image + 1) * output.len()]);
                    let epilogue =
                        Epilogue { bias: filter.bias.as_deref(), residual, activation: activation.of_kernels() };
                    self.workspaces.lend(|scratch| {
                        through_coefficients(run, step, (inputs[0], image), &filter.packed, output, scratch);
                    });
                    epilogue.apply_in_place(isa, channels, output);
                });
            }
            Kind::BandConv2d { method, activation, .. } => {
                let (Some(filter), Some(frequencies)) = (&run.filters[number], step.size.band) else {
                    unreachable!("every convolution has its filter, and the output is a band map");
                };
                let shape = step.size.in_band(frequencies);
                let (input, packed) = (inputs[0], &filter.packed[..]);
                let epilogue = Epilogue {
                    bias: filter.bias.as_deref(),
                    residual: inputs.get(1).map(|residual| &residual[..output.len()]),
                    activation: activation.of_kernels(),
                };
                let at_once = match method {
                    BandMethod::Diagonalised(method) => method.rows_at_once(),
                    BandMethod::Pointwise(_) => 1,
                };
                self.band_rows(&shape, images.len(), at_once, parallel, epilogue, output, &|rows, epilogue, output| {
                    self.workspaces.lend(|scratch| match method {
                        BandMethod::Diagonalised(method) => {
                            method.forward_rows(isa, rows, input, packed, epilogue, output, scratch);
                        }
                        BandMethod::Pointwise(method) => {
                            method.forward_rows(isa, rows, input, packed, epilogue, output, scratch);
                        }
                    });
                });
            }
            Kind::ToPixels => {
                let shape = self.input_band(run, step);
                each_image(output, &|image, output| {
                    let rows = image * shape.high()..(image + 1) * shape.high();
                    pixel_rows_from_band_into(isa, &shape, rows, inputs[0], output);
                });
            }
            Kind::ToBand { activation } => {
                let Some(frequencies) = step.size.band else {
                    unreachable!("the output is a band map");
                };
                let shape = step.size.in_band(frequencies);
                let residual = inputs.get(1).map(|residual| &residual[..output.len()]);
                let activation = activation.of_kernels();
                let epilogue = Epilogue { bias: None, residual, activation };
                self.band_rows(&shape, images.len(), 1, parallel, epilogue, output, &|rows, epilogue, output| {
                    band_rows_from_pixels_into(isa, &shape, rows, inputs[0], output);
                    Epilogue { activation: pixels::Activation::Identity, ..epilogue }
                        .apply_in_place(isa, channels, output);
                    if epilogue.activation != pixels::Activation::Identity {
                        activation_in_place(isa, &shape, epilogue.activation, output);
                    }
                });
            }
            Kind::BandActivation { function } => {
                let Some(frequencies) = step.size.band else {
                    unreachable!("the output is a band map");
                };
                let shape = step.size.in_band(frequencies);
                let activation = pixels::Activation::of(function);
                each_image(output, &|_, output| activation_in_place(isa, &shape, activation, output));
            }
            Kind::Masked { function, masking } => each_image(output, &|_, output| {
                masked_in_place(isa, function, *masking, (height, width, channels), output);
            }),
            Kind::Sum { activation } => each_image(output, &|image, output| {
                let range = image * output.len()..(image + 1) * output.len();
                output.copy_from_slice(&inputs[0][range.clone()]);
                for (position, term) in inputs.iter().enumerate().skip(1) {
                    let last = position + 1 == inputs.len();
                    let activation = if last { activation.of_kernels() } else { pixels::Activation::Identity };
                    let residual = Some(&term[range.clone()]);
                    Epilogue { bias: None, residual, activation }.apply_in_place(isa, channels, output);
                }
                if inputs.len() == 1 {
                    let activation = activation.of_kernels();
                    Epilogue { bias: None, residual: None, activation }.apply_in_place(isa, channels, output);
                }
            }),
            Kind::Normalise => {
                let (scale, dc_shift) = running_coefficients(&run.plan.nodes[step.named_by].operation, run.parameters);
                let shift: Vec<f32> = dc_shift.iter().map(|shift| shift / 8.0).collect();
                each_image(output, &|image, output| {
                    output.copy_from_slice(&inputs[0][image * output.len()..(image + 1) * output.len()]);
                    scale_shift_in_place(isa, &scale, &shift, output);
                });
            }
            Kind::MaxPool(shape) => each_image(output, &|image, output| {
                let length = shape.height * shape.width * shape.channels;
                max_pool_rows_into(isa, shape, &inputs[0][image * length..(image + 1) * length], 0, output);
            }),
            Kind::Subsample { stride } => each_image(output, &|image, output| {
                let from = size_of_map(&run.plan.shapes[run.plan.nodes[step.node].inputs[0]]);
                let input = &inputs[0][image * from.len()..(image + 1) * from.len()];
                subsample_into((from.height, from.width, from.channels), *stride, channels, input, output);
            }),
            Kind::GlobalAveragePool => each_image(output, &|image, output| {
                let length = size_of_map(&run.plan.shapes[run.plan.nodes[step.node].inputs[0]]).len();
                global_average_pool_into(isa, channels, &inputs[0][image * length..(image + 1) * length], output);
            }),
        }
    }
}

impl Activation {
    fn of_kernels(&self) -> pixels::Activation<'_> {
        match self {
            Activation::Identity => pixels::Activation::Identity,
            Activation::Function(function) => pixels::Activation::of(function),
        }
    }
}

/// A convolution of one image's pixels by way of their coefficients.
fn through_coefficients(
    run: &Run,
    step: &Step,
    (input, image): (&[f32], usize),
    packed: &[f32],
    output: &mut [f32],
    scratch: &mut [f32],
) {
    let node = &run.plan.nodes[step.named_by];
    let Operation::Conv2d { trained: conv, .. } = &node.operation else {
        unreachable!("only convolutions are computed on coefficients");
    };
    let Size { height, width, channels, .. } = step.size;
    let from = size_of_map(&run.plan.shapes[node.inputs[0]]);
    let (map, scratch) = scratch.split_at_mut(conv.shape().input_len());
    let (result, scratch) = scratch.split_at_mut(conv.output_len());
    let input = &input[image * from.len()..(image + 1) * from.len()];
    coefficients_from_pixels_into(run.isa, (from.height, from.width, from.channels), input, map);
    conv.forward_into(run.isa, map, packed, None, result, scratch);
    pixels_from_coefficients_into(run.isa, (height, width, channels), result, output);
}

/// One convolution of a group's maps.
struct Convolution<'a> {
    executor: &'a Executor,
    isa: Isa,
    conv: &'a Conv2d,
    input: &'a [f32],
    packed: &'a [f32],
}

impl Convolution<'_> {
    /// Computes units with all threads on the same run, each with frequencies of its own.
    fn run_shared(&self, units: Range<usize>, epilogue: Epilogue, output: &mut [f32]) {
        let Convolution { executor, isa, conv, .. } = *self;
        let run = conv.shared_run(units.len());
        let mut shared = executor.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let (frequencies, products) = &mut *shared;
        let frequencies = &mut frequencies[..run.frequencies * run.frequency_len];
        let products = &mut products[..run.frequencies * run.product_len];
        executor.workspaces.lend(|scratch| {
            conv.shared_input(isa, units.clone(), self.input, frequencies, &mut scratch[..run.rows_len]);
        });
        let frequencies = &*frequencies;
        products.par_chunks_mut(run.product_len).enumerate().for_each(|(frequency, products)| {
            let range = frequency..frequency + 1;
            conv.shared_products(isa, units.len(), range, frequencies, self.packed, products);
        });
        self.shared_output(&units, units.clone(), products, epilogue, output);
    }

    /// Threads halve the units of a shared run until each has its part.
    fn shared_output(
        &self,
        run: &Range<usize>,
        units: Range<usize>,
        products: &[f32],
        epilogue: Epilogue,
        output: &mut [f32],
    ) {
        if units.len() <= run.len().div_ceil(rayon::current_num_threads()) {
            self.conv.shared_output(self.isa, run.clone(), units, products, epilogue, output);
            return;
        }
        let middle = units.start + units.len() / 2;
        let ((first, first_part), (second, second_part)) = self.split(&units, middle, epilogue, output);
        rayon::join(
            || self.shared_output(run, units.start..middle, products, first_part, first),
            || self.shared_output(run, middle..units.end, products, second_part, second),
        );
    }

    /// The output rows, and the epilogue, of units before and from `middle`.
    #[expect(clippy::type_complexity, reason = "two halves of two things")]
    fn split<'e, 'o>(
        &self,
        units: &Range<usize>,
        middle: usize,
        epilogue: Epilogue<'e>,
        output: &'o mut [f32],
    ) -> ((&'o mut [f32], Epilogue<'e>), (&'o mut [f32], Epilogue<'e>)) {
        let rows = self.conv.first_row(middle) - self.conv.first_row(units.start);
        let at = rows * self.conv.shape().output_row_len();
        let (first, second) = output.split_at_mut(at);
        let residuals = epilogue.residual.map(|residual| residual.split_at(at));
        let of_first = Epilogue { residual: residuals.map(|(first, _)| first), ..epilogue };
        let of_second = Epilogue { residual: residuals.map(|(_, second)| second), ..epilogue };
        ((first, of_first), (second, of_second))
    }

    /// Computes units, `length` at a time; threads halve what is left until no more than one run remains.
    fn run(&self, units: Range<usize>, length: usize, parallel: bool, epilogue: Epilogue, output: &mut [f32]) {
        if units.len() <= length {
            self.executor.workspaces.lend(|scratch| {
                self.conv.forward_units(self.isa, units, self.input, self.packed, epilogue, output, scratch);
            });
            return;
        }
        let runs = units.len().div_ceil(length);
        let half = if parallel { runs / 2 } else { 1 };
        let middle = units.start + half * length;
        let ((first, first_part), (second, second_part)) = self.split(&units, middle, epilogue, output);
        if parallel {
            rayon::join(
                || self.run(units.start..middle, length, parallel, first_part, first),
                || self.run(middle..units.end, length, parallel, second_part, second),
            );
        } else {
            self.run(units.start..middle, length, parallel, first_part, first);
            self.run(middle..units.end, length, parallel, second_part, second);
        }
    }
}

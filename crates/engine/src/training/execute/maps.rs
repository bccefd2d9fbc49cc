//! Steps on the maps of a group: everything but convolutions.

use super::{Pass, Passed, Statistics};
use crate::layers::{Layer, Normalisation};
use crate::operations::{MapFunction, Operation};
use crate::training::LossTarget;
use crate::training::compile::{channels_of, length_of};
use crate::training::memory::Maps;
use crate::training::step::{Buffer, Target, Term};
use jpegnet_kernels::pixels::{
    self, Activation, MOMENTS, Masked, normalise_backward_into, pass_and_add_moments, pass_in_place, sum_into,
    truncate_pixels_in_place,
};
use jpegnet_kernels::{add_in_place, linear_backward, linear_into, softmax_cross_entropy};

impl Pass<'_> {
    /// Channels of a node's output.
    pub(super) fn channels(&self, node: usize) -> usize {
        channels_of(&self.batch.plan.shapes[node + 1])
    }

    fn operation(&self, node: usize) -> &Operation {
        &self.batch.plan.nodes[node].operation
    }

    /// Floats of an image's first input of a node, and of its output.
    fn lengths(&self, node: usize) -> (usize, usize) {
        let plan = self.batch.plan;
        (length_of(&plan.shapes[plan.nodes[node].inputs[0]]), length_of(&plan.shapes[node + 1]))
    }

    /// Height, width and channels of a node's first input.
    fn input_size(&self, node: usize) -> (usize, usize, usize) {
        let plan = self.batch.plan;
        let (channels, extent) = plan.shapes[plan.nodes[node].inputs[0]].as_map();
        (extent.height, extent.width, channels)
    }

    fn normalisation(&self, node: usize) -> &Normalisation {
        match &self.layers.nodes[node] {
            Layer::BatchNorm(layer) => layer,
            Layer::Plain => unreachable!("a batch normalisation has a batch normalisation's layer"),
        }
    }

    fn term<'m>(&'m self, term: Term, map: &'m [f32]) -> pixels::Term<'m> {
        let scale_shift = term.normalised_by.map(|node| {
            let Normalisation { scale, shift, .. } = self.normalisation(node);
            (&scale[..], &shift[..])
        });
        pixels::Term { map, scale_shift }
    }

    pub(super) fn expand(&self, output: Buffer, first: usize, maps: &mut Maps, scratch: &mut [f32]) {
        let begin = self.program.begin;
        let length = length_of(&self.batch.plan.shapes[begin]);
        if begin > 0 {
            maps.write(output, [], |output, []| {
                for (image, output) in output.chunks_exact_mut(length).enumerate() {
                    output.copy_from_slice(self.batch.input.features(first + image).unwrap_or_default());
                }
            });
            return;
        }
        let (_, extent) = self.batch.plan.shapes[0].as_map();
        maps.write(output, [], |output, []| {
            for (image, output) in output.chunks_exact_mut(length).enumerate() {
                self.batch.input.pixel_rows_into(self.batch.isa, first + image, 0..extent.height, output, scratch);
            }
        });
    }

    pub(super) fn sum(&self, terms: &[Term], relu: bool, output: Buffer, maps: &mut Maps) {
        let activation = if relu { Activation::Relu } else { Activation::Identity };
        let isa = self.batch.isa;
        let channels = |term: &Term| term.normalised_by.map_or(1, |node| self.channels(node));
        // Maps that are not normalised may be of any number of channels: they are added float by float.
        let channels = terms.iter().map(channels).max().unwrap_or(1);
        match *terms {
            [a] => maps.write(output, [a.buffer], |output, [of_a]| {
                sum_into(isa, channels, &[self.term(a, of_a)], activation, output);
            }),
            [a, b] => maps.write(output, [a.buffer, b.buffer], |output, [of_a, of_b]| {
                sum_into(isa, channels, &[self.term(a, of_a), self.term(b, of_b)], activation, output);
            }),
            _ => {
                let [first, others @ .., last] = terms else {
                    unreachable!("a sum has at least one term");
                };
                self.sum(&[*first], false, output, maps);
                for term in others {
                    self.add_term(*term, channels, Activation::Identity, output, maps);
                }
                self.add_term(*last, channels, activation, output, maps);
            }
        }
    }

    /// Adds a term to a sum.
    fn add_term(&self, term: Term, channels: usize, activation: Activation, sum: Buffer, maps: &mut Maps) {
        maps.write(sum, [term.buffer], |sum, [map]| {
            let before = sum.to_vec();
            let terms = [pixels::Term { map: &before, scale_shift: None }, self.term(term, map)];
            sum_into(self.batch.isa, channels, &terms, activation, sum);
        });
    }

    pub(super) fn masked(&self, node: usize, map: Buffer, maps: &mut Maps) {
        self.with_masks(node, map, maps, |nonlinearity, map, masks| {
            // A function whose gradient nobody needs keeps no bits, nor does one without breakpoints.
            let masks = Some(masks).filter(|masks| !masks.is_empty());
            nonlinearity.apply_in_place(self.batch.isa, map, masks);
        });
    }

    pub(super) fn masked_again(&self, node: usize, map: Buffer, maps: &mut Maps) {
        self.with_masks(node, map, maps, |nonlinearity, map, masks| {
            nonlinearity.apply_again_in_place(self.batch.isa, masks, map);
        });
    }

    pub(super) fn masked_backward(&self, node: usize, gradient: Buffer, maps: &mut Maps) {
        self.with_masks(node, gradient, maps, |nonlinearity, gradient, masks| {
            nonlinearity.backward_in_place(self.batch.isa, masks, gradient);
        });
    }

    /// Calls with a nonlinearity, every image's map and its masks.
    fn with_masks(&self, node: usize, map: Buffer, maps: &mut Maps, body: impl Fn(&Masked, &mut [f32], &mut [u32])) {
        let Operation::PiecewiseLinear { function, .. } = self.operation(node) else {
            unreachable!("the node is piecewise linear");
        };
        let nonlinearity = Masked::new(function, self.batch.maskings[node], self.band(node), self.input_size(node));
        let ((length, _), words) = (self.lengths(node), self.program.masks[node]);
        maps.write_masked(map, node, |maps, masks| {
            for (image, map) in maps.chunks_exact_mut(length).enumerate() {
                body(&nonlinearity, map, &mut masks[image * words..(image + 1) * words]);
            }
        });
    }

    /// The band that a node's output is truncated to.
    fn band(&self, node: usize) -> Option<usize> {
        self.batch.plan.band.filter(|_| self.program.truncates[node])
    }

    /// Truncates a node's output, or a gradient of it, to the band.
    pub(super) fn truncate(&self, node: usize, map: Buffer, maps: &mut Maps) {
        let (channels, extent) = self.batch.plan.shapes[node + 1].as_map();
        let (size, (_, length)) = ((extent.height, extent.width, channels), self.lengths(node));
        let Some(band) = self.band(node) else {
            unreachable!("only band-limited networks truncate");
        };
        maps.write(map, [], |maps, []| {
            for map in maps.chunks_exact_mut(length) {
                truncate_pixels_in_place(self.batch.isa, band, size, map);
            }
        });
    }

    /// Which derivatives pass, by the maps that say so.
    fn passed<'m>(&'m self, passed: Option<&Passed>, signs: &'m [f32]) -> pixels::Passed<'m> {
        match passed {
            None => pixels::Passed::All,
            Some(Passed::Above(_)) => pixels::Passed::Above(signs),
            Some(Passed::Normalised(term)) => pixels::Passed::Normalised(self.term(*term, signs)),
        }
    }

    /// Clears the derivatives that do not pass and adds up the others for a batch normalisation.
    pub(super) fn pass(
        &self,
        passed: Option<&Passed>,
        gradient: Buffer,
        moments: Option<(Statistics, &mut [f64])>,
        maps: &mut Maps,
    ) {
        let isa = self.batch.isa;
        let signs = match passed {
            Some(Passed::Above(buffer)) => *buffer,
            Some(Passed::Normalised(term)) => term.buffer,
            None => gradient,
        };
        match (passed, moments) {
            (None, None) => {}
            (None, Some((Statistics { node, input }, doubles))) => {
                let channels = self.channels(node);
                maps.write(gradient, [input], |gradient, [input]| {
                    let moments = &mut doubles[..MOMENTS * channels];
                    pass_and_add_moments(isa, channels, pixels::Passed::All, gradient, input, moments);
                });
            }
            (Some(relu), None) => {
                let channels = match relu {
                    Passed::Normalised(Term { normalised_by: Some(node), .. }) => self.channels(*node),
                    _ => 1,
                };
                maps.write(gradient, [signs], |gradient, [signs]| {
                    pass_in_place(isa, channels, self.passed(passed, signs), gradient);
                });
            }
            (Some(_), Some((Statistics { node, input }, doubles))) => {
                let channels = self.channels(node);
                maps.write(gradient, [signs, input], |gradient, [signs, input]| {
                    let moments = &mut doubles[..MOMENTS * channels];
                    pass_and_add_moments(isa, channels, self.passed(passed, signs), gradient, input, moments);
                });
            }
        }
    }

    pub(super) fn normalise_backward(
        &self,
        node: usize,
        (input, gradient): (Buffer, Buffer),
        output: Buffer,
        maps: &mut Maps,
    ) {
        let Some(factors) = &self.normalisation(node).gradient else {
            unreachable!("its sums were added up in a stage before");
        };
        maps.write(output, [input, gradient], |output, [input, gradient]| {
            normalise_backward_into(self.batch.isa, input, gradient, factors, output);
        });
    }

    /// A node's function without parameters.
    fn map_function(&self, node: usize) -> &dyn MapFunction {
        match self.operation(node) {
            Operation::Map(function) => function.as_ref(),
            _ => unreachable!("the node is a function without parameters"),
        }
    }

    pub(super) fn map(&self, node: usize, (input, output): (Buffer, Buffer), maps: &mut Maps) {
        let function = self.map_function(node);
        let (input_len, output_len) = self.lengths(node);
        let words = self.program.masks[node];
        maps.write_with_masks(output, [input], node, |outputs, [inputs], kept| {
            let images = inputs.chunks_exact(input_len).zip(outputs.chunks_exact_mut(output_len));
            for (image, (input, output)) in images.enumerate() {
                let kept = (words > 0).then(|| &mut kept[image * words..(image + 1) * words]);
                function.forward(self.batch.isa, input, output, kept);
            }
        });
    }

    pub(super) fn map_backward(&self, node: usize, gradient: Buffer, target: Target, maps: &mut Maps) {
        let function = self.map_function(node);
        let (input_len, output_len) = self.lengths(node);
        let words = self.program.masks[node];
        maps.write_with_masks(target.buffer, [gradient], node, |sums, [gradients], kept| {
            prepare(target, sums);
            let images = gradients.chunks_exact(output_len).zip(sums.chunks_exact_mut(input_len));
            for (image, (gradient, sum)) in images.enumerate() {
                function.add_gradient(self.batch.isa, gradient, &kept[image * words..(image + 1) * words], sum);
            }
        });
    }

    fn linear_parameters(&self, node: usize) -> (&[f32], Option<&[f32]>, usize, usize) {
        match *self.operation(node) {
            Operation::Linear { inputs, outputs, weight, bias } => {
                let values = &self.parameters.values;
                (&values[weight], bias.map(|bias| &values[bias][..]), inputs, outputs)
            }
            _ => unreachable!("the node is a linear layer"),
        }
    }

    pub(super) fn linear(&self, node: usize, (input, output): (Buffer, Buffer), maps: &mut Maps) {
        let (weight, bias, inputs, outputs) = self.linear_parameters(node);
        maps.write(output, [input], |output, [input]| {
            linear_into(self.batch.isa, input, weight, bias, inputs, outputs, output);
        });
    }

    pub(super) fn linear_backward(
        &self,
        node: usize,
        (input, gradient): (Buffer, Buffer),
        target: Option<Target>,
        maps: &mut Maps,
        sums: &mut [f32],
        scratch: &mut [f32],
    ) {
        let (weight, bias, inputs, outputs) = self.linear_parameters(node);
        let (of_weight, sums) = sums.split_at_mut(inputs * outputs);
        let of_bias = bias.map(|_| &mut sums[..outputs]);
        let isa = self.batch.isa;
        let images = maps.images();
        let of_input = target.map(|_| &mut scratch[..images * inputs]);
        let (x, dy) = (maps.read(input), maps.read(gradient));
        linear_backward(isa, x, weight, dy, inputs, outputs, of_input, of_weight, of_bias);
        if let Some(target) = target {
            maps.write(target.buffer, [], |sum, []| {
                prepare(target, sum);
                add_in_place(isa, sum, &scratch[..images * inputs]);
            });
        }
    }

    pub(super) fn loss(&self, first: usize, (logits, gradient): (Buffer, Buffer), maps: &mut Maps, sums: &mut [f64]) {
        let labels = self.batch.labels.of(first..first + maps.images());
        let LossTarget { label_smoothing, images } = self.batch.target;
        #[expect(clippy::cast_precision_loss, reason = "no step has 2^24 images")]
        let scale = 1.0 / images as f32;
        let classes = self.batch.plan.classes();
        let loss = maps.write(gradient, [logits], |gradient, [logits]| {
            softmax_cross_entropy(logits, classes, labels, label_smoothing, Some((gradient, scale)))
        });
        sums[0] += loss.sum;
        #[expect(clippy::cast_precision_loss, reason = "a count of images")]
        {
            sums[1] += loss.correct as f64;
        }
    }
}

/// Zeros where nothing is yet.
pub(super) fn prepare(target: Target, sums: &mut [f32]) {
    if target.fresh {
        sums.fill(0.0);
    }
}

//! The paper's three-block residual network from the definitions: its logits at every φ of the reference, and its five
//! training steps. What this holds is that the definitions compose; the fast network is the engine's.

mod support;

use jpegnet_kernels::definition::{
    BatchNorm, CoefficientMap, ConvolutionGradients, Moments, UNIT_STEPS, add, exploded_gradients, global_average_pool,
    global_average_pool_gradient, piecewise_linear, piecewise_linear_gradient, pixels, relu_pieces,
};
use jpegnet_kernels::{Conv2dShape, Grid, Masking};
use std::collections::BTreeMap;
use support::{Vectors, assert_close};

const CLASSES: usize = 10;
const EPSILON: f64 = 1e-5;
/// Name, channels in and out, stride.
const BLOCKS: [(&str, usize, usize, usize); 3] = [("block1", 3, 16, 1), ("block2", 16, 32, 2), ("block3", 32, 64, 2)];

/// Parameters and running statistics by their PyTorch names.
type State = BTreeMap<String, Vec<f64>>;

fn read_state(name: &str) -> State {
    let vectors = Vectors::read(name);
    let names = vectors.names().into_iter().filter(|name| !name.ends_with("num_batches_tracked"));
    names.map(|name| (name.clone(), vectors.double(&name))).collect()
}

/// The ten pictures, normalised, as coefficients `[10, 3, 4, 4]`, and their labels.
fn batch() -> (CoefficientMap, Vec<usize>) {
    let vectors = Vectors::read("paper_resnet_io");
    let shape = vectors.shape("input_rgb_normalised");
    let input = pixels::PixelMap {
        images: shape[0],
        channels: shape[1],
        height: shape[2],
        width: shape[3],
        values: vectors.double("input_rgb_normalised"),
    };
    (CoefficientMap::from_pixels(&input, vec![UNIT_STEPS; 3]), vectors.integers("labels"))
}

/// A network in training or inference mode, with what backward needs.
struct Network<'a> {
    state: &'a State,
    masking: Masking,
    /// The state after the batch (running statistics), if training.
    training: Option<State>,
    gradients: State,
}

/// A convolution and the normalisation after it: what backward needs.
struct Stage {
    convolution: String,
    norm: String,
    shape: Conv2dShape,
    input: CoefficientMap,
    convolved: CoefficientMap,
    moments: Moments,
}

impl Network<'_> {
    fn norm(&self, name: &str) -> BatchNorm {
        let read = |what: &str| self.state[&format!("{name}.{what}")].clone();
        BatchNorm { weight: read("weight"), bias: read("bias"), epsilon: EPSILON }
    }

    /// Convolution on the pixels that the coefficients stand for: Ξ is J̃·C·J, and C here is cheaper than Ξ.
    fn stage(
        &mut self,
        convolution: &str,
        norm: &str,
        shape: Conv2dShape,
        input: &CoefficientMap,
    ) -> (CoefficientMap, Stage) {
        let convolved = pixels::conv2d(&shape, &self.state[&format!("{convolution}.weight")], None, &input.to_pixels());
        let convolved = CoefficientMap::from_pixels(&convolved, vec![UNIT_STEPS; shape.output_channels]);
        let name = |what: &str| format!("{norm}.running_{what}");
        let running = Moments {
            mean: self.state[&name("mean")].clone(),
            variance: self.state[&name("var")].clone(),
            pixels: f64::NAN,
        };
        let moments = match &mut self.training {
            Some(after) => {
                let moments = Moments::of(&convolved);
                let moved = moments.moved(&running, 0.1);
                after.insert(name("mean"), moved.mean);
                after.insert(name("var"), moved.variance);
                moments
            }
            None => running,
        };
        let output = self.norm(norm).apply(&moments, &convolved);
        let (convolution, norm) = (convolution.to_owned(), norm.to_owned());
        (output, Stage { convolution, norm, shape, input: input.clone(), convolved, moments })
    }

    fn stage_backward(&mut self, stage: &Stage, output_gradient: &CoefficientMap) -> CoefficientMap {
        let gradients = self.norm(&stage.norm).gradients(&stage.moments, &stage.convolved, output_gradient);
        self.gradients.insert(format!("{}.weight", stage.norm), gradients.weight);
        self.gradients.insert(format!("{}.bias", stage.norm), gradients.bias);
        let name = format!("{}.weight", stage.convolution);
        let found = pixels::conv2d_gradients(
            &stage.shape,
            &self.state[&name],
            &stage.input.to_pixels(),
            &gradients.input.to_pixels(),
        );
        self.gradients.insert(name, found.filter);
        CoefficientMap::from_pixels(&found.input, vec![UNIT_STEPS; stage.shape.input_channels])
    }

    /// Logits `[images, 10]`, and their gradients' way back if `labels` are given: the mean loss.
    fn run(&mut self, input: &CoefficientMap, labels: Option<&[usize]>) -> (Vec<f64>, f64) {
        let relu = relu_pieces();
        let mut x = input.clone();
        let mut kept = Vec::new();
        for (name, input_channels, output_channels, stride) in BLOCKS {
            let shape = |input_channels, size, stride, input_grid: Grid| Conv2dShape {
                input_channels,
                output_channels,
                size,
                stride,
                padding: size / 2,
                input: input_grid.into(),
            };
            let name = |part: &str| format!("{name}.{part}");
            let first = shape(input_channels, 3, stride, x.grid);
            let (y, conv1) = self.stage(&name("conv1"), &name("bn1"), first, &x);
            let inner = piecewise_linear(&relu, self.masking, &y);
            let second = shape(output_channels, 3, 1, y.grid);
            let (y, conv2) = self.stage(&name("conv2"), &name("bn2"), second, &inner.output);
            let shortcut = shape(input_channels, 1, stride, x.grid);
            let (z, downsample) = self.stage(&name("downsample.0"), &name("downsample.1"), shortcut, &x);
            let outer = piecewise_linear(&relu, self.masking, &add(&y, &z));
            x = outer.output;
            kept.push((conv1, inner.pieces, conv2, downsample, outer.pieces));
        }
        let pooled = global_average_pool(&x);
        let (weight, bias) = (&self.state["fc.weight"], &self.state["fc.bias"]);
        let logits = pixels::linear(x.channels, &pooled, weight, bias);
        let Some(labels) = labels else { return (logits, f64::NAN) };

        let (loss, dlogits) = pixels::softmax_cross_entropy(&logits, CLASSES, labels);
        let (dpooled, dweight, dbias) = pixels::linear_gradients(x.channels, &pooled, weight, &dlogits);
        self.gradients.insert("fc.weight".to_owned(), dweight);
        self.gradients.insert("fc.bias".to_owned(), dbias);
        let mut dx = global_average_pool_gradient(&x, &dpooled);
        for (conv1, inner, conv2, downsample, outer) in kept.iter().rev() {
            let dsum = piecewise_linear_gradient(&relu, self.masking, outer, &dx);
            let dinner = self.stage_backward(conv2, &dsum);
            let dinner = piecewise_linear_gradient(&relu, self.masking, inner, &dinner);
            dx = add(&self.stage_backward(conv1, &dinner), &self.stage_backward(downsample, &dsum));
        }
        (logits, loss)
    }
}

#[test]
fn the_definitions_give_the_paper_network_s_logits_at_every_frequency() {
    let (input, _) = batch();
    let state = read_state("paper_resnet");
    let expected = Vectors::read("paper_resnet_io");
    for frequencies in [1, 4, 6, 8, 12, 15] {
        let masking = Masking::Approximated { frequencies };
        let mut network = Network { state: &state, masking, training: None, gradients: State::new() };
        let (logits, _) = network.run(&input, None);
        let name = format!("logits_{frequencies:02}");
        assert_close(&format!("paper_resnet definition, {name}"), &logits, &expected.double(&name), 1e-6);
    }
}

#[test]
fn the_definitions_take_the_paper_network_s_five_training_steps() {
    let (input, labels) = batch();
    for frequencies in [6, 15] {
        let name = format!("paper_resnet_after_5_steps_{frequencies:02}");
        let losses: Vec<f64> = serde_json::from_value(Vectors::read(&name).metadata("losses")).expect("five losses");
        let mut state = read_state("paper_resnet");
        let mut velocities = State::new();
        let mut found = Vec::new();
        for _ in 0..5 {
            let masking = Masking::Approximated { frequencies };
            let training = Some(state.clone());
            let mut network = Network { state: &state, masking, training, gradients: State::new() };
            let (_, loss) = network.run(&input, Some(&labels));
            found.push(loss);
            let (after, gradients) = (network.training, network.gradients);
            state = after.expect("training");
            // SGD: momentum 0.9, weight decay 5e-4, learning rate 0.002.
            for (name, gradient) in gradients {
                let parameter = state.get_mut(&name).expect("a parameter");
                let decayed: Vec<f64> = gradient.iter().zip(&*parameter).map(|(g, p)| g + 5e-4 * p).collect();
                let velocity = match velocities.get(&name) {
                    Some(velocity) => velocity.iter().zip(&decayed).map(|(v, g)| 0.9 * v + g).collect(),
                    None => decayed,
                };
                parameter.iter_mut().zip(&velocity).for_each(|(p, v)| *p -= 0.002 * v);
                velocities.insert(name, velocity);
            }
        }
        assert_close(&format!("{name} definition, losses"), &found, &losses, 1e-6);
        for (parameter, expected) in read_state(&name) {
            assert_close(&format!("{name} definition, {parameter}"), &state[&parameter], &expected, 1e-6);
        }
    }
}

/// One block of the network with the explosion itself in place of the pixels' convolution.
#[test]
fn the_gradient_through_the_explosion_is_the_network_s() {
    let (input, _) = batch();
    let state = read_state("paper_resnet");
    let filter = &state["block1.conv1.weight"];
    let grid = Grid { high: 4, wide: 4 };
    let shape =
        Conv2dShape { input_channels: 3, output_channels: 16, size: 3, stride: 1, padding: 1, input: grid.into() };
    let mut one = CoefficientMap::zeros(1, grid, vec![UNIT_STEPS; 3]);
    let length = one.values.len();
    one.values.copy_from_slice(&input.values[..length]);
    let dy = support::Random(1).map(1, 16, grid);
    let ConvolutionGradients { input: dx, filter: dfilter, .. } = exploded_gradients(&shape, filter, &one, &dy);
    let expected = pixels::conv2d_gradients(&shape, filter, &one.to_pixels(), &dy.to_pixels());
    assert_close("dx", &dx.to_pixels().values, &expected.input.values, 1e-12);
    assert_close("dfilter", &dfilter, &expected.filter, 1e-12);
}

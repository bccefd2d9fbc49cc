//! Every kernel of `jpegnet-kernels`, swept over channels, frequencies and sparsity. Run with `cargo bench --bench kernels`.
//!
//! An item is a multiply-add of the direct pixel algorithm for products and convolutions, and a coefficient elsewhere.
//! The machine's measured peak of multiply-adds is printed first, so that every figure has its share. Answers are checked
//! against the scalar instruction set before anything is timed.

#![expect(clippy::inline_always, reason = "the peak must be measured with the instruction set's own registers")]

use divan::{Bencher, black_box, counter::ItemsCount};
use jpegnet_kernels::input::{InputColour, InputTransform, SparsePlane};
use jpegnet_kernels::{
    Adam, BLOCK, BatchNormGradient, BatchStatistics, Conv2d, Conv2dShape, Extent, Factorisation, GRADIENT_MOMENTS,
    Grid, Isa, MOMENTS, Masking, PiecewiseLinear, Sgd, add_gradient_moments, add_in_place, add_moments,
    batch_norm_backward_into, forward_dct_into, global_average_pool_into, inverse_dct_into, linear_into,
    scale_shift_into, softmax_cross_entropy,
};

#[path = "machine/peak.rs"]
mod peak;
use peak::peak;

fn main() {
    for isa in Isa::available() {
        println!("{}: measured peak {:.1} G multiply-adds/s on one thread", isa.name(), peak(isa) / 1e9);
    }
    check_answers();
    divan::main();
}

/// Channels and blocks a side of the layers of the paper's network, and of one wider than it.
const LAYERS: [(usize, usize); 4] = [(16, 4), (32, 2), (64, 1), (64, 4)];
const CHANNELS: [usize; 4] = [3, 16, 32, 64];

fn values(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u16::try_from(state >> 16).unwrap_or(0)) / 32768.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// A convolution with everything it reads.
struct Convolution {
    conv: Conv2d,
    input: Vec<f32>,
    gradient: Vec<f32>,
    packed: Vec<f32>,
    adjoint: Vec<f32>,
}

impl Convolution {
    fn new(channels: usize, blocks_a_side: usize, size: usize, stride: usize) -> Self {
        Convolution::by(None, channels, blocks_a_side, size, stride)
    }

    fn by(
        factorisation: Option<Factorisation>,
        channels: usize,
        blocks_a_side: usize,
        size: usize,
        stride: usize,
    ) -> Self {
        let input_grid = Grid { high: blocks_a_side * stride, wide: blocks_a_side * stride };
        let (input_channels, output_channels) = (channels, channels);
        let shape =
            Conv2dShape { input_channels, output_channels, size, stride, padding: size / 2, input: input_grid.into() };
        let conv = factorisation.map_or_else(|| Conv2d::choose(shape), |way| Conv2d::new(shape, way));
        let conv = conv.expect("the grid is whole");
        let filter = values(shape.filter_len(), 1);
        let mut packed = vec![0.0; conv.packed_len()];
        conv.pack_filter_into(&filter, &mut packed);
        let mut adjoint = vec![0.0; conv.adjoint_packed_len()];
        conv.pack_adjoint_filter_into(&filter, &mut adjoint);
        let (input, gradient) = (values(shape.input_len(), 2), values(conv.output_len(), 3));
        Convolution { conv, input, gradient, packed, adjoint }
    }

    fn multiply_adds(&self) -> usize {
        let shape = self.conv.shape();
        self.conv.output_len() * shape.input_channels * shape.size * shape.size
    }

    fn forward(&self, isa: Isa) -> impl FnMut() -> f32 + '_ {
        let mut output = vec![0.0; self.conv.output_len()];
        let mut workspace = vec![0.0; self.conv.forward_workspace_len()];
        move || {
            self.conv.forward_into(isa, black_box(&self.input), &self.packed, None, &mut output, &mut workspace);
            output[0]
        }
    }

    fn backward(&self, isa: Isa) -> impl FnMut() -> f32 + '_ {
        let mut input_gradient = vec![0.0; self.input.len()];
        let mut filter_gradient = vec![0.0; self.conv.filter_gradient_len()];
        let mut workspace = vec![0.0; self.conv.backward_workspace_len()];
        move || {
            let to_input = Some((&mut input_gradient[..], false));
            let (input, gradient) = (black_box(&self.input), &self.gradient);
            self.conv.backward(isa, input, gradient, &self.adjoint, to_input, &mut filter_gradient, &mut workspace);
            input_gradient[0]
        }
    }
}

fn check_answers() {
    let isa = Isa::detect();
    let close = |a: f32, b: f32| assert!((a - b).abs() <= 1e-3 * (1.0 + b.abs()), "{a} is not {b}");
    for (channels, side) in LAYERS {
        for (size, stride) in [(3, 1), (3, 2), (1, 1)] {
            let convolution = Convolution::new(channels, side, size, stride);
            close(convolution.forward(isa)(), convolution.forward(Isa::SCALAR)());
            close(convolution.backward(isa)(), convolution.backward(Isa::SCALAR)());
        }
        let extent = Grid { high: side, wide: side }.into();
        let map = values(side * side * BLOCK * channels, 4);
        for masking in maskings() {
            let (mut fast, mut plain) = (map.clone(), map.clone());
            PiecewiseLinear::relu().forward_in_place(isa, masking, extent, channels, &mut fast, None);
            PiecewiseLinear::relu().forward_in_place(Isa::SCALAR, masking, extent, channels, &mut plain, None);
            fast.iter().zip(&plain).for_each(|(&a, &b)| close(a, b));
        }
    }
}

#[divan::bench(args = LAYERS)]
fn convolution_3x3_forward(bencher: Bencher, (channels, side): (usize, usize)) {
    let convolution = Convolution::new(channels, side, 3, 1);
    bencher.counter(ItemsCount::new(convolution.multiply_adds())).bench_local(convolution.forward(Isa::detect()));
}

#[divan::bench(args = LAYERS)]
fn convolution_3x3_backward(bencher: Bencher, (channels, side): (usize, usize)) {
    let convolution = Convolution::new(channels, side, 3, 1);
    bencher.counter(ItemsCount::new(2 * convolution.multiply_adds())).bench_local(convolution.backward(Isa::detect()));
}

#[divan::bench(args = LAYERS)]
fn convolution_3x3_stride_2_forward(bencher: Bencher, (channels, side): (usize, usize)) {
    let convolution = Convolution::new(channels, side, 3, 2);
    bencher.counter(ItemsCount::new(convolution.multiply_adds())).bench_local(convolution.forward(Isa::detect()));
}

#[divan::bench(args = LAYERS)]
fn convolution_3x3_stride_2_backward(bencher: Bencher, (channels, side): (usize, usize)) {
    let convolution = Convolution::new(channels, side, 3, 2);
    bencher.counter(ItemsCount::new(2 * convolution.multiply_adds())).bench_local(convolution.backward(Isa::detect()));
}

#[divan::bench(args = LAYERS)]
fn convolution_1x1_forward(bencher: Bencher, (channels, side): (usize, usize)) {
    let convolution = Convolution::new(channels, side, 1, 1);
    bencher.counter(ItemsCount::new(convolution.multiply_adds())).bench_local(convolution.forward(Isa::detect()));
}

/// The paper's map as written, against which the others can be measured: small, because it is dense.
#[divan::bench(args = [(4, 2), (8, 2), (16, 2)])]
fn convolution_3x3_exploded_forward(bencher: Bencher, (channels, side): (usize, usize)) {
    let convolution = Convolution::by(Some(Factorisation::Exploded), channels, side, 3, 1);
    bencher.counter(ItemsCount::new(convolution.multiply_adds())).bench_local(convolution.forward(Isa::detect()));
}

#[divan::bench(args = [(16, 5, 1), (64, 5, 1), (16, 7, 2), (64, 7, 2)])]
fn convolution_of_other_sizes_forward(bencher: Bencher, (channels, size, stride): (usize, usize, usize)) {
    let convolution = Convolution::new(channels, 2, size, stride);
    bencher.counter(ItemsCount::new(convolution.multiply_adds())).bench_local(convolution.forward(Isa::detect()));
}

const BLOCKS: usize = 16;

/// Non-zeros a block, and pixels a chroma sample stands for along each axis.
#[divan::bench(args = [(1, 1), (4, 1), (8, 1), (16, 1), (64, 1), (1, 2), (4, 2), (8, 2), (16, 2), (64, 2)])]
fn network_input_from_sparse_coefficients(bencher: Bencher, (non_zeros, ratio): (u8, usize)) {
    let (side, quantisation) = (64, [7; BLOCK]);
    let planes = [1, ratio, ratio].map(|ratio| {
        let grid = Grid { high: side / 8 / ratio, wide: side / 8 / ratio };
        let positions: Vec<u8> = (0..grid.blocks()).flat_map(|_| 0..non_zeros).collect();
        let values = vec![3i16; positions.len()];
        (grid, vec![non_zeros; grid.blocks()], positions, values)
    });
    let sparse: Vec<SparsePlane> = planes
        .iter()
        .zip([1, ratio, ratio])
        .map(|((grid, counts, positions, values), ratio)| SparsePlane {
            grid: *grid,
            quantisation: &quantisation,
            counts,
            positions,
            values,
            horizontal_ratio: ratio,
            vertical_ratio: ratio,
        })
        .collect();
    let ratios = [(1, 1), (ratio, ratio), (ratio, ratio)];
    let transform = InputTransform::new(side, side, InputColour::YCbCr, &ratios, 3, &[0.5; 3], &[0.25; 3]);
    let mut output = vec![0.0; side * side * 3];
    let mut workspace = vec![0.0; transform.workspace_len()];
    bencher
        .counter(ItemsCount::new(output.len()))
        .bench_local(|| transform.apply_into(Isa::detect(), black_box(&sparse), &mut output, &mut workspace));
}

#[divan::bench(args = CHANNELS)]
fn inverse_dct(bencher: Bencher, channels: usize) {
    let map = values(BLOCKS * BLOCK * channels, 1);
    let mut pixels = map.clone();
    bencher
        .counter(ItemsCount::new(map.len()))
        .bench_local(|| inverse_dct_into(Isa::detect(), channels, black_box(&map), &mut pixels));
}

#[divan::bench(args = CHANNELS)]
fn forward_dct(bencher: Bencher, channels: usize) {
    let pixels = values(BLOCKS * BLOCK * channels, 1);
    let mut map = pixels.clone();
    bencher
        .counter(ItemsCount::new(map.len()))
        .bench_local(|| forward_dct_into(Isa::detect(), channels, black_box(&pixels), &mut map));
}

/// The size of maps of that many blocks.
fn extent() -> Extent {
    Grid { high: 1, wide: BLOCKS }.into()
}

fn maskings() -> impl Iterator<Item = Masking> {
    let approximated = [4, 6, 8, 12].map(|frequencies| Masking::Approximated { frequencies });
    [Masking::Exact].into_iter().chain(approximated).chain([Masking::Truncated { frequencies: 6 }])
}

#[divan::bench(args = maskings())]
fn relu_forward_64_channels(bencher: Bencher, masking: Masking) {
    let (channels, grid) = (64, Grid { high: 4, wide: 4 });
    let relu = PiecewiseLinear::relu();
    let mut map = values(grid.blocks() * BLOCK * channels, 1);
    let mut masks = vec![0; relu.masks_len(grid, channels)];
    bencher.counter(ItemsCount::new(map.len())).bench_local(|| {
        relu.forward_in_place(Isa::detect(), masking, grid.into(), channels, black_box(&mut map), Some(&mut masks));
    });
}

#[divan::bench(args = CHANNELS)]
fn relu_backward(bencher: Bencher, channels: usize) {
    let grid = Grid { high: 4, wide: 4 };
    let relu = PiecewiseLinear::relu();
    let mut gradient = values(grid.blocks() * BLOCK * channels, 1);
    let masks = vec![0x5555_5555; relu.masks_len(grid, channels)];
    bencher.counter(ItemsCount::new(gradient.len())).bench_local(|| {
        relu.backward_in_place(Isa::detect(), Masking::Exact, grid.into(), channels, &masks, &mut gradient);
    });
}

#[divan::bench(args = CHANNELS)]
fn batch_norm_forward(bencher: Bencher, channels: usize) {
    let map = values(BLOCKS * BLOCK * channels, 1);
    let (scale, shift) = (values(channels, 2), values(channels, 3));
    let mut output = map.clone();
    bencher.counter(ItemsCount::new(map.len())).bench_local(|| {
        let mut moments = vec![0.0; MOMENTS * channels];
        add_moments(Isa::detect(), channels, black_box(&map), &mut moments);
        scale_shift_into(Isa::detect(), extent(), channels, &map, (&scale, &shift), &mut output);
        moments[0]
    });
}

#[divan::bench(args = CHANNELS)]
fn batch_norm_backward(bencher: Bencher, channels: usize) {
    let (map, gradient) = (values(BLOCKS * BLOCK * channels, 1), values(BLOCKS * BLOCK * channels, 2));
    let mut moments = vec![0.0; MOMENTS * channels];
    add_moments(Isa::detect(), channels, &map, &mut moments);
    let statistics = BatchStatistics::from_moments(&moments, channels, extent().pixels());
    let weight = values(channels, 3);
    let mut out = map.clone();
    bencher.counter(ItemsCount::new(map.len())).bench_local(|| {
        let mut moments = vec![0.0; GRADIENT_MOMENTS * channels];
        add_gradient_moments(Isa::detect(), extent(), channels, black_box(&map), &gradient, &mut moments);
        let factors = BatchNormGradient::from_moments(&moments, &statistics, 1e-5, &weight);
        batch_norm_backward_into(Isa::detect(), extent(), channels, &map, &gradient, &factors, &mut out, false);
    });
}

#[divan::bench(args = CHANNELS)]
fn addition(bencher: Bencher, channels: usize) {
    let term = values(BLOCKS * BLOCK * channels, 1);
    let mut sum = term.clone();
    bencher.counter(ItemsCount::new(sum.len())).bench_local(|| add_in_place(Isa::detect(), &mut sum, black_box(&term)));
}

#[divan::bench(args = CHANNELS)]
fn global_average_pool(bencher: Bencher, channels: usize) {
    let grid = Grid { high: 4, wide: 4 };
    let map = values(grid.blocks() * BLOCK * channels, 1);
    let mut pooled = vec![0.0; channels];
    bencher
        .counter(ItemsCount::new(map.len()))
        .bench_local(|| global_average_pool_into(Isa::detect(), grid.into(), channels, black_box(&map), &mut pooled));
}

#[divan::bench(args = [10, 1000])]
fn linear_head_and_loss(bencher: Bencher, classes: usize) {
    let (batch, inputs) = (128, 64);
    let (x, weight) = (values(batch * inputs, 1), values(classes * inputs, 2));
    let labels = vec![3; batch];
    let (mut logits, mut gradient) = (vec![0.0; batch * classes], vec![0.0; batch * classes]);
    bencher.counter(ItemsCount::new(batch * inputs * classes)).bench_local(|| {
        linear_into(Isa::detect(), black_box(&x), &weight, None, inputs, classes, &mut logits);
        softmax_cross_entropy(&logits, classes, &labels, 0.0, Some((&mut gradient, 1.0 / 128.0)))
    });
}

const PARAMETERS: usize = 36_864;

#[divan::bench]
fn sgd(bencher: Bencher) {
    let optimizer = Sgd { learning_rate: 0.1, momentum: 0.9, weight_decay: 5e-4, nesterov: true };
    let gradient = values(PARAMETERS, 1);
    let (mut parameter, mut velocity) = (gradient.clone(), gradient.clone());
    bencher
        .counter(ItemsCount::new(PARAMETERS))
        .bench_local(|| optimizer.update(Isa::detect(), &mut parameter, black_box(&gradient), &mut velocity, false));
}

#[divan::bench]
fn adam(bencher: Bencher) {
    let optimizer =
        Adam { learning_rate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0, decoupled: false };
    let gradient = values(PARAMETERS, 1);
    let (mut parameter, mut first, mut second) = (gradient.clone(), vec![0.0; PARAMETERS], vec![0.0; PARAMETERS]);
    bencher.counter(ItemsCount::new(PARAMETERS)).bench_local(|| {
        optimizer.update(Isa::detect(), 2, &mut parameter, black_box(&gradient), &mut first, &mut second);
    });
}

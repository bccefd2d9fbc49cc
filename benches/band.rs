//! The kernels on band maps, swept over channels and frequencies. Run with `cargo bench --bench band`.
//!
//! An item is a multiply-add of the direct pixel algorithm for convolutions (576 a block and pair of channels, 64 for 1×1)
//! and a coefficient of the full map elsewhere, so that figures of different bands compare. A table of the diagonalised
//! explosion comes first: each shape's time against a direct convolution at 85 % of the machine's measured peak, and the
//! share of the peak that its own multiply-adds reach.

#![expect(clippy::inline_always, reason = "the peak must be measured with the instruction set's own registers")]

use divan::{Bencher, black_box, counter::ItemsCount};
use jpegnet_kernels::band::{
    BandShape, ConvShape, Diagonalised, Pointwise, activation_in_place, band_rows_from_pixels_into,
    pixel_rows_from_band_into,
};
use jpegnet_kernels::pixels::{Activation, Epilogue};
use jpegnet_kernels::{Isa, coefficients_kept};
use std::time::Instant;

#[path = "machine/peak.rs"]
mod peak;
use peak::peak;

fn main() {
    let peak = (0..20).map(|_| peak(Isa::detect())).fold(0.0, f64::max);
    println!("{}: measured peak {:.1} G multiply-adds/s on one thread", Isa::detect().name(), peak / 1e9);
    table(peak);
    divan::main();
}

/// Channels, pixels a side and images: the layers of residual networks, about as much work each.
const LAYERS: [(usize, usize, usize); 7] =
    [(16, 32, 16), (32, 32, 8), (64, 32, 4), (64, 64, 1), (128, 32, 2), (256, 16, 4), (512, 8, 8)];
const FREQUENCIES: [usize; 4] = [4, 6, 8, 15];

fn cases() -> impl Iterator<Item = (usize, usize, usize, usize)> {
    LAYERS.into_iter().flat_map(|(channels, side, images)| FREQUENCIES.map(|f| (channels, side, images, f)))
}

fn values(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u16::try_from(state >> 16).unwrap_or(0)) / 32768.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn shape((channels, side, _, frequencies): (usize, usize, usize, usize)) -> ConvShape {
    ConvShape {
        height: side,
        width: side,
        input_channels: channels,
        output_channels: channels,
        input_frequencies: frequencies,
        output_frequencies: frequencies,
    }
}

/// A convolution of a batch with bias and ReLU, to run again and again.
fn diagonalised(case: (usize, usize, usize, usize), isa: Isa, activation: Activation<'static>) -> impl FnMut() -> f32 {
    let shape = shape(case);
    let conv = Diagonalised::new(shape).expect("whole blocks");
    let mut packed = vec![0.0; conv.packed_len()];
    conv.pack_filter_into(&values(shape.input_channels * shape.output_channels * 9, 1), None, &mut packed);
    let input = values(case.2 * shape.input().image_len(), 2);
    let bias = values(shape.output_channels, 3);
    let mut output = vec![0.0; case.2 * shape.output().image_len()];
    let mut workspace = vec![0.0; conv.workspace_len()];
    move || {
        let rows = 0..case.2 * shape.input().high();
        let epilogue = Epilogue { bias: Some(&bias), residual: None, activation };
        conv.forward_rows(isa, rows, black_box(&input), &packed, epilogue, &mut output, &mut workspace);
        output[0]
    }
}

fn blocks((_, side, images, _): (usize, usize, usize, usize)) -> usize {
    side / 8 * (side / 8) * images
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn table(peak: f64) {
    println!("diagonalised 3×3, bias and ReLU fused, one thread, fastest of 25:");
    for case in cases() {
        let pairs = blocks(case) * case.0 * case.0;
        let conv = Diagonalised::new(shape(case)).expect("whole blocks");
        let time = |activation| {
            let mut run = diagonalised(case, Isa::detect(), activation);
            let seconds = (0..25).map(|_| {
                let start = Instant::now();
                run();
                start.elapsed().as_secs_f64()
            });
            seconds.fold(f64::INFINITY, f64::min)
        };
        let (plain, relu) = (time(Activation::Identity), time(Activation::Relu));
        let direct = pairs as f64 * 576.0 / (0.85 * peak);
        println!(
            "  {:3} channels, {:2}² × {:2}, φ = {:2}: {:9.1} µs ({:9.1} without ReLU), {:6.1} G direct multiply-adds/s, \
             {:5.2} × direct ({:5.2} without ReLU), own multiplies at {:2.0} % of peak",
            case.0,
            case.1,
            case.2,
            case.3,
            relu * 1e6,
            plain * 1e6,
            pairs as f64 * 576.0 / relu / 1e9,
            direct / relu,
            direct / plain,
            100.0 * (pairs * conv.multiplies()) as f64 / plain / peak
        );
    }
}

#[divan::bench(args = cases())]
fn diagonalised_3x3(bencher: Bencher, case: (usize, usize, usize, usize)) {
    bencher.counter(ItemsCount::new(blocks(case) * case.0 * case.0 * 576)).bench_local(diagonalised(
        case,
        Isa::detect(),
        Activation::Relu,
    ));
}

#[divan::bench(args = cases())]
fn pointwise_1x1(bencher: Bencher, case: (usize, usize, usize, usize)) {
    let shape = shape(case);
    let conv = Pointwise::new(shape);
    let mut packed = vec![0.0; conv.packed_len()];
    conv.pack_filter_into(&values(shape.input_channels * shape.output_channels, 1), None, &mut packed);
    let input = values(case.2 * shape.input().image_len(), 2);
    let mut output = vec![0.0; case.2 * shape.output().image_len()];
    let mut workspace = vec![0.0; conv.workspace_len()];
    let rows = 0..case.2 * shape.input().high();
    bencher.counter(ItemsCount::new(blocks(case) * case.0 * case.0 * 64)).bench_local(|| {
        let (input, rows) = (black_box(&input), rows.clone());
        conv.forward_rows(Isa::detect(), rows, input, &packed, Epilogue::NONE, &mut output, &mut workspace);
    });
}

const MAP: (usize, usize) = (64, 32);

fn map(frequencies: usize) -> BandShape {
    BandShape { height: MAP.1, width: MAP.1, channels: MAP.0, frequencies }
}

fn coefficients() -> ItemsCount {
    ItemsCount::new(MAP.0 * MAP.1 * MAP.1)
}

#[divan::bench(args = FREQUENCIES)]
fn band_from_pixels(bencher: Bencher, frequencies: usize) {
    let shape = map(frequencies);
    let pixels = values(MAP.0 * MAP.1 * MAP.1, 1);
    let mut rows = vec![0.0; shape.image_len()];
    bencher.counter(coefficients()).bench_local(|| {
        band_rows_from_pixels_into(Isa::detect(), &shape, 0..shape.high(), black_box(&pixels), &mut rows);
    });
}

#[divan::bench(args = FREQUENCIES)]
fn pixels_from_band(bencher: Bencher, frequencies: usize) {
    let shape = map(frequencies);
    let band = values(shape.image_len(), 1);
    let mut pixels = vec![0.0; MAP.0 * MAP.1 * MAP.1];
    bencher.counter(coefficients()).bench_local(|| {
        pixel_rows_from_band_into(Isa::detect(), &shape, 0..shape.high(), black_box(&band), &mut pixels);
    });
}

/// With how many blocks of 100 so far from zero that they keep one sign.
#[divan::bench(args = FREQUENCIES.into_iter().flat_map(|f| [0, 50, 90, 100].map(|share| (f, share))))]
fn relu(bencher: Bencher, (frequencies, percent): (usize, usize)) {
    let shape = map(frequencies);
    let mut band = values(shape.image_len(), 1);
    for (number, block) in band.chunks_exact_mut(shape.block_len()).enumerate() {
        if number * 37 % 100 < percent {
            block[..shape.channels].fill(100.0);
        }
    }
    assert!(band.len() == coefficients_kept(frequencies) * shape.channels * shape.high() * shape.wide());
    let mut changed = band.clone();
    bencher.counter(coefficients()).bench_local(|| {
        changed.copy_from_slice(&band);
        activation_in_place(Isa::detect(), &shape, Activation::Relu, black_box(&mut changed));
    });
}

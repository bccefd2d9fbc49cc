//! The first convolution of a network from quantised coefficients, against pixels and the fastest convolution of them, by
//! the non-zero coefficients of a block: `cargo bench --bench scatter`.
//!
//! One thread, bias and ReLU fused. Rows of CSV: microseconds an image both ways, multiply-adds a second of the scatter as
//! a share of the machine's measured peak. The answers are compared before they are timed.

#![expect(clippy::inline_always, reason = "the peak must be measured with the instruction set's own registers")]
#![expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]

use divan::black_box;
use jpegnet_kernels::input::{InputColour, InputTransform, SparsePlane};
use jpegnet_kernels::pixels::{Activation, Conv2d, ConvShape, Epilogue, Method, Scatter};
use jpegnet_kernels::{BLOCK, Grid, Isa};
use std::time::Instant;

#[path = "machine/peak.rs"]
mod peak;

/// Floats of the cache that a run of tiles may fill.
const CACHE: usize = 200_000;

/// Non-zero coefficients of a block of luminance; chrominance has a third.
const NON_ZEROS: [usize; 8] = [1, 2, 4, 6, 9, 12, 18, 32];

/// Output channels, filter, stride, pixels a side.
const LAYERS: [(usize, usize, usize, usize); 2] = [(16, 3, 1, 32), (64, 7, 2, 256)];

fn main() {
    let isa = Isa::detect();
    let peak = (0..3).map(|_| peak::peak(isa)).fold(0.0, f64::max);
    println!("# {}, one thread; measured peak {:.1} G multiply-adds/s", isa.name(), peak / 1e9);
    println!(
        "filter,stride,channels,side,chroma,non_zeros,scatter_microseconds,share_of_peak,pixels_microseconds,method,largest_error"
    );
    for (channels, size, stride, side) in LAYERS {
        for (chroma, ratio) in [("4:4:4", 1), ("4:2:0", 2)] {
            for non_zeros in NON_ZEROS {
                let case = Case::new(isa, (channels, size, stride, side), ratio, non_zeros);
                let (scattered, seconds, multiplies) = case.scatter();
                let ways = Method::ALL.into_iter().filter_map(|method| case.pixels(method));
                let (method, convolved, through_pixels) =
                    ways.min_by(|(.., first), (.., second)| first.total_cmp(second)).expect("direct takes every shape");
                let scale = convolved.iter().fold(0.0f32, |most, value| most.max(value.abs()));
                let error = scattered.iter().zip(&convolved).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / scale;
                assert!(error < 1e-4, "the answers agree");
                println!(
                    "{size},{stride},{channels},{side},{chroma},{non_zeros},{:.1},{:.2},{:.1},{method:?},{error:.1e}",
                    seconds * 1e6,
                    multiplies as f64 / seconds / peak,
                    through_pixels * 1e6,
                );
            }
        }
    }
}

/// A component whose blocks all have as many non-zero coefficients, the lowest frequencies.
struct Plane {
    grid: Grid,
    quantisation: [u16; BLOCK],
    counts: Vec<u8>,
    positions: Vec<u8>,
    values: Vec<i16>,
    ratio: usize,
}

impl Plane {
    fn new(side: usize, ratio: usize, non_zeros: usize) -> Plane {
        let blocks = side.div_ceil(8 * ratio);
        let grid = Grid { high: blocks, wide: blocks };
        let mut lowest: Vec<u8> = (0..64).collect();
        lowest.sort_by_key(|position| (position / 8 + position % 8, position / 8));
        lowest.truncate(non_zeros);
        lowest.sort_unstable();
        let values =
            |block: usize| (0..non_zeros).map(move |k| i16::try_from((block * 7 + k * 5) % 19).unwrap_or(0) - 9);
        Plane {
            grid,
            quantisation: [8; BLOCK],
            counts: vec![u8::try_from(non_zeros).expect("at most 64"); grid.blocks()],
            positions: lowest.repeat(grid.blocks()),
            values: (0..grid.blocks()).flat_map(values).collect(),
            ratio,
        }
    }

    fn sparse(&self) -> SparsePlane<'_> {
        SparsePlane {
            grid: self.grid,
            quantisation: &self.quantisation,
            counts: &self.counts,
            positions: &self.positions,
            values: &self.values,
            horizontal_ratio: self.ratio,
            vertical_ratio: self.ratio,
        }
    }
}

struct Case {
    isa: Isa,
    transform: InputTransform,
    planes: Vec<Plane>,
    shape: ConvShape,
    filter: Vec<f32>,
    bias: Vec<f32>,
}

impl Case {
    fn new(isa: Isa, layer: (usize, usize, usize, usize), ratio: usize, non_zeros: usize) -> Case {
        let (output_channels, size, stride, length) = layer;
        let ratios = [(1, 1), (ratio, ratio), (ratio, ratio)];
        let (mean, std) = ([0.49, 0.48, 0.45], [0.25, 0.24, 0.26]);
        let transform = InputTransform::new(length, length, InputColour::YCbCr, &ratios, 3, &mean, &std);
        let plane = |(number, &(ratio, _)): (usize, &(usize, usize))| {
            Plane::new(length, ratio, if number == 0 { non_zeros } else { non_zeros.div_ceil(3) })
        };
        let planes = ratios.iter().enumerate().map(plane).collect();
        let padding = size / 2;
        let shape =
            ConvShape { input_channels: 3, output_channels, size, stride, padding, height: length, width: length };
        let value = |at: usize| (at * 37 % 101) as f32 / 50.0 - 1.0;
        let filter = (0..shape.filter_len()).map(value).collect();
        Case { isa, transform, planes, shape, filter, bias: (0..output_channels).map(value).collect() }
    }

    /// The output, the seconds an image takes, and its multiply-adds.
    fn scatter(&self) -> (Vec<f32>, f64, usize) {
        let scatter = Scatter::new(&self.transform, self.shape).expect("the stride divides a block");
        let mut packed = vec![0.0; scatter.packed_len()];
        scatter.pack_filter_into(&self.filter, None, Some(&self.bias), &mut packed);
        let sparse: Vec<SparsePlane> = self.planes.iter().map(Plane::sparse).collect();
        let mut output = vec![0.0; self.shape.output_len()];
        let mut workspace = vec![0.0; scatter.workspace_len()];
        let seconds = fastest(|| {
            let unit_len = scatter.unit_rows() * self.shape.output_row_len();
            for (unit, output) in output.chunks_mut(unit_len).enumerate() {
                let planes = black_box(&sparse);
                scatter.forward_unit(self.isa, unit, planes, &packed, Activation::Relu, output, &mut workspace);
            }
        });
        (output, seconds, scatter.multiplies(&sparse))
    }

    /// The same by way of pixels, if the method takes the shape.
    fn pixels(&self, method: Method) -> Option<(Method, Vec<f32>, f64)> {
        let Case { isa, shape, .. } = self;
        let conv = Conv2d::new(*shape, method)?;
        let mut packed = vec![0.0; conv.packed_len()];
        conv.pack_filter_into(&self.filter, None, &mut packed);
        let sparse: Vec<SparsePlane> = self.planes.iter().map(Plane::sparse).collect();
        let mut pixels = vec![0.0; shape.input_len()];
        let mut output = vec![0.0; shape.output_len()];
        let strip = 64.min(shape.height);
        let run = conv.units_at_once(CACHE).min(conv.units());
        let scratch = self.transform.pixel_workspace_len(strip).max(conv.workspace_len(run));
        let mut workspace = vec![0.0; scratch];
        let epilogue = Epilogue { bias: Some(&self.bias), residual: None, activation: Activation::Relu };
        let seconds = fastest(|| {
            for (number, rows) in pixels.chunks_mut(strip * shape.width * 3).enumerate() {
                let range = number * strip..number * strip + rows.len() / (shape.width * 3);
                self.transform.pixel_rows_into(*isa, black_box(&sparse), range, rows, &mut workspace);
            }
            for start in (0..conv.units()).step_by(run) {
                let units = start..(start + run).min(conv.units());
                let rows = conv.first_row(units.start)..conv.first_row(units.end);
                let output = &mut output[rows.start * shape.output_row_len()..rows.end * shape.output_row_len()];
                conv.forward_units(*isa, units, &pixels, &packed, epilogue, output, &mut workspace);
            }
        });
        Some((method, output, seconds))
    }
}

/// The fastest of several runs, in seconds.
fn fastest(mut run: impl FnMut()) -> f64 {
    run();
    let mut best = f64::INFINITY;
    for _ in 0..15 {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}

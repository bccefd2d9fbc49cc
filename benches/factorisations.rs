//! Every factorisation of a convolution over the channels of residual networks: `cargo bench --bench factorisations`.
//!
//! One thread, bias and ReLU fused, as in a network. Rows of CSV: the fastest of several runs as multiply-adds a second of
//! the *direct* convolution of the same pixels (so that factorisations compare), and that as a share of the machine's
//! measured peak, which only a factorisation that multiplies less can exceed. Every answer is compared with the direct
//! convolution's before it is timed. Bands are compared with the direct convolution of the same maps, untruncated.

#![expect(clippy::inline_always, reason = "the peak must be measured with the instruction set's own registers")]
#![expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]

use divan::black_box;
use jpegnet_kernels::Isa;
use jpegnet_kernels::band::{
    ConvShape as BandConvShape, Diagonalised, Pointwise, band_rows_from_pixels_into, pixel_rows_from_band_into,
};
use jpegnet_kernels::pixels::{Activation, Conv2d, ConvShape, Epilogue, Method};
use std::time::Instant;

#[path = "machine/peak.rs"]
mod peak;

/// Channels, and pixels a side of the layers that have so many.
const LAYERS: [(usize, usize); 7] = [(3, 32), (16, 32), (32, 32), (64, 32), (128, 16), (256, 16), (512, 8)];
const BATCHES: [usize; 2] = [1, 16];
const FREQUENCIES: [usize; 4] = [4, 6, 8, 15];

/// Floats of the cache that a run of tiles may fill.
const CACHE: usize = 200_000;

fn main() {
    let isa = Isa::detect();
    let peak = (0..3).map(|_| peak::peak(isa)).fold(0.0, f64::max);
    println!("# {}, one thread; measured peak {:.1} G multiply-adds/s", isa.name(), peak / 1e9);
    println!(
        "factorisation,filter,stride,channels,side,batch,frequencies,microseconds,giga_direct_multiply_adds_per_second,share_of_peak,largest_error"
    );
    for (channels, side) in LAYERS {
        for images in BATCHES {
            for (size, stride) in [(3, 1), (3, 2), (1, 1)] {
                let case = Case::new(isa, channels, side, images, (size, stride));
                let (direct, _) = case.pixels(Method::Direct);
                for method in Method::ALL.into_iter().filter(|method| method.takes(&case.shape)) {
                    let (found, seconds) = case.pixels(method);
                    case.report(&format!("{method:?}"), 15, seconds, peak, error(&found, &direct));
                }
                if stride == 1 {
                    for frequencies in FREQUENCIES {
                        let (name, found, seconds) = case.band(frequencies);
                        // Only all frequencies give the direct convolution's answer; bands are held by the tests.
                        let difference = if frequencies == 15 { error(&found, &direct) } else { f64::NAN };
                        case.report(name, frequencies, seconds, peak, difference);
                    }
                }
            }
        }
    }
}

/// A layer with its operands.
struct Case {
    isa: Isa,
    shape: ConvShape,
    images: usize,
    input: Vec<f32>,
    filter: Vec<f32>,
    bias: Vec<f32>,
}

impl Case {
    fn new(isa: Isa, channels: usize, length: usize, images: usize, filter: (usize, usize)) -> Case {
        // The first layer of a network has three channels in and no fewer than sixteen out.
        let output_channels = channels.max(16);
        let (size, stride) = filter;
        let padding = size / 2;
        let shape = ConvShape {
            input_channels: channels,
            output_channels,
            size,
            stride,
            padding,
            height: length,
            width: length,
        };
        Case {
            isa,
            shape,
            images,
            input: values(images * shape.input_len(), 1),
            filter: values(shape.filter_len(), 2),
            bias: values(output_channels, 3),
        }
    }

    fn epilogue(&self) -> Epilogue<'_> {
        Epilogue { bias: Some(&self.bias), residual: None, activation: Activation::Relu }
    }

    /// The output in pixels and the seconds a batch takes.
    fn pixels(&self, method: Method) -> (Vec<f32>, f64) {
        let Case { isa, shape, images, .. } = self;
        let conv = Conv2d::new(*shape, method).expect("the method takes the shape");
        let mut packed = vec![0.0; conv.packed_len()];
        conv.pack_filter_into(&self.filter, None, &mut packed);
        let mut output = vec![0.0; images * shape.output_len()];
        let units = images * conv.units();
        let run = conv.units_at_once(CACHE).min(units);
        let mut workspace = vec![0.0; conv.workspace_len(run)];
        let seconds = fastest(|| {
            for start in (0..units).step_by(run) {
                let units = start..(start + run).min(units);
                let rows = conv.first_row(units.start)..conv.first_row(units.end);
                let output = &mut output[rows.start * shape.output_row_len()..rows.end * shape.output_row_len()];
                let input = black_box(&self.input);
                conv.forward_units(*isa, units, input, &packed, self.epilogue(), output, &mut workspace);
            }
        });
        (output, seconds)
    }

    /// The factorisation of band maps, its output in pixels, and the seconds a batch takes (conversions not counted).
    fn band(&self, frequencies: usize) -> (&'static str, Vec<f32>, f64) {
        let Case { isa, images, shape, .. } = *self;
        let band = BandConvShape {
            height: shape.height,
            width: shape.width,
            input_channels: shape.input_channels,
            output_channels: shape.output_channels,
            input_frequencies: frequencies,
            output_frequencies: frequencies,
        };
        let rows = 0..images * band.input().high();
        let mut input = vec![0.0; images * band.input().image_len()];
        band_rows_from_pixels_into(isa, &band.input(), rows.clone(), &self.input, &mut input);
        let mut output = vec![0.0; images * band.output().image_len()];
        let (name, seconds) = if shape.size == 1 {
            let conv = Pointwise::new(band);
            let mut packed = vec![0.0; conv.packed_len()];
            conv.pack_filter_into(&self.filter, None, &mut packed);
            let mut workspace = vec![0.0; conv.workspace_len()];
            let seconds = fastest(|| {
                let input = black_box(&input);
                conv.forward_rows(isa, rows.clone(), input, &packed, self.epilogue(), &mut output, &mut workspace);
            });
            ("PointwiseInBand", seconds)
        } else {
            let conv = Diagonalised::new(band).expect("whole blocks");
            let mut packed = vec![0.0; conv.packed_len()];
            conv.pack_filter_into(&self.filter, None, &mut packed);
            let mut workspace = vec![0.0; conv.workspace_len()];
            let seconds = fastest(|| {
                let input = black_box(&input);
                conv.forward_rows(isa, rows.clone(), input, &packed, self.epilogue(), &mut output, &mut workspace);
            });
            ("Diagonalised", seconds)
        };
        let mut pixels = vec![0.0; images * shape.output_len()];
        pixel_rows_from_band_into(isa, &band.output(), rows, &output, &mut pixels);
        (name, pixels, seconds)
    }

    fn report(&self, name: &str, frequencies: usize, seconds: f64, peak: f64, error: f64) {
        let ConvShape { input_channels, height, size, stride, .. } = self.shape;
        let rate = (self.images * self.shape.direct_multiplies()) as f64 / seconds;
        let error = if error.is_nan() { String::new() } else { format!("{error:.1e}") };
        println!(
            "{name},{size},{stride},{input_channels},{height},{},{frequencies},{:.1},{:.1},{:.2},{error}",
            self.images,
            seconds * 1e6,
            rate / 1e9,
            rate / peak
        );
        assert!(
            error.is_empty() || error.parse::<f64>().is_ok_and(|error| error < 1e-4),
            "{name} gives another answer"
        );
    }
}

/// The shortest of runs that last a tenth of a second together, five at least.
fn fastest(mut run: impl FnMut()) -> f64 {
    run();
    let (mut shortest, mut total, mut count) = (f64::INFINITY, 0.0, 0);
    while total < 0.1 || count < 5 {
        let start = Instant::now();
        run();
        let seconds = start.elapsed().as_secs_f64();
        (shortest, total, count) = (f64::min(shortest, seconds), total + seconds, count + 1);
    }
    shortest
}

/// Largest difference, relative to the root mean square of what is expected.
fn error(found: &[f32], expected: &[f32]) -> f64 {
    let energy: f64 = expected.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    let scale = (energy / expected.len() as f64).sqrt();
    found.iter().zip(expected).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max) / scale
}

fn values(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u16::try_from(state >> 16).unwrap_or(0)) / 32768.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

//! The planner's cost model: what each method of a convolution would take on this machine.
//!
//! A method costs its multiply-adds at the machine's rate, its transforms per tile and group of 16 channels, and the
//! reading of its packed filter from memory as often as a run of tiles asks for it. The rates are measured once a
//! process, in a few milliseconds.

#![expect(clippy::cast_precision_loss, reason = "estimates of counts far below 2^53")]

use crate::operations::{Wanted, method_name};
use jpegnet_kernels::Isa;
use jpegnet_kernels::band::{self, Diagonalised, Pointwise as BandPointwise};
use jpegnet_kernels::pixels::{Conv2d, ConvShape, Epilogue, Method};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Floats of a core's cache that a run of tiles may fill; a cautious share of the 1 MiB that server cores have.
const RUN_CACHE: usize = 200_000;

/// Floats of a packed filter that stay in a core's cache between runs.
const FILTER_CACHE: usize = 128 << 10;

/// Rate of the diagonalised explosion's products, which are narrow, relative to a wide matrix product's.
const DIAGONALISED_RATE: f64 = 0.75;

/// Memory bandwidth of several threads, relative to one's.
const MEMORY_OF_MANY: f64 = 1.6;

/// Tiles of a batch beyond which threads do not share frequencies: what they share must stay in a cache.
const MOST_SHARED_TILES: usize = 64;

/// How long each rate is measured at least.
const CALIBRATION: Duration = Duration::from_millis(2);

/// Channels that a transform's cost is counted for.
const LANES: usize = 16;

/// A way to compute a convolution of band maps.
#[derive(Clone, Debug)]
pub(crate) enum BandMethod {
    Diagonalised(Box<Diagonalised>),
    Pointwise(BandPointwise),
}

/// What a band method packs and needs, whichever it is.
impl BandMethod {
    /// Floats of its packed filter.
    pub(crate) fn packed_len(&self) -> usize {
        match self {
            BandMethod::Diagonalised(method) => method.packed_len(),
            BandMethod::Pointwise(method) => method.packed_len(),
        }
    }

    /// Packs a filter `[out, in, size, size]`, scaled by a batch normalisation folded in.
    pub(crate) fn pack_filter_into(&self, filter: &[f32], scale: Option<&[f32]>, packed: &mut [f32]) {
        match self {
            BandMethod::Diagonalised(method) => method.pack_filter_into(filter, scale, packed),
            BandMethod::Pointwise(method) => method.pack_filter_into(filter, scale, packed),
        }
    }

    /// Floats of scratch for any range of rows.
    pub(crate) fn workspace_len(&self) -> usize {
        match self {
            BandMethod::Diagonalised(method) => method.workspace_len(),
            BandMethod::Pointwise(method) => method.workspace_len(),
        }
    }

    /// `diagonalised` or `pointwise`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            BandMethod::Diagonalised(_) => "diagonalised",
            BandMethod::Pointwise(_) => "pointwise",
        }
    }
}

/// A band method picked, and why.
#[derive(Clone, Debug)]
pub(crate) struct BandPick {
    pub(crate) method: BandMethod,
    /// Estimated nanoseconds for an image of the batch.
    pub(crate) nanoseconds: f64,
    /// The estimates of what else could be done, in the same unit.
    pub(crate) others: Vec<(&'static str, f64)>,
    /// Whether the definition asked for it.
    pub(crate) asked_for: bool,
}

/// A method picked, and why.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pick {
    /// Estimated nanoseconds for an image of the batch.
    pub(crate) nanoseconds: f64,
    /// Whether threads share its frequencies rather than its rows.
    pub(crate) shared: bool,
    /// The estimates of what else could be done, in the same unit.
    pub(crate) others: Vec<(Method, f64)>,
    /// Whether the definition asked for it.
    pub(crate) asked_for: bool,
}

/// Units of a convolution to compute at once when `threads` share `group` images.
pub(super) fn run_length(conv: &Conv2d, group: usize, threads: usize) -> usize {
    let units = group * conv.units();
    let most = longest_run(conv, group);
    // Equally long runs, as many as keep all threads busy.
    let runs = units.div_ceil(most).next_multiple_of(threads).min(units);
    units.div_ceil(runs)
}

/// Units of a convolution that are ever computed at once for at most `group` images.
pub(super) fn longest_run(conv: &Conv2d, group: usize) -> usize {
    conv.units_at_once(RUN_CACHE).min(group * conv.units())
}

/// What a method would take.
#[derive(Clone, Copy, Debug)]
struct Estimate {
    nanoseconds: f64,
    shared: bool,
}

/// Rates of this machine, of one thread.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    /// Multiply-adds of a matrix product in the cache, per nanosecond.
    multiply_adds: f64,
    /// The same of a direct convolution.
    direct_multiply_adds: f64,
    /// Floats read from memory, per nanosecond.
    floats_from_memory: f64,
    /// Nanoseconds to transform a tile of 16 channels there and back, of 36 frequencies whatever the taps.
    winograd4: f64,
    winograd2: f64,
    winograd4_stride2: f64,
    winograd2_stride2: f64,
}

impl Machine {
    /// This machine with an instruction set; measured the first time.
    pub(crate) fn get(isa: Isa) -> Machine {
        static KNOWN: OnceLock<Vec<(Isa, OnceLock<Machine>)>> = OnceLock::new();
        let known = KNOWN.get_or_init(|| Isa::available().into_iter().map(|isa| (isa, OnceLock::new())).collect());
        match known.iter().find(|(known, _)| *known == isa) {
            Some((_, machine)) => machine.get_or_init(|| Machine::measure(isa)).clone(),
            None => Machine::measure(isa),
        }
    }

    /// Multiply-adds of a matrix product in the cache, per nanosecond of a thread.
    pub(crate) fn multiply_adds(&self) -> f64 {
        self.multiply_adds
    }

    fn measure(isa: Isa) -> Machine {
        let shape = |channels, size, stride, side| ConvShape {
            input_channels: channels,
            output_channels: channels,
            size,
            stride,
            padding: size / 2,
            height: side,
            width: side,
        };
        let rate = |shape: ConvShape, method| shape.direct_multiplies() as f64 / nanoseconds(isa, shape, method);
        let multiply_adds = rate(shape(64, 1, 1, 16), Method::Pointwise);
        let transform = |method: Method, stride| {
            // Two groups of channels: the product of one alone is slower.
            let channels = 2 * LANES;
            let shape = shape(channels, 3, stride, 16 * stride);
            let Some(tile) = method.tile() else {
                return 0.0;
            };
            let products = (tile.frequencies * channels * channels) as f64 / multiply_adds;
            let transforms = nanoseconds(isa, shape, method) / tiles(&shape, tile.side) as f64 - products;
            (transforms / 2.0).max(1.0)
        };
        Machine {
            multiply_adds,
            direct_multiply_adds: rate(shape(32, 3, 1, 16), Method::Direct),
            floats_from_memory: floats_from_memory(isa),
            winograd4: transform(Method::Winograd4, 1),
            winograd2: transform(Method::Winograd2, 1),
            winograd4_stride2: transform(Method::Winograd4Stride2, 2),
            winograd2_stride2: transform(Method::Winograd2Stride2, 2),
        }
    }

    /// The fastest method for a shape, or the one asked for; none if coefficients were asked for.
    pub(crate) fn pick(
        &self,
        shape: &ConvShape,
        wanted: Wanted,
        batch: usize,
        threads: usize,
    ) -> Option<(Conv2d, Pick)> {
        let mut estimates: Vec<(Method, Estimate)> = Method::ALL
            .into_iter()
            .filter(|method| method.takes(shape))
            // A 1×1 filter's direct convolution is the same product, read less well.
            .filter(|method| *method != Method::Direct || !Method::Pointwise.takes(shape))
            .map(|method| (method, self.estimate(shape, method, batch, threads)))
            .collect();
        estimates.sort_by(|(_, first), (_, second)| first.nanoseconds.total_cmp(&second.nanoseconds));
        let (wanted, asked_for) = match wanted {
            // Maps that do not fill their blocks have no diagonal form, and not every input is read by one convolution.
            Wanted::Any | Wanted::Diagonalised | Wanted::Scatter => (estimates.first()?.0, false),
            // So is the one that is asked for there.
            Wanted::Pixels(Method::Direct) if Method::Pointwise.takes(shape) => (Method::Pointwise, true),
            Wanted::Pixels(method) => (method, true),
            Wanted::Coefficients => return None,
        };
        let position = estimates.iter().position(|(method, _)| *method == wanted)?;
        let (method, Estimate { nanoseconds, shared }) = estimates.remove(position);
        let others = estimates.into_iter().map(|(method, estimate)| (method, estimate.nanoseconds)).collect();
        Some((Conv2d::new(*shape, method)?, Pick { nanoseconds, shared, others, asked_for }))
    }

    /// The method for a convolution of maps in a band, if one on band maps is faster than the way through pixels or was
    /// asked for.
    pub(crate) fn pick_in_band(
        &self,
        shape: &ConvShape,
        wanted: Wanted,
        band: usize,
        batch: usize,
        threads: usize,
    ) -> Option<BandPick> {
        let ConvShape { input_channels, output_channels, size, stride, padding, height, width } = *shape;
        let in_band = band::ConvShape {
            height,
            width,
            input_channels,
            output_channels,
            input_frequencies: band,
            output_frequencies: band,
        };
        let blocks = (in_band.input().high() * in_band.input().wide()) as f64;
        let pairs = (input_channels * output_channels.next_multiple_of(LANES)) as f64;
        let rate = self.multiply_adds * threads as f64;
        let groups = (input_channels.div_ceil(LANES) + output_channels.div_ceil(LANES)) as f64;
        if (size, stride, padding) == (1, 1, 0) && matches!(wanted, Wanted::Any | Wanted::Pixels(Method::Pointwise)) {
            // Fewer multiplies and no conversion: nothing through pixels can be faster.
            let method = BandPointwise::new(in_band);
            let nanoseconds = blocks * pairs * method.multiplies() as f64 / rate;
            let asked_for = wanted != Wanted::Any;
            return Some(BandPick {
                method: BandMethod::Pointwise(method),
                nanoseconds,
                others: Vec::new(),
                asked_for,
            });
        }
        if (size, stride, padding) != (3, 1, 1) || !matches!(wanted, Wanted::Any | Wanted::Diagonalised) {
            return None;
        }
        let method = Diagonalised::new(in_band)?;
        let (before, after) = method.multiplies_of_transforms();
        let transforms = blocks * groups / 2.0 * (before + after) as f64 * LANES as f64 / self.multiply_adds;
        let multiplying = blocks * pairs * method.multiplies() as f64 / (DIAGONALISED_RATE * self.multiply_adds);
        let rows = batch * in_band.input().high();
        let runs = rows.div_ceil(method.rows_at_once()).next_multiple_of(threads).min(rows);
        let reading = self.reading(method.packed_len() as f64, runs as f64 / batch as f64, threads);
        let nanoseconds = together((multiplying + transforms) / threads as f64, reading);
        let (through_pixels, pick) = self.pick(shape, Wanted::Any, batch, threads)?;
        // There and back: two transforms of a block for every group of channels, about as dear as a tile's four.
        let conversions = blocks * groups * 2.0 * self.winograd4 / threads as f64;
        let through = pick.nanoseconds + conversions;
        let asked_for = wanted == Wanted::Diagonalised;
        if nanoseconds > through && !asked_for {
            return None;
        }
        let others = vec![(method_name(through_pixels.method()), through)];
        Some(BandPick { method: BandMethod::Diagonalised(Box::new(method)), nanoseconds, others, asked_for })
    }

    /// Nanoseconds to read a packed filter some times; none if it stays in a core's cache.
    fn reading(&self, filter: f64, times: f64, threads: usize) -> f64 {
        let memory = self.floats_from_memory * if threads > 1 { MEMORY_OF_MANY } else { 1.0 };
        if filter <= FILTER_CACHE as f64 { 0.0 } else { times * filter / memory }
    }

    /// What one image takes with all threads at work on the batch.
    fn estimate(&self, shape: &ConvShape, method: Method, batch: usize, threads: usize) -> Estimate {
        let tile = method.tile();
        let fold = tile.map_or(1, |tile| tile.fold);
        let inputs = shape.input_channels * fold * fold;
        let outputs = shape.output_channels.next_multiple_of(LANES) as f64;
        let groups = (inputs.div_ceil(LANES) + shape.output_channels.div_ceil(LANES)) as f64 / 2.0;
        let inputs = inputs as f64;
        let transform = match method {
            Method::Winograd4 | Method::Winograd5 | Method::Winograd5Stride2 | Method::Winograd7Stride2 => {
                self.winograd4
            }
            Method::Winograd2 => self.winograd2,
            Method::Winograd4Stride2 => self.winograd4_stride2,
            Method::Winograd2Stride2 => self.winograd2_stride2,
            Method::Pointwise | Method::Direct => 0.0,
        };
        let frequencies = tile.map_or(shape.size * shape.size, |tile| tile.frequencies) as f64;
        let tiles = tiles(shape, tile.map_or(1, |tile| tile.side)) as f64;
        let rate = if method == Method::Direct { self.direct_multiply_adds } else { self.multiply_adds };
        let multiplying = tiles * frequencies * inputs * outputs / rate / threads as f64;
        let transforming = tiles * groups * transform;
        let filter = frequencies * inputs * outputs;
        let reading = |times: f64| self.reading(filter, times, threads);

        let conv = Conv2d::new(*shape, method);
        let runs = conv.as_ref().map_or(1, |conv| {
            let units = batch * conv.units();
            units.div_ceil(conv.units_at_once(RUN_CACHE)).next_multiple_of(threads).min(units)
        });
        // Filters too small for memory to matter are read once however the work is cut.
        let by_rows = together(multiplying + transforming / threads as f64, reading(runs as f64 / batch as f64));
        let has_frequencies = conv.as_ref().is_some_and(Conv2d::has_frequencies);
        let fits = tiles * batch as f64 <= MOST_SHARED_TILES as f64;
        if threads == 1 || !has_frequencies || !fits {
            return Estimate { nanoseconds: by_rows, shared: false };
        }
        // One thread transforms the input; all transform the output.
        let alone = transforming * (0.5 + 0.5 / threads as f64);
        let shared = together(multiplying, reading(1.0 / batch as f64)) + alone;
        Estimate { nanoseconds: by_rows.min(shared), shared: shared < by_rows }
    }
}

/// The time of computing and of reading what is computed with: reading ahead hides most of the shorter of the two.
fn together(computing: f64, reading: f64) -> f64 {
    computing.max(reading) + 0.3 * computing.min(reading)
}

fn tiles(shape: &ConvShape, out: usize) -> usize {
    shape.output_height().div_ceil(out) * shape.output_width().div_ceil(out)
}

/// The shortest of a few runs of one image.
fn nanoseconds(isa: Isa, shape: ConvShape, method: Method) -> f64 {
    let Some(conv) = Conv2d::new(shape, method) else {
        return f64::INFINITY;
    };
    let input = vec![0.5; shape.input_len()];
    let mut packed = vec![0.0; conv.packed_len()];
    conv.pack_filter_into(&vec![0.01; shape.filter_len()], None, &mut packed);
    let mut output = vec![0.0; shape.output_len()];
    let run = conv.units_at_once(RUN_CACHE).min(conv.units());
    let mut workspace = vec![0.0; conv.workspace_len(run)];
    let mut shortest = f64::INFINITY;
    let begin = Instant::now();
    // Long enough that another process does not disturb all of them.
    for _ in (0u32..).take_while(|&run| run < 8 || begin.elapsed() < CALIBRATION) {
        let start = Instant::now();
        for first in (0..conv.units()).step_by(run) {
            let units = first..(first + run).min(conv.units());
            let rows = conv.first_row(units.start)..conv.first_row(units.end);
            let output = &mut output[rows.start * shape.output_row_len()..rows.end * shape.output_row_len()];
            conv.forward_units(isa, units, &input, &packed, Epilogue::NONE, output, &mut workspace);
        }
        shortest = shortest.min(start.elapsed().as_nanos() as f64);
    }
    shortest.max(1.0)
}

/// Floats per nanosecond of a product that reads every weight once, from memory larger than the caches.
fn floats_from_memory(isa: Isa) -> f64 {
    let shape =
        ConvShape { input_channels: 4096, output_channels: 1024, size: 1, stride: 1, padding: 0, height: 1, width: 8 };
    let Some(conv) = Conv2d::new(shape, Method::Pointwise) else {
        return 1.0;
    };
    let (input, packed) = (vec![0.5; shape.input_len()], vec![0.01; conv.packed_len()]);
    let mut output = vec![0.0; shape.output_len()];
    let mut workspace = vec![0.0; conv.workspace_len(1)];
    let start = Instant::now();
    conv.forward_units(isa, 0..1, &input, &packed, Epilogue::NONE, &mut output, &mut workspace);
    packed.len() as f64 / start.elapsed().as_nanos().max(1) as f64
}

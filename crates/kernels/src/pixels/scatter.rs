//! A network's first convolution straight from quantised coefficients: every non-zero coefficient adds its response, a
//! patch of the output that was computed when the filter was packed; what is zero costs nothing, and every component is
//! read at its own size.
//!
//! A response is linear in everything between the coefficient and the output: inverse DCT, upsampling, colours,
//! normalisation, the filter. Inside a picture it is the same for all blocks of a component. At the edges the triangle
//! filter repeats samples, samples lie beyond the picture, and pixels beyond it are zero: there a block is cut to its true
//! samples first, and the samples at the edge add the response of what they become otherwise ([`axis`]).

mod axis;
mod entries;
mod plane;

use self::axis::{Axis, PROFILES};
use self::entries::{Entries, entry};
use self::plane::Plane;
use super::epilogue::{Activation, Epilogue, finish};
use super::pointwise::round;
use super::shape::ConvShape;
use crate::input::{InputTransform, SparsePlane};
use crate::isa::{Full, Isa, Lanes, padded};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Floats of a piece of a response's row: as many sums as the widest registers hold.
const PIECE: usize = 256;

/// The first convolution of a network for files of one kind. Its output is cut into units of whole rows.
#[derive(Clone, Debug)]
pub struct Scatter {
    shape: ConvShape,
    planes: Vec<Plane>,
    /// Which part of the filter every output row and column sees, by its class.
    rows: Classes,
    columns: Classes,
    /// `[channel, component]`.
    mix: Vec<f64>,
    /// What normalisation adds to every pixel, a channel each.
    offset: Vec<f64>,
    unit_rows: usize,
    /// Columns of a strip before the output's first.
    before: usize,
    /// Floats from one row of a strip to the next.
    line: usize,
}

/// Output positions along an axis by the taps of the filter that meet pixels of the picture.
#[derive(Clone, Debug)]
struct Classes {
    taps: Vec<Range<usize>>,
    of: Vec<usize>,
}

impl Classes {
    fn new(outputs: usize, pixels: usize, shape: &ConvShape) -> Classes {
        let (mut taps, mut of) = (Vec::new(), Vec::with_capacity(outputs));
        for output in 0..outputs {
            let first = output * shape.stride;
            let begin = shape.padding.saturating_sub(first).min(shape.size);
            let end = (pixels + shape.padding).saturating_sub(first).min(shape.size).max(begin);
            let position = taps.iter().position(|known| *known == (begin..end));
            of.push(position.unwrap_or(taps.len()));
            if position.is_none() {
                taps.push(begin..end);
            }
        }
        Classes { taps, of }
    }
}

impl Scatter {
    /// The convolution of a shape that reads what a transform makes; none if a block is no whole number of its steps.
    ///
    /// # Panics
    /// If the shape's input is not the transform's.
    #[must_use]
    pub fn new(transform: &InputTransform, shape: ConvShape) -> Option<Scatter> {
        let input = (transform.height, transform.width, transform.channels);
        assert_eq!((shape.height, shape.width, shape.input_channels), input, "the shape reads the transform's pixels");
        let mut planes: Vec<Plane> = Vec::new();
        let rows = Classes::new(shape.output_height(), shape.height, &shape);
        let columns = Classes::new(shape.output_width(), shape.width, &shape);
        let mut at = padded(rows.taps.len() * columns.taps.len() * shape.output_channels);
        for plane in &transform.planes {
            let plane = Plane::new(plane, &shape, at)?;
            at += plane.packed_len();
            planes.push(plane);
        }
        let before = planes.iter().map(|plane| plane.left.min(0).unsigned_abs()).max().unwrap_or(0);
        let end = |plane: &Plane| {
            let last = before.checked_add_signed(plane.left).unwrap_or(0) + (plane.grid.wide - 1) * plane.right;
            last * shape.output_channels + plane.row_len
        };
        let needed = planes.iter().map(end).max().unwrap_or(0);
        let line = padded(needed.max((before + shape.output_width()) * shape.output_channels));
        Some(Scatter {
            shape,
            rows,
            columns,
            mix: transform.mix.iter().map(|&weight| f64::from(weight)).collect(),
            offset: transform.dc_offset.iter().map(|&offset| f64::from(offset) / 8.0).collect(),
            unit_rows: planes.iter().map(|plane| plane.down).max().unwrap_or(1),
            planes,
            before,
            line,
        })
    }

    /// Floats of a packed filter.
    #[must_use]
    pub fn packed_len(&self) -> usize {
        self.base_len() + self.planes.iter().map(Plane::packed_len).sum::<usize>()
    }

    /// Floats of what the output is without any coefficient, by classes of rows and columns.
    fn base_len(&self) -> usize {
        padded(self.rows.taps.len() * self.columns.taps.len() * self.shape.output_channels)
    }

    /// Packs a filter `[out, in, size, size]`, each output channel scaled by `scale[out]` if given and with `bias[out]`
    /// added if given.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn pack_filter_into(&self, filter: &[f32], scale: Option<&[f32]>, bias: Option<&[f32]>, packed: &mut [f32]) {
        let ConvShape { input_channels: inputs, output_channels: outputs, size, .. } = self.shape;
        assert_eq!(filter.len(), self.shape.filter_len(), "a filter is [out, in, size, size]");
        assert_eq!(packed.len(), self.packed_len(), "a packed filter has packed_len floats");
        assert!(scale.is_none_or(|scale| scale.len() == outputs), "one scale an output channel");
        assert!(bias.is_none_or(|bias| bias.len() == outputs), "one bias an output channel");
        packed.fill(0.0);
        // [tap row, tap column, out] of what weighs the channels so.
        let weighed = |of_channel: &dyn Fn(usize) -> f64| -> Vec<f64> {
            let mut weights = vec![0.0; size * size * outputs];
            for out in 0..outputs {
                let scale = scale.map_or(1.0, |scale| f64::from(scale[out]));
                for input in 0..inputs {
                    for tap in 0..size * size {
                        let weight = f64::from(filter[(out * inputs + input) * size * size + tap]);
                        weights[tap * outputs + out] += scale * weight * of_channel(input);
                    }
                }
            }
            weights
        };
        let weights = weighed(&|channel| self.offset[channel]);
        for (row, vertical) in self.rows.taps.iter().enumerate() {
            for (column, horizontal) in self.columns.taps.iter().enumerate() {
                for out in 0..outputs {
                    let taps = vertical.clone().flat_map(|y| horizontal.clone().map(move |x| (y * size + x) * outputs));
                    let sum: f64 = taps.map(|at| weights[at + out]).sum();
                    let at = (row * self.columns.taps.len() + column) * outputs + out;
                    packed[at] = round(sum + bias.map_or(0.0, |bias| f64::from(bias[out])));
                }
            }
        }
        for (number, plane) in self.planes.iter().enumerate() {
            let weights = weighed(&|channel| self.mix[channel * self.planes.len() + number]);
            self.pack_responses(plane, &weights, &mut packed[plane.at..plane.at + plane.packed_len()]);
        }
    }

    /// `response[y, x, out] = Σ_uv v_a(s·y + u − p)·h_b(s·x + v − p)·w[u, v, out]` for all pairs of profiles.
    fn pack_responses(&self, plane: &Plane, weights: &[f64], packed: &mut [f32]) {
        let ConvShape { output_channels: outputs, size, stride, padding, .. } = self.shape;
        // A profile's value where a tap of an output's window lies.
        let sampled = |axis: &Axis, profile: &[f64], first: isize, output: usize, tap: usize| {
            let pixel = (first * stride.cast_signed()).checked_add_unsigned(output * stride + tap + axis.reach());
            let index = pixel.and_then(|pixel| usize::try_from(pixel - padding.cast_signed()).ok());
            index.and_then(|index| profile.get(index)).copied().unwrap_or(0.0)
        };
        for horizontal in (0..PROFILES).filter(|&profile| plane.horizontal.uses(profile)) {
            let profile = plane.horizontal.profile(horizontal);
            // Σ_v h_b·w, [tap row, x, out].
            let mut half = vec![0.0; size * plane.wide * outputs];
            for row in 0..size {
                for x in 0..plane.wide {
                    for column in 0..size {
                        let value = sampled(&plane.horizontal, &profile, plane.left, x, column);
                        let from = &weights[(row * size + column) * outputs..][..outputs];
                        let to = &mut half[(row * plane.wide + x) * outputs..][..outputs];
                        for (to, from) in to.iter_mut().zip(from) {
                            *to += value * from;
                        }
                    }
                }
            }
            for vertical in (0..PROFILES).filter(|&profile| plane.vertical.uses(profile)) {
                let profile = plane.vertical.profile(vertical);
                let at = (vertical * PROFILES + horizontal) * plane.response_len();
                let mut line = vec![0.0; plane.wide * outputs];
                for y in 0..plane.high {
                    line.fill(0.0);
                    for (row, half) in half.chunks_exact(plane.wide * outputs).enumerate() {
                        let value = sampled(&plane.vertical, &profile, plane.top, y, row);
                        for (sum, half) in line.iter_mut().zip(half) {
                            *sum += value * half;
                        }
                    }
                    for (to, &sum) in packed[at + y * plane.row_len..].iter_mut().zip(&line) {
                        *to = round(sum);
                    }
                }
            }
        }
    }

    /// Pieces of responses' rows that are added up at once for a picture, however few coefficients it has.
    #[must_use]
    pub fn pieces(&self) -> usize {
        let pieces = |plane: &Plane| plane.grid.blocks() * plane.high * plane.row_len.div_ceil(PIECE);
        self.planes.iter().map(pieces).sum()
    }

    /// Multiply-adds for the non-zero coefficients of a picture.
    #[must_use]
    pub fn multiplies(&self, planes: &[SparsePlane]) -> usize {
        self.planes.iter().zip(planes).map(|(plane, sparse)| sparse.values.len() * plane.high * plane.row_len).sum()
    }

    /// Non-zero coefficients of the components that the network looks at.
    #[must_use]
    pub fn non_zeros(&self, planes: &[SparsePlane]) -> usize {
        self.planes.iter().zip(planes).map(|(_, sparse)| sparse.values.len()).sum()
    }

    /// Units of an image.
    #[must_use]
    pub fn units(&self) -> usize {
        self.shape.output_height().div_ceil(self.unit_rows)
    }

    /// Output rows of a unit.
    #[must_use]
    pub fn unit_rows(&self) -> usize {
        self.unit_rows
    }

    /// Floats of scratch of a unit.
    #[must_use]
    pub fn workspace_len(&self) -> usize {
        let wide = self.planes.iter().map(|plane| plane.grid.wide).max().unwrap_or(0);
        self.unit_rows * self.line + wide + 2 * Entries::MOST * wide
    }

    /// Rows of one unit of one image, finished.
    ///
    /// # Panics
    /// If the planes are not those the transform was made for, or a slice is too short.
    #[expect(clippy::too_many_arguments, reason = "a convolution has an input, a filter, an output and an activation")]
    pub fn forward_unit(
        &self,
        isa: Isa,
        unit: usize,
        planes: &[SparsePlane],
        packed: &[f32],
        activation: Activation,
        output: &mut [f32],
        workspace: &mut [f32],
    ) {
        let rows = unit * self.unit_rows..((unit + 1) * self.unit_rows).min(self.shape.output_height());
        assert_eq!(output.len(), rows.len() * self.shape.output_row_len(), "the output has the unit's rows");
        assert_eq!(packed.len(), self.packed_len(), "a packed filter has packed_len floats");
        for (plane, sparse) in self.planes.iter().zip(planes) {
            assert_eq!(sparse.grid, plane.grid, "the plane has the grid the transform was made for");
        }
        isa.run(Forward { method: self, rows, planes, packed, activation, output, workspace });
    }
}

struct Forward<'a> {
    method: &'a Scatter,
    rows: Range<usize>,
    planes: &'a [SparsePlane<'a>],
    packed: &'a [f32],
    activation: Activation<'a>,
    output: &'a mut [f32],
    workspace: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Forward { method, rows, planes, packed, activation, output, workspace } = self;
        let (strip, workspace) = workspace.split_at_mut(method.unit_rows * method.line);
        strip.fill(0.0);
        for (plane, sparse) in method.planes.iter().zip(planes) {
            let (ends, memory) = workspace.split_at_mut(plane.grid.wide);
            for row in plane.block_rows(&rows) {
                let mut entries = Entries::new(memory);
                plane.list(sparse, row, &mut entries, ends);
                let responses = &packed[plane.at..plane.at + plane.packed_len()];
                method.add(simd, plane, row, &rows, (memory, ends), responses, strip);
            }
        }
        method.finish(simd, &rows, packed, activation, strip, output);
    }
}

impl Scatter {
    /// Adds the responses of a row of blocks to a strip of output rows.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "a row of blocks, its entries and where they are added")]
    fn add<S: Simd>(
        &self,
        simd: S,
        plane: &Plane,
        block_row: usize,
        rows: &Range<usize>,
        (entries, ends): (&[f32], &[f32]),
        responses: &[f32],
        strip: &mut [f32],
    ) {
        let channels = self.shape.output_channels;
        let first_column = self.before.checked_add_signed(plane.left).unwrap_or(0);
        for (number, strip) in strip.chunks_exact_mut(self.line).take(rows.len()).enumerate() {
            let y = (rows.start + number).cast_signed() - (block_row * plane.down).cast_signed() - plane.top;
            let Some(y) = usize::try_from(y).ok().filter(|&y| y < plane.high) else {
                continue;
            };
            let mut chunk = 0;
            while chunk < plane.row_len {
                let at = Patch { row: y * plane.row_len + chunk, response: plane.response_len() };
                let blocks = Blocks {
                    entries,
                    ends: &ends[..plane.grid.wide],
                    first: first_column * channels + chunk,
                    step: plane.right * channels,
                };
                // As many vectors as there are registers for their sums.
                let left = (plane.row_len - chunk) / S::F32_LANES;
                let vectors = if left >= 16 && S::REGISTER_COUNT >= 32 {
                    blocks.add::<S, 16>(simd, at, responses, strip)
                } else if left >= 8 {
                    blocks.add::<S, 8>(simd, at, responses, strip)
                } else if left >= 4 {
                    blocks.add::<S, 4>(simd, at, responses, strip)
                } else if left >= 2 {
                    blocks.add::<S, 2>(simd, at, responses, strip)
                } else {
                    blocks.add::<S, 1>(simd, at, responses, strip)
                };
                chunk += vectors * S::F32_LANES;
            }
        }
    }

    /// The strip's rows with what they are without any coefficient, through the activation.
    #[inline(always)]
    fn finish<S: Simd>(
        &self,
        simd: S,
        rows: &Range<usize>,
        packed: &[f32],
        activation: Activation,
        strip: &[f32],
        output: &mut [f32],
    ) {
        let channels = self.shape.output_channels;
        let row_len = self.shape.output_row_len();
        for ((row, output), strip) in
            rows.clone().zip(output.chunks_exact_mut(row_len)).zip(strip.chunks_exact(self.line))
        {
            output.copy_from_slice(&strip[self.before * channels..][..row_len]);
            let mut first = 0;
            // Columns of one class lie side by side.
            while first < self.columns.of.len() {
                let class = self.columns.of[first];
                let count = self.columns.of[first..].iter().take_while(|&&other| other == class).count();
                let base = (self.rows.of[row] * self.columns.taps.len() + class) * channels;
                let bias = Some(&packed[base..base + channels]);
                let epilogue = Epilogue { bias, residual: None, activation };
                finish(simd, epilogue, channels, &mut output[first * channels..(first + count) * channels]);
                first += count;
            }
        }
    }
}

/// A row of blocks with the responses to add and where they go.
#[derive(Clone, Copy)]
struct Blocks<'a> {
    entries: &'a [f32],
    /// End of every block's entries, in pairs.
    ends: &'a [f32],
    /// Where the first block's piece goes.
    first: usize,
    /// From one block's to the next.
    step: usize,
}

impl Blocks<'_> {
    /// Adds `V` vectors of every block's responses; how many that are.
    #[inline(always)]
    fn add<S: Simd, const V: usize>(self, simd: S, at: Patch, responses: &[f32], strip: &mut [f32]) -> usize {
        let (mut begin, mut to) = (0, self.first);
        for end in self.ends {
            let end = end.to_bits() as usize;
            if end > begin {
                at.add::<S, V>(simd, &self.entries[2 * begin..2 * end], responses, &mut strip[to..]);
            }
            (begin, to) = (end, to + self.step);
        }
        V
    }
}

/// A piece of a row of every response of a component.
#[derive(Clone, Copy)]
struct Patch {
    /// Where it begins in a response.
    row: usize,
    /// Floats from one response to the next.
    response: usize,
}

impl Patch {
    /// Adds `V` vectors of a block's responses, each by its weight.
    #[inline(always)]
    fn add<S: Simd, const V: usize>(self, simd: S, pairs: &[f32], responses: &[f32], to: &mut [f32]) {
        let to = &mut to[..V * S::F32_LANES];
        let mut sums = [simd.splat_f32s(0.0); V];
        for (v, sum) in sums.iter_mut().enumerate() {
            *sum = Full.load(simd, &to[v * S::F32_LANES..]);
        }
        for pair in pairs.chunks_exact(2) {
            let (number, weight) = entry(pair);
            let response = &responses[number * self.response + self.row..][..V * S::F32_LANES];
            let weight = simd.splat_f32s(weight);
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = simd.mul_add_e_f32s(weight, Full.load(simd, &response[v * S::F32_LANES..]), *sum);
            }
        }
        for (v, &sum) in sums.iter().enumerate() {
            Full.store(simd, &mut to[v * S::F32_LANES..], sum);
        }
    }
}

//! The sandwich: inverse DCT, direct convolution of the pixels, DCT. Takes every size, stride and padding.
//!
//! Pixels lie `[rows, columns, channels]` with a zero border, so an output pixel's inputs are `size` contiguous runs of
//! `size·channels` floats and a row of output pixels is one matrix product with overlapping rows: nothing is unrolled
//! into columns. What blocks stand for beyond the map's last row and column counts as border on the way in, and is cut
//! off on the way out.

use super::backward::Backward;
use super::shape::Conv2dShape;
use crate::block::SIDE;
use crate::dct::{PixelLayout, forward_from_pixels, inverse_to_pixels};
use crate::extent::Extent;
use crate::isa::{Isa, Matrix, Product, Sum, multiply};

#[derive(Clone, Debug)]
pub(super) struct Sandwich {
    shape: Conv2dShape,
    input: Plane,
    output: Plane,
    /// The output's gradient, with the border that the input's gradient reads.
    output_gradient: Plane,
    /// One per residue of input rows (and of columns) modulo the stride.
    phases: Vec<Phase>,
}

/// Pixels of one image's blocks with a border of zeros; zero too is what lies beyond the map inside its last blocks.
#[derive(Clone, Copy, Debug)]
struct Plane {
    extent: Extent,
    channels: usize,
    before: usize,
    after: usize,
}

impl Plane {
    fn row(self) -> usize {
        (self.before + self.extent.grid().wide * SIDE + self.after) * self.channels
    }

    fn len(self) -> usize {
        (self.before + self.extent.grid().high * SIDE + self.after) * self.row()
    }

    fn layout(self) -> PixelLayout {
        let offset = self.before * (self.row() + self.channels);
        PixelLayout { offset, row: self.row(), blocks_wide: self.extent.grid().wide }
    }

    /// Fills the plane from coefficients; everything but the map becomes zero.
    fn fill(self, isa: Isa, map: &[f32], pixels: &mut [f32]) {
        inverse_to_pixels(isa, self.extent.grid().blocks(), self.channels, map, pixels, self.layout());
        self.clear_around(pixels);
    }

    /// Puts zeros everywhere but at the map's pixels.
    fn clear_around(self, pixels: &mut [f32]) {
        let row = self.row();
        let (top, bottom) = (self.before * row, (self.before + self.extent.height) * row);
        pixels[..top].fill(0.0);
        pixels[bottom..self.len()].fill(0.0);
        for line in pixels[top..bottom].chunks_exact_mut(row) {
            line[..self.before * self.channels].fill(0.0);
            line[(self.before + self.extent.width) * self.channels..].fill(0.0);
        }
    }

    /// The coefficients of the plane's blocks, replaced or (`accumulate`) added to; everything but the map counts as zero.
    fn encode(self, isa: Isa, pixels: &mut [f32], map: &mut [f32], accumulate: bool) {
        self.clear_around(pixels);
        let size = (self.extent.grid().blocks(), self.channels);
        forward_from_pixels(isa, size, pixels, self.layout(), map, accumulate);
    }
}

/// The taps that reach input pixels of one residue: with y = stride·i + residue, the output rows that read it are
/// `i + first + t` for t = 0…taps−1, through filter row `filter_row(t)`.
#[derive(Clone, Copy, Debug)]
struct Phase {
    residue: usize,
    taps: usize,
    /// May be negative: rows of the border.
    first: isize,
    /// Filter row of the last tap; each tap before it lies one stride further.
    last_tap: usize,
}

impl Phase {
    /// From y_out·stride + u − padding = y_in: u ≡ y_in + padding, one output row less for every stride in u.
    fn all(shape: &Conv2dShape) -> Vec<Phase> {
        (0..shape.stride)
            .map(|residue| {
                let last_tap = (residue + shape.padding) % shape.stride;
                let taps = if last_tap < shape.size { (shape.size - last_tap).div_ceil(shape.stride) } else { 0 };
                let reach = signed((residue + shape.padding) / shape.stride);
                Phase { residue, taps, first: reach + 1 - signed(taps), last_tap }
            })
            .collect()
    }

    /// Input rows of this residue on a side of so many.
    fn lines(self, side: usize, stride: usize) -> usize {
        side.saturating_sub(self.residue).div_ceil(stride)
    }

    fn filter_row(self, tap: usize, stride: usize) -> usize {
        self.last_tap + (self.taps - 1 - tap) * stride
    }
}

#[expect(clippy::cast_possible_wrap, reason = "sizes of filters and paddings are far below isize::MAX")]
fn signed(value: usize) -> isize {
    value as isize
}

impl Sandwich {
    pub(super) fn new(shape: Conv2dShape, output: Extent) -> Sandwich {
        let (input, output) = shape.cut_to(output);
        let phases = Phase::all(&shape);
        let (inputs, outputs) = (shape.input_channels, shape.output_channels);
        let before = phases.iter().map(|phase| -phase.first).max().unwrap_or(0).max(0).unsigned_abs();
        let after = [(input.height, output.grid().high), (input.width, output.grid().wide)]
            .into_iter()
            .flat_map(|(from, to)| {
                phases.iter().map(move |phase| {
                    let last = signed(phase.lines(from, shape.stride)) - 1;
                    last + phase.first + signed(phase.taps) - signed(to * SIDE)
                })
            })
            .max()
            .unwrap_or(0)
            .max(0)
            .unsigned_abs();
        Sandwich {
            input: Plane { extent: input, channels: inputs, before: shape.padding, after: shape.padding },
            output: Plane { extent: output, channels: outputs, before: 0, after: 0 },
            output_gradient: Plane { extent: output, channels: outputs, before, after },
            phases,
            shape,
        }
    }

    pub(super) fn packed_len(&self) -> usize {
        self.shape.filter_len()
    }

    /// `[row, column, in, out]`.
    pub(super) fn pack_filter_into(&self, filter: &[f32], packed: &mut [f32]) {
        self.for_each_weight(|from, to| packed[to] = filter[from]);
    }

    pub(super) fn filter_gradient_len(&self) -> usize {
        self.shape.filter_len()
    }

    pub(super) fn unpack_filter_gradient_into(&self, packed_gradient: &[f32], gradient: &mut [f32]) {
        self.for_each_weight(|from, to| gradient[from] = packed_gradient[to]);
    }

    /// Calls with each weight's index in `[out, in, row, column]` and in `[row, column, in, out]`.
    fn for_each_weight(&self, mut each: impl FnMut(usize, usize)) {
        let Conv2dShape { input_channels: inputs, output_channels: outputs, size, .. } = self.shape;
        for tap in 0..size * size {
            for i in 0..inputs {
                for o in 0..outputs {
                    each((o * inputs + i) * size * size + tap, (tap * inputs + i) * outputs + o);
                }
            }
        }
    }

    pub(super) fn adjoint_packed_len(&self) -> usize {
        self.shape.filter_len()
    }

    /// Per pair of phases, its taps' `[row, column, out, in]`.
    pub(super) fn pack_adjoint_filter_into(&self, filter: &[f32], packed: &mut [f32]) {
        let Conv2dShape { input_channels: inputs, output_channels: outputs, size, stride, .. } = self.shape;
        let mut to = 0;
        for (vertical, horizontal) in self.phase_pairs() {
            for row in 0..vertical.taps {
                for column in 0..horizontal.taps {
                    let tap = vertical.filter_row(row, stride) * size + horizontal.filter_row(column, stride);
                    for o in 0..outputs {
                        for i in 0..inputs {
                            packed[to] = filter[(o * inputs + i) * size * size + tap];
                            to += 1;
                        }
                    }
                }
            }
        }
    }

    fn phase_pairs(&self) -> impl Iterator<Item = (Phase, Phase)> + '_ {
        self.phases.iter().flat_map(|&vertical| self.phases.iter().map(move |&horizontal| (vertical, horizontal)))
    }

    pub(super) fn forward_workspace_len(&self) -> usize {
        self.input.len() + self.output.len()
    }

    pub(super) fn forward_into(
        &self,
        isa: Isa,
        input: &[f32],
        packed: &[f32],
        output: &mut [f32],
        workspace: &mut [f32],
    ) {
        let Conv2dShape { input_channels: inputs, output_channels: outputs, size, stride, .. } = self.shape;
        let (pixels, convolved) = workspace.split_at_mut(self.input.len());
        self.input.fill(isa, input, pixels);
        let Extent { height, width } = self.output.extent;
        let product = Product { rows: width, columns: outputs, outer: size, inner: size * inputs };
        for line in 0..height {
            let offset = line * stride * self.input.row();
            let a = (&*pixels, Matrix { offset, row: stride * inputs, outer: self.input.row(), inner: 1 });
            let b = (packed, Matrix { offset: 0, row: 0, outer: size * inputs * outputs, inner: outputs });
            let out = Matrix { offset: line * self.output.row(), row: outputs, outer: 0, inner: 0 };
            multiply(isa, product, a, b, (&mut *convolved, out), Sum::Replace);
        }
        self.output.encode(isa, convolved, output, false);
    }

    pub(super) fn backward_workspace_len(&self) -> usize {
        // The input's pixels, and later in the same place its gradient's.
        self.input.len() + self.output_gradient.len()
    }

    pub(super) fn backward(&self, isa: Isa, pass: Backward) {
        let Backward { input, output_gradient, adjoint_packed, input_gradient, filter_gradient, workspace } = pass;
        let (input_pixels, gradient_pixels) = workspace.split_at_mut(self.input.len());
        self.output_gradient.fill(isa, output_gradient, gradient_pixels);
        self.input.fill(isa, input, input_pixels);
        self.add_filter_gradient(isa, input_pixels, gradient_pixels, filter_gradient);
        if let Some((gradient, accumulate)) = input_gradient {
            let plane = Plane { before: 0, after: 0, ..self.input };
            let pixels = &mut input_pixels[..plane.len()];
            self.input_gradient_pixels(isa, plane, gradient_pixels, adjoint_packed, pixels);
            plane.encode(isa, pixels, gradient, accumulate);
        }
    }

    /// `dK[v, u, i, o] += Σ_pixels x[stride·y + v, stride·x + u, i]·dy[y, x, o]`: for each filter row one product whose
    /// rows are (u, i) and whose sum runs over all output pixels.
    fn add_filter_gradient(&self, isa: Isa, input: &[f32], gradient: &[f32], filter_gradient: &mut [f32]) {
        let Conv2dShape { input_channels: inputs, output_channels: outputs, size, stride, .. } = self.shape;
        let Extent { height, width } = self.output.extent;
        let product = Product { rows: size * inputs, columns: outputs, outer: height, inner: width };
        for row in 0..size {
            let a = Matrix {
                offset: row * self.input.row(),
                row: 1,
                outer: stride * self.input.row(),
                inner: stride * inputs,
            };
            let layout = self.output_gradient.layout();
            let b = Matrix { offset: layout.offset, row: 0, outer: layout.row, inner: outputs };
            let out = Matrix { offset: row * size * inputs * outputs, row: outputs, outer: 0, inner: 0 };
            multiply(isa, product, (input, a), (gradient, b), (&mut *filter_gradient, out), Sum::Add);
        }
    }

    /// Every phase of the input's gradient is a stride-1 convolution of the output's with its own taps.
    fn input_gradient_pixels(&self, isa: Isa, plane: Plane, gradient: &[f32], packed: &[f32], pixels: &mut [f32]) {
        let Conv2dShape { input_channels: inputs, output_channels: outputs, stride, .. } = self.shape;
        let from = self.output_gradient;
        let start = |phase: Phase| (signed(from.before) + phase.first).unsigned_abs();
        let mut weights = 0;
        for (vertical, horizontal) in self.phase_pairs() {
            let product = Product {
                rows: horizontal.lines(plane.extent.width, stride),
                columns: inputs,
                outer: vertical.taps,
                inner: horizontal.taps * outputs,
            };
            for line in 0..vertical.lines(plane.extent.height, stride) {
                let offset = (start(vertical) + line) * from.row() + start(horizontal) * outputs;
                let a = Matrix { offset, row: outputs, outer: from.row(), inner: 1 };
                let b = Matrix { offset: weights, row: 0, outer: horizontal.taps * outputs * inputs, inner: inputs };
                let out = Matrix {
                    offset: (line * stride + vertical.residue) * plane.row() + horizontal.residue * inputs,
                    row: stride * inputs,
                    outer: 0,
                    inner: 0,
                };
                multiply(isa, product, (gradient, a), (packed, b), (&mut *pixels, out), Sum::Replace);
            }
            weights += vertical.taps * horizontal.taps * outputs * inputs;
        }
    }
}

//! The exploded convolution as the paper writes it, in its size-independent form: a convolution of blocks by dense
//! 64×64 matrices. 64 times the multiplies of the spatial filter (3×3): the specification to hold others against, for
//! small networks, never chosen unless asked for. Blocks that reach beyond their map are cleared there before and after:
//! the matrices know nothing of a map's size.

use super::backward::Backward;
use super::shape::Conv2dShape;
use crate::add::add_in_place;
use crate::block::BLOCK;
use crate::definition::{BlockForm, LinearMap, UNIT_STEPS};
use crate::edges::clear_beyond;
use crate::extent::Extent;
use crate::isa::{Isa, Matrix, Product, Sum, multiply};

#[derive(Clone, Debug)]
pub(super) struct Exploded {
    shape: Conv2dShape,
    input: Extent,
    output: Extent,
    /// Every pair of block offsets (d, e).
    offsets: Vec<(isize, isize)>,
    /// Per tap of the filter and pair of offsets, the 64×64 map that a weight of one stands for: E is linear in K.
    basis: Vec<Vec<LinearMap>>,
}

/// Output blocks of one axis whose input block `stride·x' + offset` exists, and that of the first.
#[derive(Clone, Copy)]
struct Reach {
    first: usize,
    count: usize,
    input: usize,
}

impl Exploded {
    pub(super) fn new(shape: Conv2dShape, output: Extent) -> Exploded {
        let (input, output) = shape.cut_to(output);
        let taps = shape.size * shape.size;
        let form = |tap: usize| {
            let filter: Vec<f64> = (0..taps).map(|other| f64::from(u8::from(other == tap))).collect();
            BlockForm::new(&shape, &filter, &UNIT_STEPS, &UNIT_STEPS)
        };
        let axis = crate::definition::block_offsets(&shape);
        let offsets = axis.clone().flat_map(|d| axis.clone().map(move |e| (d, e))).collect();
        Exploded { shape, input, output, offsets, basis: (0..taps).map(|tap| form(tap).matrices).collect() }
    }

    fn rows_in(&self) -> usize {
        BLOCK * self.shape.input_channels
    }

    fn rows_out(&self) -> usize {
        BLOCK * self.shape.output_channels
    }

    pub(super) fn packed_len(&self) -> usize {
        self.offsets.len() * self.rows_in() * self.rows_out()
    }

    /// `[d·e, coefficient in, in, coefficient out, out]`.
    pub(super) fn pack_filter_into(&self, filter: &[f32], packed: &mut [f32]) {
        packed.fill(0.0);
        self.for_each_weight(|weight, basis, exploded, _| packed[exploded] += filter[weight] * basis);
    }

    pub(super) fn adjoint_packed_len(&self) -> usize {
        self.packed_len()
    }

    /// `[d·e, coefficient out, out, coefficient in, in]`.
    pub(super) fn pack_adjoint_filter_into(&self, filter: &[f32], packed: &mut [f32]) {
        packed.fill(0.0);
        self.for_each_weight(|weight, basis, _, transposed| packed[transposed] += filter[weight] * basis);
    }

    pub(super) fn filter_gradient_len(&self) -> usize {
        self.packed_len()
    }

    pub(super) fn unpack_filter_gradient_into(&self, packed_gradient: &[f32], gradient: &mut [f32]) {
        gradient.fill(0.0);
        self.for_each_weight(|weight, basis, exploded, _| gradient[weight] += basis * packed_gradient[exploded]);
    }

    /// Calls with each spatial weight's index, an entry of its basis, and that entry's index in the exploded filter and
    /// in the transposed one.
    fn for_each_weight(&self, mut each: impl FnMut(usize, f32, usize, usize)) {
        let (inputs, outputs) = (self.shape.input_channels, self.shape.output_channels);
        for (tap, basis) in self.basis.iter().enumerate() {
            for (pair, map) in basis.iter().enumerate() {
                for (at, &value) in map.values.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                    let (from, to) = (at / BLOCK, at % BLOCK);
                    for i in 0..inputs {
                        for o in 0..outputs {
                            let (row, column) = (from * inputs + i, to * outputs + o);
                            let exploded = (pair * self.rows_in() + row) * self.rows_out() + column;
                            let transposed = (pair * self.rows_out() + column) * self.rows_in() + row;
                            #[expect(clippy::cast_possible_truncation, reason = "an entry of a float32 filter")]
                            each((o * inputs + i) * self.basis.len() + tap, value as f32, exploded, transposed);
                        }
                    }
                }
            }
        }
    }

    fn input_len(&self) -> usize {
        self.input.grid().blocks() * self.rows_in()
    }

    fn output_len(&self) -> usize {
        self.output.grid().blocks() * self.rows_out()
    }

    /// The input, cleared beyond its map, if blocks reach there.
    pub(super) fn forward_workspace_len(&self) -> usize {
        if self.input.fills_blocks() { 0 } else { self.input_len() }
    }

    /// The output's gradient, cleared, and the input and its gradient, likewise.
    pub(super) fn backward_workspace_len(&self) -> usize {
        let output = if self.output.fills_blocks() { 0 } else { self.output_len() };
        output + 2 * self.forward_workspace_len()
    }

    fn reach(&self, offset: isize, input: usize, output: usize) -> Reach {
        let at = |block: usize| (block * self.shape.stride).checked_add_signed(offset).filter(|&at| at < input);
        let first = (0..output).find(|&block| at(block).is_some()).unwrap_or(output);
        let count = (first..output).take_while(|&block| at(block).is_some()).count();
        Reach { first, count, input: at(first).unwrap_or(0) }
    }

    /// Calls with each pair of offsets and, for each row of output blocks it reaches: how many output blocks, the first
    /// one's index, and the index of the input block it reads.
    fn for_each_run(&self, mut each: impl FnMut(usize, usize, usize, usize)) {
        let (from, to) = (self.input.grid(), self.output.grid());
        for (pair, &(d, e)) in self.offsets.iter().enumerate() {
            let (down, along) = (self.reach(d, from.high, to.high), self.reach(e, from.wide, to.wide));
            for line in 0..down.count {
                let input = (down.input + line * self.shape.stride) * from.wide + along.input;
                each(pair, along.count, (down.first + line) * to.wide + along.first, input);
            }
        }
    }

    pub(super) fn forward_into(
        &self,
        isa: Isa,
        input: &[f32],
        packed: &[f32],
        output: &mut [f32],
        workspace: &mut [f32],
    ) {
        let (rows_in, rows_out) = (self.rows_in(), self.rows_out());
        let input = cleared(isa, (self.input, self.shape.input_channels), input, workspace);
        output.fill(0.0);
        self.for_each_run(|pair, count, to, from| {
            let size = Product { rows: count, columns: rows_out, outer: 1, inner: rows_in };
            let a = Matrix { offset: from * rows_in, row: self.shape.stride * rows_in, outer: 0, inner: 1 };
            let b = Matrix { offset: pair * rows_in * rows_out, row: 0, outer: 0, inner: rows_out };
            let out = Matrix { offset: to * rows_out, row: rows_out, outer: 0, inner: 0 };
            multiply(isa, size, (input, a), (packed, b), (&mut *output, out), Sum::Add);
        });
        clear_beyond(isa, self.output, self.shape.output_channels, output);
    }

    pub(super) fn backward(&self, isa: Isa, pass: Backward) {
        let Backward { input, output_gradient, adjoint_packed, input_gradient, filter_gradient, workspace } = pass;
        let (rows_in, rows_out, stride) = (self.rows_in(), self.rows_out(), self.shape.stride);
        let (inputs, outputs) = (self.shape.input_channels, self.shape.output_channels);
        let (for_output, rest) = workspace.split_at_mut(workspace.len() - 2 * self.forward_workspace_len());
        let (for_input, own_gradient) = rest.split_at_mut(self.forward_workspace_len());
        let output_gradient = cleared(isa, (self.output, outputs), output_gradient, for_output);
        let input = cleared(isa, (self.input, inputs), input, for_input);
        // A gradient with something to clear cannot be added up on top of another.
        let (mut sum, target) = match input_gradient {
            Some(target) if !self.input.fills_blocks() => (Some((own_gradient, false)), Some(target)),
            target => (target, None),
        };
        if let Some((gradient, false)) = &mut sum {
            gradient.fill(0.0);
        }
        self.for_each_run(|pair, count, to, from| {
            if let Some((gradient, _)) = &mut sum {
                let size = Product { rows: count, columns: rows_in, outer: 1, inner: rows_out };
                let a = Matrix { offset: to * rows_out, row: rows_out, outer: 0, inner: 1 };
                let b = Matrix { offset: pair * rows_in * rows_out, row: 0, outer: 0, inner: rows_in };
                let out = Matrix { offset: from * rows_in, row: stride * rows_in, outer: 0, inner: 0 };
                multiply(isa, size, (output_gradient, a), (adjoint_packed, b), (&mut **gradient, out), Sum::Add);
            }
            let size = Product { rows: rows_in, columns: rows_out, outer: 1, inner: count };
            let a = Matrix { offset: from * rows_in, row: 1, outer: 0, inner: stride * rows_in };
            let b = Matrix { offset: to * rows_out, row: 0, outer: 0, inner: rows_out };
            let out = Matrix { offset: pair * rows_in * rows_out, row: rows_out, outer: 0, inner: 0 };
            multiply(isa, size, (input, a), (output_gradient, b), (&mut *filter_gradient, out), Sum::Add);
        });
        if let (Some((sum, _)), Some((gradient, accumulate))) = (sum, target) {
            clear_beyond(isa, self.input, inputs, sum);
            if accumulate {
                add_in_place(isa, gradient, sum);
            } else {
                gradient.copy_from_slice(sum);
            }
        }
    }
}

/// A map cleared beyond its last row and column: a copy in `workspace`, or the map itself if it fills its blocks.
fn cleared<'a>(isa: Isa, (extent, channels): (Extent, usize), map: &'a [f32], workspace: &'a mut [f32]) -> &'a [f32] {
    if extent.fills_blocks() {
        return map;
    }
    let copy = &mut workspace[..map.len()];
    copy.copy_from_slice(map);
    clear_beyond(isa, extent, channels, copy);
    copy
}

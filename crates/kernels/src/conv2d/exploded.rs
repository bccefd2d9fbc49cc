//! The exploded convolution as the paper writes it, in its size-independent form: a convolution of blocks by dense
//! 64×64 matrices. 64 times the multiplies of the spatial filter (3×3): the specification to hold others against, for
//! small networks, never chosen unless asked for.

use super::{Backward, Conv2dShape};
use crate::block::{BLOCK, Grid};
use crate::definition::{BlockForm, LinearMap, UNIT_STEPS};
use crate::isa::{Isa, Matrix, Product, Sum, multiply};

#[derive(Clone, Debug)]
pub(super) struct Exploded {
    shape: Conv2dShape,
    output_grid: Grid,
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
    pub(super) fn new(shape: Conv2dShape, output_grid: Grid) -> Exploded {
        let taps = shape.size * shape.size;
        let form = |tap: usize| {
            let filter: Vec<f64> = (0..taps).map(|other| f64::from(u8::from(other == tap))).collect();
            BlockForm::new(&shape, &filter, &UNIT_STEPS, &UNIT_STEPS)
        };
        let axis = crate::definition::block_offsets(&shape);
        let offsets = axis.clone().flat_map(|d| axis.clone().map(move |e| (d, e))).collect();
        Exploded { shape, output_grid, offsets, basis: (0..taps).map(|tap| form(tap).matrices).collect() }
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

    #[expect(clippy::unused_self, reason = "every factorisation has this method")]
    pub(super) fn forward_workspace_len(&self) -> usize {
        0
    }

    #[expect(clippy::unused_self, reason = "every factorisation has this method")]
    pub(super) fn backward_workspace_len(&self) -> usize {
        0
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
        let (from, to) = (self.shape.input_grid, self.output_grid);
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
        bias: Option<&[f32]>,
        output: &mut [f32],
        _workspace: &mut [f32],
    ) {
        let (rows_in, rows_out) = (self.rows_in(), self.rows_out());
        output.fill(0.0);
        self.for_each_run(|pair, count, to, from| {
            let size = Product { rows: count, columns: rows_out, outer: 1, inner: rows_in };
            let a = Matrix { offset: from * rows_in, row: self.shape.stride * rows_in, outer: 0, inner: 1 };
            let b = Matrix { offset: pair * rows_in * rows_out, row: 0, outer: 0, inner: rows_out };
            let out = Matrix { offset: to * rows_out, row: rows_out, outer: 0, inner: 0 };
            multiply(isa, size, (input, a), (packed, b), (&mut *output, out), Sum::Add);
        });
        if let Some(bias) = bias {
            super::add_bias(bias, output);
        }
    }

    pub(super) fn backward(&self, isa: Isa, pass: Backward) {
        let Backward { input, output_gradient, adjoint_packed, mut input_gradient, filter_gradient, .. } = pass;
        let (rows_in, rows_out, stride) = (self.rows_in(), self.rows_out(), self.shape.stride);
        if let Some((gradient, false)) = &mut input_gradient {
            gradient.fill(0.0);
        }
        self.for_each_run(|pair, count, to, from| {
            if let Some((gradient, _)) = &mut input_gradient {
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
    }
}

//! 1×1 filters at stride 1: the same matrix product for every coefficient of every block.

use super::backward::Backward;
use super::shape::Conv2dShape;
use crate::block::BLOCK;
use crate::isa::{Isa, Matrix, Product, Sum, multiply};

/// Coefficient rows `[blocks·64, in]` times the filter `[in, out]`.
#[derive(Clone, Debug)]
pub(super) struct Pointwise {
    rows: usize,
    inputs: usize,
    outputs: usize,
}

impl Pointwise {
    pub(super) fn new(shape: Conv2dShape) -> Option<Pointwise> {
        shape.keeps_pixels_apart().then_some(Pointwise {
            rows: shape.input.grid().blocks() * BLOCK,
            inputs: shape.input_channels,
            outputs: shape.output_channels,
        })
    }

    pub(super) fn packed_len(&self) -> usize {
        self.inputs * self.outputs
    }

    pub(super) fn pack_filter_into(&self, filter: &[f32], packed: &mut [f32]) {
        for (i, row) in packed.chunks_exact_mut(self.outputs).enumerate() {
            for (o, value) in row.iter_mut().enumerate() {
                *value = filter[o * self.inputs + i];
            }
        }
    }

    pub(super) fn adjoint_packed_len(&self) -> usize {
        self.inputs * self.outputs
    }

    /// `[out, in]`, which is how the filter lies already.
    #[expect(clippy::unused_self, reason = "every factorisation has this method")]
    pub(super) fn pack_adjoint_filter_into(&self, filter: &[f32], packed: &mut [f32]) {
        packed.copy_from_slice(filter);
    }

    #[expect(clippy::unused_self, reason = "every factorisation has this method")]
    pub(super) fn forward_workspace_len(&self) -> usize {
        0
    }

    #[expect(clippy::unused_self, reason = "every factorisation has this method")]
    pub(super) fn backward_workspace_len(&self) -> usize {
        0
    }

    pub(super) fn forward_into(
        &self,
        isa: Isa,
        input: &[f32],
        packed: &[f32],
        output: &mut [f32],
        _workspace: &mut [f32],
    ) {
        self.rows_times(isa, (input, self.inputs), (packed, self.outputs), output, Sum::Replace);
    }

    pub(super) fn backward(&self, isa: Isa, pass: Backward) {
        let Backward { input, output_gradient, adjoint_packed, input_gradient, filter_gradient, .. } = pass;
        if let Some((gradient, accumulate)) = input_gradient {
            let sum = if accumulate { Sum::Add } else { Sum::Replace };
            self.rows_times(isa, (output_gradient, self.outputs), (adjoint_packed, self.inputs), gradient, sum);
        }
        let size = Product { rows: self.inputs, columns: self.outputs, outer: 1, inner: self.rows };
        let input = (input, Matrix { offset: 0, row: 1, outer: 0, inner: self.inputs });
        let gradient = (output_gradient, Matrix { offset: 0, row: 0, outer: 0, inner: self.outputs });
        let out = (filter_gradient, Matrix { offset: 0, row: self.outputs, outer: 0, inner: 0 });
        multiply(isa, size, input, gradient, out, Sum::Add);
    }

    pub(super) fn filter_gradient_len(&self) -> usize {
        self.packed_len()
    }

    pub(super) fn unpack_filter_gradient_into(&self, packed_gradient: &[f32], gradient: &mut [f32]) {
        for (o, row) in gradient.chunks_exact_mut(self.inputs).enumerate() {
            for (i, value) in row.iter_mut().enumerate() {
                *value = packed_gradient[i * self.outputs + o];
            }
        }
    }

    /// `[rows, depth]·[depth, columns]`.
    fn rows_times(
        &self,
        isa: Isa,
        (a, depth): (&[f32], usize),
        (b, columns): (&[f32], usize),
        out: &mut [f32],
        sum: Sum,
    ) {
        let size = Product { rows: self.rows, columns, outer: 1, inner: depth };
        let a = (a, Matrix { offset: 0, row: depth, outer: 0, inner: 1 });
        let b = (b, Matrix { offset: 0, row: 0, outer: 0, inner: columns });
        multiply(isa, size, a, b, (out, Matrix { offset: 0, row: columns, outer: 0, inner: 0 }), sum);
    }
}

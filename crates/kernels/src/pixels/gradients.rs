//! Training a convolution of maps in pixels: filters packed anew at every step, and the gradients of filter and input.

use super::conv2d::{Conv2d, Kind};
use super::input_gradient::InputGradient;
use crate::isa::Isa;

/// Floats of a core's cache that a run of tiles and their gradients may fill.
const RUN_CACHE: usize = 200_000;

/// The same call on whichever kind it is, the instruction set first where it is one of Winograd's.
macro_rules! on_trained {
    ($self:ident, $kind:ident => $winograd:expr, $plain:ident => $other:expr) => {
        match &$self.kind {
            Kind::Winograd4($kind) => $winograd,
            Kind::Winograd2($kind) => $winograd,
            Kind::Winograd4Stride2($kind) => $winograd,
            Kind::Winograd2Stride2($kind) => $winograd,
            Kind::Winograd5($kind) => $winograd,
            Kind::Winograd5Stride2($kind) => $winograd,
            Kind::Winograd7Stride2($kind) => $winograd,
            Kind::Pointwise($plain) => $other,
            Kind::Direct($plain) => $other,
        }
    };
}

impl Conv2d {
    /// Packs a filter `[out, in, size, size]` in float32: what a training step can afford.
    /// [`pack_filter_into`](Self::pack_filter_into) rounds less.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn pack_for_step_into(&self, isa: Isa, filter: &[f32], packed: &mut [f32]) {
        assert_eq!(filter.len(), self.shape().filter_len(), "a filter is [out, in, size, size]");
        assert_eq!(packed.len(), self.packed_len(), "a packed filter has packed_len floats");
        on_trained!(
            self,
            kind => kind.pack_for_step_into(isa, filter, packed),
            kind => kind.pack_for_step_into(filter, packed)
        );
    }

    /// Floats of a filter packed for the gradient of the input.
    #[must_use]
    pub fn adjoint_packed_len(&self) -> usize {
        on_trained!(self, kind => kind.adjoint_packed_len(), kind => kind.adjoint_packed_len())
    }

    /// Packs a filter `[out, in, size, size]` for the gradient of the input.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn pack_adjoint_into(&self, isa: Isa, filter: &[f32], packed: &mut [f32]) {
        assert_eq!(filter.len(), self.shape().filter_len(), "a filter is [out, in, size, size]");
        assert_eq!(packed.len(), self.adjoint_packed_len(), "a packed filter has adjoint_packed_len floats");
        on_trained!(
            self,
            kind => kind.pack_adjoint_into(isa, filter, packed),
            kind => kind.pack_adjoint_into(filter, packed)
        );
    }

    /// Floats of the sums that a filter's gradient is made from.
    #[must_use]
    pub fn filter_sums_len(&self) -> usize {
        on_trained!(self, kind => kind.sums_len(), kind => kind.sums_len())
    }

    /// Adds the gradient that [`backward`](Self::backward) summed up to that of the filter, `[out, in, size, size]`.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn add_filter_gradient(&self, isa: Isa, sums: &[f32], gradient: &mut [f32]) {
        assert_eq!(sums.len(), self.filter_sums_len(), "filter_sums_len sums");
        assert_eq!(gradient.len(), self.shape().filter_len(), "a filter is [out, in, size, size]");
        on_trained!(
            self,
            kind => kind.add_filter_gradient(isa, sums, gradient),
            kind => kind.add_filter_gradient(sums, gradient)
        );
    }

    /// Floats of scratch for [`backward`](Self::backward) of so many images.
    #[must_use]
    pub fn backward_workspace_len(&self, images: usize) -> usize {
        on_trained!(
            self,
            kind => kind.backward_workspace_len(self.backward_units(images)),
            kind => kind.backward_workspace_len()
        )
    }

    /// Units that the gradients of so many images are computed by.
    fn backward_units(&self, images: usize) -> usize {
        // Sums that no cache holds are gone through once a run.
        self.units_at_once(RUN_CACHE.max(self.filter_sums_len() / 4)).min(images * self.units())
    }

    /// Gradients of some images, maps as [`forward_units`](Self::forward_units) has them: the input's is added to, if it is
    /// asked for; the filter's is added to `sums`, in an order of its own.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says or the scratch is too short.
    #[expect(clippy::too_many_arguments, reason = "two operands, two gradients and scratch")]
    pub fn backward(
        &self,
        isa: Isa,
        images: usize,
        input: &[f32],
        output_gradient: &[f32],
        input_gradient: Option<InputGradient>,
        sums: &mut [f32],
        workspace: &mut [f32],
    ) {
        assert_eq!(input.len(), images * self.shape().input_len(), "the input has the images");
        assert_eq!(output_gradient.len(), images * self.shape().output_len(), "a gradient for every output");
        assert_eq!(sums.len(), self.filter_sums_len(), "filter_sums_len sums");
        if let Some(InputGradient { packed, gradient }) = &input_gradient {
            assert_eq!(gradient.len(), input.len(), "a gradient for every input");
            assert_eq!(packed.len(), self.adjoint_packed_len(), "a packed filter has adjoint_packed_len floats");
        }
        on_trained!(
            self,
            kind => {
                let at_once = (self.backward_units(images), workspace);
                kind.backward(isa, images, input, output_gradient, input_gradient, sums, at_once);
            },
            kind => kind.backward(isa, images, input, output_gradient, input_gradient, sums, workspace)
        );
    }
}

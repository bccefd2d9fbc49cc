//! Convolutions whose filters no cache holds, computed by threads that share the filter's panels: every call is one
//! task's, and the calls of one step may run side by side.

use super::conv2d::{Conv2d, Kind};
use super::epilogue::Epilogue;
use super::winograd::{Order, WideRuns};
use crate::isa::Isa;

/// A Winograd convolution of a batch by panels of its filter. A batch is cut into [runs](Self::runs) of whole images.
///
/// Forward: [`inputs`](Self::inputs) of every run, [`products`](Self::products) of every panel, [`outputs`](Self::outputs)
/// of every run. Backward: `inputs` and [`gradients`](Self::gradients) of every run,
/// [`filter_gradient`](Self::filter_gradient) of every forward panel; `products` of every adjoint panel with the gradients,
/// [`input_gradient`](Self::input_gradient) of every run.
#[derive(Clone, Copy, Debug)]
pub struct Wide<'a>(&'a Kind);

/// The same call on whichever Winograd kind it is.
macro_rules! on_winograd {
    ($self:ident, $kind:ident => $call:expr) => {
        match $self.0 {
            Kind::Winograd4($kind) => $call,
            Kind::Winograd2($kind) => $call,
            Kind::Winograd4Stride2($kind) => $call,
            Kind::Winograd2Stride2($kind) => $call,
            Kind::Winograd5($kind) => $call,
            Kind::Winograd5Stride2($kind) => $call,
            Kind::Winograd7Stride2($kind) => $call,
            Kind::Pointwise(_) | Kind::Direct(_) => unreachable!("only made of Winograd's methods"),
        }
    };
}

impl Conv2d {
    /// The convolution by panels; none if its method has no frequencies.
    #[must_use]
    pub fn wide(&self) -> Option<Wide<'_>> {
        self.has_frequencies().then_some(Wide(&self.kind))
    }
}

impl Wide<'_> {
    /// How a batch is cut.
    #[must_use]
    pub fn runs(&self, images: usize) -> WideRuns {
        on_winograd!(self, kind => kind.wide_runs(images))
    }

    /// First column and width of every panel: columns are channels out (forward) or in (adjoint).
    #[must_use]
    pub fn panels(&self, order: Order) -> Vec<(usize, usize)> {
        on_winograd!(self, kind => kind.wide_panels(order))
    }

    /// Floats of scratch that a panel's task needs; a run's needs [`WideRuns::rows_len`].
    #[must_use]
    pub fn panel_workspace_len(&self) -> usize {
        on_winograd!(self, kind => kind.panel_workspace_len())
    }

    /// A run's images `[images, height, width, in]` to `input_len` frequencies.
    ///
    /// # Panics
    /// If a slice is too short.
    pub fn inputs(&self, isa: Isa, images: usize, input: &[f32], frequencies: &mut [f32], scratch: &mut [f32]) {
        on_winograd!(self, kind => kind.wide_inputs(isa, images, input, frequencies, scratch));
    }

    /// A run's gradients `[images, height, width, out]` to `gradient_len` frequencies.
    ///
    /// # Panics
    /// If a slice is too short.
    pub fn gradients(&self, isa: Isa, images: usize, gradient: &[f32], frequencies: &mut [f32], scratch: &mut [f32]) {
        on_winograd!(self, kind => kind.wide_gradients(isa, images, gradient, frequencies, scratch));
    }

    /// The products of a batch's frequencies with one panel of the filter `[out, in, size, size]`: `runs × column_len ×
    /// width` floats.
    ///
    /// # Panics
    /// If a slice is too short.
    #[expect(clippy::too_many_arguments, reason = "a panel, a filter, what it multiplies, the products and scratch")]
    pub fn products(
        &self,
        isa: Isa,
        order: Order,
        panel: (usize, usize),
        images: usize,
        filter: &[f32],
        frequencies: &[f32],
        products: &mut [f32],
        scratch: &mut [f32],
    ) {
        on_winograd!(self, kind => {
            kind.panel_products(isa, order, panel, images, filter, frequencies, products, scratch);
        });
    }

    /// The gradient of the filters of one forward panel's channels out, `[out, in, size, size]`, added to.
    ///
    /// # Panics
    /// If a slice is too short.
    #[expect(clippy::too_many_arguments, reason = "a panel, two operands, the gradient and scratch")]
    pub fn filter_gradient(
        &self,
        isa: Isa,
        panel: (usize, usize),
        images: usize,
        inputs: &[f32],
        gradients: &[f32],
        gradient: &mut [f32],
        scratch: &mut [f32],
    ) {
        on_winograd!(self, kind => {
            kind.panel_filter_gradient(isa, panel, images, inputs, gradients, gradient, scratch);
        });
    }

    /// The products of all panels, one after the other, to the pixels of run number `run.0`, which has `run.1` of the
    /// batch's images.
    ///
    /// # Panics
    /// If a slice is too short.
    pub fn outputs(
        &self,
        isa: Isa,
        run: (usize, usize),
        batch: usize,
        products: &[f32],
        epilogue: Epilogue,
        output: &mut [f32],
    ) {
        on_winograd!(self, kind => kind.wide_outputs(isa, run, batch, products, epilogue, output));
    }

    /// The products of all adjoint panels, one after the other, to the gradient of the run's input, added to.
    ///
    /// # Panics
    /// If a slice is too short.
    pub fn input_gradient(&self, isa: Isa, run: (usize, usize), batch: usize, products: &[f32], gradient: &mut [f32]) {
        on_winograd!(self, kind => kind.add_wide_input_gradients(isa, run, batch, products, gradient));
    }
}

//! A convolution of maps in pixels, with its method chosen.

use super::direct::Direct;
use super::epilogue::Epilogue;
use super::pointwise::Pointwise;
use super::shape::ConvShape;
use super::winograd::{F23, F25, F34, F43, Folded, Phases2, Phases4, SharedRun, Winograd};
use crate::isa::Isa;
use std::ops::Range;

/// A way to compute the convolution between the DCTs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Winograd F(4×4, 3×3): 36 multiplies for 16 pixels instead of 144.
    Winograd4,
    /// Winograd F(2×2, 3×3): 16 multiplies for 4 pixels instead of 36; smaller packed filters, smaller error.
    Winograd2,
    /// A 3×3 filter at stride 2 by its even and odd phases, the even one by F(4, 2): 81 multiplies for 16 pixels instead
    /// of 144.
    Winograd4Stride2,
    /// The same by F(2, 2): 25 multiplies for 4 pixels instead of 36; smaller packed filters, smaller error.
    Winograd2Stride2,
    /// Winograd F(2×2, 5×5): 36 multiplies for 4 pixels instead of 100.
    Winograd5,
    /// A 5×5 or 6×6 filter at stride 2 as one of 3×3 at stride 1 on pixels folded two by two, by F(4×4, 3×3): 144
    /// multiplies for 16 pixels instead of 400 or more.
    Winograd5Stride2,
    /// A 7×7 or 8×8 filter at stride 2 as one of 4×4, by F(3×3, 4×4): 144 multiplies for 9 pixels instead of 441 or more.
    Winograd7Stride2,
    /// A 1×1 filter: one matrix product.
    Pointwise,
    /// Every size and stride, as the sum says.
    Direct,
}

impl Method {
    /// All there are.
    pub const ALL: [Method; 9] = [
        Method::Winograd4,
        Method::Winograd2,
        Method::Winograd4Stride2,
        Method::Winograd2Stride2,
        Method::Winograd5,
        Method::Winograd5Stride2,
        Method::Winograd7Stride2,
        Method::Pointwise,
        Method::Direct,
    ];

    /// Whether the method can compute a convolution of this shape.
    #[must_use]
    pub fn takes(self, shape: &ConvShape) -> bool {
        match (self, shape.size, shape.stride) {
            (Method::Winograd4 | Method::Winograd2, 3, 1)
            | (Method::Winograd4Stride2 | Method::Winograd2Stride2, 3, 2)
            | (Method::Winograd5, 5, 1)
            | (Method::Winograd5Stride2, 5 | 6, 2)
            | (Method::Winograd7Stride2, 7 | 8, 2)
            | (Method::Direct, _, _) => true,
            (Method::Pointwise, 1, _) => shape.padding == 0,
            _ => false,
        }
    }

    /// Of a Winograd method, how it tiles the output.
    #[must_use]
    pub fn tile(self) -> Option<Tile> {
        let (side, frequencies, fold) = match self {
            Method::Winograd4 => (4, 36, 1),
            Method::Winograd2 => (2, 16, 1),
            Method::Winograd4Stride2 => (4, 81, 1),
            Method::Winograd2Stride2 => (2, 25, 1),
            Method::Winograd5 => (2, 36, 1),
            Method::Winograd5Stride2 => (4, 36, 2),
            Method::Winograd7Stride2 => (3, 36, 2),
            Method::Pointwise | Method::Direct => return None,
        };
        Some(Tile { side, frequencies, fold })
    }
}

/// How a Winograd method tiles the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Output pixels along each side.
    pub side: usize,
    /// Matrix products over the channels.
    pub frequencies: usize,
    /// Input pixels along each axis whose channels count as one pixel's.
    pub fold: usize,
}

/// A convolution of maps in pixels. The output is cut into units of whole rows; any run of units of a batch can be
/// computed on its own.
#[derive(Clone, Debug)]
pub struct Conv2d {
    shape: ConvShape,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Winograd4(Winograd<F43, 6, 6, 4>),
    Winograd2(Winograd<F23, 4, 4, 2>),
    Winograd4Stride2(Winograd<Phases4, 9, 9, 4>),
    Winograd2Stride2(Winograd<Phases2, 5, 5, 2>),
    Winograd5(Winograd<F25, 6, 6, 2>),
    Winograd5Stride2(Winograd<Folded<F43>, 6, 6, 4>),
    Winograd7Stride2(Winograd<Folded<F34>, 6, 6, 3>),
    Pointwise(Pointwise),
    Direct(Direct),
}

/// The same call on whichever Winograd kind it is; others have nothing to share.
macro_rules! on_winograd {
    ($self:ident, $kind:ident => $call:expr) => {
        match &$self.kind {
            Kind::Winograd4($kind) => $call,
            Kind::Winograd2($kind) => $call,
            Kind::Winograd4Stride2($kind) => $call,
            Kind::Winograd2Stride2($kind) => $call,
            Kind::Winograd5($kind) => $call,
            Kind::Winograd5Stride2($kind) => $call,
            Kind::Winograd7Stride2($kind) => $call,
            Kind::Pointwise(_) | Kind::Direct(_) => panic!("only Winograd's methods have frequencies to share"),
        }
    };
}

/// The same call on whichever kind it is.
macro_rules! on_kind {
    ($self:ident, $kind:ident => $call:expr) => {
        match &$self.kind {
            Kind::Winograd4($kind) => $call,
            Kind::Winograd2($kind) => $call,
            Kind::Winograd4Stride2($kind) => $call,
            Kind::Winograd2Stride2($kind) => $call,
            Kind::Winograd5($kind) => $call,
            Kind::Winograd5Stride2($kind) => $call,
            Kind::Winograd7Stride2($kind) => $call,
            Kind::Pointwise($kind) => $call,
            Kind::Direct($kind) => $call,
        }
    };
}

impl Conv2d {
    /// A convolution computed by `method`; none if that cannot do the shape or the filter is larger than the padded
    /// input.
    #[must_use]
    pub fn new(shape: ConvShape, method: Method) -> Option<Conv2d> {
        let reach = 2 * shape.padding;
        if !method.takes(&shape) || shape.size > (shape.height + reach).min(shape.width + reach) {
            return None;
        }
        let kind = match method {
            Method::Winograd4 => Kind::Winograd4(Winograd::new(shape)),
            Method::Winograd2 => Kind::Winograd2(Winograd::new(shape)),
            Method::Winograd4Stride2 => Kind::Winograd4Stride2(Winograd::new(shape)),
            Method::Winograd2Stride2 => Kind::Winograd2Stride2(Winograd::new(shape)),
            Method::Winograd5 => Kind::Winograd5(Winograd::new(shape)),
            Method::Winograd5Stride2 => Kind::Winograd5Stride2(Winograd::new(shape)),
            Method::Winograd7Stride2 => Kind::Winograd7Stride2(Winograd::new(shape)),
            Method::Pointwise => Kind::Pointwise(Pointwise::new(shape)),
            Method::Direct => Kind::Direct(Direct::new(shape)),
        };
        Some(Conv2d { shape, kind })
    }

    /// The shape it was made for.
    #[must_use]
    pub fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// The method it was made with.
    #[must_use]
    pub fn method(&self) -> Method {
        match self.kind {
            Kind::Winograd4(_) => Method::Winograd4,
            Kind::Winograd2(_) => Method::Winograd2,
            Kind::Winograd4Stride2(_) => Method::Winograd4Stride2,
            Kind::Winograd2Stride2(_) => Method::Winograd2Stride2,
            Kind::Winograd5(_) => Method::Winograd5,
            Kind::Winograd5Stride2(_) => Method::Winograd5Stride2,
            Kind::Winograd7Stride2(_) => Method::Winograd7Stride2,
            Kind::Pointwise(_) => Method::Pointwise,
            Kind::Direct(_) => Method::Direct,
        }
    }

    /// Multiply-adds of the products of one image; a Winograd method's transforms are not among them.
    #[must_use]
    pub fn multiplies(&self) -> usize {
        let Some(Tile { side, frequencies, fold }) = self.method().tile() else {
            return self.shape.direct_multiplies();
        };
        let tiles = self.shape.output_height().div_ceil(side) * self.shape.output_width().div_ceil(side);
        tiles * frequencies * self.shape.input_channels * fold * fold * self.shape.output_channels
    }

    /// Floats of a packed filter.
    #[must_use]
    pub fn packed_len(&self) -> usize {
        on_kind!(self, kind => kind.packed_len())
    }

    /// Packs a filter `[out, in, size, size]`, each output channel scaled by `scale[out]` if given (a batch
    /// normalisation folded in).
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn pack_filter_into(&self, filter: &[f32], scale: Option<&[f32]>, packed: &mut [f32]) {
        assert_eq!(filter.len(), self.shape.filter_len(), "a filter is [out, in, size, size]");
        assert_eq!(packed.len(), self.packed_len(), "a packed filter has packed_len floats");
        assert!(scale.is_none_or(|scale| scale.len() == self.shape.output_channels), "one scale an output channel");
        let weight = |out: usize, rest: usize| {
            let weight = f64::from(filter[out * (filter.len() / self.shape.output_channels) + rest]);
            weight * scale.map_or(1.0, |scale| f64::from(scale[out]))
        };
        packed.fill(0.0);
        on_kind!(self, kind => kind.pack_filter_into(&weight, packed));
    }

    /// Output rows of a unit; the last unit of an image may have fewer.
    #[must_use]
    pub fn unit_rows(&self) -> usize {
        self.method().tile().map_or(1, |tile| tile.side)
    }

    /// Units of one image.
    #[must_use]
    pub fn units(&self) -> usize {
        self.shape.output_height().div_ceil(self.unit_rows())
    }

    /// The output row of the batch at which a unit of the batch begins.
    #[must_use]
    pub fn first_row(&self, unit: usize) -> usize {
        let (image, unit) = (unit / self.units(), unit % self.units());
        image * self.shape.output_height() + unit * self.unit_rows()
    }

    /// Units to compute in one call so that the work is a matrix product of some height and yet stays in a cache of
    /// `cache` floats.
    #[must_use]
    pub fn units_at_once(&self, cache: usize) -> usize {
        on_kind!(self, kind => kind.units_at_once(cache)).max(1)
    }

    /// Floats of scratch for a run of `units`.
    #[must_use]
    pub fn workspace_len(&self, units: usize) -> usize {
        on_kind!(self, kind => kind.workspace_len(units))
    }

    /// Computes a run of the batch's units: `input` is the whole batch `[images, height, width, in]`, `output` and the
    /// epilogue's residual are the rows of those units `[rows, width, out]`.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says or is too short.
    #[expect(clippy::too_many_arguments, reason = "a convolution has an input, a filter, an output and an epilogue")]
    pub fn forward_units(
        &self,
        isa: Isa,
        units: Range<usize>,
        input: &[f32],
        packed: &[f32],
        epilogue: Epilogue,
        output: &mut [f32],
        workspace: &mut [f32],
    ) {
        let rows = self.first_row(units.end) - self.first_row(units.start);
        assert_eq!(output.len(), rows * self.shape.output_row_len(), "the output has the units' rows");
        assert!(epilogue.residual.is_none_or(|residual| residual.len() == output.len()), "a residual for every output");
        assert!(epilogue.bias.is_none_or(|bias| bias.len() == self.shape.output_channels), "one bias a channel");
        assert!(units.end.div_ceil(self.units()) * self.shape.input_len() <= input.len(), "the input has the images");
        assert_eq!(packed.len(), self.packed_len(), "a packed filter has packed_len floats");
        on_kind!(self, kind => kind.forward_units(isa, units, input, packed, epilogue, output, workspace));
    }

    /// Whether threads can share a run's frequencies instead of its rows.
    #[must_use]
    pub fn has_frequencies(&self) -> bool {
        self.method().tile().is_some()
    }

    /// The sizes of a shared run of units: `frequencies × frequency_len` floats before the product, `frequencies ×
    /// product_len` after it.
    ///
    /// # Panics
    /// If the method has no frequencies.
    #[must_use]
    pub fn shared_run(&self, units: usize) -> SharedRun {
        on_winograd!(self, kind => kind.shared_run(units))
    }

    /// First step of a shared run, for one thread: pixels to frequencies.
    ///
    /// # Panics
    /// If the method has no frequencies or a slice is too short.
    pub fn shared_input(
        &self,
        isa: Isa,
        units: Range<usize>,
        input: &[f32],
        frequencies: &mut [f32],
        rows: &mut [f32],
    ) {
        on_winograd!(self, kind => kind.shared_input(isa, units, input, frequencies, rows));
    }

    /// Second step of a shared run of `units`, for all threads: the products of some frequencies, to `products`, which
    /// begins with the first of them.
    ///
    /// # Panics
    /// If the method has no frequencies or a slice is too short.
    pub fn shared_products(
        &self,
        isa: Isa,
        units: usize,
        range: Range<usize>,
        frequencies: &[f32],
        packed: &[f32],
        products: &mut [f32],
    ) {
        on_winograd!(self, kind => kind.shared_products(isa, units, range, frequencies, packed, products));
    }

    /// Last step of the shared run `run`, for all threads: some of its units to finished pixels, as
    /// [`forward_units`](Self::forward_units).
    ///
    /// # Panics
    /// If the method has no frequencies or a slice is too short.
    pub fn shared_output(
        &self,
        isa: Isa,
        run: Range<usize>,
        units: Range<usize>,
        products: &[f32],
        epilogue: Epilogue,
        output: &mut [f32],
    ) {
        on_winograd!(self, kind => kind.shared_output(isa, run, units, products, epilogue, output));
    }
}

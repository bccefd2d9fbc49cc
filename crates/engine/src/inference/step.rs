//! What a compiled network consists of.

use super::cost::{BandMethod, Pick};
use super::scatter::ScatterPick;
use crate::operations::MapFunction;
use crate::shape::Shape;
use jpegnet_kernels::band::BandShape;
use jpegnet_kernels::pixels::Conv2d;
use jpegnet_kernels::{Masking, PiecewiseLinear};
use std::ops::Range;
use std::sync::Arc;

/// A virtual buffer: one map or vector of every image of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Buffer(pub(crate) usize);

/// What a fused step applies last.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Activation {
    Identity,
    Function(PiecewiseLinear),
}

/// Height, width and channels of a map; 1×1 for vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    /// φ of a band map; a map in pixels has none.
    pub(crate) band: Option<usize>,
}

impl Size {
    /// Floats of one image.
    pub(crate) fn len(self) -> usize {
        match self.band {
            Some(frequencies) => self.in_band(frequencies).image_len(),
            None => self.height * self.width * self.channels,
        }
    }

    /// The shape of the band map of so many frequencies.
    pub(crate) fn in_band(self, frequencies: usize) -> BandShape {
        let Size { height, width, channels, .. } = self;
        BandShape { height, width, channels, frequencies }
    }
}

/// The size of a value's map.
pub(crate) fn size_of_map(shape: &Shape) -> Size {
    match *shape {
        Shape::Map { channels, height, width } => Size { height, width, channels, band: None },
        Shape::Features(channels) => Size { height: 1, width: 1, channels, band: None },
    }
}

/// One pass over the maps of a group.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) kind: Kind,
    /// The node it begins with; those fused behind it are part of it.
    pub(crate) named_by: usize,
    /// What it reads, in order; a convolution's residual comes second.
    pub(crate) inputs: Vec<Buffer>,
    /// What it writes; an input of its own only for steps that work in place.
    pub(crate) output: Buffer,
    /// Of the output.
    pub(crate) size: Size,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// The pictures' sparse coefficients to normalised pixels.
    Input,
    /// A convolution or linear layer with its method, bias and activation.
    Conv2d {
        conv: Box<Conv2d>,
        /// The node of the batch normalisation folded in.
        folded: Option<usize>,
        activation: Activation,
        pick: Pick,
    },
    /// The first convolution straight from the pictures' sparse coefficients.
    Scatter { folded: Option<usize>, activation: Activation, pick: ScatterPick },
    /// A convolution of coefficients: DCT, Ξ by a factorisation of its own, inverse DCT.
    Coefficients { folded: Option<usize>, activation: Activation, scratch: usize },
    /// A convolution of band maps.
    BandConv2d {
        method: BandMethod,
        folded: Option<usize>,
        activation: Activation,
        /// Estimated, for an image of the batch.
        nanoseconds: f64,
        /// The same for what else could be done.
        others: Vec<(&'static str, f64)>,
        asked_for: bool,
    },
    /// A band map to pixels.
    ToPixels,
    /// Pixels to a band map, plus a residual in the band if there is one, and an activation.
    ToBand { activation: Activation },
    /// A nonlinearity of a band map, in place.
    BandActivation { function: PiecewiseLinear },
    /// A nonlinearity whose pieces are picked from low frequencies, in place.
    Masked { function: PiecewiseLinear, masking: Masking },
    /// Leaves the frequencies `α + β < band` of a map in pixels, in place.
    Truncate { band: usize },
    /// `activation(Σ inputs)`.
    Sum { activation: Activation },
    /// A batch normalisation that has no convolution to fold into.
    Normalise,
    /// A function without parameters of each image's map.
    Map(Arc<dyn MapFunction>),
}

/// Steps through which the same number of images run together.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) steps: Range<usize>,
    /// Images at once.
    pub(crate) group: usize,
}

/// A network compiled for a batch size and a mode.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    pub(crate) steps: Vec<Step>,
    /// In order; each takes a group through the segments before it, part by part, and then through its own steps.
    pub(crate) segments: Vec<Segment>,
    /// Floats of an image in every buffer.
    pub(crate) sizes: Vec<usize>,
    /// The slot of every buffer.
    pub(crate) places: Vec<usize>,
    /// The segment whose images every buffer holds: the last to read it.
    pub(crate) owners: Vec<usize>,
    /// Floats of every slot.
    pub(crate) slots: Vec<usize>,
    pub(crate) output: Buffer,
    /// Whether groups run side by side, one a thread; otherwise threads share a group.
    pub(crate) side_by_side: bool,
    /// Floats of scratch that a thread needs.
    pub(crate) scratch: usize,
    /// Floats of frequencies and of their products that threads share.
    pub(crate) shared: (usize, usize),
}

impl Compiled {
    /// Images of the largest groups.
    pub(crate) fn group(&self) -> usize {
        self.segments.last().map_or(1, |segment| segment.group)
    }
}

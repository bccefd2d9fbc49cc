//! One axis of a component: which pixels the samples of a block become, inside a picture and at its edges.

use crate::block::SIDE;
use crate::dct::DCT;
use crate::input::PlaneTransform;
use crate::sampling::Sampling;

/// Profiles along an axis: the eight cosines, then the corrections of the first and of the last sample of the picture.
pub(super) const PROFILES: usize = SIDE + 2;

/// Profile of the correction of the picture's first sample.
pub(super) const FIRST: usize = SIDE;

/// Profile of the correction of its last.
pub(super) const LAST: usize = SIDE + 1;

/// Samples of one component along one axis of a picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// Pixels that a sample stands for.
    ratio: usize,
    /// Whether neighbouring samples mix, by libjpeg's triangle filter.
    triangle: bool,
    /// True samples of the picture.
    samples: usize,
    /// Its pixels.
    pixels: usize,
    /// Whether the picture's first sample becomes other pixels than it would inside.
    pub(super) corrects_first: bool,
    /// The same of its last, if that is not the first.
    pub(super) corrects_last: bool,
}

impl Axis {
    pub(super) fn vertical(plane: &PlaneTransform, pixels: usize) -> Axis {
        Axis::new(plane.vertical, pixels)
    }

    pub(super) fn horizontal(plane: &PlaneTransform, pixels: usize) -> Axis {
        Axis::new(plane.horizontal, pixels)
    }

    fn new(Sampling { samples, ratio, triangle }: Sampling, pixels: usize) -> Axis {
        let axis = Axis { ratio, triangle, samples, pixels, corrects_first: false, corrects_last: false };
        let corrects = |sample: usize| axis.correction(sample).iter().any(|&weight| weight != 0.0);
        Axis { corrects_first: corrects(0), corrects_last: samples > 1 && corrects(samples - 1), ..axis }
    }

    /// Pixels that a block stands for.
    pub(super) fn footprint(&self) -> usize {
        SIDE * self.ratio
    }

    /// Pixels on either side of them that its samples reach.
    pub(super) fn reach(&self) -> usize {
        usize::from(self.triangle)
    }

    /// The last block and how many of its samples are true.
    pub(super) fn last_block(&self) -> (usize, usize) {
        let block = (self.samples - 1) / SIDE;
        (block, self.samples - block * SIDE)
    }

    /// Whether a block holds samples beyond the picture or one that its edge corrects.
    pub(super) fn is_at_edge(&self, block: usize) -> bool {
        let (last, valid) = self.last_block();
        (block == 0 && self.corrects_first) || (block == last && (valid < SIDE || self.corrects_last))
    }

    /// Whether a profile is ever used.
    pub(super) fn uses(&self, profile: usize) -> bool {
        match profile {
            FIRST => self.corrects_first,
            LAST => self.corrects_last,
            _ => true,
        }
    }

    /// A profile over the pixels from `reach` before a block's first to `reach` after its last.
    pub(super) fn profile(&self, number: usize) -> Vec<f64> {
        match number {
            FIRST => self.correction(0),
            LAST => self.correction(self.samples - 1),
            frequency => self
                .pixels_around()
                .map(|pixel| (0..SIDE).map(|n| f64::from(DCT[frequency][n]) * self.inside(n, pixel)).sum())
                .collect(),
        }
    }

    /// Pixels around a block, counted from its first.
    fn pixels_around(&self) -> impl Iterator<Item = isize> {
        let (reach, footprint) = (self.reach().cast_signed(), self.footprint().cast_signed());
        -reach..footprint + reach
    }

    /// What sample `n` of a block adds to a pixel, far from the edges.
    fn inside(&self, n: usize, pixel: isize) -> f64 {
        let own = (n * self.ratio).cast_signed();
        match (self.triangle, pixel - own) {
            (true, 0 | 1) => 0.75,
            (true, -1 | 2) => 0.25,
            (false, offset) if (0..self.ratio.cast_signed()).contains(&offset) => 1.0,
            _ => 0.0,
        }
    }

    /// What a sample of the picture adds to one of its pixels.
    fn truly(&self, sample: usize, pixel: usize) -> f64 {
        let near = (pixel / self.ratio).min(self.samples - 1);
        if !self.triangle {
            return f64::from(u8::from(near == sample));
        }
        let next = if pixel.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(self.samples - 1) };
        0.75 * f64::from(u8::from(near == sample)) + 0.25 * f64::from(u8::from(next == sample))
    }

    /// What a sample at an edge adds beyond what it would inside: to pixels of the picture, since the edge is repeated, and
    /// to those beyond, which are no part of it.
    fn correction(&self, sample: usize) -> Vec<f64> {
        let block = sample / SIDE;
        let around = self.pixels_around().map(|pixel| {
            let at = pixel.checked_add_unsigned(block * self.footprint()).and_then(|at| usize::try_from(at).ok());
            let truly = at.filter(|&at| at < self.pixels).map_or(0.0, |at| self.truly(sample, at));
            truly - self.inside(sample % SIDE, pixel)
        });
        around.collect()
    }
}

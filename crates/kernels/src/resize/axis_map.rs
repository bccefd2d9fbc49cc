//! What cropping, resizing, padding and flipping do along one axis of a picture: each is linear, and so is what follows
//! from several.

use super::filter::Filter;
use std::ops::Range;

/// A linear map along one axis: every output pixel is a weighted sum of neighbouring pixels of the picture.
///
/// Operations are applied to what came out of those before, and the map stays one: a picture that is cropped, resized and
/// flipped is resampled once. Pixels beyond the picture are never read; an output pixel whose weights sum to less than 1
/// is the rest of the way the padding's colour ([`coverage`](Self::coverage)).
#[derive(Clone, Debug, PartialEq)]
pub struct AxisMap {
    pixels: usize,
    rows: Vec<Row>,
    weights: Vec<f64>,
}

/// The weights of one output pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Row {
    /// The picture's pixel that the first weight is for.
    first: usize,
    /// Where its weights begin.
    at: usize,
    count: usize,
}

/// What padding holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Padding {
    /// A colour of its own.
    Constant,
    /// The pixel at the edge.
    Edge,
    /// The picture mirrored at the middle of its edge's pixel, which is not repeated.
    Reflect,
}

impl AxisMap {
    /// The axis of a picture as it is.
    #[must_use]
    pub fn identity(pixels: usize) -> AxisMap {
        let rows = (0..pixels).map(|pixel| Row { first: pixel, at: pixel, count: 1 }).collect();
        AxisMap { pixels, rows, weights: vec![1.0; pixels] }
    }

    /// Pixels of the picture.
    #[must_use]
    pub fn pixels(&self) -> usize {
        self.pixels
    }

    /// Pixels that come out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none come out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The picture's first pixel that an output pixel reads, and the weights from there on.
    #[must_use]
    pub fn row(&self, output: usize) -> (usize, &[f64]) {
        let Row { first, at, count } = self.rows[output];
        (first, &self.weights[at..at + count])
    }

    /// Whether every pixel comes out as it was.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        let kept = |output: usize| {
            let (first, weights) = self.row(output);
            // Whole weights are kept exactly by all that keeps pixels as they are.
            let expected = |pixel: usize| f64::from(u8::from(pixel == output)).to_bits();
            let found = (first..).zip(weights);
            found.clone().all(|(pixel, weight)| weight.to_bits() == expected(pixel))
                && found.into_iter().any(|(pixel, _)| pixel == output)
        };
        self.len() == self.pixels && (0..self.len()).all(kept)
    }

    /// How much of each output pixel is the picture's, 0…1; the rest is padding.
    pub fn coverage(&self) -> impl Iterator<Item = f64> {
        (0..self.len()).map(|output| self.row(output).1.iter().sum())
    }

    /// Keeps some of the pixels.
    ///
    /// # Panics
    /// If they are not there.
    #[must_use]
    pub fn crop(mut self, kept: Range<usize>) -> AxisMap {
        self.rows = self.rows[kept].to_vec();
        self
    }

    /// Reverses the pixels.
    #[must_use]
    pub fn flip(mut self) -> AxisMap {
        self.rows.reverse();
        self
    }

    /// Adds pixels before the first and after the last.
    ///
    /// # Panics
    /// If there are no pixels, or by [`Padding::Reflect`] not more than are added.
    #[must_use]
    pub fn pad(mut self, before: usize, after: usize, padding: Padding) -> AxisMap {
        let length = self.len();
        assert!(length > 0, "there is something to pad");
        assert!(padding != Padding::Reflect || before.max(after) < length, "there are pixels to reflect");
        let empty = Row { first: 0, at: 0, count: 0 };
        let padded = |beyond: usize, at_end: bool| {
            let from_edge = match padding {
                Padding::Constant => return empty,
                Padding::Edge => 0,
                Padding::Reflect => beyond,
            };
            self.rows[if at_end { length - 1 - from_edge } else { from_edge }]
        };
        let ahead: Vec<Row> = (1..=before).rev().map(|beyond| padded(beyond, false)).collect();
        let behind: Vec<Row> = (1..=after).map(|beyond| padded(beyond, true)).collect();
        self.rows = [ahead, std::mem::take(&mut self.rows), behind].concat();
        self
    }

    /// Resamples the pixels to `length`, with the filter widened where they become fewer: what Pillow's `resize` does, up to
    /// its rounding.
    ///
    /// # Panics
    /// If a length is 0.
    #[must_use]
    pub fn resize(self, length: usize, filter: Filter) -> AxisMap {
        assert!(length > 0 && !self.is_empty(), "lengths are positive");
        if length == self.len() {
            return self;
        }
        let scale = float(self.len()) / float(length);
        let widening = scale.max(1.0);
        let support = filter.support() * widening;
        let mut resized = AxisMap { pixels: self.pixels, rows: Vec::with_capacity(length), weights: Vec::new() };
        let mut taps = Vec::new();
        for output in 0..length {
            let centre = (float(output) + 0.5) * scale;
            let taken = whole(centre - support + 0.5)..whole(centre + support + 0.5).min(self.len());
            taps.clear();
            taps.extend(taken.clone().map(|from| filter.at((float(from) - centre + 0.5) / widening)));
            let sum: f64 = taps.iter().sum();
            for tap in &mut taps {
                *tap /= sum;
            }
            resized.push_sum(&self, taken.zip(taps.iter().copied()));
        }
        resized
    }

    /// Appends a row that is a sum of rows of another map.
    fn push_sum(&mut self, of: &AxisMap, terms: impl Iterator<Item = (usize, f64)> + Clone) {
        let rows = terms.clone().map(|(row, _)| of.rows[row]).filter(|row| row.count > 0);
        let first = rows.clone().map(|row| row.first).min().unwrap_or(0);
        let end = rows.map(|row| row.first + row.count).max().unwrap_or(first);
        let at = self.weights.len();
        self.weights.resize(at + end - first, 0.0);
        for (row, factor) in terms {
            let (from, weights) = of.row(row);
            if weights.is_empty() {
                continue;
            }
            for (sum, weight) in self.weights[at + from - first..].iter_mut().zip(weights) {
                *sum += factor * weight;
            }
        }
        self.rows.push(Row { first, at, count: end - first });
    }
}

#[expect(clippy::cast_precision_loss, reason = "a length of a picture is far below 2^52")]
fn float(length: usize) -> f64 {
    length as f64
}

/// The pixel a position lies in; the first for positions before it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0, and below a picture's length"
)]
fn whole(position: f64) -> usize {
    position.max(0.0) as usize
}

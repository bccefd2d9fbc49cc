//! The way from one component's blocks along an axis to the pixels that come out: A = R·U·Bᵀ, with B the block DCT, U the
//! upsampling of a component and R what is made of the picture.

use super::axis_map::AxisMap;
use crate::block::SIDE;
use crate::definition::dct_8;
use crate::isa::padded;
use crate::sampling::Sampling;
use std::ops::Range;
use std::sync::LazyLock;

/// What eight values of a block along an axis are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Orthonormal DCT coefficients.
    Cosines,
    /// Samples.
    Samples,
}

/// What each of a component's blocks along an axis adds to the pixels that come out.
#[derive(Clone, Debug, PartialEq)]
pub struct ComponentAxis {
    outputs: usize,
    /// The first of the blocks that are read.
    first: usize,
    spans: Vec<Span>,
    /// Of every block that is read, eight columns: what a value adds to each pixel of the block's span.
    columns: Vec<f32>,
}

/// The pixels that a block reaches.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Span {
    first: usize,
    count: usize,
    /// Where its columns begin, each `count` padded to whole vectors.
    at: usize,
}

/// `[n][k]`: what coefficient k adds to sample n.
static COSINES: LazyLock<[[f64; SIDE]; SIDE]> = LazyLock::new(|| {
    let dct = dct_8();
    std::array::from_fn(|n| std::array::from_fn(|k| dct[k][n]))
});

impl ComponentAxis {
    /// Of a component sampled so, for a map of the picture's pixels.
    ///
    /// # Panics
    /// If there are no samples.
    #[must_use]
    pub fn new(map: &AxisMap, sampling: Sampling, basis: Basis) -> ComponentAxis {
        assert!(sampling.samples > 0, "a component has samples");
        let Reached { first, mut spans } = Reached::of(map, sampling);
        let mut length = 0;
        for span in &mut spans {
            span.at = length;
            length += SIDE * padded(span.count);
        }
        let mut axis = ComponentAxis { outputs: map.len(), first, spans, columns: vec![0.0; length] };
        let mut weights = Vec::new();
        for output in 0..map.len() {
            let from = sample_weights_into(map.row(output), sampling, &mut weights);
            axis.add_row(output, from, &weights, basis);
        }
        axis
    }

    /// Pixels that come out.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Blocks that are read.
    #[must_use]
    pub fn blocks(&self) -> Range<usize> {
        self.first..self.first + self.spans.len()
    }

    /// The pixels that a block reaches.
    pub(super) fn span(&self, block: usize) -> Range<usize> {
        let Span { first, count, .. } = self.spans[block - self.first];
        first..first + count
    }

    /// Floats of a line of pixels into which whole vectors may be written.
    pub(super) fn line_len(&self) -> usize {
        let end = |span: &Span| span.first + padded(span.count);
        self.spans.iter().map(end).max().unwrap_or(0).max(padded(self.outputs))
    }

    /// What the values of a block add to the pixels of its span, a column each, padded with zeros to whole vectors.
    pub(super) fn columns(&self, block: usize) -> (&[f32], usize) {
        let Span { count, at, .. } = self.spans[block - self.first];
        let length = padded(count);
        (&self.columns[at..at + SIDE * length], length)
    }

    /// Adds `Σ weights[i]·sample[from + i]` to an output.
    fn add_row(&mut self, output: usize, from: usize, weights: &[f64], basis: Basis) {
        let mut at = 0;
        while at < weights.len() {
            let (block, n) = ((from + at) / SIDE, (from + at) % SIDE);
            let taken = (SIDE - n).min(weights.len() - at);
            let mut sums = [0.0; SIDE];
            for (n, weight) in (n..).zip(&weights[at..at + taken]) {
                match basis {
                    Basis::Samples => sums[n] += weight,
                    Basis::Cosines => {
                        for (sum, value) in sums.iter_mut().zip(&COSINES[n]) {
                            *sum += weight * value;
                        }
                    }
                }
            }
            let Span { first, count, at: start } = self.spans[block - self.first];
            for (k, sum) in sums.iter().enumerate() {
                #[expect(clippy::cast_possible_truncation, reason = "an entry of a float32 matrix")]
                let rounded = *sum as f32;
                self.columns[start + k * padded(count) + output - first] = rounded;
            }
            at += taken;
        }
    }
}

/// Which blocks the outputs of a map read, and which outputs each block reaches.
struct Reached {
    first: usize,
    spans: Vec<Span>,
}

impl Reached {
    fn of(map: &AxisMap, sampling: Sampling) -> Reached {
        let rows = || (0..map.len()).filter_map(|output| Some((output, blocks_of(map.row(output), sampling)?)));
        let first = rows().map(|(_, blocks)| blocks.start).min().unwrap_or(0);
        let end = rows().map(|(_, blocks)| blocks.end).max().unwrap_or(0);
        let mut spans = vec![Span { first: usize::MAX, count: 0, at: 0 }; end - first];
        for (output, blocks) in rows() {
            for span in &mut spans[blocks.start - first..blocks.end - first] {
                if span.count == 0 {
                    span.first = output;
                }
                span.count = output + 1 - span.first;
            }
        }
        // A block that none reads has a span of no pixels somewhere.
        spans.iter_mut().filter(|span| span.count == 0).for_each(|span| span.first = 0);
        Reached { first, spans }
    }
}

/// The samples between the first and the last that a row of a map reads.
fn samples_of((first, weights): (usize, &[f64]), sampling: Sampling) -> Option<Range<usize>> {
    let last = first + weights.len().checked_sub(1)?;
    let (begin, end) = (sampling.taps(first), sampling.taps(last));
    Some(begin.0.min(begin.1)..end.0.max(end.1) + 1)
}

fn blocks_of(row: (usize, &[f64]), sampling: Sampling) -> Option<Range<usize>> {
    let samples = samples_of(row, sampling)?;
    Some(samples.start / SIDE..samples.end.div_ceil(SIDE))
}

/// Leaves a row's weights of samples, of which it gives the first.
fn sample_weights_into(row: (usize, &[f64]), sampling: Sampling, weights: &mut Vec<f64>) -> usize {
    weights.clear();
    let Some(samples) = samples_of(row, sampling) else {
        return 0;
    };
    weights.resize(samples.len(), 0.0);
    for (pixel, weight) in (row.0..).zip(row.1) {
        let (near, next) = sampling.taps(pixel);
        weights[near - samples.start] += 0.75 * weight;
        weights[next - samples.start] += 0.25 * weight;
    }
    samples.start
}

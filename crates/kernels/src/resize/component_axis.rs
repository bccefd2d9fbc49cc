//! The way from one component's blocks along an axis to the pixels that come out: A = R·U·Bᵀ, with B the block DCT, U the
//! upsampling of a component and R what is made of the picture.

use super::axis_map::AxisMap;
use crate::block::SIDE;
use crate::definition::dct_8;
use crate::isa::PANEL_UNIT;
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

/// What the pixels that come out are of a component's blocks along an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct ComponentAxis {
    rows: Vec<Row>,
    /// Of every row and every block it reads, the weights of the block's eight values.
    weights: Vec<[f32; SIDE]>,
    /// The blocks that are read.
    blocks: Range<usize>,
    /// The pixels that each of them reaches.
    spans: Vec<Range<usize>>,
}

/// One pixel that comes out.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    blocks: Range<usize>,
    /// Where its weights begin.
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
        let mut axis = ComponentAxis { rows: Vec::new(), weights: Vec::new(), blocks: 0..0, spans: Vec::new() };
        let mut samples = Vec::new();
        for output in 0..map.len() {
            let first = sample_weights_into(map.row(output), sampling, &mut samples);
            axis.push_row(first, &samples, basis);
        }
        let read = || axis.rows.iter().filter(|row| !row.blocks.is_empty());
        let first = read().map(|row| row.blocks.start).min().unwrap_or(0);
        let end = read().map(|row| row.blocks.end).max().unwrap_or(first);
        let mut spans = vec![0..0; end - first];
        for (output, row) in axis.rows.iter().enumerate() {
            for block in row.blocks.clone() {
                let span: &mut Range<usize> = &mut spans[block - first];
                *span = if span.start == span.end { output..output + 1 } else { span.start..output + 1 };
            }
        }
        ComponentAxis { blocks: first..end, spans, ..axis }
    }

    /// Pixels that come out.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.rows.len()
    }

    /// Blocks that are read.
    #[must_use]
    pub fn blocks(&self) -> Range<usize> {
        self.blocks.clone()
    }

    /// How many pixels the blocks that are read reach: those that several blocks reach count as often.
    #[must_use]
    pub fn reached(&self) -> usize {
        self.spans.iter().map(Range::len).sum()
    }

    /// The pixels between the first and the last that a block reaches.
    pub(super) fn span(&self, block: usize) -> Range<usize> {
        self.spans[block - self.blocks.start].clone()
    }

    /// What a pixel is of a block's values, if it reads the block.
    pub(super) fn weights(&self, output: usize, block: usize) -> Option<&[f32; SIDE]> {
        let Row { blocks, at } = &self.rows[output];
        blocks.contains(&block).then(|| &self.weights[at + block - blocks.start])
    }

    /// Appends a pixel that is `Σ weights[i]·sample[first + i]`.
    fn push_row(&mut self, first: usize, weights: &[f64], basis: Basis) {
        let at = self.weights.len();
        let blocks = if weights.is_empty() { 0..0 } else { first / SIDE..(first + weights.len()).div_ceil(SIDE) };
        let mut rest = weights;
        let mut n = first % SIDE;
        for _ in blocks.clone() {
            let (own, others) = rest.split_at((SIDE - n).min(rest.len()));
            let mut sums = [0.0; SIDE];
            for (n, weight) in (n..).zip(own) {
                match basis {
                    Basis::Samples => sums[n] += weight,
                    Basis::Cosines => {
                        for (sum, value) in sums.iter_mut().zip(&COSINES[n]) {
                            *sum += weight * value;
                        }
                    }
                }
            }
            #[expect(clippy::cast_possible_truncation, reason = "an entry of a float32 matrix")]
            self.weights.push(sums.map(|sum| sum as f32));
            (rest, n) = (others, 0);
        }
        self.rows.push(Row { blocks, at });
    }
}

/// An axis cut into panels of as many pixels as the widest vector has lanes.
#[derive(Clone, Debug, PartialEq)]
pub struct Panels {
    outputs: usize,
    blocks: Range<usize>,
    cut: Vec<Panel>,
    /// Of every panel, block and value: what it adds to each pixel of the panel.
    weights: Vec<[f32; PANEL_UNIT]>,
}

/// Some pixels side by side.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Panel {
    /// The blocks they read.
    pub(super) blocks: Range<usize>,
    /// Where their weights begin.
    at: usize,
}

impl Panels {
    /// Of an axis.
    #[must_use]
    pub fn new(axis: &ComponentAxis) -> Panels {
        let mut panels = Panels { outputs: axis.outputs(), blocks: axis.blocks(), cut: vec![], weights: vec![] };
        for (number, rows) in axis.rows.chunks(PANEL_UNIT).enumerate() {
            let read = || rows.iter().filter(|row| !row.blocks.is_empty());
            let first = read().map(|row| row.blocks.start).min().unwrap_or(0);
            let blocks = first..read().map(|row| row.blocks.end).max().unwrap_or(first);
            let at = panels.weights.len();
            panels.weights.resize(at + blocks.len() * SIDE, [0.0; PANEL_UNIT]);
            for block in blocks.clone() {
                let columns = &mut panels.weights[at + (block - first) * SIDE..][..SIDE];
                for lane in 0..rows.len() {
                    let Some(weights) = axis.weights(number * PANEL_UNIT + lane, block) else {
                        continue;
                    };
                    for (column, weight) in columns.iter_mut().zip(weights) {
                        column[lane] = *weight;
                    }
                }
            }
            panels.cut.push(Panel { blocks, at });
        }
        panels
    }

    /// Pixels that come out.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Blocks that are read.
    #[must_use]
    pub fn blocks(&self) -> Range<usize> {
        self.blocks.clone()
    }

    /// How often blocks are read for all panels: those that several panels read count as often.
    #[must_use]
    pub fn visits(&self) -> usize {
        self.cut.iter().map(|panel| panel.blocks.len()).sum()
    }

    pub(super) fn panels(&self) -> &[Panel] {
        &self.cut
    }

    /// What each of a block's eight values adds to the pixels of a panel that reads it.
    #[inline(always)]
    pub(super) fn columns(&self, panel: &Panel, block: usize) -> &[[f32; PANEL_UNIT]] {
        &self.weights[panel.at + (block - panel.blocks.start) * SIDE..][..SIDE]
    }
}

/// Leaves a row's weights of samples, of which it gives the first.
fn sample_weights_into((first, pixels): (usize, &[f64]), sampling: Sampling, weights: &mut Vec<f64>) -> usize {
    weights.clear();
    let Some(last) = pixels.len().checked_sub(1) else {
        return 0;
    };
    let (begin, end) = (sampling.taps(first), sampling.taps(first + last));
    let from = begin.0.min(begin.1);
    weights.resize(end.0.max(end.1) + 1 - from, 0.0);
    for (pixel, weight) in (first..).zip(pixels) {
        let (near, next) = sampling.taps(pixel);
        weights[near - from] += 0.75 * weight;
        weights[next - from] += 0.25 * weight;
    }
    from
}

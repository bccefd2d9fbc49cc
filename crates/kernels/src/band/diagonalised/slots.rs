//! The products of the diagonalised explosion: which there are, their weights, and where they lie.

use crate::band::shape::ConvShape;
use crate::block::{BLOCK, SIDE, ZIGZAG_TO_ROW_MAJOR};
use crate::isa::{PANEL_UNIT, Panels};
use std::f64::consts::PI;

/// Floats between the slots of a run beyond their own, so that they do not all fall on one set of the cache.
const SKEW: usize = 16;

/// The sides of a block, in the order of all tables.
pub(super) const TOP: usize = 0;
pub(super) const BOTTOM: usize = 1;
pub(super) const LEFT: usize = 2;
pub(super) const RIGHT: usize = 3;

/// Left operand of a product: one vector of input channels a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A coefficient, at a position in zigzag order.
    Coefficient { position: usize, vertical: usize, horizontal: usize },
    /// A frequency along a side of the ring: real neighbours minus symmetric extension.
    Side { side: usize, frequency: usize },
    /// What remains at a corner, 0…3 from left to right and top to bottom.
    Corner(usize),
}

/// One matrix product of a run: all blocks of a source times up to four filters side by side.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub source: Source,
    /// Which filters: bit 0 for the one that keeps cosines, 1 for horizontal sines, 2 for vertical sines, 3 for both;
    /// along a side bit 0 for cosines and 1 for sines.
    pub filters: u8,
    /// Floats before it in a packed filter of one group of outputs, for each input channel.
    pub weights: usize,
    /// Where its products begin.
    pub products: usize,
}

impl Slot {
    /// Filters side by side.
    pub(super) fn width(&self) -> usize {
        self.filters.count_ones() as usize
    }

    pub(super) fn panels(&self, input_channels: usize) -> Panels {
        Panels::new(input_channels, self.width() * PANEL_UNIT)
    }
}

/// Where a product of the first block lies, and how far it is to the next block's; steps of 0 for one that is not there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unit {
    pub base: usize,
    pub step: usize,
}

/// All products of a convolution, for runs of up to `blocks` blocks.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    pub each: Vec<Slot>,
    /// Blocks of a run at most.
    pub blocks: usize,
    /// Products of one block and pair of channels.
    pub units: usize,
    /// Floats of the products of a run.
    pub products_len: usize,
    /// By filter, then by row-major coefficient.
    pub coefficients: [[Unit; BLOCK]; 4],
    /// By side, by filter (cosines, sines), then by frequency.
    pub sides: [[[Unit; SIDE]; 2]; 4],
    pub corners: [Unit; 4],
}

/// The lowest frequency that the sine of this one reaches when it is taken to cosines: the change of basis joins
/// opposite parities only.
const fn lowest_reached(frequency: usize) -> usize {
    (frequency + 1) % 2
}

impl Slots {
    pub(super) fn new(shape: &ConvShape, blocks: usize) -> Slots {
        let (from, to) = (shape.input(), shape.output());
        let mut sources = Vec::new();
        for (position, &index) in ZIGZAG_TO_ROW_MAJOR[..from.kept()].iter().enumerate() {
            let (vertical, horizontal) = (usize::from(index) / SIDE, usize::from(index) % SIDE);
            let (low_vertical, low_horizontal) = (lowest_reached(vertical), lowest_reached(horizontal));
            let filters = [
                vertical + horizontal < to.frequencies,
                horizontal > 0 && vertical + low_horizontal < to.frequencies,
                vertical > 0 && low_vertical + horizontal < to.frequencies,
                vertical > 0 && horizontal > 0 && low_vertical + low_horizontal < to.frequencies,
            ];
            sources.push((Source::Coefficient { position, vertical, horizontal }, bits(&filters)));
        }
        for side in 0..4 {
            for frequency in 0..from.line() {
                let sines = frequency > 0 && lowest_reached(frequency) < to.frequencies;
                sources.push((Source::Side { side, frequency }, bits(&[frequency < to.frequencies, sines])));
            }
        }
        sources.extend((0..4).map(|corner| (Source::Corner(corner), 1)));

        let mut slots = Slots {
            each: Vec::new(),
            blocks,
            units: 0,
            products_len: 0,
            coefficients: [[Unit::default(); BLOCK]; 4],
            sides: [[[Unit::default(); SIDE]; 2]; 4],
            corners: [Unit::default(); 4],
        };
        for (source, filters) in sources.into_iter().filter(|(_, filters)| *filters != 0) {
            slots.push(source, filters);
        }
        slots
    }

    fn push(&mut self, source: Source, filters: u8) {
        let slot = Slot { source, filters, weights: self.units * PANEL_UNIT, products: self.products_len };
        let step = slot.width() * PANEL_UNIT;
        let mut base = self.products_len;
        for filter in (0..4).filter(|filter| filters >> filter & 1 == 1) {
            let unit = match source {
                Source::Coefficient { vertical, horizontal, .. } => {
                    &mut self.coefficients[filter][vertical * SIDE + horizontal]
                }
                Source::Side { side, frequency } => &mut self.sides[side][filter][frequency],
                Source::Corner(corner) => &mut self.corners[corner],
            };
            *unit = Unit { base, step };
            base += PANEL_UNIT;
        }
        self.units += slot.width();
        self.products_len += self.blocks * step + SKEW;
        self.each.push(slot);
    }

    /// Floats from one slot's left operand to the next.
    pub(super) fn operand_step(&self, input_channels: usize) -> usize {
        self.blocks * input_channels + SKEW
    }

    /// Floats of all left operands of a run.
    pub(super) fn operands_len(&self, input_channels: usize) -> usize {
        self.each.len() * self.operand_step(input_channels)
    }

    /// Calls with a slot, the number of the filter in the slot and the filter's weight, for one pair of channels with
    /// spatial taps `k[row][column]`.
    pub(super) fn for_each_weight(&self, k: &[[f64; 3]; 3], mut each: impl FnMut(&Slot, usize, f64)) {
        let column = |column: usize| [k[0][column], k[1][column], k[2][column]];
        // Vertical frequency, then the taps that remain along the row.
        let symmetric: [[f64; 3]; 8] = std::array::from_fn(|v| std::array::from_fn(|c| cosine(column(c), v)));
        let antisymmetric: [[f64; 3]; 8] = std::array::from_fn(|v| std::array::from_fn(|c| sine(column(c), v)));
        let sides = [k[0], k[2], column(0), column(2)];
        let corners = [k[0][0], k[0][2], k[2][0], k[2][2]];
        for slot in &self.each {
            let weights = match slot.source {
                Source::Coefficient { vertical, horizontal, .. } => [
                    cosine(symmetric[vertical], horizontal),
                    sine(symmetric[vertical], horizontal),
                    cosine(antisymmetric[vertical], horizontal),
                    sine(antisymmetric[vertical], horizontal),
                ],
                Source::Side { side, frequency } => {
                    [cosine(sides[side], frequency), sine(sides[side], frequency), 0.0, 0.0]
                }
                Source::Corner(corner) => [corners[corner], 0.0, 0.0, 0.0],
            };
            let present = (0..4).filter(|filter| slot.filters >> filter & 1 == 1);
            for (number, filter) in present.enumerate() {
                each(slot, number, weights[filter]);
            }
        }
    }
}

fn bits(filters: &[bool]) -> u8 {
    filters.iter().rev().fold(0, |bits, &filter| bits << 1 | u8::from(filter))
}

/// `λ_k = b + (a + c)·cos(πk/8)`: what taps (a, b, c) do to cosine k under symmetric extension.
fn cosine([a, b, c]: [f64; 3], k: usize) -> f64 {
    b + (a + c) * (PI * number(k) / 8.0).cos()
}

/// `μ_k = −(c − a)·sin(πk/8)`: how much of sine k they make of cosine k.
fn sine([a, _, c]: [f64; 3], k: usize) -> f64 {
    (a - c) * (PI * number(k) / 8.0).sin()
}

fn number(k: usize) -> f64 {
    f64::from(u8::try_from(k).unwrap_or(u8::MAX))
}

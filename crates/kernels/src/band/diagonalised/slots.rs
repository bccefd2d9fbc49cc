//! The products of the diagonalised explosion: which there are, their weights, and where they lie.

use crate::band::shape::ConvShape;
use crate::block::{BLOCK, SIDE, ZIGZAG_TO_ROW_MAJOR};
use crate::isa::PANEL_UNIT;
use std::f64::consts::PI;

/// Floats between the slots of a run beyond their own, so that they do not all fall on one set of the cache.
const SKEW: usize = 16;

/// Output channels that are computed together at most: two vectors of the widest instruction set.
pub(super) const GROUP: usize = 2 * PANEL_UNIT;

/// The sides of a block, in the order of all tables.
pub(super) const TOP: usize = 0;
pub(super) const BOTTOM: usize = 1;
pub(super) const LEFT: usize = 2;
pub(super) const RIGHT: usize = 3;

/// Left operand of products: one vector of input channels a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A coefficient, at a position in zigzag order.
    Coefficient { position: usize, vertical: usize, horizontal: usize },
    /// A frequency along a side of the ring: real neighbours minus symmetric extension.
    Side { side: usize, frequency: usize },
    /// What remains at a corner, 0…3 from left to right and top to bottom.
    Corner(usize),
}

/// Right operand of products: a filter `[in, out]`. A sine's factor sin(πk/8) is left to the change of basis, so that
/// all frequencies of an axis that is taken to sines share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Cosines { vertical: usize, horizontal: usize },
    HorizontalSine { vertical: usize },
    VerticalSine { horizontal: usize },
    Sines,
    SideCosine { side: usize, frequency: usize },
    SideSine { side: usize },
    Corner(usize),
}

/// One matrix product of a run: all blocks of a source times a filter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// Which source.
    pub source: usize,
    /// Which filter.
    pub weight: usize,
}

/// All products of a convolution, for runs of up to `blocks` blocks. Tables name a slot beyond the last, whose products
/// are zeros, for a product that is not there.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    pub sources: Vec<Source>,
    weights: Vec<Weight>,
    /// In the order of their filters, so that those that share one find it in the cache.
    pub each: Vec<Slot>,
    /// Blocks of a run at most.
    pub blocks: usize,
    /// Slots by the basis of their result (cosines; horizontal, vertical, both sines), then by row-major coefficient.
    pub coefficients: [[usize; BLOCK]; 4],
    /// Slots by side, by basis (cosines, sines), then by frequency.
    pub sides: [[[usize; SIDE]; 2]; 4],
    pub corners: [usize; 4],
    /// By basis, then by row: how many of the row's coefficients come before the last with a slot, and that one.
    lengths: [[usize; SIDE]; 4],
    pub rows_of_vertical_sines: usize,
    pub side_length: usize,
}

/// The lowest frequency that the sine of this one reaches when it is taken to cosines: the change of basis joins
/// opposite parities only.
const fn lowest_reached(frequency: usize) -> usize {
    (frequency + 1) % 2
}

impl Slots {
    pub(super) fn new(shape: &ConvShape, blocks: usize) -> Slots {
        let mut products: Vec<(Weight, Source)> = sources(shape)
            .into_iter()
            .flat_map(|source| filters(source, shape.output_frequencies).map(move |weight| (weight, source)))
            .collect();
        products.sort_by_key(|(weight, _)| *weight);
        let absent = products.len();

        let mut slots = Slots {
            sources: Vec::new(),
            weights: Vec::new(),
            each: Vec::new(),
            blocks,
            coefficients: [[absent; BLOCK]; 4],
            sides: [[[absent; SIDE]; 2]; 4],
            corners: [absent; 4],
            lengths: [[0; SIDE]; 4],
            rows_of_vertical_sines: 0,
            side_length: 0,
        };
        for (weight, source) in products {
            slots.push(weight, source);
        }
        let length = |slots: &[usize]| slots.iter().rposition(|&slot| slot != absent).map_or(0, |last| last + 1);
        for (lengths, slots) in slots.lengths.iter_mut().zip(&slots.coefficients) {
            *lengths = std::array::from_fn(|row| length(&slots[row * SIDE..(row + 1) * SIDE]));
        }
        let [_, _, vertical, both] = slots.lengths;
        slots.rows_of_vertical_sines =
            (0..SIDE).rposition(|row| vertical[row].max(both[row]) > 0).map_or(0, |row| row + 1);
        slots.side_length = slots.sides.as_flattened().iter().map(|line| length(line)).max().unwrap_or(0);
        slots
    }

    fn push(&mut self, weight: Weight, source: Source) {
        let place = match (source, weight) {
            (Source::Coefficient { vertical, horizontal, .. }, _) => {
                let basis = match weight {
                    Weight::HorizontalSine { .. } => 1,
                    Weight::VerticalSine { .. } => 2,
                    Weight::Sines => 3,
                    _ => 0,
                };
                &mut self.coefficients[basis][vertical * SIDE + horizontal]
            }
            (Source::Side { side, frequency }, _) => {
                &mut self.sides[side][usize::from(matches!(weight, Weight::SideSine { .. }))][frequency]
            }
            (Source::Corner(corner), _) => &mut self.corners[corner],
        };
        *place = self.each.len();
        if self.weights.last() != Some(&weight) {
            self.weights.push(weight);
        }
        let known = self.sources.iter().position(|other| *other == source);
        let source = known.unwrap_or_else(|| {
            self.sources.push(source);
            self.sources.len() - 1
        });
        self.each.push(Slot { source, weight: self.weights.len() - 1 });
    }

    /// Coefficients of a row up to the last that has a slot of this basis.
    #[inline(always)]
    pub(super) fn length(&self, basis: usize, row: usize) -> usize {
        self.lengths[basis][row]
    }

    /// Filters of each pair of channels.
    pub(super) fn filters(&self) -> usize {
        self.weights.len()
    }

    /// Floats from one source's left operand to the next.
    pub(super) fn operand_step(&self, input_channels: usize) -> usize {
        self.blocks * input_channels + SKEW
    }

    /// Floats of all left operands of a run.
    pub(super) fn operands_len(&self, input_channels: usize) -> usize {
        self.sources.len() * self.operand_step(input_channels)
    }

    /// Floats from one slot's products to the next.
    pub(super) fn product_step(&self) -> usize {
        self.blocks * GROUP + SKEW
    }

    /// Floats of the products of a run and of the zeros behind them.
    pub(super) fn products_len(&self) -> usize {
        (self.each.len() + 1) * self.product_step()
    }

    /// Calls with each filter's number and weight, for one pair of channels with spatial taps `k[row][column]`.
    pub(super) fn for_each_weight(&self, k: &[[f64; 3]; 3], mut each: impl FnMut(usize, f64)) {
        let column = |column: usize| [k[0][column], k[1][column], k[2][column]];
        let along_rows = |of: &dyn Fn([f64; 3]) -> f64| [of(column(0)), of(column(1)), of(column(2))];
        // Vertical frequency, then the taps that remain along the row.
        let symmetric: [[f64; 3]; 8] = std::array::from_fn(|v| along_rows(&|taps| cosine(taps, v)));
        let antisymmetric = along_rows(&sine);
        let sides = [k[0], k[2], column(0), column(2)];
        for (number, weight) in self.weights.iter().enumerate() {
            let value = match *weight {
                Weight::Cosines { vertical, horizontal } => cosine(symmetric[vertical], horizontal),
                Weight::HorizontalSine { vertical } => sine(symmetric[vertical]),
                Weight::VerticalSine { horizontal } => cosine(antisymmetric, horizontal),
                Weight::Sines => sine(antisymmetric),
                Weight::SideCosine { side, frequency } => cosine(sides[side], frequency),
                Weight::SideSine { side } => sine(sides[side]),
                Weight::Corner(corner) => k[corner / 2 * 2][corner % 2 * 2],
            };
            each(number, value);
        }
    }
}

/// Everything that is multiplied.
fn sources(shape: &ConvShape) -> Vec<Source> {
    let from = shape.input();
    let coefficients = ZIGZAG_TO_ROW_MAJOR[..from.kept()].iter().enumerate().map(|(position, &index)| {
        Source::Coefficient { position, vertical: usize::from(index) / SIDE, horizontal: usize::from(index) % SIDE }
    });
    let side = |side| (0..from.line()).map(move |frequency| Source::Side { side, frequency });
    coefficients.chain((0..4).flat_map(side)).chain((0..4).map(Source::Corner)).collect()
}

/// The filters a source meets, when the output keeps so many diagonals.
fn filters(source: Source, frequencies: usize) -> impl Iterator<Item = Weight> {
    let all = match source {
        Source::Coefficient { vertical, horizontal, .. } => {
            let (low_vertical, low_horizontal) = (lowest_reached(vertical), lowest_reached(horizontal));
            [
                (vertical + horizontal < frequencies).then_some(Weight::Cosines { vertical, horizontal }),
                (horizontal > 0 && vertical + low_horizontal < frequencies)
                    .then_some(Weight::HorizontalSine { vertical }),
                (vertical > 0 && low_vertical + horizontal < frequencies)
                    .then_some(Weight::VerticalSine { horizontal }),
                (vertical > 0 && horizontal > 0 && low_vertical + low_horizontal < frequencies)
                    .then_some(Weight::Sines),
            ]
        }
        Source::Side { side, frequency } => [
            (frequency < frequencies).then_some(Weight::SideCosine { side, frequency }),
            (frequency > 0 && lowest_reached(frequency) < frequencies).then_some(Weight::SideSine { side }),
            None,
            None,
        ],
        Source::Corner(corner) => [Some(Weight::Corner(corner)), None, None, None],
    };
    all.into_iter().flatten()
}

/// `λ_k = b + (a + c)·cos(πk/8)`: what taps (a, b, c) do to cosine k under symmetric extension.
fn cosine([a, b, c]: [f64; 3], k: usize) -> f64 {
    b + (a + c) * (PI * number(k) / 8.0).cos()
}

/// `μ_k / sin(πk/8) = −(c − a)`: how much of sine k they make of cosine k.
fn sine([a, _, c]: [f64; 3]) -> f64 {
    a - c
}

fn number(k: usize) -> f64 {
    f64::from(u8::try_from(k).unwrap_or(u8::MAX))
}

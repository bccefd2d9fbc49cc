//! What decoding to 8 bits does that is not linear: samples and colours are clamped to 0…255, and CMYK's inks multiply.
//!
//! A block whose samples cannot leave the range has nothing to repair. By Cauchy–Schwarz a sample is no further from its
//! block's mean than `√(63/64)·‖AC‖₂`, so most blocks are passed over by a look at their coefficients. Of the others the
//! pixels are decoded as libjpeg does it, without its rounding, and what they differ by from the linear result is added
//! to it, resampled like everything else.

use super::plane::{BlockRows, Columns};
use crate::block::{BLOCK, SIDE};
use crate::dct::DCT;
use crate::input::{InputColour, SparsePlane};
use crate::sampling::Sampling;
use std::collections::HashMap;
use std::ops::Range;

/// `√(63/64)`: the largest norm of a pixel's 63 basis values.
const REACH: f32 = 0.992_156_74;

/// Level-shifted ends of the range.
const LOWEST: f32 = -128.0;
const HIGHEST: f32 = 127.0;

/// Level-shifted 8×8 values, row-major.
type Block = [f32; BLOCK];

/// What is added to the red, green and blue of some blocks of pixels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Repairs {
    /// Rows of blocks of pixels; of each, the blocks by their columns, ascending.
    rows: Vec<Vec<(usize, [Block; 3])>>,
}

/// One channel of [`Repairs`], row by row.
#[derive(Clone, Debug)]
pub struct RepairedChannel<'a> {
    repairs: &'a Repairs,
    channel: usize,
    row: usize,
}

impl Repairs {
    /// Those of the blocks of pixels `rows × columns` of a picture of `(width, height)`.
    ///
    /// For colours that are linear in the samples they are what clamping changes; for inks the whole pixels, level-shifted,
    /// as Pillow makes them: `(255 − ink)·(255 − black)/255`.
    ///
    /// # Panics
    /// If there are not as many planes as the colour has components.
    #[must_use]
    pub fn new(
        planes: &[SparsePlane],
        colour: InputColour,
        size: (usize, usize),
        (rows, columns): (Range<usize>, Range<usize>),
    ) -> Repairs {
        assert_eq!(planes.len(), colour.components(), "one plane a component");
        let components: Vec<Component> = planes.iter().map(|plane| Component::new(plane, size)).collect();
        let mut samples: HashMap<(usize, usize), Block> = HashMap::new();
        let mut found = vec![Vec::new(); rows.end];
        for row in rows {
            // Neighbouring rows of blocks share samples at most.
            samples.retain(|&(component, block), _| block >= components[component].first_block_of(row));
            for column in columns.clone() {
                let ranges = components.iter().map(|component| component.range(row, column));
                if !may_differ(colour, ranges) {
                    continue;
                }
                let difference = difference(colour, &components, size, (row, column), &mut samples);
                if difference.iter().flatten().any(|&value| value != 0.0) {
                    found[row].push((column, difference));
                }
            }
        }
        Repairs { rows: found }
    }

    /// Whether there is nothing to repair.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.iter().all(Vec::is_empty)
    }

    /// Blocks of pixels that are repaired.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.iter().map(Vec::len).sum()
    }

    /// What is added to red (0), green (1) or blue (2).
    #[must_use]
    pub fn channel(&self, channel: usize) -> RepairedChannel<'_> {
        RepairedChannel { repairs: self, channel, row: 0 }
    }
}

impl BlockRows for RepairedChannel<'_> {
    fn skip_rows(&mut self, rows: usize) {
        self.row += rows;
    }

    fn next_row(&mut self, columns: Range<usize>, blocks: &mut [Columns], present: &mut [u8]) {
        let repairs = self.repairs.rows.get(self.row).map_or(&[][..], Vec::as_slice);
        for (column, difference) in repairs.iter().filter(|(column, _)| columns.contains(column)) {
            let block = &mut blocks[column - columns.start];
            for (at, value) in difference[self.channel].iter().enumerate() {
                block[at % SIDE][at / SIDE] = *value;
            }
            present[column - columns.start] = u8::MAX;
        }
        self.row += 1;
    }
}

/// A component with what is known of each of its blocks.
struct Component<'a> {
    plane: &'a SparsePlane<'a>,
    vertical: Sampling,
    horizontal: Sampling,
    /// Where the non-zeros of each block begin.
    starts: Vec<usize>,
    /// Least and largest sample that each block can have.
    ranges: Vec<(f32, f32)>,
}

impl<'a> Component<'a> {
    fn new(plane: &'a SparsePlane<'a>, size: (usize, usize)) -> Component<'a> {
        let (vertical, horizontal) = Sampling::of_component(size, (plane.horizontal_ratio, plane.vertical_ratio));
        let mut component = Component {
            plane,
            vertical,
            horizontal,
            starts: Vec::with_capacity(plane.counts.len()),
            ranges: Vec::new(),
        };
        let mut at = 0;
        for &count in plane.counts {
            component.starts.push(at);
            let (mut mean, mut squares) = (0.0, 0.0);
            for (position, value) in component.values(at, usize::from(count)) {
                if position == 0 {
                    mean = value / 8.0;
                } else {
                    squares += value * value;
                }
            }
            let reach = REACH * f32::sqrt(squares);
            component.ranges.push((mean - reach, mean + reach));
            at += usize::from(count);
        }
        component
    }

    /// Positions and dequantised values of some non-zeros.
    fn values(&self, at: usize, count: usize) -> impl Iterator<Item = (usize, f32)> {
        let SparsePlane { positions, values, quantisation, .. } = *self.plane;
        positions[at..at + count].iter().zip(&values[at..at + count]).map(|(&position, &value)| {
            let position = usize::from(position);
            (position, f32::from(value) * f32::from(quantisation[position]))
        })
    }

    /// The blocks along an axis whose samples eight pixels are made of.
    fn blocks(sampling: Sampling, block: usize) -> Range<usize> {
        let (first, last) = (sampling.taps(block * SIDE), sampling.taps(block * SIDE + SIDE - 1));
        first.0.min(first.1) / SIDE..last.0.max(last.1) / SIDE + 1
    }

    /// The first block that a row of blocks of pixels can need.
    fn first_block_of(&self, row: usize) -> usize {
        Self::blocks(self.vertical, row).start * self.plane.grid.wide
    }

    /// Least and largest sample that a block of pixels can be made of.
    fn range(&self, row: usize, column: usize) -> (f32, f32) {
        let mut range = (f32::INFINITY, f32::NEG_INFINITY);
        for y in Self::blocks(self.vertical, row) {
            for x in Self::blocks(self.horizontal, column) {
                let (least, most) = self.ranges[y * self.plane.grid.wide + x];
                range = (range.0.min(least), range.1.max(most));
            }
        }
        range
    }

    /// The samples of a block as they are, without any clamping.
    fn samples(&self, block: usize) -> Block {
        let mut coefficients = [0.0; BLOCK];
        for (position, value) in self.values(self.starts[block], usize::from(self.plane.counts[block])) {
            coefficients[position] = value;
        }
        let mut rows = [0.0; BLOCK];
        for (v, row) in rows.chunks_exact_mut(SIDE).enumerate() {
            for (h, value) in coefficients[v * SIDE..][..SIDE].iter().enumerate().filter(|(_, value)| **value != 0.0) {
                for (sum, basis) in row.iter_mut().zip(&DCT[h]) {
                    *sum += value * basis;
                }
            }
        }
        let mut samples = [0.0; BLOCK];
        for (y, samples) in samples.chunks_exact_mut(SIDE).enumerate() {
            for (v, row) in rows.chunks_exact(SIDE).enumerate() {
                for (sum, value) in samples.iter_mut().zip(row) {
                    *sum += DCT[v][y] * value;
                }
            }
        }
        samples
    }

    /// The component's value at a pixel, of samples as they are and of clamped ones.
    fn at(&self, number: usize, (y, x): (usize, usize), known: &mut HashMap<(usize, usize), Block>) -> (f32, f32) {
        let (rows, columns) = (self.vertical.taps(y), self.horizontal.taps(x));
        let mut sums = (0.0, 0.0);
        for (row, down) in [(rows.0, 0.75), (rows.1, 0.25)] {
            for (column, along) in [(columns.0, 0.75), (columns.1, 0.25)] {
                let block = row / SIDE * self.plane.grid.wide + column / SIDE;
                let samples = known.entry((number, block)).or_insert_with(|| self.samples(block));
                let sample = samples[row % SIDE * SIDE + column % SIDE];
                sums.0 += down * along * sample;
                sums.1 += down * along * clamped(sample);
            }
        }
        sums
    }
}

/// Whether a block of pixels whose components have these ranges can differ from the linear result.
fn may_differ(colour: InputColour, mut ranges: impl Iterator<Item = (f32, f32)>) -> bool {
    let outside = |(least, most): (f32, f32)| least < LOWEST || most > HIGHEST;
    match colour {
        InputColour::Cmyk { .. } | InputColour::Ycck { .. } => true,
        InputColour::Gray | InputColour::Rgb => ranges.any(outside),
        InputColour::YCbCr => {
            let [Some(y), Some(cb), Some(cr)] = [ranges.next(), ranges.next(), ranges.next()] else {
                return false;
            };
            let plus = |weights: [f32; 2]| {
                [cb, cr].into_iter().zip(weights).fold(y, |sum, (range, weight)| {
                    let (a, b) = (range.0 * weight, range.1 * weight);
                    (sum.0 + a.min(b), sum.1 + a.max(b))
                })
            };
            [y, cb, cr].into_iter().any(outside) || CHROMA.into_iter().map(plus).any(outside)
        }
    }
}

/// What red, green and blue have of both chrominances (JFIF 1.02).
const CHROMA: [[f32; 2]; 3] = [[0.0, 1.402], [-0.344_136_3, -0.714_136_3], [1.772, 0.0]];

/// What is added to the red, green and blue of a block of pixels; nothing beyond the picture.
fn difference(
    colour: InputColour,
    components: &[Component],
    (width, height): (usize, usize),
    (row, column): (usize, usize),
    known: &mut HashMap<(usize, usize), Block>,
) -> [Block; 3] {
    let mut difference = [[0.0; BLOCK]; 3];
    for at in 0..BLOCK {
        let (y, x) = (row * SIDE + at / SIDE, column * SIDE + at % SIDE);
        if y >= height || x >= width {
            continue;
        }
        let mut values = [(0.0, 0.0); 4];
        for ((number, component), value) in components.iter().enumerate().zip(&mut values) {
            *value = component.at(number, (y, x), known);
        }
        let (linear, decoded) = (values.map(|(linear, _)| linear), values.map(|(_, decoded)| decoded));
        let pixel = match colour {
            InputColour::Gray => [clamped(decoded[0]) - linear[0]; 3],
            InputColour::Rgb => std::array::from_fn(|c| clamped(decoded[c]) - linear[c]),
            InputColour::YCbCr => {
                let (linear, decoded) = (rgb(linear), rgb(decoded));
                std::array::from_fn(|c| clamped(decoded[c]) - linear[c])
            }
            InputColour::Cmyk { inverted } => {
                printed([decoded[0], decoded[1], decoded[2]].map(clamped), clamped(decoded[3]), inverted)
            }
            InputColour::Ycck { inverted } => {
                // libjpeg turns the first three to red, green and blue, and these to inks: 255 less each.
                let inks = rgb(decoded).map(|value| -1.0 - clamped(value));
                printed(inks, clamped(decoded[3]), inverted)
            }
        };
        for (channel, value) in difference.iter_mut().zip(pixel) {
            channel[at] = value;
        }
    }
    difference
}

fn clamped(value: f32) -> f32 {
    value.clamp(LOWEST, HIGHEST)
}

/// Level-shifted red, green and blue.
fn rgb([y, cb, cr, _]: [f32; 4]) -> [f32; 3] {
    CHROMA.map(|[of_cb, of_cr]| y + of_cb * cb + of_cr * cr)
}

/// Level-shifted red, green and blue of level-shifted inks; inverted ones say how much is left white.
fn printed(inks: [f32; 3], black: f32, inverted: bool) -> [f32; 3] {
    let white = |ink: f32| if inverted { ink + 128.0 } else { 127.0 - ink };
    inks.map(|ink| white(ink) * white(black) / 255.0 - 128.0)
}

//! What decoding to 8 bits does that is not linear: samples and colours are clamped to 0…255, and CMYK's inks multiply.
//!
//! A block whose samples cannot leave the range has nothing to repair. A sample is no further from its block's mean than
//! `√(63/64)·‖AC‖₂` (Cauchy–Schwarz) and than `Σ |AC_k|·max|basis_k|`, so most blocks are passed over by a look at their
//! coefficients. Of the others the pixels are decoded as libjpeg does it, without its rounding, and what they differ by
//! from the linear result is added to it, resampled like everything else.

use super::plane::{BlockRows, Columns};
use crate::block::{BLOCK, SIDE};
use crate::dct::DCT;
use crate::input::{InputColour, SparsePlane};
use crate::isa::Isa;
use crate::sampling::Sampling;
use std::convert::Infallible;
use std::ops::{ControlFlow, Range};

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
        isa: Isa,
        planes: &[SparsePlane],
        colour: InputColour,
        size: (usize, usize),
        blocks: (Range<usize>, Range<usize>),
    ) -> Repairs {
        let allow = |_| Ok::<_, Infallible>(());
        Self::within(isa, planes, colour, size, blocks, allow).unwrap_or_else(|never| match never {})
    }

    /// The same, if it may be done: `allow` is told, row after row, how many blocks of pixels are about to be decoded.
    ///
    /// # Errors
    /// What `allow` gives.
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn within<E>(
        isa: Isa,
        planes: &[SparsePlane],
        colour: InputColour,
        size: (usize, usize),
        (rows, columns): (Range<usize>, Range<usize>),
        allow: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Repairs, E> {
        let mut found = vec![Vec::new(); rows.end];
        find(isa, planes, colour, size, (rows, columns), allow, |row, column, difference| {
            found[row].push((column, difference));
            ControlFlow::Continue(())
        })?;
        Ok(Repairs { rows: found })
    }

    /// Whether there is anything to repair in these blocks of pixels; no more are decoded than it takes to know.
    ///
    /// # Errors
    /// What `allow` gives, as for [`within`](Self::within).
    ///
    /// # Panics
    /// As [`new`](Self::new).
    pub fn are_needed<E>(
        isa: Isa,
        planes: &[SparsePlane],
        colour: InputColour,
        size: (usize, usize),
        blocks: (Range<usize>, Range<usize>),
        allow: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<bool, E> {
        let mut needed = false;
        find(isa, planes, colour, size, blocks, allow, |_, _, _| {
            needed = true;
            ControlFlow::Break(())
        })?;
        Ok(needed)
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

/// Calls `found` with the row and column of each of some blocks of pixels that has something to repair, and with that.
fn find<E>(
    isa: Isa,
    planes: &[SparsePlane],
    colour: InputColour,
    size: (usize, usize),
    (rows, columns): (Range<usize>, Range<usize>),
    mut allow: impl FnMut(usize) -> Result<(), E>,
    mut found: impl FnMut(usize, usize, [Block; 3]) -> ControlFlow<()>,
) -> Result<(), E> {
    assert_eq!(planes.len(), colour.components(), "one plane a component");
    let mut components: Vec<Component> = planes.iter().map(|plane| Component::new(plane, size)).collect();
    let mut doubtful = Vec::new();
    for row in rows {
        for component in &mut components {
            component.forget_before(row);
        }
        doubtful.clear();
        doubtful.extend(
            columns
                .clone()
                .filter(|&column| may_differ(colour, components.iter().map(|component| component.range(row, column)))),
        );
        allow(doubtful.len())?;
        for &column in &doubtful {
            let mut difference = [[0.0; BLOCK]; 3];
            difference_into(isa, colour, &mut components, (row, column), &mut difference);
            clear_beyond(&mut difference, size.1 - row * SIDE, size.0 - column * SIDE);
            if difference.iter().flatten().any(|&value| value != 0.0) && found(row, column, difference).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
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
    /// Of each row of blocks, those decoded so far; none where none was.
    decoded: Vec<Vec<Option<Block>>>,
}

impl<'a> Component<'a> {
    fn new(plane: &'a SparsePlane<'a>, size: (usize, usize)) -> Component<'a> {
        let (vertical, horizontal) = Sampling::of_component(size, (plane.horizontal_ratio, plane.vertical_ratio));
        let mut component = Component {
            plane,
            vertical,
            horizontal,
            starts: Vec::with_capacity(plane.counts.len()),
            ranges: Vec::with_capacity(plane.counts.len()),
            decoded: vec![Vec::new(); plane.grid.high],
        };
        let mut at = 0;
        for &count in plane.counts {
            component.starts.push(at);
            let (mut mean, mut squares, mut most) = (0.0, 0.0, 0.0);
            for (position, value) in component.values(at, usize::from(count)) {
                if position == 0 {
                    mean = value / 8.0;
                } else {
                    squares += value * value;
                    most += value.abs() * LARGEST[position / SIDE] * LARGEST[position % SIDE];
                }
            }
            let reach = f32::min(REACH * f32::sqrt(squares), most);
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

    /// Frees what no row of blocks of pixels from this one on needs.
    fn forget_before(&mut self, row: usize) {
        let first = Self::blocks(self.vertical, row).start;
        self.decoded[..first]
            .iter_mut()
            .rev()
            .take_while(|blocks| !blocks.is_empty())
            .for_each(|blocks| *blocks = vec![]);
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

    /// Decodes what a block of pixels is made of.
    fn decode(&mut self, row: usize, column: usize) {
        let wide = self.plane.grid.wide;
        for y in Self::blocks(self.vertical, row) {
            if self.decoded[y].is_empty() {
                self.decoded[y] = vec![None; wide];
            }
            for x in Self::blocks(self.horizontal, column) {
                if self.decoded[y][x].is_none() {
                    self.decoded[y][x] = Some(self.samples(y * wide + x));
                }
            }
        }
    }

    /// The samples of a block as they are, without any clamping.
    fn samples(&self, block: usize) -> Block {
        let mut rows = [0.0; BLOCK];
        for (position, value) in self.values(self.starts[block], usize::from(self.plane.counts[block])) {
            let (v, h) = (position / SIDE, position % SIDE);
            for (sum, basis) in rows[v * SIDE..][..SIDE].iter_mut().zip(&DCT[h]) {
                *sum += value * basis;
            }
        }
        let mut samples = [0.0; BLOCK];
        for (v, row) in rows.chunks_exact(SIDE).enumerate() {
            for (y, samples) in samples.chunks_exact_mut(SIDE).enumerate() {
                for (sum, value) in samples.iter_mut().zip(row) {
                    *sum += DCT[v][y] * value;
                }
            }
        }
        samples
    }

    /// The component's values at a block of pixels, of samples that are changed first.
    fn pixels_into(&self, (row, column): (usize, usize), change: impl Fn(f32) -> f32, pixels: &mut Block) {
        const NONE: &Block = &[0.0; BLOCK];
        let block = |y: usize, x: usize| self.decoded[y][x].as_ref().unwrap_or(NONE);
        if self.vertical.ratio == 1 && self.horizontal.ratio == 1 {
            for (pixel, sample) in pixels.iter_mut().zip(block(row, column)) {
                *pixel = change(*sample);
            }
            return;
        }
        let columns: [(usize, usize); SIDE] = std::array::from_fn(|x| self.horizontal.taps(column * SIDE + x));
        let rows: [(usize, usize); SIDE] = std::array::from_fn(|y| self.vertical.taps(row * SIDE + y));
        let line = |y: usize| -> [f32; SIDE] {
            let sample = |x: usize| change(block(y / SIDE, x / SIDE)[y % SIDE * SIDE + x % SIDE]);
            columns.map(|(near, next)| 0.75 * sample(near) + 0.25 * sample(next))
        };
        // Rows of pixels share lines of samples, of which there are no more: each is made once.
        let first = rows.iter().map(|&(near, next)| near.min(next)).min().unwrap_or(0);
        let last = rows.iter().map(|&(near, next)| near.max(next)).max().unwrap_or(0);
        let mut lines = [[0.0; SIDE]; SIDE];
        for (line_of, y) in lines.iter_mut().zip(first..=last) {
            *line_of = line(y);
        }
        for (pixels, (near, next)) in pixels.chunks_exact_mut(SIDE).zip(rows) {
            for ((pixel, near), next) in pixels.iter_mut().zip(&lines[near - first]).zip(&lines[next - first]) {
                *pixel = 0.75 * near + 0.25 * next;
            }
        }
    }
}

/// `max_n |D_kn|` of each frequency.
const LARGEST: [f32; SIDE] =
    [0.353_553_4, 0.490_392_64, 0.461_939_77, 0.490_392_64, 0.353_553_4, 0.490_392_64, 0.461_939_77, 0.490_392_64];

fn is_outside((least, most): (f32, f32)) -> bool {
    least < LOWEST || most > HIGHEST
}

/// Whether a block of pixels whose components have these ranges can differ from the linear result.
fn may_differ(colour: InputColour, mut ranges: impl Iterator<Item = (f32, f32)>) -> bool {
    match colour {
        InputColour::Cmyk { .. } | InputColour::Ycck => true,
        InputColour::Gray | InputColour::Rgb => ranges.any(is_outside),
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
            [y, cb, cr].into_iter().any(is_outside) || CHROMA.into_iter().map(plus).any(is_outside)
        }
    }
}

/// What red, green and blue have of both chrominances (JFIF 1.02).
const CHROMA: [[f32; 2]; 3] = [[0.0, 1.402], [-0.344_136_3, -0.714_136_3], [1.772, 0.0]];

/// Leaves what is added to the red, green and blue of a block of pixels.
fn difference_into(
    isa: Isa,
    colour: InputColour,
    components: &mut [Component],
    (row, column): (usize, usize),
    difference: &mut [Block; 3],
) {
    let (mut linear, mut decoded) = ([[0.0; BLOCK]; 4], [[0.0; BLOCK]; 4]);
    for ((component, linear), decoded) in components.iter_mut().zip(&mut linear).zip(&mut decoded) {
        component.decode(row, column);
        component.pixels_into((row, column), |sample| sample, linear);
        if is_outside(component.range(row, column)) {
            component.pixels_into((row, column), clamped, decoded);
        } else {
            decoded.copy_from_slice(linear);
        }
    }
    isa.vectorise(
        #[inline(always)]
        || match colour {
            InputColour::Gray => each_pixel(difference, |at| [clamped(decoded[0][at]) - linear[0][at]; 3]),
            InputColour::Rgb => {
                each_pixel(difference, |at| std::array::from_fn(|c| clamped(decoded[c][at]) - linear[c][at]));
            }
            InputColour::YCbCr => each_pixel(difference, |at| {
                let (linear, decoded) = (rgb(&linear, at), rgb(&decoded, at));
                std::array::from_fn(|c| clamped(decoded[c]) - linear[c])
            }),
            InputColour::Cmyk { inverted } => each_pixel(difference, |at| {
                printed(std::array::from_fn(|ink| decoded[ink][at]), decoded[3][at], inverted)
            }),
            InputColour::Ycck => each_pixel(difference, |at| {
                // libjpeg turns the first three to red, green and blue, and these to inks: 255 less each.
                printed(rgb(&decoded, at).map(|value| -1.0 - clamped(value)), decoded[3][at], true)
            }),
        },
    );
}

#[inline(always)]
fn each_pixel(channels: &mut [Block; 3], pixel: impl Fn(usize) -> [f32; 3]) {
    let [red, green, blue] = channels;
    for (at, ((red, green), blue)) in red.iter_mut().zip(green).zip(blue).enumerate() {
        [*red, *green, *blue] = pixel(at);
    }
}

/// Nothing is added beyond the picture.
fn clear_beyond(channels: &mut [Block; 3], rows: usize, columns: usize) {
    for at in (0..BLOCK).filter(|at| at / SIDE >= rows || at % SIDE >= columns) {
        for channel in &mut *channels {
            channel[at] = 0.0;
        }
    }
}

#[inline(always)]
fn clamped(value: f32) -> f32 {
    value.clamp(LOWEST, HIGHEST)
}

/// Level-shifted red, green and blue of a pixel.
#[inline(always)]
fn rgb([y, cb, cr, _]: &[Block; 4], at: usize) -> [f32; 3] {
    CHROMA.map(|[of_cb, of_cr]| y[at] + of_cb * cb[at] + of_cr * cr[at])
}

/// Level-shifted red, green and blue of level-shifted inks; inverted ones say how much is left white.
#[inline(always)]
fn printed(inks: [f32; 3], black: f32, inverted: bool) -> [f32; 3] {
    let white = |ink: f32| if inverted { ink + 128.0 } else { 127.0 - ink };
    inks.map(|ink| white(ink) * white(black) / 255.0 - 128.0)
}

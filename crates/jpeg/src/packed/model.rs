//! What a plane is told in: symbols with some bits after them, each symbol from a table that fits where it stands.
//!
//! A block begins with its DC coefficient less what the blocks to the left and above suggest. Its other coefficients
//! follow in zigzag order: a symbol says how many zeros come first and about how large the next is, bits after it say the
//! rest and the sign. A symbol's table depends on how far the block has come and on how large the last coefficient was.

use super::zigzag::ZIGZAG;
use crate::sparse::{BLOCK, SparseBlocks};

/// Tables that a plane is coded with: that of the DC coefficients, and one for each band and size before it.
pub const TABLES: usize = 1 + BANDS * PREVIOUS;

/// Symbols of a table.
pub const SYMBOLS: usize = RUNS * CLASSES + 3;

/// Parts of the zigzag order that have tables of their own.
const BANDS: usize = 16;

/// Sizes of the coefficient before that have tables of their own: at most 1, at most 3, more.
const PREVIOUS: usize = 3;

/// Zeros that a symbol can have before its coefficient: 0…15.
const RUNS: usize = 16;

/// Magnitudes that a symbol of an AC coefficient can say, in classes: 1…255. Larger ones are escaped.
const CLASSES: usize = 15;

/// The magnitude class of 2¹⁵, the largest.
const LARGEST: usize = 30;

const END: u8 = symbol(RUNS * CLASSES);
const SKIP: u8 = symbol(RUNS * CLASSES + 1);
const ESCAPE: u8 = symbol(RUNS * CLASSES + 2);

/// Bits after an escape: four that say the zeros before the coefficient, and its value.
pub(super) const ESCAPED_BITS: u32 = 4 + ESCAPED_VALUE;
const ESCAPED_VALUE: u32 = 16;

#[expect(clippy::cast_possible_truncation, reason = "fewer symbols than a byte has values")]
const fn symbol(index: usize) -> u8 {
    assert!(index < SYMBOLS && SYMBOLS <= 256);
    index as u8
}

/// A symbol of a plane, with the bits after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// The table its code is taken from, below [`TABLES`].
    pub table: u8,
    /// Below [`SYMBOLS`].
    pub symbol: u8,
    /// Bits after the code.
    pub extra: u32,
    /// How many.
    pub extra_bits: u8,
}

/// What a symbol means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// So many zeros, then a coefficient: this magnitude plus what `bits` bits say, the last of which is the sign.
    Value { run: u8, least: u16, bits: u8 },
    /// Only zeros are left in the block.
    End,
    /// Sixteen zeros.
    Skip,
    /// A run and a value as they are.
    Escape,
}

/// What a symbol means in the table of DC coefficients, or in another.
pub(super) fn meaning(is_dc: bool, symbol: u8) -> Meaning {
    let value = |run, class| {
        let (least, bits) = magnitudes(class);
        Meaning::Value { run, least, bits }
    };
    match symbol {
        class if is_dc => value(0, usize::from(class).min(LARGEST)),
        END => Meaning::End,
        SKIP => Meaning::Skip,
        ESCAPE => Meaning::Escape,
        coefficient => {
            let (run, class) = (usize::from(coefficient) / CLASSES, usize::from(coefficient) % CLASSES + 1);
            value(self::symbol(run), class)
        }
    }
}

/// The smallest magnitude of a class, and the bits that tell its magnitudes and signs apart: 0, 1, 2 and 3 are classes of
/// their own, from there each power of two is cut into halves.
fn magnitudes(class: usize) -> (u16, u8) {
    match class {
        0 => (0, 0),
        1..=3 => (symbol(class).into(), 1),
        _ => {
            let octave = class / 2;
            let least = (2 + class % 2) << (octave - 1);
            #[expect(clippy::cast_possible_truncation, reason = "at most 2¹⁵, and 15")]
            let narrow = (least as u16, octave as u8);
            narrow
        }
    }
}

/// A value's class and the bits after it.
fn classified(value: i16) -> (usize, u32, u8) {
    let magnitude = usize::from(value.unsigned_abs());
    let class = if magnitude < 4 {
        magnitude
    } else {
        let octave = magnitude.ilog2() as usize;
        2 * octave + (magnitude >> (octave - 1) & 1)
    };
    let (least, bits) = magnitudes(class);
    let extra = (u32::from(value.unsigned_abs() - least) << 1) | u32::from(value < 0);
    (class, extra, bits)
}

/// The table of the next coefficient: `next` is its place in zigzag order, 1…63, and `before` the magnitude of the last
/// AC coefficient of the block, 0 if there is none. The least magnitude of its class does as well.
#[inline]
pub(super) fn table(next: usize, before: u32) -> usize {
    const FIRST_OF: [u8; BLOCK] = {
        let ends = [1, 2, 3, 5, 7, 9, 12, 14, 17, 20, 24, 27, 35, 42, 52, 63];
        let mut tables = [0; BLOCK];
        let (mut place, mut band) = (1, 0);
        while place < BLOCK {
            tables[place] = symbol(1 + band * PREVIOUS);
            if place == ends[band] {
                band += 1;
            }
            place += 1;
        }
        tables
    };
    usize::from(FIRST_OF[next]) + usize::from(before > 1) + usize::from(before > 3)
}

/// The zeros before a coefficient and its value, from the bits after an escape.
pub(super) fn escaped(bits: u32) -> (usize, i16) {
    #[expect(clippy::cast_possible_truncation, reason = "the lower 16 bits")]
    let value = (bits as u16).cast_signed();
    ((bits >> ESCAPED_VALUE) as usize, value)
}

/// What the DC coefficients next to a block suggest for its own.
#[inline]
pub(super) fn suggested(left: Option<i16>, above: Option<i16>) -> i16 {
    match (left, above) {
        (Some(left), Some(above)) => left.midpoint(above),
        (one, other) => one.or(other).unwrap_or(0),
    }
}

/// A plane of blocks, `wide` in a row, as tokens.
///
/// # Panics
/// If `wide` is 0 and there are blocks.
#[must_use]
pub fn tokens(blocks: &SparseBlocks, wide: usize) -> Vec<Token> {
    let mut all = Vec::new();
    in_pieces(blocks, wide, &mut Vec::new(), |some| all.extend_from_slice(some));
    all
}

/// The tokens of a plane, of which `of` is given some after the other, in memory that stays near the processor. How many
/// pieces they came in; the last is left in `some`.
pub(super) fn in_pieces(
    blocks: &SparseBlocks,
    wide: usize,
    some: &mut Vec<Token>,
    mut of: impl FnMut(&[Token]),
) -> usize {
    /// Tokens of a piece, or a few more.
    const PIECE: usize = 1 << 14;
    some.clear();
    let mut pieces = 1;
    let mut row_above = vec![0; wide];
    let mut left = 0;
    for (index, (positions, values)) in blocks.iter().enumerate() {
        if some.len() >= PIECE {
            of(some);
            some.clear();
            pieces += 1;
        }
        let mut dense = [0; BLOCK];
        let mut present = 0u64;
        for (&position, &value) in positions.iter().zip(values) {
            let place = ZIGZAG.place_of(position);
            dense[place] = value;
            present |= 1 << place;
        }
        let column = index % wide;
        let above = (index >= wide).then_some(row_above[column]);
        let difference = dense[0].wrapping_sub(suggested((column > 0).then_some(left), above));
        let (class, extra, extra_bits) = classified(difference);
        some.push(Token { table: 0, symbol: symbol(class), extra, extra_bits });
        (left, row_above[column]) = (dense[0], dense[0]);
        push_rest(some, &dense, present & !1);
    }
    of(some);
    pieces
}

/// The AC coefficients of a block in zigzag order; `present` are the places of those that are not zero.
fn push_rest(tokens: &mut Vec<Token>, block: &[i16; BLOCK], mut present: u64) {
    let (mut next, mut before) = (1, 0);
    let mut push = |next: usize, before: u32, symbol: u8, extra: u32, extra_bits: u8| {
        #[expect(clippy::cast_possible_truncation, reason = "fewer tables than a byte has values")]
        let table = table(next, before) as u8;
        tokens.push(Token { table, symbol, extra, extra_bits });
    };
    while present != 0 {
        let place = present.trailing_zeros() as usize;
        present &= present - 1;
        while place - next >= RUNS {
            push(next, before, SKIP, 0, 0);
            next += RUNS;
        }
        let (run, value) = (place - next, block[place]);
        let (class, extra, extra_bits) = classified(value);
        if class <= CLASSES {
            push(next, before, symbol(run * CLASSES + class - 1), extra, extra_bits);
        } else {
            let escaped = u32::from(symbol(run)) << ESCAPED_VALUE | u32::from(value.cast_unsigned());
            push(next, before, ESCAPE, escaped, symbol(ESCAPED_BITS as usize));
        }
        (next, before) = (place + 1, value.unsigned_abs().into());
    }
    if next < BLOCK {
        push(next, before, END, 0, 0);
    }
}

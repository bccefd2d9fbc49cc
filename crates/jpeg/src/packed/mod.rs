//! Pictures in few bytes, for keeping: what a file says with the entropy coding done again, better and faster to undo.
//!
//! A file carries its own headers and tables, and its code forbids much: here all that pictures have in common is a
//! [`Frame`] beside them, and a coefficient's code depends on where it stands and on the one before it. The codes are
//! part of the library (`examples/code_lengths.rs` makes them), so a packed picture needs nothing else.
//!
//! Packed are, in this order: the file's length in bytes (seven bits a byte, the lowest first, all but the last with the
//! highest bit set); then bits, for each component four that name a family of codes, and its blocks row after row.

mod bits;
mod codes;
mod entry;
mod frame;
mod model;
mod zigzag;

pub use codes::{FAMILIES, LONGEST};
pub use frame::Frame;
pub use model::{SYMBOLS, TABLES, Token, tokens};

use crate::sparse::{BLOCK, Component, SparseBlocks, SparseBuilder, SparseJpeg};
use bits::{BitReader, BitWriter, leading};
use codes::{FAMILY_BITS, Family, Lengths};
use model::{ESCAPED_BITS, escaped, in_pieces, suggested, table};
use zigzag::ZIGZAG;

/// Packs a picture: all of it but its frame.
///
/// # Panics
/// If a component has another number of blocks than its grid, which no picture that was read has.
#[must_use]
pub fn pack(jpeg: &SparseJpeg) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(jpeg.components.iter().map(|component| component.blocks.bytes() / 2).sum());
    put_number(&mut bytes, jpeg.file_bytes);
    let mut bits = BitWriter::new(&mut bytes);
    let mut tokens = Vec::new();
    for Component { blocks, blocks_high, blocks_wide, .. } in &jpeg.components {
        assert_eq!(blocks.len(), blocks_high * blocks_wide, "a component's blocks fill its grid");
        // A large plane is told twice, piece by piece: all that is said of it at once takes many times its memory.
        let mut lengths = Lengths::default();
        let pieces = in_pieces(blocks, *blocks_wide, &mut tokens, |tokens| lengths.add(tokens));
        let number = lengths.best_family();
        #[expect(clippy::cast_possible_truncation, reason = "one of a few")]
        bits.put(number as u32, FAMILY_BITS);
        let family = Family::of(number);
        let mut write = |tokens: &[Token]| tokens.iter().for_each(|&token| family.write(token, &mut bits));
        if pieces == 1 {
            write(&tokens);
        } else {
            in_pieces(blocks, *blocks_wide, &mut tokens, write);
        }
    }
    bits.finish();
    bytes
}

/// The picture that was packed, given its frame: equal to what it was in every part.
///
/// # Panics
/// If the bytes are not what [`pack`] gave for a picture of this frame.
#[must_use]
pub fn unpack(frame: &Frame, bytes: &[u8]) -> SparseJpeg {
    let (file_bytes, rest) = number(bytes);
    let mut bits = BitReader::new(rest);
    frame.filled(file_bytes, |high, wide| blocks(&mut bits, high, wide))
}

fn blocks(bits: &mut BitReader, high: usize, wide: usize) -> SparseBlocks {
    let family = Family::of(leading(bits.window(), FAMILY_BITS) as usize);
    bits.skip(FAMILY_BITS);
    let mut sparse = SparseBuilder::with_blocks(high * wide);
    let mut row_above: Vec<Option<i16>> = vec![None; wide];
    for _ in 0..high {
        let mut left = None;
        for above in &mut row_above {
            let mut block = [0; BLOCK];
            let (entry, window) = family.read(0, bits);
            block[0] = suggested(left, *above).wrapping_add(entry.value(window));
            (left, *above) = (Some(block[0]), Some(block[0]));
            let present = rest_of_block(family, bits, &mut block);
            sparse.push_present(&block, present | u64::from(block[0] != 0));
        }
    }
    sparse.finish()
}

/// Reads the AC coefficients of a block of zeros; bit k is set where that of position k is not zero.
#[inline]
fn rest_of_block(family: &Family, bits: &mut BitReader, block: &mut [i16; BLOCK]) -> u64 {
    let mut present = 0;
    let (mut next, mut before) = (1, 0);
    while next < BLOCK {
        let (entry, window) = family.read(table(next, before), bits);
        let (run, value, magnitude) = if entry.is_value() {
            (entry.run(), entry.value(window), entry.least())
        } else if entry.is_escape() {
            let (run, value) = escaped(leading(window << (entry.bits() - ESCAPED_BITS), ESCAPED_BITS));
            (run, value, value.unsigned_abs().into())
        } else if entry.is_skip() {
            next += 16;
            continue;
        } else {
            break;
        };
        let position = ZIGZAG.position_of(next + run);
        block[usize::from(position)] = value;
        present |= 1 << position;
        (next, before) = (next + run + 1, magnitude);
    }
    present
}

fn put_number(bytes: &mut Vec<u8>, mut number: usize) {
    loop {
        #[expect(clippy::cast_possible_truncation, reason = "seven bits")]
        let digit = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            return bytes.push(digit);
        }
        bytes.push(0x80 | digit);
    }
}

/// A number at the beginning, and what follows it.
fn number(bytes: &[u8]) -> (usize, &[u8]) {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0).map_or(bytes.len(), |last| last + 1);
    let (digits, rest) = bytes.split_at(length);
    (digits.iter().rev().fold(0, |number, digit| number << 7 | usize::from(digit & 0x7f)), rest)
}

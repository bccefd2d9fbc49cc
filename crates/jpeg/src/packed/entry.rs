//! What a word stands for, in 32 bits: a table of these is small enough to stay near the processor.

use super::model::{ESCAPED_BITS, Meaning};

/// What a word stands for, and how many bits it and those after it take. From the lowest bit: bits in all (6), bits after
/// the word (5), zeros (5), and the magnitude (16), which tells other kinds of entry apart where there are no bits after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry(u32);

const AFTER: u32 = 6;
const RUN: u32 = AFTER + 5;
const LEAST: u32 = RUN + 5;

/// Kinds of entry that are no coefficient: their magnitude, with no bits after them to give it a sign.
const END: u32 = 1;
const SKIP: u32 = 2;
const ESCAPE: u32 = 3;
const LONGER: u32 = 4;

impl Entry {
    /// The word is longer than what was looked up.
    pub(super) const LONGER: Entry = Entry(LONGER << LEAST);
    /// The rest of the block is zero.
    pub(super) const END: Entry = Entry(END << LEAST | 1);

    pub(super) fn new(meaning: Meaning, length: u32) -> Self {
        match meaning {
            Meaning::Value { run, least, bits } => {
                let (run, least, bits) = (u32::from(run), u32::from(least), u32::from(bits));
                Entry(least << LEAST | run << RUN | bits << AFTER | (length + bits))
            }
            Meaning::End => Entry(END << LEAST | length),
            Meaning::Skip => Entry(SKIP << LEAST | length),
            Meaning::Escape => Entry(ESCAPE << LEAST | (length + ESCAPED_BITS)),
        }
    }

    pub(super) fn is_longer(self) -> bool {
        self == Entry::LONGER
    }

    /// Whether it is a coefficient that is not zero.
    #[inline]
    pub(super) fn is_value(self) -> bool {
        self.0 & (31 << AFTER) != 0
    }

    pub(super) fn is_skip(self) -> bool {
        self.0 >> LEAST == SKIP
    }

    pub(super) fn is_escape(self) -> bool {
        self.0 >> LEAST == ESCAPE
    }

    /// Bits of the word and those after it.
    #[inline]
    pub(super) fn bits(self) -> u32 {
        self.0 & 63
    }

    /// Zeros before the coefficient.
    #[inline]
    pub(super) fn run(self) -> usize {
        (self.0 >> RUN & 31) as usize
    }

    /// The least magnitude of the coefficient's class.
    #[inline]
    pub(super) fn least(self) -> u32 {
        self.0 >> LEAST
    }

    /// The coefficient, given the window that the word begins; 0 if it is none.
    #[inline]
    pub(super) fn value(self, window: u64) -> i16 {
        let after = self.0 >> AFTER & 31;
        #[expect(clippy::cast_possible_truncation, reason = "at most 15 bits are left")]
        let extra = (window >> (64 - self.bits())) as u32 & ((1 << after) - 1);
        let sign = (extra & 1).wrapping_neg();
        #[expect(clippy::cast_possible_truncation, reason = "a magnitude of at most 2¹⁵, with its sign")]
        let value = ((self.least() + (extra >> 1)) ^ sign).wrapping_sub(sign) as i16;
        value
    }
}

//! Prefix codes, made from the lengths of their words alone.

use super::bits::{BitReader, BitWriter, leading};
use super::entry::Entry;
use super::model::{SYMBOLS, TABLES, Token, meaning};
use std::sync::LazyLock;

/// Families of tables; a plane is coded with the one that tells it in the fewest bits.
pub const FAMILIES: usize = 16;

/// Bits that name a family.
pub(super) const FAMILY_BITS: u32 = FAMILIES.ilog2();

/// Bits of the longest word.
pub const LONGEST: u32 = 15;

/// Words up to this long are found by looking up so many bits.
const SHORT: u32 = 7;

/// The length of every word: `[FAMILIES, TABLES, SYMBOLS]`, half a byte each, the first in a byte's lower half; 0 for a
/// symbol that the table has not. `examples/code_lengths.rs` makes them.
static LENGTHS: &[u8; (FAMILIES * TABLES * SYMBOLS).div_ceil(2)] = include_bytes!("code_lengths.bin");

static FAMILY: [LazyLock<Family>; FAMILIES] = {
    macro_rules! families {
        ($($number:literal)*) => { [$(LazyLock::new(|| Family::new($number))),*] };
    }
    families!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
};

fn length(family: usize, table: usize, symbol: usize) -> u8 {
    let index = (family * TABLES + table) * SYMBOLS + symbol;
    LENGTHS[index / 2] >> (4 * (index % 2)) & 15
}

/// How many bits each family takes to say tokens.
#[derive(Default)]
pub(super) struct Lengths([u64; FAMILIES]);

impl Lengths {
    /// Adds those of more tokens.
    pub(super) fn add(&mut self, tokens: &[Token]) {
        /// `[TABLES, SYMBOLS]`: the length of a word in each family.
        static LENGTHS_OF: LazyLock<Vec<[u8; FAMILIES]>> = LazyLock::new(|| {
            let all = |index| std::array::from_fn(|family| length(family, index / SYMBOLS, index % SYMBOLS));
            (0..TABLES * SYMBOLS).map(all).collect()
        });
        let lengths_of = &**LENGTHS_OF;
        // Sums of some tokens fit into 16 bits, of which a register has many.
        for some in tokens.chunks(usize::from(u16::MAX) / LONGEST as usize) {
            let mut of_some = [0u16; FAMILIES];
            for token in some {
                let lengths = &lengths_of[usize::from(token.table) * SYMBOLS + usize::from(token.symbol)];
                of_some.iter_mut().zip(lengths).for_each(|(bits, &length)| *bits += u16::from(length));
            }
            self.0.iter_mut().zip(of_some).for_each(|(bits, of_some)| *bits += u64::from(of_some));
        }
    }

    /// The family that takes the fewest.
    pub(super) fn best_family(&self) -> usize {
        (0..FAMILIES).min_by_key(|&family| self.0[family]).unwrap_or(0)
    }
}

/// A symbol's word, its bits in the lowest places.
#[derive(Clone, Copy, Default)]
struct Word {
    bits: u16,
    length: u8,
}

/// The tables of a family, some 150 KB; made when the first plane is coded with it.
pub(super) struct Family {
    /// `[TABLES, SYMBOLS]`.
    words: Box<[Word]>,
    /// `[TABLES, 2^SHORT]`: by the next bits, where they begin with a short word.
    short: Box<[Entry]>,
    /// One a table.
    long: Box<[LongWords]>,
}

/// Words above [`SHORT`].
struct LongWords {
    /// Of each length: one more than its last word, moved up to the longest length, and what to add to a word for its
    /// place among the entries.
    lengths: [(u32, i32); (LONGEST - SHORT) as usize],
    /// In the order of the words.
    entries: Box<[Entry]>,
}

impl Family {
    pub(super) fn of(number: usize) -> &'static Family {
        &FAMILY[number % FAMILIES]
    }

    fn new(number: usize) -> Self {
        let mut words = vec![Word::default(); TABLES * SYMBOLS].into_boxed_slice();
        let mut short = vec![Entry::LONGER; TABLES << SHORT].into_boxed_slice();
        let tables = words.chunks_exact_mut(SYMBOLS).zip(short.chunks_exact_mut(1 << SHORT)).enumerate();
        let long = tables.map(|(table, (words, short))| code(table, number, words, short)).collect();
        Family { words, short, long }
    }

    /// Appends a token.
    #[inline]
    pub(super) fn write(&self, token: Token, bits: &mut BitWriter) {
        let word = self.words[usize::from(token.table) * SYMBOLS + usize::from(token.symbol)];
        bits.put(word.bits.into(), word.length.into());
        bits.put(token.extra, token.extra_bits.into());
    }

    /// What comes next in a table, and the window that it begins; its bits are passed over.
    #[inline]
    pub(super) fn read(&self, table: usize, bits: &mut BitReader) -> (Entry, u64) {
        let window = bits.window();
        let mut entry = self.short[table << SHORT | leading(window, SHORT) as usize];
        if entry.is_longer() {
            entry = self.long[table].read(window);
        }
        bits.skip(entry.bits());
        (entry, window)
    }
}

impl LongWords {
    #[inline(never)]
    fn read(&self, window: u64) -> Entry {
        let next = leading(window, LONGEST);
        for (length, &(end, to_place)) in (SHORT + 1..).zip(&self.lengths) {
            if next < end {
                let word = (next >> (LONGEST - length)).cast_signed();
                let place = usize::try_from(word + to_place).unwrap_or(usize::MAX);
                return self.entries.get(place).copied().unwrap_or(Entry::END);
            }
        }
        // Every sequence of bits begins with a word, unless a code leaves some out.
        Entry::END
    }
}

/// Makes the code of a table: shorter words come first, and words of a length in the order of their symbols.
fn code(table: usize, family: usize, words: &mut [Word], short: &mut [Entry]) -> LongWords {
    let mut entries = Vec::new();
    let mut lengths = [(0, 0); (LONGEST - SHORT) as usize];
    let mut filled = 0;
    let mut word = 0u32;
    for its_length in 1..=LONGEST {
        word <<= 1;
        let first = word.cast_signed();
        let before = i32::try_from(entries.len()).unwrap_or(i32::MAX);
        for symbol in (0..SYMBOLS).filter(|&symbol| u32::from(length(family, table, symbol)) == its_length) {
            #[expect(clippy::cast_possible_truncation, reason = "at most 15 bits, and fewer symbols than 256")]
            let (bits, narrow, name) = (word as u16, its_length as u8, symbol as u8);
            words[symbol] = Word { bits, length: narrow };
            let entry = Entry::new(meaning(table == 0, name), its_length);
            if its_length <= SHORT {
                let end = filled + (1 << (SHORT - its_length));
                short[filled..end].fill(entry);
                filled = end;
            } else {
                entries.push(entry);
            }
            word += 1;
        }
        if its_length > SHORT {
            lengths[(its_length - SHORT - 1) as usize] = (word << (LONGEST - its_length), before - first);
        }
    }
    LongWords { lengths, entries: entries.into_boxed_slice() }
}

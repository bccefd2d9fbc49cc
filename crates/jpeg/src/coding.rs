//! How a file's coefficients are coded.

/// How a file's coefficients are coded: the kinds of ITU-T T.81 that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// Huffman codes, block after block, at most two tables of a kind (start of frame 0).
    Baseline,
    /// Huffman codes, block after block (start of frame 1).
    Extended,
    /// Huffman codes in scans that add frequencies and bits (start of frame 2).
    Progressive,
    /// Arithmetic codes, block after block (start of frame 9).
    Arithmetic,
    /// Arithmetic codes in scans that add frequencies and bits (start of frame 10).
    ProgressiveArithmetic,
}

impl Coding {
    /// The kind that a start-of-frame marker begins, if it is read (ITU-T T.81, table B.1).
    pub(crate) fn of_frame(marker: u32) -> Option<Coding> {
        match marker {
            0xc0 => Some(Coding::Baseline),
            0xc1 => Some(Coding::Extended),
            0xc2 => Some(Coding::Progressive),
            0xc9 => Some(Coding::Arithmetic),
            0xca => Some(Coding::ProgressiveArithmetic),
            _ => None,
        }
    }

    /// What a start-of-frame marker begins that is not read.
    pub(crate) fn name_of_frame(marker: u32) -> &'static str {
        match marker {
            0xc3 => "a lossless one",
            0xc5 | 0xc6 | 0xcd | 0xce => "a hierarchical one",
            0xc7 | 0xcf => "a hierarchical lossless one",
            0xcb => "a lossless one with arithmetic coding",
            0xf7 => "a JPEG-LS file",
            _ => "one of a reserved kind",
        }
    }

    /// Whether scans add frequencies and bits.
    #[must_use]
    pub fn is_progressive(self) -> bool {
        matches!(self, Coding::Progressive | Coding::ProgressiveArithmetic)
    }

    /// Whether codes are arithmetic, which has no least number of bits a block.
    #[must_use]
    pub fn is_arithmetic(self) -> bool {
        matches!(self, Coding::Arithmetic | Coding::ProgressiveArithmetic)
    }

    /// A stable name for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Coding::Baseline => "baseline",
            Coding::Extended => "extended",
            Coding::Progressive => "progressive",
            Coding::Arithmetic => "arithmetic",
            Coding::ProgressiveArithmetic => "progressive-arithmetic",
        }
    }
}

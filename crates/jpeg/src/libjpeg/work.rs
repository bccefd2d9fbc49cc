//! What reading a file costs, counted before it is done.
//!
//! The costs are upper bounds, measured with files made to be slow (docs/security.md). Time itself is not looked at: a
//! file is read on every machine or on none.

use crate::error::JpegError;

/// Nanoseconds of work done and to be done, and how many there may be.
pub(super) struct Work {
    spent: u64,
    limit: u64,
}

impl Default for Work {
    /// None yet, of as much as there is.
    fn default() -> Self {
        Work { spent: 0, limit: u64::MAX }
    }
}

const NANOSECONDS: u64 = 1_000_000;

impl Work {
    /// None yet, of at most so many milliseconds.
    pub(super) fn within(milliseconds: u64) -> Work {
        Work { spent: 0, limit: milliseconds.saturating_mul(NANOSECONDS) }
    }

    /// Adds work.
    ///
    /// # Errors
    /// [`JpegError::TooLarge`]: it is more than may be done.
    pub(super) fn add(&mut self, nanoseconds: u64) -> Result<(), JpegError> {
        self.spent = self.spent.saturating_add(nanoseconds);
        if self.spent <= self.limit {
            return Ok(());
        }
        Err(JpegError::TooLarge {
            what: "milliseconds of work",
            limit: self.limit / NANOSECONDS,
            found: self.spent.div_ceil(NANOSECONDS),
        })
    }
}

/// A byte of the header, passed over.
pub(super) const HEADER_BYTE: u64 = 2;
/// A segment.
pub(super) const SEGMENT: u64 = 20;
/// A message of libjpeg's: a marker that was found, or a remark.
pub(super) const MESSAGE: u64 = 30;
/// A byte of a progressive scan: up to four new coefficients, or eight that get another bit.
pub(super) const PROGRESSIVE_BYTE: u64 = 32;
/// A byte of a sequential scan times the bits of the shortest code of a coefficient with its value.
pub(super) const BYTE_OF_BITS: u64 = 48;
/// Those bits, where they are not looked for.
pub(super) const LEAST_BITS: u64 = 2;
/// A scan, whatever its blocks: its tables are made.
pub(super) const SCAN: u64 = 10_000;
/// A block, whatever its scans: its memory is taken, and its sparse form made.
pub(super) const BLOCK: u64 = 62;
/// A block in a scan of Huffman codes.
pub(super) const VISIT: u64 = 25;
/// Four coefficients of a block in a scan that refines them.
pub(super) const FOUR_REFINED: u64 = 1;
/// A coefficient of a block in a scan of arithmetic codes, which can be coded in next to no bits.
pub(super) const ARITHMETIC: u64 = 75;
/// A block of a component some of whose coefficients are told from the DCs around.
pub(super) const SMOOTHED: u64 = 200;

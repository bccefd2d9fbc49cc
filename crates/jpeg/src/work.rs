//! What reading a file and using it costs, counted before it is done.
//!
//! The costs are upper bounds, measured with files made to be slow (docs/security.md). Time itself is not looked at: a
//! file is read on every machine or on none.

use crate::error::JpegError;
use crate::sparse::SparseJpeg;

/// Nanoseconds of work on a file, done and to be done, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub struct Work {
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
    #[must_use]
    pub fn within(milliseconds: u64) -> Work {
        Work { spent: 0, limit: milliseconds.saturating_mul(NANOSECONDS) }
    }

    /// Nanoseconds so far.
    #[must_use]
    pub fn spent(&self) -> u64 {
        self.spent
    }

    /// Adds nanoseconds.
    ///
    /// # Errors
    /// [`JpegError::TooLarge`]: it is more than may be done.
    pub fn add(&mut self, nanoseconds: u64) -> Result<(), JpegError> {
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

    /// Adds what it takes to [pack](crate::packed::pack) a picture.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn add_packing(&mut self, jpeg: &SparseJpeg) -> Result<(), JpegError> {
        self.add_each(jpeg, PACKED_BLOCK, PACKED_COEFFICIENT)
    }

    /// Adds what it took to [unpack](crate::packed::unpack) a picture.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn add_unpacking(&mut self, jpeg: &SparseJpeg) -> Result<(), JpegError> {
        self.add_each(jpeg, UNPACKED_BLOCK, UNPACKED_COEFFICIENT)
    }

    /// Adds what it takes to write all coefficients of a picture out, zeros included.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn add_dense(&mut self, jpeg: &SparseJpeg) -> Result<(), JpegError> {
        self.add_each(jpeg, DENSE_BLOCK, DENSE_COEFFICIENT)
    }

    /// Adds nanoseconds for every block of a picture and for every coefficient that is not zero.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn add_each(&mut self, jpeg: &SparseJpeg, block: u64, coefficient: u64) -> Result<(), JpegError> {
        let of_component = |blocks: &crate::SparseBlocks| {
            let coefficients = coefficient.saturating_mul(blocks.non_zeros() as u64);
            block.saturating_mul(blocks.len() as u64).saturating_add(coefficients)
        };
        self.add(jpeg.components.iter().map(|component| of_component(&component.blocks)).fold(0, u64::saturating_add))
    }
}

/// A byte of the header, passed over.
pub(crate) const HEADER_BYTE: u64 = 2;
/// A segment.
pub(crate) const SEGMENT: u64 = 20;
/// A message of libjpeg's: a marker that was found, or a remark.
pub(crate) const MESSAGE: u64 = 30;
/// A byte of a progressive scan: up to four new coefficients, or eight that get another bit.
pub(crate) const PROGRESSIVE_BYTE: u64 = 32;
/// A byte of a sequential scan times the bits of the shortest code of a coefficient with its value.
pub(crate) const BYTE_OF_BITS: u64 = 48;
/// Those bits, where they are not looked for.
pub(crate) const LEAST_BITS: u64 = 2;
/// A scan, whatever its blocks: its tables are made.
pub(crate) const SCAN: u64 = 10_000;
/// A block, whatever its scans: its memory is taken, and its sparse form made.
pub(crate) const BLOCK: u64 = 62;
/// A block in a scan of Huffman codes.
pub(crate) const VISIT: u64 = 25;
/// Four coefficients of a block in a scan that refines them.
pub(crate) const FOUR_REFINED: u64 = 1;
/// A coefficient of a block in a scan of arithmetic codes, which can be coded in next to no bits.
pub(crate) const ARITHMETIC: u64 = 75;
/// A block of a component some of whose coefficients are told from the DCs around.
pub(crate) const SMOOTHED: u64 = 200;
/// A block that is packed, and one of its coefficients.
const PACKED_BLOCK: u64 = 25;
const PACKED_COEFFICIENT: u64 = 20;
/// A block that is unpacked, and one of its coefficients.
const UNPACKED_BLOCK: u64 = 20;
const UNPACKED_COEFFICIENT: u64 = 13;
/// A block whose zeros are written out, and one of its coefficients.
const DENSE_BLOCK: u64 = 80;
const DENSE_COEFFICIENT: u64 = 3;

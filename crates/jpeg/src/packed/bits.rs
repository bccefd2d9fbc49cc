//! Bits, the first in a byte's highest place.

/// Appends bits to bytes.
pub(super) struct BitWriter<'a> {
    bytes: &'a mut Vec<u8>,
    /// The last `held` bits are not yet written.
    pending: u64,
    held: u32,
}

impl<'a> BitWriter<'a> {
    pub(super) fn new(bytes: &'a mut Vec<u8>) -> Self {
        BitWriter { bytes, pending: 0, held: 0 }
    }

    /// Appends the lowest `count` bits of a value that has no others, at most 32.
    pub(super) fn put(&mut self, value: u32, count: u32) {
        self.pending = self.pending << count | u64::from(value);
        self.held += count;
        if self.held >= 32 {
            self.held -= 32;
            #[expect(clippy::cast_possible_truncation, reason = "the 32 bits that are due")]
            let due = (self.pending >> self.held) as u32;
            self.bytes.extend_from_slice(&due.to_be_bytes());
        }
    }

    /// Writes what is pending; the last byte is filled up with zeros.
    pub(super) fn finish(self) {
        #[expect(clippy::cast_possible_truncation, reason = "what is pending, moved up to the highest place of 32")]
        let whole = (self.pending << (32 - self.held)) as u32;
        self.bytes.extend_from_slice(&whole.to_be_bytes()[..self.held.div_ceil(8) as usize]);
    }
}

/// Reads bits; beyond the end there are zeros.
pub(super) struct BitReader<'a> {
    /// Not yet in the window.
    rest: &'a [u8],
    /// The next bits, the first in the highest place.
    window: u64,
    /// How many of them count.
    held: u32,
}

impl<'a> BitReader<'a> {
    /// Bits that can be looked at, and passed over, at a time.
    pub(super) const AHEAD: u32 = 36;

    pub(super) fn new(bytes: &'a [u8]) -> Self {
        BitReader { rest: bytes, window: 0, held: 0 }
    }

    /// The next [`Self::AHEAD`] bits or more, the first in the highest place.
    #[inline]
    pub(super) fn window(&mut self) -> u64 {
        if self.held < Self::AHEAD {
            self.fill();
        }
        self.window
    }

    /// Passes over bits of the window.
    #[inline]
    pub(super) fn skip(&mut self, count: u32) {
        self.window <<= count;
        self.held = self.held.wrapping_sub(count);
    }

    #[inline]
    fn fill(&mut self) {
        if let Some(next) = self.rest.first_chunk() {
            // The bits of a byte that is not counted yet come again, where they are already.
            self.window |= u64::from_be_bytes(*next) >> self.held;
            let whole = (63 - self.held) / 8;
            self.rest = &self.rest[whole as usize..];
            self.held += 8 * whole;
        } else {
            self.fill_from_last();
        }
    }

    #[cold]
    fn fill_from_last(&mut self) {
        while self.held <= 56 {
            let (next, rest) = self.rest.split_first().unwrap_or((&0, &[]));
            self.window |= u64::from(*next) << (56 - self.held);
            self.rest = rest;
            self.held += 8;
        }
    }
}

/// The first `count` bits of a window, 0…32.
#[inline]
pub(super) fn leading(window: u64, count: u32) -> u32 {
    // In two steps, since a shift by 64 is none.
    (window >> 32 >> (32 - count)) as u32
}

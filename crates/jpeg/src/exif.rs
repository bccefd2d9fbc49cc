//! The one Exif tag that matters here, read as Pillow reads it, and written.

use crate::orientation::Orientation;
use std::collections::HashSet;

/// What an APP1 segment with Exif data begins with.
pub(crate) const PREFIX: &[u8] = b"Exif\0\0";

/// What Exif data says of the orientation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) orientation: Option<Orientation>,
    /// Why there is none, where that is odd.
    pub(crate) oddity: Option<String>,
    /// Whether there is the tag, or data that is none of Exif's: then nothing else is asked.
    pub(crate) is_final: bool,
}

impl Told {
    fn odd(oddity: impl Into<String>, is_final: bool) -> Told {
        Told { orientation: None, oddity: Some(oddity.into()), is_final }
    }
}

/// The orientation that Exif data says: what APP1 segments hold after their [`PREFIX`]es, one after the other.
///
/// As in Pillow, the first entry of the tag in the first directory counts, if it is of a type that is known and not empty;
/// it may have any type of numbers, but bytes, and several of them, of which the first counts. Further entries are passed
/// over, and so are those of other tags whose data is longer than all there is; data that lies beyond the end, and the end
/// itself, end the directory.
pub(crate) fn orientation(exif: &[u8]) -> Told {
    // A segment may have the prefix twice.
    let tiff = exif.strip_prefix(PREFIX).unwrap_or(exif);
    if tiff.is_empty() {
        return Told::default();
    }
    let Some(directory) = Directory::first_of(tiff) else {
        return Told::odd("no TIFF header", true);
    };
    match directory.find(ORIENTATION) {
        Ok(None) => Told::default(),
        Ok(Some((kind, data))) => match directory.number(kind, data) {
            None => Told::odd("an orientation that is no number", true),
            Some(number) => {
                // Not one that rounds to a number.
                let exact = Orientation::ALL.into_iter().find(|of| f64::from(of.number()).total_cmp(&number).is_eq());
                match exact {
                    Some(orientation) => Told { orientation: Some(orientation), oddity: None, is_final: true },
                    None => Told::odd(format!("the orientation {number}"), true),
                }
            }
        },
        Err(Ended) => Told::odd("its directory ends early", false),
    }
}

const ORIENTATION: u16 = 0x0112;

/// A directory of TIFF data that ends before its last entry, or an entry of it that does.
struct Ended;

/// The first directory of TIFF data.
struct Directory<'a> {
    tiff: &'a [u8],
    begin: usize,
    is_big_endian: bool,
}

impl<'a> Directory<'a> {
    fn first_of(tiff: &'a [u8]) -> Option<Directory<'a>> {
        let (head, rest) = tiff.split_first_chunk()?;
        let is_big_endian = match head {
            // The second is none, and read all the same.
            b"MM\0*" | b"MM*\0" | b"MM\0+" => true,
            b"II*\0" | b"II\0*" => false,
            _ => return None,
        };
        let mut directory = Directory { tiff, begin: 0, is_big_endian };
        directory.begin = directory.long(*rest.first_chunk()?) as usize;
        Some(directory)
    }

    /// The type and the data of the first entry of a tag.
    fn find(&self, wanted: u16) -> Result<Option<(u16, &'a [u8])>, Ended> {
        let entries = self.tiff.get(self.begin..).unwrap_or_default();
        let (count, mut entries) = entries.split_first_chunk().ok_or(Ended)?;
        let mut seen = HashSet::new();
        let mut elsewhere = 0;
        for _ in 0..self.short(*count) {
            let ([t0, t1, k0, k1, c0, c1, c2, c3, value @ ..], rest) =
                entries.split_first_chunk::<12>().ok_or(Ended)?;
            entries = rest;
            let (tag, kind) = (self.short([*t0, *t1]), self.short([*k0, *k1]));
            let Some(unit) = bytes_of(kind).filter(|_| !seen.contains(&tag)) else {
                continue;
            };
            let size = u64::from(self.long([*c0, *c1, *c2, *c3])) * unit;
            let data = if size <= 4 {
                #[expect(clippy::cast_possible_truncation, reason = "at most 4")]
                let size = size as usize;
                &value[..size]
            } else {
                elsewhere += size;
                if elsewhere > self.tiff.len() as u64 {
                    continue;
                }
                let begin = u64::from(self.long(*value));
                let range = usize::try_from(begin).ok().zip(usize::try_from(begin + size).ok());
                range.and_then(|(begin, end)| self.tiff.get(begin..end)).ok_or(Ended)?
            };
            if data.is_empty() {
                continue;
            }
            if tag == wanted {
                return Ok(Some((kind, data)));
            }
            seen.insert(tag);
        }
        Ok(None)
    }

    /// The first of an entry's numbers; none if they are bytes or text.
    fn number(&self, kind: u16, data: &[u8]) -> Option<f64> {
        let short = || data.first_chunk().map(|bytes| self.short(*bytes));
        let long = |at: usize| data.get(at..).and_then(|data| data.first_chunk()).map(|bytes| self.long(*bytes));
        let wide = || data.first_chunk().map(|bytes| self.wide(*bytes));
        match kind {
            SHORT => short().map(f64::from),
            SIGNED_SHORT => short().map(u16::cast_signed).map(f64::from),
            LONG | DIRECTORY => long(0).map(f64::from),
            SIGNED_LONG => long(0).map(u32::cast_signed).map(f64::from),
            RATIONAL => Some(f64::from(long(0)?) / f64::from(long(4)?)),
            SIGNED_RATIONAL => Some(f64::from(long(0)?.cast_signed()) / f64::from(long(4)?.cast_signed())),
            SIGNED_BYTE => data.first().copied().map(u8::cast_signed).map(f64::from),
            FLOAT => long(0).map(f32::from_bits).map(f64::from),
            DOUBLE => wide().map(f64::from_bits),
            #[expect(clippy::cast_precision_loss, reason = "1 to 8 are exact, and no others round to them")]
            LONG8 => wide().map(|wide| wide as f64),
            _ => None,
        }
    }

    fn short(&self, bytes: [u8; 2]) -> u16 {
        if self.is_big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    fn long(&self, bytes: [u8; 4]) -> u32 {
        if self.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    fn wide(&self, bytes: [u8; 8]) -> u64 {
        if self.is_big_endian { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) }
    }
}

/// TIFF's types of numbers.
const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;
const SIGNED_BYTE: u16 = 6;
const SIGNED_SHORT: u16 = 8;
const SIGNED_LONG: u16 = 9;
const SIGNED_RATIONAL: u16 = 10;
const FLOAT: u16 = 11;
const DOUBLE: u16 = 12;
const DIRECTORY: u16 = 13;
const LONG8: u16 = 16;

/// Bytes of a number of a type, those of bytes and text included; none if it is not known.
fn bytes_of(kind: u16) -> Option<u64> {
    match kind {
        1 | 2 | 7 | SIGNED_BYTE => Some(1),
        SHORT | SIGNED_SHORT => Some(2),
        LONG | SIGNED_LONG | FLOAT | DIRECTORY => Some(4),
        RATIONAL | SIGNED_RATIONAL | DOUBLE | LONG8 => Some(8),
        _ => None,
    }
}

/// An APP1 segment that says an orientation and nothing else: a big-endian TIFF header and a directory of one entry.
pub(crate) fn segment(orientation: Orientation) -> Vec<u8> {
    const HEADER: &[u8] = b"MM\0\x2a\0\0\0\x08";
    /// One entry: tag 0x0112, a short, one of them.
    const ENTRY: &[u8] = b"\0\x01\x01\x12\0\x03\0\0\0\x01";
    /// After it, no further directory.
    const END: &[u8] = &[0; 4];
    [PREFIX, HEADER, ENTRY, &[0, orientation.number(), 0, 0], END].concat()
}

#[cfg(test)]
mod tests {
    use super::{PREFIX, Told, orientation, segment};
    use crate::orientation::Orientation;

    #[test]
    fn every_orientation_that_is_written_is_read() {
        for written in Orientation::ALL {
            let told = Told { orientation: Some(written), oddity: None, is_final: true };
            assert_eq!(orientation(&segment(written)[PREFIX.len()..]), told);
        }
    }

    #[test]
    fn damaged_data_says_why_and_never_an_orientation_it_has_not() {
        let whole = &segment(Orientation::RightTop)[PREFIX.len()..];
        for length in 1..whole.len() {
            let told = orientation(&whole[..length]);
            let is_there = told.orientation == Some(Orientation::RightTop);
            assert!(is_there != told.oddity.is_some(), "{length} bytes: {told:?}");
            assert!(is_there == (length >= whole.len() - 4), "{length} bytes: {told:?}");
        }
        let mut zero = whole.to_vec();
        zero[19] = 0;
        assert_eq!(orientation(&zero), Told::odd("the orientation 0", true));
        let mut text = whole.to_vec();
        text[13] = 2;
        assert_eq!(orientation(&text), Told::odd("an orientation that is no number", true));
        assert_eq!(orientation(b"MM\0\x2a\0\0\0\x08\0\0\0\0\0\0"), Told::default());
    }
}

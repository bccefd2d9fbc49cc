//! The segments before a file's first scan, found without libjpeg.
//!
//! libjpeg can keep segments, too, but finds the end of its list anew for each: a file of a hundred thousand would take
//! minutes. Here the time is in proportion to the bytes.

/// A segment before the first scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment<'a> {
    /// The second byte of its marker.
    pub(crate) marker: u8,
    /// What follows its length; less than the length says where the file ends before.
    pub(crate) data: &'a [u8],
    /// Bytes of the file up to its end.
    pub(crate) end: usize,
}

/// The segments between the start of the image and its first scan, in the file's order, as libjpeg finds them: bytes that
/// begin no marker are passed over, and so are markers that have no segment.
pub(crate) fn before_scans(bytes: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    let mut rest = bytes.get(2..).unwrap_or_default();
    std::iter::from_fn(move || {
        loop {
            let (marker, after) = next_marker(rest)?;
            match marker {
                START_OF_SCAN | END_OF_IMAGE => return None,
                TEMPORARY | FIRST_RESTART..=START_OF_IMAGE => rest = after,
                _ => {
                    let length = usize::from(u16::from_be_bytes(*after.first_chunk()?));
                    let end = length.max(2).min(after.len());
                    rest = &after[end..];
                    return Some(Segment { marker, data: &after[2..end], end: bytes.len() - rest.len() });
                }
            }
        }
    })
}

/// The bytes before the last marker that begins a segment.
pub(crate) fn before_last_segment(bytes: &[u8]) -> &[u8] {
    let begins =
        |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | TEMPORARY | FIRST_RESTART..=END_OF_IMAGE | 0xff);
    let last = bytes.windows(2).rposition(begins);
    &bytes[..last.unwrap_or(bytes.len())]
}

/// The second byte of the next marker and what follows it. `ff 00` is no marker, and any number of `ff` may begin one.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut rest = bytes;
    loop {
        let first = rest.iter().position(|&byte| byte == 0xff)?;
        let second = first + rest[first..].iter().position(|&byte| byte != 0xff)?;
        let marker = rest[second];
        rest = &rest[second + 1..];
        if marker != 0 {
            return Some((marker, rest));
        }
    }
}

const TEMPORARY: u8 = 0x01;
const FIRST_RESTART: u8 = 0xd0;
const START_OF_IMAGE: u8 = 0xd8;
const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;

#[cfg(test)]
mod tests {
    use super::{Segment, before_scans};

    fn found(bytes: &[u8]) -> Vec<(u8, &[u8])> {
        before_scans(bytes).map(|Segment { marker, data, .. }| (marker, data)).collect()
    }

    #[test]
    fn segments_are_found_up_to_the_first_scan() {
        let bytes = b"\xff\xd8\xff\xe1\0\x04ab\xff\xe2\0\x02\xff\xda\0\x02\xff\xe1\0\x02";
        assert_eq!(found(bytes), [(0xe1, &b"ab"[..]), (0xe2, b"")]);
    }

    #[test]
    fn what_is_no_segment_is_passed_over() {
        let bytes = b"\xff\xd8xy\xff\0\xff\xd0\xff\x01\xff\xff\xff\xe1\0\x03a\xff\xd9\xff\xe1\0\x02";
        assert_eq!(found(bytes), [(0xe1, &b"a"[..])]);
    }

    #[test]
    fn a_segment_that_the_file_cuts_off_has_what_there_is() {
        assert_eq!(found(b"\xff\xd8\xff\xe1\0\x09ab"), [(0xe1, &b"ab"[..])]);
        assert_eq!(found(b"\xff\xd8\xff\xe1\0"), []);
        assert_eq!(found(b"\xff\xd8\xff"), []);
        assert_eq!(found(b""), []);
        // A length below its own two bytes is an error to libjpeg; here the segment is empty.
        assert_eq!(found(b"\xff\xd8\xff\xe1\0\x01\xff\xe2\0\x02"), [(0xe1, &b""[..]), (0xe2, b"")]);
    }
}

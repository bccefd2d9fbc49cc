//! The one Exif tag that matters here, read and written.

use crate::orientation::Orientation;
use exif::{Error, In, Reader, Tag, Value};

/// What an APP1 segment with Exif data begins with.
pub(crate) const PREFIX: &[u8] = b"Exif\0\0";

/// The orientation that Exif data (an APP1 segment after [`PREFIX`]) says; none if it does not.
///
/// # Errors
/// Why it cannot be told, in words.
pub(crate) fn orientation(tiff: &[u8]) -> Result<Option<Orientation>, String> {
    // Of damaged data the tags that can be read are enough, if the orientation is among them.
    let mut damage = None;
    let parsed = Reader::new().continue_on_error(true).read_raw(tiff.to_vec());
    let parsed =
        parsed.or_else(|error| error.distill_partial_result(|errors| damage = errors.first().map(Error::to_string)));
    let exif = parsed.map_err(|error| error.to_string())?;
    let Some(field) = exif.get_field(Tag::Orientation, In::PRIMARY) else {
        return damage.map_or(Ok(None), Err);
    };
    let number = match &field.value {
        Value::Short(_) => field.value.get_uint(0),
        _ => None,
    };
    let number = number.ok_or("an orientation that is no number")?;
    Orientation::of_number(number).map(Some).ok_or_else(|| format!("the orientation {number}"))
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
    use super::{PREFIX, orientation, segment};
    use crate::orientation::Orientation;

    #[test]
    fn every_orientation_that_is_written_is_read() {
        for written in Orientation::ALL {
            assert_eq!(orientation(&segment(written)[PREFIX.len()..]), Ok(Some(written)));
        }
    }

    #[test]
    fn damaged_data_says_why_and_never_an_orientation_it_has_not() {
        let whole = &segment(Orientation::RightTop)[PREFIX.len()..];
        for length in 0..whole.len() {
            let read = orientation(&whole[..length]);
            assert!(matches!(read, Err(_) | Ok(Some(Orientation::RightTop))), "{length} bytes: {read:?}");
        }
        let mut zero = whole.to_vec();
        zero[19] = 0;
        assert_eq!(orientation(&zero), Err("the orientation 0".to_owned()));
        let mut text = whole.to_vec();
        text[13] = 2;
        assert_eq!(orientation(&text), Err("an orientation that is no number".to_owned()));
        assert_eq!(orientation(b"MM\0\x2a\0\0\0\x08\0\0\0\0\0\0"), Ok(None));
    }
}

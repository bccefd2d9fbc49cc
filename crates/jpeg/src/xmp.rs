//! The one property of XMP data that matters here, read as Pillow reads it.

use crate::orientation::Orientation;

/// What an APP1 segment with XMP data begins with.
pub(crate) const PREFIX: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// The orientation that XMP data (an APP1 segment after [`PREFIX`]) says; none if it does not.
///
/// As in Pillow, the data is not parsed: it is the digit after the first `tiff:Orientation="` or `tiff:Orientation>` that
/// has one.
pub(crate) fn orientation(xmp: &[u8]) -> Option<Orientation> {
    const NAME: &[u8] = b"tiff:Orientation";
    let mut rest = xmp;
    while let Some(at) = rest.windows(NAME.len()).position(|window| window == NAME) {
        rest = &rest[at + NAME.len()..];
        let value = rest.strip_prefix(b"=\"").or_else(|| rest.strip_prefix(b">"));
        if let Some(&digit @ b'0'..=b'9') = value.and_then(|value| value.first()) {
            return Orientation::of_number(u32::from(digit - b'0'));
        }
    }
    None
}

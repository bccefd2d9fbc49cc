//! Files made from others at their markers.
#![allow(dead_code, reason = "each test uses what it needs")]

/// Where the first marker of a kind is.
pub fn marker(bytes: &[u8], kind: u8) -> usize {
    bytes.windows(2).position(|pair| pair == [0xff, kind]).expect("the file has this marker")
}

/// The file with bytes put in.
pub fn inserted(bytes: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    [&bytes[..at], new, &bytes[at..]].concat()
}

pub const START_OF_FRAME: u8 = 0xc0;
pub const START_OF_SCAN: u8 = 0xda;

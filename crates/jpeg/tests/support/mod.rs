//! The fixtures, and files made from them.

use jpegnet_jpeg::{JpegError, Limits, SparseJpeg, read_coefficients};
use std::path::{Path, PathBuf};

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../__test__/fixtures")
}

pub fn bytes_of(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub fn read(bytes: &[u8]) -> Result<SparseJpeg, JpegError> {
    read_coefficients(bytes, &Limits::default())
}

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

//! The fixtures.

use jpegnet_jpeg::{JpegError, ReadOptions, SparseJpeg, read_coefficients};
use std::path::{Path, PathBuf};

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../__test__/fixtures")
}

pub fn bytes_of(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub fn read(bytes: &[u8]) -> Result<SparseJpeg, JpegError> {
    read_coefficients(bytes, &ReadOptions::default())
}

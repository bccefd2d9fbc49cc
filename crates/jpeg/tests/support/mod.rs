//! The fixtures.
#![allow(dead_code, reason = "each test uses what it needs")]

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

/// Undamaged fixtures of every kind, by their paths.
pub fn pictures() -> Vec<(String, SparseJpeg)> {
    let mut pictures = Vec::new();
    for folder in ["jpegs", "variants"] {
        for entry in std::fs::read_dir(fixtures().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if let Ok(jpeg) = read(&std::fs::read(&path).unwrap()) {
                pictures.push((path.display().to_string(), jpeg));
            }
        }
    }
    assert!(pictures.len() > 10);
    pictures
}

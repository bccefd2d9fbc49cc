//! Files and bytes to pictures, and what became of each.

use crate::failure::BindingFailure;
use jpegnet_jpeg::{Limits, SparseJpeg, read_coefficients};
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use std::path::Path;

/// A file that gave no coefficients.
#[napi(object)]
#[derive(Clone, Debug)]
pub struct BindingDecodeFailure {
    /// Which of the files given.
    pub position: u32,
    /// Why.
    pub failure: BindingFailure,
}

/// What became of the files given.
#[napi(object)]
#[derive(Clone, Debug, Default)]
pub struct BindingDecodeReport {
    /// The number in the set of each file given; −1 if it failed.
    pub indices: Vec<i64>,
    /// The files that failed.
    pub failures: Vec<BindingDecodeFailure>,
}

/// A picture to decode: the bytes of a file, or none where its name is the path of one.
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) bytes: Option<Vec<u8>>,
}

/// Files by their paths.
pub(crate) fn files(paths: Vec<String>) -> Vec<Source> {
    paths.into_iter().map(|name| Source { name, bytes: None }).collect()
}

/// Bytes with a name each. They are copied: JavaScript may write to its buffers while a worker reads.
pub(crate) fn buffers(names: Vec<String>, buffers: &[Uint8Array]) -> Result<Vec<Source>, BindingFailure> {
    if names.len() != buffers.len() {
        let (expected, found) = (format!("{}, one a buffer", buffers.len()), names.len().to_string());
        return Err(BindingFailure::new("INVALID_OPTION", "names", &expected, &found));
    }
    let bytes = buffers.iter().map(|bytes| Some(bytes.to_vec()));
    Ok(names.into_iter().zip(bytes).map(|(name, bytes)| Source { name, bytes }).collect())
}

impl Source {
    /// The bytes of its file.
    pub(crate) fn read(self) -> Result<Vec<u8>, BindingFailure> {
        let Source { name, bytes } = self;
        let from_file = || std::fs::read(&name).map_err(|error| BindingFailure::unreadable(Path::new(&name), &error));
        bytes.map_or_else(from_file, Ok)
    }
}

/// The coefficients in a file's bytes.
pub(crate) fn decoded(name: &str, bytes: &[u8]) -> Result<SparseJpeg, BindingFailure> {
    read_coefficients(bytes, &Limits::default()).map_err(|error| BindingFailure::jpeg(name, &error))
}

/// Appends what there is of pictures, in their order, and tells what became of each.
pub(crate) fn append<T>(
    pictures: impl IntoIterator<Item = Result<T, BindingFailure>>,
    mut push: impl FnMut(T) -> Result<u32, BindingFailure>,
) -> BindingDecodeReport {
    let mut report = BindingDecodeReport::default();
    for (position, picture) in (0..).zip(pictures) {
        match picture.and_then(&mut push) {
            Ok(index) => report.indices.push(index.into()),
            Err(failure) => {
                report.indices.push(-1);
                report.failures.push(BindingDecodeFailure { position, failure });
            }
        }
    }
    report
}

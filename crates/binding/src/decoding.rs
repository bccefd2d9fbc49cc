//! Files and bytes to pictures, and what became of each.

use crate::failure::BindingFailure;
use jpegnet_jpeg::{Damage, JpegError, Limits, ReadOptions, SparseJpeg, Warning, Work, read_coefficients_within};
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use std::fs::{self, File};
use std::io::{self, Read};
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

/// A doubt about a file, in libjpeg's words.
#[napi(object)]
#[derive(Clone, Debug)]
pub struct BindingWarning {
    /// The words.
    pub message: String,
    /// How often they were said.
    pub count: u32,
}

/// A file that was used in spite of doubts.
#[napi(object)]
#[derive(Clone, Debug)]
pub struct BindingWarned {
    /// Which of the files given.
    pub position: u32,
    /// The doubts.
    pub warnings: Vec<BindingWarning>,
}

/// How files are read.
#[napi(object)]
#[derive(Clone, Debug, Default)]
pub struct BindingReadOptions {
    /// Whether damaged files are used as far as they go; otherwise they fail.
    pub use_damaged: Option<bool>,
    /// Whether pictures count as upright as they are stored.
    pub ignore_orientation: Option<bool>,
    /// Whether coefficients that the scans of a progressive file have not given stay as they were read.
    pub as_coded: Option<bool>,
    /// Most bytes of a file.
    pub bytes: Option<f64>,
    /// Largest width times height.
    pub pixels: Option<f64>,
    /// Most components.
    pub components: Option<u32>,
    /// Most scans.
    pub scans: Option<u32>,
    /// Most bytes for the coefficients of a file while it is read.
    pub memory: Option<f64>,
    /// Most milliseconds of work, counted.
    pub work: Option<f64>,
}

/// What became of the files given.
#[napi(object)]
#[derive(Clone, Debug, Default)]
pub struct BindingDecodeReport {
    /// The number in the set of each file given; −1 if it failed.
    pub indices: Vec<i64>,
    /// The files that failed.
    pub failures: Vec<BindingDecodeFailure>,
    /// The files that were used in spite of doubts.
    pub warned: Vec<BindingWarned>,
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
    /// The bytes of its file, of which no more are read than it may have.
    pub(crate) fn read(self, limits: &Limits) -> Result<Vec<u8>, BindingFailure> {
        let Source { name, bytes } = self;
        if bytes.is_none() {
            // Before it is opened: opening a pipe waits for who writes to it.
            let kind = fs::metadata(&name).map_err(|error| BindingFailure::unreadable(Path::new(&name), &error))?;
            if !kind.is_file() {
                return Err(BindingFailure::no_file(&name, kind.file_type()));
            }
        }
        let from_file = || {
            let file = File::open(&name)?;
            let length = file.metadata()?.len();
            if length > limits.bytes {
                return Ok(Err(length));
            }
            let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
            // A file that is being written, or one that a system makes as it is read, can have more than its length says.
            file.take(limits.bytes.saturating_add(1)).read_to_end(&mut bytes)?;
            Ok(Ok(bytes))
        };
        let Some(bytes) = bytes else {
            let read = from_file().map_err(|error: io::Error| BindingFailure::unreadable(Path::new(&name), &error))?;
            return read.map_err(|found| {
                let error = JpegError::TooLarge { what: "bytes", limit: limits.bytes, found };
                BindingFailure::jpeg(&name, &error)
            });
        };
        Ok(bytes)
    }
}

impl From<BindingReadOptions> for ReadOptions {
    fn from(given: BindingReadOptions) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole numbers below 2^53")]
        let whole = |number: f64| number as u64;
        let usual = Limits::default();
        ReadOptions {
            limits: Limits {
                bytes: given.bytes.map_or(usual.bytes, whole),
                pixels: given.pixels.map_or(usual.pixels, whole),
                components: given.components.unwrap_or(usual.components),
                scans: given.scans.unwrap_or(usual.scans),
                memory: given.memory.map_or(usual.memory, whole),
                work: given.work.map_or(usual.work, whole),
            },
            ignore_orientation: given.ignore_orientation == Some(true),
            as_coded: given.as_coded == Some(true),
            damage: if given.use_damaged == Some(true) { Damage::Use } else { Damage::Refuse },
        }
    }
}

/// Warnings as they cross.
pub(crate) fn warnings(warnings: &[Warning]) -> Vec<BindingWarning> {
    warnings
        .iter()
        .map(|Warning { message, count }| BindingWarning { message: message.clone(), count: *count })
        .collect()
}

/// The coefficients in a file's bytes; the work is added to what there is.
pub(crate) fn decoded(
    name: &str,
    bytes: &[u8],
    options: &ReadOptions,
    work: &mut Work,
) -> Result<SparseJpeg, BindingFailure> {
    read_coefficients_within(bytes, options, work).map_err(|error| BindingFailure::jpeg(name, &error))
}

/// Appends what there is of pictures, each with the doubts about it, in their order, and tells what became of each.
pub(crate) fn append<T>(
    pictures: impl IntoIterator<Item = Result<(T, Vec<BindingWarning>), BindingFailure>>,
    mut push: impl FnMut(T) -> Result<u32, BindingFailure>,
) -> BindingDecodeReport {
    let mut report = BindingDecodeReport::default();
    for (position, picture) in (0..).zip(pictures) {
        match picture.and_then(|(picture, warnings)| Ok((push(picture)?, warnings))) {
            Ok((index, warnings)) => {
                report.indices.push(index.into());
                if !warnings.is_empty() {
                    report.warned.push(BindingWarned { position, warnings });
                }
            }
            Err(failure) => {
                report.indices.push(-1);
                report.failures.push(BindingDecodeFailure { position, failure });
            }
        }
    }
    report
}

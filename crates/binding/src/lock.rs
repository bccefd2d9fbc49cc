//! The right to write a file.

use crate::job::{Outcome, contained};
use jpegnet_engine::files::FileLock as Lock;
use napi::bindgen_prelude::Either;
use napi_derive::napi;
use std::path::PathBuf;

/// The right to write a file, until it is released or its process ends.
#[napi]
pub struct FileLock(Option<Lock>);

#[napi]
impl FileLock {
    /// Takes the lock of a file, at once or not at all; `holder` is who says so to others.
    #[napi(ts_return_type = "FileLock | BindingFailure")]
    #[must_use]
    pub fn take(path: String, holder: String) -> Outcome<FileLock> {
        match contained(|| Ok(Lock::take(&PathBuf::from(path), &holder)?)) {
            Ok(lock) => Either::A(FileLock(Some(lock))),
            Err(failure) => Either::B(failure),
        }
    }

    /// Gives it back; a second time does nothing.
    #[napi]
    pub fn release(&mut self) {
        self.0 = None;
    }
}

//! Files that are written part by part, and are in their place whole or not at all.

use crate::failure::BindingFailure;
use crate::job::{Job, Outcome, contained, job};
use jpegnet_engine::files::WholeFile as Inner;
use napi::bindgen_prelude::{AsyncTask, Either, Uint8Array};
use napi_derive::napi;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// A file on its way: aside until it is finished.
#[napi]
pub struct WholeFile(Arc<Mutex<Option<Inner>>>);

#[napi]
impl WholeFile {
    /// Begins a file beside the old one, at once.
    #[napi(ts_return_type = "WholeFile | BindingFailure")]
    #[must_use]
    pub fn create(path: String) -> Outcome<WholeFile> {
        match contained(|| Ok(Inner::create(&PathBuf::from(path))?)) {
            Ok(file) => Either::A(WholeFile(Arc::new(Mutex::new(Some(file))))),
            Err(failure) => Either::B(failure),
        }
    }

    /// Appends bytes; nothing to a file that is finished or discarded.
    #[napi(ts_return_type = "Promise<boolean | BindingFailure>")]
    #[must_use]
    pub fn append(&self, bytes: Uint8Array) -> AsyncTask<Job<(), bool>> {
        let (file, bytes) = (self.0.clone(), bytes.to_vec());
        job(
            move || match &mut *file.lock().unwrap_or_else(PoisonError::into_inner) {
                Some(file) => file.write(&bytes).map_err(BindingFailure::from),
                None => Ok(()),
            },
            |_, ()| true,
        )
    }

    /// Puts it in the place of the old one; a failure leaves that as it was.
    #[napi(ts_return_type = "Promise<boolean | BindingFailure>")]
    #[must_use]
    pub fn finish(&self) -> AsyncTask<Job<(), bool>> {
        let file = self.0.clone();
        job(
            move || match file.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(file) => file.finish().map_err(BindingFailure::from),
                None => Ok(()),
            },
            |_, ()| true,
        )
    }

    /// Leaves nothing of it, unless it is finished.
    #[napi]
    pub fn discard(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

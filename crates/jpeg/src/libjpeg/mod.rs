//! The wrapper of libjpeg: coefficients read and written, with errors as values.

mod errors;
mod read;
mod scan;
mod write;

pub use read::{read_coefficients, read_coefficients_within};
pub use write::{WriteOptions, write_coefficients};

use mozjpeg_sys as sys;

/// Which libjpeg is linked.
#[must_use]
pub fn libjpeg_version() -> String {
    format!("mozjpeg-sys, libjpeg ABI {}", sys::JPEG_LIB_VERSION)
}

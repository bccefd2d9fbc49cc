//! The Node addon: the engine's verbs, each one asynchronous call. No mathematics and no policy.
//!
//! Whatever does more than constant work runs as a [`job`] on a worker thread. Failures cross as data
//! ([`failure::BindingFailure`]), never as a rejected promise, and panics become failures in one place.

// The macros of napi expand to unsafe code that they allow themselves, which `forbid` would refuse.
#![deny(unsafe_code)]
#![expect(
    clippy::needless_pass_by_value,
    clippy::implicit_hasher,
    clippy::missing_errors_doc,
    clippy::cast_precision_loss,
    reason = "only JavaScript calls these: arguments are its values, counts its doubles, and a Result is napi's own way to throw"
)]

pub mod coefficients;
pub mod decoding;
pub mod failure;
pub mod job;
pub mod jpeg_set;
pub mod lock;
mod memory;
pub mod network;
pub mod packed_set;
mod picture;
pub mod rectified;
pub mod runtime;
pub mod step;
mod store;
mod view;
pub mod weights;
pub mod whole_file;

//! Any bytes, as `check` says.
#![no_main]

#[path = "../check/mod.rs"]
mod check;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    check::check(bytes);
});

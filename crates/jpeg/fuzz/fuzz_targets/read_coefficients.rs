//! Any bytes, as `check` says.
#![no_main]

#[path = "../check/mod.rs"]
mod check;

use check::{MOST_SECONDS, check};
use libfuzzer_sys::fuzz_target;

/// How many times as long code may take that a sanitizer watches.
const SLOWER: f64 = 4.0;

fuzz_target!(|bytes: &[u8]| {
    check(bytes, SLOWER * MOST_SECONDS);
});

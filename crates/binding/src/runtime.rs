//! What this process runs on: instruction set, threads, versions.

use crate::failure::BindingFailure;
use crate::job::Outcome;
use jpegnet_engine::Isa;
use napi::bindgen_prelude::Either;
use napi_derive::napi;
use std::sync::OnceLock;

/// What this process runs on.
#[napi(object)]
#[derive(Clone, Debug)]
pub struct BindingRuntime {
    /// The instruction set in use: `scalar`, `avx2`, `avx512` or `neon`.
    pub isa: String,
    /// All this machine has.
    pub available_isas: Vec<String>,
    /// Threads that share the work.
    pub threads: u32,
    /// The JPEG library linked.
    pub libjpeg: String,
    /// Version of the addon.
    pub version: String,
}

/// The instruction set and threads of this process, read once: `JPEGNET_ISA` and `JPEGNET_THREADS` override what the
/// machine has.
pub(crate) fn isa() -> Result<Isa, BindingFailure> {
    static ISA: OnceLock<Result<Isa, BindingFailure>> = OnceLock::new();
    ISA.get_or_init(|| {
        start_threads()?;
        let Some(name) = std::env::var("JPEGNET_ISA").ok().filter(|name| !name.is_empty()) else {
            return Ok(Isa::detect());
        };
        let unknown = || invalid("JPEGNET_ISA", &format!("one of {}", available().join(", ")), &name);
        Isa::from_name(&name).ok_or_else(unknown)
    })
    .clone()
}

fn start_threads() -> Result<(), BindingFailure> {
    let Some(text) = std::env::var("JPEGNET_THREADS").ok().filter(|text| !text.is_empty()) else {
        return Ok(());
    };
    let wrong = || invalid("JPEGNET_THREADS", "a whole number from 1 to 1024", &text);
    let threads = text.parse().ok().filter(|threads| (1..=1024).contains(threads)).ok_or_else(wrong)?;
    let built = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    built.map_err(|error| invalid("JPEGNET_THREADS", "threads that can be started", &error.to_string()))
}

fn invalid(option: &str, expected: &str, found: &str) -> BindingFailure {
    BindingFailure::invalid_option(option, expected, found)
}

fn available() -> Vec<String> {
    Isa::available().into_iter().map(|isa| isa.name().to_owned()).collect()
}

/// The instruction set, threads and versions of this process.
#[napi(ts_return_type = "BindingRuntime | BindingFailure")]
#[must_use]
pub fn runtime_info() -> Outcome<BindingRuntime> {
    match isa() {
        Err(failure) => Either::B(failure),
        Ok(isa) => Either::A(BindingRuntime {
            isa: isa.name().to_owned(),
            available_isas: available(),
            threads: u32::try_from(rayon::current_num_threads()).unwrap_or(u32::MAX),
            libjpeg: jpegnet_jpeg::libjpeg_version(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }),
    }
}

/// The order of `length` images in an epoch: the same for the same seed on every machine.
#[napi]
#[must_use]
pub fn permutation(length: u32, seed: f64, epoch: u32) -> napi::bindgen_prelude::Uint32Array {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a seed is a whole number below 2^53")]
    let seed = seed as u64;
    jpegnet_engine::permutation(length as usize, seed, u64::from(epoch)).into()
}

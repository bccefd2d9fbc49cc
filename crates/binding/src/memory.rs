//! What V8 knows of a handle's native memory: without it a handle weighs nothing and is not collected for long.

use napi::{Env, Result};
use std::sync::atomic::{AtomicI64, Ordering};

/// Bytes of one handle that V8 was told of.
///
/// Atomic because napi lends handles shared while a call of theirs runs: a method that took `&mut self` would throw then.
#[derive(Default)]
pub(crate) struct ToldBytes(AtomicI64);

impl ToldBytes {
    /// Tells V8 that the handle holds this many bytes now; all that V8 was told of, by anyone.
    pub(crate) fn tell(&self, env: Env, bytes: usize) -> Result<f64> {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let before = self.0.swap(bytes, Ordering::Relaxed);
        Ok(env.adjust_external_memory(bytes - before)? as f64)
    }
}

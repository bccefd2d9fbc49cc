//! Where numbers leave float32's range first.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The first of several things done in order, nodes or steps, whose output was not finite for some image.
#[derive(Debug)]
pub(crate) struct FirstNotFinite(AtomicUsize);

impl FirstNotFinite {
    pub(crate) fn new() -> Self {
        FirstNotFinite(AtomicUsize::new(usize::MAX))
    }

    pub(crate) fn first(&self) -> Option<usize> {
        Some(self.0.load(Ordering::Relaxed)).filter(|&node| node != usize::MAX)
    }

    pub(crate) fn look_at(&self, number: usize, output: &[f32]) {
        if !output.iter().all(|value| value.is_finite()) {
            self.0.fetch_min(number, Ordering::Relaxed);
        }
    }
}

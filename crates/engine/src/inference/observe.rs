//! What looks on while a compiled network runs: how long its steps take, and where numbers overflow.

use super::executor::Observer;
use crate::first_not_finite::FirstNotFinite;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The time spent in every step, over all groups of a batch.
#[derive(Debug)]
pub(crate) struct StepTimes(Vec<AtomicU64>);

impl StepTimes {
    /// For a network of so many steps.
    pub(crate) fn new(steps: usize) -> StepTimes {
        StepTimes((0..steps).map(|_| AtomicU64::new(0)).collect())
    }

    /// Microseconds of every step.
    #[expect(clippy::cast_precision_loss, reason = "a run takes far less than 2^53 nanoseconds")]
    pub(crate) fn into_microseconds(self) -> Vec<f64> {
        self.0.into_iter().map(|time| time.into_inner() as f64 / 1e3).collect()
    }
}

impl Observer for StepTimes {
    fn step(&self, number: usize, _output: &[f32], duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.0[number].fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

impl Observer for FirstNotFinite {
    fn step(&self, number: usize, output: &[f32], _duration: Duration) {
        self.look_at(number, output);
    }
}

//! Scratch memory, one piece a thread: what is in it never outlives an image, so who uses which does not matter.

use crate::EngineError;
use crate::floats::Floats;
use std::sync::{Mutex, PoisonError};

/// The scratch of all threads.
#[derive(Debug, Default)]
pub(crate) struct Workspaces {
    per_thread: Vec<Mutex<Floats>>,
}

impl Workspaces {
    /// Makes room for `scratch` floats on every thread of the pool at hand.
    pub(crate) fn prepare(&mut self, scratch: usize) -> Result<(), EngineError> {
        let threads = rayon::current_num_threads().max(self.per_thread.len());
        self.per_thread.resize_with(threads, Mutex::default);
        for workspace in &mut self.per_thread {
            workspace.get_mut().unwrap_or_else(PoisonError::into_inner).grow(scratch)?;
        }
        Ok(())
    }

    /// Lends the current thread's scratch. Kernels start no tasks, so no thread ever waits here.
    pub(crate) fn lend<R>(&self, body: impl FnOnce(&mut [f32]) -> R) -> R {
        let thread = rayon::current_thread_index().unwrap_or(0);
        // A panic of an earlier step leaves nothing in it that matters.
        let mut scratch = self.per_thread[thread].lock().unwrap_or_else(PoisonError::into_inner);
        body(&mut scratch)
    }

    pub(crate) fn bytes(&self) -> usize {
        let of_one = |scratch: &Mutex<Floats>| scratch.lock().unwrap_or_else(PoisonError::into_inner).len();
        size_of::<f32>() * self.per_thread.iter().map(of_one).sum::<usize>()
    }
}

//! Scratch memory, one piece a thread: what is in it never outlives an image, so who uses which does not matter.

use crate::EngineError;
use crate::arena::{ImageArena, grow};
use crate::program::Program;
use std::sync::{Mutex, PoisonError};

/// A thread's scratch.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) scratch: Vec<f32>,
    /// Buffers of the image in flight, for inference.
    pub(crate) arena: ImageArena,
}

/// The scratch of all threads.
#[derive(Debug, Default)]
pub(crate) struct Workspaces {
    per_thread: Vec<Mutex<Workspace>>,
}

impl Workspaces {
    /// Makes room on every thread of the pool at hand for `scratch` floats, and for the buffers of an inference program
    /// if given.
    pub(crate) fn prepare(&mut self, scratch: usize, inference: Option<&Program>) -> Result<(), EngineError> {
        let threads = rayon::current_num_threads().max(self.per_thread.len());
        self.per_thread.resize_with(threads, Mutex::default);
        for workspace in &mut self.per_thread {
            let workspace = workspace.get_mut().unwrap_or_else(PoisonError::into_inner);
            grow(&mut workspace.scratch, scratch)?;
            if let Some(program) = inference {
                workspace.arena.prepare(program)?;
            }
        }
        Ok(())
    }

    /// Lends the current thread's workspace. Kernels start no tasks, so no thread ever waits here.
    pub(crate) fn lend<R>(&self, body: impl FnOnce(&mut Workspace) -> R) -> R {
        let thread = rayon::current_thread_index().unwrap_or(0);
        // A panic of an earlier step leaves nothing in it that matters.
        let mut workspace = self.per_thread[thread].lock().unwrap_or_else(PoisonError::into_inner);
        body(&mut workspace)
    }

    pub(crate) fn bytes(&self) -> usize {
        let of_one = |workspace: &Mutex<Workspace>| {
            let workspace = workspace.lock().unwrap_or_else(PoisonError::into_inner);
            size_of::<f32>() * workspace.scratch.len() + workspace.arena.bytes()
        };
        self.per_thread.iter().map(of_one).sum()
    }
}

//! Training on maps in pixels: a plan compiled to forward, loss and backward in fused steps.
//!
//! Between two layers the DCT of one and the inverse DCT of the next cancel, and so do their adjoints: maps and their
//! gradients stay in pixels. What a normalisation, a sum and a ReLU make of a convolution's output is not stored but made
//! again where it is read, forward and backward, by images that are few enough to stay in a core's cache; batch
//! statistics, which need the whole batch, cut the program into stages.

mod compile;
mod execute;
mod loss;
mod memory;
mod narrow;
mod program;
mod schedule;
mod statistics;
mod step;

pub(crate) use compile::{Part, Wanted};
pub(crate) use execute::{Batch, Observers, Training};
pub(crate) use loss::{BatchLoss, LossTarget};
pub(crate) use statistics::{normalise_by_running, update_running};

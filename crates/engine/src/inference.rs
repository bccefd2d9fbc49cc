//! Inference: a plan compiled to fused steps on maps in pixels, a method picked for every convolution, and the executor.
//!
//! Between two layers of a network the DCT of one and the inverse DCT of the next cancel, so maps stay in pixels unless
//! a step needs coefficients. Batch normalisations fold into the convolutions before them; bias, residual and activation
//! are part of the pass that stores a convolution's result.

mod circumstances;
mod compile;
mod cost;
mod execute;
mod executor;
mod memory;
mod observe;
mod pack;
mod scatter;
mod step;
mod summary;

pub(crate) use circumstances::Circumstances;
pub(crate) use compile::compile;
pub(crate) use cost::Machine;
pub(crate) use executor::{Executor, Observer, Run};
pub(crate) use observe::StepTimes;
pub(crate) use pack::Packed;
pub(crate) use scatter::{First, Scatters, Sparsity};
pub(crate) use step::Compiled;
pub use summary::StepSummary;
pub(crate) use summary::summarise;

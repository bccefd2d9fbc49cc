//! Networks in the JPEG transform domain: planning, memory, training, inference, and weights in and out.
//!
//! A [`NetworkSpec`] is plain data; a [`Plan`] is a definition that holds together, with every shape inferred and every
//! factorisation chosen; a [`Network`] owns the memory and does the work. Pictures stay sparse until the first
//! instruction of a step expands them. Same seed, same bits, for any number of threads: work is cut by the batch alone
//! and partial sums are added in the order of the chunks.

#![forbid(unsafe_code)]

mod band;
mod chunks;
pub mod coefficients;
mod error;
pub mod files;
mod first_not_finite;
mod floats;
mod inference;
mod input;
mod layers;
mod methods;
mod network;
mod operations;
mod optimizer;
mod parameters;
mod plan;
mod random;
mod rectified;
mod safetensors_file;
mod shape;
mod spec;
mod step;
mod tensor;
mod training;
pub mod transform;
pub mod view;
pub mod weights;
mod workspace;

pub use error::EngineError;
pub use inference::StepSummary;
pub use input::{Content, Features, Image};
pub use jpegnet_kernels::{Isa, Labels};
pub use network::{InferenceMode, LossAndGradients, Network, PlannedTraining, StepReport, TrainingMemory, WeightSet};
pub use optimizer::{OptimizerSpec, Rates};
pub use plan::{NodeSummary, Plan};
pub use random::permutation;
pub use rectified::rectified_blocks;
pub use spec::{BreakpointSpec, InputSpec, MaskingSpec, NetworkSpec, NodeSpec, OperationSpec};
pub use step::{Clipping, StepOptions, Storage};
pub use tensor::{LoadReport, Mismatch, NamedTensor};

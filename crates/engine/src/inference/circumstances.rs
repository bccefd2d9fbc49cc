//! What a network is compiled for.

use super::cost::Machine;
use super::scatter::Sparsity;
use jpegnet_kernels::Masking;

/// What a compiled network is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances<'a> {
    /// Images of a batch.
    pub(crate) batch: usize,
    pub(crate) threads: usize,
    /// Of every node; exact for those that mask nothing.
    pub(crate) maskings: &'a [Masking],
    /// φ that every map is truncated to, if any.
    pub(crate) band: Option<usize>,
    pub(crate) machine: &'a Machine,
    /// How sparse the pictures are, if that is known and the first convolution can make use of it.
    pub(crate) sparsity: Option<Sparsity>,
    /// How many of the plan's nodes are run: the value of the last of them comes out.
    pub(crate) nodes: usize,
}

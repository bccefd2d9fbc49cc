//! Operations without parameters that make each image's map from one other map: pooling, subsampling. They need no place
//! of their own in the compilers: what they compute, forward and backward, is here.

use jpegnet_kernels::Isa;
use std::fmt::Debug;

/// A function of one image's map `[height, width, channels]` in pixels.
pub(crate) trait MapFunction: Debug + Send + Sync {
    /// What a plan calls it.
    fn name(&self) -> &'static str;

    /// Words that the forward pass keeps of an image for the backward pass.
    fn kept_words(&self) -> usize {
        0
    }

    /// One image's output; what the backward pass needs goes to `kept`, if there will be one.
    fn forward(&self, isa: Isa, input: &[f32], output: &mut [f32], kept: Option<&mut [u32]>);

    /// Adds the gradient of one image's input to `sum`.
    fn add_gradient(&self, isa: Isa, output_gradient: &[f32], kept: &[u32], sum: &mut [f32]);
}

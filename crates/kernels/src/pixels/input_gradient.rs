//! What a training step has a convolution add to its input's gradient.

/// The gradient of a convolution's input, to be added to.
#[derive(Debug)]
pub struct InputGradient<'a> {
    /// The filter, packed by [`Conv2d::pack_adjoint_into`](super::Conv2d::pack_adjoint_into).
    pub packed: &'a [f32],
    /// `[images, height, width, in]`.
    pub gradient: &'a mut [f32],
}

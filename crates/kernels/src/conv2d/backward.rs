//! What every method of a convolution is given for the gradients of an image.

/// What one image's backward reads and writes, with lengths checked; fields as the arguments of [`Conv2d::backward`](super::Conv2d::backward).
pub(super) struct Backward<'a> {
    pub input: &'a [f32],
    pub output_gradient: &'a [f32],
    pub adjoint_packed: &'a [f32],
    pub input_gradient: Option<(&'a mut [f32], bool)>,
    pub filter_gradient: &'a mut [f32],
    pub workspace: &'a mut [f32],
}

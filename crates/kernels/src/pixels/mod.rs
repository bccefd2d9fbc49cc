//! Kernels on feature maps in pixels, `[height, width, channels]`: what remains between two layers of an exact network
//! once the DCT of one and the inverse DCT of the next have cancelled.
//!
//! A convolution here is the middle of Ξ = J̃CJ. It works on any run of output rows of a batch (`[images, height, width,
//! channels]`), so that threads share an image as well as a batch, and finishes each tile while it is in the cache: bias,
//! residual, activation.

mod average_pool;
mod batch_norm;
mod conv2d;
mod convert;
mod direct;
mod epilogue;
mod gradients;
mod input;
mod input_gradient;
mod low_pass;
mod masking;
mod pointwise;
mod pool;
mod scatter;
mod shape;
mod wide;
mod winograd;

pub use average_pool::AveragePool;
pub use batch_norm::{
    MOMENTS, Passed, Term, add_bias_gradient, add_moments, normalise_backward_into, pass_and_add_moments,
    pass_in_place, sum_into,
};
pub use conv2d::{Conv2d, Method, Tile};
pub use convert::{coefficients_from_pixels_into, pixels_from_coefficients_into};
pub use epilogue::{Activation, Epilogue, scale_shift_in_place};
pub use input_gradient::InputGradient;
pub use low_pass::truncate_pixels_in_place;
pub use masking::Masked;
pub use pool::{
    PoolShape, add_global_average_pool_gradient, add_subsample_gradient, global_average_pool_into, max_pool_rows_into,
    subsample_into,
};
pub use scatter::Scatter;
pub use shape::ConvShape;
pub use wide::Wide;
pub use winograd::{Order, SharedRun, WideRuns};

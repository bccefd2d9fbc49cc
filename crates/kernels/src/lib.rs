//! Arithmetic of residual networks in the JPEG transform domain, on slices of blocks.
//!
//! A feature map of one image is `[grid.high, grid.wide, 64, channels]` float32: the 64 orthonormal, dequantised DCT
//! coefficients of a block in zigzag order, channels innermost so that they fill the vector lanes. Kernels write into
//! the caller's slices: they allocate nothing, start no threads and return no errors; a slice of a wrong length is a
//! broken contract and panics. Every kernel takes the [`Isa`] to run on.
//!
//! Source of the method: Ehrlich and Davis, *Deep Residual Learning in the JPEG Transform Domain* (ICCV 2019).

#![expect(
    clippy::inline_always,
    reason = "a body must be inlined into the function that enables its instruction set, or it runs without it"
)]

mod add;
mod average;
pub mod band;
mod batch_norm;
mod block;
mod conv2d;
mod dct;
pub mod definition;
mod edges;
mod extent;
mod gradient;
mod half;
pub mod input;
mod isa;
mod linear;
mod loss;
mod max_pool;
mod optimizer;
mod piecewise_linear;
pub mod pixels;
mod pool;
mod resample;
pub mod resize;
mod sampling;
mod subsample;
mod truncate;

pub use add::add_in_place;
pub use average::move_towards;
pub use batch_norm::{
    BatchNormGradient, BatchStatistics, GRADIENT_MOMENTS, MOMENTS, add_gradient_moments, add_moments,
    batch_norm_backward_into, normalise_coefficients, scale_shift_into,
};
pub use block::{BLOCK, Grid, ROW_MAJOR_TO_ZIGZAG, SIDE, ZIGZAG_TO_ROW_MAJOR, coefficients_kept};
pub use conv2d::{Conv2d, Conv2dShape, Factorisation, bias_gradient_into};
pub use dct::{forward_dct_into, inverse_dct_into};
pub use edges::clear_beyond;
pub use extent::Extent;
pub use gradient::{clamp_in_place, scale_in_place, sum_of_squares};
pub use half::{narrow_into, widen_into};
pub use isa::Isa;
pub use linear::{linear_backward, linear_into};
pub use loss::{Labels, Loss, softmax_cross_entropy, softmax_in_place};
pub use max_pool::MaxPool;
pub use optimizer::{Adam, Sgd};
pub use piecewise_linear::{Breakpoint, Masking, PiecewiseLinear};
pub use pool::{global_average_pool_backward_into, global_average_pool_into};
pub use resample::AxisOperator;
pub use sampling::Sampling;
pub use subsample::Subsample;
pub use truncate::truncate_in_place;

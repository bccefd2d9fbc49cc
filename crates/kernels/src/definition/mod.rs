//! The paper's formulas in float64, naive and plain: the truth for tests.
//!
//! Nothing here is fast and nothing fast depends on it. A [`CoefficientMap`] carries the quantisation steps q of its
//! channels, so every operation is written once, in JPEG units; with all steps 1 the same code is the orthonormal
//! definition. The `pixels` module is the spatial twin: the same operations on pixels, with no transform in them.
//!
//! Index convention: a tensor written `J^{hw}_{xyγ}` maps what its upper indices name to what its lower ones do, and is
//! stored `[upper, lower]` as a [`LinearMap`].
//!
//! Source: Ehrlich and Davis, *Deep Residual Learning in the JPEG Transform Domain* (ICCV 2019), and the author's notes.
#![expect(clippy::cast_precision_loss, reason = "counts of blocks and pixels are far below 2^52")]
#![expect(clippy::many_single_char_names, reason = "indices are named as in the formulas")]

mod batch_norm;
mod block_form;
mod explode;
mod jpeg;
mod linear_map;
mod map;
mod nonlinearity;
mod pixel_map;
pub mod pixels;
mod pooling;
mod resampling;
mod steps;

pub use batch_norm::{BatchNorm, BatchNormGradients, Moments, fold_batch_norm};
pub use block_form::{BlockForm, block_offsets, convolve_block_form};
pub use explode::{ConvolutionGradients, convolve_exploded, explode, exploded_gradients};
pub use jpeg::{JpegTransform, dct_8, dct_block, inverse_dct_block};
pub use linear_map::LinearMap;
pub use map::CoefficientMap;
pub use nonlinearity::{
    Piece, Response, apply_half_spatial, half_spatial_tensor, low_pass_pixels, pieces_of, piecewise_linear,
    piecewise_linear_gradient, relu_pieces,
};
pub use pooling::{
    add, global_average_pool, global_average_pool_gradient, max_pool, max_pool_gradient, subsample, subsample_gradient,
    truncate,
};
pub use resampling::{resize_line, upsample_plane};
pub use steps::{Steps, UNIT_STEPS};

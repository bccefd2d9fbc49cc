//! Kernels on band maps `[blocks high, blocks wide, kept, channels]`: the coefficients of each block with
//! `α + β < frequencies`, the first `kept` in zigzag order; 15 frequencies are the exact full map.
//!
//! What a band-limited network keeps between its layers. With P the truncation, every kernel here is P after the map it
//! is named for, exact on the truncated signal it is given. Kernels take the whole batch `[images, …]` where they read
//! and a range of its rows of blocks where they write, so that threads can share an image.

mod convert;
mod diagonalised;
mod finish;
mod nonlinearity;
mod planes;
mod pointwise;
mod shape;
mod sign_bound;

pub use convert::{band_rows_from_pixels_into, pixel_rows_from_band_into};
pub use diagonalised::Diagonalised;
pub use nonlinearity::{activation_in_place, constant_signs};
pub use pointwise::Pointwise;
pub use shape::{BandShape, ConvShape};

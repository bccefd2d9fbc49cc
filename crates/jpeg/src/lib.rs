//! JPEG files to sparse quantised DCT coefficients: libjpeg's entropy decoder and nothing after it.
//!
//! [`read_coefficients`] undoes the Huffman or arithmetic coding of a file and keeps, for every component, its
//! quantisation table and the non-zero coefficients of its blocks. No coefficient is dequantised and no inverse DCT is
//! taken: the network's input layer does what is left, on the coefficients.
//!
//! What shall be kept is packed ([`packed`]): the same coefficients in fewer bytes than the file's.
//!
//! Coefficients are in row-major order within a block (vertical frequency first), which libjpeg calls natural order.

mod coding;
mod colour;
mod error;
mod exif;
mod libjpeg;
mod limits;
mod lossless;
mod orientation;
pub mod packed;
mod read_options;
mod segments;
mod smoothing;
mod sparse;
mod validity;
mod warning;
mod work;
mod xmp;

pub use coding::Coding;
pub use colour::Colour;
pub use error::JpegError;
pub use libjpeg::{WriteOptions, libjpeg_version, read_coefficients, read_coefficients_within, write_coefficients};
pub use limits::Limits;
pub use lossless::{LosslessTransform, PixelBox, transform_losslessly};
pub use orientation::Orientation;
pub use read_options::{Damage, ReadOptions};
pub use sparse::{BLOCK, Component, SparseBlocks, SparseJpeg};
pub use warning::Warning;
pub use work::Work;

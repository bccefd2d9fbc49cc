//! What making a view costs, counted before it is done: upper bounds, measured with files made to be slow
//! (`examples/using_time.rs`, docs/security.md).

use jpegnet_jpeg::{JpegError, SparseJpeg, Work};
use jpegnet_kernels::input::SparsePlane;
use jpegnet_kernels::resize::{ComponentAxis, Panels};

/// A block that is resized for 16 columns of pixels, whatever is in it, and one of its coefficients that is read.
const RESIZED_BLOCK: u64 = 30;
const RESIZED_COEFFICIENT: u64 = 2;
/// Eight rows of samples added to 16 pixels.
const ADDED_PIXELS: u64 = 10;
/// A pixel of a plane, from zero to the channels.
const PIXEL: u64 = 5;
/// A block and a coefficient of a component whose range is looked at.
const LOOKED_AT_BLOCK: u64 = 30;
const LOOKED_AT_COEFFICIENT: u64 = 3;
/// A block of pixels that is decoded and resized again, and each of its components; of one with fewer samples, too.
const DECODED_BLOCK: u64 = 500;
const DECODED_COMPONENT: u64 = 250;
const UPSAMPLED_COMPONENT: u64 = 250;

/// Adds what it takes to resize a component's blocks along these axes; of a component, its coefficients are passed over
/// even where they are not read.
pub(super) fn add_resizing(
    work: &mut Work,
    coefficients: usize,
    (vertical, horizontal): (&ComponentAxis, &Panels),
) -> Result<(), JpegError> {
    let visits = vertical.blocks().len() as u64 * horizontal.visits() as u64;
    let added = vertical.reached() as u64 * horizontal.outputs().div_ceil(16) as u64;
    work.add(RESIZED_BLOCK * visits + RESIZED_COEFFICIENT * coefficients as u64 + ADDED_PIXELS * added)
}

/// Adds what it takes to mix planes of pixels to a view.
pub(super) fn add_mixing(work: &mut Work, planes: usize, pixels: usize) -> Result<(), JpegError> {
    work.add(PIXEL * planes as u64 * pixels as u64)
}

/// Adds what it takes to look at what samples a picture's blocks can have.
pub(super) fn add_looking(work: &mut Work, jpeg: &SparseJpeg) -> Result<(), JpegError> {
    work.add_each(jpeg, LOOKED_AT_BLOCK, LOOKED_AT_COEFFICIENT)
}

/// Adds what it takes to decode some blocks of pixels.
pub(super) fn add_decoding(work: &mut Work, planes: &[SparsePlane], blocks: usize) -> Result<(), JpegError> {
    let component = |plane: &SparsePlane| {
        let is_upsampled = plane.horizontal_ratio > 1 || plane.vertical_ratio > 1;
        DECODED_COMPONENT + if is_upsampled { UPSAMPLED_COMPONENT } else { 0 }
    };
    work.add((DECODED_BLOCK + planes.iter().map(component).sum::<u64>()) * blocks as u64)
}

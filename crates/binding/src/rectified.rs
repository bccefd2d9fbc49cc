//! `ReLU` of blocks across the border.

use crate::failure::BindingFailure;
use crate::job::{Job, job};
use jpegnet_engine::{MaskingSpec, rectified_blocks as rectified};
use napi::bindgen_prelude::{AsyncTask, Float32Array};
use napi_derive::napi;

/// `ReLU` of the pixels of blocks `[blocks, 8, 8]`, masked from φ frequencies.
#[napi(
    ts_args_type = "pixels: Float32Array, masking: 'asm' | 'apx', frequencies: number",
    ts_return_type = "Promise<Float32Array | BindingFailure>"
)]
#[must_use]
pub fn rectified_blocks(
    pixels: Float32Array,
    masking: String,
    frequencies: u32,
) -> AsyncTask<Job<Vec<f32>, Float32Array>> {
    let pixels = pixels.to_vec();
    job(
        move || {
            let found = MaskingSpec::from_name(&masking);
            let masking = found.ok_or_else(|| BindingFailure::invalid_option("masking", "asm or apx", &masking))?;
            Ok(rectified(crate::runtime::isa()?, &pixels, masking, frequencies as usize)?)
        },
        |_, output| output.into(),
    )
}

//! Tensors across the border, and safetensors files.

use crate::failure::BindingFailure;
use crate::job::{Job, job};
use jpegnet_engine::NamedTensor;
use jpegnet_engine::files::write_whole;
use jpegnet_engine::weights::{Metadata, read_safetensors as read, write_safetensors as write};
use napi::bindgen_prelude::{AsyncTask, Float32Array, Uint8Array};
use napi_derive::napi;
use std::collections::HashMap;
use std::path::PathBuf;

/// A tensor with its name; counts are one float.
#[napi(object)]
pub struct BindingTensor {
    /// `layer1.0.conv1.weight`.
    pub name: String,
    /// Lengths of the axes; empty for a single value.
    pub shape: Vec<u32>,
    /// Row-major.
    pub values: Float32Array,
}

impl From<NamedTensor> for BindingTensor {
    fn from(tensor: NamedTensor) -> Self {
        let shape = tensor.shape.into_iter().map(|length| u32::try_from(length).unwrap_or(u32::MAX)).collect();
        BindingTensor { name: tensor.name, shape, values: tensor.values.into() }
    }
}

/// Copies tensors out of JavaScript's memory, which JavaScript may change while a worker reads it.
pub(crate) fn copied(tensors: Vec<BindingTensor>) -> Vec<NamedTensor> {
    let copy = |tensor: BindingTensor| NamedTensor {
        name: tensor.name,
        shape: tensor.shape.into_iter().map(|length| length as usize).collect(),
        values: tensor.values.to_vec(),
    };
    tensors.into_iter().map(copy).collect()
}

pub(crate) fn lifted(tensors: Vec<NamedTensor>) -> Vec<BindingTensor> {
    tensors.into_iter().map(BindingTensor::from).collect()
}

/// A file's tensors and what it says about itself.
#[napi(object)]
pub struct BindingSafetensors {
    /// What the file says about itself, by key.
    pub metadata: HashMap<String, String>,
    /// In the file's order.
    pub tensors: Vec<BindingTensor>,
}

/// Reads a safetensors file; every type becomes float32.
#[napi(ts_return_type = "Promise<BindingSafetensors | BindingFailure>")]
#[must_use]
pub fn read_safetensors(path: String) -> AsyncTask<Job<(Metadata, Vec<NamedTensor>), BindingSafetensors>> {
    job(
        move || Ok(read(&PathBuf::from(path))?),
        |_, (metadata, tensors)| BindingSafetensors {
            metadata: metadata.into_iter().collect(),
            tensors: lifted(tensors),
        },
    )
}

/// Writes a file beside the old one and puts it in its place; a failure leaves the old one as it was.
#[napi(ts_return_type = "Promise<boolean | BindingFailure>")]
#[must_use]
pub fn write_file(path: String, bytes: Uint8Array) -> AsyncTask<Job<(), bool>> {
    let bytes = bytes.to_vec();
    job(
        move || write_whole(&PathBuf::from(path), |file| file.write_all(&bytes)).map_err(BindingFailure::from),
        |_, ()| true,
    )
}

/// Writes a safetensors file beside the old one and puts it in its place; a failure leaves the old one as it was.
#[napi(ts_return_type = "Promise<boolean | BindingFailure>")]
#[must_use]
pub fn write_safetensors(
    path: String,
    tensors: Vec<BindingTensor>,
    metadata: HashMap<String, String>,
) -> AsyncTask<Job<(), bool>> {
    let tensors = copied(tensors);
    job(
        move || write(&PathBuf::from(path), &tensors, &metadata.into_iter().collect()).map_err(BindingFailure::from),
        |_, ()| true,
    )
}

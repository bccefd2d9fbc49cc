//! Weights on disk: safetensors files as `PyTorch` reads and writes them.

use crate::EngineError;
use crate::network::UPDATES;
use crate::optimizer::{MISSED, PREFIX, STEP};
use crate::safetensors_file::{self as file, Entry, WriteValues, write_values};
use crate::tensor::{NamedTensor, count};
use half::{bf16, f16};
use safetensors::Dtype;
use std::path::Path;

pub use crate::safetensors_file::Metadata;

/// Reads a safetensors file; floats and integers of every width become float32. Tensors come in the file's order, empty ones
/// that share a place in the order of their names.
///
/// # Errors
/// [`EngineError::FileNotFound`], [`EngineError::FileUnreadable`], or [`EngineError::InvalidWeights`] if the file is not
/// what its header says or holds a type without a float32 reading.
pub fn read_safetensors(path: &Path) -> Result<(Metadata, Vec<NamedTensor>), EngineError> {
    let invalid = |name: &str, expected: &str, found: String| EngineError::InvalidWeights {
        name: format!("{}: {name}", path.display()),
        expected: expected.into(),
        found,
    };
    file::read(path, |file, names, metadata| {
        let mut tensors = Vec::with_capacity(names.len());
        for name in names {
            let view = file.tensor(&name).map_err(|error| invalid(&name, "a tensor", error.to_string()))?;
            let values = floats(view.dtype(), view.data())
                .ok_or_else(|| invalid(&name, "floats or integers", format!("{:?}", view.dtype())))?;
            tensors.push(NamedTensor { name, shape: view.shape().to_vec(), values });
        }
        Ok((metadata, tensors))
    })
}

/// Little-endian numbers as float32.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "weights are float32 here; wider types are rounded to it"
)]
fn floats(dtype: Dtype, data: &[u8]) -> Option<Vec<f32>> {
    fn each<const N: usize>(data: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        data.as_chunks::<N>().0.iter().map(|&bytes| number(bytes)).collect()
    }
    Some(match dtype {
        Dtype::F64 => each(data, |bytes| f64::from_le_bytes(bytes) as f32),
        Dtype::F32 => each(data, f32::from_le_bytes),
        Dtype::F16 => each(data, |bytes| f16::from_le_bytes(bytes).to_f32()),
        Dtype::BF16 => each(data, |bytes| bf16::from_le_bytes(bytes).to_f32()),
        Dtype::I64 => each(data, |bytes| i64::from_le_bytes(bytes) as f32),
        Dtype::I32 => each(data, |bytes| i32::from_le_bytes(bytes) as f32),
        Dtype::I16 => each(data, |bytes| i16::from_le_bytes(bytes).into()),
        Dtype::U16 => each(data, |bytes| u16::from_le_bytes(bytes).into()),
        Dtype::I8 => each(data, |bytes| i8::from_le_bytes(bytes).into()),
        Dtype::U8 => each(data, |[byte]: [u8; 1]| byte.into()),
        _ => return None,
    })
}

/// Writes a safetensors file: aside first, flushed to the disk, then renamed over the old one. Tensors are F32, counts
/// (`num_batches_tracked`, those of an optimizer's steps) I64 scalars, as `PyTorch` has them.
///
/// # Errors
/// [`EngineError::WriteFailed`]; the old file is untouched then and nothing is left beside it.
/// [`EngineError::InvalidWeights`] if a tensor's values do not fill its shape, or two have one name.
pub fn write_safetensors(path: &Path, tensors: &[NamedTensor], metadata: &Metadata) -> Result<(), EngineError> {
    file::write(path, tensors.iter().map(entry).collect(), metadata)
}

fn entry(tensor: &NamedTensor) -> Entry<'_> {
    let NamedTensor { name, shape, values } = tensor;
    let (dtype, write): (_, WriteValues) = if is_count(tensor) {
        #[expect(clippy::cast_possible_truncation, reason = "checked to be a whole number")]
        let bytes = |&value: &f32| (value as i64).to_le_bytes();
        (Dtype::I64, Box::new(move |file| write_values(file, values, bytes)))
    } else {
        (Dtype::F32, Box::new(|file| write_values(file, values, |value| value.to_le_bytes())))
    };
    Entry { name, dtype, shape, count: values.len(), write }
}

fn is_count(tensor: &NamedTensor) -> bool {
    let name = tensor.name.as_str();
    let named = name.ends_with("num_batches_tracked")
        || [STEP, UPDATES].contains(&name)
        || (name.starts_with(PREFIX) && name.ends_with(MISSED));
    named && tensor.values.iter().all(|&value| count(value).is_some())
}

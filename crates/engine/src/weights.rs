//! Weights on disk: the safetensors format, as `PyTorch` reads and writes it.
//!
//! A file is an 8-byte length (little-endian), that many bytes of JSON, and the tensors' bytes. Source:
//! <https://github.com/huggingface/safetensors#format>.

use crate::EngineError;
use crate::network::UPDATES;
use crate::optimizer::{MISSED, PREFIX, STEP};
use crate::tensor::{NamedTensor, count};
use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What a file says about itself, by key.
pub type Metadata = BTreeMap<String, String>;

/// The JSON key of the metadata.
const METADATA: &str = "__metadata__";

/// Reads a safetensors file; F64, F16, BF16, I64, I32 and others become float32. Tensors come in the file's order, empty ones
/// that share a place in the order of their names.
///
/// # Errors
/// [`EngineError::FileNotFound`], [`EngineError::FileUnreadable`], or [`EngineError::InvalidWeights`] if the file is not
/// what its header says or holds a type without a float32 reading.
pub fn read_safetensors(path: &Path) -> Result<(Metadata, Vec<NamedTensor>), EngineError> {
    let name = path.display().to_string();
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => EngineError::FileNotFound { path: name.clone() },
        _ => EngineError::FileUnreadable { path: name.clone(), found: error.to_string() },
    })?;
    let invalid = |found: String| EngineError::InvalidWeights {
        name: name.clone(),
        expected: "a safetensors file".into(),
        found,
    };
    // Offsets and shapes are checked against the bytes that are there before anything is copied.
    let file = SafeTensors::deserialize(&bytes).map_err(|error| invalid(error.to_string()))?;
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| invalid(error.to_string()))?;
    let metadata = header.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut tensors = Vec::with_capacity(file.len());
    let mut names = header.offset_keys();
    names.sort_by_cached_key(|name| (header.info(name).map(|info| info.data_offsets), name.clone()));
    for tensor_name in names {
        let view = file.tensor(&tensor_name).map_err(|error| invalid(error.to_string()))?;
        let Some(values) = floats(view.dtype(), view.data()) else {
            return Err(EngineError::InvalidWeights {
                name: format!("{name}: {tensor_name}"),
                expected: "floats or integers".into(),
                found: format!("{:?}", view.dtype()),
            });
        };
        tensors.push(NamedTensor { name: tensor_name, shape: view.shape().to_vec(), values });
    }
    Ok((metadata, tensors))
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
    let (header, order) = header(tensors, metadata)?;
    let failed =
        |error: &io::Error| EngineError::WriteFailed { path: path.display().to_string(), found: error.to_string() };
    let (aside, file) = create_aside(path).map_err(|error| failed(&error))?;
    let written = write_into(file, &header, &order).and_then(|()| fs::rename(&aside, path));
    if let Err(error) = written {
        // The error that matters is the one before.
        let _ = fs::remove_file(&aside);
        return Err(failed(&error));
    }
    sync_folder(path);
    Ok(())
}

fn is_count(tensor: &NamedTensor) -> bool {
    let name = tensor.name.as_str();
    let named = name.ends_with("num_batches_tracked")
        || [STEP, UPDATES].contains(&name)
        || (name.starts_with(PREFIX) && name.ends_with(MISSED));
    named && tensor.values.iter().all(|&value| count(value).is_some())
}

/// The JSON header, and the tensors in the order of their bytes: wide types first, so that all are aligned.
fn header<'a>(tensors: &'a [NamedTensor], metadata: &Metadata) -> Result<(Vec<u8>, Vec<&'a NamedTensor>), EngineError> {
    let mut order: Vec<&NamedTensor> = tensors.iter().collect();
    order.sort_by_key(|tensor| !is_count(tensor));
    let mut entries = Map::new();
    if !metadata.is_empty() {
        entries.insert(METADATA.into(), json!(metadata));
    }
    let mut offset = 0;
    for tensor in &order {
        let NamedTensor { name, shape, values } = tensor;
        let invalid =
            |expected: String, found: String| EngineError::InvalidWeights { name: name.clone(), expected, found };
        if shape.iter().product::<usize>() != values.len() {
            return Err(invalid(format!("values for the shape {shape:?}"), values.len().to_string()));
        }
        let (dtype, width) = if is_count(tensor) { ("I64", 8) } else { ("F32", 4) };
        let end = offset + values.len() * width;
        let entry = json!({ "dtype": dtype, "shape": shape, "data_offsets": [offset, end] });
        if name == METADATA || entries.insert(name.clone(), entry).is_some() {
            return Err(invalid("a name of its own".into(), "one that is taken".into()));
        }
        offset = end;
    }
    let mut json = Value::Object(entries).to_string().into_bytes();
    json.resize(json.len().next_multiple_of(8), b' ');
    Ok((json, order))
}

/// A new file in the same folder, so that renaming stays on one disk.
fn create_aside(path: &Path) -> io::Result<(PathBuf, File)> {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "no name for a file"));
    };
    loop {
        let mut aside = std::ffi::OsString::from(".");
        aside.push(name);
        aside.push(format!(".{}-{}.writing", std::process::id(), WRITES.fetch_add(1, Ordering::Relaxed)));
        let aside = path.with_file_name(aside);
        match OpenOptions::new().write(true).create_new(true).open(&aside) {
            // Left by a process that was killed and had the number that this one has.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (aside, file)),
        }
    }
}

fn write_into(file: File, header: &[u8], order: &[&NamedTensor]) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 18, file);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(header)?;
    for tensor in order {
        if is_count(tensor) {
            for value in &tensor.values {
                #[expect(clippy::cast_possible_truncation, reason = "checked to be a whole number")]
                file.write_all(&(*value as i64).to_le_bytes())?;
            }
        } else {
            for value in &tensor.values {
                file.write_all(&value.to_le_bytes())?;
            }
        }
    }
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()
}

/// Makes the renaming last through a power cut, where folders can be synced at all.
fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Ok(folder) = File::open(folder) {
        // The file itself is safe and in place; some systems refuse to sync folders.
        let _ = folder.sync_all();
    }
}

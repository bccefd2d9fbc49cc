//! Files of named tensors: the safetensors format.
//!
//! A file is an 8-byte length (little-endian), that many bytes of JSON, and the tensors' bytes. Source:
//! <https://github.com/huggingface/safetensors#format>.

use crate::EngineError;
use crate::files::write_whole;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// What a file says about itself, by key.
pub type Metadata = BTreeMap<String, String>;

/// The JSON key of the metadata.
const METADATA: &str = "__metadata__";

/// A tensor as a file has it.
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a str,
    pub(crate) dtype: Dtype,
    pub(crate) shape: &'a [usize],
    /// How many values there are.
    pub(crate) count: usize,
    /// Writes the values, little-endian: when it is their turn, so that no copy of all tensors is made.
    pub(crate) write: WriteValues<'a>,
}

pub(crate) type WriteValues<'a> = Box<dyn Fn(&mut dyn Write) -> io::Result<()> + 'a>;

/// Writes values of N bytes, some thousands at a time.
pub(crate) fn write_values<T, const N: usize>(
    file: &mut dyn Write,
    values: &[T],
    bytes: impl Fn(&T) -> [u8; N],
) -> io::Result<()> {
    values.chunks(4096).try_for_each(|some| file.write_all(some.iter().map(&bytes).collect::<Vec<_>>().as_flattened()))
}

/// Reads a file and hands it over with its metadata, and the names of its tensors in the order of their values, empty ones that
/// share a place in the order of their names.
///
/// # Errors
/// [`EngineError::FileNotFound`], [`EngineError::FileUnreadable`], or [`EngineError::InvalidWeights`] if the file is not
/// what its header says.
pub(crate) fn read<T>(
    path: &Path,
    take: impl FnOnce(&SafeTensors, Vec<String>, Metadata) -> Result<T, EngineError>,
) -> Result<T, EngineError> {
    let name = path.display().to_string();
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => EngineError::FileNotFound { path: name.clone() },
        _ => EngineError::FileUnreadable { path: name.clone(), found: error.to_string() },
    })?;
    let invalid = |error: safetensors::SafeTensorError| EngineError::InvalidWeights {
        name: name.clone(),
        expected: "a safetensors file".into(),
        found: error.to_string(),
    };
    // Offsets and shapes are checked against the bytes that are there before anything is copied.
    let file = SafeTensors::deserialize(&bytes).map_err(invalid)?;
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(invalid)?;
    let metadata = header.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut names = header.offset_keys();
    names.sort_by_cached_key(|name| (header.info(name).map(|info| info.data_offsets), name.clone()));
    take(&file, names, metadata)
}

/// Writes a file: aside first, flushed to the disk, then renamed over the old one.
///
/// # Errors
/// [`EngineError::WriteFailed`]; the old file is untouched then and nothing is left beside it.
/// [`EngineError::InvalidWeights`] if a tensor's values do not fill its shape, or two have one name.
pub(crate) fn write(path: &Path, mut entries: Vec<Entry>, metadata: &Metadata) -> Result<(), EngineError> {
    // Wide types first, so that all are aligned.
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.dtype.bitsize()));
    let header = header(&entries, metadata)?;
    write_whole(path, |file| {
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(&header)?;
        entries.iter().try_for_each(|entry| (entry.write)(file))
    })
}

/// The JSON header.
fn header(entries: &[Entry], metadata: &Metadata) -> Result<Vec<u8>, EngineError> {
    let mut header = Map::new();
    if !metadata.is_empty() {
        header.insert(METADATA.into(), json!(metadata));
    }
    let mut offset = 0;
    for &Entry { name, dtype, shape, count, .. } in entries {
        let invalid =
            |expected: String, found: String| EngineError::InvalidWeights { name: name.into(), expected, found };
        if shape.iter().product::<usize>() != count {
            return Err(invalid(format!("values for the shape {shape:?}"), count.to_string()));
        }
        let end = offset + count * dtype.bitsize() / 8;
        let entry = json!({ "dtype": dtype, "shape": shape, "data_offsets": [offset, end] });
        if name == METADATA || header.insert(name.into(), entry).is_some() {
            return Err(invalid("a name of its own".into(), "one that is taken".into()));
        }
        offset = end;
    }
    let mut json = Value::Object(header).to_string().into_bytes();
    json.resize(json.len().next_multiple_of(8), b' ');
    Ok(json)
}

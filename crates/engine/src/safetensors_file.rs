//! Files of named tensors: the safetensors format.
//!
//! A file is an 8-byte length (little-endian), that many bytes of JSON, and the tensors' bytes. Source:
//! <https://github.com/huggingface/safetensors#format>.

use crate::EngineError;
use crate::files::write_whole;
use crc32fast::Hasher;
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

/// The metadata's key of the file's checksum: the CRC-32 of the whole file, as eight digits that count as zeros in it.
const CHECKSUM: &str = "jpegnet.checksum";

/// The checksum before it is known.
const ZEROS: &str = "00000000";

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
/// what its header says, or its checksum not what it says, if it says one.
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
    let (length, header) = SafeTensors::read_metadata(&bytes).map_err(invalid)?;
    let mut metadata: Metadata =
        header.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
    if let Some(checksum) = metadata.remove(CHECKSUM) {
        verify(&bytes, length, &checksum).map_err(|found| EngineError::InvalidWeights {
            name: name.clone(),
            expected: format!("a file whose checksum is {checksum}, as it says"),
            found: format!("{found}: it was damaged after it was written, or changed by another program"),
        })?;
    }
    let mut names = header.offset_keys();
    names.sort_by_cached_key(|name| (header.info(name).map(|info| info.data_offsets), name.clone()));
    take(&file, names, metadata)
}

/// Writes a file with its checksum: aside first, flushed to the disk, then renamed over the old one.
///
/// # Errors
/// [`EngineError::WriteFailed`]; the old file is untouched then and nothing is left beside it.
/// [`EngineError::InvalidWeights`] if a tensor's values do not fill its shape, or two have one name.
pub(crate) fn write(path: &Path, mut entries: Vec<Entry>, metadata: &Metadata) -> Result<(), EngineError> {
    // Wide types first, so that all are aligned.
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.dtype.bitsize()));
    let mut metadata = metadata.clone();
    metadata.insert(CHECKSUM.into(), ZEROS.into());
    let mut header = header(&entries, &metadata)?;
    let length = (header.len() as u64).to_le_bytes();
    let mut hasher = Hashing(Hasher::new());
    let begun = [&length[..], &header].into_iter().try_for_each(|bytes| hasher.write_all(bytes));
    begun
        .and_then(|()| entries.iter().try_for_each(|entry| (entry.write)(&mut hasher)))
        .map_err(|error| EngineError::WriteFailed { path: path.display().to_string(), found: error.to_string() })?;
    if let Some(digits) = digits(&header) {
        header[digits..digits + ZEROS.len()].copy_from_slice(format!("{:08x}", hasher.0.finalize()).as_bytes());
    }
    write_whole(path, |file| {
        file.write_all(&length)?;
        file.write_all(&header)?;
        entries.iter().try_for_each(|entry| (entry.write)(file))
    })
}

/// Takes what is written into a checksum.
struct Hashing(Hasher);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where in a header the digits of the checksum begin.
fn digits(header: &[u8]) -> Option<usize> {
    let key = format!("\"{CHECKSUM}\":\"");
    // Inside a text its quotes would be escaped.
    let at = header.windows(key.len()).position(|window| window == key.as_bytes())? + key.len();
    (at + ZEROS.len() <= header.len()).then_some(at)
}

/// Compares the checksum of a file, whose header has so many bytes, with the one that it says; the error is what was found.
fn verify(bytes: &[u8], header: usize, checksum: &str) -> Result<(), String> {
    let start = size_of::<u64>();
    let digits = digits(&bytes[start..start + header]).ok_or("a header written otherwise")? + start;
    let mut hasher = Hasher::new();
    hasher.update(&bytes[..digits]);
    hasher.update(ZEROS.as_bytes());
    hasher.update(&bytes[digits + ZEROS.len()..]);
    let found = format!("{:08x}", hasher.finalize());
    if found == checksum { Ok(()) } else { Err(found) }
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

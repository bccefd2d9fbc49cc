//! A picture's coefficients on disk: a safetensors file that any language reads.
//!
//! `component_0`… are int16 `[blocks high, blocks wide, 8, 8]`, quantised, row-major, vertical frequency first;
//! `quantization_0`… their steps, uint16 `[8, 8]`. Metadata says the rest as text: `width`, `height`, `colour` (`gray`,
//! `ycbcr`, `rgb`, `cmyk`, `ycck`), `inverted`, `orientation` (1–8), and a component's values separated by commas:
//! `identifiers`, `sampling` (`2x2,1x1,1x1`).

use crate::EngineError;
use crate::safetensors_file::{self as file, Entry, Metadata, write_values};
use jpegnet_jpeg::{BLOCK, Colour, Component, Orientation, SparseBlocks, SparseJpeg};
use safetensors::{Dtype, SafeTensors};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

/// Writes a picture's coefficients: aside first, flushed to the disk, then renamed over the old file.
///
/// # Errors
/// [`EngineError::WriteFailed`]; the old file is untouched then.
pub fn write_coefficients_file(path: &Path, jpeg: &SparseJpeg) -> Result<(), EngineError> {
    let dense: Vec<Vec<i16>> = jpeg.components.iter().map(|component| component.blocks.to_dense()).collect();
    let names: Vec<[String; 2]> = (0..dense.len()).map(names).collect();
    let shapes: Vec<[usize; 4]> =
        jpeg.components.iter().map(|component| [component.blocks_high, component.blocks_wide, 8, 8]).collect();
    let mut entries = Vec::new();
    for (index, component) in jpeg.components.iter().enumerate() {
        let [of_values, of_steps] = &names[index];
        let (values, steps) = (&dense[index], &component.quantisation);
        entries.push(Entry {
            name: of_values,
            dtype: Dtype::I16,
            shape: &shapes[index],
            count: values.len(),
            write: Box::new(|file| write_values(file, values, |value| value.to_le_bytes())),
        });
        entries.push(Entry {
            name: of_steps,
            dtype: Dtype::U16,
            shape: &[8, 8],
            count: BLOCK,
            write: Box::new(|file| write_values(file, &**steps, |step| step.to_le_bytes())),
        });
    }
    file::write(path, entries, &metadata(jpeg))
}

fn names(component: usize) -> [String; 2] {
    [format!("component_{component}"), format!("quantization_{component}")]
}

fn metadata(jpeg: &SparseJpeg) -> Metadata {
    let each = |text: fn(&Component) -> String| jpeg.components.iter().map(text).collect::<Vec<_>>().join(",");
    let entries = [
        ("format", "jpegnet-coefficients".to_owned()),
        ("width", jpeg.width.to_string()),
        ("height", jpeg.height.to_string()),
        ("colour", jpeg.colour.name().to_lowercase()),
        ("inverted", jpeg.colour.is_inverted().to_string()),
        ("orientation", jpeg.orientation.number().to_string()),
        ("identifiers", each(|component| component.id.to_string())),
        ("sampling", each(|component| format!("{}x{}", component.horizontal, component.vertical))),
    ];
    entries.map(|(key, value)| (key.to_owned(), value)).into()
}

/// Reads what [`write_coefficients_file`] writes, or another program that keeps to the same names. Left out,
/// `inverted` is false, `orientation` 1, `identifiers` count from 1, and `sampling` is 1x1.
///
/// # Errors
/// [`EngineError::FileNotFound`], [`EngineError::FileUnreadable`], or [`EngineError::InvalidWeights`] for a file of
/// something else. Whether blocks are those of the picture's size is not looked at.
pub fn read_coefficients_file(path: &Path) -> Result<SparseJpeg, EngineError> {
    let reader = Reader { path };
    file::read(path, |file, _, metadata| {
        let (width, height) = (reader.number(&metadata, "width", None)?, reader.number(&metadata, "height", None)?);
        let colour = reader.colour(&metadata)?;
        let components = (0..colour.components()).map(|index| reader.component(file, &metadata, index));
        let components = components.collect::<Result<Vec<_>, _>>()?;
        let orientation: u32 = reader.number(&metadata, "orientation", Some(1))?;
        let orientation = Orientation::of_number(orientation)
            .ok_or_else(|| reader.invalid("orientation", "a number from 1 to 8", &orientation.to_string()))?;
        Ok(SparseJpeg { orientation, ..SparseJpeg::new(width, height, colour, components) })
    })
}

struct Reader<'a> {
    path: &'a Path,
}

impl Reader<'_> {
    fn invalid(&self, part: &str, expected: &str, found: &str) -> EngineError {
        EngineError::InvalidWeights {
            name: format!("{}: {part}", self.path.display()),
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// The value of a key, or the one it has if it is left out.
    fn number<T: FromStr>(&self, metadata: &Metadata, key: &str, left_out: Option<T>) -> Result<T, EngineError> {
        match (metadata.get(key), left_out) {
            (Some(text), _) => text.parse().map_err(|_| self.invalid(key, "a number", text)),
            (None, Some(value)) => Ok(value),
            (None, None) => Err(self.invalid(key, "a number in the metadata of coefficients", "none")),
        }
    }

    fn colour(&self, metadata: &Metadata) -> Result<Colour, EngineError> {
        let inverted = metadata.get("inverted").is_some_and(|inverted| inverted == "true");
        let name = metadata.get("colour").map_or("none", String::as_str);
        let all = [Colour::Gray, Colour::YCbCr, Colour::Rgb, Colour::Cmyk { inverted }, Colour::Ycck];
        let found = all.into_iter().find(|colour| colour.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| self.invalid("colour", "gray, ycbcr, rgb, cmyk or ycck in the metadata", name))
    }

    fn component(&self, file: &SafeTensors, metadata: &Metadata, index: usize) -> Result<Component, EngineError> {
        let [of_values, of_steps] = names(index);
        let (shape, values) = self.tensor(file, &of_values, Dtype::I16)?;
        let &[blocks_high, blocks_wide, 8, 8] = &*shape else {
            return Err(self.invalid(&of_values, "the shape [blocks high, blocks wide, 8, 8]", &format!("{shape:?}")));
        };
        let (shape, steps) = self.tensor(file, &of_steps, Dtype::U16)?;
        if *shape != [8, 8] {
            return Err(self.invalid(&of_steps, "the shape [8, 8]", &format!("{shape:?}")));
        }
        let values: Vec<i16> = values.as_chunks().0.iter().map(|&bytes| i16::from_le_bytes(bytes)).collect();
        let steps = steps.as_chunks().0;
        let quantisation = Arc::new(std::array::from_fn(|at| u16::from_le_bytes(steps[at])));
        let of_component = |key: &str| metadata.get(key).map(|all| all.split(',').nth(index).unwrap_or("none").trim());
        let id = match of_component("identifiers") {
            Some(text) => {
                text.parse().map_err(|_| self.invalid("identifiers", "a number below 256 a component", text))?
            }
            None => u8::try_from(index + 1).unwrap_or(u8::MAX),
        };
        let (horizontal, vertical) = match of_component("sampling") {
            Some(text) => text
                .split_once('x')
                .and_then(|(horizontal, vertical)| Some((horizontal.parse().ok()?, vertical.parse().ok()?)))
                .ok_or_else(|| self.invalid("sampling", "factors such as 2x2 a component", text))?,
            None => (1, 1),
        };
        let blocks = SparseBlocks::from_dense(values.as_chunks().0);
        Ok(Component { id, horizontal, vertical, blocks_high, blocks_wide, quantisation, blocks })
    }

    /// A tensor's shape and bytes.
    fn tensor<'a>(
        &self,
        file: &SafeTensors<'a>,
        name: &str,
        dtype: Dtype,
    ) -> Result<(Vec<usize>, &'a [u8]), EngineError> {
        let view = file.tensor(name).map_err(|error| self.invalid(name, "a tensor", &error.to_string()))?;
        if view.dtype() != dtype {
            return Err(self.invalid(name, &format!("values of {dtype}"), &view.dtype().to_string()));
        }
        Ok((view.shape().to_vec(), view.data()))
    }
}

//! From the sparse images of a batch to the network's input, inside the step.

use crate::EngineError;
use crate::spec::InputSpec;
use jpegnet_jpeg::{Colour, SparseJpeg};
use jpegnet_kernels::input::{InputColour, InputTransform, SparsePlane};
use jpegnet_kernels::{Grid, Isa};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// A picture to train on or to classify.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    /// What errors call it: the file.
    pub name: &'a str,
    /// Its coefficients.
    pub jpeg: &'a SparseJpeg,
}

/// All that the transform from planes to the network's input depends on, beside the network.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Geometry {
    gray: bool,
    /// Horizontal and vertical subsampling of each component.
    ratios: Vec<(usize, usize)>,
}

/// A kind of file.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    /// By the order in which kinds were met.
    pub(crate) number: usize,
    pub(crate) transform: Arc<InputTransform>,
}

/// The transforms met so far; pictures of a set share a few.
#[derive(Debug, Default)]
pub(crate) struct InputTransforms {
    known: HashMap<Geometry, Kind>,
}

/// The images of a batch, each with its transform.
#[derive(Debug)]
pub(crate) struct BatchInput<'a> {
    images: &'a [Image<'a>],
    kinds: Vec<Kind>,
}

impl InputTransforms {
    /// Checks every image against the network's input and finds its transform.
    pub(crate) fn batch<'a>(
        &mut self,
        input: &InputSpec,
        images: &'a [Image<'a>],
    ) -> Result<BatchInput<'a>, EngineError> {
        let kinds = images.iter().map(|image| self.kind(input, image)).collect::<Result<_, _>>()?;
        Ok(BatchInput { images, kinds })
    }

    fn kind(&mut self, input: &InputSpec, image: &Image) -> Result<Kind, EngineError> {
        let Image { name, jpeg } = image;
        if (jpeg.width as usize, jpeg.height as usize) != (input.width, input.height) {
            return Err(EngineError::SizeMismatch {
                file: (*name).into(),
                expected: format!("{}×{}", input.width, input.height),
                found: format!("{}×{}", jpeg.width, jpeg.height),
            });
        }
        let geometry = Geometry { gray: jpeg.colour == Colour::Gray, ratios: ratios(jpeg) };
        if let Some(known) = self.known.get(&geometry) {
            return Ok(known.clone());
        }
        let colour = match jpeg.colour {
            Colour::Gray => InputColour::Gray,
            Colour::YCbCr => InputColour::YCbCr,
            other => {
                return Err(EngineError::UnsupportedColour { file: (*name).into(), found: other.name().into() });
            }
        };
        let transform = InputTransform::new(
            input.width,
            input.height,
            colour,
            &geometry.ratios,
            input.channels,
            &input.mean,
            &input.std,
        );
        let kind = Kind { number: self.known.len(), transform: Arc::new(transform) };
        self.known.insert(geometry, kind.clone());
        Ok(kind)
    }
}

impl BatchInput<'_> {
    /// Images of the batch.
    pub(crate) fn len(&self) -> usize {
        self.images.len()
    }

    /// Floats of scratch that so many rows of pixels of one image need.
    pub(crate) fn pixel_scratch(&self, rows: usize) -> usize {
        self.kinds.iter().map(|kind| kind.transform.pixel_workspace_len(rows)).max().unwrap_or(0)
    }

    /// Expands rows of one image into the network's input in pixels `[rows, width, channels]`.
    pub(crate) fn pixel_rows_into(
        &self,
        isa: Isa,
        image: usize,
        rows: Range<usize>,
        output: &mut [f32],
        scratch: &mut [f32],
    ) {
        self.kinds[image].transform.pixel_rows_into(isa, &self.planes(image), rows, output, scratch);
    }

    /// The kind of file of every image.
    pub(crate) fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// The components of an image.
    pub(crate) fn planes(&self, image: usize) -> Vec<SparsePlane<'_>> {
        let jpeg = self.images[image].jpeg;
        jpeg.components
            .iter()
            .zip(ratios(jpeg))
            .map(|(component, (horizontal_ratio, vertical_ratio))| SparsePlane {
                grid: Grid { high: component.blocks_high, wide: component.blocks_wide },
                quantisation: &component.quantisation,
                counts: component.blocks.counts(),
                positions: component.blocks.positions(),
                values: component.blocks.values(),
                horizontal_ratio,
                vertical_ratio,
            })
            .collect()
    }
}

/// How many pixels of the picture one sample of each component stands for, horizontally and vertically.
fn ratios(jpeg: &SparseJpeg) -> Vec<(usize, usize)> {
    let largest = |side: fn(&jpegnet_jpeg::Component) -> u8| jpeg.components.iter().map(side).max().unwrap_or(1);
    let (horizontal, vertical) = (largest(|component| component.horizontal), largest(|component| component.vertical));
    jpeg.components
        .iter()
        .map(|component| (usize::from(horizontal / component.horizontal), usize::from(vertical / component.vertical)))
        .collect()
}

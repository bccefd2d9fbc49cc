//! From the sparse images of a batch to the network's input, inside the step.

use crate::EngineError;
use crate::spec::InputSpec;
use crate::view::Pixels;
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
    /// What it is given as.
    pub content: Content<'a>,
}

/// What a picture is given as.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// A file's coefficients, of which the network's first step makes what it needs.
    Jpeg(&'a SparseJpeg),
    /// The pixels of a view of a file.
    Pixels(&'a Pixels),
    /// What layers that stay as they are made of it.
    Features(&'a Features),
}

/// What the first layers of a network made of a picture: a later step begins with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// Nodes that made it.
    pub(crate) nodes: usize,
    pub(crate) values: Vec<f32>,
}

impl Features {
    /// Bytes of memory they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(&self.values[..])
    }

    /// The values themselves.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}

/// All that the transform from planes to the network's input depends on, beside the network.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Geometry {
    colour: InputColour,
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

/// The images of a batch, each with the way it is read.
#[derive(Debug)]
pub(crate) struct BatchInput<'a> {
    images: &'a [Image<'a>],
    /// None of images in pixels.
    kinds: Vec<Option<Kind>>,
    /// Of images in pixels: a factor and an offset a channel, from grey levels to the network's input.
    normalisation: Vec<(f32, f32)>,
}

impl InputTransforms {
    /// Checks every image against the network's input and finds its transform.
    pub(crate) fn batch<'a>(
        &mut self,
        input: &InputSpec,
        images: &'a [Image<'a>],
    ) -> Result<BatchInput<'a>, EngineError> {
        let kinds = images.iter().map(|image| self.kind(input, image)).collect::<Result<_, _>>()?;
        let normalisation = input.mean.iter().zip(&input.std).map(|(mean, std)| (1.0 / (255.0 * std), -mean / std));
        Ok(BatchInput { images, kinds, normalisation: normalisation.collect() })
    }

    fn kind(&mut self, input: &InputSpec, image: &Image) -> Result<Option<Kind>, EngineError> {
        let (width, height) = match image.content {
            Content::Features(_) => return Ok(None),
            Content::Jpeg(jpeg) => (jpeg.width as usize, jpeg.height as usize),
            Content::Pixels(pixels) => (pixels.width, pixels.height),
        };
        if (width, height) != (input.width, input.height) {
            return Err(EngineError::SizeMismatch {
                file: image.name.into(),
                expected: format!("{}×{}", input.width, input.height),
                found: format!("{width}×{height}"),
            });
        }
        let jpeg = match image.content {
            Content::Jpeg(jpeg) => jpeg,
            Content::Features(_) => return Ok(None),
            Content::Pixels(pixels) if pixels.channels == input.channels => return Ok(None),
            Content::Pixels(pixels) => {
                return Err(EngineError::ShapeMismatch {
                    path: image.name.into(),
                    expected: format!("{} channels", input.channels),
                    found: pixels.channels.to_string(),
                });
            }
        };
        let colour = input_colour(jpeg.colour);
        let geometry = Geometry { colour, ratios: ratios(jpeg) };
        if let Some(known) = self.known.get(&geometry) {
            return Ok(Some(known.clone()));
        }
        if colour.to_rgb().is_empty() {
            let found = jpeg.colour.name().into();
            return Err(EngineError::UnsupportedColour { file: image.name.into(), found });
        }
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
        Ok(Some(kind))
    }
}

/// Floats of scratch that so many rows of pixels of one picture need, if it is a photograph as cameras store them: luminance,
/// and chrominances of half its width and height.
pub(crate) fn usual_pixel_scratch(input: &InputSpec, rows: usize) -> usize {
    let InputSpec { width, height, channels, mean, std, .. } = input;
    let ratios = [(1, 1), (2, 2), (2, 2)];
    InputTransform::new(*width, *height, InputColour::YCbCr, &ratios, *channels, mean, std).pixel_workspace_len(rows)
}

impl BatchInput<'_> {
    /// Images of the batch.
    pub(crate) fn len(&self) -> usize {
        self.images.len()
    }

    /// The nodes that made features of all images; none of a batch of pictures.
    ///
    /// # Errors
    /// [`EngineError::InvalidOption`] for features beside pictures or of other nodes.
    pub(crate) fn nodes_done(&self) -> Result<Option<usize>, EngineError> {
        let done = |image: &Image| match image.content {
            Content::Features(features) => Some(features.nodes),
            Content::Jpeg(_) | Content::Pixels(_) => None,
        };
        let first = self.images.first().and_then(done);
        match self.images.iter().find(|image| done(image) != first) {
            None => Ok(first),
            Some(image) => Err(EngineError::InvalidOption {
                option: image.name.into(),
                expected: "features of the same layers for all pictures of a batch, or for none".into(),
                found: "both".into(),
            }),
        }
    }

    /// The features of an image; none of a picture.
    pub(crate) fn features(&self, image: usize) -> Option<&[f32]> {
        match self.images[image].content {
            Content::Features(features) => Some(&features.values),
            Content::Jpeg(_) | Content::Pixels(_) => None,
        }
    }

    /// Floats of scratch that so many rows of pixels of one image need.
    pub(crate) fn pixel_scratch(&self, rows: usize) -> usize {
        self.kinds.iter().flatten().map(|kind| kind.transform.pixel_workspace_len(rows)).max().unwrap_or(0)
    }

    /// Rows of one image as the network's input in pixels `[rows, width, channels]`.
    pub(crate) fn pixel_rows_into(
        &self,
        isa: Isa,
        image: usize,
        rows: Range<usize>,
        output: &mut [f32],
        scratch: &mut [f32],
    ) {
        match (self.images[image].content, &self.kinds[image]) {
            (Content::Jpeg(jpeg), Some(kind)) => {
                kind.transform.pixel_rows_into(isa, &components(jpeg), rows, output, scratch);
            }
            (Content::Pixels(Pixels { width, height, samples, .. }), _) => {
                let plane = |channel: usize| &samples[channel * width * height..][rows.start * width..rows.end * width];
                match self.normalisation[..] {
                    [only] => normalise([plane(0)], [only], output),
                    [red, green, blue] => normalise([plane(0), plane(1), plane(2)], [red, green, blue], output),
                    _ => unreachable!("an input has 1 or 3 channels"),
                }
            }
            (Content::Jpeg(_), None) => unreachable!("every file has a kind"),
            (Content::Features(_), _) => unreachable!("what begins with features reads no pixels"),
        }
    }

    /// The kind of file and the components of an image; none if it is in pixels.
    pub(crate) fn file(&self, image: usize) -> Option<(&Kind, Vec<SparsePlane<'_>>)> {
        match (self.images[image].content, &self.kinds[image]) {
            (Content::Jpeg(jpeg), Some(kind)) => Some((kind, components(jpeg))),
            _ => None,
        }
    }
}

/// Planes of grey levels to the network's input `[pixels, channels]`.
fn normalise<const C: usize>(planes: [&[f32]; C], normalisation: [(f32, f32); C], output: &mut [f32]) {
    for (at, output) in output.as_chunks_mut::<C>().0.iter_mut().enumerate() {
        for ((output, plane), (factor, offset)) in output.iter_mut().zip(planes).zip(normalisation) {
            *output = plane[at] * factor + offset;
        }
    }
}

/// What the components of a file stand for, as kernels call it.
pub(crate) fn input_colour(colour: Colour) -> InputColour {
    match colour {
        Colour::Gray => InputColour::Gray,
        Colour::YCbCr => InputColour::YCbCr,
        Colour::Rgb => InputColour::Rgb,
        Colour::Cmyk { inverted } => InputColour::Cmyk { inverted },
        Colour::Ycck => InputColour::Ycck,
    }
}

/// The components of a file, as kernels read them.
pub(crate) fn components(jpeg: &SparseJpeg) -> Vec<SparsePlane<'_>> {
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

/// How many pixels of the picture one sample of each component stands for, horizontally and vertically.
fn ratios(jpeg: &SparseJpeg) -> Vec<(usize, usize)> {
    let largest = |side: fn(&jpegnet_jpeg::Component) -> u8| jpeg.components.iter().map(side).max().unwrap_or(1);
    let (horizontal, vertical) = (largest(|component| component.horizontal), largest(|component| component.vertical));
    jpeg.components
        .iter()
        .map(|component| (usize::from(horizontal / component.horizontal), usize::from(vertical / component.vertical)))
        .collect()
}

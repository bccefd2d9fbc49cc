//! From a file's coefficients to the pixels of a view.

use super::colours::{Affine, dot, doubles};
use super::cost::{add_decoding, add_looking, add_mixing, add_resizing};
use super::{Pixels, Rectangle, View};
use crate::input::{components, input_colour};
use jpegnet_jpeg::{BLOCK, JpegError, SparseJpeg, Work};
use jpegnet_kernels::input::{InputColour, luma};
use jpegnet_kernels::resize::{
    Basis, ColourMix, ComponentAxis, Coverage, Dequantised, Panels, PixelPlanes, Repairs, ResizeScratch, add_resized,
    transpose_into,
};
use jpegnet_kernels::{Isa, SIDE, Sampling};

/// A level-shifted sample of 0.
const MIDDLE: f64 = 128.0;

/// Makes the pixels of views; keeps its memory from one to the next.
#[derive(Debug, Default)]
pub struct Renderer {
    planes: Vec<f32>,
    scratch: ResizeScratch,
}

impl Renderer {
    /// The pixels of a view, of 1 channel (luma) or 3 (red, green, blue).
    ///
    /// # Panics
    /// If the view is not of a picture of this size.
    pub fn render(&mut self, isa: Isa, jpeg: &SparseJpeg, view: &View, channels: usize) -> Pixels {
        let rendered = self.render_within(isa, jpeg, view, channels, &mut Work::default());
        rendered.unwrap_or_else(|error| unreachable!("as much as there is may be done: {error}"))
    }

    /// The same, if the work may be done; it is added before it is.
    ///
    /// # Errors
    /// [`JpegError::TooLarge`]: it is more than may be done.
    ///
    /// # Panics
    /// As [`render`](Self::render).
    pub fn render_within(
        &mut self,
        isa: Isa,
        jpeg: &SparseJpeg,
        view: &View,
        channels: usize,
        work: &mut Work,
    ) -> Result<Pixels, JpegError> {
        let size = (jpeg.width as usize, jpeg.height as usize);
        assert_eq!((view.horizontal.pixels(), view.vertical.pixels()), size, "the view is of the picture");
        let (rows, columns) = (view.vertical.len(), view.horizontal.len());
        let planes = components(jpeg);
        let colour = input_colour(jpeg.colour);
        let mut to_rgb = colour.used(channels).to_vec();
        let linear = to_rgb.len();
        add_mixing(work, linear.max(channels), rows * columns)?;
        let repaired = repairs(isa, view, jpeg, work)?;
        if repaired.is_some() {
            to_rgb.extend(InputColour::Rgb.to_rgb());
            add_mixing(work, channels, rows * columns)?;
        }
        self.planes.clear();
        self.planes.resize(to_rgb.len() * rows * columns, 0.0);
        let mut outputs = self.planes.chunks_exact_mut(rows * columns);
        let mut axes: Option<Axes> = None;
        for (plane, output) in planes[..linear].iter().zip(&mut outputs) {
            // Both chrominances are usually sampled alike.
            let sampling = Sampling::of_component(size, (plane.horizontal_ratio, plane.vertical_ratio));
            let known = axes.take().filter(|axes| axes.sampling == sampling);
            let new = || Axes::new(view, sampling, Basis::Cosines);
            let Axes { vertical, horizontal, .. } = axes.insert(known.unwrap_or_else(new));
            add_resizing(work, plane.values.len(), (vertical, horizontal))?;
            add_resized(isa, Dequantised::new(plane), (vertical, horizontal), output, &mut self.scratch);
        }
        if let Some((repairs, Axes { vertical, horizontal, .. })) = &repaired {
            for (channel, output) in outputs.enumerate() {
                add_resizing(work, BLOCK * repairs.len(), (vertical, horizontal))?;
                add_resized(isa, repairs.channel(channel), (vertical, horizontal), output, &mut self.scratch);
            }
        }
        let coverage = view.fill.map(|_| [singles(view.vertical.coverage()), singles(view.horizontal.coverage())]);
        let mix = self.mix(&to_rgb, view, coverage.as_ref(), channels);
        let mut samples = vec![0.0; rows * columns * channels];
        mix.apply_into(
            isa,
            PixelPlanes { pixels: &self.planes, rows, columns },
            coverage.as_ref().map(|[rows, columns]| Coverage { rows, columns }),
            &mut samples,
        );
        if view.transposed {
            let turned = &mut self.planes;
            turned.resize(samples.len(), 0.0);
            let plane_len = rows * columns;
            for (from, to) in samples.chunks_exact(plane_len).zip(turned.chunks_exact_mut(plane_len)) {
                transpose_into(columns, from, to);
            }
            samples.copy_from_slice(turned);
        }
        let mut pixels = Pixels { width: view.width(), height: view.height(), channels, samples };
        for &(rectangle, fill) in &view.erased {
            erase(&mut pixels, rectangle, &channels_of(doubles(fill), channels));
        }
        Ok(pixels)
    }

    /// From planes to channels, colours changed.
    fn mix(&self, to_rgb: &[[f64; 3]], view: &View, coverage: Option<&[Vec<f32>; 2]>, channels: usize) -> ColourMix {
        let beyond = view.fill.map_or([0.0; 3], |fill| doubles(fill).map(|value| value - MIDDLE));
        let mean = if view.colours.is_empty() {
            [MIDDLE; 3]
        } else {
            let uncovered = coverage.map_or(0.0, |[rows, columns]| 1.0 - mean(rows) * mean(columns));
            let pixels = view.vertical.len() * view.horizontal.len();
            let means: Vec<f64> = self.planes.chunks_exact(pixels).map(mean).collect();
            let of_channel = |c: usize| to_rgb.iter().zip(&means).map(|(rgb, mean)| rgb[c] * mean).sum::<f64>();
            std::array::from_fn(|c| MIDDLE + of_channel(c) + uncovered * beyond[c])
        };
        let affine = Affine::of(&view.colours, mean);
        let linear = |colour: [f64; 3]| channels_of(affine.matrix.map(|row| dot(row, colour)), channels);
        let of_planes: Vec<Vec<f32>> = to_rgb.iter().map(|&rgb| linear(rgb)).collect();
        ColourMix {
            weights: (0..channels).flat_map(|c| of_planes.iter().map(move |plane| plane[c])).collect(),
            offset: channels_of(affine.apply([MIDDLE; 3]), channels),
            beyond: linear(beyond),
        }
    }
}

/// What is to be added to the linear result, in pixels, if there is anything.
fn repairs(isa: Isa, view: &View, jpeg: &SparseJpeg, work: &mut Work) -> Result<Option<(Repairs, Axes)>, JpegError> {
    let (colour, size) = (input_colour(jpeg.colour), (jpeg.width as usize, jpeg.height as usize));
    if !view.clamped && !colour.to_rgb().is_empty() {
        return Ok(None);
    }
    add_looking(work, jpeg)?;
    let planes = &components(jpeg);
    let axes = Axes::new(view, (Sampling::of_pixels(size.1), Sampling::of_pixels(size.0)), Basis::Samples);
    let blocks = (axes.vertical.blocks(), axes.horizontal.blocks());
    let repairs = Repairs::within(isa, planes, colour, size, blocks, |count| add_decoding(work, planes, count))?;
    Ok((!repairs.is_empty()).then_some((repairs, axes)))
}

/// Whether a picture as it is is more than a linear map of its coefficients: of inks, or, if it is to be clamped, with
/// something to clamp.
///
/// # Errors
/// [`JpegError::TooLarge`]: to know it is more work than may be done.
pub fn needs_pixels(isa: Isa, jpeg: &SparseJpeg, clamp: bool, work: &mut Work) -> Result<bool, JpegError> {
    let (width, height) = (jpeg.width as usize, jpeg.height as usize);
    let colour = input_colour(jpeg.colour);
    if colour.to_rgb().is_empty() || !clamp {
        return Ok(colour.to_rgb().is_empty());
    }
    add_looking(work, jpeg)?;
    let planes = &components(jpeg);
    let blocks = (0..height.div_ceil(SIDE), 0..width.div_ceil(SIDE));
    Repairs::are_needed(isa, planes, colour, (width, height), blocks, |count| add_decoding(work, planes, count))
}

/// A view of the components that are sampled so.
struct Axes {
    /// Vertically and horizontally.
    sampling: (Sampling, Sampling),
    vertical: ComponentAxis,
    horizontal: Panels,
}

impl Axes {
    fn new(view: &View, sampling: (Sampling, Sampling), basis: Basis) -> Axes {
        Axes {
            sampling,
            vertical: ComponentAxis::new(&view.vertical, sampling.0, basis),
            horizontal: Panels::new(&ComponentAxis::new(&view.horizontal, sampling.1, basis)),
        }
    }
}

/// A colour in so many channels, in float32.
#[expect(clippy::cast_possible_truncation, reason = "a weight or a colour in float32")]
fn channels_of(colour: [f64; 3], channels: usize) -> Vec<f32> {
    if channels == 1 { vec![luma(colour) as f32] } else { colour.map(|value| value as f32).to_vec() }
}

#[expect(clippy::cast_possible_truncation, reason = "a share in float32")]
fn singles(values: impl Iterator<Item = f64>) -> Vec<f32> {
    values.map(|value| value as f32).collect()
}

#[expect(clippy::cast_precision_loss, reason = "pixels of a picture are far below 2^52")]
fn mean(values: &[f32]) -> f64 {
    values.iter().copied().map(f64::from).sum::<f64>() / values.len() as f64
}

fn erase(pixels: &mut Pixels, Rectangle { left, top, width, height }: Rectangle, fill: &[f32]) {
    let plane_len = pixels.width * pixels.height;
    for (plane, fill) in pixels.samples.chunks_exact_mut(plane_len).zip(fill) {
        for row in plane.chunks_exact_mut(pixels.width).skip(top).take(height) {
            row[left..left + width].fill(*fill);
        }
    }
}

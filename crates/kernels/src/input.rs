//! From a file's sparse coefficients to the network's input, all on coefficients: dequantise, upsample chroma, YCbCr to
//! RGB, normalise. Every step is linear, so none needs a pixel.
//!
//! Colour and normalisation are one matrix and one offset at DC: `x = (sample/255 − mean)/std`, a sample being a
//! level-shifted value plus 128. Source: JFIF 1.02 for the colours; libjpeg's `fancy` upsampling for chroma.

use crate::block::{BLOCK, Grid, SIDE, ZIGZAG_TO_ROW_MAJOR};
use crate::isa::Isa;
use crate::resample::AxisOperator;
use crate::sampling::Sampling;

/// One component of a file, quantised and sparse.
#[derive(Clone, Copy, Debug)]
pub struct SparsePlane<'a> {
    /// Its size in blocks.
    pub grid: Grid,
    /// Quantisation steps, row-major.
    pub quantisation: &'a [u16; BLOCK],
    /// Non-zero coefficients of each block.
    pub counts: &'a [u8],
    /// Their row-major positions, block after block.
    pub positions: &'a [u8],
    /// Their quantised values, block after block.
    pub values: &'a [i16],
    /// Pixels of the picture that one of its samples stands for, horizontally.
    pub horizontal_ratio: usize,
    /// The same vertically.
    pub vertical_ratio: usize,
}

/// What the components of a file stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InputColour {
    /// Luminance alone.
    Gray,
    /// Luminance and two chrominances.
    YCbCr,
    /// Red, green and blue.
    Rgb,
    /// Four inks.
    Cmyk {
        /// Whether samples say how much is left white, as Adobe's programs write them.
        inverted: bool,
    },
    /// Four inks, inverted, the first three as luminance and chrominances.
    Ycck,
}

impl InputColour {
    /// Components of a file of these colours.
    #[must_use]
    pub fn components(self) -> usize {
        match self {
            InputColour::Gray => 1,
            InputColour::YCbCr | InputColour::Rgb => 3,
            InputColour::Cmyk { .. } | InputColour::Ycck => 4,
        }
    }

    /// Of the components that so many channels are made of, [`to_rgb`](Self::to_rgb): luminance alone is in the first one.
    #[must_use]
    pub fn used(self, channels: usize) -> &'static [[f64; 3]] {
        if channels == 1 && self == InputColour::YCbCr { InputColour::Gray.to_rgb() } else { self.to_rgb() }
    }

    /// What level-shifted samples of each component are in red, green and blue; nothing for inks, which are not linear.
    #[must_use]
    pub fn to_rgb(self) -> &'static [[f64; 3]] {
        match self {
            InputColour::Gray => &[[1.0; 3]],
            InputColour::YCbCr => &[[1.0, 1.0, 1.0], [0.0, -0.344_136_286, 1.772], [1.402, -0.714_136_286, 0.0]],
            InputColour::Rgb => &[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            InputColour::Cmyk { .. } | InputColour::Ycck => &[],
        }
    }
}

/// Luminance of red, green and blue: JPEG's Y and Pillow's `L` (ITU-R BT.601).
#[must_use]
pub fn luma([red, green, blue]: [f64; 3]) -> f64 {
    0.299 * red + 0.587 * green + 0.114 * blue
}

/// The way from the components of one kind of file (size, sampling, colour) to one network's input.
#[derive(Clone, Debug)]
pub struct InputTransform {
    grid: Grid,
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) channels: usize,
    pub(crate) planes: Vec<PlaneTransform>,
    /// `[channel, component]`.
    pub(crate) mix: Vec<f32>,
    pub(crate) dc_offset: Vec<f32>,
}

#[derive(Clone, Debug)]
pub(crate) struct PlaneTransform {
    pub(crate) grid: Grid,
    pub(crate) vertical: Sampling,
    pub(crate) horizontal: Sampling,
    /// Upsampling down the columns and along the rows, where there is any to do.
    taller: Option<AxisOperator>,
    wider: Option<AxisOperator>,
}

impl InputTransform {
    /// A transform for files of `width × height` pixels whose components have these (horizontal, vertical) `ratios`, to
    /// an input of 1 channel (luminance) or 3 (red, green, blue), normalised by `mean` and `std` of samples in 0…1. A
    /// gray file gives three equal channels before normalisation.
    ///
    /// # Panics
    /// If there are not as many ratios as the colour has components, it is of inks, or there are not 1 or 3 channels with a
    /// mean and a deviation each.
    #[must_use]
    pub fn new(
        width: usize,
        height: usize,
        colour: InputColour,
        ratios: &[(usize, usize)],
        channels: usize,
        mean: &[f32],
        std: &[f32],
    ) -> InputTransform {
        assert!(channels == 1 || channels == 3, "an input has 1 or 3 channels");
        assert!(mean.len() == channels && std.len() == channels, "one mean and one deviation a channel");
        assert_eq!(ratios.len(), colour.components(), "one pair of ratios a component");
        let to_rgb = colour.used(channels);
        assert!(!to_rgb.is_empty(), "the colours are linear");
        let grid = Grid { high: height.div_ceil(SIDE), wide: width.div_ceil(SIDE) };
        let planes = ratios[..to_rgb.len()].iter().map(|&ratios| PlaneTransform::new((width, height), ratios));
        let weight = |c: usize, rgb: &[f64; 3]| {
            let weight = if channels == 1 { luma(*rgb) } else { rgb[c] };
            #[expect(clippy::cast_possible_truncation, reason = "a weight in float32")]
            let weight = weight as f32;
            weight / (255.0 * std[c])
        };
        let mix = (0..channels).flat_map(|c| to_rgb.iter().map(move |rgb| weight(c, rgb))).collect();
        let dc_offset = mean.iter().zip(std).map(|(mean, std)| 8.0 * (128.0 / 255.0 - mean) / std).collect();
        InputTransform { grid, width, height, channels, planes: planes.collect(), mix, dc_offset }
    }

    /// Floats of scratch that [`apply_into`](Self::apply_into) needs.
    #[must_use]
    pub fn workspace_len(&self) -> usize {
        let full = self.grid.blocks() * BLOCK;
        // Every component at full size, and the steps on the way of the one being upsampled.
        self.planes.len() * full + self.planes.iter().map(PlaneTransform::steps_len).max().unwrap_or(0)
    }

    /// One file's components to the input `[blocks, 64 zigzag, channels]`, orthonormal and dequantised.
    ///
    /// # Panics
    /// If the planes are not those the transform was made for, or a slice is too short.
    pub fn apply_into(&self, isa: Isa, planes: &[SparsePlane], output: &mut [f32], workspace: &mut [f32]) {
        let full = self.grid.blocks() * BLOCK;
        assert_eq!(output.len(), full * self.channels, "the output fills its grid");
        let (samples, steps) = workspace.split_at_mut(self.planes.len() * full);
        for ((transform, plane), samples) in self.planes.iter().zip(planes).zip(samples.chunks_exact_mut(full)) {
            transform.apply_into(isa, plane, samples, steps);
        }
        match (self.channels, self.planes.len()) {
            (1, 1) => self.mix_into::<1, 1>(isa, samples, output),
            (1, _) => self.mix_into::<1, 3>(isa, samples, output),
            (_, 1) => self.mix_into::<3, 1>(isa, samples, output),
            _ => self.mix_into::<3, 3>(isa, samples, output),
        }
    }

    /// `output[block, k, c] = Σ_p mix[c, p]·samples[p, block, k]`, plus the offset at DC.
    fn mix_into<const C: usize, const P: usize>(&self, isa: Isa, samples: &[f32], output: &mut [f32]) {
        let full = samples.len() / P;
        isa.vectorise(
            #[inline(always)]
            || {
                for (number, block) in output.chunks_exact_mut(BLOCK * C).enumerate() {
                    let planes: [&[f32]; P] = std::array::from_fn(|p| &samples[p * full + number * BLOCK..][..BLOCK]);
                    for (out, &index) in block.chunks_exact_mut(C).zip(&ZIGZAG_TO_ROW_MAJOR) {
                        for (c, out) in out.iter_mut().enumerate() {
                            *out = (0..P).map(|p| self.mix[c * P + p] * planes[p][usize::from(index)]).sum();
                        }
                    }
                    for (dc, offset) in block.iter_mut().zip(&self.dc_offset) {
                        *dc += offset;
                    }
                }
            },
        );
    }
}

impl PlaneTransform {
    /// A component of a picture of `(width, height)` pixels, one sample of which stands for `(horizontal, vertical)` pixels.
    fn new((width, height): (usize, usize), ratios: (usize, usize)) -> PlaneTransform {
        let (vertical, horizontal) = Sampling::of_component((width, height), ratios);
        let upsample = |pixels, Sampling { samples, ratio, triangle }| match (ratio, triangle) {
            (1, _) => None,
            (_, true) => Some(AxisOperator::upsample_by_triangle(pixels, samples)),
            (_, false) => Some(AxisOperator::upsample_by_copy(pixels, samples, ratio)),
        };
        PlaneTransform {
            grid: Grid { high: vertical.samples.div_ceil(SIDE), wide: horizontal.samples.div_ceil(SIDE) },
            taller: upsample(height, vertical),
            wider: upsample(width, horizontal),
            vertical,
            horizontal,
        }
    }

    /// The dense plane at its own size, and the plane upsampled along one axis.
    fn steps_len(&self) -> usize {
        let own = self.grid.blocks() * BLOCK;
        match (&self.taller, &self.wider) {
            (None, None) => 0,
            (Some(_), None) | (None, Some(_)) => own,
            (Some(vertical), Some(_)) => own + vertical.output_blocks() * self.grid.wide * BLOCK,
        }
    }

    fn apply_into(&self, isa: Isa, plane: &SparsePlane, output: &mut [f32], steps: &mut [f32]) {
        assert_eq!(plane.grid, self.grid, "the plane has the grid the transform was made for");
        let own = self.grid.blocks() * BLOCK;
        match (&self.taller, &self.wider) {
            (None, None) => dequantise_into(plane, output),
            (Some(vertical), None) => {
                let dense = &mut steps[..own];
                dequantise_into(plane, dense);
                vertical.apply_vertical_into(isa, self.grid.wide, dense, output);
            }
            (None, Some(horizontal)) => {
                let dense = &mut steps[..own];
                dequantise_into(plane, dense);
                horizontal.apply_horizontal_into(isa, self.grid.high, dense, output);
            }
            (Some(vertical), Some(horizontal)) => {
                let (dense, rest) = steps.split_at_mut(own);
                let tall = &mut rest[..vertical.output_blocks() * self.grid.wide * BLOCK];
                dequantise_into(plane, dense);
                vertical.apply_vertical_into(isa, self.grid.wide, dense, tall);
                horizontal.apply_horizontal_into(isa, vertical.output_blocks(), tall, output);
            }
        }
    }
}

/// Sparse quantised coefficients to dense dequantised ones, row-major within blocks.
fn dequantise_into(plane: &SparsePlane, dense: &mut [f32]) {
    assert_eq!(dense.len(), plane.counts.len() * BLOCK, "64 coefficients a block");
    let steps = plane.quantisation.map(f32::from);
    dense.fill(0.0);
    let mut start = 0;
    for (block, &count) in dense.chunks_exact_mut(BLOCK).zip(plane.counts) {
        let range = start..start + usize::from(count);
        for (&position, &value) in plane.positions[range.clone()].iter().zip(&plane.values[range.clone()]) {
            let position = usize::from(position);
            block[position] = f32::from(value) * steps[position];
        }
        start = range.end;
    }
}

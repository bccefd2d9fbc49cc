//! Feature maps of coefficients in float64, and the one place where layouts are converted.

use super::jpeg::JpegTransform;
use super::pixel_map::PixelMap;
use super::steps::{Steps, UNIT_STEPS};
use crate::block::{BLOCK, Grid, ROW_MAJOR_TO_ZIGZAG, SIDE, ZIGZAG_TO_ROW_MAJOR};
use crate::extent::Extent;

/// A batch of feature maps in the transform domain, in units of `steps`: the orthonormal coefficient is value × step.
#[derive(Clone, Debug, PartialEq)]
pub struct CoefficientMap {
    /// Images in the batch.
    pub images: usize,
    /// Channels of an image.
    pub channels: usize,
    /// Size of a channel in blocks.
    pub grid: Grid,
    /// Size of a channel in pixels; what its last blocks stand for beyond is no part of it.
    pub extent: Extent,
    /// Quantisation steps of every channel.
    pub steps: Vec<Steps>,
    /// `[images, channels, high, wide, 64 zigzag]`.
    pub values: Vec<f64>,
}

impl CoefficientMap {
    /// A map of zeros in the given units, one entry of `steps` a channel; its size in pixels, or the grid it fills.
    #[must_use]
    pub fn zeros(images: usize, size: impl Into<Extent>, steps: Vec<Steps>) -> CoefficientMap {
        let (channels, extent) = (steps.len(), size.into());
        let grid = extent.grid();
        let values = vec![0.0; images * channels * grid.blocks() * BLOCK];
        CoefficientMap { images, channels, grid, extent, steps, values }
    }

    /// Orthonormal coefficients `[images, channels, high, wide, 8, 8]`, row-major blocks, vertical frequency first.
    ///
    /// # Panics
    /// If there are not that many values.
    #[must_use]
    pub fn from_row_major<T: Copy + Into<f64>>(
        images: usize,
        channels: usize,
        size: impl Into<Extent>,
        values: &[T],
    ) -> Self {
        let mut map = CoefficientMap::zeros(images, size, vec![UNIT_STEPS; channels]);
        assert_eq!(values.len(), map.values.len(), "the blocks fill their grid");
        for (index, value) in map.values.iter_mut().enumerate() {
            let (block, zigzag) = (index / BLOCK, index % BLOCK);
            *value = values[block * BLOCK + usize::from(ZIGZAG_TO_ROW_MAJOR[zigzag])].into();
        }
        map
    }

    /// The orthonormal coefficients as `[images, channels, high, wide, 8, 8]`.
    #[must_use]
    pub fn to_row_major(&self) -> Vec<f64> {
        let map = self.orthonormal();
        let at = |index| index / BLOCK * BLOCK + usize::from(ROW_MAJOR_TO_ZIGZAG[index % BLOCK]);
        (0..map.values.len()).map(|index| map.values[at(index)]).collect()
    }

    /// Orthonormal coefficients as the kernels keep them: image after image, `[high, wide, 64 zigzag, channels]`.
    ///
    /// # Panics
    /// If there are not that many values.
    #[must_use]
    pub fn from_kernel_layout(images: usize, channels: usize, size: impl Into<Extent>, values: &[f32]) -> Self {
        let mut map = CoefficientMap::zeros(images, size, vec![UNIT_STEPS; channels]);
        assert_eq!(values.len(), map.values.len(), "the blocks fill their grid");
        for index in 0..values.len() {
            map.values[index] = f64::from(values[map.kernel_index(index)]);
        }
        map
    }

    /// The orthonormal coefficients as the kernels keep them, rounded to float32.
    #[must_use]
    pub fn to_kernel_layout(&self) -> Vec<f32> {
        let map = self.orthonormal();
        let mut values = vec![0.0; map.values.len()];
        for (index, &value) in map.values.iter().enumerate() {
            #[expect(clippy::cast_possible_truncation, reason = "the kernels compute in float32")]
            {
                values[map.kernel_index(index)] = value as f32;
            }
        }
        values
    }

    /// From an index in `[images, channels, blocks, 64]` to one in `[images, blocks, 64, channels]`.
    fn kernel_index(&self, index: usize) -> usize {
        let (block_count, zigzag) = (self.grid.blocks(), index % BLOCK);
        let block = index / BLOCK % block_count;
        let channel = index / BLOCK / block_count % self.channels;
        let image = index / BLOCK / block_count / self.channels;
        ((image * block_count + block) * BLOCK + zigzag) * self.channels + channel
    }

    /// The same signal in other units: values × old step / new step.
    ///
    /// # Panics
    /// If there is not one entry of `steps` a channel.
    #[must_use]
    pub fn in_units_of(&self, steps: Vec<Steps>) -> CoefficientMap {
        assert_eq!(steps.len(), self.channels, "steps for every channel");
        let mut map = CoefficientMap { steps, ..self.clone() };
        for image in 0..self.images {
            for channel in 0..self.channels {
                for (index, value) in map.plane_mut(image, channel).iter_mut().enumerate() {
                    *value *= self.steps[channel][index % BLOCK];
                }
                let steps = map.steps[channel];
                for (index, value) in map.plane_mut(image, channel).iter_mut().enumerate() {
                    *value /= steps[index % BLOCK];
                }
            }
        }
        map
    }

    /// The same signal in orthonormal units.
    #[must_use]
    pub fn orthonormal(&self) -> CoefficientMap {
        self.in_units_of(vec![UNIT_STEPS; self.channels])
    }

    /// The orthonormal coefficients of the pixels inside, cleared beyond them.
    #[must_use]
    pub fn inside(&self) -> CoefficientMap {
        CoefficientMap::from_pixels(&self.to_pixels(), vec![UNIT_STEPS; self.channels])
    }

    /// Derivatives by these values, as derivatives by the orthonormal coefficients: `∂/∂(q·F) = (1/q)·∂/∂F`.
    #[must_use]
    pub(super) fn gradient_to_orthonormal(&self) -> CoefficientMap {
        let mut gradient = CoefficientMap::zeros(self.images, self.extent, vec![UNIT_STEPS; self.channels]);
        for (index, value) in gradient.values.iter_mut().enumerate() {
            *value = self.values[index] / self.steps[self.channel_of(index)][index % BLOCK];
        }
        gradient
    }

    /// Derivatives by orthonormal coefficients, as derivatives by coefficients in units of `steps`.
    #[must_use]
    pub(super) fn gradient_from_orthonormal(&self, steps: Vec<Steps>) -> CoefficientMap {
        let mut gradient = CoefficientMap::zeros(self.images, self.extent, steps);
        for (index, value) in gradient.values.iter_mut().enumerate() {
            *value = self.values[index] * gradient.steps[self.channel_of(index)][index % BLOCK];
        }
        gradient
    }

    fn channel_of(&self, index: usize) -> usize {
        index / (BLOCK * self.grid.blocks()) % self.channels
    }

    /// One channel of one image, `[high, wide, 64 zigzag]`.
    #[must_use]
    pub fn plane(&self, image: usize, channel: usize) -> &[f64] {
        let length = self.grid.blocks() * BLOCK;
        &self.values[(image * self.channels + channel) * length..][..length]
    }

    /// One channel of one image, `[high, wide, 64 zigzag]`.
    #[must_use]
    pub fn plane_mut(&mut self, image: usize, channel: usize) -> &mut [f64] {
        let length = self.grid.blocks() * BLOCK;
        &mut self.values[(image * self.channels + channel) * length..][..length]
    }

    /// The pixels these coefficients stand for: J̃ of every channel, cut to its size.
    #[must_use]
    pub fn to_pixels(&self) -> PixelMap {
        let Extent { height, width } = self.extent;
        let mut values = Vec::with_capacity(self.values.len());
        for image in 0..self.images {
            for (channel, &steps) in self.steps.iter().enumerate() {
                let transform = JpegTransform { grid: self.grid, steps };
                values.extend(crop(self.extent, &transform.decode(self.plane(image, channel))));
            }
        }
        PixelMap { images: self.images, channels: self.channels, height, width, values }
    }

    /// The coefficients of pixels in the given units: J of every channel, its last blocks filled up with zeros.
    ///
    /// # Panics
    /// If there is not one entry of `steps` a channel.
    #[must_use]
    pub fn from_pixels(pixels: &PixelMap, steps: Vec<Steps>) -> CoefficientMap {
        assert_eq!(steps.len(), pixels.channels, "steps for every channel");
        let mut map = CoefficientMap::zeros(pixels.images, pixels.extent(), steps);
        for image in 0..pixels.images {
            for channel in 0..pixels.channels {
                let transform = JpegTransform { grid: map.grid, steps: map.steps[channel] };
                let filled_up = fill_up(map.extent, pixels.plane(image, channel));
                map.plane_mut(image, channel).copy_from_slice(&transform.encode(&filled_up));
            }
        }
        map
    }

    /// Whether pixel `at` of a block, numbered through all planes, lies inside.
    pub(super) fn is_inside(&self, block: usize, at: usize) -> bool {
        let (rows, columns) = self.extent.inside(block);
        at / SIDE < rows && at % SIDE < columns
    }

    /// A channel that is 1 at every pixel inside, and 0 beyond: 8/q_0 at DC for a block that lies inside.
    #[must_use]
    pub(super) fn ones(&self, channel: usize) -> Vec<f64> {
        let transform = JpegTransform { grid: self.grid, steps: self.steps[channel] };
        transform.encode(&fill_up(self.extent, &vec![1.0; self.extent.pixels()]))
    }

    /// Adds a constant to every pixel inside a channel.
    pub(super) fn add_constant(&mut self, channel: usize, constant: f64) {
        let ones = self.ones(channel);
        for image in 0..self.images {
            for (value, one) in self.plane_mut(image, channel).iter_mut().zip(&ones) {
                *value += constant * one;
            }
        }
    }
}

/// The pixels inside, of those of whole blocks.
pub(super) fn crop(extent: Extent, pixels: &[f64]) -> Vec<f64> {
    let row = Extent::from(extent.grid()).width;
    pixels.chunks_exact(row).take(extent.height).flat_map(|row| &row[..extent.width]).copied().collect()
}

/// The pixels of whole blocks: those inside, and zeros.
pub(super) fn fill_up(extent: Extent, pixels: &[f64]) -> Vec<f64> {
    let filled = Extent::from(extent.grid());
    let mut values = vec![0.0; filled.pixels()];
    for (row, inside) in values.chunks_exact_mut(filled.width).zip(pixels.chunks_exact(extent.width)) {
        row[..extent.width].copy_from_slice(inside);
    }
    values
}

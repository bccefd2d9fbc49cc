//! What a definition is interpreted on: pixels, or coefficients in a band; float64, from the naive formulas alone.

use jpegnet_kernels::definition::pixels::{self, PixelMap};
use jpegnet_kernels::definition::{self, BatchNorm, CoefficientMap, Moments, Piece, UNIT_STEPS};
use jpegnet_kernels::{Conv2dShape, Extent, Masking};

/// The operations of a network on one kind of map.
pub trait Domain {
    type Map: Clone;
    fn input(&self, pixels: &PixelMap) -> Self::Map;
    fn size(&self, map: &Self::Map) -> (usize, Extent);
    fn conv2d(&self, shape: &Conv2dShape, filter: &[f64], bias: Option<&[f64]>, map: &Self::Map) -> Self::Map;
    fn moments(&self, map: &Self::Map) -> Moments;
    fn batch_norm(&self, norm: &BatchNorm, moments: &Moments, map: &Self::Map) -> Self::Map;
    fn piecewise_linear(&self, pieces: &[Piece], masking: Masking, map: &Self::Map) -> Self::Map;
    fn add(&self, a: &Self::Map, b: &Self::Map) -> Self::Map;
    fn max_pool(&self, size: usize, stride: usize, padding: usize, map: &Self::Map) -> Self::Map;
    fn subsample(&self, stride: usize, channels: usize, map: &Self::Map) -> Self::Map;
    fn global_average_pool(&self, map: &Self::Map) -> Vec<f64>;
}

/// Pixels, in which no transform appears but where a mask asks for it.
pub struct Pixels;

impl Domain for Pixels {
    type Map = PixelMap;

    fn input(&self, pixels: &PixelMap) -> PixelMap {
        pixels.clone()
    }

    fn size(&self, map: &PixelMap) -> (usize, Extent) {
        (map.channels, map.extent())
    }

    fn conv2d(&self, shape: &Conv2dShape, filter: &[f64], bias: Option<&[f64]>, map: &PixelMap) -> PixelMap {
        pixels::conv2d(shape, filter, bias, map)
    }

    fn moments(&self, map: &PixelMap) -> Moments {
        pixels::moments(map)
    }

    fn batch_norm(&self, norm: &BatchNorm, moments: &Moments, map: &PixelMap) -> PixelMap {
        pixels::batch_norm(norm, moments, map)
    }

    fn piecewise_linear(&self, pieces: &[Piece], masking: Masking, map: &PixelMap) -> PixelMap {
        if masking == Masking::Exact {
            return pixels::piecewise_linear(pieces, map);
        }
        definition::piecewise_linear(pieces, masking, &coefficients(map)).output.to_pixels()
    }

    fn add(&self, a: &PixelMap, b: &PixelMap) -> PixelMap {
        pixels::add(a, b)
    }

    fn max_pool(&self, size: usize, stride: usize, padding: usize, map: &PixelMap) -> PixelMap {
        pixels::max_pool(size, stride, padding, map)
    }

    fn subsample(&self, stride: usize, channels: usize, map: &PixelMap) -> PixelMap {
        pixels::subsample(stride, channels, map)
    }

    fn global_average_pool(&self, map: &PixelMap) -> Vec<f64> {
        pixels::global_average_pool(map)
    }
}

/// Coefficients, every map but the input truncated to its lowest frequencies.
pub struct Band {
    pub frequencies: usize,
}

impl Band {
    fn keep(&self, map: &CoefficientMap) -> CoefficientMap {
        definition::truncate(self.frequencies, map)
    }
}

impl Domain for Band {
    type Map = CoefficientMap;

    fn input(&self, pixels: &PixelMap) -> CoefficientMap {
        coefficients(pixels)
    }

    fn size(&self, map: &CoefficientMap) -> (usize, Extent) {
        (map.channels, map.extent)
    }

    fn conv2d(
        &self,
        shape: &Conv2dShape,
        filter: &[f64],
        bias: Option<&[f64]>,
        map: &CoefficientMap,
    ) -> CoefficientMap {
        // Through pixels, which are cut to the map; a 1×1 filter at stride 1 takes the coefficients as they are.
        if (shape.size, shape.stride, shape.padding) == (1, 1, 0) {
            let units = vec![UNIT_STEPS; shape.output_channels];
            return self.keep(&definition::convolve_block_form(shape, filter, bias, map, units));
        }
        self.keep(&coefficients(&pixels::conv2d(shape, filter, bias, &map.to_pixels())))
    }

    fn moments(&self, map: &CoefficientMap) -> Moments {
        pixels::moments(&map.to_pixels())
    }

    fn batch_norm(&self, norm: &BatchNorm, moments: &Moments, map: &CoefficientMap) -> CoefficientMap {
        self.keep(&norm.apply(moments, map))
    }

    fn piecewise_linear(&self, pieces: &[Piece], masking: Masking, map: &CoefficientMap) -> CoefficientMap {
        self.keep(&definition::piecewise_linear(pieces, masking, map).output)
    }

    fn add(&self, a: &CoefficientMap, b: &CoefficientMap) -> CoefficientMap {
        self.keep(&definition::add(a, b))
    }

    fn max_pool(&self, size: usize, stride: usize, padding: usize, map: &CoefficientMap) -> CoefficientMap {
        self.keep(&definition::max_pool(size, stride, padding, map))
    }

    fn subsample(&self, stride: usize, channels: usize, map: &CoefficientMap) -> CoefficientMap {
        self.keep(&definition::subsample(stride, channels, map))
    }

    fn global_average_pool(&self, map: &CoefficientMap) -> Vec<f64> {
        definition::global_average_pool(map)
    }
}

fn coefficients(pixels: &PixelMap) -> CoefficientMap {
    CoefficientMap::from_pixels(pixels, vec![UNIT_STEPS; pixels.channels])
}

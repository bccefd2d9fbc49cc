//! What a definition is interpreted on: pixels, all of them or in a band; float64, from the naive formulas alone.

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
    fn average_pool(&self, window: (usize, usize, usize), counts_padding: bool, map: &Self::Map) -> Self::Map;
    fn subsample(&self, stride: usize, channels: usize, map: &Self::Map) -> Self::Map;
    fn global_average_pool(&self, map: &Self::Map) -> Vec<f64>;
    fn pixels(&self, map: &Self::Map) -> PixelMap;
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

    fn average_pool(
        &self,
        (size, stride, padding): (usize, usize, usize),
        counts_padding: bool,
        map: &PixelMap,
    ) -> PixelMap {
        pixels::average_pool(size, stride, padding, counts_padding, map)
    }

    fn subsample(&self, stride: usize, channels: usize, map: &PixelMap) -> PixelMap {
        pixels::subsample(stride, channels, map)
    }

    fn global_average_pool(&self, map: &PixelMap) -> Vec<f64> {
        pixels::global_average_pool(map)
    }

    fn pixels(&self, map: &PixelMap) -> PixelMap {
        map.clone()
    }
}

/// Pixels, every map but the input truncated to the lowest frequencies of its blocks.
pub struct Band {
    pub frequencies: usize,
}

/// A map, and whether it is the input, which is not truncated.
#[derive(Clone)]
pub struct Truncated {
    map: PixelMap,
    is_input: bool,
}

impl Band {
    fn keep(&self, map: &PixelMap) -> Truncated {
        let map = definition::truncate(self.frequencies, &coefficients(map)).to_pixels();
        Truncated { map, is_input: false }
    }

    /// What is made of each pixel alone: truncated if it was made of the input.
    fn of_each_pixel(&self, map: PixelMap, of_input: bool) -> Truncated {
        if of_input { self.keep(&map) } else { Truncated { map, is_input: false } }
    }
}

impl Domain for Band {
    type Map = Truncated;

    fn input(&self, pixels: &PixelMap) -> Truncated {
        Truncated { map: pixels.clone(), is_input: true }
    }

    fn size(&self, map: &Truncated) -> (usize, Extent) {
        Pixels.size(&map.map)
    }

    fn conv2d(&self, shape: &Conv2dShape, filter: &[f64], bias: Option<&[f64]>, map: &Truncated) -> Truncated {
        self.keep(&Pixels.conv2d(shape, filter, bias, &map.map))
    }

    fn moments(&self, map: &Truncated) -> Moments {
        Pixels.moments(&map.map)
    }

    fn batch_norm(&self, norm: &BatchNorm, moments: &Moments, map: &Truncated) -> Truncated {
        self.of_each_pixel(Pixels.batch_norm(norm, moments, &map.map), map.is_input)
    }

    fn piecewise_linear(&self, pieces: &[Piece], masking: Masking, map: &Truncated) -> Truncated {
        self.keep(&Pixels.piecewise_linear(pieces, masking, &map.map))
    }

    fn add(&self, a: &Truncated, b: &Truncated) -> Truncated {
        self.of_each_pixel(Pixels.add(&a.map, &b.map), a.is_input || b.is_input)
    }

    fn max_pool(&self, size: usize, stride: usize, padding: usize, map: &Truncated) -> Truncated {
        self.keep(&Pixels.max_pool(size, stride, padding, &map.map))
    }

    fn average_pool(&self, window: (usize, usize, usize), counts_padding: bool, map: &Truncated) -> Truncated {
        self.keep(&Pixels.average_pool(window, counts_padding, &map.map))
    }

    fn subsample(&self, stride: usize, channels: usize, map: &Truncated) -> Truncated {
        self.keep(&Pixels.subsample(stride, channels, &map.map))
    }

    fn global_average_pool(&self, map: &Truncated) -> Vec<f64> {
        Pixels.global_average_pool(&map.map)
    }

    fn pixels(&self, map: &Truncated) -> PixelMap {
        map.map.clone()
    }
}

fn coefficients(pixels: &PixelMap) -> CoefficientMap {
    CoefficientMap::from_pixels(pixels, vec![UNIT_STEPS; pixels.channels])
}

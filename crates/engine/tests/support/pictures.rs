//! Pictures: the reference's files, and made-up ones of any size with their pixels.
#![expect(clippy::cast_possible_truncation, reason = "made-up pictures are small")]

use super::fixture;
use jpegnet_engine::{Content, Image, InputSpec};
use jpegnet_jpeg::{Colour, Component, ReadOptions, SparseBlocks, SparseJpeg, read_coefficients};
use jpegnet_kernels::BLOCK;
use jpegnet_kernels::definition::inverse_dct_block;
use jpegnet_kernels::definition::pixels::PixelMap;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::sync::Arc;

/// The ten files of the reference, by name.
pub fn reference_pictures() -> Vec<(String, SparseJpeg)> {
    (0..10)
        .map(|number| {
            let name = format!("{number}.jpg");
            let bytes = std::fs::read(fixture("jpegs").join(&name)).unwrap();
            let jpeg = read_coefficients(&bytes, &ReadOptions::default()).unwrap();
            (name, jpeg)
        })
        .collect()
}

pub fn images(pictures: &[(String, SparseJpeg)]) -> Vec<Image<'_>> {
    pictures.iter().map(|(name, jpeg)| Image { name, content: Content::Jpeg(jpeg) }).collect()
}

/// Made-up pictures, 4:4:4 or gray, most coefficients zero as in a photograph.
pub fn pictures(count: usize, colour: Colour, height: usize, width: usize, seed: u64) -> Vec<(String, SparseJpeg)> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|number| (format!("made up {number}"), picture(&mut random, colour, height, width))).collect()
}

fn picture(random: &mut ChaCha8Rng, colour: Colour, height: usize, width: usize) -> SparseJpeg {
    let (blocks_high, blocks_wide) = (height.div_ceil(8), width.div_ceil(8));
    let components = if colour == Colour::Gray { 1 } else { 3 };
    let components = (1..=components).map(|id| {
        let quantisation: [u16; BLOCK] = std::array::from_fn(|index| 4 + 2 * (index / 8 + index % 8) as u16);
        let blocks: Vec<[i16; BLOCK]> = (0..blocks_high * blocks_wide)
            .map(|_| {
                std::array::from_fn(|index| {
                    let frequency = (index / 8 + index % 8) as u32;
                    let range = 40 / (1 + frequency * frequency);
                    if range == 0 { 0 } else { (random.next_u32() % (2 * range + 1)) as i16 - range as i16 }
                })
            })
            .collect();
        Component {
            id,
            horizontal: 1,
            vertical: 1,
            blocks_high,
            blocks_wide,
            quantisation: Arc::new(quantisation),
            blocks: SparseBlocks::from_dense(&blocks),
        }
    });
    let components = components.collect();
    let (width, height) = (width as u32, height as u32);
    SparseJpeg::new(width, height, colour, components)
}

/// How often each of a colour picture's components is sampled, horizontally and vertically: luma, then both chrominances.
pub const SAMPLINGS: [(&str, [(u8, u8); 2]); 5] = [
    ("4:4:4", [(1, 1), (1, 1)]),
    ("4:2:0", [(2, 2), (1, 1)]),
    ("4:2:2", [(2, 1), (1, 1)]),
    ("4:4:0", [(1, 2), (1, 1)]),
    ("4:1:1", [(4, 1), (1, 1)]),
];

/// A made-up picture, gray or of components sampled so.
pub fn sampled_picture(sampling: Option<[(u8, u8); 2]>, (width, height): (usize, usize), seed: u64) -> SparseJpeg {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let Some([luma, chroma]) = sampling else {
        return picture(&mut random, Colour::Gray, height, width);
    };
    let mut whole = picture(&mut random, Colour::YCbCr, height, width);
    for (component, (horizontal, vertical)) in whole.components.iter_mut().zip([luma, chroma, chroma]) {
        let own = |pixels: usize, most: u8, factor: u8| pixels.div_ceil(usize::from(most / factor));
        let size = (own(width, luma.0, horizontal), own(height, luma.1, vertical));
        let plane = picture(&mut random, Colour::Gray, size.1, size.0).components.remove(0);
        *component = Component { id: component.id, horizontal, vertical, ..plane };
    }
    whole
}

/// The network's input in pixels, by the plain formulas: dequantise, inverse DCT, JFIF colour, normalise. For pictures
/// without subsampling.
pub fn input_pixels(input: &InputSpec, pictures: &[(String, SparseJpeg)]) -> PixelMap {
    let mut map = PixelMap::zeros(pictures.len(), input.channels, input.height, input.width);
    for (image, (_, jpeg)) in pictures.iter().enumerate() {
        let planes: Vec<Vec<f64>> = jpeg.components.iter().map(|component| samples(component, input)).collect();
        for channel in 0..input.channels {
            let plane = map.plane_mut(image, channel);
            for (index, pixel) in plane.iter_mut().enumerate() {
                let luma = planes[0][index] + 128.0;
                let sample = if planes.len() == 1 || input.channels == 1 {
                    luma
                } else {
                    let (blue, red) = (planes[1][index], planes[2][index]);
                    [luma + 1.402 * red, luma - 0.344_136_286 * blue - 0.714_136_286 * red, luma + 1.772 * blue]
                        [channel]
                };
                *pixel = (sample / 255.0 - f64::from(input.mean[channel])) / f64::from(input.std[channel]);
            }
        }
    }
    map
}

/// Level-shifted samples of a plane; those beyond the picture's size are left out.
fn samples(component: &Component, &InputSpec { height, width, .. }: &InputSpec) -> Vec<f64> {
    let mut samples = vec![0.0; height * width];
    for (number, block) in component.blocks.to_dense().chunks_exact(BLOCK).enumerate() {
        let steps = component.quantisation.iter();
        let coefficients: Vec<f64> =
            block.iter().zip(steps).map(|(&value, &q)| f64::from(value) * f64::from(q)).collect();
        let (top, left) = (number / component.blocks_wide * 8, number % component.blocks_wide * 8);
        for (index, sample) in inverse_dct_block(&coefficients).into_iter().enumerate() {
            let (row, column) = (top + index / 8, left + index % 8);
            if row < height && column < width {
                samples[row * width + column] = sample;
            }
        }
    }
    samples
}

//! How much of real pictures, and of a real network's maps, is zero or of one sign, so that it need not be computed.
//!
//! `cargo bench --bench skip_rates -- <folder of JPEGs> [<ResNet-20 weights, safetensors>]`; the fixtures without a folder.
//! Rows of CSV. Of a file's components: non-zero coefficients a block, the share of the 64 that is skipped, the share of
//! blocks whose non-zeros all have α + β < φ. Of every ReLU's input, with all frequencies and truncated to φ: the share
//! of 8×8 blocks whose sign the kernels find constant, where ReLU is the identity or zero.

#![expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]

use jpegnet_jpeg::{Colour, ReadOptions, SparseJpeg, read_coefficients};
use jpegnet_kernels::band::{BandShape, band_rows_from_pixels_into, constant_signs};
use jpegnet_kernels::input::{InputColour, InputTransform, SparsePlane};
use jpegnet_kernels::pixels::{Activation, Conv2d, ConvShape, Epilogue, Method, subsample_into};
use jpegnet_kernels::{Grid, Isa};
use safetensors::SafeTensors;
use std::path::{Path, PathBuf};

/// Pictures of a folder that are looked at.
const MOST: usize = 500;
/// Pictures that run through the network.
const MOST_RUN: usize = 100;
const SIDE: usize = 32;
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const STD: [f32; 3] = [0.229, 0.224, 0.225];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../__test__/fixtures/jpegs");
    let folder = arguments.first().map_or(fixtures, PathBuf::from);
    let mut files = Vec::new();
    list(&folder, &mut files);
    files.sort();
    // All classes alike.
    let step = files.len().div_ceil(MOST).max(1);
    let read = |file: &PathBuf| {
        std::fs::read(file).ok().and_then(|bytes| read_coefficients(&bytes, &ReadOptions::default()).ok())
    };
    let pictures: Vec<SparseJpeg> = files.iter().step_by(step).filter_map(read).collect();
    println!("what,part,frequencies,count,share,mean_non_zeros");
    input_rates(&pictures);
    if let Some(weights) = arguments.get(1) {
        let bytes = std::fs::read(weights).expect("weights that can be read");
        let weights = SafeTensors::deserialize(&bytes).expect("a safetensors file");
        let step = pictures.len().div_ceil(MOST_RUN).max(1);
        network_rates(&weights, &pictures.iter().step_by(step).collect::<Vec<_>>());
    }
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "jpg" || extension == "jpeg") {
            files.push(path);
        }
    }
}

fn input_rates(pictures: &[SparseJpeg]) {
    for (number, part) in ["first component", "second component", "third component"].into_iter().enumerate() {
        let components: Vec<_> = pictures.iter().filter_map(|picture| picture.components.get(number)).collect();
        let blocks: usize = components.iter().map(|component| component.blocks.counts().len()).sum();
        if blocks == 0 {
            continue;
        }
        let non_zeros: usize = components.iter().map(|component| component.blocks.positions().len()).sum();
        let mean = non_zeros as f64 / blocks as f64;
        println!("zero coefficients,{part},15,{blocks},{:.3},{mean:.2}", 1.0 - mean / 64.0);
        for frequencies in [4, 6, 8] {
            let mut within = 0;
            for component in &components {
                let mut positions = component.blocks.positions();
                for &count in component.blocks.counts() {
                    let (own, rest) = positions.split_at(usize::from(count));
                    within += usize::from(own.iter().all(|position| position / 8 + position % 8 < frequencies));
                    positions = rest;
                }
            }
            println!("blocks within the band,{part},{frequencies},{blocks},{:.3},", within as f64 / blocks as f64);
        }
    }
}

/// A map `[side, side, channels]`.
struct Map {
    side: usize,
    channels: usize,
    pixels: Vec<f32>,
}

/// ResNet-20 on pixels, its ReLUs counted.
struct Network<'a> {
    isa: Isa,
    weights: &'a SafeTensors<'a>,
    /// Of every ReLU, by φ: blocks and those of one sign.
    counts: Vec<(String, usize, usize, usize)>,
}

fn network_rates(weights: &SafeTensors, pictures: &[&SparseJpeg]) {
    let mut network = Network { isa: Isa::detect(), weights, counts: Vec::new() };
    for picture in pictures.iter().filter(|picture| (picture.width, picture.height) == (32, 32)) {
        let mut map = network.input(picture);
        map = network.convolution(&map, "conv1", "bn1", 16, 1);
        network.relu("conv1", &mut map);
        for (stage, channels) in [(1, 16), (2, 32), (3, 64)] {
            for block in 0..3 {
                let path = |part: &str| format!("layer{stage}.{block}.{part}");
                let stride = if stage > 1 && block == 0 { 2 } else { 1 };
                let mut inner = network.convolution(&map, &path("conv1"), &path("bn1"), channels, stride);
                network.relu(&path("conv1"), &mut inner);
                let mut sum = network.convolution(&inner, &path("conv2"), &path("bn2"), channels, 1);
                let mut shortcut = vec![0.0; sum.pixels.len()];
                subsample_into((map.side, map.side, map.channels), stride, channels, &map.pixels, &mut shortcut);
                for (value, shortcut) in sum.pixels.iter_mut().zip(&shortcut) {
                    *value += shortcut;
                }
                network.relu(&path("conv2"), &mut sum);
                map = sum;
            }
        }
    }
    for frequencies in [15, 8, 6] {
        let all = || network.counts.iter().filter(|(_, own, ..)| *own == frequencies);
        for (path, _, blocks, constant) in all() {
            println!("blocks of one sign,{path},{frequencies},{blocks},{:.3},", *constant as f64 / *blocks as f64);
        }
        let (blocks, constant) = all().fold((0, 0), |sum, (_, _, blocks, constant)| (sum.0 + blocks, sum.1 + constant));
        println!("blocks of one sign,all,{frequencies},{blocks},{:.3},", constant as f64 / blocks as f64);
    }
}

impl Network<'_> {
    fn tensor(&self, name: &str) -> Vec<f32> {
        let name = format!("module.{name}");
        let view = self.weights.tensor(&name).expect("a tensor of ResNet-20");
        view.data().as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
    }

    fn input(&self, picture: &SparseJpeg) -> Map {
        let largest = picture
            .components
            .iter()
            .fold((1, 1), |most, component| (most.0.max(component.horizontal), most.1.max(component.vertical)));
        let planes: Vec<SparsePlane> = picture
            .components
            .iter()
            .map(|component| SparsePlane {
                grid: Grid { high: component.blocks_high, wide: component.blocks_wide },
                quantisation: &component.quantisation,
                counts: component.blocks.counts(),
                positions: component.blocks.positions(),
                values: component.blocks.values(),
                horizontal_ratio: usize::from(largest.0 / component.horizontal),
                vertical_ratio: usize::from(largest.1 / component.vertical),
            })
            .collect();
        let ratios: Vec<_> = planes.iter().map(|plane| (plane.horizontal_ratio, plane.vertical_ratio)).collect();
        let colour = if picture.colour == Colour::Gray { InputColour::Gray } else { InputColour::YCbCr };
        let transform = InputTransform::new(SIDE, SIDE, colour, &ratios, 3, &MEAN, &STD);
        let mut pixels = vec![0.0; SIDE * SIDE * 3];
        let mut workspace = vec![0.0; transform.pixel_workspace_len(SIDE)];
        transform.pixel_rows_into(self.isa, &planes, 0..SIDE, &mut pixels, &mut workspace);
        Map { side: SIDE, channels: 3, pixels }
    }

    /// A 3×3 convolution with its batch normalisation.
    fn convolution(&self, map: &Map, conv: &str, norm: &str, channels: usize, stride: usize) -> Map {
        let shape = ConvShape {
            input_channels: map.channels,
            output_channels: channels,
            size: 3,
            stride,
            padding: 1,
            height: map.side,
            width: map.side,
        };
        let of = |part: &str| self.tensor(&format!("{norm}.{part}"));
        let (gamma, beta, mean, variance) = (of("weight"), of("bias"), of("running_mean"), of("running_var"));
        let scale: Vec<f32> =
            gamma.iter().zip(&variance).map(|(gamma, variance)| gamma / (variance + 1e-5).sqrt()).collect();
        let bias: Vec<f32> =
            beta.iter().zip(&mean).zip(&scale).map(|((beta, mean), scale)| beta - mean * scale).collect();
        let method = Conv2d::new(shape, Method::Direct).expect("direct takes every shape");
        let mut packed = vec![0.0; method.packed_len()];
        method.pack_filter_into(&self.tensor(&format!("{conv}.weight")), Some(&scale), &mut packed);
        let mut pixels = vec![0.0; shape.output_len()];
        let mut workspace = vec![0.0; method.workspace_len(method.units())];
        let epilogue = Epilogue { bias: Some(&bias), residual: None, activation: Activation::Identity };
        let units = 0..method.units();
        method.forward_units(self.isa, units, &map.pixels, &packed, epilogue, &mut pixels, &mut workspace);
        Map { side: map.side / stride, channels, pixels }
    }

    fn relu(&mut self, path: &str, map: &mut Map) {
        for frequencies in [15, 8, 6] {
            let shape = BandShape { height: map.side, width: map.side, channels: map.channels, frequencies };
            let mut band = vec![0.0; shape.image_len()];
            band_rows_from_pixels_into(self.isa, &shape, 0..shape.high(), &map.pixels, &mut band);
            let constant = constant_signs(self.isa, &shape, &band);
            let blocks = shape.high() * shape.wide() * shape.channels;
            match self.counts.iter_mut().find(|(known, own, ..)| known == path && *own == frequencies) {
                Some((_, _, all, found)) => (*all, *found) = (*all + blocks, *found + constant),
                None => self.counts.push((path.into(), frequencies, blocks, constant)),
            }
        }
        for value in &mut map.pixels {
            *value = value.max(0.0);
        }
    }
}

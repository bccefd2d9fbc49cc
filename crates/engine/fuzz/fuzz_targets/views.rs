//! Any list of transforms on any picture gives finite pixels of the size that the view has, or an error: never a panic, nor
//! a read beyond the picture.
#![no_main]

use arbitrary::Arbitrary;
use jpegnet_engine::transform::{FilterSpec, MixSpec, PaddingSpec, ResizeSpec, Seed, TransformSpec, mix, view_of};
use jpegnet_engine::view::{Renderer, View};
use jpegnet_jpeg::{Colour, Component, SparseBlocks, SparseJpeg};
use jpegnet_kernels::Isa;
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

/// Longest side of a view: what one run may take stays small.
const LONGEST: usize = 200;

#[derive(Arbitrary, Debug)]
struct Input {
    width: u8,
    height: u8,
    gray: bool,
    sampling: [(u8, u8); 3],
    coefficients: Vec<(u16, i16)>,
    luma: bool,
    clamp: bool,
    transforms: Vec<Transform>,
    mix: Option<(bool, u8)>,
    seed: u64,
}

#[derive(Arbitrary, Debug)]
enum Transform {
    Shorter(u8, u8),
    Both(u8, u8, u8),
    Cover(u8, u8, u8),
    Crop([u8; 4]),
    CenterCrop(u8, u8),
    Pad([u8; 4], u8),
    RandomCrop(u8, u8, u8, u8),
    RandomResizedCrop(u8, u8, [u8; 4], u8),
    FlipHorizontally,
    FlipVertically,
    Rotate(u8),
    ColorJitter([u8; 3]),
    Gray,
    RandomErasing([u8; 4]),
    Cutout(u8),
}

impl Transform {
    /// As it would cross the border.
    fn spec(&self) -> TransformSpec {
        let side = |side: u8| 1 + usize::from(side) % LONGEST;
        let filter = |filter: u8| match filter % 3 {
            0 => FilterSpec::Bilinear,
            1 => FilterSpec::Bicubic,
            _ => FilterSpec::Lanczos,
        };
        let padding = |padding: u8| match padding % 3 {
            0 => PaddingSpec::Constant { fill: [padding.into(); 3] },
            1 => PaddingSpec::Edge,
            _ => PaddingSpec::Reflect,
        };
        let range = |least: u8, more: u8| {
            let least = (1.0 + f64::from(least)) / 64.0;
            [least, least + f64::from(more) / 64.0]
        };
        match *self {
            Transform::Shorter(shorter, by) => {
                TransformSpec::Resize { size: ResizeSpec::Shorter { shorter: side(shorter) }, filter: filter(by) }
            }
            Transform::Both(width, height, by) => TransformSpec::Resize {
                size: ResizeSpec::Both { width: side(width), height: side(height) },
                filter: filter(by),
            },
            Transform::Cover(width, height, by) => {
                TransformSpec::Cover { width: side(width), height: side(height), filter: filter(by) }
            }
            Transform::Crop([left, top, width, height]) => {
                TransformSpec::Crop { left: left.into(), top: top.into(), width: side(width), height: side(height) }
            }
            Transform::CenterCrop(width, height) => {
                TransformSpec::CenterCrop { width: side(width), height: side(height) }
            }
            Transform::Pad(sides, with) => {
                TransformSpec::Pad { sides: sides.map(|side| usize::from(side) % 32), padding: padding(with) }
            }
            Transform::RandomCrop(width, height, margin, with) => TransformSpec::RandomCrop {
                width: side(width),
                height: side(height),
                margin: usize::from(margin) % 32,
                padding: padding(with),
            },
            Transform::RandomResizedCrop(width, height, [a, b, c, d], by) => TransformSpec::RandomResizedCrop {
                width: side(width),
                height: side(height),
                scale: range(a, b),
                ratio: range(c, d),
                filter: filter(by),
            },
            Transform::FlipHorizontally => TransformSpec::FlipHorizontally { probability: 0.5 },
            Transform::FlipVertically => TransformSpec::FlipVertically { probability: 0.5 },
            Transform::Rotate(quarters) => TransformSpec::Rotate { quarters: vec![u32::from(quarters)] },
            Transform::ColorJitter([brightness, contrast, saturation]) => TransformSpec::ColorJitter {
                brightness: range(brightness, 1),
                contrast: range(contrast, 1),
                saturation: range(saturation, 1),
            },
            Transform::Gray => TransformSpec::Gray { probability: 0.5 },
            Transform::RandomErasing([a, b, c, d]) => TransformSpec::RandomErasing {
                probability: 1.0,
                scale: range(a, b),
                ratio: range(c, d),
                fill: [0.0; 3],
            },
            Transform::Cutout(size) => TransformSpec::Cutout { size: side(size), fill: [0.0; 3] },
        }
    }
}

/// A picture as a file would give it.
fn picture(input: &Input) -> Option<SparseJpeg> {
    let (width, height) = (1 + u32::from(input.width) % 120, 1 + u32::from(input.height) % 120);
    let factor = |factor: u8| 1 << (factor % 3);
    let sampling: Vec<(u8, u8)> =
        input.sampling.iter().take(if input.gray { 1 } else { 3 }).map(|&(h, v)| (factor(h), factor(v))).collect();
    let most = sampling.iter().fold((1, 1), |most, own| (most.0.max(own.0), most.1.max(own.1)));
    let mut coefficients = input.coefficients.iter();
    let component = |(id, &(horizontal, vertical)): (u8, &(u8, u8))| {
        let samples = |side: u32, own: u8, most: u8| side.div_ceil(u32::from(most / own));
        let blocks_high = samples(height, vertical, most.1).div_ceil(8) as usize;
        let blocks_wide = samples(width, horizontal, most.0).div_ceil(8) as usize;
        let mut blocks = vec![[0i16; 64]; blocks_high * blocks_wide];
        for &(at, value) in coefficients.by_ref().take(200) {
            let at = usize::from(at);
            let count = blocks.len();
            blocks[at / 64 % count][at % 64] = value;
        }
        Component {
            id,
            horizontal,
            vertical,
            blocks_high,
            blocks_wide,
            quantisation: Arc::new([7; 64]),
            blocks: SparseBlocks::from_dense(&blocks),
        }
    };
    let components = (1..).zip(&sampling).map(component).collect();
    let colour = if input.gray { Colour::Gray } else { Colour::YCbCr };
    Some(SparseJpeg::new(width, height, colour, components))
}

fuzz_target!(|input: Input| {
    let Some(jpeg) = picture(&input) else {
        return;
    };
    // As they cross the border: a list in a wrong order is refused there.
    let specs: Vec<TransformSpec> = input.transforms.iter().take(6).map(Transform::spec).collect();
    let Ok(specs) = serde_json::to_string(&specs).map_or(Ok(specs), |json| TransformSpec::list_from_json(&json)) else {
        return;
    };
    let seed = Seed { seed: input.seed, epoch: 0, picture: 0 };
    let Ok(mut view) = view_of("picture", View::new(jpeg.width as usize, jpeg.height as usize), &specs, seed) else {
        return;
    };
    // Several resizes of a long picture can multiply.
    if view.width() * view.height() > 4 * LONGEST * LONGEST {
        return;
    }
    if input.clamp {
        view.clamp();
    }
    let channels = if input.luma { 1 } else { 3 };
    let pixels = Renderer::default().render(Isa::detect(), &jpeg, &view, channels);
    assert_eq!((pixels.width, pixels.height), (view.width(), view.height()));
    assert_eq!(pixels.samples.len(), channels * view.width() * view.height());
    assert!(pixels.samples.iter().all(|sample| sample.is_finite()));
    if let Some((cut, alpha)) = input.mix {
        let alpha = f64::from(alpha) / 64.0 + 0.01;
        let way =
            if cut { MixSpec::CutMix { alpha, probability: 1.0 } } else { MixSpec::Mixup { alpha, probability: 1.0 } };
        let mixed = mix(&mut [pixels.clone(), pixels], &[way], input.seed, 0, 0);
        assert!(mixed.is_some_and(|mixed| (0.0..=1.0).contains(&mixed.share)));
    }
});

//! The way from a file's coefficients to the network's input, against pixels.

mod support;

use jpegnet_kernels::input::{InputColour, InputTransform, SparsePlane};
use jpegnet_kernels::{BLOCK, Grid, Isa, inverse_dct_into};
use proptest::prelude::*;
use std::path::Path;
use support::Random;
use support::plane::Plane;

/// The network's input in pixels, `[height, width, channels]`, computed in pixels.
fn expected(planes: &[Plane], (width, height): (usize, usize), channels: usize, mean: &[f32], std: &[f32]) -> Vec<f64> {
    let full: Vec<Vec<f64>> = planes.iter().map(|plane| plane.full_size(width, height)).collect();
    let pixel = |at: usize| {
        let y = full[0][at] + 128.0;
        let chroma = |plane: usize| full.get(plane).map_or(0.0, |plane| plane[at]);
        let (cb, cr) = (chroma(1), chroma(2));
        let rgb = [y + 1.402 * cr, y - 0.344_136_286 * cb - 0.714_136_286 * cr, y + 1.772 * cb];
        let samples = if channels == 1 { vec![y] } else { rgb.to_vec() };
        let normalise = |(c, sample): (usize, f64)| (sample / 255.0 - f64::from(mean[c])) / f64::from(std[c]);
        samples.into_iter().enumerate().map(normalise).collect::<Vec<_>>()
    };
    (0..width * height).flat_map(pixel).collect()
}

/// The network's input in pixels, `[height, width, channels]`, both ways: straight to pixels, in strips of a few rows, and
/// by coefficients.
fn found(
    isa: Isa,
    planes: &[Plane],
    (width, height): (usize, usize),
    channels: usize,
    mean: &[f32],
    std: &[f32],
) -> [Vec<f32>; 2] {
    let colour = if planes.len() == 1 { InputColour::Gray } else { InputColour::YCbCr };
    let ratios: Vec<_> = planes.iter().map(|plane| plane.ratios).collect();
    let transform = InputTransform::new(width, height, colour, &ratios, channels, mean, std);
    let sparse: Vec<SparsePlane> = planes.iter().map(Plane::sparse).collect();
    let mut pixels = vec![f32::NAN; height * width * channels];
    // Odd, so that strips begin and end within blocks and between the rows of a chroma sample.
    let strip = 11;
    let mut workspace = vec![f32::NAN; transform.pixel_workspace_len(strip)];
    for (number, output) in pixels.chunks_mut(strip * width * channels).enumerate() {
        let rows = number * strip..number * strip + output.len() / (width * channels);
        transform.pixel_rows_into(isa, &sparse, rows, output, &mut workspace);
    }
    [pixels, by_coefficients(isa, planes, (width, height), channels, mean, std)]
}

/// By the transform to coefficients and an inverse DCT.
fn by_coefficients(
    isa: Isa,
    planes: &[Plane],
    (width, height): (usize, usize),
    channels: usize,
    mean: &[f32],
    std: &[f32],
) -> Vec<f32> {
    let colour = if planes.len() == 1 { InputColour::Gray } else { InputColour::YCbCr };
    let ratios: Vec<_> = planes.iter().map(|plane| plane.ratios).collect();
    let transform = InputTransform::new(width, height, colour, &ratios, channels, mean, std);
    let grid = Grid { high: height.div_ceil(8), wide: width.div_ceil(8) };
    let mut map = vec![f32::NAN; grid.blocks() * BLOCK * channels];
    let mut workspace = vec![f32::NAN; transform.workspace_len()];
    let sparse: Vec<SparsePlane> = planes.iter().map(Plane::sparse).collect();
    transform.apply_into(isa, &sparse, &mut map, &mut workspace);
    let mut blocks = vec![0.0; map.len()];
    inverse_dct_into(isa, channels, &map, &mut blocks);
    let at = |y: usize, x: usize, c: usize| {
        let block = y / 8 * grid.wide + x / 8;
        blocks[(block * BLOCK + y % 8 * 8 + x % 8) * channels + c]
    };
    (0..height * width * channels).map(|n| at(n / channels / width, n / channels % width, n % channels)).collect()
}

/// Largest difference as a share of the range of the expected values.
fn relative_difference(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(1.0f64, |most, value| most.max(value.abs()));
    let differences = found.iter().zip(expected).map(|(&found, expected)| (f64::from(found) - expected).abs());
    differences.fold(0.0, |most, difference| if difference > most || difference.is_nan() { difference } else { most })
        / scale
}

/// A file's components from the dump of its coefficients beside the fixtures.
fn planes_of(fixtures: &Path, name: &str) -> ((usize, usize), Vec<Plane>) {
    let bytes = std::fs::read(fixtures.join(format!("coefficients/{name}.bin"))).unwrap();
    let mut values = bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
    let mut next = || usize::try_from(values.next().unwrap()).unwrap();
    let ((width, height), components) = ((next(), next()), next());
    let mut read = Vec::new();
    for _ in 0..components {
        let mut next = || usize::try_from(values.next().unwrap()).unwrap();
        let (_, sampling) = (next(), (next(), next()));
        let grid = Grid { high: next(), wide: next() };
        let quantisation = std::array::from_fn(|_| u16::try_from(next()).unwrap());
        let dense: Vec<i16> = values.by_ref().take(grid.blocks() * BLOCK).collect();
        read.push((grid, quantisation, dense, sampling));
    }
    let largest = read.iter().fold((1, 1), |(h, v), (_, _, _, s)| (h.max(s.0), v.max(s.1)));
    let plane = |(grid, quantisation, dense, sampling): (Grid, _, Vec<i16>, (usize, usize))| {
        Plane::new(grid, quantisation, &dense, (largest.0 / sampling.0, largest.1 / sampling.1))
    };
    ((width, height), read.into_iter().map(plane).collect())
}

#[test]
fn the_reference_pictures_give_the_reference_input_on_every_isa() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../__test__/fixtures");
    let bytes = std::fs::read(fixtures.join("reference/paper_resnet_io.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let input = file.tensor("input_rgb_normalised").unwrap();
    let reference: Vec<f64> =
        input.data().chunks_exact(4).map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap()))).collect();
    // CIFAR-10's mean and deviation in 0…255, as the vectors' metadata has them.
    let mean = [125.307f32, 122.950, 113.865].map(|value| value / 255.0);
    let std = [62.993f32, 62.089, 66.705].map(|value| value / 255.0);
    for isa in Isa::available() {
        let mut worst = 0.0f64;
        for picture in 0..10 {
            let (size, planes) = planes_of(&fixtures, &picture.to_string());
            let (width, height) = size;
            let channel_first = &reference[picture * 3 * width * height..][..3 * width * height];
            let at = |n: usize| channel_first[n % 3 * width * height + n / 3];
            let expected: Vec<f64> = (0..channel_first.len()).map(at).collect();
            for found in found(isa, &planes, size, 3, &mean, &std) {
                worst = worst.max(relative_difference(&found, &expected));
            }
        }
        println!("{}: largest relative difference {worst:.2e}", isa.name());
        assert!(worst < 1e-5, "{}: {worst:e}", isa.name());
    }
}

/// `pixels/NAME.rgb` was printed by a C program over Debian's libjpeg with its float inverse DCT: rows of 8-bit RGB. It
/// rounds samples, upsampled samples and colours, each by at most ½: `½ + 1.772·(½ + ½) + ½` in blue, where most adds up.
/// No sample of these pictures is near 0 or 255, so it clamps none.
#[test]
fn every_kind_of_chroma_sampling_gives_libjpegs_pixels_but_for_its_rounding() {
    const ROUNDING: f64 = 2.8;
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../__test__/fixtures");
    for sampling in ["2x1", "1x2", "2x2", "4x1", "4x2", "2x4", "2x2-narrow"] {
        let name = format!("sampling-{sampling}");
        let (size, planes) = planes_of(&fixtures, &name);
        let expected = std::fs::read(fixtures.join(format!("pixels/{name}.rgb"))).unwrap();
        for isa in Isa::available() {
            for found in found(isa, &planes, size, 3, &[0.0; 3], &[1.0 / 255.0; 3]) {
                assert_eq!(found.len(), expected.len(), "{name}");
                let difference =
                    |(&found, &expected): (&f32, &u8)| (f64::from(found.clamp(0.0, 255.0)) - f64::from(expected)).abs();
                let worst = found.iter().zip(&expected).map(difference).fold(0.0, f64::max);
                println!("{name}, {}: at most {worst:.2} grey levels", isa.name());
                assert!(worst < ROUNDING, "{name}, {}: {worst}", isa.name());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_size_sampling_and_colour_gives_what_pixels_give(
        width in 1usize..50,
        height in 1usize..50,
        ratios in prop::array::uniform3((1usize..=4, 1usize..=4)),
        components in prop::sample::select(vec![1usize, 3]),
        channels in prop::sample::select(vec![1usize, 3]),
        seed in any::<u64>(),
    ) {
        let mut random = Random(seed);
        let planes: Vec<Plane> = ratios.into_iter().take(components).map(|ratios| Plane::random((width, height), ratios, &mut random)).collect();
        let (mean, std) = (&[0.4, 0.5, 0.3][..channels], &[0.2, 0.25, 0.3][..channels]);
        let expected = expected(&planes, (width, height), channels, mean, std);
        for isa in Isa::available() {
            for found in found(isa, &planes, (width, height), channels, mean, std) {
                prop_assert!(relative_difference(&found, &expected) < 1e-5);
            }
        }
    }
}

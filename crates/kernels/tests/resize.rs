//! Crops, resizes, flips and paddings from coefficients, against the same on pixels in float64.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "lengths of small pictures"
)]

mod support;

use jpegnet_kernels::definition::resize_line;
use jpegnet_kernels::input::{InputColour, SparsePlane};
use jpegnet_kernels::resize::{
    AxisMap, Basis, ComponentAxis, Dequantised, Filter, Padding, Panels, Repairs, ResizeScratch, add_resized,
};
use jpegnet_kernels::{Isa, Sampling};
use proptest::prelude::*;
use support::Random;
use support::plane::Plane;

/// Something done to a picture along one axis.
#[derive(Clone, Debug)]
enum Operation {
    /// Keeps what is between two shares of the length.
    Crop(f64, f64),
    Resize(usize, Filter),
    Pad(usize, usize, Padding),
    Flip,
}

fn filters() -> impl Strategy<Value = Filter> {
    prop::sample::select(vec![Filter::Bilinear, Filter::Bicubic, Filter::Lanczos])
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let paddings = prop::sample::select(vec![Padding::Constant, Padding::Edge, Padding::Reflect]);
    let operation = prop_oneof![
        (0.0..0.9, 0.0..1.0).prop_map(|(from, rest)| Operation::Crop(from, rest)),
        (1usize..60, filters()).prop_map(|(length, filter)| Operation::Resize(length, filter)),
        (0usize..6, 0usize..6, paddings).prop_map(|(before, after, padding)| Operation::Pad(before, after, padding)),
        Just(Operation::Flip),
    ];
    prop::collection::vec(operation, 0..4)
}

/// The pixels kept of so many.
fn kept(length: usize, from: f64, rest: f64) -> std::ops::Range<usize> {
    let start = (from * length as f64) as usize;
    start..start + 1 + (rest * (length - start - 1) as f64) as usize
}

/// Reflections need more pixels than they add.
fn possible(padding: Padding, length: usize, before: usize, after: usize) -> Padding {
    if before.max(after) < length { padding } else { Padding::Constant }
}

fn map_of(length: usize, operations: &[Operation]) -> AxisMap {
    operations.iter().fold(AxisMap::identity(length), |map, operation| match *operation {
        Operation::Crop(from, rest) => {
            let kept = kept(map.len(), from, rest);
            map.crop(kept)
        }
        Operation::Resize(length, filter) => map.resize(length, filter),
        Operation::Pad(before, after, padding) => {
            let padding = possible(padding, map.len(), before, after);
            map.pad(before, after, padding)
        }
        Operation::Flip => map.flip(),
    })
}

/// The operations on one line of pixels, straight from their definitions; `fill` is the colour of constant padding.
fn apply(mut line: Vec<f64>, operations: &[Operation], fill: f64) -> Vec<f64> {
    for operation in operations {
        line = match *operation {
            Operation::Crop(from, rest) => line[kept(line.len(), from, rest)].to_vec(),
            Operation::Resize(length, filter) => resize_line(&line, length, filter),
            Operation::Flip => line.into_iter().rev().collect(),
            Operation::Pad(before, after, padding) => {
                let length = line.len() as isize;
                let padding = possible(padding, line.len(), before, after);
                let pixel = |at: isize| match padding {
                    _ if (0..length).contains(&at) => line[at as usize],
                    Padding::Constant => fill,
                    Padding::Edge => line[at.clamp(0, length - 1) as usize],
                    Padding::Reflect if at < 0 => line[-at as usize],
                    Padding::Reflect => line[(2 * (length - 1) - at) as usize],
                };
                (-(before as isize)..length + after as isize).map(pixel).collect()
            }
        };
    }
    line
}

/// On a picture `[height, width]`, down its columns and then along its rows.
fn apply_to_picture(
    (pixels, width): (&[f64], usize),
    (vertical, horizontal): (&[Operation], &[Operation]),
    fill: f64,
) -> Vec<f64> {
    let column = |x: usize| apply(pixels.iter().skip(x).step_by(width).copied().collect(), vertical, fill);
    let columns: Vec<Vec<f64>> = (0..width).map(column).collect();
    let row = |y: usize| apply(columns.iter().map(|column| column[y]).collect(), horizontal, fill);
    (0..columns[0].len()).flat_map(row).collect()
}

/// The same from the coefficients.
fn from_coefficients(
    isa: Isa,
    plane: &Plane,
    size: (usize, usize),
    (vertical, horizontal): (&AxisMap, &AxisMap),
    fill: f64,
) -> Vec<f64> {
    let (down, along) = Sampling::of_component(size, plane.ratios);
    let vertical_axis = ComponentAxis::new(vertical, down, Basis::Cosines);
    let horizontal_axis = Panels::new(&ComponentAxis::new(horizontal, along, Basis::Cosines));
    let mut output = vec![0.0; vertical.len() * horizontal.len()];
    let axes = (&vertical_axis, &horizontal_axis);
    add_resized(isa, Dequantised::new(&plane.sparse()), axes, &mut output, &mut ResizeScratch::default());
    let (tall, wide): (Vec<f64>, Vec<f64>) = (vertical.coverage().collect(), horizontal.coverage().collect());
    let filled =
        |(at, &pixel): (usize, &f32)| f64::from(pixel) + fill * (1.0 - tall[at / wide.len()] * wide[at % wide.len()]);
    output.iter().enumerate().map(filled).collect()
}

fn largest_difference(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let differences = found.iter().zip(expected).map(|(found, expected)| (found - expected).abs());
    differences.fold(0.0, |most, difference| if difference > most || difference.is_nan() { difference } else { most })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_operations_is_within_a_thousandth_of_a_grey_level_of_pixels(
        (width, height) in (1usize..90, 1usize..90),
        ratios in prop::sample::select(vec![(1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (1, 4), (3, 2)]),
        vertical in operations(),
        horizontal in operations(),
        seed in any::<u64>(),
    ) {
        const FILL: f64 = -128.0;
        let plane = Plane::random((width, height), ratios, &mut Random(seed));
        let pixels = plane.full_size(width, height);
        let expected = apply_to_picture((&pixels, width), (&vertical, &horizontal), FILL);
        let (vertical, horizontal) = (map_of(height, &vertical), map_of(width, &horizontal));
        for isa in Isa::available() {
            let found = from_coefficients(isa, &plane, (width, height), (&vertical, &horizontal), FILL);
            prop_assert!(largest_difference(&found, &expected) < 1e-3);
        }
    }
}

/// Level-shifted red, green and blue as a decoder to 8 bits makes them, but for its rounding: samples clamped, upsampled,
/// and clamped again once they are colours; inks as Pillow mixes them.
fn decoded(planes: &[Plane], colour: InputColour, (width, height): (usize, usize)) -> Vec<[f64; 3]> {
    let clamp = |value: f64| value.clamp(-128.0, 127.0);
    let full: Vec<Vec<f64>> = planes.iter().map(|plane| plane.full_size_of(width, height, clamp)).collect();
    let rgb = |at: usize| {
        let [y, cb, cr] = [full[0][at], full[1][at], full[2][at]];
        [y + 1.402 * cr, y - 0.344_136_286 * cb - 0.714_136_286 * cr, y + 1.772 * cb].map(clamp)
    };
    let printed = |inks: [f64; 3], black: f64, inverted: bool| {
        let [c, m, y, k] =
            [inks[0], inks[1], inks[2], black].map(|ink| if inverted { 127.0 - ink } else { ink + 128.0 });
        [c, m, y].map(|ink| (255.0 - ink) * (255.0 - k) / 255.0 - 128.0)
    };
    let pixel = |at: usize| match colour {
        InputColour::Gray => [full[0][at]; 3],
        InputColour::YCbCr => rgb(at),
        InputColour::Rgb => [full[0][at], full[1][at], full[2][at]],
        InputColour::Cmyk { inverted } => printed([full[0][at], full[1][at], full[2][at]], full[3][at], inverted),
        InputColour::Ycck => printed(rgb(at).map(|value| -1.0 - value), full[3][at], true),
    };
    (0..width * height).map(pixel).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn repaired_pictures_are_what_a_clamping_decoder_gives(
        (width, height) in (1usize..70, 1usize..70),
        ratios in prop::sample::select(vec![(1, 1), (2, 1), (1, 2), (2, 2), (4, 1)]),
        colour in prop::sample::select(vec![
            InputColour::Gray,
            InputColour::YCbCr,
            InputColour::Rgb,
            InputColour::Cmyk { inverted: true },
            InputColour::Cmyk { inverted: false },
            InputColour::Ycck,
        ]),
        seed in any::<u64>(),
    ) {
        let mut random = Random(seed);
        let chroma = if matches!(colour, InputColour::YCbCr | InputColour::Ycck) { ratios } else { (1, 1) };
        let plane = |component: usize| {
            let ratios = if matches!(component, 1 | 2) { chroma } else { (1, 1) };
            Plane::random((width, height), ratios, &mut random)
        };
        let planes: Vec<Plane> = (0..colour.components()).map(plane).collect();
        let sparse: Vec<SparsePlane> = planes.iter().map(Plane::sparse).collect();
        let expected = decoded(&planes, colour, (width, height));
        let blocks = (0..height.div_ceil(8), 0..width.div_ceil(8));
        let repairs = Repairs::new(Isa::detect(), &sparse, colour, (width, height), blocks);
        let (rows, columns) = (AxisMap::identity(height), AxisMap::identity(width));
        let linear: Vec<Vec<f64>> = planes.iter().map(|plane| plane.full_size(width, height)).collect();
        for channel in 0..3 {
            let vertical = ComponentAxis::new(&rows, Sampling::of_pixels(height), Basis::Samples);
            let horizontal = Panels::new(&ComponentAxis::new(&columns, Sampling::of_pixels(width), Basis::Samples));
            let mut repaired = vec![0.0; width * height];
            let axes = (&vertical, &horizontal);
            add_resized(Isa::detect(), repairs.channel(channel), axes, &mut repaired, &mut ResizeScratch::default());
            let found: Vec<f64> = (0..width * height)
                .map(|at| {
                    let weights = colour.to_rgb().iter().map(|rgb| rgb[channel]);
                    f64::from(repaired[at]) + weights.zip(&linear).map(|(weight, plane)| weight * plane[at]).sum::<f64>()
                })
                .collect();
            let expected: Vec<f64> = expected.iter().map(|pixel| pixel[channel]).collect();
            prop_assert!(largest_difference(&found, &expected) < 1e-3);
        }
    }
}

#[test]
fn blocks_that_cannot_leave_the_range_are_not_decoded() {
    let grid = jpegnet_kernels::Grid { high: 1, wide: 2 };
    let mut dense = [0; 128];
    // Mid-grey with a little texture, and white with an overshoot.
    (dense[1], dense[64], dense[65]) = (100, 1000, 200);
    let plane = Plane::new(grid, [1; 64], &dense, (1, 1));
    let repairs = Repairs::new(Isa::detect(), &[plane.sparse()], InputColour::Gray, (16, 8), (0..1, 0..2));
    assert_eq!(repairs.len(), 1);
    dense[64] = 0;
    let plane = Plane::new(grid, [1; 64], &dense, (1, 1));
    assert!(Repairs::new(Isa::detect(), &[plane.sparse()], InputColour::Gray, (16, 8), (0..1, 0..2)).is_empty());
}

#[test]
fn operations_that_undo_each_other_are_the_identity() {
    let map = AxisMap::identity(10).flip().pad(3, 2, Padding::Edge).crop(3..13).flip();
    assert!(map.is_identity());
    assert!(AxisMap::identity(10).resize(10, Filter::Bicubic).is_identity());
    assert!(!AxisMap::identity(10).crop(0..9).is_identity());
    assert!(!AxisMap::identity(10).flip().is_identity());
}

#[test]
fn samples_beyond_the_picture_are_never_read() {
    // A block of 8×8 for a picture of 5×3: what lies beyond is as large as it can be.
    let mut samples = vec![0.0; 64];
    for (at, sample) in samples.iter_mut().enumerate() {
        *sample = if at % 8 < 5 && at / 8 < 3 { 40.0 } else { 1000.0 };
    }
    let coefficients = jpegnet_kernels::definition::dct_block(&samples);
    let dense: Vec<i16> = coefficients.iter().map(|&value| value.round() as i16).collect();
    let grid = jpegnet_kernels::Grid { high: 1, wide: 1 };
    let plane = Plane::new(grid, [1; 64], &dense, (1, 1));
    for filter in [Filter::Bilinear, Filter::Bicubic, Filter::Lanczos] {
        let (vertical, horizontal) = (AxisMap::identity(3).resize(7, filter), AxisMap::identity(5).resize(2, filter));
        let found = from_coefficients(Isa::detect(), &plane, (5, 3), (&vertical, &horizontal), 0.0);
        // Coefficients were rounded.
        assert!(found.iter().all(|pixel| (pixel - 40.0).abs() < 3.0), "{filter:?}: {found:?}");
    }
}

//! Max pooling, subsampling and truncation: definitions against pixels and finite differences, kernels against
//! definitions on every instruction set.

mod support;

use jpegnet_kernels::definition::{
    CoefficientMap, max_pool, max_pool_gradient, pixels, subsample, subsample_gradient, truncate,
};
use jpegnet_kernels::pixels::PoolShape;
use jpegnet_kernels::{Extent, Isa, MaxPool, Subsample, truncate_in_place};
use proptest::prelude::*;
use support::{Random, TOLERANCE, assert_close, dot, finite_differences, relative_error};

/// Windows (size, stride, padding): ImageNet's, one without overlap, one with gaps, one that pads more than it covers.
const WINDOWS: [(usize, usize, usize); 6] = [(3, 2, 1), (2, 2, 0), (2, 3, 1), (3, 1, 1), (5, 4, 4), (1, 1, 0)];

/// Sizes that fill their blocks and sizes that do not.
const SIZES: [Extent; 4] = [
    Extent { height: 16, width: 24 },
    Extent { height: 13, width: 21 },
    Extent { height: 7, width: 9 },
    Extent { height: 28, width: 28 },
];

/// The largest pixel under every window, pixel by pixel, in other words than the definition's.
fn largest(map: &pixels::PixelMap, (size, stride, padding): (usize, usize, usize)) -> Vec<f64> {
    let places =
        |side: usize| (0..).map(move |place| place * stride).take_while(move |at| at + size <= side + 2 * padding);
    let pixel = |plane: usize, y: usize, x: usize| {
        let (y, x) = (y.checked_sub(padding)?, x.checked_sub(padding)?);
        (y < map.height && x < map.width).then(|| map.values[(plane * map.height + y) * map.width + x])
    };
    let mut found = Vec::new();
    for plane in 0..map.images * map.channels {
        for (top, left) in places(map.height).flat_map(|top| places(map.width).map(move |left| (top, left))) {
            let window = (0..size * size).filter_map(|at| pixel(plane, top + at / size, left + at % size));
            found.push(window.reduce(f64::max).expect("a pixel under every window"));
        }
    }
    found
}

#[test]
fn the_definition_of_max_pooling_takes_the_largest_pixel_inside_of_each_window() {
    let mut random = Random(1);
    for extent in SIZES {
        let x = random.map(2, 3, extent).in_units_of(random.steps(3, 20.0));
        for window in WINDOWS {
            let (size, stride, padding) = window;
            let found = max_pool(size, stride, padding, &x);
            assert_eq!(found.steps, x.steps);
            let what = format!("{window:?} of {extent:?}");
            assert_close(&what, &found.to_pixels().values, &largest(&x.to_pixels(), window), 1e-12);
            // Nothing is left beyond the map.
            assert_close(&what, &found.orthonormal().values, &found.inside().values, 1e-12);
        }
    }
}

#[test]
fn gradients_of_max_pooling_and_subsampling_are_finite_differences_in_jpeg_units_too() {
    let mut random = Random(2);
    for extent in [Extent { height: 7, width: 9 }, Extent { height: 16, width: 8 }] {
        let x = random.map(1, 2, extent).in_units_of(random.steps(2, 20.0));
        let moved = |values: &[f64]| CoefficientMap { values: values.to_vec(), ..x.clone() };
        for (size, stride, padding) in WINDOWS {
            let mut weights = max_pool(size, stride, padding, &x);
            weights.values = random.normals(weights.values.len());
            let found = max_pool_gradient(size, stride, padding, &x, &weights);
            let expected = finite_differences(&x.values, 1e-7, |values| {
                dot(&max_pool(size, stride, padding, &moved(values)).values, &weights.values)
            });
            assert_close(&format!("{size} {stride} {padding}"), &found.values, &expected, 1e-6);
        }
        for (stride, channels) in [(1, 2), (2, 2), (2, 5), (3, 4)] {
            let mut weights = subsample(stride, channels, &x);
            weights.values = random.normals(weights.values.len());
            let found = subsample_gradient(stride, &x, &weights);
            let expected = finite_differences(&x.values, 1e-3, |values| {
                dot(&subsample(stride, channels, &moved(values)).values, &weights.values)
            });
            assert_close(&format!("{stride} {channels}"), &found.values, &expected, 1e-9);
        }
    }
}

#[test]
fn subsampling_keeps_every_stride_th_pixel_and_puts_zero_channels_on_both_sides() {
    let mut random = Random(3);
    let x = random.map(2, 3, Extent { height: 13, width: 21 });
    let (pixels, kept) = (x.to_pixels(), subsample(2, 8, &x).to_pixels());
    assert_eq!((kept.channels, kept.height, kept.width), (8, 7, 11));
    for (image, channel) in [(0, 0), (0, 1), (1, 2)] {
        let (plane, from) = (kept.plane(image, channel + 2), pixels.plane(image, channel));
        for (index, &value) in plane.iter().enumerate() {
            assert!((value - from[index / 11 * 2 * 21 + index % 11 * 2]).abs() < 1e-12);
        }
    }
    for channel in [0, 1, 5, 6, 7] {
        assert!(kept.plane(1, channel).iter().all(|value| value.abs() < 1e-12), "channel {channel} is padding");
    }
}

/// A kernel over a batch image by image, forward and backward; scratch is full of NaN.
struct Found {
    output: CoefficientMap,
    gradient: CoefficientMap,
}

fn run_max_pool(
    isa: Isa,
    (size, stride, padding): (usize, usize, usize),
    ceil: bool,
    x: &CoefficientMap,
    dy: &CoefficientMap,
) -> Found {
    let Extent { height, width } = x.extent;
    let shape = PoolShape { channels: x.channels, height, width, size, stride, padding, ceil };
    let pool = MaxPool::new(shape).expect("the window fits");
    assert_eq!(pool.output(), dy.extent);
    let (maps, gradients) = (x.to_kernel_layout(), dy.to_kernel_layout());
    let (mut output, mut gradient) = (vec![f32::NAN; gradients.len()], vec![f32::NAN; maps.len()]);
    let (input_len, output_len) = (maps.len() / x.images, gradients.len() / x.images);
    for image in 0..x.images {
        let (from, to) = (image * input_len..(image + 1) * input_len, image * output_len..(image + 1) * output_len);
        let mut workspace = vec![f32::NAN; pool.workspace_len()];
        let mut winners = vec![u32::MAX; pool.winners_len()];
        let mut without = vec![f32::NAN; output_len];
        pool.forward_into(isa, &maps[from.clone()], &mut without, None, &mut workspace);
        let output = &mut output[to.clone()];
        pool.forward_into(isa, &maps[from.clone()], output, Some(&mut winners), &mut workspace);
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert!(bits(output) == bits(&without), "keeping winners does not change the output");
        workspace.fill(f32::NAN);
        pool.backward_into(isa, &winners, &gradients[to], &mut gradient[from], &mut workspace);
    }
    Found {
        output: CoefficientMap::from_kernel_layout(dy.images, dy.channels, dy.extent, &output),
        gradient: CoefficientMap::from_kernel_layout(x.images, x.channels, x.extent, &gradient),
    }
}

fn run_subsample(isa: Isa, stride: usize, x: &CoefficientMap, dy: &CoefficientMap) -> Found {
    let kernel = Subsample { input_channels: x.channels, output_channels: dy.channels, input: x.extent, stride };
    assert_eq!(kernel.output(), dy.extent);
    let (mut output, mut gradient) = (dy.to_kernel_layout(), x.to_kernel_layout());
    let mut workspace = vec![f32::NAN; kernel.workspace_len()];
    output.fill(f32::NAN);
    kernel.forward_into(isa, &gradient, &mut output, &mut workspace);
    workspace.fill(f32::NAN);
    gradient.fill(f32::NAN);
    kernel.backward_into(isa, &dy.to_kernel_layout(), &mut gradient, &mut workspace);
    Found {
        output: CoefficientMap::from_kernel_layout(1, dy.channels, dy.extent, &output),
        gradient: CoefficientMap::from_kernel_layout(1, x.channels, x.extent, &gradient),
    }
}

#[test]
fn the_kernels_are_the_definitions_on_every_isa_for_any_number_of_channels() {
    for (seed, channels) in (1..).zip([1, 3, 8, 17, 33]) {
        let mut random = Random(seed);
        for extent in SIZES {
            let x = random.map(1, channels, extent);
            for window in WINDOWS {
                let (size, stride, padding) = window;
                let expected = max_pool(size, stride, padding, &x);
                let dy = random.map(1, channels, expected.extent);
                let gradient = max_pool_gradient(size, stride, padding, &x, &dy);
                for isa in Isa::available() {
                    let found = run_max_pool(isa, window, false, &x, &dy);
                    let what = format!("max pool {window:?} of {extent:?}, {channels} channels, {}", isa.name());
                    assert_close(&format!("{what}, y"), &found.output.values, &expected.values, TOLERANCE);
                    assert_close(&format!("{what}, dx"), &found.gradient.values, &gradient.values, TOLERANCE);
                }
            }
            for (stride, more) in [(1, 0), (1, 3), (2, 0), (2, 5), (3, 1)] {
                let expected = subsample(stride, channels + more, &x);
                let dy = random.map(1, channels + more, expected.extent);
                let gradient = subsample_gradient(stride, &x, &dy);
                for isa in Isa::available() {
                    let found = run_subsample(isa, stride, &x, &dy);
                    let what = format!("subsample {stride} +{more} of {extent:?}, {channels}, {}", isa.name());
                    assert_close(&format!("{what}, y"), &found.output.values, &expected.values, TOLERANCE);
                    assert_close(&format!("{what}, dx"), &found.gradient.values, &gradient.values, TOLERANCE);
                }
            }
        }
    }
}

#[test]
fn the_first_of_equal_pixels_gets_the_derivative_and_padding_never_wins() {
    let extent = Extent { height: 8, width: 8 };
    // A constant below zero: padding of zeros would win every window at the border.
    let mut x = CoefficientMap::zeros(1, extent, vec![jpegnet_kernels::definition::UNIT_STEPS]);
    x.values[0] = -16.0;
    let ones = pixels::PixelMap { values: vec![1.0; 16], ..pixels::PixelMap::zeros(1, 1, 4, 4) };
    let dy = CoefficientMap::from_pixels(&ones, x.steps.clone());
    let mut expected = pixels::PixelMap::zeros(1, 1, 8, 8);
    for (row, column) in (0..4).flat_map(|row| (0..4).map(move |column| (row, column))) {
        // Windows of 3 at 2·place − 1: the first pixel inside of each.
        let first = |place: usize| (2 * place).saturating_sub(1);
        expected.values[first(row) * 8 + first(column)] += 1.0;
    }
    for isa in Isa::available() {
        let found = run_max_pool(isa, (3, 2, 1), false, &x, &dy);
        assert_close("y", &found.output.to_pixels().values, &[-2.0; 16], TOLERANCE);
        assert_close("dx", &found.gradient.to_pixels().values, &expected.values, TOLERANCE);
    }
}

#[test]
fn a_pixel_that_is_not_a_number_makes_its_windows_so() {
    let extent = Extent { height: 8, width: 16 };
    for isa in Isa::available() {
        let mut map = Random(5).map(1, 1, extent).to_kernel_layout();
        map[3] = f32::NAN;
        let shape = PoolShape { channels: 1, height: 8, width: 16, size: 2, stride: 2, padding: 0, ceil: false };
        let pool = MaxPool::new(shape).expect("the window fits");
        let (mut output, mut winners) = (vec![0.0; 64], vec![0; pool.winners_len()]);
        let mut workspace = vec![0.0; pool.workspace_len()];
        pool.forward_into(isa, &map, &mut output, Some(&mut winners), &mut workspace);
        assert!(output.iter().all(|value| value.is_nan()), "{}", isa.name());
    }
}

#[test]
fn windows_that_do_not_fit_are_refused() {
    let shape =
        |size, stride, padding| PoolShape { channels: 1, height: 7, width: 9, size, stride, padding, ceil: false };
    assert!(MaxPool::new(shape(9, 1, 1)).is_some());
    assert!(MaxPool::new(shape(10, 1, 1)).is_none(), "larger than the padded map");
    assert!(MaxPool::new(shape(2, 1, 2)).is_none(), "a window of padding alone");
    assert!(MaxPool::new(shape(2, 0, 0)).is_none(), "no stride");
    assert!(MaxPool::new(PoolShape { height: 20, width: 20, ..shape(16, 1, 0) }).is_some());
    assert!(
        MaxPool::new(PoolShape { height: 20, width: 20, ..shape(17, 1, 0) }).is_none(),
        "more than a byte of pixels"
    );
}

/// The largest window's last pixel has the largest number that a byte holds.
#[test]
fn the_last_pixel_of_the_largest_window_can_win() {
    let extent = Extent { height: 16, width: 16 };
    let mut pixels = pixels::PixelMap::zeros(1, 1, 16, 16);
    pixels.values[255] = 1.0;
    let x = CoefficientMap::from_pixels(&pixels, vec![jpegnet_kernels::definition::UNIT_STEPS]);
    let mut dy = CoefficientMap::zeros(1, Extent { height: 1, width: 1 }, x.steps.clone());
    dy.values[0] = 8.0;
    let expected = max_pool_gradient(16, 1, 0, &x, &dy);
    assert!((expected.to_pixels().values[255] - 1.0).abs() < 1e-12 && x.extent == extent);
    for isa in Isa::available() {
        assert_close("dx", &run_max_pool(isa, (16, 1, 0), false, &x, &dy).gradient.values, &expected.values, TOLERANCE);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_window_pools_as_pixels_do(
        seed: u64, channels in 1..20usize, height in 1..=30usize, width in 1..=30usize, size in 1..=6usize,
        stride in 1..=4usize, padding in 0..=5usize, images in 1..=2usize,
    ) {
        prop_assume!(padding < size && size <= height.min(width) + 2 * padding);
        let mut random = Random(seed);
        let x = random.map(images, channels, Extent { height, width });
        let expected = max_pool(size, stride, padding, &x);
        let dy = random.map(images, channels, expected.extent);
        let gradient = max_pool_gradient(size, stride, padding, &x, &dy);
        for isa in Isa::available() {
            let found = run_max_pool(isa, (size, stride, padding), false, &x, &dy);
            prop_assert!(relative_error(&found.output.values, &expected.values) <= TOLERANCE, "{}", isa.name());
            prop_assert!(relative_error(&found.gradient.values, &gradient.values) <= TOLERANCE, "{}", isa.name());
        }
    }

    #[test]
    fn truncation_is_an_orthogonal_projection_on_the_lowest_frequencies(seed: u64, frequencies in 1..=15usize) {
        let mut random = Random(seed);
        let (x, y) = (random.map(2, 3, Extent { height: 13, width: 9 }), random.map(2, 3, Extent { height: 13, width: 9 }));
        let (px, py) = (truncate(frequencies, &x), truncate(frequencies, &y));
        for (index, (kept, value)) in px.to_row_major().iter().zip(x.to_row_major()).enumerate() {
            let frequency = index % 64 / 8 + index % 8;
            let expected = if frequency < frequencies { value } else { 0.0 };
            prop_assert_eq!(kept.to_bits(), expected.to_bits());
        }
        prop_assert_eq!(&truncate(frequencies, &px), &px);
        prop_assert!((dot(&px.values, &y.values) - dot(&x.values, &py.values)).abs() < 1e-9);
        let mut map = x.to_kernel_layout();
        truncate_in_place(frequencies, 3, &mut map);
        prop_assert_eq!(map, px.to_kernel_layout());
    }
}

#[test]
fn windows_beyond_the_edge_count_as_in_torch_and_see_what_is_inside_alone() {
    let shape = |side, (size, stride, padding)| {
        PoolShape { channels: 1, height: side, width: side, size, stride, padding, ceil: true }.output_height()
    };
    // The last would begin beyond the map and the padding before it: torch leaves it out.
    assert_eq!([shape(6, (3, 2, 0)), shape(112, (3, 2, 0)), shape(5, (2, 3, 1)), shape(7, (3, 2, 1))], [3, 56, 2, 4]);
    let mut random = Random(8);
    for (extent, window) in SIZES.into_iter().flat_map(|extent| WINDOWS.map(|window| (extent, window))) {
        let (size, stride, padding) = window;
        // Of pixels above zero, windows over the edge are windows over zeros that never win.
        let mut x = random.map(1, 3, extent).to_pixels();
        x.values.iter_mut().for_each(|value| *value = value.abs() + 0.1);
        let wanted =
            PoolShape { channels: 3, height: extent.height, width: extent.width, size, stride, padding, ceil: true };
        let covered =
            |windows: usize, length: usize| length.max((windows - 1) * stride + size - (2 * padding).min(size));
        let larger = Extent {
            height: covered(wanted.output_height(), extent.height),
            width: covered(wanted.output_width(), extent.width),
        };
        let mut widened = pixels::PixelMap::zeros(1, 3, larger.height, larger.width);
        for channel in 0..3 {
            for (row, line) in x.plane(0, channel).chunks_exact(extent.width).enumerate() {
                let at = (channel * larger.height + row) * larger.width;
                widened.values[at..at + extent.width].copy_from_slice(line);
            }
        }
        let units = vec![jpegnet_kernels::definition::UNIT_STEPS; 3];
        let (x, widened) =
            (CoefficientMap::from_pixels(&x, units.clone()), CoefficientMap::from_pixels(&widened, units));
        let expected = max_pool(size, stride, padding, &widened);
        let dy = random.map(1, 3, expected.extent);
        for isa in Isa::available() {
            let found = run_max_pool(isa, window, true, &x, &dy);
            let without = run_max_pool(isa, window, false, &widened, &dy);
            let what = format!("{window:?} of {extent:?} on {isa:?}");
            assert!(relative_error(&found.output.values, &expected.values) < TOLERANCE, "{what}");
            let (gradient, wide) = (found.gradient.to_pixels(), without.gradient.to_pixels());
            for channel in 0..3 {
                let inside = wide.plane(0, channel).chunks_exact(larger.width).take(extent.height);
                let inside: Vec<f64> = inside.flat_map(|line| line[..extent.width].to_vec()).collect();
                assert!(relative_error(gradient.plane(0, channel), &inside) < TOLERANCE, "{what}");
            }
        }
    }
}

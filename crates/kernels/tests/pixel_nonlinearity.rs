//! Nonlinearities, pooling and subsampling of maps in pixels are those of the coefficients between two DCTs, and their
//! gradients the adjoints, on every instruction set.

mod support;

use jpegnet_kernels::pixels::{
    Masked, PoolShape, add_global_average_pool_gradient, add_subsample_gradient, coefficients_from_pixels_into,
    global_average_pool_into, pixels_from_coefficients_into, subsample_into, truncate_pixels_in_place,
};
use jpegnet_kernels::{BLOCK, Extent, Isa, Masking, MaxPool, PiecewiseLinear, truncate_in_place};
use support::nonlinearity::functions;
use support::pixels::values;

const SIZES: [(usize, usize, usize); 4] = [(16, 24, 16), (13, 21, 5), (8, 8, 33), (7, 3, 1)];

fn coefficients(isa: Isa, size: (usize, usize, usize), pixels: &[f32]) -> Vec<f32> {
    let grid = Extent { height: size.0, width: size.1 }.grid();
    let mut map = vec![f32::NAN; grid.blocks() * BLOCK * size.2];
    coefficients_from_pixels_into(isa, size, pixels, &mut map);
    map
}

fn pixels(isa: Isa, size: (usize, usize, usize), map: &[f32]) -> Vec<f32> {
    let mut pixels = vec![f32::NAN; size.0 * size.1 * size.2];
    pixels_from_coefficients_into(isa, size, map, &mut pixels);
    pixels
}

fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 2e-5, "{what}: {found} instead of {expected}");
    }
}

fn less(values: &[f32], constant: f32) -> Vec<f32> {
    values.iter().map(|value| value - constant).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

#[test]
fn nonlinearities_of_pixels_are_those_of_their_coefficients_and_so_are_their_gradients() {
    let maskings = [
        Masking::Exact,
        Masking::Approximated { frequencies: 6 },
        Masking::Truncated { frequencies: 6 },
        Masking::Approximated { frequencies: 1 },
    ];
    for size in SIZES {
        let (height, width, channels) = size;
        let extent = Extent { height, width };
        // Between the numbers at which a function may change: a DCT and its inverse would move them to either side.
        let input: Vec<f32> = values(height * width * channels, 3).iter().map(|value| value + 1e-5).collect();
        let derivatives = values(input.len(), 4);
        for function in functions().into_iter().chain([PiecewiseLinear::relu()]) {
            for (masking, band) in maskings.into_iter().flat_map(|masking| [(masking, None), (masking, Some(8))]) {
                for isa in Isa::available() {
                    let what = format!("{} {masking:?} in {band:?} {function:?} {size:?}", isa.name());
                    let mut map = coefficients(isa, size, &input);
                    let mut of_map = vec![u32::MAX; function.masks_len(extent.grid(), channels)];
                    function.forward_in_place(isa, masking, extent, channels, &mut map, Some(&mut of_map));
                    truncate(band, channels, &mut map);
                    let mut image = input.clone();
                    let mut masks = vec![u32::MAX; of_map.len()];
                    let masked = Masked::new(&function, masking, band, size);
                    masked.apply_in_place(isa, &mut image, Some(&mut masks));
                    assert_close(&image, &pixels(isa, size, &map), &what);
                    let mut without = input.clone();
                    masked.apply_in_place(isa, &mut without, None);
                    assert!(without == image, "{what}");
                    let mut again = input.clone();
                    masked.apply_again_in_place(isa, &masks, &mut again);
                    assert!(again == image, "{what}");

                    let mut of_coefficients = coefficients(isa, size, &derivatives);
                    truncate(band, channels, &mut of_coefficients);
                    function.backward_in_place(isa, masking, extent, channels, &masks, &mut of_coefficients);
                    let mut gradient = derivatives.clone();
                    masked.backward_in_place(isa, &masks, &mut gradient);
                    assert_close(&gradient, &pixels(isa, size, &of_coefficients), &what);
                }
            }
        }
    }
}

fn truncate(band: Option<usize>, channels: usize, map: &mut [f32]) {
    if let Some(frequencies) = band {
        truncate_in_place(frequencies, channels, map);
    }
}

#[test]
fn truncating_pixels_is_truncating_their_coefficients_and_its_own_adjoint() {
    for size in SIZES {
        let (x, y) = (values(size.0 * size.1 * size.2, 3), values(size.0 * size.1 * size.2, 4));
        for frequencies in 1..=15 {
            for isa in Isa::available() {
                let truncated = |pixels: &[f32]| {
                    let mut pixels = pixels.to_vec();
                    truncate_pixels_in_place(isa, frequencies, size, &mut pixels);
                    pixels
                };
                let mut map = coefficients(isa, size, &x);
                truncate_in_place(frequencies, size.2, &mut map);
                let what = format!("{}, {frequencies} frequencies of {size:?}", isa.name());
                assert_close(&truncated(&x), &pixels(isa, size, &map), &what);
                let (forth, back) = (dot(&truncated(&x), &y), dot(&x, &truncated(&y)));
                assert!((forth - back).abs() < 1e-3, "{what}: {forth}, back {back}");
            }
        }
    }
}

#[test]
fn max_pooling_of_pixels_is_that_of_their_coefficients_and_so_is_its_gradient() {
    for (size, window, stride, padding) in
        [((16, 24, 16), 3, 2, 1), ((13, 21, 5), 2, 2, 0), ((7, 9, 17), 5, 4, 4), ((28, 28, 3), 3, 1, 1)]
    {
        let (height, width, channels) = size;
        let pool = MaxPool::new(PoolShape { channels, height, width, size: window, stride, padding, ceil: false })
            .expect("a window");
        let pooled_size = (pool.output().height, pool.output().width, channels);
        let input = values(height * width * channels, 3);
        let derivatives = values(pooled_size.0 * pooled_size.1 * channels, 4);
        for isa in Isa::available() {
            let mut workspace = vec![f32::NAN; pool.workspace_len()];
            let mut map = coefficients(isa, pooled_size, &vec![0.0; derivatives.len()]);
            let mut of_map = vec![u32::MAX; pool.winners_len()];
            pool.forward_into(isa, &coefficients(isa, size, &input), &mut map, Some(&mut of_map), &mut workspace);
            let (mut pooled, mut winners) = (vec![f32::NAN; derivatives.len()], vec![u32::MAX; pool.winners_len()]);
            pool.pixels_into(isa, &input, &mut pooled, Some(&mut winners));
            assert_close(&pooled, &pixels(isa, pooled_size, &map), isa.name());
            let mut without = vec![f32::NAN; derivatives.len()];
            pool.pixels_into(isa, &input, &mut without, None);
            assert!(without == pooled);

            let mut of_coefficients = coefficients(isa, size, &input);
            let output_gradient = coefficients(isa, pooled_size, &derivatives);
            pool.backward_into(isa, &winners, &output_gradient, &mut of_coefficients, &mut workspace);
            let mut gradient = vec![1.0; input.len()];
            pool.add_pixel_gradient(isa, &winners, &derivatives, &mut gradient);
            let gradient = less(&gradient, 1.0);
            assert_close(&gradient, &pixels(isa, size, &of_coefficients), isa.name());
        }
    }
}

#[test]
fn gradients_of_subsampling_and_averaging_are_their_adjoints_and_are_added() {
    for (size, stride, channels) in [((16, 24, 16), 2, 32), ((13, 21, 5), 2, 8), ((7, 3, 1), 1, 1)] {
        let (height, width, inputs) = size;
        let input = values(height * width * inputs, 3);
        let derivatives = values(height.div_ceil(stride) * width.div_ceil(stride) * channels, 4);
        let mut output = vec![f32::NAN; derivatives.len()];
        subsample_into(size, stride, channels, &input, &mut output);
        let mut gradient = vec![0.5; input.len()];
        add_subsample_gradient(size, stride, channels, &derivatives, &mut gradient);
        let gradient = less(&gradient, 0.5);
        assert!((dot(&output, &derivatives) - dot(&input, &gradient)).abs() < 1e-4);
        for isa in Isa::available() {
            let (mut pooled, derivatives) = (vec![f32::NAN; inputs], values(inputs, 6));
            global_average_pool_into(isa, inputs, &input, &mut pooled);
            let mut gradient = vec![0.5; input.len()];
            add_global_average_pool_gradient(isa, &derivatives, &mut gradient);
            let gradient = less(&gradient, 0.5);
            assert!((dot(&pooled, &derivatives) - dot(&input, &gradient)).abs() < 1e-5);
        }
    }
}

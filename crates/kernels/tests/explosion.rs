//! Explosion: Algorithm 1, its block form, units, composition and gradients.

mod support;

use jpegnet_kernels::definition::pixels::{conv2d, conv2d_gradients};
use jpegnet_kernels::definition::{
    BlockForm, CoefficientMap, JpegTransform, LinearMap, Steps, UNIT_STEPS, block_offsets, convolve_block_form,
    convolve_exploded, explode, exploded_gradients,
};
use jpegnet_kernels::{BLOCK, Conv2dShape, Extent, Grid};
use proptest::prelude::*;
use support::convolution::{CASES, Case};
use support::{Random, assert_close, dot, finite_differences, relative_error};

/// The definitions are float64; the vectors are rounded to float32.
const BOUND: f64 = 1e-6;

type Convolve = fn(&Conv2dShape, &[f64], Option<&[f64]>, &CoefficientMap, Vec<Steps>) -> CoefficientMap;

/// Both ways to write Ξ.
const FORMS: [(&str, Convolve); 2] = [("Algorithm 1", convolve_exploded), ("block form", convolve_block_form)];

/// One channel in and out, padding that keeps the size at stride 1.
fn pair(size: usize, stride: usize, input_grid: Grid) -> Conv2dShape {
    Conv2dShape { input_channels: 1, output_channels: 1, size, stride, padding: size / 2, input: input_grid.into() }
}

#[test]
fn algorithm_1_and_the_block_form_give_the_reference_convolutions() {
    for name in CASES {
        let Case { shape, input, filter, bias, expected, .. } = Case::read(name);
        for (form, convolve) in FORMS {
            let output = convolve(&shape, &filter, Some(&bias), &input, vec![UNIT_STEPS; shape.output_channels]);
            assert_close(&format!("{name} {form}, y"), &output.values, &expected.output.values, BOUND);
        }
    }
}

#[test]
fn gradients_through_the_explosion_give_the_reference_gradients() {
    for name in CASES {
        let Case { shape, input, filter, output_gradient, expected, .. } = Case::read(name);
        let found = exploded_gradients(&shape, &filter, &input, &output_gradient);
        assert_close(&format!("{name} Ξ, dx"), &found.input.values, &expected.input_gradient.values, BOUND);
        assert_close(&format!("{name} Ξ, dweight"), &found.filter, &expected.filter_gradient, BOUND);
        assert_close(&format!("{name} Ξ, dbias"), &found.bias, &expected.bias_gradient, BOUND);
    }
}

#[test]
fn the_spatial_twin_gives_the_reference_convolutions_and_gradients() {
    for name in CASES {
        let Case { shape, input, filter, bias, output_gradient, expected } = Case::read(name);
        let (x, dy) = (input.to_pixels(), output_gradient.to_pixels());
        let y = conv2d(&shape, &filter, Some(&bias), &x);
        let found = conv2d_gradients(&shape, &filter, &x, &dy);
        assert_close(&format!("{name} pixels, y"), &y.values, &expected.output.to_pixels().values, BOUND);
        let dx = expected.input_gradient.to_pixels();
        assert_close(&format!("{name} pixels, dx"), &found.input.values, &dx.values, BOUND);
        assert_close(&format!("{name} pixels, dweight"), &found.filter, &expected.filter_gradient, BOUND);
        assert_close(&format!("{name} pixels, dbias"), &found.bias, &expected.bias_gradient, BOUND);
    }
}

#[test]
fn block_offsets_are_those_of_the_filter_sizes() {
    let grid = Grid { high: 2, wide: 2 };
    let expected =
        [((3, 1), -1..=1), ((3, 2), -1..=1), ((5, 1), -1..=1), ((5, 2), -1..=2), ((7, 1), -1..=1), ((7, 2), -1..=2)];
    for ((size, stride), offsets) in expected {
        assert_eq!(block_offsets(&pair(size, stride, grid)), offsets, "{size}×{size} stride {stride}");
    }
    assert_eq!(block_offsets(&pair(1, 1, grid)), 0..=0);
    assert_eq!(block_offsets(&pair(1, 2, grid)), 0..=1);
}

#[test]
fn applied_densely_a_3_by_3_filter_costs_64_times_its_cost_in_pixels() {
    let shape = pair(3, 1, Grid { high: 2, wide: 2 });
    let form = BlockForm::new(&shape, &Random(1).normals(9), &UNIT_STEPS, &UNIT_STEPS);
    let multiplies: usize = form.matrices.iter().map(|matrix| matrix.values.len()).sum();
    assert_eq!(multiplies, 36_864);
    assert_eq!(multiplies, 64 * 9 * BLOCK);
}

#[test]
fn coefficients_in_jpeg_units_are_convolved_as_the_same_signal() {
    let mut random = Random(2);
    for (height, width) in [(16, 32), (13, 21), (28, 7)] {
        let shape = Conv2dShape {
            input_channels: 2,
            output_channels: 3,
            size: 3,
            stride: 2,
            padding: 1,
            input: Extent { height, width },
        };
        let (filter, bias) = (random.normals(shape.filter_len()), random.normals(3));
        let input = random.map(2, 2, shape.input).in_units_of(random.steps(2, 40.0));
        let steps = random.steps(3, 40.0);
        let expected =
            CoefficientMap::from_pixels(&conv2d(&shape, &filter, Some(&bias), &input.to_pixels()), steps.clone());
        for (form, convolve) in FORMS {
            let found = convolve(&shape, &filter, Some(&bias), &input, steps.clone());
            assert_eq!(found.steps, steps);
            assert_close(&format!("{form} in JPEG units"), &found.values, &expected.values, 1e-12);
        }
    }
}

#[test]
fn gradients_through_the_explosion_are_finite_differences_in_jpeg_units_too() {
    let mut random = Random(3);
    let shape = Conv2dShape {
        input_channels: 2,
        output_channels: 1,
        size: 3,
        stride: 2,
        padding: 1,
        input: Grid { high: 2, wide: 2 }.into(),
    };
    let (filter, bias) = (random.normals(shape.filter_len()), random.normals(1));
    let input = random.map(1, 2, shape.input.grid()).in_units_of(random.steps(2, 9.0));
    let steps = random.steps(1, 9.0);
    let mut weights = CoefficientMap::zeros(1, Grid { high: 1, wide: 1 }, steps.clone());
    weights.values = random.normals(BLOCK);
    let found = exploded_gradients(&shape, &filter, &input, &weights);
    let loss = |filter: &[f64], bias: &[f64], values: &[f64]| {
        let input = CoefficientMap { values: values.to_vec(), ..input.clone() };
        dot(&convolve_block_form(&shape, filter, Some(bias), &input, steps.clone()).values, &weights.values)
    };
    let by_filter = finite_differences(&filter, 1e-3, |filter| loss(filter, &bias, &input.values));
    assert_close("filter", &found.filter, &by_filter, 1e-9);
    let by_bias = finite_differences(&bias, 1e-3, |bias| loss(&filter, bias, &input.values));
    assert_close("bias", &found.bias, &by_bias, 1e-9);
    let by_input = finite_differences(&input.values, 1e-3, |values| loss(&filter, &bias, values));
    assert_close("input", &found.input.values, &by_input, 1e-9);
}

/// Steps that make every coefficient's unit its own.
fn steps(random: &mut Random) -> Steps {
    random.steps(1, 50.0)[0]
}

fn encode_convolved(shape: &Conv2dShape, filter: &[f64], from: &Steps, to: &Steps, plane: &[f64]) -> Vec<f64> {
    let mut map = CoefficientMap::zeros(1, shape.input.grid(), vec![*from]);
    map.values = plane.to_vec();
    let convolved = conv2d(shape, filter, None, &map.to_pixels());
    let grid = shape.output_grid().expect("whole blocks");
    JpegTransform { grid, steps: *to }.encode(&convolved.values)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn algorithm_1_is_the_block_form_written_out(
        seed: u64, half in 0..=3usize, stride in 1..=2usize, high in 1..=2usize, wide in 1..=2usize,
    ) {
        let mut random = Random(seed);
        let shape = pair(2 * half + 1, stride, Grid { high: high * stride, wide: wide * stride });
        let filter = random.normals(shape.filter_len());
        let (from, to) = (steps(&mut random), steps(&mut random));
        let whole = explode(&shape, &filter, &from, &to);
        let blocks = BlockForm::new(&shape, &filter, &from, &to);
        let blocks = blocks.on_grid(shape.input.grid(), shape.output_grid().expect("whole blocks"));
        prop_assert!(relative_error(&blocks.values, &whole.values) < 1e-13);
    }

    #[test]
    fn the_explosion_is_decoding_convolving_and_encoding(seed: u64, half in 0..=3usize, stride in 1..=2usize) {
        let mut random = Random(seed);
        let shape = pair(2 * half + 1, stride, Grid { high: 2, wide: 4 });
        let filter = random.normals(shape.filter_len());
        let (from, to) = (steps(&mut random), steps(&mut random));
        let plane = random.normals(8 * BLOCK);
        let expected = encode_convolved(&shape, &filter, &from, &to, &plane);
        let found = explode(&shape, &filter, &from, &to).apply(&plane);
        prop_assert!(relative_error(&found, &expected) < 1e-12);
    }

    #[test]
    fn the_explosion_is_linear_in_the_filter(seed: u64, half in 0..=2usize, factor in -3.0..3.0f64) {
        let mut random = Random(seed);
        let shape = pair(2 * half + 1, 1, Grid { high: 1, wide: 2 });
        let (k, l) = (random.normals(shape.filter_len()), random.normals(shape.filter_len()));
        let sum: Vec<f64> = k.iter().zip(&l).map(|(k, l)| k + factor * l).collect();
        let exploded = |filter: &[f64]| explode(&shape, filter, &UNIT_STEPS, &UNIT_STEPS).values;
        let expected: Vec<f64> =
            exploded(&k).iter().zip(exploded(&l)).map(|(k, l)| k + factor * l).collect();
        prop_assert!(relative_error(&exploded(&sum), &expected) < 1e-13);
    }

    #[test]
    fn the_explosion_of_a_composition_is_the_composition_of_the_explosions(seed: u64, stride in 1..=2usize) {
        let mut random = Random(seed);
        let first = pair(3, stride, Grid { high: 2, wide: 2 });
        let second = pair(5, 1, first.output_grid().expect("whole blocks"));
        let (k, l) = (random.normals(9), random.normals(25));
        // The units between the two do not matter.
        let [from, between, to] = [steps(&mut random), steps(&mut random), steps(&mut random)];
        let composed: LinearMap =
            explode(&first, &k, &from, &between).then(&explode(&second, &l, &between, &to));
        let plane = random.normals(4 * BLOCK);
        let halfway = encode_convolved(&first, &k, &from, &UNIT_STEPS, &plane);
        let expected = encode_convolved(&second, &l, &UNIT_STEPS, &to, &halfway);
        prop_assert!(relative_error(&composed.apply(&plane), &expected) < 1e-12);
    }
}

//! Piecewise-linear functions by definition: the reference vectors, the half-spatial tensor, the paper's example and
//! table, gradients.

mod support;

use jpegnet_kernels::definition::{
    CoefficientMap, Piece, UNIT_STEPS, apply_half_spatial, dct_block, half_spatial_tensor, inverse_dct_block,
    low_pass_pixels, pieces_of, piecewise_linear, piecewise_linear_gradient, pixels, relu_pieces,
};
use jpegnet_kernels::{BLOCK, Breakpoint, Extent, Grid, Masking, PiecewiseLinear};
use proptest::prelude::*;
use support::nonlinearity::{FREQUENCIES, functions, vectors_of};
use support::{Random, assert_close, dot, finite_differences, relative_error};

const ONE: Grid = Grid { high: 1, wide: 1 };

/// Nothing is excluded: no low-pass value of the reference blocks is near enough to zero to flip in float64.
#[test]
fn the_definition_gives_the_reference_relu_and_its_gradient_at_every_frequency() {
    for frequencies in FREQUENCIES {
        let vectors = vectors_of(frequencies);
        let (x, dy) = (vectors.map("x"), vectors.map("dy"));
        for (masking, name) in
            [(Masking::Approximated { frequencies }, "asm"), (Masking::Truncated { frequencies }, "apx")]
        {
            let found = piecewise_linear(&relu_pieces(), masking, &x);
            let what = format!("relu_{frequencies:02} {name} definition");
            assert_close(&format!("{what}, y"), &found.output.values, &vectors.map(name).values, 1e-6);
            let dx = piecewise_linear_gradient(&relu_pieces(), masking, &found.pieces, &dy);
            assert_close(&format!("{what}, dx"), &dx.values, &vectors.map(&format!("{name}_dx")).values, 1e-6);
        }
    }
}

#[test]
fn fifteen_frequencies_are_exact_and_exact_is_the_function_of_the_pixels() {
    let mut random = Random(1);
    let maps = [(16, 16), (13, 9)].map(|(height, width)| random.map(2, 3, Extent { height, width }));
    for (map, function) in maps.iter().flat_map(|map| functions().into_iter().map(move |function| (map, function))) {
        let pieces = pieces_of(&function);
        let exact = piecewise_linear(&pieces, Masking::Exact, map).output;
        let pixels = pixels::piecewise_linear(&pieces, &map.to_pixels());
        let expected = CoefficientMap::from_pixels(&pixels, vec![UNIT_STEPS; 3]);
        assert_close(&format!("{function:?}"), &exact.values, &expected.values, 1e-13);
        for masking in [Masking::Approximated { frequencies: 15 }, Masking::Truncated { frequencies: 15 }] {
            assert_eq!(piecewise_linear(&pieces, masking, map).output, exact);
        }
    }
}

#[test]
fn the_second_basis_function_rectified_has_the_paper_s_first_row() {
    let mut map = CoefficientMap::zeros(1, ONE, vec![UNIT_STEPS]);
    map.values[1] = 1.0; // zigzag position 1 is (α, β) = (0, 1)
    let output =
        piecewise_linear(&relu_pieces(), Masking::Approximated { frequencies: 15 }, &map).output.to_row_major();
    let first_row = [0.453, 0.500, 0.208, 0.0, -0.037, 0.0, 0.011, 0.0];
    for (found, expected) in output.iter().zip(first_row) {
        assert!((found - expected).abs() < 5.1e-4, "{:?}", &output[..8]);
    }
    assert!(output[8..].iter().all(|value| value.abs() < 1e-12), "the rest is zero");
}

#[test]
fn in_jpeg_units_the_same_signal_is_rectified() {
    let mut random = Random(2);
    let map = random.map(1, 2, Grid { high: 2, wide: 1 });
    let quantised = map.in_units_of(random.steps(2, 50.0));
    for function in functions() {
        let pieces = pieces_of(&function);
        for masking in [Masking::Exact, Masking::Approximated { frequencies: 5 }, Masking::Truncated { frequencies: 5 }]
        {
            let expected = piecewise_linear(&pieces, masking, &map);
            let found = piecewise_linear(&pieces, masking, &quantised);
            assert_eq!(found.output.steps, quantised.steps);
            assert_close("JPEG units", &found.output.orthonormal().values, &expected.output.values, 1e-12);
        }
    }
}

#[test]
fn gradients_are_finite_differences_where_no_mask_flips_in_jpeg_units_too() {
    let mut random = Random(3);
    let (whole, part) = (Extent { height: 8, width: 8 }, Extent { height: 5, width: 7 });
    for (size, units) in [(whole, vec![UNIT_STEPS]), (whole, random.steps(1, 20.0)), (part, vec![UNIT_STEPS])] {
        for function in functions() {
            let pieces = pieces_of(&function);
            for masking in
                [Masking::Exact, Masking::Approximated { frequencies: 6 }, Masking::Truncated { frequencies: 6 }]
            {
                let map = random.map(1, 1, size).in_units_of(units.clone());
                let mut weights = CoefficientMap::zeros(1, size, units.clone());
                weights.values = random.normals(BLOCK);
                let chosen = piecewise_linear(&pieces, masking, &map).pieces;
                let found = piecewise_linear_gradient(&pieces, masking, &chosen, &weights);
                let by_input = finite_differences(&map.values, 1e-7, |values| {
                    let moved = CoefficientMap { values: values.to_vec(), ..map.clone() };
                    let response = piecewise_linear(&pieces, masking, &moved);
                    assert_eq!(response.pieces, chosen, "a step this small flips no mask of these blocks");
                    dot(&response.output.values, &weights.values)
                });
                assert_close(&format!("{function:?} {masking:?}"), &found.values, &by_input, 1e-6);
            }
        }
    }
}

/// Mean over blocks of √(Σ(error²)/64), of 4×4 boxes uniform in [−1, 1] upscaled to 8×8.
fn block_errors(blocks: usize, masking: impl Fn(usize) -> Masking) -> Vec<f64> {
    let mut random = Random(2019);
    let mut errors = vec![0.0; 15];
    for _ in 0..blocks {
        let boxes: Vec<f64> = (0..16).map(|_| random.between(-1.0, 1.0)).collect();
        let block: Vec<f64> = (0..BLOCK).map(|at| boxes[at / 16 * 4 + at % 8 / 2]).collect();
        let map = CoefficientMap::from_row_major(1, 1, ONE, &dct_block(&block));
        for frequencies in 1..=15 {
            let found = piecewise_linear(&relu_pieces(), masking(frequencies), &map).output.to_pixels();
            let squares: f64 = found.values.iter().zip(&block).map(|(y, x)| (y - x.max(0.0)).powi(2)).sum();
            errors[frequencies - 1] += (squares / 64.0).sqrt() / f64::from(u32::try_from(blocks).expect("few"));
        }
    }
    errors
}

/// The published means are of 400,000 blocks and rounded to three digits; a block's error spreads by less than 0.1, so the
/// mean of 10,000 has a standard error below 0.001, of which the tolerance is four.
#[test]
fn the_error_of_a_block_falls_with_the_frequencies_as_published_and_asm_is_below_apx() {
    let asm = block_errors(10_000, |frequencies| Masking::Approximated { frequencies });
    let apx = block_errors(10_000, |frequencies| Masking::Truncated { frequencies });
    let published_asm =
        [0.344, 0.295, 0.239, 0.171, 0.122, 0.079, 0.049, 0.031, 0.015, 0.009, 0.005, 0.002, 0.0004, 0.0, 0.0];
    let published_apx =
        [0.365, 0.334, 0.297, 0.253, 0.219, 0.180, 0.142, 0.109, 0.072, 0.052, 0.037, 0.023, 0.010, 0.003, 0.0];
    println!("asm {asm:.3?}\napx {apx:.3?}");
    for frequencies in 1..=15 {
        let at = frequencies - 1;
        assert!((asm[at] - published_asm[at]).abs() < 0.004, "ASM φ = {frequencies}: {}", asm[at]);
        assert!((apx[at] - published_apx[at]).abs() < 0.004, "APX φ = {frequencies}: {}", apx[at]);
        assert!(frequencies == 15 || asm[at] < apx[at], "φ = {frequencies}");
    }
    assert!(asm[14] < 1e-15 && apx[14] < 1e-15);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn the_half_spatial_tensor_is_inverse_dct_mask_dct(seed: u64, frequencies in 1..=15usize, quantised: bool) {
        let mut random = Random(seed);
        let steps = if quantised { random.steps(1, 40.0) } else { vec![UNIT_STEPS] };
        let map = random.map(1, 1, ONE).in_units_of(steps.clone());
        let masking = Masking::Approximated { frequencies };
        let mask: Vec<f64> =
            low_pass_pixels(&map, masking).iter().map(|&x| f64::from(u8::from(x > 0.0))).collect();
        let by_tensor = apply_half_spatial(&half_spatial_tensor(&steps[0]), &map.values, &mask);
        let by_factors = piecewise_linear(&relu_pieces(), masking, &map).output;
        prop_assert!(relative_error(&by_factors.values, &by_tensor) < 1e-12);
    }

    #[test]
    fn the_half_spatial_tensor_applies_any_mask(seed: u64) {
        let mut random = Random(seed);
        let (coefficients, mask) = (random.normals(BLOCK), random.normals(BLOCK));
        let found = apply_half_spatial(&half_spatial_tensor(&UNIT_STEPS), &coefficients, &mask);
        let mut map = CoefficientMap::zeros(1, ONE, vec![UNIT_STEPS]);
        map.values = coefficients;
        let masked: Vec<f64> =
            inverse_dct_block(&map.to_row_major()).iter().zip(&mask).map(|(x, m)| x * m).collect();
        let expected = CoefficientMap::from_row_major(1, 1, ONE, &dct_block(&masked));
        prop_assert!(relative_error(&found, &expected.values) < 1e-12);
    }

    #[test]
    fn pieces_are_the_function_that_the_breakpoints_define(
        x in -5.0..5.0f32, slope in -2.0..2.0f32, intercept in -1.0..1.0f32,
        breakpoints in prop::collection::vec((-4.0..4.0f32, -2.0..2.0f32, -1.0..1.0f32), 0..4),
    ) {
        let breakpoints: Vec<Breakpoint> = breakpoints
            .into_iter()
            .map(|(at, slope_change, intercept_change)| Breakpoint { at, slope_change, intercept_change })
            .collect();
        let function = PiecewiseLinear { slope, intercept, breakpoints };
        let x = f64::from(x);
        let mut expected = f64::from(slope) * x + f64::from(intercept);
        for breakpoint in &function.breakpoints {
            if x > f64::from(breakpoint.at) {
                expected += f64::from(breakpoint.slope_change) * x + f64::from(breakpoint.intercept_change);
            }
        }
        let pieces: Vec<Piece> = pieces_of(&function);
        let piece = pieces.iter().rfind(|piece| x > piece.above).expect("the first begins at −∞");
        prop_assert!((piece.slope * x + piece.intercept - expected).abs() < 1e-12);
    }

    /// Cauchy–Schwarz bounds the AC part of any pixel by ‖AC‖₂ times the norm of that pixel's AC basis,
    /// √(1 − 1/64) = 0.99216.
    #[test]
    fn a_block_whose_dc_outweighs_its_ac_energy_has_one_sign(seed: u64, share in 1.0..1.5f64, negative: bool) {
        let mut random = Random(seed);
        let mut map = random.map(1, 1, ONE);
        let energy: f64 = map.values[1..].iter().map(|value| value * value).sum();
        let bound = (1.0 - 1.0 / 64.0f64).sqrt();
        prop_assert!(bound > 0.992 && bound < 0.9922);
        map.values[0] = 8.0 * bound * energy.sqrt() * share * if negative { -1.0 } else { 1.0 } * (1.0 + 1e-9);
        let pixels = map.to_pixels().values;
        prop_assert!(pixels.iter().all(|&pixel| (pixel > 0.0) != negative));
        let rectified = piecewise_linear(&relu_pieces(), Masking::Exact, &map).output.values;
        if negative {
            prop_assert!(rectified.iter().all(|&value| value == 0.0));
        } else {
            prop_assert!(relative_error(&rectified, &map.values) < 1e-14);
        }
    }
}

/// The bound is tight: with the AC part aimed at one pixel, a DC a little below it leaves that pixel on the other side.
#[test]
fn the_bound_on_constant_sign_cannot_be_lowered() {
    for pixel in [0, 27, 63] {
        let mut delta = vec![0.0; BLOCK];
        delta[pixel] = -1.0;
        let mut block = dct_block(&delta);
        block[0] = 0.0;
        let norm = block.iter().map(|value| value * value).sum::<f64>().sqrt();
        let bound = (1.0 - 1.0 / 64.0f64).sqrt();
        assert!((norm - bound).abs() < 1e-13);
        block[0] = 8.0 * bound * norm * 0.999;
        assert!(inverse_dct_block(&block)[pixel] < 0.0);
        block[0] = 8.0 * bound * norm * 1.001;
        assert!(inverse_dct_block(&block).iter().all(|&value| value > 0.0));
    }
}

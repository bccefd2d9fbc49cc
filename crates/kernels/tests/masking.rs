//! The fast nonlinearity against the reference vectors and the definition, on every instruction set.
//!
//! A float32 kernel may see a pixel's low-pass value on the other side of a breakpoint than float64 does if it lies within
//! rounding of it. Where such a pixel flips its whole block of coefficients differs, so blocks with a low-pass value within
//! `MARGIN` of a breakpoint are left out of comparisons, and every test says how many that may be.

mod support;

use jpegnet_kernels::definition::{
    CoefficientMap, UNIT_STEPS, low_pass_pixels, pieces_of, piecewise_linear, piecewise_linear_gradient, relu_pieces,
};
use jpegnet_kernels::{BLOCK, Breakpoint, Extent, Grid, Isa, Masking, PiecewiseLinear};
use proptest::prelude::*;
use support::nonlinearity::{FREQUENCIES, functions, vectors_of};
use support::{Random, TOLERANCE, assert_close, relative_error};

const MARGIN: f64 = 1e-6;

struct Found {
    output: CoefficientMap,
    gradient: CoefficientMap,
}

fn run(isa: Isa, function: &PiecewiseLinear, masking: Masking, x: &CoefficientMap, dy: &CoefficientMap) -> Found {
    let mut map = x.to_kernel_layout();
    let image_words = function.masks_len(x.grid, x.channels);
    let mut masks = vec![u32::MAX; image_words * x.images];
    function.forward_in_place(isa, masking, x.extent, x.channels, &mut map, Some(&mut masks));
    let mut without_masks = x.to_kernel_layout();
    function.forward_in_place(isa, masking, x.extent, x.channels, &mut without_masks, None);
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert!(bits(&map) == bits(&without_masks), "keeping masks does not change the output");
    let mut gradient = dy.to_kernel_layout();
    function.backward_in_place(isa, masking, x.extent, x.channels, &masks, &mut gradient);
    let read = |values: &[f32]| CoefficientMap::from_kernel_layout(x.images, x.channels, x.extent, values);
    Found { output: read(&map), gradient: read(&gradient) }
}

/// Whether each block, in the order of the map's values, has no low-pass value within the margin of a breakpoint.
fn clear_blocks(function: &PiecewiseLinear, masking: Masking, x: &CoefficientMap) -> Vec<bool> {
    let clear = |pixel: f64| function.breakpoints.iter().all(|b| (pixel - f64::from(b.at)).abs() >= MARGIN);
    low_pass_pixels(x, masking).chunks_exact(BLOCK).map(|block| block.iter().all(|&pixel| clear(pixel))).collect()
}

fn of_clear_blocks(clear: &[bool], values: &[f64]) -> Vec<f64> {
    assert_eq!(clear.len() * BLOCK, values.len());
    let blocks = values.chunks_exact(BLOCK).zip(clear).filter(|(_, clear)| **clear);
    blocks.flat_map(|(block, _)| block.to_vec()).collect()
}

/// No block is excluded: no low-pass value of the reference is within the margin of zero.
#[test]
fn relu_gives_the_reference_vectors_on_every_isa_with_no_block_excluded() {
    for frequencies in FREQUENCIES {
        let vectors = vectors_of(frequencies);
        let (x, dy) = (vectors.map("x"), vectors.map("dy"));
        for (masking, name) in
            [(Masking::Approximated { frequencies }, "asm"), (Masking::Truncated { frequencies }, "apx")]
        {
            let clear = clear_blocks(&PiecewiseLinear::relu(), masking, &x);
            assert_eq!(clear.iter().filter(|clear| !**clear).count(), 0, "blocks excluded at φ = {frequencies}");
            for isa in Isa::available() {
                let found = run(isa, &PiecewiseLinear::relu(), masking, &x, &dy);
                let what = format!("relu_{frequencies:02} {name} {}", isa.name());
                assert_close(&format!("{what}, y"), &found.output.values, &vectors.map(name).values, TOLERANCE);
                let dx = vectors.map(&format!("{name}_dx"));
                assert_close(&format!("{what}, dx"), &found.gradient.values, &dx.values, TOLERANCE);
            }
        }
    }
}

#[test]
fn exact_masking_is_approximated_masking_with_all_frequencies() {
    let vectors = vectors_of(15);
    let (x, dy) = (vectors.map("x"), vectors.map("dy"));
    for isa in Isa::available() {
        let exact = run(isa, &PiecewiseLinear::relu(), Masking::Exact, &x, &dy);
        let all = run(isa, &PiecewiseLinear::relu(), Masking::Approximated { frequencies: 15 }, &x, &dy);
        assert_eq!(exact.output, all.output);
        assert_eq!(exact.gradient, all.gradient);
    }
}

/// Two of the 133,920 seeded blocks have a low-pass value within the margin of a breakpoint and are excluded.
#[test]
fn every_function_at_every_frequency_is_the_definition_for_any_number_of_channels() {
    assert_eq!(compare(Grid { high: 2, wide: 3 }.into()), (2, 133_920), "blocks excluded, of how many");
}

/// What the blocks hold beyond the maps does not count, and becomes zero: 13×21 pixels are 2×3 blocks too.
#[test]
fn every_function_is_the_definition_on_blocks_that_maps_do_not_fill() {
    assert_eq!(compare(Extent { height: 13, width: 21 }), (2, 133_920), "blocks excluded, of how many");
}

/// Compares all functions, frequencies and instruction sets; blocks excluded, of how many.
fn compare(size: Extent) -> (usize, usize) {
    let (mut blocks, mut excluded) = (0, 0);
    for (seed, channels) in (1u64..).zip([1, 3, 8, 17, 33]) {
        let mut random = Random(seed);
        let (x, dy) = (random.map(2, channels, size), random.map(2, channels, size));
        for function in functions() {
            let pieces = pieces_of(&function);
            for frequencies in 1..=15 {
                for masking in [Masking::Approximated { frequencies }, Masking::Truncated { frequencies }] {
                    let response = piecewise_linear(&pieces, masking, &x);
                    let gradient = piecewise_linear_gradient(&pieces, masking, &response.pieces, &dy);
                    let clear = clear_blocks(&function, masking, &x);
                    blocks += clear.len();
                    excluded += clear.iter().filter(|clear| !**clear).count();
                    let kept = |map: &CoefficientMap| of_clear_blocks(&clear, &map.values);
                    for isa in Isa::available() {
                        let found = run(isa, &function, masking, &x, &dy);
                        for (found, expected) in [(&found.output, &response.output), (&found.gradient, &gradient)] {
                            let error = relative_error(&kept(found), &kept(expected));
                            let what = format!("{} {masking:?} {channels} channels {function:?}", isa.name());
                            assert!(error <= TOLERANCE, "{what}: {error:e}");
                        }
                    }
                }
            }
        }
    }
    (excluded, blocks)
}

#[test]
fn zero_blocks_stay_zero_and_blocks_with_a_dc_alone_are_kept_or_cleared_exactly() {
    let channels = 19;
    let grid = Grid { high: 1, wide: 2 };
    let mut x = CoefficientMap::zeros(1, grid, vec![UNIT_STEPS; channels]);
    for (block, values) in x.values.chunks_exact_mut(BLOCK).enumerate() {
        values[0] = [0.0, 8.0, -8.0, 1e-20, -1e-20, 0.5][block % 6];
    }
    let mut random = Random(5);
    let dy = random.map(1, channels, grid);
    for isa in Isa::available() {
        for masking in [Masking::Exact, Masking::Approximated { frequencies: 1 }, Masking::Truncated { frequencies: 4 }]
        {
            let found = run(isa, &PiecewiseLinear::relu(), masking, &x, &dy);
            let expected = piecewise_linear(&relu_pieces(), masking, &x);
            for (found, expected) in
                found.output.values.chunks_exact(BLOCK).zip(expected.output.values.chunks_exact(BLOCK))
            {
                // What is not positive is cleared exactly, without a margin; what is stays a constant.
                if expected[0] == 0.0 {
                    assert!(found.iter().all(|&value| value == 0.0), "{}: {found:?}", isa.name());
                } else {
                    assert!((found[0] - expected[0]).abs() <= 1e-6 * expected[0], "{}: {}", isa.name(), found[0]);
                    assert!(found[1..].iter().all(|value| value.abs() <= 1e-6 * expected[0]), "{}", isa.name());
                }
            }
            let gradient = piecewise_linear_gradient(&relu_pieces(), masking, &expected.pieces, &dy);
            assert_close("gradient", &found.gradient.values, &gradient.values, TOLERANCE);
        }
    }
}

#[test]
fn a_block_that_is_not_a_number_stays_so_and_does_not_touch_its_neighbours() {
    let vectors = vectors_of(6);
    let (x, dy) = (vectors.map("x"), vectors.map("dy"));
    let mut broken = x.clone();
    broken.values[3] = f64::NAN;
    for (isa, function) in Isa::available().into_iter().flat_map(|isa| functions().into_iter().map(move |f| (isa, f))) {
        let whole = run(isa, &function, Masking::Exact, &x, &dy).output;
        let found = run(isa, &function, Masking::Exact, &broken, &dy).output;
        assert!(found.values[..BLOCK].iter().any(|value| value.is_nan()), "{}", isa.name());
        assert_eq!(found.values[BLOCK..], whole.values[BLOCK..], "{}", isa.name());
    }
}

prop_compose! {
    fn any_function()(
        slope in -2.0..2.0f32,
        intercept in -1.0..1.0f32,
        breakpoints in prop::collection::vec((-2.0..2.0f32, -2.0..2.0f32, -1.0..1.0f32), 0..=4),
    ) -> PiecewiseLinear {
        let breakpoints = breakpoints
            .into_iter()
            .map(|(at, slope_change, intercept_change)| Breakpoint { at, slope_change, intercept_change })
            .collect();
        PiecewiseLinear { slope, intercept, breakpoints }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Blocks within the margin of a breakpoint are excluded: at most one in ten of a case's few.
    #[test]
    fn any_piecewise_linear_function_is_the_definition(
        function in any_function(), seed: u64, frequencies in 1..=15usize, truncated: bool, channels in 1..20usize,
    ) {
        let mut random = Random(seed);
        let grid = Grid { high: 2, wide: 1 };
        let (x, dy) = (random.map(1, channels, grid), random.map(1, channels, grid));
        let masking =
            if truncated { Masking::Truncated { frequencies } } else { Masking::Approximated { frequencies } };
        let pieces = pieces_of(&function);
        let response = piecewise_linear(&pieces, masking, &x);
        let gradient = piecewise_linear_gradient(&pieces, masking, &response.pieces, &dy);
        let clear = clear_blocks(&function, masking, &x);
        let excluded = clear.iter().filter(|clear| !**clear).count();
        prop_assert!(excluded <= 1 + clear.len() / 10, "{excluded} of {} blocks", clear.len());
        for isa in Isa::available() {
            let found = run(isa, &function, masking, &x, &dy);
            for (found, expected) in [(&found.output, &response.output), (&found.gradient, &gradient)] {
                let error =
                    relative_error(&of_clear_blocks(&clear, &found.values), &of_clear_blocks(&clear, &expected.values));
                prop_assert!(error <= TOLERANCE, "{}: {error:e}", isa.name());
            }
        }
    }
}

//! The linear JPEG transform, its factors and its inverse; the fast block transform.

mod support;

use jpegnet_kernels::definition::{CoefficientMap, JpegTransform, UNIT_STEPS, dct_8};
use jpegnet_kernels::{BLOCK, Grid, Isa, forward_dct_into, inverse_dct_into};
use support::{Random, TOLERANCE, Vectors, assert_close, doubles};

const GRID: Grid = Grid { high: 2, wide: 3 };

fn quantised() -> JpegTransform {
    JpegTransform { grid: GRID, steps: Random(1).steps(1, 40.0)[0] }
}

#[test]
fn the_8_point_dct_is_orthonormal() {
    let d = dct_8();
    for (k, row) in d.iter().enumerate() {
        for (l, other) in d.iter().enumerate() {
            let product: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
            let expected = if k == l { 1.0 } else { 0.0 };
            assert!((product - expected).abs() < 1e-14, "rows {k} and {l}: {product}");
        }
    }
}

#[test]
fn the_definition_gives_the_reference_coefficients_and_pixels() {
    let vectors = Vectors::read("dct");
    let (pixels, coefficients) = (vectors.double("pixels"), vectors.single("coefficients"));
    let expected = CoefficientMap::from_row_major(pixels.len() / BLOCK, 1, Grid { high: 1, wide: 1 }, &coefficients);
    let found = expected.to_pixels();
    assert_close("dct definition, inverse", &found.values, &pixels, 1e-6);
    let mut image = found;
    image.values = pixels;
    let found = CoefficientMap::from_pixels(&image, vec![UNIT_STEPS]);
    assert_close("dct definition, forward", &found.values, &expected.values, 1e-6);
}

#[test]
fn encoding_is_blocking_then_dct_then_zigzag_then_scaling() {
    let transform = quantised();
    let pixels = Random(2).normals(GRID.blocks() * BLOCK);
    let by_indices = transform.encode(&pixels);
    assert_close("J", &transform.forward_map().apply(&pixels), &by_indices, 1e-13);

    let mut signal = pixels;
    for factor in [transform.blocking(), transform.block_dct(), transform.zigzag(), transform.scaling()] {
        signal = factor.apply(&signal);
    }
    assert_close("B, D, Z, S in turn", &signal, &by_indices, 1e-13);
}

#[test]
fn the_inverse_transform_undoes_the_transform_on_either_side() {
    let transform = quantised();
    let (forward, inverse) = (transform.forward_map(), transform.inverse_map());
    let identity = jpegnet_kernels::definition::LinearMap::from_fn(forward.inputs, forward.inputs, |from, to| {
        if from == to { 1.0 } else { 0.0 }
    });
    assert_close("J̃J", &inverse.then(&forward).values, &identity.values, 1e-12);
    assert_close("JJ̃", &forward.then(&inverse).values, &identity.values, 1e-12);
    let pixels = Random(3).normals(forward.inputs);
    assert_close("decode of encode", &transform.decode(&transform.encode(&pixels)), &pixels, 1e-13);
}

#[test]
fn with_steps_of_one_the_transform_is_orthonormal() {
    let transform = JpegTransform { grid: GRID, steps: UNIT_STEPS };
    assert_close("J̃ = Jᵀ", &transform.inverse_map().values, &transform.forward_map().transposed().values, 1e-14);
}

#[test]
fn a_level_shifted_mid_grey_image_has_no_coefficients_and_a_constant_one_only_dc() {
    let transform = quantised();
    let constant = transform.encode(&vec![3.0; GRID.blocks() * BLOCK]);
    for (index, value) in constant.iter().enumerate() {
        let expected = if index % BLOCK == 0 { 8.0 * 3.0 / transform.steps[0] } else { 0.0 };
        assert!((value - expected).abs() < 1e-12, "coefficient {index}: {value}");
    }
    assert!(transform.encode(&vec![0.0; GRID.blocks() * BLOCK]).iter().all(|&value| value == 0.0));
}

#[test]
fn units_change_the_numbers_and_not_the_signal() {
    let mut random = Random(4);
    let map = random.map(2, 3, GRID);
    let in_jpeg_units = map.in_units_of(random.steps(3, 60.0));
    assert!(support::relative_error(&in_jpeg_units.values, &map.values) > 0.1);
    assert_close("pixels", &in_jpeg_units.to_pixels().values, &map.to_pixels().values, 1e-13);
    assert_close("back", &in_jpeg_units.orthonormal().values, &map.values, 1e-14);
}

#[test]
fn layouts_convert_without_loss() {
    let map = Random(5).map(2, 3, GRID);
    assert_eq!(CoefficientMap::from_row_major(2, 3, GRID, &map.to_row_major()), map);
    assert_eq!(CoefficientMap::from_kernel_layout(2, 3, GRID, &map.to_kernel_layout()), map);
    // Image 1, block (1, 2), row-major (α, β) = (1, 0), which is zigzag position 2, channel 1.
    let row_major = map.to_row_major()[((3 + 1) * GRID.blocks() + 5) * BLOCK + 8];
    let kernel = f64::from(map.to_kernel_layout()[((GRID.blocks() + 5) * BLOCK + 2) * 3 + 1]);
    assert!((row_major - kernel).abs() < 1e-12);
}

#[test]
fn the_fast_transform_gives_the_reference_on_every_isa_for_any_number_of_channels() {
    let vectors = Vectors::read("dct");
    let (pixels, coefficients) = (vectors.single("pixels"), vectors.single("coefficients"));
    let blocks = pixels.len() / BLOCK;
    for isa in Isa::available() {
        for channels in [1, 2, 3, 8, 16, 21, 64] {
            // The reference blocks are dealt to the channels in turn; what is left over is not used.
            let grid = Grid { high: blocks / channels, wide: 1 };
            let used = grid.blocks() * channels * BLOCK;
            let expected = CoefficientMap::from_row_major(1, channels, grid, &coefficients[..used]);
            let mut image = expected.to_pixels();
            image.values = doubles(&pixels[..used]);
            // `[channels, blocks, 8, 8]` to `[blocks, 8, 8, channels]`.
            let mut in_lanes = vec![0.0; used];
            for (index, &pixel) in pixels[..used].iter().enumerate() {
                in_lanes[index % (grid.blocks() * BLOCK) * channels + index / (grid.blocks() * BLOCK)] = pixel;
            }
            let mut found = vec![f32::NAN; used];
            forward_dct_into(isa, channels, &in_lanes, &mut found);
            let found = CoefficientMap::from_kernel_layout(1, channels, grid, &found);
            assert_close(
                &format!("dct {} {channels} channels, forward", isa.name()),
                &found.values,
                &expected.values,
                TOLERANCE,
            );
            let mut found = vec![f32::NAN; used];
            inverse_dct_into(isa, channels, &expected.to_kernel_layout(), &mut found);
            assert_close(
                &format!("dct {} {channels} channels, inverse", isa.name()),
                &doubles(&found),
                &doubles(&in_lanes),
                TOLERANCE,
            );
        }
    }
}

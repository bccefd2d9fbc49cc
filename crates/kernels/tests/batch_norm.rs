//! Batch normalisation by the mean-variance theorem: definition and kernels against PyTorch's vectors.

mod support;

use jpegnet_kernels::definition::{
    BatchNorm, CoefficientMap, Moments, UNIT_STEPS, convolve_block_form, fold_batch_norm, pixels,
};
use jpegnet_kernels::{
    BLOCK, BatchNormGradient, BatchStatistics, Conv2dShape, Extent, GRADIENT_MOMENTS, Grid, Isa, MOMENTS,
    add_gradient_moments, add_moments, batch_norm_backward_into, normalise_coefficients, scale_shift_into,
};
use proptest::prelude::*;
use support::{
    Random, TOLERANCE, Vectors, assert_close, dot, doubles, finite_differences, relative_error, relative_error_of_sums,
    singles,
};

const EPSILON: f64 = 1e-5;

fn learned(vectors: &Vectors) -> BatchNorm {
    let epsilon = vectors.metadata("eps").as_f64().expect("a number");
    BatchNorm { weight: vectors.double("weight"), bias: vectors.double("bias"), epsilon }
}

fn running(vectors: &Vectors, when: &str) -> Moments {
    let read = |what: &str| vectors.double(&format!("running_{what}_{when}"));
    Moments { mean: read("mean"), variance: read("var"), pixels: f64::NAN }
}

fn random_norm(random: &mut Random, channels: usize) -> BatchNorm {
    let weight = (0..channels).map(|_| random.between(0.5, 2.0)).collect();
    BatchNorm { weight, bias: random.normals(channels), epsilon: EPSILON }
}

/// A map whose channels have different means and spreads, and whose blocks have different means.
fn uneven_map(random: &mut Random, images: usize, channels: usize, size: impl Into<Extent>) -> CoefficientMap {
    let mut map = random.map(images, channels, size);
    let (scale, shift) = (random.normals(channels), random.normals(channels));
    let blocks = map.grid.blocks();
    for (index, value) in map.values.iter_mut().enumerate() {
        let channel = index / BLOCK / blocks % channels;
        *value *= 0.1 + scale[channel].abs();
        if index % BLOCK == 0 {
            *value += 20.0 * shift[channel];
        }
    }
    CoefficientMap::from_kernel_layout(images, channels, map.extent, &map.to_kernel_layout())
}

#[test]
fn the_definition_gives_pytorch_s_outputs_running_statistics_and_gradients() {
    let vectors = Vectors::read("batch_norm");
    let norm = learned(&vectors);
    let (x, before) = (vectors.map("x"), running(&vectors, "before"));
    let moments = Moments::of(&x);
    assert_close(
        "batch_norm definition, y_train",
        &norm.apply(&moments, &x).values,
        &vectors.map("y_train").values,
        1e-6,
    );
    assert_close("batch_norm definition, y_eval", &norm.apply(&before, &x).values, &vectors.map("y_eval").values, 1e-6);
    let momentum = vectors.metadata("momentum").as_f64().expect("a number");
    let (found, after) = (moments.moved(&before, momentum), running(&vectors, "after"));
    assert_close("batch_norm definition, running mean", &found.mean, &after.mean, 1e-6);
    assert_close("batch_norm definition, running variance", &found.variance, &after.variance, 1e-6);
    let gradients = norm.gradients(&moments, &x, &vectors.map("dy"));
    assert_close("batch_norm definition, dx", &gradients.input.values, &vectors.map("dx").values, 1e-6);
    assert_close("batch_norm definition, dweight", &gradients.weight, &vectors.double("dweight"), 1e-6);
    assert_close("batch_norm definition, dbias", &gradients.bias, &vectors.double("dbias"), 1e-6);
}

#[test]
fn the_spatial_twin_gives_pytorch_s_outputs_and_gradients() {
    let vectors = Vectors::read("batch_norm");
    let norm = learned(&vectors);
    let x = vectors.map("x").to_pixels();
    let moments = pixels::moments(&x);
    let expected = vectors.map("y_train").to_pixels();
    assert_close("y_train", &pixels::batch_norm(&norm, &moments, &x).values, &expected.values, 1e-6);
    let (dx, dweight, dbias) = pixels::batch_norm_gradients(&norm, &moments, &x, &vectors.map("dy").to_pixels());
    assert_close("dx", &dx.values, &vectors.map("dx").to_pixels().values, 1e-6);
    assert_close("dweight", &dweight, &vectors.double("dweight"), 1e-6);
    assert_close("dbias", &dbias, &vectors.double("dbias"), 1e-6);
}

#[test]
fn gradients_are_finite_differences_in_jpeg_units_too() {
    let mut random = Random(1);
    let whole = Extent { height: 8, width: 16 };
    let part = Extent { height: 5, width: 11 };
    for (size, steps) in [(whole, vec![UNIT_STEPS; 2]), (whole, random.steps(2, 20.0)), (part, random.steps(2, 20.0))] {
        let x = uneven_map(&mut random, 2, 2, size).in_units_of(steps.clone());
        let norm = random_norm(&mut random, 2);
        let mut weights = CoefficientMap::zeros(2, size, steps.clone());
        weights.values = random.normals(x.values.len());
        let found = norm.gradients(&Moments::of(&x), &x, &weights);
        let loss = |norm: &BatchNorm, values: &[f64]| {
            let x = CoefficientMap { values: values.to_vec(), ..x.clone() };
            dot(&norm.apply(&Moments::of(&x), &x).values, &weights.values)
        };
        let by_input = finite_differences(&x.values, 1e-4, |values| loss(&norm, values));
        assert_close("input", &found.input.values, &by_input, 1e-6);
        let by_weight = finite_differences(&norm.weight, 1e-4, |weight| {
            loss(&BatchNorm { weight: weight.to_vec(), ..norm.clone() }, &x.values)
        });
        assert_close("weight", &found.weight, &by_weight, 1e-8);
        let by_bias = finite_differences(&norm.bias, 1e-4, |bias| {
            loss(&BatchNorm { bias: bias.to_vec(), ..norm.clone() }, &x.values)
        });
        assert_close("bias", &found.bias, &by_bias, 1e-8);
    }
}

#[test]
fn folded_into_the_convolution_before_it_inference_mode_is_the_same_map() {
    let mut random = Random(2);
    let shape = Conv2dShape {
        input_channels: 2,
        output_channels: 3,
        size: 3,
        stride: 1,
        padding: 1,
        input: Grid { high: 2, wide: 1 }.into(),
    };
    let (filter, bias) = (random.normals(shape.filter_len()), random.normals(3));
    let x = random.map(1, 2, shape.input.grid()).in_units_of(random.steps(2, 20.0));
    let norm = random_norm(&mut random, 3);
    let running = Moments { mean: random.normals(3), variance: vec![0.5, 2.0, 1.0], pixels: f64::NAN };
    let steps = random.steps(3, 20.0);
    for bias in [None, Some(&bias[..])] {
        let expected = norm.apply(&running, &convolve_block_form(&shape, &filter, bias, &x, steps.clone()));
        let (folded, shift) = fold_batch_norm(&norm, &running, &filter, bias);
        let found = convolve_block_form(&shape, &folded, Some(&shift), &x, steps.clone());
        assert_close("folded", &found.values, &expected.values, 1e-12);
    }
}

struct Found {
    statistics: BatchStatistics,
    output: Vec<f64>,
    gradient: BatchNormGradient,
    input_gradient: Vec<f64>,
}

/// The kernels over a batch, image by image as the engine does.
fn run(isa: Isa, norm: &BatchNorm, x: &CoefficientMap, dy: &CoefficientMap) -> Found {
    let channels = x.channels;
    let image = x.grid.blocks() * BLOCK * channels;
    let extent = x.extent;
    let (values, gradients) = (x.to_kernel_layout(), dy.to_kernel_layout());
    let (weight, bias) = (singles(&norm.weight), singles(&norm.bias));
    let epsilon = singles(&[norm.epsilon])[0];
    let mut moments = vec![0.0; MOMENTS * channels];
    for image in values.chunks_exact(image) {
        add_moments(isa, channels, image, &mut moments);
    }
    let statistics = BatchStatistics::from_moments(&moments, channels, x.images * x.extent.pixels());
    let (mut scale, mut shift) = (vec![f32::NAN; channels], vec![f32::NAN; channels]);
    let BatchStatistics { mean, variance, .. } = &statistics;
    normalise_coefficients(mean, variance, epsilon, &weight, &bias, &mut scale, &mut shift);
    let mut output = vec![f32::NAN; values.len()];
    scale_shift_into(isa, x.extent, channels, &values, (&scale, &shift), &mut output);

    let mut moments = vec![0.0; GRADIENT_MOMENTS * channels];
    for (x, dy) in values.chunks_exact(image).zip(gradients.chunks_exact(image)) {
        add_gradient_moments(isa, extent, channels, x, dy, &mut moments);
    }
    let gradient = BatchNormGradient::from_moments(&moments, &statistics, epsilon, &weight);
    let mut input_gradient = vec![f32::NAN; values.len()];
    batch_norm_backward_into(isa, x.extent, channels, &values, &gradients, &gradient, &mut input_gradient, false);
    let mut added = vec![1.0; values.len()];
    batch_norm_backward_into(isa, x.extent, channels, &values, &gradients, &gradient, &mut added, true);
    let expected: Vec<f64> = input_gradient.iter().map(|&value| 1.0 + f64::from(value)).collect();
    assert_close("added to", &doubles(&added), &expected, TOLERANCE);
    let read = |values: &[f32]| CoefficientMap::from_kernel_layout(x.images, channels, x.extent, values).values;
    Found { output: read(&output), input_gradient: read(&input_gradient), statistics, gradient }
}

#[test]
fn the_kernels_give_pytorch_s_outputs_running_statistics_and_gradients_on_every_isa() {
    let vectors = Vectors::read("batch_norm");
    let norm = learned(&vectors);
    let (x, dy) = (vectors.map("x"), vectors.map("dy"));
    let momentum = singles(&[vectors.metadata("momentum").as_f64().expect("a number")])[0];
    for isa in Isa::available() {
        let check = |what: &str, found: &[f64], expected: &[f64]| {
            assert_close(&format!("batch_norm {}, {what}", isa.name()), found, expected, TOLERANCE);
        };
        let found = run(isa, &norm, &x, &dy);
        check("y_train", &found.output, &vectors.map("y_train").values);
        let (mut mean, mut variance) = (vectors.single("running_mean_before"), vectors.single("running_var_before"));
        let (running_mean, running_variance) = (doubles(&mean), doubles(&variance));
        found.statistics.update_running(momentum, &mut mean, &mut variance);
        check("running mean", &doubles(&mean), &vectors.double("running_mean_after"));
        check("running variance", &doubles(&variance), &vectors.double("running_var_after"));
        check("dx", &found.input_gradient, &vectors.map("dx").values);
        check("dweight", &doubles(&found.gradient.weight), &vectors.double("dweight"));
        check("dbias", &doubles(&found.gradient.bias), &vectors.double("dbias"));

        let (weight, bias) = (vectors.single("weight"), vectors.single("bias"));
        let (mut scale, mut shift) = (vec![f32::NAN; x.channels], vec![f32::NAN; x.channels]);
        normalise_coefficients(&running_mean, &running_variance, 1e-5, &weight, &bias, &mut scale, &mut shift);
        let mut output = vec![f32::NAN; x.values.len()];
        scale_shift_into(isa, x.extent, x.channels, &x.to_kernel_layout(), (&scale, &shift), &mut output);
        let output = CoefficientMap::from_kernel_layout(x.images, x.channels, x.grid, &output);
        check("y_eval", &output.values, &vectors.map("y_eval").values);
    }
}

#[test]
fn a_constant_channel_has_no_variance_and_becomes_its_bias() {
    let channels = 5;
    let grid = Grid { high: 1, wide: 2 };
    let mut x = CoefficientMap::zeros(3, grid, vec![UNIT_STEPS; channels]);
    for block in x.values.chunks_exact_mut(BLOCK) {
        block[0] = 24.0;
    }
    let mut random = Random(3);
    let norm = random_norm(&mut random, channels);
    let dy = random.map(3, channels, grid);
    for isa in Isa::available() {
        let found = run(isa, &norm, &x, &dy);
        assert!(found.statistics.variance.iter().all(|&variance| variance == 0.0));
        for (index, &value) in found.output.iter().enumerate() {
            let bias = norm.bias[index / BLOCK / grid.blocks() % channels];
            let expected = if index % BLOCK == 0 { 8.0 * bias } else { 0.0 };
            // γ/√ε is up to 632 here, and it multiplies a rounded 24.
            assert!((value - expected).abs() < 2e-2, "{}: {value}, expected {expected}", isa.name());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_kernels_are_the_definition_for_any_shape(
        seed: u64, images in 1..=3usize, channels in 1..40usize, height in 2..=24usize, width in 2..=56usize,
    ) {
        let mut random = Random(seed);
        let size = Extent { height, width };
        let x = uneven_map(&mut random, images, channels, size).inside();
        let dy = random.map(images, channels, size);
        let norm = random_norm(&mut random, channels);
        let moments = Moments::of(&x);
        let gradients = norm.gradients(&moments, &x, &dy);
        for isa in Isa::available() {
            let found = run(isa, &norm, &x, &dy);
            let pairs = [
                ("mean", &found.statistics.mean, &moments.mean),
                ("variance", &found.statistics.variance, &moments.variance),
                ("output", &found.output, &norm.apply(&moments, &x).values),
                ("dx", &found.input_gradient, &gradients.input.values),
                ("dweight", &doubles(&found.gradient.weight), &gradients.weight),
                ("dbias", &doubles(&found.gradient.bias), &gradients.bias),
            ];
            for (what, found, expected) in pairs {
                // Sums over all pixels of a channel may cancel; the others are not sums.
                let terms = if what.starts_with('d') && what != "dx" { images * size.pixels() } else { 0 };
                let error = relative_error_of_sums(found, expected, terms);
                // Where a map ends inside its blocks the mean is not in DC alone, and what is left of the other
                // coefficients once it is taken off has lost the digits that the mean had.
                let tolerance = if size.fills_blocks() { TOLERANCE } else { 50.0 * TOLERANCE };
                prop_assert!(error <= tolerance, "{} {what}: {error:e}", isa.name());
            }
        }
    }

    #[test]
    fn moments_of_coefficients_are_those_of_their_pixels_in_jpeg_units_too(
        seed: u64, images in 1..=3usize, channels in 1..4usize, height in 2..=16usize, width in 2..=24usize,
    ) {
        let mut random = Random(seed);
        let x = uneven_map(&mut random, images, channels, Extent { height, width });
        let x = x.in_units_of(random.steps(channels, 60.0));
        let (found, expected) = (Moments::of(&x), pixels::moments(&x.to_pixels()));
        prop_assert!(relative_error(&found.mean, &expected.mean) < 1e-12);
        prop_assert!(relative_error(&found.variance, &expected.variance) < 1e-9);
        prop_assert!((found.pixels - expected.pixels).abs() < 0.5);
        let norm = random_norm(&mut random, channels);
        let expected = pixels::batch_norm(&norm, &expected, &x.to_pixels());
        prop_assert!(relative_error(&norm.apply(&found, &x).to_pixels().values, &expected.values) < 1e-9);
    }
}

#[test]
fn the_variance_of_zeroed_dcs_is_not_the_variance_when_block_means_differ() {
    let mut random = Random(4);
    let x = uneven_map(&mut random, 2, 1, Grid { high: 2, wide: 2 });
    let mut without_dc = x.clone();
    for block in without_dc.values.chunks_exact_mut(BLOCK) {
        block[0] = 0.0;
    }
    let (truth, wrong) = (pixels::moments(&x.to_pixels()).variance[0], Moments::of(&without_dc).variance[0]);
    assert!(wrong < truth * 0.999, "{wrong} and {truth}");
}

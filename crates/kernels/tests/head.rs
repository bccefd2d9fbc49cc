//! The end of a network: addition, global average pooling, the linear layer, softmax cross-entropy.

mod support;

use jpegnet_kernels::definition::{CoefficientMap, add, global_average_pool, global_average_pool_gradient, pixels};
use jpegnet_kernels::{
    BLOCK, Extent, Grid, Isa, Labels, add_in_place, global_average_pool_backward_into, global_average_pool_into,
    linear_backward, linear_into, softmax_cross_entropy, softmax_in_place,
};
use proptest::prelude::*;
use support::{Random, TOLERANCE, assert_close, dot, doubles, finite_differences, relative_error_of_sums, singles};

#[test]
fn pooling_coefficients_is_pooling_their_pixels_over_one_block_or_many_in_jpeg_units_too() {
    let mut random = Random(1);
    for (height, width) in [(8, 8), (24, 16), (13, 21), (7, 9)] {
        let x = random.map(2, 3, Extent { height, width }).inside().in_units_of(random.steps(3, 50.0));
        assert_close("pooled", &global_average_pool(&x), &pixels::global_average_pool(&x.to_pixels()), 1e-12);
        let weights = random.normals(6);
        let found = global_average_pool_gradient(&x, &weights);
        let expected = finite_differences(&x.values, 1e-3, |values| {
            dot(&global_average_pool(&CoefficientMap { values: values.to_vec(), ..x.clone() }), &weights)
        });
        assert_close("gradient", &found.values, &expected, 1e-9);
    }
}

#[test]
fn adding_coefficients_is_adding_their_pixels() {
    let mut random = Random(2);
    let grid = Grid { high: 2, wide: 1 };
    let steps = random.steps(2, 30.0);
    let (a, b) = (random.map(1, 2, grid).in_units_of(steps.clone()), random.map(1, 2, grid).in_units_of(steps));
    let expected = pixels::add(&a.to_pixels(), &b.to_pixels());
    assert_close("sum", &add(&a, &b).to_pixels().values, &expected.values, 1e-12);
    for isa in Isa::available() {
        let mut sum = a.to_kernel_layout();
        add_in_place(isa, &mut sum, &b.to_kernel_layout());
        let sum = CoefficientMap::from_kernel_layout(1, 2, grid, &sum);
        assert_close("kernel", &sum.values, &add(&a, &b).orthonormal().values, TOLERANCE);
    }
}

#[test]
fn the_pooling_kernel_is_the_definition_on_every_isa_for_any_number_of_channels() {
    let mut random = Random(3);
    for channels in [1, 3, 8, 17, 64, 70] {
        for (height, width) in [(8, 8), (24, 40), (13, 21)] {
            let x = random.map(1, channels, Extent { height, width });
            let weights = random.normals(channels);
            for isa in Isa::available() {
                let mut pooled = vec![f32::NAN; channels];
                global_average_pool_into(isa, x.extent, channels, &x.to_kernel_layout(), &mut pooled);
                assert_close("pooled", &doubles(&pooled), &global_average_pool(&x), TOLERANCE);
            }
            let expected = global_average_pool_gradient(&x, &weights);
            let mut gradient = vec![f32::NAN; x.values.len()];
            global_average_pool_backward_into(x.extent, channels, &singles(&weights), &mut gradient, false);
            let found = CoefficientMap::from_kernel_layout(1, channels, x.extent, &gradient);
            assert_close("gradient", &found.values, &expected.values, TOLERANCE);
            global_average_pool_backward_into(x.extent, channels, &singles(&weights), &mut gradient, true);
            let doubled: Vec<f64> = expected.values.iter().map(|value| 2.0 * value).collect();
            let found = CoefficientMap::from_kernel_layout(1, channels, x.extent, &gradient);
            assert_close("added", &found.values, &doubled, TOLERANCE);
        }
    }
}

#[test]
fn gradients_of_the_spatial_twin_s_head_are_finite_differences() {
    let mut random = Random(4);
    let (rows, inputs, classes) = (3, 5, 4);
    let (x, weight, bias) = (random.normals(rows * inputs), random.normals(classes * inputs), random.normals(classes));
    let labels = [2, 0, 3];
    let loss = |x: &[f64], weight: &[f64], bias: &[f64]| {
        pixels::softmax_cross_entropy(&pixels::linear(inputs, x, weight, bias), classes, &labels).0
    };
    let (_, dy) = pixels::softmax_cross_entropy(&pixels::linear(inputs, &x, &weight, &bias), classes, &labels);
    let (dx, dweight, dbias) = pixels::linear_gradients(inputs, &x, &weight, &dy);
    assert_close("x", &dx, &finite_differences(&x, 1e-5, |x| loss(x, &weight, &bias)), 1e-8);
    assert_close("weight", &dweight, &finite_differences(&weight, 1e-5, |weight| loss(&x, weight, &bias)), 1e-8);
    assert_close("bias", &dbias, &finite_differences(&bias, 1e-5, |bias| loss(&x, &weight, bias)), 1e-8);
}

#[test]
fn the_loss_of_even_logits_is_the_logarithm_of_the_classes_and_large_logits_do_not_overflow() {
    let even = softmax_cross_entropy(&[3.0; 20], 10, &[1, 0], 0.0, None);
    assert!((even.sum - 2.0 * 10f64.ln()).abs() < 1e-12);
    assert_eq!(even.correct, 1, "of equals the first is the largest");
    let mut gradient = [f32::NAN; 2];
    let large = softmax_cross_entropy(&[1e4, -1e4], 2, &[1], 0.0, Some((&mut gradient, 1.0)));
    assert!((large.sum - 2e4).abs() < 1e-6);
    assert_close("gradient", &doubles(&gradient), &[1.0, -1.0], 0.0);
    assert!(!softmax_cross_entropy(&[f32::NAN, 0.0], 2, &[1], 0.0, None).sum.is_finite());
}

/// `torch.nn.CrossEntropyLoss(label_smoothing=…, reduction='sum')`, as its documentation writes it: a weighted mean of the
/// label's term and that of an even target.
fn smoothed_in_pytorch_s_words(logits: &[f64], classes: usize, labels: &[u32], smoothing: f64) -> f64 {
    let row = |(row, &label): (&[f64], &u32)| {
        let sum: f64 = row.iter().map(|logit| logit.exp()).sum();
        let log_probability = |logit: f64| logit - sum.ln();
        let share = 1.0 / f64::from(u16::try_from(classes).expect("few classes"));
        let even: f64 = row.iter().map(|&logit| share * log_probability(logit)).sum();
        -(1.0 - smoothing) * log_probability(row[label as usize]) - smoothing * even
    };
    logits.chunks_exact(classes).zip(labels).map(row).sum()
}

#[test]
fn a_smoothed_loss_is_pytorch_s_formula_and_its_gradient_finite_differences() {
    let mut random = Random(9);
    let (rows, classes) = (4, 7);
    let logits: Vec<f64> = doubles(&singles(&random.normals(rows * classes)));
    let labels = [6, 0, 3, 3];
    for smoothing in [0.0f32, 0.1, 0.5, 1.0] {
        let loss = |logits: &[f64]| smoothed_in_pytorch_s_words(logits, classes, &labels, smoothing.into());
        let mut gradient = vec![f32::NAN; logits.len()];
        let found = softmax_cross_entropy(&singles(&logits), classes, &labels, smoothing, Some((&mut gradient, 0.5)));
        assert!((found.sum - loss(&logits)).abs() < 1e-6, "ε = {smoothing}: {} {}", found.sum, loss(&logits));
        let expected: Vec<f64> = finite_differences(&logits, 1e-5, loss).iter().map(|slope| 0.5 * slope).collect();
        let difference = doubles(&gradient).iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(difference < 1e-6, "ε = {smoothing}: {difference}");
    }
}

#[test]
fn the_loss_of_mixed_labels_is_that_of_both_by_their_shares_and_its_gradient_finite_differences() {
    let mut random = Random(11);
    let (rows, classes) = (5, 7);
    let logits: Vec<f64> = doubles(&singles(&random.normals(rows * classes)));
    let (own, others) = ([6, 0, 3, 3, 1], [0, 0, 6, 3, 2]);
    for share in [0.0f32, 0.25, 0.5, 0.9, 1.0] {
        for smoothing in [0.0f32, 0.2] {
            let loss = |logits: &[f64]| {
                let of = |labels: &[u32]| smoothed_in_pytorch_s_words(logits, classes, labels, smoothing.into());
                f64::from(share) * of(&own) + f64::from(1.0 - share) * of(&others)
            };
            let labels = Labels { own: &own, mixed: Some((&others, share)) };
            let mut gradient = vec![f32::NAN; logits.len()];
            let found =
                softmax_cross_entropy(&singles(&logits), classes, labels, smoothing, Some((&mut gradient, 0.5)));
            assert!((found.sum - loss(&logits)).abs() < 1e-6, "λ = {share}, ε = {smoothing}");
            let expected: Vec<f64> = finite_differences(&logits, 1e-5, loss).iter().map(|slope| 0.5 * slope).collect();
            let difference = doubles(&gradient).iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(difference < 1e-6, "λ = {share}, ε = {smoothing}: {difference}");
        }
    }
}

#[test]
fn of_mixed_labels_that_of_the_larger_share_counts_as_right() {
    // The first row says 0, the second 1, the third 2.
    let logits = [5.0, 0.0, 0.0, 0.0, 5.0, 0.0, 0.0, 0.0, 5.0];
    let (own, others) = ([0, 0, 0], [1, 1, 1]);
    for (share, rows_right) in [(0.8, [true, false, false]), (0.5, [true, false, false]), (0.2, [false, true, false])] {
        for (row, right) in rows_right.into_iter().enumerate() {
            let labels = Labels { own: &own[row..=row], mixed: Some((&others[row..=row], share)) };
            let found = softmax_cross_entropy(&logits[3 * row..][..3], 3, labels, 0.0, None);
            assert_eq!(found.correct, usize::from(right), "λ = {share}, row {row}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_linear_kernels_are_the_definition(
        seed: u64, rows in 1..12usize, inputs in 1..80usize, outputs in 1..20usize,
    ) {
        let mut random = Random(seed);
        let (x, weight) = (random.normals(rows * inputs), random.normals(outputs * inputs));
        let (bias, dy) = (random.normals(outputs), random.normals(rows * outputs));
        let expected = pixels::linear(inputs, &x, &weight, &bias);
        let (dx, dweight, dbias) = pixels::linear_gradients(inputs, &x, &weight, &dy);
        let (x, weight, bias, dy) = (singles(&x), singles(&weight), singles(&bias), singles(&dy));
        for isa in Isa::available() {
            let mut y = vec![f32::NAN; rows * outputs];
            linear_into(isa, &x, &weight, Some(&bias), inputs, outputs, &mut y);
            prop_assert!(relative_error_of_sums(&doubles(&y), &expected, inputs) <= TOLERANCE);
            let mut found_dx = vec![f32::NAN; x.len()];
            let (mut found_dweight, mut found_dbias) = (vec![1.0; weight.len()], vec![1.0; outputs]);
            linear_backward(
                isa, &x, &weight, &dy, inputs, outputs, Some(&mut found_dx), &mut found_dweight, Some(&mut found_dbias),
            );
            prop_assert!(relative_error_of_sums(&doubles(&found_dx), &dx, outputs) <= TOLERANCE);
            let added = |values: &[f64]| values.iter().map(|value| value + 1.0).collect::<Vec<_>>();
            prop_assert!(relative_error_of_sums(&doubles(&found_dweight), &added(&dweight), rows) <= TOLERANCE);
            prop_assert!(relative_error_of_sums(&doubles(&found_dbias), &added(&dbias), rows) <= TOLERANCE);
        }
    }

    #[test]
    fn the_loss_kernel_is_the_definition(seed: u64, rows in 1..9usize, classes in 1..30usize) {
        let mut random = Random(seed);
        let logits: Vec<f64> = random.normals(rows * classes).iter().map(|logit| 8.0 * logit).collect();
        let labels: Vec<usize> = (0..rows).map(|row| (row * 7 + 3) % classes).collect();
        let (loss, expected) = pixels::softmax_cross_entropy(&logits, classes, &labels);
        let labels: Vec<u32> = labels.iter().map(|&label| u32::try_from(label).expect("a class")).collect();
        let mut gradient = vec![f32::NAN; logits.len()];
        let rows = u16::try_from(rows).expect("few rows");
        let found =
            softmax_cross_entropy(&singles(&logits), classes, &labels, 0.0, Some((&mut gradient, 1.0 / f32::from(rows))));
        prop_assert!((found.sum / f64::from(rows) - loss).abs() <= 1e-6 * (1.0 + loss));
        let difference = doubles(&gradient).iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        prop_assert!(difference <= 1e-6);
        let correct = logits.chunks_exact(classes).zip(&labels).filter(|(row, label)| {
            row.iter().all(|&logit| logit <= row[**label as usize])
        });
        prop_assert_eq!(found.correct, correct.count());
        let mut probabilities = singles(&logits);
        softmax_in_place(&mut probabilities, classes);
        for row in probabilities.chunks_exact(classes) {
            prop_assert!((row.iter().copied().map(f64::from).sum::<f64>() - 1.0).abs() <= 1e-5);
        }
    }
}

#[test]
fn a_map_of_one_block_pools_to_an_eighth_of_its_dc() {
    let mut map = vec![0.0; BLOCK];
    map[0] = 12.0;
    map[1] = 5.0;
    for isa in Isa::available() {
        let mut pooled = [f32::NAN];
        global_average_pool_into(isa, Grid { high: 1, wide: 1 }.into(), 1, &map, &mut pooled);
        assert_close("pooled", &doubles(&pooled), &[1.5], 0.0);
    }
}

//! The two theorems of the paper's appendix as properties.

mod support;

use jpegnet_kernels::definition::{CoefficientMap, Moments, dct_8, dct_block, pixels};
use jpegnet_kernels::{BLOCK, Grid};
use proptest::prelude::*;
use support::Random;

/// Σ_n (x_n − Σ_{k<m} c_k·D_kn)².
fn squared_error(x: &[f64], coefficients: &[f64]) -> f64 {
    let d = dct_8();
    let approximation = |n: usize| coefficients.iter().zip(&d).map(|(c, row)| c * row[n]).sum::<f64>();
    x.iter().enumerate().map(|(n, x)| (x - approximation(n)).powi(2)).sum()
}

fn dct(x: &[f64]) -> Vec<f64> {
    dct_8().iter().map(|row| row.iter().zip(x).map(|(d, x)| d * x).sum()).collect()
}

/// The least-squares coefficients of x on the first m cosines, by solving the normal equations with nothing assumed of
/// the basis (Gaussian elimination with pivoting).
fn least_squares(x: &[f64], terms: usize) -> Vec<f64> {
    let cosine = |k: usize, n: usize| dct_8()[k][n];
    let mut system: Vec<Vec<f64>> = (0..terms)
        .map(|k| {
            let gram = (0..terms).map(|l| (0..8).map(|n| cosine(k, n) * cosine(l, n)).sum());
            let right: f64 = (0..8).map(|n| cosine(k, n) * x[n]).sum();
            gram.chain([right]).collect()
        })
        .collect();
    for column in 0..terms {
        let pivot = (column..terms).max_by(|&a, &b| system[a][column].abs().total_cmp(&system[b][column].abs()));
        system.swap(column, pivot.expect("a row"));
        let pivot_row = system[column].clone();
        for (index, row) in system.iter_mut().enumerate() {
            if index != column {
                let factor = row[column] / pivot_row[column];
                row.iter_mut().zip(&pivot_row).for_each(|(value, pivot)| *value -= factor * pivot);
            }
        }
    }
    (0..terms).map(|k| system[k][terms] / system[k][k]).collect()
}

proptest! {
    #[test]
    fn theorem_1_the_first_m_dct_terms_are_the_least_squares_ones(
        x in prop::array::uniform8(-255.0..255.0f64), terms in 1..=8usize,
    ) {
        let coefficients = dct(&x);
        for (found, expected) in least_squares(&x, terms).iter().zip(&coefficients) {
            prop_assert!((found - expected).abs() < 1e-9);
        }
    }

    #[test]
    fn theorem_1_no_other_m_coefficients_come_nearer(
        x in prop::array::uniform8(-255.0..255.0f64), terms in 1..=8usize,
        others in prop::array::uniform8(-255.0..255.0f64),
    ) {
        let best = squared_error(&x, &dct(&x)[..terms]);
        prop_assert!(best <= squared_error(&x, &others[..terms]) + 1e-9);
        let nearby: Vec<f64> = dct(&x).iter().zip(&others).map(|(c, other)| c + 1e-3 * other).collect();
        prop_assert!(best <= squared_error(&x, &nearby[..terms]) + 1e-9);
    }

    #[test]
    fn theorem_1_in_two_dimensions_the_error_is_the_energy_left_out(seed: u64, frequencies in 1..=15usize) {
        let mut random = Random(seed);
        let block = random.normals(BLOCK);
        let coefficients = dct_block(&block);
        let keep = |at: usize| at / 8 + at % 8 < frequencies;
        let kept: Vec<f64> =
            coefficients.iter().enumerate().map(|(at, &c)| if keep(at) { c } else { 0.0 }).collect();
        let left_out: f64 =
            coefficients.iter().enumerate().filter(|(at, _)| !keep(*at)).map(|(_, c)| c * c).sum();
        let error = |coefficients: &[f64]| {
            let map = CoefficientMap::from_row_major(1, 1, Grid { high: 1, wide: 1 }, coefficients);
            map.to_pixels().values.iter().zip(&block).map(|(a, b)| (a - b).powi(2)).sum::<f64>()
        };
        prop_assert!((error(&kept) - left_out).abs() < 1e-10);
        let other: Vec<f64> = kept.iter().enumerate().map(|(at, c)| if keep(at) { c + random.normal() } else { 0.0 }).collect();
        prop_assert!(error(&other) >= left_out);
    }

    #[test]
    fn theorem_2_the_variance_of_a_centred_signal_is_the_mean_square_of_its_coefficients(
        x in prop::array::uniform8(-255.0..255.0f64),
    ) {
        let mean = x.iter().sum::<f64>() / 8.0;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 8.0;
        let centred: Vec<f64> = x.iter().map(|x| x - mean).collect();
        let mean_square = dct(&centred).iter().map(|y| y * y).sum::<f64>() / 8.0;
        prop_assert!((variance - mean_square).abs() <= 1e-9 * (1.0 + variance));
    }

    #[test]
    fn theorem_2_over_many_blocks_the_mean_is_of_the_dcs_and_the_variance_of_all_coefficients(
        seed: u64, images in 1..=3usize, high in 1..=3usize, wide in 1..=3usize, level in -50.0..50.0f64,
    ) {
        let mut map = Random(seed).map(images, 1, Grid { high, wide });
        for block in map.values.chunks_exact_mut(BLOCK) {
            block[0] += 8.0 * level;
        }
        let (found, expected) = (Moments::of(&map), pixels::moments(&map.to_pixels()));
        prop_assert!((found.mean[0] - expected.mean[0]).abs() < 1e-11);
        prop_assert!((found.variance[0] - expected.variance[0]).abs() < 1e-9);
    }
}

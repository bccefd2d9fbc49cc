//! What is told of coefficients that have not come, against libjpeg-turbo's pixels.
//!
//! `cases/smoothed` has progressive files that were cut, after a scan or within one, or lack bytes, some with restart
//! markers, each with its luminance as Pillow 13.0.0 (libjpeg-turbo 3.2) decodes it.
#![allow(clippy::cast_precision_loss, reason = "small numbers")]

mod support;

use jpegnet_jpeg::{BLOCK, Component, Damage, ReadOptions, read_coefficients};
use std::f64::consts::PI;
use std::path::PathBuf;
use support::{bytes_of, fixtures, read};

/// Samples of a component in 0…255, `[height, width]`, by an inverse DCT in float64 without rounding.
fn samples(component: &Component, (width, height): (usize, usize)) -> Vec<f64> {
    let mut samples = vec![0.0; width * height];
    let cosine = |at: usize, frequency: usize| {
        let scale: f64 = if frequency == 0 { 0.125 } else { 0.25 };
        scale.sqrt() * ((2 * at + 1) as f64 * frequency as f64 * PI / 16.0).cos()
    };
    let basis: [[f64; 8]; 8] = std::array::from_fn(|at| std::array::from_fn(|frequency| cosine(at, frequency)));
    let dense = component.blocks.to_dense();
    for (number, block) in dense.chunks_exact(BLOCK).enumerate() {
        let (top, left) = (number / component.blocks_wide * 8, number % component.blocks_wide * 8);
        for (y, x) in (0..64).map(|at| (at / 8, at % 8)).filter(|(y, x)| top + y < height && left + x < width) {
            let terms =
                block.iter().zip(&*component.quantisation).enumerate().map(|(at, (&value, &step))| {
                    f64::from(value) * f64::from(step) * basis[y][at / 8] * basis[x][at % 8]
                });
            samples[(top + y) * width + left + x] = (terms.sum::<f64>() + 128.0).clamp(0.0, 255.0);
        }
    }
    samples
}

/// The files that have their pixels beside them.
fn cases() -> Vec<PathBuf> {
    let all = std::fs::read_dir(fixtures().join("cases/smoothed")).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.extension().is_some_and(|end| end == "jpg")).collect()
}

/// The largest and the mean difference from libjpeg's pixels, in grey levels.
fn apart(path: &PathBuf, as_coded: bool) -> (f64, f64) {
    let options = ReadOptions { damage: Damage::Use, as_coded, ..ReadOptions::default() };
    let bytes = std::fs::read(path).unwrap();
    let jpeg = read_coefficients(&bytes, &options).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let found = samples(&jpeg.components[0], (jpeg.width as usize, jpeg.height as usize));
    let expected = std::fs::read(path.with_extension("gray")).unwrap();
    assert_eq!(found.len(), expected.len(), "{}", path.display());
    let differences = found.iter().zip(&expected).map(|(found, &expected)| (found - f64::from(expected)).abs());
    (differences.clone().fold(0.0, f64::max), differences.sum::<f64>() / found.len() as f64)
}

#[test]
fn what_has_not_come_is_told_as_libjpeg_tells_it() {
    let cases = cases();
    assert!(cases.len() >= 12);
    let mut told = 0;
    for path in cases {
        let (largest, mean) = apart(&path, false);
        // libjpeg's inverse DCT is one of whole numbers.
        assert!(largest < 1.5 && mean < 0.5, "{}: {largest} apart, {mean} on average", path.display());
        told += usize::from(apart(&path, true).1 > 1.0);
    }
    assert!(told >= 6, "most of the files look otherwise as they are coded");
}

#[test]
fn blocks_of_dcs_alone_are_smoothed_and_coefficients_are_left_as_coded_where_they_are_asked_for() {
    let bytes = bytes_of("cases/progressive-dc-only.jpg");
    let smoothed = read(&bytes).unwrap();
    let options = ReadOptions { as_coded: true, ..ReadOptions::default() };
    let as_coded = read_coefficients(&bytes, &options).unwrap();
    let most = |jpeg: &jpegnet_jpeg::SparseJpeg| *jpeg.components[0].blocks.counts().iter().max().unwrap();
    assert!(most(&smoothed) > 4, "{}", most(&smoothed));
    assert_eq!(most(&as_coded), 1);
    assert_eq!(smoothed.notes, as_coded.notes);
}

#[test]
fn a_file_whose_scans_are_whole_is_left_as_it_is() {
    let bytes = bytes_of("variants/progressive-422.jpg");
    let options = ReadOptions { as_coded: true, ..ReadOptions::default() };
    assert_eq!(read(&bytes), read_coefficients(&bytes, &options));
}

//! Lines of samples made longer or shorter, sample by sample.

use crate::resize::Filter;

/// `ImagingResample` of Pillow without its rounding: weights over all pixels within the filter's support, normalised.
#[must_use]
pub fn resize_line(line: &[f64], length: usize, filter: Filter) -> Vec<f64> {
    if length == line.len() {
        return line.to_vec();
    }
    let scale = line.len() as f64 / length as f64;
    let widening = scale.max(1.0);
    let weigh = |x: f64| {
        let x = x.abs();
        let sinc = |x: f64| if x == 0.0 { 1.0 } else { (x * std::f64::consts::PI).sin() / (x * std::f64::consts::PI) };
        match filter {
            Filter::Bilinear => (1.0 - x).max(0.0),
            Filter::Bicubic if x < 1.0 => 1.5 * x.powi(3) - 2.5 * x.powi(2) + 1.0,
            Filter::Bicubic if x < 2.0 => -0.5 * x.powi(3) + 2.5 * x.powi(2) - 4.0 * x + 2.0,
            Filter::Lanczos if x < 3.0 => sinc(x) * sinc(x / 3.0),
            _ => 0.0,
        }
    };
    let output = |at: usize| {
        let centre = (at as f64 + 0.5) * scale;
        let weights: Vec<f64> = (0..line.len()).map(|from| weigh((from as f64 + 0.5 - centre) / widening)).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().zip(line).map(|(weight, pixel)| weight * pixel).sum::<f64>() / sum
    };
    (0..length).map(output).collect()
}

/// One component's samples `[own height, own width]`, in lines of `stride`, on the pixels of a picture of `(width, height)`:
/// libjpeg's triangle filter where it uses it (`jdsample.c`), copies elsewhere.
#[must_use]
pub fn upsample_plane(
    (samples, stride): (&[f64], usize),
    (width, height): (usize, usize),
    (horizontal, vertical): (usize, usize),
) -> Vec<f64> {
    let (own_width, own_height) = (width.div_ceil(horizontal), height.div_ceil(vertical));
    let triangle = match (horizontal, vertical) {
        (2, 1 | 2) => own_width > 2,
        (1, 2) => true,
        _ => false,
    };
    let row = |y: usize| upsample_line(&samples[y * stride..][..own_width], horizontal, triangle);
    let rows: Vec<Vec<f64>> = (0..own_height).map(row).collect();
    let column = |x: usize| upsample_line(&rows.iter().map(|row| row[x]).collect::<Vec<_>>(), vertical, triangle);
    let columns: Vec<Vec<f64>> = (0..width).map(column).collect();
    (0..height * width).map(|at| columns[at % width][at / width]).collect()
}

fn upsample_line(samples: &[f64], ratio: usize, triangle: bool) -> Vec<f64> {
    let last = samples.len() - 1;
    let pixel = |at: usize| match (triangle && ratio == 2, at % ratio) {
        (true, 0) => 0.75 * samples[at / 2] + 0.25 * samples[(at / 2).saturating_sub(1)],
        (true, _) => 0.75 * samples[at / 2] + 0.25 * samples[(at / 2 + 1).min(last)],
        _ => samples[at / ratio],
    };
    (0..samples.len() * ratio).map(pixel).collect()
}

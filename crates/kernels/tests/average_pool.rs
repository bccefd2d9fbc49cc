//! Average pooling against its formula, pixel by pixel, on every instruction set; its gradient against the adjoint.

mod support;

use jpegnet_kernels::Isa;
use jpegnet_kernels::pixels::{AveragePool, PoolShape};
use support::{Random, TOLERANCE, assert_close, doubles, singles};

/// The weight of every input pixel in every output pixel of one channel, `[outputs, inputs]`.
fn weights(AveragePool { shape, counts_padding }: AveragePool) -> Vec<Vec<f64>> {
    let PoolShape { height, width, size, stride, padding, .. } = shape;
    let mut weights = Vec::new();
    for row in 0..shape.output_height() {
        for column in 0..shape.output_width() {
            let window: Vec<(usize, usize)> = (0..size)
                .flat_map(|y| (0..size).map(move |x| (row * stride + y, column * stride + x)))
                // Beyond the padding nothing counts.
                .filter(|(y, x)| *y < height + 2 * padding && *x < width + 2 * padding)
                .collect();
            let inside = |&(y, x): &(usize, usize)| {
                let (y, x) = (y.checked_sub(padding)?, x.checked_sub(padding)?);
                (y < height && x < width).then_some(y * width + x)
            };
            let pixels: Vec<usize> = window.iter().filter_map(inside).collect();
            let count = if counts_padding { window.len() } else { pixels.len() };
            let mut of_output = vec![0.0; height * width];
            for pixel in pixels {
                of_output[pixel] += 1.0 / f64::from(u32::try_from(count).unwrap());
            }
            weights.push(of_output);
        }
    }
    weights
}

#[test]
fn every_mean_and_every_gradient_is_that_of_the_window() {
    let mut random = Random(7);
    for (height, width) in [(9, 7), (8, 8), (1, 5)] {
        for (size, stride, padding) in [(2, 2, 0), (3, 2, 1), (3, 1, 1), (1, 3, 0), (5, 4, 2)] {
            for (counts_padding, ceil, channels) in
                [(true, false, 3), (false, false, 16), (true, true, 17), (false, true, 40)]
            {
                if height.min(width) + 2 * padding < size {
                    continue;
                }
                let shape = PoolShape { channels, height, width, size, stride, padding, ceil };
                let pool = AveragePool { shape, counts_padding };
                let weights = weights(pool);
                let input = random.normals(height * width * channels);
                let gradient = random.normals(weights.len() * channels);
                let before = random.normals(input.len());
                let mut expected = vec![0.0; gradient.len()];
                let mut expected_sum = before.clone();
                for (output, of_output) in weights.iter().enumerate() {
                    for (pixel, weight) in of_output.iter().enumerate() {
                        for channel in 0..channels {
                            expected[output * channels + channel] += weight * input[pixel * channels + channel];
                            expected_sum[pixel * channels + channel] += weight * gradient[output * channels + channel];
                        }
                    }
                }
                for isa in Isa::available() {
                    let what = format!("{} {pool:?}", isa.name());
                    let mut output = vec![f32::NAN; gradient.len()];
                    pool.forward_into(isa, &singles(&input), &mut output);
                    assert_close(&what, &doubles(&output), &expected, TOLERANCE);
                    let mut sum = singles(&before);
                    pool.add_gradient(isa, &singles(&gradient), &mut sum);
                    assert_close(&what, &doubles(&sum), &expected_sum, TOLERANCE);
                }
            }
        }
    }
}

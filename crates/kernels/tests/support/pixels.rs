//! A convolution of maps in pixels as it is defined.

use jpegnet_kernels::pixels::ConvShape;

/// Numbers from −1 to 1, the same for the same seed.
pub fn values(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from(u16::try_from(state >> 16).unwrap_or(0)) / 32768.0 - 1.0
        })
        .collect()
}

/// `[images, rows, columns, out]` in float64, straight from the definition.
pub fn definition(shape: &ConvShape, images: usize, input: &[f32], filter: &[f32]) -> Vec<f64> {
    let ConvShape { input_channels: inputs, output_channels: outputs, size, stride, padding, height, width } = *shape;
    let mut result = Vec::with_capacity(images * shape.output_len());
    for image in input.chunks_exact(shape.input_len()).take(images) {
        for row in 0..shape.output_height() {
            for column in 0..shape.output_width() {
                for out in 0..outputs {
                    let mut sum = 0.0;
                    for u in 0..size {
                        for v in 0..size {
                            let Some(y) = (row * stride + u).checked_sub(padding).filter(|&y| y < height) else {
                                continue;
                            };
                            let Some(x) = (column * stride + v).checked_sub(padding).filter(|&x| x < width) else {
                                continue;
                            };
                            for channel in 0..inputs {
                                let weight = filter[((out * inputs + channel) * size + u) * size + v];
                                sum += f64::from(weight) * f64::from(image[(y * width + x) * inputs + channel]);
                            }
                        }
                    }
                    result.push(sum);
                }
            }
        }
    }
    result
}

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

/// The gradients of input and filter in float64, straight from the definition.
pub fn definition_gradients(
    shape: &ConvShape,
    input: &[f32],
    filter: &[f32],
    output_gradient: &[f32],
) -> (Vec<f64>, Vec<f64>) {
    let ConvShape { input_channels: inputs, output_channels: outputs, size, stride, padding, height, width } = *shape;
    let (high, wide) = (shape.output_height(), shape.output_width());
    let (mut of_input, mut of_filter) = (vec![0.0; input.len()], vec![0.0; filter.len()]);
    for (place, gradient) in output_gradient.chunks_exact(outputs).enumerate() {
        let (image, row, column) = (place / (high * wide), place / wide % high, place % wide);
        for tap in 0..size * size {
            let y = (row * stride + tap / size).checked_sub(padding).filter(|&y| y < height);
            let x = (column * stride + tap % size).checked_sub(padding).filter(|&x| x < width);
            let (Some(y), Some(x)) = (y, x) else {
                continue;
            };
            let pixel = ((image * height + y) * width + x) * inputs;
            for (out, &gradient) in gradient.iter().enumerate() {
                for channel in 0..inputs {
                    let weight = (out * inputs + channel) * size * size + tap;
                    of_input[pixel + channel] += f64::from(filter[weight]) * f64::from(gradient);
                    of_filter[weight] += f64::from(input[pixel + channel]) * f64::from(gradient);
                }
            }
        }
    }
    (of_input, of_filter)
}

/// Shapes of convolutions with odd channels and sizes, of one block and of several.
pub fn shapes() -> Vec<ConvShape> {
    let mut shapes = Vec::new();
    for (height, width) in [(8, 8), (16, 24), (13, 21), (7, 9), (28, 28), (3, 1), (32, 5)] {
        for (input_channels, output_channels) in [(3, 16), (16, 16), (5, 7), (17, 33), (1, 1), (64, 20)] {
            for (size, stride, padding) in [
                (3, 1, 1),
                (3, 2, 1),
                (1, 1, 0),
                (1, 2, 0),
                (5, 1, 2),
                (5, 1, 0),
                (5, 2, 2),
                (6, 2, 1),
                (7, 2, 3),
                (7, 2, 0),
                (8, 2, 4),
                (3, 1, 0),
                (3, 2, 0),
                (2, 2, 1),
                (3, 1, 2),
            ] {
                if size <= height.min(width) + 2 * padding {
                    shapes.push(ConvShape { input_channels, output_channels, size, stride, padding, height, width });
                }
            }
        }
    }
    shapes
}

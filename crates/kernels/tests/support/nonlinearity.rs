//! Piecewise-linear functions to test with, and the reference vectors of ReLU.

use super::Vectors;
use jpegnet_kernels::{Breakpoint, PiecewiseLinear};

/// The frequencies there are reference vectors for.
pub const FREQUENCIES: [usize; 7] = [1, 2, 4, 6, 8, 12, 15];

pub fn vectors_of(frequencies: usize) -> Vectors {
    let vectors = Vectors::read(&format!("relu_{frequencies:02}"));
    assert_eq!(vectors.metadata("frequencies"), frequencies);
    vectors
}

/// ReLU, leaky ReLU, `ReLU6`, hard tanh, |x| and a function with four jumps.
pub fn functions() -> Vec<PiecewiseLinear> {
    let jump = |at, slope_change, intercept_change| Breakpoint { at, slope_change, intercept_change };
    vec![
        PiecewiseLinear::relu(),
        PiecewiseLinear::leaky_relu(0.1),
        PiecewiseLinear::clip(0.0, 6.0),
        PiecewiseLinear::clip(-1.0, 1.0),
        PiecewiseLinear { slope: -1.0, intercept: 0.0, breakpoints: vec![jump(0.0, 2.0, 0.0)] },
        PiecewiseLinear {
            slope: 0.5,
            intercept: -0.25,
            breakpoints: vec![
                jump(0.75, -1.5, 0.5),
                jump(-1.0, 1.0, 0.125),
                jump(0.25, 0.5, -1.0),
                jump(1.5, 1.0, 2.0),
            ],
        },
    ]
}

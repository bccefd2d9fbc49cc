//! What a convolution does to its result before it leaves the cache.

use crate::isa::{Full, Isa, Lanes, Partial};
use crate::piecewise_linear::PiecewiseLinear;
use pulp::{Simd, WithSimd};

/// A nonlinearity applied to pixels as they are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation<'a> {
    /// None.
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// Any other piecewise-linear function.
    Function(&'a PiecewiseLinear),
}

impl<'a> Activation<'a> {
    /// The cheapest form of a function.
    #[must_use]
    pub fn of(function: &'a PiecewiseLinear) -> Self {
        if *function == PiecewiseLinear::relu() { Activation::Relu } else { Activation::Function(function) }
    }

    #[inline(always)]
    pub(crate) fn apply<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        match self {
            Activation::Identity => x,
            // Not a number stays so: the comparison is false for it.
            Activation::Relu => simd.select_f32s(simd.less_than_f32s(x, simd.splat_f32s(0.0)), simd.splat_f32s(0.0), x),
            Activation::Function(function) => function.evaluate(simd, x, x),
        }
    }
}

/// `activation(result + bias + residual)`, in the pass that stores the result.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<'a> {
    /// One a channel.
    pub bias: Option<&'a [f32]>,
    /// A map of the output's shape: the same rows as the output.
    pub residual: Option<&'a [f32]>,
    /// Applied last.
    pub activation: Activation<'a>,
}

impl Epilogue<'_> {
    /// Nothing to do.
    pub const NONE: Epilogue<'static> = Epilogue { bias: None, residual: None, activation: Activation::Identity };

    /// Finishes rows of pixels that were stored without it.
    pub fn apply_in_place(&self, isa: Isa, channels: usize, rows: &mut [f32]) {
        if matches!(self, Epilogue { bias: None, residual: None, activation: Activation::Identity }) {
            return;
        }
        isa.run(Apply { epilogue: *self, channels, rows });
    }
}

struct Apply<'a> {
    epilogue: Epilogue<'a>,
    channels: usize,
    rows: &'a mut [f32],
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Apply { epilogue, channels, rows } = self;
        finish(simd, epilogue, channels, rows);
    }
}

/// [`Epilogue::apply_in_place`] inside a kernel.
#[inline(always)]
pub(super) fn finish<S: Simd>(simd: S, epilogue: Epilogue, channels: usize, rows: &mut [f32]) {
    let full = channels / S::F32_LANES * S::F32_LANES;
    for (number, pixel) in rows.chunks_exact_mut(channels).enumerate() {
        let residual = epilogue.residual.map(|residual| &residual[number * channels..(number + 1) * channels]);
        let mut channel = 0;
        while channel < full {
            finish_vector(simd, Full, &epilogue, residual, pixel, channel);
            channel += S::F32_LANES;
        }
        if full < channels {
            finish_vector(simd, Partial::new(channels - full), &epilogue, residual, pixel, full);
        }
    }
}

#[inline(always)]
fn finish_vector<S: Simd, L: Lanes>(
    simd: S,
    lanes: L,
    epilogue: &Epilogue,
    residual: Option<&[f32]>,
    pixel: &mut [f32],
    channel: usize,
) {
    let mut value = lanes.load(simd, &pixel[channel..]);
    if let Some(bias) = epilogue.bias {
        value = simd.add_f32s(value, lanes.load(simd, &bias[channel..]));
    }
    if let Some(residual) = residual {
        value = simd.add_f32s(value, lanes.load(simd, &residual[channel..]));
    }
    lanes.store(simd, &mut pixel[channel..], epilogue.activation.apply(simd, value));
}

/// `x ← scale·x + shift` of every pixel, one of each a channel.
///
/// # Panics
/// If there are not as many shifts as scales.
pub fn scale_shift_in_place(isa: Isa, scale: &[f32], shift: &[f32], pixels: &mut [f32]) {
    assert_eq!(scale.len(), shift.len(), "one scale and one shift a channel");
    isa.vectorise(
        #[inline(always)]
        || {
            for pixel in pixels.chunks_exact_mut(scale.len()) {
                for ((value, scale), shift) in pixel.iter_mut().zip(scale).zip(shift) {
                    *value = scale * *value + shift;
                }
            }
        },
    );
}

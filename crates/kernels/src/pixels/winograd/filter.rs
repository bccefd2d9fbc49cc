//! A filter to its frequencies and the gradient of the frequencies back to the filter's, for training: in float32 and by
//! vectors, since both happen at every step. (What inference packs once is rounded once, from float64.)

use super::super::conv2d::ConvShape;
use super::{TileTransform, Winograd};
use crate::isa::{Full, Isa, Lanes, Panels, padded};
use pulp::{Simd, WithSimd};

/// Taps of the longest filter along an axis.
const MOST_TAPS: usize = 5;

/// Values of the widest vector.
const WIDEST: usize = 16;

/// Which product a packed filter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// From channels in to channels out.
    Forward,
    /// From channels out to channels in.
    Adjoint,
}

impl<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize> Winograd<T, IN, FREQ, OUT> {
    /// The panels of the adjoint product.
    pub(super) fn adjoint_panels(&self) -> Panels {
        Panels::new(self.shape.output_channels, self.channels())
    }

    pub(in super::super) fn adjoint_packed_len(&self) -> usize {
        FREQ * FREQ * self.adjoint_panels().packed_len()
    }

    /// Packs a filter for [`forward_units`](Self::forward_units).
    pub(in super::super) fn pack_for_step_into(&self, isa: Isa, filter: &[f32], packed: &mut [f32]) {
        isa.run(Pack { method: self, order: Order::Forward, filter, packed });
    }

    /// Packs a filter for the gradient of the input.
    pub(in super::super) fn pack_adjoint_into(&self, isa: Isa, filter: &[f32], packed: &mut [f32]) {
        isa.run(Pack { method: self, order: Order::Adjoint, filter, packed });
    }

    /// Floats of the sums that the gradient of a filter is made from: `[frequency, channel, padded out]`.
    pub(in super::super) fn sums_len(&self) -> usize {
        FREQ * FREQ * self.channels() * padded(self.shape.output_channels)
    }

    /// The gradient of the filter `[out, in, size, size]`, added to.
    pub(in super::super) fn add_filter_gradient(&self, isa: Isa, sums: &[f32], gradient: &mut [f32]) {
        isa.run(Unpack { method: self, sums, gradient });
    }

    /// G, row by row.
    fn filter_matrix() -> [[f32; MOST_TAPS]; FREQ] {
        std::array::from_fn(|frequency| {
            std::array::from_fn(|tap| {
                #[expect(clippy::cast_possible_truncation, reason = "filters are float32")]
                let weight = if tap < T::TAPS { T::filter(frequency, tap) as f32 } else { 0.0 };
                weight
            })
        })
    }

    /// Where a filter's weight for a tap of a channel lies behind the channel's own first weight; none if the tap lies
    /// beyond the filter.
    fn tap(&self, phase: usize, row: usize, column: usize) -> Option<usize> {
        let inside = |tap: usize, phase: usize| Some(tap * T::FOLD + phase).filter(|&tap| tap < self.shape.size);
        let (row, column) = (inside(row, phase / T::FOLD)?, inside(column, phase % T::FOLD)?);
        Some(row * self.shape.size + column)
    }
}

struct Pack<'a, T, const IN: usize, const FREQ: usize, const OUT: usize> {
    method: &'a Winograd<T, IN, FREQ, OUT>,
    order: Order,
    filter: &'a [f32],
    packed: &'a mut [f32],
}

impl<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize> WithSimd
    for Pack<'_, T, IN, FREQ, OUT>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Pack { method, order, filter, packed } = self;
        let ConvShape { input_channels: inputs, output_channels: outputs, size, .. } = method.shape;
        let matrix = Winograd::<T, IN, FREQ, OUT>::filter_matrix();
        let (panels, terms, columns) = match order {
            Order::Forward => (method.panels, method.channels(), outputs),
            Order::Adjoint => (method.adjoint_panels(), outputs, method.channels()),
        };
        let panel = panels.packed_len();
        for column in (0..padded(columns)).step_by(S::F32_LANES) {
            let lanes = columns.saturating_sub(column).min(S::F32_LANES);
            for term in 0..terms {
                let mut taps = [[[0.0; WIDEST]; MOST_TAPS]; MOST_TAPS];
                for lane in 0..lanes {
                    let (channel, out) = match order {
                        Order::Forward => (term, column + lane),
                        Order::Adjoint => (column + lane, term),
                    };
                    let (phase, input) = (channel / inputs, channel % inputs);
                    let weights = &filter[(out * inputs + input) * size * size..][..size * size];
                    for (row, taps) in taps[..T::TAPS].iter_mut().enumerate() {
                        for (column, tap) in taps[..T::TAPS].iter_mut().enumerate() {
                            if T::FOLD == 1 {
                                tap[lane] = weights[row * T::TAPS + column];
                            } else if let Some(place) = method.tap(phase, row, column) {
                                tap[lane] = weights[place];
                            }
                        }
                    }
                }
                let at = panels.index(term, column);
                let zero = simd.splat_f32s(0.0);
                let mut half = [[zero; FREQ]; MOST_TAPS];
                for (half, taps) in half[..T::TAPS].iter_mut().zip(&taps) {
                    for (sum, weights) in half.iter_mut().zip(&matrix) {
                        for (tap, &weight) in taps[..T::TAPS].iter().zip(weights) {
                            *sum = simd.mul_add_e_f32s(simd.splat_f32s(weight), Full.load(simd, tap), *sum);
                        }
                    }
                }
                for (vertical, weights) in matrix.iter().enumerate() {
                    for horizontal in 0..FREQ {
                        let mut sum = zero;
                        for (half, &weight) in half[..T::TAPS].iter().zip(weights) {
                            sum = simd.mul_add_e_f32s(simd.splat_f32s(weight), half[horizontal], sum);
                        }
                        Full.store(simd, &mut packed[(vertical * FREQ + horizontal) * panel + at..], sum);
                    }
                }
            }
        }
    }
}

struct Unpack<'a, T, const IN: usize, const FREQ: usize, const OUT: usize> {
    method: &'a Winograd<T, IN, FREQ, OUT>,
    sums: &'a [f32],
    gradient: &'a mut [f32],
}

impl<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize> WithSimd
    for Unpack<'_, T, IN, FREQ, OUT>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Unpack { method, sums, gradient } = self;
        let ConvShape { input_channels: inputs, output_channels: outputs, size, .. } = method.shape;
        let matrix = Winograd::<T, IN, FREQ, OUT>::filter_matrix();
        let (stride, channels) = (padded(outputs), method.channels());
        let zero = simd.splat_f32s(0.0);
        for out in (0..outputs).step_by(S::F32_LANES) {
            let lanes = (outputs - out).min(S::F32_LANES);
            for channel in 0..channels {
                // dU G along the rows, then Gᵀ of that.
                let mut half = [[zero; MOST_TAPS]; FREQ];
                for (vertical, half) in half.iter_mut().enumerate() {
                    for (horizontal, weights) in matrix.iter().enumerate() {
                        let at = ((vertical * FREQ + horizontal) * channels + channel) * stride + out;
                        let sum = Full.load(simd, &sums[at..]);
                        for (half, &weight) in half[..T::TAPS].iter_mut().zip(weights) {
                            *half = simd.mul_add_e_f32s(simd.splat_f32s(weight), sum, *half);
                        }
                    }
                }
                let (phase, input) = (channel / inputs, channel % inputs);
                for row in 0..T::TAPS {
                    for column in 0..T::TAPS {
                        let Some(place) = method.tap(phase, row, column) else {
                            continue;
                        };
                        let mut sum = zero;
                        for (half, weights) in half.iter().zip(&matrix) {
                            sum = simd.mul_add_e_f32s(simd.splat_f32s(weights[row]), half[column], sum);
                        }
                        let mut values = [0.0; WIDEST];
                        Full.store(simd, &mut values, sum);
                        for (lane, value) in values[..lanes].iter().enumerate() {
                            gradient[((out + lane) * inputs + input) * size * size + place] += value;
                        }
                    }
                }
            }
        }
    }
}

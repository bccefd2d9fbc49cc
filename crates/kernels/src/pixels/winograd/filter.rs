//! A filter to its frequencies and the gradient of the frequencies back to the filter's, for training: in float32 and by
//! vectors, since both happen at every step. (What inference packs once is rounded once, from float64.)

use super::super::shape::ConvShape;
use super::{SKEW, TileTransform, Winograd, filter_step};
use crate::isa::{Full, Isa, Lanes, OnLines, Panels, padded};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Taps of the longest filter along an axis.
const MOST_TAPS: usize = 5;

/// Values of the widest vector.
const WIDEST: usize = 16;

/// Which product a packed filter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
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
        FREQ * FREQ * filter_step(self.adjoint_panels())
    }

    /// Packs a filter for [`forward_units`](Self::forward_units).
    pub(in super::super) fn pack_for_step_into(&self, isa: Isa, filter: &[f32], packed: &mut [f32]) {
        isa.run(Pack { method: self, order: Order::Forward, filter, panel: None, packed });
    }

    /// Packs a filter for the gradient of the input.
    pub(in super::super) fn pack_adjoint_into(&self, isa: Isa, filter: &[f32], packed: &mut [f32]) {
        isa.run(Pack { method: self, order: Order::Adjoint, filter, panel: None, packed });
    }

    /// Floats of the sums that the gradient of a filter is made from: `[frequency, channel, padded out]`, frequencies a little apart.
    pub(in super::super) fn sums_len(&self) -> usize {
        FREQ * FREQ * (self.channels() * padded(self.shape.output_channels) + SKEW)
    }

    /// The gradient of the filter `[out, in, size, size]`, added to.
    pub(in super::super) fn add_filter_gradient(&self, isa: Isa, sums: &[f32], gradient: &mut [f32]) {
        let (outputs, channels) = (self.shape.output_channels, self.channels());
        isa.run(Unpack {
            method: self,
            stride: padded(outputs),
            outputs: 0..outputs,
            channels: 0..channels,
            sums,
            gradient,
        });
    }

    /// The panels of one of the two products.
    pub(super) fn panels_of(&self, order: Order) -> Panels {
        match order {
            Order::Forward => self.panels,
            Order::Adjoint => self.adjoint_panels(),
        }
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

/// Packs a filter, or one panel of it: first column and width.
pub(super) struct Pack<'a, T, const IN: usize, const FREQ: usize, const OUT: usize> {
    pub(super) method: &'a Winograd<T, IN, FREQ, OUT>,
    pub(super) order: Order,
    pub(super) filter: &'a [f32],
    pub(super) panel: Option<(usize, usize)>,
    pub(super) packed: &'a mut [f32],
}

impl<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize> WithSimd
    for Pack<'_, T, IN, FREQ, OUT>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Pack { method, order, filter, panel, packed } = self;
        let ConvShape { input_channels: inputs, output_channels: outputs, size, .. } = method.shape;
        let matrix = Winograd::<T, IN, FREQ, OUT>::filter_matrix();
        let panels = method.panels_of(order);
        let terms = panels.terms();
        let columns = match order {
            Order::Forward => outputs,
            Order::Adjoint => method.channels(),
        };
        let (first, width) = panel.unwrap_or((0, padded(columns)));
        let step = terms * width + SKEW;
        for column in (first..first + width).step_by(S::F32_LANES) {
            let lanes = columns.saturating_sub(column).min(S::F32_LANES).min(WIDEST);
            // Lanes beyond the last column stay zero.
            let mut taps = OnLines([[0.0; WIDEST]; MOST_TAPS * MOST_TAPS]);
            for term in 0..terms {
                for lane in 0..lanes {
                    let (channel, out) = match order {
                        Order::Forward => (term, column + lane),
                        Order::Adjoint => (column + lane, term),
                    };
                    if T::FOLD == 1 {
                        let weights = &filter[(out * inputs + channel) * size * size..][..T::TAPS * T::TAPS];
                        for (tap, &weight) in taps.0.iter_mut().zip(weights) {
                            tap[lane] = weight;
                        }
                        continue;
                    }
                    let (phase, input) = (channel / inputs, channel % inputs);
                    let weights = &filter[(out * inputs + input) * size * size..][..size * size];
                    for (number, tap) in taps.0[..T::TAPS * T::TAPS].iter_mut().enumerate() {
                        let place = method.tap(phase, number / T::TAPS, number % T::TAPS);
                        tap[lane] = place.map_or(0.0, |place| weights[place]);
                    }
                }
                let at = match panel {
                    Some(_) => term * width + (column - first),
                    None => panels.index(term, column),
                };
                let zero = simd.splat_f32s(0.0);
                let mut half = [[zero; FREQ]; MOST_TAPS];
                for (half, taps) in half.iter_mut().zip(taps.0[..T::TAPS * T::TAPS].chunks_exact(T::TAPS)) {
                    for (sum, weights) in half.iter_mut().zip(&matrix) {
                        for (tap, &weight) in taps.iter().zip(weights) {
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
                        Full.store(simd, &mut packed[(vertical * FREQ + horizontal) * step + at..], sum);
                    }
                }
            }
        }
    }
}

/// Takes sums `[frequency, channel, out]`, frequencies a little apart, of some channels to the gradients of some output channels' filters, added to.
pub(super) struct Unpack<'a, T, const IN: usize, const FREQ: usize, const OUT: usize> {
    pub(super) method: &'a Winograd<T, IN, FREQ, OUT>,
    /// Floats from one channel's sums to the next.
    pub(super) stride: usize,
    pub(super) outputs: Range<usize>,
    pub(super) channels: Range<usize>,
    pub(super) sums: &'a [f32],
    /// Of the output channels alone.
    pub(super) gradient: &'a mut [f32],
}

impl<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize> WithSimd
    for Unpack<'_, T, IN, FREQ, OUT>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Unpack { method, stride, outputs, channels, sums, gradient } = self;
        let ConvShape { input_channels: inputs, size, .. } = method.shape;
        let matrix = Winograd::<T, IN, FREQ, OUT>::filter_matrix();
        let zero = simd.splat_f32s(0.0);
        for out in (0..outputs.len()).step_by(S::F32_LANES) {
            let lanes = (outputs.len() - out).min(S::F32_LANES);
            for (number, channel) in channels.clone().enumerate() {
                // dU G along the rows, then Gᵀ of that.
                let mut half = [[zero; MOST_TAPS]; FREQ];
                for (vertical, half) in half.iter_mut().enumerate() {
                    for (horizontal, weights) in matrix.iter().enumerate() {
                        let step = channels.len() * stride + SKEW;
                        let at = (vertical * FREQ + horizontal) * step + number * stride + out;
                        let sum = Full.load(simd, &sums[at..]);
                        for (half, &weight) in half[..T::TAPS].iter_mut().zip(weights) {
                            *half = simd.mul_add_e_f32s(simd.splat_f32s(weight), sum, *half);
                        }
                    }
                }
                let (phase, input) = (channel / inputs, channel % inputs);
                let mut taps = OnLines([[0.0; WIDEST]; MOST_TAPS * MOST_TAPS]);
                for (number, tap) in taps.0[..T::TAPS * T::TAPS].iter_mut().enumerate() {
                    let (row, column) = (number / T::TAPS, number % T::TAPS);
                    let mut sum = zero;
                    for (half, weights) in half.iter().zip(&matrix) {
                        sum = simd.mul_add_e_f32s(simd.splat_f32s(weights[row]), half[column], sum);
                    }
                    Full.store(simd, tap, sum);
                }
                for lane in 0..lanes.min(WIDEST) {
                    let gradient = &mut gradient[((out + lane) * inputs + input) * size * size..][..size * size];
                    if T::FOLD == 1 {
                        for (gradient, tap) in gradient.iter_mut().zip(&taps.0) {
                            *gradient += tap[lane];
                        }
                        continue;
                    }
                    for (number, tap) in taps.0[..T::TAPS * T::TAPS].iter().enumerate() {
                        if let Some(place) = method.tap(phase, number / T::TAPS, number % T::TAPS) {
                            gradient[place] += tap[lane];
                        }
                    }
                }
            }
        }
    }
}

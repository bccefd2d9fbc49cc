//! The small transforms of Winograd convolutions along one axis.

use pulp::Simd;

/// A transform along one axis: `y = Aᵀ[(G k) ∘ (Bᵀ x)]` for tiles of `OUT` outputs.
pub(crate) trait TileTransform<const IN: usize, const FREQ: usize, const OUT: usize> {
    /// Taps of the filter.
    const TAPS: usize;

    /// Input pixels from one output pixel to the next.
    const STRIDE: usize = 1;

    /// Neighbours along an axis that count as channels of one pixel: a filter at this stride becomes a shorter one at
    /// stride 1.
    const FOLD: usize = 1;

    /// G, the weight of a tap in a frequency.
    fn filter(frequency: usize, tap: usize) -> f64;

    /// `Bᵀ x`.
    fn input<S: Simd>(simd: S, x: [S::f32s; IN]) -> [S::f32s; FREQ];

    /// `Aᵀ m`.
    fn output<S: Simd>(simd: S, m: [S::f32s; FREQ]) -> [S::f32s; OUT];

    /// `B m`, the adjoint of [`input`](Self::input).
    fn input_adjoint<S: Simd>(simd: S, m: [S::f32s; FREQ]) -> [S::f32s; IN];

    /// `A y`, the adjoint of [`output`](Self::output).
    fn output_adjoint<S: Simd>(simd: S, y: [S::f32s; OUT]) -> [S::f32s; FREQ];
}

/// F(4, 3), interpolated at 0, ±1/√2, ±√2 and ∞: points whose powers stay near 1 lose the fewest digits. The
/// frequencies of ±1/√2 are scaled by 1/√2 and those of ±√2 by √2, which saves multiplies on the way back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct F43;

/// F(3, 4) at the points of [`F43`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct F34;

/// F(2, 5) at the points of [`F43`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct F25;

/// The weight of a tap at the points of [`F43`], of which any number of taps and outputs that are 7 together have six.
fn at_six_points(frequency: usize, tap: usize, taps: usize) -> f64 {
    const NEAR: f64 = std::f64::consts::FRAC_1_SQRT_2;
    const FAR: f64 = std::f64::consts::SQRT_2;
    let power = |base: f64| (0..tap).fold(1.0, |power, _| power * base);
    match frequency {
        0 => f64::from(u8::from(tap == 0)),
        1 => -NEAR / 1.5 * power(NEAR),
        2 => -NEAR / 1.5 * power(-NEAR),
        3 => FAR / 6.0 * power(FAR),
        4 => FAR / 6.0 * power(-FAR),
        _ => f64::from(u8::from(tap + 1 == taps)),
    }
}

/// `Bᵀ x` at the points of [`F43`].
#[inline(always)]
fn to_six_points<S: Simd>(simd: S, x: [S::f32s; 6]) -> [S::f32s; 6] {
    let (two, half, five_halves) = (simd.splat_f32s(2.0), simd.splat_f32s(0.5), simd.splat_f32s(2.5));
    let (near, far) = (simd.splat_f32s(std::f32::consts::FRAC_1_SQRT_2), simd.splat_f32s(std::f32::consts::SQRT_2));
    let near_even = simd.negate_mul_add_e_f32s(two, x[2], x[4]);
    let near_odd = simd.negate_mul_add_e_f32s(two, x[1], x[3]);
    let far_even = simd.negate_mul_add_e_f32s(half, x[2], x[4]);
    let far_odd = simd.negate_mul_add_e_f32s(half, x[1], x[3]);
    [
        simd.negate_mul_add_e_f32s(five_halves, x[2], simd.add_f32s(x[0], x[4])),
        simd.mul_add_e_f32s(near, near_odd, near_even),
        simd.negate_mul_add_e_f32s(near, near_odd, near_even),
        simd.mul_add_e_f32s(far, far_odd, far_even),
        simd.negate_mul_add_e_f32s(far, far_odd, far_even),
        simd.negate_mul_add_e_f32s(five_halves, x[3], simd.add_f32s(x[1], x[5])),
    ]
}

/// The adjoint of [`to_six_points`].
#[inline(always)]
fn to_six_points_adjoint<S: Simd>(simd: S, m: [S::f32s; 6]) -> [S::f32s; 6] {
    let (two, half, five_halves) = (simd.splat_f32s(2.0), simd.splat_f32s(0.5), simd.splat_f32s(2.5));
    let (near, far) = (simd.splat_f32s(std::f32::consts::FRAC_1_SQRT_2), simd.splat_f32s(std::f32::consts::SQRT_2));
    let AtSixPoints { near_sum, near_difference, far_sum, far_difference } = from_six_points(simd, m);
    let (near_odd, far_odd) = (simd.mul_f32s(near, near_difference), simd.mul_f32s(far, far_difference));
    let even = simd.negate_mul_add_e_f32s(half, far_sum, simd.mul_f32s(simd.splat_f32s(-2.5), m[0]));
    [
        m[0],
        simd.negate_mul_add_e_f32s(two, near_odd, simd.negate_mul_add_e_f32s(half, far_odd, m[5])),
        simd.negate_mul_add_e_f32s(two, near_sum, even),
        simd.negate_mul_add_e_f32s(five_halves, m[5], simd.add_f32s(near_odd, far_odd)),
        simd.add_f32s(m[0], simd.add_f32s(near_sum, far_sum)),
        m[5],
    ]
}

/// The sums and differences of the frequencies of ±1/√2 and of ±√2.
struct AtSixPoints<V> {
    near_sum: V,
    near_difference: V,
    far_sum: V,
    far_difference: V,
}

#[inline(always)]
fn from_six_points<S: Simd>(simd: S, m: [S::f32s; 6]) -> AtSixPoints<S::f32s> {
    AtSixPoints {
        near_sum: simd.add_f32s(m[1], m[2]),
        near_difference: simd.sub_f32s(m[1], m[2]),
        far_sum: simd.add_f32s(m[3], m[4]),
        far_difference: simd.sub_f32s(m[3], m[4]),
    }
}

/// The adjoint of [`from_six_points`], with the frequencies of 0 and ∞.
#[inline(always)]
fn from_six_points_adjoint<S: Simd>(simd: S, first: S::f32s, at: &AtSixPoints<S::f32s>, last: S::f32s) -> [S::f32s; 6] {
    let AtSixPoints { near_sum, near_difference, far_sum, far_difference } = *at;
    [
        first,
        simd.add_f32s(near_sum, near_difference),
        simd.sub_f32s(near_sum, near_difference),
        simd.add_f32s(far_sum, far_difference),
        simd.sub_f32s(far_sum, far_difference),
        last,
    ]
}

impl TileTransform<6, 6, 4> for F43 {
    const TAPS: usize = 3;

    fn filter(frequency: usize, tap: usize) -> f64 {
        at_six_points(frequency, tap, Self::TAPS)
    }

    #[inline(always)]
    fn input<S: Simd>(simd: S, x: [S::f32s; 6]) -> [S::f32s; 6] {
        to_six_points(simd, x)
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, m: [S::f32s; 6]) -> [S::f32s; 4] {
        let (two, half) = (simd.splat_f32s(2.0), simd.splat_f32s(0.5));
        let (near, far) = (simd.splat_f32s(std::f32::consts::FRAC_1_SQRT_2), simd.splat_f32s(std::f32::consts::SQRT_2));
        let AtSixPoints { near_sum, near_difference, far_sum, far_difference } = from_six_points(simd, m);
        [
            simd.mul_add_e_f32s(far, near_sum, simd.mul_add_e_f32s(near, far_sum, m[0])),
            simd.add_f32s(near_difference, far_difference),
            simd.mul_add_e_f32s(far, far_sum, simd.mul_f32s(near, near_sum)),
            simd.mul_add_e_f32s(half, near_difference, simd.mul_add_e_f32s(two, far_difference, m[5])),
        ]
    }

    #[inline(always)]
    fn input_adjoint<S: Simd>(simd: S, m: [S::f32s; 6]) -> [S::f32s; 6] {
        to_six_points_adjoint(simd, m)
    }

    #[inline(always)]
    fn output_adjoint<S: Simd>(simd: S, y: [S::f32s; 4]) -> [S::f32s; 6] {
        let (two, half) = (simd.splat_f32s(2.0), simd.splat_f32s(0.5));
        let (near, far) = (simd.splat_f32s(std::f32::consts::FRAC_1_SQRT_2), simd.splat_f32s(std::f32::consts::SQRT_2));
        let at = AtSixPoints {
            near_sum: simd.mul_add_e_f32s(far, y[0], simd.mul_f32s(near, y[2])),
            near_difference: simd.mul_add_e_f32s(half, y[3], y[1]),
            far_sum: simd.mul_add_e_f32s(near, y[0], simd.mul_f32s(far, y[2])),
            far_difference: simd.mul_add_e_f32s(two, y[3], y[1]),
        };
        from_six_points_adjoint(simd, y[0], &at, y[3])
    }
}

impl TileTransform<6, 6, 3> for F34 {
    const TAPS: usize = 4;

    fn filter(frequency: usize, tap: usize) -> f64 {
        at_six_points(frequency, tap, Self::TAPS)
    }

    #[inline(always)]
    fn input<S: Simd>(simd: S, x: [S::f32s; 6]) -> [S::f32s; 6] {
        to_six_points(simd, x)
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, m: [S::f32s; 6]) -> [S::f32s; 3] {
        let (near, far) = (simd.splat_f32s(std::f32::consts::FRAC_1_SQRT_2), simd.splat_f32s(std::f32::consts::SQRT_2));
        let AtSixPoints { near_sum, near_difference, far_sum, far_difference } = from_six_points(simd, m);
        [
            simd.mul_add_e_f32s(far, near_sum, simd.mul_add_e_f32s(near, far_sum, m[0])),
            simd.add_f32s(near_difference, far_difference),
            simd.mul_add_e_f32s(far, far_sum, simd.mul_add_e_f32s(near, near_sum, m[5])),
        ]
    }

    #[inline(always)]
    fn input_adjoint<S: Simd>(simd: S, m: [S::f32s; 6]) -> [S::f32s; 6] {
        to_six_points_adjoint(simd, m)
    }

    #[inline(always)]
    fn output_adjoint<S: Simd>(simd: S, y: [S::f32s; 3]) -> [S::f32s; 6] {
        let (near, far) = (simd.splat_f32s(std::f32::consts::FRAC_1_SQRT_2), simd.splat_f32s(std::f32::consts::SQRT_2));
        let at = AtSixPoints {
            near_sum: simd.mul_add_e_f32s(far, y[0], simd.mul_f32s(near, y[2])),
            near_difference: y[1],
            far_sum: simd.mul_add_e_f32s(near, y[0], simd.mul_f32s(far, y[2])),
            far_difference: y[1],
        };
        from_six_points_adjoint(simd, y[0], &at, y[2])
    }
}

impl TileTransform<6, 6, 2> for F25 {
    const TAPS: usize = 5;

    fn filter(frequency: usize, tap: usize) -> f64 {
        at_six_points(frequency, tap, Self::TAPS)
    }

    #[inline(always)]
    fn input<S: Simd>(simd: S, x: [S::f32s; 6]) -> [S::f32s; 6] {
        to_six_points(simd, x)
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, m: [S::f32s; 6]) -> [S::f32s; 2] {
        let (near, far) = (simd.splat_f32s(std::f32::consts::FRAC_1_SQRT_2), simd.splat_f32s(std::f32::consts::SQRT_2));
        let AtSixPoints { near_sum, near_difference, far_sum, far_difference } = from_six_points(simd, m);
        [
            simd.mul_add_e_f32s(far, near_sum, simd.mul_add_e_f32s(near, far_sum, m[0])),
            simd.add_f32s(simd.add_f32s(near_difference, far_difference), m[5]),
        ]
    }

    #[inline(always)]
    fn input_adjoint<S: Simd>(simd: S, m: [S::f32s; 6]) -> [S::f32s; 6] {
        to_six_points_adjoint(simd, m)
    }

    #[inline(always)]
    fn output_adjoint<S: Simd>(simd: S, y: [S::f32s; 2]) -> [S::f32s; 6] {
        let (near, far) = (simd.splat_f32s(std::f32::consts::FRAC_1_SQRT_2), simd.splat_f32s(std::f32::consts::SQRT_2));
        let at = AtSixPoints {
            near_sum: simd.mul_f32s(far, y[0]),
            near_difference: y[1],
            far_sum: simd.mul_f32s(near, y[0]),
            far_difference: y[1],
        };
        from_six_points_adjoint(simd, y[0], &at, y[1])
    }
}

/// A filter of up to twice the taps at stride 2: pairs of pixels are channels of one pixel, the taps pairs as well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folded<T>(T);

impl<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize> TileTransform<IN, FREQ, OUT>
    for Folded<T>
{
    const TAPS: usize = T::TAPS;
    const STRIDE: usize = T::STRIDE;
    const FOLD: usize = 2;

    fn filter(frequency: usize, tap: usize) -> f64 {
        T::filter(frequency, tap)
    }

    #[inline(always)]
    fn input<S: Simd>(simd: S, x: [S::f32s; IN]) -> [S::f32s; FREQ] {
        T::input(simd, x)
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, m: [S::f32s; FREQ]) -> [S::f32s; OUT] {
        T::output(simd, m)
    }

    #[inline(always)]
    fn input_adjoint<S: Simd>(simd: S, m: [S::f32s; FREQ]) -> [S::f32s; IN] {
        T::input_adjoint(simd, m)
    }

    #[inline(always)]
    fn output_adjoint<S: Simd>(simd: S, y: [S::f32s; OUT]) -> [S::f32s; FREQ] {
        T::output_adjoint(simd, y)
    }
}

/// F(2, 3), interpolated at 0, ±1 and ∞.
#[derive(Clone, Copy, Debug)]
pub(crate) struct F23;

impl TileTransform<4, 4, 2> for F23 {
    const TAPS: usize = 3;

    fn filter(frequency: usize, tap: usize) -> f64 {
        [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]][frequency][tap]
    }

    #[inline(always)]
    fn input<S: Simd>(simd: S, x: [S::f32s; 4]) -> [S::f32s; 4] {
        [simd.sub_f32s(x[0], x[2]), simd.add_f32s(x[1], x[2]), simd.sub_f32s(x[2], x[1]), simd.sub_f32s(x[3], x[1])]
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, m: [S::f32s; 4]) -> [S::f32s; 2] {
        [simd.add_f32s(m[0], simd.add_f32s(m[1], m[2])), simd.add_f32s(simd.sub_f32s(m[1], m[2]), m[3])]
    }

    #[inline(always)]
    fn input_adjoint<S: Simd>(simd: S, m: [S::f32s; 4]) -> [S::f32s; 4] {
        let difference = simd.sub_f32s(m[1], m[2]);
        let sum = simd.add_f32s(m[1], m[2]);
        [m[0], simd.sub_f32s(difference, m[3]), simd.sub_f32s(sum, m[0]), m[3]]
    }

    #[inline(always)]
    fn output_adjoint<S: Simd>(simd: S, y: [S::f32s; 2]) -> [S::f32s; 4] {
        [y[0], simd.add_f32s(y[0], y[1]), simd.sub_f32s(y[0], y[1]), y[1]]
    }
}

/// Stride 2 by phases: the middle tap meets every odd input of the tile on its own, the outer taps meet the even ones
/// as F(4, 2), interpolated at 0, ±1, 2 and ∞.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phases4;

impl TileTransform<9, 9, 4> for Phases4 {
    const TAPS: usize = 3;
    const STRIDE: usize = 2;

    fn filter(frequency: usize, tap: usize) -> f64 {
        const MIDDLE: [f64; 3] = [0.0, 1.0, 0.0];
        const OUTER: [[f64; 3]; 5] = [
            [1.0 / 2.0, 0.0, 0.0],
            [-1.0 / 2.0, 0.0, -1.0 / 2.0],
            [-1.0 / 6.0, 0.0, 1.0 / 6.0],
            [1.0 / 6.0, 0.0, 1.0 / 3.0],
            [0.0, 0.0, 1.0],
        ];
        frequency.checked_sub(4).map_or(MIDDLE, |outer| OUTER[outer])[tap]
    }

    #[inline(always)]
    fn input<S: Simd>(simd: S, x: [S::f32s; 9]) -> [S::f32s; 9] {
        let two = simd.splat_f32s(2.0);
        let three = simd.splat_f32s(3.0);
        let [x0, x1, x2, x3, x4] = [x[0], x[2], x[4], x[6], x[8]];
        let rest = simd.sub_f32s(x3, x1);
        [
            x[1],
            x[3],
            x[5],
            x[7],
            // 2x0 − x1 − 2x2 + x3
            simd.mul_add_e_f32s(two, simd.sub_f32s(x0, x2), rest),
            // −2x1 − x2 + x3
            simd.sub_f32s(simd.negate_mul_add_e_f32s(two, x1, x3), x2),
            // 2x1 − 3x2 + x3
            simd.mul_add_e_f32s(two, x1, simd.negate_mul_add_e_f32s(three, x2, x3)),
            // x3 − x1
            rest,
            // 2x1 − x2 − 2x3 + x4
            simd.negate_mul_add_e_f32s(two, rest, simd.sub_f32s(x4, x2)),
        ]
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, m: [S::f32s; 9]) -> [S::f32s; 4] {
        let (two, four, eight) = (simd.splat_f32s(2.0), simd.splat_f32s(4.0), simd.splat_f32s(8.0));
        let (sum, difference) = (simd.add_f32s(m[5], m[6]), simd.sub_f32s(m[5], m[6]));
        [
            simd.add_f32s(simd.add_f32s(m[0], m[4]), simd.add_f32s(sum, m[7])),
            simd.mul_add_e_f32s(two, m[7], simd.add_f32s(m[1], difference)),
            simd.mul_add_e_f32s(four, m[7], simd.add_f32s(m[2], sum)),
            simd.add_f32s(simd.mul_add_e_f32s(eight, m[7], simd.add_f32s(m[3], difference)), m[8]),
        ]
    }

    #[inline(always)]
    fn input_adjoint<S: Simd>(simd: S, m: [S::f32s; 9]) -> [S::f32s; 9] {
        let (two, three) = (simd.splat_f32s(2.0), simd.splat_f32s(3.0));
        let twice_last = simd.mul_f32s(two, m[8]);
        let x1 =
            simd.mul_add_e_f32s(two, simd.sub_f32s(m[6], m[5]), simd.sub_f32s(twice_last, simd.add_f32s(m[4], m[7])));
        let rest = simd.mul_add_e_f32s(two, m[4], simd.add_f32s(m[5], m[8]));
        let x2 = simd.negate_mul_add_e_f32s(three, m[6], simd.neg_f32s(rest));
        let sum = simd.add_f32s(simd.add_f32s(m[4], m[5]), simd.add_f32s(m[6], m[7]));
        [simd.mul_f32s(two, m[4]), m[0], x1, m[1], x2, m[2], simd.sub_f32s(sum, twice_last), m[3], m[8]]
    }

    #[inline(always)]
    fn output_adjoint<S: Simd>(simd: S, y: [S::f32s; 4]) -> [S::f32s; 9] {
        let (two, four, eight) = (simd.splat_f32s(2.0), simd.splat_f32s(4.0), simd.splat_f32s(8.0));
        let (even, odd) = (simd.add_f32s(y[0], y[2]), simd.add_f32s(y[1], y[3]));
        let powers = simd.mul_add_e_f32s(two, y[1], y[0]);
        let powers = simd.mul_add_e_f32s(eight, y[3], simd.mul_add_e_f32s(four, y[2], powers));
        [y[0], y[1], y[2], y[3], y[0], simd.add_f32s(even, odd), simd.sub_f32s(even, odd), powers, y[3]]
    }
}

/// The same for tiles of 2: the outer taps as F(2, 2), interpolated at 0, 1 and ∞, which needs additions alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phases2;

impl TileTransform<5, 5, 2> for Phases2 {
    const TAPS: usize = 3;
    const STRIDE: usize = 2;

    fn filter(frequency: usize, tap: usize) -> f64 {
        const WEIGHTS: [[f64; 3]; 5] =
            [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 1.0], [0.0, 0.0, 1.0]];
        WEIGHTS[frequency][tap]
    }

    #[inline(always)]
    fn input<S: Simd>(simd: S, x: [S::f32s; 5]) -> [S::f32s; 5] {
        [x[1], x[3], simd.sub_f32s(x[0], x[2]), x[2], simd.sub_f32s(x[4], x[2])]
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, m: [S::f32s; 5]) -> [S::f32s; 2] {
        [simd.add_f32s(m[0], simd.add_f32s(m[2], m[3])), simd.add_f32s(m[1], simd.add_f32s(m[3], m[4]))]
    }

    #[inline(always)]
    fn input_adjoint<S: Simd>(simd: S, m: [S::f32s; 5]) -> [S::f32s; 5] {
        [m[2], m[0], simd.sub_f32s(m[3], simd.add_f32s(m[2], m[4])), m[1], m[4]]
    }

    #[inline(always)]
    fn output_adjoint<S: Simd>(simd: S, y: [S::f32s; 2]) -> [S::f32s; 5] {
        [y[0], y[1], y[0], simd.add_f32s(y[0], y[1]), y[1]]
    }
}

#[cfg(test)]
mod tests {
    use super::{F23, F25, F34, F43, Folded, Phases2, Phases4, TileTransform};
    use pulp::Scalar;

    fn unit<const N: usize>(place: usize) -> [f32; N] {
        std::array::from_fn(|index| f32::from(u8::from(index == place)))
    }

    fn adjoints<T: TileTransform<IN, FREQ, OUT>, const IN: usize, const FREQ: usize, const OUT: usize>() {
        let simd = Scalar::new();
        for frequency in 0..FREQ {
            let (into, from) = (T::input_adjoint(simd, unit(frequency)), T::output(simd, unit(frequency)));
            for (pixel, into) in into.iter().enumerate() {
                assert!((T::input(simd, unit(pixel))[frequency] - into).abs() < 1e-6);
            }
            for (pixel, from) in from.iter().enumerate() {
                assert!((T::output_adjoint(simd, unit(pixel))[frequency] - from).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn adjoints_are_the_transposes_of_their_transforms() {
        adjoints::<F43, 6, 6, 4>();
        adjoints::<F34, 6, 6, 3>();
        adjoints::<F25, 6, 6, 2>();
        adjoints::<F23, 4, 4, 2>();
        adjoints::<Phases4, 9, 9, 4>();
        adjoints::<Phases2, 5, 5, 2>();
        adjoints::<Folded<F34>, 6, 6, 3>();
    }
}

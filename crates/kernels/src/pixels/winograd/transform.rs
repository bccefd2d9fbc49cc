//! The small transforms of Winograd convolutions along one axis.

use pulp::Simd;

/// A transform of 3 taps along one axis: `y = Aᵀ[(G k) ∘ (Bᵀ x)]` for tiles of `OUT` outputs.
pub(crate) trait TileTransform<const IN: usize, const FREQ: usize, const OUT: usize> {
    /// Input pixels from one output pixel to the next.
    const STRIDE: usize;

    /// G, the weights of the taps in each frequency.
    const FILTER: [[f64; 3]; FREQ];

    /// `Bᵀ x`.
    fn input<S: Simd>(simd: S, x: [S::f32s; IN]) -> [S::f32s; FREQ];

    /// `Aᵀ m`.
    fn output<S: Simd>(simd: S, m: [S::f32s; FREQ]) -> [S::f32s; OUT];
}

/// F(4, 3), interpolated at 0, ±1/√2, ±√2 and ∞: points whose powers stay near 1 lose the fewest digits. The
/// frequencies of ±1/√2 are scaled by 1/√2 and those of ±√2 by √2, which saves multiplies on the way back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct F43;

const NEAR: f64 = std::f64::consts::FRAC_1_SQRT_2;
const FAR: f64 = std::f64::consts::SQRT_2;

impl TileTransform<6, 6, 4> for F43 {
    const STRIDE: usize = 1;
    const FILTER: [[f64; 3]; 6] = [
        [1.0, 0.0, 0.0],
        [-NEAR / 1.5, -0.5 / 1.5, -0.5 * NEAR / 1.5],
        [-NEAR / 1.5, 0.5 / 1.5, -0.5 * NEAR / 1.5],
        [FAR / 6.0, 2.0 / 6.0, 2.0 * FAR / 6.0],
        [FAR / 6.0, -2.0 / 6.0, 2.0 * FAR / 6.0],
        [0.0, 0.0, 1.0],
    ];

    #[inline(always)]
    fn input<S: Simd>(simd: S, x: [S::f32s; 6]) -> [S::f32s; 6] {
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

    #[inline(always)]
    fn output<S: Simd>(simd: S, m: [S::f32s; 6]) -> [S::f32s; 4] {
        let (two, half) = (simd.splat_f32s(2.0), simd.splat_f32s(0.5));
        let (near, far) = (simd.splat_f32s(std::f32::consts::FRAC_1_SQRT_2), simd.splat_f32s(std::f32::consts::SQRT_2));
        let (near_sum, near_difference) = (simd.add_f32s(m[1], m[2]), simd.sub_f32s(m[1], m[2]));
        let (far_sum, far_difference) = (simd.add_f32s(m[3], m[4]), simd.sub_f32s(m[3], m[4]));
        [
            simd.mul_add_e_f32s(far, near_sum, simd.mul_add_e_f32s(near, far_sum, m[0])),
            simd.add_f32s(near_difference, far_difference),
            simd.mul_add_e_f32s(far, far_sum, simd.mul_f32s(near, near_sum)),
            simd.mul_add_e_f32s(half, near_difference, simd.mul_add_e_f32s(two, far_difference, m[5])),
        ]
    }
}

/// F(2, 3), interpolated at 0, ±1 and ∞.
#[derive(Clone, Copy, Debug)]
pub(crate) struct F23;

impl TileTransform<4, 4, 2> for F23 {
    const STRIDE: usize = 1;
    const FILTER: [[f64; 3]; 4] = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]];

    #[inline(always)]
    fn input<S: Simd>(simd: S, x: [S::f32s; 4]) -> [S::f32s; 4] {
        [simd.sub_f32s(x[0], x[2]), simd.add_f32s(x[1], x[2]), simd.sub_f32s(x[2], x[1]), simd.sub_f32s(x[3], x[1])]
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, m: [S::f32s; 4]) -> [S::f32s; 2] {
        [simd.add_f32s(m[0], simd.add_f32s(m[1], m[2])), simd.add_f32s(simd.sub_f32s(m[1], m[2]), m[3])]
    }
}

/// Stride 2 by phases: the middle tap meets every odd input of the tile on its own, the outer taps meet the even ones
/// as F(4, 2), interpolated at 0, ±1, 2 and ∞.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stride2;

impl TileTransform<9, 9, 4> for Stride2 {
    const STRIDE: usize = 2;
    const FILTER: [[f64; 3]; 9] = [
        [0.0, 1.0, 0.0],
        [0.0, 1.0, 0.0],
        [0.0, 1.0, 0.0],
        [0.0, 1.0, 0.0],
        [1.0 / 2.0, 0.0, 0.0],
        [-1.0 / 2.0, 0.0, -1.0 / 2.0],
        [-1.0 / 6.0, 0.0, 1.0 / 6.0],
        [1.0 / 6.0, 0.0, 1.0 / 3.0],
        [0.0, 0.0, 1.0],
    ];

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
}

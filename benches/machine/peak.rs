//! What a core of this machine can multiply at most: the yardstick of every benchmark.

use divan::black_box;
use jpegnet_kernels::Isa;
use pulp::{Simd, WithSimd};
use std::time::Instant;

/// Multiply-adds a second of independent chains that fill the pipeline and never touch memory.
pub fn peak(isa: Isa) -> f64 {
    struct Chains(usize);
    impl WithSimd for Chains {
        type Output = f32;
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> f32 {
            let mut sums = [simd.splat_f32s(1.0); 12];
            let (a, b) = (simd.splat_f32s(black_box(0.999)), simd.splat_f32s(black_box(0.001)));
            for _ in 0..self.0 {
                for sum in &mut sums {
                    *sum = simd.mul_add_e_f32s(*sum, a, b);
                }
            }
            sums.into_iter().map(|sum| simd.reduce_sum_f32s(sum)).sum()
        }
    }
    let arch = match isa.name() {
        "scalar" => pulp::Arch::Scalar,
        #[cfg(target_arch = "x86_64")]
        "avx2" => pulp::Arch::V3(pulp::x86::V3::try_new().expect("the ISA is available")),
        _ => pulp::Arch::new(),
    };
    let rounds = 4_000_000;
    let measure = || {
        let start = Instant::now();
        black_box(arch.dispatch(Chains(rounds)));
        start.elapsed().as_secs_f64()
    };
    measure();
    let seconds = (0..3).map(|_| measure()).fold(f64::INFINITY, f64::min);
    #[expect(clippy::cast_precision_loss, reason = "a few million rounds")]
    let terms = (rounds * 12 * isa.lanes()) as f64;
    terms / seconds
}

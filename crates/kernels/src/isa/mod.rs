//! Which vector instructions to use, found at run time, and the few unsafe loads and stores all kernels share.
//!
//! Kernels are written once over [`pulp::Simd`] and instantiated per instruction set; nothing here assumes more than
//! the target's baseline until [`Isa::run`] has a token that proves the machine can do more.

mod lanes;
mod outer;
mod panels;
mod product;
mod strided;

pub(crate) use lanes::{BlockKernel, Full, Lanes, Partial, for_each_channel_group, over_blocks};
pub(crate) use outer::add_outer_products;
pub(crate) use panels::{PANEL_UNIT, Panels, Rows, multiply_panels, padded};
pub(crate) use product::{Matrix, Product, Sum, multiply};
use pulp::{Arch, Simd, WithSimd};

/// Values on the stack that begin with a line of the cache, so that no vector of them lies across two.
#[repr(align(64))]
pub(crate) struct OnLines<T>(pub T);
pub(crate) use strided::{Steps, VectorGrid, VectorGridMut};

/// An instruction set this machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Choice);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Isa {
    /// One lane, the compiler's baseline: the reference for all others.
    pub const SCALAR: Isa = Isa(Choice::Scalar);

    /// The widest instruction set of this machine.
    #[must_use]
    pub fn detect() -> Isa {
        Isa::available().pop().unwrap_or(Isa::SCALAR)
    }

    /// All instruction sets of this machine, narrowest first, starting with scalar.
    #[must_use]
    pub fn available() -> Vec<Isa> {
        let mut available = vec![Isa::SCALAR];
        #[cfg(target_arch = "x86_64")]
        {
            available.extend(pulp::x86::V3::try_new().map(|_| Isa(Choice::Avx2)));
            available.extend(pulp::x86::V4::try_new().map(|_| Isa(Choice::Avx512)));
        }
        #[cfg(target_arch = "aarch64")]
        available.extend(pulp::aarch64::Neon::try_new().map(|_| Isa(Choice::Neon)));
        available
    }

    /// The instruction set of that [name](Isa::name), if this machine has it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Isa> {
        Isa::available().into_iter().find(|isa| isa.name() == name)
    }

    /// `scalar`, `avx2` (with FMA), `avx512` or `neon`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            Choice::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Choice::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Choice::Avx512 => "avx512",
            #[cfg(target_arch = "aarch64")]
            Choice::Neon => "neon",
        }
    }

    /// Float32 values in a vector register.
    #[must_use]
    pub fn lanes(self) -> usize {
        struct Count;
        impl WithSimd for Count {
            type Output = usize;
            #[inline(always)]
            fn with_simd<S: Simd>(self, _: S) -> usize {
                S::F32_LANES
            }
        }
        self.run(Count)
    }

    /// Runs a plain loop with this instruction set's registers: the compiler vectorises what has no shuffles or sums.
    #[inline]
    pub(crate) fn vectorise<R>(self, body: impl FnOnce() -> R) -> R {
        struct Body<F>(F);
        impl<R, F: FnOnce() -> R> WithSimd for Body<F> {
            type Output = R;
            #[inline(always)]
            fn with_simd<S: Simd>(self, _: S) -> R {
                (self.0)()
            }
        }
        self.run(Body(body))
    }

    /// Runs an operation compiled for this instruction set.
    #[inline]
    pub(crate) fn run<Op: WithSimd>(self, operation: Op) -> Op::Output {
        let arch = match self.0 {
            Choice::Scalar => Arch::Scalar,
            // try_new reads a cached answer; it cannot fail for an `Isa` that exists.
            #[cfg(target_arch = "x86_64")]
            Choice::Avx2 => pulp::x86::V3::try_new().map_or(Arch::Scalar, Arch::V3),
            #[cfg(target_arch = "x86_64")]
            Choice::Avx512 => pulp::x86::V4::try_new().map_or(Arch::Scalar, Arch::V4),
            #[cfg(target_arch = "aarch64")]
            Choice::Neon => pulp::aarch64::Neon::try_new().map_or(Arch::Scalar, Arch::Neon),
        };
        arch.dispatch(operation)
    }
}

#[cfg(test)]
mod tests {
    use super::Isa;

    #[test]
    fn every_available_isa_is_found_by_its_name_and_the_widest_is_detected() {
        let available = Isa::available();
        assert_eq!(available.first(), Some(&Isa::SCALAR));
        assert_eq!(available.last(), Some(&Isa::detect()));
        for isa in available {
            assert_eq!(Isa::from_name(isa.name()), Some(isa));
        }
        assert_eq!(Isa::from_name("altivec"), None);
    }
}

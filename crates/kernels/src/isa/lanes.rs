//! Channels in vector lanes: full vectors, and one partial vector where the channels are not a multiple of the lanes.

use super::Isa;
use pulp::{Simd, WithSimd};

/// How much of a vector one access touches. Implemented by a full vector and by the first few lanes of one, so that a
/// kernel's body is written once and compiled for both.
pub(crate) trait Lanes: Copy {
    /// Values per access.
    fn count<S: Simd>(self) -> usize;
    fn load<S: Simd>(self, simd: S, values: &[f32]) -> S::f32s;
    fn store<S: Simd>(self, simd: S, values: &mut [f32], vector: S::f32s);
    fn load_bits<S: Simd>(self, simd: S, values: &[u32]) -> S::u32s;
    fn store_bits<S: Simd>(self, simd: S, values: &mut [u32], vector: S::u32s);
}

#[derive(Clone, Copy)]
pub(crate) struct Full;

/// The first lanes of a vector; the others are zero and never stored.
#[derive(Clone, Copy)]
pub(crate) struct Partial(usize);

impl Lanes for Full {
    #[inline(always)]
    fn count<S: Simd>(self) -> usize {
        S::F32_LANES
    }

    #[inline(always)]
    fn load<S: Simd>(self, _: S, values: &[f32]) -> S::f32s {
        assert!(values.len() >= S::F32_LANES);
        // SAFETY: the slice holds at least one vector; any bits are a valid vector of floats.
        unsafe { values.as_ptr().cast::<S::f32s>().read_unaligned() }
    }

    #[inline(always)]
    fn store<S: Simd>(self, _: S, values: &mut [f32], vector: S::f32s) {
        assert!(values.len() >= S::F32_LANES);
        // SAFETY: the slice holds at least one vector.
        unsafe { values.as_mut_ptr().cast::<S::f32s>().write_unaligned(vector) }
    }

    #[inline(always)]
    fn load_bits<S: Simd>(self, _: S, values: &[u32]) -> S::u32s {
        assert!(values.len() >= S::U32_LANES);
        // SAFETY: the slice holds at least one vector; any bits are a valid vector of integers.
        unsafe { values.as_ptr().cast::<S::u32s>().read_unaligned() }
    }

    #[inline(always)]
    fn store_bits<S: Simd>(self, _: S, values: &mut [u32], vector: S::u32s) {
        assert!(values.len() >= S::U32_LANES);
        // SAFETY: the slice holds at least one vector.
        unsafe { values.as_mut_ptr().cast::<S::u32s>().write_unaligned(vector) }
    }
}

impl Partial {
    pub(crate) fn new(count: usize) -> Self {
        Partial(count)
    }
}

impl Lanes for Partial {
    #[inline(always)]
    fn count<S: Simd>(self) -> usize {
        self.0
    }

    #[inline(always)]
    fn load<S: Simd>(self, simd: S, values: &[f32]) -> S::f32s {
        simd.partial_load_f32s(&values[..self.0])
    }

    #[inline(always)]
    fn store<S: Simd>(self, simd: S, values: &mut [f32], vector: S::f32s) {
        simd.partial_store_f32s(&mut values[..self.0], vector);
    }

    #[inline(always)]
    fn load_bits<S: Simd>(self, simd: S, values: &[u32]) -> S::u32s {
        simd.partial_load_u32s(&values[..self.0])
    }

    #[inline(always)]
    fn store_bits<S: Simd>(self, simd: S, values: &mut [u32], vector: S::u32s) {
        simd.partial_store_u32s(&mut values[..self.0], vector);
    }
}

/// What a kernel does to one group of channels (the lanes) of one block.
pub(crate) trait BlockKernel {
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize);
}

/// Runs a kernel over all blocks and, within a block, all groups of channels.
#[inline]
pub(crate) fn over_blocks<K: BlockKernel>(isa: Isa, blocks: usize, channels: usize, kernel: K) {
    struct Over<K> {
        blocks: usize,
        channels: usize,
        kernel: K,
    }
    impl<K: BlockKernel> WithSimd for Over<K> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(mut self, simd: S) {
            for block in 0..self.blocks {
                for_each_channel_group(simd, self.channels, block, &mut self.kernel);
            }
        }
    }
    isa.run(Over { blocks, channels, kernel });
}

/// Runs a kernel over all groups of channels of one block; the last group may be partial.
#[inline(always)]
pub(crate) fn for_each_channel_group<S: Simd, K: BlockKernel>(simd: S, channels: usize, block: usize, kernel: &mut K) {
    let mut channel = 0;
    while channel + S::F32_LANES <= channels {
        kernel.run(simd, Full, block, channel);
        channel += S::F32_LANES;
    }
    if channel < channels {
        kernel.run(simd, Partial(channels - channel), block, channel);
    }
}

//! Nonlinearities of band maps: `P·DCT(f(IDCT x))`, exact on the truncated signal.

use super::finish::activate;
use super::shape::BandShape;
use super::sign_bound::SignBound;
use crate::block::ZIGZAG_TO_ROW_MAJOR;
use crate::dct::Vectors;
use crate::isa::{BlockKernel, Isa, Lanes, over_blocks};
use crate::pixels::Activation;
use pulp::Simd;

/// Applies a function in place to the pixels that whole blocks of a band map `[blocks, kept, channels]` stand for.
/// Source: the paper's §4, applied to the truncated signal.
///
/// # Panics
/// If the slice is not a whole number of blocks, or frequencies are not in 1…15.
pub fn activation_in_place(isa: Isa, shape: &BandShape, activation: Activation, map: &mut [f32]) {
    let blocks = whole_blocks(shape, map);
    let bound = SignBound::new(shape.frequencies);
    over_blocks(isa, blocks, shape.channels, Activate { shape: *shape, activation, bound, map });
}

fn whole_blocks(shape: &BandShape, map: &[f32]) -> usize {
    assert_eq!(map.len() % shape.block_len(), 0, "a band map is a whole number of blocks");
    map.len() / shape.block_len()
}

struct Activate<'a> {
    shape: BandShape,
    activation: Activation<'a>,
    bound: SignBound,
    map: &'a mut [f32],
}

impl BlockKernel for Activate<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let BandShape { channels, frequencies, .. } = self.shape;
        let (kept, length) = (self.shape.kept(), self.shape.block_len());
        let map = &mut self.map[block * length + channel..];
        let mut values: Vectors<S> = [simd.splat_f32s(0.0); 64];
        for (position, &index) in ZIGZAG_TO_ROW_MAJOR[..kept].iter().enumerate() {
            values[usize::from(index) % 64] = lanes.load(simd, &map[position * channels..]);
        }
        activate(simd, frequencies, self.activation, self.bound, &mut values);
        for (position, &index) in ZIGZAG_TO_ROW_MAJOR[..kept].iter().enumerate() {
            lanes.store(simd, &mut map[position * channels..], values[usize::from(index) % 64]);
        }
    }
}

/// How many blocks of channels of a band map `[blocks, kept, channels]` have one sign, so that ReLU is the identity or
/// zero there; all are `blocks · channels`.
///
/// # Panics
/// If the slice is not a whole number of blocks, or frequencies are not in 1…15.
#[must_use]
pub fn constant_signs(isa: Isa, shape: &BandShape, map: &[f32]) -> usize {
    let blocks = whole_blocks(shape, map);
    let mut count = 0;
    let bound = SignBound::new(shape.frequencies);
    over_blocks(isa, blocks, shape.channels, Count { shape: *shape, bound, map, found: &mut count });
    count
}

struct Count<'a> {
    shape: BandShape,
    bound: SignBound,
    map: &'a [f32],
    found: &'a mut usize,
}

impl BlockKernel for Count<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let BandShape { channels, frequencies, .. } = self.shape;
        let map = &self.map[block * self.shape.block_len() + channel..];
        let mut values: Vectors<S> = [simd.splat_f32s(0.0); 64];
        for (position, &index) in ZIGZAG_TO_ROW_MAJOR[..self.shape.kept()].iter().enumerate() {
            values[usize::from(index) % 64] = lanes.load(simd, &map[position * channels..]);
        }
        let margin = self.bound.margin(simd, frequencies, &values);
        let mut margins = [-1.0; 16];
        lanes.store(simd, &mut margins, margin);
        *self.found += margins[..lanes.count::<S>()].iter().filter(|&&margin| margin >= 0.0).count();
    }
}

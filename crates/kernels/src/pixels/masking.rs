//! Nonlinearities of maps in pixels by blocks of 8×8: those whose pieces are picked from the low frequencies of each block
//! (the paper's ASM and APX between two layers whose DCTs have cancelled), and all others whose pieces are kept as bits.

use super::low_pass::{Blocks, low_pass};
use crate::block::{BLOCK, SIDE};
use crate::isa::{BlockKernel, Isa, Lanes, over_blocks};
use crate::piecewise_linear::{Masking, PiecewiseLinear, Place, clear_beyond};
use pulp::Simd;

/// Applies a function to one image `[height, width, channels]` in place. A block's low-pass signal is made from the
/// pixels that lie inside the image, those beyond counting as zero; the values are the pixels themselves (ASM) or the
/// low-pass signal (APX). With a `band` the result is truncated to its frequencies. What the gradient needs goes to `masks`,
/// `function.masks_len()` words, if given. Source: the paper's §4, equations 20–24.
///
/// # Panics
/// If a slice does not have the length its shape says, or frequencies are not in 1…15.
pub fn masked_in_place(
    isa: Isa,
    function: &PiecewiseLinear,
    masking: Masking,
    band: Option<usize>,
    (height, width, channels): (usize, usize, usize),
    image: &mut [f32],
    masks: Option<&mut [u32]>,
) {
    let blocks = Blocks::new((height, width, channels), image.len());
    if let Some(masks) = &masks {
        assert_eq!(masks.len(), function.masks_len(blocks.extent.grid(), channels), "masks for every block");
    }
    let (mask_below, value_below) = masking.diagonals();
    over_blocks(
        isa,
        blocks.extent.grid().blocks(),
        channels,
        Masked { function, mask_below, value_below, band_below: band_below(band), blocks, image, masks },
    );
}

/// What [`masked_in_place`] made, to the bit, from the same image and the masks that it left.
///
/// # Panics
/// If a slice does not have the length its shape says, or frequencies are not in 1…15.
pub fn masked_again_in_place(
    isa: Isa,
    function: &PiecewiseLinear,
    masking: Masking,
    band: Option<usize>,
    (height, width, channels): (usize, usize, usize),
    masks: &[u32],
    image: &mut [f32],
) {
    let blocks = Blocks::new((height, width, channels), image.len());
    assert_eq!(masks.len(), function.masks_len(blocks.extent.grid(), channels), "masks for every block");
    let (_, value_below) = masking.diagonals();
    over_blocks(
        isa,
        blocks.extent.grid().blocks(),
        channels,
        Again { function, value_below, band_below: band_below(band), blocks, masks, image },
    );
}

/// The gradient of [`masked_in_place`], in place: the derivatives, truncated to the band, times the slopes of the pieces
/// that were picked, low-pass again for APX.
///
/// # Panics
/// If a slice does not have the length its shape says, or frequencies are not in 1…15.
pub fn masked_backward_in_place(
    isa: Isa,
    function: &PiecewiseLinear,
    masking: Masking,
    band: Option<usize>,
    (height, width, channels): (usize, usize, usize),
    masks: &[u32],
    gradient: &mut [f32],
) {
    let blocks = Blocks::new((height, width, channels), gradient.len());
    assert_eq!(masks.len(), function.masks_len(blocks.extent.grid(), channels), "masks for every block");
    let (_, value_below) = masking.diagonals();
    over_blocks(
        isa,
        blocks.extent.grid().blocks(),
        channels,
        Backward { function, value_below, band_below: band_below(band), blocks, masks, gradient },
    );
}

/// Whether a signal of these frequencies is the whole signal.
fn is_whole(below: usize) -> bool {
    below == ALL
}

/// All diagonals of a block.
const ALL: usize = 2 * SIDE - 1;

fn band_below(band: Option<usize>) -> usize {
    let below = band.unwrap_or(ALL);
    assert!((1..=ALL).contains(&below), "frequencies are counted from 1 to 15");
    below
}

struct Masked<'a> {
    function: &'a PiecewiseLinear,
    mask_below: usize,
    value_below: usize,
    band_below: usize,
    blocks: Blocks,
    image: &'a mut [f32],
    masks: Option<&'a mut [u32]>,
}

impl BlockKernel for Masked<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let zeros = [simd.splat_f32s(0.0); BLOCK];
        let mut values = zeros;
        self.blocks.load(simd, lanes, self.image, (block, channel), &mut values);
        let mut result = zeros;
        let at = (lanes, Place { block, channel, channels: self.blocks.channels });
        let masks = self.masks.as_deref_mut();
        if is_whole(self.mask_below) {
            self.function.evaluate_block(simd, at, &values, &values, &mut result, masks);
        } else {
            let mut picks = values;
            low_pass(simd, &mut picks, self.mask_below);
            let values = if self.value_below == self.mask_below { &picks } else { &values };
            self.function.evaluate_block(simd, at, &picks, values, &mut result, masks);
        }
        if !is_whole(self.band_below) {
            clear_beyond(simd, self.blocks.extent.inside(block), &mut result);
            low_pass(simd, &mut result, self.band_below);
        }
        self.blocks.store(simd, lanes, self.image, (block, channel), &result);
    }
}

struct Again<'a> {
    function: &'a PiecewiseLinear,
    value_below: usize,
    band_below: usize,
    blocks: Blocks,
    masks: &'a [u32],
    image: &'a mut [f32],
}

impl BlockKernel for Again<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let mut values = [simd.splat_f32s(0.0); BLOCK];
        self.blocks.load(simd, lanes, self.image, (block, channel), &mut values);
        if !is_whole(self.value_below) {
            low_pass(simd, &mut values, self.value_below);
        }
        let at = (lanes, Place { block, channel, channels: self.blocks.channels });
        self.function.evaluate_block_again(simd, at, self.masks, &mut values);
        if !is_whole(self.band_below) {
            clear_beyond(simd, self.blocks.extent.inside(block), &mut values);
            low_pass(simd, &mut values, self.band_below);
        }
        self.blocks.store(simd, lanes, self.image, (block, channel), &values);
    }
}

struct Backward<'a> {
    function: &'a PiecewiseLinear,
    value_below: usize,
    band_below: usize,
    blocks: Blocks,
    masks: &'a [u32],
    gradient: &'a mut [f32],
}

impl BlockKernel for Backward<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let mut derivatives = [simd.splat_f32s(0.0); BLOCK];
        self.blocks.load(simd, lanes, self.gradient, (block, channel), &mut derivatives);
        if !is_whole(self.band_below) {
            low_pass(simd, &mut derivatives, self.band_below);
        }
        let at = (lanes, Place { block, channel, channels: self.blocks.channels });
        self.function.scale_block_by_slopes(simd, at, self.masks, &mut derivatives);
        if !is_whole(self.value_below) {
            clear_beyond(simd, self.blocks.extent.inside(block), &mut derivatives);
            low_pass(simd, &mut derivatives, self.value_below);
        }
        self.blocks.store(simd, lanes, self.gradient, (block, channel), &derivatives);
    }
}

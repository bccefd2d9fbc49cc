//! Nonlinearities of maps in pixels by blocks of 8×8: those whose pieces are picked from the low frequencies of each block
//! (the paper's ASM and APX between two layers whose DCTs have cancelled), and all others whose pieces are kept as bits.

use super::low_pass::{Blocks, low_pass};
use crate::block::{BLOCK, SIDE};
use crate::dct::Vectors;
use crate::isa::{BlockKernel, Isa, Lanes, over_blocks};
use crate::piecewise_linear::{Masking, PiecewiseLinear, Place, clear_beyond};
use pulp::Simd;

/// A nonlinearity of images `[height, width, channels]`. A block's low-pass signal is made from the pixels that lie inside
/// the image, those beyond counting as zero; the values are the pixels themselves (ASM) or the low-pass signal (APX); the
/// result is truncated to a band if there is one. Source: the paper's §4, equations 20–24.
#[derive(Clone, Copy, Debug)]
pub struct Masked<'a> {
    function: &'a PiecewiseLinear,
    size: (usize, usize, usize),
    /// Diagonals kept of the signal that picks the pieces, of the one that gives the values, and of the result.
    mask_below: usize,
    value_below: usize,
    band_below: usize,
}

/// All diagonals of a block.
const ALL: usize = 2 * SIDE - 1;

impl<'a> Masked<'a> {
    /// Of images of this height and width and so many channels.
    ///
    /// # Panics
    /// If frequencies are not in 1…15.
    #[must_use]
    pub fn new(
        function: &'a PiecewiseLinear,
        masking: Masking,
        band: Option<usize>,
        size: (usize, usize, usize),
    ) -> Self {
        let (mask_below, value_below) = masking.diagonals();
        let band_below = band.unwrap_or(ALL);
        assert!((1..=ALL).contains(&band_below), "frequencies are counted from 1 to 15");
        Masked { function, size, mask_below, value_below, band_below }
    }

    /// Applies the function to one image in place. What the gradient needs goes to `masks`, `function.masks_len()` words,
    /// if given.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn apply_in_place(&self, isa: Isa, image: &mut [f32], mut masks: Option<&mut [u32]>) {
        if let Some(masks) = masks.as_deref_mut() {
            self.check_masks(masks);
        }
        self.over_blocks(isa, |blocks| Apply { of: *self, blocks, image, masks });
    }

    /// What [`apply_in_place`](Self::apply_in_place) made, to the bit, from the same image and the masks that it left.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn apply_again_in_place(&self, isa: Isa, masks: &[u32], image: &mut [f32]) {
        self.check_masks(masks);
        self.over_blocks(isa, |blocks| Again { of: *self, blocks, masks, image });
    }

    /// The gradient of [`apply_in_place`](Self::apply_in_place), in place: the derivatives, truncated to the band, times
    /// the slopes of the pieces that were picked, low-pass again for APX.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn backward_in_place(&self, isa: Isa, masks: &[u32], gradient: &mut [f32]) {
        self.check_masks(masks);
        self.over_blocks(isa, |blocks| Backward { of: *self, blocks, masks, gradient });
    }

    fn check_masks(&self, masks: &[u32]) {
        let Blocks { extent, channels } = Blocks::new(self.size);
        assert_eq!(masks.len(), self.function.masks_len(extent.grid(), channels), "masks for every block");
    }

    fn over_blocks<K: BlockKernel>(&self, isa: Isa, kernel: impl FnOnce(Blocks) -> K) {
        let blocks = Blocks::new(self.size);
        over_blocks(isa, blocks.extent.grid().blocks(), blocks.channels, kernel(blocks));
    }

    /// Leaves a block's frequencies below a diagonal.
    #[inline(always)]
    fn keep<S: Simd>(simd: S, blocks: Blocks, block: usize, below: usize, values: &mut Vectors<S>) {
        if below < ALL {
            clear_beyond(simd, blocks.extent.inside(block), values);
            low_pass(simd, values, below);
        }
    }
}

struct Apply<'a, 'i> {
    of: Masked<'a>,
    blocks: Blocks,
    image: &'i mut [f32],
    masks: Option<&'i mut [u32]>,
}

impl BlockKernel for Apply<'_, '_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let Masked { function, mask_below, value_below, band_below, .. } = self.of;
        let zeros = [simd.splat_f32s(0.0); BLOCK];
        let mut values = zeros;
        self.blocks.load(simd, lanes, self.image, (block, channel), &mut values);
        let mut result = zeros;
        let at = (lanes, Place { block, channel, channels: self.blocks.channels });
        let masks = self.masks.as_deref_mut();
        if mask_below == ALL {
            function.evaluate_block(simd, at, &values, &values, &mut result, masks);
        } else {
            let mut picks = values;
            low_pass(simd, &mut picks, mask_below);
            let values = if value_below == mask_below { &picks } else { &values };
            function.evaluate_block(simd, at, &picks, values, &mut result, masks);
        }
        Masked::keep(simd, self.blocks, block, band_below, &mut result);
        self.blocks.store(simd, lanes, self.image, (block, channel), &result);
    }
}

struct Again<'a, 'i> {
    of: Masked<'a>,
    blocks: Blocks,
    masks: &'i [u32],
    image: &'i mut [f32],
}

impl BlockKernel for Again<'_, '_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let Masked { function, value_below, band_below, .. } = self.of;
        let mut values = [simd.splat_f32s(0.0); BLOCK];
        self.blocks.load(simd, lanes, self.image, (block, channel), &mut values);
        Masked::keep(simd, self.blocks, block, value_below, &mut values);
        let at = (lanes, Place { block, channel, channels: self.blocks.channels });
        function.evaluate_block_again(simd, at, self.masks, &mut values);
        Masked::keep(simd, self.blocks, block, band_below, &mut values);
        self.blocks.store(simd, lanes, self.image, (block, channel), &values);
    }
}

struct Backward<'a, 'i> {
    of: Masked<'a>,
    blocks: Blocks,
    masks: &'i [u32],
    gradient: &'i mut [f32],
}

impl BlockKernel for Backward<'_, '_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let Masked { function, value_below, band_below, .. } = self.of;
        let mut derivatives = [simd.splat_f32s(0.0); BLOCK];
        self.blocks.load(simd, lanes, self.gradient, (block, channel), &mut derivatives);
        Masked::keep(simd, self.blocks, block, band_below, &mut derivatives);
        let at = (lanes, Place { block, channel, channels: self.blocks.channels });
        function.scale_block_by_slopes(simd, at, self.masks, &mut derivatives);
        Masked::keep(simd, self.blocks, block, value_below, &mut derivatives);
        self.blocks.store(simd, lanes, self.gradient, (block, channel), &derivatives);
    }
}

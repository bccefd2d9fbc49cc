//! Nonlinearities of maps in pixels by blocks of 8×8: those whose pieces are picked from the low frequencies of each block
//! (the paper's ASM and APX between two layers whose DCTs have cancelled), and all others whose pieces are kept as bits.

use crate::block::{BLOCK, SIDE};
use crate::dct::{Vectors, forward_block, inverse_block};
use crate::extent::Extent;
use crate::isa::{Isa, Lanes, over_blocks};
use crate::piecewise_linear::{Masking, PiecewiseLinear, Place, is_kept};
use pulp::Simd;

/// Applies a function to one image `[height, width, channels]` in place. A block's low-pass signal is made from the
/// pixels that lie inside the image, those beyond counting as zero; the values are the pixels themselves (ASM) or the
/// low-pass signal (APX). What the gradient needs goes to `masks`, `function.masks_len()` words, if given. Source: the
/// paper's §4, equations 20–24.
///
/// # Panics
/// If a slice does not have the length its shape says, or frequencies are not in 1…15.
pub fn masked_in_place(
    isa: Isa,
    function: &PiecewiseLinear,
    masking: Masking,
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
        Masked { function, mask_below, value_below, blocks, image, masks },
    );
}

/// The gradient of [`masked_in_place`], in place: the derivatives times the slopes of the pieces that were picked, low-pass
/// again for APX.
///
/// # Panics
/// If a slice does not have the length its shape says, or frequencies are not in 1…15.
pub fn masked_backward_in_place(
    isa: Isa,
    function: &PiecewiseLinear,
    masking: Masking,
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
        Backward { function, value_below, blocks, masks, gradient },
    );
}

/// The blocks of an image in pixels.
#[derive(Clone, Copy)]
struct Blocks {
    extent: Extent,
    channels: usize,
}

impl Blocks {
    fn new((height, width, channels): (usize, usize, usize), length: usize) -> Self {
        assert_eq!(length, height * width * channels, "the image fills its shape");
        Blocks { extent: Extent { height, width }, channels }
    }

    /// Rows and columns of a block that lie inside, and where its first pixel is.
    fn place(self, block: usize, channel: usize) -> (usize, usize, usize) {
        let wide = self.extent.grid().wide;
        let (rows, columns) = self.extent.inside(block);
        let first = (block / wide * self.extent.width + block % wide) * SIDE;
        (rows, columns, first * self.channels + channel)
    }

    #[inline(always)]
    fn load<S: Simd, L: Lanes>(self, simd: S, lanes: L, image: &[f32], (block, channel): (usize, usize)) -> Vectors<S> {
        let (rows, columns, first) = self.place(block, channel);
        let mut values = [simd.splat_f32s(0.0); BLOCK];
        for row in 0..rows {
            for column in 0..columns {
                let at = first + (row * self.extent.width + column) * self.channels;
                values[row * SIDE + column] = lanes.load(simd, &image[at..]);
            }
        }
        values
    }

    #[inline(always)]
    fn store<S: Simd, L: Lanes>(
        self,
        simd: S,
        lanes: L,
        image: &mut [f32],
        (block, channel): (usize, usize),
        values: &Vectors<S>,
    ) {
        let (rows, columns, first) = self.place(block, channel);
        for row in 0..rows {
            for column in 0..columns {
                let at = first + (row * self.extent.width + column) * self.channels;
                lanes.store(simd, &mut image[at..], values[row * SIDE + column]);
            }
        }
    }
}

/// The signal of a block's frequencies `α + β < below`.
#[inline(always)]
fn low_pass<S: Simd>(simd: S, values: &Vectors<S>, below: usize) -> Vectors<S> {
    let zero = simd.splat_f32s(0.0);
    let mut coefficients = [zero; BLOCK];
    forward_block(
        simd,
        #[inline(always)]
        |index| values[index],
        &mut coefficients,
    );
    let mut kept = [zero; BLOCK];
    inverse_block(
        simd,
        #[inline(always)]
        |index| if is_kept(index, below) { coefficients[index] } else { zero },
        &mut kept,
    );
    kept
}

/// Whether a signal of these frequencies is the whole signal.
fn is_whole(below: usize) -> bool {
    below == 2 * SIDE - 1
}

struct Masked<'a> {
    function: &'a PiecewiseLinear,
    mask_below: usize,
    value_below: usize,
    blocks: Blocks,
    image: &'a mut [f32],
    masks: Option<&'a mut [u32]>,
}

impl crate::isa::BlockKernel for Masked<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let values = self.blocks.load(simd, lanes, self.image, (block, channel));
        let picks = if is_whole(self.mask_below) { values } else { low_pass(simd, &values, self.mask_below) };
        let values = if self.value_below == self.mask_below { picks } else { values };
        let place = Place { block, channel, channels: self.blocks.channels };
        let masks = self.masks.as_deref_mut();
        let result = self.function.evaluate_block(simd, lanes, place, &picks, &values, masks);
        self.blocks.store(simd, lanes, self.image, (block, channel), &result);
    }
}

struct Backward<'a> {
    function: &'a PiecewiseLinear,
    value_below: usize,
    blocks: Blocks,
    masks: &'a [u32],
    gradient: &'a mut [f32],
}

impl crate::isa::BlockKernel for Backward<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let mut derivatives = self.blocks.load(simd, lanes, self.gradient, (block, channel));
        let place = Place { block, channel, channels: self.blocks.channels };
        let slopes = self.function.slopes_of_block(simd, lanes, place, self.masks);
        for (derivative, &slope) in derivatives.iter_mut().zip(&slopes) {
            *derivative = simd.mul_f32s(*derivative, slope);
        }
        if !is_whole(self.value_below) {
            derivatives = low_pass(simd, &derivatives, self.value_below);
        }
        self.blocks.store(simd, lanes, self.gradient, (block, channel), &derivatives);
    }
}

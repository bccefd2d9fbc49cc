//! ReLU and every other piecewise-linear function, by half-spatial masking.
//!
//! The fast factorisation of the paper's tensor H: inverse DCT, mask, DCT, one block and one vector of channels at a
//! time. The mask is a constant to the gradient, so backward is the same map again with the slopes in place of values.

use crate::block::{BLOCK, Grid, ROW_MAJOR_TO_ZIGZAG, SIDE, ZIGZAG_TO_ROW_MAJOR};
use crate::dct::{Vectors, forward_block, inverse_block};
use crate::extent::Extent;
use crate::isa::{BlockKernel, Isa, Lanes, over_blocks};
use pulp::Simd;

/// Where a piecewise-linear function changes: for `x > at` the slope and intercept grow by these.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Breakpoint {
    /// The last x of the piece before.
    pub at: f32,
    /// Added to the slope beyond.
    pub slope_change: f32,
    /// Added to the intercept beyond.
    pub intercept_change: f32,
}

/// `f(x) = slope·x + intercept + Σ_j [x > at_j]·(slope_change_j·x + intercept_change_j)`.
#[derive(Clone, Debug, PartialEq)]
pub struct PiecewiseLinear {
    /// Slope of the first piece.
    pub slope: f32,
    /// Intercept of the first piece.
    pub intercept: f32,
    /// Where pieces end, in any order.
    pub breakpoints: Vec<Breakpoint>,
}

/// From which signal a nonlinearity picks its pieces, and to which it applies them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Masking {
    /// Pieces and values from the whole signal: what pixels would give.
    Exact,
    /// Approximated spatial masking (the paper's ASM): pieces from the frequencies `α + β < frequencies`, values from
    /// the whole signal.
    Approximated {
        /// φ, 1…15.
        frequencies: usize,
    },
    /// The paper's baseline APX: pieces and values from the frequencies `α + β < frequencies`.
    Truncated {
        /// φ, 1…15.
        frequencies: usize,
    },
}

impl PiecewiseLinear {
    /// max(x, 0).
    #[must_use]
    pub fn relu() -> Self {
        Self::leaky_relu(0.0)
    }

    /// x above zero, `slope·x` below.
    #[must_use]
    pub fn leaky_relu(slope: f32) -> Self {
        let breakpoint = Breakpoint { at: 0.0, slope_change: 1.0 - slope, intercept_change: 0.0 };
        PiecewiseLinear { slope, intercept: 0.0, breakpoints: vec![breakpoint] }
    }

    /// min(max(x, low), high): `ReLU6` is `clip(0, 6)`, hard tanh `clip(−1, 1)`.
    #[must_use]
    pub fn clip(low: f32, high: f32) -> Self {
        let enter = Breakpoint { at: low, slope_change: 1.0, intercept_change: -low };
        let leave = Breakpoint { at: high, slope_change: -1.0, intercept_change: high };
        PiecewiseLinear { slope: 0.0, intercept: low, breakpoints: vec![enter, leave] }
    }

    /// 32-bit words that hold the masks of one image: one bit a pixel, channel and breakpoint.
    #[must_use]
    pub fn masks_len(&self, grid: Grid, channels: usize) -> usize {
        grid.blocks() * self.mask_words(channels)
    }

    /// `f` with the pieces picked by `picks`: the value of a piece at `x`.
    #[inline(always)]
    pub(crate) fn evaluate<S: Simd>(&self, simd: S, picks: S::f32s, x: S::f32s) -> S::f32s {
        let mut result = simd.mul_add_e_f32s(simd.splat_f32s(self.slope), x, simd.splat_f32s(self.intercept));
        for piece in &self.breakpoints {
            let beyond = simd.greater_than_f32s(picks, simd.splat_f32s(piece.at));
            let slope = simd.splat_f32s(piece.slope_change);
            let change = simd.mul_add_e_f32s(slope, x, simd.splat_f32s(piece.intercept_change));
            result = simd.add_f32s(result, simd.select_f32s(beyond, change, simd.splat_f32s(0.0)));
        }
        result
    }

    /// The function of one group of channels of a block, pieces picked from `picks`; which were picked goes to `masks` if
    /// given. The result is written and not returned, because a block of vectors is 4 KB.
    #[inline(always)]
    pub(crate) fn evaluate_block<S: Simd, L: Lanes>(
        &self,
        simd: S,
        (lanes, place): (L, Place),
        picks: &Vectors<S>,
        values: &Vectors<S>,
        result: &mut Vectors<S>,
        mut masks: Option<&mut [u32]>,
    ) {
        let (slope, intercept) = (simd.splat_f32s(self.slope), simd.splat_f32s(self.intercept));
        for (result, &value) in result.iter_mut().zip(values) {
            *result = simd.mul_add_e_f32s(slope, value, intercept);
        }
        for (number, breakpoint) in self.breakpoints.iter().enumerate() {
            let at = simd.splat_f32s(breakpoint.at);
            let slope = simd.splat_f32s(breakpoint.slope_change);
            let intercept = simd.splat_f32s(breakpoint.intercept_change);
            for half in 0..2 {
                let mut bits = simd.splat_u32s(0);
                let mut bit = simd.splat_u32s(1);
                for index in half * BLOCK / 2..(half + 1) * BLOCK / 2 {
                    let beyond = simd.greater_than_f32s(picks[index], at);
                    let change = simd.mul_add_e_f32s(slope, values[index], intercept);
                    let change = simd.select_f32s(beyond, change, simd.splat_f32s(0.0));
                    result[index] = simd.add_f32s(result[index], change);
                    bits = simd.select_u32s(beyond, simd.or_u32s(bits, bit), bits);
                    bit = simd.add_u32s(bit, bit);
                }
                if let Some(masks) = &mut masks {
                    let start = place.masks(self.breakpoints.len(), number, half);
                    lanes.store_bits(simd, &mut masks[start..], bits);
                }
            }
        }
    }

    /// The same by the pieces that [`evaluate_block`](Self::evaluate_block) picked, with the same bits, in place.
    #[inline(always)]
    pub(crate) fn evaluate_block_again<S: Simd, L: Lanes>(
        &self,
        simd: S,
        at: (L, Place),
        masks: &[u32],
        values: &mut Vectors<S>,
    ) {
        let (slope, intercept) = (simd.splat_f32s(self.slope), simd.splat_f32s(self.intercept));
        self.by_masks(
            simd,
            at,
            masks,
            values,
            #[inline(always)]
            |x| simd.mul_add_e_f32s(slope, x, intercept),
            #[inline(always)]
            |change, x| {
                let slope = simd.splat_f32s(change.slope_change);
                simd.mul_add_e_f32s(slope, x, simd.splat_f32s(change.intercept_change))
            },
            #[inline(always)]
            |_, sum| sum,
        );
    }

    /// Multiplies a block by the slopes of the pieces that [`evaluate_block`](Self::evaluate_block) picked.
    #[inline(always)]
    pub(crate) fn scale_block_by_slopes<S: Simd, L: Lanes>(
        &self,
        simd: S,
        at: (L, Place),
        masks: &[u32],
        values: &mut Vectors<S>,
    ) {
        let slope = simd.splat_f32s(self.slope);
        self.by_masks(
            simd,
            at,
            masks,
            values,
            #[inline(always)]
            |_| slope,
            #[inline(always)]
            |change, _| simd.splat_f32s(change.slope_change),
            #[inline(always)]
            |x, slope| simd.mul_f32s(x, slope),
        );
    }

    /// Replaces every x of a block by `end(x, begin(x) + Σ change(x))` over the breakpoints that its masks have passed.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "three small functions and what they work on")]
    fn by_masks<S: Simd, L: Lanes>(
        &self,
        simd: S,
        (lanes, place): (L, Place),
        masks: &[u32],
        values: &mut Vectors<S>,
        begin: impl Fn(S::f32s) -> S::f32s,
        change: impl Fn(&Breakpoint, S::f32s) -> S::f32s,
        end: impl Fn(S::f32s, S::f32s) -> S::f32s,
    ) {
        for half in 0..2 {
            let mut bit = simd.splat_u32s(1);
            for value in &mut values[half * BLOCK / 2..(half + 1) * BLOCK / 2] {
                let mut sum = begin(*value);
                for (number, breakpoint) in self.breakpoints.iter().enumerate() {
                    let start = place.masks(self.breakpoints.len(), number, half);
                    let bits = lanes.load_bits(simd, &masks[start..]);
                    let beyond = simd.equal_u32s(simd.and_u32s(bits, bit), bit);
                    let change = simd.select_f32s(beyond, change(breakpoint, *value), simd.splat_f32s(0.0));
                    sum = simd.add_f32s(sum, change);
                }
                *value = end(*value, sum);
                bit = simd.add_u32s(bit, bit);
            }
        }
    }

    fn mask_words(&self, channels: usize) -> usize {
        2 * self.breakpoints.len() * channels
    }

    /// Applies the function to the pixels that orthonormal coefficients `[blocks, 64, channels]` (any number of images)
    /// stand for, and puts zeros beyond the maps; what the gradient needs goes to `masks` `[blocks, breakpoints, 2,
    /// channels]` if given. Source: the paper's §4, equations 20–24.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says, or frequencies are not in 1…15.
    pub fn forward_in_place(
        &self,
        isa: Isa,
        masking: Masking,
        extent: Extent,
        channels: usize,
        map: &mut [f32],
        masks: Option<&mut [u32]>,
    ) {
        let blocks = whole_images(map, extent, channels);
        if let Some(masks) = &masks {
            assert_eq!(masks.len(), blocks * self.mask_words(channels), "masks for every block");
        }
        let (mask_below, value_below) = masking.diagonals();
        over_blocks(
            isa,
            blocks,
            channels,
            Forward { function: self, mask_below, value_below, extent, channels, map, masks },
        );
    }

    /// Gradient of [`forward_in_place`](Self::forward_in_place): `dF = D(f'(pieces) ∘ DᵀdF'D)Dᵀ`, truncated again for
    /// [`Masking::Truncated`].
    ///
    /// # Panics
    /// If a slice does not have the length its shape says, or frequencies are not in 1…15.
    pub fn backward_in_place(
        &self,
        isa: Isa,
        masking: Masking,
        extent: Extent,
        channels: usize,
        masks: &[u32],
        gradient: &mut [f32],
    ) {
        let blocks = whole_images(gradient, extent, channels);
        assert_eq!(masks.len(), blocks * self.mask_words(channels), "masks for every block");
        let (_, value_below) = masking.diagonals();
        over_blocks(isa, blocks, channels, Backward { function: self, value_below, extent, channels, masks, gradient });
    }
}

impl Masking {
    /// The diagonals kept of the signal that picks the pieces, and of the one that gives the values.
    pub(crate) fn diagonals(self) -> (usize, usize) {
        const ALL: usize = 2 * SIDE - 1;
        let (mask, value) = match self {
            Masking::Exact => (ALL, ALL),
            Masking::Approximated { frequencies } => (frequencies, ALL),
            Masking::Truncated { frequencies } => (frequencies, frequencies),
        };
        assert!((1..=ALL).contains(&mask), "frequencies are counted from 1 to 15");
        (mask, value)
    }
}

/// The blocks of whole images.
fn whole_images(map: &[f32], extent: Extent, channels: usize) -> usize {
    assert_eq!(map.len() % (extent.grid().blocks() * BLOCK * channels), 0, "a whole number of images");
    map.len() / (BLOCK * channels)
}

#[inline(always)]
fn is_kept(index: usize, below: usize) -> bool {
    index / SIDE + index % SIDE < below
}

struct Forward<'a> {
    function: &'a PiecewiseLinear,
    mask_below: usize,
    value_below: usize,
    extent: Extent,
    channels: usize,
    map: &'a mut [f32],
    masks: Option<&'a mut [u32]>,
}

impl BlockKernel for Forward<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let place = Place { block, channel, channels: self.channels };
        let mut values = [simd.splat_f32s(0.0); BLOCK];
        place.inverse_kept(simd, lanes, self.map, self.value_below, &mut values);
        let mut low_pass = [simd.splat_f32s(0.0); BLOCK];
        let picks_from_values = self.mask_below == self.value_below;
        if !picks_from_values {
            place.inverse_kept(simd, lanes, self.map, self.mask_below, &mut low_pass);
        }
        let low_pass = if picks_from_values { &values } else { &low_pass };

        let mut result = [simd.splat_f32s(0.0); BLOCK];
        let masks = self.masks.as_deref_mut();
        self.function.evaluate_block(simd, (lanes, place), low_pass, &values, &mut result, masks);
        clear_beyond(simd, self.extent.inside(block), &mut result);
        let mut coefficients = [simd.splat_f32s(0.0); BLOCK];
        forward_block(
            simd,
            #[inline(always)]
            |index| result[index],
            &mut coefficients,
        );
        place.store_kept(simd, lanes, &coefficients, self.map, 2 * SIDE);
    }
}

struct Backward<'a> {
    function: &'a PiecewiseLinear,
    value_below: usize,
    extent: Extent,
    channels: usize,
    masks: &'a [u32],
    gradient: &'a mut [f32],
}

impl BlockKernel for Backward<'_> {
    #[inline(always)]
    fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
        let place = Place { block, channel, channels: self.channels };
        let mut pixels = [simd.splat_f32s(0.0); BLOCK];
        place.inverse_kept(simd, lanes, self.gradient, 2 * SIDE, &mut pixels);
        self.function.scale_block_by_slopes(simd, (lanes, place), self.masks, &mut pixels);
        clear_beyond(simd, self.extent.inside(block), &mut pixels);
        let mut coefficients = [simd.splat_f32s(0.0); BLOCK];
        forward_block(
            simd,
            #[inline(always)]
            |index| pixels[index],
            &mut coefficients,
        );
        place.store_kept(simd, lanes, &coefficients, self.gradient, self.value_below);
    }
}

/// Puts zeros beyond the rows and columns of a block that lie inside its map.
#[inline(always)]
pub(crate) fn clear_beyond<S: Simd>(simd: S, (rows, columns): (usize, usize), pixels: &mut Vectors<S>) {
    if (rows, columns) == (SIDE, SIDE) {
        return;
    }
    for (index, pixel) in pixels.iter_mut().enumerate() {
        if index / SIDE >= rows || index % SIDE >= columns {
            *pixel = simd.splat_f32s(0.0);
        }
    }
}

/// One group of channels of one block.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) block: usize,
    pub(crate) channel: usize,
    pub(crate) channels: usize,
}

impl Place {
    fn range(self) -> std::ops::Range<usize> {
        self.block * BLOCK * self.channels..(self.block + 1) * BLOCK * self.channels
    }

    /// Where the masks of half a block begin, in `[blocks, breakpoints, 2, channels]`.
    fn masks(self, breakpoints: usize, breakpoint: usize, half: usize) -> usize {
        ((self.block * breakpoints + breakpoint) * 2 + half) * self.channels + self.channel
    }

    /// Pixels of the coefficients with `α + β < below`.
    #[inline(always)]
    fn inverse_kept<S: Simd, L: Lanes>(self, simd: S, lanes: L, map: &[f32], below: usize, pixels: &mut Vectors<S>) {
        let map = &map[self.range()];
        inverse_block(
            simd,
            #[inline(always)]
            |index| {
                if is_kept(index, below) {
                    let position = usize::from(ROW_MAJOR_TO_ZIGZAG[index]);
                    lanes.load(simd, &map[position * self.channels + self.channel..])
                } else {
                    simd.splat_f32s(0.0)
                }
            },
            pixels,
        );
    }

    /// Stores row-major coefficients, zero where `α + β ≥ below`.
    #[inline(always)]
    fn store_kept<S: Simd, L: Lanes>(
        self,
        simd: S,
        lanes: L,
        coefficients: &Vectors<S>,
        map: &mut [f32],
        below: usize,
    ) {
        let map = &mut map[self.range()];
        for (position, &index) in ZIGZAG_TO_ROW_MAJOR.iter().enumerate() {
            let index = usize::from(index);
            let value = if is_kept(index, below) { coefficients[index] } else { simd.splat_f32s(0.0) };
            lanes.store(simd, &mut map[position * self.channels + self.channel..], value);
        }
    }
}

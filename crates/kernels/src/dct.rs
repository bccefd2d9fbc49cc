//! The 8×8 discrete cosine transform of blocks, channels in the lanes: `F = D·P·Dᵀ` and back.
//!
//! D is the orthonormal DCT-II, `D_kn = ½·A(k)·cos(π(2n+1)k/16)`, A(0) = 1/√2 (mathematics: ITU-T T.81, A.3.3). Each
//! axis is split into its even and odd half: 22 multiplies for 8 values.

use crate::block::{BLOCK, ROW_MAJOR_TO_ZIGZAG, SIDE, ZIGZAG_TO_ROW_MAJOR};
use crate::isa::{BlockKernel, Isa, Lanes, over_blocks};
use pulp::Simd;

/// `½·cos(kπ/16)` for k = 0…7; `½·cos(4π/16) = 1/√8` is also the weight of the constant term.
const HALF_COSINE: [f32; 8] =
    [0.5, 0.490_392_64, 0.461_939_77, 0.415_734_8, 0.353_553_4, 0.277_785_12, 0.191_341_71, 0.097_545_16];

/// `D_kn` of the odd frequencies 1, 3, 5, 7 at n = 0…3, as signed entries of [`HALF_COSINE`].
const ODD: [[f32; 4]; 4] = [
    [HALF_COSINE[1], HALF_COSINE[3], HALF_COSINE[5], HALF_COSINE[7]],
    [HALF_COSINE[3], -HALF_COSINE[7], -HALF_COSINE[1], -HALF_COSINE[5]],
    [HALF_COSINE[5], -HALF_COSINE[1], HALF_COSINE[7], HALF_COSINE[3]],
    [HALF_COSINE[7], -HALF_COSINE[5], HALF_COSINE[3], -HALF_COSINE[1]],
];

/// `D_kn = ½·A(k)·cos(π(2n+1)k/16)`: frequency, then pixel.
pub(crate) const DCT: [[f32; SIDE]; SIDE] = dct_matrix();

const fn dct_matrix() -> [[f32; SIDE]; SIDE] {
    let mut matrix = [[HALF_COSINE[4]; SIDE]; SIDE];
    let mut k = 1;
    while k < SIDE {
        let mut n = 0;
        while n < SIDE {
            // cos(mπ/16) by m's place in the period of 32, folded into its first quarter.
            let m = (2 * n + 1) * k % 32;
            let m = if m > 16 { 32 - m } else { m };
            matrix[k][n] = match m {
                8 => 0.0,
                0..8 => HALF_COSINE[m],
                _ => -HALF_COSINE[16 - m],
            };
            n += 1;
        }
        k += 1;
    }
    matrix
}

/// A block held in registers or on the stack: 64 vectors, row-major.
pub(crate) type Vectors<S> = [<S as Simd>::f32s; BLOCK];

/// Eight pixels from the first `N` coefficients of a line, the others being zero.
#[inline(always)]
pub(crate) fn inverse_line<S: Simd, const N: usize>(simd: S, f: [S::f32s; 8]) -> [S::f32s; 8] {
    let c = |k: usize| simd.splat_f32s(HALF_COSINE[k]);
    let (constant, alternating) = if N > 4 {
        (simd.mul_f32s(simd.add_f32s(f[0], f[4]), c(4)), simd.mul_f32s(simd.sub_f32s(f[0], f[4]), c(4)))
    } else {
        let constant = simd.mul_f32s(f[0], c(4));
        (constant, constant)
    };
    let even = if N > 2 {
        let (outer, inner) = if N > 6 {
            (
                simd.mul_add_e_f32s(c(2), f[2], simd.mul_f32s(c(6), f[6])),
                simd.negate_mul_add_e_f32s(c(2), f[6], simd.mul_f32s(c(6), f[2])),
            )
        } else {
            (simd.mul_f32s(c(2), f[2]), simd.mul_f32s(c(6), f[2]))
        };
        [
            simd.add_f32s(constant, outer),
            simd.add_f32s(alternating, inner),
            simd.sub_f32s(alternating, inner),
            simd.sub_f32s(constant, outer),
        ]
    } else {
        [constant; 4]
    };
    if N == 1 {
        return [constant; 8];
    }
    let mut pixels = [simd.splat_f32s(0.0); 8];
    for n in 0..4 {
        let mut odd = simd.mul_f32s(simd.splat_f32s(ODD[0][n]), f[1]);
        for k in 1..N / 2 {
            odd = simd.mul_add_e_f32s(simd.splat_f32s(ODD[k][n]), f[2 * k + 1], odd);
        }
        pixels[n] = simd.add_f32s(even[n], odd);
        pixels[7 - n] = simd.sub_f32s(even[n], odd);
    }
    pixels
}

/// The first `N` coefficients of a line of eight pixels; the others are left zero.
#[inline(always)]
pub(crate) fn forward_line<S: Simd, const N: usize>(simd: S, x: [S::f32s; 8]) -> [S::f32s; 8] {
    let c = |k: usize| simd.splat_f32s(HALF_COSINE[k]);
    let mut sum = [simd.splat_f32s(0.0); 4];
    let mut difference = [simd.splat_f32s(0.0); 4];
    for n in 0..4 {
        sum[n] = simd.add_f32s(x[n], x[7 - n]);
        difference[n] = simd.sub_f32s(x[n], x[7 - n]);
    }
    let (near, far) = (simd.add_f32s(sum[1], sum[2]), simd.add_f32s(sum[0], sum[3]));
    let mut f = [simd.splat_f32s(0.0); 8];
    f[0] = simd.mul_f32s(c(4), simd.add_f32s(far, near));
    if N > 4 {
        f[4] = simd.mul_f32s(c(4), simd.sub_f32s(far, near));
    }
    if N > 2 {
        let (near_odd, far_odd) = (simd.sub_f32s(sum[1], sum[2]), simd.sub_f32s(sum[0], sum[3]));
        f[2] = simd.mul_add_e_f32s(c(2), far_odd, simd.mul_f32s(c(6), near_odd));
        if N > 6 {
            f[6] = simd.negate_mul_add_e_f32s(c(2), near_odd, simd.mul_f32s(c(6), far_odd));
        }
    }
    for k in 0..N / 2 {
        let mut odd = simd.mul_f32s(simd.splat_f32s(ODD[k][0]), difference[0]);
        for n in 1..4 {
            odd = simd.mul_add_e_f32s(simd.splat_f32s(ODD[k][n]), difference[n], odd);
        }
        f[2 * k + 1] = odd;
    }
    f
}

/// Inverse transform of a block into `pixels`; `load` gives the coefficient at a row-major index. Blocks are written in
/// place because a block of vectors is 4 KB: returning one costs as much as transforming it.
#[inline(always)]
pub(crate) fn inverse_block<S: Simd>(simd: S, load: impl Fn(usize) -> S::f32s, pixels: &mut Vectors<S>) {
    transform(
        pixels,
        load,
        #[inline(always)]
        |line| inverse_line::<S, 8>(simd, line),
        simd,
    );
}

/// Forward transform of a block into row-major `coefficients`; `load` gives the pixel at a row-major index.
#[inline(always)]
pub(crate) fn forward_block<S: Simd>(simd: S, load: impl Fn(usize) -> S::f32s, coefficients: &mut Vectors<S>) {
    transform(
        coefficients,
        load,
        #[inline(always)]
        |line| forward_line::<S, 8>(simd, line),
        simd,
    );
}

#[inline(always)]
fn transform<S: Simd>(
    block: &mut Vectors<S>,
    load: impl Fn(usize) -> S::f32s,
    transform_8: impl Fn([S::f32s; 8]) -> [S::f32s; 8],
    simd: S,
) {
    for row in 0..SIDE {
        let mut line = [simd.splat_f32s(0.0); 8];
        for (column, value) in line.iter_mut().enumerate() {
            *value = load(row * SIDE + column);
        }
        block[row * SIDE..(row + 1) * SIDE].copy_from_slice(&transform_8(line));
    }
    for column in 0..SIDE {
        let mut line = [simd.splat_f32s(0.0); 8];
        for (row, value) in line.iter_mut().enumerate() {
            *value = block[row * SIDE + column];
        }
        for (row, value) in transform_8(line).into_iter().enumerate() {
            block[row * SIDE + column] = value;
        }
    }
}

/// Where the pixels of a feature map lie: `[…, columns, channels]` with any distance between rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PixelLayout {
    /// Index of the first channel of the top left pixel.
    pub offset: usize,
    /// Floats from one row of pixels to the next.
    pub row: usize,
    /// Blocks from left to right.
    pub blocks_wide: usize,
}

impl PixelLayout {
    #[inline(always)]
    fn block(self, block: usize, channels: usize) -> usize {
        let (y, x) = (block / self.blocks_wide, block % self.blocks_wide);
        self.offset + y * SIDE * self.row + x * SIDE * channels
    }
}

/// Coefficients `[blocks, 64, channels]` to pixels lying as `layout` says.
pub(crate) fn inverse_to_pixels(
    isa: Isa,
    blocks: usize,
    channels: usize,
    map: &[f32],
    pixels: &mut [f32],
    layout: PixelLayout,
) {
    struct Inverse<'a> {
        map: &'a [f32],
        pixels: &'a mut [f32],
        layout: PixelLayout,
        channels: usize,
    }
    impl BlockKernel for Inverse<'_> {
        #[inline(always)]
        fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
            let channels = self.channels;
            let map = &self.map[block * BLOCK * channels..(block + 1) * BLOCK * channels];
            let mut block_pixels = [simd.splat_f32s(0.0); BLOCK];
            inverse_block(
                simd,
                #[inline(always)]
                |index| lanes.load(simd, &map[usize::from(ROW_MAJOR_TO_ZIGZAG[index]) * channels + channel..]),
                &mut block_pixels,
            );
            let start = self.layout.block(block, channels) + channel;
            for row in 0..SIDE {
                let line = &mut self.pixels[start + row * self.layout.row..];
                for column in 0..SIDE {
                    lanes.store(simd, &mut line[column * channels..], block_pixels[row * SIDE + column]);
                }
            }
        }
    }
    over_blocks(isa, blocks, channels, Inverse { map, pixels, layout, channels });
}

/// Pixels lying as `layout` says to coefficients `[blocks, 64, channels]`, replaced or (`accumulate`) added to.
pub(crate) fn forward_from_pixels(
    isa: Isa,
    (blocks, channels): (usize, usize),
    pixels: &[f32],
    layout: PixelLayout,
    map: &mut [f32],
    accumulate: bool,
) {
    struct Forward<'a> {
        pixels: &'a [f32],
        layout: PixelLayout,
        map: &'a mut [f32],
        accumulate: bool,
        channels: usize,
    }
    impl BlockKernel for Forward<'_> {
        #[inline(always)]
        fn run<S: Simd, L: Lanes>(&mut self, simd: S, lanes: L, block: usize, channel: usize) {
            let channels = self.channels;
            let start = self.layout.block(block, channels) + channel;
            let mut f = [simd.splat_f32s(0.0); BLOCK];
            forward_block(
                simd,
                #[inline(always)]
                |index| {
                    let (row, column) = (index / SIDE, index % SIDE);
                    lanes.load(simd, &self.pixels[start + row * self.layout.row + column * channels..])
                },
                &mut f,
            );
            let map = &mut self.map[block * BLOCK * channels..(block + 1) * BLOCK * channels];
            for (position, &index) in ZIGZAG_TO_ROW_MAJOR.iter().enumerate() {
                let out = &mut map[position * channels + channel..];
                let mut value = f[usize::from(index)];
                if self.accumulate {
                    value = simd.add_f32s(value, lanes.load(simd, out));
                }
                lanes.store(simd, out, value);
            }
        }
    }
    over_blocks(isa, blocks, channels, Forward { pixels, layout, map, accumulate, channels });
}

/// Inverse DCT of a feature map: orthonormal coefficients `[blocks, 64 zigzag, channels]` to pixels `[blocks, 8, 8,
/// channels]`, block by block.
///
/// # Panics
/// If the slices are not of the same length, a whole number of blocks.
pub fn inverse_dct_into(isa: Isa, channels: usize, map: &[f32], pixels: &mut [f32]) {
    let blocks = whole_blocks(map, pixels, channels);
    inverse_to_pixels(isa, blocks, channels, map, pixels, stacked(channels));
}

/// Forward DCT of a feature map: pixels `[blocks, 8, 8, channels]` to orthonormal coefficients `[blocks, 64 zigzag,
/// channels]`.
///
/// # Panics
/// If the slices are not of the same length, a whole number of blocks.
pub fn forward_dct_into(isa: Isa, channels: usize, pixels: &[f32], map: &mut [f32]) {
    let blocks = whole_blocks(pixels, map, channels);
    forward_from_pixels(isa, (blocks, channels), pixels, stacked(channels), map, false);
}

fn whole_blocks(from: &[f32], to: &[f32], channels: usize) -> usize {
    assert_eq!(from.len(), to.len(), "coefficients and pixels are equally many");
    assert_eq!(from.len() % (BLOCK * channels), 0, "a feature map is a whole number of blocks");
    from.len() / (BLOCK * channels)
}

/// One block above the other.
fn stacked(channels: usize) -> PixelLayout {
    PixelLayout { offset: 0, row: SIDE * channels, blocks_wide: 1 }
}

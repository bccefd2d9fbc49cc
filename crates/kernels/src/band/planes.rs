//! The DCT of blocks whose coefficients end at a diagonal: lines above it are not there, the others are short.

use crate::block::SIDE;
use crate::dct::{Vectors, forward_line, inverse_line};
use pulp::Simd;

/// Calls with the shortest compiled length that holds `n` coefficients.
macro_rules! with_length {
    ($n:expr, $N:ident => $call:expr) => {
        match $n {
            0 | 1 => {
                const $N: usize = 1;
                $call
            }
            2 => {
                const $N: usize = 2;
                $call
            }
            3 | 4 => {
                const $N: usize = 4;
                $call
            }
            5 | 6 => {
                const $N: usize = 6;
                $call
            }
            _ => {
                const $N: usize = 8;
                $call
            }
        }
    };
}
pub(super) use with_length;

/// Coefficients of row (or column) `line` with `α + β < frequencies`.
#[inline(always)]
pub(super) fn line_length(frequencies: usize, line: usize) -> usize {
    frequencies.saturating_sub(line).min(SIDE)
}

/// Pixels of a row-major block in place of its coefficients; those with `α + β ≥ frequencies` are taken to be zero,
/// whatever they hold.
#[inline(always)]
pub(super) fn inverse_band<S: Simd>(simd: S, frequencies: usize, block: &mut Vectors<S>) {
    let zero = simd.splat_f32s(0.0);
    let lines = line_length(frequencies, 0);
    for row in 0..lines {
        let length = line_length(frequencies, row);
        let line: &mut [S::f32s; 8] = row_of::<S>(block, row);
        for value in &mut line[length..] {
            *value = zero;
        }
        with_length!(length, N => *line = inverse_line::<S, N>(simd, *line));
    }
    for value in &mut block[lines * SIDE..] {
        *value = zero;
    }
    with_length!(lines, N => for column in 0..SIDE {
        set_column::<S, 8>(block, column, inverse_line::<S, N>(simd, column_of::<S, N>(simd, block, column)));
    });
}

/// Coefficients of a row-major block in place of its pixels; those with `α + β ≥ frequencies` are left undefined.
#[inline(always)]
pub(super) fn forward_band<S: Simd>(simd: S, frequencies: usize, block: &mut Vectors<S>) {
    let lines = line_length(frequencies, 0);
    with_length!(lines, N => for column in 0..SIDE {
        set_column::<S, N>(block, column, forward_line::<S, N>(simd, column_of::<S, 8>(simd, block, column)));
    });
    for row in 0..lines {
        let line = row_of::<S>(block, row);
        with_length!(line_length(frequencies, row), N => *line = forward_line::<S, N>(simd, *line));
    }
}

#[inline(always)]
fn row_of<S: Simd>(block: &mut Vectors<S>, row: usize) -> &mut [S::f32s; 8] {
    &mut block.as_chunks_mut::<8>().0[row]
}

#[inline(always)]
fn column_of<S: Simd, const N: usize>(simd: S, block: &Vectors<S>, column: usize) -> [S::f32s; 8] {
    let mut line = [simd.splat_f32s(0.0); 8];
    for row in 0..N {
        line[row] = block[row * SIDE + column];
    }
    line
}

#[inline(always)]
fn set_column<S: Simd, const N: usize>(block: &mut Vectors<S>, column: usize, line: [S::f32s; 8]) {
    for row in 0..N {
        block[row * SIDE + column] = line[row];
    }
}

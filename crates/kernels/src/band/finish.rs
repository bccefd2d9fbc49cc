//! What a kernel on band maps does to a block before it stores it: bias, residual, truncation, activation.

use super::planes::{forward_band, inverse_band, line_length};
use super::shape::BandShape;
use super::sign_bound::SignBound;
use crate::block::{SIDE, ZIGZAG_TO_ROW_MAJOR};
use crate::dct::Vectors;
use crate::isa::Lanes;
use crate::pixels::{Activation, Epilogue};
use pulp::Simd;

/// An epilogue for the blocks of a map.
#[derive(Clone, Copy)]
pub(super) struct Finish<'a> {
    pub shape: BandShape,
    pub epilogue: Epilogue<'a>,
    bound: SignBound,
}

/// Which block of the map and of the kernel's output, and from which channel on.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Row and column of the block in its image.
    pub row: usize,
    pub column: usize,
    /// Number of the block in the output.
    pub block: usize,
    pub channel: usize,
}

impl<'a> Finish<'a> {
    pub(super) fn new(shape: BandShape, epilogue: Epilogue<'a>) -> Self {
        Finish { shape, epilogue, bound: SignBound::new(shape.frequencies) }
    }

    /// `P·f(P(block + bias + residual))` of one group of channels into `output`. The block is row-major; what it holds
    /// above the band is ignored.
    #[inline(always)]
    pub(super) fn store<S: Simd, L: Lanes>(
        &self,
        simd: S,
        lanes: L,
        block: &mut Vectors<S>,
        place: Place,
        output: &mut [f32],
    ) {
        let Finish { shape, epilogue, bound } = *self;
        let (kept, channels) = (shape.kept(), shape.channels);
        let start = place.block * kept * channels + place.channel;
        if let Some(bias) = epilogue.bias {
            let bias = lanes.load(simd, &bias[place.channel..]);
            add_constant(simd, shape, bias, place, block);
        }
        if let Some(residual) = epilogue.residual {
            let residual = &residual[start..];
            for (position, &index) in ZIGZAG_TO_ROW_MAJOR[..kept].iter().enumerate() {
                let value = &mut block[usize::from(index) % 64];
                *value = simd.add_f32s(*value, lanes.load(simd, &residual[position * channels..]));
            }
        }
        activate(simd, shape.frequencies, epilogue.activation, bound, block);
        let output = &mut output[start..];
        for (position, &index) in ZIGZAG_TO_ROW_MAJOR[..kept].iter().enumerate() {
            lanes.store(simd, &mut output[position * channels..], block[usize::from(index) % 64]);
        }
    }
}

/// `P·DCT(f(IDCT P x))` of a row-major block.
#[inline(always)]
pub(super) fn activate<S: Simd>(
    simd: S,
    frequencies: usize,
    activation: Activation,
    bound: SignBound,
    block: &mut Vectors<S>,
) {
    match activation {
        Activation::Identity => return,
        Activation::Relu => {
            if bound.relu_of_constant_signs(simd, frequencies, block) {
                return;
            }
        }
        Activation::Function(_) => {}
    }
    inverse_band(simd, frequencies, block);
    for value in block.iter_mut() {
        *value = activation.apply(simd, *value);
    }
    forward_band(simd, frequencies, block);
}

/// Adds the constant b inside the map's true size: `b·DCT(1) = 8b` at DC where a block is whole.
#[inline(always)]
fn add_constant<S: Simd>(simd: S, shape: BandShape, constant: S::f32s, place: Place, block: &mut Vectors<S>) {
    let rows = SIDE.min(shape.height - place.row * SIDE);
    let columns = SIDE.min(shape.width - place.column * SIDE);
    if rows == SIDE && columns == SIDE {
        block[0] = simd.mul_add_e_f32s(simd.splat_f32s(8.0), constant, block[0]);
        return;
    }
    let (vertical, horizontal) = (INSIDE[rows], INSIDE[columns]);
    for (row, weight) in vertical.iter().enumerate() {
        for column in 0..line_length(shape.frequencies, row) {
            let weight = simd.splat_f32s(weight * horizontal[column]);
            let value = &mut block[row * SIDE + column];
            *value = simd.mul_add_e_f32s(weight, constant, *value);
        }
    }
}

/// `INSIDE[n]`: the DCT of a line that is 1 at its first n pixels and 0 at the others.
const INSIDE: [[f32; SIDE]; SIDE + 1] = inside();

const fn inside() -> [[f32; SIDE]; SIDE + 1] {
    use crate::dct::DCT;
    let mut table = [[0.0; SIDE]; SIDE + 1];
    let mut count = 1;
    while count <= SIDE {
        let mut frequency = 0;
        while frequency < SIDE {
            table[count][frequency] = table[count - 1][frequency] + DCT[frequency][count - 1];
            frequency += 1;
        }
        count += 1;
    }
    table
}

//! 1×1 filters at stride 1 commute with the DCT and with the truncation: one matrix product over the kept coefficients.

use super::finish::{Finish, Place};
use super::shape::ConvShape;
use crate::block::ZIGZAG_TO_ROW_MAJOR;
use crate::dct::Vectors;
use crate::isa::{Full, Isa, Lanes, Panels, Partial, Rows, multiply_panels, padded};
use crate::pixels::Epilogue;
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Rows of coefficients multiplied before they are finished.
const ROWS: usize = 256;

/// A 1×1 convolution of band maps.
#[derive(Clone, Debug)]
pub struct Pointwise {
    shape: ConvShape,
    panels: Panels,
}

impl Pointwise {
    /// A convolution of this shape.
    ///
    /// # Panics
    /// If frequencies are not in 1…15.
    #[must_use]
    pub fn new(shape: ConvShape) -> Pointwise {
        assert!(shape.input().kept() > 0 && shape.output().kept() > 0);
        Pointwise { shape, panels: Panels::new(shape.input_channels, shape.output_channels) }
    }

    /// The shape it was made for.
    #[must_use]
    pub fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// Multiplies of a block for each pair of channels.
    #[must_use]
    pub fn multiplies(&self) -> usize {
        self.common()
    }

    /// Floats of a packed filter.
    #[must_use]
    pub fn packed_len(&self) -> usize {
        self.panels.packed_len()
    }

    /// Packs a filter `[out, in, 1, 1]`, each output channel scaled by `scale[out]` if given.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn pack_filter_into(&self, filter: &[f32], scale: Option<&[f32]>, packed: &mut [f32]) {
        let ConvShape { input_channels, output_channels, .. } = self.shape;
        assert_eq!(filter.len(), output_channels * input_channels, "a filter is [out, in, 1, 1]");
        assert_eq!(packed.len(), self.packed_len(), "a packed filter has packed_len floats");
        assert!(scale.is_none_or(|scale| scale.len() == output_channels), "one scale an output channel");
        packed.fill(0.0);
        for (out, row) in filter.chunks_exact(input_channels).enumerate() {
            for (input, weight) in row.iter().enumerate() {
                packed[self.panels.index(input, out)] = weight * scale.map_or(1.0, |scale| scale[out]);
            }
        }
    }

    /// Floats of scratch for any range of rows.
    #[must_use]
    pub fn workspace_len(&self) -> usize {
        self.blocks_at_once() * self.shape.input().kept() * padded(self.shape.output_channels)
    }

    /// Computes the rows `block_rows` of the batch's rows of blocks: `input` is the whole batch `[images, blocks high,
    /// blocks wide, kept, in]`, `output` and the epilogue's residual are those rows.
    ///
    /// # Panics
    /// If a slice does not have the length its shape says or is too short.
    #[expect(clippy::too_many_arguments, reason = "a convolution has an input, a filter, an output and an epilogue")]
    pub fn forward_rows(
        &self,
        isa: Isa,
        block_rows: Range<usize>,
        input: &[f32],
        packed: &[f32],
        epilogue: Epilogue,
        output: &mut [f32],
        workspace: &mut [f32],
    ) {
        let (from, to) = (self.shape.input(), self.shape.output());
        assert!(block_rows.end * from.row_len() <= input.len(), "the input has the rows");
        assert_eq!(output.len(), block_rows.len() * to.row_len(), "the output has the rows");
        assert!(epilogue.residual.is_none_or(|residual| residual.len() == output.len()), "a residual for every output");
        assert!(epilogue.bias.is_none_or(|bias| bias.len() == to.channels), "one bias a channel");
        assert_eq!(packed.len(), self.packed_len(), "a packed filter has packed_len floats");
        let finish = Finish::new(to, epilogue);
        isa.run(Forward { method: self, block_rows, input, packed, finish, output, workspace });
    }

    /// Coefficients of a block that the input has and the output keeps.
    fn common(&self) -> usize {
        self.shape.input().kept().min(self.shape.output().kept())
    }

    fn blocks_at_once(&self) -> usize {
        (ROWS / self.shape.input().kept()).max(1)
    }
}

struct Forward<'a> {
    method: &'a Pointwise,
    block_rows: Range<usize>,
    input: &'a [f32],
    packed: &'a [f32],
    finish: Finish<'a>,
    output: &'a mut [f32],
    workspace: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Forward { method, block_rows, input, packed, finish, output, workspace } = self;
        let (from, to) = (method.shape.input(), method.shape.output());
        let stride = padded(to.channels);
        let end = block_rows.end * from.wide();
        let mut first = block_rows.start * from.wide();
        while first < end {
            let blocks = method.blocks_at_once().min(end - first);
            let at = Rows { offset: first * from.block_len(), stride: from.channels };
            let ot = Rows { offset: 0, stride };
            multiply_panels(simd, blocks * from.kept(), (input, at), (packed, method.panels), (workspace, ot));
            for number in 0..blocks {
                let block = first + number;
                let place = Place {
                    row: block / to.wide() % to.high(),
                    column: block % to.wide(),
                    block: block - block_rows.start * to.wide(),
                    channel: 0,
                };
                let products = &workspace[number * from.kept() * stride..(number + 1) * from.kept() * stride];
                let mut channel = 0;
                while channel < to.channels {
                    let place = Place { channel, ..place };
                    let mut values: Vectors<S> = [simd.splat_f32s(0.0); 64];
                    for (position, &index) in ZIGZAG_TO_ROW_MAJOR[..method.common()].iter().enumerate() {
                        values[usize::from(index) % 64] = Full.load(simd, &products[position * stride + channel..]);
                    }
                    if channel + S::F32_LANES <= to.channels {
                        finish.store(simd, Full, &mut values, place, output);
                    } else {
                        finish.store(simd, Partial::new(to.channels - channel), &mut values, place, output);
                    }
                    channel += S::F32_LANES;
                }
            }
            first += blocks;
        }
    }
}

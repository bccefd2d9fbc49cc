//! A 3×3 convolution at stride 1 by the diagonalised explosion: under symmetric extension its symmetric part is diagonal
//! in the DCT and its antisymmetric part takes cosine k to sine k, so each coefficient meets up to four filters (cosines
//! or sines, vertically and horizontally) in one matrix product over the channels. What the ring of real neighbours adds
//! to the symmetric extension is of rank one per side. The algebra is in docs/convolutions.md.

mod combine;
mod edges;
mod slots;

use super::finish::{Finish, Place};
use super::shape::ConvShape;
use crate::block::SIDE;
use crate::dct::Vectors;
use crate::isa::{Full, Isa, Panels, Partial, Rows, multiply_panels, padded};
use crate::pixels::Epilogue;
use combine::{Products, sine_to_cosine_matrix};
use edges::Edges;
use pulp::{Simd, WithSimd};
use slots::{GROUP, Slots, Source};
use std::ops::Range;

/// Floats of a run's products: half of a second-level cache of 1 MiB.
const PRODUCTS: usize = 1 << 17;

/// Blocks of a run: enough rows that a product reads its filter for many, few enough that the products stay in the cache.
const BLOCKS: Range<usize> = 16..64;

/// `P∘Ξ` of a 3×3 filter at stride 1 with padding 1 on band maps that fill whole blocks. Float error relative to the
/// largest output: below 1e-6 in tests of up to 64 channels; none of its transforms grows rounding errors.
#[derive(Clone, Debug)]
pub struct Diagonalised {
    shape: ConvShape,
    slots: Slots,
    change: [[f32; SIDE]; SIDE],
}

impl Diagonalised {
    /// A convolution of this shape; none if the map does not fill whole blocks, beyond which the coefficients would have
    /// to be zero pixels and truncated ones are not.
    ///
    /// # Panics
    /// If frequencies are not in 1…15.
    #[must_use]
    pub fn new(shape: ConvShape) -> Option<Diagonalised> {
        if !shape.input().is_whole() {
            return None;
        }
        let products = Slots::new(&shape, 1).each.len();
        let blocks = (PRODUCTS / (products * GROUP)).clamp(BLOCKS.start, BLOCKS.end) / 8 * 8;
        Some(Diagonalised { shape, slots: Slots::new(&shape, blocks), change: sine_to_cosine_matrix() })
    }

    /// The shape it was made for.
    #[must_use]
    pub fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// Multiplies of a block for each pair of channels; the direct convolution has 576.
    #[must_use]
    pub fn multiplies(&self) -> usize {
        self.slots.each.len()
    }

    /// Multiplies of a block for each channel in (the edges) and for each channel out (the change of basis).
    #[must_use]
    pub fn multiplies_of_transforms(&self) -> (usize, usize) {
        let kept = self.shape.output().kept();
        (2 * self.shape.input().kept() + 4 * self.shape.input().line(), 3 * 28 * self.shape.output().line() + 2 * kept)
    }

    /// Floats of a packed filter.
    #[must_use]
    pub fn packed_len(&self) -> usize {
        padded(self.shape.output_channels) * self.shape.input_channels * self.slots.filters()
    }

    /// Packs a filter `[out, in, 3, 3]`, each output channel scaled by `scale[out]` if given (a batch normalisation
    /// folded in).
    ///
    /// # Panics
    /// If a slice does not have the length its shape says.
    pub fn pack_filter_into(&self, filter: &[f32], scale: Option<&[f32]>, packed: &mut [f32]) {
        let ConvShape { input_channels, output_channels, .. } = self.shape;
        assert_eq!(filter.len(), output_channels * input_channels * 9, "a filter is [out, in, 3, 3]");
        assert_eq!(packed.len(), self.packed_len(), "a packed filter has packed_len floats");
        assert!(scale.is_none_or(|scale| scale.len() == output_channels), "one scale an output channel");
        packed.fill(0.0);
        for group in self.groups() {
            let packed = &mut packed[self.filters_of(&group)];
            for input in 0..input_channels {
                for out in group.start..group.end.min(output_channels) {
                    let scale = scale.map_or(1.0, |scale| f64::from(scale[out]));
                    let taps = &filter[(out * input_channels + input) * 9..][..9];
                    let k = std::array::from_fn(|u| std::array::from_fn(|v| f64::from(taps[u * 3 + v]) * scale));
                    let at = input * group.len() + out - group.start;
                    self.slots.for_each_weight(&k, |number, weight| {
                        #[expect(clippy::cast_possible_truncation, reason = "filters are float32")]
                        {
                            packed[number * input_channels * group.len() + at] = weight as f32;
                        }
                    });
                }
            }
        }
    }

    /// Floats of scratch for any range of rows.
    #[must_use]
    pub fn workspace_len(&self) -> usize {
        let input = self.shape.input();
        Edges::len(&input, self.rows_at_once()) + self.slots.operands_len(input.channels) + self.slots.products_len()
    }

    /// Rows of blocks that make one run of products: what a thread should be given at least.
    #[must_use]
    pub fn rows_at_once(&self) -> usize {
        (self.slots.blocks / self.shape.input().wide()).max(1)
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
        let images = block_rows.end.div_ceil(from.high());
        assert!(images * from.image_len() <= input.len(), "the input has the images");
        assert_eq!(output.len(), block_rows.len() * to.row_len(), "the output has the rows");
        assert!(epilogue.residual.is_none_or(|residual| residual.len() == output.len()), "a residual for every output");
        assert!(epilogue.bias.is_none_or(|bias| bias.len() == to.channels), "one bias a channel");
        assert_eq!(packed.len(), self.packed_len(), "a packed filter has packed_len floats");
        assert!(workspace.len() >= self.workspace_len(), "scratch has workspace_len floats");
        let finish = Finish::new(to, epilogue);
        isa.run(Forward { method: self, block_rows, input, packed, finish, output, workspace });
    }

    /// Output channels that are computed together, padded: the panels of a filter.
    #[inline(always)]
    fn groups(&self) -> impl Iterator<Item = Range<usize>> {
        let panels = Panels::new(self.shape.input_channels, self.shape.output_channels);
        panels.each().map(|(start, width)| start..start + width)
    }

    /// Where the filters of a group lie, `[filter, in, out]`.
    #[inline(always)]
    fn filters_of(&self, group: &Range<usize>) -> Range<usize> {
        let each = self.slots.filters() * self.shape.input_channels;
        group.start * each..group.end * each
    }
}

struct Forward<'a> {
    method: &'a Diagonalised,
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
    fn with_simd<S: Simd>(mut self, simd: S) {
        let Forward { method, input, .. } = self;
        let from = method.shape.input();
        let (edges_len, operands_len) =
            (Edges::len(&from, method.rows_at_once()), method.slots.operands_len(from.channels));
        let workspace = std::mem::take(&mut self.workspace);
        let (edges, workspace) = workspace.split_at_mut(edges_len);
        let (operands, products) = workspace.split_at_mut(operands_len);
        let zeros = method.slots.each.len() * method.slots.product_step();
        products[zeros..method.slots.products_len()].fill(0.0);
        for row in self.block_rows.clone().step_by(method.rows_at_once()) {
            let rows = row..(row + method.rows_at_once()).min(self.block_rows.end);
            let edges = Edges::of(simd, from, rows.clone(), input, edges);
            let blocks = rows.start * from.wide()..rows.end * from.wide();
            let runs = blocks.len().div_ceil(method.slots.blocks);
            let run_len = blocks.len().div_ceil(runs);
            let mut start = blocks.start;
            while start < blocks.end {
                let run = start..(start + run_len).min(blocks.end);
                edges.operands_into(&method.slots, run.clone(), operands);
                self.copy_coefficients(run.clone(), operands);
                for group in method.groups() {
                    self.multiply(simd, &group, run.len(), operands, products);
                    self.combine(simd, &group, run.clone(), products);
                }
                start = run.end;
            }
        }
    }
}

impl Forward<'_> {
    /// The coefficients of a run's blocks, position after position.
    #[inline(always)]
    fn copy_coefficients(&self, run: Range<usize>, operands: &mut [f32]) {
        let Forward { method, input, .. } = *self;
        let from = method.shape.input();
        let channels = from.channels;
        let step = method.slots.operand_step(channels);
        for (number, block) in run.enumerate() {
            let map = &input[block * from.block_len()..(block + 1) * from.block_len()];
            for (operand, source) in operands.chunks_mut(step).zip(&method.slots.sources) {
                if let Source::Coefficient { position, .. } = *source {
                    operand[number * channels..(number + 1) * channels]
                        .copy_from_slice(&map[position * channels..(position + 1) * channels]);
                }
            }
        }
    }

    #[inline(always)]
    fn multiply<S: Simd>(&self, simd: S, group: &Range<usize>, blocks: usize, operands: &[f32], products: &mut [f32]) {
        let method = self.method;
        let channels = method.shape.input_channels;
        let panels = Panels::new(channels, group.len());
        let packed = &self.packed[method.filters_of(group)];
        let step = method.slots.operand_step(channels);
        // Two or three rows more than a multiple of four cost less as four, the last of them never read.
        let rows = if blocks % 4 >= 2 { blocks.next_multiple_of(4) } else { blocks };
        for (number, slot) in method.slots.each.iter().enumerate() {
            multiply_panels(
                simd,
                rows,
                (operands, Rows { offset: slot.source * step, stride: channels }),
                (&packed[slot.weight * panels.packed_len()..], panels),
                (products, Rows { offset: number * method.slots.product_step(), stride: group.len() }),
            );
        }
    }

    #[inline(always)]
    fn combine<S: Simd>(&mut self, simd: S, group: &Range<usize>, run: Range<usize>, products: &[f32]) {
        let Diagonalised { shape, slots, change } = self.method;
        let to = shape.output();
        let products = Products { slots, values: products, width: group.len(), change, frequencies: to.frequencies };
        let first = self.block_rows.start * to.wide();
        let mut values: Vectors<S> = [simd.splat_f32s(0.0); 64];
        let mut sines = values;
        for (number, block) in run.enumerate() {
            let (row, column) = (block / to.wide() % to.high(), block % to.wide());
            let mut channel = group.start;
            let end = to.channels.min(group.end);
            while channel < end {
                products.combine(simd, (number, channel - group.start), &mut sines, &mut values);
                let place = Place { row, column, block: block - first, channel };
                if channel + S::F32_LANES <= end {
                    self.finish.store(simd, Full, &mut values, place, self.output);
                } else {
                    self.finish.store(simd, Partial::new(end - channel), &mut values, place, self.output);
                }
                channel += S::F32_LANES;
            }
        }
    }
}

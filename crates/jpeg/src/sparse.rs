//! A JPEG's coefficients with the zeros left out.

use crate::coding::Coding;
use crate::colour::Colour;
use crate::orientation::Orientation;
use crate::warning::Warning;
use std::sync::Arc;

/// Coefficients in a block.
pub const BLOCK: usize = 64;

/// A JPEG file with its entropy coding undone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SparseJpeg {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// What the components stand for.
    pub colour: Colour,
    /// How the file was coded.
    pub coding: Coding,
    /// How the picture is to be turned to be seen upright, as Exif data says; the coefficients are as they are stored.
    pub orientation: Orientation,
    /// Bytes of the ICC profile, if there is one. It is not kept.
    pub icc_bytes: Option<u32>,
    /// One a component, in the file's order.
    pub components: Vec<Component>,
    /// Bytes of the file.
    pub file_bytes: usize,
    /// What is odd about the file without the picture being in doubt.
    pub notes: Vec<String>,
    /// What libjpeg doubted, if the file was to be used all the same.
    pub warnings: Vec<Warning>,
}

/// One component's plane of blocks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Component {
    /// The file's name for it.
    pub id: u8,
    /// Horizontal sampling factor, 1–4.
    pub horizontal: u8,
    /// Vertical sampling factor, 1–4.
    pub vertical: u8,
    /// Blocks from top to bottom, without those that only complete an MCU.
    pub blocks_high: usize,
    /// Blocks from left to right.
    pub blocks_wide: usize,
    /// Quantisation steps, row-major.
    pub quantisation: Arc<[u16; BLOCK]>,
    /// The quantised coefficients.
    pub blocks: SparseBlocks,
}

/// Quantised coefficients of a plane of blocks: per block a count, then that many (position, value) pairs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SparseBlocks {
    counts: Box<[u8]>,
    positions: Box<[u8]>,
    values: Box<[i16]>,
}

impl SparseBlocks {
    /// Takes the non-zeros of dense blocks, each 64 coefficients in row-major order.
    #[must_use]
    pub fn from_dense<'a>(blocks: impl IntoIterator<Item = &'a [i16; BLOCK]>) -> Self {
        let mut sparse = SparseBuilder::default();
        blocks.into_iter().for_each(|block| sparse.push(block));
        sparse.finish()
    }

    /// How many blocks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether there are no blocks.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Non-zero coefficients of each block.
    #[must_use]
    pub fn counts(&self) -> &[u8] {
        &self.counts
    }

    /// Row-major positions of all non-zeros, block after block, ascending within a block.
    #[must_use]
    pub fn positions(&self) -> &[u8] {
        &self.positions
    }

    /// Quantised values of all non-zeros, block after block.
    #[must_use]
    pub fn values(&self) -> &[i16] {
        &self.values
    }

    /// The positions and values of each block.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[i16])> {
        let mut start = 0;
        self.counts.iter().map(move |&count| {
            let range = start..start + usize::from(count);
            start = range.end;
            (&self.positions[range.clone()], &self.values[range])
        })
    }

    /// All coefficients, zeros included: `[blocks, 64]`, row-major within a block.
    #[must_use]
    pub fn to_dense(&self) -> Vec<i16> {
        let mut dense = vec![0; self.len() * BLOCK];
        for (block, (positions, values)) in dense.chunks_exact_mut(BLOCK).zip(self.iter()) {
            for (&position, &value) in positions.iter().zip(values) {
                block[usize::from(position)] = value;
            }
        }
        dense
    }

    /// Non-zero coefficients of all blocks.
    #[must_use]
    pub fn non_zeros(&self) -> usize {
        self.values.len()
    }

    /// Bytes of memory its contents take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.counts.len() + self.positions.len() + size_of_val(&*self.values)
    }
}

impl SparseJpeg {
    /// A picture that is in no file: baseline, stored upright, without remarks.
    #[must_use]
    pub fn new(width: u32, height: u32, colour: Colour, components: Vec<Component>) -> Self {
        SparseJpeg {
            width,
            height,
            colour,
            coding: Coding::Baseline,
            orientation: Orientation::TopLeft,
            icc_bytes: None,
            components,
            file_bytes: 0,
            notes: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The largest sampling factors, horizontal and vertical.
    #[must_use]
    pub fn largest_sampling(&self) -> (u8, u8) {
        let largest = |factor: fn(&Component) -> u8| self.components.iter().map(factor).max().unwrap_or(1);
        (largest(|component| component.horizontal), largest(|component| component.vertical))
    }

    /// Blocks high and wide that a component of these sampling factors has, without those that only complete an MCU
    /// (ITU-T T.81, A.1.1 and A.2.4).
    #[must_use]
    pub fn blocks_of(&self, component: &Component) -> (usize, usize) {
        let (horizontal, vertical) = self.largest_sampling();
        let blocks = |side: u32, own: u8, largest: u8| {
            (side as usize * usize::from(own)).div_ceil(8 * usize::from(largest.max(1)))
        };
        (blocks(self.height, component.vertical, vertical), blocks(self.width, component.horizontal, horizontal))
    }

    /// Bytes of memory it takes, quantisation tables (which images can share) left out.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let components: usize = self.components.iter().map(|component| component.blocks.bytes()).sum();
        components + size_of_val(self) + size_of_val(&*self.components)
    }
}

/// Collects blocks one after the other.
#[derive(Default)]
pub(crate) struct SparseBuilder {
    counts: Vec<u8>,
    /// Longer than `used` by some zeros, so that a block is written without asking for room at every coefficient.
    positions: Vec<u8>,
    values: Vec<i16>,
    used: usize,
}

impl SparseBuilder {
    pub(crate) fn with_blocks(blocks: usize) -> Self {
        let expected = blocks * 8 + BLOCK;
        SparseBuilder {
            counts: Vec::with_capacity(blocks),
            positions: vec![0; expected],
            values: vec![0; expected],
            used: 0,
        }
    }

    pub(crate) fn push(&mut self, block: &[i16; BLOCK]) {
        self.push_present(block, non_zeros_of(block));
    }

    /// Appends a block; bit k of `present` is set where coefficient k is not zero.
    pub(crate) fn push_present(&mut self, block: &[i16; BLOCK], present: u64) {
        if self.values.len() < self.used + BLOCK {
            let length = self.values.len() * 2 + BLOCK;
            self.positions.resize(length, 0);
            self.values.resize(length, 0);
        }
        let positions = &mut self.positions[self.used..self.used + BLOCK];
        let values = &mut self.values[self.used..self.used + BLOCK];
        let mut rest = present;
        let mut count = 0u8;
        while rest != 0 {
            #[expect(clippy::cast_possible_truncation, reason = "a position is below 64")]
            let position = rest.trailing_zeros() as u8;
            positions[usize::from(count)] = position;
            values[usize::from(count)] = block[usize::from(position)];
            count += 1;
            rest &= rest - 1;
        }
        self.counts.push(count);
        self.used += usize::from(count);
    }

    pub(crate) fn finish(mut self) -> SparseBlocks {
        self.positions.truncate(self.used);
        self.values.truncate(self.used);
        SparseBlocks {
            counts: self.counts.into_boxed_slice(),
            positions: self.positions.into_boxed_slice(),
            values: self.values.into_boxed_slice(),
        }
    }
}

/// Bit k is set where coefficient k is not zero. A loop over its bits takes as many rounds as there are non-zeros, where
/// a test of all 64 would mispredict at most of them.
fn non_zeros_of(block: &[i16; BLOCK]) -> u64 {
    /// Moves the lowest bit of byte k to bit 56 + k; no two products meet.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    // All bytes before any bits: a loop the compiler turns into a few vector comparisons.
    let mut flags = [0u8; BLOCK];
    for (flag, &value) in flags.iter_mut().zip(block) {
        *flag = u8::from(value != 0);
    }
    let mut mask = [0u8; 8];
    for (bits, row) in mask.iter_mut().zip(flags.as_chunks().0) {
        [.., *bits] = u64::from_le_bytes(*row).wrapping_mul(GATHER).to_le_bytes();
    }
    u64::from_le_bytes(mask)
}

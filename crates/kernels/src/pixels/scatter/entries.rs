//! A row of blocks as the responses to add: pairs of a response and its weight.

use super::axis::{FIRST, LAST, PROFILES};
use super::plane::Plane;
use crate::block::{BLOCK, SIDE};
use crate::dct::DCT;
use crate::input::SparsePlane;

/// A growing list of pairs in memory for floats: which response, as bits, and its weight.
pub(super) struct Entries<'a> {
    memory: &'a mut [f32],
    count: usize,
}

impl<'a> Entries<'a> {
    /// The most pairs of a block.
    pub(super) const MOST: usize = PROFILES * PROFILES;

    pub(super) fn new(memory: &'a mut [f32]) -> Self {
        Entries { memory, count: 0 }
    }

    fn push(&mut self, vertical: usize, horizontal: usize, weight: f32) {
        if weight != 0.0 {
            let number = u32::try_from(vertical * PROFILES + horizontal).unwrap_or(0);
            self.memory[2 * self.count] = f32::from_bits(number);
            self.memory[2 * self.count + 1] = weight;
            self.count += 1;
        }
    }
}

/// The pair's response and its weight.
#[inline(always)]
pub(super) fn entry(pair: &[f32]) -> (usize, f32) {
    (pair[0].to_bits() as usize, pair[1])
}

impl Plane {
    /// Lists the responses that a row of blocks adds; `ends` gets the end of every block's, in pairs.
    pub(super) fn list(&self, sparse: &SparsePlane, row: usize, entries: &mut Entries, ends: &mut [f32]) {
        let wide = self.grid.wide;
        let skipped = row * wide;
        let mut at: usize = sparse.counts[..skipped].iter().map(|&count| usize::from(count)).sum();
        for (column, end) in ends[..wide].iter_mut().enumerate() {
            let range = at..at + usize::from(sparse.counts[skipped + column]);
            at = range.end;
            let non_zeros =
                sparse.positions[range.clone()].iter().zip(&sparse.values[range]).map(|(&position, &value)| {
                    let position = usize::from(position);
                    (position, f32::from(value) * f32::from(sparse.quantisation[position]))
                });
            if !self.vertical.is_at_edge(row) && !self.horizontal.is_at_edge(column) {
                for (position, value) in non_zeros {
                    entries.push(position / SIDE, position % SIDE, value);
                }
            } else {
                let mut block = [0.0; BLOCK];
                for (position, value) in non_zeros {
                    block[position] = value;
                }
                self.list_at_edge(row, column, block, entries);
            }
            *end = f32::from_bits(u32::try_from(entries.count).unwrap_or(u32::MAX));
        }
    }

    /// The responses of a block some of whose samples lie beyond the picture or are repeated at its edge.
    fn list_at_edge(&self, row: usize, column: usize, block: [f32; BLOCK], entries: &mut Entries) {
        let ((last_row, rows), (last_column, columns)) = (self.vertical.last_block(), self.horizontal.last_block());
        let rows = if row == last_row { rows } else { SIDE };
        let columns = if column == last_column { columns } else { SIDE };
        let block = cut(&block, rows, columns);
        for (position, &value) in block.iter().enumerate() {
            entries.push(position / SIDE, position % SIDE, value);
        }
        // Samples of a line of coefficients, by the profile that corrects them.
        let [vertical, horizontal] = [
            edges((row == 0 && self.vertical.corrects_first, row == last_row && self.vertical.corrects_last), rows),
            edges(
                (column == 0 && self.horizontal.corrects_first, column == last_column && self.horizontal.corrects_last),
                columns,
            ),
        ];
        for &(profile, sample) in horizontal.iter().flatten() {
            for line in 0..SIDE {
                let value = (0..SIDE).map(|k| block[line * SIDE + k] * DCT[k][sample]).sum();
                entries.push(line, profile, value);
            }
        }
        for &(profile, sample) in vertical.iter().flatten() {
            let line: [f32; SIDE] =
                std::array::from_fn(|k| (0..SIDE).map(|line| block[line * SIDE + k] * DCT[line][sample]).sum());
            for (k, &value) in line.iter().enumerate() {
                entries.push(profile, k, value);
            }
            for &(other, sample) in horizontal.iter().flatten() {
                entries.push(profile, other, (0..SIDE).map(|k| line[k] * DCT[k][sample]).sum());
            }
        }
    }
}

/// The profiles that correct the first and the last of `valid` samples, where they are corrected.
fn edges((first, last): (bool, bool), valid: usize) -> [Option<(usize, usize)>; 2] {
    [first.then_some((FIRST, 0)), last.then_some((LAST, valid - 1))]
}

/// The coefficients of a block whose samples beyond the first `rows` and `columns` are zero.
fn cut(block: &[f32; BLOCK], rows: usize, columns: usize) -> [f32; BLOCK] {
    let mut cut = *block;
    for (count, across, along) in [(columns, SIDE, 1), (rows, 1, SIDE)] {
        if count < SIDE {
            for line in 0..SIDE {
                let old: [f32; SIDE] = std::array::from_fn(|k| cut[line * across + k * along]);
                let samples: [f32; SIDE] =
                    std::array::from_fn(|n| if n < count { (0..SIDE).map(|k| old[k] * DCT[k][n]).sum() } else { 0.0 });
                for k in 0..SIDE {
                    cut[line * across + k * along] = (0..SIDE).map(|n| samples[n] * DCT[k][n]).sum();
                }
            }
        }
    }
    cut
}

//! Components of files.

use jpegnet_kernels::input::SparsePlane;
use jpegnet_kernels::{BLOCK, Grid, definition};

/// A component as a file would give it.
pub struct Plane {
    pub grid: Grid,
    pub quantisation: [u16; BLOCK],
    pub counts: Vec<u8>,
    pub positions: Vec<u8>,
    pub values: Vec<i16>,
    pub ratios: (usize, usize),
}

impl Plane {
    pub fn new(grid: Grid, quantisation: [u16; BLOCK], dense: &[i16], ratios: (usize, usize)) -> Plane {
        let (mut counts, mut positions, mut values) = (vec![], vec![], vec![]);
        for block in dense.chunks_exact(BLOCK) {
            let before = values.len();
            for (position, &value) in (0u8..).zip(block).filter(|(_, value)| **value != 0) {
                positions.push(position);
                values.push(value);
            }
            counts.push(u8::try_from(values.len() - before).unwrap());
        }
        Plane { grid, quantisation, counts, positions, values, ratios }
    }

    pub fn sparse(&self) -> SparsePlane<'_> {
        SparsePlane {
            grid: self.grid,
            quantisation: &self.quantisation,
            counts: &self.counts,
            positions: &self.positions,
            values: &self.values,
            horizontal_ratio: self.ratios.0,
            vertical_ratio: self.ratios.1,
        }
    }

    /// Level-shifted samples, `[8·high, 8·wide]`.
    pub fn samples(&self) -> Vec<f64> {
        let wide = self.grid.wide * 8;
        let mut samples = vec![0.0; self.grid.blocks() * BLOCK];
        let (mut positions, mut values) = (self.positions.iter(), self.values.iter());
        for (number, &count) in self.counts.iter().enumerate() {
            let mut block = [0.0; BLOCK];
            for _ in 0..count {
                let position = usize::from(*positions.next().unwrap());
                block[position] = f64::from(*values.next().unwrap()) * f64::from(self.quantisation[position]);
            }
            for (at, sample) in definition::inverse_dct_block(&block).into_iter().enumerate() {
                let (y, x) = (number / self.grid.wide * 8 + at / 8, number % self.grid.wide * 8 + at % 8);
                samples[y * wide + x] = sample;
            }
        }
        samples
    }
}

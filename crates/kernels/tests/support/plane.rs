//! Components of files.

use super::Random;
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

    /// Random coefficients, a quarter of them, of a component of a picture of `(width, height)`.
    pub fn random((width, height): (usize, usize), ratios: (usize, usize), random: &mut Random) -> Plane {
        #[expect(clippy::cast_possible_truncation, reason = "small whole numbers")]
        let mut below = |limit: i16| random.between(0.0, limit.into()) as i16;
        let side = |pixels: usize, ratio: usize| pixels.div_ceil(ratio).div_ceil(8);
        let grid = Grid { high: side(height, ratios.1), wide: side(width, ratios.0) };
        let quantisation = std::array::from_fn(|_| 1 + below(30).unsigned_abs());
        let coefficient = |_| if below(4) == 0 { below(41) - 20 } else { 0 };
        let dense: Vec<i16> = (0..grid.blocks() * BLOCK).map(coefficient).collect();
        Plane::new(grid, quantisation, &dense, ratios)
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

    /// Level-shifted samples cut to the true size, upsampled, and cut to the picture's, `[height, width]`.
    pub fn full_size(&self, width: usize, height: usize) -> Vec<f64> {
        self.full_size_of(width, height, |sample| sample)
    }

    /// The same of samples that are changed first.
    pub fn full_size_of(&self, width: usize, height: usize, change: impl Fn(f64) -> f64) -> Vec<f64> {
        let samples: Vec<f64> = self.samples().into_iter().map(change).collect();
        definition::upsample_plane((&samples, self.grid.wide * 8), (width, height), self.ratios)
    }
}

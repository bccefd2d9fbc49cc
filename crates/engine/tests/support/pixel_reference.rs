//! What views and transforms do, on pixels in float64: decode, then one operation after the other, as torchvision's
//! functions are documented, without rounding and clamping.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "small pictures; not every test file uses what this is about"
)]

use jpegnet_engine::view::{ColourOperation, Pixels, Rectangle, Rgb, Sides};
use jpegnet_jpeg::SparseJpeg;
use jpegnet_kernels::BLOCK;
use jpegnet_kernels::definition::{inverse_dct_block, resize_line, upsample_plane};
use jpegnet_kernels::resize::{Filter, Padding};

/// Red, green and blue in grey levels.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub planes: [Vec<f64>; 3],
}

pub fn luma([red, green, blue]: [f64; 3]) -> f64 {
    0.299 * red + 0.587 * green + 0.114 * blue
}

impl Picture {
    /// The decoded file.
    pub fn of(jpeg: &SparseJpeg) -> Picture {
        let (width, height) = (jpeg.width as usize, jpeg.height as usize);
        let first = &jpeg.components[0];
        let planes: Vec<Vec<f64>> = jpeg
            .components
            .iter()
            .map(|component| {
                let wide = component.blocks_wide;
                let mut samples = vec![0.0; wide * component.blocks_high * BLOCK];
                for (number, block) in component.blocks.to_dense().chunks_exact(BLOCK).enumerate() {
                    let steps = component.quantisation.iter();
                    let block: Vec<f64> = block.iter().zip(steps).map(|(&v, &q)| f64::from(v) * f64::from(q)).collect();
                    for (at, sample) in inverse_dct_block(&block).into_iter().enumerate() {
                        let (y, x) = (number / wide * 8 + at / 8, number % wide * 8 + at % 8);
                        samples[y * wide * 8 + x] = sample;
                    }
                }
                let ratio = |most: u8, factor: u8| usize::from(most / factor);
                let ratios = (ratio(first.horizontal, component.horizontal), ratio(first.vertical, component.vertical));
                upsample_plane((&samples, wide * 8), (width, height), ratios)
            })
            .collect();
        let rgb = |at: usize| {
            let y = planes[0][at] + 128.0;
            let chroma = |plane: usize| planes.get(plane).map_or(0.0, |plane| plane[at]);
            let (cb, cr) = (chroma(1), chroma(2));
            [y + 1.402 * cr, y - 0.344_136_286 * cb - 0.714_136_286 * cr, y + 1.772 * cb]
        };
        let pixels: Vec<[f64; 3]> = (0..width * height).map(rgb).collect();
        let planes = std::array::from_fn(|c| pixels.iter().map(|pixel| pixel[c]).collect());
        Picture { width, height, planes }
    }

    /// Every plane by a function of its rows.
    fn of_rows(&self, height: usize, width: usize, change: impl Fn(usize, &[Vec<f64>]) -> Vec<Vec<f64>>) -> Picture {
        let planes = std::array::from_fn(|c| {
            let rows: Vec<Vec<f64>> = self.planes[c].chunks_exact(self.width).map(<[f64]>::to_vec).collect();
            change(c, &rows).concat()
        });
        Picture { width, height, planes }
    }

    pub fn crop(&self, Rectangle { left, top, width, height }: Rectangle) -> Picture {
        let cut =
            |_, rows: &[Vec<f64>]| rows[top..top + height].iter().map(|r| r[left..left + width].to_vec()).collect();
        self.of_rows(height, width, cut)
    }

    pub fn flip_horizontally(&self) -> Picture {
        let turned = |_, rows: &[Vec<f64>]| rows.iter().map(|row| row.iter().rev().copied().collect()).collect();
        self.of_rows(self.height, self.width, turned)
    }

    pub fn flip_vertically(&self) -> Picture {
        self.of_rows(self.height, self.width, |_, rows| rows.iter().rev().cloned().collect())
    }

    pub fn transpose(&self) -> Picture {
        let turned = |_, rows: &[Vec<f64>]| transposed(rows);
        self.of_rows(self.width, self.height, turned)
    }

    /// Clockwise: what was at the left is at the top.
    pub fn rotate(&self, quarters: u32) -> Picture {
        (0..quarters).fold(self.clone(), |picture, _| {
            let (height, width) = (picture.height, picture.width);
            let turned =
                |_, rows: &[Vec<f64>]| (0..width).map(|x| (0..height).rev().map(|y| rows[y][x]).collect()).collect();
            picture.of_rows(width, height, turned)
        })
    }

    pub fn resize(&self, width: usize, height: usize, filter: Filter) -> Picture {
        let resized = |_, rows: &[Vec<f64>]| {
            let rows: Vec<Vec<f64>> = rows.iter().map(|row| resize_line(row, width, filter)).collect();
            let columns: Vec<Vec<f64>> =
                transposed(&rows).iter().map(|column| resize_line(column, height, filter)).collect();
            transposed(&columns)
        };
        self.of_rows(height, width, resized)
    }

    pub fn pad(&self, sides: Sides, padding: Padding, fill: Rgb) -> Picture {
        let Sides { left, top, right, bottom } = sides;
        let (height, width) = (self.height as isize, self.width as isize);
        let place = |at: isize, length: isize| match padding {
            _ if (0..length).contains(&at) => Some(at as usize),
            Padding::Constant => None,
            Padding::Edge => Some(at.clamp(0, length - 1) as usize),
            Padding::Reflect if at < 0 => Some(-at as usize),
            Padding::Reflect => Some((2 * (length - 1) - at) as usize),
        };
        let padded = |c: usize, rows: &[Vec<f64>]| {
            let row = |y: isize| {
                let pixel = |x: isize| match (place(y, height), place(x, width)) {
                    (Some(y), Some(x)) => rows[y][x],
                    _ => f64::from(fill[c]),
                };
                (-(left as isize)..width + right as isize).map(pixel).collect()
            };
            (-(top as isize)..height + bottom as isize).map(row).collect()
        };
        self.of_rows(self.height + top + bottom, self.width + left + right, padded)
    }

    /// torchvision's `adjust_brightness`, `adjust_contrast`, `adjust_saturation` and `rgb_to_grayscale`.
    pub fn recolour(&self, operation: ColourOperation) -> Picture {
        let blend = |factor: f32, a: f64, b: f64| f64::from(factor) * a + (1.0 - f64::from(factor)) * b;
        let all = 0..self.width * self.height;
        let grey: Vec<f64> = all.clone().map(|at| luma(self.pixel(at))).collect();
        let mean = grey.iter().sum::<f64>() / grey.len() as f64;
        let planes = std::array::from_fn(|c| {
            let changed = |at: usize| {
                let value = self.planes[c][at];
                match operation {
                    ColourOperation::Brightness(factor) => blend(factor, value, 0.0),
                    ColourOperation::Contrast(factor) => blend(factor, value, mean),
                    ColourOperation::Saturation(factor) => blend(factor, value, grey[at]),
                    ColourOperation::Gray => grey[at],
                }
            };
            all.clone().map(changed).collect()
        });
        Picture { planes, ..*self }
    }

    pub fn erase(&self, Rectangle { left, top, width, height }: Rectangle, fill: Rgb) -> Picture {
        let painted = |c: usize, rows: &[Vec<f64>]| {
            let mut rows = rows.to_vec();
            for row in &mut rows[top..top + height] {
                row[left..left + width].fill(f64::from(fill[c]));
            }
            rows
        };
        self.of_rows(self.height, self.width, painted)
    }

    pub fn pixel(&self, at: usize) -> [f64; 3] {
        std::array::from_fn(|c| self.planes[c][at])
    }

    /// The largest difference of any sample; red, green and blue of three channels, luma of one.
    pub fn largest_difference(&self, found: &Pixels) -> f64 {
        assert_eq!((found.width, found.height), (self.width, self.height));
        let pixels = self.width * self.height;
        assert_eq!(found.samples.len(), pixels * found.channels);
        let expected = |c: usize, at: usize| {
            if found.channels == 1 { luma(self.pixel(at)) } else { self.planes[c][at] }
        };
        let differences = found.samples.iter().enumerate().map(|(n, sample)| {
            let difference = (f64::from(*sample) - expected(n / pixels, n % pixels)).abs();
            if difference.is_nan() { f64::INFINITY } else { difference }
        });
        differences.fold(0.0, f64::max)
    }
}

fn transposed(rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
    (0..rows[0].len()).map(|x| rows.iter().map(|row| row[x]).collect()).collect()
}

//! The first convolution straight from quantised coefficients equals that of the pixels they stand for.

mod support;

use jpegnet_kernels::input::{InputColour, InputTransform, SparsePlane};
use jpegnet_kernels::pixels::{Activation, ConvShape, Scatter};
use jpegnet_kernels::{BLOCK, Grid, Isa};
use support::pixels::{definition, values};
use support::plane::Plane;

const MEAN: [f32; 3] = [0.49, 0.48, 0.45];
const STD: [f32; 3] = [0.25, 0.24, 0.26];

/// Components of a picture whose blocks have `count` non-zero coefficients at random places.
fn planes((height, width): (usize, usize), ratios: &[(usize, usize)], count: usize, seed: u32) -> Vec<Plane> {
    let plane = |(number, &(horizontal, vertical)): (usize, &(usize, usize))| {
        let (rows, columns) = (height.div_ceil(vertical), width.div_ceil(horizontal));
        let grid = Grid { high: rows.div_ceil(8), wide: columns.div_ceil(8) };
        let random = values(2 * count * grid.blocks(), seed + u32::try_from(number).unwrap());
        let mut dense = vec![0i16; grid.blocks() * BLOCK];
        for (block, random) in dense.chunks_exact_mut(BLOCK).zip(random.chunks_exact(2 * count)) {
            for pair in random.chunks_exact(2) {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 63")]
                let position = ((pair[0] + 1.0) * 31.9) as usize;
                #[expect(clippy::cast_possible_truncation, reason = "a small whole number")]
                let value = (pair[1] * 40.0) as i16;
                block[position] = value;
            }
        }
        Plane::new(grid, std::array::from_fn(|k| 1 + u16::try_from(k).unwrap() / 8), &dense, (horizontal, vertical))
    };
    ratios.iter().enumerate().map(plane).collect()
}

struct Case {
    transform: InputTransform,
    planes: Vec<Plane>,
    shape: ConvShape,
    filter: Vec<f32>,
}

impl Case {
    /// In float64 from the pixels that the transform makes.
    fn expected(&self, isa: Isa) -> Vec<f64> {
        let sparse: Vec<SparsePlane> = self.planes.iter().map(Plane::sparse).collect();
        let mut pixels = vec![f32::NAN; self.shape.input_len()];
        let mut workspace = vec![f32::NAN; self.transform.pixel_workspace_len(self.shape.height)];
        self.transform.pixel_rows_into(isa, &sparse, 0..self.shape.height, &mut pixels, &mut workspace);
        definition(&self.shape, 1, &pixels, &self.filter)
    }

    fn found(&self, isa: Isa, (scale, bias): (Option<&[f32]>, Option<&[f32]>), activation: Activation) -> Vec<f32> {
        let scatter = Scatter::new(&self.transform, self.shape).expect("blocks are whole steps");
        let mut packed = vec![f32::NAN; scatter.packed_len()];
        scatter.pack_filter_into(&self.filter, scale, bias, &mut packed);
        let sparse: Vec<SparsePlane> = self.planes.iter().map(Plane::sparse).collect();
        let mut output = vec![f32::NAN; self.shape.output_len()];
        let mut workspace = vec![f32::NAN; scatter.workspace_len()];
        let unit_len = scatter.unit_rows() * self.shape.output_row_len();
        assert_eq!(output.chunks(unit_len).count(), scatter.units());
        for (unit, output) in output.chunks_mut(unit_len).enumerate() {
            scatter.forward_unit(isa, unit, &sparse, &packed, activation, output, &mut workspace);
        }
        output
    }
}

fn case(
    (height, width): (usize, usize),
    ratios: &[(usize, usize)],
    channels: usize,
    (size, stride, padding): (usize, usize, usize),
    outputs: usize,
) -> Case {
    let colour = if ratios.len() == 1 { InputColour::Gray } else { InputColour::YCbCr };
    let (mean, std) = (&MEAN[..channels], &STD[..channels]);
    let transform = InputTransform::new(width, height, colour, ratios, channels, mean, std);
    let shape = ConvShape { input_channels: channels, output_channels: outputs, size, stride, padding, height, width };
    Case { transform, planes: planes((height, width), ratios, 6, 11), shape, filter: values(shape.filter_len(), 5) }
}

/// Kinds of files: their components' horizontal and vertical ratios, and the channels of the network's input.
const KINDS: [(&[(usize, usize)], usize); 9] = [
    (&[(1, 1), (1, 1), (1, 1)], 3),
    (&[(1, 1), (2, 2), (2, 2)], 3),
    (&[(1, 1), (2, 1), (2, 1)], 3),
    (&[(1, 1), (1, 2), (1, 2)], 3),
    (&[(1, 1), (4, 1), (4, 1)], 3),
    (&[(1, 1), (4, 2), (2, 2)], 3),
    (&[(1, 1)], 1),
    (&[(1, 1)], 3),
    (&[(1, 1), (2, 2), (2, 2)], 1),
];

#[test]
fn every_kind_of_file_size_and_filter_gives_the_convolution_of_its_pixels_on_every_isa() {
    let mut worst = 0.0f64;
    for (ratios, channels) in KINDS {
        for (number, size) in
            [(8, 8), (16, 16), (32, 32), (47, 33), (17, 9), (1, 1), (5, 40), (18, 34), (3, 2), (31, 16)]
                .into_iter()
                .enumerate()
        {
            for filter in [(3, 1, 1), (7, 2, 3), (3, 2, 1), (1, 1, 0), (5, 1, 2), (3, 1, 0), (2, 2, 1), (4, 4, 0)] {
                if filter.0 > size.0.min(size.1) + 2 * filter.2 {
                    continue;
                }
                let case = case(size, ratios, channels, filter, [16, 7, 20, 1][number % 4]);
                for isa in Isa::available() {
                    let expected = case.expected(isa);
                    let found = case.found(isa, (None, None), Activation::Identity);
                    let scale = expected.iter().fold(1.0f64, |most, value| most.max(value.abs()));
                    for (found, expected) in found.iter().zip(&expected) {
                        let error = (f64::from(*found) - expected).abs() / scale;
                        assert!(error < 5e-6, "{ratios:?} {size:?} {filter:?} {isa:?}: {found} for {expected}");
                        worst = worst.max(error);
                    }
                }
            }
        }
    }
    println!("largest error, as a share of the largest output: {worst:.1e}");
}

#[test]
fn scale_bias_and_activation_are_part_of_it() {
    let case = case((20, 28), &[(1, 1), (2, 2), (2, 2)], 3, (3, 1, 1), 5);
    let (scale, bias) = ([0.5, 1.0, 2.0, -1.0, 3.0], [0.1, -0.2, 0.3, 40.0, 0.5]);
    let expected = case.expected(Isa::detect());
    let found = case.found(Isa::detect(), (Some(&scale), Some(&bias)), Activation::Relu);
    for (position, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let channel = position % 5;
        let expected = (expected * f64::from(scale[channel]) + f64::from(bias[channel])).max(0.0);
        assert!((f64::from(*found) - expected).abs() < 1e-4, "{position}: {found} for {expected}");
    }
}

#[test]
fn a_picture_without_coefficients_is_what_normalisation_makes_of_gray() {
    let mut case = case((16, 24), &[(1, 1), (1, 1), (1, 1)], 3, (3, 2, 1), 4);
    for plane in &mut case.planes {
        plane.counts.fill(0);
        plane.positions.clear();
        plane.values.clear();
    }
    let expected = case.expected(Isa::detect());
    let found = case.found(Isa::detect(), (None, None), Activation::Identity);
    for (found, expected) in found.iter().zip(&expected) {
        assert!((f64::from(*found) - expected).abs() < 1e-5);
    }
}

#[test]
fn a_stride_that_cuts_blocks_is_refused() {
    let case = case((24, 24), &[(1, 1)], 1, (3, 3, 1), 4);
    assert!(Scatter::new(&case.transform, case.shape).is_none());
}

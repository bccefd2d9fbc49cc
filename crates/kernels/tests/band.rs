//! The kernels on band maps against the float64 definitions truncated by P, on every instruction set.

mod support;

use jpegnet_kernels::band::{
    BandShape, ConvShape, Diagonalised, Pointwise, activation_in_place, band_rows_from_pixels_into, constant_signs,
    pixel_rows_from_band_into,
};
use jpegnet_kernels::definition::pixels::PixelMap;
use jpegnet_kernels::definition::{CoefficientMap, UNIT_STEPS, convolve_block_form};
use jpegnet_kernels::pixels::{Activation, Epilogue};
use jpegnet_kernels::{BLOCK, Conv2dShape, Grid, Isa, PiecewiseLinear, coefficients_kept};
use support::{Random, assert_close, doubles, singles};

const FREQUENCIES: [usize; 6] = [1, 4, 6, 8, 12, 15];

/// P: coefficients of the first `frequencies` diagonals.
fn truncated(map: &CoefficientMap, frequencies: usize) -> CoefficientMap {
    let mut map = map.clone();
    for (index, value) in map.values.iter_mut().enumerate() {
        if index % BLOCK >= coefficients_kept(frequencies) {
            *value = 0.0;
        }
    }
    map
}

/// `[images, blocks, kept, channels]`.
fn to_band(map: &CoefficientMap, frequencies: usize) -> Vec<f32> {
    let kept = coefficients_kept(frequencies) * map.channels;
    map.to_kernel_layout().chunks_exact(BLOCK * map.channels).flat_map(|block| block[..kept].to_vec()).collect()
}

fn from_band(shape: &BandShape, images: usize, values: &[f32]) -> CoefficientMap {
    let grid = Grid { high: shape.high(), wide: shape.wide() };
    let mut full = vec![0.0; images * grid.blocks() * BLOCK * shape.channels];
    for (block, values) in full.chunks_exact_mut(BLOCK * shape.channels).zip(values.chunks_exact(shape.block_len())) {
        block[..values.len()].copy_from_slice(values);
    }
    CoefficientMap::from_kernel_layout(images, shape.channels, grid, &full)
}

fn added(a: &CoefficientMap, b: &CoefficientMap) -> CoefficientMap {
    let values = a.values.iter().zip(&b.values).map(|(a, b)| a + b).collect();
    CoefficientMap { values, ..a.clone() }
}

/// Coefficients of what a function makes of the pixels.
fn on_pixels(map: &CoefficientMap, function: impl Fn(usize, f64) -> f64) -> CoefficientMap {
    let mut pixels = map.to_pixels();
    for (index, value) in pixels.values.iter_mut().enumerate() {
        *value = function(index, *value);
    }
    CoefficientMap::from_pixels(&pixels, map.steps.clone())
}

/// One convolution of a batch with everything it needs, and what it must give before an activation.
struct Case {
    shape: ConvShape,
    size: usize,
    images: usize,
    input: Vec<f32>,
    filter: Vec<f32>,
    scale: Vec<f32>,
    bias: Vec<f32>,
    residual: CoefficientMap,
    expected: CoefficientMap,
}

impl Case {
    fn new(shape: ConvShape, size: usize, images: usize, seed: u64) -> Case {
        let mut random = Random(seed);
        let grid = Grid { high: shape.input().high(), wide: shape.input().wide() };
        let ConvShape { input_channels, output_channels, .. } = shape;
        let input = truncated(&random.map(images, input_channels, grid), shape.input_frequencies);
        let residual = truncated(&random.map(images, output_channels, grid), shape.output_frequencies);
        let filter = random.normals(output_channels * input_channels * size * size);
        let (scale, bias) = (random.normals(output_channels), random.normals(output_channels));
        let scaled: Vec<f64> = filter
            .iter()
            .enumerate()
            .map(|(index, weight)| weight * scale[index / (input_channels * size * size)])
            .collect();
        let definition =
            Conv2dShape { input_channels, output_channels, size, stride: 1, padding: size / 2, input: grid.into() };
        let steps = vec![UNIT_STEPS; output_channels];
        let convolved = convolve_block_form(&definition, &scaled, None, &input, steps);
        // A bias is there inside the true size only.
        let (height, width) = (grid.high * 8, grid.wide * 8);
        let constant = on_pixels(&convolved, |index, _| {
            let (row, column) = (index / width % height, index % width);
            let inside = row < shape.height && column < shape.width;
            if inside { bias[index / (width * height) % output_channels] } else { 0.0 }
        });
        let expected = truncated(&added(&added(&convolved, &constant), &residual), shape.output_frequencies);
        Case {
            shape,
            size,
            images,
            input: to_band(&input, shape.input_frequencies),
            filter: singles(&filter),
            scale: singles(&scale),
            bias: singles(&bias),
            residual,
            expected,
        }
    }

    /// In ranges of `rows` rows of blocks, scratch full of NaN.
    fn run(&self, isa: Isa, rows: usize, activation: Activation) -> CoefficientMap {
        let to = self.shape.output();
        let residual = to_band(&self.residual, to.frequencies);
        let mut output = vec![f32::NAN; self.images * to.image_len()];
        let all = self.images * to.high();
        for start in (0..all).step_by(rows) {
            let block_rows = start..(start + rows).min(all);
            let range = block_rows.start * to.row_len()..block_rows.end * to.row_len();
            let epilogue = Epilogue { bias: Some(&self.bias), residual: Some(&residual[range.clone()]), activation };
            let out = &mut output[range];
            if self.size == 1 {
                let conv = Pointwise::new(self.shape);
                let (mut packed, mut workspace) = scratch(conv.packed_len(), conv.workspace_len());
                conv.pack_filter_into(&self.filter, Some(&self.scale), &mut packed);
                conv.forward_rows(isa, block_rows, &self.input, &packed, epilogue, out, &mut workspace);
            } else {
                let conv = Diagonalised::new(self.shape).expect("whole blocks");
                let (mut packed, mut workspace) = scratch(conv.packed_len(), conv.workspace_len());
                conv.pack_filter_into(&self.filter, Some(&self.scale), &mut packed);
                conv.forward_rows(isa, block_rows, &self.input, &packed, epilogue, out, &mut workspace);
            }
        }
        from_band(&to, self.images, &output)
    }

    fn assert_on_every_isa(&self, rows: usize, bound: f64) {
        for isa in Isa::available() {
            let found = self.run(isa, rows, Activation::Identity);
            let what = format!("{} {}x{} {:?}", isa.name(), self.size, self.size, self.shape);
            assert_close(&what, &found.values, &self.expected.values, bound);
        }
    }
}

fn scratch(packed: usize, workspace: usize) -> (Vec<f32>, Vec<f32>) {
    (vec![f32::NAN; packed], vec![f32::NAN; workspace])
}

fn square(side: usize, channels: (usize, usize), frequencies: (usize, usize)) -> ConvShape {
    ConvShape {
        height: side,
        width: side,
        input_channels: channels.0,
        output_channels: channels.1,
        input_frequencies: frequencies.0,
        output_frequencies: frequencies.1,
    }
}

#[test]
fn the_diagonalised_explosion_is_the_truncated_convolution_at_every_band() {
    for frequencies in 1..=15 {
        let shape = ConvShape { width: 32, ..square(24, (5, 3), (frequencies, frequencies)) };
        Case::new(shape, 3, 2, 1).assert_on_every_isa(2, 1e-6);
    }
}

#[test]
fn the_diagonalised_explosion_takes_every_number_of_channels_and_maps_of_one_block() {
    for (number, channels) in [(1, 1), (3, 17), (5, 20), (17, 3), (20, 5), (64, 16)].into_iter().enumerate() {
        for frequencies in FREQUENCIES {
            for side in [8, 16] {
                let shape = square(side, channels, (frequencies, frequencies));
                Case::new(shape, 3, 3, number as u64).assert_on_every_isa(1 + number, 1e-6);
            }
        }
    }
}

#[test]
fn the_diagonalised_explosion_takes_an_input_of_another_band_than_its_output() {
    for frequencies in [(15, 1), (15, 2), (15, 6), (15, 8), (6, 15), (3, 5), (5, 3), (1, 15)] {
        let shape = ConvShape { width: 8, ..square(24, (3, 16), frequencies) };
        Case::new(shape, 3, 2, 5).assert_on_every_isa(3, 1e-6);
    }
}

#[test]
fn runs_of_blocks_that_end_within_rows_and_images_make_no_difference() {
    // Wider than a run at 15 frequencies, and more images than a run at 4.
    for (shape, images) in
        [(ConvShape { width: 8 * 37, ..square(24, (3, 2), (15, 15)) }, 1), (square(16, (2, 3), (4, 4)), 21)]
    {
        let case = Case::new(shape, 3, images, 6);
        for rows in [1, 3, images * shape.output().high()] {
            case.assert_on_every_isa(rows, 1e-6);
        }
    }
}

#[test]
fn a_map_that_does_not_fill_its_blocks_is_refused_by_the_diagonalised_explosion() {
    assert!(Diagonalised::new(square(28, (3, 3), (8, 8))).is_none());
}

#[test]
fn the_products_shrink_with_the_band() {
    let count = |frequencies| Diagonalised::new(square(8, (1, 1), (frequencies, frequencies))).map(|c| c.multiplies());
    assert_eq!([4, 6, 8, 15].map(count), [57, 109, 177, 289].map(Some));
}

#[test]
fn a_pointwise_filter_is_one_product_and_its_bias_stays_inside_the_true_size() {
    for channels in [(1, 1), (3, 17), (20, 5), (17, 33)] {
        for frequencies in [(1, 1), (4, 4), (6, 6), (8, 8), (12, 12), (15, 15), (15, 6), (6, 8)] {
            for (height, width) in [(8, 8), (16, 24), (13, 21), (3, 33)] {
                let shape = ConvShape { height, width, ..square(8, channels, frequencies) };
                Case::new(shape, 1, 2, 7).assert_on_every_isa(1, 2e-6);
            }
        }
    }
}

#[test]
fn convolutions_end_with_an_activation_of_the_truncated_signal() {
    let clip = PiecewiseLinear::clip(-1.0, 1.5);
    for size in [1, 3] {
        for frequencies in FREQUENCIES {
            let case =
                Case::new(ConvShape { width: 24, ..square(16, (5, 18), (frequencies, frequencies)) }, size, 2, 8);
            let relu = truncated(&on_pixels(&case.expected, |_, x| x.max(0.0)), frequencies);
            let clipped = truncated(&on_pixels(&case.expected, |_, x| x.clamp(-1.0, 1.5)), frequencies);
            for isa in Isa::available() {
                let found = case.run(isa, 2, Activation::Relu);
                assert_close(&format!("{} ReLU φ = {frequencies}", isa.name()), &found.values, &relu.values, 3e-6);
                let found = case.run(isa, 2, Activation::Function(&clip));
                assert_close(&format!("{} clip φ = {frequencies}", isa.name()), &found.values, &clipped.values, 3e-6);
            }
        }
    }
}

#[test]
fn pixels_go_to_the_band_and_back_at_every_size_and_in_any_ranges_of_rows() {
    for (height, width) in [(8, 8), (16, 24), (13, 21), (3, 9)] {
        for channels in [1, 3, 17, 20] {
            for frequencies in 1..=15 {
                let (images, shape) = (2, BandShape { height, width, channels, frequencies });
                let mut random = Random(9);
                let pixels = singles(&random.normals(images * height * width * channels));
                let grid = Grid { high: shape.high(), wide: shape.wide() };
                let padded = pad(&shape, images, &pixels);
                let map = truncated(&CoefficientMap::from_pixels(&padded, vec![UNIT_STEPS; channels]), frequencies);
                let band = singles(&doubles(&to_band(&map, frequencies)));
                let expected = crop(&shape, images, &map.to_pixels());
                for isa in Isa::available() {
                    let mut found = vec![f32::NAN; band.len()];
                    for row in 0..images * grid.high {
                        let out = &mut found[row * shape.row_len()..(row + 1) * shape.row_len()];
                        band_rows_from_pixels_into(isa, &shape, row..row + 1, &pixels, out);
                    }
                    let what = format!("{} {shape:?}", isa.name());
                    assert_close(&what, &doubles(&found), &doubles(&band), 1e-6);
                    let mut found = vec![f32::NAN; pixels.len()];
                    let row_len = width * channels;
                    for row in 0..images * grid.high {
                        let range = shape.pixel_row(row) * row_len..shape.pixel_row(row + 1) * row_len;
                        pixel_rows_from_band_into(isa, &shape, row..row + 1, &band, &mut found[range]);
                    }
                    assert_close(&what, &doubles(&found), &expected, 1e-6);
                }
            }
        }
    }
}

/// `[images, height, width, channels]` with zeros up to whole blocks.
fn pad(shape: &BandShape, images: usize, pixels: &[f32]) -> PixelMap {
    let (height, width) = (shape.high() * 8, shape.wide() * 8);
    let mut values = vec![0.0; images * shape.channels * height * width];
    for (index, &value) in pixels.iter().enumerate() {
        let (channel, pixel) = (index % shape.channels, index / shape.channels);
        let (x, y, image) =
            (pixel % shape.width, pixel / shape.width % shape.height, pixel / shape.width / shape.height);
        values[((image * shape.channels + channel) * height + y) * width + x] = f64::from(value);
    }
    PixelMap { images, channels: shape.channels, height, width, values }
}

/// `[images, height, width, channels]` without what lies beyond the true size.
fn crop(shape: &BandShape, images: usize, pixels: &PixelMap) -> Vec<f64> {
    let count = images * shape.height * shape.width * shape.channels;
    (0..count)
        .map(|index| {
            let (channel, pixel) = (index % shape.channels, index / shape.channels);
            let (x, y) = (pixel % shape.width, pixel / shape.width % shape.height);
            let image = pixel / shape.width / shape.height;
            pixels.values[((image * shape.channels + channel) * pixels.height + y) * pixels.width + x]
        })
        .collect()
}

/// A band map of two images whose blocks have means so large that many have one sign.
fn biased_map(shape: &BandShape) -> CoefficientMap {
    let mut random = Random(10);
    let mut map = random.map(2, shape.channels, Grid { high: shape.high(), wide: shape.wide() });
    for (number, block) in map.values.chunks_exact_mut(BLOCK).enumerate() {
        block[0] *= [1.0, 20.0, 60.0][number % 3];
    }
    truncated(&map, shape.frequencies)
}

#[test]
fn activations_are_exact_on_the_truncated_signal_whether_or_not_blocks_have_one_sign() {
    for channels in [1, 3, 17, 20] {
        for frequencies in 1..=15 {
            let shape = BandShape { height: 16, width: 24, channels, frequencies };
            let map = biased_map(&shape);
            let expected = truncated(&on_pixels(&map, |_, x| x.max(0.0)), frequencies);
            for isa in Isa::available() {
                let mut found = to_band(&map, frequencies);
                activation_in_place(isa, &shape, Activation::Relu, &mut found);
                let what = format!("{} φ = {frequencies}, {channels} channels", isa.name());
                assert_close(&what, &from_band(&shape, 2, &found).values, &expected.values, 1e-6);
            }
        }
    }
}

#[test]
fn blocks_that_are_counted_as_of_one_sign_are_and_many_of_those_that_are_get_counted() {
    for channels in [1, 17] {
        for frequencies in FREQUENCIES {
            let shape = BandShape { height: 32, width: 24, channels, frequencies };
            let map = biased_map(&shape);
            let pixels = map.to_pixels();
            let mut of_one_sign = 0;
            for image in 0..2 {
                for channel in 0..channels {
                    let plane = pixels.plane(image, channel);
                    for block in 0..shape.high() * shape.wide() {
                        let (top, left) = (block / shape.wide() * 8, block % shape.wide() * 8);
                        let value = |pixel: usize| plane[(top + pixel / 8) * pixels.width + left + pixel % 8];
                        let positive = (0..64).filter(|&pixel| value(pixel) > 0.0).count();
                        of_one_sign += usize::from(positive % 64 == 0);
                    }
                }
            }
            for isa in Isa::available() {
                let found = constant_signs(isa, &shape, &to_band(&map, frequencies));
                println!("{} φ = {frequencies}: {found} of {of_one_sign}", isa.name());
                assert!(found <= of_one_sign && found * 4 >= of_one_sign, "{found} of {of_one_sign}");
            }
        }
    }
}

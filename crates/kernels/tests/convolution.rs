//! The fast convolutions against the reference vectors and the definitions, on every instruction set.

mod support;

use jpegnet_kernels::definition::pixels::{conv2d, conv2d_gradients};
use jpegnet_kernels::definition::{CoefficientMap, UNIT_STEPS, convolve_exploded, exploded_gradients};
use jpegnet_kernels::{BLOCK, Conv2d, Conv2dShape, Extent, Factorisation, Grid, Isa};
use proptest::prelude::*;
use support::convolution::{CASES, Case, Results, run};
use support::{Random, TOLERANCE, assert_close, relative_error_of_sums, singles};

fn assert_results(what: &str, found: &Results, expected: &Results) {
    assert_close(&format!("{what}, y"), &found.output.values, &expected.output.values, TOLERANCE);
    assert_close(&format!("{what}, dx"), &found.input_gradient.values, &expected.input_gradient.values, TOLERANCE);
    assert_close(&format!("{what}, dweight"), &found.filter_gradient, &expected.filter_gradient, TOLERANCE);
    assert_close(&format!("{what}, dbias"), &found.bias_gradient, &expected.bias_gradient, TOLERANCE);
}

/// Every factorisation that can do the shape, but for exploded filters of more than twelve million weights.
fn factorisations(shape: Conv2dShape) -> Vec<Conv2d> {
    let found = Factorisation::ALL.into_iter().filter_map(|way| Conv2d::new(shape, way));
    let found: Vec<_> = found.filter(|convolution| convolution.packed_len() <= 12_000_000).collect();
    assert!(!found.is_empty(), "no factorisation takes {shape:?}");
    found
}

fn on_pixels(
    shape: &Conv2dShape,
    input: &CoefficientMap,
    filter: &[f64],
    bias: Option<&[f64]>,
    output_gradient: &CoefficientMap,
) -> Results {
    let x = input.to_pixels();
    let gradients = conv2d_gradients(shape, filter, &x, &output_gradient.to_pixels());
    let encode = |map| CoefficientMap::from_pixels(&map, vec![UNIT_STEPS; map.channels]);
    Results {
        output: encode(conv2d(shape, filter, bias, &x)),
        input_gradient: encode(gradients.input),
        filter_gradient: gradients.filter,
        bias_gradient: gradients.bias,
    }
}

#[test]
fn every_factorisation_gives_the_reference_vectors_on_every_isa() {
    for name in CASES {
        let Case { shape, input, filter, bias, output_gradient, expected } = Case::read(name);
        for isa in Isa::available() {
            for convolution in factorisations(shape) {
                let found = run(isa, &convolution, &input, &filter, Some(&bias), &output_gradient);
                let what = format!("{name} {} {}", convolution.factorisation().name(), isa.name());
                assert_results(&what, &found, &expected);
            }
        }
    }
}

#[test]
fn every_factorisation_is_the_exploded_convolution() {
    for (size, stride) in [(1, 1), (1, 2), (3, 1), (3, 2), (5, 1), (5, 2), (7, 1), (7, 2)] {
        let mut random = Random(100 * size as u64 + stride as u64);
        let input = Grid { high: 2, wide: 4 }.into();
        is_the_exploded_convolution(&mut random, size, stride, size / 2, input);
    }
}

/// What the blocks hold beyond the maps is cleared by all but 1×1 filters at stride 1, which keep pixels apart.
#[test]
fn every_factorisation_is_the_exploded_convolution_on_blocks_that_maps_do_not_fill() {
    for (height, width) in [(7, 9), (13, 21), (12, 8), (16, 3)] {
        let mut random = Random(height as u64);
        for (size, stride, padding) in [(1, 1, 0), (1, 2, 0), (3, 1, 1), (3, 2, 1), (3, 1, 0), (5, 2, 2), (7, 2, 3)] {
            is_the_exploded_convolution(&mut random, size, stride, padding, Extent { height, width });
        }
    }
}

/// Compares all factorisations of two channels from three.
fn is_the_exploded_convolution(random: &mut Random, size: usize, stride: usize, padding: usize, input: Extent) {
    let shape = Conv2dShape { input_channels: 3, output_channels: 2, size, stride, padding, input };
    let Some(output) = shape.output_extent() else { return };
    let filter = random.normals(shape.filter_len());
    let bias = random.normals(2);
    let input = random.map(2, 3, input);
    let output_gradient = random.map(2, 2, output);
    let gradients = exploded_gradients(&shape, &filter, &input, &output_gradient);
    let expected = Results {
        output: convolve_exploded(&shape, &filter, Some(&bias), &input, vec![UNIT_STEPS; 2]),
        input_gradient: gradients.input,
        filter_gradient: gradients.filter,
        bias_gradient: gradients.bias,
    };
    for isa in Isa::available() {
        for convolution in factorisations(shape) {
            let found = run(isa, &convolution, &input, &filter, Some(&bias), &output_gradient);
            let factorisation = convolution.factorisation().name();
            let what = format!("{size}×{size} stride {stride} of {:?} {factorisation} {}", input.extent, isa.name());
            assert_results(&what, &found, &expected);
        }
    }
}

#[test]
fn every_number_of_channels_is_convolved_whatever_the_width_of_a_vector() {
    for (inputs, outputs) in [(1, 1), (1, 64), (3, 16), (5, 7), (8, 9), (15, 17), (16, 31), (33, 2), (65, 40)] {
        for (size, stride) in [(1, 1), (3, 1), (3, 2)] {
            let mut random = Random((inputs * 100 + outputs) as u64);
            let input_grid = Grid { high: 2, wide: 2 };
            let shape = Conv2dShape {
                input_channels: inputs,
                output_channels: outputs,
                size,
                stride,
                padding: size / 2,
                input: input_grid.into(),
            };
            let filter = random.normals(shape.filter_len());
            let input = random.map(1, inputs, input_grid);
            let output_gradient = random.map(1, outputs, shape.output_grid().expect("whole blocks"));
            let expected = on_pixels(&shape, &input, &filter, None, &output_gradient);
            for isa in Isa::available() {
                for convolution in factorisations(shape) {
                    let found = run(isa, &convolution, &input, &filter, None, &output_gradient);
                    let way = convolution.factorisation().name();
                    let what = format!("{inputs} to {outputs} channels {size}×{size}/{stride} {way} {}", isa.name());
                    assert_results(&what, &found, &expected);
                }
            }
        }
    }
}

#[test]
fn zeros_are_convolved_to_zeros_and_a_bias_to_eight_times_itself_at_dc() {
    let shape = Conv2dShape {
        input_channels: 5,
        output_channels: 3,
        size: 3,
        stride: 1,
        padding: 1,
        input: Grid { high: 2, wide: 3 }.into(),
    };
    let mut random = Random(7);
    let (filter, bias) = (random.normals(shape.filter_len()), random.normals(3));
    let zeros = CoefficientMap::zeros(1, shape.input.grid(), vec![UNIT_STEPS; 5]);
    let output_gradient = CoefficientMap::zeros(1, shape.input.grid(), vec![UNIT_STEPS; 3]);
    for isa in Isa::available() {
        let convolution = Conv2d::new(shape, Factorisation::Sandwich).expect("takes every shape");
        let found = run(isa, &convolution, &zeros, &filter, Some(&bias), &output_gradient);
        for (index, &value) in found.output.values.iter().enumerate() {
            let channel = index / (BLOCK * shape.input.grid().blocks());
            let expected = if index % BLOCK == 0 { 8.0 * bias[channel] } else { 0.0 };
            assert!((value - expected).abs() <= 1e-6, "{}: {value}, expected {expected}", isa.name());
        }
        for gradient in [&found.input_gradient.values, &found.filter_gradient, &found.bias_gradient] {
            assert!(gradient.iter().all(|&value| value == 0.0), "{}", isa.name());
        }
    }
}

#[test]
fn blocks_with_a_dc_alone_are_convolved_as_constants() {
    let input_grid = Grid { high: 3, wide: 2 };
    for size in [1, 3, 5, 7] {
        let shape = Conv2dShape {
            input_channels: 4,
            output_channels: 6,
            size,
            stride: 1,
            padding: size / 2,
            input: input_grid.into(),
        };
        let mut random = Random(size as u64);
        let filter = random.normals(shape.filter_len());
        let mut input = random.map(1, 4, input_grid);
        for (index, value) in input.values.iter_mut().enumerate() {
            if index % BLOCK != 0 {
                *value = 0.0;
            }
        }
        let output_gradient = random.map(1, 6, input_grid);
        let expected = on_pixels(&shape, &input, &filter, None, &output_gradient);
        for isa in Isa::available() {
            for convolution in factorisations(shape) {
                let found = run(isa, &convolution, &input, &filter, None, &output_gradient);
                let way = convolution.factorisation().name();
                assert_results(&format!("DC alone {size}×{size} {way} {}", isa.name()), &found, &expected);
            }
        }
    }
}

#[test]
fn gradients_are_added_to_what_is_there_when_asked() {
    let Case { shape, input, filter, output_gradient, expected, .. } = Case::read("conv_1");
    for isa in Isa::available() {
        for convolution in factorisations(shape) {
            let mut adjoint = vec![f32::NAN; convolution.adjoint_packed_len()];
            convolution.pack_adjoint_filter_into(&singles(&filter), &mut adjoint);
            let (x, dy) = (input.to_kernel_layout(), output_gradient.to_kernel_layout());
            let (x, dy) = (&x[..x.len() / 2], &dy[..dy.len() / 2]);
            let mut workspace = vec![f32::NAN; convolution.backward_workspace_len()];
            let mut dx = vec![1.0; x.len()];
            let mut packed_gradient = vec![0.0; convolution.filter_gradient_len()];
            for _ in 0..2 {
                convolution.backward(isa, x, dy, &adjoint, Some((&mut dx, true)), &mut packed_gradient, &mut workspace);
            }
            let mut alone = vec![0.0; convolution.filter_gradient_len()];
            convolution.backward(isa, x, dy, &[], None, &mut alone, &mut workspace);
            let doubled: Vec<f64> = alone.iter().map(|&value| 2.0 * f64::from(value)).collect();
            let what = format!("{} {}", convolution.factorisation().name(), isa.name());
            assert_close(&format!("twice, {what}, dweight"), &support::doubles(&packed_gradient), &doubled, TOLERANCE);

            let truth = expected.input_gradient.to_kernel_layout();
            let truth: Vec<f64> = truth[..x.len()].iter().map(|&value| 1.0 + 2.0 * f64::from(value)).collect();
            assert_close(&format!("twice, {what}, dx"), &support::doubles(&dx), &truth, TOLERANCE);
        }
    }
}

#[test]
fn a_factorisation_refuses_what_it_cannot_do() {
    let grid = Grid { high: 3, wide: 4 };
    let shape = |size, stride, padding| Conv2dShape {
        input_channels: 2,
        output_channels: 2,
        size,
        stride,
        padding,
        input: grid.into(),
    };
    assert!(Conv2d::new(shape(3, 1, 1), Factorisation::Pointwise).is_none());
    assert!(Conv2d::new(shape(1, 1, 0), Factorisation::Pointwise).is_some());
    // A filter larger than the padded input has no output.
    let padded = 8 * grid.high + 2;
    assert!(shape(padded, 1, 1).output_grid().is_some());
    assert!(shape(padded + 1, 1, 1).output_grid().is_none());
    assert!(Conv2d::choose(shape(padded + 1, 1, 1)).is_none());
    let chosen = |shape| Conv2d::choose(shape).expect("the filter fits").factorisation();
    assert_eq!(chosen(shape(1, 1, 0)), Factorisation::Pointwise);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn any_shape_is_convolved_as_its_pixels_are(
        seed: u64, inputs in 1..9usize, outputs in 1..9usize, size in 1..=7usize, stride in 1..=2usize,
        padding in 0..=4usize, height in 1..=30usize, width in 1..=30usize, images in 1..=2usize,
    ) {
        let mut random = Random(seed);
        let input = Extent { height, width };
        let shape =
            Conv2dShape { input_channels: inputs, output_channels: outputs, size, stride, padding, input };
        prop_assume!(shape.output_extent().is_some());
        let (filter, bias) = (random.normals(shape.filter_len()), random.normals(outputs));
        let input = random.map(images, inputs, input).inside();
        let output_gradient = random.map(images, outputs, shape.output_extent().expect("the filter fits")).inside();
        let expected = on_pixels(&shape, &input, &filter, Some(&bias), &output_gradient);
        for isa in Isa::available() {
            for convolution in factorisations(shape) {
                let found = run(isa, &convolution, &input, &filter, Some(&bias), &output_gradient);
                let pixels = convolution.output_extent().pixels() * images;
                // The explosion's filter gradient sums products of all pairs of a block's coefficients, many more than
                // there are pixels: of 250 random shapes, the worst was 0.93 of the tolerance, and another was 1.2 of it.
                let is_exploded = convolution.factorisation() == Factorisation::Exploded;
                let filter_tolerance = if is_exploded { 3.0 * TOLERANCE } else { TOLERANCE };
                let pairs = [
                    (&found.output.values, &expected.output.values, inputs * size * size, TOLERANCE),
                    (&found.input_gradient.values, &expected.input_gradient.values, outputs * size * size, TOLERANCE),
                    (&found.filter_gradient, &expected.filter_gradient, pixels, filter_tolerance),
                    (&found.bias_gradient, &expected.bias_gradient, pixels, TOLERANCE),
                ];
                for (found, expected, terms, tolerance) in pairs {
                    let error = relative_error_of_sums(found, expected, terms);
                    prop_assert!(error <= tolerance, "{error:e} {} {shape:?}", isa.name());
                }
            }
        }
    }
}

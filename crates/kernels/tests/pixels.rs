//! Convolutions of maps in pixels equal the sum that defines them, whatever the method, shape and instruction set.

mod support;

use jpegnet_kernels::pixels::{Activation, Conv2d, ConvShape, Epilogue, Method};
use jpegnet_kernels::{Breakpoint, Isa, PiecewiseLinear};
use support::pixels::{definition, shapes, values};

fn energy(values: &[f32]) -> f64 {
    values.iter().map(|&x| f64::from(x) * f64::from(x)).sum()
}

#[test]
fn every_method_computes_the_convolution_on_every_isa_in_any_runs_of_units() {
    let images = 3;
    #[expect(clippy::cast_precision_loss, reason = "lengths of small vectors")]
    let mean = |sum: f64, count: usize| sum / count as f64;
    let mut worst = std::collections::BTreeMap::new();
    for (number, shape) in shapes().into_iter().enumerate() {
        let input = values(images * shape.input_len(), 1);
        let filter = values(shape.filter_len(), 2);
        let expected = definition(&shape, images, &input, &filter);
        // The deviation of an output whose window lies inside the image.
        let scale = (mean(energy(&filter), shape.output_channels) * mean(energy(&input), input.len())).sqrt();
        for method in Method::ALL.into_iter().filter(|method| method.takes(&shape)) {
            let conv = Conv2d::new(shape, method).expect("takes the shape");
            let mut packed = vec![f32::NAN; conv.packed_len()];
            conv.pack_filter_into(&filter, None, &mut packed);
            // Runs of different lengths that begin and end within images.
            let run = [1, 2, conv.units() + 1, images * conv.units()][number % 4];
            for isa in Isa::available() {
                let mut output = vec![f32::NAN; images * shape.output_len()];
                let mut workspace = vec![f32::NAN; conv.workspace_len(run)];
                for start in (0..images * conv.units()).step_by(run) {
                    let units = start..(start + run).min(images * conv.units());
                    let rows = conv.first_row(units.start)..conv.first_row(units.end);
                    let out = &mut output[rows.start * shape.output_row_len()..rows.end * shape.output_row_len()];
                    conv.forward_units(isa, units, &input, &packed, Epilogue::NONE, out, &mut workspace);
                }
                let error = output
                    .iter()
                    .zip(&expected)
                    .map(|(&found, &expected)| (f64::from(found) - expected).abs() / scale)
                    .fold(0.0, f64::max);
                let worst = worst.entry(format!("{method:?}")).or_insert(0.0f64);
                *worst = worst.max(if error.is_nan() { f64::INFINITY } else { error });
            }
        }
    }
    println!("largest error by method, relative to the output's deviation: {worst:?}");
    let bounds = [
        ("Winograd4", 2e-5),
        ("Winograd2", 3e-6),
        ("Winograd4Stride2", 2e-5),
        ("Winograd2Stride2", 3e-6),
        ("Winograd5", 2e-5),
        ("Winograd5Stride2", 2e-5),
        ("Winograd7Stride2", 2e-5),
        ("Pointwise", 3e-6),
        ("Direct", 3e-6),
    ];
    assert_eq!(worst.len(), bounds.len(), "every method is met");
    for (method, bound) in bounds {
        assert!(worst[method] < bound, "{method}: {}", worst[method]);
    }
}

#[test]
fn bias_residual_and_activation_finish_the_result_on_every_isa() {
    let clip = PiecewiseLinear {
        slope: 0.25,
        intercept: 0.5,
        breakpoints: vec![
            Breakpoint { at: -0.5, slope_change: 1.0, intercept_change: 0.0 },
            Breakpoint { at: 1.5, slope_change: -1.25, intercept_change: 2.0 },
        ],
    };
    let apply = |x: f64| {
        let first = 0.25 * x + 0.5 + if x > -0.5 { x } else { 0.0 };
        first + if x > 1.5 { -1.25 * x + 2.0 } else { 0.0 }
    };
    for channels in [16, 21] {
        for (size, stride) in [(3, 1), (3, 2), (1, 1), (1, 2), (5, 1)] {
            let shape = ConvShape {
                input_channels: 4,
                output_channels: channels,
                size,
                stride,
                padding: size / 2,
                height: 11,
                width: 10,
            };
            let input = values(shape.input_len(), 3);
            let filter = values(shape.filter_len(), 4);
            let scale = values(channels, 5);
            let bias = values(channels, 6);
            let residual = values(shape.output_len(), 7);
            let plain = definition(&shape, 1, &input, &filter);
            for method in Method::ALL.into_iter().filter(|method| method.takes(&shape)) {
                let conv = Conv2d::new(shape, method).expect("takes the shape");
                let mut packed = vec![0.0; conv.packed_len()];
                conv.pack_filter_into(&filter, Some(&scale), &mut packed);
                for isa in Isa::available() {
                    for (activation, function) in [
                        (Activation::Identity, (|x| x) as fn(f64) -> f64),
                        (Activation::Relu, |x| x.max(0.0)),
                        (Activation::Function(&clip), apply),
                    ] {
                        let epilogue = Epilogue { bias: Some(&bias), residual: Some(&residual), activation };
                        let mut output = vec![f32::NAN; shape.output_len()];
                        let mut workspace = vec![f32::NAN; conv.workspace_len(conv.units())];
                        conv.forward_units(
                            isa,
                            0..conv.units(),
                            &input,
                            &packed,
                            epilogue,
                            &mut output,
                            &mut workspace,
                        );
                        for (at, (&found, plain)) in output.iter().zip(&plain).enumerate() {
                            let (bias, scale) = (bias[at % channels], scale[at % channels]);
                            let x = plain * f64::from(scale) + f64::from(bias) + f64::from(residual[at]);
                            // Beside a jump of the function either side is right.
                            let near_jump = [-0.5, 1.5].iter().any(|jump| (x - jump).abs() < 1e-4);
                            let expected = function(x);
                            assert!(
                                (f64::from(found) - expected).abs() < 2e-4 || near_jump,
                                "{method:?} {isa:?} {activation:?}: expected {expected}, found {found}"
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn runs_whose_frequencies_are_shared_give_the_same_bits() {
    for (size, stride, channels) in [(3, 1, 20), (3, 2, 16)] {
        let shape =
            ConvShape { input_channels: 5, output_channels: channels, size, stride, padding: 1, height: 14, width: 11 };
        let images = 2;
        let input = values(images * shape.input_len(), 1);
        let filter = values(shape.filter_len(), 2);
        let (bias, residual) = (values(channels, 3), values(images * shape.output_len(), 4));
        for method in Method::ALL.into_iter().filter(|method| method.takes(&shape)) {
            let conv = Conv2d::new(shape, method).expect("takes the shape");
            if !conv.has_frequencies() {
                continue;
            }
            let mut packed = vec![0.0; conv.packed_len()];
            conv.pack_filter_into(&filter, None, &mut packed);
            let all = 0..images * conv.units();
            let epilogue = Epilogue { bias: Some(&bias), residual: Some(&residual), activation: Activation::Relu };
            for isa in Isa::available() {
                let mut expected = vec![f32::NAN; images * shape.output_len()];
                let mut workspace = vec![0.0; conv.workspace_len(all.len())];
                conv.forward_units(isa, all.clone(), &input, &packed, epilogue, &mut expected, &mut workspace);

                let run = conv.shared_run(all.len());
                let mut frequencies = vec![f32::NAN; run.frequencies * run.frequency_len];
                let mut products = vec![f32::NAN; run.frequencies * run.product_len];
                conv.shared_input(isa, all.clone(), &input, &mut frequencies, &mut vec![0.0; run.rows_len]);
                for (number, part) in products.chunks_mut(7 * run.product_len).enumerate() {
                    let range = 7 * number..(7 * number + 7).min(run.frequencies);
                    conv.shared_products(isa, all.len(), range, &frequencies, &packed, part);
                }
                let mut output = vec![f32::NAN; expected.len()];
                for first in all.clone().step_by(3) {
                    let units = first..(first + 3).min(all.end);
                    let rows = conv.first_row(units.start)..conv.first_row(units.end);
                    let range = rows.start * shape.output_row_len()..rows.end * shape.output_row_len();
                    let part = Epilogue { residual: Some(&residual[range.clone()]), ..epilogue };
                    conv.shared_output(isa, all.clone(), units, &products, part, &mut output[range]);
                }
                assert!(output.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits()), "{method:?} {isa:?}");
            }
        }
    }
}

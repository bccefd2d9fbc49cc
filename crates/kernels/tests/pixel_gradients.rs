//! Gradients of convolutions of maps in pixels equal their definition, whatever the method, shape and instruction set.

mod support;

use jpegnet_kernels::Isa;
use jpegnet_kernels::pixels::{Conv2d, Epilogue, InputGradient, Method, Order, WideRuns};
use std::collections::BTreeMap;
use support::pixels::{definition, definition_gradients, shapes, values};

#[expect(clippy::cast_precision_loss, reason = "lengths of small vectors")]
fn deviation(values: &[f64]) -> f64 {
    (values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64).sqrt()
}

fn error(found: &[f32], expected: &[f64], scale: f64) -> f64 {
    let difference = |(&found, expected): (&f32, &f64)| (f64::from(found) - expected).abs() / scale;
    let largest = found.iter().zip(expected).map(difference).fold(0.0, f64::max);
    if found.iter().all(|value| value.is_finite()) { largest } else { f64::INFINITY }
}

#[test]
fn every_method_computes_both_gradients_on_every_isa() {
    let images = 3;
    let mut worst: BTreeMap<String, [f64; 3]> = BTreeMap::new();
    for shape in shapes() {
        let input = values(images * shape.input_len(), 1);
        let filter = values(shape.filter_len(), 2);
        let gradient = values(images * shape.output_len(), 3);
        let output = definition(&shape, images, &input, &filter);
        let (of_input, of_filter) = definition_gradients(&shape, &input, &filter, &gradient);
        let scales = [deviation(&output), deviation(&of_input), deviation(&of_filter)].map(|scale| scale.max(1e-3));
        for method in Method::ALL.into_iter().filter(|method| method.takes(&shape)) {
            let conv = Conv2d::new(shape, method).expect("takes the shape");
            for isa in Isa::available() {
                let mut packed = vec![f32::NAN; conv.packed_len()];
                conv.pack_for_step_into(isa, &filter, &mut packed);
                let mut found = vec![f32::NAN; output.len()];
                let mut workspace = vec![f32::NAN; conv.workspace_len(images * conv.units())];
                let units = 0..images * conv.units();
                conv.forward_units(isa, units, &input, &packed, Epilogue::NONE, &mut found, &mut workspace);

                let mut adjoint = vec![f32::NAN; conv.adjoint_packed_len()];
                conv.pack_adjoint_into(isa, &filter, &mut adjoint);
                // Gradients are added to what is there.
                let mut input_gradient = vec![1.0; input.len()];
                let mut sums = vec![0.0; conv.filter_sums_len()];
                let mut workspace = vec![f32::NAN; conv.backward_workspace_len(images)];
                let target = Some(InputGradient { packed: &adjoint, gradient: &mut input_gradient });
                conv.backward(isa, images, &input, &gradient, target, &mut sums, &mut workspace);
                let mut filter_gradient = vec![1.0; filter.len()];
                conv.add_filter_gradient(isa, &sums, &mut filter_gradient);
                let without = |values: &[f32]| values.iter().map(|value| value - 1.0).collect::<Vec<_>>();

                // Alone, the filter's gradient is the same to the bit.
                let mut alone = vec![0.0; sums.len()];
                workspace.fill(f32::NAN);
                conv.backward(isa, images, &input, &gradient, None, &mut alone, &mut workspace);
                let mut of_filter_alone = vec![1.0; filter.len()];
                conv.add_filter_gradient(isa, &alone, &mut of_filter_alone);
                assert!(of_filter_alone == filter_gradient, "{method:?} of {shape:?} on {}", isa.name());

                let errors = [
                    error(&found, &output, scales[0]),
                    error(&without(&input_gradient), &of_input, scales[1]),
                    error(&without(&filter_gradient), &of_filter, scales[2]),
                ];
                let worst = worst.entry(format!("{method:?}")).or_default();
                for (worst, error) in worst.iter_mut().zip(errors) {
                    *worst = worst.max(error);
                }
            }
        }
    }
    println!("largest errors of output, input's and filter's gradient, relative to the deviation: {worst:#?}");
    for (method, errors) in worst {
        assert!(errors.iter().all(|&error| error < 3e-5), "{method}: {errors:?}");
    }
}

/// Forward and both gradients by panels, one task after the other.
fn by_panels(
    isa: Isa,
    conv: &Conv2d,
    images: usize,
    (input, filter, gradient): (&[f32], &[f32], &[f32]),
) -> Option<[Vec<f32>; 3]> {
    let wide = conv.wide()?;
    let shape = conv.shape();
    let WideRuns { images: of_run, runs, input_len, gradient_len, column_len, rows_len } = wide.runs(images);
    let mut rows = vec![f32::NAN; rows_len];
    let mut scratch = vec![f32::NAN; wide.panel_workspace_len()];
    let (mut inputs, mut gradients) = (vec![f32::NAN; runs * input_len], vec![f32::NAN; runs * gradient_len]);
    let run_of = |run: usize| (run, of_run.min(images - run * of_run));
    for (run, images) in (0..runs).map(run_of) {
        let input = &input[run * of_run * shape.input_len()..];
        wide.inputs(isa, images, input, &mut inputs[run * input_len..(run + 1) * input_len], &mut rows);
        let gradient = &gradient[run * of_run * shape.output_len()..];
        let frequencies = &mut gradients[run * gradient_len..(run + 1) * gradient_len];
        wide.gradients(isa, images, gradient, frequencies, &mut rows);
    }
    let mut products_of = |order: Order, frequencies: &[f32]| {
        let mut products = Vec::new();
        for panel in wide.panels(order) {
            let mut of_panel = vec![f32::NAN; runs * column_len * panel.1];
            wide.products(isa, order, panel, images, filter, frequencies, &mut of_panel, &mut scratch);
            products.extend(of_panel);
        }
        products
    };
    let forward = products_of(Order::Forward, &inputs);
    let adjoint = products_of(Order::Adjoint, &gradients);
    let mut output = vec![f32::NAN; images * shape.output_len()];
    let mut input_gradient = vec![1.0; images * shape.input_len()];
    for (run, images_of_run) in (0..runs).map(run_of) {
        let output = &mut output[run * of_run * shape.output_len()..][..images_of_run * shape.output_len()];
        wide.outputs(isa, (run, images_of_run), images, &forward, Epilogue::NONE, output);
        let gradient = &mut input_gradient[run * of_run * shape.input_len()..][..images_of_run * shape.input_len()];
        wide.input_gradient(isa, (run, images_of_run), images, &adjoint, gradient);
    }
    let mut filter_gradient = vec![1.0; filter.len()];
    let of_channel = filter.len() / shape.output_channels;
    for panel in wide.panels(Order::Forward) {
        let gradient = &mut filter_gradient[panel.0 * of_channel..];
        scratch.fill(f32::NAN);
        wide.filter_gradient(isa, panel, images, &inputs, &gradients, gradient, &mut scratch);
    }
    Some([output, input_gradient, filter_gradient])
}

#[test]
fn panels_of_a_filter_give_what_the_whole_filter_gives() {
    for shape in shapes().into_iter().step_by(4) {
        for images in [1, 5] {
            let input = values(images * shape.input_len(), 1);
            let filter = values(shape.filter_len(), 2);
            let gradient = values(images * shape.output_len(), 3);
            let output = definition(&shape, images, &input, &filter);
            let (of_input, of_filter) = definition_gradients(&shape, &input, &filter, &gradient);
            let less = |values: &[f32]| values.iter().map(|value| value - 1.0).collect::<Vec<_>>();
            for method in Method::ALL.into_iter().filter(|method| method.takes(&shape)) {
                let conv = Conv2d::new(shape, method).expect("takes the shape");
                for isa in Isa::available() {
                    let Some([found, input_gradient, filter_gradient]) =
                        by_panels(isa, &conv, images, (&input, &filter, &gradient))
                    else {
                        continue;
                    };
                    for (found, expected) in
                        [(&found, &output), (&less(&input_gradient), &of_input), (&less(&filter_gradient), &of_filter)]
                    {
                        let error = error(found, expected, deviation(expected).max(1e-3));
                        assert!(error < 3e-5, "{method:?} of {shape:?} on {}: {error}", isa.name());
                    }
                }
            }
        }
    }
}

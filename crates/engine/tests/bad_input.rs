//! Every bad input is one clear error that says where, what was expected and what was found, and changes nothing.

mod support;

use jpegnet_engine::{
    BreakpointSpec, EngineError, InferenceMode, MaskingSpec, NamedTensor, Network, NetworkSpec, OperationSpec,
    OptimizerSpec, Plan,
};
use jpegnet_jpeg::Colour;
use support::definitions::{Builder, conv2d, everything, paper_resnet, relu};
use support::pictures::{images, pictures};
use support::{bits, network};

const SGD: OptimizerSpec =
    OptimizerSpec::Sgd { learning_rate: 0.01, momentum: 0.9, nesterov: false, weight_decay: 0.0 };

fn valid() -> NetworkSpec {
    paper_resnet(MaskingSpec::Asm, 8, &[0.5; 3], &[0.25; 3])
}

/// What a definition that was broken so is refused with.
fn refused(break_it: impl FnOnce(&mut NetworkSpec)) -> (String, String) {
    let mut spec = valid();
    break_it(&mut spec);
    let error = Plan::new(spec).expect_err("the definition is broken");
    (error.code().into(), error.to_string())
}

fn operation<'a>(spec: &'a mut NetworkSpec, path: &str) -> &'a mut OperationSpec {
    &mut spec.nodes.iter_mut().find(|node| node.path == path).unwrap().operation
}

fn max_pool(size: usize, stride: usize, padding: usize) -> OperationSpec {
    OperationSpec::MaxPool { size, stride, padding, ceil: false }
}

macro_rules! refusals {
    ($($name:ident: $change:expr => $code:literal, $message:literal;)*) => {
        $(#[test]
        fn $name() {
            let (code, message) = refused($change);
            assert_eq!((code.as_str(), message.as_str()), ($code, $message));
        })*
    };
}

refusals! {
    two_input_channels_are_refused: |spec| spec.input.channels = 2
        => "INVALID_DEFINITION", "input: expected 1 or 3 channels, found 2";
    an_input_of_no_size_is_refused: |spec| spec.input.width = 0
        => "INVALID_DEFINITION", "input: expected a width and height above 0, found 0×32 pixels";
    a_filter_larger_than_its_map_is_refused: |spec| {
        let OperationSpec::Conv2d { size, .. } = operation(spec, "block1.conv1") else { unreachable!() };
        *size = 35;
    } => "SHAPE_MISMATCH", "block1.conv1: expected a map of at least 35×35 pixels with its padding of 1 for a 35×35 \
            filter, found 32×32 pixels";
    a_window_larger_than_the_padded_map_is_refused: |spec| {
        spec.input.height = 4;
        *operation(spec, "block1.relu1") = max_pool(9, 2, 2);
    } => "SHAPE_MISMATCH", "block1.relu1: expected a map of at least 9×9 pixels with its padding of 2 for a 9×9 window, \
            found 4×32 pixels";
    a_window_of_seventeen_pixels_is_refused: |spec| *operation(spec, "block1.relu1") = max_pool(17, 2, 1)
        => "INVALID_DEFINITION", "block1.relu1: expected a window from 1 to 16, found 17";
    a_pooling_stride_of_zero_is_refused: |spec| *operation(spec, "block1.relu1") = max_pool(3, 0, 1)
        => "INVALID_DEFINITION", "block1.relu1: expected a stride from 1 to 1024, found 0";
    a_padding_that_could_fill_a_window_is_refused: |spec| *operation(spec, "block1.relu1") = max_pool(3, 2, 3)
        => "INVALID_DEFINITION", "block1.relu1: expected a padding below the window's 3, found 3";
    a_subsampling_that_drops_channels_is_refused: |spec| {
        *operation(spec, "block1.relu1") = OperationSpec::Subsample { stride: 2, channels: 8 };
    } => "INVALID_DEFINITION", "block1.relu1: expected from 16 (the input's) to 2147483648 channels, found 8";
    a_subsampling_stride_of_zero_is_refused: |spec| {
        *operation(spec, "block1.relu1") = OperationSpec::Subsample { stride: 0, channels: 16 };
    } => "INVALID_DEFINITION", "block1.relu1: expected a stride from 1 to 1024, found 0";
    a_band_of_sixteen_frequencies_is_refused: |spec| spec.band = Some(16)
        => "INVALID_DEFINITION", "band: expected from 1 to 15 frequencies, found 16";
    a_band_of_no_frequencies_is_refused: |spec| spec.band = Some(0)
        => "INVALID_DEFINITION", "band: expected from 1 to 15 frequencies, found 0";
    a_stride_of_three_is_refused: |spec| {
        let OperationSpec::Conv2d { stride, .. } = operation(spec, "block1.conv1") else { unreachable!() };
        *stride = 3;
    } => "INVALID_DEFINITION", "block1.conv1: expected a stride of 1 or 2, found 3";
    a_filter_of_no_size_is_refused: |spec| {
        let OperationSpec::Conv2d { size, .. } = operation(spec, "block1.conv1") else { unreachable!() };
        *size = 0;
    } => "INVALID_DEFINITION", "block1.conv1: expected a filter size from 1 to 1024, found 0";
    no_output_channels_are_refused: |spec| {
        let OperationSpec::Conv2d { channels, .. } = operation(spec, "block1.conv1") else { unreachable!() };
        *channels = 0;
    } => "INVALID_DEFINITION", "block1.conv1: expected from 1 to 2147483648 channels, found 0";
    wrong_input_channels_are_refused: |spec| {
        let OperationSpec::Conv2d { input_channels, .. } = operation(spec, "block2.conv1") else { unreachable!() };
        *input_channels = Some(64);
    } => "SHAPE_MISMATCH", "block2.conv1: expected 64 input channels, found 16";
    an_unknown_factorisation_is_refused: |spec| {
        let OperationSpec::Conv2d { factorisation, .. } = operation(spec, "block1.conv2") else { unreachable!() };
        *factorisation = "pointwise".into();
    } => "INVALID_DEFINITION", "block1.conv2: expected a factorisation for a 3×3 filter, stride 1, padding 1, found \
            pointwise";
    wrong_channels_of_a_batch_norm_are_refused: |spec| {
        let OperationSpec::BatchNorm { channels, .. } = operation(spec, "block1.bn1") else { unreachable!() };
        *channels = Some(8);
    } => "SHAPE_MISMATCH", "block1.bn1: expected 8 channels, found 16";
    an_epsilon_of_zero_is_refused: |spec| {
        let OperationSpec::BatchNorm { epsilon, .. } = operation(spec, "block1.bn1") else { unreachable!() };
        *epsilon = 0.0;
    } => "INVALID_DEFINITION", "block1.bn1: expected a finite epsilon above 0, found 0";
    a_momentum_that_is_not_a_number_is_refused: |spec| {
        let OperationSpec::BatchNorm { momentum, .. } = operation(spec, "block1.bn1") else { unreachable!() };
        *momentum = f32::NAN;
    } => "INVALID_DEFINITION", "block1.bn1: expected a momentum from 0 to 1, found NaN";
    sixteen_frequencies_are_refused: |spec| *operation(spec, "block1.relu1") = relu(MaskingSpec::Asm, 16)
        => "INVALID_DEFINITION", "block1.relu1: expected frequencies from 1 to 15, found 16";
    no_frequencies_are_refused: |spec| *operation(spec, "block1.relu1") = relu(MaskingSpec::Apx, 0)
        => "INVALID_DEFINITION", "block1.relu1: expected frequencies from 1 to 15, found 0";
    an_infinite_breakpoint_is_refused: |spec| {
        let OperationSpec::PiecewiseLinear { breakpoints, .. } = operation(spec, "block1.relu1") else { unreachable!() };
        breakpoints[0].at = f32::INFINITY;
    } => "INVALID_DEFINITION", "block1.relu1: expected finite slopes, intercepts and breakpoints, found inf";
    five_breakpoints_are_refused: |spec| {
        let OperationSpec::PiecewiseLinear { breakpoints, .. } = operation(spec, "block1.relu1") else { unreachable!() };
        *breakpoints = vec![BreakpointSpec { at: 0.0, slope_change: 1.0, intercept_change: 0.0 }; 5];
    } => "INVALID_DEFINITION", "block1.relu1: expected at most 4 breakpoints, found 5";
    two_inputs_of_a_batch_norm_are_refused: |spec| spec.nodes[6].inputs = vec![5, 0]
        => "INVALID_DEFINITION", "block1.downsample.1: expected 1 input, found 2";
    a_mean_that_is_not_a_number_is_refused: |spec| spec.input.mean[1] = f32::NAN
        => "INVALID_DEFINITION", "input.mean: expected finite values, found NaN";
    a_deviation_of_zero_is_refused: |spec| spec.input.std[2] = 0.0
        => "INVALID_DEFINITION", "input.std: expected values above 0, found 0";
    two_means_for_three_channels_are_refused: |spec| spec.input.mean = vec![0.5; 2]
        => "INVALID_DEFINITION", "input.mean: expected 3 values, found 2";
    a_path_used_twice_is_refused: |spec| spec.nodes[3].path = "block1.conv1".into()
        => "INVALID_DEFINITION", "block1.conv1: expected a path of its own, found the path of an earlier node";
    an_empty_path_is_refused: |spec| spec.nodes[3].path = String::new()
        => "INVALID_DEFINITION", "nodes[3]: expected a path that is not empty and not the optimizer's, found \"\"";
    a_value_not_yet_made_is_refused: |spec| spec.nodes[3].inputs = vec![9]
        => "INVALID_DEFINITION", "block1.conv2: expected inputs among the values 0…3 made before it, found value 9";
    a_network_without_nodes_is_refused: |spec| spec.nodes.clear()
        => "INVALID_DEFINITION", "network: expected at least one node, found none";
    a_network_that_ends_in_a_map_is_refused: |spec| spec.nodes.truncate(9)
        => "SHAPE_MISMATCH", "block1.relu2: expected class logits from the last node: a vector of features, found a \
            feature map of 16 channels, 32×32 pixels";
    an_output_that_nobody_uses_is_refused: |spec| spec.nodes[3].inputs = vec![2]
        => "INVALID_DEFINITION", "block1.relu1: expected a later node that uses its output, found none";
    a_linear_layer_on_a_map_is_refused: |spec| spec.nodes.last_mut().unwrap().inputs = vec![1]
        => "SHAPE_MISMATCH", "fc: expected a vector of features (a global average pool makes one), found a feature map \
            of 16 channels, 32×32 pixels";
    wrong_features_of_a_linear_layer_are_refused: |spec| {
        let OperationSpec::Linear { input_features, .. } = operation(spec, "fc") else { unreachable!() };
        *input_features = Some(128);
    } => "SHAPE_MISMATCH", "fc: expected 128 input features, found 64";
    a_network_larger_than_memory_is_refused: |spec| {
        let OperationSpec::Linear { features, .. } = operation(spec, "fc") else { unreachable!() };
        *features = 1 << 31;
    } => "INVALID_DEFINITION", "fc: expected at most 2147483648 parameters, found a weight of shape [2147483648, 64]";
}

#[test]
fn a_sum_of_maps_of_two_shapes_names_both() {
    let mut net = Builder::new(3, 32, 32);
    let a = net.conv2d("a", 0, 16, (3, 1));
    let b = net.conv2d("b", 0, 16, (3, 2));
    let sum = net.node("sum", &[a, b], OperationSpec::Add {});
    let error = Plan::new(net.head(sum, 10)).unwrap_err();
    assert_eq!(error.code(), "SHAPE_MISMATCH");
    assert_eq!(error.path(), Some("sum"));
    assert_eq!(error.expected(), Some("inputs of one shape, all a feature map of 16 channels, 32×32 pixels"));
    assert_eq!(error.found(), Some("a feature map of 16 channels, 16×16 pixels"));
}

#[test]
fn a_sum_of_one_value_is_refused() {
    let mut net = Builder::new(1, 8, 8);
    let a = net.node("a", &[0], conv2d(2, 1, 1, true));
    let sum = net.node("sum", &[a], OperationSpec::Add {});
    let error = Plan::new(net.head(sum, 2)).unwrap_err();
    assert_eq!(error.to_string(), "sum: expected at least 2 inputs, found 1");
}

#[test]
fn a_definition_that_is_not_of_the_form_is_refused() {
    for json in ["", "{", "[]", r#"{"input": {}, "nodes": []}"#] {
        let error = NetworkSpec::from_json(json).unwrap_err();
        assert_eq!((error.code(), error.path()), ("INVALID_DEFINITION", Some("network")), "{json}");
    }
    let input = r#""input": {"channels": 1, "height": 8, "width": 8, "mean": [0.5], "std": [0.5]}"#;
    let with = |operation: &str| {
        format!(r#"{{{input}, "nodes": [{{"path": "a", "inputs": [0], "operation": {operation}}}]}}"#)
    };
    assert!(NetworkSpec::from_json(&with(r#"{"type": "globalAveragePool"}"#)).is_ok());
    let conv = r#"{"type": "conv2d", "channels": 1, "size": 3, "stride": 1, "padding": 1, "bias": false}"#;
    assert!(NetworkSpec::from_json(&with(conv)).is_ok());
    for operation in [
        r#"{"type": "maxPool"}"#,
        r#"{"type": "globalAveragePool", "size": 2}"#,
        r#"{"type": "linear", "features": -1, "bias": true}"#,
        r#"{"type": "linear", "features": 1.5, "bias": true}"#,
        r#"{"type": "batchNorm", "epsilon": null, "momentum": 0.1}"#,
    ] {
        assert!(NetworkSpec::from_json(&with(operation)).is_err(), "{operation}");
    }
}

#[test]
fn a_definition_survives_the_journey_through_json() {
    let spec = everything(MaskingSpec::Apx, 7);
    let json = serde_json::to_string(&spec).unwrap();
    assert_eq!(NetworkSpec::from_json(&json).unwrap(), spec);
}

/// A network, three pictures of its size, and a check that an error changed nothing.
fn unchanged_by(run: impl FnOnce(&mut Network, &[jpegnet_engine::Image]) -> EngineError) -> EngineError {
    let mut network = network(valid(), 1);
    let pictures = pictures(3, Colour::YCbCr, 32, 32, 1);
    network.train_step(&images(&pictures), &[0, 1, 2], &SGD).unwrap();
    let before = bits(&network.state(true));
    let error = run(&mut network, &images(&pictures));
    assert_eq!(bits(&network.state(true)), before);
    error
}

#[test]
fn a_picture_of_another_size_is_named() {
    let error = unchanged_by(|network, _| {
        let others = pictures(2, Colour::YCbCr, 40, 24, 1);
        network.train_step(&images(&others), &[0, 1], &SGD).unwrap_err()
    });
    assert_eq!(error.code(), "SIZE_MISMATCH");
    assert_eq!(error.to_string(), "made up 0: expected a picture of 32×32 pixels, found 24×40");
}

#[test]
fn batches_and_labels_that_make_no_sense_are_refused() {
    let error = unchanged_by(|network, images| network.train_step(images, &[0, 1], &SGD).unwrap_err());
    assert_eq!(error.to_string(), "labels: expected 3, one for each image, found 2");
    let error = unchanged_by(|network, images| network.train_step(images, &[0, 1, 10], &SGD).unwrap_err());
    assert_eq!(error.to_string(), "labels: expected classes from 0 to 9, found 10");
    let error = unchanged_by(|network, _| network.train_step(&[], &[], &SGD).unwrap_err());
    assert_eq!(error.to_string(), "batch: expected at least 1 image, found 0");
    let error = unchanged_by(|network, _| network.predict(&[], None).unwrap_err());
    assert_eq!(error.code(), "INVALID_OPTION");
}

#[test]
fn frequencies_of_a_prediction_are_checked() {
    for frequencies in [0, 16] {
        let masking = MaskingSpec::Asm;
        for mode in [InferenceMode::Approximated { masking, frequencies }, InferenceMode::BandLimited { frequencies }] {
            let error = unchanged_by(|network, images| network.predict(images, Some(mode)).unwrap_err());
            assert_eq!(
                error.to_string(),
                format!("frequencies: expected a whole number from 1 to 15, found {frequencies}")
            );
        }
    }
    let mode = InferenceMode::Approximated { masking: MaskingSpec::Exact, frequencies: 8 };
    let error = unchanged_by(|network, images| network.predict(images, Some(mode)).unwrap_err());
    assert_eq!(error.to_string(), "masking: expected asm or apx, found exact");
}

#[test]
fn options_of_an_optimizer_are_checked() {
    let sgd = |learning_rate, momentum, nesterov, weight_decay| OptimizerSpec::Sgd {
        learning_rate,
        momentum,
        nesterov,
        weight_decay,
    };
    let adam = |beta1, beta2, epsilon| OptimizerSpec::Adam {
        learning_rate: 0.1,
        beta1,
        beta2,
        epsilon,
        weight_decay: 0.0,
        decoupled: false,
    };
    for (optimizer, option) in [
        (sgd(f32::NAN, 0.0, false, 0.0), "learningRate"),
        (sgd(-0.1, 0.0, false, 0.0), "learningRate"),
        (sgd(0.1, 1.0, false, 0.0), "momentum"),
        (sgd(0.1, 0.0, true, 0.0), "momentum"),
        (sgd(0.1, 0.0, false, f32::INFINITY), "weightDecay"),
        (adam(1.0, 0.9, 1e-8), "beta1"),
        (adam(0.9, f64::NAN, 1e-8), "beta2"),
        (adam(0.9, 0.9, 0.0), "epsilon"),
    ] {
        let error = unchanged_by(|network, images| network.train_step(images, &[0, 1, 2], &optimizer).unwrap_err());
        assert_eq!((error.code(), error.path()), ("INVALID_OPTION", Some(option)), "{optimizer:?}");
    }
}

/// The network's weights with one value replaced.
fn with_value(network: &Network, name: &str, value: f32) -> Vec<NamedTensor> {
    let mut weights = network.state(false);
    weights.iter_mut().find(|tensor| tensor.name == name).unwrap().values[0] = value;
    weights
}

#[test]
fn weights_that_no_network_can_use_are_refused_whole() {
    for (name, value, message) in [
        ("block2.conv1.weight", f32::NAN, "block2.conv1.weight: expected finite values, found NaN"),
        ("fc.bias", f32::INFINITY, "fc.bias: expected finite values, found inf"),
        ("block1.bn1.running_var", -1.0, "block1.bn1.running_var: expected variances of 0 or above, found -1"),
        ("block1.bn1.num_batches_tracked", 0.5, "block1.bn1.num_batches_tracked: expected a whole number, found 0.5"),
    ] {
        let error = unchanged_by(|network, _| network.load(&with_value(network, name, value)).unwrap_err());
        assert_eq!((error.code(), error.to_string().as_str()), ("INVALID_WEIGHTS", message));
    }
    let error = unchanged_by(|network, _| {
        let mut weights = network.state(false);
        weights.push(weights[0].clone());
        network.load(&weights).unwrap_err()
    });
    assert_eq!(error.to_string(), "block1.conv1.weight: expected each tensor once, found it twice");
    let error = unchanged_by(|network, _| {
        let mut weights = network.state(false);
        weights[0].values.pop();
        network.load(&weights).unwrap_err()
    });
    assert_eq!(error.to_string(), "block1.conv1.weight: expected 432 values, found 431");
}

#[test]
fn a_load_reports_what_it_applied_and_what_it_left() {
    let mut network = network(valid(), 1);
    let mut weights = network.state(false);
    weights.retain(|tensor| tensor.name != "fc.bias");
    let head = weights.iter_mut().find(|tensor| tensor.name == "fc.weight").unwrap();
    *head = NamedTensor { name: "fc.weight".into(), shape: vec![1000, 64], values: vec![0.0; 64_000] };
    weights.push(NamedTensor { name: "extra".into(), shape: vec![1], values: vec![0.0] });
    let report = network.load(&weights).unwrap();
    assert_eq!(report.missing, ["fc.bias"]);
    assert_eq!(report.unused, ["extra"]);
    assert_eq!(report.mismatched.len(), 1);
    assert_eq!(report.mismatched[0].name, "fc.weight");
    assert_eq!((&*report.mismatched[0].expected, &*report.mismatched[0].found), ("[10, 64]", "[1000, 64]"));
    assert_eq!(report.applied.len(), network.state(false).len() - 2);
}

#[test]
fn an_optimizers_state_is_taken_whole_or_not_at_all() {
    let change = |change: fn(&mut Vec<NamedTensor>)| {
        unchanged_by(|network, _| {
            let mut tensors = network.state(true);
            tensors.retain(|tensor| tensor.name.starts_with("optimizer."));
            change(&mut tensors);
            network.load_optimizer(&tensors).unwrap_err()
        })
    };
    for error in [
        change(|tensors| tensors.retain(|tensor| tensor.name != "optimizer.step")),
        change(|tensors| drop(tensors.pop())),
        change(|tensors| tensors.last_mut().unwrap().values[0] = f32::NAN),
        change(|tensors| tensors.last_mut().unwrap().shape = vec![5, 2]),
        change(|tensors| tensors[0].values[0] = -1.0),
        change(|tensors| {
            tensors.push(NamedTensor { name: "optimizer.other".into(), shape: vec![1], values: vec![1.0] });
        }),
    ] {
        assert_eq!(error.code(), "INVALID_CHECKPOINT", "{error}");
    }
}

#[test]
fn a_step_that_leaves_float32_names_the_first_layer_and_changes_nothing() {
    let mut network = network(valid(), 1);
    let pictures = pictures(3, Colour::YCbCr, 32, 32, 1);
    // Finite weights whose products are not.
    let mut weights = network.state(false);
    for tensor in weights.iter_mut().filter(|tensor| tensor.name == "block2.conv2.weight") {
        tensor.values.fill(3e38);
    }
    network.load(&weights).unwrap();
    let before = bits(&network.state(true));
    let error = network.train_step(&images(&pictures), &[0, 1, 2], &SGD).unwrap_err();
    assert_eq!((error.code(), error.path()), ("NOT_FINITE", Some("block2.conv2")));
    assert!(error.to_string().ends_with("in step 1"), "{error}");
    assert_eq!(bits(&network.state(true)), before);
    // Folded into a running variance of 1, the same weights overflow there too.
    let error = network.predict(&images(&pictures), None).unwrap_err();
    assert_eq!((error.code(), error.path()), ("NOT_FINITE", Some("block2.conv2")));
}

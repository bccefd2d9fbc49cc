//! What a step can be told beside its optimizer: several batches, clipping, smoothing, freezing, rates, an average. Against
//! formulas written down here, and bit for bit where it must not matter how a training was cut.

mod support;

use jpegnet_engine::{
    Clipping, Isa, MaskingSpec, NamedTensor, Network, NetworkSpec, OperationSpec, OptimizerSpec, Plan, Rates,
    StepOptions, Storage, WeightSet,
};
use jpegnet_jpeg::{Colour, SparseJpeg};
use support::definitions::stem_and_shortcuts;
use support::pictures::{images, pictures};
use support::{adam, bits, network, tensor};

const PLAIN: OptimizerSpec =
    OptimizerSpec::Sgd { learning_rate: 0.5, momentum: 0.0, nesterov: false, weight_decay: 0.0 };
const ADAM: OptimizerSpec = adam(0.01, false);

/// Batch normalisations, convolutions with and without a shortcut, a head of 4 classes.
fn definition() -> NetworkSpec {
    stem_and_shortcuts(32, 32)
}

fn made_up(count: usize) -> (Vec<(String, SparseJpeg)>, Vec<u32>) {
    (pictures(count, Colour::YCbCr, 32, 32, 77), (0..4).cycle().take(count).collect())
}

fn plan() -> Plan {
    Plan::new(definition()).unwrap()
}

/// For each parameter whether its name begins so.
fn beginning_with(prefix: &str) -> Vec<bool> {
    plan().parameter_names().map(|name| name.starts_with(prefix)).collect()
}

/// Everything on: three batches, the last smaller, smoothed, clipped, partly frozen, with rates of its own, averaged.
fn everything() -> StepOptions {
    let plan = plan();
    let rates = plan.parameter_names().map(|name| {
        let learning_rate = if name.starts_with("fc") { 0.1 } else { 0.01 };
        Rates { learning_rate, weight_decay: 0.001 }
    });
    StepOptions {
        batch: Some(3),
        label_smoothing: 0.1,
        clipping: Clipping::Norm(0.5),
        frozen: beginning_with("conv1"),
        rates: rates.collect(),
        average: Some(0.99),
        ..StepOptions::new(ADAM)
    }
}

fn live(network: &Network) -> Vec<NamedTensor> {
    network.weights(WeightSet::Live).unwrap()
}

fn trainable(tensors: &[NamedTensor]) -> impl Iterator<Item = &NamedTensor> {
    tensors.iter().filter(|tensor| tensor.name.ends_with("weight") || tensor.name.ends_with("bias"))
}

/// One step of plain gradient descent gives the gradients, by what it takes off.
fn gradients(network: &mut Network, pictures: &[(String, SparseJpeg)], labels: &[u32]) -> Vec<NamedTensor> {
    network.loss_and_gradients(&images(pictures), labels).unwrap().gradients
}

/// Asserts that each parameter has moved by −rate times what a formula makes of its gradient.
fn assert_moved(before: &[NamedTensor], after: &[NamedTensor], rate: f32, gradient: impl Fn(&str, usize) -> f64) {
    for old in trainable(before) {
        let new = tensor(after, &old.name);
        for (index, (old_value, new_value)) in old.values.iter().zip(&new.values).enumerate() {
            let expected = f64::from(*old_value) - f64::from(rate) * gradient(&old.name, index);
            let error = (f64::from(*new_value) - expected).abs();
            assert!(error < 1e-5 * (1.0 + expected.abs()), "{}[{index}]: off by {error}", old.name);
        }
    }
}

fn value_of(tensors: &[NamedTensor], name: &str, index: usize) -> f64 {
    f64::from(tensor(tensors, name).values[index])
}

#[test]
fn batches_of_a_step_weigh_as_many_pictures_as_they_have() {
    let (pictures, labels) = made_up(7);
    let mut network = network(definition(), 1);
    let before = network.state(false);
    let batches = [(0..3, 3.0 / 7.0), (3..6, 3.0 / 7.0), (6..7, 1.0 / 7.0)];
    let parts: Vec<(f64, Vec<NamedTensor>)> = batches
        .into_iter()
        .map(|(range, share)| (share, gradients(&mut network, &pictures[range.clone()], &labels[range])))
        .collect();
    let options = StepOptions { batch: Some(3), ..StepOptions::new(PLAIN) };
    let report = network.train_step_with(&images(&pictures), &labels, &options).unwrap();
    let mean = |name: &str, index| parts.iter().map(|(share, part)| share * value_of(part, name, index)).sum::<f64>();
    assert_moved(&before, &network.state(false), 0.5, mean);
    let names: Vec<String> = trainable(&before).map(|tensor| tensor.name.clone()).collect();
    let squares = names.iter().flat_map(|name| {
        let mean = &mean;
        (0..tensor(&before, name).values.len()).map(move |index| mean(name, index).powi(2))
    });
    let norm = squares.sum::<f64>().sqrt();
    assert!((report.gradient_norm - norm).abs() < 1e-5 * norm, "{} {norm}", report.gradient_norm);
    assert_eq!(tensor(&network.state(false), "bn1.num_batches_tracked").values, [3.0]);
}

#[test]
fn a_step_of_one_batch_is_the_same_bits_however_it_is_said() {
    let (pictures, labels) = made_up(5);
    let run = |batch| {
        let mut network = network(definition(), 1);
        let options = StepOptions { batch, ..StepOptions::new(ADAM) };
        network.train_step_with(&images(&pictures), &labels, &options).unwrap();
        bits(&network.state(true))
    };
    let mut plain = network(definition(), 1);
    plain.train_step(&images(&pictures), &labels, &ADAM).unwrap();
    assert!(run(None) == bits(&plain.state(true)) && run(Some(5)) == run(None) && run(Some(100)) == run(None));
}

#[test]
fn everything_at_once_gives_the_same_bits_on_one_thread_and_on_many() {
    let (pictures, labels) = made_up(8);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut network = network(definition(), 4);
            let step = |_| network.train_step_with(&images(&pictures), &labels, &everything()).unwrap();
            let reports: Vec<(u64, u64)> =
                (0..3).map(step).map(|report| (report.loss.to_bits(), report.gradient_norm.to_bits())).collect();
            (reports, bits(&network.state(true)))
        })
    };
    let one = run(1);
    assert!(one == run(2) && one == run(5));
}

#[test]
fn gradients_are_clipped_by_the_norm_of_all_of_them_or_each_by_its_value() {
    let (pictures, labels) = made_up(4);
    let step = |clipping| {
        let mut network = network(definition(), 1);
        let before = network.state(false);
        let gradients = gradients(&mut network, &pictures, &labels);
        let options = StepOptions { clipping, ..StepOptions::new(PLAIN) };
        let report = network.train_step_with(&images(&pictures), &labels, &options).unwrap();
        (before, gradients, network.state(false), report.gradient_norm)
    };
    let (before, unclipped, after, norm) = step(Clipping::Norm(0.1));
    let squares = unclipped.iter().flat_map(|gradient| &gradient.values).map(|value| f64::from(*value).powi(2));
    let expected = squares.sum::<f64>().sqrt();
    assert!((norm - expected).abs() < 1e-9 * expected, "the norm is told as it was before");
    // torch.nn.utils.clip_grad_norm_: by max_norm / (norm + 1e-6), if that is below 1.
    let factor = 0.1 / (expected + 1e-6);
    assert!(factor < 1.0);
    assert_moved(&before, &after, 0.5, |name, index| factor * value_of(&unclipped, name, index));
    let (_, _, unchanged, _) = step(Clipping::Norm(1e6));
    assert_eq!(bits(&unchanged), bits(&step(Clipping::None).2), "a norm that is small enough is left");
    let (before, unclipped, after, norm) = step(Clipping::Value(0.003));
    assert!((norm - expected).abs() < 1e-9 * expected);
    assert_moved(&before, &after, 0.5, |name, index| value_of(&unclipped, name, index).clamp(-0.003, 0.003));
}

#[test]
fn the_gradient_of_a_smoothed_loss_is_its_finite_difference() {
    let (pictures, labels) = made_up(4);
    let mut network = network(definition(), 2);
    let before = network.state(false);
    let smoothed = |rate| StepOptions {
        label_smoothing: 0.3,
        ..StepOptions::new(OptimizerSpec::Sgd {
            learning_rate: rate,
            momentum: 0.0,
            nesterov: false,
            weight_decay: 0.0,
        })
    };
    let mut loss_at = |weights: &[NamedTensor]| {
        network.load(weights).unwrap();
        network.train_step_with(&images(&pictures), &labels, &smoothed(0.0)).unwrap().loss
    };
    // Along the head's weights, of which the loss is a smooth function.
    let moved = |step: f32| {
        let mut weights = before.clone();
        for (index, value) in
            weights.iter_mut().find(|tensor| tensor.name == "fc.weight").unwrap().values.iter_mut().enumerate()
        {
            *value += if index % 3 == 0 { step } else { -step };
        }
        weights
    };
    let h = 0.02;
    let slope = (loss_at(&moved(h)) - loss_at(&moved(-h))) / (2.0 * f64::from(h));
    network.load(&before).unwrap();
    network.train_step_with(&images(&pictures), &labels, &smoothed(1.0)).unwrap();
    let after = network.state(false);
    let (old, new) = (&tensor(&before, "fc.weight").values, &tensor(&after, "fc.weight").values);
    let along = old.iter().zip(new).enumerate().map(|(index, (old, new))| {
        let gradient = f64::from(old - new);
        if index % 3 == 0 { gradient } else { -gradient }
    });
    let expected = along.sum::<f64>();
    assert!(expected.abs() > 0.01, "{expected} is a gradient to speak of");
    assert!((slope - expected).abs() < 1e-2 * expected.abs(), "{slope} {expected}");
}

#[test]
fn frozen_parameters_keep_their_bits_and_have_no_memory() {
    let (pictures, labels) = made_up(4);
    for optimizer in [ADAM, OptimizerSpec::Sgd { learning_rate: 0.1, momentum: 0.9, nesterov: true, weight_decay: 0.1 }]
    {
        let mut network = network(definition(), 1);
        let before = network.state(false);
        let options = StepOptions { frozen: beginning_with("layer1"), ..StepOptions::new(optimizer) };
        for _ in 0..3 {
            network.train_step_with(&images(&pictures), &labels, &options).unwrap();
        }
        let after = network.state(true);
        for old in trainable(&before) {
            let frozen = old.name.starts_with("layer1");
            assert_eq!(frozen, tensor(&after, &old.name).values == old.values, "{}", old.name);
            let memory = after.iter().filter(|memory| {
                memory.name.strip_prefix("optimizer.").is_some_and(|name| name.starts_with(&format!("{}.", old.name)))
            });
            assert!(memory.clone().count() > 0);
            assert!(memory.into_iter().all(|memory| (memory.shape == [0]) == frozen), "{}", old.name);
        }
        assert_eq!(tensor(&after, "layer1.bn1.num_batches_tracked").values, [3.0], "statistics go on");
    }
}

/// The definition exact, approximated and in a band.
fn in_every_mode() -> [NetworkSpec; 3] {
    let mut approximated = definition();
    for node in &mut approximated.nodes {
        if let OperationSpec::PiecewiseLinear { masking, frequencies, .. } = &mut node.operation {
            (*masking, *frequencies) = (MaskingSpec::Asm, 6);
        }
    }
    [definition(), approximated, NetworkSpec { band: Some(6), ..definition() }]
}

#[test]
fn leaving_out_the_gradients_of_frozen_layers_changes_no_other_and_takes_less_memory() {
    let (pictures, labels) = made_up(4);
    let sgd = OptimizerSpec::Sgd { learning_rate: 0.1, momentum: 0.0, nesterov: false, weight_decay: 0.0 };
    for spec in in_every_mode() {
        let step = |frozen: Vec<bool>| {
            let mut network = network(spec.clone(), 1);
            let options = StepOptions { frozen, ..StepOptions::new(sgd) };
            network.train_step_with(&images(&pictures), &labels, &options).unwrap();
            (network.state(false), network.bytes())
        };
        let (whole, most) = step(Vec::new());
        let names: Vec<String> = plan().parameter_names().map(Into::into).collect();
        for learning in [&["fc"][..], &["layer2", "fc"], &["layer1"]] {
            let learns = |name: &str| learning.iter().any(|path| name.starts_with(path));
            let (state, bytes) = step(names.iter().map(|name| !learns(name)).collect());
            for name in names.iter().filter(|name| learns(name)) {
                assert!(tensor(&state, name).values == tensor(&whole, name).values, "{name} of {learning:?}");
            }
            assert!(bytes < most, "{bytes} and {most} bytes: {learning:?}");
        }
    }
}

#[test]
fn a_frozen_parameter_that_learns_later_begins_as_in_a_first_step() {
    let (pictures, labels) = made_up(4);
    let mut network = network(definition(), 1);
    let frozen = StepOptions { frozen: beginning_with("fc"), ..StepOptions::new(ADAM) };
    for _ in 0..5 {
        network.train_step_with(&images(&pictures), &labels, &frozen).unwrap();
    }
    let before = network.state(false);
    let state = network.state(true);
    let mut resumed = support::network(definition(), 9);
    resumed.load(&before).unwrap();
    resumed.load_optimizer(&state).unwrap();
    for network in [&mut network, &mut resumed] {
        network.train_step(&images(&pictures), &labels, &ADAM).unwrap();
    }
    // Adam's first step is the learning rate times the gradient's sign.
    let after = network.state(true);
    let (old, new) = (&tensor(&before, "fc.weight").values, &tensor(&after, "fc.weight").values);
    for (old, new) in old.iter().zip(new) {
        assert!(((new - old).abs() - 0.01).abs() < 1e-4, "{old} to {new}");
    }
    assert_eq!(tensor(&after, "optimizer.fc.weight.missed_steps").values, [5.0]);
    assert_eq!(bits(&after), bits(&resumed.state(true)));
}

#[test]
fn a_normalisation_on_fixed_statistics_trains_as_it_predicts() {
    let (pictures, labels) = made_up(5);
    let mut network = network(definition(), 1);
    // Statistics that are somebody's.
    network.train_step(&images(&pictures), &labels, &PLAIN).unwrap();
    let before = network.state(false);
    let logits = network.predict(&images(&pictures), None).unwrap();
    let losses = logits.chunks(4).zip(&labels).map(|(row, &label)| {
        let sum: f64 = row.iter().map(|&logit| f64::from(logit).exp()).sum();
        sum.ln() - f64::from(row[label as usize])
    });
    let expected = losses.sum::<f64>() / 5.0;
    let options = StepOptions {
        frozen: vec![true; plan().parameter_names().count()],
        fixed_statistics: vec![true; plan().normalisations()],
        ..StepOptions::new(ADAM)
    };
    let report = network.train_step_with(&images(&pictures), &labels, &options).unwrap();
    assert!((report.loss - expected).abs() < 1e-4 * expected, "{} {expected}", report.loss);
    assert_eq!(report.gradient_norm.to_bits(), 0f64.to_bits(), "nothing learns");
    assert_eq!(bits(&network.state(false)), bits(&before));
}

#[test]
fn gradients_through_fixed_statistics_are_finite_differences() {
    let (pictures, labels) = made_up(4);
    let mut network = network(definition(), 3);
    for _ in 0..5 {
        network.train_step(&images(&pictures), &labels, &ADAM).unwrap();
    }
    let before = network.state(false);
    let fixed = |learning_rate| StepOptions {
        fixed_statistics: vec![true; plan().normalisations()],
        ..StepOptions::new(OptimizerSpec::Sgd { learning_rate, momentum: 0.0, nesterov: false, weight_decay: 0.0 })
    };
    // The stem's bias shifts its maps, which batch statistics would take off again.
    let name = "bn1.bias";
    let mut loss_at = |step: f32| {
        let mut weights = before.clone();
        weights.iter_mut().find(|tensor| tensor.name == name).unwrap().values[0] += step;
        network.load(&weights).unwrap();
        network.train_step_with(&images(&pictures), &labels, &fixed(0.0)).unwrap().loss
    };
    let h = 2e-3;
    let slope = (loss_at(h) - loss_at(-h)) / (2.0 * f64::from(h));
    network.load(&before).unwrap();
    network.train_step_with(&images(&pictures), &labels, &fixed(1.0)).unwrap();
    let after = network.state(false);
    let gradient = value_of(&before, name, 0) - value_of(&after, name, 0);
    assert!(gradient.abs() > 0.01, "{gradient} is a gradient to speak of");
    assert!((slope - gradient).abs() < 0.02 * gradient.abs(), "{slope} {gradient}");
}

#[test]
fn each_parameter_moves_by_its_own_rate_and_decay() {
    let (pictures, labels) = made_up(4);
    let mut network = network(definition(), 1);
    let before = network.state(false);
    let unclipped = gradients(&mut network, &pictures, &labels);
    let is_head = |name: &str| name.starts_with("fc");
    let plan = plan();
    let rates = plan.parameter_names().map(|name| {
        let (learning_rate, weight_decay) = if is_head(name) { (0.3, 0.2) } else { (0.03, 0.0) };
        Rates { learning_rate, weight_decay }
    });
    let options = StepOptions { rates: rates.collect(), ..StepOptions::new(PLAIN) };
    network.train_step_with(&images(&pictures), &labels, &options).unwrap();
    assert_moved(&before, &network.state(false), 1.0, |name, index| {
        let gradient = value_of(&unclipped, name, index);
        if is_head(name) { 0.3 * (gradient + 0.2 * value_of(&before, name, index)) } else { 0.03 * gradient }
    });
}

#[test]
fn the_average_follows_its_formula_and_is_what_answers() {
    let (pictures, labels) = made_up(4);
    let options = StepOptions { average: Some(0.3), ..StepOptions::new(ADAM) };
    let mut network = network(definition(), 1);
    let mut expected: Vec<Vec<f64>> = Vec::new();
    for n in 0..6 {
        network.train_step_with(&images(&pictures), &labels, &options).unwrap();
        let live = live(&network);
        let values = live.iter().map(|tensor| tensor.values.iter().copied().map(f64::from).collect::<Vec<_>>());
        if n == 0 {
            expected = values.collect();
            continue;
        }
        let decay = 0.3f64.min((1.0 + f64::from(n)) / (10.0 + f64::from(n)));
        for (average, values) in expected.iter_mut().zip(values) {
            for (average, value) in average.iter_mut().zip(values) {
                *average = decay * *average + (1.0 - decay) * value;
            }
        }
    }
    let average = network.state(false);
    assert_eq!(bits(&average), bits(&network.weights(WeightSet::Average).unwrap()));
    assert_ne!(bits(&average), bits(&live(&network)));
    for (tensor, expected) in average.iter().zip(&expected) {
        if tensor.name.ends_with("num_batches_tracked") {
            assert_eq!(tensor.values, [6.0]);
            continue;
        }
        for (value, expected) in tensor.values.iter().zip(expected) {
            assert!((f64::from(*value) - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{}", tensor.name);
        }
    }
    let mut plain = support::network(definition(), 7);
    plain.load(&average).unwrap();
    let predict = |network: &mut Network| network.predict(&images(&pictures), None).unwrap();
    assert_eq!(predict(&mut network), predict(&mut plain));
    let mut without = support::network(definition(), 1);
    for _ in 0..6 {
        without.train_step(&images(&pictures), &labels, &ADAM).unwrap();
    }
    assert_eq!(bits(&live(&network)), bits(&without.state(false)), "an average changes nothing about the training");
}

/// A network with the state that another has written.
fn resumed(network: &Network) -> Network {
    let (of_training, weights): (Vec<_>, Vec<_>) =
        network.state(true).into_iter().partition(|tensor| tensor.name.starts_with("optimizer."));
    let mut resumed = support::network(definition(), 99);
    resumed.load(&weights).unwrap();
    resumed.load_optimizer(&of_training).unwrap();
    resumed
}

#[test]
fn a_state_resumes_to_the_bit_whichever_weights_answer() {
    let (pictures, labels) = made_up(8);
    let step = |network: &mut Network| {
        network.train_step_with(&images(&pictures), &labels, &everything()).unwrap();
    };
    let mut whole = network(definition(), 5);
    step(&mut whole);
    step(&mut whole);
    let mut averaged = resumed(&whole);
    assert_eq!(bits(&averaged.state(true)), bits(&whole.state(true)));
    for network in [&mut whole, &mut averaged] {
        network.keep_best().unwrap();
        step(network);
    }
    let mut with_best = resumed(&averaged);
    for network in [&mut whole, &mut averaged, &mut with_best] {
        step(network);
        network.restore_best().unwrap();
    }
    let best = bits(&whole.state(false));
    let mut restored = resumed(&with_best);
    for network in [&mut whole, &mut averaged, &mut with_best, &mut restored] {
        assert_eq!(bits(&network.state(false)), best);
        assert_eq!(bits(&network.weights(WeightSet::Best).unwrap()), best);
        step(network);
    }
    for network in [&averaged, &with_best, &restored] {
        assert_eq!(bits(&network.state(true)), bits(&whole.state(true)));
    }
    whole.forget_best();
    assert_eq!(whole.weights(WeightSet::Best), None);
}

#[test]
fn weights_that_do_not_learn_are_in_a_state_once_and_it_resumes_to_the_bit() {
    let (pictures, labels) = made_up(8);
    let head = StepOptions {
        frozen: plan().parameter_names().map(|name| !name.starts_with("fc")).collect(),
        fixed_statistics: vec![true; plan().normalisations()],
        average: Some(0.9),
        ..StepOptions::new(ADAM)
    };
    let step = |network: &mut Network| network.train_step_with(&images(&pictures), &labels, &head).unwrap();
    let mut whole = network(definition(), 5);
    step(&mut whole);
    whole.keep_best().unwrap();
    step(&mut whole);
    whole.restore_best().unwrap();
    let state = whole.state(true);
    for kept in state.iter().filter(|tensor| tensor.name.starts_with("optimizer.")) {
        let learns = kept.name.contains(".fc.") || kept.shape.is_empty();
        assert_eq!(kept.shape != [0], learns, "{}", kept.name);
    }
    // As it was written before, every set with all its tensors.
    let mut full = state.clone();
    for (name, set) in [("live", WeightSet::Live), ("average", WeightSet::Average)] {
        for weights in whole.weights(set).unwrap() {
            let name = format!("optimizer.{name}.{}", weights.name);
            *full.iter_mut().find(|tensor| tensor.name == name).unwrap() =
                NamedTensor { name: name.clone(), ..weights };
        }
    }
    let mut of_full = network(definition(), 9);
    of_full.load(&whole.state(false)).unwrap();
    of_full.load_optimizer(&full).unwrap();
    let mut resumed = resumed(&whole);
    for network in [&mut whole, &mut resumed, &mut of_full] {
        step(network);
    }
    for network in [&resumed, &of_full] {
        assert_eq!(bits(&network.state(true)), bits(&whole.state(true)));
    }
}

#[test]
fn loaded_weights_are_what_a_training_goes_on_from() {
    let (pictures, labels) = made_up(8);
    let mut network = network(definition(), 5);
    network.train_step_with(&images(&pictures), &labels, &everything()).unwrap();
    network.keep_best().unwrap();
    let weights = support::network(definition(), 6).state(false);
    network.load(&weights).unwrap();
    assert_eq!(bits(&live(&network)), bits(&weights));
    assert_eq!((network.weights(WeightSet::Average), network.weights(WeightSet::Best)), (None, None));
    assert_eq!(network.restore_best().unwrap_err().code(), "INVALID_OPTION");
}

#[test]
fn sets_of_weights_that_are_not_whole_are_refused() {
    let (pictures, labels) = made_up(8);
    let mut network = network(definition(), 5);
    for _ in 0..2 {
        network.train_step_with(&images(&pictures), &labels, &everything()).unwrap();
    }
    network.keep_best().unwrap();
    let good = network.state(true);
    let before = bits(&good);
    let mut change = |change: &dyn Fn(&mut Vec<NamedTensor>)| {
        let mut tensors = good.clone();
        change(&mut tensors);
        let error = network.load_optimizer(&tensors).unwrap_err();
        assert_eq!(error.code(), "INVALID_CHECKPOINT", "{error}");
        assert_eq!(bits(&network.state(true)), before);
    };
    let at = |tensors: &[NamedTensor], name: &str| tensors.iter().position(|tensor| tensor.name == name).unwrap();
    change(&|tensors| drop(tensors.remove(at(tensors, "optimizer.live.fc.bias"))));
    change(&|tensors| drop(tensors.remove(at(tensors, "optimizer.best.bn1.running_var"))));
    change(&|tensors| {
        let at = at(tensors, "optimizer.live.fc.bias");
        tensors[at].values[0] = f32::NAN;
    });
    change(&|tensors| {
        let at = at(tensors, "optimizer.live.fc.bias");
        tensors[at].shape = vec![2, 2];
    });
    change(&|tensors| drop(tensors.remove(at(tensors, "optimizer.average.updates"))));
    change(&|tensors| {
        let at = at(tensors, "optimizer.average.updates");
        tensors[at].values[0] = 0.5;
    });
}

#[test]
fn a_step_that_fails_in_a_later_batch_changes_nothing() {
    let (mut pictures, labels) = made_up(8);
    let mut network = network(definition(), 5);
    network.train_step_with(&images(&pictures), &labels, &everything()).unwrap();
    let before = bits(&network.state(true));
    pictures[7] = support::pictures::pictures(1, Colour::YCbCr, 16, 16, 1).remove(0);
    let error = network.train_step_with(&images(&pictures), &labels, &everything()).unwrap_err();
    assert_eq!(error.code(), "SIZE_MISMATCH");
    assert_eq!(bits(&network.state(true)), before);
}

#[test]
fn options_of_a_step_are_checked() {
    let (pictures, labels) = made_up(2);
    let mut network = network(definition(), 5);
    let plain = || StepOptions::new(PLAIN);
    let rates =
        |learning_rate, weight_decay| vec![Rates { learning_rate, weight_decay }; plan().parameter_names().count()];
    for (options, option) in [
        (StepOptions { batch: Some(0), ..plain() }, "batch"),
        (StepOptions { label_smoothing: 1.5, ..plain() }, "labelSmoothing"),
        (StepOptions { label_smoothing: f32::NAN, ..plain() }, "labelSmoothing"),
        (StepOptions { clipping: Clipping::Norm(0.0), ..plain() }, "clip"),
        (StepOptions { clipping: Clipping::Value(f32::INFINITY), ..plain() }, "clip"),
        (StepOptions { average: Some(1.0), ..plain() }, "average.decay"),
        (StepOptions { frozen: vec![true; 3], ..plain() }, "frozen"),
        (StepOptions { fixed_statistics: vec![true; 100], ..plain() }, "fixedStatistics"),
        (StepOptions { rates: rates(f32::NAN, 0.0), ..plain() }, "learningRate"),
        (StepOptions { rates: rates(0.1, -1.0), ..plain() }, "weightDecay"),
    ] {
        let error = network.train_step_with(&images(&pictures), &labels, &options).unwrap_err();
        assert_eq!((error.code(), error.path()), ("INVALID_OPTION", Some(option)), "{error}");
    }
    assert_eq!(network.steps(), 0);
}

#[test]
fn memory_of_steps_of_several_batches_stops_growing_and_is_counted() {
    let (pictures, labels) = made_up(8);
    let mut network = network(definition(), 5);
    let mut step = |options: &StepOptions| {
        network.train_step_with(&images(&pictures), &labels, options).unwrap();
        network.bytes()
    };
    let without_average = step(&StepOptions { average: None, ..everything() });
    let full = step(&everything());
    assert!(full > without_average);
    assert_eq!(step(&everything()), full);
}

#[test]
fn layers_know_what_they_learn() {
    let plan = plan();
    let names: Vec<&str> = plan.parameter_names().collect();
    let (parameters, running) = plan.learned_by("layer1.bn1").unwrap();
    assert_eq!(
        parameters.iter().map(|&number| names[number]).collect::<Vec<_>>(),
        ["layer1.bn1.weight", "layer1.bn1.bias"]
    );
    assert_eq!(running, Some(1));
    assert_eq!(plan.learned_by("maxpool"), Some((vec![], None)));
    assert_eq!(plan.learned_by("nowhere"), None);
}

#[test]
fn maps_kept_in_sixteen_bits_take_less_memory_and_learn_almost_the_same() {
    let (pictures, labels) = made_up(48);
    for spec in in_every_mode() {
        let run = |storage| {
            let mut network = network(spec.clone(), 5);
            let options = StepOptions { storage, ..StepOptions::new(PLAIN) };
            let mut step = || network.train_step_with(&images(&pictures), &labels, &options).unwrap().loss;
            let losses: Vec<f64> = (0..5).map(|_| step()).collect();
            (losses, network.bytes(), bits(&network.state(true)))
        };
        let (exact, wide_bytes, _) = run(Storage::Float32);
        let (losses, narrow_bytes, state) = run(Storage::Bfloat16);
        // The forward pass of a stage works on what it computed; the backward pass on what was kept of it.
        assert!((losses[0] - exact[0]).abs() < 1e-2, "{losses:?} {exact:?}");
        assert!((losses[1] - exact[1]).abs() < 5e-2 && losses[4] < 0.8 * losses[0], "{losses:?} {exact:?}");
        assert!(losses != exact, "{losses:?}");
        assert!(narrow_bytes < wide_bytes, "{narrow_bytes} and {wide_bytes}");
        assert!(run(Storage::Bfloat16).2 == state, "the same bits again");
    }
}

/// Its last block's maps have one pixel: a picture alone gives its normalisations one value a channel.
fn down_to_one_pixel() -> NetworkSpec {
    stem_and_shortcuts(16, 16)
}

fn small(count: usize) -> (Vec<(String, SparseJpeg)>, Vec<u32>) {
    (pictures(count, Colour::YCbCr, 16, 16, 78), (0..4).cycle().take(count).collect())
}

fn of_last_block(name: &str) -> bool {
    name.starts_with("layer3.") && (name.contains("bn") || name.contains("downsample.1"))
}

#[test]
fn a_batch_with_one_value_a_channel_moves_no_running_statistics_and_is_finite_on_every_path() {
    let (pictures, labels) = small(5);
    for isa in Isa::available() {
        for storage in [Storage::Float32, Storage::Bfloat16] {
            let mut network = Network::new(Plan::new(down_to_one_pixel()).unwrap(), 5, isa);
            let options = StepOptions { storage, ..StepOptions::new(PLAIN) };
            network.train_step_with(&images(&pictures[..4]), &labels[..4], &options).unwrap();
            let before = live(&network);
            network.train_step_with(&images(&pictures[4..]), &labels[4..], &options).unwrap();
            let after = live(&network);
            for (old, new) in before.iter().zip(&after) {
                assert!(new.values.iter().all(|value| value.is_finite()), "{} {storage:?} {}", new.name, isa.name());
                // One value is normalised to zero whatever it is: nothing before it can learn from it.
                let stays = of_last_block(&new.name) && (new.name.contains("running") || new.name.ends_with("weight"));
                let is_before =
                    !of_last_block(&new.name) && !new.name.starts_with("fc") && !new.name.contains("running");
                if (stays || is_before) && !new.name.ends_with("num_batches_tracked") {
                    assert_eq!(old.values, new.values, "{} {storage:?} {}", new.name, isa.name());
                }
            }
            assert_ne!(tensor(&before, "layer3.bn2.bias").values, tensor(&after, "layer3.bn2.bias").values);
            assert_ne!(tensor(&before, "bn1.running_var").values, tensor(&after, "bn1.running_var").values);
            // The same as the last of the batches of a step.
            let mut accumulated = Network::new(Plan::new(down_to_one_pixel()).unwrap(), 5, isa);
            let options = StepOptions { batch: Some(4), ..options };
            accumulated.train_step_with(&images(&pictures), &labels, &options).unwrap();
            let state = live(&accumulated);
            for name in ["layer3.bn1.running_var", "layer3.bn2.running_mean", "layer3.downsample.1.running_var"] {
                assert_eq!(tensor(&state, name).values, tensor(&before, name).values, "{name}");
            }
        }
    }
}

#[test]
fn a_step_whose_statistics_leave_float32_is_refused_though_its_loss_is_finite() {
    let (pictures, labels) = made_up(4);
    let mut definition = definition();
    definition.input.std = vec![1e-21; 3];
    let mut network = network(definition, 5);
    let before = bits(&network.state(true));
    let error = network.train_step(&images(&pictures), &labels, &PLAIN).unwrap_err();
    assert_eq!(error.code(), "NOT_FINITE");
    assert_eq!(error.path(), Some("bn1.running_var"), "{error}");
    assert_eq!(bits(&network.state(true)), before);
}

#[test]
fn tensors_that_could_not_be_loaded_are_not_to_be_saved() {
    let network = network(definition(), 5);
    let mut tensors = network.state(true);
    network.check_savable(&tensors).unwrap();
    let at = tensors.iter().position(|tensor| tensor.name == "layer2.bn1.running_var").unwrap();
    tensors[at].values[1] = f32::INFINITY;
    let error = network.check_savable(&tensors).unwrap_err();
    assert_eq!((error.code(), error.path()), ("NOT_FINITE", Some("layer2.bn1.running_var")));
}

#[test]
fn the_weights_that_steps_left_answer_again_after_the_best() {
    let (pictures, labels) = made_up(8);
    for options in [everything(), StepOptions { average: None, ..everything() }] {
        let mut network = network(definition(), 5);
        network.train_step_with(&images(&pictures), &labels, &options).unwrap();
        network.keep_best().unwrap();
        network.train_step_with(&images(&pictures), &labels, &options).unwrap();
        let latest = bits(&network.state(false));
        network.restore_best().unwrap();
        assert_ne!(bits(&network.state(false)), latest);
        network.answer_with_latest();
        assert_eq!(bits(&network.state(false)), latest);
        network.answer_with_latest();
        assert_eq!(bits(&network.state(false)), latest);
    }
}

//! The memory of a training as it is planned, beside what the network holds once it has taken its steps.

mod support;

use jpegnet_engine::{
    Isa, MaskingSpec, Network, NetworkSpec, OptimizerSpec, Plan, PlannedTraining, StepOptions, Storage, TrainingMemory,
};
use jpegnet_jpeg::Colour;
use support::adam;
use support::definitions::{everything, paper_resnet, stem_and_shortcuts};
use support::pictures::{images, pictures};

const SGD: OptimizerSpec =
    OptimizerSpec::Sgd { learning_rate: 0.01, momentum: 0.9, nesterov: false, weight_decay: 0.0 };
const ADAM: OptimizerSpec = adam(0.0, false);

fn planned(definition: &NetworkSpec, options: &StepOptions, training: PlannedTraining) -> TrainingMemory {
    Plan::new(definition.clone()).unwrap().training_memory(options, training, Isa::detect()).unwrap()
}

fn held(memory: TrainingMemory) -> usize {
    let TrainingMemory { weights, gradients, optimizer, copies, maps, test, saving: _ } = memory;
    weights + gradients + optimizer + copies + maps + test
}

#[test]
fn a_training_takes_what_was_planned() {
    let paper = paper_resnet(MaskingSpec::Asm, 8, &[0.5; 3], &[0.25; 3]);
    for (definition, options, count) in [
        (paper.clone(), StepOptions::new(SGD), 12),
        (paper.clone(), StepOptions { storage: Storage::Bfloat16, ..StepOptions::new(ADAM) }, 7),
        (paper, StepOptions { batch: Some(4), average: Some(0.9), ..StepOptions::new(ADAM) }, 10),
        (everything(MaskingSpec::Exact, 15), StepOptions::new(ADAM), 3),
        (stem_and_shortcuts(64, 48), StepOptions::new(SGD), 8),
    ] {
        let (height, width) = (definition.input.height, definition.input.width);
        let pictures = pictures(count, Colour::YCbCr, height, width, 7);
        let labels: Vec<u32> = (0..4).cycle().take(count).collect();
        let mut network = Network::new(Plan::new(definition.clone()).unwrap(), 1, Isa::detect());
        network.train_step_with(&images(&pictures), &labels, &options).unwrap();
        network.keep_best().unwrap();
        network.predict(&images(&pictures[..2]), None).unwrap();
        let plan = planned(&definition, &options, PlannedTraining { images: count, tested: 2, keeps_best: true });
        #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
        let ratio = held(plan) as f64 / network.bytes() as f64;
        assert!((0.9..1.1).contains(&ratio), "{ratio}: planned {plan:?}, found {}", network.bytes());
    }
}

#[test]
fn what_is_not_asked_for_takes_nothing_and_less_is_less() {
    let definition = stem_and_shortcuts(64, 64);
    let training = PlannedTraining { images: 8, tested: 0, keeps_best: false };
    let without_momentum =
        OptimizerSpec::Sgd { learning_rate: 0.01, momentum: 0.0, nesterov: false, weight_decay: 0.0 };
    let least = planned(&definition, &StepOptions::new(without_momentum), training);
    assert_eq!((least.optimizer, least.copies, least.test), (0, 0, 0));
    let with_momentum = planned(&definition, &StepOptions::new(SGD), training);
    assert_eq!(with_momentum.optimizer, with_momentum.gradients);
    let paper = paper_resnet(MaskingSpec::Exact, 15, &[0.5; 3], &[0.25; 3]);
    let many = PlannedTraining { images: 64, ..training };
    let narrow = StepOptions { storage: Storage::Bfloat16, ..StepOptions::new(without_momentum) };
    assert!(planned(&paper, &narrow, many).maps < planned(&paper, &StepOptions::new(without_momentum), many).maps);
    let larger = planned(&definition, &StepOptions::new(without_momentum), PlannedTraining { images: 16, ..training });
    assert!(larger.maps > least.maps);
    let frozen = StepOptions { frozen: vec![true; 100], ..StepOptions::new(ADAM) };
    let plan = Plan::new(definition).unwrap();
    assert_eq!(plan.training_memory(&frozen, training, Isa::detect()).unwrap_err().code(), "INVALID_OPTION");
    let names = plan.parameter_names().map(|name| !name.starts_with("fc")).collect();
    let head_alone = plan.training_memory(&StepOptions { frozen: names, ..frozen }, training, Isa::detect()).unwrap();
    assert!(head_alone.maps < least.maps && head_alone.optimizer < with_momentum.optimizer);
}

//! Mixup and CutMix against their definitions, and trainings on views and mixed pictures.
#![expect(clippy::cast_precision_loss, reason = "counts of pixels and draws")]

mod support;

use jpegnet_engine::transform::{FilterSpec, MixSpec, Mixed, PaddingSpec, Pipeline, Seed, TransformSpec, mix};
use jpegnet_engine::view::{Pixels, Renderer};
use jpegnet_engine::{Content, Image, Isa, Labels, StepOptions};
use jpegnet_jpeg::Work;
use rayon::prelude::*;
use support::definitions::stem_and_shortcuts;
use support::pictures::{SAMPLINGS, sampled_picture};
use support::{adam, bits, network};

const MIXUP: MixSpec = MixSpec::Mixup { alpha: 0.4, probability: 1.0 };
const CUT_MIX: MixSpec = MixSpec::CutMix { alpha: 1.0, probability: 1.0 };

/// Pictures whose samples tell which picture, channel and pixel they are of.
fn batch(count: usize) -> Vec<Pixels> {
    let (width, height, channels) = (12, 10, 3);
    let samples = |number: usize| (0..channels * height * width).map(move |at| (1000 * number + at) as f32).collect();
    (0..count).map(|number| Pixels { width, height, channels, samples: samples(number) }).collect()
}

#[test]
fn mixup_adds_each_picture_and_the_one_before_it_by_shares_that_add_up_to_one() {
    for start in 0..50 {
        let before = batch(4);
        let mut after = before.clone();
        let Mixed { share } = mix(&mut after, &[MIXUP], 1, 2, start).expect("it is always mixed");
        assert!((0.0..=1.0).contains(&share));
        for (number, picture) in after.iter().enumerate() {
            let other = &before[(number + 3) % 4].samples;
            for ((found, own), other) in picture.samples.iter().zip(&before[number].samples).zip(other) {
                let expected = f64::from(share) * f64::from(*own) + (1.0 - f64::from(share)) * f64::from(*other);
                assert!((f64::from(*found) - expected).abs() < 1e-3, "{found} {expected}");
            }
        }
    }
}

#[test]
fn cut_mix_pastes_one_rectangle_of_the_picture_before_and_shares_by_its_area() {
    let mut centres = std::collections::BTreeSet::new();
    for start in 0..300 {
        let before = batch(3);
        let mut after = before.clone();
        let Mixed { share } = mix(&mut after, &[CUT_MIX], 1, 0, start).expect("it is always mixed");
        let pasted: Vec<usize> =
            (0..120).filter(|&at| after[0].samples[at].to_bits() != before[0].samples[at].to_bits()).collect();
        assert!((f64::from(share) - (1.0 - pasted.len() as f64 / 120.0)).abs() < 1e-6);
        let (columns, rows): (Vec<usize>, Vec<usize>) = pasted.iter().map(|at| (at % 12, at / 12)).unzip();
        if let (Some(left), Some(top)) = (columns.iter().min(), rows.iter().min()) {
            let (width, height) = (columns.iter().max().unwrap() + 1 - left, rows.iter().max().unwrap() + 1 - top);
            assert_eq!(pasted.len(), width * height, "a rectangle");
            centres.insert((left + width / 2, top + height / 2));
        }
        for (number, picture) in after.iter().enumerate() {
            for (at, found) in picture.samples.iter().enumerate() {
                let from = if pasted.contains(&(at % 120)) { (number + 2) % 3 } else { number };
                assert_eq!(found.to_bits(), before[from].samples[at].to_bits());
            }
        }
    }
    assert!(centres.len() > 60, "rectangles lie anywhere: {}", centres.len());
}

#[test]
fn shares_have_the_moments_of_their_beta_distribution() {
    for alpha in [0.2, 1.0, 4.0] {
        let ways = [MixSpec::Mixup { alpha, probability: 1.0 }];
        let shares: Vec<f64> =
            (0..4000).map(|start| f64::from(mix(&mut batch(1), &ways, 5, 0, start).unwrap().share)).collect();
        let mean = shares.iter().sum::<f64>() / 4000.0;
        let variance = shares.iter().map(|share| (share - 0.5).powi(2)).sum::<f64>() / 4000.0;
        // Beta(α, α) has mean ½ and variance 1 / (4·(2α + 1)).
        let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
        assert!((mean - 0.5).abs() < 0.04, "α = {alpha}: {mean}");
        assert!((variance / expected - 1.0).abs() < 0.1, "α = {alpha}: {variance} {expected}");
    }
}

#[test]
fn batches_are_mixed_as_often_and_by_each_way_as_said_and_the_same_again() {
    let ways = [MixSpec::Mixup { alpha: 1.0, probability: 0.5 }, CUT_MIX];
    let (mut left, mut added, mut cut) = (0, 0, 0);
    for start in 0..2000 {
        let mut after = batch(2);
        let mixed = mix(&mut after, &ways, 9, 1, start);
        let mut again = batch(2);
        assert!(mix(&mut again, &ways, 9, 1, start) == mixed && again == after);
        match mixed {
            None => {
                assert_eq!(after, batch(2));
                left += 1;
            }
            // Of what is added no sample is as it was.
            Some(_)
                if after[0].samples.iter().zip(&batch(2)[0].samples).all(|(a, b)| a.to_bits() != b.to_bits())
                    && after[0].samples.iter().zip(&batch(2)[1].samples).all(|(a, b)| a.to_bits() != b.to_bits()) =>
            {
                added += 1;
            }
            Some(_) => cut += 1,
        }
    }
    let near = |count: i32, share: f64| (f64::from(count) / 2000.0 - share).abs() < 0.06;
    assert!(near(left, 0.25) && near(added, 0.25) && near(cut, 0.5), "{left} {added} {cut}");
    assert!(mix(&mut batch(2), &[], 9, 1, 0).is_none());
    assert!(mix(&mut [], &[CUT_MIX], 9, 1, 0).is_none());
    let share = |seed, epoch, start| mix(&mut batch(1), &[MIXUP], seed, epoch, start).unwrap().share.to_bits();
    assert!(share(1, 1, 1) != share(2, 1, 1) && share(1, 1, 1) != share(1, 2, 1) && share(1, 1, 1) != share(1, 1, 2));
}

#[test]
fn ways_to_mix_read_from_json_are_what_was_written_and_wrong_ones_are_named() {
    let list = vec![MIXUP, CUT_MIX];
    assert_eq!(MixSpec::list_from_json(&serde_json::to_string(&list).unwrap()).unwrap(), list);
    for (json, message) in [
        ("7", "mix: expected a list of ways to mix as JSON, found "),
        (
            r#"[{"type":"mixdown","alpha":1,"probability":1}]"#,
            "mix: expected a list of ways to mix as JSON, found unknown",
        ),
        (r#"[{"type":"mixup","alpha":0,"probability":1}]"#, "mix[0].alpha: expected a number above 0, found 0"),
        (
            r#"[{"type":"mixup","alpha":1,"probability":1},{"type":"cutMix","alpha":1,"probability":-1}]"#,
            "mix[1].probability: expected 0…1, found -1",
        ),
    ] {
        let error = MixSpec::list_from_json(json).unwrap_err();
        assert_eq!(error.code(), "INVALID_OPTION");
        assert!(error.to_string().starts_with(message), "{error}");
    }
}

#[test]
fn training_on_drawn_and_mixed_views_gives_the_same_bits_on_any_number_of_threads() {
    let transforms = vec![
        TransformSpec::RandomResizedCrop {
            width: 36,
            height: 36,
            scale: [0.3, 1.0],
            ratio: [0.75, 1.33],
            filter: FilterSpec::Bicubic,
        },
        TransformSpec::RandomCrop { width: 32, height: 32, margin: 2, padding: PaddingSpec::Edge },
        TransformSpec::Rotate { quarters: vec![0, 1, 2, 3] },
        TransformSpec::ColorJitter { brightness: [0.6, 1.4], contrast: [0.6, 1.4], saturation: [0.6, 1.4] },
        TransformSpec::RandomErasing { probability: 0.5, scale: [0.02, 0.33], ratio: [0.3, 3.3], fill: [128.0; 3] },
    ];
    let files: Vec<_> =
        (0..8).map(|n| sampled_picture(Some(SAMPLINGS[n % 5].1), (30 + 3 * n, 50 - n), n as u64)).collect();
    let labels: Vec<u32> = (0..4).cycle().take(8).collect();
    let others: Vec<u32> = (0..8).map(|n| labels[(n + 7) % 8]).collect();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut network = network(stem_and_shortcuts(32, 32), 4);
            let mut told = Vec::new();
            for epoch in 0..3 {
                let pipeline = Pipeline { transforms: transforms.clone(), channels: 3, clamp: false, always: true };
                let mut views: Vec<Pixels> = files
                    .par_iter()
                    .enumerate()
                    .map_init(Renderer::default, |renderer, (number, jpeg)| {
                        let seed = Seed { seed: 5, epoch, picture: number as u64 };
                        pipeline
                            .apply((Isa::detect(), renderer), "made up", jpeg, seed, &mut Work::default())
                            .unwrap()
                            .unwrap()
                    })
                    .collect();
                let mixed = mix(&mut views, &[MIXUP, CUT_MIX], 5, epoch, 0);
                let images: Vec<Image> =
                    views.iter().map(|pixels| Image { name: "made up", content: Content::Pixels(pixels) }).collect();
                let labels = Labels { own: &labels, mixed: mixed.map(|Mixed { share }| (&others[..], share)) };
                let options = StepOptions { batch: Some(3), ..StepOptions::new(adam(0.01, false)) };
                told.push(network.train_step_with(&images, labels, &options).unwrap().loss.to_bits());
            }
            (told, bits(&network.state(true)))
        })
    };
    let one = run(1);
    assert!(one == run(2) && one == run(5));
}

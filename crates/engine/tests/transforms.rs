//! Transforms: what is drawn, from which numbers, and what a picture must be for them; as torchvision's documentation has it.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths of small pictures and counts of draws"
)]

mod support;

use jpegnet_engine::transform::{FilterSpec, PaddingSpec, Pipeline, ResizeSpec, Seed, TransformSpec, view_of};
use jpegnet_engine::view::{ColourOperation, Pixels, Rectangle, Renderer, Sides, View};
use jpegnet_engine::{EngineError, Isa};
use jpegnet_jpeg::{SparseJpeg, Work};
use jpegnet_kernels::resize::{Filter, Padding};
use support::pictures::sampled_picture;

const SEED: Seed = Seed { seed: 3, epoch: 0, picture: 0 };
const FILTER: FilterSpec = FilterSpec::Bilinear;
const BLACK: PaddingSpec = PaddingSpec::Constant { fill: [0.0; 3] };

fn viewed((width, height): (usize, usize), transforms: &[TransformSpec], seed: Seed) -> Result<View, EngineError> {
    view_of("a.jpg", View::new(width, height), transforms, seed)
}

fn view(size: (usize, usize), transforms: &[TransformSpec]) -> View {
    viewed(size, transforms, SEED).unwrap()
}

/// A view of every picture of an epoch.
fn views(count: u64, size: (usize, usize), transform: &TransformSpec) -> Vec<View> {
    let of = |picture| viewed(size, std::slice::from_ref(transform), Seed { picture, ..SEED }).unwrap();
    (0..count).map(of).collect()
}

fn built(size: (usize, usize), build: impl FnOnce(&mut View)) -> View {
    let mut view = View::new(size.0, size.1);
    build(&mut view);
    view
}

/// Every crop of a picture that has this size, by its place.
fn crops(size: (usize, usize), (width, height): (usize, usize)) -> Vec<View> {
    let places = (0..=size.1 - height).flat_map(|top| (0..=size.0 - width).map(move |left| (left, top)));
    places.map(|(left, top)| built(size, |view| view.crop(Rectangle { left, top, width, height }))).collect()
}

fn everything(side: usize) -> Vec<TransformSpec> {
    vec![
        TransformSpec::RandomResizedCrop {
            width: side + 3,
            height: side,
            scale: [0.2, 1.0],
            ratio: [0.75, 1.33],
            filter: FILTER,
        },
        TransformSpec::RandomCrop { width: side, height: side, margin: 3, padding: PaddingSpec::Reflect },
        TransformSpec::FlipHorizontally { probability: 0.5 },
        TransformSpec::FlipVertically { probability: 0.5 },
        TransformSpec::Rotate { quarters: vec![0, 1, 2, 3] },
        TransformSpec::ColorJitter { brightness: [0.6, 1.4], contrast: [0.6, 1.4], saturation: [0.6, 1.4] },
        TransformSpec::Gray { probability: 0.2 },
        TransformSpec::RandomErasing { probability: 0.5, scale: [0.02, 0.33], ratio: [0.3, 3.3], fill: [1.0; 3] },
        TransformSpec::Cutout { size: 5, fill: [9.0; 3] },
    ]
}

#[test]
fn the_same_numbers_give_the_same_view_and_any_other_another() {
    let of = |seed| viewed((50, 40), &everything(32), seed).unwrap();
    let seed = Seed { seed: 7, epoch: 2, picture: 11 };
    let first = of(seed);
    assert_eq!(first, of(seed));
    for other in [Seed { seed: 8, ..seed }, Seed { epoch: 3, ..seed }, Seed { picture: 12, ..seed }] {
        assert_ne!(first, of(other), "{other:?}");
    }
    // Numbers that trade places name other draws.
    assert_ne!(of(Seed { seed: 7, epoch: 1, picture: 2 }), of(Seed { seed: 7, epoch: 2, picture: 1 }));
}

#[test]
fn cover_makes_any_size_of_any_other_without_padding_and_leaves_its_own_alone() {
    for width in 1..=24 {
        for height in [1, 2, 3, 5, 8, 13, 21, 64] {
            for (to_width, to_height) in [(1, 1), (8, 8), (9, 7), (7, 30), (24, 13)] {
                let cover = TransformSpec::Cover { width: to_width, height: to_height, filter: FILTER };
                let found = view((width, height), &[cover]);
                assert_eq!((found.width(), found.height()), (to_width, to_height), "of {width}×{height}");
                assert_eq!(found.is_identity(), (width, height) == (to_width, to_height));
                let factor = (to_width as f64 / width as f64).max(to_height as f64 / height as f64);
                let scaled = |side: usize, least: usize| ((side as f64 * factor).round_ties_even() as usize).max(least);
                let (whole_width, whole_height) = (scaled(width, to_width), scaled(height, to_height));
                let middle = |whole: usize, side: usize| ((whole - side) as f64 / 2.0).round_ties_even() as usize;
                let expected = built((width, height), |view| {
                    view.resize(whole_width, whole_height, Filter::Bilinear);
                    view.crop(Rectangle {
                        left: middle(whole_width, to_width),
                        top: middle(whole_height, to_height),
                        width: to_width,
                        height: to_height,
                    });
                });
                assert_eq!(found, expected, "{width}×{height} to {to_width}×{to_height}");
            }
        }
    }
}

#[test]
fn the_shorter_side_is_resized_and_the_longer_one_rounded_down_as_torchvision_does() {
    // torchvision: int(size * long / short).
    for (size, shorter, expected) in [
        ((500, 375), 256, (341, 256)),
        ((375, 500), 256, (256, 341)),
        ((100, 100), 7, (7, 7)),
        ((31, 20), 10, (15, 10)),
        ((3, 1000), 2, (2, 666)),
    ] {
        let resize = TransformSpec::Resize { size: ResizeSpec::Shorter { shorter }, filter: FILTER };
        let found = view(size, &[resize]);
        assert_eq!((found.width(), found.height()), expected);
        assert_eq!(found, built(size, |view| view.resize(expected.0, expected.1, Filter::Bilinear)));
    }
}

#[test]
fn centre_crops_round_and_pad_as_torchvision_does() {
    // torchvision: int(round((side - crop) / 2.0)), halves to even; padding (crop - side) // 2 before, one more after.
    for (found_side, side, first) in [(10, 4, 3), (11, 4, 4), (9, 4, 2), (7, 4, 2), (5, 4, 0), (13, 4, 4), (4, 4, 0)] {
        let crop = TransformSpec::CenterCrop { width: side, height: side };
        let expected = built((found_side, side), |view| {
            view.crop(Rectangle { left: first, top: 0, width: side, height: side });
        });
        assert_eq!(view((found_side, side), &[crop]), expected, "{found_side}");
    }
    let found = view((5, 20), &[TransformSpec::CenterCrop { width: 8, height: 7 }]);
    let expected = built((5, 20), |view| {
        view.pad(Sides { left: 1, top: 0, right: 2, bottom: 0 }, Padding::Constant, [0.0; 3]);
        view.crop(Rectangle { left: 0, top: 6, width: 8, height: 7 });
    });
    assert_eq!(found, expected);
}

#[test]
fn random_crops_come_from_every_place_of_the_padded_picture_alike() {
    let size = (9, 7);
    let transform = TransformSpec::RandomCrop { width: 8, height: 8, margin: 1, padding: BLACK };
    let padded = |left, top| {
        built(size, |view| {
            view.pad(Sides { left: 1, top: 1, right: 1, bottom: 1 }, Padding::Constant, [0.0; 3]);
            view.crop(Rectangle { left, top, width: 8, height: 8 });
        })
    };
    let places: Vec<View> = (0..2).flat_map(|top| (0..4).map(move |left| padded(left, top))).collect();
    let mut counts = [0u32; 8];
    for found in views(4000, size, &transform) {
        counts[places.iter().position(|place| *place == found).expect("a crop of the padded picture")] += 1;
    }
    // 500 each, with a deviation of 21.
    assert!(counts.iter().all(|count| count.abs_diff(500) < 105), "{counts:?}");
}

#[test]
fn flips_turns_and_grey_come_as_often_as_they_are_said_to() {
    let share = |transform: TransformSpec, is: &dyn Fn(&View) -> bool| {
        views(4000, (4, 3), &transform).iter().filter(|view| is(view)).count() as f64 / 4000.0
    };
    for probability in [0.0, 0.1, 0.5, 1.0] {
        // Five deviations.
        let bound = 5.0 * (probability * (1.0 - probability) / 4000.0f64).sqrt() + 1e-12;
        for (transform, done) in [
            (TransformSpec::FlipHorizontally { probability }, built((4, 3), View::flip_horizontally)),
            (TransformSpec::FlipVertically { probability }, built((4, 3), View::flip_vertically)),
            (TransformSpec::Gray { probability }, built((4, 3), |view| view.recolour(ColourOperation::Gray))),
        ] {
            let found = share(transform.clone(), &|view| *view == done);
            assert!((found - probability).abs() <= bound, "{transform:?}: {found}");
            let untouched = share(transform, &View::is_identity);
            assert!((found + untouched - 1.0).abs() < 1e-12);
        }
    }
    for quarters in [0, 1, 2, 3] {
        let turned = built((4, 3), |view| view.rotate(quarters));
        let found = share(TransformSpec::Rotate { quarters: vec![0, 1, 2, 3] }, &|view| *view == turned);
        assert!((found - 0.25).abs() < 0.035, "{quarters}: {found}");
        assert!(
            (share(TransformSpec::Rotate { quarters: vec![quarters] }, &|view| *view == turned) - 1.0).abs() < 1e-12
        );
    }
}

/// A resized crop to one pixel larger than the picture either way shows nothing of its rectangle; crops to their own size do,
/// so the rectangle is looked up among all that there are.
fn rectangles(size: (usize, usize), scale: [f64; 2], ratio: [f64; 2]) -> Vec<(usize, usize)> {
    let transform = TransformSpec::RandomResizedCrop { width: 5, height: 5, scale, ratio, filter: FILTER };
    let sides: Vec<(usize, usize)> = (1..=size.1).flat_map(|h| (1..=size.0).map(move |w| (w, h))).collect();
    let known: Vec<((usize, usize), Vec<View>)> = sides
        .into_iter()
        .map(|side| {
            let mut views = crops(size, side);
            for view in &mut views {
                view.resize(5, 5, Filter::Bilinear);
            }
            (side, views)
        })
        .collect();
    let sides_of = |found: View| {
        let of = known.iter().find(|(_, views)| views.contains(&found));
        of.expect("a part of the picture, resized").0
    };
    views(1500, size, &transform).into_iter().map(sides_of).collect()
}

#[test]
fn parts_to_be_resized_have_areas_and_proportions_within_bounds() {
    let (size, scale, ratio) = ((12, 10), [0.25, 0.8], [0.5, 2.0]);
    let found = rectangles(size, scale, ratio);
    for &(width, height) in &found {
        // Each side is rounded by at most half a pixel.
        let area = |by: f64| (width as f64 + by) * (height as f64 + by) / 120.0;
        assert!(area(0.5) >= scale[0] && area(-0.5) <= scale[1], "{width}×{height}");
        let proportion = |by: f64| (width as f64 + by) / (height as f64 - by);
        assert!(proportion(0.5) >= ratio[0] && proportion(-0.5) <= ratio[1], "{width}×{height}");
    }
    let different: std::collections::BTreeSet<_> = found.iter().collect();
    assert!(different.len() > 25, "{different:?}");
    // Logarithms of proportions are drawn evenly: as many pictures are wide as are high, but for what does not fit.
    let wide = found.iter().filter(|(width, height)| width > height).count();
    assert!((450..1050).contains(&wide), "{wide} of 1500");
}

#[test]
fn a_part_that_never_fits_is_the_middle_of_the_nearest_allowed_proportion() {
    // Too wide, too high, and of a proportion that is allowed though no area is.
    for (size, scale, ratio, expected) in [
        ((40, 3), [1.0, 1.0], [0.5, 2.0], Rectangle { left: 17, top: 0, width: 6, height: 3 }),
        ((3, 41), [1.0, 1.0], [0.5, 2.0], Rectangle { left: 0, top: 17, width: 3, height: 6 }),
        ((10, 9), [5.0, 6.0], [0.5, 2.0], Rectangle { left: 0, top: 0, width: 10, height: 9 }),
    ] {
        let transform = TransformSpec::RandomResizedCrop { width: 4, height: 4, scale, ratio, filter: FILTER };
        let expected = built(size, |view| {
            view.crop(expected);
            view.resize(4, 4, Filter::Bilinear);
        });
        assert!(views(20, size, &transform).iter().all(|view| *view == expected), "{size:?}");
    }
}

/// What is painted over a picture: the rectangle of pixels of this colour, if there are any.
fn painted(jpeg: &SparseJpeg, view: &View, fill: f32) -> Option<Rectangle> {
    let Pixels { width, samples, .. } = Renderer::default().render(Isa::detect(), jpeg, view, 1);
    let at: Vec<(usize, usize)> =
        (0..samples.len()).filter(|&at| (samples[at] - fill).abs() < 1e-3).map(|at| (at % width, at / width)).collect();
    let (left, top) = (at.iter().map(|p| p.0).min()?, at.iter().map(|p| p.1).min()?);
    let (right, bottom) = (at.iter().map(|p| p.0).max()?, at.iter().map(|p| p.1).max()?);
    let rectangle = Rectangle { left, top, width: right + 1 - left, height: bottom + 1 - top };
    assert_eq!(at.len(), rectangle.width * rectangle.height, "all of a rectangle is painted");
    Some(rectangle)
}

#[test]
fn erased_rectangles_lie_within_the_picture_and_its_bounds() {
    let (size, fill) = ((40, 30), 5000.0);
    let jpeg = sampled_picture(None, size, 1);
    let (scale, ratio) = ([0.05, 0.3], [0.5, 2.0]);
    let transform = TransformSpec::RandomErasing { probability: 0.7, scale, ratio, fill: [fill; 3] };
    let found: Vec<_> = views(600, size, &transform).iter().map(|view| painted(&jpeg, view, fill)).collect();
    let erased = found.iter().flatten().count() as f64 / 600.0;
    assert!((erased - 0.7).abs() < 0.1, "{erased}");
    for &Rectangle { width, height, .. } in found.iter().flatten() {
        let area = |by: f64| (width as f64 + by) * (height as f64 + by) / 1200.0;
        assert!(area(0.5) >= scale[0] && area(-0.5) <= scale[1], "{width}×{height}");
        let proportion = |by: f64| (height as f64 + by) / (width as f64 - by);
        assert!(proportion(0.5) >= ratio[0] && proportion(-0.5) <= ratio[1], "{width}×{height}");
    }
    let never = TransformSpec::RandomErasing { probability: 1.0, scale: [1.0, 1.0], ratio, fill: [fill; 3] };
    assert!(views(20, size, &never).iter().all(View::is_identity), "what never fits is not painted");
}

#[test]
fn cutouts_are_squares_around_any_pixel_as_far_as_they_lie_within() {
    let (size, fill) = ((11, 9), 5000.0);
    let jpeg = sampled_picture(None, size, 1);
    for side in [1, 4, 5, 30] {
        let transform = TransformSpec::Cutout { size: side, fill: [fill; 3] };
        let mut expected = Vec::new();
        for y in 0..size.1 {
            for x in 0..size.0 {
                let along = |centre: usize, length: usize| {
                    let inside: Vec<usize> =
                        (0..length).filter(|at| at + side / 2 >= centre && *at < centre + side - side / 2).collect();
                    (inside[0], inside.len())
                };
                let ((left, width), (top, height)) = (along(x, size.0), along(y, size.1));
                expected.push(Rectangle { left, top, width, height });
            }
        }
        let found: Vec<Rectangle> =
            views(800, size, &transform).iter().map(|view| painted(&jpeg, view, fill).unwrap()).collect();
        assert!(found.iter().all(|rectangle| expected.contains(rectangle)), "{side}");
        assert!(expected.iter().all(|rectangle| found.contains(rectangle)), "{side}: a pixel is never the centre");
    }
}

#[test]
fn jitter_draws_each_factor_within_bounds_and_every_order() {
    let size = (8, 8);
    let jitter = TransformSpec::ColorJitter { brightness: [0.5, 0.5], contrast: [2.0, 2.0], saturation: [3.0, 3.0] };
    let operations =
        [ColourOperation::Brightness(0.5), ColourOperation::Contrast(2.0), ColourOperation::Saturation(3.0)];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let ordered = orders.map(|order| built(size, |view| order.iter().for_each(|&at| view.recolour(operations[at]))));
    let mut counts = [0u32; 6];
    for view in views(3000, size, &jitter) {
        counts[ordered.iter().position(|ordered| *ordered == view).expect("one of the orders")] += 1;
    }
    assert!(counts.iter().all(|count| count.abs_diff(500) < 105), "{counts:?}");
    // Brightness alone: its factor is what a grey picture's samples are multiplied by.
    let jpeg = sampled_picture(None, size, 2);
    let plain = Renderer::default().render(Isa::detect(), &jpeg, &View::new(8, 8), 1).samples[0];
    let brightness =
        TransformSpec::ColorJitter { brightness: [0.6, 1.4], contrast: [1.0, 1.0], saturation: [1.0, 1.0] };
    let factors: Vec<f32> = views(500, size, &brightness)
        .iter()
        .map(|view| Renderer::default().render(Isa::detect(), &jpeg, view, 1).samples[0] / plain)
        .collect();
    assert!(factors.iter().all(|factor| (0.5999..1.4001).contains(factor)));
    let mean = factors.iter().sum::<f32>() / 500.0;
    assert!((mean - 1.0).abs() < 0.06, "{mean}");
    assert!(factors.iter().any(|&factor| factor < 0.65) && factors.iter().any(|&factor| factor > 1.35));
}

#[test]
fn impossible_transforms_name_the_picture_and_both_sizes() {
    let refused = |size, transform: TransformSpec| viewed(size, &[transform], SEED).unwrap_err().to_string();
    let reflect = PaddingSpec::Reflect;
    for (size, transform, message) in [
        (
            (20, 10),
            TransformSpec::Crop { left: 3, top: 2, width: 18, height: 4 },
            "a.jpg: expected a picture of at least 21×6 pixels, found 20×10",
        ),
        (
            (20, 10),
            TransformSpec::RandomCrop { width: 24, height: 16, margin: 2, padding: BLACK },
            "a.jpg: expected a picture of at least 20×12 pixels, found 20×10",
        ),
        (
            (20, 4),
            TransformSpec::Pad { sides: [1, 2, 3, 4], padding: reflect },
            "a.jpg: expected a picture of at least 4×5 pixels, found 20×4",
        ),
    ] {
        assert_eq!(refused(size, transform), message);
    }
    let cover = |width, height| TransformSpec::Cover { width, height, filter: FILTER };
    let shorter = TransformSpec::Resize { size: ResizeSpec::Shorter { shorter: 100 }, filter: FILTER };
    for (size, transform, message) in [
        ((1, 60_000), cover(100, 100), "a.jpg: expected a picture of at most 1×655 pixels, found 1×60000"),
        ((60_000, 2), cover(50, 100), "a.jpg: expected a picture of at most 1310×2 pixels, found 60000×2"),
        ((3, 60_000), shorter, "a.jpg: expected a picture of at most 3×1965 pixels, found 3×60000"),
        (
            (65_000, 9),
            TransformSpec::Pad { sides: [300, 0, 300, 0], padding: BLACK },
            "a.jpg: expected a picture of at most 64900×65500 pixels, found 65000×9",
        ),
    ] {
        assert_eq!(refused(size, transform), message);
    }
    assert!(viewed((1, 655), &[cover(100, 100)], SEED).is_ok() && viewed((1310, 2), &[cover(50, 100)], SEED).is_ok());
    let padded_white = TransformSpec::Pad { sides: [1; 4], padding: PaddingSpec::Constant { fill: [255.0; 3] } };
    let list = [padded_white, TransformSpec::CenterCrop { width: 8, height: 8 }];
    assert!(viewed((6, 6), &list, SEED).is_ok(), "the crop needs no padding");
    let twice = viewed((5, 6), &list, SEED).unwrap_err().to_string();
    assert_eq!(twice, "a.jpg: expected a picture of at least 8×8 pixels, found 7×8");
}

#[test]
fn a_pipeline_renders_only_what_is_not_read_as_it_is() {
    let jpeg = sampled_picture(None, (16, 16), 4);
    let apply = |transforms: Vec<TransformSpec>, always| {
        let pipeline = Pipeline { transforms, channels: 1, clamp: false, always };
        pipeline.apply((Isa::detect(), &mut Renderer::default()), "a.jpg", &jpeg, SEED, &mut Work::default()).unwrap()
    };
    let cover = |side| TransformSpec::Cover { width: side, height: side, filter: FILTER };
    assert!(apply(vec![cover(16)], false).is_none());
    assert!(apply(vec![], true).is_some());
    let smaller = apply(vec![cover(8)], false).unwrap();
    assert_eq!((smaller.width, smaller.height, smaller.channels), (8, 8, 1));
}

#[test]
fn transforms_read_from_json_are_what_was_written_and_wrong_ones_are_named() {
    let list = everything(32);
    assert_eq!(TransformSpec::list_from_json(&serde_json::to_string(&list).unwrap()).unwrap(), list);
    let pad =
        |fill: u8| format!(r#"{{"type":"pad","sides":[1,1,1,1],"padding":{{"mode":"constant","fill":[{fill},0,0]}}}}"#);
    for (json, message) in [
        ("{", "transform: expected a list of transforms as JSON, found "),
        (r#"[{"type":"shear"}]"#, "transform: expected a list of transforms as JSON, found unknown variant `shear`"),
        (
            r#"[{"type":"centerCrop","width":5}]"#,
            "transform: expected a list of transforms as JSON, found missing field",
        ),
        (
            r#"[{"type":"gray","probability":1},{"type":"flipVertically","probability":1}]"#,
            "transform[1]: expected geometry first, then colours, then erasing, found another order",
        ),
        (
            r#"[{"type":"cutout","size":3,"fill":[0,0,0]},{"type":"gray","probability":1}]"#,
            "transform[1]: expected geometry first, then colours, then erasing, found another order",
        ),
        (r#"[{"type":"flipVertically","probability":1.5}]"#, "transform[0].probability: expected 0…1, found 1.5"),
        (r#"[{"type":"centerCrop","width":0,"height":3}]"#, "transform[0].width: expected 1…65500 pixels, found 0"),
        (
            r#"[{"type":"resize","size":{"shorter":70000},"filter":"lanczos"}]"#,
            "transform[0].shorter: expected 1…65500 pixels, found 70000",
        ),
        (
            r#"[{"type":"randomResizedCrop","width":3,"height":3,"scale":[0.5,0.2],"ratio":[1,1],"filter":"bicubic"}]"#,
            "transform[0].scale: expected least and most, from 0.000001, found 0.5, 0.2",
        ),
        (
            r#"[{"type":"colorJitter","brightness":[-1,1],"contrast":[1,1],"saturation":[1,1]}]"#,
            "transform[0].brightness: expected least and most, from 0, found -1, 1",
        ),
        (r#"[{"type":"rotate","quarters":[]}]"#, "transform[0].quarters: expected numbers of right angles, found none"),
        (
            &format!("[{},{}]", pad(1), pad(2)),
            "transform[1].padding: expected one colour of padding in a list, [1.0, 0.0, 0.0], found [2.0, 0.0, 0.0]",
        ),
    ] {
        let error = TransformSpec::list_from_json(json).unwrap_err();
        assert_eq!(error.code(), "INVALID_OPTION");
        assert!(error.to_string().starts_with(message), "{error}");
    }
}

#[test]
fn a_view_that_takes_more_work_than_may_be_done_is_refused_with_its_name() {
    let jpeg = sampled_picture(None, (640, 640), 4);
    let viewed = |clamp: bool, transforms: Vec<TransformSpec>, mut work: Work| {
        let pipeline = Pipeline { transforms, channels: 3, clamp, always: true };
        let made = pipeline.apply((Isa::detect(), &mut Renderer::default()), "a.jpg", &jpeg, SEED, &mut work);
        made.map(|_| work.spent())
    };
    let cover = || vec![TransformSpec::Cover { width: 8, height: 8, filter: FILTER }];
    let any = Work::default();
    let [small, whole, exact] =
        [(false, cover()), (false, vec![]), (true, cover())].map(|(clamp, list)| viewed(clamp, list, any).unwrap());
    assert!(0 < small && small < whole && small < exact, "{small}, {whole}, {exact}");
    let mut nearly_done = Work::within(1);
    nearly_done.add(1_000_000).unwrap();
    let error = viewed(false, cover(), nearly_done).unwrap_err();
    assert_eq!(error.code(), "JPEG_TOO_LARGE");
    assert!(error.to_string().starts_with("a.jpg: expected at most 1 milliseconds of work, found "), "{error}");
}

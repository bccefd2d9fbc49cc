//! Pictures that are stored otherwise than upright.

mod support;

use jpegnet_engine::Isa;
use jpegnet_engine::transform::{FilterSpec, Pipeline, Seed, TransformSpec};
use jpegnet_engine::view::{Pixels, Renderer};
use jpegnet_jpeg::{Colour, Orientation, SparseJpeg, Work};
use support::pictures::pictures;

const SEED: Seed = Seed { seed: 0, epoch: 0, picture: 0 };

fn seen(jpeg: &SparseJpeg, transforms: Vec<TransformSpec>) -> Pixels {
    let pipeline = Pipeline { transforms, channels: 3, clamp: false, always: true };
    pipeline
        .apply((Isa::detect(), &mut Renderer::default()), "picture", jpeg, SEED, &mut Work::default())
        .unwrap()
        .unwrap()
}

/// Where in a stored picture of so many rows and columns the pixel lies that is seen in a row and a column: Exif 2.32, 4.6.4,
/// tag 274.
fn stored(orientation: Orientation, (rows, columns): (usize, usize), (y, x): (usize, usize)) -> (usize, usize) {
    match orientation.number() {
        1 => (y, x),
        2 => (y, columns - 1 - x),
        3 => (rows - 1 - y, columns - 1 - x),
        4 => (rows - 1 - y, x),
        5 => (x, y),
        6 => (rows - 1 - x, y),
        7 => (rows - 1 - x, columns - 1 - y),
        _ => (x, columns - 1 - y),
    }
}

#[test]
fn every_orientation_is_seen_upright() {
    for colour in [Colour::Gray, Colour::YCbCr] {
        let (_, jpeg) = pictures(1, colour, 21, 34, 7).swap_remove(0);
        let as_stored = seen(&jpeg, Vec::new());
        let (rows, columns) = (as_stored.height, as_stored.width);
        for orientation in Orientation::ALL {
            let upright = seen(&SparseJpeg { orientation, ..jpeg.clone() }, Vec::new());
            let turned = orientation.number() > 4;
            assert_eq!((upright.height, upright.width), if turned { (columns, rows) } else { (rows, columns) });
            for at in 0..upright.samples.len() {
                let plane = at / (rows * columns);
                let pixel = at % (rows * columns);
                let (y, x) = stored(orientation, (rows, columns), (pixel / upright.width, pixel % upright.width));
                let expected = as_stored.samples[(plane * rows + y) * columns + x];
                assert!((upright.samples[at] - expected).abs() < 1e-3, "orientation {}", orientation.number());
            }
        }
    }
}

#[test]
fn transforms_follow_the_orientation() {
    let (_, jpeg) = pictures(1, Colour::YCbCr, 24, 40, 3).swap_remove(0);
    let turned = SparseJpeg { orientation: Orientation::RightTop, ..jpeg.clone() };
    let resize = TransformSpec::Cover { width: 16, height: 16, filter: FilterSpec::Bilinear };
    let turn = TransformSpec::Rotate { quarters: vec![1] };
    let expected = seen(&jpeg, vec![turn, resize.clone()]);
    let found = seen(&turned, vec![resize]);
    assert!(found.samples.iter().zip(&expected.samples).all(|(found, expected)| (found - expected).abs() < 1e-3));
}

#[test]
fn an_upright_picture_is_read_as_it_is_and_another_is_not() {
    let (_, jpeg) = pictures(1, Colour::YCbCr, 16, 16, 5).swap_remove(0);
    let pipeline = Pipeline { transforms: Vec::new(), channels: 3, clamp: false, always: false };
    let apply = |jpeg: &SparseJpeg| {
        pipeline.apply((Isa::detect(), &mut Renderer::default()), "picture", jpeg, SEED, &mut Work::default()).unwrap()
    };
    assert!(apply(&jpeg).is_none());
    assert!(apply(&SparseJpeg { orientation: Orientation::TopRight, ..jpeg }).is_some());
}

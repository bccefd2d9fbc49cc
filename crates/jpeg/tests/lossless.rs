//! Crops and turns of files, against the same of their samples.

mod support;

use jpegnet_jpeg::{
    Colour, Component, JpegError, LosslessTransform, Orientation, PixelBox, SparseBlocks, SparseJpeg, WriteOptions,
    transform_losslessly, write_coefficients,
};
use std::f64::consts::PI;
use std::sync::Arc;
use support::{bytes_of, pictures, read};

/// Samples of a component, `[8 · blocks high, 8 · blocks wide]`: the inverse DCT in float64.
fn samples(component: &Component) -> Vec<Vec<f64>> {
    let basis = |frequency: usize, at: usize| {
        let scale = if frequency == 0 { 0.125f64.sqrt() } else { 0.5 };
        let angle = u32::try_from((2 * at + 1) * frequency).unwrap();
        scale * (f64::from(angle) * PI / 16.0).cos()
    };
    let mut plane = vec![vec![0.0; 8 * component.blocks_wide]; 8 * component.blocks_high];
    for (block, (positions, values)) in component.blocks.iter().enumerate() {
        let (top, left) = (block / component.blocks_wide * 8, block % component.blocks_wide * 8);
        for (&position, &value) in positions.iter().zip(values) {
            let at = usize::from(position);
            let value = f64::from(value) * f64::from(component.quantisation[at]);
            for (y, row) in plane[top..top + 8].iter_mut().enumerate() {
                for (x, sample) in row[left..left + 8].iter_mut().enumerate() {
                    *sample += value * basis(at / 8, y) * basis(at % 8, x);
                }
            }
        }
    }
    plane
}

fn turned(mut plane: Vec<Vec<f64>>, turn: Orientation) -> Vec<Vec<f64>> {
    if turn.transposes() {
        plane = (0..plane[0].len()).map(|x| plane.iter().map(|row| row[x]).collect()).collect();
    }
    if turn.flips_columns() {
        for row in &mut plane {
            row.reverse();
        }
    }
    if turn.flips_rows() {
        plane.reverse();
    }
    plane
}

fn assert_close(found: &[Vec<f64>], expected: &[Vec<f64>], what: &str) {
    assert_eq!((found.len(), found[0].len()), (expected.len(), expected[0].len()), "{what}");
    let pairs = found.iter().flatten().zip(expected.iter().flatten());
    assert!(pairs.map(|(found, expected)| (found - expected).abs()).fold(0.0, f64::max) < 1e-9, "{what}");
}

/// Pixels that are whole blocks of every component.
fn multiple(jpeg: &SparseJpeg) -> (u32, u32) {
    let (horizontal, vertical) = jpeg.largest_sampling();
    let gray = jpeg.components.len() == 1;
    if gray { (8, 8) } else { (8 * u32::from(horizontal), 8 * u32::from(vertical)) }
}

fn whole(side: u32, multiple: u32) -> u32 {
    side / multiple * multiple
}

#[test]
fn turns_of_whole_blocks_turn_the_samples_of_every_component() {
    let mut turns = 0;
    for (name, jpeg) in pictures() {
        let (wide, high) = multiple(&jpeg);
        let (width, height) = (whole(jpeg.width, wide), whole(jpeg.height, high));
        if width == 0 || height == 0 {
            continue;
        }
        let crop = Some(PixelBox { left: 0, top: 0, width, height });
        let cut =
            transform_losslessly(&jpeg, &LosslessTransform { crop, ignore_orientation: true, ..Default::default() });
        let cut = cut.unwrap();
        for turn in Orientation::ALL {
            let transform = LosslessTransform { turn, ignore_orientation: true, ..LosslessTransform::default() };
            let result = transform_losslessly(&cut, &transform).unwrap();
            assert_eq!((result.width, result.height), turn.upright((width, height)), "{name} {turn:?}");
            for (result, given) in result.components.iter().zip(&cut.components) {
                assert_close(&samples(result), &turned(samples(given), turn), &format!("{name} {turn:?}"));
            }
            turns += 1;
        }
    }
    assert!(turns > 50);
}

#[test]
fn crops_at_blocks_are_parts_of_the_samples_whatever_their_right_and_bottom_edges() {
    let mut crops = 0;
    for (name, jpeg) in pictures() {
        let (wide, high) = multiple(&jpeg);
        for (left, top, less) in [(0, 0, 1), (1, 0, 0), (0, 1, 3), (1, 1, 5)] {
            let (left, top) = (left * wide, top * high);
            if left + less >= jpeg.width || top + less >= jpeg.height {
                continue;
            }
            let crop = PixelBox { left, top, width: jpeg.width - left - less, height: jpeg.height - top - less };
            let transform =
                LosslessTransform { crop: Some(crop), ignore_orientation: true, ..LosslessTransform::default() };
            let result = transform_losslessly(&jpeg, &transform).unwrap();
            assert_eq!((result.width, result.height, result.orientation), (crop.width, crop.height, jpeg.orientation));
            for (result, given) in result.components.iter().zip(&jpeg.components) {
                let (horizontal, vertical) = jpeg.largest_sampling();
                let x = left as usize * usize::from(given.horizontal) / usize::from(horizontal);
                let y = top as usize * usize::from(given.vertical) / usize::from(vertical);
                let expected: Vec<Vec<f64>> = samples(given)[y..y + 8 * result.blocks_high]
                    .iter()
                    .map(|row| row[x..x + 8 * result.blocks_wide].to_vec())
                    .collect();
                assert_close(&samples(result), &expected, &name);
            }
            write_coefficients(&result, &WriteOptions::default()).unwrap();
            crops += 1;
        }
    }
    assert!(crops > 20);
}

#[test]
fn a_box_is_of_the_picture_as_it_is_seen_whatever_its_orientation() {
    let jpeg = read(&bytes_of("variants/440.jpg")).unwrap();
    let (wide, high) = multiple(&jpeg);
    let crop = PixelBox { left: 0, top: 0, width: whole(jpeg.width, wide), height: whole(jpeg.height, high) };
    let stored = transform_losslessly(&jpeg, &LosslessTransform { crop: Some(crop), ..Default::default() }).unwrap();
    for orientation in Orientation::ALL {
        let rotated = SparseJpeg { orientation, ..stored.clone() };
        let upright = transform_losslessly(&rotated, &LosslessTransform::default()).unwrap();
        assert_eq!(upright.orientation, Orientation::TopLeft);
        let side = wide.max(high);
        let seen = PixelBox { left: side, top: 0, width: side, height: 2 * side };
        for turn in [Orientation::TopLeft, Orientation::RightTop] {
            let transform = LosslessTransform { crop: Some(seen), turn, ignore_orientation: false };
            let at_once = transform_losslessly(&rotated, &transform).unwrap();
            let after = transform_losslessly(&upright, &transform).unwrap();
            assert!(at_once == after, "{orientation:?} {turn:?}");
        }
    }
}

#[test]
fn what_would_need_a_decode_is_refused_with_the_edge_and_its_multiple() {
    let jpeg = read(&bytes_of("variants/sampling-2x2.jpg")).unwrap();
    let refused = |transform: LosslessTransform| transform_losslessly(&jpeg, &transform).unwrap_err();
    let crop = |left, top, width, height| LosslessTransform {
        crop: Some(PixelBox { left, top, width, height }),
        ..LosslessTransform::default()
    };
    let error = refused(crop(5, 0, 16, 16));
    assert!(
        matches!(&error, JpegError::NotLossless { expected, found } if expected.contains("left edge") && found == "5")
    );
    let error = refused(LosslessTransform { turn: Orientation::TopRight, ..crop(0, 0, 17, 16) });
    assert!(
        matches!(&error, JpegError::NotLossless { expected, found } if expected.contains("width") && found == "17")
    );
    assert_eq!(refused(crop(0, 0, jpeg.width + 1, 16)).code(), "INVALID_OPTION");
    assert_eq!(refused(crop(u32::MAX, 0, u32::MAX, 16)).code(), "INVALID_OPTION");
    assert_eq!(refused(crop(0, 0, 0, 16)).code(), "INVALID_OPTION");
}

#[test]
fn the_least_coefficient_comes_back_when_it_is_turned_back() {
    let block: [i16; 64] = std::array::from_fn(|at| [i16::MIN, i16::MAX, -1, 0][at % 4]);
    let component = Component {
        id: 1,
        horizontal: 1,
        vertical: 1,
        blocks_high: 1,
        blocks_wide: 1,
        quantisation: Arc::new([1; 64]),
        blocks: SparseBlocks::from_dense([&block]),
    };
    let jpeg = SparseJpeg::new(8, 8, Colour::Gray, vec![component]);
    for turn in Orientation::ALL {
        let back = Orientation::ALL.into_iter().find(|back| turn.then(*back) == Orientation::TopLeft);
        let of = |turn| LosslessTransform { turn, ..LosslessTransform::default() };
        let once = transform_losslessly(&jpeg, &of(turn)).unwrap();
        let again = transform_losslessly(&once, &of(back.expect("every turn has an inverse"))).unwrap();
        assert_eq!(again.components, jpeg.components, "{turn:?}");
    }
}

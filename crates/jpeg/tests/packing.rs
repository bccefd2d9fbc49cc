//! Packed pictures: everything comes back, in few bytes.

mod support;

use jpegnet_jpeg::packed::{Frame, pack, unpack};
use jpegnet_jpeg::{Coding, Colour, Component, Orientation, SparseBlocks, SparseJpeg, Warning};
use proptest::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;
use support::{bytes_of, fixtures, read};

/// A gray picture of these blocks, so many in a row.
fn picture(blocks: &[[i16; 64]], wide: usize) -> SparseJpeg {
    let high = blocks.len() / wide;
    let component = Component {
        id: 1,
        horizontal: 1,
        vertical: 1,
        blocks_high: high,
        blocks_wide: wide,
        quantisation: Arc::new([1; 64]),
        blocks: SparseBlocks::from_dense(blocks),
    };
    let side = |blocks: usize| u32::try_from(8 * blocks).unwrap();
    SparseJpeg { file_bytes: 12_345, ..SparseJpeg::new(side(wide), side(high), Colour::Gray, vec![component]) }
}

fn comes_back(jpeg: &SparseJpeg) {
    assert!(unpack(&Frame::of(jpeg), &pack(jpeg)) == *jpeg);
}

fn files_in(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(fixtures().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// All values, small ones as often as large ones, and most of them zero in some blocks.
fn coefficient() -> impl Strategy<Value = i16> {
    prop_oneof![
        6 => Just(0),
        4 => -3..=3i16,
        2 => -300..=300i16,
        1 => any::<i16>(),
        1 => prop_oneof![Just(i16::MIN), Just(i16::MAX), Just(-255), Just(255), Just(-256), Just(256)],
    ]
}

fn block() -> impl Strategy<Value = [i16; 64]> {
    prop_oneof![
        3 => prop::collection::vec(coefficient(), 64).prop_map(|values| values.try_into().unwrap()),
        1 => Just([0; 64]),
        1 => any::<i16>().prop_map(|value| [value; 64]),
        // One coefficient after any number of zeros.
        2 => (0..64usize, coefficient()).prop_map(|(at, value)| {
            let mut block = [0; 64];
            block[at] = value;
            block
        }),
    ]
}

proptest! {
    #[test]
    fn any_blocks_come_back_as_they_were(
        (wide, blocks) in (1..5usize, 1..4usize)
            .prop_flat_map(|(wide, high)| (Just(wide), prop::collection::vec(block(), wide * high)))
    ) {
        comes_back(&picture(&blocks, wide));
    }

    #[test]
    fn any_length_of_a_file_comes_back(file_bytes: usize) {
        comes_back(&SparseJpeg { file_bytes, ..picture(&[[0; 64]], 1) });
    }
}

#[test]
fn the_largest_steps_between_blocks_come_back() {
    let flat = |value| {
        let mut block = [0; 64];
        block[0] = value;
        block
    };
    let extremes = [i16::MIN, i16::MAX, 0, -1, i16::MIN, 1, i16::MAX, i16::MAX, i16::MIN].map(flat);
    comes_back(&picture(&extremes, 3));
    comes_back(&picture(&extremes, 9));
}

#[test]
fn every_file_comes_back_with_all_that_is_known_of_it() {
    let mut files = 0;
    for path in files_in("jpegs").into_iter().chain(files_in("variants")) {
        let Ok(jpeg) = read(&std::fs::read(path).unwrap()) else { continue };
        comes_back(&jpeg);
        files += 1;
    }
    assert_eq!(files, 28);
}

#[test]
fn what_is_told_of_a_picture_comes_back() {
    let mut jpeg = read(&bytes_of("jpegs/0.jpg")).unwrap();
    jpeg.notes = vec!["2 extraneous bytes before marker 0xdb".to_owned()];
    jpeg.warnings = vec![Warning { message: "bad Huffman code".to_owned(), count: 3 }];
    (jpeg.coding, jpeg.orientation, jpeg.icc_bytes) = (Coding::Progressive, Orientation::LeftBottom, Some(560));
    jpeg.colour = Colour::Rgb;
    comes_back(&jpeg);
    let plain = SparseJpeg { notes: vec![], warnings: vec![], ..jpeg.clone() };
    assert!(Frame::of(&jpeg).bytes() >= Frame::of(&plain).bytes() + 37 + 16, "remarks are counted");
}

#[test]
fn files_of_one_encoder_have_one_frame_and_can_share_its_tables() {
    let [first, other] = ["jpegs/0.jpg", "jpegs/1.jpg"].map(|name| read(&bytes_of(name)).unwrap());
    let mut again = read(&bytes_of("jpegs/0.jpg")).unwrap();
    again.file_bytes += 1;
    again.components[0].blocks = SparseBlocks::from_dense(&vec![[7; 64]; again.components[0].blocks.len()]);
    assert!(Frame::of(&first) == Frame::of(&again));
    assert!(Frame::of(&first) != Frame::of(&other), "another sampling");
    let mut frame = Frame::of(&first);
    let table = Arc::clone(&first.components[0].quantisation);
    frame.share_tables(|_| Arc::clone(&table));
    let unpacked = unpack(&frame, &pack(&first));
    assert!(unpacked.components.iter().all(|component| Arc::ptr_eq(&component.quantisation, &table)));
}

#[test]
fn packed_pictures_take_less_than_their_files_a_third_of_the_sparse_form_and_a_quarter_of_8_bit_rgb() {
    let (mut packed, mut files, mut sparse, mut pixels) = (0, 0, 0, 0);
    for path in files_in("jpegs") {
        let jpeg = read(&std::fs::read(path).unwrap()).unwrap();
        packed += pack(&jpeg).len();
        files += jpeg.file_bytes;
        sparse += jpeg.bytes();
        pixels += 3 * jpeg.width as usize * jpeg.height as usize;
    }
    assert!(packed * 5 < files * 4, "{packed} bytes of files of {files}");
    assert!(packed * 3 < sparse, "{packed} bytes of {sparse} in sparse form");
    assert!(packed * 4 < pixels, "{packed} bytes of {pixels} as 8-bit RGB");
}

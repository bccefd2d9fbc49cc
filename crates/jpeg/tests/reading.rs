//! Coefficients against libjpeg's own.
//!
//! `coefficients/NAME.bin` was printed by a C program over Debian's libjpeg: little-endian int16 width, height,
//! components; then for each component id, sampling factors, blocks high, blocks wide, 64 steps, all coefficients.

mod markers;
mod support;

use jpegnet_jpeg::{Colour, SparseBlocks};
use markers::{START_OF_FRAME, START_OF_SCAN, inserted, marker};
use support::{bytes_of, read};

const TABLES_OF_STEPS: u8 = 0xdb;

const VARIANTS: [&str; 16] = [
    "gray",
    "440",
    "411",
    "arithmetic",
    "arithmetic-progressive",
    "restart",
    "odd",
    "non-interleaved",
    "progressive-422",
    "sampling-2x1",
    "sampling-1x2",
    "sampling-2x2",
    "sampling-4x1",
    "sampling-4x2",
    "sampling-2x4",
    "sampling-2x2-narrow",
];

fn pictures() -> impl Iterator<Item = (String, Vec<u8>)> {
    let plain = (0..10).map(|number| (number.to_string(), format!("jpegs/{number}.jpg")));
    let variants = VARIANTS.map(|name| (name.to_owned(), format!("variants/{name}.jpg")));
    plain.chain(variants).map(|(name, path)| (name, bytes_of(&path)))
}

#[test]
fn every_coefficient_and_table_equals_libjpegs_own() {
    for (name, bytes) in pictures() {
        let jpeg = read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let dump = bytes_of(&format!("coefficients/{name}.bin"));
        let mut values = dump.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
        let mut next = || i64::from(values.next().unwrap());
        assert_eq!([next(), next()], [i64::from(jpeg.width), i64::from(jpeg.height)], "{name}");
        assert_eq!(usize::try_from(next()), Ok(jpeg.components.len()), "{name}");
        for component in &jpeg.components {
            assert_eq!(next(), i64::from(component.id), "{name}");
            let sampling = [i64::from(component.horizontal), i64::from(component.vertical)];
            assert_eq!([next(), next()], sampling, "{name}");
            let grid = [next(), next()].map(|side| usize::try_from(side).unwrap());
            assert_eq!(grid, [component.blocks_high, component.blocks_wide], "{name}");
            assert!(component.quantisation.iter().all(|&step| i64::from(step) == next()), "{name}");
            let dense = component.blocks.to_dense();
            assert_eq!(dense.len(), component.blocks_high * component.blocks_wide * 64);
            assert!(dense.iter().all(|&value| i64::from(value) == next()), "{name}");
        }
        assert!(values.next().is_none(), "{name}");
        assert_eq!(jpeg.file_bytes, bytes.len());
        assert_eq!(jpeg.warnings, [""; 0], "{name}");
    }
}

#[test]
fn colours_sampling_and_scan_order_are_told() {
    let of = |name: &str| read(&bytes_of(name)).unwrap();
    let gray = of("variants/gray.jpg");
    assert_eq!((gray.colour, gray.components.len(), gray.progressive), (Colour::Gray, 1, false));
    let tall = of("variants/440.jpg");
    assert_eq!((tall.colour, tall.components[0].horizontal, tall.components[0].vertical), (Colour::YCbCr, 1, 2));
    assert!(of("variants/progressive-422.jpg").progressive);
    let odd = of("variants/odd.jpg");
    assert_eq!((odd.width, odd.height, odd.components[0].blocks_wide, odd.components[1].blocks_wide), (27, 19, 4, 2));
}

#[test]
fn sparse_form_keeps_what_is_not_zero_and_nothing_else() {
    for (name, bytes) in pictures() {
        for component in read(&bytes).unwrap().components {
            let dense = component.blocks.to_dense();
            assert_eq!(component.blocks.non_zeros(), dense.iter().filter(|&&value| value != 0).count(), "{name}");
            assert!(component.blocks.values().iter().all(|&value| value != 0));
            let blocks: Vec<&[i16; 64]> = dense.chunks_exact(64).map(|block| block.try_into().unwrap()).collect();
            assert_eq!(SparseBlocks::from_dense(blocks), component.blocks);
            let counted = component.blocks.len() + 3 * component.blocks.non_zeros();
            assert_eq!(component.blocks.bytes(), counted, "one byte a block, three a non-zero");
        }
    }
}

#[test]
fn scan_order_and_entropy_coding_leave_the_coefficients_as_they_are() {
    let plain = read(&bytes_of("variants/odd.jpg")).unwrap();
    for (name, progressive) in [("non-interleaved", false), ("arithmetic-progressive", true)] {
        let other = read(&bytes_of(&format!("variants/{name}.jpg"))).unwrap();
        assert_eq!((other.components, other.progressive), (plain.components.clone(), progressive), "{name}");
    }
}

#[test]
fn steps_of_16_bits_are_read() {
    let mut bytes = bytes_of("variants/gray.jpg");
    let before = read(&bytes).unwrap();
    let table = marker(&bytes, TABLES_OF_STEPS);
    let steps: Vec<u8> = bytes[table + 5..table + 69].iter().flat_map(|&step| [1, step]).collect();
    // Length 2 + 1 + 128; precision 1, table 0; and 16-bit steps make the file an extended one.
    bytes.splice(table + 2..table + 69, [&[0, 131, 0x10][..], &steps].concat());
    let frame = marker(&bytes, START_OF_FRAME);
    bytes[frame + 1] = 0xc1;
    let after = read(&bytes).unwrap();
    assert_eq!(after.components[0].quantisation.map(|step| step - 256), *before.components[0].quantisation);
    assert_eq!(after.components[0].blocks, before.components[0].blocks);
}

#[test]
fn oddities_that_change_no_coefficient_are_warned_of() {
    let plain = bytes_of("jpegs/0.jpg");
    let expected = read(&plain).unwrap().components;
    let between_segments = inserted(&plain, marker(&plain, TABLES_OF_STEPS), &[1, 2]);
    let mut without_scan_parameters = plain.clone();
    let scan = marker(&plain, START_OF_SCAN);
    let length = usize::from(plain[scan + 3]);
    without_scan_parameters[scan + length - 1..scan + length + 2].fill(0);
    for (bytes, words) in [
        (between_segments, "2 extraneous bytes before marker 0xdb"),
        (without_scan_parameters, "Invalid SOS parameters"),
    ] {
        let jpeg = read(&bytes).unwrap();
        assert_eq!(jpeg.components, expected);
        assert!(matches!(&jpeg.warnings[..], [warning] if warning.contains(words)), "{:?}", jpeg.warnings);
    }
}

#[test]
fn bytes_after_the_end_of_the_image_are_ignored() {
    let mut bytes = bytes_of("jpegs/0.jpg");
    let expected = read(&bytes).unwrap().components;
    bytes.extend_from_slice(b"a thumbnail, a second picture, or anything");
    let jpeg = read(&bytes).unwrap();
    assert_eq!((jpeg.components, jpeg.warnings), (expected, vec![]));
}

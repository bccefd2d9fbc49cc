//! Coefficients against libjpeg's own.
//!
//! `coefficients/NAME.bin` was printed by a C program over Debian's libjpeg: little-endian int16 width, height,
//! components; then for each component id, sampling factors, blocks high, blocks wide, 64 steps, all coefficients.

mod markers;
mod support;

use jpegnet_jpeg::{Coding, Colour, Orientation, SparseBlocks};
use markers::{START_OF_FRAME, START_OF_SCAN, inserted, marker};
use support::{bytes_of, read};

const TABLES_OF_STEPS: u8 = 0xdb;
const TABLES_OF_CODES: u8 = 0xc4;
const ADOBE: u8 = 0xee;

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

/// The file without the first segment of a kind.
fn without(bytes: &[u8], kind: u8) -> Vec<u8> {
    let at = marker(bytes, kind);
    let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
    [&bytes[..at], &bytes[at + 2 + length..]].concat()
}

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
        assert_eq!((jpeg.notes, jpeg.warnings), (vec![], vec![]), "{name}");
    }
}

#[test]
fn sampling_and_coding_are_told() {
    let of = |name: &str| read(&bytes_of(name)).unwrap();
    let gray = of("variants/gray.jpg");
    assert_eq!((gray.colour, gray.components.len(), gray.coding), (Colour::Gray, 1, Coding::Baseline));
    let tall = of("variants/440.jpg");
    assert_eq!((tall.colour, tall.components[0].horizontal, tall.components[0].vertical), (Colour::YCbCr, 1, 2));
    let odd = of("variants/odd.jpg");
    assert_eq!((odd.width, odd.height, odd.components[0].blocks_wide, odd.components[1].blocks_wide), (27, 19, 4, 2));
    for (name, coding) in [
        ("progressive-422", Coding::Progressive),
        ("arithmetic", Coding::Arithmetic),
        ("arithmetic-progressive", Coding::ProgressiveArithmetic),
        ("restart", Coding::Baseline),
    ] {
        assert_eq!(of(&format!("variants/{name}.jpg")).coding, coding, "{name}");
    }
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
    for name in ["non-interleaved", "arithmetic-progressive"] {
        let other = read(&bytes_of(&format!("variants/{name}.jpg"))).unwrap();
        assert_eq!(other.components, plain.components, "{name}");
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
fn oddities_that_change_no_coefficient_are_noted() {
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
        assert!(matches!(&jpeg.notes[..], [note] if note.contains(words)), "{:?}", jpeg.notes);
        assert_eq!(jpeg.warnings, []);
    }
}

#[test]
fn bytes_after_the_end_of_the_image_are_noted() {
    let mut bytes = bytes_of("jpegs/0.jpg");
    let expected = read(&bytes).unwrap().components;
    bytes.extend_from_slice(b"a thumbnail, a second picture, or anything");
    let jpeg = read(&bytes).unwrap();
    let notes = vec!["42 bytes after the end of the picture".to_owned()];
    assert_eq!((jpeg.components, jpeg.notes, jpeg.warnings), (expected, notes, vec![]));
}

#[test]
fn of_several_pictures_in_a_file_the_first_is_read_and_the_others_noted() {
    let plain = bytes_of("jpegs/0.jpg");
    let with_index = inserted(&plain, 2, &[&[0xff, 0xe2, 0, 10][..], b"MPF\0MM\0*"].concat());
    let jpeg = read(&[with_index, plain.clone()].concat()).unwrap();
    assert_eq!(jpeg.components, read(&plain).unwrap().components);
    let note = format!("{} bytes after the end of the picture, further pictures among them", plain.len());
    assert_eq!(jpeg.notes, [note]);
}

#[test]
fn a_frame_of_motion_jpeg_has_the_tables_of_the_standard() {
    // cjpeg without -optimize writes the tables of the standard.
    let mut bytes = bytes_of("variants/restart.jpg");
    let expected = read(&bytes).unwrap().components;
    while let Some(at) = bytes.windows(2).position(|pair| pair == [0xff, TABLES_OF_CODES]) {
        let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        bytes.drain(at..at + 2 + length);
    }
    let jpeg = read(&bytes).unwrap();
    assert_eq!(jpeg.components, expected);
    assert!(matches!(&jpeg.notes[..], [note] if note.starts_with("no Huffman tables")), "{:?}", jpeg.notes);
}

#[test]
fn rgb_is_known_by_adobes_marker_or_by_its_letters() {
    assert_eq!(read(&bytes_of("variants/rgb.jpg")).unwrap().colour, Colour::Rgb);
    // Without the marker the components are called R, G and B; then 1, 2 and 3, as YCbCr's usually are.
    let mut bytes = without(&bytes_of("variants/rgb.jpg"), ADOBE);
    assert_eq!(read(&bytes).unwrap().colour, Colour::Rgb);
    let (frame, scan) = (marker(&bytes, START_OF_FRAME), marker(&bytes, START_OF_SCAN));
    for component in 0..3u8 {
        bytes[frame + 10 + 3 * usize::from(component)] = component + 1;
        bytes[scan + 5 + 2 * usize::from(component)] = component + 1;
    }
    assert_eq!(read(&bytes).unwrap().colour, Colour::YCbCr);
}

#[test]
fn four_components_are_cmyk_or_what_adobes_marker_says_and_always_inverted() {
    let bytes = bytes_of("variants/cmyk.jpg");
    let jpeg = read(&bytes).unwrap();
    assert_eq!((jpeg.colour, jpeg.components.len()), (Colour::Cmyk { inverted: true }, 4));
    assert_eq!(read(&without(&bytes, ADOBE)).unwrap().colour, Colour::Cmyk { inverted: true });
    let mut transformed = bytes.clone();
    let adobe = marker(&bytes, ADOBE);
    transformed[adobe + 15] = 2;
    let jpeg = read(&transformed).unwrap();
    assert_eq!((jpeg.colour, jpeg.colour.is_inverted()), (Colour::Ycck, true));
    // What libjpeg does not know it takes for YCCK, and says so.
    transformed[adobe + 15] = 7;
    let jpeg = read(&transformed).unwrap();
    assert_eq!(
        (jpeg.colour, &jpeg.notes[..]),
        (Colour::Ycck, &["Unknown Adobe color transform code 7".to_owned()][..])
    );
}

/// A TIFF header and a directory of one entry, the orientation, in the byte order of `order`.
fn exif(order: [u8; 2], number: u8) -> Vec<u8> {
    let big = order == *b"MM";
    let short = |value: u8| if big { [0, value] } else { [value, 0] };
    let long = |value: u8| if big { [0, 0, 0, value] } else { [value, 0, 0, 0] };
    let tag = if big { [1, 0x12] } else { [0x12, 1] };
    let entry = [&tag[..], &short(3), &long(1), &short(number), &[0, 0]].concat();
    let tiff = [&order[..], &short(42), &long(8), &short(1), &entry, &[0; 4]].concat();
    let content = [&b"Exif\0\0"[..], &tiff].concat();
    [&[0xff, 0xe1, 0, u8::try_from(content.len() + 2).unwrap()][..], &content].concat()
}

#[test]
fn the_orientation_of_exif_data_is_told_and_changes_no_coefficient() {
    let plain = bytes_of("jpegs/0.jpg");
    let expected = read(&plain).unwrap();
    assert_eq!(expected.orientation, Orientation::TopLeft);
    for order in [*b"MM", *b"II"] {
        for orientation in Orientation::ALL {
            let jpeg = read(&inserted(&plain, 2, &exif(order, orientation.number()))).unwrap();
            assert_eq!((jpeg.orientation, &jpeg.components), (orientation, &expected.components));
            assert_eq!(jpeg.notes, [""; 0]);
        }
    }
}

#[test]
fn exif_data_that_makes_no_sense_is_noted_and_turns_nothing() {
    let plain = bytes_of("jpegs/0.jpg");
    let mut broken = exif(*b"MM", 6);
    broken[10] = b'X';
    for (segment, words) in
        [(exif(*b"MM", 0), "the orientation 0"), (exif(*b"II", 9), "the orientation 9"), (broken, "no TIFF header")]
    {
        let jpeg = read(&inserted(&plain, 2, &segment)).unwrap();
        assert_eq!(jpeg.orientation, Orientation::TopLeft);
        assert!(matches!(&jpeg.notes[..], [note] if note.contains(words)), "{:?}", jpeg.notes);
    }
}

#[test]
fn the_bytes_of_an_icc_profile_are_counted_over_its_segments() {
    let plain = bytes_of("jpegs/0.jpg");
    let piece = |number: u8, bytes: u8| {
        [&[0xff, 0xe2, 0, 16 + bytes][..], b"ICC_PROFILE\0", &[number, 2], &vec![7; bytes.into()]].concat()
    };
    let two = inserted(&plain, 2, &[piece(1, 100), piece(2, 23)].concat());
    assert_eq!(read(&two).unwrap().icc_bytes, Some(123));
    assert_eq!(read(&plain).unwrap().icc_bytes, None);
}

#[test]
fn scans_that_end_before_all_bits_came_are_noted() {
    let bytes = bytes_of("variants/progressive-422.jpg");
    let last = bytes.windows(2).rposition(|pair| pair == [0xff, START_OF_SCAN]).unwrap();
    // The last scan's Huffman table comes before it.
    let jpeg = read(&[&bytes[..last], &[0xff, 0xd9]].concat()).unwrap();
    let words = "the scans end without all bits of 63 of 64 coefficients of component 1";
    assert_eq!(jpeg.notes, [words]);
}

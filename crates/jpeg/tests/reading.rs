//! Coefficients against libjpeg's own, and what happens to files that have none to give.
//!
//! `coefficients/NAME.bin` was printed by a C program over Debian's libjpeg: little-endian int16 width, height,
//! components; then for each component id, sampling factors, blocks high, blocks wide, 64 steps, all coefficients.

use jpegnet_jpeg::{Colour, JpegError, Limits, SparseBlocks, SparseJpeg, read_coefficients};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../__test__/fixtures")
}

fn bytes_of(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(name)).unwrap()
}

fn read(bytes: &[u8]) -> Result<SparseJpeg, JpegError> {
    read_coefficients(bytes, &Limits::default())
}

const VARIANTS: [&str; 7] = ["gray", "440", "411", "arithmetic", "restart", "odd", "progressive-422"];

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
fn an_empty_file_is_said_to_be_empty() {
    assert_eq!(read(&[]), Err(JpegError::Empty));
}

#[test]
fn a_file_of_another_format_is_named() {
    let error = read(b"\x89PNG\r\n\x1a\n").unwrap_err();
    assert_eq!(error.code(), "NOT_JPEG");
    assert_eq!(
        error.to_string(),
        "expected a JPEG file (starting with ff d8), found one starting with 89 50 4e 47 (PNG)"
    );
    assert_eq!(read(b"hello").unwrap_err().code(), "NOT_JPEG");
}

#[test]
fn cmyk_and_rgb_files_are_refused_by_name() {
    for (file, found) in [("variants/cmyk.jpg", "CMYK"), ("variants/rgb.jpg", "RGB")] {
        let error = read(&bytes_of(file)).unwrap_err();
        assert_eq!(error.code(), "UNSUPPORTED_JPEG");
        assert_eq!(error.to_string(), format!("expected gray or YCbCr components, found {found} components"));
    }
}

#[test]
fn twelve_bits_and_lossless_are_refused_by_what_libjpeg_says() {
    let mut deep = bytes_of("jpegs/0.jpg");
    let frame = deep.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    deep[frame + 4] = 12;
    let error = read(&deep).unwrap_err();
    assert_eq!((error.code(), error.to_string().contains("12")), ("UNSUPPORTED_JPEG", true));
    let mut lossless = bytes_of("jpegs/0.jpg");
    lossless[frame + 1] = 0xc3;
    assert_eq!(read(&lossless).unwrap_err().code(), "UNSUPPORTED_JPEG");
}

#[test]
fn a_file_cut_anywhere_is_never_taken_for_a_whole_one() {
    for name in ["jpegs/1.jpg", "jpegs/3.jpg", "variants/arithmetic.jpg", "variants/gray.jpg"] {
        let bytes = bytes_of(name);
        // The last two bytes are the end-of-image marker: without them the coefficients may be whole, the file is not.
        for length in 2..bytes.len() {
            let error = read(&bytes[..length]).expect_err("a cut file");
            assert!(
                ["TRUNCATED_JPEG", "CORRUPT_JPEG"].contains(&error.code()),
                "{name} cut to {length} bytes: {error}"
            );
        }
    }
}

#[test]
fn a_header_that_asks_for_too_many_pixels_is_refused_before_its_data_is_read() {
    let limits = Limits { pixels: 1000, ..Limits::default() };
    let error = read_coefficients(&bytes_of("jpegs/0.jpg"), &limits).unwrap_err();
    assert_eq!(error, JpegError::TooLarge { what: "pixels", limit: 1000, found: 1024 });
    let mut bomb = bytes_of("jpegs/0.jpg");
    let frame = bomb.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    bomb[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
    assert_eq!(read(&bomb).unwrap_err().code(), "JPEG_TOO_LARGE");
}

#[test]
fn a_file_of_too_many_scans_is_refused() {
    let limits = Limits { scans: 3, ..Limits::default() };
    let error = read_coefficients(&bytes_of("jpegs/3.jpg"), &limits).unwrap_err();
    assert_eq!(error, JpegError::TooLarge { what: "scans", limit: 3, found: 4 });
}

#[test]
fn thousands_of_good_and_bad_files_can_be_read_one_after_the_other() {
    let good = bytes_of("jpegs/8.jpg");
    let bad = &good[..good.len() / 2];
    for _ in 0..3000 {
        assert!(read(&good).is_ok());
        assert!(read(bad).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_give_coefficients_or_an_error_and_nothing_else(
        number in 0usize..10,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let mut bytes = bytes_of(&format!("jpegs/{number}.jpg"));
        for (index, value) in changes {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        let limits = Limits { pixels: 1 << 20, scans: 100 };
        if let Ok(jpeg) = read_coefficients(&bytes, &limits) {
            for component in jpeg.components {
                prop_assert_eq!(component.blocks.len(), component.blocks_high * component.blocks_wide);
            }
        }
    }
}

/// Runs over a folder of real and damaged files when `JPEGNET_CORPUS` names one.
#[test]
fn every_file_of_a_corpus_gives_coefficients_or_an_error() {
    let Some(corpus) = std::env::var_os("JPEGNET_CORPUS") else {
        println!("skipped: JPEGNET_CORPUS is not set");
        return;
    };
    let mut folders = vec![PathBuf::from(corpus)];
    let mut outcomes = std::collections::BTreeMap::<&str, usize>::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("jpg")) {
                let outcome = read(&std::fs::read(&path).unwrap());
                let code = outcome.as_ref().map_or_else(JpegError::code, |_| "used");
                println!("{code:18} {} {}", path.display(), outcome.err().map(|e| e.to_string()).unwrap_or_default());
                *outcomes.entry(code).or_default() += 1;
            }
        }
    }
    println!("{outcomes:?}");
    assert!(outcomes.contains_key("used"));
}

//! What happens to files that have no coefficients to give, or none to be trusted.

mod hostile;
mod markers;
mod support;

use hostile::Hostile;
use jpegnet_jpeg::{
    Damage, JpegError, Limits, ReadOptions, SparseJpeg, Work, read_coefficients, read_coefficients_within,
};
use markers::{START_OF_FRAME, START_OF_SCAN, inserted, marker};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use support::{bytes_of, read};

/// The code and sentence of the error that reading these bytes gives.
fn refusal(bytes: &[u8]) -> (&'static str, String) {
    let error = read(bytes).expect_err("a file to refuse");
    (error.code(), error.to_string())
}

fn damaged(message: &str) -> (&'static str, String) {
    ("CORRUPT_JPEG", format!("expected an intact JPEG file, found a damaged one ({message})"))
}

/// The file with its frame header naming another size.
fn resized(bytes: &[u8], width: u16, height: u16) -> Vec<u8> {
    let mut resized = bytes.to_vec();
    let frame = marker(bytes, START_OF_FRAME);
    resized[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    resized[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    resized
}

#[test]
fn an_empty_file_is_said_to_be_empty() {
    assert_eq!(refusal(&[]), ("EMPTY_FILE", "expected a JPEG file, found an empty one".to_owned()));
}

#[test]
fn a_file_of_another_format_is_named() {
    let sentence = |found| format!("expected a JPEG file (starting with ff d8), found one starting with {found}");
    assert_eq!(refusal(b"\x89PNG\r\n\x1a\n"), ("NOT_JPEG", sentence("89 50 4e 47 (PNG)")));
    assert_eq!(refusal(b"hello"), ("NOT_JPEG", sentence("68 65 6c 6c")));
    assert_eq!(refusal(b"\xff"), ("NOT_JPEG", sentence("ff")));
}

/// What reading within limits gives.
fn within(limits: Limits, bytes: &[u8]) -> Result<SparseJpeg, JpegError> {
    read_coefficients(bytes, &ReadOptions { limits, ..ReadOptions::default() })
}

#[test]
fn components_of_no_known_colours_are_refused() {
    // Two of the three components of a frame, and of its scan.
    let mut bytes = bytes_of("variants/rgb.jpg");
    let frame = marker(&bytes, START_OF_FRAME);
    (bytes[frame + 3], bytes[frame + 9]) = (14, 2);
    bytes.drain(frame + 16..frame + 19);
    let expected = "gray, YCbCr, RGB, CMYK or YCCK components";
    let sentence = format!("expected {expected}, found 2 components of unknown colours");
    let scan = marker(&bytes, START_OF_SCAN);
    (bytes[scan + 3], bytes[scan + 4]) = (10, 2);
    bytes.drain(scan + 9..scan + 11);
    assert_eq!(refusal(&bytes), ("UNSUPPORTED_JPEG", sentence));
}

#[test]
fn kinds_of_coding_that_are_not_read_are_refused_by_name() {
    let plain = bytes_of("jpegs/0.jpg");
    let frame = marker(&plain, START_OF_FRAME);
    let with = |at: usize, value: u8| {
        let mut changed = plain.clone();
        changed[frame + at] = value;
        refusal(&changed)
    };
    let refused = |expected: &str, found: &str| ("UNSUPPORTED_JPEG", format!("expected {expected}, found {found}"));
    let coding = "a baseline, extended or progressive JPEG";
    assert_eq!(with(4, 12), refused("8 bits a sample", "12"));
    assert_eq!(with(1, 0xc3), refused(coding, "a lossless one"));
    assert_eq!(with(1, 0xcb), refused(coding, "a lossless one with arithmetic coding"));
    assert_eq!(with(1, 0xc5), refused(coding, "a hierarchical one"));
    assert_eq!(with(1, 0xf7), refused(coding, "a JPEG-LS file"));
    // Luminance of 3×2 samples beside chrominance of 2×2: 1½ pixels a sample.
    let mut uneven = bytes_of("jpegs/1.jpg");
    let frame = marker(&uneven, START_OF_FRAME);
    [uneven[frame + 11], uneven[frame + 14], uneven[frame + 17]] = [0x32, 0x22, 0x22];
    assert_eq!(refusal(&uneven), refused("sampling factors that divide the largest", "2×2 of 3×2"));
}

#[test]
fn a_file_cut_anywhere_is_never_taken_for_a_whole_one() {
    for name in ["jpegs/1.jpg", "jpegs/3.jpg", "variants/arithmetic.jpg", "variants/gray.jpg", "variants/restart.jpg"] {
        let bytes = bytes_of(name);
        // The last two bytes are the end-of-image marker: without them the coefficients may be whole, the file is not.
        for length in 2..bytes.len() {
            let (code, sentence) = refusal(&bytes[..length]);
            assert_eq!(code, "TRUNCATED_JPEG", "{name} cut to {length} bytes: {sentence}");
        }
    }
}

#[test]
fn damage_that_libjpeg_would_fill_in_is_refused_in_its_words() {
    let plain = bytes_of("jpegs/0.jpg");
    // libjpeg may hold up to eight bytes more than it decodes, and does not tell of those.
    let (code, sentence) = refusal(&inserted(&plain, plain.len() - 2, &[1; 20]));
    assert_eq!((code, sentence.contains("extraneous bytes before marker 0xd9")), ("CORRUPT_JPEG", true), "{sentence}");

    let mut restarted = bytes_of("variants/restart.jpg");
    let restart = marker(&restarted, 0xd0);
    restarted[restart + 1] = 0xd4;
    assert_eq!(refusal(&restarted), damaged("Corrupt JPEG data: found marker 0xd4 instead of RST0"));

    let mut ended_early = plain.clone();
    ended_early.drain(plain.len() - 42..plain.len() - 2);
    assert_eq!(refusal(&ended_early), damaged("Corrupt JPEG data: premature end of data segment"));

    // All ones is never a Huffman code.
    let mut codes = plain.clone();
    let scan = marker(&plain, START_OF_SCAN) + 2 + 12;
    codes.splice(scan.., [0xff, 0].repeat(40).into_iter().chain([0xff, 0xd9]));
    assert_eq!(refusal(&codes), damaged("Corrupt JPEG data: bad Huffman code"));
}

#[test]
fn a_component_without_a_scan_is_damage() {
    let mut bytes = bytes_of("variants/non-interleaved.jpg");
    let last = bytes.windows(2).rposition(|pair| pair == [0xff, START_OF_SCAN]).unwrap();
    bytes.splice(last.., [0xff, 0xd9]);
    assert_eq!(refusal(&bytes), damaged("component 3 is in no scan"));
}

#[test]
fn no_flipped_bit_that_libjpeg_notices_goes_unnoticed() {
    let bytes = bytes_of("jpegs/1.jpg");
    let first = marker(&bytes, START_OF_SCAN) + 2 + 12;
    let mut refused = 0;
    for bit in first * 8..(bytes.len() - 2) * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        match read(&flipped) {
            Ok(jpeg) => assert_eq!((jpeg.notes, jpeg.warnings), (vec![], vec![]), "used with a doubt"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 0, "some flips break the code");
}

#[test]
fn a_header_that_asks_for_too_many_pixels_is_refused() {
    let plain = bytes_of("jpegs/0.jpg");
    let limits = Limits { pixels: 1000, ..Limits::default() };
    let error = within(limits, &plain).unwrap_err();
    assert_eq!(error, JpegError::TooLarge { what: "pixels", limit: 1000, found: 1024 });
    let side = JpegError::TooLarge { what: "pixels a side", limit: 65_500, found: 65_535 };
    assert_eq!(read(&resized(&plain, 65_535, 1)), Err(side));
    assert_eq!(refusal(&resized(&plain, 65_500, 65_500)).0, "JPEG_TOO_LARGE");
}

#[test]
fn a_small_file_cannot_ask_for_much_memory() {
    // 8192 × 8192 pixels of 4:2:0 are 1024² blocks of luminance and 2·512² of chrominance.
    let plain = bytes_of("jpegs/0.jpg");
    let words = format!("1572864 blocks cannot be in {} bytes", plain.len());
    let sentence = format!("expected a whole JPEG file, found one that ends early ({words})");
    assert_eq!(refusal(&resized(&plain, 8192, 8192)), ("TRUNCATED_JPEG", sentence));
}

#[test]
fn every_limit_has_its_own_error() {
    let bytes = bytes_of("jpegs/1.jpg");
    let too_large = |what, limit, found| Err(JpegError::TooLarge { what, limit, found });
    let components = Limits { components: 2, ..Limits::default() };
    assert_eq!(within(components, &bytes), too_large("components", 2, 3));
    // 4:4:4 of 32² pixels: three times 16 blocks of 64 coefficients, two bytes each in libjpeg; then a byte a block and
    // three a coefficient that may not be zero.
    let needed = 48 * 128 + 48 + 3 * (48 * 64u64).min(48 + 4 * bytes.len() as u64);
    let memory = |memory| Limits { memory, ..Limits::default() };
    assert_eq!(within(memory(needed - 1), &bytes), too_large("bytes of memory", needed - 1, needed));
    assert!(within(memory(needed), &bytes).is_ok());
}

#[test]
fn a_file_of_too_many_scans_is_refused() {
    let limits = Limits { scans: 3, ..Limits::default() };
    let error = within(limits, &bytes_of("jpegs/3.jpg")).unwrap_err();
    assert_eq!(error, JpegError::TooLarge { what: "scans", limit: 3, found: 4 });
}

#[test]
fn a_flood_of_segments_or_stray_bytes_takes_no_longer_than_its_length() {
    // As many as these took minutes when libjpeg kept the segments, and would take hours.
    for Hostile { name, make } in hostile::all(1_000_000) {
        if !["before the frame", "before the scan", "after the scan"].iter().any(|place| name.ends_with(place)) {
            continue;
        }
        let lenient = ReadOptions { damage: Damage::Use, ..ReadOptions::default() };
        let jpeg = read_coefficients(&make(), &lenient).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((jpeg.width, jpeg.components[0].blocks.non_zeros()), (16, 0), "{name}");
        assert!(jpeg.notes.len() <= 17 && jpeg.warnings.len() <= 16, "{name}");
    }
}

#[test]
fn a_file_that_asks_for_too_much_work_is_refused() {
    let too_much = |name: &str, damage| {
        let hostile = hostile::all(0).into_iter().find(|hostile| hostile.name == name).expect("a file of this name");
        let error = read_coefficients(&(hostile.make)(), &ReadOptions { damage, ..ReadOptions::default() });
        assert!(
            matches!(error, Err(JpegError::TooLarge { what: "milliseconds of work", limit: 1000, found: 1001.. })),
            "{name}: {error:?}"
        );
    };
    too_much("gray, 499 scans of a coefficient", Damage::Refuse);
    too_much("gray, 14 scans of all coefficients", Damage::Refuse);
    too_much("damaged: 4 components, 499 scans of all coefficients", Damage::Use);
    too_much("arithmetic, random bytes 0", Damage::Refuse);
    let work = |work| within(Limits { work, ..Limits::default() }, &bytes_of("jpegs/1.jpg"));
    assert_eq!(
        work(0).map_err(|error| error.to_string()),
        Err("expected at most 0 milliseconds of work, found 1".to_owned())
    );
    assert!(work(1).is_ok());
}

#[test]
fn a_file_of_too_many_bytes_is_refused() {
    let bytes = bytes_of("jpegs/1.jpg");
    let found = bytes.len() as u64;
    let limited = |bytes: u64| Limits { bytes, ..Limits::default() };
    let error = JpegError::TooLarge { what: "bytes", limit: found - 1, found };
    assert_eq!(within(limited(found - 1), &bytes), Err(error));
    assert!(within(limited(found), &bytes).is_ok());
}

#[test]
fn what_there_is_of_a_file_cut_early_is_used_whatever_its_size() {
    // 4000 × 3000 pixels of 4:2:0 of which 20 kB are there.
    let bytes = bytes_of("cases/cut-12-megapixels.jpg");
    assert_eq!(refusal(&bytes).0, "TRUNCATED_JPEG");
    let jpeg = read_coefficients(&bytes, &ReadOptions { damage: Damage::Use, ..ReadOptions::default() }).unwrap();
    assert_eq!((jpeg.width, jpeg.height, jpeg.components[0].blocks.len()), (4000, 3000, 500 * 375));
    let counts = jpeg.components[0].blocks.counts();
    assert!(counts[..500].iter().all(|&count| count > 0), "the first row is there");
    assert!(counts[500 * 300..].iter().all(|&count| count == 0), "what is missing is gray");
    assert!(jpeg.warnings.iter().any(|warning| warning.message.contains("Premature end")), "{:?}", jpeg.warnings);
}

#[test]
fn the_scans_that_there_are_of_a_progressive_file_are_used_wherever_it_ends() {
    let bytes = bytes_of("variants/progressive-422.jpg");
    let blocks = read(&bytes).unwrap().components.iter().map(|component| component.blocks.len()).sum::<usize>() / 2;
    let first = marker(&bytes, START_OF_SCAN) + 14;
    let second = first + marker(&bytes[first..], START_OF_SCAN);
    let mut least = 0;
    // The end may lie in the codes of a scan, in its header, or in the tables before it.
    for length in first..bytes.len() {
        let options = ReadOptions { damage: Damage::Use, as_coded: true, ..ReadOptions::default() };
        let jpeg = read_coefficients(&bytes[..length], &options).unwrap_or_else(|error| panic!("{length}: {error}"));
        assert!(!jpeg.warnings.is_empty(), "{length} bytes are used without a word");
        let non_zeros = jpeg.components.iter().map(|component| component.blocks.non_zeros()).sum::<usize>();
        assert!(non_zeros > 0 && non_zeros >= least, "{length} bytes say less than the first scan does");
        // Of most blocks it has a DC that is not zero.
        least = if length < second { 0 } else { blocks };
    }
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
        let limits = Limits { pixels: 1 << 20, scans: 100, ..Limits::default() };
        let strict = within(limits, &bytes);
        let lenient = read_coefficients(&bytes, &ReadOptions { limits, damage: Damage::Use, ..ReadOptions::default() });
        for component in lenient.iter().flat_map(|jpeg| &jpeg.components) {
            prop_assert_eq!(component.blocks.len(), component.blocks_high * component.blocks_wide);
        }
        match (strict, lenient) {
            (Ok(strict), lenient) => prop_assert_eq!(Ok(strict), lenient),
            (Err(_), Ok(lenient)) => prop_assert!(!lenient.warnings.is_empty(), "used without a word"),
            (Err(_), Err(_)) => {}
        }
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// Runs over `data/jpeg-corpus.tar.xz` of the folder that `JPEGNET_SHARED` names, if it does.
#[test]
fn every_file_of_a_corpus_gives_coefficients_or_an_error() {
    let Some(shared) = std::env::var_os("JPEGNET_SHARED") else {
        println!("skipped: JPEGNET_SHARED is not set");
        return;
    };
    let unpacked = tempfile::tempdir().unwrap();
    let archive = Path::new(&shared).join("data/jpeg-corpus.tar.xz");
    let tar = std::process::Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(unpacked.path()).status();
    assert!(tar.unwrap().success(), "{} unpacks", archive.display());
    let mut outcomes = BTreeMap::<(String, &str), usize>::new();
    for path in files_below(unpacked.path()) {
        if path.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("jpg")) {
            continue;
        }
        let outcome = read(&std::fs::read(&path).unwrap());
        let code = outcome.as_ref().map_or_else(JpegError::code, |_| "used");
        let folder = path.parent().and_then(Path::file_name).unwrap().to_string_lossy().into_owned();
        println!("{code:18} {} {}", path.display(), outcome.err().map(|e| e.to_string()).unwrap_or_default());
        let intact = ["sampling", "exif-orientation", "arithmetic-and-12-bit"].contains(&folder.as_str());
        assert!(!intact || ["used", "UNSUPPORTED_JPEG"].contains(&code), "{}: {code}", path.display());
        *outcomes.entry((folder, code)).or_default() += 1;
    }
    println!("{outcomes:#?}");
    assert!(outcomes.keys().any(|(_, code)| *code == "used"));
}

#[test]
fn what_reading_leaves_is_what_packing_may_take() {
    let bytes = bytes_of("jpegs/1.jpg");
    let options = ReadOptions::default();
    let read = |work: &mut Work| read_coefficients_within(&bytes, &options, work).unwrap();
    let mut work = Work::default();
    let jpeg = read(&mut work);
    let reading = work.spent();
    work.add_packing(&jpeg).unwrap();
    assert!(reading > 0 && work.spent() > reading, "both are counted");
    let mut none = Work::within(0);
    let error = none.add_packing(&jpeg).unwrap_err();
    assert_eq!(error.to_string(), "expected at most 0 milliseconds of work, found 1");
}

#[test]
fn a_file_made_to_take_long_to_pack_is_read_and_not_packed() {
    let hostile = hostile::all(400_000).into_iter().find(|hostile| hostile.name == "two bits a coefficient").unwrap();
    let mut work = Work::within(20);
    let jpeg = read_coefficients_within(&(hostile.make)(), &ReadOptions::default(), &mut work).unwrap();
    let error = work.add_packing(&jpeg).unwrap_err();
    assert!(matches!(error, JpegError::TooLarge { what: "milliseconds of work", limit: 20, found: 21.. }));
}

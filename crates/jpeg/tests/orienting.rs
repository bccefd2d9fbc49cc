//! Orientation against Pillow's.

mod markers;
mod support;

use jpegnet_jpeg::Orientation;
use markers::inserted;
use support::{bytes_of, read};

/// A case of `cases/orientations.txt`: what it holds, its segments and the orientation that Pillow reads.
fn cases() -> Vec<(String, Vec<u8>, u8)> {
    let bytes = |digits: &str| -> Vec<u8> {
        digits.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    };
    let text = String::from_utf8(bytes_of("cases/orientations.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let case = |line: &str| {
        let [number, segments, name] = line.splitn(3, ' ').collect::<Vec<_>>().try_into().expect("three parts");
        let segment = |segment: &str| {
            let (marker, data) = segment.split_once(':').expect("a marker and its data");
            let data = bytes(data);
            let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
            [&[0xff], &bytes(marker)[..], &length, &data].concat()
        };
        (name.to_owned(), segments.split(',').flat_map(segment).collect(), number.parse().unwrap())
    };
    lines.map(case).collect()
}

#[test]
fn every_form_of_orientation_is_read_as_by_pillow() {
    let plain = bytes_of("jpegs/0.jpg");
    let components = read(&plain).unwrap().components;
    let cases = cases();
    assert!(cases.len() > 100);
    for (name, segments, expected) in cases {
        let jpeg = read(&inserted(&plain, 2, &segments)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((jpeg.orientation.number(), &jpeg.components), (expected, &components), "{name}");
        assert!(jpeg.notes.len() <= usize::from(jpeg.orientation == Orientation::TopLeft), "{name}: {:?}", jpeg.notes);
    }
}

#[test]
fn exif_data_longer_than_a_segment_goes_on_in_the_next() {
    // An entry of 100,000 bytes before that of the orientation, which lies behind it in the directory's data.
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value.to_be_bytes()].concat()
    };
    let directory = [&[0, 2][..], &entry(0x010f, 7, 100_000, 38), &entry(0x0112, 3, 1, 6 << 16), &[0; 4]].concat();
    let tiff = [&b"MM\0*\0\0\0\x08"[..], &directory, &vec![b'x'; 100_000]].concat();
    let segments = tiff.chunks(60_000).flat_map(|piece| {
        let length = u16::try_from(piece.len() + 8).unwrap().to_be_bytes();
        [&[0xff, 0xe1], &length[..], b"Exif\0\0", piece].concat()
    });
    let jpeg = read(&inserted(&bytes_of("jpegs/0.jpg"), 2, &segments.collect::<Vec<_>>())).unwrap();
    assert_eq!((jpeg.orientation, jpeg.notes), (Orientation::RightTop, vec![]));
}

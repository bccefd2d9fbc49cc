//! Files written from coefficients.

mod support;

use jpegnet_jpeg::{Colour, Orientation, ReadOptions, SparseJpeg, WriteOptions, read_coefficients, write_coefficients};
use support::pictures;

/// What a file must keep: everything but how it is coded, how long it is and what was remarked on it.
fn kept(jpeg: &SparseJpeg) -> SparseJpeg {
    let SparseJpeg { width, height, colour, orientation, ref components, .. } = *jpeg;
    SparseJpeg { orientation, ..SparseJpeg::new(width, height, colour, components.clone()) }
}

#[test]
fn what_is_written_is_read_back_sequential_or_progressive_whatever_the_orientation() {
    for (name, jpeg) in pictures() {
        for progressive in [false, true] {
            for orientation in [Orientation::TopLeft, Orientation::RightTop] {
                let jpeg = SparseJpeg { orientation, ..jpeg.clone() };
                let options = WriteOptions { progressive, ..WriteOptions::default() };
                let written = write_coefficients(&jpeg, &options).unwrap();
                let again = read_coefficients(&written, &ReadOptions::default()).unwrap();
                assert!(kept(&again) == kept(&jpeg), "{name}, progressive: {progressive}");
                assert_eq!(again.coding.name().contains("progressive"), progressive, "{name}");
            }
        }
    }
}

#[test]
fn colours_are_kept() {
    let (_, gray) = pictures().into_iter().find(|(_, jpeg)| jpeg.colour == Colour::Gray).unwrap();
    let of = |colour: Colour| {
        let components = (1..).zip(vec![gray.components[0].clone(); colour.components()]);
        let components = components.map(|(id, component)| jpegnet_jpeg::Component { id, ..component }).collect();
        SparseJpeg::new(gray.width, gray.height, colour, components)
    };
    let inks = write_coefficients(&of(Colour::Cmyk { inverted: false }), &WriteOptions::default());
    let words = "colour: expected inks stored inverted, as readers of files take them, found inks that are not";
    assert_eq!(inks.unwrap_err().to_string(), words);
    for colour in [Colour::YCbCr, Colour::Rgb, Colour::Cmyk { inverted: true }, Colour::Ycck] {
        let jpeg = of(colour);
        let written = write_coefficients(&jpeg, &WriteOptions::default()).unwrap();
        let again = read_coefficients(&written, &ReadOptions::default()).unwrap();
        assert_eq!(again.colour, colour);
        assert!(again.components.iter().zip(&jpeg.components).all(|(again, given)| again.blocks == given.blocks));
    }
}

#[test]
fn what_no_file_can_hold_is_refused() {
    let (_, jpeg) = pictures().swap_remove(0);
    let narrow = SparseJpeg { width: jpeg.width + 64, ..jpeg.clone() };
    let error = write_coefficients(&narrow, &WriteOptions::default()).unwrap_err().to_string();
    assert!(error.contains("expected") && error.contains("found"), "{error}");
    let mut twins = pictures().into_iter().map(|(_, jpeg)| jpeg).find(|jpeg| jpeg.components.len() == 3).unwrap();
    twins.components[2].id = twins.components[1].id;
    let error = write_coefficients(&twins, &WriteOptions::default()).unwrap_err().to_string();
    assert_eq!(error, "component 2: expected an identifier of its own, found 2");
    let none = SparseJpeg { components: Vec::new(), ..jpeg };
    assert!(write_coefficients(&none, &WriteOptions::default()).is_err());
}

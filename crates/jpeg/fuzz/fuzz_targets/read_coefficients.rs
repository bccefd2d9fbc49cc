//! Any bytes give coefficients or an error, by either policy; what is read can be packed and unpacked; what can be turned
//! comes back; and what can be written is read back.
#![no_main]

use jpegnet_jpeg::packed::{Frame, pack, unpack};
use jpegnet_jpeg::{
    Damage, Limits, LosslessTransform, Orientation, ReadOptions, SparseJpeg, WriteOptions, read_coefficients,
    transform_losslessly, write_coefficients,
};
use libfuzzer_sys::fuzz_target;

/// What one run may take stays small.
const LIMITS: Limits = Limits { pixels: 1 << 20, components: 4, scans: 50, memory: 1 << 26 };

fuzz_target!(|bytes: &[u8]| {
    let read = |damage| read_coefficients(bytes, &ReadOptions { limits: LIMITS, damage, ..ReadOptions::default() });
    let (strict, lenient) = (read(Damage::Refuse), read(Damage::Use));
    if let Ok(strict) = &strict {
        assert!(lenient.as_ref() == Ok(strict), "what is not doubted is the same with either policy");
        assert!(strict.warnings.is_empty());
    }
    let Ok(jpeg) = lenient else {
        return;
    };
    let again = unpack(&Frame::of(&jpeg), &pack(&jpeg));
    assert!(again.components == jpeg.components, "what is packed comes back");
    for turn in Orientation::ALL {
        let turned = |jpeg: &SparseJpeg, turn| {
            transform_losslessly(
                jpeg,
                &LosslessTransform { turn, ignore_orientation: true, ..LosslessTransform::default() },
            )
        };
        let back = Orientation::ALL.into_iter().find(|back| turn.then(*back) == Orientation::TopLeft);
        let again =
            turned(&jpeg, turn).and_then(|turned_once| turned(&turned_once, back.expect("every turn has an inverse")));
        assert!(again.is_err() || again.as_ref() == Ok(&jpeg), "what is turned comes back");
    }
    for progressive in [false, true] {
        let options = WriteOptions { progressive, ..WriteOptions::default() };
        if let Ok(written) = write_coefficients(&jpeg, &options) {
            let again = read_coefficients(&written, &ReadOptions::default()).expect("what was written is intact");
            assert!(again.components == jpeg.components, "what is written comes back");
        }
    }
});

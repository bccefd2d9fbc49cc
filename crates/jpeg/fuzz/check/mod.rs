//! What must hold of any bytes: they give coefficients or an error by either policy, and what is read can be packed, all
//! within a time; what is packed comes back, as does what can be turned; and what can be written is read back.

use jpegnet_jpeg::packed::{Frame, pack, unpack};
use jpegnet_jpeg::{
    Damage, JpegError, Limits, LosslessTransform, Orientation, ReadOptions, SparseJpeg, Work, WriteOptions,
    read_coefficients, read_coefficients_within, transform_losslessly, write_coefficients,
};

/// Seconds of the thread that bytes may take to be read and packed once: what the limits promise, and as much again, since
/// a core is shared, or is another than the one on which costs were measured.
pub const MOST_SECONDS: f64 = 2.0;

/// What is done beyond reading stays small.
const SMALL: u64 = 1 << 20;

/// Checks bytes. The longest time that they took to be read by a policy and packed, in seconds of the thread, of which they
/// may take so many.
///
/// # Panics
/// If something does not hold.
pub fn check(bytes: &[u8], most_seconds: f64) -> f64 {
    /// A read that took longer is done again, since what else runs on a machine makes a core slower at times.
    const LONG: f64 = 0.5;
    let timed = |damage| {
        let start = cpu_seconds();
        let read = used(bytes, &ReadOptions { damage, ..ReadOptions::default() });
        (read, cpu_seconds() - start)
    };
    let read = |damage| {
        let (read, seconds) = timed(damage);
        (read, if seconds > LONG { seconds.min(timed(damage).1) } else { seconds })
    };
    let ((strict, strict_seconds), (lenient, lenient_seconds)) = (read(Damage::Refuse), read(Damage::Use));
    let seconds = strict_seconds.max(lenient_seconds);
    assert!(seconds < most_seconds, "{} bytes took {seconds} s", bytes.len());
    if let Ok(strict) = &strict {
        assert!(lenient.as_ref() == Ok(strict), "what is not doubted is the same with either policy");
        assert!(strict.warnings.is_empty());
    }
    let Ok(jpeg) = lenient else {
        return seconds;
    };
    if u64::from(jpeg.width) * u64::from(jpeg.height) > SMALL {
        return seconds;
    }
    let again = unpack(&Frame::of(&jpeg), &pack(&jpeg));
    assert!(again.components == jpeg.components, "what is packed comes back");
    for turn in Orientation::ALL {
        let turned = |jpeg: &SparseJpeg, turn| {
            let whole = LosslessTransform { turn, ignore_orientation: true, ..LosslessTransform::default() };
            transform_losslessly(jpeg, &whole)
        };
        let back = Orientation::ALL.into_iter().find(|back| turn.then(*back) == Orientation::TopLeft);
        let again =
            turned(&jpeg, turn).and_then(|turned_once| turned(&turned_once, back.expect("every turn has an inverse")));
        assert!(again.is_err() || again.as_ref() == Ok(&jpeg), "what is turned comes back");
    }
    for progressive in [false, true] {
        let options = WriteOptions { progressive, ..WriteOptions::default() };
        if let Ok(written) = write_coefficients(&jpeg, &options) {
            let any = Limits { work: u64::MAX, ..Limits::default() };
            let options = ReadOptions { limits: any, ..ReadOptions::default() };
            let again = read_coefficients(&written, &options).expect("what was written is intact");
            assert!(again.components == jpeg.components, "what is written comes back");
        }
    }
    seconds
}

/// A picture that is read, and packed if that is allowed, too, as a data set does it.
fn used(bytes: &[u8], options: &ReadOptions) -> Result<SparseJpeg, JpegError> {
    let mut work = Work::within(options.limits.work);
    let jpeg = read_coefficients_within(bytes, options, &mut work)?;
    if work.add_packing(&jpeg).is_ok() {
        std::hint::black_box(pack(&jpeg));
    }
    Ok(jpeg)
}

/// Seconds that this thread has run, as Linux tells them; elsewhere none pass.
pub fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse::<f64>().ok()).map_or(0.0, |nanoseconds| nanoseconds / 1e9)
}

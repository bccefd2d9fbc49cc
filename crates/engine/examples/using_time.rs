//! What files take to be read and then to be used, on one core, as a table in Markdown; without files, those that are made to
//! take long, of so many megabytes: `cargo run --release -p jpegnet-engine --example using_time -- FILE… | MEGABYTES [NAME] [any-work]`
//!
//! Times are those of the thread, whatever runs beside it, as Linux tells them.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "small numbers, chosen here"
)]

#[path = "../../jpeg/tests/hostile/mod.rs"]
mod hostile;

use hostile::{Hostile, all};
use jpegnet_engine::Isa;
use jpegnet_engine::transform::{FilterSpec, Pipeline, ResizeSpec, Seed, TransformSpec};
use jpegnet_engine::view::Renderer;
use jpegnet_jpeg::packed::{Frame, pack, unpack};
use jpegnet_jpeg::{Damage, Limits, ReadOptions, SparseJpeg, Work, read_coefficients_within};

fn main() {
    println!("| file | bytes | use | s | counted, s | outcome |");
    println!("|---|--:|---|--:|--:|---|");
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let any_work = arguments.pop_if(|last| last == "any-work").is_some();
    let limit = if any_work { u64::MAX } else { Limits::default().work };
    if let Some(megabytes) = arguments.first().and_then(|first| first.parse::<f64>().ok()) {
        let wanted = arguments.get(1).cloned().unwrap_or_default();
        for Hostile { name, make } in all((megabytes * 1e6) as usize) {
            if name.contains(&wanted) {
                measure(&name, &make(), limit);
            }
        }
        return;
    }
    for path in arguments {
        let name = std::path::Path::new(&path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        measure(&name, &std::fs::read(&path).expect("a readable file"), limit);
    }
}

fn measure(name: &str, bytes: &[u8], limit: u64) {
    let row = |what: &str, seconds: f64, work: Work, outcome: &str| {
        println!("| {name} | {} | {what} | {seconds:.3} | {:.3} | {outcome} |", bytes.len(), work.spent() as f64 / 1e9);
    };
    let mut work = Work::within(limit);
    let options = ReadOptions { damage: Damage::Use, ..ReadOptions::default() };
    let (read, seconds) = timed(|| read_coefficients_within(bytes, &options, &mut work));
    let jpeg = match read {
        Ok(jpeg) => jpeg,
        Err(error) => return row("read", seconds, work, &error.to_string()),
    };
    let non_zeros: usize = jpeg.components.iter().map(|component| component.blocks.non_zeros()).sum();
    row("read", seconds, work, &format!("{}×{}, {non_zeros} coefficients", jpeg.width, jpeg.height));
    let mut to_pack = work;
    match to_pack.add_packing(&jpeg) {
        Ok(()) => {
            let (packed, packing) = timed(|| pack(&jpeg));
            row("read and packed", seconds + packing, to_pack, &format!("{} bytes", packed.len()));
            let (jpeg, unpacking) = timed(|| unpack(&Frame::of(&jpeg), &packed));
            let mut work = Work::within(limit);
            let _ = work.add_unpacking(&jpeg);
            views(&jpeg, work, |what, took, work, outcome| {
                row(&format!("unpacked, {what}"), unpacking + took, work, outcome);
            });
        }
        Err(error) => row("packed", seconds, to_pack, &error.to_string()),
    }
    views(&jpeg, work, |what, took, work, outcome| row(&format!("read, {what}"), seconds + took, work, outcome));
}

/// Makes views that files are asked for.
fn views(jpeg: &SparseJpeg, work: Work, row: impl Fn(&str, f64, Work, &str)) {
    let cover = |side, filter| TransformSpec::Cover { width: side, height: side, filter };
    let crop = TransformSpec::RandomResizedCrop {
        width: 224,
        height: 224,
        scale: [0.9, 1.0],
        ratio: [0.75, 1.33],
        filter: FilterSpec::Bilinear,
    };
    let shorter = TransformSpec::Resize { size: ResizeSpec::Shorter { shorter: 256 }, filter: FilterSpec::Bicubic };
    let views = [
        ("224×224", vec![cover(224, FilterSpec::Bilinear)], false),
        ("224×224, exact", vec![cover(224, FilterSpec::Bilinear)], true),
        ("random crop", vec![crop], false),
        ("shorter side, crop", vec![shorter, TransformSpec::CenterCrop { width: 224, height: 224 }], false),
        ("32×32, Lanczos", vec![cover(32, FilterSpec::Lanczos)], false),
        ("as it is", vec![], false),
        ("as it is, exact", vec![], true),
    ];
    for (what, transforms, clamp) in views {
        let pipeline = Pipeline { transforms, channels: 3, clamp, always: false };
        let seed = Seed { seed: 1, epoch: 0, picture: 0 };
        let mut work = work;
        let (made, seconds) =
            timed(|| pipeline.apply((Isa::detect(), &mut Renderer::default()), "it", jpeg, seed, &mut work));
        row(what, seconds, work, &made.map_or_else(|error| error.to_string(), |_| String::new()));
    }
}

/// What a call gives, and the seconds that this thread took for it.
fn timed<T>(call: impl FnOnce() -> T) -> (T, f64) {
    let start = cpu_seconds();
    let given = call();
    (given, cpu_seconds() - start)
}

fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells how long a thread has run");
    let nanoseconds: f64 = text.split(' ').next().and_then(|number| number.parse().ok()).expect("a number");
    nanoseconds / 1e9
}

//! How long files take to be read by either policy, and packed, on one core, as a table in Markdown; without files, those
//! that are made to take long, of so many megabytes:
//! `cargo run --release -p jpegnet-jpeg --example reading_time -- FILE… | MEGABYTES [any-work]`
//!
//! Times are those of the thread, whatever runs beside it, as Linux tells them.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "small numbers, chosen here"
)]

#[path = "../tests/hostile/mod.rs"]
mod hostile;

use hostile::{Hostile, all};
use jpegnet_jpeg::{Damage, Limits, ReadOptions, packed::pack, read_coefficients};

fn main() {
    println!("| file | bytes | refusing damage, s | using damage, s | packed, s | outcome |");
    println!("|---|--:|--:|--:|--:|---|");
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let any_work = arguments.pop_if(|last| last == "any-work").is_some();
    let limits = Limits { work: if any_work { u64::MAX } else { Limits::default().work }, ..Limits::default() };
    if let Some(megabytes) = arguments.first().and_then(|first| first.parse::<f64>().ok()) {
        let wanted = arguments.get(1).cloned().unwrap_or_default();
        for Hostile { name, make } in all((megabytes * 1e6) as usize) {
            if name.contains(&wanted) {
                measure(&name, &make(), limits);
            }
        }
        return;
    }
    for path in arguments {
        let name = std::path::Path::new(&path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        measure(&name, &std::fs::read(&path).expect("a readable file"), limits);
    }
}

fn measure(name: &str, bytes: &[u8], limits: Limits) {
    let mut times = Vec::new();
    let mut outcome = String::new();
    for damage in [Damage::Refuse, Damage::Use] {
        let start = cpu_seconds();
        let read = read_coefficients(bytes, &ReadOptions { damage, limits, ..ReadOptions::default() });
        times.push(cpu_seconds() - start);
        outcome += if outcome.is_empty() { "" } else { "; " };
        outcome += &read.as_ref().map_or_else(ToString::to_string, |jpeg| format!("{}×{}", jpeg.width, jpeg.height));
        if let (Damage::Use, Ok(jpeg)) = (damage, read) {
            let start = cpu_seconds();
            std::hint::black_box(pack(&jpeg));
            times.push(cpu_seconds() - start);
        }
    }
    times.resize(3, 0.0);
    println!("| {name} | {} | {:.3} | {:.3} | {:.3} | {outcome} |", bytes.len(), times[0], times[1], times[2]);
}

/// Seconds that this thread has run.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells how long a thread has run");
    let nanoseconds: f64 = text.split(' ').next().and_then(|number| number.parse().ok()).expect("a number");
    nanoseconds / 1e9
}

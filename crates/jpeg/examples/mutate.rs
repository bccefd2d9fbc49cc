//! Files changed at random, each checked as the fuzz target checks it, its time included. Without coverage, which needs
//! nightly and clang, but with changes that a file of a known structure asks for:
//! `cargo run --release -p jpegnet-jpeg --example mutate -- SECONDS SEED FILE…`
//!
//! The same seed makes the same files. What fails, and the slowest files, are written to the folder for temporary files.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "small numbers, chosen here"
)]

#[path = "../fuzz/check/mod.rs"]
mod check;
#[path = "../tests/hostile/mod.rs"]
mod hostile;

use check::{MOST_SECONDS, check};
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Longer files are slow to change and say no more.
const LONGEST: usize = 1 << 18;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = || arguments.next().and_then(|argument| argument.parse::<u64>().ok()).expect("seconds and a seed");
    let (seconds, seed) = (number(), number());
    let mut seeds: Vec<(String, Vec<u8>)> =
        arguments.map(|path| (path.clone(), std::fs::read(&path).expect("a readable file"))).collect();
    seeds.extend(hostile::all(2000).into_iter().map(|hostile| (hostile.name, (hostile.make)())));
    seeds.retain(|(_, bytes)| bytes.len() <= LONGEST && bytes.len() > 4);
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut count, mut slowest) = (0u64, 0.0);
    while Instant::now() < end {
        let (name, bytes) = &seeds[random.below(seeds.len())];
        let mut changed = bytes.clone();
        for _ in 0..=random.below(6) {
            let other = &seeds[random.below(seeds.len())].1;
            change(&mut changed, other, &mut random);
        }
        count += 1;
        match catch_unwind(|| check(&changed, MOST_SECONDS)) {
            Ok(seconds) if seconds > slowest => {
                slowest = seconds;
                let path = written("slow", count, &changed);
                println!("{count}: {seconds:.3} s of a core, {} bytes from {name}: {}", changed.len(), path.display());
            }
            Ok(_) => {}
            Err(_) => println!("{count}: FAILED, from {name}: {}", written("failed", count, &changed).display()),
        }
    }
    println!("{count} files, each by either policy; the slowest took {slowest:.3} s of a core");
}

fn written(kind: &str, count: u64, bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("jpegnet-{kind}-{count}.jpg"));
    std::fs::write(&path, bytes).expect("a file that can be written");
    path
}

/// One change: of bits or bytes anywhere, of pieces, of a segment, or of what its header says.
fn change(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    if bytes.len() < 4 || bytes.len() > 2 * LONGEST {
        bytes.truncate(LONGEST);
        return;
    }
    let at = random.below(bytes.len());
    let piece = |random: &mut Random, of: usize| {
        let begin = random.below(of);
        begin..begin + random.below((of - begin).min(2000)) + 1
    };
    match random.below(11) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.byte(),
        2 => bytes.truncate(at.max(2)),
        3 => {
            bytes.drain(piece(random, bytes.len()));
        }
        4 => {
            let copy = bytes[piece(random, bytes.len())].to_vec();
            let times = 1 + random.below(20);
            bytes.splice(at..at, copy.repeat(times));
        }
        5 => {
            let copy = other[piece(random, other.len())].to_vec();
            bytes.splice(at..at, copy);
        }
        6 => {
            // The rest of the file is zeros, ones or random.
            let fill = [0, 0xff, 0xaa][random.below(3)];
            bytes[at..].iter_mut().for_each(|byte| *byte = if fill == 0xaa { random.byte() } else { fill });
        }
        7 => with_marker(bytes, 0xc0..=0xca, random, |bytes, at, random| {
            // Another size, or another kind of coding.
            let side = [8u16, 100, 1000, 4000, 11_584, 65_500][random.below(6)];
            let place = at + 5 + 2 * random.below(2);
            if let Some(place) = bytes.get_mut(place..place + 2) {
                place.copy_from_slice(&side.to_be_bytes());
            }
            if random.below(4) == 0 {
                bytes[at + 1] = [0xc0, 0xc1, 0xc2, 0xc9, 0xca][random.below(5)];
            }
        }),
        8 => with_marker(bytes, 0xda..=0xda, random, |bytes, at, random| {
            // Intervals between restarts, before a scan.
            let interval = [1u16, 2, 1000][random.below(3)];
            bytes.splice(at..at, hostile::segment(0xdd, &interval.to_be_bytes()));
        }),
        9 => with_marker(bytes, 0xda..=0xda, random, |bytes, at, random| {
            // A scan again, up to hundreds of times.
            let end = (at + 14 + random.below(200)).min(bytes.len());
            let scan = bytes[at..end].to_vec();
            let times = 1 + random.below(300);
            bytes.splice(end..end, scan.repeat(times));
        }),
        _ => with_marker(bytes, 0xda..=0xda, random, |bytes, at, random| {
            // Other parameters of a scan.
            let place = at + 4 + random.below(10);
            if let Some(place) = bytes.get_mut(place) {
                *place = random.byte();
            }
        }),
    }
}

/// Changes bytes at one of their markers of these kinds, if there is one.
fn with_marker(
    bytes: &mut Vec<u8>,
    kinds: std::ops::RangeInclusive<u8>,
    random: &mut Random,
    change: impl FnOnce(&mut Vec<u8>, usize, &mut Random),
) {
    let is_one = |pair: &[u8]| pair[0] == 0xff && kinds.contains(&pair[1]);
    let all: Vec<usize> = bytes.windows(2).enumerate().filter(|(_, pair)| is_one(pair)).map(|(at, _)| at).collect();
    if !all.is_empty() {
        change(bytes, all[random.below(all.len())], random);
    }
}

/// Xorshift.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 11) as usize % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        (self.next() >> 33) as u8
    }
}

//! Makes the codes of packed pictures from folders of JPEG files:
//! `cargo run --release -p jpegnet-jpeg --example code_lengths -- crates/jpeg/src/packed/code_lengths.bin FOLDER…`
//!
//! Every folder counts alike, however many files it has. Planes are put into families so that each is told in the fewest
//! bits (Lloyd's iteration, from families by density); each table of a family gets the best prefix code of at most
//! [`LONGEST`] bits (package–merge). A symbol that was never seen gets a word too, a long one: any picture can be packed.

use jpegnet_jpeg::packed::{FAMILIES, LONGEST, SYMBOLS, TABLES, tokens};
use jpegnet_jpeg::{ReadOptions, read_coefficients};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Most files taken of a folder, evenly.
const FILES: usize = 3000;

/// Rounds of putting planes into families and making the families' codes.
const ROUNDS: usize = 12;

/// Symbols of DC coefficients: magnitude classes 0…30.
const DC_SYMBOLS: usize = 31;

/// What a symbol never seen counts, as a share of all symbols of its table.
const UNSEEN: f64 = 1e-6;

/// How often each symbol is in a plane.
struct Plane {
    folder: usize,
    /// Index `table × SYMBOLS + symbol` and count.
    counts: Vec<(usize, f64)>,
    /// Bits after the words.
    extra_bits: u64,
    /// Symbols a block.
    density: f64,
}

type Lengths = Vec<u8>;

fn main() {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let output = arguments.next().expect("where to write the lengths");
    let folders: Vec<PathBuf> = arguments.collect();
    let mut files = Vec::new();
    let planes: Vec<Plane> =
        folders.iter().enumerate().flat_map(|(number, folder)| planes_of(folder, number, &mut files)).collect();
    let totals: Vec<f64> = (0..folders.len())
        .map(|folder| planes.iter().filter(move |plane| plane.folder == folder).flat_map(|plane| &plane.counts))
        .map(|counts| counts.map(|(_, count)| count).sum())
        .collect();

    let mut order: Vec<usize> = (0..planes.len()).collect();
    order.sort_by(|&a, &b| planes[a].density.total_cmp(&planes[b].density));
    let mut family_of = vec![0; planes.len()];
    for (rank, &plane) in order.iter().enumerate() {
        family_of[plane] = rank * FAMILIES / planes.len();
    }
    let mut families: Vec<Lengths> = Vec::new();
    for round in 0..ROUNDS {
        families = (0..FAMILIES)
            .map(|family| {
                let its = planes.iter().zip(&family_of).filter(|&(_, &of)| of == family).map(|(plane, _)| plane);
                lengths_for(its, &totals)
            })
            .collect();
        for (family, plane) in family_of.iter_mut().zip(&planes) {
            *family = (0..FAMILIES)
                .min_by(|&a, &b| bits(plane, &families[a]).total_cmp(&bits(plane, &families[b])))
                .expect("there are families");
        }
        for (number, folder) in folders.iter().enumerate() {
            let its = planes.iter().zip(&family_of).filter(|(plane, _)| plane.folder == number);
            let all: f64 = its.map(|(plane, &family)| bits(plane, &families[family])).sum();
            println!("round {round}: {:.1} bytes a picture of {}", all / 8.0 / files[number], folder.display());
        }
    }
    let lengths: Vec<u8> = families.concat();
    let packed: Vec<u8> = lengths.chunks(2).map(|pair| pair[0] | pair.get(1).unwrap_or(&0) << 4).collect();
    std::fs::write(output, packed).expect("a file that can be written");
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn planes_of(folder: &Path, number: usize, files: &mut Vec<f64>) -> Vec<Plane> {
    let all = files_below(folder);
    let some = all.iter().step_by(all.len().div_ceil(FILES));
    let mut count = 0.0;
    let mut planes = Vec::new();
    for path in some {
        let bytes = std::fs::read(path).expect("a file that can be read");
        let jpeg = read_coefficients(&bytes, &ReadOptions::default()).expect("a JPEG file");
        count += 1.0;
        for component in &jpeg.components {
            let mut counts: HashMap<usize, f64> = HashMap::new();
            let mut extra_bits = 0;
            let tokens = tokens(&component.blocks, component.blocks_wide);
            for token in &tokens {
                *counts.entry(usize::from(token.table) * SYMBOLS + usize::from(token.symbol)).or_default() += 1.0;
                extra_bits += u64::from(token.extra_bits);
            }
            let mut counts: Vec<(usize, f64)> = counts.into_iter().collect();
            counts.sort_by_key(|&(index, _)| index);
            let density = tokens.len() as f64 / component.blocks.len() as f64;
            planes.push(Plane { folder: number, counts, extra_bits, density });
        }
    }
    files.push(count);
    planes
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    entries.into_iter().flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a plane has fewer bits than 2⁵³")]
fn bits(plane: &Plane, lengths: &Lengths) -> f64 {
    let words: f64 = plane.counts.iter().map(|&(index, count)| count * f64::from(lengths[index])).sum();
    words + plane.extra_bits as f64
}

/// The lengths of all words of a family's tables.
fn lengths_for<'a>(planes: impl Iterator<Item = &'a Plane>, totals: &[f64]) -> Lengths {
    let mut counts = vec![0.0; TABLES * SYMBOLS];
    for plane in planes {
        for &(index, count) in &plane.counts {
            counts[index] += count / totals[plane.folder];
        }
    }
    let tables = counts.chunks(SYMBOLS).enumerate().map(|(table, counts)| {
        let used = if table == 0 { DC_SYMBOLS } else { SYMBOLS };
        let total = counts.iter().sum::<f64>().max(1e-12);
        let counts: Vec<f64> = counts[..used].iter().map(|count| count + UNSEEN * total).collect();
        let mut lengths = package_merge(&counts);
        lengths.resize(SYMBOLS, 0);
        lengths
    });
    tables.flatten().collect()
}

/// The lengths of the best prefix code whose words have at most [`LONGEST`] bits.
fn package_merge(counts: &[f64]) -> Vec<u8> {
    type Package = (f64, Vec<usize>);
    let mut coins: Vec<Package> = counts.iter().enumerate().map(|(symbol, &count)| (count, vec![symbol])).collect();
    coins.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut packages: Vec<Package> = Vec::new();
    for _ in 0..LONGEST {
        let mut all = [&coins[..], &packages].concat();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        packages =
            all.chunks_exact(2).map(|pair| (pair[0].0 + pair[1].0, [&pair[0].1[..], &pair[1].1].concat())).collect();
    }
    let mut lengths = vec![0; counts.len()];
    for (_, symbols) in &packages[..counts.len() - 1] {
        for &symbol in symbols {
            lengths[symbol] += 1;
        }
    }
    lengths
}

//! What becomes of every file of a folder, as a table in Markdown:
//! `cargo run --release -p jpegnet-jpeg --example corpus_table -- FOLDER`
//!
//! Each file is read with damage refused and with damage used.

use jpegnet_jpeg::{Damage, JpegError, ReadOptions, SparseJpeg, read_coefficients};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Remarks that are told of a file.
const TOLD: usize = 2;

fn main() {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).expect("a folder");
    let mut files = files_below(&folder);
    files.sort();
    let mut counts = BTreeMap::<(String, &str), usize>::new();
    println!("| file | result | properties, or the reason |");
    println!("|---|---|---|");
    for path in files {
        let bytes = std::fs::read(&path).expect("a readable file");
        let name = path.strip_prefix(&folder).unwrap_or(&path);
        let (outcome, why) = outcome(&bytes);
        let part = name.parent().map(|parent| parent.display().to_string()).unwrap_or_default();
        *counts.entry((part, outcome)).or_default() += 1;
        println!("| {} | {outcome} | {why} |", name.display());
    }
    println!();
    for ((part, outcome), count) in counts {
        println!("- {part}: {count} {outcome}");
    }
}

/// In a word, and why: used, used with warnings if damage is, or refused.
fn outcome(bytes: &[u8]) -> (&'static str, String) {
    let read = |damage| read_coefficients(bytes, &ReadOptions { damage, ..ReadOptions::default() });
    match (read(Damage::Refuse), read(Damage::Use)) {
        (Ok(strict), Ok(lenient)) => {
            assert!(strict == lenient, "what is not doubted is the same with either policy");
            ("used", described(&strict))
        }
        (Err(_), Ok(lenient)) => ("warned", described(&lenient)),
        (_, Err(error)) => ("refused", format!("`{}`: {error}", JpegError::code(&error))),
    }
}

fn described(jpeg: &SparseJpeg) -> String {
    let mut parts =
        vec![format!("{}×{}", jpeg.width, jpeg.height), jpeg.colour.name().to_owned(), jpeg.coding.name().to_owned()];
    if jpeg.orientation.number() != 1 {
        parts.push(format!("orientation {}", jpeg.orientation.number()));
    }
    if let Some(bytes) = jpeg.icc_bytes {
        parts.push(format!("ICC profile of {bytes} bytes"));
    }
    let warnings = jpeg.warnings.iter().map(|warning| format!("{} × {}", warning.count, warning.message));
    let remarks: Vec<String> = jpeg.notes.iter().cloned().chain(warnings).collect();
    let told = remarks.iter().take(TOLD).cloned();
    let more = remarks.len().checked_sub(TOLD + 1).map(|rest| format!("{} more", rest + 1));
    [parts.join(", ")].into_iter().chain(told).chain(more).collect::<Vec<_>>().join("; ")
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let is_jpeg = |path: &PathBuf| {
        path.extension().is_some_and(|end| end.eq_ignore_ascii_case("jpg") || end.eq_ignore_ascii_case("jpeg"))
    };
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).filter(is_jpeg).collect()
}

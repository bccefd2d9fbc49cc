//! From the bytes of a file to sparse coefficients. Run with `cargo bench --bench decode`.
//!
//! An item is a file. The fixtures are ten 32×32 pictures of mixed sampling, quality and scan order, and variants of one
//! of them; `JPEGNET_BENCH_FILES` may name a folder of larger files. Answers are checked before anything is timed: what a
//! file gives must be whole and survive the way to dense blocks and back.

use divan::{Bencher, black_box, counter::BytesCount, counter::ItemsCount};
use jpegnet_jpeg::{ReadOptions, SparseBlocks, read_coefficients};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

fn main() {
    for file in SETS.iter().flat_map(|(_, files)| files) {
        check(file);
    }
    divan::main();
}

/// A name and the bytes of some files.
type Set = (&'static str, Vec<Vec<u8>>);

static SETS: LazyLock<Vec<Set>> = LazyLock::new(|| {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../__test__/fixtures");
    let named =
        |names: &[&str]| names.iter().map(|name| std::fs::read(fixtures.join(name)).expect("a fixture")).collect();
    let mut sets = vec![
        ("baseline 4:4:4, quality 75", named(&["jpegs/1.jpg"])),
        ("baseline 4:2:0, quality 75", named(&["jpegs/0.jpg"])),
        ("progressive 4:2:0, quality 50", named(&["jpegs/3.jpg"])),
        ("4:4:4, quality 100", named(&["jpegs/7.jpg"])),
        ("gray", named(&["variants/gray.jpg"])),
        ("arithmetic", named(&["variants/arithmetic.jpg"])),
    ];
    if let Some(folder) = std::env::var_os("JPEGNET_BENCH_FILES") {
        sets.push(("the given folder", files_below(&PathBuf::from(folder))));
    }
    sets
});

fn files_below(folder: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![std::fs::read(path).expect("a file")] })
        .collect()
}

fn check(file: &[u8]) {
    let jpeg = read_coefficients(file, &ReadOptions::default()).expect("a file that can be read");
    for component in &jpeg.components {
        let dense = component.blocks.to_dense();
        let blocks = dense.chunks_exact(64).map(|block| block.try_into().expect("64 coefficients"));
        assert!(SparseBlocks::from_dense(blocks) == component.blocks, "the sparse form holds every coefficient");
        assert_eq!(component.blocks.len(), component.blocks_high * component.blocks_wide, "every block is there");
    }
}

fn sets() -> impl Iterator<Item = &'static str> {
    SETS.iter().map(|(name, _)| *name)
}

fn files(set: &str) -> &'static [Vec<u8>] {
    SETS.iter().find(|(name, _)| *name == set).map_or(&[], |(_, files)| files)
}

#[divan::bench(args = sets())]
fn sparse_coefficients(bencher: Bencher, set: &str) {
    let files = files(set);
    let bytes: usize = files.iter().map(Vec::len).sum();
    bencher.counter(ItemsCount::new(files.len())).counter(BytesCount::new(bytes)).bench_local(|| {
        for file in files {
            black_box(read_coefficients(black_box(file), &ReadOptions::default())).expect("a file that can be read");
        }
    });
}

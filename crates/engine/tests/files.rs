//! Files are written whole or not at all, whatever is at their place, and by one at a time.

use jpegnet_engine::files::{FileLock, WholeFile, write_whole};
use std::fs;
use std::path::Path;

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    write_whole(path, |file| file.write_all(bytes)).map_err(|error| {
        assert_eq!(error.code(), "WRITE_FAILED");
        error.to_string()
    })
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn only_a_jpeg_file_replaces_a_jpeg_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.jpg");
    write(&path, b"\xff\xd8photo").unwrap();
    for bytes in [&b"a model"[..], b"\xff", b""] {
        let said = write(&path, bytes).unwrap_err();
        assert!(said.ends_with("found a JPEG file there, which only a JPEG file replaces"), "{said}");
        assert_eq!(fs::read(&path).unwrap(), b"\xff\xd8photo");
    }
    write(&path, b"\xff\xd8other").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"\xff\xd8other");
    assert_eq!(names(folder.path()), ["photo.jpg"]);
}

#[test]
fn a_file_written_part_by_part_is_in_its_place_once_it_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.csv");
    write(&path, b"old").unwrap();
    for finish in [false, true] {
        let mut file = WholeFile::create(&path).unwrap();
        file.write(b"a\n").unwrap();
        file.write(b"b\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()).len(), 2);
        if finish {
            file.finish().unwrap();
        } else {
            drop(file);
        }
        assert_eq!(names(folder.path()), ["answers.csv"]);
    }
    assert_eq!(fs::read(&path).unwrap(), b"a\nb\n");
}

#[test]
fn names_as_long_as_a_system_takes_are_written_and_locked() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["x".repeat(255), "é".repeat(127)] {
        let path = folder.path().join(&name);
        let lock = FileLock::take(&path, "this test").unwrap();
        write(&path, b"a").unwrap();
        drop(lock);
        assert_eq!(names(folder.path()), [name]);
        fs::remove_file(path).unwrap();
    }
    assert!(write(&folder.path().join("x".repeat(256)), b"a").is_err());
    assert!(names(folder.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn a_link_stays_one_and_the_file_keeps_its_permissions() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("runs")).unwrap();
    let [file, link, chain] = ["runs/a.model", "latest.model", "chain.model"].map(|name| folder.path().join(name));
    symlink("runs/a.model", &link).unwrap();
    symlink("latest.model", &chain).unwrap();
    write(&chain, b"1").unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"1");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    write(&link, b"2").unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"2");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());

    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    assert!(write(&link, b"3").unwrap_err().contains("read-only"));
    let circle = folder.path().join("circle");
    symlink("circle", &circle).unwrap();
    assert!(write(&circle, b"4").unwrap_err().contains("links that lead to no file"));
    assert!(write(folder.path(), b"5").unwrap_err().ends_with("found a folder"));
    assert!(write(Path::new("/dev/null"), b"6").unwrap_err().ends_with("found a device"));
    assert_eq!(fs::read(&file).unwrap(), b"2");
    assert_eq!(names(folder.path()), ["chain.model", "circle", "latest.model", "runs"]);
}

#[test]
fn one_at_a_time_holds_the_lock_of_a_file_and_others_are_told_who() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.model");
    // What a process that was killed left.
    fs::write(folder.path().join(".a.model.lock"), "process 1").unwrap();
    let first = FileLock::take(&path, "process 2").unwrap();
    let refused = FileLock::take(&path, "process 3").unwrap_err();
    assert_eq!(refused.code(), "BUSY");
    assert!(refused.to_string().ends_with("found process 2 writing it"), "{refused}");
    drop(first);
    assert!(names(folder.path()).is_empty());
    drop(FileLock::take(&path, "process 3").unwrap());
    assert!(names(folder.path()).is_empty());
}

#[test]
fn of_many_at_once_one_at_a_time_holds_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.model");
    let inside = std::sync::atomic::AtomicUsize::new(0);
    let taken: usize = std::thread::scope(|scope| {
        let work = || {
            let mut taken = 0;
            for _ in 0..500 {
                if let Ok(lock) = FileLock::take(&path, "a thread") {
                    assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                    std::thread::yield_now();
                    inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    drop(lock);
                    taken += 1;
                }
            }
            taken
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(taken > 0);
    assert!(names(folder.path()).is_empty());
}

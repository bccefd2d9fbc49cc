//! Files that are written whole or not at all.

use crate::EngineError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes a file: aside first, flushed to the disk, then renamed over the old one.
///
/// # Errors
/// [`EngineError::WriteFailed`]; the old file is untouched then and nothing is left beside it.
pub fn write_whole(path: &Path, contents: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), EngineError> {
    let failed =
        |error: &io::Error| EngineError::WriteFailed { path: path.display().to_string(), found: error.to_string() };
    let (aside, file) = create_aside(path).map_err(|error| failed(&error))?;
    let written = write_into(file, contents).and_then(|()| fs::rename(&aside, path));
    if let Err(error) = written {
        // The error that matters is the one before.
        let _ = fs::remove_file(&aside);
        return Err(failed(&error));
    }
    sync_folder(path);
    Ok(())
}

fn write_into(file: File, contents: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 18, file);
    contents(&mut file)?;
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()
}

/// A new file in the same folder, so that renaming stays on one disk.
fn create_aside(path: &Path) -> io::Result<(PathBuf, File)> {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(ErrorKind::InvalidInput, "no name for a file"));
    };
    loop {
        let mut aside = std::ffi::OsString::from(".");
        aside.push(name);
        aside.push(format!(".{}-{}.writing", std::process::id(), WRITES.fetch_add(1, Ordering::Relaxed)));
        let aside = path.with_file_name(aside);
        match OpenOptions::new().write(true).create_new(true).open(&aside) {
            // Left by a process that was killed and had the number that this one has.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (aside, file)),
        }
    }
}

/// Makes the renaming last through a power cut, where folders can be synced at all.
fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Ok(folder) = File::open(folder) {
        // The file itself is safe and in place; some systems refuse to sync folders.
        let _ = folder.sync_all();
    }
}

//! Files that are written whole or not at all, and by one at a time.

use crate::EngineError;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What every JPEG file begins with.
const JPEG: [u8; 2] = [0xff, 0xd8];

/// Most bytes that a name beside a file takes over from the file's: systems take 255 in all.
const LONGEST_STEM: usize = 200;

/// Most links that are followed from a path to its file, as Linux has it.
const MOST_LINKS: usize = 40;

/// Writes a file as a [`WholeFile`].
///
/// # Errors
/// [`EngineError::WriteFailed`]; the old file is untouched then and nothing is left beside it.
pub fn write_whole(path: &Path, contents: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), EngineError> {
    let mut file = WholeFile::create(path)?;
    let written = contents(&mut file.writer);
    written.map_err(|error| file.failed(&error))?;
    file.finish()
}

/// A file on its way: written aside, flushed to the disk, and renamed over the old one, whose permissions it gets. A link stays a link,
/// and the file that it leads to is replaced. Only a JPEG file replaces a JPEG file. One that is dropped unfinished leaves nothing.
#[derive(Debug)]
pub struct WholeFile {
    /// The path as it was given, for errors.
    name: String,
    /// Where it goes.
    path: PathBuf,
    aside: PathBuf,
    writer: Writer,
    replaces_jpeg: bool,
}

impl WholeFile {
    /// Begins a file.
    ///
    /// # Errors
    /// [`EngineError::WriteFailed`] if what is there must not be replaced, or nothing can be written beside it.
    pub fn create(path: &Path) -> Result<WholeFile, EngineError> {
        let name = path.display().to_string();
        create(path, &name).map_err(|error| EngineError::WriteFailed { path: name, found: error.to_string() })
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// [`EngineError::WriteFailed`]
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        self.writer.write_all(bytes).map_err(|error| self.failed(&error))
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// [`EngineError::WriteFailed`]; the old file is untouched then and nothing is left beside it.
    pub fn finish(mut self) -> Result<(), EngineError> {
        let placed = self.place();
        placed.map_err(|error| self.failed(&error))
    }

    fn place(&mut self) -> io::Result<()> {
        if self.replaces_jpeg && self.writer.start != JPEG {
            return Err(refused("a JPEG file there, which only a JPEG file replaces"));
        }
        if let Some(file) = self.writer.file.take() {
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        }
        fs::rename(&self.aside, &self.path)?;
        sync_folder(&self.path);
        Ok(())
    }

    fn failed(&self, error: &io::Error) -> EngineError {
        EngineError::WriteFailed { path: self.name.clone(), found: error.to_string() }
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        // Some systems remove no open file.
        self.writer.file = None;
        // One that is in its place is not there any more; of others the error that matters was before.
        let _ = fs::remove_file(&self.aside);
    }
}

fn create(path: &Path, name: &str) -> io::Result<WholeFile> {
    let path = followed(path)?;
    let old = replaceable(&path)?;
    let (aside, file) = create_aside(&path)?;
    let permissions = old.as_ref().map(|old| file.set_permissions(old.permissions.clone()));
    let whole = WholeFile {
        name: name.to_owned(),
        path,
        aside,
        writer: Writer { start: Vec::new(), file: Some(BufWriter::with_capacity(1 << 18, file)) },
        replaces_jpeg: old.is_some_and(|old| old.is_jpeg),
    };
    // Before there is anything in it that others must not read.
    permissions.unwrap_or(Ok(())).map(|()| whole)
}

/// The file that a link leads to, whether it is there or not.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&path) else {
            return Ok(path);
        };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    Err(refused("links that lead to no file"))
}

/// A file that is about to be replaced.
struct Old {
    permissions: fs::Permissions,
    is_jpeg: bool,
}

/// The file that is at a path, if there is one, which must be one that can be replaced.
fn replaceable(path: &Path) -> io::Result<Option<Old>> {
    let Ok(there) = fs::metadata(path) else {
        return Ok(None);
    };
    if there.is_dir() {
        return Err(refused("a folder"));
    }
    if !there.is_file() {
        return Err(refused("a device"));
    }
    if there.permissions().readonly() {
        return Err(refused("one that is there and must not be changed (read-only)"));
    }
    let mut start = [0; 2];
    let is_jpeg = File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == JPEG;
    Ok(Some(Old { permissions: there.permissions(), is_jpeg }))
}

fn refused(found: &str) -> io::Error {
    io::Error::other(found)
}

/// A file that remembers its first two bytes; nothing once it is closed.
#[derive(Debug)]
struct Writer {
    start: Vec<u8>,
    file: Option<BufWriter<File>>,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(file) = &mut self.file else {
            return Err(refused("a file that is closed"));
        };
        let written = file.write(bytes)?;
        let missing = JPEG.len() - self.start.len();
        self.start.extend(bytes[..written].iter().take(missing));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), BufWriter::flush)
    }
}

/// A new file in the same folder, so that renaming stays on one disk.
fn create_aside(path: &Path) -> io::Result<(PathBuf, File)> {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = WRITES.fetch_add(1, Ordering::Relaxed);
        let aside = beside(path, &format!("{}-{number}.writing", std::process::id()))?;
        match OpenOptions::new().write(true).create_new(true).open(&aside) {
            // Left by a process that was killed and had the number that this one has.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (aside, file)),
        }
    }
}

/// The hidden file `.NAME.WHAT` in the folder of NAME, whose name is cut where it is too long for another to be longer.
fn beside(path: &Path, what: &str) -> io::Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return Err(refused("no name for a file"));
    };
    let mut hidden = OsString::from(".");
    if name.len() > LONGEST_STEM {
        let text = name.to_string_lossy();
        let end = (0..=LONGEST_STEM).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        hidden.push(&text[..end]);
    } else {
        hidden.push(name);
    }
    hidden.push(".");
    hidden.push(what);
    Ok(path.with_file_name(hidden))
}

/// Makes the renaming last through a power cut, where folders can be synced at all.
fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Ok(folder) = File::open(folder) {
        // The file itself is safe and in place; some systems refuse to sync folders.
        let _ = folder.sync_all();
    }
}

/// The right to write a file, which one holder at a time has: the lock of the system on a file `.NAME.lock` beside it, which says who that
/// is. The system takes it from a process that ends in any way, so that no lock outlives its holder; dropping it gives it back.
#[derive(Debug)]
pub struct FileLock {
    path: PathBuf,
    /// Holds the lock while it is open.
    _file: File,
}

impl FileLock {
    /// Takes the lock of a file; `holder` is who says so to others. Where a disk has no locks it is not known who else writes.
    ///
    /// # Errors
    /// [`EngineError::FileInUse`] with its holder's words; [`EngineError::WriteFailed`] if no file can be made there.
    pub fn take(path: &Path, holder: &str) -> Result<FileLock, EngineError> {
        let name = path.display().to_string();
        let failed = |error: &io::Error| EngineError::WriteFailed { path: name.clone(), found: error.to_string() };
        let lock = followed(path).and_then(|path| beside(&path, "lock")).map_err(|error| failed(&error))?;
        loop {
            let Some(mut file) = open_locked(&lock).map_err(|error| failed(&error))? else {
                let holder = fs::read_to_string(&lock).unwrap_or_default();
                let holder = if holder.is_empty() { "another process".to_owned() } else { holder };
                return Err(EngineError::FileInUse { path: name, holder });
            };
            // Its holder may have taken it away between opening it and locking it.
            if !is_at(&file, &lock) {
                continue;
            }
            file.set_len(0).and_then(|()| file.write_all(holder.as_bytes())).map_err(|error| failed(&error))?;
            return Ok(FileLock { path: lock, _file: file });
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // While it is still locked; one that cannot be removed is locked by nobody.
        let _ = fs::remove_file(&self.path);
    }
}

/// The lock's file, locked; nothing if another has it.
#[cfg(not(windows))]
fn open_locked(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        // No locks on this disk.
        Ok(()) | Err(fs::TryLockError::Error(_)) => Ok(Some(file)),
    }
}

/// The lock's file, which no other can open for writing meanwhile, but read: a lock of the file's range would forbid that, too.
#[cfg(windows)]
fn open_locked(path: &Path) -> io::Result<Option<File>> {
    use std::os::windows::fs::OpenOptionsExt;
    const SHARE_READ_AND_DELETE: u32 = 1 | 4;
    const SHARING_VIOLATION: i32 = 32;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).share_mode(SHARE_READ_AND_DELETE);
    match options.open(path) {
        Err(error) if error.raw_os_error() == Some(SHARING_VIOLATION) => Ok(None),
        opened => opened.map(Some),
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |there: io::Result<fs::Metadata>| there.ok().map(|there| (there.dev(), there.ino()));
    let open = place(file.metadata());
    open.is_some() && open == place(fs::metadata(path))
}

#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}

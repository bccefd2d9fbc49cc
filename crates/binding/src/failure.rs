//! Failures as data: what TypeScript turns into its one error class.

use jpegnet_engine::EngineError;
use jpegnet_jpeg::JpegError;
use napi_derive::napi;
use std::any::Any;
use std::fs::FileType;
use std::io;
use std::path::Path;

/// Why a verb gave no value.
#[napi(object)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingFailure {
    /// A stable name.
    pub code: String,
    /// One sentence with where, expected and found.
    pub message: String,
    /// The layer, tensor, option or file.
    pub path: Option<String>,
    /// What would have been valid.
    pub expected: Option<String>,
    /// What was found instead.
    pub found: Option<String>,
}

impl BindingFailure {
    pub(crate) fn new(code: &str, path: &str, expected: &str, found: &str) -> Self {
        BindingFailure {
            code: code.to_owned(),
            message: format!("{path}: expected {expected}, found {found}"),
            path: Some(path.to_owned()),
            expected: Some(expected.to_owned()),
            found: Some(found.to_owned()),
        }
    }

    pub(crate) fn invalid_option(option: &str, expected: &str, found: &str) -> Self {
        Self::new("INVALID_OPTION", option, expected, found)
    }

    /// A number that none of `count` things has.
    pub(crate) fn below(option: &str, count: usize, found: u32) -> Self {
        Self::invalid_option(option, &format!("a number below {count}"), &found.to_string())
    }

    pub(crate) fn disposed(what: &str) -> Self {
        Self::new("DISPOSED", what, "one in use", "one that was disposed of")
    }

    pub(crate) fn busy(what: &str) -> Self {
        Self::new("BUSY", what, "one call at a time", "a second before the first has ended")
    }

    /// A failure to read a JPEG called `name`.
    pub(crate) fn jpeg(name: &str, error: &JpegError) -> Self {
        BindingFailure {
            code: error.code().to_owned(),
            message: format!("{name}: {error}"),
            path: Some(name.to_owned()),
            expected: None,
            found: None,
        }
    }

    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Self {
        let name = path.display().to_string();
        if error.kind() == io::ErrorKind::NotFound {
            return Self::new("FILE_NOT_FOUND", &name, "a file", "none");
        }
        Self::new("FILE_UNREADABLE", &name, "a readable file", &error.to_string())
    }

    /// A path of something that is no file.
    pub(crate) fn no_file(path: &str, kind: FileType) -> Self {
        Self::new("FILE_UNREADABLE", path, "a readable file", what_it_is(kind))
    }

    /// A file that is not what it was when its picture was first read.
    pub(crate) fn changed(name: &str) -> Self {
        Self::new("FILE_CHANGED", name, "the file as it was first read", "other contents")
    }

    /// A broken contract of our own; its text is for a bug report.
    pub(crate) fn panicked(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no text");
        BindingFailure {
            code: "INTERNAL".to_owned(),
            message: format!("jpegnet: expected its own rules to hold, found them broken ({text})"),
            path: None,
            expected: None,
            found: Some(text.to_owned()),
        }
    }
}

/// What is in the place of a file.
fn what_it_is(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
    }
    if kind.is_dir() { "a folder" } else { "a device" }
}

impl From<EngineError> for BindingFailure {
    fn from(error: EngineError) -> Self {
        BindingFailure {
            code: error.code().to_owned(),
            message: error.to_string(),
            path: error.path().map(str::to_owned),
            expected: error.expected().map(str::to_owned),
            found: error.found().map(str::to_owned),
        }
    }
}

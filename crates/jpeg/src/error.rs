//! Why a file gave no coefficients, or coefficients no file.

/// Why a file gave no coefficients, or coefficients no file. The display form is one sentence without the file's name, which the caller knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JpegError {
    /// There are no bytes.
    #[error("expected a JPEG file, found an empty one")]
    Empty,
    /// The bytes do not start with a JPEG's start-of-image marker.
    #[error("expected a JPEG file (starting with ff d8), found one starting with {found}")]
    NotJpeg {
        /// The first bytes in hexadecimal, and the format they belong to if it is a common one.
        found: String,
    },
    /// The file ends before its image does.
    #[error("expected a whole JPEG file, found one that ends early ({message})")]
    Truncated {
        /// libjpeg's words.
        message: String,
    },
    /// The file breaks the rules of its format.
    #[error("expected an intact JPEG file, found a damaged one ({message})")]
    Corrupt {
        /// libjpeg's words, or ours.
        message: String,
    },
    /// A JPEG of a kind that is not read.
    #[error("expected {expected}, found {found}")]
    Unsupported {
        /// What is read.
        expected: &'static str,
        /// What the file is.
        found: String,
    },
    /// The file asks for more than its [`Limits`](crate::Limits).
    #[error("expected at most {limit} {what}, found {found}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
        /// How much the file has, or the first count over the limit.
        found: u64,
    },
    /// A transform that only a decode to pixels could do.
    #[error("expected {expected}, found {found}")]
    NotLossless {
        /// What the transform needs.
        expected: String,
        /// What the picture or the transform has.
        found: String,
    },
    /// A part that the picture does not have.
    #[error("expected {expected}, found {found}")]
    Outside {
        /// Where there is a picture.
        expected: String,
        /// The part.
        found: String,
    },
    /// Coefficients that no file can hold.
    #[error("{part}: expected {expected}, found {found}")]
    Unwritable {
        /// The part of the picture.
        part: String,
        /// What a file can hold.
        expected: String,
        /// What there is.
        found: String,
    },
}

impl JpegError {
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            JpegError::Empty => "EMPTY_FILE",
            JpegError::NotJpeg { .. } => "NOT_JPEG",
            JpegError::Truncated { .. } => "TRUNCATED_JPEG",
            JpegError::Corrupt { .. } => "CORRUPT_JPEG",
            JpegError::Unsupported { .. } => "UNSUPPORTED_JPEG",
            JpegError::TooLarge { .. } => "JPEG_TOO_LARGE",
            JpegError::NotLossless { .. } => "NOT_LOSSLESS",
            JpegError::Outside { .. } => "INVALID_OPTION",
            JpegError::Unwritable { .. } => "INVALID_COEFFICIENTS",
        }
    }

    pub(crate) fn not_jpeg(bytes: &[u8]) -> JpegError {
        let start: Vec<String> = bytes.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let known: [(&[u8], &str); 6] = [
            (b"\x89PNG", "PNG"),
            (b"GIF8", "GIF"),
            (b"BM", "BMP"),
            (b"RIFF", "WebP or another RIFF"),
            (b"%PDF", "PDF"),
            (b"<", "markup"),
        ];
        let format = known.iter().find(|(magic, _)| bytes.starts_with(magic));
        let format = format.map(|(_, name)| format!(" ({name})")).unwrap_or_default();
        JpegError::NotJpeg { found: start.join(" ") + &format }
    }
}

//! What can go wrong with a network, a step or a weights file.

use jpegnet_jpeg::JpegError;
use thiserror::Error;

/// A refused input of the engine; its `Display` is one sentence with where, expected and found.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EngineError {
    /// The definition of a network contradicts itself.
    #[error("{path}: expected {expected}, found {found}")]
    InvalidDefinition {
        /// The node, or `input`, `network`.
        path: String,
        /// What would be valid.
        expected: String,
        /// What the definition says.
        found: String,
    },
    /// Shapes that must agree do not.
    #[error("{path}: expected {expected}, found {found}")]
    ShapeMismatch {
        /// The node, or what has the shape.
        path: String,
        /// The shape needed.
        expected: String,
        /// The shape given.
        found: String,
    },
    /// An option of a step or prediction is out of its range.
    #[error("{option}: expected {expected}, found {found}")]
    InvalidOption {
        /// The option's name.
        option: String,
        /// Its range.
        expected: String,
        /// Its value.
        found: String,
    },
    /// A picture is not of the network's size.
    #[error("{file}: expected a picture of {expected} pixels, found {found}")]
    SizeMismatch {
        /// The picture's name.
        file: String,
        /// `width×height` of the network.
        expected: String,
        /// `width×height` of the picture.
        found: String,
    },
    /// A picture of colours that no input layer reads.
    #[error("{file}: expected a picture of gray, YCbCr or RGB components or a view of one, found one of {found}")]
    UnsupportedColour {
        /// The picture's name.
        file: String,
        /// Its colours.
        found: String,
    },
    /// A picture takes more work than may be done for it.
    #[error("{file}: {error}")]
    Jpeg {
        /// The picture's name.
        file: String,
        /// Why.
        error: JpegError,
    },
    /// A step or prediction left the range of float32; nothing was changed by it.
    #[error("{path}: expected finite values, found {found} in step {step}")]
    NotFinite {
        /// The first layer whose output, or the parameter whose gradient, is not finite.
        path: String,
        /// Infinity or NaN, and of what.
        found: String,
        /// The step, counted from 1 (for a prediction: steps done so far).
        step: u64,
    },
    /// Weights that no network can use.
    #[error("{name}: expected {expected}, found {found}")]
    InvalidWeights {
        /// The tensor or the file.
        name: String,
        /// What would be valid.
        expected: String,
        /// What was given.
        found: String,
    },
    /// An optimizer state that does not belong to this network.
    #[error("{name}: expected {expected}, found {found}")]
    InvalidCheckpoint {
        /// The tensor.
        name: String,
        /// What the network needs.
        expected: String,
        /// What was given.
        found: String,
    },
    /// There is no such file.
    #[error("{path}: expected a file, found none")]
    FileNotFound {
        /// The file.
        path: String,
    },
    /// A file is there but cannot be read.
    #[error("{path}: expected a readable file, found {found}")]
    FileUnreadable {
        /// The file.
        path: String,
        /// The system's words.
        found: String,
    },
    /// A file could not be written; the one that was there before is untouched.
    #[error("{path}: expected to write the file, found {found}")]
    WriteFailed {
        /// The file.
        path: String,
        /// The system's words.
        found: String,
    },
    /// A file that another holds to write it.
    #[error("{path}: expected a file that nobody else writes, found {holder} writing it")]
    FileInUse {
        /// The file.
        path: String,
        /// Who holds it, in its own words.
        holder: String,
    },
    /// The system gave no memory; what needed it changed nothing.
    #[error("memory: expected {bytes} bytes more, found less")]
    OutOfMemory {
        /// Bytes that could not be had.
        bytes: usize,
    },
}

impl EngineError {
    /// The failure's code at the border.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            EngineError::InvalidDefinition { .. } => "INVALID_DEFINITION",
            EngineError::ShapeMismatch { .. } => "SHAPE_MISMATCH",
            EngineError::InvalidOption { .. } => "INVALID_OPTION",
            EngineError::OutOfMemory { .. } => "OUT_OF_MEMORY",
            EngineError::SizeMismatch { .. } => "SIZE_MISMATCH",
            EngineError::UnsupportedColour { .. } => "UNSUPPORTED_JPEG",
            EngineError::Jpeg { error, .. } => error.code(),
            EngineError::NotFinite { .. } => "NOT_FINITE",
            EngineError::InvalidWeights { .. } => "INVALID_WEIGHTS",
            EngineError::InvalidCheckpoint { .. } => "INVALID_CHECKPOINT",
            EngineError::FileNotFound { .. } => "FILE_NOT_FOUND",
            EngineError::FileUnreadable { .. } => "FILE_UNREADABLE",
            EngineError::WriteFailed { .. } => "WRITE_FAILED",
            EngineError::FileInUse { .. } => "BUSY",
        }
    }

    /// Where: the node, tensor, option or file.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            EngineError::InvalidDefinition { path, .. }
            | EngineError::ShapeMismatch { path, .. }
            | EngineError::NotFinite { path, .. }
            | EngineError::FileNotFound { path }
            | EngineError::FileUnreadable { path, .. }
            | EngineError::WriteFailed { path, .. }
            | EngineError::FileInUse { path, .. } => Some(path),
            EngineError::InvalidOption { option, .. } => Some(option),
            EngineError::SizeMismatch { file, .. }
            | EngineError::UnsupportedColour { file, .. }
            | EngineError::Jpeg { file, .. } => Some(file),
            EngineError::InvalidWeights { name, .. } | EngineError::InvalidCheckpoint { name, .. } => Some(name),
            EngineError::OutOfMemory { .. } => None,
        }
    }

    /// What would have been valid.
    #[must_use]
    pub fn expected(&self) -> Option<&str> {
        match self {
            EngineError::InvalidDefinition { expected, .. }
            | EngineError::ShapeMismatch { expected, .. }
            | EngineError::InvalidOption { expected, .. }
            | EngineError::SizeMismatch { expected, .. }
            | EngineError::InvalidWeights { expected, .. }
            | EngineError::InvalidCheckpoint { expected, .. } => Some(expected),
            _ => None,
        }
    }

    /// What was found instead.
    #[must_use]
    pub fn found(&self) -> Option<&str> {
        match self {
            EngineError::InvalidDefinition { found, .. }
            | EngineError::ShapeMismatch { found, .. }
            | EngineError::InvalidOption { found, .. }
            | EngineError::SizeMismatch { found, .. }
            | EngineError::UnsupportedColour { found, .. }
            | EngineError::NotFinite { found, .. }
            | EngineError::InvalidWeights { found, .. }
            | EngineError::InvalidCheckpoint { found, .. }
            | EngineError::FileUnreadable { found, .. }
            | EngineError::WriteFailed { found, .. } => Some(found),
            EngineError::FileInUse { holder, .. } => Some(holder),
            _ => None,
        }
    }
}

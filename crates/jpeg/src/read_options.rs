//! How a file is read.

use crate::limits::Limits;

/// How a file is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// What it may ask for.
    pub limits: Limits,
    /// What becomes of a file that libjpeg doubts.
    pub damage: Damage,
    /// Whether the picture counts as upright as it is stored, whatever Exif data says.
    pub ignore_orientation: bool,
}

/// What becomes of a file that libjpeg warns of: one that ends early, or whose entropy-coded data breaks its code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Damage {
    /// It is an error.
    #[default]
    Refuse,
    /// It is what libjpeg makes of it: what could not be decoded is zero, or repeats the last DC coefficient. Every warning
    /// is kept with the picture. What libjpeg cannot go on from stays an error.
    Use,
}

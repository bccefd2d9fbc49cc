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
    /// Whether coefficients that the scans of a progressive file have not given stay as they were read. Otherwise they are
    /// what libjpeg's decoder puts in their place where a file ends early: what smooths the DCs around.
    pub as_coded: bool,
}

/// What becomes of a file that libjpeg warns of: one that ends early, or whose entropy-coded data breaks its code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Damage {
    /// It is an error.
    #[default]
    Refuse,
    /// It is what libjpeg makes of it: what could not be decoded is zero, repeats the last DC coefficient, or, in a
    /// progressive file, smooths the DCs around ([`ReadOptions::as_coded`]). Every warning
    /// is kept with the picture. What libjpeg cannot go on from stays an error.
    Use,
}

//! What a file may ask for before anything is allocated for it.

/// Bounds checked against a file's header, and while its scans are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest width times height. libjpeg needs two bytes for every coefficient of every component while it decodes.
    pub pixels: u64,
    /// Most scans of a progressive file: each costs a pass over all coefficients, however few bytes it has.
    pub scans: u32,
}

impl Default for Limits {
    /// 2²⁷ pixels (134 megapixels) and 500 scans; encoders write about ten.
    fn default() -> Self {
        Limits { pixels: 1 << 27, scans: 500 }
    }
}

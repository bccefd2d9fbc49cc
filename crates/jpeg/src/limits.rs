//! What a file may ask for before anything is allocated for it, and while it is read.

/// Bounds checked against a file's header before coefficients are allocated, and while its scans are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of the file.
    pub bytes: u64,
    /// Largest width times height.
    pub pixels: u64,
    /// Most components.
    pub components: u32,
    /// Most scans: each costs a pass over coefficients, however few bytes it has.
    pub scans: u32,
    /// Most bytes for coefficients while the file is read: two for each of every block in libjpeg, and as many as the
    /// sparse form can come to.
    pub memory: u64,
    /// Most milliseconds of work, counted and not timed, so that the same files are read on every machine: what the
    /// bytes, the blocks that the scans visit and the remarks about them can cost on a core of the machine on which the
    /// costs were measured (docs/security.md), and what is done with the picture next ([`Work`](crate::Work)).
    pub work: u64,
}

impl Default for Limits {
    /// 2²⁷ bytes and pixels (134 megapixels), four components, 500 scans (encoders write about ten), 2 GiB, and a second.
    fn default() -> Self {
        Limits { bytes: 1 << 27, pixels: 1 << 27, components: 4, scans: 500, memory: 1 << 31, work: 1000 }
    }
}

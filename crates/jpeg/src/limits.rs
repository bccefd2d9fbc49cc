//! What a file may ask for before anything is allocated for it.

/// Bounds checked against a file's header before coefficients are allocated, and while its scans are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest width times height.
    pub pixels: u64,
    /// Most components.
    pub components: u32,
    /// Most scans: each costs a pass over coefficients, however few bytes it has.
    pub scans: u32,
    /// Most bytes for coefficients while the file is read: two for each of every block in libjpeg, and as many as the
    /// sparse form can come to.
    pub memory: u64,
}

impl Default for Limits {
    /// 2²⁷ pixels (134 megapixels), four components, 500 scans (encoders write about ten) and 2 GiB.
    fn default() -> Self {
        Limits { pixels: 1 << 27, components: 4, scans: 500, memory: 1 << 31 }
    }
}

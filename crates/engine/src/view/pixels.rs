//! Pictures in pixels, as a network reads them.

/// Pixels that were made for a network of their size.
#[derive(Clone, Debug, PartialEq)]
pub struct Pixels {
    /// Pixels from left to right.
    pub width: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// 1 (luma) or 3 (red, green, blue).
    pub channels: usize,
    /// `[channels, height, width]` in grey levels: 0…255, and beyond where nothing clamps.
    pub samples: Vec<f32>,
}

impl Pixels {
    /// Bytes of memory they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Pixels>() + size_of_val(&*self.samples)
    }
}

//! Filters of resampling, with Pillow's definitions (`libImaging/Resample.c`): functions of the distance in pixels of the
//! result where a picture shrinks, of the source where it grows.

/// A filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Filter {
    /// The triangle: linear interpolation where a picture grows.
    Bilinear,
    /// Keys's cubic with a = −½.
    Bicubic,
    /// The sinc within a window of three lobes.
    Lanczos,
}

impl Filter {
    /// The distance from which on it is zero.
    #[must_use]
    pub fn support(self) -> f64 {
        match self {
            Filter::Bilinear => 1.0,
            Filter::Bicubic => 2.0,
            Filter::Lanczos => 3.0,
        }
    }

    /// Its value at a distance.
    #[must_use]
    pub fn at(self, distance: f64) -> f64 {
        const A: f64 = -0.5;
        let x = distance.abs();
        if x >= self.support() {
            return 0.0;
        }
        match self {
            Filter::Bilinear => 1.0 - x,
            Filter::Bicubic if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
            Filter::Bicubic => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
            Filter::Lanczos => sinc(x) * sinc(x / 3.0),
        }
    }
}

fn sinc(x: f64) -> f64 {
    let angle = x * std::f64::consts::PI;
    if angle == 0.0 { 1.0 } else { angle.sin() / angle }
}

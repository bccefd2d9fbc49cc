//! What the components of a file stand for.

/// What the components of a file stand for, as libjpeg decides.
///
/// One component is gray. Three are YCbCr if there is a JFIF marker; else what an Adobe marker says; else RGB if their
/// identifiers are the letters R, G and B, and YCbCr in all other cases. Four are what an Adobe marker says, CMYK or YCCK,
/// and CMYK without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Colour {
    /// One component: luminance.
    Gray,
    /// Three: luminance and two chrominances, as JFIF defines them.
    YCbCr,
    /// Three: red, green and blue.
    Rgb,
    /// Four: cyan, magenta, yellow and black.
    Cmyk {
        /// Whether samples are stored inverted, 255 for no ink. Adobe's programs do so, and tell nothing of it; what is
        /// in a file is taken for inverted whether it has their marker or not, as Pillow takes it. Coefficients from
        /// elsewhere may be of inks that are not.
        inverted: bool,
    },
    /// Four: CMYK whose first three, taken for the inverse of RGB, were turned to YCbCr. Only Adobe's marker says so: samples
    /// are stored inverted.
    Ycck,
}

impl Colour {
    /// How many components.
    #[must_use]
    pub fn components(self) -> usize {
        match self {
            Colour::Gray => 1,
            Colour::YCbCr | Colour::Rgb => 3,
            Colour::Cmyk { .. } | Colour::Ycck => 4,
        }
    }

    /// Whether samples are stored inverted: 255 for no ink.
    #[must_use]
    pub fn is_inverted(self) -> bool {
        matches!(self, Colour::Cmyk { inverted: true } | Colour::Ycck)
    }

    /// Its usual name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Colour::Gray => "gray",
            Colour::YCbCr => "YCbCr",
            Colour::Rgb => "RGB",
            Colour::Cmyk { .. } => "CMYK",
            Colour::Ycck => "YCCK",
        }
    }
}

//! Changes of colour, all affine in a pixel's red, green and blue, so that any number of them is one matrix.

use super::Rgb;
use jpegnet_kernels::input::luma;

/// A change of colour, as torchvision's functions of the same names do it, but for their clamping to 0…255.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ColourOperation {
    /// Every sample times a factor.
    Brightness(f32),
    /// `factor·x + (1 − factor)·m`, m the mean luma of the picture.
    Contrast(f32),
    /// `factor·x + (1 − factor)·luma(x)`.
    Saturation(f32),
    /// Luma in all three channels.
    Gray,
}

/// `x ↦ matrix·x + offset` of red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine {
    pub(super) matrix: [[f64; 3]; 3],
    pub(super) offset: [f64; 3],
}

impl Affine {
    const IDENTITY: Affine = Affine { matrix: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], offset: [0.0; 3] };

    /// All operations, one after the other, on a picture whose mean colour is known.
    pub(super) fn of(operations: &[ColourOperation], mean: [f64; 3]) -> Affine {
        operations.iter().fold(Affine::IDENTITY, |affine, operation| affine.then(*operation, mean))
    }

    pub(super) fn apply(&self, colour: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|c| dot(self.matrix[c], colour) + self.offset[c])
    }

    fn then(self, operation: ColourOperation, mean: [f64; 3]) -> Affine {
        match operation {
            ColourOperation::Brightness(factor) => self.scaled(f64::from(factor)),
            ColourOperation::Contrast(factor) => {
                let grey = luma(self.apply(mean));
                let factor = f64::from(factor);
                let Affine { matrix, offset } = self.scaled(factor);
                Affine { matrix, offset: offset.map(|value| value + (1.0 - factor) * grey) }
            }
            ColourOperation::Saturation(factor) => self.towards_luma(f64::from(factor)),
            ColourOperation::Gray => self.towards_luma(0.0),
        }
    }

    fn scaled(self, factor: f64) -> Affine {
        let Affine { matrix, offset } = self;
        Affine { matrix: matrix.map(|row| row.map(|v| v * factor)), offset: offset.map(|v| v * factor) }
    }

    /// `factor·x + (1 − factor)·luma(x)`.
    fn towards_luma(self, factor: f64) -> Affine {
        let of_channel: [f64; 3] = std::array::from_fn(|c| luma(self.matrix.map(|row| row[c])));
        let grey = luma(self.offset);
        let scaled = self.scaled(factor);
        let matrix = scaled.matrix.map(|row| std::array::from_fn(|c| row[c] + (1.0 - factor) * of_channel[c]));
        Affine { matrix, offset: scaled.offset.map(|value| value + (1.0 - factor) * grey) }
    }
}

pub(super) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(super) fn doubles(colour: Rgb) -> [f64; 3] {
    colour.map(f64::from)
}

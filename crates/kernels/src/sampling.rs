//! How the samples of a component lie on a picture's pixels.

/// How a component's samples lie on the pixels along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sampling {
    /// True samples; those that only complete a block are nobody's pixels.
    pub samples: usize,
    /// Pixels that a sample stands for.
    pub ratio: usize,
    /// Whether a pixel is ¾ of its sample and ¼ of the neighbour nearest to it, as by libjpeg's `fancy` upsampling; it is a
    /// copy of its sample otherwise.
    pub triangle: bool,
}

impl Sampling {
    /// The vertical and the horizontal sampling of a component of a picture of `(width, height)` pixels, one sample of
    /// which stands for `(horizontal, vertical)` pixels.
    #[must_use]
    pub fn of_component(
        (width, height): (usize, usize),
        (horizontal, vertical): (usize, usize),
    ) -> (Sampling, Sampling) {
        let (rows, columns) = (height.div_ceil(vertical), width.div_ceil(horizontal));
        // libjpeg's choice (jdsample.c): its triangle filter where chroma is halved and nothing else, and not along rows
        // of one or two samples; copies everywhere else.
        let triangle = matches!((horizontal, vertical), (2, 1 | 2) | (1, 2)) && (horizontal == 1 || columns > 2);
        let along = |samples, ratio| Sampling { samples, ratio, triangle: triangle && ratio > 1 };
        (along(rows, vertical), along(columns, horizontal))
    }

    /// Samples that are the pixels themselves.
    #[must_use]
    pub fn of_pixels(pixels: usize) -> Sampling {
        Sampling { samples: pixels, ratio: 1, triangle: false }
    }

    /// The sample nearest to a pixel, of weight ¾, and the next nearest, of weight ¼; the same where samples are copied.
    #[inline(always)]
    #[must_use]
    pub fn taps(self, pixel: usize) -> (usize, usize) {
        let last = self.samples - 1;
        let near = (pixel / self.ratio).min(last);
        if !self.triangle {
            return (near, near);
        }
        (near, if pixel.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(last) })
    }
}

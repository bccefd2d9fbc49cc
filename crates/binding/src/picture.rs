//! A picture in native memory: a file's coefficients, or what was made of them.

use crate::failure::BindingFailure;
use jpegnet_engine::Features;
use jpegnet_engine::view::Pixels;
use jpegnet_jpeg::{SparseJpeg, Work};

/// A picture with its name.
#[derive(Clone)]
pub(crate) struct Picture {
    pub(crate) name: String,
    pub(crate) content: PictureContent,
    /// What it took to read it, and how much more its views may take.
    pub(crate) work: Work,
}

/// What a picture is kept as.
#[derive(Clone)]
pub(crate) enum PictureContent {
    Jpeg(SparseJpeg),
    /// A view of it.
    Pixels(Pixels),
    /// What layers that stay as they are made of it.
    Features(Features),
}

impl Picture {
    pub(crate) fn of_file(name: String, jpeg: SparseJpeg, work: Work) -> Picture {
        Picture { name, content: PictureContent::Jpeg(jpeg), work }
    }

    /// What was made of one, which takes no more work.
    pub(crate) fn made(name: String, content: PictureContent) -> Picture {
        Picture { name, content, work: Work::default() }
    }

    /// The coefficients of its file.
    pub(crate) fn jpeg(&self) -> Result<&SparseJpeg, BindingFailure> {
        match &self.content {
            PictureContent::Jpeg(jpeg) => Ok(jpeg),
            PictureContent::Pixels(_) | PictureContent::Features(_) => {
                Err(BindingFailure::invalid_option(&self.name, "the coefficients of a file", "what was made of it"))
            }
        }
    }

    /// The pixels of a view.
    pub(crate) fn pixels(&self) -> Result<&Pixels, BindingFailure> {
        match &self.content {
            PictureContent::Pixels(pixels) => Ok(pixels),
            PictureContent::Jpeg(_) | PictureContent::Features(_) => {
                Err(BindingFailure::invalid_option(&self.name, "a view", "none"))
            }
        }
    }

    /// Bytes of memory it takes, quantisation tables left out.
    pub(crate) fn bytes(&self) -> usize {
        let content = match &self.content {
            PictureContent::Jpeg(jpeg) => jpeg.bytes(),
            PictureContent::Pixels(pixels) => pixels.bytes(),
            PictureContent::Features(features) => features.bytes(),
        };
        content + self.name.len()
    }
}

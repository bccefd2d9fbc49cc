//! What happens to every picture on its way to a network.

use super::{Seed, TransformSpec, view_of};
use crate::EngineError;
use crate::view::{Pixels, Renderer, View, needs_pixels};
use jpegnet_jpeg::{JpegError, SparseJpeg, Work};
use jpegnet_kernels::Isa;

/// A list of transforms for one network.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// In their order.
    pub transforms: Vec<TransformSpec>,
    /// Channels of the network: 1 (luma) or 3.
    pub channels: usize,
    /// Whether samples and colours are clamped to 0…255 first, as a decoder to 8 bits does.
    pub clamp: bool,
    /// Whether pixels are made of pictures that need no change, too.
    pub always: bool,
}

impl Pipeline {
    /// What a network reads of a picture called `name`: its pixels, or nothing if it is to be read as it is.
    ///
    /// # Errors
    /// [`EngineError::SizeMismatch`] if the picture is too small or too large for a transform; [`EngineError::Jpeg`] if it
    /// takes more work than may be done.
    pub fn apply(
        &self,
        (isa, renderer): (Isa, &mut Renderer),
        name: &str,
        jpeg: &SparseJpeg,
        seed: Seed,
        work: &mut Work,
    ) -> Result<Option<Pixels>, EngineError> {
        let mut view = View::new(jpeg.width as usize, jpeg.height as usize);
        view.orient(jpeg.orientation);
        let mut view = view_of(name, view, &self.transforms, seed)?;
        let too_much = |error: JpegError| EngineError::Jpeg { file: name.to_owned(), error };
        let as_it_is = view.is_identity() && !self.always;
        if as_it_is && !needs_pixels(isa, jpeg, self.clamp, work).map_err(too_much)? {
            return Ok(None);
        }
        if self.clamp {
            view.clamp();
        }
        renderer.render_within(isa, jpeg, &view, self.channels, work).map(Some).map_err(too_much)
    }
}

//! What happens to every picture on its way to a network.

use super::{Seed, TransformSpec, view_of};
use crate::EngineError;
use crate::view::{Pixels, Renderer, View, needs_pixels};
use jpegnet_jpeg::SparseJpeg;
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
    /// [`EngineError::SizeMismatch`] if the picture is too small or too large for a transform.
    pub fn apply(
        &self,
        (isa, renderer): (Isa, &mut Renderer),
        name: &str,
        jpeg: &SparseJpeg,
        seed: Seed,
    ) -> Result<Option<Pixels>, EngineError> {
        let mut view = View::new(jpeg.width as usize, jpeg.height as usize);
        view.orient(jpeg.orientation);
        let mut view = view_of(name, view, &self.transforms, seed)?;
        if view.is_identity() && !self.always && !needs_pixels(isa, jpeg, self.clamp) {
            return Ok(None);
        }
        if self.clamp {
            view.clamp();
        }
        Ok(Some(renderer.render(isa, jpeg, &view, self.channels)))
    }
}

//! What pictures of one kind have in common.

use crate::colour::Colour;
use crate::sparse::{Component, SparseBlocks, SparseJpeg};
use crate::warning::Warning;
use std::sync::Arc;

/// All that is known of a picture but its coefficients and the length of its file: size, colour, components with their
/// sampling and quantisation, orientation, remarks. Pictures of one encoder share a few.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame(
    /// Without blocks.
    SparseJpeg,
);

impl Frame {
    /// The frame of a picture.
    #[must_use]
    pub fn of(jpeg: &SparseJpeg) -> Self {
        let components = jpeg.components.iter().map(|component| with_blocks(component, SparseBlocks::default()));
        Frame(SparseJpeg {
            components: components.collect(),
            file_bytes: 0,
            notes: jpeg.notes.clone(),
            warnings: jpeg.warnings.clone(),
            ..*jpeg
        })
    }

    /// What the components of its pictures stand for.
    #[must_use]
    pub fn colour(&self) -> Colour {
        self.0.colour
    }

    /// Lets every quantisation table be one that is already there, if there is an equal one.
    pub fn share_tables(&mut self, mut shared: impl FnMut(Arc<[u16; 64]>) -> Arc<[u16; 64]>) {
        for component in &mut self.0.components {
            component.quantisation = shared(Arc::clone(&component.quantisation));
        }
    }

    /// Bytes of memory it takes, quantisation tables (which frames can share) left out.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let notes = self.0.notes.iter().map(|note| note.len() + size_of::<String>());
        let warnings = self.0.warnings.iter().map(|warning| warning.message.len() + size_of::<Warning>());
        self.0.bytes() + notes.chain(warnings).sum::<usize>()
    }

    /// The picture of this frame with blocks for each grid, high and wide.
    pub(super) fn filled(&self, file_bytes: usize, mut blocks: impl FnMut(usize, usize) -> SparseBlocks) -> SparseJpeg {
        let components = self.0.components.iter();
        let components =
            components.map(|component| with_blocks(component, blocks(component.blocks_high, component.blocks_wide)));
        SparseJpeg {
            components: components.collect(),
            file_bytes,
            notes: self.0.notes.clone(),
            warnings: self.0.warnings.clone(),
            ..self.0
        }
    }
}

fn with_blocks(component: &Component, blocks: SparseBlocks) -> Component {
    Component { quantisation: Arc::clone(&component.quantisation), blocks, ..*component }
}

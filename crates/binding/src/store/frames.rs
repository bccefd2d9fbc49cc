//! What packed pictures have in common, each thing once.

use super::memory::allocated;
use jpegnet_jpeg::packed::Frame;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Frames, numbered from 0, that share their quantisation tables: files of one camera or encoder have the same.
#[derive(Default)]
pub(super) struct Frames {
    all: Vec<Arc<Frame>>,
    /// Width and height of each one's pictures.
    sizes: Vec<(u32, u32)>,
    numbers: HashMap<Arc<Frame>, u32>,
    tables: HashSet<Arc<[u16; 64]>>,
    bytes: usize,
}

impl Frames {
    /// The number of an equal frame, which may be new, of pictures of this width and height.
    pub(super) fn number_of(&mut self, mut frame: Frame, size: (u32, u32)) -> u32 {
        if let Some(&number) = self.numbers.get(&frame) {
            return number;
        }
        frame.share_tables(|table| {
            if let Some(known) = self.tables.get(&table) {
                return Arc::clone(known);
            }
            self.bytes += allocated(size_of_val(&*table) + COUNTS) + 2 * size_of::<Arc<[u16; 64]>>();
            self.tables.insert(Arc::clone(&table));
            table
        });
        // A frame in its own memory, itself and its size in lists, and with its number in the map; these have room for twice
        // as many.
        self.bytes += allocated(frame.bytes() + COUNTS) + 5 * size_of::<Arc<Frame>>() + 2 * size_of::<(u32, u32)>();
        let (frame, number) = (Arc::new(frame), u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        self.all.push(Arc::clone(&frame));
        self.sizes.push(size);
        self.numbers.insert(frame, number);
        number
    }

    /// A frame.
    pub(super) fn get(&self, number: u32) -> &Arc<Frame> {
        &self.all[number as usize]
    }

    /// Width and height of a frame's pictures.
    pub(super) fn size(&self, number: u32) -> (u32, u32) {
        self.sizes[number as usize]
    }

    /// Bytes of memory they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Bytes in which shared memory counts its owners.
const COUNTS: usize = 2 * size_of::<usize>();

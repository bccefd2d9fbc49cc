//! What packed pictures have in common, each thing once.

use super::memory::allocated;
use jpegnet_jpeg::packed::Frame;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Frames, numbered from 0, that share their quantisation tables: files of one camera or encoder have the same.
#[derive(Default)]
pub(super) struct Frames {
    all: Vec<Arc<Frame>>,
    numbers: HashMap<Arc<Frame>, u32>,
    tables: HashSet<Arc<[u16; 64]>>,
    bytes: usize,
}

impl Frames {
    /// The number of an equal frame, which may be new.
    pub(super) fn number_of(&mut self, mut frame: Frame) -> u32 {
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
        // A frame in its own memory, its number in the list, and both in the map, which has room for twice as many.
        self.bytes += allocated(frame.bytes() + COUNTS) + 5 * size_of::<Arc<Frame>>();
        let (frame, number) = (Arc::new(frame), u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        self.all.push(Arc::clone(&frame));
        self.numbers.insert(frame, number);
        number
    }

    /// A frame.
    pub(super) fn get(&self, number: u32) -> &Arc<Frame> {
        &self.all[number as usize]
    }

    /// Bytes of memory they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Bytes in which shared memory counts its owners.
const COUNTS: usize = 2 * size_of::<usize>();

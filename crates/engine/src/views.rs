//! What a chunk of images sees of the memory: buffers of one image at a time, read or written.

use crate::program::{Buffer, BufferPlace};

/// A chunk's part of a slot.
#[derive(Debug, Default)]
pub(crate) enum View<'a> {
    /// Of no concern to the stage, or lent out.
    #[default]
    Absent,
    Read(&'a [f32]),
    Write(&'a mut [f32]),
}

/// A chunk's part of every slot, and the image it is at.
#[derive(Debug)]
pub(crate) struct Views<'a> {
    places: &'a [BufferPlace],
    strides: &'a [usize],
    slots: Vec<View<'a>>,
    image: usize,
}

impl<'a> Views<'a> {
    pub(crate) fn new(places: &'a [BufferPlace], strides: &'a [usize]) -> Self {
        Views { places, strides, slots: Vec::with_capacity(strides.len()), image: 0 }
    }

    /// Adds the next slot.
    pub(crate) fn push(&mut self, view: View<'a>) {
        self.slots.push(view);
    }

    /// Turns to an image of the chunk.
    pub(crate) fn turn_to(&mut self, image: usize) {
        self.image = image;
    }

    /// The image's contents of a buffer.
    ///
    /// # Panics
    /// If the stage did not declare it.
    pub(crate) fn read(&self, buffer: Buffer) -> &[f32] {
        let BufferPlace { slot, length } = self.places[buffer.0];
        let start = self.image * self.strides[slot];
        match &self.slots[slot] {
            View::Read(memory) => &memory[start..start + length],
            View::Write(memory) => &memory[start..start + length],
            View::Absent => panic!("slot {slot} is not the stage's to read"),
        }
    }

    /// Writes the image's contents of a buffer, with the others to read.
    ///
    /// # Panics
    /// If the stage did not declare it, or reads it at the same time.
    pub(crate) fn write<R>(&mut self, buffer: Buffer, body: impl FnOnce(&mut [f32], &Self) -> R) -> R {
        let BufferPlace { slot, length } = self.places[buffer.0];
        let start = self.image * self.strides[slot];
        let View::Write(memory) = std::mem::take(&mut self.slots[slot]) else {
            panic!("slot {slot} is not the stage's to write");
        };
        let result = body(&mut memory[start..start + length], self);
        self.slots[slot] = View::Write(memory);
        result
    }
}

/// Images of a batch that one task works through, and what it writes.
#[derive(Debug)]
pub(crate) struct Chunk<'a> {
    /// Its first image.
    pub(crate) first: usize,
    /// How many images.
    pub(crate) images: usize,
    pub(crate) views: Views<'a>,
    /// Mask bits of every node that keeps them.
    pub(crate) masks: Vec<&'a mut [u32]>,
    /// Float32 sums over its images.
    pub(crate) singles: &'a mut [f32],
    /// Float64 sums over its images.
    pub(crate) doubles: &'a mut [f64],
}

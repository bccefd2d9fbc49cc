//! Packed pictures in memory, as many as a budget allows.
//!
//! Of each picture there is always an entry: its name, its frame and, if there is a budget, a fingerprint of its file. Its
//! coefficients may be given up for those of pictures used later, and are then to be read from the file again.

mod frames;
mod memory;
mod names;
mod recency;

use crate::failure::BindingFailure;
use frames::Frames;
use jpegnet_jpeg::packed::{Frame, pack};
use jpegnet_jpeg::{Colour, SparseJpeg};
use memory::{allocated, grow};
use names::Names;
use recency::Recency;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

/// What a file's bytes come to in 64 bits: other bytes come to others, but for one chance in 2⁶⁴.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        Fingerprint(hasher.finish())
    }
}

/// A picture ready to be kept.
pub(crate) struct Packed {
    pub(crate) name: String,
    frame: Frame,
    /// Width and height.
    size: (u32, u32),
    bytes: Vec<u8>,
    fingerprint: Fingerprint,
}

impl Packed {
    /// Packs the picture that a file's bytes gave.
    pub(crate) fn new(name: String, jpeg: &SparseJpeg, fingerprint: Fingerprint) -> Self {
        let size = jpeg.orientation.upright((jpeg.width, jpeg.height));
        Packed { name, frame: Frame::of(jpeg), size, bytes: pack(jpeg), fingerprint }
    }
}

/// Where a picture's coefficients are.
pub(crate) enum Kept {
    /// Here.
    Packed(Arc<Frame>, Box<[u8]>),
    /// In the file, if it has this fingerprint still.
    InFile(Fingerprint),
}

/// Packed pictures, numbered from 0.
#[derive(Default)]
pub(crate) struct Store {
    pictures: Vec<Option<Box<[u8]>>>,
    frame_of: Vec<u32>,
    names: Names,
    frames: Frames,
    /// Bytes of the packed pictures that are here.
    packed: usize,
    /// How many are not.
    given_up: usize,
    /// Bytes of the largest one, and of all, whether here or not.
    largest: usize,
    all: usize,
    limit: Option<Limit>,
}

/// What a store with a budget knows beside.
struct Limit {
    /// Most bytes in all.
    budget: usize,
    fingerprints: Vec<Fingerprint>,
    /// Of the pictures that are here.
    recency: Recency,
}

impl Store {
    /// An empty store that takes at most so many bytes, or any number.
    pub(crate) fn new(budget: Option<usize>) -> Self {
        let limit = budget.map(|budget| Limit { budget, fingerprints: Vec::new(), recency: Recency::new() });
        Store { limit, ..Store::default() }
    }

    /// How many pictures.
    pub(crate) fn len(&self) -> usize {
        self.pictures.len()
    }

    /// How many pictures' coefficients are in their files alone.
    pub(crate) fn given_up(&self) -> usize {
        self.given_up
    }

    /// Whether a picture's coefficients are in memory.
    pub(crate) fn is_here(&self, index: usize) -> bool {
        self.pictures.get(index).is_some_and(Option::is_some)
    }

    /// A picture's width and height.
    pub(crate) fn size(&self, index: usize) -> Option<(u32, u32)> {
        self.frame_of.get(index).map(|&frame| self.frames.size(frame))
    }

    /// What a picture's components stand for.
    pub(crate) fn colour(&self, index: usize) -> Option<Colour> {
        self.frame_of.get(index).map(|&frame| self.frames.get(frame).colour())
    }

    /// Bytes of memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.entries_bytes() + self.packed
    }

    /// Appends a picture, for which others may be given up; its number.
    pub(crate) fn push(&mut self, picture: Packed) -> Result<u32, BindingFailure> {
        let Packed { name, frame, size, bytes, fingerprint } = picture;
        let index = self.len();
        let number = u32::try_from(index)
            .map_err(|_| BindingFailure::new("INVALID_OPTION", "data", "fewer than 2³² pictures", "more"))?;
        self.names.push(&name)?;
        grow(&mut self.frame_of, index + 1);
        self.frame_of.push(self.frames.number_of(frame, size));
        grow(&mut self.pictures, index + 1);
        self.pictures.push(None);
        self.given_up += 1;
        self.largest = self.largest.max(allocated(bytes.len()));
        self.all += allocated(bytes.len());
        if let Some(limit) = &mut self.limit {
            grow(&mut limit.fingerprints, index + 1);
            limit.fingerprints.push(fingerprint);
            limit.recency.add();
        }
        self.keep(index, &bytes);
        Ok(number)
    }

    /// Keeps the coefficients of a picture, if need be in place of those of pictures used before.
    pub(crate) fn keep(&mut self, index: usize, bytes: &[u8]) {
        self.give_up(index);
        let takes = allocated(bytes.len());
        while let Some(budget) = self.limit.as_ref().map(|limit| limit.budget)
            && self.bytes() + takes > budget
        {
            let oldest = self.limit.as_mut().and_then(|limit| limit.recency.take_oldest());
            let Some(oldest) = oldest else { return };
            self.give_up(oldest);
        }
        self.packed += takes;
        self.given_up -= 1;
        // Copied, so that pictures lie close together and not where there was room while others were decoded.
        self.pictures[index] = Some(bytes.into());
        self.touch(index);
    }

    /// Makes a picture the one used last, if it is here.
    pub(crate) fn touch(&mut self, index: usize) {
        if let Some(limit) = &mut self.limit
            && self.pictures[index].is_some()
        {
            limit.recency.touch(index);
        }
    }

    /// A picture's name, and its coefficients or where they are.
    pub(crate) fn get(&self, index: usize) -> Result<(String, Kept), BindingFailure> {
        let picture = self.pictures.get(index).ok_or_else(|| self.no_picture(index))?;
        let kept = match (picture, &self.limit) {
            (Some(bytes), _) => Kept::Packed(Arc::clone(self.frames.get(self.frame_of[index])), bytes.clone()),
            (None, Some(limit)) => Kept::InFile(limit.fingerprints[index]),
            (None, None) => return Err(BindingFailure::panicked(&"a picture was given up without a budget")),
        };
        Ok((self.names.get(index), kept))
    }

    /// The name of a picture that there is.
    pub(crate) fn name(&self, index: usize) -> String {
        self.names.get(index)
    }

    /// All names, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        (0..self.len()).map(|index| self.names.get(index)).collect()
    }

    /// Fails if the budget does not hold all entries and any so many pictures: each may be as large as the largest.
    pub(crate) fn check_room(&self, batch: usize) -> Result<(), BindingFailure> {
        let Some(Limit { budget, .. }) = self.limit else { return Ok(()) };
        let batch = batch.min(self.len());
        let needed = self.entries_bytes() + self.all.min(batch * self.largest);
        if needed <= budget {
            return Ok(());
        }
        let pictures = self.len();
        let expected =
            format!("at least {needed} bytes, for what is known of {pictures} pictures and a batch of {batch}");
        Err(BindingFailure::new("INVALID_OPTION", "memory", &expected, &format!("{budget} bytes")))
    }

    /// Fails if there is no such picture.
    pub(crate) fn check_indices(&self, indices: &[u32]) -> Result<(), BindingFailure> {
        let wrong = indices.iter().find(|&&index| index as usize >= self.len());
        wrong.map_or(Ok(()), |&index| Err(self.no_picture(index as usize)))
    }

    /// Gives back memory for pictures that never came.
    pub(crate) fn shrink(&mut self) {
        self.pictures.shrink_to_fit();
        self.frame_of.shrink_to_fit();
        self.names.shrink();
        if let Some(limit) = &mut self.limit {
            limit.fingerprints.shrink_to_fit();
            limit.recency.shrink();
        }
    }

    fn give_up(&mut self, index: usize) {
        if let Some(bytes) = self.pictures[index].take() {
            self.packed -= allocated(bytes.len());
            self.given_up += 1;
        }
    }

    /// Bytes of all but the packed pictures.
    fn entries_bytes(&self) -> usize {
        let limit = self
            .limit
            .as_ref()
            .map_or(0, |limit| limit.fingerprints.capacity() * size_of::<Fingerprint>() + limit.recency.bytes());
        self.pictures.capacity() * size_of::<Option<Box<[u8]>>>()
            + self.frame_of.capacity() * size_of::<u32>()
            + self.names.bytes()
            + self.frames.bytes()
            + limit
    }

    fn no_picture(&self, index: usize) -> BindingFailure {
        BindingFailure::below("index", self.len(), u32::try_from(index).unwrap_or(u32::MAX))
    }
}

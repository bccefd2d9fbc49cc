//! The memory of training: slots of activations and gradients, masks, and per-chunk sums; grown, never shrunk.

use crate::EngineError;
use crate::chunks::Chunks;
use crate::program::{Program, SlotUse, Stage};
use crate::views::{Chunk, View, Views};

/// Memory of a training program for batches up to the largest seen.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    slots: Vec<Vec<f32>>,
    masks: Vec<Vec<u32>>,
    singles: Vec<f32>,
    doubles: Vec<f64>,
    adjoint: Vec<f32>,
}

impl Arena {
    /// Makes room for a batch.
    pub(crate) fn prepare(&mut self, program: &Program, batch: usize) -> Result<(), EngineError> {
        self.slots.resize_with(program.slots.len(), Vec::new);
        self.masks.resize_with(program.masks.len(), Vec::new);
        for (slot, stride) in self.slots.iter_mut().zip(&program.slots) {
            grow(slot, stride * batch)?;
        }
        for (masks, stride) in self.masks.iter_mut().zip(&program.masks) {
            grow(masks, stride * batch)?;
        }
        for stage in &program.stages {
            let chunks = Chunks::new(batch, stage.singles).count();
            grow(&mut self.singles, stage.singles * chunks)?;
            grow(&mut self.doubles, stage.doubles * chunks)?;
            grow(&mut self.adjoint, stage.adjoint)?;
        }
        Ok(())
    }

    /// Cuts everything a stage touches into chunks of images; second, its packed filters.
    pub(crate) fn chunks<'a>(
        &'a mut self,
        program: &'a Program,
        stage: &Stage,
        chunks: Chunks,
    ) -> (Vec<Chunk<'a>>, &'a [f32]) {
        let count = chunks.count();
        let mut singles = sections(&mut self.singles, stage.singles);
        let mut doubles = sections(&mut self.doubles, stage.doubles);
        let mut cut: Vec<Chunk<'a>> = (0..count)
            .map(|number| Chunk {
                first: number * chunks.images,
                images: chunks.images_of(number),
                views: Views::new(&program.places, &program.slots),
                masks: Vec::with_capacity(program.masks.len()),
                singles: singles.next().unwrap_or_default(),
                doubles: doubles.next().unwrap_or_default(),
            })
            .collect();
        for ((slot, stride), slot_use) in self.slots.iter_mut().zip(&program.slots).zip(&stage.slots) {
            match slot_use {
                SlotUse::Unused => cut.iter_mut().for_each(|chunk| chunk.views.push(View::Absent)),
                SlotUse::Read => {
                    let parts = slot.chunks(stride * chunks.images);
                    cut.iter_mut().zip(parts).for_each(|(chunk, part)| chunk.views.push(View::Read(part)));
                }
                SlotUse::Write => {
                    let parts = slot.chunks_mut(stride * chunks.images);
                    cut.iter_mut().zip(parts).for_each(|(chunk, part)| chunk.views.push(View::Write(part)));
                }
            }
        }
        for (masks, stride) in self.masks.iter_mut().zip(&program.masks) {
            let mut parts = sections(masks, stride * chunks.images);
            for chunk in &mut cut {
                chunk.masks.push(parts.next().unwrap_or_default());
            }
        }
        (cut, &self.adjoint[..stage.adjoint])
    }

    /// Where a stage's filters are packed for input gradients.
    pub(crate) fn adjoint(&mut self, stage: &Stage) -> &mut [f32] {
        &mut self.adjoint[..stage.adjoint]
    }

    /// Every chunk's sums, one after the other.
    pub(crate) fn sums(&mut self, stage: &Stage, chunks: Chunks) -> (&mut [f32], &mut [f64]) {
        let count = chunks.count();
        (&mut self.singles[..stage.singles * count], &mut self.doubles[..stage.doubles * count])
    }

    pub(crate) fn bytes(&self) -> usize {
        let floats = self.slots.iter().map(Vec::len).sum::<usize>() + self.singles.len() + self.adjoint.len();
        let words = self.masks.iter().map(Vec::len).sum::<usize>();
        size_of::<f32>() * floats + size_of::<u32>() * words + size_of::<f64>() * self.doubles.len()
    }
}

/// Lengthens with zeros; never shortens.
pub(crate) fn grow<T: Copy + Default>(memory: &mut Vec<T>, length: usize) -> Result<(), EngineError> {
    if let Some(more) = length.checked_sub(memory.len()) {
        let bytes = length.saturating_mul(size_of::<T>());
        memory.try_reserve_exact(more).map_err(|_| EngineError::OutOfMemory { bytes })?;
        memory.resize(length, T::default());
    }
    Ok(())
}

/// Parts of `length` items; none if that is 0.
fn sections<T>(memory: &mut [T], length: usize) -> impl Iterator<Item = &mut [T]> {
    // chunks_mut refuses 0; a length of 1 is never asked for then, as the memory is not touched.
    let memory = if length == 0 { &mut [] } else { memory };
    memory.chunks_mut(length.max(1))
}

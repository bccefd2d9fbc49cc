//! The memory of training: maps and gradients of the batch, masks, and what chunks add up; grown, never shrunk.

use super::program::{Place, Program, Scheduled, Stage};
use super::step::{Buffer, Step};
use crate::EngineError;
use crate::chunks::Chunks;
use crate::floats::Floats;
use jpegnet_kernels::pixels::{Order, WideRuns};
use jpegnet_kernels::{Isa, narrow_into, widen_into};
use std::ops::Range;

/// How many times as large a thread's own sums may be as those of a chunk: fewer chunks take them to gradients less often.
const SUMS_OF_THREADS: usize = 1;

/// Memory for batches up to the largest seen.
#[derive(Debug, Default)]
pub(super) struct Memory {
    slots: Vec<Floats>,
    /// Maps in 16 bits.
    narrow: Vec<Vec<u16>>,
    masks: Vec<Vec<u32>>,
    singles: Floats,
    doubles: Vec<f64>,
    /// Filters packed for the stage at hand.
    pub(super) packed: Floats,
    /// What threads share of a wide convolution.
    pub(super) wide: WideMemory,
}

/// A batch as frequencies, and products with them.
#[derive(Debug, Default)]
pub(super) struct WideMemory {
    pub(super) inputs: Floats,
    pub(super) gradients: Floats,
    pub(super) products: Floats,
}

impl Memory {
    /// Makes room for a batch.
    pub(super) fn prepare(&mut self, program: &Program, batch: usize) -> Result<(), EngineError> {
        let lengths = Lengths::of(program, batch);
        self.slots.resize_with(program.slots.len(), Floats::default);
        for (slot, length) in self.slots.iter_mut().zip(lengths.slots) {
            slot.grow(length)?;
        }
        self.narrow.resize_with(program.narrow_slots.len(), Vec::new);
        for (narrow, length) in self.narrow.iter_mut().zip(lengths.narrow) {
            grow(narrow, length)?;
        }
        self.masks.resize_with(program.masks.len(), Vec::new);
        for (masks, length) in self.masks.iter_mut().zip(lengths.masks) {
            grow(masks, length)?;
        }
        self.singles.grow(lengths.singles)?;
        grow(&mut self.doubles, lengths.doubles)?;
        self.packed.grow(lengths.packed)?;
        self.wide.inputs.grow(lengths.wide.inputs)?;
        self.wide.gradients.grow(lengths.wide.gradients)?;
        self.wide.products.grow(lengths.wide.products)
    }

    /// Cuts what a stage touches into chunks of images; second, its packed filters.
    pub(super) fn chunks<'a>(
        &'a mut self,
        program: &'a Program,
        stage: &Stage,
        chunks: Chunks,
    ) -> (Vec<Chunk<'a>>, &'a [f32]) {
        let mut singles = self.singles.chunks_mut(stage.singles.max(1));
        let mut doubles = self.doubles.chunks_mut(stage.doubles.max(1));
        let mut cut: Vec<Chunk<'a>> = (0..chunks.count())
            .map(|number| Chunk {
                first: number * chunks.images,
                images: chunks.images_of(number),
                memory: ChunkMemory::default(),
                singles: if stage.singles > 0 { singles.next().unwrap_or_default() } else { &mut [] },
                doubles: if stage.doubles > 0 { doubles.next().unwrap_or_default() } else { &mut [] },
            })
            .collect();
        for (number, slot) in self.slots.iter_mut().enumerate() {
            let length = stage.slots.iter().find(|(used, _)| *used == number).map_or(0, |(_, length)| *length);
            let mut rest: &mut [f32] = slot;
            for chunk in &mut cut {
                let (part, others) = rest.split_at_mut(length * chunk.images);
                chunk.memory.slots.push(part);
                rest = others;
            }
        }
        for (masks, length) in self.masks.iter_mut().zip(&program.masks) {
            let mut rest = masks.as_mut_slice();
            for chunk in &mut cut {
                let (part, others) = rest.split_at_mut(length * chunk.images);
                chunk.memory.masks.push(part);
                rest = others;
            }
        }
        for (narrow, length) in self.narrow.iter_mut().zip(&program.narrow_slots) {
            let mut rest = narrow.as_mut_slice();
            for chunk in &mut cut {
                let (part, others) = rest.split_at_mut(length * chunk.images);
                chunk.memory.narrow.push(part);
                rest = others;
            }
        }
        (cut, &self.packed[..stage.packed])
    }

    /// The whole batch of what a stage touches, and what threads share of a wide convolution.
    pub(super) fn whole(&mut self, stage: &Stage) -> (ChunkMemory<'_>, &mut WideMemory) {
        let touched = |number: usize| stage.slots.iter().any(|(used, _)| *used == number);
        let slots = self.slots.iter_mut().enumerate();
        let slots = slots.map(|(number, slot)| if touched(number) { &mut slot[..] } else { &mut [] }).collect();
        (ChunkMemory { slots, ..ChunkMemory::default() }, &mut self.wide)
    }

    /// A buffer that is in the arena, of so many images one after the other.
    pub(super) fn of_batch(&self, program: &Program, buffer: Buffer, images: usize) -> &[f32] {
        match program.places[buffer.0] {
            Place::Batch(slot) => &self.slots[slot][..program.length(buffer) * images],
            Place::Thread(_) | Place::Narrow(_) => unreachable!("what is kept outlives its stage, in 32 bits"),
        }
    }

    /// Every chunk's sums, one after the other.
    pub(super) fn sums(&mut self, stage: &Stage, chunks: Chunks) -> (&mut [f32], &mut [f64]) {
        let count = chunks.count();
        (&mut self.singles[..stage.singles * count], &mut self.doubles[..stage.doubles * count])
    }

    pub(super) fn bytes(&self) -> usize {
        let wide = &self.wide;
        let lengths = Lengths {
            slots: self.slots.iter().map(|slot| slot.len()).collect(),
            narrow: self.narrow.iter().map(Vec::len).collect(),
            masks: self.masks.iter().map(Vec::len).collect(),
            singles: self.singles.len(),
            doubles: self.doubles.len(),
            packed: self.packed.len(),
            wide: WideLengths {
                inputs: wide.inputs.len(),
                gradients: wide.gradients.len(),
                products: wide.products.len(),
            },
        };
        lengths.bytes()
    }
}

/// How long each piece of memory is, in elements of its own.
#[derive(Debug, Default)]
pub(super) struct Lengths {
    slots: Vec<usize>,
    narrow: Vec<usize>,
    masks: Vec<usize>,
    singles: usize,
    doubles: usize,
    packed: usize,
    wide: WideLengths,
}

#[derive(Debug, Default)]
struct WideLengths {
    inputs: usize,
    gradients: usize,
    products: usize,
}

impl Lengths {
    /// What a batch needs; more than memory can be counted as the most there can be.
    pub(super) fn of(program: &Program, batch: usize) -> Lengths {
        let of_batch = |lengths: &[usize]| lengths.iter().map(|length| length.saturating_mul(batch)).collect();
        let mut lengths = Lengths {
            slots: of_batch(&program.slots),
            narrow: of_batch(&program.narrow_slots),
            masks: of_batch(&program.masks),
            ..Lengths::default()
        };
        for stage in &program.stages {
            let chunks = chunks_of(stage, batch).count();
            lengths.singles = lengths.singles.max(stage.singles.saturating_mul(chunks));
            lengths.doubles = lengths.doubles.max(stage.doubles.saturating_mul(chunks));
            lengths.packed = lengths.packed.max(stage.packed);
            if let [Scheduled { step, .. }] = &stage.steps[..]
                && stage.wide
            {
                lengths.wide.grow(program, step, batch);
            }
        }
        lengths
    }

    pub(super) fn bytes(&self) -> usize {
        let sum = |lengths: &[usize]| lengths.iter().fold(0, |sum: usize, length| sum.saturating_add(*length));
        let WideLengths { inputs, gradients, products } = self.wide;
        let floats = [sum(&self.slots), self.singles, self.packed, inputs, gradients, products];
        [
            sum(&floats).saturating_mul(size_of::<f32>()),
            sum(&self.narrow).saturating_mul(size_of::<u16>()),
            sum(&self.masks).saturating_mul(size_of::<u32>()),
            self.doubles.saturating_mul(size_of::<f64>()),
        ]
        .into_iter()
        .fold(0, usize::saturating_add)
    }
}

impl WideLengths {
    fn grow(&mut self, program: &Program, step: &Step, batch: usize) {
        let Some(wide) = step.node().and_then(|node| program.convolution(node).wide()) else {
            return;
        };
        let WideRuns { runs, input_len, gradient_len, column_len, .. } = wide.runs(batch);
        let columns = |order| wide.panels(order).iter().map(|(_, width)| width).sum::<usize>();
        self.inputs = self.inputs.max(runs.saturating_mul(input_len));
        let columns = if let Step::Conv2dBackward { target, .. } = step {
            self.gradients = self.gradients.max(runs.saturating_mul(gradient_len));
            if target.is_some() { columns(Order::Adjoint) } else { 0 }
        } else {
            columns(Order::Forward)
        };
        self.products = self.products.max(runs.saturating_mul(column_len).saturating_mul(columns));
    }
}

/// How a batch is cut for a stage, by the batch and the network alone.
pub(super) fn chunks_of(stage: &Stage, batch: usize) -> Chunks {
    Chunks::new(batch, stage.singles.max(stage.sums / SUMS_OF_THREADS))
}

/// Images of a batch that one task works through, and what it writes.
#[derive(Debug)]
pub(super) struct Chunk<'a> {
    /// Its first image.
    pub(super) first: usize,
    /// How many images.
    pub(super) images: usize,
    pub(super) memory: ChunkMemory<'a>,
    pub(super) singles: &'a mut [f32],
    pub(super) doubles: &'a mut [f64],
}

/// A chunk's maps and masks.
#[derive(Debug, Default)]
pub(super) struct ChunkMemory<'a> {
    /// Its part of every slot; empty where the stage touches none of it.
    slots: Vec<&'a mut [f32]>,
    /// Its part of every map in 16 bits.
    narrow: Vec<&'a mut [u16]>,
    /// Mask bits of every node that keeps them.
    masks: Vec<&'a mut [u32]>,
}

/// The maps of a group of a chunk's images, in the chunk's slots and the thread's memory.
pub(super) struct Maps<'g, 'a> {
    program: &'g Program,
    chunk: &'g mut ChunkMemory<'a>,
    thread: &'g mut [f32],
    /// Images of the chunk.
    images: Range<usize>,
}

impl<'g, 'a> Maps<'g, 'a> {
    pub(super) fn new(
        program: &'g Program,
        chunk: &'g mut ChunkMemory<'a>,
        thread: &'g mut [f32],
        images: Range<usize>,
    ) -> Self {
        Maps { program, chunk, thread, images }
    }

    /// How many images.
    pub(super) fn images(&self) -> usize {
        self.images.len()
    }

    fn range(&self, buffer: Buffer) -> Range<usize> {
        let length = self.program.length(buffer);
        match self.program.places[buffer.0] {
            Place::Batch(_) | Place::Narrow(_) => self.images.start * length..self.images.end * length,
            Place::Thread(start) => start * self.images.len()..(start + length) * self.images.len(),
        }
    }

    /// The group's maps in a buffer.
    pub(super) fn read(&self, buffer: Buffer) -> &[f32] {
        let range = self.range(buffer);
        match self.program.places[buffer.0] {
            Place::Batch(slot) => &self.chunk.slots[slot][range],
            Place::Thread(_) => &self.thread[range],
            Place::Narrow(_) => unreachable!("what is kept in 16 bits is widened before it is read"),
        }
    }

    /// Writes the group's maps in a buffer, with others to read.
    pub(super) fn write<const N: usize, R>(
        &mut self,
        buffer: Buffer,
        others: [Buffer; N],
        body: impl FnOnce(&mut [f32], [&[f32]; N]) -> R,
    ) -> R {
        let range = self.range(buffer);
        match self.program.places[buffer.0] {
            Place::Batch(slot) => {
                let written = std::mem::take(&mut self.chunk.slots[slot]);
                let result = body(&mut written[range], others.map(|other| self.read(other)));
                self.chunk.slots[slot] = written;
                result
            }
            Place::Thread(_) => {
                let thread = std::mem::take(&mut self.thread);
                let (before, rest) = thread.split_at_mut(range.start);
                let (written, after) = rest.split_at_mut(range.len());
                let read = |other: Buffer| {
                    let from = self.range(other);
                    match self.program.places[other.0] {
                        Place::Batch(slot) => &self.chunk.slots[slot][from],
                        Place::Thread(_) if from.end <= range.start => &before[from],
                        Place::Thread(_) => &after[from.start - range.end..from.end - range.end],
                        Place::Narrow(_) => unreachable!("what is kept in 16 bits is widened before it is read"),
                    }
                };
                let result = body(written, others.map(read));
                self.thread = thread;
                result
            }
            Place::Narrow(_) => unreachable!("what is kept in 16 bits is narrowed after it is written"),
        }
    }

    /// Keeps the group's maps in 16 bits.
    pub(super) fn narrow(&mut self, isa: Isa, from: Buffer, to: Buffer) {
        let range = self.range(to);
        if let Place::Narrow(slot) = self.program.places[to.0] {
            let narrow = std::mem::take(&mut self.chunk.narrow[slot]);
            narrow_into(isa, self.read(from), &mut narrow[range]);
            self.chunk.narrow[slot] = narrow;
        }
    }

    /// The group's maps of 16 bits as they are computed with.
    pub(super) fn widen(&mut self, isa: Isa, from: Buffer, to: Buffer) {
        let range = self.range(from);
        if let Place::Narrow(slot) = self.program.places[from.0] {
            let narrow = std::mem::take(&mut self.chunk.narrow[slot]);
            self.write(to, [], |wide, []| widen_into(isa, &narrow[range], wide));
            self.chunk.narrow[slot] = narrow;
        }
    }

    /// Changes the group's maps in a buffer in place, with the masks that a node keeps of its images.
    pub(super) fn write_masked<R>(
        &mut self,
        buffer: Buffer,
        node: usize,
        body: impl FnOnce(&mut [f32], &mut [u32]) -> R,
    ) -> R {
        self.write_with_masks(buffer, [], node, |maps, [], masks| body(maps, masks))
    }

    /// The same with others to read.
    pub(super) fn write_with_masks<const N: usize, R>(
        &mut self,
        buffer: Buffer,
        others: [Buffer; N],
        node: usize,
        body: impl FnOnce(&mut [f32], [&[f32]; N], &mut [u32]) -> R,
    ) -> R {
        let length = self.program.masks[node];
        let range = self.images.start * length..self.images.end * length;
        let masks = std::mem::take(&mut self.chunk.masks[node]);
        let result = self.write(buffer, others, |maps, others| body(maps, others, &mut masks[range]));
        self.chunk.masks[node] = masks;
        result
    }
}

/// Lengthens with zeros; never shortens.
fn grow<T: Copy + Default>(memory: &mut Vec<T>, length: usize) -> Result<(), EngineError> {
    if let Some(more) = length.checked_sub(memory.len()) {
        let bytes = length.saturating_mul(size_of::<T>());
        memory.try_reserve_exact(more).map_err(|_| EngineError::OutOfMemory { bytes })?;
        memory.resize(length, T::default());
    }
    Ok(())
}

//! Memory for maps and filters that begins with a line of the cache: a vector that lies across two costs twice.

use crate::EngineError;
use std::ops::{Deref, DerefMut};

/// Bytes of a line of the cache, and of the widest vector.
const LINE: usize = 64;

/// Floats whose first lies at the beginning of a line.
#[derive(Debug, Default)]
pub(crate) struct Floats {
    memory: Vec<f32>,
    start: usize,
    length: usize,
}

impl Floats {
    /// Zeros.
    pub(crate) fn zeros(length: usize) -> Result<Floats, EngineError> {
        let slack = LINE / size_of::<f32>();
        let mut memory = Vec::new();
        memory
            .try_reserve_exact(length + slack)
            .map_err(|_| EngineError::OutOfMemory { bytes: size_of::<f32>().saturating_mul(length) })?;
        memory.resize(length + slack, 0.0f32);
        let start = memory.as_ptr().align_offset(LINE);
        // The alignment is never impossible for floats; without it everything still works.
        let start = if start <= slack { start } else { 0 };
        Ok(Floats { memory, start, length })
    }

    /// Makes room for at least `length` floats; what was there is lost if that takes new memory.
    pub(crate) fn grow(&mut self, length: usize) -> Result<(), EngineError> {
        if length > self.length {
            // The old memory first, so that both never exist together.
            *self = Floats::default();
            *self = Floats::zeros(length)?;
        }
        Ok(())
    }
}

/// So many zeros.
pub(crate) fn zeros(length: usize) -> Result<Vec<f32>, EngineError> {
    let mut zeros = Vec::new();
    let bytes = size_of::<f32>().saturating_mul(length);
    zeros.try_reserve_exact(length).map_err(|_| EngineError::OutOfMemory { bytes })?;
    zeros.resize(length, 0.0);
    Ok(zeros)
}

impl Deref for Floats {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.memory[self.start..self.start + self.length]
    }
}

impl DerefMut for Floats {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.memory[self.start..self.start + self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::{Floats, zeros};
    use crate::EngineError;

    #[test]
    fn memory_begins_with_a_line_and_grows() {
        let mut floats = Floats::default();
        for length in [1, 100, 50, 1000] {
            floats.grow(length).unwrap();
            assert!(floats.len() >= length);
            assert_eq!(floats.as_ptr() as usize % 64, 0);
            assert!(floats.iter().all(|&value| value == 0.0));
        }
    }

    #[test]
    fn memory_that_cannot_be_had_is_an_error() {
        for length in [1 << 58, 1 << 60] {
            let expected = EngineError::OutOfMemory { bytes: length * size_of::<f32>() };
            assert_eq!(zeros(length).unwrap_err(), expected);
            assert_eq!(Floats::zeros(length).unwrap_err(), expected);
        }
    }
}

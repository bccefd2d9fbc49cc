//! How a batch is cut for parallel work: by the batch and the layer alone, never by the number of threads.

/// Chunks of a batch, at most: enough to keep some cores busy, few enough to add up their sums cheaply.
const MOST_CHUNKS: usize = 16;

/// Floats that all chunks' sums may take together: big filters get fewer chunks.
const MOST_SUMS: usize = 1 << 24;

/// A batch cut into chunks of images, the last one perhaps shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunks {
    batch: usize,
    /// Images in a chunk.
    pub(crate) images: usize,
}

impl Chunks {
    /// Cuts a batch for work that adds up `sums` floats a chunk.
    pub(crate) fn new(batch: usize, sums: usize) -> Chunks {
        let affordable = (MOST_SUMS / sums.max(1)).clamp(2, MOST_CHUNKS);
        // A power of two, so that as many threads get equal shares.
        Chunks { batch, images: batch.div_ceil(1 << affordable.ilog2()) }
    }

    pub(crate) fn count(self) -> usize {
        self.batch.div_ceil(self.images)
    }

    /// Images in chunk `number`.
    pub(crate) fn images_of(self, number: usize) -> usize {
        self.images.min(self.batch - number * self.images)
    }
}

#[cfg(test)]
mod tests {
    use super::Chunks;

    #[test]
    fn chunks_cover_the_batch_once_and_none_is_empty() {
        for batch in 1..100 {
            for sums in [0, 1000, 1 << 21, 1 << 30] {
                let chunks = Chunks::new(batch, sums);
                let images: Vec<usize> = (0..chunks.count()).map(|number| chunks.images_of(number)).collect();
                assert_eq!(images.iter().sum::<usize>(), batch);
                assert!(images.iter().all(|&images| images > 0) && images.len() <= 16);
            }
        }
    }
}

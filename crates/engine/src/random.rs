//! Random numbers that are the same on every machine: `ChaCha8` streams named by what they are for.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rand_distr::{Beta, Distribution};

const PERMUTATIONS: u64 = 1;
const INITIAL_VALUES: u64 = 2;
const TRANSFORMS: u64 = 3;
const MIXES: u64 = 4;

/// The order in which an epoch visits `length` images: a Fisher–Yates shuffle of 0…length − 1 drawn from `ChaCha8`, the
/// same for the same seed and epoch on every machine.
///
/// # Panics
/// If `length` does not fit 32 bits.
#[must_use]
pub fn permutation(length: usize, seed: u64, epoch: u64) -> Vec<u32> {
    let length = u32::try_from(length).expect("a set of images is counted in 32 bits");
    let mut order: Vec<u32> = (0..length).collect();
    let mut stream = stream(seed, PERMUTATIONS, [epoch, 0]);
    for last in (1..length).rev() {
        order.swap(last as usize, up_to(&mut stream, last) as usize);
    }
    order
}

/// The stream a parameter's first values are drawn from; `number` tells the parameters of one network apart.
pub(crate) fn initial_stream(seed: u64, number: u64) -> ChaCha8Rng {
    stream(seed, INITIAL_VALUES, [number, 0])
}

/// What the transforms of a picture are drawn from; every picture of every epoch has a stream of its own.
pub(crate) fn transform_stream(seed: u64, epoch: u64, picture: u64) -> Draws {
    Draws(stream(seed, TRANSFORMS, [epoch, picture]))
}

/// What the mixing of a batch is drawn from, by the epoch and the batch's first picture in its order.
pub(crate) fn mix_stream(seed: u64, epoch: u64, start: u64) -> Draws {
    Draws(stream(seed, MIXES, [epoch, start]))
}

/// Numbers of a stream.
#[derive(Debug)]
pub(crate) struct Draws(ChaCha8Rng);

impl Draws {
    /// Uniform in [0, 1).
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub(crate) fn share(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform between two values.
    pub(crate) fn between(&mut self, [least, most]: [f64; 2]) -> f64 {
        least + (most - least) * self.share()
    }

    /// True with a probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// Uniform in 0…last, both included.
    ///
    /// # Panics
    /// If `last` does not fit 32 bits.
    pub(crate) fn up_to(&mut self, last: usize) -> usize {
        up_to(&mut self.0, u32::try_from(last).expect("choices are counted in 32 bits")) as usize
    }

    /// From a Beta(α, α) distribution.
    pub(crate) fn beta(&mut self, alpha: f64) -> f64 {
        // No α of a checked spec is refused; ½ is the mean of all of them.
        Beta::new(alpha, alpha).map_or(0.5, |beta| beta.sample(&mut self.0))
    }
}

fn stream(seed: u64, purpose: u64, numbers: [u64; 2]) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (key, part) in key.chunks_exact_mut(8).zip([seed, purpose, numbers[0], numbers[1]]) {
        key.copy_from_slice(&part.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// Uniform in 0…last, both included: the upper half of a 64-bit product, drawn again where it would be biased.
fn up_to(stream: &mut ChaCha8Rng, last: u32) -> u32 {
    let choices = u64::from(last) + 1;
    let biased = (1u64 << 32) % choices;
    loop {
        let product = u64::from(stream.next_u32()) * choices;
        if product & u64::from(u32::MAX) >= biased {
            return (product >> 32) as u32;
        }
    }
}

//! Random numbers that are the same on every machine: `ChaCha8` streams named by what they are for.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const PERMUTATIONS: u64 = 1;
const INITIAL_VALUES: u64 = 2;

/// The order in which an epoch visits `length` images: a Fisher–Yates shuffle of 0…length − 1 drawn from `ChaCha8`, the
/// same for the same seed and epoch on every machine.
///
/// # Panics
/// If `length` does not fit 32 bits.
#[must_use]
pub fn permutation(length: usize, seed: u64, epoch: u64) -> Vec<u32> {
    let length = u32::try_from(length).expect("a set of images is counted in 32 bits");
    let mut order: Vec<u32> = (0..length).collect();
    let mut stream = stream(seed, PERMUTATIONS, epoch);
    for last in (1..length).rev() {
        order.swap(last as usize, up_to(&mut stream, last) as usize);
    }
    order
}

/// The stream a parameter's first values are drawn from; `number` tells the parameters of one network apart.
pub(crate) fn initial_stream(seed: u64, number: u64) -> ChaCha8Rng {
    stream(seed, INITIAL_VALUES, number)
}

fn stream(seed: u64, purpose: u64, number: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&purpose.to_le_bytes());
    key[16..24].copy_from_slice(&number.to_le_bytes());
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

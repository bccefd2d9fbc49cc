//! Moving averages.

use crate::isa::Isa;

/// `average += share·(value − average)`, element by element; a share of 1 − decay makes an exponential moving average. What
/// equals its value stays so, to the bit.
///
/// # Panics
/// If the slices differ in length.
pub fn move_towards(isa: Isa, average: &mut [f32], values: &[f32], share: f32) {
    assert_eq!(average.len(), values.len(), "an average of every value");
    isa.vectorise(
        #[inline(always)]
        || {
            for (average, value) in average.iter_mut().zip(values) {
                *average += share * (value - *average);
            }
        },
    );
}

//! What is measured of gradients and done to them before an update.

use crate::isa::Isa;

/// Partial sums that are added up side by side.
const LANES: usize = 16;

/// Σ value², in float64; the same bits on every instruction set. Not finite if a value is not, and only then.
#[must_use]
pub fn sum_of_squares(isa: Isa, values: &[f32]) -> f64 {
    let mut sums = [0.0; LANES];
    let (whole, rest) = values.as_chunks::<LANES>();
    isa.vectorise(
        #[inline(always)]
        || {
            for values in whole {
                for (sum, &value) in sums.iter_mut().zip(values) {
                    *sum += f64::from(value) * f64::from(value);
                }
            }
        },
    );
    for (sum, &value) in sums.iter_mut().zip(rest) {
        *sum += f64::from(value) * f64::from(value);
    }
    sums.iter().sum()
}

/// `value *= factor`, element by element.
pub fn scale_in_place(isa: Isa, values: &mut [f32], factor: f32) {
    isa.vectorise(
        #[inline(always)]
        || {
            for value in values {
                *value *= factor;
            }
        },
    );
}

/// Every value brought into −limit…limit.
///
/// # Panics
/// If the limit is below 0 or not a number.
pub fn clamp_in_place(isa: Isa, values: &mut [f32], limit: f32) {
    assert!(limit >= 0.0, "a limit of at least 0");
    isa.vectorise(
        #[inline(always)]
        || {
            for value in values {
                *value = value.clamp(-limit, limit);
            }
        },
    );
}

//! Addition of feature maps: addition of their coefficients.

use crate::isa::Isa;

/// `sum += term`, element by element; any units, as long as both have the same.
///
/// # Panics
/// If the slices differ in length.
pub fn add_in_place(isa: Isa, sum: &mut [f32], term: &[f32]) {
    assert_eq!(sum.len(), term.len(), "the terms of a sum are equally long");
    isa.vectorise(
        #[inline(always)]
        || {
            for (sum, term) in sum.iter_mut().zip(term) {
                *sum += term;
            }
        },
    );
}

//! Maps kept in 16 bits: the upper half of a float32 (bfloat16), rounded to the nearest, ties to even.

use crate::isa::Isa;

/// Rounds values to 16 bits: within 2⁻⁸ of each, relatively; infinities and what is not a number stay so.
///
/// # Panics
/// If the slices differ in length.
pub fn narrow_into(isa: Isa, values: &[f32], narrow: &mut [u16]) {
    assert_eq!(values.len(), narrow.len(), "one for each");
    isa.vectorise(
        #[inline(always)]
        || {
            for (narrow, value) in narrow.iter_mut().zip(values) {
                let bits = value.to_bits();
                let rounded = bits.wrapping_add(0x7FFF + (bits >> 16 & 1));
                // Rounding must not carry a not-a-number into the sign.
                let bits = if value.is_nan() { bits | 0x0040_0000 } else { rounded };
                *narrow = (bits >> 16) as u16;
            }
        },
    );
}

/// The values that [`narrow_into`] rounded to.
///
/// # Panics
/// If the slices differ in length.
pub fn widen_into(isa: Isa, narrow: &[u16], values: &mut [f32]) {
    assert_eq!(values.len(), narrow.len(), "one for each");
    isa.vectorise(
        #[inline(always)]
        || {
            for (value, &narrow) in values.iter_mut().zip(narrow) {
                *value = f32::from_bits(u32::from(narrow) << 16);
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::{narrow_into, widen_into};
    use crate::isa::Isa;

    #[test]
    fn values_are_rounded_to_the_nearest_of_sixteen_bits_on_every_isa() {
        let values: Vec<f32> = (0..1000u16)
            .map(|number| (f32::from(number) - 500.0) * 1.003_f32.powi(i32::from(number)))
            .chain([0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1.003_906_3, 1.011_718_8])
            .collect();
        for isa in Isa::available() {
            let mut narrow = vec![0; values.len()];
            narrow_into(isa, &values, &mut narrow);
            let mut wide = vec![0.0; values.len()];
            widen_into(isa, &narrow, &mut wide);
            for (value, wide) in values.iter().zip(&wide) {
                let close = (value - wide).abs() <= value.abs() / 256.0;
                let same = value.to_bits() == wide.to_bits() || (value.is_nan() && wide.is_nan());
                assert!(close || same, "{value} {wide} on {isa:?}");
            }
            // Ties go to the even one: 1 + 2⁻⁸ down, 1 + 3·2⁻⁸ up.
            assert_eq!(wide[values.len() - 2..], [1.0, 1.015_625]);
        }
    }
}

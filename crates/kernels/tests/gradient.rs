//! What is measured of gradients and done to them, and moving averages, against their formulas in float64.

mod support;

use jpegnet_kernels::{Isa, clamp_in_place, move_towards, scale_in_place, sum_of_squares};
use support::{Random, doubles, singles};

#[test]
fn the_sum_of_squares_is_the_formulas_and_the_same_bits_on_every_instruction_set() {
    for length in [0, 1, 15, 16, 77, 1000] {
        let values = singles(&Random(length as u64).normals(length));
        let expected: f64 = doubles(&values).iter().map(|value| value * value).sum();
        let scalar = sum_of_squares(Isa::SCALAR, &values);
        assert!((scalar - expected).abs() <= 1e-12 * expected);
        for isa in Isa::available() {
            assert_eq!(sum_of_squares(isa, &values).to_bits(), scalar.to_bits(), "{}", isa.name());
        }
    }
}

#[test]
fn the_sum_of_squares_is_finite_exactly_if_all_values_are() {
    for isa in Isa::available() {
        assert!(sum_of_squares(isa, &[f32::MAX; 1000]).is_finite());
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for position in [0, 16, 36] {
                let mut values = [1.0; 37];
                values[position] = bad;
                assert!(!sum_of_squares(isa, &values).is_finite(), "{bad} at {position}");
            }
        }
    }
}

#[test]
fn scaling_clamping_and_averaging_do_what_they_say_to_every_element() {
    let values = singles(&Random(3).normals(77));
    let others = singles(&Random(4).normals(77));
    for isa in Isa::available() {
        let [mut scaled, mut clamped, mut averaged] = [values.clone(), values.clone(), values.clone()];
        scale_in_place(isa, &mut scaled, 0.25);
        clamp_in_place(isa, &mut clamped, 0.5);
        move_towards(isa, &mut averaged, &others, 0.1);
        for (index, value) in values.iter().enumerate() {
            assert_eq!(scaled[index].to_bits(), (0.25 * value).to_bits());
            assert_eq!(clamped[index].to_bits(), value.clamp(-0.5, 0.5).to_bits());
            let expected = 0.9 * f64::from(*value) + 0.1 * f64::from(others[index]);
            assert!((f64::from(averaged[index]) - expected).abs() < 1e-6);
        }
        let mut equal = values.clone();
        move_towards(isa, &mut equal, &values, 0.9);
        assert_eq!(equal, values, "an average of what it equals stays");
    }
}

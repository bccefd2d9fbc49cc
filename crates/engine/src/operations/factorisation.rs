//! How a convolution is computed: what a definition can ask for, and what a plan calls it.

use crate::spec::PLANNERS_CHOICE;
use jpegnet_kernels::Factorisation;
use jpegnet_kernels::pixels::{ConvShape, Method};

/// Names of factorisations: what trains, and what a definition asks of inference.
pub(super) const NAMED: [(&str, Option<Factorisation>, Wanted); 8] = [
    (PLANNERS_CHOICE, None, Wanted::Any),
    ("winograd", None, Wanted::Pixels(Method::Winograd4)),
    ("diagonalised", None, Wanted::Diagonalised),
    ("winograd2", None, Wanted::Pixels(Method::Winograd2)),
    ("scatter", None, Wanted::Scatter),
    ("pointwise", Some(Factorisation::Pointwise), Wanted::Pixels(Method::Pointwise)),
    ("sandwich", Some(Factorisation::Sandwich), Wanted::Pixels(Method::Direct)),
    ("exploded", Some(Factorisation::Exploded), Wanted::Coefficients),
];

/// What a definition asks of a convolution's computation at inference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The planner's choice.
    Any,
    /// A method on pixels.
    Pixels(Method),
    /// The diagonalised explosion.
    Diagonalised,
    /// Straight from quantised coefficients.
    Scatter,
    /// Ξ on coefficients, by the factorisation that training uses.
    Coefficients,
}

impl Wanted {
    /// The same for a shape: of a family of methods, its member for that filter and stride. Nothing if there is none.
    pub(crate) fn of_shape(self, shape: &ConvShape) -> Option<Wanted> {
        let family: &[Method] = match self {
            Wanted::Pixels(Method::Winograd4) => &[
                Method::Winograd4,
                Method::Winograd4Stride2,
                Method::Winograd5,
                Method::Winograd5Stride2,
                Method::Winograd7Stride2,
            ],
            Wanted::Pixels(Method::Winograd2) => &[Method::Winograd2, Method::Winograd2Stride2],
            Wanted::Pixels(ref method) => std::slice::from_ref(method),
            other => return Some(other),
        };
        family.iter().copied().find(|method| method.takes(shape)).map(Wanted::Pixels)
    }
}

/// The name of a method.
pub(crate) fn method_name(method: Method) -> &'static str {
    match method {
        Method::Winograd4
        | Method::Winograd4Stride2
        | Method::Winograd5
        | Method::Winograd5Stride2
        | Method::Winograd7Stride2 => "winograd",
        Method::Winograd2 | Method::Winograd2Stride2 => "winograd2",
        Method::Pointwise => "pointwise",
        Method::Direct => "sandwich",
    }
}

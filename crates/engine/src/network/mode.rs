//! How a network computes its maps: as its definition says, or in another mode for one prediction.

use crate::EngineError;
use crate::operations::Operation;
use crate::plan::Plan;
use crate::spec::{ALL_FREQUENCIES, MaskingSpec};
use jpegnet_kernels::Masking;

/// How every map of one prediction is computed, instead of as the definition says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InferenceMode {
    /// All frequencies, pieces of nonlinearities picked from the whole signal: what pixels would give.
    Exact,
    /// All frequencies, pieces of nonlinearities picked from the lowest.
    Approximated {
        /// The paper's ASM or APX.
        masking: MaskingSpec,
        /// φ, 1…15.
        frequencies: usize,
    },
    /// Every feature map keeps its frequencies `α + β < φ`; nonlinearities are exact on the truncated signal.
    BandLimited {
        /// φ, 1…15.
        frequencies: usize,
    },
}

impl InferenceMode {
    /// Refuses what makes no sense.
    pub(super) fn validate(self) -> Result<(), EngineError> {
        let invalid = |option: &str, expected: &str, found: String| {
            Err(EngineError::InvalidOption { option: option.into(), expected: expected.into(), found })
        };
        match self {
            InferenceMode::Approximated { masking: MaskingSpec::Exact, .. } => {
                invalid("masking", "asm or apx", MaskingSpec::Exact.name().into())
            }
            InferenceMode::Approximated { frequencies, .. } | InferenceMode::BandLimited { frequencies }
                if !(1..=ALL_FREQUENCIES).contains(&frequencies) =>
            {
                invalid("frequencies", "a whole number from 1 to 15", frequencies.to_string())
            }
            _ => Ok(()),
        }
    }
}

/// How every node masks, as defined or in a mode of its own; exact for nodes that mask nothing.
pub(crate) fn maskings(plan: &Plan, mode: Option<InferenceMode>) -> Vec<Masking> {
    let masking = |operation: &Operation| {
        let Operation::PiecewiseLinear { masking, frequencies, .. } = operation else {
            return Masking::Exact;
        };
        match mode {
            None => kernel_masking(*masking, *frequencies),
            Some(InferenceMode::Exact | InferenceMode::BandLimited { .. }) => Masking::Exact,
            Some(InferenceMode::Approximated { masking, frequencies }) => kernel_masking(masking, frequencies),
        }
    };
    plan.nodes.iter().map(|node| masking(&node.operation)).collect()
}

/// φ that every map is truncated to, as defined or in a mode of its own; none if all frequencies are kept.
pub(crate) fn band(plan: &Plan, mode: Option<InferenceMode>) -> Option<usize> {
    match mode {
        None => plan.band,
        Some(InferenceMode::Exact | InferenceMode::Approximated { .. }) => None,
        Some(InferenceMode::BandLimited { frequencies }) => (frequencies < ALL_FREQUENCIES).then_some(frequencies),
    }
}

fn kernel_masking(masking: MaskingSpec, frequencies: usize) -> Masking {
    match masking {
        // All frequencies are the whole signal.
        _ if frequencies == ALL_FREQUENCIES => Masking::Exact,
        MaskingSpec::Exact => Masking::Exact,
        MaskingSpec::Asm => Masking::Approximated { frequencies },
        MaskingSpec::Apx => Masking::Truncated { frequencies },
    }
}

//! The definition of a network as it crosses the border: plain data, not yet checked.

use crate::EngineError;
use jpegnet_kernels::{Breakpoint, PiecewiseLinear, SIDE};
use serde::{Deserialize, Serialize};

/// The name that leaves a factorisation to the planner.
pub(crate) const PLANNERS_CHOICE: &str = "auto";

/// Diagonals of a block: every frequency α + β from 0 to 14.
pub(crate) const ALL_FREQUENCIES: usize = 2 * SIDE - 1;

/// A network: its input and its nodes in an order in which each uses earlier values only.
///
/// Values are numbered: 0 is the input, node i makes value i + 1. The last node's value is the class logits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkSpec {
    /// What goes in.
    pub input: InputSpec,
    /// What is computed.
    pub nodes: Vec<NodeSpec>,
    /// φ, 1…15: every feature map but the input keeps only its frequencies `α + β < φ`; none is the exact network, as
    /// is 15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub band: Option<usize>,
}

impl NetworkSpec {
    /// Reads a definition from JSON.
    ///
    /// # Errors
    /// [`EngineError::InvalidDefinition`] if the text is not JSON or not of this form.
    pub fn from_json(json: &str) -> Result<Self, EngineError> {
        serde_json::from_str(json).map_err(|error| EngineError::InvalidDefinition {
            path: "network".into(),
            expected: "a definition of a network as JSON".into(),
            found: error.to_string(),
        })
    }
}

/// The pictures a network takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InputSpec {
    /// 1 (luma) or 3 (RGB).
    pub channels: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// Pixels from left to right.
    pub width: usize,
    /// Subtracted, per channel, of samples in 0…1.
    pub mean: Vec<f32>,
    /// Divided by, per channel.
    pub std: Vec<f32>,
}

/// One operation on earlier values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeSpec {
    /// `PyTorch`'s module path, which names the parameters (`layer1.0.conv1`).
    pub path: String,
    /// Numbers of the values it takes.
    pub inputs: Vec<usize>,
    /// What it does.
    pub operation: OperationSpec,
}

/// What a node does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "type", deny_unknown_fields)]
pub enum OperationSpec {
    /// Convolution with a square filter.
    Conv2d {
        /// Output channels.
        channels: usize,
        /// Input channels, checked if given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input_channels: Option<usize>,
        /// Side of the filter, pixels.
        size: usize,
        /// 1 or 2.
        stride: usize,
        /// Zero pixels around the input.
        padding: usize,
        /// Whether a bias is added.
        bias: bool,
        /// How it is computed at inference: `auto`, `winograd`, `winograd2`, `pointwise`, `sandwich` or `exploded`.
        #[serde(default = "planners_choice")]
        factorisation: String,
    },
    /// Batch normalisation.
    BatchNorm {
        /// Added to the variance.
        epsilon: f32,
        /// Weight of a new batch in the running statistics.
        momentum: f32,
        /// Channels, checked if given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channels: Option<usize>,
    },
    /// `f(x) = slope·x + intercept + Σ_j [x > at_j]·(slope_change_j·x + intercept_change_j)`.
    PiecewiseLinear {
        /// Slope of the first piece.
        slope: f32,
        /// Intercept of the first piece.
        intercept: f32,
        /// Where pieces end.
        breakpoints: Vec<BreakpointSpec>,
        /// From which signal the pieces are picked.
        masking: MaskingSpec,
        /// φ, 1…15; of no effect if the masking is exact.
        #[serde(default = "all_frequencies")]
        frequencies: usize,
    },
    /// Sum of two or more values.
    Add {},
    /// The largest pixel of each window; pixels of the padding never win.
    MaxPool {
        /// Side of the window, pixels.
        size: usize,
        /// Pixels from one window to the next.
        stride: usize,
        /// Pixels around the input, fewer than the window's side.
        padding: usize,
        /// Whether a last window that lies beyond the padding in part is one, too.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        ceil: bool,
    },
    /// The mean of each window.
    AveragePool {
        /// Side of the window, pixels.
        size: usize,
        /// Pixels from one window to the next.
        stride: usize,
        /// Pixels around the input, fewer than the window's side.
        padding: usize,
        /// Whether pixels of the padding count as zeros.
        counts_padding: bool,
    },
    /// Every stride-th pixel, and zero channels up to `channels`, half of them before the others (the shortcut without
    /// parameters, option A of He et al. 2016).
    Subsample {
        /// Pixels of the input from one output pixel to the next.
        stride: usize,
        /// Channels out, at least those in.
        channels: usize,
    },
    /// Mean of each channel's pixels.
    GlobalAveragePool {},
    /// A linear layer.
    Linear {
        /// Outputs.
        features: usize,
        /// Inputs, checked if given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input_features: Option<usize>,
        /// Whether a bias is added.
        bias: bool,
    },
}

/// Where a piecewise-linear function changes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BreakpointSpec {
    /// The last x of the piece before.
    pub at: f32,
    /// Added to the slope beyond.
    pub slope_change: f32,
    /// Added to the intercept beyond.
    pub intercept_change: f32,
}

/// From which signal a nonlinearity picks its pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MaskingSpec {
    /// The whole signal.
    Exact,
    /// The lowest frequencies (the paper's ASM).
    Asm,
    /// The lowest frequencies, which also give the values (the paper's APX).
    Apx,
}

impl MaskingSpec {
    /// `exact`, `asm` or `apx`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            MaskingSpec::Exact => "exact",
            MaskingSpec::Asm => "asm",
            MaskingSpec::Apx => "apx",
        }
    }

    /// The masking named so, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [MaskingSpec::Exact, MaskingSpec::Asm, MaskingSpec::Apx].into_iter().find(|masking| masking.name() == name)
    }
}

fn planners_choice() -> String {
    PLANNERS_CHOICE.into()
}

const fn all_frequencies() -> usize {
    ALL_FREQUENCIES
}

/// A function as the kernels take it.
pub(crate) fn piecewise_linear(slope: f32, intercept: f32, breakpoints: &[BreakpointSpec]) -> PiecewiseLinear {
    let breakpoints = breakpoints
        .iter()
        .map(|spec| Breakpoint {
            at: spec.at,
            slope_change: spec.slope_change,
            intercept_change: spec.intercept_change,
        })
        .collect();
    PiecewiseLinear { slope, intercept, breakpoints }
}

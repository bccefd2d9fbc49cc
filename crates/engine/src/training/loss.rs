//! Softmax cross-entropy, the mean over the batch.

/// What the loss compares with, and what its gradient is of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LossTarget {
    /// Share of the target that all classes have alike.
    pub(crate) label_smoothing: f32,
    /// Images whose mean loss the gradients are of: the batch, or all batches of a step.
    pub(crate) images: usize,
}

/// What a batch lost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BatchLoss {
    /// The mean over the batch.
    pub(crate) mean: f64,
    /// Images whose largest logit is their label's.
    pub(crate) correct: usize,
}

impl BatchLoss {
    /// From the sums of losses and of correct answers over a batch.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of images in a batch is exact in float64"
    )]
    pub(super) fn from_sums(sums: &[f64], batch: usize) -> BatchLoss {
        BatchLoss { mean: sums[0] / batch as f64, correct: sums[1] as usize }
    }
}

//! Softmax cross-entropy, the mean over the batch.

use super::Pass;
use crate::program::{Buffer, Scheduled};
use crate::views::Chunk;
use jpegnet_kernels::softmax_cross_entropy;

/// What the loss compares with, and what its gradient is of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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

pub(super) fn loss(
    pass: &Pass,
    scheduled: &Scheduled,
    chunk: &mut Chunk,
    image: usize,
    logits: Buffer,
    gradient: Buffer,
) {
    let number = chunk.first + image;
    let labels = &pass.labels[number..=number];
    #[expect(clippy::cast_precision_loss, reason = "no step has 2^24 images")]
    let scale = 1.0 / pass.target.images as f32;
    let loss = chunk.views.write(gradient, |gradient, views| {
        let logits = views.read(logits);
        softmax_cross_entropy(logits, logits.len(), labels, pass.target.label_smoothing, Some((gradient, scale)))
    });
    chunk.doubles[scheduled.doubles] += loss.sum;
    #[expect(clippy::cast_precision_loss, reason = "a count of 0 or 1")]
    {
        chunk.doubles[scheduled.doubles + 1] += loss.correct as f64;
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of images in a batch is exact in float64"
)]
pub(crate) fn finish(sums: &[f64], batch: usize) -> BatchLoss {
    BatchLoss { mean: sums[0] / batch as f64, correct: sums[1] as usize }
}

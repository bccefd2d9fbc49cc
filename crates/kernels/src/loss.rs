//! Softmax cross-entropy, in float64 inside.

use std::ops::Range;

/// What one batch of logits lost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loss {
    /// Σ over rows of the cross-entropy; not finite if a logit is not.
    pub sum: f64,
    /// Rows whose largest logit is the label's (the first of equals counts), of mixed ones that of the larger share.
    pub correct: usize,
}

/// Labels of some rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Labels<'a> {
    /// The class of each row.
    pub own: &'a [u32],
    /// The class of what each row was mixed with, and the share of its own.
    pub mixed: Option<(&'a [u32], f32)>,
}

impl<'a> From<&'a [u32]> for Labels<'a> {
    fn from(own: &'a [u32]) -> Labels<'a> {
        Labels { own, mixed: None }
    }
}

impl<'a, const N: usize> From<&'a [u32; N]> for Labels<'a> {
    fn from(own: &'a [u32; N]) -> Labels<'a> {
        Labels { own, mixed: None }
    }
}

impl<'a> From<&'a Vec<u32>> for Labels<'a> {
    fn from(own: &'a Vec<u32>) -> Labels<'a> {
        Labels { own, mixed: None }
    }
}

impl<'a> Labels<'a> {
    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.own.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.own.is_empty()
    }

    /// Those of some rows.
    ///
    /// # Panics
    /// If they are not there.
    #[must_use]
    pub fn of(&self, rows: Range<usize>) -> Labels<'a> {
        Labels { own: &self.own[rows.clone()], mixed: self.mixed.map(|(others, share)| (&others[rows], share)) }
    }

    /// The classes of a row with their shares; that of an unmixed one twice, the second time without any.
    fn shares(&self, row: usize) -> [(usize, f32); 2] {
        let own = self.own[row] as usize;
        self.mixed
            .map_or([(own, 1.0), (own, 0.0)], |(others, share)| [(own, share), (others[row] as usize, 1.0 - share)])
    }
}

/// Cross-entropy −Σ_k q_k·log softmax(logits)_k of `[rows, classes]` logits against one label a row, or two of a mixed one, and its gradient
/// `(softmax − q)·scale` if asked for (scale = 1/rows for the mean loss). The target q is `1 − smoothing` for the label, shared
/// between two, plus `smoothing / classes` for every class (Szegedy et al., 2016; `torch.nn.CrossEntropyLoss(label_smoothing=…)`).
///
/// # Panics
/// If a slice does not have the length its shape says or a label is not a class.
#[must_use]
pub fn softmax_cross_entropy<'a>(
    logits: &[f32],
    classes: usize,
    labels: impl Into<Labels<'a>>,
    smoothing: f32,
    gradient: Option<(&mut [f32], f32)>,
) -> Loss {
    let labels: Labels = labels.into();
    assert_eq!(logits.len(), classes * labels.len(), "one row of logits a label");
    let mut loss = Loss::default();
    #[expect(clippy::cast_precision_loss, reason = "no network tells 2^24 classes apart")]
    let everyones = smoothing / classes as f32;
    for (number, row) in logits.chunks_exact(classes).enumerate() {
        let (largest, log_sum) = log_sum_exp(row);
        let shares = labels.shares(number);
        let aimed_at: f64 = shares.iter().map(|&(class, share)| f64::from(share) * f64::from(row[class])).sum();
        loss.sum += log_sum - f64::from(1.0 - smoothing) * aimed_at;
        if smoothing > 0.0 {
            loss.sum -= f64::from(everyones) * row.iter().copied().map(f64::from).sum::<f64>();
        }
        let [(own, share), (other, _)] = shares;
        loss.correct += usize::from(largest == if share >= 0.5 { own } else { other });
    }
    if let Some((gradient, scale)) = gradient {
        assert_eq!(gradient.len(), logits.len(), "a gradient for every logit");
        gradient.copy_from_slice(logits);
        softmax_in_place(gradient, classes);
        for (number, row) in gradient.chunks_exact_mut(classes).enumerate() {
            for (class, share) in labels.shares(number) {
                row[class] -= (1.0 - smoothing) * share;
            }
            for value in row {
                *value = (*value - everyones) * scale;
            }
        }
    }
    loss
}

/// Logits `[rows, classes]` to probabilities.
pub fn softmax_in_place(logits: &mut [f32], classes: usize) {
    for row in logits.chunks_exact_mut(classes) {
        let (_, log_sum) = log_sum_exp(row);
        for value in row {
            #[expect(clippy::cast_possible_truncation, reason = "a probability back to float32")]
            {
                *value = (f64::from(*value) - log_sum).exp() as f32;
            }
        }
    }
}

/// Index of the largest value and log Σ exp, by the usual shift.
fn log_sum_exp(row: &[f32]) -> (usize, f64) {
    let mut largest = 0;
    for (index, &value) in row.iter().enumerate() {
        if value > row[largest] {
            largest = index;
        }
    }
    let shift = f64::from(row[largest]);
    let sum: f64 = row.iter().map(|&value| (f64::from(value) - shift).exp()).sum();
    (largest, shift + sum.ln())
}

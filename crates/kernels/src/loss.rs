//! Softmax cross-entropy, in float64 inside.

/// What one batch of logits lost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loss {
    /// Σ over rows of the cross-entropy; not finite if a logit is not.
    pub sum: f64,
    /// Rows whose largest logit is the label's (the first of equals counts).
    pub correct: usize,
}

/// Cross-entropy −Σ_k q_k·log softmax(logits)_k of `[rows, classes]` logits against one label a row, and its gradient
/// `(softmax − q)·scale` if asked for (scale = 1/rows for the mean loss). The target q is `1 − smoothing` for the label
/// plus `smoothing / classes` for every class (Szegedy et al., 2016; `torch.nn.CrossEntropyLoss(label_smoothing=…)`).
///
/// # Panics
/// If a slice does not have the length its shape says or a label is not a class.
#[must_use]
pub fn softmax_cross_entropy(
    logits: &[f32],
    classes: usize,
    labels: &[u32],
    smoothing: f32,
    gradient: Option<(&mut [f32], f32)>,
) -> Loss {
    assert_eq!(logits.len(), classes * labels.len(), "one row of logits a label");
    let mut loss = Loss::default();
    #[expect(clippy::cast_precision_loss, reason = "no network tells 2^24 classes apart")]
    let shared = smoothing / classes as f32;
    for (row, &label) in logits.chunks_exact(classes).zip(labels) {
        let (largest, log_sum) = log_sum_exp(row);
        loss.sum += log_sum - f64::from(1.0 - smoothing) * f64::from(row[label as usize]);
        if smoothing > 0.0 {
            loss.sum -= f64::from(shared) * row.iter().copied().map(f64::from).sum::<f64>();
        }
        loss.correct += usize::from(largest == label as usize);
    }
    if let Some((gradient, scale)) = gradient {
        assert_eq!(gradient.len(), logits.len(), "a gradient for every logit");
        gradient.copy_from_slice(logits);
        softmax_in_place(gradient, classes);
        for (row, &label) in gradient.chunks_exact_mut(classes).zip(labels) {
            row[label as usize] -= 1.0 - smoothing;
            for value in row {
                *value = (*value - shared) * scale;
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

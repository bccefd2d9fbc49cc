//! Pictures of a batch mixed with each other, and their labels with them.

use crate::EngineError;
use crate::random::{Draws, mix_stream};
use crate::view::{Pixels, Rectangle};
use serde::{Deserialize, Serialize};

/// A way to mix.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type", deny_unknown_fields)]
pub enum MixSpec {
    /// `λ·x + (1 − λ)·y`, λ from Beta(α, α) (Zhang et al., 2018).
    Mixup {
        /// α.
        alpha: f64,
        /// How likely.
        probability: f64,
    },
    /// A rectangle of `1 − λ` of y's area in x's place, as far as it lies within the picture, λ from Beta(α, α); labels by
    /// the area that came out (Yun et al., 2019).
    CutMix {
        /// α.
        alpha: f64,
        /// How likely.
        probability: f64,
    },
}

impl MixSpec {
    /// Reads ways to mix from JSON and checks them.
    ///
    /// # Errors
    /// [`EngineError::InvalidOption`].
    pub fn list_from_json(json: &str) -> Result<Vec<MixSpec>, EngineError> {
        let invalid = |option: String, expected: &str, found: String| EngineError::InvalidOption {
            option,
            expected: expected.into(),
            found,
        };
        let list: Vec<MixSpec> = serde_json::from_str(json)
            .map_err(|error| invalid("mix".into(), "a list of ways to mix as JSON", error.to_string()))?;
        for (number, mix) in list.iter().enumerate() {
            let (alpha, probability) = mix.parts();
            if !(alpha > 0.0 && alpha.is_finite()) {
                return Err(invalid(format!("mix[{number}].alpha"), "a number above 0", alpha.to_string()));
            }
            if !(0.0..=1.0).contains(&probability) {
                return Err(invalid(format!("mix[{number}].probability"), "0…1", probability.to_string()));
            }
        }
        Ok(list)
    }

    fn parts(&self) -> (f64, f64) {
        match *self {
            MixSpec::Mixup { alpha, probability } | MixSpec::CutMix { alpha, probability } => (alpha, probability),
        }
    }
}

/// How a batch was mixed: every picture with the one before it, the first with the last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mixed {
    /// Share of a picture's own label.
    pub share: f32,
}

/// Mixes the pictures of a batch, which are of one size, by one of these ways, or leaves them: as torchvision's `MixUp` and
/// `CutMix` do. `start` tells the batches of an epoch apart.
pub fn mix(pictures: &mut [Pixels], ways: &[MixSpec], seed: u64, epoch: u64, start: u64) -> Option<Mixed> {
    let mut draws = mix_stream(seed, epoch, start);
    let (width, height) = pictures.first().map(|first| (first.width, first.height))?;
    let way = ways.get(draws.up_to(ways.len().checked_sub(1)?))?;
    let (alpha, probability) = way.parts();
    if !draws.chance(probability) {
        return None;
    }
    let share = draws.beta(alpha);
    match way {
        MixSpec::Mixup { .. } => {
            #[expect(clippy::cast_possible_truncation, reason = "a share in float32")]
            let own = share as f32;
            each_with_the_one_before(pictures, |picture, other| {
                for (sample, other) in picture.samples.iter_mut().zip(&other.samples) {
                    *sample = own * *sample + (1.0 - own) * other;
                }
            });
            Some(Mixed { share: own })
        }
        MixSpec::CutMix { .. } => {
            let rectangle = cut(share, (width, height), &mut draws);
            each_with_the_one_before(pictures, |picture, other| paste(picture, other, rectangle));
            #[expect(clippy::cast_precision_loss, reason = "areas of pictures a network takes")]
            let pasted = (rectangle.width * rectangle.height) as f32 / (width * height) as f32;
            Some(Mixed { share: 1.0 - pasted })
        }
    }
}

/// Changes every picture by what the one before it was.
fn each_with_the_one_before(pictures: &mut [Pixels], mut change: impl FnMut(&mut Pixels, &Pixels)) {
    let Some(last) = pictures.last().cloned() else {
        return;
    };
    for at in (1..pictures.len()).rev() {
        let (before, rest) = pictures.split_at_mut(at);
        change(&mut rest[0], &before[at - 1]);
    }
    change(&mut pictures[0], &last);
}

/// The rectangle of a cut around a pixel anywhere, within the picture.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "sides of pictures a network takes"
)]
fn cut(share: f64, (width, height): (usize, usize), draws: &mut Draws) -> Rectangle {
    let half = 0.5 * (1.0 - share).sqrt();
    let (x, y) = (draws.up_to(width - 1), draws.up_to(height - 1));
    let along = |centre: usize, side: usize| {
        let reach = (half * side as f64) as usize;
        let first = centre.saturating_sub(reach);
        (first, (centre + reach).min(side) - first)
    };
    let ((left, width), (top, height)) = (along(x, width), along(y, height));
    Rectangle { left, top, width, height }
}

fn paste(picture: &mut Pixels, other: &Pixels, Rectangle { left, top, width, height }: Rectangle) {
    let plane_len = picture.width * picture.height;
    for (plane, other) in picture.samples.chunks_exact_mut(plane_len).zip(other.samples.chunks_exact(plane_len)) {
        for row in top..top + height {
            let at = row * picture.width + left;
            plane[at..at + width].copy_from_slice(&other[at..at + width]);
        }
    }
}

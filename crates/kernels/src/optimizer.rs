//! One update of a parameter by its gradient, as PyTorch defines it.

use crate::isa::Isa;

/// Stochastic gradient descent with momentum: `g += λθ; v = μv + g; θ −= η·v` (Nesterov: `θ −= η·(g + μv)`), the first
/// step setting `v = g` (torch.optim.SGD, dampening 0).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// η.
    pub learning_rate: f32,
    /// μ; 0 keeps no velocity.
    pub momentum: f32,
    /// λ, added to the gradient.
    pub weight_decay: f32,
    /// Whether to look ahead along the velocity.
    pub nesterov: bool,
}

impl Sgd {
    /// Updates `parameter` and `velocity` (untouched if momentum is 0; it may then be empty).
    ///
    /// # Panics
    /// If the slices differ in length.
    pub fn update(&self, isa: Isa, parameter: &mut [f32], gradient: &[f32], velocity: &mut [f32], first_step: bool) {
        assert_eq!(parameter.len(), gradient.len(), "a gradient for every parameter");
        let Sgd { learning_rate, momentum, weight_decay, nesterov } = *self;
        if momentum == 0.0 {
            isa.vectorise(
                #[inline(always)]
                || {
                    for (parameter, gradient) in parameter.iter_mut().zip(gradient) {
                        *parameter -= learning_rate * (gradient + weight_decay * *parameter);
                    }
                },
            );
            return;
        }
        assert_eq!(parameter.len(), velocity.len(), "a velocity for every parameter");
        let kept = if first_step { 0.0 } else { momentum };
        isa.vectorise(
            #[inline(always)]
            || {
                for ((parameter, gradient), velocity) in parameter.iter_mut().zip(gradient).zip(velocity) {
                    let gradient = gradient + weight_decay * *parameter;
                    *velocity = kept * *velocity + gradient;
                    let direction = if nesterov { gradient + momentum * *velocity } else { *velocity };
                    *parameter -= learning_rate * direction;
                }
            },
        );
    }
}

/// Adam (Kingma and Ba, 2015) and `AdamW` (Loshchilov and Hutter, 2019): `m = β₁m + (1−β₁)g; v = β₂v + (1−β₂)g²;
/// θ −= η·m̂/(√v̂ + ε)` with bias-corrected moments.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// η.
    pub learning_rate: f32,
    /// Decay of the first moment; float64, because 1 − β₂ of a float32 is off in the fifth digit.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root, not under it.
    pub epsilon: f32,
    /// λ: added to the gradient, or (`decoupled`) taken from the parameter as `θ −= ηλθ`.
    pub weight_decay: f32,
    /// Whether weight decay is `AdamW`'s.
    pub decoupled: bool,
}

impl Adam {
    /// Updates `parameter` and its moments; `step` counts from 1.
    ///
    /// # Panics
    /// If the slices differ in length or `step` is 0.
    pub fn update(
        &self,
        isa: Isa,
        step: u64,
        parameter: &mut [f32],
        gradient: &[f32],
        first_moment: &mut [f32],
        second_moment: &mut [f32],
    ) {
        assert!(step > 0, "steps count from 1");
        let length = parameter.len();
        assert!(
            [gradient.len(), first_moment.len(), second_moment.len()] == [length; 3],
            "a gradient and two moments for every parameter"
        );
        let epsilon = self.epsilon;
        let (coupled_decay, shrink) =
            if self.decoupled { (0.0, 1.0 - self.learning_rate * self.weight_decay) } else { (self.weight_decay, 1.0) };
        let step_size = single(f64::from(self.learning_rate) / bias_correction(self.beta1, step));
        let inverse_root = single(1.0 / bias_correction(self.beta2, step).sqrt());
        let (first_share, second_share) = (single(1.0 - self.beta1), single(1.0 - self.beta2));
        let beta2 = single(self.beta2);
        isa.vectorise(
            #[inline(always)]
            || {
                let moments = first_moment.iter_mut().zip(second_moment);
                for ((parameter, gradient), (first, second)) in parameter.iter_mut().zip(gradient).zip(moments) {
                    let decayed = *parameter * shrink;
                    let gradient = gradient + coupled_decay * *parameter;
                    *first += first_share * (gradient - *first);
                    *second = beta2 * *second + second_share * gradient * gradient;
                    *parameter = decayed - step_size * *first / (second.sqrt() * inverse_root + epsilon);
                }
            },
        );
    }
}

fn bias_correction(beta: f64, step: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "no training has 2^52 steps")]
    let step = step as f64;
    1.0 - beta.powf(step)
}

#[expect(clippy::cast_possible_truncation, reason = "a scalar of a float32 update, computed in float64")]
fn single(value: f64) -> f32 {
    value as f32
}

//! Updates against PyTorch's formulas, written down in float64, over several steps.

mod support;

use jpegnet_kernels::{Adam, Isa, Sgd};
use support::{Random, TOLERANCE, assert_close, doubles, singles};

const STEPS: usize = 12;
/// Not a multiple of any vector's width.
const LENGTH: usize = 77;

/// torch.optim.SGD with dampening 0.
fn sgd_in_pytorch_s_words(sgd: &Sgd, parameter: &mut [f64], gradients: &[Vec<f64>]) {
    let [lr, momentum, weight_decay] = [sgd.learning_rate, sgd.momentum, sgd.weight_decay].map(f64::from);
    let mut buffer: Option<Vec<f64>> = None;
    for gradient in gradients {
        let g: Vec<f64> = gradient.iter().zip(&*parameter).map(|(g, p)| g + weight_decay * p).collect();
        let direction = if momentum == 0.0 {
            g
        } else {
            let b = match buffer {
                None => g.clone(),
                Some(buffer) => buffer.iter().zip(&g).map(|(b, g)| momentum * b + g).collect(),
            };
            buffer = Some(b.clone());
            if sgd.nesterov { g.iter().zip(&b).map(|(g, b)| g + momentum * b).collect() } else { b }
        };
        for (p, d) in parameter.iter_mut().zip(direction) {
            *p -= lr * d;
        }
    }
}

/// torch.optim.Adam and torch.optim.AdamW.
fn adam_in_pytorch_s_words(adam: &Adam, parameter: &mut [f64], gradients: &[Vec<f64>]) {
    let [lr, eps, weight_decay] = [adam.learning_rate, adam.epsilon, adam.weight_decay].map(f64::from);
    let (beta1, beta2) = (adam.beta1, adam.beta2);
    let (mut m, mut v) = (vec![0.0; parameter.len()], vec![0.0; parameter.len()]);
    for (t, gradient) in (1..).zip(gradients) {
        for i in 0..parameter.len() {
            let mut g = gradient[i];
            if adam.decoupled {
                parameter[i] -= lr * weight_decay * parameter[i];
            } else {
                g += weight_decay * parameter[i];
            }
            m[i] = beta1 * m[i] + (1.0 - beta1) * g;
            v[i] = beta2 * v[i] + (1.0 - beta2) * g * g;
            let m_hat = m[i] / (1.0 - beta1.powi(t));
            let v_hat = v[i] / (1.0 - beta2.powi(t));
            parameter[i] -= lr * m_hat / (v_hat.sqrt() + eps);
        }
    }
}

fn problem(seed: u64) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut random = Random(seed);
    (random.normals(LENGTH), (0..STEPS).map(|_| random.normals(LENGTH)).collect())
}

#[test]
fn sgd_is_pytorch_s_with_and_without_momentum_nesterov_and_weight_decay() {
    for (momentum, nesterov) in [(0.0, false), (0.9, false), (0.9, true)] {
        for weight_decay in [0.0, 0.05] {
            let sgd = Sgd { learning_rate: 0.1, momentum, weight_decay, nesterov };
            let (start, gradients) = problem(1);
            let mut expected = start.clone();
            sgd_in_pytorch_s_words(&sgd, &mut expected, &gradients);
            for isa in Isa::available() {
                let mut parameter = singles(&start);
                // What is in the velocity before the first step must not matter.
                let mut velocity = vec![100.0; LENGTH];
                for (step, gradient) in gradients.iter().enumerate() {
                    sgd.update(isa, &mut parameter, &singles(gradient), &mut velocity, step == 0);
                }
                assert_close(&format!("{sgd:?} {}", isa.name()), &doubles(&parameter), &expected, TOLERANCE);
            }
        }
    }
}

#[test]
fn adam_and_adamw_are_pytorch_s_with_and_without_weight_decay() {
    for decoupled in [false, true] {
        for weight_decay in [0.0, 0.05] {
            for (beta1, beta2) in [(0.9, 0.999), (0.5, 0.9)] {
                let adam = Adam { learning_rate: 0.05, beta1, beta2, epsilon: 1e-8, weight_decay, decoupled };
                let (start, gradients) = problem(2);
                let mut expected = start.clone();
                adam_in_pytorch_s_words(&adam, &mut expected, &gradients);
                for isa in Isa::available() {
                    let mut parameter = singles(&start);
                    let (mut first, mut second) = (vec![0.0; LENGTH], vec![0.0; LENGTH]);
                    for (step, gradient) in (1..).zip(&gradients) {
                        adam.update(isa, step, &mut parameter, &singles(gradient), &mut first, &mut second);
                    }
                    assert_close(&format!("{adam:?} {}", isa.name()), &doubles(&parameter), &expected, TOLERANCE);
                }
            }
        }
    }
}

#[test]
fn a_gradient_of_zero_moves_adam_only_by_its_weight_decay() {
    let adam = Adam { learning_rate: 0.5, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.5, decoupled: true };
    for isa in Isa::available() {
        let mut parameter = [4.0, -2.0, 0.0];
        adam.update(isa, 1, &mut parameter, &[0.0; 3], &mut [0.0; 3], &mut [0.0; 3]);
        assert_close(isa.name(), &doubles(&parameter), &[3.0, -1.5, 0.0], 0.0);
    }
}

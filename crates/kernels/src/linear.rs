//! The linear head: `y = x·Wᵀ + b`, weights as PyTorch stores them.

use crate::isa::{Isa, Matrix, Product, Sum, multiply};

/// `y[row, o] = Σ_i x[row, i]·weight[o, i] + bias[o]`; x `[rows, inputs]`, weight `[outputs, inputs]`, y `[rows,
/// outputs]`.
///
/// # Panics
/// If a slice does not have the length its shape says.
pub fn linear_into(
    isa: Isa,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    inputs: usize,
    outputs: usize,
    y: &mut [f32],
) {
    let rows = check(x.len(), weight.len(), y.len(), inputs, outputs);
    isa.vectorise(
        #[inline(always)]
        || {
            for (x, y) in x.chunks_exact(inputs).zip(y.chunks_exact_mut(outputs)).take(rows) {
                for (o, (y, weight)) in y.iter_mut().zip(weight.chunks_exact(inputs)).enumerate() {
                    *y = dot(x, weight) + bias.map_or(0.0, |bias| bias[o]);
                }
            }
        },
    );
}

/// Gradients of [`linear_into`]: `dx = dy·W` (replaced), `dW += dyᵀ·x`, `db += Σ_rows dy`.
///
/// # Panics
/// If a slice does not have the length its shape says.
#[expect(clippy::too_many_arguments, reason = "three operands, three gradients and their shape")]
pub fn linear_backward(
    isa: Isa,
    x: &[f32],
    weight: &[f32],
    dy: &[f32],
    inputs: usize,
    outputs: usize,
    dx: Option<&mut [f32]>,
    dweight: &mut [f32],
    dbias: Option<&mut [f32]>,
) {
    let rows = check(x.len(), weight.len(), dy.len(), inputs, outputs);
    assert_eq!(dweight.len(), weight.len(), "a gradient for every weight");
    if let Some(dx) = dx {
        assert_eq!(dx.len(), x.len(), "a gradient for every input");
        let size = Product { rows, columns: inputs, outer: 1, inner: outputs };
        let dy = (dy, Matrix { offset: 0, row: outputs, outer: 0, inner: 1 });
        let weight = (weight, Matrix { offset: 0, row: 0, outer: 0, inner: inputs });
        multiply(isa, size, dy, weight, (dx, Matrix { offset: 0, row: inputs, outer: 0, inner: 0 }), Sum::Replace);
    }
    let size = Product { rows: outputs, columns: inputs, outer: 1, inner: rows };
    let dy_transposed = (dy, Matrix { offset: 0, row: 1, outer: 0, inner: outputs });
    let x = (x, Matrix { offset: 0, row: 0, outer: 0, inner: inputs });
    multiply(isa, size, dy_transposed, x, (dweight, Matrix { offset: 0, row: inputs, outer: 0, inner: 0 }), Sum::Add);
    if let Some(dbias) = dbias {
        assert_eq!(dbias.len(), outputs, "a gradient for every bias");
        for dy in dy.chunks_exact(outputs) {
            for (dbias, dy) in dbias.iter_mut().zip(dy) {
                *dbias += dy;
            }
        }
    }
}

/// A dot product in sixteen partial sums, so that it vectorises.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const PARTS: usize = 16;
    let mut parts = [0.0; PARTS];
    let (a_parts, b_parts) = (a.chunks_exact(PARTS), b.chunks_exact(PARTS));
    let rest: f32 = a_parts.remainder().iter().zip(b_parts.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_parts.zip(b_parts) {
        for part in 0..PARTS {
            parts[part] += a[part] * b[part];
        }
    }
    parts.iter().sum::<f32>() + rest
}

fn check(x: usize, weight: usize, y: usize, inputs: usize, outputs: usize) -> usize {
    assert_eq!(weight, inputs * outputs, "weight is [outputs, inputs]");
    assert_eq!(x % inputs, 0, "x is whole rows");
    let rows = x / inputs;
    assert_eq!(y, rows * outputs, "y has a row for every row of x");
    rows
}

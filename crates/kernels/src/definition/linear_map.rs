//! Dense linear maps, for transforms small enough to write down.

/// A dense linear map `y_o = Σ_i values[i, o]·x_i`, stored `[inputs, outputs]`: row i is the response to input i.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearMap {
    /// Length of x.
    pub inputs: usize,
    /// Length of y.
    pub outputs: usize,
    /// `[inputs, outputs]`.
    pub values: Vec<f64>,
}

impl LinearMap {
    /// The map whose entry at (input, output) is `entry(input, output)`.
    #[must_use]
    pub fn from_fn(inputs: usize, outputs: usize, mut entry: impl FnMut(usize, usize) -> f64) -> LinearMap {
        let values = (0..inputs * outputs).map(|index| entry(index / outputs, index % outputs)).collect();
        LinearMap { inputs, outputs, values }
    }

    /// The map whose response to the input i is `row(i)`.
    ///
    /// # Panics
    /// If a row does not have `outputs` values.
    #[must_use]
    pub fn from_rows(inputs: usize, outputs: usize, mut row: impl FnMut(usize) -> Vec<f64>) -> LinearMap {
        let mut values = Vec::with_capacity(inputs * outputs);
        for input in 0..inputs {
            let row = row(input);
            assert_eq!(row.len(), outputs, "a row has one value an output");
            values.extend(row);
        }
        LinearMap { inputs, outputs, values }
    }

    /// The response to input `input`.
    #[must_use]
    pub fn row(&self, input: usize) -> &[f64] {
        &self.values[input * self.outputs..(input + 1) * self.outputs]
    }

    /// `y_o = Σ_i values[i, o]·x_i`.
    ///
    /// # Panics
    /// If x does not have `inputs` values.
    #[must_use]
    pub fn apply(&self, x: &[f64]) -> Vec<f64> {
        assert_eq!(x.len(), self.inputs, "one value an input");
        let mut y = vec![0.0; self.outputs];
        for (input, &x) in x.iter().enumerate() {
            if x != 0.0 {
                for (y, value) in y.iter_mut().zip(self.row(input)) {
                    *y += x * value;
                }
            }
        }
        y
    }

    /// The adjoint applied: `x_i = Σ_o values[i, o]·y_o`.
    ///
    /// # Panics
    /// If y does not have `outputs` values.
    #[must_use]
    pub fn apply_adjoint(&self, y: &[f64]) -> Vec<f64> {
        assert_eq!(y.len(), self.outputs, "one value an output");
        (0..self.inputs).map(|input| self.row(input).iter().zip(y).map(|(value, y)| value * y).sum()).collect()
    }

    /// This map, then `next`: in the paper's notation the product `self·next`, contracted over the indices between.
    ///
    /// # Panics
    /// If `next` does not take as many inputs as this map has outputs.
    #[must_use]
    pub fn then(&self, next: &LinearMap) -> LinearMap {
        assert_eq!(self.outputs, next.inputs, "outputs of the first map are inputs of the second");
        LinearMap::from_rows(self.inputs, next.outputs, |input| next.apply(self.row(input)))
    }

    /// The map with inputs and outputs exchanged.
    #[must_use]
    pub fn transposed(&self) -> LinearMap {
        LinearMap::from_fn(self.outputs, self.inputs, |output, input| self.values[input * self.outputs + output])
    }
}

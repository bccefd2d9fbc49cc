//! What a network learns and keeps: parameters, their gradients, and running statistics.

use crate::EngineError;
use crate::floats::zeros;
use crate::random::initial_stream;
use crate::shape::LARGEST;
use rand_chacha::rand_core::Rng;

/// How a parameter starts, as `PyTorch`'s layers do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Initial {
    /// Uniform in ±1/√`fan_in`: Kaiming's with a = √5, and the bias beside it.
    Uniform {
        /// Inputs that one output sums.
        fan_in: usize,
    },
    /// All one.
    Ones,
    /// All zero.
    Zeros,
}

/// A parameter of the plan.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ParameterSpec {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) initial: Initial,
}

impl ParameterSpec {
    pub(crate) fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// One entry of `state_dict()`, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StateEntry {
    Parameter(usize),
    RunningMean(usize),
    RunningVariance(usize),
    BatchesTracked(usize),
}

/// What nodes learn and keep, by number, in the order of the nodes.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    pub(crate) parameters: Vec<ParameterSpec>,
    /// Elements of all parameters.
    pub(crate) count: usize,
    /// Channels of every batch normalisation, which keeps running statistics of them.
    pub(crate) running: Vec<usize>,
    /// What `state_dict()` holds, in its order.
    pub(crate) state: Vec<(String, StateEntry)>,
}

impl Declared {
    /// The number of a new parameter `path.name`.
    pub(crate) fn parameter(
        &mut self,
        path: &str,
        name: &str,
        shape: Vec<usize>,
        initial: Initial,
    ) -> Result<usize, EngineError> {
        let total = shape.iter().try_fold(1usize, |product, &length| product.checked_mul(length));
        let total = total.and_then(|total| total.checked_add(self.count));
        let Some(total) = total.filter(|&total| total <= LARGEST) else {
            return Err(EngineError::InvalidDefinition {
                path: path.into(),
                expected: format!("at most {LARGEST} parameters"),
                found: format!("a {name} of shape {shape:?}"),
            });
        };
        self.count = total;
        let number = self.parameters.len();
        let name = format!("{path}.{name}");
        self.state.push((name.clone(), StateEntry::Parameter(number)));
        self.parameters.push(ParameterSpec { name, shape, initial });
        Ok(number)
    }

    /// The number of new running statistics of so many channels.
    pub(crate) fn running_statistics(&mut self, path: &str, channels: usize) -> usize {
        let number = self.running.len();
        self.state.push((format!("{path}.running_mean"), StateEntry::RunningMean(number)));
        self.state.push((format!("{path}.running_var"), StateEntry::RunningVariance(number)));
        self.state.push((format!("{path}.num_batches_tracked"), StateEntry::BatchesTracked(number)));
        self.running.push(channels);
        number
    }
}

/// Values of the running statistics of one batch normalisation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Running {
    pub(crate) mean: Vec<f32>,
    pub(crate) variance: Vec<f32>,
    pub(crate) batches: u64,
}

/// All that a network learns and keeps.
#[derive(Debug)]
pub(crate) struct Parameters {
    /// One vector a parameter, shaped as in `PyTorch`.
    pub(crate) values: Vec<Vec<f32>>,
    /// Gradients of the last step, of the same shapes; empty before the first.
    pub(crate) gradients: Vec<Vec<f32>>,
    pub(crate) running: Vec<Running>,
    /// Counts changes of the values, so that what is derived from them knows when it is stale.
    pub(crate) version: u64,
}

impl Parameters {
    pub(crate) fn new(specs: &[ParameterSpec], running: &[usize], seed: u64) -> Self {
        let values = (0u64..).zip(specs).map(|(number, spec)| initial_values(spec, seed, number)).collect();
        let running = running
            .iter()
            .map(|&channels| Running { mean: vec![0.0; channels], variance: vec![1.0; channels], batches: 0 })
            .collect();
        Parameters { values, gradients: Vec::new(), running, version: 0 }
    }

    /// Makes room for gradients.
    pub(crate) fn prepare_gradients(&mut self) -> Result<(), EngineError> {
        if self.gradients.is_empty() {
            self.gradients = self.values.iter().map(|values| zeros(values.len())).collect::<Result<_, _>>()?;
        }
        Ok(())
    }

    pub(crate) fn bytes(&self) -> usize {
        let floats = |tensors: &[Vec<f32>]| tensors.iter().map(Vec::len).sum::<usize>();
        let running: usize = self.running.iter().map(|running| 2 * running.mean.len()).sum();
        size_of::<f32>() * (floats(&self.values) + floats(&self.gradients) + running)
    }
}

fn initial_values(spec: &ParameterSpec, seed: u64, number: u64) -> Vec<f32> {
    match spec.initial {
        Initial::Ones => vec![1.0; spec.len()],
        Initial::Zeros => vec![0.0; spec.len()],
        Initial::Uniform { fan_in } => {
            #[expect(clippy::cast_precision_loss, reason = "no filter sums 2^24 inputs")]
            let bound = 1.0 / (fan_in as f32).sqrt();
            let mut stream = initial_stream(seed, number);
            (0..spec.len()).map(|_| bound * (2.0 * unit(stream.next_u32()) - 1.0)).collect()
        }
    }
}

/// The upper 24 bits as a number in 0…1, 1 excluded.
#[expect(clippy::cast_precision_loss, reason = "24 bits fit a float32 exactly")]
fn unit(bits: u32) -> f32 {
    (bits >> 8) as f32 / (1u32 << 24) as f32
}

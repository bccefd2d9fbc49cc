//! A network's first convolution straight from the quantised coefficients of its pictures, where they are sparse enough.

#![expect(clippy::cast_precision_loss, reason = "estimates of counts far below 2^53")]

use super::cost::Machine;
use crate::input::BatchInput;
use crate::operations::{Operation, Wanted};
use crate::plan::Plan;
use jpegnet_kernels::pixels::{ConvShape, Scatter};
use std::collections::HashMap;
use std::sync::Arc;

/// Multiply-adds in whose time a piece of a response's row is read and written.
const PIECE: f64 = 1200.0;

/// Multiply-adds in whose time a float of the output is finished.
const OUTPUT: f64 = 17.0;

/// Multiply-adds in whose time a float of pixels is made from coefficients.
const INPUT: f64 = 80.0;

/// Rate of a scatter's multiply-adds, relative to a matrix product's.
const RATE: f64 = 0.6;

/// Steps of a power of two that counts are rounded to: what is planned for some pictures serves all that are about as
/// sparse.
const STEPS: f64 = 4.0;

/// The convolution that alone reads a network's input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct First {
    pub(crate) node: usize,
    pub(crate) shape: ConvShape,
    asked_for: bool,
}

impl First {
    /// Of a plan whose first convolution can be computed so, unless its definition asks for something else.
    pub(crate) fn of(plan: &Plan) -> Option<First> {
        let mut readers = plan.nodes.iter().enumerate().filter(|(_, node)| node.inputs.contains(&0));
        let ((number, node), None) = (readers.next()?, readers.next()) else {
            return None;
        };
        match node.operation {
            Operation::Conv2d { shape, wanted: wanted @ (Wanted::Any | Wanted::Scatter), .. } => {
                Some(First { node: number, shape, asked_for: wanted == Wanted::Scatter })
            }
            _ => None,
        }
    }
}

/// A count to about a fifth of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct About(i32);

impl About {
    #[expect(clippy::cast_possible_truncation, reason = "a small logarithm")]
    fn new(count: f64) -> About {
        About((count.max(1e-3).log2() * STEPS).round() as i32)
    }

    fn get(self) -> f64 {
        2f64.powf(f64::from(self.0) / STEPS)
    }
}

/// How much the pictures of a batch give a scatter to do, an image on average.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Sparsity {
    multiplies: About,
    pieces: About,
    /// Non-zero coefficients for every 8×8 pixels.
    non_zeros: About,
}

/// A scatter picked, and why.
#[derive(Clone, Debug)]
pub(crate) struct ScatterPick {
    /// Estimated nanoseconds for an image.
    pub(crate) nanoseconds: f64,
    /// The same by way of pixels, the pixels included.
    pub(crate) through_pixels: f64,
    /// Non-zero coefficients for every 8×8 pixels.
    pub(crate) non_zeros: f64,
    /// Multiply-adds for an image.
    pub(crate) multiplies: f64,
    pub(crate) asked_for: bool,
}

impl First {
    /// The scatter, if it is faster than the way through pixels, of which the convolution takes `nanoseconds`, or asked
    /// for.
    pub(crate) fn pick(
        &self,
        sparsity: Sparsity,
        machine: &Machine,
        threads: usize,
        nanoseconds: f64,
    ) -> Option<ScatterPick> {
        let unit = 1.0 / (machine.multiply_adds() * threads as f64);
        let through_pixels = nanoseconds + INPUT * self.shape.input_len() as f64 * unit;
        let adding = sparsity.multiplies.get() / RATE + PIECE * sparsity.pieces.get();
        let nanoseconds = (adding + OUTPUT * self.shape.output_len() as f64) * unit;
        let non_zeros = sparsity.non_zeros.get();
        let asked_for = self.asked_for;
        (asked_for || nanoseconds < through_pixels).then_some(ScatterPick {
            nanoseconds,
            through_pixels,
            non_zeros,
            multiplies: sparsity.multiplies.get(),
            asked_for,
        })
    }
}

/// The scatters of a network's first convolution, by kind of file; none for kinds whose blocks its stride cuts.
#[derive(Debug, Default)]
pub(crate) struct Scatters(HashMap<usize, Option<Arc<Scatter>>>);

impl Scatters {
    /// How sparse the images of a batch are; nothing if some cannot be scattered.
    pub(crate) fn sparsity(&mut self, shape: ConvShape, input: &BatchInput) -> Option<Sparsity> {
        let (mut multiplies, mut pieces, mut non_zeros) = (0.0, 0.0, 0usize);
        for image in 0..input.len() {
            let (kind, planes) = input.file(image)?;
            let known = self.0.entry(kind.number);
            let scatter = known.or_insert_with(|| Scatter::new(&kind.transform, shape).map(Arc::new)).as_ref()?;
            multiplies += scatter.multiplies(&planes) as f64;
            pieces += scatter.pieces() as f64;
            non_zeros += scatter.non_zeros(&planes);
        }
        let images = input.len() as f64;
        let blocks = (shape.height * shape.width) as f64 / 64.0;
        Some(Sparsity {
            multiplies: About::new(multiplies / images),
            pieces: About::new(pieces / images),
            non_zeros: About::new(non_zeros as f64 / images / blocks),
        })
    }

    /// The scatter of a kind of file.
    pub(crate) fn get(&self, kind: usize) -> Option<&Arc<Scatter>> {
        self.0.get(&kind)?.as_ref()
    }
}

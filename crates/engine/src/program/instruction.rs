//! The instructions of a program.

/// A virtual buffer: one image's map, vector or gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Buffer(pub(crate) usize);

/// Where an instruction puts a gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) buffer: Buffer,
    /// Whether to add to what is there rather than replace it.
    pub(crate) accumulate: bool,
}

/// What is done to each image; `node` indexes the plan's nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instruction {
    Input {
        output: Buffer,
    },
    Copy {
        from: Buffer,
        to: Buffer,
    },
    Add {
        node: Option<usize>,
        sum: Buffer,
        term: Buffer,
    },
    Conv2d {
        node: usize,
        input: Buffer,
        output: Buffer,
    },
    /// Sums for the batch statistics.
    Moments {
        node: usize,
        input: Buffer,
    },
    /// Scale and shift by statistics known before.
    Normalise {
        node: usize,
        input: Buffer,
        output: Buffer,
    },
    PiecewiseLinear {
        node: usize,
        map: Buffer,
    },
    MaxPool {
        node: usize,
        input: Buffer,
        output: Buffer,
    },
    Subsample {
        node: usize,
        input: Buffer,
        output: Buffer,
    },
    /// Keeps the band of a map or of its gradient.
    Truncate {
        node: usize,
        /// φ.
        band: usize,
        map: Buffer,
    },
    Pool {
        node: usize,
        input: Buffer,
        output: Buffer,
    },
    Linear {
        node: usize,
        input: Buffer,
        output: Buffer,
    },
    Loss {
        logits: Buffer,
        gradient: Buffer,
    },
    LinearBackward {
        node: usize,
        input: Buffer,
        output_gradient: Buffer,
        input_gradient: Option<Target>,
    },
    PoolBackward {
        node: usize,
        output_gradient: Buffer,
        input_gradient: Target,
    },
    MaxPoolBackward {
        node: usize,
        output_gradient: Buffer,
        input_gradient: Buffer,
    },
    SubsampleBackward {
        node: usize,
        output_gradient: Buffer,
        input_gradient: Buffer,
    },
    PiecewiseLinearBackward {
        node: usize,
        gradient: Buffer,
    },
    /// Sums for the gradients of a batch normalisation.
    GradientMoments {
        node: usize,
        input: Buffer,
        output_gradient: Buffer,
    },
    NormaliseBackward {
        node: usize,
        input: Buffer,
        output_gradient: Buffer,
        input_gradient: Target,
    },
    Conv2dBackward {
        node: usize,
        input: Buffer,
        output_gradient: Buffer,
        input_gradient: Option<Target>,
    },
}

impl Instruction {
    /// Buffers it only reads.
    pub(crate) fn reads(&self) -> impl Iterator<Item = Buffer> {
        let (first, second) = match *self {
            Instruction::Input { .. }
            | Instruction::PiecewiseLinear { .. }
            | Instruction::Truncate { .. }
            | Instruction::PiecewiseLinearBackward { .. } => (None, None),
            Instruction::Copy { from: read, .. }
            | Instruction::Add { term: read, .. }
            | Instruction::Conv2d { input: read, .. }
            | Instruction::Moments { input: read, .. }
            | Instruction::Normalise { input: read, .. }
            | Instruction::MaxPool { input: read, .. }
            | Instruction::Subsample { input: read, .. }
            | Instruction::Pool { input: read, .. }
            | Instruction::Linear { input: read, .. }
            | Instruction::Loss { logits: read, .. }
            | Instruction::MaxPoolBackward { output_gradient: read, .. }
            | Instruction::SubsampleBackward { output_gradient: read, .. }
            | Instruction::PoolBackward { output_gradient: read, .. } => (Some(read), None),
            Instruction::LinearBackward { input, output_gradient, .. }
            | Instruction::GradientMoments { input, output_gradient, .. }
            | Instruction::NormaliseBackward { input, output_gradient, .. }
            | Instruction::Conv2dBackward { input, output_gradient, .. } => (Some(input), Some(output_gradient)),
        };
        first.into_iter().chain(second)
    }

    /// The buffer it writes.
    pub(crate) fn writes(&self) -> Option<Buffer> {
        match *self {
            Instruction::Input { output: written }
            | Instruction::Copy { to: written, .. }
            | Instruction::Add { sum: written, .. }
            | Instruction::Conv2d { output: written, .. }
            | Instruction::Normalise { output: written, .. }
            | Instruction::PiecewiseLinear { map: written, .. }
            | Instruction::MaxPool { output: written, .. }
            | Instruction::Subsample { output: written, .. }
            | Instruction::Truncate { map: written, .. }
            | Instruction::Pool { output: written, .. }
            | Instruction::Linear { output: written, .. }
            | Instruction::Loss { gradient: written, .. }
            | Instruction::MaxPoolBackward { input_gradient: written, .. }
            | Instruction::SubsampleBackward { input_gradient: written, .. }
            | Instruction::PiecewiseLinearBackward { gradient: written, .. } => Some(written),
            Instruction::PoolBackward { input_gradient, .. }
            | Instruction::NormaliseBackward { input_gradient, .. } => Some(input_gradient.buffer),
            Instruction::LinearBackward { input_gradient, .. } | Instruction::Conv2dBackward { input_gradient, .. } => {
                input_gradient.map(|target| target.buffer)
            }
            Instruction::Moments { .. } | Instruction::GradientMoments { .. } => None,
        }
    }

    /// The node whose output it completes, if it is part of the forward pass.
    pub(crate) fn completes(&self) -> Option<usize> {
        match *self {
            Instruction::Conv2d { node, .. }
            | Instruction::Normalise { node, .. }
            | Instruction::PiecewiseLinear { node, .. }
            | Instruction::MaxPool { node, .. }
            | Instruction::Subsample { node, .. }
            | Instruction::Pool { node, .. }
            | Instruction::Linear { node, .. } => Some(node),
            Instruction::Add { node, .. } => node,
            _ => None,
        }
    }
}

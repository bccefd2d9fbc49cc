//! The steps of a training program: each does one thing to some images; `node` indexes the plan's nodes.

use std::borrow::Cow;

/// A virtual buffer: one map, vector or gradient of every image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Buffer(pub(crate) usize);

/// A map as it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) buffer: Buffer,
    /// The batch normalisation that it is the input of; none if it is read as it is.
    pub(crate) normalised_by: Option<usize>,
}

/// Where a gradient goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) buffer: Buffer,
    /// Whether nothing is there yet; otherwise it is added.
    pub(crate) fresh: bool,
}

/// Which derivatives a ReLU lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    /// Those of the pixels where its output is above zero.
    Above(Buffer),
    /// Those where its normalised input is.
    Normalised(Term),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// The pictures' sparse coefficients to normalised pixels, or features that are given.
    Input {
        output: Buffer,
    },
    /// The sum of maps, and a ReLU of it.
    Sum {
        terms: Vec<Term>,
        relu: bool,
        output: Buffer,
    },
    /// A nonlinearity whose pieces are kept as bits, in place.
    Masked {
        node: usize,
        map: Buffer,
    },
    /// The same again, by the bits that were kept.
    MaskedAgain {
        node: usize,
        map: Buffer,
    },
    /// Leaves the band of a node's output, or of a gradient of it, in place.
    Truncate {
        node: usize,
        map: Buffer,
    },
    Conv2d {
        node: usize,
        input: Buffer,
        output: Buffer,
    },
    /// Sums for the statistics of a batch normalisation's input.
    Moments {
        node: usize,
        input: Buffer,
    },
    /// A function without parameters of each image's map.
    Map {
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
    Copy {
        from: Buffer,
        to: Buffer,
    },
    /// `sum += term`.
    Add {
        sum: Buffer,
        term: Buffer,
    },
    /// Clears the derivatives that a ReLU holds back; and adds up what is left for a batch normalisation.
    Pass {
        passed: Passed,
        gradient: Buffer,
        moments: Option<Statistics>,
    },
    MaskedBackward {
        node: usize,
        gradient: Buffer,
    },
    GradientMoments {
        statistics: Statistics,
        gradient: Buffer,
    },
    NormaliseBackward {
        node: usize,
        input: Buffer,
        gradient: Buffer,
        output: Buffer,
    },
    Conv2dBackward {
        node: usize,
        input: Buffer,
        gradient: Buffer,
        target: Option<Target>,
    },
    MapBackward {
        node: usize,
        gradient: Buffer,
        target: Target,
    },
    LinearBackward {
        node: usize,
        input: Buffer,
        gradient: Buffer,
        target: Option<Target>,
    },
    /// Leaves what was computed where it is, for the caller.
    Keep {
        from: Buffer,
    },
    /// A map to its place in 16 bits.
    Narrow {
        from: Buffer,
        to: Buffer,
    },
    /// And back.
    Widen {
        from: Buffer,
        to: Buffer,
    },
}

/// Sums for the gradients of a batch normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Statistics {
    pub(crate) node: usize,
    /// Its input.
    pub(crate) input: Buffer,
}

impl Step {
    /// Buffers it only reads.
    pub(crate) fn reads(&self) -> Vec<Buffer> {
        match self {
            Step::Input { .. }
            | Step::Masked { .. }
            | Step::MaskedAgain { .. }
            | Step::Truncate { .. }
            | Step::MaskedBackward { .. } => Vec::new(),
            Step::Sum { terms, .. } => terms.iter().map(|term| term.buffer).collect(),
            Step::Conv2d { input: read, .. }
            | Step::Moments { input: read, .. }
            | Step::Map { input: read, .. }
            | Step::Linear { input: read, .. }
            | Step::Loss { logits: read, .. }
            | Step::Copy { from: read, .. }
            | Step::Keep { from: read }
            | Step::Narrow { from: read, .. }
            | Step::Widen { from: read, .. }
            | Step::Add { term: read, .. }
            | Step::MapBackward { gradient: read, .. } => vec![*read],
            Step::Pass { passed, moments, .. } => {
                let signs = match passed {
                    Passed::Above(buffer) => *buffer,
                    Passed::Normalised(term) => term.buffer,
                };
                moments.iter().map(|statistics| statistics.input).chain([signs]).collect()
            }
            Step::GradientMoments { statistics, gradient } => vec![statistics.input, *gradient],
            Step::NormaliseBackward { input, gradient, .. }
            | Step::Conv2dBackward { input, gradient, .. }
            | Step::LinearBackward { input, gradient, .. } => vec![*input, *gradient],
        }
    }

    /// The buffer it writes.
    pub(crate) fn writes(&self) -> Option<Buffer> {
        match self {
            Step::Input { output: written }
            | Step::Sum { output: written, .. }
            | Step::Masked { map: written, .. }
            | Step::MaskedAgain { map: written, .. }
            | Step::Truncate { map: written, .. }
            | Step::Conv2d { output: written, .. }
            | Step::Map { output: written, .. }
            | Step::Linear { output: written, .. }
            | Step::Loss { gradient: written, .. }
            | Step::Copy { to: written, .. }
            | Step::Narrow { to: written, .. }
            | Step::Widen { to: written, .. }
            | Step::Add { sum: written, .. }
            | Step::Pass { gradient: written, .. }
            | Step::MaskedBackward { gradient: written, .. }
            | Step::NormaliseBackward { output: written, .. }
            | Step::MapBackward { target: Target { buffer: written, .. }, .. } => Some(*written),
            Step::Conv2dBackward { target, .. } | Step::LinearBackward { target, .. } => {
                target.map(|target| target.buffer)
            }
            Step::Moments { .. } | Step::GradientMoments { .. } | Step::Keep { .. } => None,
        }
    }

    /// What it does, for a node of that operation.
    pub(crate) fn name(&self, operation: Option<&'static str>) -> Cow<'static, str> {
        let operation = operation.unwrap_or("map");
        let name = match self {
            Step::Input { .. } => "input",
            Step::Sum { .. } => "sum",
            Step::Masked { .. } => "masked",
            Step::MaskedAgain { .. } => "maskedAgain",
            Step::Truncate { .. } => "truncate",
            Step::Conv2d { .. } => "conv2d",
            Step::Moments { .. } => "moments",
            Step::Map { .. } => operation,
            Step::Linear { .. } => "linear",
            Step::Loss { .. } => "loss",
            Step::Copy { .. } => "copy",
            Step::Add { .. } => "add",
            Step::Pass { moments: None, .. } => "reluBackward",
            Step::Pass { .. } => "reluBackward + gradientMoments",
            Step::MaskedBackward { .. } => "maskedBackward",
            Step::GradientMoments { .. } => "gradientMoments",
            Step::NormaliseBackward { .. } => "normaliseBackward",
            Step::Conv2dBackward { .. } => "conv2dBackward",
            Step::MapBackward { .. } => return format!("{operation}Backward").into(),
            Step::LinearBackward { .. } => "linearBackward",
            Step::Keep { .. } => "keep",
            Step::Narrow { .. } => "narrow",
            Step::Widen { .. } => "widen",
        };
        name.into()
    }

    /// The node it is for, if there is one.
    pub(crate) fn node(&self) -> Option<usize> {
        match *self {
            Step::Masked { node, .. }
            | Step::MaskedAgain { node, .. }
            | Step::Truncate { node, .. }
            | Step::Conv2d { node, .. }
            | Step::Moments { node, .. }
            | Step::Map { node, .. }
            | Step::Linear { node, .. }
            | Step::MaskedBackward { node, .. }
            | Step::GradientMoments { statistics: Statistics { node, .. }, .. }
            | Step::Pass { moments: Some(Statistics { node, .. }), .. }
            | Step::NormaliseBackward { node, .. }
            | Step::Conv2dBackward { node, .. }
            | Step::MapBackward { node, .. }
            | Step::LinearBackward { node, .. } => Some(node),
            Step::Sum { ref terms, .. } => terms.iter().find_map(|term| term.normalised_by),
            Step::Input { .. }
            | Step::Loss { .. }
            | Step::Copy { .. }
            | Step::Add { .. }
            | Step::Pass { .. }
            | Step::Keep { .. }
            | Step::Narrow { .. }
            | Step::Widen { .. } => None,
        }
    }

    /// Names its buffers anew.
    pub(crate) fn rename(&mut self, name: impl Fn(Buffer) -> Buffer) {
        let rename = |buffer: &mut Buffer| *buffer = name(*buffer);
        let of_statistics = |statistics: &mut Statistics| statistics.input = name(statistics.input);
        match self {
            Step::Input { output } => rename(output),
            Step::Sum { terms, output, .. } => {
                for term in terms {
                    rename(&mut term.buffer);
                }
                rename(output);
            }
            Step::Masked { map: buffer, .. }
            | Step::MaskedAgain { map: buffer, .. }
            | Step::Truncate { map: buffer, .. }
            | Step::MaskedBackward { gradient: buffer, .. }
            | Step::Keep { from: buffer }
            | Step::Moments { input: buffer, .. } => rename(buffer),
            Step::Conv2d { input: from, output: to, .. }
            | Step::Map { input: from, output: to, .. }
            | Step::Linear { input: from, output: to, .. }
            | Step::Loss { logits: from, gradient: to }
            | Step::Copy { from, to }
            | Step::Add { sum: to, term: from }
            | Step::Narrow { from, to }
            | Step::Widen { from, to }
            | Step::MapBackward { gradient: from, target: Target { buffer: to, .. }, .. } => {
                rename(from);
                rename(to);
            }
            Step::Pass { passed, gradient, moments } => {
                match passed {
                    Passed::Above(buffer) => rename(buffer),
                    Passed::Normalised(term) => rename(&mut term.buffer),
                }
                rename(gradient);
                if let Some(statistics) = moments {
                    of_statistics(statistics);
                }
            }
            Step::GradientMoments { statistics, gradient } => {
                of_statistics(statistics);
                rename(gradient);
            }
            Step::NormaliseBackward { input, gradient, output, .. } => {
                rename(input);
                rename(gradient);
                rename(output);
            }
            Step::Conv2dBackward { input, gradient, target, .. }
            | Step::LinearBackward { input, gradient, target, .. } => {
                rename(input);
                rename(gradient);
                if let Some(target) = target {
                    rename(&mut target.buffer);
                }
            }
        }
    }
}

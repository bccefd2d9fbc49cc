//! Batch normalisation of maps in pixels while it trains: moments of a map and of its gradient, and what they make of
//! them. Values that a scale, a shift and a nonlinearity give are never stored, but made again where they are needed.

use super::epilogue::Activation;
use crate::batch_norm::BatchNormGradient;
use crate::isa::{Full, Isa, Lanes, Partial};
use pulp::{Simd, WithSimd};

/// Floats of all channels that one group of channels is followed through before the next: few enough to stay in a near
/// cache.
const RUN: usize = 4096;

/// Pixels of a run at least.
const SHORTEST: usize = 64;

/// Pixels of a run at most: float32 sums over a quarter of them lose little before they are added up in float64.
const LONGEST: usize = 256;

/// Values of the widest vector.
const WIDEST: usize = 16;

/// A map `[pixels, channels]`, normalised or as it is.
#[derive(Clone, Copy, Debug)]
pub struct Term<'a> {
    /// Its values.
    pub map: &'a [f32],
    /// Scale and shift of every channel.
    pub scale_shift: Option<(&'a [f32], &'a [f32])>,
}

/// Which derivatives a ReLU lets through.
#[derive(Clone, Copy, Debug)]
pub enum Passed<'a> {
    /// All: there is none.
    All,
    /// Those of the pixels where its output, this map, is above zero.
    Above(&'a [f32]),
    /// Those where its input, this normalised map, is above zero.
    Normalised(Term<'a>),
}

/// `activation(Σ scale∘map + shift)` of maps `[pixels, channels]`.
///
/// # Panics
/// If there is no term or a slice does not have the length its shape says.
pub fn sum_into(isa: Isa, channels: usize, terms: &[Term], activation: Activation, output: &mut [f32]) {
    check(channels, output.len(), terms);
    let [first, rest @ ..] = terms else {
        panic!("a sum has at least one term");
    };
    isa.run(Sum { channels, first: *first, rest, activation, output });
}

fn check(channels: usize, length: usize, terms: &[Term]) {
    assert_eq!(length % channels, 0, "whole pixels");
    for Term { map, scale_shift } in terms {
        assert_eq!(map.len(), length, "maps of one shape");
        assert!(
            scale_shift.is_none_or(|(scale, shift)| scale.len() == channels && shift.len() == channels),
            "one scale and one shift a channel"
        );
    }
}

/// Calls with every group of channels of every run of pixels.
macro_rules! each_group {
    ($simd:ident, $channels:expr, $length:expr, |$lanes:ident, $channel:ident, $run:ident| $body:expr) => {
        let (channels, length) = ($channels, $length);
        let step = (RUN / channels).clamp(SHORTEST, LONGEST) * channels;
        let mut start = 0;
        while start < length {
            let $run = start..(start + step).min(length);
            let mut $channel = 0;
            while $channel + S::F32_LANES <= channels {
                let $lanes = Full;
                $body;
                $channel += S::F32_LANES;
            }
            if $channel < channels {
                let $lanes = Partial::new(channels - $channel);
                $body;
            }
            start += step;
        }
    };
}

struct Sum<'a> {
    channels: usize,
    first: Term<'a>,
    rest: &'a [Term<'a>],
    activation: Activation<'a>,
    output: &'a mut [f32],
}

impl WithSimd for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Sum { channels, first, rest, activation, output } = self;
        each_group!(simd, channels, output.len(), |lanes, channel, run| {
            let output = &mut output[run.clone()];
            let first_of_run = Group::new(simd, lanes, &first, run.clone(), channel);
            match rest {
                [] => sum_run(simd, lanes, channels, channel, [first_of_run], activation, output),
                [second] => {
                    let second = Group::new(simd, lanes, second, run.clone(), channel);
                    sum_run(simd, lanes, channels, channel, [first_of_run, second], activation, output);
                }
                [others @ .., last] => {
                    sum_run(simd, lanes, channels, channel, [first_of_run], Activation::Identity, output);
                    for term in others {
                        let term = Group::new(simd, lanes, term, run.clone(), channel);
                        add_run(simd, lanes, channels, channel, term, Activation::Identity, output);
                    }
                    let last = Group::new(simd, lanes, last, run.clone(), channel);
                    add_run(simd, lanes, channels, channel, last, activation, output);
                }
            }
        });
    }
}

/// One group of channels of a run of a term.
#[derive(Clone, Copy)]
struct Group<'a, V> {
    map: &'a [f32],
    scale_shift: Option<(V, V)>,
}

impl<'a, V: Copy> Group<'a, V> {
    #[inline(always)]
    fn new<S: Simd<f32s = V>, L: Lanes>(
        simd: S,
        lanes: L,
        term: &Term<'a>,
        run: std::ops::Range<usize>,
        channel: usize,
    ) -> Self {
        let load = |values: &[f32]| lanes.load(simd, &values[channel..]);
        let scale_shift = term.scale_shift.map(|(scale, shift)| (load(scale), load(shift)));
        Group { map: &term.map[run], scale_shift }
    }

    #[inline(always)]
    fn value<S: Simd<f32s = V>, L: Lanes>(&self, simd: S, lanes: L, at: usize) -> V {
        let value = lanes.load(simd, &self.map[at..]);
        match self.scale_shift {
            Some((scale, shift)) => simd.mul_add_e_f32s(scale, value, shift),
            None => value,
        }
    }
}

#[inline(always)]
fn sum_run<S: Simd, L: Lanes, const N: usize>(
    simd: S,
    lanes: L,
    channels: usize,
    channel: usize,
    terms: [Group<S::f32s>; N],
    activation: Activation,
    output: &mut [f32],
) {
    for at in (channel..output.len()).step_by(channels) {
        let mut sum = terms[0].value(simd, lanes, at);
        for term in &terms[1..] {
            sum = simd.add_f32s(sum, term.value(simd, lanes, at));
        }
        lanes.store(simd, &mut output[at..], activation.apply(simd, sum));
    }
}

#[inline(always)]
fn add_run<S: Simd, L: Lanes>(
    simd: S,
    lanes: L,
    channels: usize,
    channel: usize,
    term: Group<S::f32s>,
    activation: Activation,
    output: &mut [f32],
) {
    for at in (channel..output.len()).step_by(channels) {
        let sum = simd.add_f32s(lanes.load(simd, &output[at..]), term.value(simd, lanes, at));
        lanes.store(simd, &mut output[at..], activation.apply(simd, sum));
    }
}

/// Sums of a map that [`add_moments`] adds up for every channel: of its pixels and of their squares.
pub const MOMENTS: usize = 2;

/// Adds the sums of a map `[pixels, channels]` to `moments` `[2, channels]`: Σ x, Σ x².
///
/// # Panics
/// If a slice does not have the length its shape says.
pub fn add_moments(isa: Isa, channels: usize, map: &[f32], moments: &mut [f64]) {
    assert_eq!(map.len() % channels, 0, "whole pixels");
    assert_eq!(moments.len(), MOMENTS * channels, "two moments a channel");
    isa.run(Moments { channels, map, totals: moments });
}

struct Moments<'a> {
    channels: usize,
    map: &'a [f32],
    totals: &'a mut [f64],
}

impl WithSimd for Moments<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Moments { channels, map, totals } = self;
        let (sums, squares) = totals.split_at_mut(channels);
        each_group!(simd, channels, map.len(), |lanes, channel, run| {
            let map = &map[run.clone()];
            let mut parts = [[simd.splat_f32s(0.0); 2]; 4];
            for (number, at) in (channel..map.len()).step_by(channels).enumerate() {
                let value = lanes.load(simd, &map[at..]);
                let [sum, square] = &mut parts[number % 4];
                *sum = simd.add_f32s(*sum, value);
                *square = simd.mul_add_e_f32s(value, value, *square);
            }
            add_up(simd, lanes, &parts, [&mut sums[channel..], &mut squares[channel..]]);
        });
    }
}

/// Adds partial sums in float32 to sums in float64.
#[inline(always)]
fn add_up<S: Simd, L: Lanes>(simd: S, lanes: L, parts: &[[S::f32s; 2]; 4], totals: [&mut [f64]; 2]) {
    for (which, totals) in totals.into_iter().enumerate() {
        let [a, b, c, d] = [parts[0][which], parts[1][which], parts[2][which], parts[3][which]];
        let mut values = [0.0; WIDEST];
        Full.store(simd, &mut values, simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d)));
        for (total, &value) in totals[..lanes.count::<S>()].iter_mut().zip(&values) {
            *total += f64::from(value);
        }
    }
}

/// Sets the derivatives `[pixels, channels]` that a ReLU holds back to zero.
///
/// # Panics
/// If a slice does not have the length its shape says.
pub fn pass_in_place(isa: Isa, channels: usize, passed: Passed, gradient: &mut [f32]) {
    gradient_pass(isa, channels, passed, gradient, None);
}

/// The same, and adds what is left of the gradient of a normalisation's output to `moments` `[2, channels]`: Σ dy·x and
/// Σ dy, `input` being x.
///
/// # Panics
/// If a slice does not have the length its shape says.
pub fn pass_and_add_moments(
    isa: Isa,
    channels: usize,
    passed: Passed,
    gradient: &mut [f32],
    input: &[f32],
    moments: &mut [f64],
) {
    assert_eq!(input.len(), gradient.len(), "maps of one shape");
    assert_eq!(moments.len(), MOMENTS * channels, "two moments a channel");
    gradient_pass(isa, channels, passed, gradient, Some((input, moments)));
}

fn gradient_pass(
    isa: Isa,
    channels: usize,
    passed: Passed,
    gradient: &mut [f32],
    moments: Option<(&[f32], &mut [f64])>,
) {
    match passed {
        Passed::All => check(channels, gradient.len(), &[]),
        Passed::Above(map) => check(channels, gradient.len(), &[Term { map, scale_shift: None }]),
        Passed::Normalised(term) => check(channels, gradient.len(), &[term]),
    }
    isa.run(GradientPass { channels, passed, gradient, moments });
}

struct GradientPass<'a> {
    channels: usize,
    passed: Passed<'a>,
    gradient: &'a mut [f32],
    moments: Option<(&'a [f32], &'a mut [f64])>,
}

impl WithSimd for GradientPass<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let GradientPass { channels, passed, gradient, mut moments } = self;
        each_group!(simd, channels, gradient.len(), |lanes, channel, run| {
            let gradient = &mut gradient[run.clone()];
            let signs = match passed {
                Passed::All => None,
                Passed::Above(map) => Some(Term { map, scale_shift: None }),
                Passed::Normalised(term) => Some(term),
            };
            let signs = signs.map(|term| Group::new(simd, lanes, &term, run.clone(), channel));
            match &mut moments {
                None => {
                    if let Some(signs) = signs {
                        for at in (channel..gradient.len()).step_by(channels) {
                            let value = passing(simd, lanes, signs, &gradient[at..], at);
                            lanes.store(simd, &mut gradient[at..], value);
                        }
                    }
                }
                Some((input, moments)) => {
                    let input = &input[run.clone()];
                    let mut parts = [[simd.splat_f32s(0.0); 2]; 4];
                    for (number, at) in (channel..gradient.len()).step_by(channels).enumerate() {
                        let value = match signs {
                            None => lanes.load(simd, &gradient[at..]),
                            Some(signs) => {
                                let value = passing(simd, lanes, signs, &gradient[at..], at);
                                lanes.store(simd, &mut gradient[at..], value);
                                value
                            }
                        };
                        let [product, sum] = &mut parts[number % 4];
                        *product = simd.mul_add_e_f32s(value, lanes.load(simd, &input[at..]), *product);
                        *sum = simd.add_f32s(*sum, value);
                    }
                    let (products, sums) = moments.split_at_mut(channels);
                    add_up(simd, lanes, &parts, [&mut products[channel..], &mut sums[channel..]]);
                }
            }
        });
    }
}

/// A derivative where its sign is above zero, else zero.
#[inline(always)]
fn passing<S: Simd, L: Lanes>(simd: S, lanes: L, signs: Group<S::f32s>, gradient: &[f32], at: usize) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    let above = simd.greater_than_f32s(signs.value(simd, lanes, at), zero);
    simd.select_f32s(above, lanes.load(simd, gradient), zero)
}

/// The gradient to a normalisation's input `[pixels, channels]` from that of its output.
///
/// # Panics
/// If a slice does not have the length its shape says.
pub fn normalise_backward_into(
    isa: Isa,
    input: &[f32],
    output_gradient: &[f32],
    gradient: &BatchNormGradient,
    input_gradient: &mut [f32],
) {
    let channels = gradient.dc.len();
    assert_eq!(input.len() % channels, 0, "whole pixels");
    assert!(input.len() == output_gradient.len() && input.len() == input_gradient.len(), "maps of one shape");
    isa.run(Backward { channels, input, output_gradient, gradient, input_gradient });
}

struct Backward<'a> {
    channels: usize,
    input: &'a [f32],
    output_gradient: &'a [f32],
    gradient: &'a BatchNormGradient,
    input_gradient: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Backward { channels, input, output_gradient, gradient, input_gradient } = self;
        each_group!(simd, channels, input.len(), |lanes, channel, run| {
            let of_output = lanes.load(simd, &gradient.of_output[channel..]);
            let of_input = lanes.load(simd, &gradient.of_input[channel..]);
            // A constant is eight times as large at DC as in every pixel.
            let dc = lanes.load(simd, &gradient.dc[channel..]);
            let shift = simd.mul_f32s(simd.splat_f32s(0.125), dc);
            for at in (run.start + channel..run.end).step_by(channels) {
                let sum = simd.mul_add_e_f32s(of_input, lanes.load(simd, &input[at..]), shift);
                let sum = simd.mul_add_e_f32s(of_output, lanes.load(simd, &output_gradient[at..]), sum);
                lanes.store(simd, &mut input_gradient[at..], sum);
            }
        });
    }
}

/// Adds the gradient of a bias: the sum of the derivatives `[pixels, channels]`, one a channel.
///
/// # Panics
/// If the derivatives are not whole pixels.
pub fn add_bias_gradient(isa: Isa, output_gradient: &[f32], bias_gradient: &mut [f32]) {
    let channels = bias_gradient.len();
    assert_eq!(output_gradient.len() % channels, 0, "whole pixels");
    isa.vectorise(
        #[inline(always)]
        || {
            for pixel in output_gradient.chunks_exact(channels) {
                for (sum, gradient) in bias_gradient.iter_mut().zip(pixel) {
                    *sum += gradient;
                }
            }
        },
    );
}

//! Draws what is random about a list of transforms, and builds the view.
//!
//! Sizes, places and distributions are those of torchvision's transforms of the same names, which its documentation and
//! source define; only the random numbers are others.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths and areas of pictures, rounded and compared with bounds"
)]

use super::spec::{PaddingSpec, ResizeSpec, TransformSpec};
use crate::EngineError;
use crate::random::{Draws, transform_stream};
use crate::view::{ColourOperation, LONGEST_SIDE, Rectangle, Rgb, Sides, View};
use jpegnet_kernels::resize::{Filter, Padding};

/// How often a rectangle of random area and proportions is drawn until one lies within the picture.
const ATTEMPTS: usize = 10;

/// What names the random numbers of one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed {
    /// Of a training.
    pub seed: u64,
    /// Of its epochs.
    pub epoch: u64,
    /// Of the pictures of its data.
    pub picture: u64,
}

/// Adds the transforms to a view, in their order. The same seed gives the same view.
///
/// # Errors
/// [`EngineError::SizeMismatch`] if the picture, called `name`, is too small or would become too large for one.
pub fn view_of(name: &str, mut view: View, transforms: &[TransformSpec], seed: Seed) -> Result<View, EngineError> {
    let mut draws = transform_stream(seed.seed, seed.epoch, seed.picture);
    for transform in transforms {
        add(&mut view, transform, &mut draws).map_err(|Impossible(expected)| EngineError::SizeMismatch {
            file: name.to_owned(),
            expected,
            found: format!("{}×{}", view.width(), view.height()),
        })?;
    }
    Ok(view)
}

/// What a picture must be for a transform.
struct Impossible(String);

fn add(view: &mut View, transform: &TransformSpec, draws: &mut Draws) -> Result<(), Impossible> {
    match *transform {
        TransformSpec::Resize { size, filter } => resize(view, size, filter.into())?,
        TransformSpec::Crop { left, top, width, height } => {
            if left + width > view.width() || top + height > view.height() {
                return Err(Impossible(format!("at least {}×{}", left + width, top + height)));
            }
            view.crop(Rectangle { left, top, width, height });
        }
        TransformSpec::Cover { width, height, filter } => cover(view, (width, height), filter.into())?,
        TransformSpec::CenterCrop { width, height } => centre_crop(view, width, height)?,
        TransformSpec::Pad { sides: [left, top, right, bottom], padding } => {
            pad(view, Sides { left, top, right, bottom }, padding)?;
        }
        TransformSpec::RandomCrop { width, height, margin, padding } => {
            if width > view.width() + 2 * margin || height > view.height() + 2 * margin {
                let needed = |side: usize| side.saturating_sub(2 * margin).max(1);
                return Err(Impossible(format!("at least {}×{}", needed(width), needed(height))));
            }
            pad(view, Sides { left: margin, top: margin, right: margin, bottom: margin }, padding)?;
            let (left, top) = (draws.up_to(view.width() - width), draws.up_to(view.height() - height));
            view.crop(Rectangle { left, top, width, height });
        }
        TransformSpec::RandomResizedCrop { width, height, scale, ratio, filter } => {
            let rectangle = random_part(view, scale, ratio, draws);
            view.crop(rectangle);
            view.resize(width, height, filter.into());
        }
        TransformSpec::FlipHorizontally { probability } => {
            if draws.chance(probability) {
                view.flip_horizontally();
            }
        }
        TransformSpec::FlipVertically { probability } => {
            if draws.chance(probability) {
                view.flip_vertically();
            }
        }
        TransformSpec::Rotate { ref quarters } => view.rotate(quarters[draws.up_to(quarters.len() - 1)]),
        TransformSpec::ColorJitter { brightness, contrast, saturation } => {
            let mut operations = [
                ColourOperation::Brightness(draws.between(brightness) as f32),
                ColourOperation::Contrast(draws.between(contrast) as f32),
                ColourOperation::Saturation(draws.between(saturation) as f32),
            ];
            for last in (1..operations.len()).rev() {
                operations.swap(last, draws.up_to(last));
            }
            for operation in operations {
                view.recolour(operation);
            }
        }
        TransformSpec::Gray { probability } => {
            if draws.chance(probability) {
                view.recolour(ColourOperation::Gray);
            }
        }
        TransformSpec::RandomErasing { probability, scale, ratio, fill } => {
            if draws.chance(probability) {
                erase_randomly(view, scale, ratio, fill, draws);
            }
        }
        TransformSpec::Cutout { size, fill } => {
            let (x, y) = (draws.up_to(view.width() - 1), draws.up_to(view.height() - 1));
            let (left, width) = around(x, size, view.width());
            let (top, height) = around(y, size, view.height());
            view.erase(Rectangle { left, top, width, height }, fill);
        }
    }
    Ok(())
}

fn resize(view: &mut View, size: ResizeSpec, filter: Filter) -> Result<(), Impossible> {
    let (width, height) = match size {
        ResizeSpec::Both { width, height } => (width, height),
        ResizeSpec::Shorter { shorter } => {
            let (short, long) = (view.width().min(view.height()), view.width().max(view.height()));
            let longer = shorter * long / short;
            if longer > LONGEST_SIDE {
                return Err(too_long(view, LONGEST_SIDE * short / shorter));
            }
            if view.width() <= view.height() { (shorter, longer) } else { (longer, shorter) }
        }
    };
    view.resize(width, height, filter);
    Ok(())
}

/// The longer side may have so many pixels.
fn too_long(view: &View, most: usize) -> Impossible {
    let (width, height) = (view.width(), view.height());
    Impossible(if width > height { format!("at most {most}×{height}") } else { format!("at most {width}×{most}") })
}

fn cover(view: &mut View, (width, height): (usize, usize), filter: Filter) -> Result<(), Impossible> {
    // The side that needs the larger factor gets its length; the other one keeps the proportion.
    let by_width = width * view.height() >= height * view.width();
    let (length, found) = if by_width { (width, view.width()) } else { (height, view.height()) };
    let scaled = |side: usize| (side as f64 * length as f64 / found as f64).round_ties_even() as usize;
    let covering = (scaled(view.width()).max(width), scaled(view.height()).max(height));
    let longest = covering.0.max(covering.1);
    if longest > LONGEST_SIDE {
        return Err(too_long(view, LONGEST_SIDE * found / length));
    }
    view.resize(covering.0, covering.1, filter);
    centre_crop(view, width, height)
}

/// torchvision's `center_crop`: what is smaller is padded with black, halves are rounded as Python rounds.
fn centre_crop(view: &mut View, width: usize, height: usize) -> Result<(), Impossible> {
    let lacking = |side: usize, found: usize| side.saturating_sub(found);
    let (across, down) = (lacking(width, view.width()), lacking(height, view.height()));
    let sides = Sides { left: across / 2, top: down / 2, right: across.div_ceil(2), bottom: down.div_ceil(2) };
    pad(view, sides, PaddingSpec::Constant { fill: [0.0; 3] })?;
    let middle = |found: usize, side: usize| ((found - side) as f64 / 2.0).round_ties_even() as usize;
    view.crop(Rectangle { left: middle(view.width(), width), top: middle(view.height(), height), width, height });
    Ok(())
}

fn pad(view: &mut View, sides: Sides, padding: PaddingSpec) -> Result<(), Impossible> {
    let Sides { left, top, right, bottom } = sides;
    let (mode, fill) = match padding {
        PaddingSpec::Constant { fill } => (Padding::Constant, fill),
        PaddingSpec::Edge => (Padding::Edge, [0.0; 3]),
        PaddingSpec::Reflect => (Padding::Reflect, [0.0; 3]),
    };
    let (across, down) = (left.max(right), top.max(bottom));
    if mode == Padding::Reflect && (across >= view.width() || down >= view.height()) {
        return Err(Impossible(format!("at least {}×{}", across + 1, down + 1)));
    }
    let (width, height) = (view.width() + left + right, view.height() + top + bottom);
    // A list of transforms pads in one colour; what is left is the black around a centre crop.
    if mode == Padding::Constant && (width, height) != (view.width(), view.height()) && view.is_padded_otherwise(fill) {
        return Err(Impossible(format!("at least {width}×{height}")));
    }
    if width.max(height) > LONGEST_SIDE {
        let most = |added: usize| LONGEST_SIDE.saturating_sub(added);
        return Err(Impossible(format!("at most {}×{}", most(left + right), most(top + bottom))));
    }
    view.pad(sides, mode, fill);
    Ok(())
}

/// torchvision's `RandomResizedCrop.get_params`: if no attempt lies within the picture, the middle of allowed proportions.
fn random_part(view: &View, scale: [f64; 2], ratio: [f64; 2], draws: &mut Draws) -> Rectangle {
    let (whole_width, whole_height) = (view.width(), view.height());
    for _ in 0..ATTEMPTS {
        let area = (whole_width * whole_height) as f64 * draws.between(scale);
        let proportion = draws.between(ratio.map(f64::ln)).exp();
        let width = (area * proportion).sqrt().round_ties_even() as usize;
        let height = (area / proportion).sqrt().round_ties_even() as usize;
        if (1..=whole_width).contains(&width) && (1..=whole_height).contains(&height) {
            let (left, top) = (draws.up_to(whole_width - width), draws.up_to(whole_height - height));
            return Rectangle { left, top, width, height };
        }
    }
    let proportion = (whole_width as f64 / whole_height as f64).clamp(ratio[0], ratio[1]);
    let width = ((whole_height as f64 * proportion).round_ties_even() as usize).clamp(1, whole_width);
    let height = ((whole_width as f64 / proportion).round_ties_even() as usize).clamp(1, whole_height);
    Rectangle { left: (whole_width - width) / 2, top: (whole_height - height) / 2, width, height }
}

/// torchvision's `RandomErasing.get_params`: nothing if no attempt lies within the picture.
fn erase_randomly(view: &mut View, scale: [f64; 2], ratio: [f64; 2], fill: Rgb, draws: &mut Draws) {
    let (whole_width, whole_height) = (view.width(), view.height());
    for _ in 0..ATTEMPTS {
        let area = (whole_width * whole_height) as f64 * draws.between(scale);
        let proportion = draws.between(ratio.map(f64::ln)).exp();
        let height = (area * proportion).sqrt().round_ties_even() as usize;
        let width = (area / proportion).sqrt().round_ties_even() as usize;
        if height < whole_height && width < whole_width {
            let (top, left) = (draws.up_to(whole_height - height), draws.up_to(whole_width - width));
            return view.erase(Rectangle { left, top, width, height }, fill);
        }
    }
}

/// The first pixel and the count of those of a square around a pixel that lie within so many.
fn around(centre: usize, size: usize, pixels: usize) -> (usize, usize) {
    let first = centre.saturating_sub(size / 2);
    let end = (centre + size - size / 2).min(pixels);
    (first, end - first)
}

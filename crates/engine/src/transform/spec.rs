//! Transforms as they cross the border: plain data, checked once.

use crate::EngineError;
use crate::view::{LONGEST_SIDE, Rgb};
use jpegnet_kernels::resize::Filter;
use serde::{Deserialize, Serialize};

/// Something to do to a picture, at random or not. Names and meanings are torchvision's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "type", deny_unknown_fields)]
pub enum TransformSpec {
    /// To a size, whatever the proportions.
    Resize {
        /// What becomes of the sides.
        size: ResizeSpec,
        /// The filter.
        filter: FilterSpec,
    },
    /// A rectangle of pixels.
    Crop {
        /// Columns to the left of it.
        left: usize,
        /// Rows above it.
        top: usize,
        /// Its columns.
        width: usize,
        /// Its rows.
        height: usize,
    },
    /// To a size: resized, in proportion, until it covers it, and of that the middle.
    Cover {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// The filter.
        filter: FilterSpec,
    },
    /// The middle; what is smaller is padded with black.
    CenterCrop {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// Pixels around the picture.
    Pad {
        /// Columns or rows at the left, top, right and bottom.
        sides: [usize; 4],
        /// What they hold.
        padding: PaddingSpec,
    },
    /// Anywhere, with padding before.
    RandomCrop {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// Pixels added on all sides before.
        margin: usize,
        /// What they hold.
        padding: PaddingSpec,
    },
    /// A rectangle of random area and proportions, resized.
    RandomResizedCrop {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
        /// Shares of the picture's area, least and most.
        scale: [f64; 2],
        /// Width by height, least and most.
        ratio: [f64; 2],
        /// The filter.
        filter: FilterSpec,
    },
    /// Left and right exchanged.
    FlipHorizontally {
        /// How likely.
        probability: f64,
    },
    /// Top and bottom exchanged.
    FlipVertically {
        /// How likely.
        probability: f64,
    },
    /// Turned clockwise by one of these numbers of right angles.
    Rotate {
        /// Each as likely as another.
        quarters: Vec<u32>,
    },
    /// Changes of colour in random order.
    ColorJitter {
        /// Factors, least and most.
        brightness: [f64; 2],
        /// Factors, least and most.
        contrast: [f64; 2],
        /// Factors, least and most.
        saturation: [f64; 2],
    },
    /// Luma in all channels.
    Gray {
        /// How likely.
        probability: f64,
    },
    /// A rectangle of random area and proportions painted over.
    RandomErasing {
        /// How likely.
        probability: f64,
        /// Shares of the area, least and most.
        scale: [f64; 2],
        /// Height by width, least and most.
        ratio: [f64; 2],
        /// Grey levels of red, green and blue.
        fill: Rgb,
    },
    /// A square with its centre anywhere painted over, as far as it lies within the picture.
    Cutout {
        /// Its side.
        size: usize,
        /// Grey levels of red, green and blue.
        fill: Rgb,
    },
}

/// What becomes of the sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", untagged, deny_unknown_fields)]
pub enum ResizeSpec {
    /// The shorter side gets this length, the longer one keeps the proportion.
    Shorter {
        /// Its length.
        shorter: usize,
    },
    /// Both get a length.
    Both {
        /// Columns.
        width: usize,
        /// Rows.
        height: usize,
    },
}

/// A filter of resampling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FilterSpec {
    /// Linear interpolation.
    Bilinear,
    /// Keys's cubic.
    Bicubic,
    /// The windowed sinc.
    Lanczos,
}

impl From<FilterSpec> for Filter {
    fn from(filter: FilterSpec) -> Filter {
        match filter {
            FilterSpec::Bilinear => Filter::Bilinear,
            FilterSpec::Bicubic => Filter::Bicubic,
            FilterSpec::Lanczos => Filter::Lanczos,
        }
    }
}

/// What pixels beyond a picture hold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "mode", deny_unknown_fields)]
pub enum PaddingSpec {
    /// One colour.
    Constant {
        /// Grey levels of red, green and blue.
        fill: Rgb,
    },
    /// The pixel at the edge.
    Edge,
    /// The picture mirrored at its edge's pixel.
    Reflect,
}

/// How a transform reads in an order of transforms.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Geometry,
    Colour,
    Painting,
}

impl TransformSpec {
    /// Reads a list of transforms from JSON and checks it.
    ///
    /// # Errors
    /// [`EngineError::InvalidOption`] naming the transform.
    pub fn list_from_json(json: &str) -> Result<Vec<TransformSpec>, EngineError> {
        let list: Vec<TransformSpec> = serde_json::from_str(json)
            .map_err(|error| invalid("transform", "a list of transforms as JSON", &error.to_string()))?;
        for (number, transform) in list.iter().enumerate() {
            transform.check(&format!("transform[{number}]"))?;
            if let Some(before) = number.checked_sub(1)
                && list[before].stage() > transform.stage()
            {
                let expected = "geometry first, then colours, then erasing";
                return Err(invalid(&format!("transform[{number}]"), expected, "another order"));
            }
        }
        let mut fills =
            list.iter().enumerate().filter_map(|(number, transform)| Some((number, transform.padded_in()?)));
        if let Some((_, first)) = fills.next()
            && let Some((number, other)) = fills.find(|(_, fill)| fill.map(f32::to_bits) != first.map(f32::to_bits))
        {
            let expected = format!("one colour of padding in a list, {first:?}");
            return Err(invalid(&format!("transform[{number}].padding"), &expected, &format!("{other:?}")));
        }
        Ok(list)
    }

    /// The colour of its constant padding, if it has such.
    fn padded_in(&self) -> Option<Rgb> {
        match *self {
            TransformSpec::Pad { padding: PaddingSpec::Constant { fill }, sides } => (sides != [0; 4]).then_some(fill),
            TransformSpec::RandomCrop { padding: PaddingSpec::Constant { fill }, margin, .. } => {
                (margin > 0).then_some(fill)
            }
            _ => None,
        }
    }

    fn stage(&self) -> Stage {
        match self {
            TransformSpec::ColorJitter { .. } | TransformSpec::Gray { .. } => Stage::Colour,
            TransformSpec::RandomErasing { .. } | TransformSpec::Cutout { .. } => Stage::Painting,
            _ => Stage::Geometry,
        }
    }

    fn check(&self, at: &str) -> Result<(), EngineError> {
        /// Smaller than any share or proportion that makes sense, so that no quotient overflows.
        const SMALLEST: f64 = 1e-6;
        let side = |name: &str, length: usize| {
            let fits = (1..=LONGEST_SIDE).contains(&length);
            let expected = format!("1…{LONGEST_SIDE} pixels");
            fits.then_some(()).ok_or_else(|| invalid(&format!("{at}.{name}"), &expected, &length.to_string()))
        };
        let range = |name: &str, [least, most]: [f64; 2], lowest: f64| {
            let fits = least >= lowest && least <= most && most.is_finite();
            let expected = format!("least and most, from {lowest}");
            fits.then_some(()).ok_or_else(|| invalid(&format!("{at}.{name}"), &expected, &format!("{least}, {most}")))
        };
        let likely = |probability: f64| {
            let fits = (0.0..=1.0).contains(&probability);
            fits.then_some(()).ok_or_else(|| invalid(&format!("{at}.probability"), "0…1", &probability.to_string()))
        };
        match *self {
            TransformSpec::Resize { size: ResizeSpec::Shorter { shorter }, .. } => side("shorter", shorter),
            TransformSpec::Resize { size: ResizeSpec::Both { width, height }, .. }
            | TransformSpec::Crop { width, height, .. }
            | TransformSpec::Cover { width, height, .. }
            | TransformSpec::CenterCrop { width, height } => side("width", width).and_then(|()| side("height", height)),
            TransformSpec::Pad { sides, .. } => {
                let most = sides.into_iter().max().unwrap_or(0);
                if most > 0 { side("sides", most) } else { Ok(()) }
            }
            TransformSpec::RandomCrop { width, height, margin, .. } => {
                side("width", width)?;
                side("height", height)?;
                if margin > 0 { side("margin", margin) } else { Ok(()) }
            }
            TransformSpec::RandomResizedCrop { width, height, scale, ratio, .. } => {
                side("width", width)?;
                side("height", height)?;
                range("scale", scale, SMALLEST)?;
                range("ratio", ratio, SMALLEST)
            }
            TransformSpec::FlipHorizontally { probability }
            | TransformSpec::FlipVertically { probability }
            | TransformSpec::Gray { probability } => likely(probability),
            TransformSpec::Rotate { ref quarters } if quarters.is_empty() => {
                Err(invalid(&format!("{at}.quarters"), "numbers of right angles", "none"))
            }
            TransformSpec::Rotate { .. } => Ok(()),
            TransformSpec::ColorJitter { brightness, contrast, saturation } => {
                range("brightness", brightness, 0.0)?;
                range("contrast", contrast, 0.0)?;
                range("saturation", saturation, 0.0)
            }
            TransformSpec::RandomErasing { probability, scale, ratio, .. } => {
                likely(probability)?;
                range("scale", scale, SMALLEST)?;
                range("ratio", ratio, SMALLEST)
            }
            TransformSpec::Cutout { size, .. } => side("size", size),
        }
    }
}

fn invalid(option: &str, expected: &str, found: &str) -> EngineError {
    EngineError::InvalidOption { option: option.into(), expected: expected.into(), found: found.into() }
}

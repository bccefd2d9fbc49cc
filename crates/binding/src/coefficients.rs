//! A picture's quantised coefficients across the border, into files and out of them.

use crate::failure::BindingFailure;
use crate::job::{Job, job};
use jpegnet_engine::coefficients::{read_coefficients_file as read, write_coefficients_file as write};
use jpegnet_engine::files::write_whole;
use jpegnet_jpeg::{
    BLOCK, Colour, Component, JpegError, LosslessTransform, Orientation, PixelBox, SparseBlocks, SparseJpeg,
    WriteOptions, transform_losslessly, write_coefficients,
};
use napi::bindgen_prelude::{AsyncTask, Int16Array, Uint8Array, Uint16Array};
use napi_derive::napi;
use std::path::PathBuf;
use std::sync::Arc;

/// All quantised coefficients of a picture, and what it takes to write them as a file.
#[napi(object)]
pub struct BindingCoefficients {
    /// Pixels from left to right, as they are stored.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// What the components stand for.
    #[napi(ts_type = "'gray' | 'ycbcr' | 'rgb' | 'cmyk' | 'ycck'")]
    pub colour: String,
    /// Whether samples are stored inverted, 255 for no ink.
    pub inverted: bool,
    /// How it is to be turned to be seen upright, 1–8 as in Exif data.
    pub orientation: u32,
    /// In the file's order.
    pub components: Vec<BindingPlane>,
}

/// A component's coefficients, zeros included.
#[napi(object)]
pub struct BindingPlane {
    /// The file's name for it.
    pub id: u32,
    /// Horizontal sampling factor.
    pub horizontal: u32,
    /// Vertical sampling factor.
    pub vertical: u32,
    /// Blocks from top to bottom.
    pub blocks_high: u32,
    /// Blocks from left to right.
    pub blocks_wide: u32,
    /// Quantisation steps `[8, 8]`, row-major.
    pub quantisation: Uint16Array,
    /// `[blocks high, blocks wide, 8, 8]`, row-major.
    pub values: Int16Array,
}

/// A crop of a picture as it is seen, then a turn.
#[napi(object)]
pub struct BindingLosslessTransform {
    /// Left, top, width and height of what is kept; all unless given.
    pub crop: Option<Vec<u32>>,
    /// How that is turned, 1–8 as in Exif data.
    pub turn: u32,
    /// Whether the picture is taken as it is stored.
    pub ignore_orientation: bool,
}

/// A picture whose coefficients are dense already, off JavaScript's thread.
pub struct Dense {
    jpeg: SparseJpeg,
    planes: Vec<Vec<i16>>,
}

impl Dense {
    pub(crate) fn of(jpeg: &SparseJpeg) -> Dense {
        let planes = jpeg.components.iter().map(|component| component.blocks.to_dense()).collect();
        Dense { jpeg: jpeg.clone(), planes }
    }
}

impl From<Dense> for BindingCoefficients {
    fn from(Dense { jpeg, planes }: Dense) -> Self {
        let count = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let components = jpeg.components.iter().zip(planes).map(|(component, values)| BindingPlane {
            id: component.id.into(),
            horizontal: component.horizontal.into(),
            vertical: component.vertical.into(),
            blocks_high: count(component.blocks_high),
            blocks_wide: count(component.blocks_wide),
            quantisation: component.quantisation.to_vec().into(),
            values: values.into(),
        });
        BindingCoefficients {
            width: jpeg.width,
            height: jpeg.height,
            colour: colour_name(jpeg.colour).to_owned(),
            inverted: jpeg.colour.is_inverted(),
            orientation: jpeg.orientation.number().into(),
            components: components.collect(),
        }
    }
}

/// What TypeScript calls a colour.
pub(crate) fn colour_name(colour: Colour) -> &'static str {
    match colour {
        Colour::Gray => "gray",
        Colour::YCbCr => "ycbcr",
        Colour::Rgb => "rgb",
        Colour::Cmyk { .. } => "cmyk",
        Colour::Ycck => "ycck",
    }
}

/// Copies coefficients out of JavaScript's memory, which JavaScript may change while a worker reads it.
fn copied(given: BindingCoefficients) -> Result<SparseJpeg, BindingFailure> {
    let BindingCoefficients { width, height, colour, inverted, orientation, components } = given;
    let colour = match colour.as_str() {
        "gray" => Colour::Gray,
        "ycbcr" => Colour::YCbCr,
        "rgb" => Colour::Rgb,
        "cmyk" => Colour::Cmyk { inverted },
        "ycck" => Colour::Ycck,
        other => return Err(BindingFailure::invalid_option("colour", "gray, ycbcr, rgb, cmyk or ycck", other)),
    };
    let component = |(index, plane): (usize, BindingPlane)| {
        let part = |name: &str| format!("components.{index}.{name}");
        let wrong = |name: &str, expected: &str, found: usize| {
            BindingFailure::invalid_option(&part(name), expected, &found.to_string())
        };
        let byte = |name: &str, value: u32| u8::try_from(value).map_err(|_| wrong(name, "a byte", value as usize));
        let (values, rest) = plane.values.as_chunks::<BLOCK>();
        if !rest.is_empty() {
            return Err(wrong("values", "64 values a block", plane.values.len()));
        }
        let steps: [u16; BLOCK] = plane
            .quantisation
            .as_ref()
            .try_into()
            .map_err(|_| wrong("quantisation", "64 steps", plane.quantisation.len()))?;
        Ok(Component {
            id: byte("id", plane.id)?,
            horizontal: byte("sampling", plane.horizontal)?,
            vertical: byte("sampling", plane.vertical)?,
            blocks_high: plane.blocks_high as usize,
            blocks_wide: plane.blocks_wide as usize,
            quantisation: Arc::new(steps),
            blocks: SparseBlocks::from_dense(values),
        })
    };
    let components = components.into_iter().enumerate().map(component).collect::<Result<_, _>>()?;
    let orientation = turn(orientation, "orientation")?;
    Ok(SparseJpeg { orientation, ..SparseJpeg::new(width, height, colour, components) })
}

fn turn(number: u32, option: &str) -> Result<Orientation, BindingFailure> {
    let turn = Orientation::of_number(number);
    turn.ok_or_else(|| BindingFailure::invalid_option(option, "a number from 1 to 8", &number.to_string()))
}

fn refused(error: JpegError) -> BindingFailure {
    BindingFailure::jpeg("coefficients", &error)
}

/// The bytes of a JPEG file with these coefficients, written to a file too if there is a path: whole, or an old one stays.
#[napi(ts_return_type = "Promise<Uint8Array | BindingFailure>")]
#[must_use]
pub fn write_jpeg(
    coefficients: BindingCoefficients,
    progressive: bool,
    path: Option<String>,
) -> AsyncTask<Job<Vec<u8>, Uint8Array>> {
    let jpeg = copied(coefficients);
    let options = WriteOptions { progressive, ..WriteOptions::default() };
    job(
        move || {
            let bytes = write_coefficients(&jpeg?, &options).map_err(refused)?;
            if let Some(path) = path {
                write_whole(&PathBuf::from(path), |file| file.write_all(&bytes))?;
            }
            Ok(bytes)
        },
        |_, bytes| bytes.into(),
    )
}

/// A part of a picture, turned, with the coefficients that it has.
#[napi(ts_return_type = "Promise<BindingCoefficients | BindingFailure>")]
#[must_use]
pub fn transform_coefficients(
    coefficients: BindingCoefficients,
    transform: BindingLosslessTransform,
) -> AsyncTask<Job<Dense, BindingCoefficients>> {
    let jpeg = copied(coefficients);
    job(
        move || {
            let crop = transform.crop.as_deref();
            let crop = crop.map(|sides| match *sides {
                [left, top, width, height] => Ok(PixelBox { left, top, width, height }),
                _ => Err(BindingFailure::invalid_option("crop", "4 numbers", &sides.len().to_string())),
            });
            let transform = LosslessTransform {
                crop: crop.transpose()?,
                turn: turn(transform.turn, "turn")?,
                ignore_orientation: transform.ignore_orientation,
            };
            let jpeg = transform_losslessly(&jpeg?, &transform).map_err(refused)?;
            Ok(Dense::of(&jpeg))
        },
        |_, dense| dense.into(),
    )
}

/// Writes coefficients as a safetensors file; a failure leaves an old one as it was.
#[napi(ts_return_type = "Promise<boolean | BindingFailure>")]
#[must_use]
pub fn write_coefficients_file(path: String, coefficients: BindingCoefficients) -> AsyncTask<Job<(), bool>> {
    let jpeg = copied(coefficients);
    job(move || Ok(write(&PathBuf::from(path), &jpeg?)?), |_, ()| true)
}

/// Reads coefficients from a safetensors file.
#[napi(ts_return_type = "Promise<BindingCoefficients | BindingFailure>")]
#[must_use]
pub fn read_coefficients_file(path: String) -> AsyncTask<Job<Dense, BindingCoefficients>> {
    job(move || Ok(Dense::of(&read(&PathBuf::from(path))?)), |_, dense| dense.into())
}

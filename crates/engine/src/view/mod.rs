//! What a network sees of a picture: a part of it, at another size, turned or mirrored, in other colours.
//!
//! A [`View`] is built operation by operation, in the order in which they are to happen, and [rendered](Renderer) from a
//! file's coefficients in one step: geometry is one matrix an axis, colours are one matrix a pixel.

mod colours;
mod cost;
mod pixels;
mod render;

pub use colours::ColourOperation;
pub use pixels::Pixels;
pub use render::{Renderer, needs_pixels};

use jpegnet_jpeg::Orientation;
use jpegnet_kernels::resize::{AxisMap, Filter, Padding};

/// Largest side that a view may have at any time, in pixels: that of a JPEG.
pub const LONGEST_SIDE: usize = 65_500;

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rectangle {
    /// Columns to the left of it.
    pub left: usize,
    /// Rows above it.
    pub top: usize,
    /// Its columns.
    pub width: usize,
    /// Its rows.
    pub height: usize,
}

/// Pixels to add around a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sides {
    /// Columns to the left.
    pub left: usize,
    /// Rows above.
    pub top: usize,
    /// Columns to the right.
    pub right: usize,
    /// Rows below.
    pub bottom: usize,
}

/// A colour in grey levels 0…255: red, green, blue.
pub type Rgb = [f32; 3];

/// What is made of a picture. Sides, rows and columns are those of the view as it is when an operation is added.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Of the picture's own axes, before any transposition.
    vertical: AxisMap,
    horizontal: AxisMap,
    transposed: bool,
    /// The colour of constant padding, if there is any.
    fill: Option<Rgb>,
    colours: Vec<ColourOperation>,
    erased: Vec<(Rectangle, Rgb)>,
    clamped: bool,
}

impl View {
    /// A picture as it is.
    #[must_use]
    pub fn new(width: usize, height: usize) -> View {
        View {
            vertical: AxisMap::identity(height),
            horizontal: AxisMap::identity(width),
            transposed: false,
            fill: None,
            colours: Vec::new(),
            erased: Vec::new(),
            clamped: false,
        }
    }

    /// Columns.
    #[must_use]
    pub fn width(&self) -> usize {
        if self.transposed { self.vertical.len() } else { self.horizontal.len() }
    }

    /// Rows.
    #[must_use]
    pub fn height(&self) -> usize {
        if self.transposed { self.horizontal.len() } else { self.vertical.len() }
    }

    /// Whether it is the picture as it is.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        let unchanged = !self.transposed && !self.clamped && self.colours.is_empty() && self.erased.is_empty();
        unchanged && self.vertical.is_identity() && self.horizontal.is_identity()
    }

    /// Whether it has constant padding of another colour.
    pub(crate) fn is_padded_otherwise(&self, fill: Rgb) -> bool {
        self.fill.is_some_and(|own| own.map(f32::to_bits) != fill.map(f32::to_bits))
    }

    /// Turns what is stored so upright.
    pub fn orient(&mut self, orientation: Orientation) {
        if orientation.transposes() {
            self.transpose();
        }
        if orientation.flips_columns() {
            self.flip_horizontally();
        }
        if orientation.flips_rows() {
            self.flip_vertically();
        }
    }

    /// Exchanges rows and columns.
    pub fn transpose(&mut self) {
        self.transposed = !self.transposed;
    }

    /// Exchanges left and right.
    pub fn flip_horizontally(&mut self) {
        self.change_columns(AxisMap::flip);
    }

    /// Exchanges top and bottom.
    pub fn flip_vertically(&mut self) {
        self.change_rows(AxisMap::flip);
    }

    /// Turns the picture clockwise by so many right angles.
    pub fn rotate(&mut self, quarters: u32) {
        if quarters % 2 == 1 {
            self.transpose();
        }
        // A quarter clockwise is a transposition and then a horizontal flip.
        if matches!(quarters % 4, 1 | 2) {
            self.flip_horizontally();
        }
        if matches!(quarters % 4, 2 | 3) {
            self.flip_vertically();
        }
    }

    /// Keeps a rectangle.
    ///
    /// # Panics
    /// If it does not lie within the view.
    pub fn crop(&mut self, Rectangle { left, top, width, height }: Rectangle) {
        self.change_columns(|map| map.crop(left..left + width));
        self.change_rows(|map| map.crop(top..top + height));
    }

    /// Resamples to a size, with antialiasing.
    ///
    /// # Panics
    /// If a side is 0.
    pub fn resize(&mut self, width: usize, height: usize, filter: Filter) {
        self.change_columns(|map| map.resize(width, filter));
        self.change_rows(|map| map.resize(height, filter));
    }

    /// Adds pixels around the picture; those of [`Padding::Constant`] have the colour `fill`, one for all paddings of a
    /// view.
    ///
    /// # Panics
    /// If there are not more pixels to reflect than are added.
    pub fn pad(&mut self, Sides { left, top, right, bottom }: Sides, padding: Padding, fill: Rgb) {
        if padding == Padding::Constant && left + top + right + bottom > 0 {
            self.fill = Some(fill);
        }
        self.change_columns(|map| map.pad(left, right, padding));
        self.change_rows(|map| map.pad(top, bottom, padding));
    }

    /// Changes the colours of all that is there now.
    pub fn recolour(&mut self, operation: ColourOperation) {
        self.colours.push(operation);
    }

    /// Paints a rectangle over the finished view, in a colour of its own.
    ///
    /// # Panics
    /// If it does not lie within the view.
    pub fn erase(&mut self, rectangle: Rectangle, fill: Rgb) {
        let Rectangle { left, top, width, height } = rectangle;
        assert!(left + width <= self.width() && top + height <= self.height(), "what is erased lies within the view");
        self.erased.push((rectangle, fill));
    }

    /// Clamps the picture's samples and colours to 0…255 before anything is done to it, as a decoder to 8 bits does.
    pub fn clamp(&mut self) {
        self.clamped = true;
    }

    fn change_columns(&mut self, change: impl FnOnce(AxisMap) -> AxisMap) {
        let map = if self.transposed { &mut self.vertical } else { &mut self.horizontal };
        *map = change(std::mem::replace(map, AxisMap::identity(0)));
    }

    fn change_rows(&mut self, change: impl FnOnce(AxisMap) -> AxisMap) {
        let map = if self.transposed { &mut self.horizontal } else { &mut self.vertical };
        *map = change(std::mem::replace(map, AxisMap::identity(0)));
    }
}

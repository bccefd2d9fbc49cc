//! Crops and turns that move whole blocks: no coefficient is rounded.

use crate::error::JpegError;
use crate::orientation::Orientation;
use crate::sparse::{BLOCK, Component, SparseBlocks, SparseJpeg};
use std::sync::Arc;

/// A box of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelBox {
    /// Pixels to its left.
    pub left: u32,
    /// Pixels above it.
    pub top: u32,
    /// Pixels from its left to its right edge, at least one.
    pub width: u32,
    /// Pixels from its top to its bottom edge, at least one.
    pub height: u32,
}

impl PixelBox {
    /// This box of an upright picture of that size, in the picture as it is stored.
    fn as_stored(self, orientation: Orientation, (width, height): (u32, u32)) -> PixelBox {
        let mut stored = self;
        if orientation.flips_columns() {
            stored.left = width - self.left - self.width;
        }
        if orientation.flips_rows() {
            stored.top = height - self.top - self.height;
        }
        if orientation.transposes() {
            let PixelBox { left, top, width, height } = stored;
            stored = PixelBox { left: top, top: left, width: height, height: width };
        }
        stored
    }
}

/// A crop, then a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LosslessTransform {
    /// What is kept of the picture as it is seen; all of it if there is none.
    pub crop: Option<PixelBox>,
    /// How what is kept is turned.
    pub turn: Orientation,
    /// Whether the picture is taken as it is stored and keeps its [`orientation`](SparseJpeg::orientation), rather than
    /// being turned upright.
    pub ignore_orientation: bool,
}

/// A part of a picture, turned, by moving blocks and changing signs: coefficients are those of the file.
///
/// The result is stored upright, unless the orientation is ignored. Blocks can only be taken whole from the left and the
/// top, and only whole ones can be mirrored: edges that are not between blocks of every component are refused, as
/// `jpegtran -perfect` does, but for the right and bottom edges of what is not mirrored.
///
/// # Errors
/// [`JpegError::Outside`] for a box that is not in the picture; [`JpegError::NotLossless`] for one whose left or top edge
/// is within a block, or a picture that would be mirrored at such an edge; [`JpegError::Unwritable`] for parts that are
/// not of one picture.
pub fn transform_losslessly(jpeg: &SparseJpeg, transform: &LosslessTransform) -> Result<SparseJpeg, JpegError> {
    jpeg.check()?;
    let orientation = if transform.ignore_orientation { Orientation::TopLeft } else { jpeg.orientation };
    let cut = match transform.crop {
        Some(seen) => crop(jpeg, seen, orientation)?,
        None => jpeg.clone(),
    };
    let turned = turn(cut, orientation.then(transform.turn))?;
    Ok(if transform.ignore_orientation { turned } else { SparseJpeg { orientation: Orientation::TopLeft, ..turned } })
}

/// The fewest pixels that are whole blocks of all components, horizontally and vertically.
fn whole_blocks(jpeg: &SparseJpeg) -> (u32, u32) {
    let (horizontal, vertical) = jpeg.largest_sampling();
    let whole = |own: fn(&Component) -> u8, largest: u8| {
        let side = 8 * u32::from(largest);
        // Sides are 8 · largest ÷ own pixels a block, which need not be a whole number of pixels.
        let sides = jpeg.components.iter().map(|component| side / common_divisor(side, own(component).into()));
        sides.fold(1, |all, own| all / common_divisor(all, own) * own)
    };
    (whole(|component| component.horizontal, horizontal), whole(|component| component.vertical, vertical))
}

fn common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

fn not_lossless(edge: &str, multiple: u32, found: u32) -> JpegError {
    JpegError::NotLossless {
        expected: format!("{edge} of a multiple of {multiple} pixels in the picture as it is stored"),
        found: found.to_string(),
    }
}

fn crop(jpeg: &SparseJpeg, seen: PixelBox, orientation: Orientation) -> Result<SparseJpeg, JpegError> {
    let size = orientation.upright((jpeg.width, jpeg.height));
    let within = |from: u32, length: u32, side: u32| length > 0 && u64::from(from) + u64::from(length) <= side.into();
    if !within(seen.left, seen.width, size.0) || !within(seen.top, seen.height, size.1) {
        return Err(JpegError::Outside {
            expected: format!("a box within {}×{} pixels", size.0, size.1),
            found: format!("{}×{} from ({}, {})", seen.width, seen.height, seen.left, seen.top),
        });
    }
    let PixelBox { left, top, width, height } = seen.as_stored(orientation, size);
    let (wide, high) = whole_blocks(jpeg);
    for (edge, multiple, found) in [("a left edge", wide, left), ("a top edge", high, top)] {
        if found % multiple != 0 {
            return Err(not_lossless(edge, multiple, found));
        }
    }
    let (most_horizontal, most_vertical) = jpeg.largest_sampling();
    let mut cut = SparseJpeg { width, height, ..jpeg.clone() };
    for (index, given) in jpeg.components.iter().enumerate() {
        let skipped = |from: u32, own: u8, most: u8| from as usize * usize::from(own) / (8 * usize::from(most));
        let (above, before) =
            (skipped(top, given.vertical, most_vertical), skipped(left, given.horizontal, most_horizontal));
        let (blocks_high, blocks_wide) = cut.blocks_of(given);
        let dense = given.blocks.to_dense();
        let all = dense.as_chunks::<BLOCK>().0;
        let kept = (above..above + blocks_high).flat_map(|row| &all[row * given.blocks_wide + before..][..blocks_wide]);
        cut.components[index] =
            Component { blocks_high, blocks_wide, blocks: SparseBlocks::from_dense(kept), ..given.clone() };
    }
    Ok(cut)
}

fn turn(jpeg: SparseJpeg, turn: Orientation) -> Result<SparseJpeg, JpegError> {
    if turn == Orientation::TopLeft {
        return Ok(jpeg);
    }
    let (wide, high) = whole_blocks(&jpeg);
    // What is mirrored after a transposition is the other side of the picture as it is stored.
    let (columns, rows) = if turn.transposes() {
        (turn.flips_rows(), turn.flips_columns())
    } else {
        (turn.flips_columns(), turn.flips_rows())
    };
    for (mirrored, side, multiple, found) in
        [(columns, "a width", wide, jpeg.width), (rows, "a height", high, jpeg.height)]
    {
        if mirrored && found % multiple != 0 {
            return Err(not_lossless(side, multiple, found));
        }
    }
    let (width, height) = turn.upright((jpeg.width, jpeg.height));
    let components = jpeg.components.iter().map(|component| turn_component(component, turn, (columns, rows))).collect();
    Ok(SparseJpeg { width, height, components, ..jpeg })
}

/// `flips` are those of the component's own columns and rows.
fn turn_component(given: &Component, turn: Orientation, flips: (bool, bool)) -> Component {
    let (high, wide) = (given.blocks_high, given.blocks_wide);
    let dense = given.blocks.to_dense();
    let all = dense.as_chunks::<BLOCK>().0;
    let from = |row: usize, column: usize| {
        let (row, column) = if turn.transposes() { (column, row) } else { (row, column) };
        let row = if flips.1 { high - 1 - row } else { row };
        let column = if flips.0 { wide - 1 - column } else { column };
        &all[row * wide + column]
    };
    let (blocks_high, blocks_wide) = if turn.transposes() { (wide, high) } else { (high, wide) };
    let places = (0..blocks_high).flat_map(|row| (0..blocks_wide).map(move |column| (row, column)));
    let blocks: Vec<[i16; BLOCK]> =
        places.map(|(row, column)| turn_block(from(row, column), turn.transposes(), flips)).collect();
    let (horizontal, vertical) =
        if turn.transposes() { (given.vertical, given.horizontal) } else { (given.horizontal, given.vertical) };
    let quantisation =
        if turn.transposes() { Arc::new(transposed(&given.quantisation)) } else { Arc::clone(&given.quantisation) };
    let blocks = SparseBlocks::from_dense(&blocks);
    Component { id: given.id, horizontal, vertical, blocks_high, blocks_wide, quantisation, blocks }
}

/// Mirroring negates the odd frequencies of its direction, whose cosines are odd about the block's middle.
fn turn_block(block: &[i16; BLOCK], transposes: bool, (columns, rows): (bool, bool)) -> [i16; BLOCK] {
    let mut mirrored = *block;
    for (at, value) in mirrored.iter_mut().enumerate() {
        if (columns && at % 2 == 1) != (rows && at / 8 % 2 == 1) {
            // The least value, which only damage makes, has no opposite. It stays as it is, as with jpegtran, so that what is
            // turned back is what was there.
            *value = value.wrapping_neg();
        }
    }
    if transposes { transposed(&mirrored) } else { mirrored }
}

fn transposed<T: Copy>(block: &[T; BLOCK]) -> [T; BLOCK] {
    std::array::from_fn(|at| block[at % 8 * 8 + at / 8])
}

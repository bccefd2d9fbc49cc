//! The size of a feature map in pixels, which need not fill its blocks.

use crate::block::{Grid, SIDE};

/// The size of a feature map in pixels. Its coefficients cover whole blocks, `⌈height/8⌉ × ⌈width/8⌉` of them; what a
/// block stands for beyond the map's last row or column is no part of the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Pixels from top to bottom.
    pub height: usize,
    /// Pixels from left to right.
    pub width: usize,
}

impl Extent {
    /// The blocks that cover the map.
    #[must_use]
    pub const fn grid(self) -> Grid {
        Grid { high: self.height.div_ceil(SIDE), wide: self.width.div_ceil(SIDE) }
    }

    /// Pixels of a channel.
    #[must_use]
    pub const fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Whether the blocks end where the map ends.
    #[must_use]
    pub const fn fills_blocks(self) -> bool {
        self.height.is_multiple_of(SIDE) && self.width.is_multiple_of(SIDE)
    }
}

impl From<Grid> for Extent {
    /// The size that fills a grid.
    fn from(grid: Grid) -> Extent {
        Extent { height: grid.high * SIDE, width: grid.wide * SIDE }
    }
}

impl Extent {
    /// Rows and columns of a block that lie inside the map; blocks are numbered row by row, image after image.
    #[inline(always)]
    pub(crate) fn inside(self, block: usize) -> (usize, usize) {
        let Grid { high, wide } = self.grid();
        let (top, left) = (block / wide % high * SIDE, block % wide * SIDE);
        (SIDE.min(self.height - top), SIDE.min(self.width - left))
    }
}

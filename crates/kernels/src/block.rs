//! The 8×8 block: its orders of coefficients, its frequencies, and grids of blocks.

/// Coefficients in a block.
pub const BLOCK: usize = 64;

/// Pixels along a side of a block.
pub const SIDE: usize = 8;

/// Row-major index `8·α + β` of the coefficient at each zigzag position (ITU-T T.81, figure A.6).
pub const ZIGZAG_TO_ROW_MAJOR: [u8; BLOCK] = zigzag_to_row_major();

/// Zigzag position of the coefficient at each row-major index.
pub const ROW_MAJOR_TO_ZIGZAG: [u8; BLOCK] = inverse(ZIGZAG_TO_ROW_MAJOR);

/// How many coefficients of a block have `α + β < frequencies`; in zigzag order they are the first of the block.
///
/// # Panics
/// If `frequencies` is not in 1…15.
#[must_use]
pub const fn coefficients_kept(frequencies: usize) -> usize {
    assert!(frequencies >= 1 && frequencies < 2 * SIDE, "frequencies are counted from 1 to 15");
    let mut kept = 0;
    let mut diagonal = 0;
    while diagonal < frequencies {
        kept += diagonal_length(diagonal);
        diagonal += 1;
    }
    kept
}

/// The size of a feature map or plane, counted in blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grid {
    /// Blocks from top to bottom.
    pub high: usize,
    /// Blocks from left to right.
    pub wide: usize,
}

impl Grid {
    /// Blocks in the grid.
    #[must_use]
    pub const fn blocks(self) -> usize {
        self.high * self.wide
    }
}

const fn diagonal_length(diagonal: usize) -> usize {
    if diagonal < SIDE { diagonal + 1 } else { 2 * SIDE - 1 - diagonal }
}

const fn zigzag_to_row_major() -> [u8; BLOCK] {
    let mut order = [0; BLOCK];
    let mut position = 0;
    let mut diagonal = 0;
    while diagonal < 2 * SIDE - 1 {
        let length = diagonal_length(diagonal);
        let first = if diagonal < SIDE { 0 } else { diagonal - SIDE + 1 };
        let mut step = 0;
        while step < length {
            // Even diagonals run upwards (from the left edge), odd ones downwards.
            let along = first + step;
            let (row, column) = if diagonal % 2 == 0 { (diagonal - along, along) } else { (along, diagonal - along) };
            #[expect(clippy::cast_possible_truncation, reason = "a block has 64 coefficients")]
            {
                order[position] = (row * SIDE + column) as u8;
            }
            position += 1;
            step += 1;
        }
        diagonal += 1;
    }
    order
}

const fn inverse(order: [u8; BLOCK]) -> [u8; BLOCK] {
    let mut inverse = [0; BLOCK];
    let mut position = 0;
    while position < BLOCK {
        #[expect(clippy::cast_possible_truncation, reason = "a block has 64 coefficients")]
        {
            inverse[order[position] as usize] = position as u8;
        }
        position += 1;
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, ROW_MAJOR_TO_ZIGZAG, ZIGZAG_TO_ROW_MAJOR, coefficients_kept};

    #[test]
    fn zigzag_starts_and_ends_as_the_standard_prints_it() {
        assert_eq!(ZIGZAG_TO_ROW_MAJOR[..10], [0, 1, 8, 16, 9, 2, 3, 10, 17, 24]);
        assert_eq!(ZIGZAG_TO_ROW_MAJOR[58..], [61, 54, 47, 55, 62, 63]);
        for position in 0..BLOCK {
            assert_eq!(ROW_MAJOR_TO_ZIGZAG[ZIGZAG_TO_ROW_MAJOR[position] as usize] as usize, position);
        }
    }

    #[test]
    fn frequencies_keep_the_counts_of_the_paper() {
        let kept: Vec<usize> = (1..=15).map(coefficients_kept).collect();
        assert_eq!(kept, [1, 3, 6, 10, 15, 21, 28, 36, 43, 49, 54, 58, 61, 63, 64]);
    }

    #[test]
    fn kept_coefficients_are_a_prefix_of_the_zigzag_order() {
        for frequencies in 1..=15 {
            let kept = coefficients_kept(frequencies);
            for (position, &index) in ZIGZAG_TO_ROW_MAJOR.iter().enumerate() {
                let diagonal = usize::from(index / 8 + index % 8);
                assert_eq!(position < kept, diagonal < frequencies);
            }
        }
    }
}

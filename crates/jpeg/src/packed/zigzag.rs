//! The order from low to high frequencies (ITU-T T.81, figure A.6).

use crate::sparse::BLOCK;

/// Both ways between row-major positions and places in zigzag order.
pub(super) struct Zigzag {
    positions: [u8; BLOCK],
    places: [u8; BLOCK],
}

pub(super) static ZIGZAG: Zigzag = Zigzag::new();

impl Zigzag {
    #[expect(clippy::cast_possible_truncation, reason = "places and positions are below 64")]
    const fn new() -> Self {
        let (mut positions, mut places) = ([0; BLOCK], [0; BLOCK]);
        let (mut row, mut column, mut place) = (0usize, 0usize, 0);
        while place < BLOCK {
            positions[place] = (row * 8 + column) as u8;
            places[row * 8 + column] = place as u8;
            // Up and to the right on even diagonals, down and to the left on odd ones, turning at the edges.
            if (row + column).is_multiple_of(2) {
                if column == 7 {
                    row += 1;
                } else {
                    column += 1;
                    row = row.saturating_sub(1);
                }
            } else if row == 7 {
                column += 1;
            } else {
                row += 1;
                column = column.saturating_sub(1);
            }
            place += 1;
        }
        Zigzag { positions, places }
    }

    /// The row-major position of a place.
    #[inline]
    pub(super) fn position_of(&self, place: usize) -> u8 {
        self.positions[place]
    }

    /// The place of a row-major position.
    #[inline]
    pub(super) fn place_of(&self, position: u8) -> usize {
        self.places[usize::from(position)].into()
    }
}

#[cfg(test)]
mod tests {
    use super::ZIGZAG;

    #[test]
    fn the_order_is_the_standards() {
        let first: Vec<u8> = (0..12).map(|place| ZIGZAG.position_of(place)).collect();
        assert_eq!(first, [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25]);
        let last: Vec<u8> = (58..64).map(|place| ZIGZAG.position_of(place)).collect();
        assert_eq!(last, [61, 54, 47, 55, 62, 63]);
        assert!((0..64).all(|place| ZIGZAG.place_of(ZIGZAG.position_of(place)) == place));
    }
}

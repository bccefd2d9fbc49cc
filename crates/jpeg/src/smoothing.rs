//! Coefficients that the scans of a progressive file have not given yet, told from the DCs around them as libjpeg tells
//! them when it decodes to pixels.
//!
//! A file that was cut, or whose last scans are missing, has blocks of which only DCs are known, or AC coefficients but
//! for their lowest bits. Left at zero they are seen as squares. libjpeg's decoder (`decompress_smooth_data` of
//! `jdcoefct.c`, since libjpeg-turbo 2.1) puts in their place what a smooth picture with these DCs has, for the first nine
//! AC coefficients that are zero and may be something else; and where no AC coefficient is known, it smooths the DCs, too.

use crate::sparse::BLOCK;
use std::sync::Arc;

/// Coefficients that are told, and the DC: the first ten in zigzag order.
pub(crate) const TOLD: usize = 10;

/// Their places in a block, row-major.
const PLACES: [usize; TOLD] = [0, 1, 8, 16, 9, 2, 3, 10, 17, 24];

/// How exactly the first ten coefficients of a component's blocks are known: how many bits are missing, or −1 where none
/// has come.
pub(crate) type Known = [i32; TOLD];

/// A component whose coefficients are to be told.
pub(crate) struct Plane<'a> {
    /// DCs as they were read, `[rows, columns]`, those of rows that only complete an MCU included.
    pub(crate) dcs: &'a [i16],
    pub(crate) columns: usize,
    /// Rows that are not there only to complete an MCU.
    pub(crate) rows: usize,
    /// The vertical sampling factor: block rows of a row of MCUs.
    pub(crate) factor: usize,
    /// Rows of MCUs.
    pub(crate) mcu_rows: usize,
    pub(crate) quantisation: &'a Arc<[u16; BLOCK]>,
    /// What is known in rows of MCUs up to the last that the last scan has come to, and after it.
    pub(crate) known: [Known; 2],
    pub(crate) last_good: usize,
}

/// Whether libjpeg would smooth a picture with these components: quantisation tables and what is known at the end.
pub(crate) fn is_useful<'a>(components: impl IntoIterator<Item = (&'a [u16; BLOCK], &'a Known)>) -> bool {
    let mut some_missing = false;
    for (quantisation, known) in components {
        if PLACES.iter().any(|&place| quantisation[place] == 0) || known[0] < 0 {
            return false;
        }
        some_missing |= known[1..].iter().any(|&bits| bits != 0);
    }
    some_missing
}

/// Weights of the 5 × 5 DCs around a block, row-major, in parts of 256.
type Window = [[i32; 5]; 5];

/// A window that is another one transposed.
const fn transposed(window: Window) -> Window {
    let mut other = [[0; 5]; 5];
    let mut at = 0;
    while at < 25 {
        other[at % 5][at / 5] = window[at / 5][at % 5];
        at += 1;
    }
    other
}

/// Where no AC coefficient is known: a filter like Gauss's, of each coefficient in the order of [`PLACES`].
const SMOOTH: [Window; TOLD] = {
    const AC01: Window =
        [[-1, -1, 0, 1, 1], [-3, 13, 0, -13, 3], [-3, 38, 0, -38, 3], [-3, 13, 0, -13, 3], [-1, -1, 0, 1, 1]];
    const AC20: Window = [[0, 0, 1, 0, 0], [0, 2, 7, 2, 0], [0, -5, -14, -5, 0], [0, 2, 7, 2, 0], [0, 0, 1, 0, 0]];
    const AC03: Window = [[0, 0, 0, 0, 0], [0, 1, 0, -1, 0], [0, 2, 0, -2, 0], [0, 1, 0, -1, 0], [0, 0, 0, 0, 0]];
    const AC12: Window = [[0, 0, 0, 0, 0], [0, 1, -3, 1, 0], [0, 0, 0, 0, 0], [0, -1, 3, -1, 0], [0, 0, 0, 0, 0]];
    [
        [[-2, -6, -8, -6, -2], [-6, 6, 42, 6, -6], [-8, 42, 152, 42, -8], [-6, 6, 42, 6, -6], [-2, -6, -8, -6, -2]],
        AC01,
        transposed(AC01),
        AC20,
        [[-1, 0, 0, 0, 1], [0, 9, 0, -9, 0], [0, 0, 0, 0, 0], [0, -9, 0, 9, 0], [1, 0, 0, 0, -1]],
        transposed(AC20),
        AC03,
        AC12,
        transposed(AC12),
        transposed(AC03),
    ]
};

/// Where some AC coefficient is known: the standard's (ITU-T T.81, K.8), of more DCs.
const PARTLY: [Window; 6] = {
    const NONE: [i32; 5] = [0; 5];
    const AC01: Window = [NONE, NONE, [-7, 50, 0, -50, 7], NONE, NONE];
    const AC02: Window = [NONE, NONE, [-1, 13, -24, 13, -1], NONE, NONE];
    [
        [NONE; 5],
        AC01,
        transposed(AC01),
        transposed(AC02),
        [[0, -1, 0, 1, 0], [-1, 10, 0, -10, 1], NONE, [1, -10, 0, 10, -1], [0, 1, 0, -1, 0]],
        AC02,
    ]
};

impl Plane<'_> {
    /// The rows around one, as libjpeg counts them: it takes a last row of MCUs that is not full for one of a picture whose
    /// rows all are so.
    fn rows_around(&self, row: usize) -> [usize; 5] {
        let (mcu_row, within) = (row / self.factor, row % self.factor);
        let factor = if mcu_row + 1 < self.mcu_rows { self.factor } else { self.rows - mcu_row * self.factor };
        let (counted, count) = (mcu_row * factor + within, factor * self.mcu_rows);
        let above = if counted > 0 { row - 1 } else { row };
        let below = if counted + 1 < count { row + 1 } else { row };
        let second_above = if counted > 1 { row - 2 } else { above };
        let second_below = if counted + 2 < count { row + 2 } else { below };
        [second_above, above, row, below, second_below]
    }

    /// Tells what is missing of the block at a row and column.
    pub(crate) fn smooth(&self, row: usize, column: usize, block: &mut [i16; BLOCK]) {
        let known = &self.known[usize::from(row / self.factor > self.last_good)];
        let none_known = known[1..].iter().all(|&bits| bits == -1);
        let windows: &[Window] = if none_known { &SMOOTH } else { &PARTLY };
        let around = self.rows_around(row).map(|row| &self.dcs[row * self.columns..][..self.columns]);
        let last = self.columns - 1;
        let columns = [-2isize, -1, 0, 1, 2].map(|by| column.saturating_add_signed(by).min(last));
        let around = around.map(|row| columns.map(|column| i64::from(row[column])));
        let steps = |place: usize| i64::from(self.quantisation[place]);
        for (index, window) in windows.iter().enumerate() {
            let (place, bits) = (PLACES[index], known[index]);
            let is_told = if index == 0 { none_known } else { bits != 0 && block[place] == 0 };
            if !is_told {
                continue;
            }
            let weighted = window.iter().zip(&around).flat_map(|(weights, dcs)| weights.iter().zip(dcs));
            let sum: i64 = weighted.map(|(&weight, &dc)| i64::from(weight) * dc).sum();
            let numerator = steps(0) * sum;
            let mut told = ((steps(place) << 7) + numerator.abs()) / (steps(place) << 8);
            // Had it more bits, a scan before would have given them.
            if index > 0 && bits > 0 && told >= 1 << bits {
                told = (1 << bits) - 1;
            }
            #[expect(clippy::cast_possible_truncation, reason = "as libjpeg does; told ones are as small as DCs are")]
            let signed = if numerator < 0 { -told } else { told } as i16;
            block[place] = signed;
        }
    }
}

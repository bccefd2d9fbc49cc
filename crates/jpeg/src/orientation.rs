//! How a stored picture is to be turned.

/// How a stored picture is to be turned to be seen upright: the eight values of Exif's tag 0x0112, named by where the
/// stored picture's first row and first column are seen.
///
/// Each is a transposition or none, then mirrorings of columns and rows ([`transposes`](Orientation::transposes),
/// [`flips_columns`](Orientation::flips_columns), [`flips_rows`](Orientation::flips_rows)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Orientation {
    /// 1: as it is stored.
    #[default]
    TopLeft = 1,
    /// 2: mirrored from left to right.
    TopRight,
    /// 3: turned by 180°.
    BottomRight,
    /// 4: mirrored from top to bottom.
    BottomLeft,
    /// 5: transposed: rows become columns.
    LeftTop,
    /// 6: turned by 90° clockwise.
    RightTop,
    /// 7: transposed and turned by 180°.
    RightBottom,
    /// 8: turned by 90° counterclockwise.
    LeftBottom,
}

impl Orientation {
    /// All, in the order of their numbers.
    pub const ALL: [Orientation; 8] = [
        Orientation::TopLeft,
        Orientation::TopRight,
        Orientation::BottomRight,
        Orientation::BottomLeft,
        Orientation::LeftTop,
        Orientation::RightTop,
        Orientation::RightBottom,
        Orientation::LeftBottom,
    ];

    /// The orientation of an Exif number, 1–8.
    #[must_use]
    pub fn of_number(number: u32) -> Option<Orientation> {
        Orientation::ALL.into_iter().find(|orientation| u32::from(orientation.number()) == number)
    }

    /// Its Exif number, 1–8.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The orientation of these parts: a transposition first, then mirrorings.
    #[must_use]
    pub fn of_parts(transposes: bool, flips_columns: bool, flips_rows: bool) -> Orientation {
        match (transposes, flips_columns, flips_rows) {
            (false, false, false) => Orientation::TopLeft,
            (false, true, false) => Orientation::TopRight,
            (false, true, true) => Orientation::BottomRight,
            (false, false, true) => Orientation::BottomLeft,
            (true, false, false) => Orientation::LeftTop,
            (true, true, false) => Orientation::RightTop,
            (true, true, true) => Orientation::RightBottom,
            (true, false, true) => Orientation::LeftBottom,
        }
    }

    /// Whether rows become columns, before anything is mirrored.
    #[must_use]
    pub fn transposes(self) -> bool {
        self.number() >= 5
    }

    /// Whether what is left becomes right, after any transposition.
    #[must_use]
    pub fn flips_columns(self) -> bool {
        use Orientation::{BottomRight, RightBottom, RightTop, TopRight};
        matches!(self, TopRight | BottomRight | RightTop | RightBottom)
    }

    /// Whether what is at the top comes to the bottom, after any transposition.
    #[must_use]
    pub fn flips_rows(self) -> bool {
        use Orientation::{BottomLeft, BottomRight, LeftBottom, RightBottom};
        matches!(self, BottomRight | BottomLeft | RightBottom | LeftBottom)
    }

    /// Width and height of what is stored with these, once it is upright.
    #[must_use]
    pub fn upright(self, (width, height): (u32, u32)) -> (u32, u32) {
        if self.transposes() { (height, width) } else { (width, height) }
    }

    /// This one and then another, as one.
    #[must_use]
    pub fn then(self, next: Orientation) -> Orientation {
        let (mut columns, mut rows) = (self.flips_columns(), self.flips_rows());
        if next.transposes() {
            // A transposition after mirroring columns is one before mirroring rows.
            (columns, rows) = (rows, columns);
        }
        Orientation::of_parts(
            self.transposes() != next.transposes(),
            columns != next.flips_columns(),
            rows != next.flips_rows(),
        )
    }
}

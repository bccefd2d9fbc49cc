//! Addition of maps or vectors; its backward is sharing the gradient, which the program does without work.

use super::Pass;
use crate::program::Buffer;
use crate::views::Views;
use jpegnet_kernels::add_in_place;

pub(super) fn add(pass: &Pass, views: &mut Views, sum: Buffer, term: Buffer) {
    views.write(sum, |sum, views| add_in_place(pass.isa, sum, views.read(term)));
}

//! Subsampling: the shortcut without parameters.

use super::Pass;
use crate::program::{Buffer, subsample};
use crate::views::Views;

pub(super) fn forward(
    pass: &Pass,
    node: usize,
    views: &mut Views,
    (input, output): (Buffer, Buffer),
    scratch: &mut [f32],
) {
    views.write(output, |output, views| {
        subsample(pass.plan, node).forward_into(pass.isa, views.read(input), output, scratch);
    });
}

pub(super) fn backward(
    pass: &Pass,
    node: usize,
    views: &mut Views,
    (output_gradient, input_gradient): (Buffer, Buffer),
    scratch: &mut [f32],
) {
    views.write(input_gradient, |input_gradient, views| {
        subsample(pass.plan, node).backward_into(pass.isa, views.read(output_gradient), input_gradient, scratch);
    });
}

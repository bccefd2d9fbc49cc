//! Global average pooling.

use super::Pass;
use crate::plan::Operation;
use crate::program::{Buffer, Target};
use crate::views::Views;
use jpegnet_kernels::{Extent, global_average_pool_backward_into, global_average_pool_into};

fn pooled(pass: &Pass, node: usize) -> (Extent, usize) {
    match pass.operation(node) {
        Operation::GlobalAveragePool { extent, channels } => (*extent, *channels),
        _ => unreachable!("the node is a global average pool"),
    }
}

pub(super) fn forward(pass: &Pass, node: usize, views: &mut Views, input: Buffer, output: Buffer) {
    let (extent, channels) = pooled(pass, node);
    views.write(output, |output, views| {
        global_average_pool_into(pass.isa, extent, channels, views.read(input), output);
    });
}

pub(super) fn backward(
    pass: &Pass,
    node: usize,
    views: &mut Views,
    output_gradient: Buffer,
    Target { buffer, accumulate }: Target,
) {
    let (extent, channels) = pooled(pass, node);
    views.write(buffer, |input_gradient, views| {
        let output_gradient = views.read(output_gradient);
        global_average_pool_backward_into(extent, channels, output_gradient, input_gradient, accumulate);
    });
}

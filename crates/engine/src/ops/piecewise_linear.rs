//! ReLU and its kin, in place; training keeps the mask bits for the gradient.

use super::Pass;
use crate::plan::Operation;
use crate::program::Buffer;
use crate::views::Chunk;
use jpegnet_kernels::{Extent, PiecewiseLinear};

fn function<'a>(pass: &'a Pass, node: usize) -> (&'a PiecewiseLinear, Extent, usize) {
    match pass.operation(node) {
        Operation::PiecewiseLinear { function, extent, channels, .. } => (function, *extent, *channels),
        _ => unreachable!("the node is piecewise linear"),
    }
}

pub(super) fn forward(pass: &Pass, node: usize, chunk: &mut Chunk, image: usize, map: Buffer) {
    let (function, extent, channels) = function(pass, node);
    let length = function.masks_len(extent.grid(), channels);
    let masks = chunk.masks.get_mut(node).filter(|masks| !masks.is_empty());
    let masks = masks.map(|masks| &mut masks[image * length..(image + 1) * length]);
    chunk.views.write(map, |map, _| {
        function.forward_in_place(pass.isa, pass.maskings[node], extent, channels, map, masks);
    });
}

pub(super) fn backward(pass: &Pass, node: usize, chunk: &mut Chunk, image: usize, gradient: Buffer) {
    let (function, extent, channels) = function(pass, node);
    let length = function.masks_len(extent.grid(), channels);
    // A function without breakpoints keeps no bits.
    let masks = &chunk.masks[node];
    let masks = if length == 0 { &[] } else { &masks[image * length..(image + 1) * length] };
    chunk.views.write(gradient, |gradient, _| {
        function.backward_in_place(pass.isa, pass.maskings[node], extent, channels, masks, gradient);
    });
}

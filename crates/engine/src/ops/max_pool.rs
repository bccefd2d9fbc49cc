//! Max pooling; training keeps which pixel won for the gradient.

use super::Pass;
use crate::program::{Buffer, max_pool};
use crate::views::Chunk;

pub(super) fn forward(
    pass: &Pass,
    node: usize,
    chunk: &mut Chunk,
    image: usize,
    (input, output): (Buffer, Buffer),
    scratch: &mut [f32],
) {
    let pool = max_pool(pass.plan, node);
    let length = pool.winners_len();
    let winners = chunk.masks.get_mut(node).filter(|winners| !winners.is_empty());
    let winners = winners.map(|winners| &mut winners[image * length..(image + 1) * length]);
    chunk.views.write(output, |output, views| {
        pool.forward_into(pass.isa, views.read(input), output, winners, scratch);
    });
}

pub(super) fn backward(
    pass: &Pass,
    node: usize,
    chunk: &mut Chunk,
    image: usize,
    (output_gradient, input_gradient): (Buffer, Buffer),
    scratch: &mut [f32],
) {
    let pool = max_pool(pass.plan, node);
    let length = pool.winners_len();
    let winners = &chunk.masks[node][image * length..(image + 1) * length];
    chunk.views.write(input_gradient, |input_gradient, views| {
        pool.backward_into(pass.isa, winners, views.read(output_gradient), input_gradient, scratch);
    });
}

//! Band-limited networks: which maps are truncated.

use crate::operations::Operation;
use crate::plan::Plan;
use crate::shape::Shape;
use jpegnet_kernels::Extent;

/// For every node whether its output is truncated to the band of a band-limited network: that of everything that is no
/// function of each pixel alone or adds frequencies. Scales, shifts and sums of truncated maps stay as they are, and so do
/// 1×1 convolutions of maps that fill their blocks; where a map ends inside a block, what truncation puts beyond it is cut
/// off. The network's input is not truncated before something is made of it.
pub(crate) fn truncates(plan: &Plan) -> Vec<bool> {
    let nodes = plan.nodes.iter().zip(&plan.shapes[1..]);
    let of_node = |(node, shape): (&crate::plan::Node, &Shape)| {
        let Shape::Map { height, width, .. } = *shape else {
            return false;
        };
        let stays = match &node.operation {
            Operation::Add | Operation::BatchNorm { .. } => true,
            Operation::Conv2d { shape, .. } => {
                (shape.size, shape.stride, shape.padding) == (1, 1, 0) && Extent { height, width }.fills_blocks()
            }
            _ => false,
        };
        !stays || node.inputs.contains(&0)
    };
    nodes.map(of_node).collect()
}

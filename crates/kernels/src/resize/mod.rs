//! Crops, resizes, flips and paddings of a picture straight from its coefficients.
//!
//! Each is linear along an axis, so any sequence of them is one matrix an axis ([`AxisMap`]); together with a component's
//! upsampling and the inverse DCT it is one matrix from blocks to the pixels that come out ([`ComponentAxis`]):
//! out = (R_v·U_v·B_vᵀ)·C·(B_h·U_hᵀ·R_hᵀ). Only blocks within reach are read.

mod axis_map;
mod colour;
mod component_axis;
mod filter;
mod plane;
mod repairs;

pub use axis_map::{AxisMap, Padding};
pub use colour::{ColourMix, Coverage, PixelPlanes, transpose_into};
pub use component_axis::{Basis, ComponentAxis, Panels};
pub use filter::Filter;
pub use plane::{BlockRows, Columns, Dequantised, ResizeScratch, add_resized};
pub use repairs::{RepairedChannel, Repairs};

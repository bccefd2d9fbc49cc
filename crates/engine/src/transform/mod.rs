//! Transforms of pictures, at random or not: from a list of them to the view of a picture.

mod draw;
mod mix;
mod pipeline;
mod spec;

pub use draw::{Seed, view_of};
pub use mix::{MixSpec, Mixed, mix};
pub use pipeline::Pipeline;
pub use spec::{FilterSpec, PaddingSpec, ResizeSpec, TransformSpec};

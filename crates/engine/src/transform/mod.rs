//! Transforms of pictures, at random or not: from a list of them to the view of a picture.

mod draw;
mod spec;

pub use draw::{Seed, view_of};
pub use spec::{FilterSpec, PaddingSpec, ResizeSpec, TransformSpec};

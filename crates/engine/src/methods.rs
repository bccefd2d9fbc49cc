//! Ways to compute operations, a method a file.

mod conv2d;

pub(crate) use conv2d::Convolution;

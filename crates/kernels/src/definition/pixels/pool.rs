//! Max pooling, average pooling and subsampling of pixels.

use super::PixelMap;
use std::ops::Range;

/// A square window that moves over a map; padding around the map never wins.
#[derive(Clone, Copy)]
struct Window {
    size: usize,
    stride: usize,
    padding: usize,
}

impl Window {
    /// Places along a side of the map.
    fn places(self, side: usize) -> usize {
        (side + 2 * self.padding - self.size) / self.stride + 1
    }

    /// Pixels of the map that the window covers at a place.
    fn covers(self, place: usize, side: usize) -> Range<usize> {
        let start = place * self.stride;
        start.saturating_sub(self.padding)..(start + self.size).saturating_sub(self.padding).min(side)
    }
}

/// `y[h, w] = max_uv x[stride·h + u − p, stride·w + v − p]` over what lies inside (`torch.nn.functional.max_pool2d`);
/// `⌊(side + 2·padding − size)/stride⌋ + 1` pixels a side.
///
/// # Panics
/// If the window is larger than the padded map, or the padding not smaller than the window.
#[must_use]
pub fn max_pool(size: usize, stride: usize, padding: usize, input: &PixelMap) -> PixelMap {
    let window = Window { size, stride, padding };
    let mut output = pooled(window, input);
    for_each_winner(window, input, |to, from| output.values[to] = input.values[from]);
    output
}

/// Gradient of [`max_pool`]: every window's derivative goes to the first of its largest pixels, row by row.
///
/// # Panics
/// As [`max_pool`], or if the gradient is not of the output's size.
#[must_use]
pub fn max_pool_gradient(
    size: usize,
    stride: usize,
    padding: usize,
    input: &PixelMap,
    output_gradient: &PixelMap,
) -> PixelMap {
    let window = Window { size, stride, padding };
    assert_eq!(pooled(window, input).extent(), output_gradient.extent(), "the output's size");
    let mut gradient = PixelMap { values: vec![0.0; input.values.len()], ..*input };
    for_each_winner(window, input, |to, from| gradient.values[from] += output_gradient.values[to]);
    gradient
}

fn pooled(window: Window, input: &PixelMap) -> PixelMap {
    PixelMap::zeros(input.images, input.channels, window.places(input.height), window.places(input.width))
}

/// Calls with the index of each output pixel and that of the input pixel which wins its window.
fn for_each_winner(window: Window, input: &PixelMap, mut each: impl FnMut(usize, usize)) {
    let (high, wide) = (window.places(input.height), window.places(input.width));
    for plane in 0..input.images * input.channels {
        for (h, w) in (0..high).flat_map(|h| (0..wide).map(move |w| (h, w))) {
            let rows = window.covers(h, input.height);
            let pixels = rows.flat_map(|y| window.covers(w, input.width).map(move |x| y * input.width + x));
            let mut pixels = pixels.map(|pixel| plane * input.height * input.width + pixel);
            let first = pixels.next().expect("padding is smaller than the window");
            let winner =
                pixels.fold(first, |best, pixel| if input.values[pixel] > input.values[best] { pixel } else { best });
            each((plane * high + h) * wide + w, winner);
        }
    }
}

/// `y[h, w] = Σ_uv x[stride·h + u − p, stride·w + v − p] / n` over what lies inside (`torch.nn.functional.avg_pool2d`), where n is
/// the number of pixels of the window, or of those that lie inside if the padding does not count.
#[must_use]
pub fn average_pool(size: usize, stride: usize, padding: usize, counts_padding: bool, input: &PixelMap) -> PixelMap {
    let window = Window { size, stride, padding };
    let mut output = pooled(window, input);
    let (high, wide) = (output.height, output.width);
    for (at, mean) in output.values.iter_mut().enumerate() {
        let (plane, h, w) = (at / (high * wide), at / wide % high, at % wide);
        let (rows, columns) = (window.covers(h, input.height), window.covers(w, input.width));
        let pixels = if counts_padding { size * size } else { rows.len() * columns.len() };
        let row = |y: usize| (plane * input.height + y) * input.width;
        let sum: f64 =
            rows.flat_map(|y| columns.clone().map(move |x| row(y) + x)).map(|pixel| input.values[pixel]).sum();
        *mean = sum / pixels as f64;
    }
    output
}

/// `y_c[h, w] = x_(c − before)[stride·h, stride·w]`, zero for channels that x has not; `before` is half of those,
/// rounded down (`F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, before, after))`).
///
/// # Panics
/// If there are fewer output channels than input channels.
#[must_use]
pub fn subsample(stride: usize, channels: usize, input: &PixelMap) -> PixelMap {
    let (high, wide) = (input.height.div_ceil(stride), input.width.div_ceil(stride));
    let mut output = PixelMap::zeros(input.images, channels, high, wide);
    for_each_kept(stride, input, &output.clone(), |to, from| output.values[to] = input.values[from]);
    output
}

/// Gradient of [`subsample`] of a map like `input`: derivatives go back where the pixels came from, others get zero.
///
/// # Panics
/// If there are fewer output channels than input channels.
#[must_use]
pub fn subsample_gradient(stride: usize, input: &PixelMap, output_gradient: &PixelMap) -> PixelMap {
    let mut gradient = PixelMap { values: vec![0.0; input.values.len()], ..*input };
    for_each_kept(stride, input, output_gradient, |to, from| gradient.values[from] = output_gradient.values[to]);
    gradient
}

/// Calls with the index of each output pixel that is a copy and that of the input pixel it copies.
fn for_each_kept(stride: usize, input: &PixelMap, output: &PixelMap, mut each: impl FnMut(usize, usize)) {
    let before = output.channels.checked_sub(input.channels).expect("at least the input's channels") / 2;
    for (image, channel) in (0..input.images).flat_map(|image| (0..input.channels).map(move |c| (image, c))) {
        for (h, w) in (0..output.height).flat_map(|h| (0..output.width).map(move |w| (h, w))) {
            let from = (image * input.channels + channel) * input.height + h * stride;
            let to = (image * output.channels + before + channel) * output.height + h;
            each(to * output.width + w, from * input.width + w * stride);
        }
    }
}

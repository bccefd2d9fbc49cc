//! Views of pictures, from coefficients, against the same operations on pixels in float64.
#![expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "small whole numbers")]

mod support;

use jpegnet_engine::view::{ColourOperation, Pixels, Rectangle, Renderer, Rgb, Sides, View};
use jpegnet_engine::{Content, Image, Isa, MaskingSpec};
use jpegnet_jpeg::SparseJpeg;
use jpegnet_kernels::resize::{Filter, Padding};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use support::definitions::{Builder, everything_of};
use support::largest_difference;
use support::pictures::{SAMPLINGS, pictures, sampled_picture};
use support::pixel_reference::Picture;

/// Of a grey level, for pictures of samples within some hundreds of them.
const TOLERANCE: f64 = 1e-3;
const FILL: Rgb = [200.0, 31.5, 90.0];
const FILTERS: [Filter; 3] = [Filter::Bilinear, Filter::Bicubic, Filter::Lanczos];
const PADDINGS: [Padding; 3] = [Padding::Constant, Padding::Edge, Padding::Reflect];

/// Something done to a picture.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Crop(Rectangle),
    Pad(Sides, Padding),
    Resize(usize, usize, Filter),
    FlipHorizontally,
    FlipVertically,
    Rotate(u32),
    Transpose,
    Recolour(ColourOperation),
    Erase(Rectangle, Rgb),
}

/// The operation on the view, and on the pixels.
fn apply(operation: Operation, view: &mut View, picture: &Picture) -> Picture {
    match operation {
        Operation::Crop(rectangle) => view.crop(rectangle),
        Operation::Pad(sides, padding) => view.pad(sides, padding, FILL),
        Operation::Resize(width, height, filter) => view.resize(width, height, filter),
        Operation::FlipHorizontally => view.flip_horizontally(),
        Operation::FlipVertically => view.flip_vertically(),
        Operation::Rotate(quarters) => view.rotate(quarters),
        Operation::Transpose => view.transpose(),
        Operation::Recolour(operation) => view.recolour(operation),
        Operation::Erase(rectangle, fill) => view.erase(rectangle, fill),
    }
    let changed = match operation {
        Operation::Crop(rectangle) => picture.crop(rectangle),
        Operation::Pad(sides, padding) => picture.pad(sides, padding, FILL),
        Operation::Resize(width, height, filter) => picture.resize(width, height, filter),
        Operation::FlipHorizontally => picture.flip_horizontally(),
        Operation::FlipVertically => picture.flip_vertically(),
        Operation::Rotate(quarters) => picture.rotate(quarters),
        Operation::Transpose => picture.transpose(),
        Operation::Recolour(operation) => picture.recolour(operation),
        Operation::Erase(rectangle, fill) => picture.erase(rectangle, fill),
    };
    assert_eq!((view.width(), view.height()), (changed.width, changed.height), "{operation:?}");
    changed
}

fn view_of(jpeg: &SparseJpeg) -> View {
    View::new(jpeg.width as usize, jpeg.height as usize)
}

/// On every instruction set, in one channel and three.
fn assert_rendered(jpeg: &SparseJpeg, view: &View, expected: &Picture, what: &str) {
    let mut renderer = Renderer::default();
    for isa in Isa::available() {
        for channels in [1, 3] {
            let found = renderer.render(isa, jpeg, view, channels);
            let difference = expected.largest_difference(&found);
            assert!(difference < TOLERANCE, "{what}, {channels} channels, {}: off by {difference}", isa.name());
        }
    }
}

/// Every way of sampling, and gray.
fn all_samplings() -> impl Iterator<Item = (&'static str, Option<[(u8, u8); 2]>)> {
    SAMPLINGS.into_iter().map(|(name, factors)| (name, Some(factors))).chain([("gray", None)])
}

struct Random(ChaCha8Rng);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        (self.0.next_u64() % limit as u64) as usize
    }

    fn share(&mut self) -> f32 {
        self.below(1000) as f32 / 1000.0
    }

    fn rectangle(&mut self, width: usize, height: usize) -> Rectangle {
        let (left, top) = (self.below(width), self.below(height));
        Rectangle { left, top, width: 1 + self.below(width - left), height: 1 + self.below(height - top) }
    }

    /// One that can be applied to a picture of this size; its results stay small.
    fn geometry(&mut self, width: usize, height: usize) -> Operation {
        match self.below(7) {
            0 => Operation::Crop(self.rectangle(width, height)),
            1 => {
                let padding = PADDINGS[self.below(3)];
                let most = |length: usize| if padding == Padding::Reflect { length.min(7) } else { 7 };
                let (across, down) = (most(width), most(height));
                let sides = Sides {
                    left: self.below(across),
                    top: self.below(down),
                    right: self.below(across),
                    bottom: self.below(down),
                };
                Operation::Pad(sides, padding)
            }
            2 => Operation::Resize(1 + self.below(50), 1 + self.below(50), FILTERS[self.below(3)]),
            3 => Operation::FlipHorizontally,
            4 => Operation::FlipVertically,
            5 => Operation::Rotate(self.below(4) as u32),
            _ => Operation::Transpose,
        }
    }

    fn colour(&mut self) -> ColourOperation {
        match self.below(4) {
            0 => ColourOperation::Brightness(0.5 + self.share()),
            1 => ColourOperation::Contrast(0.5 + self.share()),
            2 => ColourOperation::Saturation(1.5 * self.share()),
            _ => ColourOperation::Gray,
        }
    }
}

#[test]
fn every_operation_alone_is_what_it_is_on_pixels_for_every_sampling() {
    let part = Rectangle { left: 3, top: 5, width: 20, height: 13 };
    let sides = Sides { left: 3, top: 2, right: 5, bottom: 9 };
    let mut operations = vec![
        Operation::Crop(part),
        Operation::FlipHorizontally,
        Operation::FlipVertically,
        Operation::Transpose,
        Operation::Recolour(ColourOperation::Brightness(1.3)),
        Operation::Recolour(ColourOperation::Contrast(0.4)),
        Operation::Recolour(ColourOperation::Saturation(1.9)),
        Operation::Recolour(ColourOperation::Gray),
        Operation::Erase(part, FILL),
    ];
    operations.extend(PADDINGS.map(|padding| Operation::Pad(sides, padding)));
    operations.extend((0..8).map(Operation::Rotate));
    for filter in FILTERS {
        operations
            .extend([(16, 16), (64, 50), (33, 27), (34, 28), (1, 1)].map(|(w, h)| Operation::Resize(w, h, filter)));
    }
    for (name, sampling) in all_samplings() {
        let jpeg = sampled_picture(sampling, (33, 27), 5);
        let decoded = Picture::of(&jpeg);
        for &operation in &operations {
            let mut view = view_of(&jpeg);
            let expected = apply(operation, &mut view, &decoded);
            assert_rendered(&jpeg, &view, &expected, &format!("{name}, {operation:?}"));
        }
    }
}

#[test]
fn random_sequences_on_pictures_of_any_size_are_what_they_are_on_pixels() {
    for seed in 0..240 {
        let mut random = Random(ChaCha8Rng::seed_from_u64(seed));
        let (name, sampling) = all_samplings().nth(seed as usize % 6).unwrap();
        let size = (1 + random.below(60), 1 + random.below(60));
        let jpeg = sampled_picture(sampling, size, seed);
        let (mut view, mut picture) = (view_of(&jpeg), Picture::of(&jpeg));
        let mut done = Vec::new();
        for _ in 0..random.below(7) {
            done.push(random.geometry(view.width(), view.height()));
            picture = apply(done[done.len() - 1], &mut view, &picture);
        }
        for _ in 0..random.below(4) {
            done.push(Operation::Recolour(random.colour()));
            picture = apply(done[done.len() - 1], &mut view, &picture);
        }
        for _ in 0..random.below(3) {
            let fill = [255.0 * random.share(), 128.0, 255.0 * random.share()];
            done.push(Operation::Erase(random.rectangle(view.width(), view.height()), fill));
            picture = apply(done[done.len() - 1], &mut view, &picture);
        }
        assert_rendered(&jpeg, &view, &picture, &format!("seed {seed}, {name} of {size:?}, {done:?}"));
    }
}

#[test]
fn colours_in_every_order_are_torchvision_s_with_the_mean_of_the_view_and_its_padding() {
    let operations = [
        ColourOperation::Brightness(1.3),
        ColourOperation::Contrast(0.6),
        ColourOperation::Saturation(1.7),
        ColourOperation::Contrast(1.8),
    ];
    for (name, sampling) in all_samplings() {
        let jpeg = sampled_picture(sampling, (25, 18), 9);
        for order in 0..4usize.pow(3) {
            let mut view = view_of(&jpeg);
            let mut picture = Picture::of(&jpeg);
            let sides = Sides { left: 6, top: 0, right: 1, bottom: 4 };
            picture = apply(Operation::Pad(sides, Padding::Constant), &mut view, &picture);
            picture = apply(Operation::Resize(20, 20, Filter::Bicubic), &mut view, &picture);
            for place in 0..3 {
                let operation = Operation::Recolour(operations[order / 4usize.pow(place) % 4]);
                picture = apply(operation, &mut view, &picture);
            }
            let erased = Rectangle { left: 0, top: 0, width: 10, height: 10 };
            picture = apply(Operation::Erase(erased, FILL), &mut view, &picture);
            assert_rendered(&jpeg, &view, &picture, &format!("{name}, order {order}"));
        }
    }
}

#[test]
fn a_renderer_gives_the_same_bits_whatever_it_made_before() {
    let (large, small) = (sampled_picture(Some([(2, 2), (1, 1)]), (70, 50), 1), sampled_picture(None, (9, 7), 2));
    let made = |renderer: &mut Renderer, jpeg: &SparseJpeg| {
        let mut view = view_of(jpeg);
        view.resize(12, 30, Filter::Lanczos);
        view.rotate(1);
        renderer.render(Isa::detect(), jpeg, &view, 3)
    };
    let fresh = [&large, &small].map(|jpeg| made(&mut Renderer::default(), jpeg));
    let mut renderer = Renderer::default();
    for _ in 0..3 {
        assert!(made(&mut renderer, &large) == fresh[0]);
        assert!(made(&mut renderer, &small) == fresh[1]);
    }
}

/// What the engine answers of pictures in pixels.
fn predict(network: &mut jpegnet_engine::Network, contents: &[Content]) -> Vec<f32> {
    let images: Vec<Image> = contents.iter().map(|&content| Image { name: "picture", content }).collect();
    network.predict(&images, None).unwrap()
}

#[test]
fn a_network_answers_the_view_of_the_identity_as_the_file_itself() {
    for channels in [1, 3] {
        for (height, width) in [(32, 32), (21, 43)] {
            let spec = if channels == 3 {
                everything_of(height, width, MaskingSpec::Exact, 15)
            } else {
                let mut net = Builder::new(1, height, width);
                let conv = net.conv2d("conv", 0, 4, (3, 1));
                net.head(conv, 4)
            };
            let mut network = support::network(spec, 3);
            for (name, sampling) in all_samplings() {
                let files: Vec<SparseJpeg> =
                    (0..3).map(|seed| sampled_picture(sampling, (width, height), seed)).collect();
                let mut renderer = Renderer::default();
                let views: Vec<Pixels> = files
                    .iter()
                    .map(|jpeg| {
                        let view = view_of(jpeg);
                        assert!(view.is_identity());
                        renderer.render(Isa::detect(), jpeg, &view, channels)
                    })
                    .collect();
                let of_files = predict(&mut network, &files.iter().map(Content::Jpeg).collect::<Vec<_>>());
                let of_views = predict(&mut network, &views.iter().map(Content::Pixels).collect::<Vec<_>>());
                let difference = largest_difference(&of_files, &of_views);
                assert!(difference < 1e-4, "{name}, {channels} channels, {width}×{height}: {difference}");
                let mixed = [Content::Pixels(&views[0]), Content::Jpeg(&files[1]), Content::Pixels(&views[2])];
                let difference = largest_difference(&of_files, &predict(&mut network, &mixed));
                assert!(difference < 1e-4, "{name}: a batch of both, {difference}");
            }
        }
    }
}

#[test]
fn pixels_of_another_size_or_other_channels_are_refused_by_name() {
    let mut network = support::network(everything_of(32, 32, MaskingSpec::Exact, 15), 3);
    let (_, jpeg) = &pictures(1, jpegnet_jpeg::Colour::YCbCr, 32, 32, 1)[0];
    let refused = |network: &mut jpegnet_engine::Network, view: &View, channels: usize| {
        let pixels = Renderer::default().render(Isa::detect(), jpeg, view, channels);
        let image = Image { name: "a.jpg", content: Content::Pixels(&pixels) };
        network.predict(&[image], None).unwrap_err().to_string()
    };
    let mut smaller = view_of(jpeg);
    smaller.resize(16, 8, Filter::Bilinear);
    assert_eq!(refused(&mut network, &smaller, 3), "a.jpg: expected a picture of 32×32 pixels, found 16×8");
    assert_eq!(refused(&mut network, &view_of(jpeg), 1), "a.jpg: expected 3 channels, found 1");
}

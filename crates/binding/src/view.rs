//! What networks read of pictures: views of them, drawn and rendered on all threads.

use crate::failure::BindingFailure;
use crate::picture::{Picture, PictureContent};
use jpegnet_engine::Isa;
use jpegnet_engine::transform::{MixSpec, Mixed, Pipeline, Seed, TransformSpec, mix, view_of};
use jpegnet_engine::view::{Pixels, Renderer, View};
use napi_derive::napi;
use rayon::prelude::*;
use std::sync::Arc;

/// What is done to pictures on their way to a network.
#[napi(object)]
#[derive(Clone, Debug)]
pub struct BindingView {
    /// Transforms, as JSON.
    pub transforms: String,
    /// Ways to mix the pictures of a batch, as JSON; none unless given.
    pub mix: Option<String>,
    /// Channels of the network.
    pub channels: u32,
    /// Whether colours are clamped to 0…255 first.
    pub clamp: bool,
    /// Where random numbers come from.
    pub seed: f64,
    /// The epoch they are for.
    pub epoch: f64,
    /// Of the batch's first picture, its place in the epoch's order.
    pub start: f64,
}

type Outcomes<T> = Result<T, BindingFailure>;

/// The same, checked.
pub(crate) struct Viewing {
    isa: Isa,
    pipeline: Pipeline,
    mixes: Vec<MixSpec>,
    seed: u64,
    epoch: u64,
    start: u64,
}

impl Viewing {
    pub(crate) fn new(view: &BindingView) -> Outcomes<Viewing> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole numbers below 2^53")]
        let whole = |value: f64| value as u64;
        let mixes = view.mix.as_deref().map_or(Ok(Vec::new()), MixSpec::list_from_json)?;
        let pipeline = Pipeline {
            transforms: TransformSpec::list_from_json(&view.transforms)?,
            channels: view.channels as usize,
            clamp: view.clamp,
            always: !mixes.is_empty(),
        };
        let (seed, epoch, start) = (whole(view.seed), whole(view.epoch), whole(view.start));
        Ok(Viewing { isa: crate::runtime::isa()?, pipeline, mixes, seed, epoch, start })
    }

    /// Fails if a picture of this name and these sides, upright, is too small or too large for a transform in any epoch.
    ///
    /// Nothing random but quarter turns decides whether sides fit: of so many draws of them all are among them.
    pub(crate) fn fits(&self, name: &str, (width, height): (u32, u32)) -> Outcomes<()> {
        let turns = self.pipeline.transforms.iter().any(|transform| matches!(transform, TransformSpec::Rotate { .. }));
        for epoch in 0..if turns { 64 } else { 1 } {
            let seed = Seed { seed: self.seed, epoch, picture: 0 };
            view_of(name, View::new(width as usize, height as usize), &self.pipeline.transforms, seed)?;
        }
        Ok(())
    }

    /// Views of pictures that have these numbers in their data set, and how they were mixed, if they were.
    pub(crate) fn of<P: Send>(
        &self,
        pictures: impl IndexedParallelIterator<Item = (u32, P)>,
        open: impl Fn(P) -> Outcomes<Arc<Picture>> + Sync,
    ) -> Outcomes<(Vec<Arc<Picture>>, Option<Mixed>)> {
        let view = |renderer: &mut Renderer, (number, picture): (u32, P)| {
            let picture = open(picture)?;
            let PictureContent::Jpeg(jpeg) = &picture.content else {
                return Ok(picture);
            };
            let seed = Seed { seed: self.seed, epoch: self.epoch, picture: number.into() };
            let name = &picture.name;
            let mut work = picture.work;
            Ok(match self.pipeline.apply((self.isa, renderer), name, jpeg, seed, &mut work)? {
                Some(pixels) => Arc::new(Picture::made(name.clone(), PictureContent::Pixels(pixels))),
                None => picture,
            })
        };
        let pictures: Vec<Outcomes<Arc<Picture>>> = pictures.map_init(Renderer::default, view).collect();
        // The first failure in the order of the batch.
        let pictures: Vec<Arc<Picture>> = pictures.into_iter().collect::<Outcomes<_>>()?;
        if self.mixes.is_empty() {
            return Ok((pictures, None));
        }
        let (names, mut pixels): (Vec<String>, Vec<Pixels>) = pictures.into_iter().filter_map(in_pixels).unzip();
        let mixed = mix(&mut pixels, &self.mixes, self.seed, self.epoch, self.start);
        let again = |(name, pixels)| Arc::new(Picture::made(name, PictureContent::Pixels(pixels)));
        Ok((names.into_iter().zip(pixels).map(again).collect(), mixed))
    }
}

/// The pixels of a picture, which a batch that is mixed has of every one.
fn in_pixels(picture: Arc<Picture>) -> Option<(String, Pixels)> {
    let Picture { name, content, .. } = Arc::unwrap_or_clone(picture);
    match content {
        PictureContent::Pixels(pixels) => Some((name, pixels)),
        PictureContent::Jpeg(_) | PictureContent::Features(_) => None,
    }
}

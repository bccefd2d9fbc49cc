//! Sparse JPEGs in native memory, as a network reads them: a batch, or pictures to look at.

use crate::coefficients::{BindingCoefficients, Dense, colour_name};
use crate::decoding::{self, BindingDecodeReport, BindingReadOptions, BindingWarning, Source, append, decoded, files};
use crate::failure::BindingFailure;
use crate::job::{Job, Outcome, job};
use crate::memory::ToldBytes;
use crate::picture::{Picture, PictureContent};
use crate::view::{BindingView, Viewing};
use jpegnet_engine::transform::Mixed;
use jpegnet_engine::view::Pixels;
use jpegnet_jpeg::{ReadOptions, SparseJpeg, Work};
use napi::Env;
use napi::bindgen_prelude::{AsyncTask, Either, Float32Array, ObjectFinalize, Result, Uint8Array, Uint32Array};
use napi_derive::napi;
use rayon::prelude::*;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Pictures of a set; none once it is disposed of.
///
/// The lock is only ever held for a moment, since JavaScript's thread takes it too: who reads pictures for longer shares
/// them ([`JpegSet::pictures`]).
pub(crate) type Shared = Arc<Mutex<Option<Pictures>>>;

#[derive(Default)]
pub(crate) struct Pictures {
    all: Vec<Arc<Picture>>,
    /// Every table once: files of one camera or encoder share theirs.
    tables: HashSet<Arc<[u16; 64]>>,
    bytes: usize,
}

impl Pictures {
    pub(crate) fn push(&mut self, mut picture: Picture) -> u32 {
        if let PictureContent::Jpeg(jpeg) = &mut picture.content {
            for component in &mut jpeg.components {
                match self.tables.get(&component.quantisation) {
                    Some(known) => component.quantisation = Arc::clone(known),
                    None => {
                        self.tables.insert(Arc::clone(&component.quantisation));
                    }
                }
            }
        }
        self.bytes += picture.bytes();
        self.all.push(Arc::new(picture));
        u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
    }
}

impl Drop for Pictures {
    fn drop(&mut self) {
        let all = std::mem::take(&mut self.all);
        // Each picture is several pieces of memory: freeing a million of them would hold up JavaScript's thread.
        if !all.is_empty() {
            rayon::spawn(move || drop(all));
        }
    }
}

/// Sparse JPEGs in native memory, numbered from 0.
#[napi(custom_finalize)]
pub struct JpegSet {
    pictures: Shared,
    /// How its pictures were mixed, if they were.
    mixed: Option<Mixed>,
    told: ToldBytes,
    reading: ReadOptions,
}

/// A component of a JPEG.
#[napi(object)]
#[derive(Clone, Debug)]
pub struct BindingComponent {
    /// The file's name for it.
    pub id: u32,
    /// Horizontal sampling factor.
    pub horizontal: u32,
    /// Vertical sampling factor.
    pub vertical: u32,
    /// Blocks from top to bottom.
    pub blocks_high: u32,
    /// Blocks from left to right.
    pub blocks_wide: u32,
    /// Quantisation steps, row-major.
    pub quantisation: Vec<u32>,
    /// Non-zero coefficients of all blocks.
    pub non_zeros: u32,
}

/// What is known of a JPEG without its coefficients.
#[napi(object)]
#[derive(Clone, Debug)]
pub struct BindingJpegDescription {
    /// The file's name.
    pub name: String,
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// What the components stand for.
    #[napi(ts_type = "'gray' | 'ycbcr' | 'rgb' | 'cmyk' | 'ycck'")]
    pub colour: String,
    /// Whether samples are stored inverted, 255 for no ink.
    pub inverted: bool,
    /// How it was coded.
    #[napi(ts_type = "'baseline' | 'extended' | 'progressive' | 'arithmetic' | 'progressive-arithmetic'")]
    pub coding: String,
    /// How it is to be turned to be seen upright, 1–8 as in Exif data.
    pub orientation: u32,
    /// Bytes of its ICC profile, if it has one.
    pub icc_bytes: Option<u32>,
    /// Bytes of the file.
    pub file_bytes: f64,
    /// Bytes it takes in sparse form.
    pub sparse_bytes: f64,
    /// What is odd about the file without the picture being in doubt.
    pub notes: Vec<String>,
    /// What libjpeg doubted, if damaged files are used.
    pub warnings: Vec<BindingWarning>,
    /// In the file's order.
    pub components: Vec<BindingComponent>,
}

#[napi]
impl JpegSet {
    /// An empty set, whose files are read as the options say.
    #[napi(constructor)]
    #[must_use]
    pub fn new(reading: Option<BindingReadOptions>) -> Self {
        Self::with(Pictures::default(), None, reading.unwrap_or_default().into())
    }

    fn with(pictures: Pictures, mixed: Option<Mixed>, reading: ReadOptions) -> Self {
        JpegSet { pictures: Arc::new(Mutex::new(Some(pictures))), mixed, told: ToldBytes::default(), reading }
    }

    /// A set of pictures that share their tables already.
    pub(crate) fn of(all: Vec<Arc<Picture>>, mixed: Option<Mixed>) -> Self {
        let bytes = all.iter().map(|picture| picture.bytes()).sum();
        Self::with(Pictures { all, tables: HashSet::new(), bytes }, mixed, ReadOptions::default())
    }

    /// How its pictures were mixed, if they were.
    pub(crate) fn mixed(&self) -> Option<Mixed> {
        self.mixed
    }

    /// The pictures of these numbers, shared: a call keeps what it was given, whatever becomes of the set.
    pub(crate) fn pictures(&self, indices: &[u32]) -> std::result::Result<Vec<Arc<Picture>>, BindingFailure> {
        let guard = locked(&self.pictures);
        let all = &guard.as_ref().ok_or_else(|| BindingFailure::disposed("JpegSet"))?.all;
        let picture = |&index: &u32| {
            let picture = all.get(index as usize).map(Arc::clone);
            picture.ok_or_else(|| BindingFailure::below("index", all.len(), index))
        };
        indices.iter().map(picture).collect()
    }

    /// A set of the pictures of these numbers, in this order; it shares them.
    #[napi(ts_return_type = "JpegSet | BindingFailure")]
    #[must_use]
    pub fn select(&self, indices: Uint32Array) -> Outcome<JpegSet> {
        match self.pictures(&indices) {
            Ok(pictures) => Either::A(JpegSet::of(pictures, None)),
            Err(failure) => Either::B(failure),
        }
    }

    /// The pictures themselves, for what appends to them.
    pub(crate) fn shared(&self) -> Shared {
        Arc::clone(&self.pictures)
    }

    /// Pictures in the set.
    #[napi(getter)]
    #[must_use]
    pub fn length(&self) -> u32 {
        self.measure(|pictures| u32::try_from(pictures.all.len()).unwrap_or(u32::MAX))
    }

    /// If every picture was mixed with the one before it, and the first with the last: the share of its own label.
    #[napi(getter)]
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        self.mixed.map(|Mixed { share }| share.into())
    }

    /// Bytes of native memory they take.
    #[napi(getter)]
    #[must_use]
    pub fn bytes(&self) -> f64 {
        self.measure(|pictures| pictures.bytes as f64)
    }

    fn measure<T: Default>(&self, of: impl FnOnce(&Pictures) -> T) -> T {
        locked(&self.pictures).as_ref().map(of).unwrap_or_default()
    }

    /// Reads and decodes files in parallel and appends those that give coefficients, in order.
    #[napi(ts_return_type = "Promise<BindingDecodeReport | BindingFailure>")]
    #[must_use]
    pub fn decode_files(&self, paths: Vec<String>) -> AsyncTask<Job<BindingDecodeReport, BindingDecodeReport>> {
        self.decode(Ok(files(paths)))
    }

    /// Decodes files given as bytes and appends those that give coefficients, in order.
    #[napi(ts_return_type = "Promise<BindingDecodeReport | BindingFailure>")]
    #[must_use]
    pub fn decode_buffers(
        &self,
        buffers: Vec<Uint8Array>,
        names: Vec<String>,
    ) -> AsyncTask<Job<BindingDecodeReport, BindingDecodeReport>> {
        self.decode(decoding::buffers(names, &buffers))
    }

    fn decode(
        &self,
        sources: std::result::Result<Vec<Source>, BindingFailure>,
    ) -> AsyncTask<Job<BindingDecodeReport, BindingDecodeReport>> {
        let (pictures, reading) = (Arc::clone(&self.pictures), self.reading);
        job(
            move || {
                // Starts the threads as the environment says.
                crate::runtime::isa()?;
                let decode = |source: Source| {
                    let name = source.name.clone();
                    let mut work = Work::within(reading.limits.work);
                    let jpeg = decoded(&name, &source.read(&reading.limits)?, &reading, &mut work)?;
                    let warnings = decoding::warnings(&jpeg.warnings);
                    Ok((Picture::of_file(name, jpeg, work), warnings))
                };
                // Each on its own: none waits on one thread for a slow one while another thread has nothing to do.
                let decoded: Vec<_> = sources?.into_par_iter().with_max_len(1).map(decode).collect();
                let mut guard = locked(&pictures);
                let pictures = guard.as_mut().ok_or_else(|| BindingFailure::disposed("JpegSet"))?;
                Ok(append(decoded, |picture| Ok(pictures.push(picture))))
            },
            |_, report| report,
        )
    }

    /// What is known of a picture without its coefficients.
    #[napi(ts_return_type = "BindingJpegDescription | BindingFailure")]
    #[must_use]
    pub fn describe(&self, index: u32) -> Outcome<BindingJpegDescription> {
        let described =
            self.pictures(&[index]).and_then(|pictures| Ok(description(&pictures[0].name, pictures[0].jpeg()?)));
        match described {
            Ok(description) => Either::A(description),
            Err(failure) => Either::B(failure),
        }
    }

    /// All quantised coefficients of a picture, zeros included.
    #[napi(ts_return_type = "Promise<BindingCoefficients | BindingFailure>")]
    #[must_use]
    pub fn coefficients(&self, index: u32) -> AsyncTask<Job<Dense, BindingCoefficients>> {
        let pictures = self.pictures(&[index]);
        job(
            move || {
                let picture = &pictures?[0];
                let jpeg = picture.jpeg()?;
                let mut work = picture.work;
                work.add_dense(jpeg).map_err(|error| BindingFailure::jpeg(&picture.name, &error))?;
                Ok(Dense::of(jpeg))
            },
            |_, dense| dense.into(),
        )
    }

    /// Views of all pictures, numbered as they are here: what a network reads. The set stays as it is.
    #[napi(ts_return_type = "Promise<JpegSet | BindingFailure>")]
    #[must_use]
    pub fn view(&self, view: BindingView) -> AsyncTask<Job<JpegSet, JpegSet>> {
        let all = (0..self.length()).collect::<Vec<_>>();
        let pictures = self.pictures(&all);
        job(
            move || {
                let (pictures, mixed) = Viewing::new(&view)?.of(all.into_par_iter().zip(pictures?), Ok)?;
                Ok(JpegSet::of(pictures, mixed))
            },
            |_, set| set,
        )
    }

    /// Pixels of views of one size, `[pictures, channels, height, width]`, as a network of this mean and deviation of a
    /// channel's samples in 0…1 reads them.
    #[napi(ts_return_type = "Promise<Float32Array | BindingFailure>")]
    #[must_use]
    pub fn normalised(&self, mean: Vec<f64>, std: Vec<f64>) -> AsyncTask<Job<Vec<f32>, Float32Array>> {
        let all = (0..self.length()).collect::<Vec<_>>();
        let pictures = self.pictures(&all);
        job(
            move || {
                let pictures = pictures?;
                let pixels: Vec<&Pixels> =
                    pictures.iter().map(|picture| picture.pixels()).collect::<std::result::Result<_, _>>()?;
                let len = pixels.first().map_or(0, |pixels| pixels.samples.len());
                if let Some(at) =
                    pixels.iter().position(|of| of.samples.len() != len || of.channels != mean.len().min(std.len()))
                {
                    let name = &pictures[at].name;
                    return Err(BindingFailure::invalid_option(
                        name,
                        "views of one size, and a mean and deviation a channel",
                        "others",
                    ));
                }
                let mut output = vec![0.0; len * pixels.len()];
                output.par_chunks_mut(len.max(1)).zip(&pixels).for_each(|(output, pixels)| {
                    let plane = pixels.width * pixels.height;
                    for (channel, (to, from)) in output.chunks_mut(plane).zip(pixels.samples.chunks(plane)).enumerate()
                    {
                        #[expect(clippy::cast_possible_truncation, reason = "float32 in the end")]
                        let (factor, offset) =
                            ((1.0 / (255.0 * std[channel])) as f32, (-mean[channel] / std[channel]) as f32);
                        for (to, from) in to.iter_mut().zip(from) {
                            *to = factor * from + offset;
                        }
                    }
                });
                Ok(output)
            },
            |_, samples| samples.into(),
        )
    }

    /// Tells the collector how much memory the set holds now; all that it knows of, in bytes.
    #[napi]
    pub fn report_memory(&self, env: Env) -> Result<f64> {
        self.told.tell(env, self.measure(|pictures| pictures.bytes))
    }

    /// Frees the pictures; a call that was given some keeps those until it ends.
    #[napi]
    pub fn dispose(&self, env: Env) -> Result<()> {
        locked(&self.pictures).take();
        self.report_memory(env)?;
        Ok(())
    }
}

impl ObjectFinalize for JpegSet {
    fn finalize(self, env: Env) -> Result<()> {
        self.told.tell(env, 0)?;
        Ok(())
    }
}

/// A panic while the lock was held can have left a picture out, never half of one in.
pub(crate) fn locked(pictures: &Mutex<Option<Pictures>>) -> MutexGuard<'_, Option<Pictures>> {
    pictures.lock().unwrap_or_else(PoisonError::into_inner)
}

fn description(name: &str, jpeg: &SparseJpeg) -> BindingJpegDescription {
    let count = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    let components = jpeg.components.iter().map(|component| BindingComponent {
        id: component.id.into(),
        horizontal: component.horizontal.into(),
        vertical: component.vertical.into(),
        blocks_high: count(component.blocks_high),
        blocks_wide: count(component.blocks_wide),
        quantisation: component.quantisation.iter().map(|&step| step.into()).collect(),
        non_zeros: count(component.blocks.non_zeros()),
    });
    BindingJpegDescription {
        name: name.to_owned(),
        width: jpeg.width,
        height: jpeg.height,
        colour: colour_name(jpeg.colour).to_owned(),
        inverted: jpeg.colour.is_inverted(),
        coding: jpeg.coding.name().to_owned(),
        orientation: jpeg.orientation.number().into(),
        icc_bytes: jpeg.icc_bytes,
        file_bytes: jpeg.file_bytes as f64,
        sparse_bytes: jpeg.bytes() as f64,
        notes: jpeg.notes.clone(),
        warnings: decoding::warnings(&jpeg.warnings),
        components: components.collect(),
    }
}

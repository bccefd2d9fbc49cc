//! A data set: packed pictures in native memory, and batches cut from it.

use crate::decoding::{
    self, BindingDecodeFailure, BindingDecodeReport, BindingReadOptions, Source, append, decoded, files,
};
use crate::failure::BindingFailure;
use crate::job::{Job, Outcome, job};
use crate::jpeg_set::JpegSet;
use crate::memory::ToldBytes;
use crate::picture::Picture;
use crate::store::{Fingerprint, Kept, Packed, Store};
use crate::view::{BindingView, Viewing};
use jpegnet_jpeg::packed::unpack;
use jpegnet_jpeg::{Colour, JpegError, ReadOptions, SparseJpeg, Work};
use napi::Env;
use napi::bindgen_prelude::{AsyncTask, Either, ObjectFinalize, Result, Uint8Array, Uint32Array};
use napi_derive::napi;
use rayon::prelude::*;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Pictures of a size and colour.
#[napi(object)]
#[derive(Clone, Copy, Debug)]
pub struct BindingPictureKind {
    /// Columns, of the picture upright.
    pub width: u32,
    /// Rows, of the picture upright.
    pub height: u32,
    /// Whether it has luminance alone.
    pub gray: bool,
    /// How many there are.
    pub count: u32,
}

/// None once disposed of. The lock is only ever held for a moment, since JavaScript's thread takes it too.
type Shared = Arc<Mutex<Option<Store>>>;

type Outcomes<T> = std::result::Result<T, BindingFailure>;

/// Packed pictures in native memory, numbered from 0.
///
/// With a budget, pictures not used for long are given up and read again from their files when a batch needs them. A file
/// that is then gone or has other contents is an error: a data set never changes.
#[napi(custom_finalize)]
pub struct PackedSet {
    store: Shared,
    told: ToldBytes,
    reading: ReadOptions,
}

#[napi]
impl PackedSet {
    /// An empty set, of at most so many bytes if a budget is given. Files are read as the options say, now and again.
    #[napi(constructor)]
    #[must_use]
    pub fn new(memory: Option<f64>, reading: Option<BindingReadOptions>) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number below 2^53")]
        let budget = memory.map(|bytes| bytes as usize);
        let reading = reading.unwrap_or_default().into();
        PackedSet { store: Arc::new(Mutex::new(Some(Store::new(budget)))), told: ToldBytes::default(), reading }
    }

    /// Pictures in the set.
    #[napi(getter)]
    #[must_use]
    pub fn length(&self) -> u32 {
        self.measure(|store| u32::try_from(store.len()).unwrap_or(u32::MAX))
    }

    /// Bytes of native memory it takes.
    #[napi(getter)]
    #[must_use]
    pub fn bytes(&self) -> f64 {
        self.measure(|store| store.bytes() as f64)
    }

    /// Pictures that were given up and are to be read again when they are needed.
    #[napi(getter)]
    #[must_use]
    pub fn given_up(&self) -> u32 {
        self.measure(|store| u32::try_from(store.given_up()).unwrap_or(u32::MAX))
    }

    /// How many of the pictures of these numbers are in memory.
    #[napi]
    #[must_use]
    pub fn in_memory(&self, indices: Uint32Array) -> u32 {
        let count = |store: &Store| indices.iter().filter(|&&index| store.is_here(index as usize)).count();
        self.measure(|store| u32::try_from(count(store)).unwrap_or(u32::MAX))
    }

    /// How many of the pictures of these numbers are of another width or height.
    #[napi]
    #[must_use]
    pub fn of_other_size(&self, indices: Uint32Array, width: u32, height: u32) -> u32 {
        let other = |store: &Store, index: u32| store.size(index as usize).is_some_and(|size| size != (width, height));
        let count = |store: &Store| indices.iter().filter(|&&index| other(store, index)).count();
        self.measure(|store| u32::try_from(count(store)).unwrap_or(u32::MAX))
    }

    /// Which pictures, by their places among these numbers, are too small or too large for the transforms of a view, and why.
    #[napi(ts_return_type = "Array<BindingDecodeFailure> | BindingFailure")]
    #[must_use]
    pub fn misfits(&self, indices: Uint32Array, view: BindingView) -> Outcome<Vec<BindingDecodeFailure>> {
        outcome(Viewing::new(&view).and_then(|viewing| {
            self.with(|store| {
                store.check_indices(&indices)?;
                let mut known = HashMap::new();
                let mut misfits = Vec::new();
                for (position, &index) in (0..).zip(indices.iter()) {
                    let Some(size) = store.size(index as usize) else { continue };
                    if *known.entry(size).or_insert_with(|| viewing.fits("", size).is_ok()) {
                        continue;
                    }
                    let name = store.name(index as usize);
                    misfits.extend(
                        viewing.fits(&name, size).err().map(|failure| BindingDecodeFailure { position, failure }),
                    );
                }
                Ok(misfits)
            })
        }))
    }

    /// The kinds of pictures among those of these numbers, and how many there are of each: upright sizes, gray or not. Pictures
    /// are taken as they are known; none is unpacked.
    #[napi]
    #[must_use]
    pub fn kinds(&self, indices: Uint32Array) -> Vec<BindingPictureKind> {
        self.measure(|store| {
            let mut counts = HashMap::new();
            for &index in indices.iter() {
                let kind = store.size(index as usize).zip(store.colour(index as usize));
                let kind = kind.map(|(size, colour)| (size, colour == Colour::Gray));
                if let Some(kind) = kind {
                    *counts.entry(kind).or_insert(0) += 1;
                }
            }
            let mut kinds: Vec<_> = counts.into_iter().collect();
            kinds.sort_unstable();
            let kinds = kinds.into_iter();
            kinds.map(|(((width, height), gray), count)| BindingPictureKind { width, height, gray, count }).collect()
        })
    }

    /// All names, in order.
    #[napi(ts_return_type = "Array<string> | BindingFailure")]
    #[must_use]
    pub fn names(&self) -> Outcome<Vec<String>> {
        outcome(self.with(|store| Ok(store.names())))
    }

    /// Reads, decodes and packs files in parallel and appends those that give coefficients, in order.
    #[napi(ts_return_type = "Promise<BindingDecodeReport | BindingFailure>")]
    #[must_use]
    pub fn decode_files(&self, paths: Vec<String>) -> AsyncTask<Job<BindingDecodeReport, BindingDecodeReport>> {
        self.decode(Ok(files(paths)))
    }

    /// Decodes and packs files given as bytes and appends those that give coefficients, in order.
    #[napi(ts_return_type = "Promise<BindingDecodeReport | BindingFailure>")]
    #[must_use]
    pub fn decode_buffers(
        &self,
        buffers: Vec<Uint8Array>,
        names: Vec<String>,
    ) -> AsyncTask<Job<BindingDecodeReport, BindingDecodeReport>> {
        self.decode(decoding::buffers(names, &buffers))
    }

    fn decode(&self, sources: Outcomes<Vec<Source>>) -> AsyncTask<Job<BindingDecodeReport, BindingDecodeReport>> {
        let (store, reading) = (Arc::clone(&self.store), self.reading);
        job(
            move || {
                // Starts the threads as the environment says.
                crate::runtime::isa()?;
                let decode = |source: Source| {
                    let name = source.name.clone();
                    let bytes = source.read(&reading.limits)?;
                    let mut work = Work::within(reading.limits.work);
                    let jpeg = decoded(&name, &bytes, &reading, &mut work)?;
                    work.add_packing(&jpeg).map_err(|error| BindingFailure::jpeg(&name, &error))?;
                    let warnings = decoding::warnings(&jpeg.warnings);
                    Ok((Packed::new(name, &jpeg, Fingerprint::of(&bytes)), warnings))
                };
                // Each on its own: none waits on one thread for a slow one while another thread has nothing to do.
                let packed: Vec<_> = sources?.into_par_iter().with_max_len(1).map(decode).collect();
                with(&store, |store| Ok(append(packed, |picture| store.push(picture))))
            },
            |_, report| report,
        )
    }

    /// Says that no more pictures will come: memory kept ready for them is given back, and the collector told of the rest.
    /// Fails if the budget does not hold what is known of all pictures and one of them.
    #[napi(ts_return_type = "boolean | BindingFailure")]
    pub fn finish(&self, env: Env) -> Result<Outcome<bool>> {
        let finished = self.with(|store| {
            store.check_room(1)?;
            store.shrink();
            Ok(true)
        });
        self.report_memory(env)?;
        Ok(outcome(finished))
    }

    /// Fails if the budget does not hold a batch of so many pictures beside what is known of all.
    #[napi(ts_return_type = "boolean | BindingFailure")]
    #[must_use]
    pub fn check_batch(&self, pictures: u32) -> Outcome<bool> {
        outcome(self.with(|store| store.check_room(pictures as usize).map(|()| true)))
    }

    /// A batch: the pictures of these numbers, in this order, or views of them. It is independent of the set.
    ///
    /// `buffers` are the files of pictures that have none on disk, one for each number; empty if all are on disk or none was
    /// given up.
    #[napi(ts_return_type = "Promise<JpegSet | BindingFailure>")]
    #[must_use]
    pub fn batch(
        &self,
        indices: Uint32Array,
        buffers: Vec<Uint8Array>,
        view: Option<BindingView>,
    ) -> AsyncTask<Job<JpegSet, JpegSet>> {
        let (store, reading, indices) = (Arc::clone(&self.store), self.reading, indices.to_vec());
        let buffers: Vec<Vec<u8>> = buffers.iter().map(|bytes| bytes.to_vec()).collect();
        job(
            move || {
                crate::runtime::isa()?;
                with(&store, |store| {
                    store.check_indices(&indices)?;
                    store.check_room(indices.len())?;
                    for &index in &indices {
                        store.touch(index as usize);
                    }
                    Ok(())
                })?;
                let mut buffers: Vec<Option<Vec<u8>>> = buffers.into_iter().map(Some).collect();
                buffers.resize_with(indices.len(), || None);
                let open = |(index, bytes)| picture(&store, index, bytes, &reading).map(Arc::new);
                let pictures = indices.into_par_iter().zip(buffers);
                if let Some(view) = view {
                    let numbered = pictures.map(|(index, bytes)| (index, (index as usize, bytes)));
                    let (pictures, mixed) = Viewing::new(&view)?.of(numbered, open)?;
                    return Ok(JpegSet::of(pictures, mixed));
                }
                let pictures: Vec<_> = pictures.map(|(index, bytes)| open((index as usize, bytes))).collect();
                // The first failure in the order of the batch.
                Ok(JpegSet::of(pictures.into_iter().collect::<Outcomes<_>>()?, None))
            },
            |_, batch| batch,
        )
    }

    /// Tells the collector how much memory the set holds now; all that it knows of, in bytes.
    #[napi]
    pub fn report_memory(&self, env: Env) -> Result<f64> {
        self.told.tell(env, self.measure(Store::bytes))
    }

    /// Frees the pictures; batches that were cut keep theirs.
    #[napi]
    pub fn dispose(&self, env: Env) -> Result<()> {
        if let Some(store) = locked(&self.store).take() {
            // Each picture is a piece of memory: freeing a million of them would hold up JavaScript's thread.
            rayon::spawn(move || drop(store));
        }
        self.report_memory(env)?;
        Ok(())
    }

    fn with<T>(&self, of: impl FnOnce(&mut Store) -> Outcomes<T>) -> Outcomes<T> {
        with(&self.store, of)
    }

    fn measure<T: Default>(&self, of: impl FnOnce(&Store) -> T) -> T {
        locked(&self.store).as_ref().map(of).unwrap_or_default()
    }
}

impl ObjectFinalize for PackedSet {
    fn finalize(self, env: Env) -> Result<()> {
        self.told.tell(env, 0)?;
        Ok(())
    }
}

fn outcome<T>(result: Outcomes<T>) -> Outcome<T> {
    match result {
        Ok(value) => Either::A(value),
        Err(failure) => Either::B(failure),
    }
}

/// One picture of a batch: unpacked, or read again.
fn picture(store: &Shared, index: usize, bytes: Option<Vec<u8>>, reading: &ReadOptions) -> Outcomes<Picture> {
    let (name, kept) = with(store, |store| store.get(index))?;
    // The same whether it is read again or not, so that a picture's view is had with every budget or with none.
    let of_file = |name: String, jpeg: SparseJpeg| {
        let mut work = Work::within(reading.limits.work);
        work.add_unpacking(&jpeg).map_err(|error: JpegError| BindingFailure::jpeg(&name, &error))?;
        Ok(Picture::of_file(name, jpeg, work))
    };
    match kept {
        Kept::Packed(frame, packed) => of_file(name, unpack(&frame, &packed)),
        Kept::InFile(fingerprint) => {
            let bytes = Source { name: name.clone(), bytes }.read(&reading.limits)?;
            if Fingerprint::of(&bytes) != fingerprint {
                return Err(BindingFailure::changed(&name));
            }
            let jpeg = decoded(&name, &bytes, reading, &mut Work::within(reading.limits.work))?;
            let packed = jpegnet_jpeg::packed::pack(&jpeg);
            with(store, |store| {
                store.keep(index, &packed);
                Ok(())
            })?;
            of_file(name, jpeg)
        }
    }
}

fn with<T>(store: &Shared, of: impl FnOnce(&mut Store) -> Outcomes<T>) -> Outcomes<T> {
    of(locked(store).as_mut().ok_or_else(|| BindingFailure::disposed("PackedSet"))?)
}

/// A panic while the lock was held can have left a picture out, never half of one in.
fn locked(store: &Mutex<Option<Store>>) -> MutexGuard<'_, Option<Store>> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

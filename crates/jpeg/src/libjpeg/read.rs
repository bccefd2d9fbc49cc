//! Coefficients out of a file: `jpeg_read_coefficients`.

use super::errors::{COLOURS, Errors, Reports, caught, on_progress};
use super::scan::padded_blocks;
use crate::coding::Coding;
use crate::colour::Colour;
use crate::error::JpegError;
use crate::exif;
use crate::limits::Limits;
use crate::orientation::Orientation;
use crate::read_options::{Damage, ReadOptions};
use crate::segments::{Segment, before_last_segment, before_scans};
use crate::smoothing::{Known, Plane, TOLD, is_useful};
use crate::sparse::{BLOCK, Component, SparseBuilder, SparseJpeg};
use crate::work::{self, Work};
use crate::xmp;
use mozjpeg_sys as sys;
use std::ffi::c_int;
use std::sync::Arc;

/// Undoes the entropy coding of a baseline, extended or progressive JPEG, Huffman or arithmetic, of one (gray), three
/// (YCbCr or RGB) or four (CMYK or YCCK) components of any sampling whose factors divide the largest.
///
/// What libjpeg doubts is refused or used, as [`ReadOptions::damage`] says: a file that ends early or is damaged, where
/// libjpeg would fill in what is missing, and one with bytes left over after a scan, a frequent trace of a flipped bit.
/// What it remarks on else (bytes between the segments before the first scan or after the end, header fields that change
/// no coefficient) is no doubt; it is told in `notes`. A JPEG has no checksum: damage that decodes as another picture
/// cannot be seen.
///
/// # Errors
/// [`JpegError`]: the file is empty, not a JPEG, of a kind that is not read, over a limit, so damaged that libjpeg cannot
/// go on, or (with [`Damage::Refuse`]) truncated or damaged at all.
pub fn read_coefficients(bytes: &[u8], options: &ReadOptions) -> Result<SparseJpeg, JpegError> {
    read_coefficients_within(bytes, options, &mut Work::within(options.limits.work))
}

/// The same, with an account of the work in place of `limits.work`: what is done with the picture next can be added to it.
///
/// # Errors
/// As [`read_coefficients`].
pub fn read_coefficients_within(bytes: &[u8], options: &ReadOptions, work: &mut Work) -> Result<SparseJpeg, JpegError> {
    if bytes.is_empty() {
        return Err(JpegError::Empty);
    }
    let (limit, found) = (options.limits.bytes, bytes.len() as u64);
    if found > limit {
        return Err(JpegError::TooLarge { what: "bytes", limit, found });
    }
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return Err(JpegError::not_jpeg(bytes));
    }
    let read = |bytes: &[u8], work: &mut Work| {
        let mut decoder = Decoder::new(options, *work);
        let read = caught(|| decoder.read(bytes)).unwrap_or_else(|| Err(decoder.errors.reports.take_failure()));
        *work = decoder.errors.reports.work;
        (read, decoder.info.input_scan_number > 0)
    };
    let read_once = read(bytes, work);
    let read = match read_once {
        // The end can lie within tables, or the header of a scan, after scans that are to be used.
        (Err(JpegError::Truncated { .. }), true) if options.damage == Damage::Use => {
            read(before_last_segment(bytes), work).0
        }
        (read, _) => read,
    };
    let orientation =
        |jpeg: &SparseJpeg| if options.ignore_orientation { Orientation::TopLeft } else { jpeg.orientation };
    read.map(|jpeg| SparseJpeg { orientation: orientation(&jpeg), file_bytes: bytes.len(), ..jpeg })
}

/// One use of libjpeg's decompressor. Boxed parts must not move while libjpeg points to them.
struct Decoder {
    info: Box<sys::jpeg_decompress_struct>,
    // Both are read by libjpeg through `info`.
    errors: Errors,
    progress: Box<sys::jpeg_progress_mgr>,
    limits: Limits,
    damage: Damage,
    as_coded: bool,
}

/// What the segments before the first scan say of the picture.
#[derive(Default)]
struct Segments {
    /// Bits of the shortest code of a coefficient that is not a DC, with the bits of its value.
    least_bits: Option<u64>,
    icc_bytes: Option<u32>,
    has_further_pictures: bool,
    orientation: Orientation,
}

impl Decoder {
    fn new(ReadOptions { limits, damage, as_coded, .. }: &ReadOptions, work: Work) -> Decoder {
        // SAFETY: libjpeg's structs are plain C data for which zero bytes are valid.
        let (info, mut progress) = unsafe {
            let progress: Box<sys::jpeg_progress_mgr> = Box::new(std::mem::zeroed());
            (Box::<sys::jpeg_decompress_struct>::new(std::mem::zeroed()), progress)
        };
        progress.progress_monitor = Some(on_progress);
        let reports = Reports {
            scan_limit: limits.scans,
            memory_limit: limits.memory,
            damage: *damage,
            work,
            byte_work: work::PROGRESSIVE_BYTE,
            ..Reports::default()
        };
        Decoder { info, errors: Errors::new(reports), progress, limits: *limits, damage: *damage, as_coded: *as_coded }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<SparseJpeg, JpegError> {
        let segments = self.segments(bytes)?;
        self.open(bytes)?;
        let colour = self.check_header(bytes.len())?;
        if !self.errors.reports.coding().is_some_and(Coding::is_progressive) {
            // Tables between scans can have shorter codes: few files have them, and those are counted at the usual cost.
            let bits = segments.least_bits.unwrap_or(work::LEAST_BITS).max(work::LEAST_BITS);
            self.errors.reports.byte_work = work::BYTE_OF_BITS.div_ceil(bits);
        }
        // SAFETY: the header was read; errors unwind.
        let arrays = unsafe { sys::jpeg_read_coefficients(&mut self.info) };
        let smoothed = if self.as_coded { None } else { self.smoothed() };
        if smoothed.is_some() {
            let blocks: u64 = self.components().iter().map(|component| block_count(component) as u64).sum();
            self.errors.reports.work.add(work::SMOOTHED.saturating_mul(blocks))?;
        }
        let components = (0..self.info.num_components.unsigned_abs() as usize)
            .map(|index| self.component(index, arrays, smoothed.as_ref().map(|smoothed| smoothed[index])))
            .collect::<Result<_, _>>()?;
        self.note_rest(segments.has_further_pictures);
        // SAFETY: all coefficients were read; errors unwind.
        unsafe { sys::jpeg_finish_decompress(&mut self.info) };
        let reports = &mut self.errors.reports;
        Ok(SparseJpeg {
            width: self.info.image_width,
            height: self.info.image_height,
            colour,
            coding: reports.coding().unwrap_or(Coding::Baseline),
            orientation: segments.orientation,
            icc_bytes: segments.icc_bytes,
            components,
            file_bytes: bytes.len(),
            notes: std::mem::take(&mut reports.notes),
            warnings: reports.warnings.take(),
        })
    }

    /// Reads the header.
    fn open(&mut self, bytes: &[u8]) -> Result<(), JpegError> {
        const OVERHEAD: u64 = 1 << 20;
        self.errors.attach(&mut self.info.common);
        // SAFETY: `info` is zeroed but for its error manager, and stays at its address until it is destroyed.
        unsafe {
            let size = size_of::<sys::jpeg_decompress_struct>();
            sys::jpeg_CreateDecompress(&raw mut *self.info, sys::JPEG_LIB_VERSION, size);
        }
        self.info.common.progress = &raw mut *self.progress;
        // libjpeg's own guard over its arrays, beside tables, workspaces and the segments that it keeps.
        let memory = self.limits.memory.saturating_add(OVERHEAD + bytes.len() as u64);
        // SAFETY: the memory manager exists from creation to destruction.
        unsafe { (*self.info.common.mem).max_memory_to_use = memory.try_into().unwrap_or(0) };
        let length = bytes.len().try_into().map_err(|_| JpegError::TooLarge {
            what: "bytes",
            limit: u64::from(u32::MAX),
            found: bytes.len() as u64,
        })?;
        // SAFETY: the bytes outlive the decompressor's use of them, which ends before `read_coefficients` does.
        unsafe {
            sys::jpeg_mem_src(&mut self.info, bytes.as_ptr(), length);
            sys::jpeg_read_header(&mut self.info, 1);
        }
        Ok(())
    }

    /// What the segments before the first scan say. Broken Exif data is noted, and says nothing else.
    fn segments(&mut self, bytes: &[u8]) -> Result<Segments, JpegError> {
        const ICC_NAME: &[u8] = b"ICC_PROFILE\0";
        /// Bytes before a piece of a profile: its name, its number and how many there are.
        const ICC_HEADER: usize = ICC_NAME.len() + 2;
        let mut found = Segments::default();
        let mut exif = Vec::new();
        let mut xmp = None;
        let mut begin = 0;
        let mut least_bits = None;
        for Segment { marker, data, end } in before_scans(bytes) {
            let reports = &mut self.errors.reports;
            reports.work.add(work::SEGMENT + work::HEADER_BYTE * (end - begin) as u64)?;
            begin = end;
            match marker {
                ICC if data.len() >= ICC_HEADER && data.starts_with(ICC_NAME) => {
                    let length = u32::try_from(data.len() - ICC_HEADER).unwrap_or(u32::MAX);
                    found.icc_bytes = Some(found.icc_bytes.unwrap_or(0).saturating_add(length));
                }
                ICC if data.starts_with(b"MPF\0") => found.has_further_pictures = true,
                HUFFMAN_TABLES => least_bits = least_bits.into_iter().chain(least_bits_of(data)).min(),
                EXIF => {
                    // Exif data that is too long for a segment goes on in the next; of XMP data the last counts.
                    exif.extend_from_slice(data.strip_prefix(exif::PREFIX).unwrap_or_default());
                    xmp = data.strip_prefix(xmp::PREFIX).or(xmp);
                }
                _ => {}
            }
        }
        found.least_bits = least_bits;
        let told = exif::orientation(&exif);
        let from_xmp = xmp.filter(|_| !told.is_final).and_then(xmp::orientation);
        found.orientation = told.orientation.or(from_xmp).unwrap_or_default();
        if let (None, Some(oddity)) = (from_xmp, told.oddity) {
            let note = format!("Exif data that does not say how to turn the picture ({oddity}); taken as it is stored");
            self.errors.reports.notes.push(note);
        }
        Ok(found)
    }

    /// What can be refused before libjpeg allocates the coefficients.
    fn check_header(&mut self, file_bytes: usize) -> Result<Colour, JpegError> {
        let Limits { pixels, components, memory, .. } = self.limits;
        let limited = |what, limit, found| {
            if found > limit { Err(JpegError::TooLarge { what, limit, found }) } else { Ok(()) }
        };
        limited("pixels", pixels, u64::from(self.info.image_width) * u64::from(self.info.image_height))?;
        let colour = self.colour()?;
        limited("components", components.into(), self.info.num_components.unsigned_abs().into())?;
        self.check_sampling()?;
        // The DC of every block takes at least one bit of Huffman code, so a small file that is whole cannot ask for much
        // memory. Arithmetic coding has no such bound, and what is missing from a damaged file is filled in.
        let blocks: usize = self.components().iter().map(block_count).sum();
        let is_arithmetic = self.errors.reports.coding().is_some_and(Coding::is_arithmetic);
        if !is_arithmetic && self.damage == Damage::Refuse && blocks > file_bytes.saturating_mul(8) {
            let message = format!("{blocks} blocks cannot be in {file_bytes} bytes");
            return Err(JpegError::Truncated { message });
        }
        limited("bytes of memory", memory, self.memory(blocks, file_bytes, is_arithmetic))?;
        let reports = &mut self.errors.reports;
        // SAFETY: the source manager exists while the decompressor does.
        let rest = unsafe { self.info.src.as_ref() }.map_or(0, |source| source.bytes_in_buffer);
        reports.file_bytes = file_bytes as u64;
        reports.bytes_read = file_bytes.saturating_sub(rest) as u64;
        reports.work.add(work::BLOCK.saturating_mul(blocks as u64))?;
        Ok(colour)
    }

    /// Bytes for coefficients while the file is read: libjpeg's arrays and, after them, all of the sparse form.
    fn memory(&self, blocks: usize, file_bytes: usize, is_arithmetic: bool) -> u64 {
        let [blocks, file_bytes] = [blocks as u64, file_bytes as u64];
        let dense = self.components().iter().map(padded_blocks).sum::<u64>() * 2 * BLOCK as u64;
        // A coefficient that is not zero takes two bits of Huffman code or more, but for a DC that its neighbour tells.
        let most = blocks.saturating_mul(BLOCK as u64);
        let non_zeros = if is_arithmetic { most } else { most.min(blocks.saturating_add(4 * file_bytes)) };
        dense.saturating_add(blocks).saturating_add(3 * non_zeros)
    }

    fn colour(&self) -> Result<Colour, JpegError> {
        let count = self.info.num_components;
        match self.info.jpeg_color_space {
            sys::JCS_GRAYSCALE => Ok(Colour::Gray),
            sys::JCS_YCbCr => Ok(Colour::YCbCr),
            sys::JCS_RGB => Ok(Colour::Rgb),
            sys::JCS_CMYK => Ok(Colour::Cmyk { inverted: true }),
            sys::JCS_YCCK => Ok(Colour::Ycck),
            _ => Err(JpegError::Unsupported {
                expected: COLOURS,
                found: format!("{count} components of unknown colours"),
            }),
        }
    }

    /// One sample of a component must stand for a whole number of pixels, as libjpeg's own upsampling has it.
    fn check_sampling(&self) -> Result<(), JpegError> {
        let most = (self.info.max_h_samp_factor, self.info.max_v_samp_factor);
        for component in self.components() {
            // libjpeg has checked that factors are 1–4.
            let own = (component.h_samp_factor, component.v_samp_factor);
            if most.0 % own.0 != 0 || most.1 % own.1 != 0 {
                return Err(JpegError::Unsupported {
                    expected: "sampling factors that divide the largest",
                    found: format!("{}×{} of {}×{}", own.0, own.1, most.0, most.1),
                });
            }
        }
        Ok(())
    }

    /// What the header says of each component.
    fn components(&self) -> &[sys::jpeg_component_info] {
        // SAFETY: once the header is read, comp_info has num_components entries, which libjpeg keeps until it is finished
        // or destroyed and writes to only in its own calls.
        unsafe { std::slice::from_raw_parts(self.info.comp_info, self.info.num_components.unsigned_abs() as usize) }
    }

    /// What is known of the first coefficients of every component, up to the row of MCUs to which the last scan came and
    /// after it, if libjpeg's decoder would tell those that are missing.
    fn smoothed(&self) -> Option<Vec<[Known; 2]>> {
        let all = self.components();
        let known = |row: usize| self.known_bits(row).map(|bits| std::array::from_fn(|index| bits[index]));
        let known = (0..all.len()).map(|index| {
            let now: Known = known(index)?;
            let had_two = self.info.input_scan_number > 1 && now[0] >= 0;
            Some([now, if had_two { known(index + all.len())? } else { [-1; TOLD] }])
        });
        let known = known.collect::<Option<Vec<_>>>()?;
        // SAFETY: libjpeg sets the pointer when a scan of the component begins, and keeps the table until it is finished.
        let tables = all.iter().map(|component| unsafe { component.quant_table.as_ref() });
        let tables = tables.map(|table| table.map(|table| &table.quantval)).collect::<Option<Vec<_>>>()?;
        is_useful(tables.into_iter().zip(known.iter().map(|[now, _]| now))).then_some(known)
    }

    fn component(
        &mut self,
        index: usize,
        arrays: *mut *mut sys::jvirt_barray_control,
        smoothed: Option<[Known; 2]>,
    ) -> Result<Component, JpegError> {
        // SAFETY: comp_info has num_components entries, and `index` is below that.
        let info = unsafe { &*self.info.comp_info.add(index) };
        let quantisation = Arc::new(self.quantisation(info)?);
        let (blocks_high, blocks_wide) = (info.height_in_blocks as usize, info.width_in_blocks as usize);
        let mut sparse = SparseBuilder::with_blocks(block_count(info));
        // SAFETY: the memory manager and its functions exist from creation to destruction.
        let access = unsafe { (*self.info.common.mem).access_virt_barray };
        let access = access.ok_or_else(|| JpegError::Corrupt { message: "libjpeg has no block access".to_owned() })?;
        let mut rows = |row: usize| {
            #[expect(clippy::cast_possible_truncation, reason = "libjpeg's own number")]
            let row = row as u32;
            // SAFETY: jpeg_read_coefficients returned one array a component, each with at least height_in_blocks rows,
            // made up to whole MCUs, of at least width_in_blocks blocks; a row is read before the next is asked for.
            unsafe {
                let array = *arrays.add(index);
                let rows = access(&mut self.info.common, array, row, 1, 0);
                std::slice::from_raw_parts::<[i16; BLOCK]>(*rows, blocks_wide)
            }
        };
        if let Some(known) = smoothed {
            let factor = info.v_samp_factor.unsigned_abs() as usize;
            let padded = blocks_high.next_multiple_of(factor);
            let dcs: Vec<i16> = (0..padded).flat_map(|row| rows(row).iter().map(|block| block[0])).collect();
            let reports = &self.errors.reports;
            let last_good = if reports.is_out_of_data { reports.last_good_row as usize } else { usize::MAX };
            let plane = Plane {
                dcs: &dcs,
                columns: blocks_wide,
                rows: blocks_high,
                factor,
                mcu_rows: padded / factor,
                quantisation: &quantisation,
                known,
                last_good,
            };
            for row in 0..blocks_high {
                for (column, block) in rows(row).iter().enumerate() {
                    let mut block = *block;
                    plane.smooth(row, column, &mut block);
                    sparse.push(&block);
                }
            }
        } else {
            for row in 0..blocks_high {
                for block in rows(row) {
                    sparse.push(block);
                }
            }
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes of the file's header")]
        let byte = |value: c_int| value as u8;
        Ok(Component {
            id: byte(info.component_id),
            horizontal: byte(info.h_samp_factor),
            vertical: byte(info.v_samp_factor),
            blocks_high,
            blocks_wide,
            quantisation,
            blocks: sparse.finish(),
        })
    }

    /// The steps of a component: those of its first scan. One that has none is all zeros, which any steps make the same
    /// gray.
    fn quantisation(&mut self, info: &sys::jpeg_component_info) -> Result<[u16; BLOCK], JpegError> {
        // SAFETY: libjpeg sets the pointer when a scan of the component begins, and keeps the table until it is finished.
        if let Some(table) = unsafe { info.quant_table.as_ref() } {
            return Ok(table.quantval);
        }
        let message = format!("component {} is in no scan", info.component_id);
        if self.damage == Damage::Refuse {
            return Err(JpegError::Corrupt { message });
        }
        self.errors.reports.warn(info.component_index.unsigned_abs() as usize, message);
        let table = self.info.quant_tbl_ptrs.get(info.quant_tbl_no.unsigned_abs() as usize);
        // SAFETY: a table that is not null lives until the decompressor is destroyed.
        let table = table.and_then(|&table| unsafe { table.as_ref() });
        Ok(table.map_or([1; BLOCK], |table| table.quantval))
    }

    /// Notes what is odd about a file that was read to its end.
    fn note_rest(&mut self, has_further_pictures: bool) {
        let reports = &mut self.errors.reports;
        let is_huffman_coded = matches!(reports.coding(), Some(Coding::Baseline | Coding::Extended));
        if is_huffman_coded && !reports.has_huffman_tables {
            reports.notes.push("no Huffman tables; those of the standard are used, as for motion JPEG".to_owned());
        }
        // SAFETY: the source manager exists while the decompressor does.
        let after_end = unsafe { self.info.src.as_ref() }.map_or(0, |source| source.bytes_in_buffer);
        if after_end > 0 {
            let pictures = if has_further_pictures { ", further pictures among them" } else { "" };
            self.errors.reports.notes.push(format!("{after_end} bytes after the end of the picture{pictures}"));
        }
        for (index, id) in
            self.components().iter().map(|component| component.component_id).enumerate().collect::<Vec<_>>()
        {
            let unfinished = self.unfinished_frequencies(index);
            if unfinished > 0 {
                let note =
                    format!("the scans end without all bits of {unfinished} of 64 coefficients of component {id}");
                self.errors.reports.notes.push(note);
            }
        }
    }

    /// How many coefficients of a component's blocks lack bits that no scan of a progressive file gave.
    fn unfinished_frequencies(&self, component: usize) -> usize {
        self.known_bits(component).map_or(0, |known| known.iter().filter(|&&bits| bits != 0).count())
    }

    /// How many bits the coefficients of a component's blocks lack, in zigzag order, or −1 where none has come; and, beyond
    /// the last component, the same before the last scan of each. None of a file that is not progressive.
    fn known_bits(&self, row: usize) -> Option<&[c_int; BLOCK]> {
        let known = self.info.coef_bits.cast::<[c_int; BLOCK]>().cast_const();
        // SAFETY: where it is not null, libjpeg has two rows of 64 for every component, until it is finished. The first
        // ten of the second are set when a scan of the component begins, and not looked at before.
        (!known.is_null()).then(|| unsafe { &*known.add(row) })
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: created, or still zeroed, which libjpeg takes for nothing to free; not used after this. Freeing reports
        // no errors.
        unsafe { sys::jpeg_destroy_decompress(&mut self.info) };
    }
}

/// Blocks of a component, without those that only complete an MCU.
fn block_count(component: &sys::jpeg_component_info) -> usize {
    component.height_in_blocks as usize * component.width_in_blocks as usize
}

/// Bits of the shortest code of a coefficient, its value's included, in tables of codes as a segment has them; none in
/// tables of DC codes, of which a block has one.
fn least_bits_of(tables: &[u8]) -> Option<u64> {
    const IS_AC: u8 = 0x10;
    let mut rest = tables;
    let mut least = None;
    while let Some(([head, counts @ ..], symbols)) = rest.split_first_chunk::<17>() {
        let lengths = (1..).zip(counts).flat_map(|(length, &count)| std::iter::repeat_n(length, count.into()));
        let coefficients = lengths.clone().zip(symbols).filter(|&(_, symbol)| head & IS_AC != 0 && symbol & 15 != 0);
        least = least.into_iter().chain(coefficients.map(|(length, symbol)| length + u64::from(symbol & 15))).min();
        rest = symbols.get(lengths.count()..).unwrap_or_default();
    }
    least
}

const HUFFMAN_TABLES: u8 = 0xc4;
/// Of Exif and XMP data.
const EXIF: u8 = 0xe1;
const ICC: u8 = 0xe2;

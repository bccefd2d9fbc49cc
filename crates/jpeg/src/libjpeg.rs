//! The wrapper of libjpeg: `jpeg_read_coefficients`, with errors as values.
//!
//! libjpeg reports an error by calling a function that must not return. Ours unwinds through libjpeg's frames (the
//! library is compiled with unwind tables for this) to the one [`std::panic::catch_unwind`] here; the unwinding starts
//! with `resume_unwind`, which runs no panic hook and prints nothing.

use crate::error::JpegError;
use crate::limits::Limits;
use crate::sparse::{Colour, Component, SparseBuilder, SparseJpeg};
use mozjpeg_sys as sys;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

/// Undoes the entropy coding of a baseline, extended or progressive JPEG, Huffman or arithmetic, of one (gray) or three
/// (YCbCr) components of any sampling.
///
/// What libjpeg doubts is refused: a file that ends early or is damaged gives an error even where libjpeg would fill in
/// gray, and so does one with bytes left over after a scan, a frequent trace of a flipped bit. Bytes between the segments
/// before the first scan, and header fields that change no coefficient, are not doubts; they are told in `warnings`. A
/// JPEG has no checksum: damage that decodes as another picture cannot be seen.
///
/// # Errors
/// [`JpegError`]: the file is empty, not a JPEG, truncated, damaged, of a kind that is not read, or over a limit.
pub fn read_coefficients(bytes: &[u8], limits: &Limits) -> Result<SparseJpeg, JpegError> {
    if bytes.is_empty() {
        return Err(JpegError::Empty);
    }
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return Err(JpegError::not_jpeg(bytes));
    }
    let mut decoder = Decoder::new(limits);
    match catch_unwind(AssertUnwindSafe(|| decoder.read(bytes))) {
        Ok(result) => result,
        Err(payload) if payload.is::<Stop>() => Err(decoder.failure()),
        Err(payload) => resume_unwind(payload),
    }
}

/// Which libjpeg is linked.
#[must_use]
pub fn libjpeg_version() -> String {
    format!("mozjpeg-sys, libjpeg ABI {}", sys::JPEG_LIB_VERSION)
}

/// What unwinds out of libjpeg.
struct Stop;

/// One use of libjpeg's decompressor. Boxed parts must not move while libjpeg points to them.
struct Decoder {
    info: Box<sys::jpeg_decompress_struct>,
    // Both are read by libjpeg through `info`.
    errors: Box<sys::jpeg_error_mgr>,
    progress: Box<sys::jpeg_progress_mgr>,
    reports: Box<Reports>,
    limits: Limits,
}

/// What libjpeg said, and what our callbacks found.
#[derive(Default)]
struct Reports {
    failure: Option<JpegError>,
    warnings: Vec<String>,
    scan_limit: u32,
    /// The marker of the start of frame: what the file is coded with.
    frame: u32,
}

impl Reports {
    /// Extended or progressive with arithmetic coding (ITU-T T.81, table B.1).
    fn is_arithmetic(&self) -> bool {
        matches!(self.frame, 0xc9 | 0xca)
    }

    fn is_progressive(&self) -> bool {
        matches!(self.frame, 0xc2 | 0xca)
    }
}

impl Decoder {
    fn new(limits: &Limits) -> Decoder {
        // SAFETY: libjpeg's structs are plain C data for which zero bytes are valid; jpeg_std_error fills the manager.
        let (info, mut errors, mut progress) = unsafe {
            let errors: Box<sys::jpeg_error_mgr> = Box::new(std::mem::zeroed());
            let progress: Box<sys::jpeg_progress_mgr> = Box::new(std::mem::zeroed());
            (Box::<sys::jpeg_decompress_struct>::new(std::mem::zeroed()), errors, progress)
        };
        // SAFETY: the manager is writable and outlives the call.
        unsafe { sys::jpeg_std_error(&mut errors) };
        errors.error_exit = Some(on_error);
        errors.emit_message = Some(on_message);
        progress.progress_monitor = Some(on_progress);
        let reports = Box::new(Reports { scan_limit: limits.scans, ..Reports::default() });
        Decoder { info, errors, progress, reports, limits: *limits }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<SparseJpeg, JpegError> {
        self.info.common.err = &raw mut *self.errors;
        self.info.common.client_data = (&raw mut *self.reports).cast();
        // SAFETY: `info` is zeroed but for its error manager, and stays at its address until it is destroyed.
        unsafe {
            let size = size_of::<sys::jpeg_decompress_struct>();
            sys::jpeg_CreateDecompress(&raw mut *self.info, sys::JPEG_LIB_VERSION, size);
        }
        self.info.common.progress = &raw mut *self.progress;
        let length = bytes.len().try_into().map_err(|_| JpegError::TooLarge {
            what: "bytes",
            limit: u64::from(u32::MAX),
            found: bytes.len() as u64,
        })?;
        // SAFETY: the bytes outlive the decompressor's use of them, which ends in this function.
        unsafe {
            sys::jpeg_mem_src(&mut self.info, bytes.as_ptr(), length);
            sys::jpeg_read_header(&mut self.info, 1);
        }
        let colour = self.check_header(bytes.len())?;
        // SAFETY: the header was read; errors unwind.
        let arrays = unsafe { sys::jpeg_read_coefficients(&mut self.info) };
        let components = (0..self.info.num_components.unsigned_abs() as usize)
            .map(|index| self.component(index, arrays))
            .collect::<Result<_, _>>()?;
        // SAFETY: all coefficients were read; errors unwind.
        unsafe { sys::jpeg_finish_decompress(&mut self.info) };
        Ok(SparseJpeg {
            width: self.info.image_width,
            height: self.info.image_height,
            colour,
            progressive: self.reports.is_progressive(),
            components,
            file_bytes: bytes.len(),
            warnings: std::mem::take(&mut self.reports.warnings),
        })
    }

    /// What can be refused before libjpeg allocates the coefficients.
    fn check_header(&self, file_bytes: usize) -> Result<Colour, JpegError> {
        let pixels = u64::from(self.info.image_width) * u64::from(self.info.image_height);
        if pixels > self.limits.pixels {
            return Err(JpegError::TooLarge { what: "pixels", limit: self.limits.pixels, found: pixels });
        }
        let colour = self.colour()?;
        self.check_sampling()?;
        // The DC of every block takes at least one bit of Huffman code, so a small file cannot ask for much memory.
        // Arithmetic coding has no such bound.
        let blocks: usize = self.components().iter().map(block_count).sum();
        if !self.reports.is_arithmetic() && blocks > file_bytes.saturating_mul(8) {
            let message = format!("{blocks} blocks cannot be in {file_bytes} bytes");
            return Err(JpegError::Truncated { message });
        }
        Ok(colour)
    }

    fn colour(&self) -> Result<Colour, JpegError> {
        let found = match self.info.jpeg_color_space {
            sys::JCS_GRAYSCALE => return Ok(Colour::Gray),
            sys::JCS_YCbCr => return Ok(Colour::YCbCr),
            sys::JCS_RGB => "RGB components".to_owned(),
            sys::JCS_CMYK => "CMYK components".to_owned(),
            sys::JCS_YCCK => "YCCK components".to_owned(),
            _ => format!("{} components of unknown colours", self.info.num_components),
        };
        Err(JpegError::Unsupported { expected: "gray or YCbCr components", found })
    }

    /// One sample of a component must stand for a whole number of pixels.
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
        // SAFETY: once the header is read, comp_info has num_components entries, which libjpeg keeps until it is destroyed
        // and writes to only in its own calls.
        unsafe { std::slice::from_raw_parts(self.info.comp_info, self.info.num_components.unsigned_abs() as usize) }
    }

    fn component(&mut self, index: usize, arrays: *mut *mut sys::jvirt_barray_control) -> Result<Component, JpegError> {
        // SAFETY: comp_info has num_components entries, and `index` is below that.
        let info = unsafe { &*self.info.comp_info.add(index) };
        // SAFETY: libjpeg sets the pointer when a scan of the component begins, and keeps the table until it is destroyed.
        let Some(table) = (unsafe { info.quant_table.as_ref() }) else {
            return Err(JpegError::Corrupt { message: format!("component {} is in no scan", info.component_id) });
        };
        let (blocks_high, blocks_wide) = (info.height_in_blocks as usize, info.width_in_blocks as usize);
        let mut sparse = SparseBuilder::with_blocks(block_count(info));
        // SAFETY: the memory manager and its functions exist from creation to destruction.
        let access = unsafe { (*self.info.common.mem).access_virt_barray };
        let access = access.ok_or_else(|| JpegError::Corrupt { message: "libjpeg has no block access".to_owned() })?;
        for row in 0..info.height_in_blocks {
            // SAFETY: jpeg_read_coefficients returned one array a component, each with height_in_blocks rows of at
            // least width_in_blocks blocks; a row is read before the next is asked for.
            let blocks = unsafe {
                let array = *arrays.add(index);
                let rows = access(&mut self.info.common, array, row, 1, 0);
                std::slice::from_raw_parts(*rows, blocks_wide)
            };
            for block in blocks {
                sparse.push(block);
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
            quantisation: Arc::new(table.quantval),
            blocks: sparse.finish(),
        })
    }

    fn failure(&mut self) -> JpegError {
        let unknown = || JpegError::Corrupt { message: "libjpeg gave no reason".to_owned() };
        self.reports.failure.take().unwrap_or_else(unknown)
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

/// libjpeg's words for what it is reporting.
fn message(info: &mut sys::jpeg_common_struct) -> String {
    /// libjpeg's `JMSG_LENGTH_MAX`; the binding declares less.
    const LENGTH: usize = 200;
    type Format = unsafe extern "C-unwind" fn(*mut sys::jpeg_common_struct, *mut c_char);
    let mut buffer = [0u8; LENGTH];
    // SAFETY: the manager was filled by jpeg_std_error; format_message takes the struct and a buffer of LENGTH bytes,
    // whatever the binding's type of the buffer is, and ends it with a zero.
    unsafe {
        if let Some(format) = (*info.err).format_message {
            let format: Format = std::mem::transmute::<*const c_void, Format>(format as *const c_void);
            format(info, buffer.as_mut_ptr().cast());
        }
    }
    CStr::from_bytes_until_nul(&buffer).map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
}

fn reports<'a>(info: &sys::jpeg_common_struct) -> &'a mut Reports {
    // SAFETY: client_data was set to the decoder's boxed reports, which outlive every call into libjpeg and are not
    // borrowed elsewhere while libjpeg runs.
    unsafe { &mut *info.client_data.cast::<Reports>() }
}

/// The decompressor that is reporting.
fn decompressor(info: &mut sys::jpeg_common_struct) -> &sys::jpeg_decompress_struct {
    // SAFETY: these callbacks are only set on a decompressor, whose first field is the common struct.
    unsafe { &*(&raw const *info).cast::<sys::jpeg_decompress_struct>() }
}

fn message_code(info: &sys::jpeg_common_struct) -> c_int {
    // SAFETY: the manager exists while libjpeg runs.
    unsafe { (*info.err).msg_code }
}

fn stop(info: &sys::jpeg_common_struct, failure: JpegError) -> ! {
    reports(info).failure = Some(failure);
    resume_unwind(Box::new(Stop))
}

unsafe extern "C-unwind" fn on_error(info: &mut sys::jpeg_common_struct) {
    /// libjpeg's `JPEG_MAX_DIMENSION`.
    const LONGEST_SIDE: u64 = 65_500;
    let message = message(info);
    let failure = match message_code(info) {
        sys::JERR_BAD_PRECISION => JpegError::Unsupported { expected: "8 bits a sample", found: message },
        sys::JERR_COMPONENT_COUNT => JpegError::Unsupported { expected: "gray or YCbCr components", found: message },
        sys::JERR_SOF_UNSUPPORTED | sys::JERR_ARITH_NOTIMPL => {
            JpegError::Unsupported { expected: "a baseline, extended or progressive JPEG", found: message }
        }
        sys::JERR_OUT_OF_MEMORY => {
            JpegError::Unsupported { expected: "coefficients that fit into memory", found: message }
        }
        sys::JERR_IMAGE_TOO_BIG => {
            let info = decompressor(info);
            let found = info.image_width.max(info.image_height).into();
            JpegError::TooLarge { what: "pixels a side", limit: LONGEST_SIDE, found }
        }
        sys::JERR_INPUT_EOF => JpegError::Truncated { message },
        _ => JpegError::Corrupt { message },
    };
    stop(info, failure)
}

/// Called with −1 for a warning and 0… for trace messages.
unsafe extern "C-unwind" fn on_message(info: &mut sys::jpeg_common_struct, level: c_int) {
    if level >= 0 {
        if message_code(info) == sys::JTRC_SOF {
            // SAFETY: the manager exists while libjpeg runs.
            reports(info).frame = unsafe { (*info.err).msg_parm._bindgen_data_[0] };
        }
        return;
    }
    let message = message(info);
    let in_scans = decompressor(info).input_scan_number > 0;
    match message_code(info) {
        // The scan parameters of sequential files say nothing; some cameras leave them zero.
        sys::JWRN_JFIF_MAJOR | sys::JWRN_ADOBE_XFORM | sys::JWRN_NOT_SEQUENTIAL => reports(info).warnings.push(message),
        sys::JWRN_EXTRANEOUS_DATA if !in_scans => reports(info).warnings.push(message),
        sys::JWRN_JPEG_EOF => stop(info, JpegError::Truncated { message }),
        _ => stop(info, JpegError::Corrupt { message }),
    }
}

/// Called at least once a row of MCUs of every scan.
unsafe extern "C-unwind" fn on_progress(info: &mut sys::jpeg_common_struct) {
    let scan = decompressor(info).input_scan_number.unsigned_abs();
    let limit = reports(info).scan_limit;
    if scan > limit {
        stop(info, JpegError::TooLarge { what: "scans", limit: limit.into(), found: scan.into() });
    }
}

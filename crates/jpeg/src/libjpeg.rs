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
/// gray. Bytes between segments and unknown revision numbers are not doubts; they are told in `warnings`.
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
    created: bool,
}

/// What libjpeg said, and what our callbacks found.
#[derive(Default)]
struct Reports {
    failure: Option<JpegError>,
    warnings: Vec<String>,
    scan_limit: u32,
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
        Decoder { info, errors, progress, reports, limits: *limits, created: false }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<SparseJpeg, JpegError> {
        self.info.common.err = &raw mut *self.errors;
        self.info.common.client_data = (&raw mut *self.reports).cast();
        // SAFETY: `info` is zeroed but for its error manager, and stays at its address until it is destroyed.
        unsafe {
            let size = size_of::<sys::jpeg_decompress_struct>();
            sys::jpeg_CreateDecompress(&raw mut *self.info, sys::JPEG_LIB_VERSION, size);
        }
        self.created = true;
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
        let colour = self.check_header()?;
        // SAFETY: the header was read; errors unwind.
        let arrays = unsafe { sys::jpeg_read_coefficients(&mut self.info) };
        let components = (0..self.info.num_components.unsigned_abs() as usize)
            .map(|index| self.component(index, arrays))
            .collect::<Result<_, _>>()?;
        let progressive = !self.info.coef_bits.is_null();
        // SAFETY: all coefficients were read; errors unwind.
        unsafe { sys::jpeg_finish_decompress(&mut self.info) };
        Ok(SparseJpeg {
            width: self.info.image_width,
            height: self.info.image_height,
            colour,
            progressive,
            components,
            file_bytes: bytes.len(),
            warnings: std::mem::take(&mut self.reports.warnings),
        })
    }

    /// What can be refused before libjpeg allocates the coefficients.
    fn check_header(&self) -> Result<Colour, JpegError> {
        let pixels = u64::from(self.info.image_width) * u64::from(self.info.image_height);
        if pixels > self.limits.pixels {
            return Err(JpegError::TooLarge { what: "pixels", limit: self.limits.pixels, found: pixels });
        }
        let components = self.info.num_components;
        let found = match self.info.jpeg_color_space {
            sys::JCS_GRAYSCALE => return Ok(Colour::Gray),
            sys::JCS_YCbCr => return Ok(Colour::YCbCr),
            sys::JCS_RGB => "RGB components".to_owned(),
            sys::JCS_CMYK => "CMYK components".to_owned(),
            sys::JCS_YCCK => "YCCK components".to_owned(),
            _ => format!("{components} components of unknown colours"),
        };
        Err(JpegError::Unsupported { expected: "gray or YCbCr components", found })
    }

    fn component(&mut self, index: usize, arrays: *mut *mut sys::jvirt_barray_control) -> Result<Component, JpegError> {
        // SAFETY: comp_info has num_components entries, and `index` is below that.
        let info = unsafe { &*self.info.comp_info.add(index) };
        let whole = info.h_samp_factor != 0
            && info.v_samp_factor != 0
            && self.info.max_h_samp_factor % info.h_samp_factor == 0
            && self.info.max_v_samp_factor % info.v_samp_factor == 0;
        if !whole {
            let (own, most) = ((info.h_samp_factor, info.v_samp_factor), &self.info);
            return Err(JpegError::Unsupported {
                expected: "sampling factors that divide the largest",
                found: format!("{}×{} of {}×{}", own.0, own.1, most.max_h_samp_factor, most.max_v_samp_factor),
            });
        }
        // SAFETY: libjpeg sets the pointer when a scan of the component begins, and keeps the table until it is destroyed.
        let Some(table) = (unsafe { info.quant_table.as_ref() }) else {
            return Err(JpegError::Corrupt { message: format!("component {} is in no scan", info.component_id) });
        };
        let (blocks_high, blocks_wide) = (info.height_in_blocks as usize, info.width_in_blocks as usize);
        let mut sparse = SparseBuilder::with_blocks(blocks_high * blocks_wide);
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
        if self.created {
            // SAFETY: created, and not used after this; freeing reports no errors.
            unsafe { sys::jpeg_destroy_decompress(&mut self.info) };
        }
    }
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

fn stop(info: &sys::jpeg_common_struct, failure: JpegError) -> ! {
    reports(info).failure = Some(failure);
    resume_unwind(Box::new(Stop))
}

unsafe extern "C-unwind" fn on_error(info: &mut sys::jpeg_common_struct) {
    let message = message(info);
    // SAFETY: the manager exists while libjpeg runs.
    let code = unsafe { (*info.err).msg_code };
    let failure = match code {
        sys::JERR_BAD_PRECISION => JpegError::Unsupported { expected: "8 bits a sample", found: message },
        sys::JERR_SOF_UNSUPPORTED | sys::JERR_ARITH_NOTIMPL => {
            JpegError::Unsupported { expected: "a baseline, extended or progressive JPEG", found: message }
        }
        sys::JERR_INPUT_EOF => JpegError::Truncated { message },
        _ => JpegError::Corrupt { message },
    };
    stop(info, failure)
}

/// Called with −1 for a warning and 0… for trace messages.
unsafe extern "C-unwind" fn on_message(info: &mut sys::jpeg_common_struct, level: c_int) {
    if level >= 0 {
        return;
    }
    let message = message(info);
    // SAFETY: the manager exists while libjpeg runs.
    match unsafe { (*info.err).msg_code } {
        sys::JWRN_EXTRANEOUS_DATA | sys::JWRN_JFIF_MAJOR | sys::JWRN_ADOBE_XFORM => {
            reports(info).warnings.push(message);
        }
        sys::JWRN_JPEG_EOF => stop(info, JpegError::Truncated { message }),
        _ => stop(info, JpegError::Corrupt { message }),
    }
}

/// Called at least once a row of MCUs of every scan.
unsafe extern "C-unwind" fn on_progress(info: &mut sys::jpeg_common_struct) {
    // SAFETY: this monitor is only set on a decompressor, whose first field is the common struct.
    let scan = unsafe { (*(&raw mut *info).cast::<sys::jpeg_decompress_struct>()).input_scan_number };
    let limit = reports(info).scan_limit;
    if scan.unsigned_abs() > limit {
        stop(info, JpegError::TooLarge { what: "scans", limit: limit.into(), found: scan.unsigned_abs().into() });
    }
}

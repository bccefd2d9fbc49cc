//! libjpeg's errors and warnings as values.
//!
//! libjpeg reports an error by calling a function that must not return. Ours unwinds through libjpeg's frames (the
//! library is compiled with unwind tables for this) to the [`std::panic::catch_unwind`] of [`Errors::caught`]; the
//! unwinding starts with `resume_unwind`, which runs no panic hook and prints nothing.

use crate::coding::Coding;
use crate::error::JpegError;
use crate::read_options::Damage;
use crate::warning::{self, Warning};
use mozjpeg_sys as sys;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What unwinds out of libjpeg.
struct Stop;

/// What libjpeg said, and what our callbacks found.
#[derive(Default)]
pub(super) struct Reports {
    pub(super) failure: Option<JpegError>,
    /// What does not put the picture in doubt.
    pub(super) notes: Vec<String>,
    /// What does, if it is to be used all the same.
    pub(super) warnings: Vec<Warning>,
    pub(super) damage: Damage,
    pub(super) scan_limit: u32,
    /// What is told where libjpeg finds too little memory.
    pub(super) memory_limit: u64,
    /// The marker of the start of frame: what the file is coded with.
    pub(super) frame: u32,
    /// Whether the file has Huffman tables of its own.
    pub(super) has_huffman_tables: bool,
    /// Whether libjpeg came to the end of the bytes before that of the picture.
    pub(super) ended_early: bool,
}

/// libjpeg's error manager with the reports that it fills. Boxed: libjpeg points to both.
pub(super) struct Errors {
    manager: Box<sys::jpeg_error_mgr>,
    pub(super) reports: Box<Reports>,
}

impl Errors {
    pub(super) fn new(reports: Reports) -> Errors {
        // SAFETY: the manager is plain C data for which zero bytes are valid.
        let mut manager: Box<sys::jpeg_error_mgr> = Box::new(unsafe { std::mem::zeroed() });
        // SAFETY: the manager is writable and outlives the call, which fills it.
        unsafe { sys::jpeg_std_error(&mut manager) };
        manager.error_exit = Some(on_error);
        manager.emit_message = Some(on_message);
        Errors { manager, reports: Box::new(reports) }
    }

    /// Lets libjpeg report here. The two must live until the (de)compressor of `common` is destroyed.
    pub(super) fn attach(&mut self, common: &mut sys::jpeg_common_struct) {
        common.err = &raw mut *self.manager;
        common.client_data = (&raw mut *self.reports).cast();
    }
}

/// The value of calls into libjpeg, or none if it stopped; [`Reports::failure`] then says why.
pub(super) fn caught<T>(calls: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(calls)) {
        Ok(value) => Some(value),
        Err(payload) if payload.is::<Stop>() => None,
        Err(payload) => resume_unwind(payload),
    }
}

impl Reports {
    /// Why libjpeg stopped.
    pub(super) fn take_failure(&mut self) -> JpegError {
        let unknown = || JpegError::Corrupt { message: "libjpeg gave no reason".to_owned() };
        match self.failure.take().unwrap_or_else(unknown) {
            // Whatever is missing lies behind the end.
            JpegError::Corrupt { message } if self.ended_early => JpegError::Truncated { message },
            failure => failure,
        }
    }

    pub(super) fn coding(&self) -> Option<Coding> {
        Coding::of_frame(self.frame)
    }

    pub(super) fn warn(&mut self, message: String) {
        warning::add(&mut self.warnings, message);
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
    // SAFETY: client_data was set to boxed reports, which outlive every call into libjpeg and are not borrowed elsewhere
    // while libjpeg runs.
    unsafe { &mut *info.client_data.cast::<Reports>() }
}

/// The decompressor that is reporting; none if it is a compressor.
fn decompressor(info: &mut sys::jpeg_common_struct) -> Option<&sys::jpeg_decompress_struct> {
    // SAFETY: the first field of a decompressor is the common struct, which says what it is part of.
    (info.is_decompressor != 0).then(|| unsafe { &*(&raw const *info).cast::<sys::jpeg_decompress_struct>() })
}

fn message_code(info: &sys::jpeg_common_struct) -> c_int {
    // SAFETY: the manager exists while libjpeg runs.
    unsafe { (*info.err).msg_code }
}

/// The first number of what libjpeg is reporting.
fn parameter(info: &sys::jpeg_common_struct) -> u32 {
    // SAFETY: the manager exists while libjpeg runs.
    unsafe { (*info.err).msg_parm._bindgen_data_[0] }
}

fn stop(info: &sys::jpeg_common_struct, failure: JpegError) -> ! {
    reports(info).failure = Some(failure);
    resume_unwind(Box::new(Stop))
}

unsafe extern "C-unwind" fn on_error(info: &mut sys::jpeg_common_struct) {
    /// libjpeg's `JPEG_MAX_DIMENSION`.
    const LONGEST_SIDE: u64 = 65_500;
    /// The marker of JPEG-LS's start of frame, which libjpeg does not know.
    const JPEG_LS: u32 = 0xf7;
    let message = message(info);
    let unsupported = |expected, found| JpegError::Unsupported { expected, found };
    let failure = match message_code(info) {
        sys::JERR_BAD_PRECISION => unsupported("8 bits a sample", parameter(info).to_string()),
        sys::JERR_COMPONENT_COUNT => unsupported(super::read::COLOURS, message),
        sys::JERR_SOF_UNSUPPORTED => {
            unsupported("a baseline, extended or progressive JPEG", Coding::name_of_frame(parameter(info)).to_owned())
        }
        sys::JERR_UNKNOWN_MARKER if parameter(info) == JPEG_LS => {
            unsupported("a baseline, extended or progressive JPEG", Coding::name_of_frame(JPEG_LS).to_owned())
        }
        sys::JERR_EMPTY_IMAGE => unsupported("a picture's size in the header of its frame", message),
        sys::JERR_OUT_OF_MEMORY => unsupported("coefficients that fit into memory", message),
        sys::JERR_NO_BACKING_STORE => {
            let limit = reports(info).memory_limit;
            JpegError::TooLarge { what: "bytes of memory", limit, found: limit.saturating_add(1) }
        }
        sys::JERR_IMAGE_TOO_BIG => {
            let found = decompressor(info).map_or(0, |info| info.image_width.max(info.image_height).into());
            JpegError::TooLarge { what: "pixels a side", limit: LONGEST_SIDE, found }
        }
        sys::JERR_INPUT_EOF => JpegError::Truncated { message },
        _ => JpegError::Corrupt { message },
    };
    stop(info, failure)
}

/// Called with −1 for a warning and 0… for trace messages.
unsafe extern "C-unwind" fn on_message(info: &mut sys::jpeg_common_struct, level: c_int) {
    let code = message_code(info);
    if level >= 0 {
        match code {
            sys::JTRC_SOF => reports(info).frame = parameter(info),
            sys::JTRC_DHT => reports(info).has_huffman_tables = true,
            _ => {}
        }
        return;
    }
    let message = message(info);
    let in_scans = decompressor(info).is_some_and(|info| info.input_scan_number > 0);
    match code {
        // The scan parameters of sequential files say nothing; some cameras leave them zero.
        sys::JWRN_JFIF_MAJOR | sys::JWRN_ADOBE_XFORM | sys::JWRN_NOT_SEQUENTIAL => note(info, message),
        sys::JWRN_EXTRANEOUS_DATA if !in_scans => note(info, message),
        sys::JWRN_JPEG_EOF => {
            reports(info).ended_early = true;
            doubt(info, message, |message| JpegError::Truncated { message });
        }
        _ => doubt(info, message, |message| JpegError::Corrupt { message }),
    }
}

/// Keeps a remark, if there are not too many: the bytes between segments can be of thousands of lengths.
fn note(info: &sys::jpeg_common_struct, message: String) {
    const MOST: usize = 16;
    let notes = &mut reports(info).notes;
    if notes.len() < MOST && !notes.contains(&message) {
        notes.push(message);
    }
}

fn doubt(info: &sys::jpeg_common_struct, message: String, failure: fn(String) -> JpegError) {
    match reports(info).damage {
        Damage::Refuse => stop(info, failure(message)),
        Damage::Use => reports(info).warn(message),
    }
}

/// Called at least once a row of MCUs of every scan.
pub(super) unsafe extern "C-unwind" fn on_progress(info: &mut sys::jpeg_common_struct) {
    let scan = decompressor(info).map_or(0, |info| info.input_scan_number.unsigned_abs());
    let limit = reports(info).scan_limit;
    if scan > limit {
        stop(info, JpegError::TooLarge { what: "scans", limit: limit.into(), found: scan.into() });
    }
}

//! libjpeg's errors and warnings as values.
//!
//! libjpeg reports an error by calling a function that must not return. Ours unwinds through libjpeg's frames (the
//! library is compiled with unwind tables for this) to the [`std::panic::catch_unwind`] of [`Errors::caught`]; the
//! unwinding starts with `resume_unwind`, which runs no panic hook and prints nothing.

use super::scan::Scan;
use crate::coding::Coding;
use crate::error::JpegError;
use crate::read_options::Damage;
use crate::warning::Warnings;
use crate::work::{self, Work};
use mozjpeg_sys as sys;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The colours that are read.
pub(super) const COLOURS: &str = "gray, YCbCr, RGB, CMYK or YCCK components";

/// What unwinds out of libjpeg.
struct Stop;

/// What libjpeg said, and what our callbacks found.
#[derive(Default)]
pub(super) struct Reports {
    pub(super) failure: Option<JpegError>,
    /// What does not put the picture in doubt.
    pub(super) notes: Vec<String>,
    pub(super) noted: Vec<Said>,
    /// What does, if it is to be used all the same.
    pub(super) warnings: Warnings<Said>,
    pub(super) damage: Damage,
    pub(super) work: Work,
    pub(super) scan: Scan,
    /// Scans whose work was added.
    pub(super) scans_begun: u32,
    pub(super) file_bytes: u64,
    /// Nanoseconds of a byte of a scan.
    pub(super) byte_work: u64,
    /// Bytes whose work was added.
    pub(super) bytes_read: u64,
    pub(super) scan_limit: u32,
    /// What is told where libjpeg finds too little memory.
    pub(super) memory_limit: u64,
    /// The marker of the start of frame: what the file is coded with.
    pub(super) frame: u32,
    /// Whether the file has Huffman tables of its own.
    pub(super) has_huffman_tables: bool,
    /// Whether libjpeg has come to the end of a segment of entropy-coded data before that of the segment's blocks.
    pub(super) is_out_of_data: bool,
    /// The row of MCUs in which it last did so.
    pub(super) last_good_row: u32,
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

    /// Adds a doubt of ours about the component of a number.
    pub(super) fn warn(&mut self, component: usize, message: String) {
        /// No code of libjpeg's.
        const OURS: c_int = -1;
        let said = Said { code: OURS, parameters: [u32::try_from(component).unwrap_or(u32::MAX), 0] };
        self.warnings.add(said, || message);
    }
}

/// A message without its words, which take longer.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Said {
    code: c_int,
    /// No warning has more.
    parameters: [u32; 2],
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

/// The numbers of what libjpeg is reporting, as many as its words have; further ones are of messages before.
fn parameters(info: &sys::jpeg_common_struct) -> [u32; 20] {
    // SAFETY: the manager exists while libjpeg runs.
    unsafe { (*info.err).msg_parm._bindgen_data_ }
}

/// The first number of what libjpeg is reporting.
fn parameter(info: &sys::jpeg_common_struct) -> u32 {
    parameters(info)[0]
}

fn said(info: &sys::jpeg_common_struct) -> Said {
    let code = message_code(info);
    let [first, second, ..] = parameters(info);
    let parameters = match code {
        sys::JWRN_EXTRANEOUS_DATA | sys::JWRN_MUST_RESYNC | sys::JWRN_BOGUS_PROGRESSION | sys::JWRN_JFIF_MAJOR => {
            [first, second]
        }
        sys::JWRN_ADOBE_XFORM => [first, 0],
        _ => [0, 0],
    };
    Said { code, parameters }
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
        sys::JERR_COMPONENT_COUNT => unsupported(COLOURS, message),
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
    /// Of libjpeg's ways to go on from a marker that it did not expect, the one that passes it over.
    const GO_ON: u32 = 1;
    let code = message_code(info);
    add_work(info, work::MESSAGE);
    if level >= 0 {
        match code {
            sys::JTRC_SOF => reports(info).frame = parameter(info),
            sys::JTRC_DHT => reports(info).has_huffman_tables = true,
            sys::JTRC_RST => reports(info).is_out_of_data = false,
            sys::JTRC_RECOVERY_ACTION if parameters(info)[1] == GO_ON => reports(info).is_out_of_data = false,
            _ => reports(info).scan.hear(code, &parameters(info)),
        }
        return;
    }
    let in_scans = decompressor(info).is_some_and(|info| info.input_scan_number > 0);
    match code {
        // The scan parameters of sequential files say nothing; some cameras leave them zero.
        sys::JWRN_JFIF_MAJOR | sys::JWRN_ADOBE_XFORM | sys::JWRN_NOT_SEQUENTIAL => note(info),
        sys::JWRN_EXTRANEOUS_DATA if !in_scans => note(info),
        sys::JWRN_HIT_MARKER => {
            let row = decompressor(info).map_or(0, |info| info.input_iMCU_row);
            (reports(info).is_out_of_data, reports(info).last_good_row) = (true, row);
            doubt(info, |message| JpegError::Corrupt { message });
        }
        sys::JWRN_JPEG_EOF => {
            reports(info).ended_early = true;
            doubt(info, |message| JpegError::Truncated { message });
        }
        _ => doubt(info, |message| JpegError::Corrupt { message }),
    }
}

/// Keeps a remark, if there are not too many: the bytes between segments can be of thousands of lengths.
fn note(info: &mut sys::jpeg_common_struct) {
    const MOST: usize = 16;
    let said = said(info);
    if reports(info).noted.len() < MOST && !reports(info).noted.contains(&said) {
        let message = message(info);
        reports(info).noted.push(said);
        reports(info).notes.push(message);
    }
}

fn doubt(info: &mut sys::jpeg_common_struct, failure: fn(String) -> JpegError) {
    match reports(info).damage {
        Damage::Refuse => {
            let message = message(info);
            stop(info, failure(message))
        }
        Damage::Use => {
            let said = said(info);
            reports(info).warnings.add(said, || message(info));
        }
    }
}

fn add_work(info: &sys::jpeg_common_struct, nanoseconds: u64) {
    if let Err(failure) = reports(info).work.add(nanoseconds) {
        stop(info, failure);
    }
}

/// Called at least once a row of MCUs of every scan, and before the first of each.
pub(super) unsafe extern "C-unwind" fn on_progress(info: &mut sys::jpeg_common_struct) {
    let Some(decompressor) = decompressor(info) else {
        return;
    };
    let scan = decompressor.input_scan_number.unsigned_abs();
    // SAFETY: the source manager exists while the decompressor does.
    let rest = unsafe { decompressor.src.as_ref() }.map_or(0, |source| source.bytes_in_buffer as u64);
    // SAFETY: the header was read: comp_info has num_components entries.
    let components = unsafe {
        std::slice::from_raw_parts(decompressor.comp_info, decompressor.num_components.unsigned_abs() as usize)
    };
    let reports = reports(info);
    let mut nanoseconds = 0;
    if scan > reports.scans_begun {
        reports.scans_begun = scan;
        reports.is_out_of_data = false;
        let limit = reports.scan_limit;
        if scan > limit {
            stop(info, JpegError::TooLarge { what: "scans", limit: limit.into(), found: scan.into() });
        }
        nanoseconds = reports.scan.work(components, reports.coding().unwrap_or(Coding::Baseline));
    }
    // Where libjpeg stands before bytes of its own, after the end of the file's, it may seem to have gone back.
    let read = reports.file_bytes.saturating_sub(rest).max(reports.bytes_read);
    nanoseconds = nanoseconds.saturating_add(reports.byte_work.saturating_mul(read - reports.bytes_read));
    reports.bytes_read = read;
    add_work(info, nanoseconds);
}

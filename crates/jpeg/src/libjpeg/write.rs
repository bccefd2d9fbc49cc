//! Coefficients into a file: `jpeg_write_coefficients`.

use super::errors::{Errors, Reports, caught};
use crate::colour::Colour;
use crate::error::JpegError;
use crate::exif;
use crate::orientation::Orientation;
use crate::sparse::{BLOCK, Component, SparseJpeg};
use crate::validity::unwritable;
use mozjpeg_sys as sys;
use std::ffi::c_int;
use std::sync::Arc;

/// How a file is written. Nothing of it changes a coefficient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteOptions {
    /// Whether scans add frequencies and bits, by libjpeg's usual script, rather than block after block.
    pub progressive: bool,
    /// Whether Huffman tables are made for this file, which a progressive one's always are: a second pass for a smaller file.
    pub optimise: bool,
}

impl Default for WriteOptions {
    /// Block after block, with tables for this file.
    fn default() -> Self {
        WriteOptions { progressive: false, optimise: true }
    }
}

/// Codes coefficients as a JPEG file, by Huffman codes.
///
/// The file gives back the same coefficients, quantisation, sampling, identifiers, colour and orientation. An orientation
/// other than the first is written as Exif data; an ICC profile, remarks and how the picture was coded before are not kept.
///
/// # Errors
/// [`JpegError::Unwritable`]: no components or more than its colour has, two of one identifier, inks that are not inverted, sides or sampling out of
/// range, blocks that are not those of its size, more than four quantisation tables, or a coefficient that 8-bit files have
/// no code for.
pub fn write_coefficients(jpeg: &SparseJpeg, options: &WriteOptions) -> Result<Vec<u8>, JpegError> {
    jpeg.check()?;
    check_identifiers(&jpeg.components)?;
    if jpeg.colour == (Colour::Cmyk { inverted: false }) {
        let expected = "inks stored inverted, as readers of files take them";
        return Err(unwritable("colour", expected, &"inks that are not"));
    }
    let tables = tables(&jpeg.components)?;
    let mut encoder = Encoder::new();
    let written = caught(|| encoder.write(jpeg, &tables, options));
    written.ok_or_else(|| match encoder.errors.reports.take_failure() {
        JpegError::Corrupt { message } => {
            unwritable("coefficients", "values that an 8-bit file has codes for", &message)
        }
        failure => failure,
    })
}

/// A scan names its components: of two of one name, a reader would fill the first twice.
fn check_identifiers(components: &[Component]) -> Result<(), JpegError> {
    for (index, component) in components.iter().enumerate() {
        if components[..index].iter().any(|earlier| earlier.id == component.id) {
            return Err(unwritable(format!("component {index}"), "an identifier of its own", &component.id));
        }
    }
    Ok(())
}

/// The different quantisation tables, and the number of each component's.
struct Tables {
    all: Vec<Arc<[u16; BLOCK]>>,
    numbers: Vec<usize>,
}

fn tables(components: &[Component]) -> Result<Tables, JpegError> {
    /// libjpeg's `NUM_QUANT_TBLS`.
    const MOST: usize = 4;
    let mut tables = Tables { all: Vec::new(), numbers: Vec::new() };
    for Component { quantisation, .. } in components {
        let known = tables.all.iter().position(|table| table == quantisation);
        tables.numbers.push(known.unwrap_or(tables.all.len()));
        if known.is_none() {
            tables.all.push(Arc::clone(quantisation));
        }
    }
    match tables.all.len() {
        ..=MOST => Ok(tables),
        more => Err(unwritable("quantisation", format!("at most {MOST} different tables"), &more)),
    }
}

/// One use of libjpeg's compressor. Boxed parts must not move while libjpeg points to them.
struct Encoder {
    info: Box<sys::jpeg_compress_struct>,
    // Both are used by libjpeg through `info`.
    errors: Errors,
    output: Box<Output>,
}

/// Where libjpeg writes: first to a buffer, which is appended to the file whenever it is full.
#[repr(C)]
struct Output {
    /// First, so that libjpeg's pointer to it is one to the whole.
    manager: sys::jpeg_destination_mgr,
    buffer: Box<[u8]>,
    file: Vec<u8>,
}

const BUFFER: usize = 1 << 16;

impl Encoder {
    fn new() -> Encoder {
        let manager = sys::jpeg_destination_mgr {
            next_output_byte: std::ptr::null_mut(),
            free_in_buffer: 0,
            init_destination: Some(begin_output),
            empty_output_buffer: Some(empty_buffer),
            term_destination: Some(end_output),
        };
        let output = Box::new(Output { manager, buffer: vec![0; BUFFER].into(), file: Vec::new() });
        // SAFETY: libjpeg's struct is plain C data for which zero bytes are valid.
        let info: Box<sys::jpeg_compress_struct> = Box::new(unsafe { std::mem::zeroed() });
        Encoder { info, errors: Errors::new(Reports::default()), output }
    }

    fn write(&mut self, jpeg: &SparseJpeg, tables: &Tables, options: &WriteOptions) -> Vec<u8> {
        self.errors.attach(&mut self.info.common);
        // SAFETY: `info` is zeroed but for its error manager, and stays at its address until it is destroyed.
        unsafe {
            let size = size_of::<sys::jpeg_compress_struct>();
            sys::jpeg_CreateCompress(&raw mut *self.info, sys::JPEG_LIB_VERSION, size);
        }
        self.info.dest = (&raw mut *self.output).cast();
        self.set_header(jpeg);
        self.set_tables(jpeg, tables);
        let script = self.set_coding(jpeg, options);
        let mut arrays: Vec<_> = jpeg.components.iter().map(|component| self.array(component)).collect();
        // SAFETY: all parameters are set, there is one array a component, and `arrays` and `script` outlive the use of both,
        // which ends with jpeg_finish_compress; errors unwind. Arrays are realised by the first call and filled before the
        // last, which reads them.
        unsafe { sys::jpeg_write_coefficients(&mut self.info, arrays.as_mut_ptr()) };
        self.write_orientation(jpeg.orientation);
        for (component, &array) in jpeg.components.iter().zip(&arrays) {
            self.fill(array, component);
        }
        // SAFETY: as above.
        unsafe { sys::jpeg_finish_compress(&mut self.info) };
        drop(script);
        std::mem::take(&mut self.output.file)
    }

    fn set_header(&mut self, jpeg: &SparseJpeg) {
        let colours = match jpeg.colour {
            Colour::Gray => sys::JCS_GRAYSCALE,
            Colour::YCbCr => sys::JCS_YCbCr,
            Colour::Rgb => sys::JCS_RGB,
            Colour::Cmyk { .. } => sys::JCS_CMYK,
            Colour::Ycck => sys::JCS_YCCK,
        };
        self.info.image_width = jpeg.width;
        self.info.image_height = jpeg.height;
        self.info.input_components = component_count(jpeg);
        self.info.in_color_space = colours;
        // SAFETY: the compressor was created and its picture described; errors unwind. The profile keeps to libjpeg's own
        // way of coding, the parameter being one that mozjpeg has.
        unsafe {
            let profile = sys::JINT_COMPRESS_PROFILE_VALUE::JCP_FASTEST as c_int;
            sys::jpeg_c_set_int_param(&mut self.info, sys::J_INT_PARAM::JINT_COMPRESS_PROFILE, profile);
            sys::jpeg_set_defaults(&mut self.info);
            sys::jpeg_set_colorspace(&mut self.info, colours);
        }
        if matches!(jpeg.colour, Colour::Cmyk { .. }) {
            self.info.write_Adobe_marker = 1;
        }
    }

    fn set_tables(&mut self, jpeg: &SparseJpeg, tables: &Tables) {
        for (number, steps) in tables.all.iter().enumerate() {
            if self.info.quant_tbl_ptrs[number].is_null() {
                // SAFETY: the compressor exists; errors unwind.
                self.info.quant_tbl_ptrs[number] = unsafe { sys::jpeg_alloc_quant_table(&mut self.info.common) };
            }
            // SAFETY: the table was allocated, here or by libjpeg, and lives until the compressor is destroyed.
            unsafe { (*self.info.quant_tbl_ptrs[number]).quantval = **steps };
        }
        for (index, (component, &number)) in jpeg.components.iter().zip(&tables.numbers).enumerate() {
            // SAFETY: jpeg_set_colorspace made an entry for each component of the colour, as many as there are here.
            let info = unsafe { &mut *self.info.comp_info.add(index) };
            info.component_id = component.id.into();
            info.h_samp_factor = component.horizontal.into();
            info.v_samp_factor = component.vertical.into();
            #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "below four")]
            let number = number as c_int;
            info.quant_tbl_no = number;
        }
    }

    /// Sets the scans; libjpeg points to the script that this gives, if there is one.
    fn set_coding(&mut self, jpeg: &SparseJpeg, options: &WriteOptions) -> Vec<sys::jpeg_scan_info> {
        /// Most blocks of an MCU (ITU-T T.81, B.2.3).
        const MOST: u32 = 10;
        self.info.optimize_coding = options.optimise.into();
        let blocks =
            jpeg.components.iter().map(|component| u32::from(component.horizontal) * u32::from(component.vertical));
        if jpeg.components.len() > 1 && blocks.sum::<u32>() > MOST {
            let script = separate_scans(component_count(jpeg), options.progressive);
            self.info.scan_info = script.as_ptr();
            self.info.num_scans = script.len().try_into().unwrap_or(0);
            return script;
        }
        if options.progressive {
            // SAFETY: defaults and colours are set; errors unwind.
            unsafe { sys::jpeg_simple_progression(&mut self.info) };
        }
        Vec::new()
    }

    /// An array for the blocks of a component and those that complete its MCUs.
    fn array(&mut self, component: &Component) -> *mut sys::jvirt_barray_control {
        let side =
            |blocks: usize, factor: u8| u32::try_from(blocks.next_multiple_of(factor.into())).unwrap_or(u32::MAX);
        let (horizontal, vertical) = (component.horizontal, component.vertical);
        let (wide, high) = (side(component.blocks_wide, horizontal), side(component.blocks_high, vertical));
        // SAFETY: the memory manager and its functions exist from creation to destruction; errors unwind.
        unsafe {
            (*self.info.common.mem).request_virt_barray.map_or(std::ptr::null_mut(), |request| {
                request(&mut self.info.common, sys::JPOOL_IMAGE, 1, wide, high, vertical.into())
            })
        }
    }

    fn fill(&mut self, array: *mut sys::jvirt_barray_control, component: &Component) {
        // SAFETY: the memory manager and its functions exist from creation to destruction.
        let Some(access) = (unsafe { (*self.info.common.mem).access_virt_barray }) else { return };
        let mut blocks = component.blocks.iter();
        for row in 0..u32::try_from(component.blocks_high).unwrap_or(u32::MAX) {
            // SAFETY: the array was requested with at least blocks_high rows of at least blocks_wide blocks, zeroed, and
            // realised; a row is filled before the next is asked for.
            let row = unsafe {
                let rows = access(&mut self.info.common, array, row, 1, 1);
                std::slice::from_raw_parts_mut(*rows, component.blocks_wide)
            };
            for (block, (positions, values)) in row.iter_mut().zip(&mut blocks) {
                for (&position, &value) in positions.iter().zip(values) {
                    block[usize::from(position)] = value;
                }
            }
        }
    }

    fn write_orientation(&mut self, orientation: Orientation) {
        const EXIF: c_int = 0xe1;
        if orientation != Orientation::TopLeft {
            let segment = exif::segment(orientation);
            let length = segment.len().try_into().unwrap_or(0);
            // SAFETY: the file has been begun and no scan has; the segment has so many bytes; errors unwind.
            unsafe { sys::jpeg_write_marker(&mut self.info, EXIF, segment.as_ptr(), length) };
        }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: created, or still zeroed, which libjpeg takes for nothing to free; not used after this. Freeing reports
        // no errors.
        unsafe { sys::jpeg_destroy_compress(&mut self.info) };
    }
}

/// At most four: it was checked.
fn component_count(jpeg: &SparseJpeg) -> c_int {
    jpeg.components.len().try_into().unwrap_or(0)
}

/// A scan, or two, for each component: what is left where their blocks are too many for one MCU.
fn separate_scans(components: c_int, progressive: bool) -> Vec<sys::jpeg_scan_info> {
    let bands: &[(c_int, c_int)] = if progressive { &[(0, 0), (1, 63)] } else { &[(0, 63)] };
    let scan = |component, &(first, last): &(c_int, c_int)| sys::jpeg_scan_info {
        comps_in_scan: 1,
        component_index: [component, 0, 0, 0],
        Ss: first,
        Se: last,
        Ah: 0,
        Al: 0,
    };
    (0..components).flat_map(|component| bands.iter().map(move |band| scan(component, band))).collect()
}

fn output<'a>(info: &sys::jpeg_compress_struct) -> &'a mut Output {
    // SAFETY: `dest` was set to an encoder's boxed output, whose first field the manager is; it outlives every call into
    // libjpeg and is not borrowed elsewhere while libjpeg runs.
    unsafe { &mut *info.dest.cast::<Output>() }
}

impl Output {
    fn empty(&mut self) {
        self.manager.next_output_byte = self.buffer.as_mut_ptr();
        self.manager.free_in_buffer = self.buffer.len();
    }
}

unsafe extern "C-unwind" fn begin_output(info: &mut sys::jpeg_compress_struct) {
    output(info).empty();
}

/// Called when the buffer is full, whatever is said to be free in it.
unsafe extern "C-unwind" fn empty_buffer(info: &mut sys::jpeg_compress_struct) -> sys::boolean {
    let output = output(info);
    output.file.extend_from_slice(&output.buffer);
    output.empty();
    1
}

unsafe extern "C-unwind" fn end_output(info: &mut sys::jpeg_compress_struct) {
    let output = output(info);
    let used = output.buffer.len() - output.manager.free_in_buffer;
    output.file.extend_from_slice(&output.buffer[..used]);
}

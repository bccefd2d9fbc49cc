//! The scan that is being read, as libjpeg's messages tell it.

use crate::coding::Coding;
use crate::sparse::BLOCK;
use crate::work;
use mozjpeg_sys as sys;
use std::ffi::c_int;

/// The scan that is being read.
#[derive(Default)]
pub(super) struct Scan {
    /// The file's names of its components.
    identifiers: Vec<u32>,
    /// In zigzag order; of a file that is not progressive they say nothing.
    first: u32,
    last: u32,
    /// Not zero if coefficients that are known but for their lowest bits get another.
    refines: bool,
}

impl Scan {
    /// What a message about the header of a scan says.
    pub(super) fn hear(&mut self, code: c_int, parameters: &[u32]) {
        match (code, parameters) {
            (sys::JTRC_SOS, _) => self.identifiers.clear(),
            (sys::JTRC_SOS_COMPONENT, &[identifier, ..]) => self.identifiers.push(identifier),
            (sys::JTRC_SOS_PARAMS, &[first, last, high, ..]) => {
                (self.first, self.last, self.refines) = (first, last, high > 0);
            }
            _ => {}
        }
    }

    /// Nanoseconds that its blocks can take, beside its bytes.
    pub(super) fn work(&self, components: &[sys::jpeg_component_info], coding: Coding) -> u64 {
        let is_in_scan =
            |component: &&sys::jpeg_component_info| self.identifiers.contains(&component.component_id.unsigned_abs());
        let visits: u64 = components.iter().filter(is_in_scan).map(padded_blocks).sum();
        let band = u64::from(self.last.saturating_sub(self.first)) + 1;
        let coefficients = if coding.is_progressive() { band.min(BLOCK as u64) } else { BLOCK as u64 };
        let a_visit = if coding.is_arithmetic() {
            work::ARITHMETIC * coefficients
        } else if coding.is_progressive() && self.refines {
            work::VISIT + work::FOUR_REFINED * coefficients.div_ceil(4)
        } else {
            work::VISIT
        };
        work::SCAN.saturating_add(visits.saturating_mul(a_visit))
    }
}

/// Blocks of a component, those that only complete an MCU included.
pub(super) fn padded_blocks(component: &sys::jpeg_component_info) -> u64 {
    let padded = |count: u32, factor: c_int| u64::from(count).next_multiple_of(factor.unsigned_abs().max(1).into());
    padded(component.width_in_blocks, component.h_samp_factor)
        * padded(component.height_in_blocks, component.v_samp_factor)
}

//! A model handle for tests, with the flat walk as plain data.

#![allow(dead_code, reason = "each test file uses its own part")]

use outrider_sys::*;
use std::ptr;

#[derive(Debug)]
pub(crate) struct ParseError {
    pub(crate) status: otr_status,
    pub(crate) line: u64,
    pub(crate) column: u32,
    pub(crate) message: String,
}

impl ParseError {
    /// Takes over what C reported; the two copies of the status must agree.
    pub(crate) fn new(status: otr_status, error: &otr_error) -> Self {
        assert_eq!(status, error.status);
        let message = error.message.iter().take_while(|&&c| c != 0).map(|&c| c as u8).collect();
        let message = String::from_utf8(message).expect("messages are ASCII");
        Self { status, line: error.line, column: error.column, message }
    }
}

pub(crate) fn blank_error() -> otr_error {
    otr_error { status: otr_status::OTR_OK, column: 0, line: 0, message: [0; 232] }
}

/// One step of the flat walk.
#[derive(Debug, PartialEq)]
pub(crate) struct Flat {
    pub(crate) kind: otr_instruction_kind,
    pub(crate) arguments: Vec<f64>,
    pub(crate) targets: Vec<u64>,
}

#[derive(Debug)]
pub(crate) struct Model(*mut otr_model);

impl Model {
    pub(crate) fn parse(text: &[u8]) -> Result<Self, ParseError> {
        let (mut raw, mut error) = (ptr::null_mut(), blank_error());
        // SAFETY: `text` is valid for its length; the outputs are ours.
        let status = unsafe { otr_model_parse(&mut raw, text.as_ptr().cast(), text.len(), &mut error) };
        if status == otr_status::OTR_OK { Ok(Self(raw)) } else { Err(ParseError::new(status, &error)) }
    }

    pub(crate) fn raw(&self) -> *const otr_model {
        self.0
    }

    /// Detectors, observables and flattened errors.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        // SAFETY: the model is alive.
        unsafe {
            (
                otr_model_detector_count(self.0),
                otr_model_observable_count(self.0),
                otr_model_error_count(self.0),
            )
        }
    }

    pub(crate) fn text(&self) -> String {
        // SAFETY: a capacity of 0 allows a null buffer.
        let bytes = unsafe { otr_model_text(self.0, ptr::null_mut(), 0) };
        let mut buffer = vec![0u8; bytes + 1];
        // SAFETY: the buffer has the capacity given.
        let written = unsafe { otr_model_text(self.0, buffer.as_mut_ptr().cast(), buffer.len()) };
        assert_eq!((written, buffer.pop()), (bytes, Some(0)));
        String::from_utf8(buffer).expect("UTF-8 in, UTF-8 out")
    }

    pub(crate) fn walk(&self) -> Vec<Flat> {
        let mut walk = ptr::null_mut();
        // SAFETY: the model outlives the walk.
        assert_eq!(unsafe { otr_model_walk_create(&mut walk, self.0) }, otr_status::OTR_OK);
        let mut flat = Vec::new();
        // SAFETY: C's struct of integers and pointers may be zero.
        let mut view: otr_instruction = unsafe { std::mem::zeroed() };
        // SAFETY: the walk is alive.
        while unsafe { otr_model_walk_next(walk, &mut view) } {
            // SAFETY: the views live until the next step.
            let (arguments, targets) = unsafe {
                (
                    copy(view.arguments, view.argument_count as usize),
                    copy(view.targets, view.target_count as usize),
                )
            };
            flat.push(Flat { kind: view.kind, arguments, targets });
        }
        // SAFETY: the walk is alive; its end is final, and it is destroyed once.
        unsafe {
            assert!(!otr_model_walk_next(walk, &mut view));
            otr_model_walk_destroy(walk);
        }
        flat
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: created by otr_model_parse, destroyed once.
        unsafe { otr_model_destroy(self.0) }
    }
}

/// # Safety
/// `data` is valid for `count` elements, or `count` is 0.
unsafe fn copy<T: Copy>(data: *const T, count: usize) -> Vec<T> {
    if count == 0 {
        return Vec::new();
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(data, count) }.to_vec()
}

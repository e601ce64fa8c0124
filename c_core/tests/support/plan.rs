//! Owning handles around the C plans, just enough for tests to stay readable.

use super::decoding::Graph;
use super::model::{Model, ParseError, blank_error};
use super::window::Window;
use outrider_sys::*;
use std::ptr;

pub(crate) use outrider_sys::{otr_cell as Cell, otr_plan_layout as Layout, otr_plan_options as PlanOptions};

/// A plan and the graph that it borrows.
pub(crate) struct Plan<'g> {
    raw: *mut otr_plan,
    pub(crate) graph: &'g Graph,
}

pub(crate) fn parallel(distance: u32) -> PlanOptions {
    // SAFETY: takes any value.
    unsafe { otr_plan_options_default(distance) }
}

impl<'g> Plan<'g> {
    pub(crate) fn new(graph: &'g Graph, text: &str, options: &PlanOptions) -> Result<Self, ParseError> {
        let model = Model::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        let (mut raw, mut error) = (ptr::null_mut(), blank_error());
        // SAFETY: the model is alive during the call; the lifetime 'g keeps the graph alive while the plan is.
        let status = unsafe { otr_plan_create(&mut raw, graph.raw(), model.raw(), options, &mut error) };
        match status {
            otr_status::OTR_OK => Ok(Self { raw, graph }),
            status => Err(ParseError::new(status, &error)),
        }
    }

    pub(crate) fn raw(&self) -> *const otr_plan {
        self.raw
    }

    /// Layers of the reference, rows, period, and the shortest history.
    pub(crate) fn measures(&self) -> (u32, u32, u32, u64) {
        // SAFETY: the plan is alive.
        unsafe {
            (
                otr_plan_layer_count(self.raw),
                otr_plan_row_count(self.raw),
                otr_plan_period(self.raw),
                otr_plan_layers_min(self.raw),
            )
        }
    }

    pub(crate) fn is_sequential(&self) -> bool {
        // SAFETY: the plan is alive.
        unsafe { otr_plan_is_sequential(self.raw) }
    }

    pub(crate) fn check_length(&self, layers: u64) -> Result<(), ParseError> {
        let mut error = blank_error();
        // SAFETY: the plan is alive.
        match unsafe { otr_plan_check_length(self.raw, layers, &mut error) } {
            otr_status::OTR_OK => Ok(()),
            status => Err(ParseError::new(status, &error)),
        }
    }

    pub(crate) fn layer_detectors(&self, layer: u64, layers: u64) -> u32 {
        // SAFETY: the plan is alive.
        unsafe { otr_plan_layer_detectors(self.raw, layer, layers) }
    }

    pub(crate) fn layer_marks(&self, layer: u64, layers: u64) -> u32 {
        // SAFETY: the plan is alive.
        unsafe { otr_plan_layer_marks(self.raw, layer, layers) }
    }

    pub(crate) fn layer_marks_max(&self, layer: u64) -> u32 {
        // SAFETY: the plan is alive.
        unsafe { otr_plan_layer_marks_max(self.raw, layer) }
    }

    /// The layer of a mark, and its index there.
    pub(crate) fn place(&self, mark: u32) -> Result<(u32, u32), otr_status> {
        let (mut layer, mut index) = (0, 0);
        // SAFETY: the plan is alive; the outputs are ours.
        match unsafe { otr_plan_place(self.raw, mark, &mut layer, &mut index) } {
            otr_status::OTR_OK => Ok((layer, index)),
            status => Err(status),
        }
    }

    pub(crate) fn mark(&self, layer: u32, index: u32) -> Result<u32, otr_status> {
        let mut mark = 0;
        // SAFETY: the plan is alive; the output is ours.
        match unsafe { otr_plan_mark(self.raw, layer, index, &mut mark) } {
            otr_status::OTR_OK => Ok(mark),
            status => Err(status),
        }
    }

    pub(crate) fn cell_count(&self, layers: u64) -> u64 {
        // SAFETY: the plan is alive.
        unsafe { otr_plan_cell_count(self.raw, layers) }
    }

    pub(crate) fn cell(&self, number: u64, layers: u64) -> Result<Cell, otr_status> {
        // SAFETY: C's struct of integers may be zero.
        let mut cell = unsafe { std::mem::zeroed() };
        // SAFETY: the plan is alive; the output is ours.
        match unsafe { otr_plan_cell(self.raw, number, layers, &mut cell) } {
            otr_status::OTR_OK => Ok(cell),
            status => Err(status),
        }
    }

    pub(crate) fn dependencies(&self, number: u64, layers: u64) -> Vec<u64> {
        let mut count = 0;
        // SAFETY: the plan is alive.
        let mut numbers = vec![0; unsafe { otr_plan_dependencies_max(self.raw) }];
        // SAFETY: the list has its capacity.
        let status = unsafe {
            otr_plan_dependencies(self.raw, number, layers, numbers.as_mut_ptr(), numbers.len(), &mut count)
        };
        assert_eq!(status, otr_status::OTR_OK, "{count} dependencies");
        numbers.truncate(count);
        numbers
    }

    /// Why there is no window of this shape.
    pub(crate) fn window_error(&self, shape: &otr_cell_shape) -> String {
        let (mut raw, mut error) = (ptr::null_mut(), blank_error());
        // SAFETY: the plan is alive; the outputs are ours.
        let status = unsafe { otr_plan_window(&mut raw, self.raw, shape, &mut error) };
        assert!(raw.is_null());
        ParseError::new(status, &error).message
    }

    pub(crate) fn window(&self, cell: &Cell) -> Window<'g> {
        let (mut raw, mut error) = (ptr::null_mut(), blank_error());
        // SAFETY: the plan is alive; the graph outlives the window by 'g.
        let status = unsafe { otr_plan_window(&mut raw, self.raw, &cell.shape, &mut error) };
        assert_eq!(status, otr_status::OTR_OK, "{:?}", ParseError::new(status, &error));
        // SAFETY: the window is new and on this graph.
        unsafe { Window::from_raw(raw, self.graph) }
    }
}

impl Drop for Plan<'_> {
    fn drop(&mut self) {
        // SAFETY: created by otr_plan_create and not used after.
        unsafe { otr_plan_destroy(self.raw) }
    }
}

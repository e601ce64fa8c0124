//! A graph handle for tests, with its edges and rules as plain data.

#![allow(dead_code, reason = "each test file uses its own part")]

use super::model::{Model, ParseError, blank_error};
use outrider_sys::*;
use std::ptr;

pub(crate) const BOUNDARY: u32 = OTR_BOUNDARY;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Edge {
    pub(crate) nodes: (u32, u32),
    pub(crate) probability: f64,
    pub(crate) weight: i32,
    pub(crate) observables: Vec<u32>,
    /// Implied weights: (edge, integer weight).
    pub(crate) rules: Vec<(u32, i32)>,
}

#[derive(Debug)]
pub(crate) struct Graph(*mut otr_graph);

pub(crate) const PLAIN: otr_graph_options = otr_graph_options {
    correlations: false,
    ignore_undecomposable: false,
    reweightable: false,
    errors: false,
    first_observables: false,
    levels: 0,
    weight_range: 0.0,
};
pub(crate) const CORRELATED: otr_graph_options = otr_graph_options { correlations: true, ..PLAIN };
pub(crate) const WHOLE: otr_graph_options = otr_graph_options { errors: true, ..CORRELATED };

impl Graph {
    /// Parses `text`, which must be valid, and builds its graph.
    pub(crate) fn build(text: &str, options: &otr_graph_options) -> Result<Self, ParseError> {
        let model = Model::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        let (mut raw, mut error) = (ptr::null_mut(), blank_error());
        // SAFETY: the model is alive during the call; the outputs are ours.
        let status = unsafe { otr_graph_create(&mut raw, model.raw(), options, &mut error) };
        if status == otr_status::OTR_OK { Ok(Self(raw)) } else { Err(ParseError::new(status, &error)) }
    }

    pub(crate) fn raw(&self) -> *const otr_graph {
        self.0
    }

    pub(crate) fn scale(&self) -> f64 {
        // SAFETY: the graph is alive.
        unsafe { otr_graph_scale(self.0) }
    }

    pub(crate) fn edges(&self) -> Vec<Edge> {
        // SAFETY: the graph is alive.
        let count = unsafe { otr_graph_edge_count(self.0) };
        (0..count).map(|edge| self.edge(edge)).collect()
    }

    fn edge(&self, edge: u32) -> Edge {
        // SAFETY: C's struct of integers and pointers may be zero.
        let mut view: otr_edge = unsafe { std::mem::zeroed() };
        let mut implied = otr_implied { edges: ptr::null(), weights: ptr::null(), count: 0 };
        // SAFETY: the graph is alive; the outputs are ours.
        unsafe {
            assert_eq!(otr_graph_edge(self.0, edge, &mut view), otr_status::OTR_OK);
            assert_eq!(otr_graph_implied(self.0, edge, &mut implied), otr_status::OTR_OK);
        }
        let observables = match view.observable_count {
            0 => Vec::new(),
            // SAFETY: the view has that many observables and lives as long as the graph.
            count => unsafe { std::slice::from_raw_parts(view.observables, count as usize) }.to_vec(),
        };
        let rules = match implied.count {
            0 => Vec::new(),
            // SAFETY: both arrays have that many numbers and live as long as the graph.
            count => unsafe {
                let edges = std::slice::from_raw_parts(implied.edges, count);
                let weights = std::slice::from_raw_parts(implied.weights, count);
                edges.iter().copied().zip(weights.iter().copied()).collect()
            },
        };
        Edge {
            nodes: (view.node1, view.node2),
            probability: view.probability,
            weight: view.weight,
            observables,
            rules,
        }
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: created by otr_graph_create, destroyed once.
        unsafe { otr_graph_destroy(self.0) }
    }
}

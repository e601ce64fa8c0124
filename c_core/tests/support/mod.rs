//! What several integration tests share.
#![allow(dead_code, reason = "programs of one test use a part of it")]

pub(crate) mod brute_force;
pub(crate) mod c_program;
pub(crate) mod cell_book;
pub(crate) mod decoding;
pub(crate) mod event_network;
pub(crate) mod golden;
pub(crate) mod graph;
pub(crate) mod history;
pub(crate) mod model;
pub(crate) mod plan;
pub(crate) mod predecoder;
pub(crate) mod published_labels;
pub(crate) mod random;
pub(crate) mod random_model;
pub(crate) mod window;

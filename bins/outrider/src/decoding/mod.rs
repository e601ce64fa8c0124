//! Shots through decoders: how decoders are made, and what is done with them.

pub(crate) mod campaign;
pub(crate) mod decode_shots;
pub(crate) mod decoder_factory;
pub(crate) mod latency;
pub(crate) mod predecoder_factory;
pub(crate) mod sampling;
pub(crate) mod shot_decoder;
pub(crate) mod stages;
pub(crate) mod sum_decoder;
pub(crate) mod windowed_decoder;

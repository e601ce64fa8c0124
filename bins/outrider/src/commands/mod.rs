//! The subcommands, a file each.

pub(crate) mod bench;
pub(crate) mod count_mistakes;
pub(crate) mod decode;
pub(crate) mod demo;
pub(crate) mod demo_learning;
pub(crate) mod demo_stream;
pub(crate) mod generate;
pub(crate) mod learn;
pub(crate) mod ler;
pub(crate) mod m2d;
pub(crate) mod predecode;
pub(crate) mod predict;
pub(crate) mod sample;
pub(crate) mod shell;
pub(crate) mod stream;

use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, check_length};
use crate::graph::MatchingGraph;
use crate::kernels::Isa;
use crate::model::{owned, view};
use crate::names::named;
use crate::predecoder::Predecoder;
use crate::shots::Shots;
use crate::surface_code::SurfaceCode;

/// The dense network of arXiv:2604.12841, read from a safetensors file of its authors or of
/// [`to_bytes`](Self::to_bytes).
///
/// [`Predecoder::dense`] makes a pre-decoder of it. Integers need the ranges of activations, which
/// [`calibrate`](Self::calibrate) measures once and the file then keeps.
pub struct DenseNetwork {
    raw: NonNull<sys::otr_dense_network>,
}

/// Facts about a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DenseInfo {
    /// The published model, 1 to 5, if it is one.
    pub model_id: Option<u32>,
    /// Convolutions.
    pub layers: u32,
    /// 3 for kernels of 3 x 3 x 3.
    pub kernel: u32,
    /// Channels of the first layer.
    pub width: u32,
    /// Voxels that a logit depends on, in each direction of space and time.
    pub receptive_field: u32,
    /// Weights and biases.
    pub parameters: u64,
    /// Multiplications for a voxel.
    pub products_per_voxel: u64,
    /// Whether it is calibrated.
    pub has_integers: bool,
}

/// How a dense network is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DenseArithmetic {
    /// `float`: single precision, as in the training code.
    Float,
    /// `integer`: 8-bit weights, 7-bit activations and 32-bit sums; the same answers on every instruction set.
    #[default]
    Integer,
}

/// How a dense pre-decoder is made.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DenseOptions {
    /// The instruction set.
    pub isa: Isa,
    /// Floats or integers.
    pub arithmetic: DenseArithmetic,
    /// Hard use flips data qubits whose logit is at least this.
    pub data_threshold: f32,
    /// Hard use flips outcomes of stabilisers whose logit is at least this.
    pub syndrome_threshold: f32,
}

impl DenseNetwork {
    /// Reads a file's bytes.
    ///
    /// # Errors
    /// [`Format`](crate::Status::Format), [`Truncated`](crate::Status::Truncated) or
    /// [`Limit`](crate::Status::Limit) for bytes that are no such network; the message names the tensor.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (mut raw, mut details) = (ptr::null_mut(), Details::new());
        // SAFETY: bytes come with their count; C keeps none of them; the outputs are ours.
        let status = unsafe {
            sys::otr_dense_network_create(&mut raw, bytes.as_ptr(), bytes.len(), details.as_mut_ptr())
        };
        details.check(status, LineMeaning::Line)?;
        Ok(Self { raw: owned(raw)? })
    }

    /// Measures the ranges of activations on shots of `code`, which fixes the integers.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for another circuit than the paper's or no shots,
    /// [`Length`](Error::Length) for shots of another width, [`Format`](crate::Status::Format) for a layer that is
    /// never active, [`Limit`](crate::Status::Limit).
    pub fn calibrate(&mut self, code: &SurfaceCode, detectors: &Shots) -> Result<(), Error> {
        check_length("detectors", code.detector_count() as usize, detectors.bits())?;
        let mut details = Details::new();
        // SAFETY: rows have the width that the code asks for, as just checked, and their own stride and count; the
        // network is used by nobody else (&mut).
        let status = unsafe {
            sys::otr_dense_network_calibrate(
                self.raw.as_ptr(),
                code.as_ptr(),
                detectors.as_bytes().as_ptr(),
                detectors.stride(),
                detectors.len(),
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Line)
    }

    /// The network as a safetensors file, with its ranges if it is calibrated.
    pub fn to_bytes(&self) -> Vec<u8> {
        // SAFETY: the network is live; a capacity of 0 allows a null buffer.
        let size = unsafe { sys::otr_dense_network_write(self.raw.as_ptr(), ptr::null_mut(), 0) };
        let mut bytes = vec![0; size];
        // SAFETY: C writes at most the capacity given.
        unsafe { sys::otr_dense_network_write(self.raw.as_ptr(), bytes.as_mut_ptr(), size) };
        bytes
    }

    /// Integers if the file has what they need: they are the same everywhere.
    pub fn arithmetic(&self) -> DenseArithmetic {
        if self.info().has_integers { DenseArithmetic::Integer } else { DenseArithmetic::Float }
    }

    /// As [`Network::summary`](crate::Network::summary).
    pub(crate) fn summary(&self) -> String {
        let info = self.info();
        format!(
            "{} convolutions of {k} x {k} x {k}, {} channels, {} parameters, {} multiplications a voxel\n\
             reach: {} sites and rounds on either side; arithmetic: {}\n",
            info.layers,
            info.width,
            info.parameters,
            info.products_per_voxel,
            info.receptive_field / 2,
            self.arithmetic(),
            k = info.kernel,
        )
    }

    /// Facts about it.
    pub fn info(&self) -> DenseInfo {
        // SAFETY: the network is live and only read.
        let raw = unsafe { sys::otr_dense_network_info(self.raw.as_ptr()) };
        DenseInfo {
            model_id: (raw.model_id != 0).then_some(raw.model_id),
            layers: raw.layer_count,
            kernel: raw.kernel,
            width: raw.width,
            receptive_field: raw.receptive_field,
            parameters: raw.parameter_count,
            products_per_voxel: raw.products_per_voxel,
            has_integers: raw.has_integers,
        }
    }
}

impl Drop for DenseNetwork {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`.
        unsafe { sys::otr_dense_network_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: a plain heap object without ties to its thread.
unsafe impl Send for DenseNetwork {}
// SAFETY: the header lets threads share a network; what changes it takes `&mut`.
unsafe impl Sync for DenseNetwork {}

impl fmt::Debug for DenseNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DenseNetwork").field(&self.info()).finish()
    }
}

impl Predecoder {
    /// A dense network for the shots of `code`, whose model `graph` was built from. `code` has the paper's circuit and
    /// an odd distance.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for another experiment, or integers of a network that is not calibrated;
    /// [`Unsupported`](crate::Status::Unsupported) for a missing instruction set, [`Limit`](crate::Status::Limit).
    pub fn dense(
        network: Arc<DenseNetwork>,
        code: &SurfaceCode,
        graph: Arc<MatchingGraph>,
        options: &DenseOptions,
    ) -> Result<Self, Error> {
        let raw_options = sys::otr_dense_options {
            isa: options.isa.to_raw(),
            arithmetic: options.arithmetic.to_raw(),
            data_threshold: options.data_threshold,
            syndrome_threshold: options.syndrome_threshold,
        };
        let (mut raw, mut details) = (ptr::null_mut(), Details::new());
        // SAFETY: all pointers are live, and the outputs are ours; network and graph outlive the pre-decoder, which
        // keeps them below.
        let status = unsafe {
            sys::otr_dense_predecoder_create(
                &mut raw,
                network.raw.as_ptr(),
                code.as_ptr(),
                graph.as_ptr(),
                &raw_options,
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Line).map_err(|error| options.isa.explain(error))?;
        // SAFETY: just made on this graph and network, and used by nobody else.
        unsafe { Self::from_raw_with_network(raw, graph, network) }
    }

    /// The logits of a dense network for a shot, in the order (plane, round, row, column), 4 planes: Z errors and X
    /// errors of data qubits, false outcomes of X and of Z stabilisers. Events as for [`apply`](Self::apply).
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for another kind of pre-decoder, [`Index`](crate::Status::Index) for bad
    /// events.
    pub fn dense_logits(&mut self, events: &[u32]) -> Result<&[f32], Error> {
        let (mut logits, mut count) = (ptr::null(), 0);
        // SAFETY: events come with their count, the outputs are ours; the pre-decoder is used by nobody else (&mut).
        let status = unsafe {
            let raw = self.as_ptr();
            sys::otr_dense_predecoder_logits(raw, events.as_ptr(), events.len(), &mut logits, &mut count)
        };
        crate::error::check(status)?;
        // SAFETY: the header keeps the logits until the next call, which the result's borrow of `self` delays.
        Ok(unsafe { view(logits, count) })
    }
}

named!(DenseArithmetic, "arithmetic", otr_dense_arithmetic;
    Float "float" OTR_DENSE_FLOAT,
    Integer "integer" OTR_DENSE_INTEGER,
);

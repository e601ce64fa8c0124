//! NumPy arrays in and out.
//!
//! A row of bits is packed, uint8 with bit k as bit k % 8 of byte k / 8, or has one bool or uint8 per bit.
//! Lists of different lengths, one per shot, are an array of all entries with an array of offsets.

use std::borrow::Cow;
use std::ops::Range;

use numpy::{
    Element, IntoPyArray, PyArray1, PyArray2, PyArrayDescrMethods, PyArrayMethods, PyReadonlyArray2,
    PyUntypedArray, PyUntypedArrayMethods,
};
use outrider::{MatchingGraph, Override, Shots};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::IntoPyDict;

use crate::errors::{bad_value, exception};

/// Shots worked on between two looks at signals.
pub(crate) const BLOCK_SHOTS: usize = 1024;

/// The blocks of so many shots.
pub(crate) fn blocks(shots: usize) -> impl Iterator<Item = Range<usize>> {
    blocks_of(shots, BLOCK_SHOTS)
}

/// Blocks of another size, which is not 0.
pub(crate) fn blocks_of(shots: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..shots).step_by(size).map(move |first| first..shots.min(first.saturating_add(size)))
}

/// Rows of bits that a caller passed.
pub(crate) struct BitsIn<'py> {
    /// What the caller calls them.
    name: &'static str,
    rows: PyReadonlyArray2<'py, u8>,
    bits: usize,
    columns: usize,
    packed: bool,
}

impl<'py> BitsIn<'py> {
    /// Checks type and shape of an argument `shots`; `bits` is the width of a row that is needed.
    pub(crate) fn new(array: &Bound<'py, PyAny>, bits: usize, packed: bool) -> PyResult<Self> {
        Self::named("shots", array, bits, packed)
    }

    /// Shots of any width, which only packed ones do not tell themselves.
    pub(crate) fn of_any_width(
        array: &Bound<'py, PyAny>,
        bits: Option<usize>,
        packed: bool,
    ) -> PyResult<Self> {
        let bits = match (bits, array.cast::<PyUntypedArray>()) {
            (Some(bits), _) => bits,
            (None, Ok(untyped)) if !packed && untyped.ndim() == 2 => untyped.shape()[1],
            (None, _) if packed => {
                return Err(bad_value("num_detectors: needed for bit-packed shots".to_owned()));
            }
            (None, _) => {
                return Err(bad_value(format!(
                    "shots: expected bool or uint8 of shape (shots, detectors), found {}",
                    description(array)
                )));
            }
        };
        Self::new(array, bits, packed)
    }

    /// The same for an argument of another name.
    pub(crate) fn named(
        name: &'static str,
        array: &Bound<'py, PyAny>,
        bits: usize,
        packed: bool,
    ) -> PyResult<Self> {
        let columns = if packed { bits.div_ceil(8) } else { bits };
        let fault = || {
            let types = if packed { "uint8, bit-packed," } else { "bool or uint8" };
            bad_value(format!(
                "{name}: expected {types} of shape (shots, {columns}), found {}",
                description(array)
            ))
        };
        let untyped = array.cast::<PyUntypedArray>().map_err(|_| fault())?;
        // Any byte may stand in a bool array, so it is read as bytes.
        let bytes = match untyped.dtype().kind() {
            b'b' if !packed => array.call_method1(intern!(array.py(), "view"), ("uint8",))?,
            _ => array.clone(),
        };
        let rows = bytes.cast_into::<PyArray2<u8>>().map_err(|_| fault())?;
        if rows.shape()[1] != columns {
            return Err(fault());
        }
        let numpy = rows.py().import(intern!(rows.py(), "numpy"))?;
        let contiguous = numpy.call_method1(intern!(rows.py(), "ascontiguousarray"), (rows,))?;
        let rows = contiguous.cast_into::<PyArray2<u8>>()?.try_into_readonly()?;
        Ok(Self { name, rows, bits, columns, packed })
    }

    /// Bits of a row.
    pub(crate) fn bits(&self) -> usize {
        self.bits
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.rows.shape()[0]
    }

    /// Copies a range of rows.
    pub(crate) fn read(&self, rows: Range<usize>) -> PyResult<Shots> {
        let bytes = self.rows.as_slice()?;
        let mut shots = Shots::new(self.bits);
        for index in rows {
            let row = &bytes[index * self.columns..][..self.columns];
            let row =
                if self.packed { self.packed_row(row, index)? } else { pack(self.name, row, index)?.into() };
            shots.push(&row).map_err(exception)?;
        }
        Ok(shots)
    }

    /// A packed row as it is, unless it has more bits than it should.
    fn packed_row<'a>(&self, row: &'a [u8], index: usize) -> PyResult<Cow<'a, [u8]>> {
        match (row.last(), self.bits % 8) {
            (Some(last), used @ 1..) if last >> used != 0 => Err(bad_value(format!(
                "{}: row {index} has bits set past its {} bits, in its last byte {last:#04X}: another bit order \
                 (np.packbits needs bitorder='little'), or rows of another width",
                self.name, self.bits
            ))),
            _ => Ok(Cow::Borrowed(row)),
        }
    }
}

/// Rows of bits for the caller.
pub(crate) struct BitsOut<'py> {
    rows: Bound<'py, PyArray2<u8>>,
    packed: bool,
}

impl<'py> BitsOut<'py> {
    /// Zeros; `MemoryError` if there is no room.
    pub(crate) fn new(py: Python<'py>, rows: usize, bits: usize, packed: bool) -> PyResult<Self> {
        let columns = if packed { bits.div_ceil(8) } else { bits };
        let rows = zeros::<u8>(py, (rows, columns))?.cast_into()?;
        Ok(Self { rows, packed })
    }

    /// Copies `shots` to the rows from `first` on.
    pub(crate) fn write(&self, first: usize, shots: &Shots) -> PyResult<()> {
        let columns = self.rows.shape()[1];
        let mut rows = self.rows.try_readwrite()?;
        let rows = rows.as_slice_mut()?;
        for (index, bytes) in shots.rows().enumerate() {
            let row = &mut rows[(first + index) * columns..][..columns];
            if self.packed {
                row.copy_from_slice(bytes);
            } else {
                unpack(bytes, row);
            }
        }
        Ok(())
    }

    /// The array: uint8 if packed, else bool.
    pub(crate) fn finish(self) -> PyResult<Bound<'py, PyAny>> {
        if self.packed { Ok(self.rows.into_any()) } else { self.rows.call_method1("view", ("bool",)) }
    }
}

/// The bytes of a 1-D array of bool or uint8, one for each bit.
pub(crate) fn bits_of_row(name: &str, array: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    match bytes_of_row(array)? {
        Some(bytes) => Ok(bytes.to_vec()?),
        None => Err(bad_value(format!(
            "{name}: expected bool or uint8 of shape (n,), found {}",
            description(array)
        ))),
    }
}

/// A 1-D array of bool or uint8 as bytes; any byte may stand in a bool array.
fn bytes_of_row<'py>(array: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyArray1<u8>>>> {
    if let Ok(bytes) = array.cast::<PyArray1<u8>>() {
        return Ok(Some(bytes.clone()));
    }
    match array.cast::<PyUntypedArray>() {
        Ok(untyped) if untyped.dtype().kind() == b'b' => {
            let py = array.py();
            Ok(array.call_method1(intern!(py, "view"), (intern!(py, "uint8"),))?.cast_into().ok())
        }
        _ => Ok(None),
    }
}

/// The events of one shot: a 1-D array of bool or uint8 with at most `nodes` entries, one other than 0 for each event.
pub(crate) fn events_of_shot(array: &Bound<'_, PyAny>, nodes: usize) -> PyResult<Vec<u32>> {
    let fault = || {
        bad_value(format!(
            "shot: expected bool or uint8 of shape (n,), n at most {nodes}, found {}",
            description(array)
        ))
    };
    let bytes = bytes_of_row(array)?.ok_or_else(fault)?;
    if bytes.len() > nodes {
        return Err(fault());
    }
    let row = bytes.try_readonly()?;
    let bytes = row.as_array();
    let events = bytes.iter().enumerate().filter(|(_, byte)| **byte != 0);
    Ok(events.map(|(node, _)| node as u32).collect())
}

/// A list of indices for each row: those of row k are `entries[offsets[k]..offsets[k + 1]]`.
pub(crate) struct Ragged {
    offsets: Vec<i64>,
    entries: Vec<u32>,
}

impl Ragged {
    /// No rows.
    pub(crate) fn new() -> Self {
        Self { offsets: vec![0], entries: Vec::new() }
    }

    /// Appends a row.
    pub(crate) fn push(&mut self, row: impl IntoIterator<Item = u32>) {
        self.entries.extend(row);
        self.offsets.push(self.entries.len() as i64);
    }

    /// The offsets and the entries.
    pub(crate) fn into_arrays<'py>(self, py: Python<'py>) -> RaggedArrays<'py> {
        (self.offsets.into_pyarray(py), self.entries.into_pyarray(py))
    }
}

/// A list of pairs of nodes for each row, as [`Ragged`].
pub(crate) struct RaggedPairs {
    offsets: Vec<i64>,
    nodes: Vec<i64>,
}

impl RaggedPairs {
    /// No rows.
    pub(crate) fn new() -> Self {
        Self { offsets: vec![0], nodes: Vec::new() }
    }

    /// Appends a row; `None` is the boundary.
    pub(crate) fn push(&mut self, row: impl IntoIterator<Item = (u32, Option<u32>)>) {
        self.nodes.extend(
            row.into_iter().flat_map(|(node1, node2)| [node1.into(), node2.map_or(BOUNDARY, i64::from)]),
        );
        self.offsets.push(self.nodes.len() as i64 / 2);
    }

    /// The offsets and the pairs.
    pub(crate) fn into_arrays<'py>(self, py: Python<'py>) -> PyResult<RaggedPairArrays<'py>> {
        let rows = self.nodes.len() / 2;
        Ok((self.offsets.into_pyarray(py), self.nodes.into_pyarray(py).reshape([rows, 2])?))
    }
}

/// What stands for the boundary in an array of nodes.
pub(crate) const BOUNDARY: i64 = -1;

/// A [`RaggedPairs`] as Python gets it.
pub(crate) type RaggedPairArrays<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray2<i64>>);

/// A [`Ragged`] as Python gets it.
pub(crate) type RaggedArrays<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<u32>>);

/// The weights that a caller sets for single shots.
pub(crate) struct Overrides {
    offsets: Vec<usize>,
    entries: Vec<Override>,
}

impl Overrides {
    /// From `(offsets, edges, weights)`, see [`Ragged`]; weights in natural units. The decoder itself refuses
    /// edges that the graph lacks.
    pub(crate) fn new(arrays: &Bound<'_, PyAny>, graph: &MatchingGraph, shots: usize) -> PyResult<Self> {
        let fault = |what: &str| bad_value(format!("overrides: expected {what}"));
        let (offsets, edges, weights) = arrays
            .extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>, Bound<'_, PyAny>)>()
            .map_err(|_| fault("a tuple of the arrays offsets, edges and weights"))?;
        let offsets: Vec<i64> = numbers(&offsets).ok_or_else(|| fault("1-D integers as offsets"))?;
        let edges: Vec<i64> = numbers(&edges).ok_or_else(|| fault("1-D integers as edges"))?;
        let weights: Vec<f64> = numbers(&weights).ok_or_else(|| fault("1-D real numbers as weights"))?;
        if edges.len() != weights.len() {
            let (edges, weights) = (edges.len(), weights.len());
            return Err(fault(&format!("as many edges as weights, found {edges} and {weights}")));
        }
        let rising = offsets.is_sorted() && offsets.first() == Some(&0);
        if offsets.len() != shots + 1 || !rising || offsets.last() != Some(&(edges.len() as i64)) {
            return Err(fault(&format!(
                "{} offsets for {shots} shots, rising from 0 to {}, the number of edges",
                shots + 1,
                edges.len()
            )));
        }
        let entry = |(edge, weight): (i64, f64)| {
            let edge =
                u32::try_from(edge).map_err(|_| fault(&format!("edges of the graph, found {edge}")))?;
            if weight.is_nan() {
                return Err(fault("weights that are numbers, found nan"));
            }
            let weight = graph.quantize(weight).map_err(|_| {
                let limit = graph.weight_limit();
                fault(&format!(
                    "weights up to {limit:.6}, found {weight}; a graph with a larger weight_range holds it"
                ))
            })?;
            Ok(Override { edge, weight })
        };
        let entries = edges.into_iter().zip(weights).map(entry).collect::<PyResult<_>>()?;
        Ok(Self { offsets: offsets.into_iter().map(|offset| offset as usize).collect(), entries })
    }

    /// Those of one shot.
    pub(crate) fn of_shot(&self, shot: usize) -> &[Override] {
        &self.entries[self.offsets[shot]..self.offsets[shot + 1]]
    }
}

/// A new array of zeros; NumPy raises `MemoryError` where there is no room.
pub(crate) fn zeros<'py, T: Element>(
    py: Python<'py>,
    shape: impl IntoPyObject<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    py.import(intern!(py, "numpy"))?.call_method1(intern!(py, "zeros"), (shape, T::get_dtype(py)))
}

/// A record array: columns with names.
pub(crate) fn table<'py, const N: usize>(
    py: Python<'py>,
    columns: [(&str, Bound<'py, PyAny>); N],
) -> PyResult<Bound<'py, PyAny>> {
    let (names, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    let options = [("names", names)].into_py_dict(py)?;
    let records = py.import(intern!(py, "numpy"))?.getattr(intern!(py, "rec"))?;
    records.call_method(intern!(py, "fromarrays"), (arrays,), Some(&options))
}

/// A column of a table.
pub(crate) fn column<'py, T: Element>(py: Python<'py>, values: impl Iterator<Item = T>) -> Bound<'py, PyAny> {
    values.collect::<Vec<_>>().into_pyarray(py).into_any()
}

/// A 2-D array of pairs of integers; an empty one may be of any type and shape.
pub(crate) fn pairs(values: &Bound<'_, PyAny>) -> Option<Vec<[i64; 2]>> {
    let numpy = values.py().import(intern!(values.py(), "numpy")).ok()?;
    let array = numpy.call_method1(intern!(values.py(), "asarray"), (values,)).ok()?;
    let flat: Vec<i64> = numbers(&array.call_method0("ravel").ok()?)?;
    let shape: Vec<usize> = array.getattr("shape").ok()?.extract().ok()?;
    let is_pairs = flat.is_empty() || (shape.len() == 2 && shape[1] == 2);
    is_pairs.then(|| flat.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect())
}

/// A 1-D array whose numbers convert to `T` without changing their kind; an empty one may be of any type.
pub(crate) fn numbers<'py, T: Element + Copy>(values: &Bound<'py, PyAny>) -> Option<Vec<T>> {
    let py = values.py();
    let array = py.import(intern!(py, "numpy")).ok()?.call_method1(intern!(py, "asarray"), (values,)).ok()?;
    let casting = if array.len().ok()? == 0 { "unsafe" } else { "same_kind" };
    let options = [("casting", casting), ("order", "C")].into_py_dict(py).ok()?;
    let converted = array.call_method(intern!(py, "astype"), (T::get_dtype(py),), Some(&options)).ok()?;
    converted.cast::<PyArray1<T>>().ok()?.to_vec().ok()
}

/// Type and shape of what a caller passed.
pub(crate) fn description(value: &Bound<'_, PyAny>) -> String {
    match value.cast::<PyUntypedArray>() {
        Ok(array) => {
            let shape: Vec<String> = array.shape().iter().map(usize::to_string).collect();
            format!("{} of shape ({})", array.dtype(), shape.join(", "))
        }
        Err(_) => format!("an object of type {}", type_name(value)),
    }
}

/// The name of the type of what a caller passed.
pub(crate) fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string())
}

/// One byte per bit to eight bits per byte.
pub(crate) fn pack(name: &str, row: &[u8], index: usize) -> PyResult<Vec<u8>> {
    if row.iter().any(|&value| value > 1) {
        return Err(bad_value(format!("{name}: row {index} has values other than 0 and 1")));
    }
    Ok(row.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit)).collect())
}

/// Eight bits per byte to one byte per bit.
pub(crate) fn unpack(bytes: &[u8], row: &mut [u8]) {
    for (bits, &byte) in row.chunks_mut(8).zip(bytes) {
        for (shift, bit) in bits.iter_mut().enumerate() {
            *bit = byte >> shift & 1;
        }
    }
}

//! Errors of the crate as exceptions.

use std::io;

use outrider::{Error, Status};
use pyo3::PyErr;
use pyo3::exceptions::{PyMemoryError, PyRuntimeError, PyValueError};

/// `ValueError` for bad input, the fitting `OSError`, `MemoryError`; `RuntimeError` for bugs of the library.
pub(crate) fn exception(error: Error) -> PyErr {
    let message = error.to_string();
    match &error {
        Error::Io { source, .. } => io::Error::new(source.kind(), message).into(),
        _ if error.status() == Some(Status::Memory) => PyMemoryError::new_err(message),
        _ if error.is_bad_input() => PyValueError::new_err(message),
        _ => PyRuntimeError::new_err(message),
    }
}

/// A `ValueError`.
pub(crate) fn bad_value(message: String) -> PyErr {
    PyValueError::new_err(message)
}

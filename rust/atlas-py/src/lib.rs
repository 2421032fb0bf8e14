//! The Python module `dyld_atlas._native`: conversions, exceptions, sequences, buffers. No byte is decoded here.

use pyo3::prelude::*;

#[pymodule]
mod _native {}

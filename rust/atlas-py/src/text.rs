//! Strings of the formats as `str`, so that nothing is lost: bytes that are no text survive as lone surrogates.

use atlas_core::bplist::Text;
use atlas_core::identifier::FilePath;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// Text that should be UTF-8; stray bytes become U+DC80 to U+DCFF (`surrogateescape`), as `os.fsdecode` has it.
pub fn utf8<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyString>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(PyString::new(py, text)),
        Err(_) => {
            PyString::from_encoded_object(PyBytes::new(py, bytes).as_any(), Some(c"utf-8"), Some(c"surrogateescape"))
        }
    }
}

/// The path of a file, by the rule of `os.fsdecode`.
pub fn path<'py>(py: Python<'py>, path: &FilePath) -> PyResult<Bound<'py, PyString>> {
    utf8(py, path.as_bytes())
}

/// Big-endian UTF-16; unpaired surrogates stay as they are.
pub fn utf16<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyString>> {
    let units = bytes.chunks_exact(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
    match char::decode_utf16(units).collect::<Result<String, _>>() {
        Ok(text) => Ok(PyString::new(py, &text)),
        Err(_) => {
            PyString::from_encoded_object(PyBytes::new(py, bytes).as_any(), Some(c"utf-16-be"), Some(c"surrogatepass"))
        }
    }
}

/// A string object of a property list.
pub fn text<'py>(py: Python<'py>, text: Text<'_>) -> PyResult<Bound<'py, PyString>> {
    match text {
        Text::Ascii(bytes) => utf8(py, bytes),
        Text::Utf16(bytes) => utf16(py, bytes),
    }
}

/// A `str` as the bytes that [`utf8`] reads back to it.
///
/// # Errors
/// `UnicodeEncodeError` for a lone surrogate that stands for no byte.
pub fn to_utf8(text: &Bound<'_, PyString>) -> PyResult<Vec<u8>> {
    if let Ok(text) = text.to_str() {
        return Ok(text.as_bytes().to_owned());
    }
    let py = text.py();
    let bytes = text.call_method1(intern!(py, "encode"), (intern!(py, "utf-8"), intern!(py, "surrogateescape")))?;
    Ok(bytes.cast::<PyBytes>()?.as_bytes().to_owned())
}

/// Text of the input as it stands in a `repr`: as it is, or quoted where it would command a terminal or break a line.
pub fn shown(text: &Bound<'_, PyString>) -> PyResult<String> {
    let is_plain = text.call_method0(intern!(text.py(), "isprintable"))?.is_truthy()?;
    let shown = if is_plain { text.clone() } else { text.repr()? };
    Ok(shown.to_string_lossy().into_owned())
}

macro_rules! interned {
    ($py:ident, $name:ident, [$($known:literal)*]) => {
        match $name {
            $($known => Some(intern!($py, $known)),)*
            _ => None,
        }
    };
}

/// The name of a segment. There are few different ones and very many segments: the known names are made once.
pub fn segment_name<'py>(py: Python<'py>, name: &str) -> Bound<'py, PyString> {
    let known = interned!(py, name, [
        "__TEXT" "__DATA" "__DATA_CONST" "__DATA_DIRTY" "__AUTH" "__AUTH_CONST" "__LINKEDIT" "__OBJC" "__OBJC_CONST"
        "__OBJC_RO" "__OBJC_RW" "__TPRO_CONST" "__PAGEZERO" "__READ_ONLY" "__TEXT_EXEC" "__IMPORT" "__DWARF"
    ]);
    known.map_or_else(|| PyString::new(py, name), Bound::clone)
}

/// The name of a segment as a property list has it.
pub fn name<'py>(py: Python<'py>, name: Text<'_>) -> PyResult<Bound<'py, PyString>> {
    match name.as_str() {
        Some(known) => Ok(segment_name(py, known)),
        None => text(py, name),
    }
}

//! From bytes or a file to a snapshot of the core: options, and what providers give.

use atlas_core::bytes::Mode;
use atlas_core::cache::Supply;
use atlas_core::identifier::FileIdentifier as CoreIdentifier;
use atlas_core::model::{Opening, Options, Snapshot as Core};
use atlas_core::schema::Policy;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::files::{Fault, Files, Search};
use crate::errors::OrRaise;
use crate::options::{FileIdentifier, Limits, LocalPath};
use crate::{buffers, detach};

/// The method of a provider that gives records.
const ATLAS: &str = "shared_cache_atlas";

/// How a caller wants files to become bytes.
///
/// # Errors
/// `ValueError` for a mode that there is not.
pub fn mode(name: &str) -> PyResult<Mode> {
    match name {
        "map" => Ok(Mode::Map),
        "copy" => Ok(Mode::Copy),
        other => Err(PyValueError::new_err(format!("mode must be \"map\" or \"copy\", not {other:?}"))),
    }
}

/// How a caller wants a snapshot to be opened.
///
/// # Errors
/// `ValueError` for a mode that there is not.
pub fn options(limits: Option<&Bound<'_, Limits>>, lenient: bool, mode: &str) -> PyResult<Options> {
    Ok(Options { policy: Policy { lenient, limits: Limits::or_default(limits) }, mode: self::mode(mode)? })
}

/// Whether a path of a record may be looked up here: a relative one would be looked up in whatever folder this process
/// happens to run, and one of Windows, which no Darwin process has, may name another machine.
pub fn names_a_local_file(path: &str) -> bool {
    path.starts_with('/') && !path.starts_with("//")
}

/// Finds the record of the cache and finishes. `size`: bytes of the snapshot, which may hold a record itself.
///
/// # Errors
/// What is wrong with a record, and whatever a provider raises.
pub fn complete(py: Python<'_>, mut opening: Opening, size: usize, files: &Files) -> PyResult<Core> {
    match (opening.wanted(), files.providers(py)) {
        (Some(wanted), Some(providers)) => {
            ask(&mut opening, wanted.clone(), providers)?;
            // Nobody has the record. It can be made of the cache itself, if one has that.
            if opening.wanted().is_some() && !opening.embeds_record() {
                let Search { found, faults } = files.find_cache(py, &wanted)?;
                for Fault { error, provider } in faults {
                    // Where another has the cache, nothing is lost.
                    if found.is_some() {
                        opening.note(&error.to_string());
                    } else if let Err(error) = opening.refuse(error) {
                        return Err(Fault { error, provider }.into_exception(py));
                    }
                }
                if let Some(memory) = found {
                    py.detach(|| opening.offer_memory(memory)).or_raise(py)?;
                }
            }
        }
        (Some(_), None) => py.detach(|| opening.offer_installed()),
        (None, _) => {}
    }
    detach::where_large(py, size, || opening.finish()).or_raise(py)
}

/// Asks one provider after the other, until one has the record that is wanted.
fn ask(opening: &mut Opening, wanted: CoreIdentifier, providers: &Bound<'_, PyTuple>) -> PyResult<()> {
    let py = providers.py();
    let mut identifier = None;
    for provider in providers {
        let identifier = match &identifier {
            Some(identifier) => identifier,
            None => identifier.insert(Bound::new(py, FileIdentifier::from(wanted.clone()))?),
        };
        let given = provider.call_method1(intern!(py, ATLAS), (identifier,))?;
        let Some(supply) = supply(&provider, &given, ATLAS)? else { continue };
        // Letting the interpreter go, and waiting for it again, would take longer than a look into a table.
        if matches!(&supply, Supply::Bytes(bytes) if opening.offer_known(bytes)) {
            break;
        }
        match py.detach(|| opening.try_offer(&supply)) {
            Ok(true) => break,
            Ok(false) => {}
            Err(error) => {
                let what = format!("the atlas that provider {} gave", provider.repr()?.to_string_lossy());
                let passed = opening.pass_over(&what, error).or_raise(py);
                passed.map_err(|error| named(py, error, "atlas", &provider))?;
            }
        }
    }
    Ok(())
}

/// What `method` of a provider gave; `None` where it has nothing.
///
/// # Errors
/// `TypeError` for what is neither bytes nor a path.
pub fn supply(provider: &Bound<'_, PyAny>, given: &Bound<'_, PyAny>, method: &str) -> PyResult<Option<Supply>> {
    if given.is_none() {
        return Ok(None);
    }
    if given.is_instance_of::<PyString>() || given.hasattr(intern!(given.py(), "__fspath__"))? {
        return Ok(Some(Supply::File(given.extract::<LocalPath>()?.0)));
    }
    match buffers::bytes(given) {
        Ok(bytes) => Ok(Some(Supply::Bytes(bytes))),
        Err(error) if error.is_instance_of::<PyTypeError>(given.py()) => {
            let found = given.get_type().name()?;
            let provider = provider.repr()?;
            Err(PyTypeError::new_err(format!(
                "provider {} returned {found}: {method}() must return bytes, a path or None",
                provider.to_string_lossy()
            )))
        }
        Err(error) => Err(error),
    }
}

/// Notes in an exception whose `file` it is about.
#[cold]
pub fn named(py: Python<'_>, error: PyErr, file: &str, provider: &Bound<'_, PyAny>) -> PyErr {
    let note = || {
        let note = format!("in the {file} that provider {} gave", provider.repr()?.to_string_lossy());
        error.value(py).call_method1(intern!(py, "add_note"), (note,))
    };
    // Where even that fails, the exception itself is what matters.
    drop(note());
    error
}

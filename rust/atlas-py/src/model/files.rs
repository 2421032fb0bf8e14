//! Where the files come from that a snapshot names: asked for when their bytes are, and kept.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use atlas_core::bytes::Mode;
use atlas_core::cache::Supply;
use atlas_core::identifier::{FileIdentifier as Identifier, FilePath};
use atlas_core::memory::{CacheMemory, ImageFile, SourceFile};
use atlas_core::{Error, ErrorKind, Result as CoreResult};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::opening;
use crate::errors::{self, OrRaise};
use crate::options::FileIdentifier;

/// The providers of a snapshot; `None` for this machine's own files.
pub struct Files {
    providers: Option<Py<PyTuple>>,
    mode: Mode,
    /// What helps where a file is missing.
    hint: Option<&'static str>,
}

/// A core holds memory, and users expect to read that.
const OF_CORE: &str =
    "bytes of images come from their files, not from the memory in the core; a provider can give the files";

impl Files {
    /// For a snapshot that was opened with `providers` and `mode`.
    ///
    /// # Errors
    /// `TypeError` where `providers` cannot be walked.
    pub fn new(providers: Option<&Bound<'_, PyAny>>, mode: Mode) -> PyResult<Arc<Self>> {
        let tuple = |providers: &Bound<'_, PyAny>| {
            let all = providers.try_iter()?.collect::<PyResult<Vec<_>>>()?;
            PyResult::Ok(PyTuple::new(providers.py(), all)?.unbind())
        };
        Ok(Arc::new(Self { providers: providers.map(tuple).transpose()?, mode, hint: None }))
    }

    /// As [`Self::new`], for the snapshot of a core file.
    ///
    /// # Errors
    /// As there.
    pub fn of_core(providers: Option<&Bound<'_, PyAny>>, mode: Mode) -> PyResult<Arc<Self>> {
        let mut files = Self::new(providers, mode)?;
        if let Some(files) = Arc::get_mut(&mut files) {
            files.hint = Some(OF_CORE);
        }
        Ok(files)
    }

    #[cold]
    fn missing(&self, py: Python<'_>, wanted: &Identifier) -> PyErr {
        let error = Error::new(ErrorKind::MissingData(wanted.clone()));
        errors::exception(py, &self.hint.into_iter().fold(error, Error::with_hint))
    }

    /// The providers; `None` for this machine's own files.
    pub fn providers<'a, 'py>(&'a self, py: Python<'py>) -> Option<&'a Bound<'py, PyTuple>> {
        self.providers.as_ref().map(|providers| providers.bind(py))
    }

    /// The Mach-O file of an image.
    ///
    /// # Errors
    /// `MissingDataError` where nobody has it; what a provider raises, and what is wrong with a file that one gave.
    pub fn image(&self, py: Python<'_>, wanted: &Identifier) -> PyResult<Arc<ImageFile>> {
        // Without a UUID nobody can tell whether a file is the one.
        let Some(uuid) = wanted.uuid else { return Err(self.missing(py, wanted)) };
        let mode = self.mode;
        let found = self.find(py, wanted, |_, supply| {
            let path = path_of(wanted);
            let opened = py.detach(|| match supply {
                Supply::File(path) => ImageFile::open(&path, uuid, mode),
                Supply::Bytes(bytes) => ImageFile::from_bytes(path, bytes, uuid),
            });
            accepted(opened).map(|file| file.map(Arc::new)).or_raise(py)
        });
        found?.ok_or_else(|| self.missing(py, wanted))
    }

    /// The files of a cache.
    ///
    /// # Errors
    /// As [`Self::image`].
    pub fn cache(&self, py: Python<'_>, wanted: &Identifier) -> PyResult<Arc<CacheMemory>> {
        self.find_cache(py, wanted)?.ok_or_else(|| self.missing(py, wanted))
    }

    /// The same; `None` where nobody has them.
    ///
    /// # Errors
    /// As [`Self::image`].
    pub fn find_cache(&self, py: Python<'_>, wanted: &Identifier) -> PyResult<Option<Arc<CacheMemory>>> {
        let mode = self.mode;
        let memory = |provider: Option<&Bound<'_, PyAny>>, supply| match (supply, provider) {
            (Supply::File(path), _) => accepted(py.detach(|| CacheMemory::open(&path, mode))).or_raise(py),
            (Supply::Bytes(bytes), Some(provider)) => {
                let main = path_of(wanted);
                let first = Arc::new(SourceFile::from_bytes(main.clone(), bytes));
                beside(provider, &main, first, mode).map(Some)
            }
            (Supply::Bytes(_), None) => Ok(None),
        };
        self.find(py, wanted, |provider, supply| {
            Ok(memory(provider, supply)?.filter(|memory| memory.group().main().uuid == wanted.uuid))
        })
    }

    /// Asks for a file until `accept` takes one.
    fn find<T>(
        &self,
        py: Python<'_>,
        wanted: &Identifier,
        accept: impl Fn(Option<&Bound<'_, PyAny>>, Supply) -> PyResult<Option<T>>,
    ) -> PyResult<Option<T>> {
        let Some(providers) = self.providers(py) else {
            // Nobody asked for this very file: whatever is wrong with it, it is not the one.
            let path = wanted.path.as_ref().and_then(FilePath::as_str).filter(|path| opening::names_a_local_file(path));
            return Ok(path.and_then(|path| accept(None, Supply::File(path.into())).ok().flatten()));
        };
        let identifier = Bound::new(py, FileIdentifier::from(wanted.clone()))?;
        for provider in providers {
            let given = provider.call_method1(intern!(py, "file"), (&identifier,))?;
            let Some(supply) = opening::supply(&provider, &given, "file")? else { continue };
            let accepted = accept(Some(&provider), supply);
            if let Some(found) = accepted.map_err(|error| opening::named(py, error, "file", &provider))? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// What a file is called whose bytes somebody gave.
fn path_of(wanted: &Identifier) -> PathBuf {
    wanted.path.as_ref().map_or_else(PathBuf::new, |path| PathBuf::from(path.to_string_lossy().into_owned()))
}

/// `None` for a file that is another one than was wanted.
fn accepted<T>(opened: CoreResult<T>) -> CoreResult<Option<T>> {
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if matches!(error.kind(), ErrorKind::MissingData(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A cache whose main file a provider gave as bytes; it is asked for the others by their paths.
fn beside(provider: &Bound<'_, PyAny>, main: &Path, first: Arc<SourceFile>, mode: Mode) -> PyResult<Arc<CacheMemory>> {
    let py = provider.py();
    let raised: Mutex<Option<PyErr>> = Mutex::new(None);
    let give = |path: &Path| -> PyResult<CoreResult<Arc<SourceFile>>> {
        let path_text = Some(path.as_os_str().as_encoded_bytes().to_owned().into());
        let identifier = FileIdentifier::from(Identifier { uuid: None, path: path_text });
        let given = provider.call_method1(intern!(py, "file"), (identifier,))?;
        Ok(match opening::supply(provider, &given, "file")? {
            Some(Supply::File(path)) => SourceFile::open(&path, mode),
            Some(Supply::Bytes(bytes)) => Ok(Arc::new(SourceFile::from_bytes(path.to_owned(), bytes))),
            None => Err(Error::io(path, std::io::ErrorKind::NotFound.into())),
        })
    };
    let memory = CacheMemory::open_with(main, mode, &mut |path| {
        if path == main {
            return Ok(Arc::clone(&first));
        }
        give(path).unwrap_or_else(|error| {
            raised.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            Err(Error::io(path, std::io::ErrorKind::NotFound.into()))
        })
    });
    match raised.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => memory.or_raise(py),
    }
}

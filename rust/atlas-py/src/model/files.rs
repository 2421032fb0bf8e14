//! Where the files come from that a snapshot names: asked for when their bytes are, and kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use atlas_core::bytes::Mode;
use atlas_core::cache::{CacheFile, Supply};
use atlas_core::identifier::{FileIdentifier as Identifier, FilePath};
use atlas_core::memory::{CacheMemory, ImageFile, SourceFile};
use atlas_core::{Error, ErrorKind, Result as CoreResult};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::{discovery, opening};
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

    /// The files of a cache. What was broken of what providers gave is passed over, with a RuntimeWarning, where
    /// another has them.
    ///
    /// # Errors
    /// As [`Self::image`].
    pub fn cache(&self, py: Python<'_>, wanted: &Identifier) -> PyResult<Arc<CacheMemory>> {
        let Search { found, faults } = self.find_cache(py, wanted)?;
        let Some(found) = found else {
            return Err(faults
                .into_iter()
                .next()
                .map_or_else(|| self.missing(py, wanted), |fault| fault.into_exception(py)));
        };
        for fault in faults {
            discovery::warn(py, &fault.error.to_string())?;
        }
        Ok(found)
    }

    /// The same, whatever is wrong with what was given.
    ///
    /// # Errors
    /// What a provider raises; `OSError` for a path that it gave and that cannot be opened.
    pub fn find_cache(&self, py: Python<'_>, wanted: &Identifier) -> PyResult<Search> {
        let mut search = Search::default();
        let main = wanted.path.clone().unwrap_or_default();
        let path = path_of(wanted);
        let mode = self.mode;
        if self.providers.is_none() {
            let is_wanted = |memory: &Arc<CacheMemory>| memory.group().main().uuid == wanted.uuid;
            let opened = |path: &str| py.detach(|| CacheMemory::open(Path::new(path), mode)).ok().filter(is_wanted);
            // Nobody asked for this very file: whatever is wrong with it, it is not the one. What is no text names none
            // on Darwin.
            search.found = main.as_str().filter(|path| opening::names_a_local_file(path)).and_then(opened);
            return Ok(search);
        }
        search.found = self.find(py, wanted, |provider, supply| {
            let Some(provider) = provider else { return Ok(None) };
            let first = source(py, supply, &path, mode).or_raise(py)?;
            let opened = match py.detach(|| CacheFile::parse(first.bytes().clone())) {
                // Another cache's, or another file of this one.
                Ok(file) if file.header().uuid != wanted.uuid => return Ok(None),
                Ok(_) => self.with_others(py, &main, &first)?,
                Err(error) => Err(error.in_entry(&first.path().file_name().unwrap_or_default().to_string_lossy())),
            };
            match opened {
                Ok(memory) => Ok(Some(memory)),
                Err(error) if matches!(error.kind(), ErrorKind::Io { .. }) => Err(error).or_raise(py),
                Err(error) => {
                    search.faults.push(Fault { error, provider: provider.clone().unbind() });
                    Ok(None)
                }
            }
        })?;
        Ok(search)
    }

    /// A cache whose main file is `first`, and is called `main` where the process ran. Its other files are looked for
    /// beside that, where it is a file, and then asked for, each by its UUID and the path that it has beside `main`.
    fn with_others(
        &self,
        py: Python<'_>,
        main: &FilePath,
        first: &Arc<SourceFile>,
    ) -> PyResult<CoreResult<Arc<CacheMemory>>> {
        let mode = self.mode;
        let mut raised: Option<PyErr> = None;
        let memory = CacheMemory::open_with(first.path(), mode, &mut |wanted| {
            let absent = || Error::io(wanted.path, std::io::ErrorKind::NotFound.into());
            let Some(uuid) = wanted.uuid else { return Ok(Arc::clone(first)) };
            if raised.is_some() {
                return Err(absent());
            }
            let is_file = first.identity().is_some();
            let beside =
                is_file.then(|| wanted.stays().and_then(|()| py.detach(|| SourceFile::open(wanted.path, mode))));
            if let Some(Ok(file)) = &beside
                && wanted.is(file.bytes())
            {
                return Ok(Arc::clone(file));
            }
            let identifier = Identifier { uuid: Some(uuid), path: Some(wanted.beside(main)) };
            let given = self.find(py, &identifier, |_, supply| {
                let file = source(py, supply, wanted.path, mode).or_raise(py)?;
                Ok(wanted.is(file.bytes()).then_some(file))
            });
            match given {
                Ok(Some(file)) => Ok(file),
                // Whatever lies there says best what is wrong.
                Ok(None) => beside.unwrap_or_else(|| Err(absent())),
                Err(error) => {
                    raised = Some(error);
                    Err(absent())
                }
            }
        });
        raised.map_or(Ok(memory), Err)
    }

    /// Asks for a file until `accept` takes one.
    fn find<T>(
        &self,
        py: Python<'_>,
        wanted: &Identifier,
        mut accept: impl FnMut(Option<&Bound<'_, PyAny>>, Supply) -> PyResult<Option<T>>,
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

/// What a provider gave for the file that ought to be at `path`.
fn source(py: Python<'_>, supply: Supply, path: &Path, mode: Mode) -> CoreResult<Arc<SourceFile>> {
    match supply {
        Supply::File(path) => py.detach(|| SourceFile::open(&path, mode)),
        Supply::Bytes(bytes) => Ok(Arc::new(SourceFile::from_bytes(path.to_owned(), bytes))),
    }
}

/// What came of asking for a cache.
#[derive(Default)]
pub struct Search {
    /// The cache, if somebody has it.
    pub found: Option<Arc<CacheMemory>>,
    /// What else was given for it.
    pub faults: Vec<Fault>,
}

/// A file that has the UUID that was asked for, or none that could be read, and is no main file of a cache.
pub struct Fault {
    /// What is wrong.
    pub error: Error,
    /// Who gave it.
    pub provider: Py<PyAny>,
}

impl Fault {
    /// As an exception that names the provider.
    pub fn into_exception(self, py: Python<'_>) -> PyErr {
        opening::named(py, errors::exception(py, &self.error), "file", self.provider.bind(py))
    }
}

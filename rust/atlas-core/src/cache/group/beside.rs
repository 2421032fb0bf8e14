//! Finds the files that a main file names, in its folder and nowhere else.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::ErrorKind::NotFound;
use std::path::{Component, Path, PathBuf};

use uuid::Uuid;

use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind, Result};

use super::super::file::CacheFile;

/// Beside the cache for customers lies the one for development, whose name has this more; both name their subcaches alike.
pub(crate) const DEVELOPMENT: &str = ".development";

/// A file that a group asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Where it ought to be: beside the main file, or that itself as it was given.
    pub path: &'a Path,
    /// The UUID that its header has to have, nil where that has none; `None` for the main file.
    pub uuid: Option<Uuid>,
    /// Whether what is at `path` is a link to elsewhere, which must not be followed: names come from the header.
    pub leaves: bool,
    /// What its name has beyond the main file's.
    suffix: &'a str,
    /// The name is the main file's, with all that it has, and the suffix.
    of_whole_name: bool,
}

impl<'a> Wanted<'a> {
    /// The main file at `path`.
    pub(super) const fn main(path: &'a Path) -> Self {
        Self { path, uuid: None, leaves: false, suffix: "", of_whole_name: true }
    }

    /// Where the file is on a machine that has the main file at `main`.
    #[must_use]
    pub fn beside(&self, main: &str) -> String {
        let base = if self.of_whole_name { main } else { main.strip_suffix(DEVELOPMENT).unwrap_or(main) };
        format!("{base}{}", self.suffix)
    }

    /// Whether `bytes` are a cache file with the UUID.
    #[must_use]
    pub fn is(&self, bytes: &Bytes) -> bool {
        let found = || CacheFile::parse(bytes.clone()).ok().map(|file| file.header().uuid.unwrap_or_default());
        self.uuid.is_none_or(|uuid| found() == Some(uuid))
    }

    /// Refuses a link to elsewhere.
    ///
    /// # Errors
    /// [`ErrorKind::Cache`]
    pub fn stays(&self) -> Result<()> {
        if self.leaves {
            return Err(Error::cache(
                "a file in the folder of the cache",
                "a link that leaves the folder of the cache",
            ));
        }
        Ok(())
    }
}

/// How a group opens a file: where it truly is, and its bytes.
pub(super) type Open<'a> = dyn FnMut(&Wanted<'_>) -> Result<(PathBuf, Bytes)> + 'a;

/// What became of a file that the header names.
pub(super) enum Found {
    /// It is there, and its UUID is right.
    File {
        /// Its file name.
        name: String,
        /// Where it was opened.
        path: PathBuf,
        /// The file.
        file: CacheFile,
    },
    /// It is not there, or is not what the header means; the reason is none where it is simply absent.
    Missing {
        /// Its file name.
        name: String,
        /// Why it does not count.
        reason: Option<String>,
    },
    /// The header names what cannot be a file of its own.
    Ignored {
        /// Why.
        reason: String,
    },
}

/// The folder of a main file.
pub(super) struct Beside {
    folder: PathBuf,
    /// The main file's name, as given.
    leaf: OsString,
    /// Where files may truly lie: in the folder that was given, and in that of the main file, where it was given by a link.
    real_folders: Vec<PathBuf>,
    named: BTreeSet<String>,
}

impl Beside {
    pub(super) fn of(main: &Path) -> Self {
        let folder = main.parent().unwrap_or_else(|| Path::new("")).to_owned();
        let known = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
        let target = main.canonicalize().ok().and_then(|real| real.parent().map(Path::to_owned));
        let real_folders = known.canonicalize().ok().into_iter().chain(target).collect();
        Self { folder, leaf: main.file_name().unwrap_or_default().to_owned(), real_folders, named: BTreeSet::new() }
    }

    /// The main file's name.
    pub(super) fn main_name(&self) -> String {
        self.leaf.to_string_lossy().into_owned()
    }

    /// The file whose name is the main file's and `suffix`, if its UUID is `uuid`.
    pub(super) fn find(&mut self, suffix: &str, numbered: bool, uuid: Uuid, open: &mut Open<'_>) -> Found {
        let main = self.main_name();
        let base = main.strip_suffix(DEVELOPMENT).unwrap_or(&main);
        let name = format!("{base}{suffix}");
        if suffix.is_empty() || name == main || !self.named.insert(suffix.to_owned()) {
            return Found::Ignored { reason: format!("{name:?}: the header names this file twice") };
        }
        if !is_single_component(&name) {
            let reason = Some("the name leaves the folder of the cache".to_owned());
            return Found::Missing { name: name.escape_debug().to_string(), reason };
        }
        let found = self.load(name, (suffix, false), uuid, open);
        // macOS 12 and iOS 15 had no caches that share files, and numbered the files of each by its own full name.
        if numbered && base.len() < main.len() && !matches!(found, Found::File { .. }) {
            let other = self.load(format!("{main}{suffix}"), (suffix, true), uuid, open);
            if matches!(other, Found::File { .. }) {
                return other;
            }
        }
        found
    }

    fn load(&self, name: String, (suffix, of_whole_name): (&str, bool), uuid: Uuid, open: &mut Open<'_>) -> Found {
        let path = self.folder.join(&name);
        let wanted = Wanted { path: &path, uuid: Some(uuid), leaves: !self.holds(&path), suffix, of_whole_name };
        let (path, file) = match open(&wanted).and_then(|(path, bytes)| Ok((path, CacheFile::parse(bytes)?))) {
            Ok(opened) => opened,
            Err(error) => {
                let absent = matches!(error.kind(), ErrorKind::Io { source, .. } if source.kind() == NotFound);
                return Found::Missing { name, reason: (!absent).then(|| error.to_string()) };
            }
        };
        match file.header().uuid {
            // A builder that writes none writes none on both sides.
            found if found.unwrap_or_default() == uuid => Found::File { name, path, file },
            found => {
                let found = found.map_or_else(|| "none".to_owned(), |uuid| format!("{:X}", uuid.as_hyphenated()));
                let reason = format!("its UUID is {found}, while the cache names {:X}", uuid.as_hyphenated());
                Found::Missing { name, reason: Some(reason) }
            }
        }
    }

    /// Whether a file at `path` truly lies in the folder. What is not there leaves nothing: opening it says so.
    fn holds(&self, path: &Path) -> bool {
        let Ok(real) = path.canonicalize() else { return true };
        self.real_folders.iter().any(|folder| real.parent() == Some(folder))
    }
}

/// Whether `name` is one name in a folder, on this system and on others.
fn is_single_component(name: &str) -> bool {
    let mut components = Path::new(name).components();
    !name.contains(['/', '\\', '\0'])
        && matches!(components.next(), Some(Component::Normal(only)) if only == name)
        && components.next().is_none()
}

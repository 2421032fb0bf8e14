//! Finds the files that a main file names, in its folder and nowhere else; where it is a link, also in that of the file
//! it leads to.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind::NotFound;
use std::path::{Component, Path, PathBuf};

use uuid::Uuid;

use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind, Result};
use crate::identifier::FilePath;

use super::super::file::CacheFile;

/// Beside the cache for customers lies the one for development, whose name has this more; both name their subcaches
/// alike.
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
    pub fn beside(&self, main: &FilePath) -> FilePath {
        let main = main.as_bytes();
        let base = if self.of_whole_name { main } else { main.strip_suffix(DEVELOPMENT.as_bytes()).unwrap_or(main) };
        [base, self.suffix.as_bytes()].concat().into()
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
        /// Its file name, for people.
        name: String,
        /// The same as the system has it.
        file_name: OsString,
        /// Why it does not count.
        reason: Option<String>,
    },
    /// The header names what cannot be a file of its own.
    Ignored {
        /// Why.
        reason: String,
    },
}

/// Where other files may lie, and what their names begin with.
struct Home {
    folder: PathBuf,
    /// The main file's name there.
    leaf: OsString,
}

impl Home {
    fn of(main: &Path) -> Self {
        let folder = main.parent().unwrap_or_else(|| Path::new("")).to_owned();
        Self { folder, leaf: main.file_name().unwrap_or_default().to_owned() }
    }

    /// The main file's name without what that for development has more.
    fn base(&self) -> &OsStr {
        customer_name(&self.leaf).unwrap_or(&self.leaf)
    }
}

/// The name of the main file for customers beside that for development called `leaf`; `None` where that is none.
pub(crate) fn customer_name(leaf: &OsStr) -> Option<&OsStr> {
    // What `file_stem` cuts off begins with the last dot, which this does.
    let is_of_development = leaf.as_encoded_bytes().ends_with(DEVELOPMENT.as_bytes());
    Path::new(leaf).file_stem().filter(|stem| is_of_development && *stem != leaf)
}

fn joined(start: &OsStr, end: &str) -> OsString {
    let mut name = start.to_owned();
    name.push(end);
    name
}

/// The folder of a main file, and that of the file that it is a link to.
pub(super) struct Beside {
    home: Home,
    /// Where the main file truly lies, where that is another folder or name.
    target: Option<Home>,
    /// Where files may truly lie: in the folder that was given, and in that of the main file, where it was given by a
    /// link.
    real_folders: Vec<PathBuf>,
    named: BTreeSet<String>,
}

impl Beside {
    pub(super) fn of(main: &Path) -> Self {
        let home = Home::of(main);
        let known = if home.folder.as_os_str().is_empty() { Path::new(".") } else { &home.folder };
        let folder = known.canonicalize().ok();
        let target = main.canonicalize().ok().map(|real| Home::of(&real));
        let real_folders = folder.iter().chain(target.iter().map(|target| &target.folder)).cloned().collect();
        let target = target.filter(|target| Some(&target.folder) != folder.as_ref() || target.leaf != home.leaf);
        Self { home, target, real_folders, named: BTreeSet::new() }
    }

    /// The main file's name, for people.
    pub(super) fn main_name(&self) -> String {
        self.home.leaf.to_string_lossy().into_owned()
    }

    /// The file whose name is the main file's and `suffix`, if its UUID is `uuid`.
    pub(super) fn find(&mut self, suffix: &str, numbered: bool, uuid: Uuid, open: &mut Open<'_>) -> Found {
        let name = joined(self.home.base(), suffix);
        let shown = name.to_string_lossy().into_owned();
        if suffix.is_empty() || name == self.home.leaf || !self.named.insert(suffix.to_owned()) {
            return Found::Ignored { reason: format!("{shown:?}: the header names this file twice") };
        }
        if !is_single_component(&name, suffix) {
            let reason = Some("the name leaves the folder of the cache".to_owned());
            let name = shown.escape_debug().to_string();
            return Found::Missing { file_name: name.clone().into(), name, reason };
        }
        let mut missing = None;
        for home in std::iter::once(&self.home).chain(&self.target) {
            // macOS 12 and iOS 15 had no caches that share files, and numbered the files of each by its own full name.
            let has_other = numbered && home.base() != home.leaf;
            for of_whole_name in [false].into_iter().chain(has_other.then_some(true)) {
                match self.load(home, (suffix, of_whole_name), uuid, open) {
                    found @ Found::File { .. } => return found,
                    // Where it ought to be is what is said.
                    other => missing = missing.or(Some(other)),
                }
            }
        }
        missing.unwrap_or(Found::Ignored { reason: shown })
    }

    fn load(&self, home: &Home, (suffix, of_whole_name): (&str, bool), uuid: Uuid, open: &mut Open<'_>) -> Found {
        let name = joined(if of_whole_name { &home.leaf } else { home.base() }, suffix);
        let path = home.folder.join(&name);
        let (file_name, name) = (name.clone(), name.to_string_lossy().into_owned());
        let wanted = Wanted { path: &path, uuid: Some(uuid), leaves: !self.holds(&path), suffix, of_whole_name };
        let (path, file) = match open(&wanted).and_then(|(path, bytes)| Ok((path, CacheFile::parse(bytes)?))) {
            Ok(opened) => opened,
            Err(error) => {
                let absent = matches!(error.kind(), ErrorKind::Io { source, .. } if source.kind() == NotFound);
                return Found::Missing { name, file_name, reason: (!absent).then(|| error.to_string()) };
            }
        };
        match file.header().uuid {
            // A builder that writes none writes none on both sides.
            found if found.unwrap_or_default() == uuid => Found::File { name, path, file },
            found => {
                let found = found.map_or_else(|| "none".to_owned(), |uuid| format!("{:X}", uuid.as_hyphenated()));
                let reason = format!("its UUID is {found}, while the cache names {:X}", uuid.as_hyphenated());
                Found::Missing { name, file_name, reason: Some(reason) }
            }
        }
    }

    /// Whether a file at `path` truly lies in the folder. What is not there leaves nothing: opening it says so.
    fn holds(&self, path: &Path) -> bool {
        let Ok(real) = path.canonicalize() else { return true };
        self.real_folders.iter().any(|folder| real.parent() == Some(folder))
    }
}

/// Whether `name`, which ends in `suffix`, is one name in a folder, on this system and on others.
fn is_single_component(name: &OsStr, suffix: &str) -> bool {
    let mut components = Path::new(name).components();
    !suffix.contains(['/', '\\', '\0'])
        && matches!(components.next(), Some(Component::Normal(only)) if only == name)
        && components.next().is_none()
}

//! Owns all files of one shared cache, found from the main file alone, and which of their bytes lie at an address.
//!
//! * [`CacheGroup`]: the main file, the subcaches that are there, the file of local symbols, and what is missing
//! * [`Place`]: where an address lies
//!
//! Names come from the header, never from a search; they are parts of the main file's folder, or where that is a link,
//! of the folder that it leads to, and never leave it. A file counts only if its UUID is the one that the main file
//! names. What is missing is named and costs its bytes, nothing else.
//!
//! Must not slide anything, or read more than headers and tables while opening.
#![forbid(unsafe_code)]

mod beside;
mod map;
mod role;
#[cfg(test)]
pub(in crate::cache) mod tests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use uuid::Uuid;

use crate::bytes::Bytes;
use crate::error::Result;
use crate::macho;

use super::file::CacheFile;
pub use beside::Wanted;
use beside::{Beside, Found, Open};
pub(crate) use beside::{DEVELOPMENT, customer_name};
use map::AddressMap;
pub use map::Place;
pub(in crate::cache) use role::check_main;

/// One file of a cache.
#[derive(Clone, Debug)]
pub struct GroupFile {
    /// Its file name, for people: with U+FFFD for what is no text.
    pub name: String,
    /// Where it was opened.
    pub path: PathBuf,
    /// The UUID in its header; none before dyld-239.3.
    pub uuid: Option<Uuid>,
    /// Bytes from the base of the cache to the base of this file, as the main file says.
    pub vm_offset: u64,
    /// The file.
    pub file: CacheFile,
}

/// The files of one cache.
#[derive(Clone, Debug)]
pub struct CacheGroup {
    /// The main file, then the subcaches.
    files: Vec<GroupFile>,
    symbols: Option<GroupFile>,
    missing: Vec<String>,
    missing_file_names: Vec<OsString>,
    warnings: Vec<String>,
    map: AddressMap,
    pointer_size: OnceLock<u8>,
}

impl CacheGroup {
    /// Opens the cache whose main file is at `path`, and with it the files that it names in the same folder. `open`
    /// makes a path into bytes.
    ///
    /// # Errors
    /// What `open` says of the main file, and [`crate::ErrorKind::Cache`] where that is none. Nothing that is wrong
    /// with the other files is an error: see [`CacheGroup::missing`] and [`CacheGroup::warnings`].
    pub fn open(path: &Path, open: &mut dyn FnMut(&Path) -> Result<Bytes>) -> Result<Self> {
        Self::open_with(path, &mut |wanted| {
            wanted.stays()?;
            Ok((wanted.path.to_owned(), open(wanted.path)?))
        })
    }

    /// The same with files that `open` finds, wherever they are: it says where.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(path: &Path, open: &mut Open<'_>) -> Result<Self> {
        let mut beside = Beside::of(path);
        let name = beside.main_name();
        let (path, bytes) = open(&Wanted::main(path))?;
        let file = CacheFile::parse(bytes).map_err(|error| error.in_entry(&name))?;
        role::check_main(&file, &name).map_err(|error| error.in_entry(&name))?;
        let header = file.header().clone();
        let numbered = header.can_be_split() && !header.has_suffixes();
        let main = GroupFile { name, path, uuid: header.uuid, vm_offset: 0, file: file.clone() };
        let (mut files, mut missing, mut warnings) = (vec![main], Vec::new(), Vec::new());
        let mut missing_file_names = Vec::new();
        let mut load = |suffix: &str, uuid, vm_offset| match beside.find(suffix, numbered, uuid, open) {
            Found::File { name, path, file } => {
                if file.header().uuid.is_none() {
                    warnings.push(format!("{name}: has no UUID, and the cache names none: it may be of another cache"));
                }
                Some(GroupFile { name, path, uuid: file.header().uuid, vm_offset, file })
            }
            Found::Missing { name, file_name, reason } => {
                warnings.extend(reason.map(|reason| format!("{name}: {reason}")));
                missing.push(name);
                missing_file_names.push(file_name);
                None
            }
            Found::Ignored { reason } => {
                warnings.push(reason);
                None
            }
        };
        for entry in file.subcache_entries() {
            files.extend(load(&entry.suffix, entry.uuid, entry.vm_offset));
        }
        let symbols = header.symbol_file_uuid.and_then(|uuid| load(".symbols", uuid, 0));
        describe(&files, &mut warnings);
        // `.symbols` has mappings too, by habit at address 0: they are no memory of the cache.
        let map = AddressMap::of(&files, &mut warnings);
        Ok(Self { files, symbols, missing, missing_file_names, warnings, map, pointer_size: OnceLock::new() })
    }

    /// The main file.
    #[must_use]
    #[allow(clippy::indexing_slicing, reason = "the main file is put first on opening, and nothing removes it")]
    pub fn main(&self) -> &GroupFile {
        &self.files[0]
    }

    /// The main file, then the subcaches that are there, in the order of its header.
    #[must_use]
    pub fn files(&self) -> &[GroupFile] {
        &self.files
    }

    /// The file of local symbols, where the cache names one and it is there.
    #[must_use]
    pub fn symbols(&self) -> Option<&GroupFile> {
        self.symbols.as_ref()
    }

    /// Names of files that the main file names and that are not there, or are other files than it means.
    #[must_use]
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// The same names as the system has them.
    #[must_use]
    pub fn missing_file_names(&self) -> &[OsString] {
        &self.missing_file_names
    }

    /// What is odd about the files, in words.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Where the unslid `address` lies.
    #[must_use]
    pub fn at(&self, address: u64) -> Option<Place> {
        self.map.at(address)
    }

    /// How many bytes are mapped from the unslid `address` on without a gap, by however many mappings.
    #[must_use]
    pub fn mapped_from(&self, address: u64) -> u64 {
        self.map.mapped_from(address)
    }

    /// The `size` bytes at the unslid `address`; `None` where they are not all in one mapping and its file.
    #[must_use]
    pub fn slice(&self, address: u64, size: u64) -> Option<Bytes> {
        let place = self.at(address).filter(|place| place.left >= size)?;
        let start = usize::try_from(place.file_offset).ok()?;
        let end = start.checked_add(usize::try_from(size).ok()?)?;
        self.files.get(place.file)?.file.bytes().slice(start..end)
    }

    /// The bytes from the unslid `address` to the end of its mapping.
    #[must_use]
    pub fn bytes_from(&self, address: u64) -> Option<&[u8]> {
        let place = self.at(address)?;
        let start = usize::try_from(place.file_offset).ok()?;
        let end = start.checked_add(usize::try_from(place.left).ok()?)?;
        self.files.get(place.file)?.file.bytes().get(start..end)
    }

    /// Bytes of a pointer: as the first image says whose header can be read, else as the header of the cache or its
    /// magic says. What the first call found stays: who asks before a file can be cut short does not look at it
    /// afterwards.
    #[must_use]
    pub fn pointer_size(&self) -> u8 {
        *self.pointer_size.get_or_init(|| {
            let file = &self.main().file;
            let mut headers = file.images().filter_map(|image| self.bytes_from(image.address.0));
            match headers.find_map(macho::width_of) {
                Some((_, wide)) => {
                    if wide {
                        8
                    } else {
                        4
                    }
                }
                None => file.pointer_size(),
            }
        })
    }
}

/// Says what is odd about the files themselves and how they fit together.
fn describe(files: &[GroupFile], warnings: &mut Vec<String>) {
    let main = files.first().map(|main| &main.file);
    for GroupFile { name, vm_offset, file, .. } in files {
        warnings.extend(file.warnings().iter().map(|warning| format!("{name}: {warning}")));
        let Some(main) = main else { continue };
        let expected = main.base_address().0.wrapping_add(*vm_offset);
        if file.base_address().0 != expected {
            let base = file.base_address().0;
            warnings.push(format!("{name}: lies at {base:#x}, while the main file says {expected:#x}"));
        }
        if file.magic() != main.magic() {
            warnings.push(format!("{name}: is for {:?}, the main file for {:?}", file.magic(), main.magic()));
        }
    }
}

//! A shared cache: its record, where it lies, and its files where they are at hand.

use std::any::Any;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use uuid::Uuid;

use crate::address::{PreferredAddress, RebasedAddress, Slide};
use crate::cache::{CacheGroup, KnownCache};
use crate::identifier::FilePath;
use crate::memory::CacheMemory;
use crate::schema::{CacheReference, SubCacheRow};

/// What the file names of caches begin with, before the architecture.
const FILE_NAMES: [&str; 2] = ["dyld_shared_cache_", "dyld_sim_shared_cache_"];

/// A cache as a process has it, or as it was opened.
#[derive(Debug)]
pub struct SharedCache {
    known: Arc<KnownCache>,
    address: RebasedAddress,
    file_path: FilePath,
    mapped_private: bool,
    pointer_size: u64,
    aot_uuid: Option<Uuid>,
    aot_address: Option<RebasedAddress>,
    memory: OnceLock<Arc<CacheMemory>>,
    /// Whether it was opened, and is of no process.
    is_opened: bool,
    rows: OnceLock<Vec<SubCacheRow>>,
    positions: OnceLock<Vec<Option<usize>>>,
    /// What is said of the search for the record.
    opening_warnings: Vec<String>,
    warnings: OnceLock<Vec<String>>,
    companion: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl SharedCache {
    /// The cache that `reference` speaks of, with its record.
    pub(super) fn of_process(
        known: Arc<KnownCache>,
        memory: Option<Arc<CacheMemory>>,
        reference: &CacheReference,
        mapped_private: bool,
        pointer_size: u64,
    ) -> Self {
        Self {
            known,
            address: RebasedAddress(reference.address),
            file_path: reference.file_path.clone(),
            mapped_private,
            pointer_size,
            aot_uuid: reference.aot_uuid,
            aot_address: reference.aot_address.map(RebasedAddress),
            memory: memory.map_or_else(OnceLock::new, OnceLock::from),
            is_opened: false,
            rows: OnceLock::new(),
            positions: OnceLock::new(),
            opening_warnings: Vec::new(),
            warnings: OnceLock::new(),
            companion: OnceLock::new(),
        }
    }

    /// The cache whose main file is at `path`, moved by `slide`.
    pub(super) fn of_files(
        known: Arc<KnownCache>,
        memory: Arc<CacheMemory>,
        path: &Path,
        slide: Slide,
        opening_warnings: Vec<String>,
    ) -> Self {
        Self {
            address: PreferredAddress(known.preferred_load_address()) + slide,
            known,
            file_path: path.as_os_str().into(),
            mapped_private: false,
            pointer_size: memory.group().pointer_size().into(),
            aot_uuid: None,
            aot_address: None,
            memory: OnceLock::from(memory),
            is_opened: true,
            rows: OnceLock::new(),
            positions: OnceLock::new(),
            opening_warnings,
            warnings: OnceLock::new(),
            companion: OnceLock::new(),
        }
    }

    pub(super) const fn memory_cell(&self) -> &OnceLock<Arc<CacheMemory>> {
        &self.memory
    }

    pub(super) const fn rows_cell(&self) -> &OnceLock<Vec<SubCacheRow>> {
        &self.rows
    }

    pub(super) const fn positions_cell(&self) -> &OnceLock<Vec<Option<usize>>> {
        &self.positions
    }

    /// The files that it was opened from; `None` for the cache of a process.
    pub(super) fn opened(&self) -> Option<&CacheGroup> {
        self.memory.get().filter(|_| self.is_opened).map(|memory| memory.group())
    }

    /// The record, with what is kept of it.
    #[must_use]
    pub const fn known(&self) -> &Arc<KnownCache> {
        &self.known
    }

    /// UUID of the cache.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.known.uuid()
    }

    /// Where the cache lies in the process.
    #[must_use]
    pub const fn address(&self) -> RebasedAddress {
        self.address
    }

    /// Its unslid base address.
    #[must_use]
    pub fn preferred_load_address(&self) -> PreferredAddress {
        PreferredAddress(self.known.preferred_load_address())
    }

    /// How far the process moved it.
    #[must_use]
    pub fn slide(&self) -> Slide {
        self.address - self.preferred_load_address()
    }

    /// Bytes of address space.
    #[must_use]
    pub fn vm_size(&self) -> u64 {
        self.known.vm_size()
    }

    /// Bytes of a pointer, from the images or the flags of the snapshot: the record's own number is inverted in real
    /// atlases.
    #[must_use]
    pub const fn pointer_size(&self) -> u64 {
        self.pointer_size
    }

    /// Whether the process mapped the cache privately.
    #[must_use]
    pub const fn mapped_private(&self) -> bool {
        self.mapped_private
    }

    /// Path of the main file: as it was opened, or on the machine of the process.
    #[must_use]
    pub const fn file_path(&self) -> &FilePath {
        &self.file_path
    }

    /// What is odd: about the record and the search for it, and about the files where they are at hand.
    pub fn warnings(&self) -> &[String] {
        self.warnings.get_or_init(|| {
            let mut warnings = self.opening_warnings.clone();
            // No record says what is wrong with the files: it is kept for all that open the same ones.
            if let Some(memory) = self.memory.get() {
                warnings.extend_from_slice(memory.group().warnings());
            }
            warnings.extend(self.differences());
            warnings.extend_from_slice(self.known.warnings());
            warnings
        })
    }

    /// Architecture as the header says; without files, as the main file is named for it, and empty where the name
    /// follows no rule.
    #[must_use]
    pub fn architecture(&self) -> &str {
        if let Some(memory) = self.memory.get() {
            return memory.group().main().file.architecture();
        }
        let leaf = std::str::from_utf8(self.file_path.leaf()).unwrap_or_default();
        let name = FILE_NAMES.iter().find_map(|prefix| leaf.strip_prefix(prefix)).unwrap_or_default();
        name.split('.').next().unwrap_or_default()
    }

    /// UUID of the translated cache, under Rosetta.
    #[must_use]
    pub const fn aot_uuid(&self) -> Option<Uuid> {
        self.aot_uuid
    }

    /// Where the translated cache lies, under Rosetta.
    #[must_use]
    pub const fn aot_address(&self) -> Option<RebasedAddress> {
        self.aot_address
    }

    /// Something that a layer above wants to keep with the cache, such as the object that stands for it there. The
    /// first caller's type and value stay; it must not own this cache, or neither is ever freed.
    pub fn companion<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        if let Some(companion) = self.companion.get() {
            return companion.downcast_ref();
        }
        // Made before the cell is touched, as for the companion of a record.
        let _ = self.companion.set(Box::new(make()));
        self.companion.get()?.downcast_ref()
    }
}

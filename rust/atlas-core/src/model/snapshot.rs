//! A process at one moment: opened in two steps, because only the snapshot says which cache it needs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::archive::Archive;
use crate::bplist::Plist;
use crate::bytes::{Bytes, Mode};
use crate::cache::{self, KnownCache, RecordOrigin, Supply};
use crate::error::{Error, ErrorKind, Result};
use crate::identifier::FileIdentifier;
use crate::memory::CacheMemory;
use crate::schema::{Policy, ProcessRecord, Report};

use super::cache_opening::{self, is_io};
use super::image_set::ImageSet;
use super::shared_cache::SharedCache;

/// The archive entry that holds the record of the process.
const PROCESS: &str = "process.plist";

/// Pages of 4 KiB (else 16).
const PAGE_SIZE_4K: u64 = 1;
/// Pointers of 4 bytes (else 8).
const POINTER_SIZE_4: u64 = 2;
/// The process has a shared region of its own.
const PRIVATE_SHARED_REGION: u64 = 4;

/// How a snapshot is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Strict or lenient, and bounds.
    pub policy: Policy,
    /// How files become bytes.
    pub mode: Mode,
}

/// A snapshot whose own record is checked and whose cache is still to be found.
///
/// What is offered is taken where it is the one that is wanted. What a lenient opening makes of what is wrong with it:
///
/// | | takes | where it is broken |
/// |---|---|---|
/// | [`Self::offer_known`] | an atlas in memory that was read before | cannot be |
/// | [`Self::offer_cache_of`] | what another snapshot found | cannot be |
/// | [`Self::offer`] | an atlas | fails; noted if lenient |
/// | [`Self::try_offer`] | an atlas | fails, also if lenient; [`Self::pass_over`] then does what `offer` does |
/// | [`Self::offer_memory`] | a cache with its files | fails; noted if lenient |
/// | [`Self::refuse`] | nothing: the error of a file that the caller tried itself | fails; noted if lenient |
/// | [`Self::offer_installed`] | what lies on this machine | noted, since nobody asked for it |
/// | [`Self::finish`] | the record inside of the archive, where nothing else was found | fails; noted if lenient |
///
/// A breach of a limit fails where anything can. [`Self::note`] only adds words.
#[derive(Debug)]
pub struct Opening {
    archive: Archive,
    record: ProcessRecord,
    report: Report,
    options: Options,
    cache: Option<Arc<KnownCache>>,
    memory: Option<Arc<CacheMemory>>,
}

/// What a process had loaded at one moment.
#[derive(Debug)]
pub struct Snapshot {
    archive: Archive,
    record: ProcessRecord,
    images: Arc<ImageSet>,
    cache: Option<Arc<SharedCache>>,
    warnings: Vec<String>,
    options: Options,
}

impl Opening {
    /// Checks the archive and the record of the process.
    ///
    /// # Errors
    /// What is wrong, with archive entry, key path and offset.
    pub fn new(bytes: Bytes, options: Options) -> Result<Self> {
        Self::from_archive(Archive::from_bytes(bytes, &options.policy.limits)?, options)
    }

    /// As [`Self::new`], for an archive that was looked at before.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn from_archive(archive: Archive, options: Options) -> Result<Self> {
        let mut report = Report::new(options.policy.lenient, PROCESS);
        if let Err(error) = archive.verify() {
            report.fault(error)?;
        }
        let Some(entry) = archive.find(PROCESS) else {
            let found = match archive.entries().len() {
                0 => "an archive without entries".to_owned(),
                1 => "another entry".to_owned(),
                count => format!("{count} other entries"),
            };
            return Err(
                Error::archive(0, format!("an entry {PROCESS}"), found).with_hint("is it the atlas of a shared cache?")
            );
        };
        let plist = Plist::parse(entry.data()).map_err(|error| error.in_entry(PROCESS))?;
        let record =
            ProcessRecord::check(plist, options.policy, &mut report).map_err(|error| error.in_entry(PROCESS))?;
        Ok(Self { archive, record, report, options, cache: None, memory: None })
    }

    /// Adds a warning of whoever made the archive, such as what a core file lacks.
    pub fn note(&mut self, warning: &str) {
        self.report.note(warning);
    }

    /// Refuses a file that somebody gave for the cache; a lenient opening notes what is wrong with it.
    ///
    /// # Errors
    /// `error` itself.
    pub fn refuse(&mut self, error: Error) -> Result<()> {
        self.report.fault_elsewhere(error)
    }

    /// What names the cache whose record is still wanted; `None` where there is no cache, or its record was found.
    #[must_use]
    pub fn wanted(&self) -> Option<FileIdentifier> {
        let reference = self.record.cache.as_ref().filter(|_| self.cache.is_none())?;
        Some(FileIdentifier { uuid: Some(reference.uuid), path: Some(reference.file_path.clone()) })
    }

    /// Offers an atlas that a provider gave. Returns whether it has the record that is wanted.
    ///
    /// # Errors
    /// What is wrong with the atlas; a lenient opening notes it instead.
    pub fn offer(&mut self, supply: &Supply) -> Result<bool> {
        self.try_offer(supply).or_else(|error| self.pass_over("an atlas that was offered", error).map(|()| false))
    }

    /// As [`Self::offer`], for a caller who can say what the atlas is where [`Self::pass_over`] notes it.
    ///
    /// # Errors
    /// What is wrong with the atlas, however the snapshot is opened.
    pub fn try_offer(&mut self, supply: &Supply) -> Result<bool> {
        self.take(supply, RecordOrigin::Provider)
    }

    /// What a lenient opening does with an error of [`Self::try_offer`]: it notes it, and that it was in `what`.
    ///
    /// # Errors
    /// The error itself, where the opening is not lenient or a limit is exceeded.
    pub fn pass_over(&mut self, what: &str, error: Error) -> Result<()> {
        // The fault is the atlas's: its place is in there, not in the record of the process.
        self.report.fault_of(what, error)
    }

    /// As [`Self::offer`], for an atlas in memory that was offered before: whether its record is known. Nothing is
    /// decoded.
    pub fn offer_known(&mut self, bytes: &Bytes) -> bool {
        let Some(reference) = self.record.cache.as_ref().filter(|_| self.cache.is_none()) else { return false };
        self.cache = cache::known(bytes, reference.uuid, self.options.policy, RecordOrigin::Provider);
        self.cache.is_some()
    }

    /// Offers the memory of a cache. Returns whether it is the one that is wanted: without a record, its headers give
    /// one, and no other file is opened.
    ///
    /// # Errors
    /// What is wrong with its files; a lenient opening notes it instead.
    pub fn offer_memory(&mut self, memory: Arc<CacheMemory>) -> Result<bool> {
        self.take_memory(memory, true).or_else(|error| self.report.fault_elsewhere(error).map(|()| false))
    }

    /// Whether the archive of the snapshot holds a record of the cache.
    #[must_use]
    pub fn embeds_record(&self) -> bool {
        let reference = self.record.cache.as_ref();
        reference.is_some_and(|reference| self.archive.find(&cache::entry_path(reference.uuid)).is_some())
    }

    fn take_cache(&mut self, path: &Path) -> Result<bool> {
        if self.record.cache.is_none() || self.memory.is_some() {
            return Ok(false);
        }
        self.take_memory(CacheMemory::open(path, self.options.mode)?, false)
    }

    fn take_memory(&mut self, memory: Arc<CacheMemory>, scavenge: bool) -> Result<bool> {
        let Some(reference) = self.record.cache.as_ref().filter(|_| self.memory.is_none()) else { return Ok(false) };
        let path = memory.group().main().path.clone();
        if memory.group().main().uuid != Some(reference.uuid) {
            return Ok(false);
        }
        if self.cache.is_none() {
            let mut warnings = Vec::new();
            self.cache = Some(cache_opening::record(&memory, &path, scavenge, self.options.policy, &mut warnings)?);
            warnings.iter().for_each(|warning| self.report.note(warning));
        }
        self.memory = Some(memory);
        Ok(true)
    }

    /// Offers the record, and the open files, that another snapshot found, of the same process as a rule. Returns
    /// whether it is the one that is wanted. Nothing is read.
    pub fn offer_cache_of(&mut self, snapshot: &Snapshot) -> bool {
        let Some(wanted) = self.wanted() else { return false };
        // A lenient reading may have dropped what a strict one refuses.
        let cache = snapshot.shared_cache().filter(|_| snapshot.options.policy == self.options.policy);
        let Some(cache) = cache.filter(|cache| Some(cache.uuid()) == wanted.uuid) else { return false };
        self.cache = Some(Arc::clone(cache.known()));
        // Its files, where they are open, are the same files.
        if self.memory.is_none() {
            self.memory = cache.memory_cell().get().cloned();
        }
        true
    }

    /// Looks for the atlas beside the cache file on this machine, and where there is none, for the cache itself. What
    /// is wrong with them is noted, since nobody asked for these very files.
    pub fn offer_installed(&mut self) {
        let Some(reference) = self.record.cache.as_ref() else { return };
        // What is no text is the name of no file on Darwin.
        let Some(main) = reference.file_path.as_str() else { return };
        // A relative path would be looked up in whatever folder this process happens to run, and one of Windows, which
        // no Darwin process has, may name another machine.
        if !main.starts_with('/') || main.starts_with("//") {
            return;
        }
        let main = PathBuf::from(main);
        let path = cache::atlas_path(&main);
        let taken = self.take(&Supply::File(path.clone()), RecordOrigin::BesideCache);
        // What no file can be called is said once.
        let is_name = !taken.as_ref().is_err_and(|error| is_io(error, std::io::ErrorKind::InvalidInput));
        self.note_fault(&path, taken);
        if self.cache.is_none() && is_name {
            let taken = self.take_cache(&main);
            self.note_fault(&main, taken);
        }
    }

    /// Notes what is wrong with the file at `path`, unless it is simply not there.
    fn note_fault(&mut self, path: &Path, taken: Result<bool>) {
        match taken {
            Err(error) if !is_io(&error, std::io::ErrorKind::NotFound) => match error.kind() {
                // It names the file.
                ErrorKind::Io { .. } => self.report.note(&error),
                _ => self.report.note(&format!("{}: {error}", path.display())),
            },
            _ => {}
        }
    }

    fn take(&mut self, supply: &Supply, origin: RecordOrigin) -> Result<bool> {
        let Some(reference) = self.record.cache.as_ref().filter(|_| self.cache.is_none()) else { return Ok(false) };
        self.cache = cache::load(supply, reference.uuid, self.options.policy, self.options.mode, origin)?;
        Ok(self.cache.is_some())
    }

    /// The snapshot, with the record that was found, else the one embedded, else without.
    ///
    /// # Errors
    /// What is wrong with an embedded record; a lenient opening notes it instead.
    pub fn finish(mut self) -> Result<Snapshot> {
        if let (None, Some(reference)) = (&self.cache, &self.record.cache) {
            match cache::embedded(&self.archive, reference.uuid, self.options.policy) {
                Ok(found) => self.cache = found.map(Arc::new),
                Err(error) => self.report.fault(error)?,
            }
        }
        let Self { archive, record, mut report, options, cache, memory } = self;
        let pointer_size = pointer_size(record.flags);
        let cache = match (cache, &record.cache) {
            (Some(known), Some(reference)) => {
                let private = record.flags & PRIVATE_SHARED_REGION != 0;
                let of_files = memory.as_ref().map_or(&[][..], |memory| memory.group().warnings());
                for warning in of_files.iter().chain(known.warnings()) {
                    report.note(warning);
                }
                Some((
                    Arc::new(SharedCache::of_process(known, memory, reference, private, pointer_size)),
                    reference.bitmap.clone(),
                ))
            }
            // A process that uses no image of its cache, or a core file that lists them all as the process's own, lacks
            // none.
            (_, Some(reference)) if !reference.bitmap.is_empty() => {
                report.note(&format!(
                    "no record of the shared cache {:X} was found: the images that lie in it are not listed",
                    reference.uuid.as_hyphenated()
                ));
                None
            }
            _ => None,
        };
        let own = match &cache {
            Some(_) => record.images.clone(),
            // Without the cache nobody knows how far it was moved.
            None => {
                let (own, dropped) = record.images.placed();
                if dropped > 0 {
                    report.note(&format!(
                        "{PROCESS}: {dropped} images have a preferred address alone, and the slide of the shared cache that \
                         they would have is not known: they are not listed"
                    ));
                }
                own
            }
        };
        let images = Arc::new(ImageSet::of_process(own, cache.clone(), pointer_size));
        let cache = cache.map(|(cache, _)| cache);
        Ok(Snapshot { archive, record, images, cache, warnings: report.into_warnings(), options })
    }
}

const fn pointer_size(flags: u64) -> u64 {
    if flags & POINTER_SIZE_4 != 0 { 4 } else { 8 }
}

impl Snapshot {
    /// The record of the process.
    #[must_use]
    pub const fn record(&self) -> &ProcessRecord {
        &self.record
    }

    /// The archive that the snapshot was read from.
    #[must_use]
    pub const fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Own images and the used images of the cache.
    #[must_use]
    pub const fn images(&self) -> &Arc<ImageSet> {
        &self.images
    }

    /// The shared cache, where its record was found.
    #[must_use]
    pub const fn shared_cache(&self) -> Option<&Arc<SharedCache>> {
        self.cache.as_ref()
    }

    /// Bytes of a page in the process.
    #[must_use]
    pub const fn page_size(&self) -> u64 {
        if self.record.flags & PAGE_SIZE_4K != 0 { 4096 } else { 16384 }
    }

    /// Bytes of a pointer in the process.
    #[must_use]
    pub const fn pointer_size(&self) -> u64 {
        pointer_size(self.record.flags)
    }

    /// What was dropped, and what could not be found.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// How the snapshot was opened.
    #[must_use]
    pub const fn options(&self) -> Options {
        self.options
    }
}

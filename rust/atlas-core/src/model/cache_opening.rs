//! Opens a shared cache from its files: the record from an atlas where one fits, else from the headers.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use crate::address::Slide;
use crate::archive::Archive;
use crate::bytes::Mode;
use crate::cache::tables::embedded_atlas;
use crate::cache::{self, DEVELOPMENT, KnownCache, NamedCache, RecordOrigin, Supply};
use crate::compress::Codec;
use crate::error::{Error, ErrorKind, Result};
use crate::memory::CacheMemory;
use crate::schema::Policy;

use super::shared_cache::SharedCache;

/// How a cache is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenCacheOptions {
    /// Read the headers, and ignore any atlas.
    pub scavenge: bool,
    /// How far the cache is taken to be moved.
    pub slide: Slide,
    /// How files become bytes.
    pub mode: Mode,
    /// Strict or lenient, and bounds.
    pub policy: Policy,
}

impl SharedCache {
    /// Opens the cache whose main file is at `path`; the other files are found from its header.
    ///
    /// An atlas that cannot be read, or is of another cache, is no error: [`SharedCache::warnings`] says so, and the
    /// headers tell what it would have told.
    ///
    /// # Errors
    /// As [`CacheMemory::open`], and [`ErrorKind::Limit`] where there are more images than the policy allows.
    pub fn open(path: &Path, options: OpenCacheOptions) -> Result<Arc<Self>> {
        let memory = CacheMemory::open(path, options.mode)?;
        let mut warnings = Vec::new();
        let known = record(&memory, path, options.scavenge, options.policy, &mut warnings)?;
        Ok(Arc::new(Self::of_files(known, memory, path, options.slide, warnings)))
    }
}

impl SharedCache {
    /// What dyld's builder would put into the atlas beside the cache: an archive with the record by UUID and by name.
    /// Caches for customers and for development that share files are in one atlas.
    ///
    /// A record that came from an atlas is written as it is.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] where the record or a name in it is too large for the format.
    pub fn to_atlas(&self, codec: Option<Codec>) -> Result<Vec<u8>> {
        let leaf = self.leaf();
        let own = NamedCache { leaf: &leaf, known: self.known() };
        let twin = self.twin();
        let twin = twin.as_ref().map(|(leaf, known)| NamedCache { leaf, known });
        match twin {
            Some(twin) if leaf.ends_with(DEVELOPMENT) => cache::atlas(&[twin, own], codec),
            Some(twin) => cache::atlas(&[own, twin], codec),
            None => cache::atlas(&[own], codec),
        }
    }

    /// The name of the main file, for people.
    pub(super) fn leaf(&self) -> String {
        match self.opened() {
            Some(group) => group.main().name.clone(),
            None => String::from_utf8_lossy(self.file_path().leaf()).into_owned(),
        }
    }

    /// The cache for development that shares files with this one for customers, or the other way round.
    fn twin(&self) -> Option<(String, Arc<KnownCache>)> {
        /// `kDyldSharedCacheTypeUniversal`
        const UNIVERSAL: u64 = 2;
        let memory = self.memory().ok().filter(|_| self.known().origin() == RecordOrigin::Scavenged)?;
        let main = memory.group().main();
        main.file.header().cache_type.filter(|kind| *kind == UNIVERSAL)?;
        let leaf = main.path.file_name()?;
        let name = cache::customer_name(leaf).map_or_else(
            || {
                let mut name = leaf.to_owned();
                name.push(DEVELOPMENT);
                name
            },
            OsStr::to_owned,
        );
        let twin = CacheMemory::open(&main.path.with_file_name(name), memory.mode()).ok()?;
        let known = cache::scavenged(twin.group(), twin.mode(), Policy::default()).ok()?;
        Some((twin.group().main().name.clone(), known))
    }

    /// What does not fit together: files, headers and, where there is one, the atlas. Empty: all of it fits.
    ///
    /// # Errors
    /// [`ErrorKind::MissingData`] where the files of the cache are not at hand.
    pub fn verify(&self) -> Result<Vec<String>> {
        let memory = self.memory()?;
        if let Err(error) = memory.check_files() {
            // Nothing of it can be looked at.
            return Ok(vec![error.to_string()]);
        }
        let policy = Policy::default();
        let headers = cache::scavenged(memory.group(), memory.mode(), policy)?;
        let mut findings = Vec::new();
        let atlas = match self.known().origin() {
            RecordOrigin::Scavenged => atlas(memory, &memory.group().main().path, policy, &mut findings),
            _ => Some(Arc::clone(self.known())),
        };
        findings.extend(cache::verify(memory.group(), &headers, atlas.as_deref()));
        Ok(findings)
    }

    /// The text that dyld's builder leaves beside a cache as `.map`: mappings, images and segments, unslid.
    ///
    /// # Errors
    /// [`ErrorKind::MissingData`] where the files of the cache are not at hand.
    pub fn map_text(&self) -> Result<String> {
        Ok(cache::map_text(self.memory()?.group(), self.known()))
    }
}

/// The record of the cache whose main file is at `path`: from the atlas beside it, from one inside of it, or from its
/// headers.
pub(super) fn record(
    memory: &CacheMemory,
    path: &Path,
    scavenge: bool,
    policy: Policy,
    warnings: &mut Vec<String>,
) -> Result<Arc<KnownCache>> {
    let found = if scavenge { None } else { atlas(memory, path, policy, warnings) };
    found.map_or_else(|| cache::scavenged(memory.group(), memory.mode(), policy), Ok)
}

/// The record in the atlas beside the main file at `path`, or in the one inside of it.
fn atlas(memory: &CacheMemory, path: &Path, policy: Policy, warnings: &mut Vec<String>) -> Option<Arc<KnownCache>> {
    let mut from = |main: &Path| {
        let atlas = cache::atlas_path(main);
        let name = atlas.file_name().unwrap_or_default().to_string_lossy();
        take(beside(memory, &atlas, policy), &name, warnings)
    };
    // Other files are looked for beside what a link leads to, too.
    let target = || path.canonicalize().ok().filter(|real| real.file_name() != path.file_name() || path.is_symlink());
    let found = from(path).or_else(|| from(&target()?));
    found.or_else(|| {
        let name = format!("the atlas inside of {}", memory.group().main().name);
        take(inside(memory, policy), &name, warnings)
    })
}

/// What was found, or nothing and a warning why not.
fn take(found: Result<Option<Arc<KnownCache>>>, name: &str, warnings: &mut Vec<String>) -> Option<Arc<KnownCache>> {
    found.unwrap_or_else(|error| {
        warnings.push(match error.kind() {
            // It names the file.
            ErrorKind::Io { .. } => error.to_string(),
            _ => format!("{name}: {error}"),
        });
        None
    })
}

fn other_cache(memory: &CacheMemory) -> Error {
    let uuid = memory.group().main().uuid.unwrap_or_default();
    Error::cache(format!("a record of the cache {:X}", uuid.as_hyphenated()), "records of others only")
}

/// The record in the atlas at `path`; `None` where there is no such file.
fn beside(memory: &CacheMemory, path: &Path, policy: Policy) -> Result<Option<Arc<KnownCache>>> {
    // There never was an atlas of a cache without a UUID (before dyld-239.3).
    let Some(uuid) = memory.group().main().uuid else {
        let said =
            || Error::cache("a cache with a UUID, which tells what an atlas is of", "one without, whose headers count");
        return if path.exists() { Err(said()) } else { Ok(None) };
    };
    let supply = Supply::File(path.to_owned());
    match cache::load(&supply, uuid, policy, memory.mode(), RecordOrigin::BesideCache) {
        Ok(None) => Err(other_cache(memory)),
        Err(error) if is_io(&error, std::io::ErrorKind::NotFound) => Ok(None),
        found => found,
    }
}

/// The record in the atlas that the header names, since dyld-1042.1. No released builder writes one.
fn inside(memory: &CacheMemory, policy: Policy) -> Result<Option<Arc<KnownCache>>> {
    let group = memory.group();
    let Some((bytes, uuid)) = embedded_atlas(group)?.zip(group.main().uuid) else { return Ok(None) };
    let archive = Archive::from_bytes(bytes, &policy.limits)?;
    archive.verify()?;
    match cache::embedded(&archive, uuid, policy)? {
        Some(found) => Ok(Some(Arc::new(found))),
        None => Err(other_cache(memory)),
    }
}

/// Whether the operating system refused a file for this reason.
pub(super) fn is_io(error: &Error, kind: std::io::ErrorKind) -> bool {
    matches!(error.kind(), ErrorKind::Io { source, .. } if source.kind() == kind)
}

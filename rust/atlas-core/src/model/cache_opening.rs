//! Opens a shared cache from its files: the record from an atlas where one fits, else from the headers.

use std::path::Path;
use std::sync::Arc;

use crate::address::Slide;
use crate::archive::Archive;
use crate::bytes::Mode;
use crate::cache::{self, KnownCache, RecordOrigin, Supply};
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
    /// An atlas that cannot be read, or is of another cache, is no error: [`SharedCache::warnings`] says so, and the headers
    /// tell what it would have told.
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

/// The record of the cache whose main file is at `path`: from the atlas beside it, from one inside of it, or from its headers.
pub(super) fn record(
    memory: &CacheMemory,
    path: &Path,
    scavenge: bool,
    policy: Policy,
    warnings: &mut Vec<String>,
) -> Result<Arc<KnownCache>> {
    if !scavenge {
        // dyld cuts the last extension: `.development` has no atlas of its own.
        let atlas = path.with_extension("atlas");
        let name = atlas.file_name().unwrap_or_default().to_string_lossy();
        if let Some(found) = take(beside(memory, &atlas, policy), &name, warnings) {
            return Ok(found);
        }
        let name = format!("the atlas inside of {}", memory.group().main().name);
        if let Some(found) = take(inside(memory, policy), &name, warnings) {
            return Ok(found);
        }
    }
    cache::scavenged(memory.group(), memory.mode(), policy)
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
    // Without a UUID (before dyld-239.3) nothing tells what an atlas is of; there never was one.
    let Some(uuid) = memory.group().main().uuid else { return Ok(None) };
    let supply = Supply::File(path.to_owned());
    match cache::load(&supply, uuid, policy, memory.mode(), RecordOrigin::BesideCache) {
        Ok(None) => Err(other_cache(memory)),
        Err(error) if is_absent(&error) => Ok(None),
        found => found,
    }
}

/// The record in the atlas that the header names, since dyld-1042.1. No released builder writes one.
fn inside(memory: &CacheMemory, policy: Policy) -> Result<Option<Arc<KnownCache>>> {
    let main = memory.group().main();
    let Some((range, uuid)) = main.file.header().cache_atlas.filter(|range| range.size != 0).zip(main.uuid) else {
        return Ok(None);
    };
    let address = main.file.base_address().0.wrapping_add(range.vm_offset);
    let archive = Archive::from_bytes(memory.data(address, range.size, range.size)?, &policy.limits)?;
    archive.verify()?;
    match cache::embedded(&archive, uuid, policy)? {
        Some(found) => Ok(Some(Arc::new(found))),
        None => Err(other_cache(memory)),
    }
}

/// Whether a file is simply not there.
pub(super) fn is_absent(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
}

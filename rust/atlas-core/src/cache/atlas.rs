//! From an atlas, wherever it lies, to the record of one cache.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use crate::archive::Archive;
use crate::bplist::Plist;
use crate::bytes::{Bytes, Mode};
use crate::error::{Error, Result};
use crate::schema::{CacheRecord, Policy, Report, keys};
use crate::sys::FileIdentity;

use super::known::{KnownCache, RecordOrigin};
use super::table::{Key, Source, table};

/// An atlas that somebody offers.
#[derive(Clone, Debug)]
pub enum Supply {
    /// Its bytes.
    Bytes(Bytes),
    /// A file on this machine.
    File(PathBuf),
}

/// Where dyld puts the atlas of the cache at `cache_path`: beside it, the last extension cut and `.atlas` appended.
#[must_use]
pub fn atlas_path(cache_path: &Path) -> PathBuf {
    // `.development` has none of its own; and a dot that begins the file name begins no extension.
    cache_path.with_extension("atlas")
}

/// The path, inside an archive, of the property list that describes the cache `uuid`.
#[must_use]
pub fn entry_path(uuid: Uuid) -> String {
    format!("caches/uuids/{:X}.plist", uuid.as_hyphenated())
}

fn memory(bytes: &Bytes) -> Source {
    Source::Memory { address: bytes.as_ptr() as usize, length: bytes.len() }
}

/// The record of cache `uuid` that [`load`] has read from these very bytes before, if it is still known. Takes no
/// longer than a look into the table.
#[must_use]
pub fn known(bytes: &Bytes, uuid: Uuid, policy: Policy, origin: RecordOrigin) -> Option<Arc<KnownCache>> {
    table().get(&Key { uuid, source: memory(bytes), policy, origin })
}

/// The record of cache `uuid` in the atlas that `supply` offers; `None` where that atlas is of another cache.
///
/// Records are kept process-wide by UUID and by what the supply is (a file's identity, or the very bytes), so that the
/// same cache is decoded once for any number of snapshots.
///
/// # Errors
/// What is wrong with the atlas, with its archive entry, key path and offset.
pub fn load(
    supply: &Supply,
    uuid: Uuid,
    policy: Policy,
    mode: Mode,
    origin: RecordOrigin,
) -> Result<Option<Arc<KnownCache>>> {
    let source = match supply {
        Supply::Bytes(bytes) => memory(bytes),
        Supply::File(path) => {
            let identity = FileIdentity::of(path).map_err(|error| Error::io(path, error))?;
            Source::File { path: path.clone(), identity, mode }
        }
    };
    let key = Key { uuid, source, policy, origin };
    if let Some(known) = table().get(&key) {
        return Ok(Some(known));
    }
    let bytes = match supply {
        Supply::Bytes(bytes) => bytes.clone(),
        Supply::File(path) => Bytes::open(path, mode)?,
    };
    let archive = Archive::from_bytes(bytes.clone(), &policy.limits)?;
    let mut report = Report::new(policy.lenient, &entry_path(uuid));
    if let Err(error) = archive.verify() {
        report.fault(error)?;
    }
    let Some(known) = from_archive(&archive, uuid, policy, origin, report)? else { return Ok(None) };
    let known = Arc::new(known);
    // A file that was replaced between the question what it is and its reading is not what its key says.
    let same = match (&key.source, supply) {
        (Source::File { identity, .. }, Supply::File(path)) => FileIdentity::of(path).is_ok_and(|now| now == *identity),
        _ => true,
    };
    if same {
        // What a container holds lies beside its bytes; else the record is a part of them.
        let decoded = archive.codec().map_or(0, |_| archive.decoded().len());
        table().insert(key, bytes, decoded, &known);
    }
    Ok(Some(known))
}

/// The record of cache `uuid` that is embedded in the archive of a snapshot, which was verified when it was opened.
///
/// # Errors
/// As [`load`].
pub fn embedded(archive: &Archive, uuid: Uuid, policy: Policy) -> Result<Option<KnownCache>> {
    let report = Report::new(policy.lenient, &entry_path(uuid));
    from_archive(archive, uuid, policy, RecordOrigin::Embedded, report)
}

/// Far more caches than one entry of an atlas describes: a cache with its development variant.
const MOST_CACHES: usize = 64;

/// Checks the property list at `path` of an atlas as opening a cache with it would, and every cache in it: the numbers
/// of images and of files of the one after which the entry is called, and warnings where `policy` is lenient.
///
/// # Errors
/// [`crate::ErrorKind::Plist`], [`crate::ErrorKind::Schema`] or [`crate::ErrorKind::Limit`] with entry, key path and
/// offset.
pub fn check(plist: Bytes, path: &str, policy: Policy) -> Result<(u32, usize, Vec<String>)> {
    let mut report = Report::new(policy.lenient, path);
    let counts = check_entry(plist, path, policy, &mut report).map_err(|error| error.in_entry(path))?;
    Ok((counts.0, counts.1, report.into_warnings()))
}

fn check_entry(plist: Bytes, path: &str, policy: Policy, report: &mut Report) -> Result<(u32, usize)> {
    let name = path.strip_prefix("caches/uuids/").and_then(|name| name.strip_suffix(".plist"));
    let wanted = name.and_then(|name| Uuid::try_parse(name).ok());
    let wanted = wanted.ok_or_else(|| Error::schema("an entry that is called after a UUID", path.to_owned()))?;
    let plist = Plist::parse(plist)?;
    let mut others = CacheRecord::uuids(&plist)?;
    if others.len() > MOST_CACHES {
        return Err(Error::limit("caches in one entry of an atlas", MOST_CACHES as u64, others.len() as u64));
    }
    others.retain(|uuid| *uuid != wanted);
    let record = CacheRecord::check(plist.clone(), wanted, policy, report)?.ok_or_else(|| {
        Error::schema("the cache after which the entry is called", "none").at_key(keys::cache::BY_UUID)
    })?;
    for uuid in others {
        CacheRecord::check(plist.clone(), uuid, policy, report)?;
    }
    Ok((record.images.len(), record.subcaches().len()))
}

/// The record of cache `uuid` in `archive`; `None` where the archive has none of it.
fn from_archive(
    archive: &Archive,
    uuid: Uuid,
    policy: Policy,
    origin: RecordOrigin,
    mut report: Report,
) -> Result<Option<KnownCache>> {
    let path = entry_path(uuid);
    let Some(entry) = archive.find(&path) else { return Ok(None) };
    let plist = Plist::parse(entry.data()).map_err(|error| error.in_entry(&path))?;
    let record = CacheRecord::check(plist, uuid, policy, &mut report).map_err(|error| error.in_entry(&path))?;
    Ok(record.map(|record| KnownCache::new(record, origin, report.into_warnings())))
}

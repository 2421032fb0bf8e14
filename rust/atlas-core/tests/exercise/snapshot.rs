//! Snapshots: opened strictly and leniently, compared with each other, written and opened again.

use std::sync::Arc;

use atlas_core::archive::{ArchiveWriter, Stamp};
use atlas_core::bplist::Plist;
use atlas_core::bytes::Bytes;
use atlas_core::cache::{self, Supply};
use atlas_core::model::{ImageSet, Opening, Options, Snapshot, diff};
use atlas_core::schema::{CacheRecord, Policy};
use atlas_core::{Error, Limits};

use super::seeds::{self, CACHE};
use super::{LIMITS, images, refuse};

/// What the bytes of an input are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The whole archive.
    Archive,
    /// `process.plist` alone; an archive is made around it, with the atlas of [`CACHE`].
    Process,
    /// The property list of the atlas of [`CACHE`], beside a process that uses it.
    Cache,
    /// The length of the first in two bytes, then `process.plist`, then the atlas.
    Both,
}

const FORMS: [Form; 4] = [Form::Archive, Form::Process, Form::Cache, Form::Both];

/// An input of that form: its first byte says which.
pub fn wrap(form: Form, data: &[u8]) -> Vec<u8> {
    let number = FORMS.iter().position(|other| *other == form).unwrap_or(0) as u8;
    [&[number], data].concat()
}

pub fn snapshot(data: &[u8]) -> bool {
    let Some((&form, rest)) = data.split_first() else { return false };
    // Archives may come as they are, so that any of them is a seed.
    let form = if [&b"AA01"[..], b"YAA1", b"pbz"].iter().any(|magic| data.starts_with(magic)) {
        return both_ways(Bytes::from(data.to_vec()), None);
    } else {
        FORMS[usize::from(form) % FORMS.len()]
    };
    let (process, atlas) = match (form, rest) {
        (Form::Archive, archive) => return both_ways(Bytes::from(archive.to_vec()), None),
        (Form::Process, process) => (process.to_vec(), seeds::small_atlas()),
        (Form::Cache, atlas) => (seeds::user_of_cache(), atlas.to_vec()),
        (Form::Both, [high, low, rest @ ..]) => {
            let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
            (rest[..length].to_vec(), rest[length..].to_vec())
        }
        (Form::Both, _) => return false,
    };
    let stamp = if form == Form::Both { Stamp::Cksum } else { Stamp::None };
    let mut alone = ArchiveWriter::with_stamp(stamp);
    alone.add_file(b"process.plist", process).expect("a short path");
    let mut embedded = alone.clone();
    let path = format!("caches/uuids/{CACHE}.plist");
    embedded.add_file(path.as_bytes(), atlas.clone()).expect("a short path");
    uuids(&atlas);
    let bytes = |writer: &ArchiveWriter| Bytes::from(writer.to_bytes(None).expect("short headers"));
    let whole = bytes(&embedded);
    let sound = both_ways(whole.clone(), None);
    // The same atlas from a provider makes the same list.
    if let Ok(inside) = open(whole.clone(), true, None)
        && let Ok(beside) = open(bytes(&alone), true, Some(&whole))
    {
        images::equal(inside.images(), beside.images());
        rewritten(&beside);
    }
    sound
}

fn uuids(atlas: &[u8]) {
    if let Ok(plist) = Plist::parse(Bytes::from(atlas.to_vec())) {
        match CacheRecord::uuids(&plist) {
            Ok(uuids) => assert!(uuids.len() <= atlas.len()),
            Err(error) => {
                refuse(&error);
            }
        }
    }
}

fn open(bytes: Bytes, lenient: bool, supply: Option<&Bytes>) -> Result<Snapshot, Error> {
    open_within(bytes, lenient, supply, LIMITS)
}

fn open_within(bytes: Bytes, lenient: bool, supply: Option<&Bytes>, limits: Limits) -> Result<Snapshot, Error> {
    let options = Options { policy: Policy { lenient, limits }, ..Options::default() };
    let mut opening = Opening::new(bytes, options)?;
    let wanted = opening.wanted();
    if let Some(supply) = supply {
        let found = opening.offer(&Supply::Bytes(supply.clone()));
        // Records in memory are kept by where their bytes lie; the next input must not find this one.
        cache::table().clear();
        assert!(!found? || opening.wanted().is_none());
    }
    let snapshot = opening.finish()?;
    assert_eq!(wanted.is_some(), snapshot.record().cache.is_some());
    Ok(snapshot)
}

/// Opens strictly and leniently; a strict reading that succeeds is what a lenient one gives.
fn both_ways(bytes: Bytes, supply: Option<&Bytes>) -> bool {
    let lenient = match open(bytes.clone(), true, supply) {
        Ok(lenient) => lenient,
        Err(error) => {
            assert!(open(bytes, false, supply).is_err(), "strict opening takes what lenient opening refuses: {error}");
            return refuse(&error);
        }
    };
    let strict = open(bytes.clone(), false, supply);
    images::walk(lenient.images());
    record(&lenient);
    if let Some(cache) = lenient.shared_cache() {
        shared_cache(&lenient);
        images::walk(&Arc::new(ImageSet::of_cache(Arc::clone(cache))));
    }
    // A list without differences from itself, from the same list read again, and from none.
    let second = open(bytes, true, supply).expect("it was opened before");
    for other in [lenient.images(), second.images()] {
        let same = diff(lenient.images(), other);
        assert!(same.loaded.is_empty() && same.unloaded.is_empty() && same.moved.is_empty(), "{same:?}");
    }
    images::difference(lenient.images(), seeds::other_snapshot().images());
    images::difference(seeds::other_snapshot().images(), lenient.images());
    match &strict {
        Ok(strict) => {
            images::equal(strict.images(), lenient.images());
            assert_eq!(strict.warnings(), lenient.warnings());
            rewritten(strict);
        }
        Err(error) => {
            refuse(error);
            rewritten(&lenient);
        }
    }
    assert!(lenient.warnings().iter().map(String::len).sum::<usize>() < 4 << 20, "warnings without bounds");
    strict.is_ok()
}

fn record(snapshot: &Snapshot) {
    let record = snapshot.record();
    assert!(matches!(snapshot.page_size(), 4096 | 16384) && matches!(snapshot.pointer_size(), 4 | 8));
    assert!(record.environment().is_none_or(|environment| environment.len() <= 9));
    let _metrics = record.metrics().map(|metrics| metrics.iter().map(|(key, _)| key.payload().len()).sum::<usize>());
    let _aot = record.aot_images().map(|images| images.len());
    if let Some(cache) = &record.cache {
        assert_eq!(cache.bit_count(), 8 * cache.bitmap.len());
        let used = (0..cache.bit_count().min(4096)).filter(|index| cache.uses(*index)).count();
        assert!(used <= cache.bit_count() && !cache.uses(cache.bit_count()));
    }
    assert!(snapshot.archive().len() > 0 && snapshot.options().policy.lenient);
}

fn shared_cache(snapshot: &Snapshot) {
    let cache = snapshot.shared_cache().expect("asked before");
    assert_eq!(cache.slide(), cache.address() - cache.preferred_load_address());
    assert_eq!(Some(cache.uuid()), snapshot.record().cache.as_ref().map(|cache| cache.uuid));
    assert_eq!(cache.pointer_size(), snapshot.pointer_size());
    for subcache in cache.subcaches().iter().take(64) {
        assert!(cache.file_name(subcache).len() >= subcache.name.len());
        assert!(subcache.mappings.len() <= 1024);
    }
    assert_eq!(cache.subcaches(), cache.known().subcaches());
    let _names = (cache.architecture(), cache.vm_size(), cache.mapped_private(), cache.aot_uuid(), cache.aot_address());
    assert!(cache.known().byte_length() >= cache.known().atlas_plist("").expect("as it was read").len());
}

/// Writes the snapshot and opens that: the same images, the same record, and no cache needed but the embedded one.
fn rewritten(snapshot: &Snapshot) {
    let bytes = match snapshot.to_bytes(None) {
        Ok(bytes) => bytes,
        Err(error) => {
            refuse(&error);
            return;
        }
    };
    let lenient = snapshot.options().policy.lenient;
    let again = open(Bytes::from(bytes), lenient, None)
        .unwrap_or_else(|error| panic!("what was written (lenient: {lenient}) is not read: {error}"));
    images::equal(snapshot.images(), again.images());
    let (old, new) = (snapshot.record(), again.record());
    assert_eq!((old.pid, old.platform, old.state, old.timestamp), (new.pid, new.platform, new.state, new.timestamp));
    assert_eq!((old.metrics(), old.environment()), (new.metrics(), new.environment()));
    assert_eq!((old.aot_images(), old.flags), (new.aot_images(), new.flags));
    assert_eq!(snapshot.shared_cache().is_some(), again.shared_cache().is_some());
}

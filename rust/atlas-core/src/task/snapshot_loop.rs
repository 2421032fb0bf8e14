//! The loop that takes a snapshot while the process may be publishing the next one.
//!
//! dyld publishes thus: it writes the new atlas somewhere, swaps {address, size} to it, copies it over the old buffer
//! where that is large enough, swaps back, and only then sets the time. The address is mostly the same before and
//! after, so that a reader can get a mix of two atlases, with no error from any call:
//!
//! 1. reader: {A, size, time 1}
//! 2. dyld: {B, size}; begins to copy over A
//! 3. reader: copies A, half new and half old
//! 4. dyld: ends copying; {A, size}
//! 5. reader: {A, size, time 1} again: nothing seems to have happened
//! 6. dyld: time 2
//!
//! Only the bytes tell. A checksum over all of them does; where there is none, or several that cover a part each, the
//! bytes are read once more after 5: by then dyld has written all of A, so that a mix cannot come again.

use std::time::Duration;

use super::all_image_infos::{AllImageInfos, Publication};
use super::memory::{TaskMemory, read_all};
use super::scavenge::scavenge;
use crate::archive::{Archive, Checksum};
use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Opening, Options};

/// How often a snapshot is tried. dyld's own reader gives up as early.
pub const ATTEMPTS: u32 = 100;

/// The record in the archive.
const PROCESS: &str = "process.plist";
/// How many entries of an archive without it are named.
const NAMED: usize = 8;

/// Attempts that follow one another at once: it takes longer to make an atlas than to copy one.
const AT_ONCE: u32 = 16;

/// The longest pause between two attempts; all of them together stay below 10 ms.
const PAUSE: Duration = Duration::from_micros(100);

/// What came of an attempt to take a snapshot.
#[derive(Debug)]
pub struct Taken {
    /// The snapshot; `None` where it is the one that the caller has.
    pub opening: Option<Opening>,
    /// What dyld announced of it; all 0 where the snapshot was scavenged.
    pub publication: Publication,
    /// How often it was read, at least 1.
    pub attempts: u32,
}

/// Takes a snapshot, unless the process has changed nothing since `known`, as [`Taken::publication`] was then. The time
/// within the record is no measure: it is another one.
///
/// # Errors
/// * [`ErrorKind::SnapshotTorn`] where the process published anew each time, or what it publishes is a broken archive
/// * [`ErrorKind::UnsupportedPlatform`] where it is no archive at all, or one without the record: that of another dyld
/// * [`ErrorKind::Limit`] where the process claims more than the limits allow
/// * what is wrong with the record, where it is whole
/// * those of the process: gone, not to be read, without dyld
pub fn take(task: &dyn TaskMemory, known: Option<Publication>, options: Options) -> Result<Taken> {
    let mut last = None;
    for attempts in 1..=ATTEMPTS {
        let publication = publication(task)?;
        if !publication.is_there() {
            let opening = Some(scavenge(task, options)?);
            return Ok(Taken { opening, publication: Publication { address: 0, size: 0, timestamp: 0 }, attempts });
        }
        // The time of what is published is never 0, which is that of what was scavenged.
        if known.is_some_and(|known| known.timestamp == publication.timestamp) {
            return Ok(Taken { opening: None, publication, attempts });
        }
        match attempt(task, publication, options)? {
            Attempt::Whole(archive) => {
                let opening = Some(Opening::from_archive(*archive, options)?);
                return Ok(Taken { opening, publication, attempts });
            }
            Attempt::Torn(why) => last = why,
        }
        pause(attempts);
    }
    Err(Error::new(ErrorKind::SnapshotTorn { attempts: ATTEMPTS, last }))
}

/// What dyld announces at this moment.
fn publication(task: &dyn TaskMemory) -> Result<Publication> {
    Ok(AllImageInfos::read(task, task.dyld_info()?)?.publication())
}

enum Attempt {
    Whole(Box<Archive>),
    /// With what is wrong, unless that is only that dyld has published since.
    Torn(Option<Error>),
}

fn attempt(task: &dyn TaskMemory, publication: Publication, options: Options) -> Result<Attempt> {
    let limits = &options.policy.limits;
    let size = usize::try_from(publication.size).unwrap_or(usize::MAX);
    if publication.size > limits.decoded_bytes || size == usize::MAX {
        // Both halves of a torn {address, size} were written by dyld, so this is no accident of reading.
        return Err(Error::limit("bytes of the atlas of a process", limits.decoded_bytes, publication.size));
    }
    if let Some(found) = task.unchanging(publication.address, size) {
        let bytes = found.ok_or_else(|| not_there(publication))?;
        return Ok(Attempt::Whole(Box::new(Archive::from_bytes(bytes, limits)?)));
    }
    let read = match read_all(task, publication.address, size) {
        Ok(read) => read,
        // A process that is gone is found out below.
        Err(error) => return Ok(Attempt::Torn(Some(error))),
    };
    if self::publication(task)? != publication {
        return Ok(Attempt::Torn(None));
    }
    let Some(bytes) = read else { return Ok(Attempt::Torn(Some(not_there(publication)))) };
    let bytes = Bytes::from(bytes);
    let is_stable = || matches!(read_all(task, publication.address, size), Ok(Some(again)) if *again == *bytes);
    let archive = match Archive::from_bytes(bytes.clone(), limits) {
        Ok(archive) => archive,
        Err(error) if Archive::is_begun_by(&bytes) => return Ok(Attempt::Torn(Some(error))),
        Err(error) => {
            // A mix of two archives begins as one, so that this is something else, and stays so.
            let is_settled = is_stable() && self::publication(task)? == publication;
            return if is_settled { Err(foreign(task, &begin(&bytes))) } else { Ok(Attempt::Torn(Some(error))) };
        }
    };
    if let Err(error) = archive.verify() {
        return Ok(Attempt::Torn(Some(error)));
    }
    if !is_sealed(&archive) && !is_stable() {
        return Ok(Attempt::Torn(None));
    }
    if archive.find(PROCESS).is_none() {
        let names = archive.entries().take(NAMED).map(|entry| format!("{:?}", entry.path_text()));
        return Err(foreign(task, &format!("holds {} and no {PROCESS}", names.collect::<Vec<_>>().join(", "))));
    }
    Ok(Attempt::Whole(Box::new(archive)))
}

/// How foreign bytes begin, in words.
fn begin(bytes: &[u8]) -> String {
    let first: Vec<String> = bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("is no archive: its {} bytes begin with {}", bytes.len(), first.join(" "))
}

/// What the process publishes is whole, and in no form that is known here.
#[cold]
fn foreign(task: &dyn TaskMemory, found: &str) -> Error {
    let process = task.pid().map_or_else(|| "the process".to_owned(), |pid| format!("process {pid}"));
    Error::unsupported(format!("{process}: what its dyld publishes {found}")).with_hint(
        "only what dyld 1284 and newer publish is known to have the form that is read here, and older macOS has another; \
         a full core file of the process can be read with Snapshot.from_core",
    )
}

#[cold]
fn not_there(publication: Publication) -> Error {
    Error::new(ErrorKind::UnmappedAddress(publication.address)).with_hint("the atlas of the process was to be there")
}

/// Whether one checksum covers all that there is, so that parts of two atlases cannot pass for one.
fn is_sealed(archive: &Archive) -> bool {
    match archive.spans() {
        [span] => span.end == archive.decoded().len() && archive.codec().is_none(),
        _ => archive.len() == 1 && archive.checksum() == Checksum::Ok,
    }
}

/// Waits before the next attempt, no longer than needed.
fn pause(attempts: u32) {
    if attempts < AT_ONCE {
        std::hint::spin_loop();
    } else if attempts < 2 * AT_ONCE {
        std::thread::yield_now();
    } else {
        std::thread::sleep(PAUSE);
    }
}

//! Owns the record of a cache as its headers tell it, where there is no atlas: every generation, also such as dyld's
//! own scavenger cannot read (macOS 12, anything before dyld-940, files that are missing).
//!
//! * [`scavenge`]: what the files themselves say, at once; what the images say, when it is asked for
//! * [`file_rows`]: the files alone
//!
//! Nothing that is wrong with an image stops the others: what cannot be read is left out, and said.
//!
//! Must not open files by other names than the group found them by, or read more of an image than its header.
#![forbid(unsafe_code)]

mod arena;
mod files;
mod headers;
mod listing;
mod record;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::bytes::{Bytes, Mode};
use crate::error::{Error, Result};
use crate::schema::Policy;

use super::file::CacheFile;
use super::group::{CacheGroup, GroupFile};
use super::known::{KnownCache, RecordOrigin};
use super::table::{Key, Source, table};

pub use files::rows as file_rows;
pub(super) use record::Scavenged;

/// Whatever the limits say: indices of images fit into 30 bits, as for a record that was written.
const MOST_IMAGES: u32 = 1 << 30;

/// The record of the cache whose files `group` holds, which `mode` made bytes.
///
/// Only the main file's tables are looked at; the headers of the images follow with the first question for segments.
/// From files that are mapped they are read piece by piece: through the mapping each of them would bring in sixteen
/// pages.
///
/// # Errors
/// [`crate::ErrorKind::Limit`] where there are more images than `policy` allows.
pub fn scavenge(group: &CacheGroup, mode: Mode, policy: Policy) -> Result<KnownCache> {
    let main = &group.main().file;
    let asked = image_count(main);
    let most = policy.limits.images.min(MOST_IMAGES);
    let count = u32::try_from(asked).ok().filter(|count| *count <= most);
    let Some(count) = count else {
        return Err(Error::limit("images of one record", most.into(), asked as u64).in_entry(&group.main().name));
    };
    Ok(KnownCache::scavenged(Scavenged::new(group, mode, count), RecordOrigin::Scavenged))
}

/// How many images `main` lists. What it says of their texts counts where there is nothing else: a row of that table
/// which no image goes with is nobody's.
fn image_count(main: &CacheFile) -> usize {
    match main.image_count() {
        0 => main.text_infos().len(),
        count => count,
    }
}

/// As [`scavenge`], with the record kept process-wide for as long as the files are the same.
///
/// # Errors
/// As [`scavenge`].
pub fn scavenged(group: &CacheGroup, mode: Mode, policy: Policy) -> Result<Arc<KnownCache>> {
    let identified = |file: &GroupFile| Some((file.path.clone(), headers::identity(file)?));
    let files: Option<Vec<_>> = group.files().iter().map(identified).collect();
    let key = files.zip(group.main().uuid).map(|(files, uuid)| Key {
        uuid,
        source: Source::Headers { files, mode },
        policy,
        origin: RecordOrigin::Scavenged,
    });
    if let Some(known) = key.as_ref().and_then(|key| table().get(key)) {
        return Ok(known);
    }
    let known = Arc::new(scavenge(group, mode, policy)?);
    if let Some(key) = key {
        table().insert(key, Bytes::default(), 0, &known);
    }
    Ok(known)
}

//! Finds the main files of shared caches: in any folder, or where a system keeps its own.
//!
//! Links are not followed on the way down, so that no search goes around in circles or leaves its folder; folders that
//! cannot be read are passed by. A system's cache that lies in several places, as in both a Cryptex and its mount, is
//! found once, by its UUID.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::bytes::{Bytes, Mode};
use crate::error::{Error, Result};

use super::file::{CacheFile, MAGIC_START};
use super::group::{DEVELOPMENT, check_main};

/// Where dyld looks (`Atlas.swift`, dyld 1284), below the root of a system.
const FOLDERS: [&str; 17] = [
    "private/preboot/Cryptexes/Incoming/OS/System/Library/Caches/com.apple.dyld",
    "private/preboot/Cryptexes/Incoming/OS/System/DriverKit/System/Library/dyld",
    "private/preboot/Cryptexes/OS/System/Library/Caches/com.apple.dyld",
    "private/preboot/Cryptexes/OS/System/DriverKit/System/Library/dyld",
    "System/Cryptexes/ExclaveOS/System/ExclaveKit/System/Library/dyld",
    "System/Cryptexes/Incoming/OS/System/Library/Caches/com.apple.dyld",
    "System/Cryptexes/Incoming/OS/System/Library/dyld",
    "System/Cryptexes/OS/System/Library/Caches/com.apple.dyld",
    "System/Cryptexes/OS/System/Library/dyld",
    "System/DriverKit/System/Library/dyld",
    "System/ExclaveKit/System/Library/dyld",
    "System/Library/Caches/com.apple.dyld",
    "System/Library/dyld",
    "System/Volumes/Preboot/Cryptexes/Incoming/OS/System/Library/dyld",
    "System/Volumes/Preboot/Cryptexes/Incoming/OS/System/DriverKit/System/Library/dyld",
    "System/Volumes/Preboot/Cryptexes/OS/System/Library/dyld",
    "System/Volumes/Preboot/Cryptexes/OS/System/DriverKit/System/Library/dyld",
];

/// Where a Mac keeps simulators, and below it the caches that were built on that Mac and those that came on a volume.
const SIMULATORS: &str = "Library/Developer/CoreSimulator";
const SIMULATOR_CACHES: &str = "Caches/dyld";
const SIMULATOR_VOLUMES: &str = "Volumes";
const RUNTIMES: &str = "Profiles/Runtimes";
const RUNTIME_FOLDERS: [&str; 2] = [
    "Contents/Resources/RuntimeRoot/System/Library/Caches/com.apple.dyld",
    "Contents/Resources/RuntimeRoot/System/Library/dyld",
];
/// What the names of caches of systems and of simulators begin with.
const NAMES: [&str; 2] = ["dyld_shared_cache_", "dyld_sim_shared_cache_"];

/// System build, then runtime.
const SIMULATOR_CACHES_DEPTH: usize = 3;

/// The main files of all caches in `folder` and the folders in it, in order of their paths. A cache that was put there
/// twice is found twice: one of them may lack files that the other has.
///
/// # Errors
/// [`crate::ErrorKind::Io`] where `folder` itself cannot be read.
pub fn find(folder: &Path) -> Result<Vec<PathBuf>> {
    fs::read_dir(folder).map_err(|error| Error::io(folder, error))?;
    let mut found = Found::default();
    // Links are not followed, so that paths end where the system lets no longer ones be.
    found.walk(folder, usize::MAX);
    Ok(found.paths)
}

/// The main files of the caches of the system whose root is `root`, in the order in which dyld looks, then those of
/// simulators, each UUID once. No folder outside `root` is opened, also where links lead there.
#[must_use]
pub fn installed(root: &Path) -> Vec<PathBuf> {
    let mut found = Found { uuids: Some(BTreeSet::new()), ..Found::default() };
    let Ok(real_root) = root.canonicalize() else { return found.paths };
    let mut within = |folder: PathBuf, depth: usize| {
        if folder.canonicalize().is_ok_and(|real| real.starts_with(&real_root)) {
            found.walk(&folder, depth);
        }
    };
    for folder in FOLDERS {
        within(root.join(folder), 1);
    }
    let simulators = root.join(SIMULATORS);
    within(simulators.join(SIMULATOR_CACHES), SIMULATOR_CACHES_DEPTH);
    let volumes = entries(&simulators.join(SIMULATOR_VOLUMES)).into_iter().map(|volume| volume.join(SIMULATORS));
    for runtime in volumes.chain([simulators]).flat_map(|simulators| entries(&simulators.join(RUNTIMES))) {
        for folder in RUNTIME_FOLDERS {
            within(runtime.join(folder), 1);
        }
    }
    found.paths
}

/// What lies in a folder, in order of names; nothing where it cannot be read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort_unstable();
    paths
}

#[derive(Default)]
struct Found {
    paths: Vec<PathBuf>,
    /// Those found so far, where each is wanted once.
    uuids: Option<BTreeSet<Uuid>>,
}

impl Found {
    /// Whether a cache with this UUID is to be listed.
    fn is_wanted(&mut self, uuid: Option<Uuid>) -> bool {
        uuid.zip(self.uuids.as_mut()).is_none_or(|(uuid, found)| found.insert(uuid))
    }

    /// Searches `folder`, and the folders in it as long as `depth` is more than 1.
    fn walk(&mut self, folder: &Path, depth: usize) {
        let mut folders = vec![(folder.to_owned(), depth)];
        while let Some((folder, depth)) = folders.pop() {
            let mut below = Vec::new();
            for path in entries(&folder) {
                let Ok(metadata) = path.symlink_metadata() else { continue };
                if metadata.is_dir() && depth > 1 {
                    below.push((path, depth.saturating_sub(1)));
                } else if metadata.is_file()
                    && may_be_main(&path)
                    && let Some(uuid) = main_file(&path)
                    && self.is_wanted(uuid)
                {
                    self.paths.push(path);
                }
            }
            // The last is taken first.
            folders.extend(below.into_iter().rev());
        }
    }
}

/// dyld's rule: a name with a dot is that of another file, except where all behind its first dot is `development`.
fn may_be_main(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.find('.').is_none_or(|dot| name.get(dot..) == Some(DEVELOPMENT))
}

fn is_named_like_one(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    NAMES.iter().any(|start| name.starts_with(start))
}

/// The UUID of the main file at `path`, if it has one; `None` where the file is none. One that has the magic and cannot
/// be read is one all the same: whoever opens it learns what is wrong, and nobody else would say that it is there.
fn main_file(path: &Path) -> Option<Option<Uuid>> {
    let mut magic = [0; MAGIC_START.len()];
    // Reading a few bytes costs less than mapping each file of a whole system.
    match File::open(path) {
        Ok(mut file) => file.read_exact(&mut magic).ok()?,
        // Whoever opens it learns that he may not.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && is_named_like_one(path) => return Some(None),
        Err(_) => return None,
    }
    if magic != MAGIC_START {
        return None;
    }
    let Ok(file) = Bytes::open(path, Mode::Map).and_then(CacheFile::parse) else { return Some(None) };
    check_main(&file, "").ok()?;
    Some(file.header().uuid)
}

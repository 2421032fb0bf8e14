//! Where records come from, and how long they are kept.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod columns;
mod loading;
mod paths;
mod table;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::{RecordOrigin, Supply, entry_path, load};
use crate::archive::ArchiveWriter;
use crate::bytes::{Bytes, Mode};
use crate::compress::Codec;
use crate::schema::Policy;
use crate::schema::tests::policy;
use crate::schema::tests::records::{self, BASE, CACHE, SEGMENTS};
use crate::schema::tests::tree::{Tree, dict};

/// The table is the process's: tests that look at it take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn uuid() -> Uuid {
    Uuid::parse_str(CACHE).unwrap()
}

fn images(count: u64) -> Vec<Tree> {
    (0..count).map(|n| records::image(n.into(), BASE + n * 0x1_0000, &SEGMENTS)).collect()
}

/// An atlas of caches of that many images.
fn atlas_with(caches: &[(Uuid, Tree)], codec: Option<Codec>) -> Vec<u8> {
    let mut writer = ArchiveWriter::new();
    for (uuid, cache) in caches {
        let name = format!("{:X}", uuid.as_hyphenated());
        let cache = cache.with("uuid", Tree::Data(uuid.as_bytes().to_vec()));
        let root = dict([("uuids", Tree::Dict(vec![(Tree::Text(name), cache)]))]);
        writer.add_file(entry_path(*uuid).as_bytes(), root.encode()).unwrap();
    }
    writer.to_bytes(codec).unwrap()
}

fn atlas(count: u64) -> Vec<u8> {
    atlas_with(&[(uuid(), records::cache(images(count)))], None)
}

fn memory(bytes: Vec<u8>) -> Supply {
    Supply::Bytes(Bytes::from(bytes))
}

/// A file of this test's own that is gone in the end.
struct File(PathBuf);

impl File {
    fn new(bytes: &[u8]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("dyld-atlas-{}-{}.atlas", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn supply(&self) -> Supply {
        Supply::File(self.0.clone())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn strict(supply: &Supply) -> crate::Result<Option<std::sync::Arc<super::KnownCache>>> {
    load(supply, uuid(), Policy::default(), Mode::Map, RecordOrigin::Provider)
}

fn lenient(supply: &Supply) -> crate::Result<Option<std::sync::Arc<super::KnownCache>>> {
    load(supply, uuid(), policy(true), Mode::Map, RecordOrigin::Provider)
}

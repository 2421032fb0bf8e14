//! A target within this process: what it has loaded is a mask of 64 images.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use atlas_core::archive::ArchiveWriter;
use atlas_core::bplist::Writer;
use atlas_core::model::{Image, Opening, Options, Snapshot};
use atlas_core::notify::transport::socket::{Notified, SocketTarget, SocketTransport};
use atlas_core::notify::{Change, ChangeKind, ProcessEvent, WatchOptions, Watcher};

use super::called::Called;

pub const SOON: Duration = Duration::from_secs(20);

/// A process has one name to listen at, and one table of descriptors to count: one test at a time.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The snapshot at `time` of a process that has the images of `mask`.
pub fn snapshot(time: i64, mask: u64) -> Arc<Snapshot> {
    let mut writer = Writer::new();
    let images = (0..64_u64).filter(|bit| mask >> bit & 1 == 1).map(|bit| {
        let uuid = writer.data(&u128::from(bit + 1).to_be_bytes());
        let address = writer.integer((0x1000_0000 + bit * 0x1_0000).cast_signed());
        pairs(&mut writer, &[("uuid", uuid), ("addr", address)])
    });
    let images: Vec<_> = images.collect();
    let images = writer.array(&images);
    let root = [
        ("proc", writer.integer(7)),
        ("plat", writer.integer(1)),
        ("time", writer.integer(time)),
        ("stat", writer.integer(0x50)),
        ("imgs", images),
    ];
    let root = pairs(&mut writer, &root);
    let mut archive = ArchiveWriter::new();
    archive.add_file(b"process.plist", writer.finish(root).unwrap()).unwrap();
    let opening = Opening::new(archive.to_bytes(None).unwrap().into(), Options::default()).unwrap();
    Arc::new(opening.finish().unwrap())
}

fn pairs(writer: &mut Writer, pairs: &[(&str, atlas_core::bplist::Reference)]) -> atlas_core::bplist::Reference {
    let pairs: Vec<_> = pairs.iter().map(|(key, value)| (writer.text(key), *value)).collect();
    writer.dictionary(&pairs)
}

fn bit(image: &Image) -> u64 {
    1 << (image.uuid().unwrap().as_u128() - 1)
}

/// The mask of a snapshot.
pub fn mask(snapshot: &Snapshot) -> u64 {
    let images = snapshot.images();
    (0..images.len()).fold(0, |mask, index| mask | bit(&images.get(index).unwrap()))
}

/// What the process has published.
pub type Published = Arc<Mutex<Arc<Snapshot>>>;

/// A target and what it has published.
pub struct Process {
    pub target: SocketTarget,
    pub published: Published,
    pub time: i64,
}

impl Process {
    pub fn new(mask: u64) -> Self {
        let published = Arc::new(Mutex::new(snapshot(1, mask)));
        Self { target: SocketTarget::listen().unwrap(), published, time: 1 }
    }

    /// A watcher of it.
    pub fn watch(&self, reply_within: Duration) -> Called {
        watch(std::process::id(), Arc::clone(&self.published), reply_within)
    }

    /// Publishes `mask`, and tells all who watch.
    pub fn publish(&mut self, mask: u64) -> Notified {
        self.time += 1;
        let next = snapshot(self.time, mask);
        *self.published.lock().unwrap() = next;
        self.target.notify(&ProcessEvent::ATLAS_CHANGED.header().to_bytes()).unwrap()
    }
}

/// A watcher of process `pid` that takes its snapshots from here.
pub fn watch(pid: u32, published: Published, reply_within: Duration) -> Called {
    let source = move |_: Option<&Arc<Snapshot>>| Ok(Arc::clone(&published.lock().unwrap()));
    let options = WatchOptions { reply_within, ..WatchOptions::default() };
    Called::new(Watcher::start(Box::new(SocketTransport::new(pid).unwrap()), Box::new(source), options).unwrap())
}

/// Somebody who hears changes, and holds them to what must be true of any sequence of them.
#[derive(Debug, Default)]
pub struct Listener {
    /// What is loaded, by what was heard.
    pub mask: u64,
    /// The snapshot of the last change: its time and what it has.
    last: Option<(u64, u64)>,
    /// Changes that were not initial.
    pub heard: u64,
}

impl Listener {
    pub fn hear(&mut self, change: &Change) {
        let time = change.snapshot.record().timestamp;
        match self.last {
            Some((last, _)) if last == time => {}
            Some((last, has)) => {
                assert_eq!(self.mask, has, "all that led to the snapshot before was heard");
                assert_eq!(time, last + 1, "no snapshot was left out");
                self.last = Some((time, mask(&change.snapshot)));
            }
            None => self.last = Some((time, mask(&change.snapshot))),
        }
        let bit = bit(&change.image);
        let there = self.mask & bit != 0;
        assert_eq!(there, change.kind == ChangeKind::Unloaded, "nothing comes or goes twice");
        self.mask ^= bit;
        self.heard += u64::from(!change.initial);
    }

    /// Whether all was heard of the snapshot that was spoken of last.
    pub fn is_whole(&self) -> bool {
        self.last.is_none_or(|(_, has)| has == self.mask)
    }
}

//! Inputs that somebody made to hurt: each ends quickly, in little memory, with the right kind of error or a bounded
//! result.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "every function here serves a test"
)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../exercise/seeds/caches/mod.rs"]
#[allow(dead_code, unused_imports, reason = "each test uses its part")]
mod synthetic;

mod archives;
mod caches;
mod files;
mod growth;
mod lists;
mod records;

use std::time::{Duration, Instant};

use allocation_counter::measure;
use atlas_core::archive::{ArchiveWriter, Stamp};
use atlas_core::bytes::Bytes;
use atlas_core::model::{Opening, Options, Snapshot, diff};
use atlas_core::schema::Policy;
use atlas_core::{Error, ErrorKind};

/// Runs `work` on an input of `length` bytes: within a second, and within 32 MiB and four times the input.
fn bounded<T>(what: &str, length: usize, work: impl Fn() -> T) -> T {
    let mut best = Duration::MAX;
    // Again where it was slow: the machine may have been busy with something else.
    for _ in 0..4 {
        let mut made = None;
        let start = Instant::now();
        let used = measure(|| made = Some(work()));
        best = best.min(start.elapsed());
        let most = (32 << 20) + 4 * length as u64;
        assert!(used.bytes_max <= most, "{what}: {} bytes of memory for {length} bytes of input", used.bytes_max);
        if best < Duration::from_secs(1) {
            println!("{what}: {length} bytes in {best:?}, {} bytes of memory", used.bytes_max);
            return made.unwrap();
        }
    }
    panic!("{what}: {best:?} for {length} bytes");
}

/// The archive of a process record, without checksums.
fn archive(process: Vec<u8>) -> Bytes {
    let mut writer = ArchiveWriter::with_stamp(Stamp::None);
    writer.add_file(b"process.plist", process).unwrap();
    writer.to_bytes(None).unwrap().into()
}

fn open(bytes: &Bytes, lenient: bool) -> Result<Snapshot, Error> {
    let policy = Policy { lenient, ..Policy::default() };
    Opening::new(bytes.clone(), Options { policy, ..Options::default() })?.finish()
}

/// Opens a process record and asks for everything that a snapshot offers, each within the bounds.
fn everything(what: &str, process: Vec<u8>, lenient: bool) -> Result<Snapshot, Error> {
    let bytes = archive(process);
    let length = bytes.len();
    let what = |part: &str| format!("{what} (lenient: {lenient}): {part}");
    let snapshot = bounded(&what("open"), length, || open(&bytes, lenient))?;
    let record = snapshot.record();
    bounded(&what("sections"), length, || {
        let text = |text: atlas_core::bplist::Text<'_>| text.decode_lossy().len();
        let metrics = record.metrics().map(|metrics| metrics.into_iter().map(|(key, _)| text(key)).sum::<usize>());
        let unknown = record.unknown().len();
        (metrics, unknown, record.environment().map(|found| found.len()), record.aot_images().map(|found| found.len()))
    });
    let images = snapshot.images();
    bounded(&what("columns"), length, || images.columns().len());
    bounded(&what("segment columns"), length, || images.segment_columns().len());
    bounded(&what("ranges"), length, || images.ranges().len());
    bounded(&what("names"), length, || images.by_name("no such name"));
    bounded(&what("text"), length, || {
        let name = |index| images.install_name(index).map_or(0, |name| name.decode_lossy().len());
        (0..images.len()).map(name).sum::<usize>()
    });
    bounded(&what("segments"), length, || {
        let names = |image: atlas_core::model::Image| {
            image.segments().filter_map(|segment| segment.name().map(|name| name.payload().len())).sum::<usize>()
        };
        (0..images.len()).filter_map(|index| images.get(index)).map(names).sum::<usize>()
    });
    let same = bounded(&what("diff"), length, || diff(images, images));
    assert!(same.loaded.is_empty() && same.unloaded.is_empty() && same.moved.is_empty());
    bounded(&what("to_bytes"), length, || snapshot.to_bytes(None).unwrap().len());
    let warnings: usize = snapshot.warnings().iter().map(String::len).sum();
    assert!(snapshot.warnings().len() <= 1002 && warnings < 1 << 20, "{} warnings", snapshot.warnings().len());
    Ok(snapshot)
}

/// A strict and a lenient opening that end at a limit.
fn is_limited(what: &str, process: &[u8]) {
    for lenient in [false, true] {
        let error = everything(what, process.to_vec(), lenient).expect_err(what);
        assert!(matches!(error.kind(), ErrorKind::Limit { .. }), "{what}: {error}");
    }
}

/// A strict opening that ends with a fault of the record, whose message holds `part`; the lenient one is returned.
fn is_faulty(what: &str, process: &[u8], part: &str) -> Snapshot {
    let error = everything(what, process.to_vec(), false).expect_err(what);
    assert!(matches!(error.kind(), ErrorKind::Schema(_) | ErrorKind::Plist(_)), "{what}: {error}");
    assert!(error.to_string().contains(part), "{what}: {error}");
    everything(what, process.to_vec(), true).unwrap_or_else(|error| panic!("{what}: {error}"))
}

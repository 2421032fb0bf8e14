//! What opening a snapshot and reading its columns allocates: a few blocks, whatever the number of images.

// The allowances for tests do not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod support;

use std::hint::black_box;

use allocation_counter::measure;
use atlas_core::archive::ArchiveWriter;
use atlas_core::bytes::Bytes;
use atlas_core::cache::{self, Supply};
use atlas_core::model::{Opening, Options, Snapshot};
use support::build::{self, CACHE};

fn archive(path: &str, plist: Vec<u8>) -> Bytes {
    let mut writer = ArchiveWriter::new();
    writer.add_file(path.as_bytes(), plist).unwrap();
    writer.to_bytes(None).unwrap().into()
}

fn open(process: &Bytes, atlas: &Bytes) -> Snapshot {
    let mut opening = Opening::new(process.clone(), Options::default()).unwrap();
    assert!(opening.offer(&Supply::Bytes(atlas.clone())).unwrap());
    opening.finish().unwrap()
}

/// Allocations of: opening with the cache unknown, opening with it known, image columns, segment columns.
fn counts(own: u32, cached: u32) -> [u64; 4] {
    let process = archive("process.plist", build::process_with_images(own, cached));
    let atlas = archive(&format!("caches/uuids/{CACHE}.plist"), build::cache_plist(cached));
    cache::table().clear();
    let cold = measure(|| drop(black_box(open(&process, &atlas))));
    let warm = measure(|| drop(black_box(open(&process, &atlas))));
    let snapshot = open(&process, &atlas);
    let images = measure(|| {
        black_box(snapshot.images().columns());
    });
    assert_eq!(snapshot.images().columns().len(), (own + cached) as usize);
    let segments = measure(|| drop(black_box(snapshot.images().segment_columns())));
    [cold, warm, images, segments].map(|info| info.count_total)
}

// One test, since the table of caches is the process's: two at once would count each other's blocks.
#[test]
fn few_and_independent_of_the_number_of_images() {
    let small = counts(10, 50);
    let large = counts(2000, 3500);
    assert_eq!(small, large, "the number of allocations depends on the number of images");
    let [cold, warm, images, segments] = large;
    assert!(cold <= 40, "{cold} allocations to open a snapshot and its cache");
    assert!(warm <= 40, "{warm} allocations to open a snapshot whose cache is known");
    assert!(images <= 20, "{images} allocations for image columns");
    assert!(segments <= 20, "{segments} allocations for segment columns");
}

/// Bytes that opening holds on to, beside the input: it makes nothing per image.
#[test]
fn opening_keeps_nothing_per_image() {
    let process = archive("process.plist", build::process_with_images(3000, 0));
    let mut kept = None;
    let info = measure(|| kept = Some(Opening::new(process.clone(), Options::default()).unwrap().finish().unwrap()));
    assert_eq!(kept.unwrap().images().len(), 3000);
    assert!(info.bytes_max <= 16 << 10, "{} bytes at most while opening", info.bytes_max);
}

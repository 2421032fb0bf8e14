//! How the work grows with the number of images, in instructions: those are the same on a busy machine as on a quiet
//! one.
//!
//! The test runs itself under `valgrind --tool=callgrind` and reads how many instructions one step took, at three
//! sizes. Where there is no valgrind it says that it is skipped.

// The allowances for tests do not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod support;

#[path = "exercise/seeds/caches/mod.rs"]
#[allow(dead_code, unused_imports, reason = "each test uses its part")]
mod caches;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use atlas_core::archive::ArchiveWriter;
use atlas_core::bytes::{Bytes, Mode};
use atlas_core::model::{ImageSet, OpenCacheOptions, Opening, Options, SharedCache, Snapshot, diff};
use caches::{ARM64E, Plan};
use support::build::{self, CACHE};

/// Own images, and as many of the cache: each four times the one before.
const SIZES: [u32; 3] = [500, 2000, 8000];

/// What is counted, each after the opening of two snapshots, which `nothing` stands for.
const STEPS: [&str; 9] = ["nothing", "open", "columns", "segments", "objects", "look up", "diff", "scavenge", "verify"];

/// How the run within valgrind is told what to do: a step, and the folder of the archives.
const ASKED: &str = "DYLD_ATLAS_GROWTH";

fn open(bytes: Bytes) -> Snapshot {
    Opening::new(bytes, Options::default()).unwrap().finish().unwrap()
}

/// A snapshot that stands alone. The second kind lacks every hundredth image of the first.
fn archive(images: u32, cached: u32) -> Vec<u8> {
    let mut writer = ArchiveWriter::new();
    writer.add_file(b"process.plist", build::process_with_images(images, cached)).unwrap();
    writer.add_file(format!("caches/uuids/{CACHE}.plist").as_bytes(), build::cache_plist(cached)).unwrap();
    writer.to_bytes(None).unwrap()
}

/// The cache in `folder`, from its headers.
fn cache(folder: &Path) -> Arc<SharedCache> {
    let options = OpenCacheOptions { scavenge: true, ..OpenCacheOptions::default() };
    SharedCache::open(&folder.join("cache"), options).unwrap()
}

fn step(name: &str, folder: &Path) {
    let read = |file: &str| Bytes::open(&folder.join(file), Mode::Copy).unwrap();
    let (bytes, old, new) = (read("new"), open(read("old")), open(read("new")));
    let images = new.images();
    match name {
        "nothing" => {}
        "open" => drop(black_box(open(bytes))),
        "columns" => drop(black_box(images.columns().len())),
        "segments" => drop(black_box(images.segment_columns())),
        "objects" => {
            let segments =
                (0..images.len()).filter_map(|index| images.get(index)).map(|image| image.segments().count());
            assert_eq!(segments.sum::<usize>(), 2 * images.len());
        }
        "look up" => {
            let image = images.get(images.len() / 2).unwrap();
            assert!(images.by_uuid(image.uuid().unwrap()).is_some());
            assert!(images.by_name(&image.name().unwrap().decode_lossy()).is_some());
            assert!(images.at(image.address().0).is_some());
        }
        "scavenge" => {
            let images = ImageSet::of_cache(cache(folder));
            assert!(black_box(images.segment_columns()).len() >= images.len());
        }
        "verify" => assert_eq!(cache(folder).verify().unwrap(), [""; 0]),
        "diff" => assert!(!black_box(diff(old.images(), images)).loaded.is_empty()),
        other => panic!("{other}"),
    }
}

/// Instructions that `step` takes in a process of its own.
fn instructions(step: &str, folder: &Path) -> u64 {
    let profile = folder.join("callgrind.out");
    let ran = Command::new("valgrind")
        .args(["--tool=callgrind", "--error-exitcode=99"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "work_grows_no_faster_than_the_number_of_images", "--test-threads=1"])
        .env(ASKED, format!("{step}:{}", folder.display()))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let profile = std::fs::read_to_string(profile).unwrap();
    let totals = profile.lines().find_map(|line| line.strip_prefix("totals: "));
    totals.and_then(|total| total.trim().parse().ok()).unwrap()
}

#[test]
fn work_grows_no_faster_than_the_number_of_images() {
    if let Ok(asked) = std::env::var(ASKED) {
        let (name, folder) = asked.split_once(':').unwrap();
        return step(name, Path::new(folder));
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no valgrind to count instructions with");
        return;
    }
    let mut taken = BTreeMap::<&str, Vec<u64>>::new();
    for images in SIZES {
        let folder = std::env::temp_dir().join(format!("dyld-atlas-growth-{}-{images}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("old"), archive(images - images / 100, images)).unwrap();
        std::fs::write(folder.join("new"), archive(images, images)).unwrap();
        let cache = caches::build(&Plan::new(ARM64E, 0x228, 5).images(images as usize).aligned(0x1000));
        std::fs::write(folder.join("cache"), &cache.files[0].bytes).unwrap();
        for name in STEPS {
            taken.entry(name).or_default().push(instructions(name, &folder));
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
    let nothing = taken.remove("nothing").unwrap();
    for (name, all) in taken {
        let own: Vec<i64> = all.iter().zip(&nothing).map(|(all, nothing)| (all - nothing).cast_signed()).collect();
        // The differences hold no fixed cost: 4 is linear, 4.7 sorting, 16 quadratic.
        let growth = (own[2] - own[1]) as f64 / (own[1] - own[0]).max(1) as f64;
        eprintln!("{name}: {own:?} instructions for {SIZES:?} images, growth {growth:.2}");
        assert!(growth < 6.0, "{name} takes {own:?} instructions for {SIZES:?} images: that grows by {growth:.2}");
    }
}

//! Files that are cut short while they are mapped. What is promised is tried in a process of its own, which must
//! survive.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::Command;

use atlas_core::bytes::Mode;
use atlas_core::cache;
use atlas_core::memory::{CacheMemory, ImageFile};
use atlas_core::model::{OpenCacheOptions, SharedCache};
use atlas_core::schema::Policy;
use atlas_core::{Error, ErrorKind};

use crate::builder::{Folder, Part};
use crate::images;

const CHILD: &str = "DYLD_ATLAS_TEST_CHILD";
const BASE: u64 = 0x1_8000_0000;
const LONG: usize = 0x4_0000;

fn part(address: u64) -> Part {
    Part { address, bytes: vec![5; LONG], ..Part::default() }
}

fn cut(path: &Path, size: u64) {
    std::fs::File::options().write(true).open(path).unwrap().set_len(size).unwrap();
}

fn expect<T>(result: Result<T, Error>, what: &str) {
    let Err(error) = result else { panic!("{what} read a file that was cut short") };
    assert!(matches!(error.kind(), ErrorKind::Cache(_) | ErrorKind::MachO(_)), "{what}: {error}");
    let text = error.to_string();
    assert!(text.contains("the file was cut short") && text.contains("when it was opened"), "{what}: {text}");
    assert!(error.location().entry.is_some(), "{what}: {text}");
}

/// The main file is whole, its subcache loses all but its first page.
fn data() {
    let folder = Folder::new();
    let mut data = part(BASE + 0x10_0000);
    data.slide_info = vec![0; 64];
    let (path, _) = folder.cache(&[vec![part(BASE)], vec![data]]);
    let memory = CacheMemory::open(&path, Mode::Map).unwrap();
    let copy = CacheMemory::open(&path, Mode::Copy).unwrap();
    let (lost, size) = (BASE + 0x10_0000 + 0x2000, LONG as u64 - 0x2000);
    assert_eq!(memory.read(lost, 4, None).unwrap(), [5; 4]);
    cut(&folder.path().join("dyld_shared_cache_arm64e.01"), 0x1000);

    expect(memory.read(lost, 4, None), "a read");
    expect(memory.read(lost, size, None), "a long read");
    expect(memory.read(lost, 4, Some(0x4000)), "a slid read");
    expect(memory.data(lost, 0x100, 0x100), "data");
    expect(memory.data(lost, size, size + 0x10), "data that is laid out in memory");
    expect(memory.data(lost, size, size + 0x10_0000), "data that is laid out by mapping");
    expect(memory.layout(1, None), "a layout");
    expect(memory.pin(), "a pin");
    assert_eq!(memory.pin_count(), 0);
    memory.pointers(None).for_each(|found| expect(found, "pointers"));
    // What is not concerned goes on, and so does who asked for a copy.
    assert_eq!(memory.read(BASE + 0x2000, 4, None).unwrap(), [5; 4]);
    assert_eq!(memory.data(BASE, 0x100, 0x100).unwrap()[..], [5; 0x100]);
    assert_eq!(memory.layout(0, None).unwrap().len(), LONG);
    assert_eq!(copy.read(lost, 4, None).unwrap(), [5; 4]);
    assert_eq!(copy.data(lost, size, size).unwrap()[..], vec![5; size as usize]);
    copy.pin().unwrap();
    assert_eq!(copy.pinned().unwrap().last(), Some(&5));

    // Whoever opens it now sees what there is.
    let now = CacheMemory::open(&path, Mode::Map).unwrap();
    assert!(now.read(lost, 4, None).is_err());
}

fn put(path: &Path, at: u64, numbers: &[u64]) {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let mut file = std::fs::File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&bytes).unwrap();
}

/// What stands in tables: images, paths, local symbols.
fn tables() {
    let folder = Folder::new();
    let far = BASE + 0x10_0000;
    let (path, offsets) = folder.cache(&[vec![part(BASE)], vec![part(far)]]);
    // Three images, of which the second lies across the cut and the third behind it; all without a path.
    put(&path, 0x1c0, &[0x800 | 3 << 32]);
    put(&path, 0x800, &[far, 0, 0, 0, far + 0x8, 0, 0, 0, far + 0x2000, 0, 0, 0]);
    // The trie of paths in the subcache, the local symbols in the main file.
    put(&path, 0x108, &[far + 0x2000, 0x100]);
    put(&path, 0x48, &[offsets[0][0] + 0x2000, 0x100]);
    let memory = CacheMemory::open(&path, Mode::Map).unwrap();
    let known = cache::scavenge(memory.group(), Mode::Map, Policy::default()).unwrap();
    assert!(memory.dylibs_trie().unwrap().is_some());
    let cache = SharedCache::open(&path, OpenCacheOptions::default()).unwrap();
    cut(&folder.path().join("dyld_shared_cache_arm64e.01"), offsets[1][0] + 0x10);
    assert_eq!(known.columns().images.len(), 3);
    assert!(known.columns().segments.is_empty());
    expect(memory.dylibs_trie(), "the trie of paths");
    let said = cache.verify().unwrap();
    assert!(said.len() == 1 && said[0].contains("the file was cut short"), "{said:?}");
    cut(&path, 0x1000);
    expect(memory.local_symbols(), "local symbols");
    assert_eq!(memory.group().pointer_size(), 8);
}

fn image() {
    let folder = Folder::new();
    let path = folder.file("image", &images::macho(images::UUID, &images::SEGMENTS, 0x9000));
    let image = ImageFile::open(&path, images::UUID, Mode::Map).unwrap();
    let segments: Vec<_> = image.slice().segments.iter().filter(|segment| segment.file_size > 0).collect();
    assert_eq!(segments.len(), 3);
    cut(&path, 0x10);
    for segment in segments {
        expect(images::segment_data(&image, &segment.name.text()), "a segment");
        expect(image.read(segment.preferred_load_address.0 + 0x20, 4), "a read of an image");
    }
    image.slice().sections.iter().filter(|section| section.size > 0).for_each(|section| {
        expect(image.data(section.address.0, section.size, section.size), "a section");
    });
    let zeros = images::segment_data(&image, "__PAGEZERO").unwrap();
    assert_eq!(zeros[0x1000], 0, "no file is concerned");
    assert!(ImageFile::open(&path, images::UUID, Mode::Map).is_err());
}

/// A pinned cache asks for the sizes of its files only now and then, but it asks.
fn pinned_cache() {
    let folder = Folder::new();
    let (path, _) = folder.cache(&[vec![part(BASE)], vec![part(BASE + 0x10_0000)]]);
    let memory = CacheMemory::open(&path, Mode::Map).unwrap();
    memory.pin().unwrap();
    let lost = BASE + 0x10_0000 + 0x2000;
    assert_eq!(memory.read(lost, 4, None).unwrap(), [5; 4]);
    cut(&folder.path().join("dyld_shared_cache_arm64e.01"), 0x1000);
    std::thread::sleep(std::time::Duration::from_millis(50));
    for _ in 0..3 {
        expect(memory.read(lost, 4, None), "a read of a pinned cache");
        expect(memory.read(lost, 4, Some(0)), "a slid read of a pinned cache");
        expect(memory.data(lost, 4, 4), "data of a pinned cache");
    }
    assert_eq!(memory.read(BASE + 0x2000, 4, None).unwrap(), [5; 4]);
    memory.unpin().unwrap();
}

/// Runs in the child only.
#[test]
fn child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    data();
    pinned_cache();
    image();
    tables();
    eprintln!("survived");
}

#[test]
fn a_process_survives_where_that_is_promised() {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "cut_short::child", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains("survived"), "{:?}\n{said}", child.status);
}

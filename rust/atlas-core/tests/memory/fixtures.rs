//! Caches that others made.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use atlas_core::bytes::Mode;
use atlas_core::cache::slide::Pointer;
use atlas_core::memory::CacheMemory;

use crate::support::caches::cache_folder;

const SLIDE: u64 = 0x4321_4000;

const FOLDERS: [&str; 11] = [
    "real/arm64-two-images",
    "real/arm64-dyld1042",
    "real/arm64e-objc",
    "built-1378/arm64-v2-split",
    "built-1378/arm64-universal",
    "built-1378/arm64e-v5",
    "built-1378/x86_64-single",
    "split/macos12-v1",
    "split/macos13-v2",
    "split/macos26-slide5",
    "split/macos27-x1",
];

/// Every main file of the fixtures, opened.
fn caches() -> Vec<(PathBuf, Arc<CacheMemory>)> {
    let files = FOLDERS.iter().filter_map(|name| cache_folder(name)).flat_map(|folder| {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with("dyld_shared_cache_") && (!name.contains('.') || name.ends_with(".development"))
        })
    });
    files.filter_map(|path| Some((path.clone(), CacheMemory::open(&path, Mode::Map).ok()?))).collect()
}

#[test]
fn every_mapping_is_where_its_file_says() {
    for (path, memory) in caches() {
        assert!(memory.group().missing().is_empty(), "{}: {:?}", path.display(), memory.group().missing());
        for pinned in [false, true] {
            for (position, file) in memory.group().files().iter().enumerate() {
                let bytes = std::fs::read(&file.path).unwrap();
                let layout = memory.layout(position, None).unwrap();
                let mut end = 0;
                for mapping in file.file.mappings() {
                    let expected = &bytes[mapping.file_range(bytes.len())];
                    let (address, size) = (mapping.address.0, mapping.size);
                    assert!(memory.read(address, size, None).unwrap() == expected, "{}", file.name);
                    assert!(*memory.data(address, size, size).unwrap() == *expected, "{}", file.name);
                    let at = (address - file.file.base_address().0) as usize;
                    assert!(layout[at..at + size as usize] == *expected, "{}", file.name);
                    // Holes can be large: their ends are enough.
                    let hole = &layout[end..at];
                    let mut ends = hole.iter().take(0x1_0000).chain(hole.iter().rev().take(0x1_0000));
                    assert!(ends.all(|byte| *byte == 0), "{}: a hole before {address:#x}", file.name);
                    end = at + size as usize;
                }
                assert_eq!(end, layout.len(), "{}", file.name);
            }
            if !pinned {
                memory.pin().unwrap();
            }
        }
        memory.unpin().unwrap();
    }
}

#[test]
fn a_slid_read_has_every_pointer_slid_and_all_else_as_it_was() {
    let mut count = 0;
    for (path, memory) in caches() {
        let pointers: HashMap<u64, Pointer> =
            memory.pointers(None).map(|found| found.unwrap()).map(|found| (found.address, found)).collect();
        count += pointers.len();
        for file in memory.group().files() {
            for mapping in file.file.mappings().iter().filter(|mapping| mapping.slide_info.is_some()) {
                let (address, size) = (mapping.address.0, mapping.size);
                let mut expected = memory.read(address, size, None).unwrap();
                let slid = memory.read(address, size, Some(SLIDE)).unwrap();
                for pointer in pointers.values().filter(|it| it.address >= address && it.address < address + size) {
                    let at = (pointer.address - address) as usize;
                    let value = pointer.target.wrapping_add(SLIDE).to_le_bytes();
                    expected[at..at + usize::from(pointer.size)].copy_from_slice(&value[..usize::from(pointer.size)]);
                }
                // Zeros that chains pass through lose their links, and nothing else does.
                let differ: Vec<_> = (0..expected.len()).filter(|at| expected[*at] != slid[*at]).collect();
                assert!(differ.iter().all(|at| slid[*at] == 0), "{}: {differ:?}", path.display());
            }
        }
    }
    assert!(count > 1000 || cache_folder("real/arm64e-objc").is_none(), "only {count} pointers");
}

//! Slid reads and pointers, against what was written.

use std::collections::BTreeMap;

use atlas_core::ErrorKind;
use atlas_core::bytes::Mode;
use atlas_core::memory::CacheMemory;
use atlas_core::model::{OpenCacheOptions, SharedCache};

use crate::builder::{Folder, Part};
use crate::slide::{Slot, Spec, encode};

const BASE: u64 = 0x1_8000_0000;
const DATA: u64 = BASE + 0x40_0000;
const SLIDE: u64 = 0x123_4000;

const V5: Spec = Spec { version: 5, size: 8, page_size: 0x4000, delta_mask: 0, value_add: BASE };

/// 200 pages of pointers, none in every third page, in two mappings of two files.
fn cache(folder: &Folder) -> (std::path::PathBuf, BTreeMap<u64, u64>) {
    let mut pointers = BTreeMap::new();
    let mut data = |address: u64, pages: usize| {
        let slots: Vec<_> = (0..pages)
            .filter(|page| page % 3 != 1)
            .flat_map(|page| (0..5).map(move |n| page * 0x4000 + n * 0x310 + page * 8))
            .map(|offset| (offset, Slot::Pointer(BASE + offset as u64 / 3)))
            .collect();
        for (offset, slot) in &slots {
            let Slot::Pointer(target) = slot else { continue };
            pointers.insert(address + *offset as u64, *target);
        }
        let mut bytes = vec![0x55; pages * 0x4000];
        let slide_info = encode(&V5, &slots, &mut bytes);
        Part { address, bytes, slide_info, ..Part::default() }
    };
    let (one, two) = (data(DATA, 150), data(DATA + 150 * 0x4000, 50));
    let text = Part { address: BASE, bytes: vec![3; 0x4000], ..Part::default() };
    let (path, _) = folder.cache(&[vec![text, one], vec![two]]);
    (path, pointers)
}

#[test]
fn all_pointers_and_those_of_any_range() {
    let folder = Folder::new();
    let (path, expected) = cache(&folder);
    let memory = CacheMemory::open(&path, Mode::Map).unwrap();
    let found = |range| -> Vec<(u64, u64)> {
        memory.pointers(range).map(|found| found.unwrap()).map(|found| (found.address, found.target)).collect()
    };
    assert_eq!(found(None), expected.iter().map(|(at, to)| (*at, *to)).collect::<Vec<_>>());
    let ends = [0, BASE, DATA, DATA + 1, DATA + 0x4000 * 64, DATA + 0x4000 * 149 + 9, DATA + 0x4000 * 150, u64::MAX];
    for start in ends {
        for end in ends.into_iter().filter(|end| *end >= start) {
            let expected: Vec<_> = expected.range(start..end).map(|(at, to)| (*at, *to)).collect();
            assert_eq!(found(Some(start..end)), expected, "{start:#x}..{end:#x}");
        }
    }
    #[allow(clippy::reversed_empty_ranges, reason = "that is the point")]
    let backwards = found(Some(DATA + 100..DATA));
    assert_eq!(backwards, []);
}

#[test]
fn bytes_as_a_process_sees_them() {
    let folder = Folder::new();
    let (path, expected) = cache(&folder);
    let memory = CacheMemory::open(&path, Mode::Map).unwrap();
    let size = 200 * 0x4000;
    let raw = memory.read(DATA, size, None).unwrap();
    let mut whole = raw.clone();
    for (address, target) in &expected {
        let at = (address - DATA) as usize;
        whole[at..at + 8].copy_from_slice(&(target + SLIDE).to_le_bytes());
    }
    assert!(raw != whole);
    for pinned in [false, true] {
        assert!(memory.read(DATA, size, Some(SLIDE)).unwrap() == whole);
        // Windows that cut pointers, pages, and both mappings.
        for start in [0, 1, 7, 0x30c, 0x3ffe, 149 * 0x4000, 150 * 0x4000 - 3] {
            for length in [1_usize, 8, 0x311, 0x4003, 3 * 0x4000] {
                let window = memory.read(DATA + start, length as u64, Some(SLIDE)).unwrap();
                assert!(window == whole[start as usize..][..length], "{start:#x} {length:#x}");
            }
        }
        assert_eq!(memory.read(BASE, 0x4000, Some(SLIDE)).unwrap(), [3; 0x4000], "no pointers there");
        if !pinned {
            memory.pin().unwrap();
        }
    }
    memory.unpin().unwrap();
}

#[test]
fn broken_slide_info_is_an_error_of_its_file() {
    let folder = Folder::new();
    let part = Part { address: BASE, bytes: vec![3; 0x4000], slide_info: vec![0xff; 64], ..Part::default() };
    let (path, _) = folder.cache(&[vec![part]]);
    let memory = CacheMemory::open(&path, Mode::Map).unwrap();
    assert_eq!(memory.read(BASE, 4, None).unwrap(), [3; 4], "as in the file it can be read");
    let found: Vec<_> = memory.pointers(None).collect();
    assert_eq!(found.len(), 1);
    for error in [memory.read(BASE, 4, Some(0)).unwrap_err(), found.into_iter().next().unwrap().unwrap_err()] {
        assert!(matches!(error.kind(), ErrorKind::Cache(_)), "{error}");
        assert_eq!(error.location().entry.as_deref(), Some("dyld_shared_cache_arm64e"));
    }
}

#[test]
fn pages_without_a_bound_are_neither_listed_nor_read() {
    let folder = Folder::new();
    for (page_size, goes) in [(1 << 20, true), (1 << 21, false)] {
        let spec = Spec { page_size, ..V5 };
        let mut bytes = vec![3; 0x4000];
        let slide_info = encode(&spec, &[(8, Slot::Pointer(BASE))], &mut bytes);
        let (path, _) = folder.cache(&[vec![Part { address: BASE, bytes, slide_info, ..Part::default() }]]);
        let memory = CacheMemory::open(&path, Mode::Map).unwrap();
        let read = memory.read(BASE + 8, 8, Some(SLIDE)).map_err(|error| error.to_string());
        let listed: Vec<_> = memory.pointers(None).map(|found| found.map_err(|error| error.to_string())).collect();
        // One rule for all who walk pages, so one error.
        let error = read.clone().err();
        assert_eq!((listed.len(), listed[0].as_ref().err()), (1, error.as_ref()));
        assert_eq!(read.ok(), goes.then(|| (BASE + SLIDE).to_le_bytes().to_vec()));
        assert!(error.is_none_or(|error| error.contains("page_size") && error.contains("2097152")));
        let cache = SharedCache::open(&path, OpenCacheOptions::default()).unwrap();
        assert_eq!(cache.verify().unwrap().iter().any(|finding| finding.contains("page_size")), !goes);
    }
}

//! Caches of random shape against a plain array of bytes.

use std::sync::Arc;

use atlas_core::bytes::Mode;
use atlas_core::memory::CacheMemory;
use atlas_core::model::{OpenCacheOptions, SharedCache};
use atlas_core::{Error, ErrorKind};
use proptest::prelude::*;

use crate::builder::{Folder, Part};

const BASE: u64 = 0x1_8000_0000;
const PAGE: u64 = 0x1000;

/// Each address from `BASE` on: its byte, where it is mapped.
type Model = Vec<Option<u8>>;

/// Sizes of gaps and mappings in bytes: mostly whole pages, as in real caches.
fn size() -> impl Strategy<Value = u64> {
    prop_oneof![4 => (0..4_u64).prop_map(|pages| pages * PAGE), 1 => 0..3 * PAGE, 1 => 0..20_u64]
}

fn shape() -> impl Strategy<Value = Vec<(u64, u64, usize, usize)>> {
    let skew = prop_oneof![4 => Just(0_usize), 1 => 0..0x1000_usize];
    prop::collection::vec((size(), size(), 0..3_usize, skew), 1..10)
}

fn build(shape: &[(u64, u64, usize, usize)]) -> (Vec<Vec<Part>>, Model) {
    let (mut files, mut model) = (vec![Vec::new(); 3], Model::new());
    // The main file must have a mapping.
    files[0].push(Part { address: BASE, bytes: vec![7; 0x1000], ..Part::default() });
    model.extend([Some(7); 0x1000]);
    for (number, &(gap, size, file, skew)) in shape.iter().enumerate() {
        model.resize(model.len() + gap as usize, None);
        let address = BASE + model.len() as u64;
        // Few zeros, and some of them at the end.
        let zeros = (size / 3) * (number as u64 % 2);
        let byte = |at: u64| if at + zeros >= size { 0 } else { (address + at * 7) as u8 | 1 };
        let bytes: Vec<u8> = (0..size).map(byte).collect();
        model.extend(bytes.iter().map(|byte| Some(*byte)));
        files[file].push(Part { address, bytes, skew, ..Part::default() });
    }
    (files, model)
}

/// What the model says of a range: its bytes, or the first address that is not mapped.
fn expected(model: &Model, address: u64, size: u64) -> Result<Vec<u8>, u64> {
    let byte = |at: u64| at.checked_sub(BASE).and_then(|at| *model.get(at as usize)?).ok_or(at);
    (address..address + size).map(byte).collect()
}

fn unmapped(error: &Error) -> u64 {
    match error.kind() {
        ErrorKind::UnmappedAddress(address) => *address,
        _ => panic!("{error}"),
    }
}

fn check(memory: &CacheMemory, model: &Model, queries: &[(u64, u64, u64)]) {
    for &(at, size, more) in queries {
        let address = (BASE - 100).saturating_add(at % (model.len() as u64 + 200));
        let read = memory.read(address, size, None).map_err(|error| unmapped(&error));
        assert_eq!(read, expected(model, address, size), "read({address:#x}, {size:#x})");
        let (file_size, vm_size) = (size, size + more);
        for (file_size, vm_size) in [(file_size, vm_size), (vm_size, vm_size), (vm_size, file_size)] {
            let data = memory.data(address, file_size, vm_size).map(|data| data.to_vec());
            let model = expected(model, address, file_size.min(vm_size)).map(|mut bytes| {
                bytes.resize(vm_size as usize, 0);
                bytes
            });
            assert!(
                data.map_err(|error| unmapped(&error)) == model,
                "data({address:#x}, {file_size:#x}, {vm_size:#x})"
            );
        }
    }
}

fn check_layouts(memory: &CacheMemory, files: &[Vec<Part>]) {
    for (position, parts) in files.iter().enumerate() {
        let base = parts.iter().map(|part| part.address).next().unwrap_or(0);
        let mut bytes = Vec::new();
        for part in parts {
            let start = (part.address - base) as usize;
            bytes.resize(bytes.len().max(start + part.bytes.len()), 0);
            bytes[start..start + part.bytes.len()].copy_from_slice(&part.bytes);
        }
        let found = memory.layout(position, None).unwrap();
        let is_exact = parts.last().is_none_or(|part| !part.bytes.is_empty());
        assert!(!is_exact || found.len() == bytes.len(), "{} and {} bytes", found.len(), bytes.len());
        assert!(bytes.starts_with(&found), "layout of file {position}");
        bytes.resize(bytes.len() + 0x1234, 0);
        assert!(*memory.layout(position, Some(bytes.len() as u64)).unwrap() == *bytes);
        bytes.truncate(0x123);
        assert!(*memory.layout(position, Some(0x123)).unwrap() == *bytes);
    }
}

fn open(path: &std::path::Path, mode: Mode) -> Arc<CacheMemory> {
    let memory = CacheMemory::open(path, mode).unwrap();
    assert!(memory.group().missing().is_empty(), "{:?}", memory.group().warnings());
    memory
}

#[test]
fn too_many_mappings_are_not_pinned() {
    let folder = Folder::new();
    let parts = |file: u64| -> Vec<Part> {
        let part = |n: u64| Part { address: BASE + (file * 1024 + n) * 0x2000, bytes: vec![9; 16], ..Part::default() };
        (0..1024).map(part).collect()
    };
    let (path, _) = folder.cache(&(0..17).map(parts).collect::<Vec<_>>());
    let memory = open(&path, Mode::Map);
    let error = memory.pin().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Limit { limit: 16384, .. }), "{error}");
    assert_eq!(memory.layout(3, None).unwrap()[0x2000..0x2010], [9; 16]);
    let error = memory.layout(17, None).unwrap_err();
    assert!(error.to_string().contains("one of 17 files"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_caches(
        shape in shape(),
        queries in prop::collection::vec((any::<u64>(), size(), size()), 1..30),
    ) {
        let (files, model) = build(&shape);
        let folder = Folder::new();
        let (path, _) = folder.cache(&files);
        for mode in [Mode::Map, Mode::Copy] {
            let memory = open(&path, mode);
            check(&memory, &model, &queries);
            check_layouts(&memory, &files);
            memory.pin().unwrap();
            check(&memory, &model, &queries);
            let whole: Vec<u8> = model.iter().map(|byte| byte.unwrap_or(0)).collect();
            let pinned = memory.pinned().unwrap();
            prop_assert_eq!(memory.extent().0, BASE);
            prop_assert!(whole.starts_with(&pinned), "{} and {} bytes", pinned.len(), whole.len());
            prop_assert!(expected(&model, BASE + pinned.len() as u64, 1).is_err(), "it ends with the last mapping");
            drop(pinned);
            memory.unpin().unwrap();
            check(&memory, &model, &queries);
        }
    }
}

#[test]
fn ranges_at_the_end_of_all_addresses() {
    let folder = Folder::new();
    let part = |address: u64| Part { address, bytes: vec![9; 0x1000], ..Part::default() };
    // No mapping may pass the end, so that the last byte is never mapped.
    let (path, _) = folder.cache(&[vec![part(BASE), part(u64::MAX - 0x1000)]]);
    let memory = open(&path, Mode::Map);
    assert_eq!(memory.read(u64::MAX - 8, 8, None).unwrap(), [9; 8]);
    assert_eq!(unmapped(&memory.read(u64::MAX - 8, 9, None).unwrap_err()), u64::MAX);
    assert_eq!(unmapped(&memory.read(u64::MAX - 8, u64::MAX, None).unwrap_err()), u64::MAX);
    assert_eq!(unmapped(&memory.read(u64::MAX, 1, None).unwrap_err()), u64::MAX);
    assert!(memory.read(u64::MAX, 0, None).unwrap().is_empty());
    for error in [memory.pin().unwrap_err(), memory.layout(0, None).unwrap_err()] {
        assert!(matches!(error.kind(), ErrorKind::Limit { .. }), "{error}");
    }
    assert_eq!(memory.pin_count(), 0);
}

#[test]
fn sizes_that_no_machine_has() {
    let folder = Folder::new();
    let (path, _) = folder.cache(&[vec![Part { address: BASE, bytes: vec![9; 0x1000], ..Part::default() }]]);
    let memory = open(&path, Mode::Map);
    for size in [1 << 40, 1 << 62, 1 << 63, u64::MAX] {
        assert_eq!(unmapped(&memory.read(BASE, size, None).unwrap_err()), BASE + 0x1000);
        assert_eq!(unmapped(&memory.data(BASE, size, size).unwrap_err()), BASE + 0x1000);
        for error in [memory.data(BASE, 10, size).unwrap_err(), memory.layout(0, Some(size)).unwrap_err()] {
            assert!(matches!(error.kind(), ErrorKind::Limit { requested, .. } if *requested == size), "{error}");
        }
    }
    // Zero fill costs nothing until it is read.
    let data = memory.data(BASE, 10, 1 << 34).unwrap();
    assert_eq!((data.len(), &data[..12], data[1 << 33]), (1 << 34, &[9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 0, 0][..], 0));
}

#[test]
fn long_zero_fill_is_not_searched_but_zero() {
    let folder = Folder::new();
    let mut bytes = vec![9; 0x20_0000];
    bytes[0x1000..0x1f_0000].fill(0);
    let (path, _) = folder.cache(&[vec![Part { address: BASE, bytes: bytes.clone(), ..Part::default() }]]);
    let memory = open(&path, Mode::Map);
    let data = memory.data(BASE, 0x1000, 0x20_0000).unwrap();
    bytes[0x1000..].fill(0);
    assert!(*data == *bytes);
}

#[test]
fn the_file_of_symbols_is_no_memory() {
    let Some(folder) = crate::support::caches::cache_folder("split/macos13-v2") else { return };
    let memory = open(&folder.join("dyld_shared_cache_arm64e"), Mode::Map);
    let expected = std::fs::read(folder.join("dyld_shared_cache_arm64e.symbols")).unwrap();
    assert_eq!(memory.symbols().unwrap().unwrap()[..], expected);
    assert_eq!(unmapped(&memory.read(0, 1, None).unwrap_err()), 0);
    let own = Folder::new();
    let (path, _) = own.cache(&[vec![Part { address: BASE, bytes: vec![9; 0x1000], ..Part::default() }]]);
    assert!(open(&path, Mode::Map).symbols().unwrap().is_none());
}

#[test]
fn nothing_is_copied_where_a_range_lies_in_one_mapping() {
    let folder = Folder::new();
    let mut bytes = vec![9; 0x8000];
    bytes[0x6000..].fill(0);
    let (path, offsets) = folder.cache(&[vec![Part { address: BASE, bytes, ..Part::default() }]]);
    let memory = open(&path, Mode::Map);
    let file = memory.group().main().file.bytes()[offsets[0][0] as usize..].as_ptr();
    let place = |file_size, vm_size| memory.data(BASE, file_size, vm_size).unwrap().as_ptr();
    assert_eq!(place(0x4000, 0x4000), file);
    assert_eq!(place(0x6000, 0x8000), file, "zero there, too");
    assert_ne!(place(0x5fff, 0x8000), file, "one byte is not");
    assert_eq!(memory.data(BASE, 0x5fff, 0x8000).unwrap()[0x5ffd..0x6001], [9, 9, 0, 0]);
    memory.pin().unwrap();
    let pinned = memory.pinned().unwrap();
    assert_eq!(place(0x4000, 0x4000), pinned.as_ptr());
    assert_eq!(place(0x6000, 0x8000), pinned.as_ptr());
}

/// Found by fuzzing: a file is laid out from its first mapping on, which need not be its lowest.
#[test]
fn a_mapping_that_begins_below_the_first_is_laid_out_from_there() {
    let folder = Folder::new();
    let part = |address, bytes| Part { address, bytes, ..Part::default() };
    let low = (0..0x4000).map(|n: u32| n as u8 ^ (n >> 8) as u8).collect::<Vec<u8>>();
    let (path, _) = folder.cache(&[vec![part(BASE + 0x2000, vec![9; 0x1000]), part(BASE, low.clone())]]);
    let memory = open(&path, Mode::Map);
    // Where they overlap, the one that starts first counts, in reads as in layouts.
    let laid_out = memory.layout(0, Some(0x3000)).unwrap();
    assert!(laid_out[..0x2000] == low[0x2000..] && laid_out[0x2000..] == [0; 0x1000]);
    assert!(laid_out[..0x2000] == memory.read(BASE + 0x2000, 0x2000, None).unwrap());
}

#[test]
fn a_mapping_that_another_hides_has_its_own_bytes() {
    let folder = Folder::new();
    let part = |address, bytes| Part { address, bytes, ..Part::default() };
    let (path, offsets) = folder.cache(&[vec![
        part(BASE, vec![1; 0x4000]),
        part(BASE + 0x2000, vec![2; 0x4000]),
        part(BASE + 0x8000, vec![3; 0x1000]),
    ]]);
    let memory = open(&path, Mode::Map);
    let data = |mapping, size| memory.mapping_data(0, mapping, size);
    assert!(data(1, 0x4000).unwrap()[..] == [2; 0x4000]);
    assert!(data(0, 0x4000).unwrap()[..] == [1; 0x4000] && data(2, 0x1000).unwrap()[..] == [3; 0x1000]);
    for error in [data(3, 1), memory.mapping_data(1, 0, 1)].map(Result::unwrap_err) {
        assert!(matches!(error.kind(), ErrorKind::Cache(_)), "{error}");
    }
    // A file that is shorter than its header says.
    std::fs::File::options().write(true).open(&path).unwrap().set_len(offsets[0][2] + 0x800).unwrap();
    let short = open(&path, Mode::Map);
    let error = short.mapping_data(0, 2, 0x1000).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Cache(_)) && error.location().entry.is_some(), "{error}");
    assert!(short.mapping_data(0, 2, 0x800).unwrap()[..] == [3; 0x800]);
}

#[test]
fn a_cache_may_end_where_the_address_space_does() {
    let folder = Folder::new();
    let base = 0_u64.wrapping_sub(0x8000);
    let part = |address, byte| Part { address, bytes: vec![byte; 0x2000], ..Part::default() };
    let (path, _) = folder.cache(&[vec![part(base, 1), part(base + 0x6000, 2)]]);
    let memory = open(&path, Mode::Map);
    assert_eq!(memory.read(u64::MAX - 7, 8, None).unwrap(), [2; 8]);
    assert!(matches!(memory.read(u64::MAX, 2, None).unwrap_err().kind(), ErrorKind::UnmappedAddress(0)));
    let whole = [vec![1; 0x2000], vec![0; 0x4000], vec![2; 0x2000]].concat();
    assert!(memory.layout(0, None).unwrap()[..] == whole);
    assert_eq!(memory.extent(), (base, 0x8000));
    memory.pin().unwrap();
    assert!(memory.pinned().unwrap()[..] == whole && memory.data(u64::MAX - 7, 8, 8).unwrap()[..] == [2; 8]);
    memory.unpin().unwrap();
}

/// Nothing keeps a builder from giving two files one UUID.
#[test]
fn files_of_one_uuid_are_told_apart() {
    let folder = Folder::new();
    let part = |address, byte| Part { address, bytes: vec![byte; 0x2000], ..Part::default() };
    let files = [vec![part(BASE, 1)], vec![part(BASE + 0x1_0000, 2)], vec![part(BASE + 0x2_0000, 3)]];
    let (path, _) = folder.cache(&files);
    let mut main = std::fs::read(&path).unwrap();
    let entries = u32::from_le_bytes(main[0x188..0x18c].try_into().unwrap()) as usize;
    main.copy_within(entries..entries + 16, entries + 56);
    std::fs::write(&path, &main).unwrap();
    let second = path.with_extension("02");
    let mut bytes = std::fs::read(&second).unwrap();
    bytes[0x58..0x68].copy_from_slice(&main[entries..entries + 16]);
    std::fs::write(&second, bytes).unwrap();
    let cache = SharedCache::open(&path, OpenCacheOptions::default()).unwrap();
    assert_eq!(cache.positions(), [Some(0), Some(1), Some(2)]);
    assert_eq!(cache.memory().unwrap().layout(2, None).unwrap()[0], 3);
    // The one that is left does not stand for the one that is not.
    std::fs::remove_file(&second).unwrap();
    let cache = SharedCache::open(&path, OpenCacheOptions::default()).unwrap();
    assert_eq!(cache.positions(), [Some(0), Some(1), None]);
}

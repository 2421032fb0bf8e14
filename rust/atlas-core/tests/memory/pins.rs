//! Pinning: once for all who have the same files, counted, and nothing is left behind.

use std::path::Path;
use std::sync::Arc;

use atlas_core::bytes::Mode;
use atlas_core::cache::Wanted;
use atlas_core::memory::{CacheMemory, UnpinError};

use crate::builder::{Folder, Part};

const BASE: u64 = 0x1_8000_0000;

fn part(number: u64) -> Part {
    Part { address: BASE + number * 0x20_0000, bytes: vec![number as u8 + 1; 0x1_0000], ..Part::default() }
}

/// Six mappings of three files.
fn cache(folder: &Folder) -> std::path::PathBuf {
    folder.cache(&[vec![part(0), part(1)], vec![part(2), part(3)], vec![part(4), part(5)]]).0
}

/// How many ranges of this process's address space files of `folder` take.
#[cfg(target_os = "linux")]
fn mappings(folder: &Path) -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.contains(&*folder.to_string_lossy())).count()
}

/// How many descriptors of this process lead into `folder`.
#[cfg(target_os = "linux")]
fn descriptors(folder: &Path) -> usize {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap();
    entries
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter(|to| to.starts_with(folder))
        .count()
}

#[test]
fn pins_are_counted() {
    let folder = Folder::new();
    let memory = CacheMemory::open(&cache(&folder), Mode::Map).unwrap();
    assert!(memory.pinned().is_none());
    assert_eq!(memory.unpin(), Err(UnpinError::NotPinned));
    memory.pin().unwrap();
    let first = memory.pinned().unwrap();
    memory.pin().unwrap();
    assert_eq!((memory.pin_count(), memory.pinned().unwrap().as_ptr()), (2, first.as_ptr()));
    memory.unpin().unwrap();
    assert_eq!(memory.unpin(), Err(UnpinError::InUse(1)), "`first` is in use");
    let part = memory.data(BASE + 0x20_0000, 100, 100).unwrap();
    assert_eq!(memory.unpin(), Err(UnpinError::InUse(2)));
    assert_eq!(memory.unpin().unwrap_err().to_string(), "2 buffers of the pinned cache are in use");
    drop(first);
    assert_eq!(memory.unpin(), Err(UnpinError::InUse(1)), "so is a part of it");
    assert_eq!(memory.pin_count(), 1, "it stays pinned");
    drop(part);
    memory.unpin().unwrap();
    assert_eq!(memory.unpin(), Err(UnpinError::NotPinned));
    assert_eq!((memory.pin_count(), memory.pinned().is_none()), (0, true));
}

#[test]
fn buffers_of_files_do_not_hinder_unpinning_and_outlive_all() {
    let folder = Folder::new();
    let memory = CacheMemory::open(&cache(&folder), Mode::Map).unwrap();
    let before = memory.data(BASE, 100, 100).unwrap();
    memory.pin().unwrap();
    memory.unpin().unwrap();
    memory.pin().unwrap();
    let pinned = memory.data(BASE, 100, 100).unwrap();
    assert_ne!(before.as_ptr(), pinned.as_ptr());
    drop(memory);
    assert_eq!((&before[..], &pinned[..]), (&[1; 100][..], &[1; 100][..]));
}

#[test]
fn all_who_have_the_same_files_share_one_range() {
    let folder = Folder::new();
    let path = cache(&folder);
    let [one, two] = [(); 2].map(|()| CacheMemory::open(&path, Mode::Map).unwrap());
    one.pin().unwrap();
    two.pin().unwrap();
    let of_two = two.pinned().unwrap();
    assert_eq!(one.pinned().unwrap().as_ptr(), of_two.as_ptr());
    // What one has in use does not keep the other.
    one.unpin().unwrap();
    assert_eq!(one.unpin(), Err(UnpinError::NotPinned), "the other's pin is the other's");
    assert_eq!(two.unpin(), Err(UnpinError::InUse(1)));
    assert!(of_two.iter().step_by(0x1_0000).any(|byte| *byte == 6));

    let copy = CacheMemory::open(&path, Mode::Copy).unwrap();
    copy.pin().unwrap();
    assert_ne!(copy.pinned().unwrap().as_ptr(), of_two.as_ptr(), "a copy is not what others mapped");
    assert!(*copy.pinned().unwrap() == *of_two);

    // Other files under the same names are another cache.
    let changed = part(0);
    folder.cache(&[vec![Part { bytes: vec![0x77; 0x1_0000], ..changed }, part(1)]]);
    let other = CacheMemory::open(&path, Mode::Map).unwrap();
    other.pin().unwrap();
    assert_eq!(other.pinned().unwrap()[0], 0x77);
    assert_ne!(other.pinned().unwrap().as_ptr(), of_two.as_ptr());
}

#[cfg(target_os = "linux")]
#[test]
fn many_threads_map_once_and_nothing_is_left() {
    const THREADS: usize = 16;
    let folder = Folder::new();
    let path = cache(&folder);
    let open = || CacheMemory::open(&path, Mode::Map).unwrap();
    let shared = open();
    assert_eq!((mappings(folder.path()), descriptors(folder.path())), (3, 3), "each file once");
    let barrier = Arc::new(std::sync::Barrier::new(THREADS));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (shared, barrier, open, folder) = (Arc::clone(&shared), Arc::clone(&barrier), &open, &folder);
                scope.spawn(move || {
                    let memory = if thread % 2 == 0 { shared } else { open() };
                    barrier.wait();
                    memory.pin().unwrap();
                    let place = memory.pinned().unwrap().as_ptr() as usize;
                    barrier.wait();
                    // Beside each file the six pieces; nobody maps or unmaps until all have counted.
                    let count = mappings(folder.path());
                    barrier.wait();
                    memory.unpin().unwrap();
                    (place, count)
                })
            })
            .collect();
        let found: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(found.iter().all(|it| *it == (found[0].0, 3 + 6)), "{found:?}");
    });
    assert_eq!((mappings(folder.path()), descriptors(folder.path())), (3, 3));
    let data = shared.data(BASE, 100, 100).unwrap();
    drop(shared);
    assert_eq!((mappings(folder.path()), descriptors(folder.path())), (1, 0), "only what is in use");
    drop(data);
    assert_eq!(mappings(folder.path()), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_failed_opening_or_pin_leaves_nothing() {
    let folder = Folder::new();
    let far = Part { address: 1 << 62, bytes: vec![1; 0x1000], ..Part::default() };
    let (path, _) = folder.cache(&[vec![part(0), far]]);
    let memory = CacheMemory::open(&path, Mode::Map).unwrap();
    assert!(memory.pin().is_err());
    assert_eq!((mappings(folder.path()), descriptors(folder.path())), (1, 1));
    drop(memory);
    let broken = folder.file("broken", &[1; 0x1000]);
    assert!(CacheMemory::open(&broken, Mode::Map).is_err());
    assert_eq!((mappings(folder.path()), descriptors(folder.path())), (0, 0));
}

#[cfg(target_os = "linux")]
#[test]
fn more_files_than_descriptors_that_are_kept() {
    use atlas_core::memory::SourceFile;
    let folder = Folder::new();
    let file = |number: usize| folder.file(&number.to_string(), &[number as u8; 0x1000]);
    let sources: Vec<_> = (0..300).map(|number| SourceFile::open(&file(number), Mode::Map).unwrap()).collect();
    let kept = descriptors(folder.path());
    assert!((1..=128).contains(&kept), "{kept} descriptors for 300 files");
    assert!(sources.iter().enumerate().all(|(number, source)| source.bytes()[..] == [number as u8; 0x1000]));
    // The same file again is the same source.
    let again = SourceFile::open(&folder.path().join("7"), Mode::Map).unwrap();
    assert!(Arc::ptr_eq(&again, &sources[7]));
    assert!(!Arc::ptr_eq(&SourceFile::open(&folder.path().join("7"), Mode::Copy).unwrap(), &sources[7]));
}

#[test]
fn bytes_that_were_given_are_told_apart_by_where_they_lie() {
    use atlas_core::bytes::Bytes;
    use atlas_core::memory::SourceFile;
    let folder = Folder::new();
    let file = |byte: u8| {
        let (path, _) = folder.cache(&[vec![Part { bytes: vec![byte; 0x1_0000], ..part(0) }]]);
        Bytes::from(std::fs::read(path).unwrap())
    };
    let open = |bytes: &Bytes| {
        let given = |wanted: &Wanted<'_>| Ok(Arc::new(SourceFile::from_bytes(wanted.path.to_owned(), bytes.clone())));
        let memory = CacheMemory::open_with(Path::new("dyld_shared_cache_arm64e"), Mode::Map, &mut { given }).unwrap();
        memory.pin().unwrap();
        memory
    };
    let (one, two) = (file(1), file(2));
    let (first, again, other) = (open(&one), open(&one), open(&two));
    assert_eq!(first.pinned().unwrap().as_ptr(), again.pinned().unwrap().as_ptr());
    assert_eq!((first.pinned().unwrap()[0], other.pinned().unwrap()[0]), (1, 2));
}

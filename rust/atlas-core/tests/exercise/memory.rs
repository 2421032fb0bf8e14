//! The memory of a shared cache whose files are on disk: reads, slid reads, buffers, layouts, pointers, pins.

use std::fs;
use std::path::{Path, PathBuf};

use atlas_core::bytes::{Bytes, Mode};
use atlas_core::cache::{CacheGroup, SlideInfo};
use atlas_core::memory::CacheMemory;

use super::refuse;

/// Pointers that are asked for.
const MOST_POINTERS: usize = 1000;
/// Bytes of address space that are laid out: what one input asks for is bounded, but not so that it takes no time.
const MOST_LAID_OUT: u64 = 1 << 24;
const SLIDE: u64 = 0x1357_9000;

/// Whether this input's turn has come: files take longer to write than all the rest.
pub fn has_turn(data: &[u8]) -> bool {
    data.iter().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into())).is_multiple_of(16)
}

/// A folder that goes with its files.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

/// Compares `group`, which was opened from memory, with the same files on disk.
pub fn memory(group: &CacheGroup, files: &[(String, Bytes)]) {
    let name = format!("dyld-atlas-exercise-{}-{:?}", std::process::id(), std::thread::current().id());
    let folder = Folder(std::env::temp_dir().join(name));
    fs::create_dir_all(&folder.0).expect("a folder for temporary files");
    for (name, bytes) in files {
        // A name may be longer than the system takes.
        if fs::write(folder.0.join(name), &bytes[..]).is_err() {
            return;
        }
    }
    let main = folder.0.join(&group.main().name);
    for mode in [Mode::Map, Mode::Copy] {
        compare(group, &main, mode);
    }
}

fn compare(group: &CacheGroup, main: &Path, mode: Mode) {
    let memory = CacheMemory::open(main, mode).expect("the same bytes were opened before");
    assert_eq!((memory.group().files().len(), memory.group().missing()), (group.files().len(), group.missing()));
    let mappings = || group.files().iter().flat_map(|file| file.file.mappings()).take(20);
    for address in mappings().flat_map(|it| [it.address.0, it.address.0.wrapping_add(it.size / 2), it.end()]) {
        for size in [0, 1, 8, 100, 5000] {
            read(group, &memory, address.wrapping_sub(3), size);
        }
    }
    for pointer in memory.pointers(None).take(MOST_POINTERS) {
        let (Ok(pointer), true) = (pointer, memory.group().missing().is_empty()) else { continue };
        let size = u64::from(pointer.size);
        if let Ok(bytes) = memory.read(pointer.address, size, Some(0)) {
            assert_eq!(bytes.len(), usize::from(pointer.size));
        }
    }
    let (_, size) = memory.extent();
    if size <= MOST_LAID_OUT {
        match memory.pin() {
            Ok(()) => {
                for mapping in mappings() {
                    read(group, &memory, mapping.address.0, 64);
                }
                assert_eq!(memory.pinned().map(|bytes| bytes.len() as u64), Some(size));
                memory.unpin().expect("no buffer of it is left");
            }
            Err(error) => {
                refuse(&error);
            }
        }
    }
    for (position, file) in group.files().iter().enumerate() {
        match memory.layout(position, Some(0x8000)) {
            Ok(bytes) => {
                let start = file.file.base_address().0;
                let first = group.slice(start, 1);
                assert!(
                    bytes.len() == 0x8000
                        && first.is_none_or(
                            |first| group.at(start).is_some_and(|it| it.file != position) || first[0] == bytes[0]
                        )
                );
            }
            Err(error) => {
                refuse(&error);
            }
        }
    }
}

/// A read is what the group has there; a slid one what the slide info makes of it.
fn read(group: &CacheGroup, memory: &CacheMemory, address: u64, size: u64) {
    match (memory.read(address, size, None), group.slice(address, size)) {
        (Ok(bytes), Some(expected)) => assert!(bytes == expected[..]),
        (Ok(bytes), None) => assert!(bytes.len() as u64 == size),
        (Err(error), slice) => {
            refuse(&error);
            assert!(slice.is_none(), "{error}");
        }
    }
    match memory.data(address, size / 2, size) {
        Ok(bytes) => {
            assert!(bytes.len() as u64 == size && bytes[(size / 2) as usize..].iter().all(|byte| *byte == 0));
            if let Some(expected) = group.slice(address, size / 2) {
                assert!(bytes[..(size / 2) as usize] == expected[..]);
            }
        }
        Err(error) => {
            refuse(&error);
        }
    }
    let slid = memory.read(address, size, Some(SLIDE));
    let (Some(place), Some(expected)) = (group.at(address), group.slice(address, size)) else { return };
    let file = &group.files()[place.file].file;
    let mapping = &file.mappings()[place.mapping];
    let mut expected = expected.to_vec();
    let rebased = SlideInfo::of(file, mapping, group.pointer_size()).and_then(|info| {
        let Some(info) = info else { return Ok(()) };
        let bytes = &file.bytes()[mapping.file_range(file.bytes().len())];
        info.rebase(bytes, place.file_offset - mapping.file_offset, &mut expected, SLIDE)
    });
    match (slid, rebased) {
        (Ok(slid), Ok(())) => assert!(slid == expected),
        (slid, rebased) => assert!(size == 0 || (slid.is_err() && rebased.is_err())),
    }
}

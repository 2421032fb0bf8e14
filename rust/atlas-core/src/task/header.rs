//! Mach-O headers as they lie in the memory of a process.

use super::memory::{TaskMemory, read_all};
use super::written::{WrittenImage, WrittenSegment};
use crate::error::Result;
use crate::macho::{self, Slice, View, constants::file_type};

/// What is read at first: the load commands of most images fit.
const FIRST: usize = 4096;

/// The most that the header and the load commands of an image may take. The largest real ones have some 30 KiB.
const MOST: usize = 1 << 20;

/// Bytes of headers that are read where only a few are looked for.
pub(super) const FEW: usize = 16 << 20;

/// Read, write and execute. A record has room for these; what else a header claims would make all of it unsound.
const ACCESS: u32 = 7;

/// The header at `address` with what its load commands say; `None` where there is no sound one.
///
/// `budget` is what all headers together may take, in bytes: they may lie in each other, so that what is there is no
/// bound. Each takes its part of it, sound or not; where none is left nothing is read.
///
/// # Errors
/// Those of [`TaskMemory::read`].
pub(super) fn header_at(task: &dyn TaskMemory, address: u64, budget: &mut usize) -> Result<Option<Slice>> {
    let mut first = [0; FIRST];
    let count = task.read(address, &mut first)?.min(FIRST);
    let first = first.get(..count).unwrap_or_default();
    // All processes are little-endian.
    let size = macho::outline_size(first).filter(|size| *size <= MOST && macho::is_little_endian(first));
    let Some(size) = size else { return Ok(None) };
    let Some(left) = budget.checked_sub(size) else { return Ok(None) };
    *budget = left;
    if let Some(whole) = first.get(..size) {
        return Ok(parsed(whole));
    }
    Ok(read_all(task, address, size)?.and_then(|whole| parsed(&whole)))
}

fn parsed(whole: &[u8]) -> Option<Slice> {
    let view = View::parse(whole).ok()?;
    Some(Slice::from_view(&view, 0, whole.len() as u64))
}

/// Whether an image of that kind is loaded into processes: executables, libraries, dyld, bundles.
pub(super) const fn is_loaded(kind: u32) -> bool {
    matches!(kind, file_type::EXECUTE | file_type::DYLIB | file_type::DYLINKER | file_type::BUNDLE)
}

/// The image whose header is at `address`.
pub(super) fn image(address: u64, header: &Slice) -> WrittenImage {
    // A segment whose size no address space has would make the whole record unsound.
    let sound = |size: u64| i64::try_from(size).is_ok();
    let segments = header.segments.iter().filter(|segment| sound(segment.vm_size) && sound(segment.file_size));
    let segments = segments.map(|segment| WrittenSegment {
        name: segment.name.text().into_owned(),
        address: segment.preferred_load_address.0,
        vm_size: segment.vm_size,
        file_size: segment.file_size,
        file_offset: segment.file_offset & i64::MAX.cast_unsigned(),
        permissions: segment.initial_protection & ACCESS,
    });
    WrittenImage {
        address,
        preferred_load_address: header.preferred_load_address.0,
        uuid: header.uuid,
        install_name: header.install_name.clone(),
        file_path: None,
        segments: segments.collect(),
    }
}

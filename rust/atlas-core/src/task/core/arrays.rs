//! dyld's own lists in memory: its images, their UUIDs, and the translated ones.

use uuid::Uuid;

use crate::bytes::{Bytes, Cursor};

use super::super::all_image_infos::{AllImageInfos, Field, field};
use super::super::memory::PointerFormat;
use super::super::written::{WrittenAotImage, WrittenImage};
use super::Core;
use super::paths::{LONGEST, Paths};
use super::roster::Roster;

/// What of a path is read at first; most end there.
const FIRST: usize = 128;

/// An array in memory, as far as the core holds it.
struct Array {
    bytes: Bytes,
    /// Bytes of an entry.
    stride: usize,
    /// How many entries dyld says there are.
    claimed: u64,
}

impl Array {
    /// `None` where the array is NULL, as it is while dyld changes it, or the structure has none.
    fn at(core: &Core, infos: &AllImageInfos, array: Field, count: Field, stride: usize) -> Option<Self> {
        let (address, claimed) = (infos.pointer(array)?, infos.get(count)?);
        let size = usize::try_from(claimed).unwrap_or(usize::MAX).saturating_mul(stride);
        Some(Self { bytes: core.held_part(core.notes.stripped(address), size), stride, claimed })
    }

    /// The entries that are there whole.
    fn entries(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks_exact(self.stride)
    }

    /// Whether all are; if not, says so.
    fn is_whole(&self, what: &str, warnings: &mut Vec<String>) -> bool {
        let there = self.entries().count();
        if there as u64 >= self.claimed {
            return true;
        }
        warnings.push(format!("of {} {what} only {there} are in the core", self.claimed));
        false
    }
}

/// Pointer `index` of a structure that begins with pointers, without tag.
fn pointer(infos: &AllImageInfos, entry: &[u8], index: usize) -> Option<u64> {
    let mut cursor = Cursor::at(entry, index.checked_mul(infos.format().pointer_size())?);
    let pointer = match infos.format() {
        PointerFormat::Bits32 => u64::from(cursor.u32_le()?),
        PointerFormat::Bits64 => cursor.u64_le()?,
    };
    Some(infos.untagged(pointer))
}

/// The path at `address`.
fn path(core: &Core, address: u64, paths: &mut Paths) -> Option<String> {
    let address = core.notes.stripped(address);
    let mut bytes = [0; LONGEST];
    let mut length = 0;
    for end in [FIRST, LONGEST] {
        let rest = bytes.get_mut(length..end)?;
        let wanted = rest.len();
        let count = core.memory.read(address.checked_add(length as u64)?, rest);
        let ended = rest.contains(&0);
        length = length.saturating_add(count);
        if ended || count < wanted {
            break;
        }
    }
    paths.read(bytes.get(..length)?, false)
}

/// dyld's array of images, with dyld itself, which it does not list. Says whether the array was there, and whole.
pub(super) fn images(core: &Core, infos: &AllImageInfos, roster: &mut Roster, warnings: &mut Vec<String>) -> bool {
    // `dyld_image_info` is three pointers: address, path, time of the file.
    let stride = infos.format().pointer_size().saturating_mul(3);
    let array = Array::at(core, infos, field::INFO_ARRAY, field::INFO_ARRAY_COUNT, stride);
    let mut paths = Paths::new(core.bounds().text);
    roster.begin_list();
    for entry in array.iter().flat_map(Array::entries) {
        let Some(address) = pointer(infos, entry, 0).filter(|address| *address != 0) else { continue };
        let address = core.notes.stripped(address);
        let found = pointer(infos, entry, 1).filter(|path| *path != 0);
        roster.add_with(address, || {
            let file_path = found.and_then(|found| path(core, found, &mut paths));
            WrittenImage { address, file_path, ..WrittenImage::default() }
        });
    }
    let listed = !roster.is_empty();
    if let Some(dyld) = infos.pointer(field::DYLD_IMAGE_LOAD_ADDRESS) {
        let file_path = infos.pointer(field::DYLD_PATH).and_then(|found| path(core, found, &mut paths));
        roster.add(WrittenImage { address: core.notes.stripped(dyld), file_path, ..WrittenImage::default() });
    }
    warnings.extend(paths.warnings("in dyld's list of images"));
    array.is_some_and(|array| array.is_whole("images in dyld's list", warnings)) && listed
}

/// The UUIDs of images outside the shared cache: what is left of them where their headers are not in the core.
pub(super) fn uuids(core: &Core, infos: &AllImageInfos, roster: &mut Roster, warnings: &mut Vec<String>) {
    let width = infos.format().pointer_size();
    // `dyld_uuid_info`: a pointer and a UUID.
    let stride = width.saturating_add(16);
    let Some(array) = Array::at(core, infos, field::UUID_ARRAY, field::UUID_ARRAY_COUNT, stride) else { return };
    roster.begin_list();
    for entry in array.entries() {
        let Some(address) = pointer(infos, entry, 0).filter(|address| *address != 0) else { continue };
        let uuid = Cursor::at(entry, width).array().map(Uuid::from_bytes).filter(|uuid| !uuid.is_nil());
        roster.add(WrittenImage { address: core.notes.stripped(address), uuid, ..WrittenImage::default() });
    }
    array.is_whole("UUIDs in dyld's list", warnings);
}

/// The images that Rosetta translated.
pub(super) fn aot_images(core: &Core, infos: &AllImageInfos, warnings: &mut Vec<String>) -> Vec<WrittenAotImage> {
    // `dyld_aot_image_info`: two addresses, a size and a key of 32 bytes.
    let Some(array) = Array::at(core, infos, field::AOT_INFO_ARRAY, field::AOT_INFO_COUNT, 56) else {
        return Vec::new();
    };
    array.is_whole("translated images", warnings);
    let read = |entry: &[u8]| {
        let mut fields = Cursor::new(entry);
        Some(WrittenAotImage {
            x86_address: fields.u64_le()?,
            aot_address: fields.u64_le()?,
            aot_size: fields.u64_le().filter(|size| i64::try_from(*size).is_ok())?,
            image_key: fields.array()?,
        })
    };
    array.entries().take(core.bounds().images).filter_map(read).collect()
}

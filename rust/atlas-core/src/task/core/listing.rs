//! A record made of what a core holds, where it does not hold the one that dyld published.

use std::collections::HashSet;

use crate::bytes::Cursor;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::macho::constants::file_type;

use super::super::all_image_infos::{AllImageInfos, Field, field};
use super::super::header::{header_at, image, is_loaded};
use super::super::memory::{PointerFormat, read_all};
use super::super::written::{
    LONGEST_PATH, PAGE_SIZE_4K, POINTER_SIZE_4, WrittenAotImage, WrittenCache, WrittenImage, WrittenProcess,
};
use super::roster::{MOST_IMAGES, Roster, complete, placed_segment};
use super::{Core, MainBinaryKind};

/// `dyld_process_state_dyld_initialized`: dyld has made its structure, so it has come so far at least.
const DYLD_INITIALIZED: u64 = 0x10;
/// `dyld_process_state_libSystem_initialized`
const LIB_SYSTEM_INITIALIZED: u64 = 0x30;
/// As in a scavenged record: tools take 0 for a failure.
const NO_TIMESTAMP: u64 = 1;
/// `CPU_TYPE_I386`, without the bit for 64-bit: its pages are of 4 KiB.
const INTEL: u32 = 7;
/// Bits of a CPU type that say how wide its addresses are.
const CPU_WIDTH: u32 = 0xff00_0000;
/// Bytes of all paths that are read. Many entries may point to one of them.
const MOST_TEXT: usize = 2 << 20;
/// Bytes of load commands that are read beyond the size of the file, for the same reason.
const MORE_HEADERS: usize = 4 << 20;
/// Segments of all images together, for the same reason.
const MOST_SEGMENTS: usize = 1 << 16;
/// Bytes of a path that are read; Darwin's longest has 1024.
const PATH: usize = LONGEST_PATH / 4;

/// The record, and what is to be said of it.
pub(super) fn process(
    core: &Core,
    infos: Option<&AllImageInfos>,
    limits: &Limits,
) -> Result<(WrittenProcess, Vec<String>)> {
    let mut warnings = Vec::new();
    let mut roster = Roster::default();
    let listed = infos.is_some_and(|infos| from_memory(core, infos, &mut roster));
    from_notes(core, &mut roster, &mut warnings);
    if !listed && core.notes.images.is_empty() {
        // What is named so far is no list of everything.
        from_pages(core, &mut roster);
        warnings.push("the core names no list of images: those are listed whose headers are in its memory".to_owned());
    }
    if roster.is_empty() {
        return Err(Error::macho(0, "images in the core file", "neither a list of them nor a header in memory")
            .with_hint("a core that holds all memory, or at least dirty pages, has what is needed"));
    }
    let (main_platform, bare) = from_headers(core, &mut roster);
    if bare > 0 {
        warnings.push(format!("the headers of {bare} images are not in the core: their segments have no sizes"));
    }
    if roster.disputed > 0 {
        warnings.push(format!("{} images have other UUIDs in their headers than in lists", roster.disputed));
    }
    if roster.left_out > 0 {
        warnings.push(format!("{} images more than {MOST_IMAGES} are left out", roster.left_out));
    }
    warnings.push("a core file does not tell the number of its process: pid is 0".to_owned());
    let images = roster.into_images();
    if images.len() > limits.images as usize {
        return Err(Error::limit("images of one record", limits.images.into(), images.len() as u64));
    }
    let get = |field: Field| infos.and_then(|infos| infos.get(field));
    let platform = core.notes.main.as_ref().and_then(|main| main.platform);
    let own = get(field::PLATFORM).and_then(|found| u32::try_from(found).ok()).filter(|found| *found != 0);
    let timestamp = get(field::INFO_ARRAY_CHANGE_TIMESTAMP).filter(|time| *time != 0);
    if timestamp.is_none() {
        warnings.push("the core does not tell when the list of images last changed: timestamp is 1".to_owned());
    }
    let state = match get(field::LIB_SYSTEM_INITIALIZED) {
        Some(initialized) if initialized != 0 => LIB_SYSTEM_INITIALIZED,
        _ if infos.is_some() => DYLD_INITIALIZED,
        _ => 0,
    };
    warnings.push("a core file does not tell how far its process had come: state is the least that is sure".to_owned());
    let process = WrittenProcess {
        pid: 0,
        platform: platform.or(own).or(main_platform).unwrap_or(0),
        timestamp: timestamp.unwrap_or(NO_TIMESTAMP),
        state,
        initial_image_count: get(field::INITIAL_IMAGE_COUNT).filter(|count| *count != 0),
        flags: flags(core),
        images,
        cache: infos.and_then(cache),
        aot_images: infos.map(|infos| aot_images(core, infos)).unwrap_or_default(),
    };
    Ok((process, warnings))
}

fn flags(core: &Core) -> u64 {
    let narrow = if core.format == PointerFormat::Bits32 { POINTER_SIZE_4 } else { 0 };
    let intel = if core.architecture.cpu_type & !CPU_WIDTH == INTEL { PAGE_SIZE_4K } else { 0 };
    narrow | intel
}

/// dyld's own array, with dyld itself, which it does not list. Says whether there was one.
fn from_memory(core: &Core, infos: &AllImageInfos, roster: &mut Roster) -> bool {
    let width = infos.format().pointer_size();
    let count = infos.get(field::INFO_ARRAY_COUNT).unwrap_or(0);
    let count = usize::try_from(count).unwrap_or(MOST_IMAGES).min(MOST_IMAGES);
    // NULL while dyld changes it. `dyld_image_info` is three pointers: address, path, time of the file.
    let array = infos.pointer(field::INFO_ARRAY).and_then(|array| {
        read_all(core, core.notes.stripped(array), count.checked_mul(3)?.checked_mul(width)?).ok()?
    });
    let mut text = Text::new(core);
    for entry in array.as_deref().unwrap_or_default().chunks_exact(3 * width) {
        let pointer = |index: usize| pointer(infos, entry, index);
        let Some(address) = pointer(0).filter(|address| *address != 0) else { continue };
        let file_path = pointer(1).and_then(|path| text.at(path));
        roster.add(WrittenImage { address: core.notes.stripped(address), file_path, ..WrittenImage::default() });
    }
    let listed = !roster.is_empty();
    if let Some(dyld) = infos.pointer(field::DYLD_IMAGE_LOAD_ADDRESS) {
        let file_path = infos.pointer(field::DYLD_PATH).and_then(|path| text.at(path));
        roster.add(WrittenImage { address: core.notes.stripped(dyld), file_path, ..WrittenImage::default() });
    }
    listed
}

/// Pointer `index` of a structure that holds nothing else, without tag.
fn pointer(infos: &AllImageInfos, entry: &[u8], index: usize) -> Option<u64> {
    let mut cursor = Cursor::at(entry, index.checked_mul(infos.format().pointer_size())?);
    let pointer = match infos.format() {
        PointerFormat::Bits32 => u64::from(cursor.u32_le()?),
        PointerFormat::Bits64 => cursor.u64_le()?,
    };
    Some(infos.untagged(pointer))
}

/// Reads paths, up to a bound for all of them.
struct Text<'a> {
    core: &'a Core,
    left: usize,
}

impl<'a> Text<'a> {
    const fn new(core: &'a Core) -> Self {
        Self { core, left: MOST_TEXT }
    }

    fn at(&mut self, address: u64) -> Option<String> {
        let mut bytes = [0; PATH];
        let length = self.core.memory.read(self.core.notes.stripped(address), &mut bytes);
        let path = bytes.get(..length)?.split(|byte| *byte == 0).next().filter(|path| !path.is_empty())?;
        self.left = self.left.checked_sub(path.len())?;
        Some(String::from_utf8_lossy(path).into_owned())
    }
}

/// The lists of debuggers and kernels.
fn from_notes(core: &Core, roster: &mut Roster, warnings: &mut Vec<String>) {
    let notes = &core.notes;
    let mut nowhere = 0_usize;
    for noted in &notes.images {
        let text = noted.segments.iter().find(|segment| segment.name == "__TEXT").map(|segment| segment.address);
        let Some(address) = noted.load_address.or(text).map(|address| notes.stripped(address)) else {
            nowhere = nowhere.saturating_add(1);
            continue;
        };
        let segments = noted.segments.iter();
        let placed = segments.map(|found| placed_segment(found.name.clone(), notes.stripped(found.address), address));
        roster.add(WrittenImage {
            address,
            uuid: noted.uuid,
            file_path: noted.path.clone(),
            segments: placed.collect(),
            ..WrittenImage::default()
        });
    }
    for binary in &notes.binaries {
        let Some(address) = binary.address.map(|address| notes.stripped(address)) else {
            nowhere = nowhere.saturating_add(1);
            continue;
        };
        let file_path = binary.name.clone();
        roster.add(WrittenImage { address, uuid: binary.uuid, file_path, ..WrittenImage::default() });
    }
    if let Some(main) = &notes.main
        && main.kind != MainBinaryKind::AllImageInfos
        && let Some(address) = main.address
    {
        let address = notes.stripped(address);
        roster.add(WrittenImage { address, uuid: main.uuid, ..WrittenImage::default() });
    }
    if nowhere > 0 {
        warnings.push(format!("{nowhere} images in the core's notes have no address, and are left out"));
    }
}

/// Every page that begins with the header of an image.
fn from_pages(core: &Core, roster: &mut Roster) {
    let mut seen = HashSet::new();
    for (address, _, bytes) in core.memory.pages() {
        let kind = super::find::is_macho(bytes).then(|| Cursor::at(bytes, 12).u32_le()).flatten();
        if kind.is_some_and(is_loaded) && seen.len() < MOST_IMAGES && seen.insert(address) {
            roster.add(WrittenImage { address, ..WrittenImage::default() });
        }
    }
}

/// Completes all images by their headers, as far as those are in memory. The platform of the main executable, and how
/// many images have no header.
fn from_headers(core: &Core, roster: &mut Roster) -> (Option<u32>, usize) {
    let mut left = core.memory.file_size().saturating_add(MORE_HEADERS);
    let (mut platform, mut bare, mut disputed, mut segments) = (None, 0_usize, 0_usize, MOST_SEGMENTS);
    for found in roster.images_mut() {
        let Some(header) = header_at(core, found.address, &mut left).ok().flatten() else {
            bare = bare.saturating_add(1);
            continue;
        };
        if header.file_type == file_type::EXECUTE && platform.is_none() {
            platform = header.platform;
        }
        let mut header = image(found.address, &header);
        header.segments.truncate(segments);
        segments = segments.saturating_sub(header.segments.len());
        disputed = disputed.saturating_add(usize::from(complete(found, header)));
    }
    roster.disputed = roster.disputed.saturating_add(disputed);
    (platform, bare)
}

fn cache(infos: &AllImageInfos) -> Option<WrittenCache> {
    Some(WrittenCache {
        uuid: infos.shared_cache_uuid()?,
        address: infos.pointer(field::SHARED_CACHE_BASE_ADDRESS)?,
        aot_uuid: infos.aot_shared_cache_uuid(),
        aot_address: infos.get(field::AOT_SHARED_CACHE_BASE_ADDRESS).filter(|address| *address != 0),
    })
}

/// `dyld_aot_image_info`: two addresses, a size and a key of 32 bytes.
fn aot_images(core: &Core, infos: &AllImageInfos) -> Vec<WrittenAotImage> {
    const SIZE: usize = 56;
    let count = infos.get(field::AOT_INFO_COUNT).and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
    let array = infos.get(field::AOT_INFO_ARRAY).filter(|array| *array != 0 && count <= MOST_IMAGES);
    let bytes = array
        .and_then(|array| read_all(core, core.notes.stripped(infos.untagged(array)), count.checked_mul(SIZE)?).ok()?);
    let entries = bytes.as_deref().unwrap_or_default().chunks_exact(SIZE);
    let read = |entry: &[u8]| {
        let mut fields = Cursor::new(entry);
        Some(WrittenAotImage {
            x86_address: fields.u64_le()?,
            aot_address: fields.u64_le()?,
            aot_size: fields.u64_le().filter(|size| i64::try_from(*size).is_ok())?,
            image_key: fields.array()?,
        })
    };
    entries.filter_map(read).collect()
}

//! A record made of what a core holds, where it does not hold the one that dyld published.

use crate::bytes::Cursor;
use crate::error::{Error, ErrorKind, Mismatch, Result};
use crate::limits::Limits;
use crate::macho::constants::file_type;
use crate::macho::is_little_endian;

use super::super::all_image_infos::{AllImageInfos, Field, field};
use super::super::header::{header_at, image, is_loaded};
use super::super::memory::PointerFormat;
use super::super::written::{PAGE_SIZE_4K, POINTER_SIZE_4, WrittenCache, WrittenImage, WrittenProcess};
use super::bounds::Bounds;
use super::roster::{Roster, complete, placed_segment};
use super::{Core, MainBinaryKind, arrays, counted};

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
/// What was found amiss that an error without any image tells.
const MOST_REASONS: usize = 10;

/// The record; what is to be said of it joins `warnings`.
///
/// # Errors
/// [`ErrorKind::MachO`] where there is no image, with a hint that says what was found amiss; [`ErrorKind::Limit`] where
/// there are more than `limits` allow.
pub(super) fn process(
    core: &Core,
    infos: Option<&AllImageInfos>,
    limits: &Limits,
    warnings: &mut Vec<String>,
) -> Result<WrittenProcess> {
    // One more than is allowed tells that there are too many.
    let most = (limits.images as usize).saturating_add(1).min(core.bounds().images);
    let mut roster = Roster::new(most);
    let listed = infos.is_some_and(|infos| arrays::images(core, infos, &mut roster, warnings));
    if let Some(infos) = infos {
        arrays::uuids(core, infos, &mut roster, warnings);
    }
    from_notes(core, &mut roster, warnings);
    // What is named so far is no list of everything.
    let by_headers = !listed && core.notes.images.is_empty();
    if by_headers {
        from_pages(core, &mut roster);
    }
    if roster.is_empty() {
        return Err(none_of(warnings));
    }
    if by_headers {
        let words = "the core names no whole list of images: all whose headers are in its memory are listed";
        warnings.push(words.to_owned());
    }
    if roster.named() > limits.images as usize {
        return Err(Error::limit("images of one record", limits.images.into(), roster.named() as u64));
    }
    let main_platform = from_headers(core, &mut roster, warnings);
    warnings.extend(roster.warnings());
    let images = roster.into_images();
    let pathless = images.iter().filter(|image| image.file_path.is_none()).count();
    warnings.extend(counted([(pathless, format!("nothing tells the paths of {pathless} images"))]));
    warnings.push("a core file does not tell the number of its process: pid is 0".to_owned());
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
    Ok(WrittenProcess {
        pid: 0,
        platform: platform.or(own).or(main_platform).unwrap_or(0),
        timestamp: timestamp.unwrap_or(NO_TIMESTAMP),
        state,
        initial_image_count: get(field::INITIAL_IMAGE_COUNT).filter(|count| *count != 0),
        flags: flags(core),
        images,
        cache: infos.and_then(cache),
        aot_images: infos.map(|infos| arrays::aot_images(core, infos, warnings)).unwrap_or_default(),
    })
}

/// There is no image at all, and why.
#[cold]
fn none_of(warnings: &[String]) -> Error {
    let reasons = warnings.get(..MOST_REASONS).unwrap_or(warnings).join("; ");
    let mismatch = Mismatch {
        expected: "images in the core file".into(),
        found: "neither a list of them nor a header in memory".into(),
    };
    let hint =
        format!("a core that holds all memory, or at least dirty pages, has what is needed; of this one: {reasons}");
    Error::new(ErrorKind::MachO(mismatch)).with_hint(hint)
}

fn flags(core: &Core) -> u64 {
    let narrow = if core.format == PointerFormat::Bits32 { POINTER_SIZE_4 } else { 0 };
    let intel = if core.architecture.cpu_type & !CPU_WIDTH == INTEL { PAGE_SIZE_4K } else { 0 };
    narrow | intel
}

/// The lists of debuggers and kernels.
fn from_notes(core: &Core, roster: &mut Roster, warnings: &mut Vec<String>) {
    let notes = &core.notes;
    let mut nowhere = 0_usize;
    roster.begin_list();
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
    let nowhere = (nowhere, format!("{nowhere} images in the core's notes have no address, and are left out"));
    warnings.extend(counted([nowhere]));
}

/// Every page that begins with the header of an image.
fn from_pages(core: &Core, roster: &mut Roster) {
    roster.begin_list();
    for (address, _, bytes) in core.memory.pages() {
        let kind = is_little_endian(bytes).then(|| Cursor::at(bytes, 12).u32_le()).flatten();
        if kind.is_some_and(is_loaded) {
            roster.add(WrittenImage { address, ..WrittenImage::default() });
        }
    }
}

/// Completes all images by their headers, as far as those are in memory. The platform of the main executable.
fn from_headers(core: &Core, roster: &mut Roster, warnings: &mut Vec<String>) -> Option<u32> {
    let Bounds { headers: mut left, segments: mut room, .. } = core.bounds();
    let (mut platform, mut bare, mut disputed, mut left_out) = (None, 0_usize, 0_usize, 0_usize);
    for found in roster.images_mut() {
        // Most of what is no header is told by its first word, which costs less than reading a page.
        let mut magic = [0; 4];
        let _read = core.memory.read(found.address, &mut magic);
        let header =
            is_little_endian(&magic).then(|| header_at(core, found.address, &mut left).ok().flatten()).flatten();
        let Some(header) = header else {
            bare = bare.saturating_add(1);
            continue;
        };
        if header.file_type == file_type::EXECUTE && platform.is_none() {
            platform = header.platform;
        }
        let mut header = image(found.address, &header);
        left_out = left_out.saturating_add(header.segments.len().saturating_sub(room));
        header.segments.truncate(room);
        room = room.saturating_sub(header.segments.len());
        disputed = disputed.saturating_add(usize::from(complete(found, header)));
    }
    warnings.extend(counted([
        (bare, format!("the headers of {bare} images are not in the core: their segments have no sizes")),
        (disputed, format!("{disputed} images have other UUIDs in their headers than in lists")),
        (left_out, format!("{left_out} segments more than {} are left out", core.bounds().segments)),
    ]));
    platform
}

fn cache(infos: &AllImageInfos) -> Option<WrittenCache> {
    Some(WrittenCache {
        uuid: infos.shared_cache_uuid()?,
        address: infos.pointer(field::SHARED_CACHE_BASE_ADDRESS)?,
        aot_uuid: infos.aot_shared_cache_uuid(),
        aot_address: infos.get(field::AOT_SHARED_CACHE_BASE_ADDRESS).filter(|address| *address != 0),
    })
}

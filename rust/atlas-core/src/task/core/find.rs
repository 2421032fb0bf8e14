//! Finds `dyld_all_image_infos` in a core: by a note, by dyld's own header, or by looking at every page.

use crate::bytes::Cursor;
use crate::macho::constants::{command, file_type};
use crate::macho::{Slice, View, is_little_endian};

use super::super::all_image_infos::{AllImageInfos, LARGEST, field};
use super::super::header::{FEW, header_at};
use super::super::memory::{PointerFormat, read_all};
use super::{Core, MainBinaryKind};

/// The section of dyld that holds nothing else.
const SECTION: &str = "__all_image_info";
/// The symbol of dyld by which debuggers find it.
const SYMBOL: &[u8] = b"_dyld_all_image_infos\0";
/// Symbols of dyld that are looked at; it has some thousands.
const MOST_SYMBOLS: usize = 1 << 16;
/// dyld's own address of its structure is compared only in versions that may be: the field came with 9.
const VERSIONS: std::ops::RangeInclusive<u64> = 9..=255;
/// What a process may have loaded at most.
const MOST_IMAGES: u64 = 1 << 20;

/// The address of the structure, or `None` where nothing leads to it.
pub(super) fn all_image_infos(core: &Core) -> Option<u64> {
    let main = core.notes.main.as_ref().and_then(|main| Some((main.kind, core.notes.stripped(main.address?))));
    let noted = match main {
        Some((MainBinaryKind::AllImageInfos, address)) => Some(address).filter(|address| is_announced(core, *address)),
        Some((MainBinaryKind::Dyld, address)) => of_dyld(core, address),
        _ => None,
    };
    noted.or_else(|| among_images(core)).or_else(|| scanned(core))
}

fn infos_at(core: &Core, address: u64) -> AllImageInfos {
    let mut bytes = [0; LARGEST];
    let length = core.memory.read(address, &mut bytes);
    AllImageInfos::from_bytes(bytes.get(..length).unwrap_or_default(), core.format)
}

/// Whether the structure is at `address`, of which a note says so: its version may be one of the future.
fn is_announced(core: &Core, address: u64) -> bool {
    let infos = infos_at(core, address);
    infos.version().is_some_and(|version| version != 0) && has_small_count(&infos)
}

/// Whether the structure may be at `address`.
fn looks_like_it(core: &Core, address: u64) -> bool {
    is_sound(&infos_at(core, address))
}

fn is_sound(infos: &AllImageInfos) -> bool {
    infos.version().is_some_and(|version| (1..=*VERSIONS.end()).contains(&version)) && has_small_count(infos)
}

fn has_small_count(infos: &AllImageInfos) -> bool {
    infos.get(field::INFO_ARRAY_COUNT).is_some_and(|count| count <= MOST_IMAGES)
}

fn knows_itself(infos: &AllImageInfos, address: u64) -> bool {
    infos.version().is_some_and(|version| VERSIONS.contains(&version))
        && infos.get(field::DYLD_ALL_IMAGE_INFOS_ADDRESS) == Some(address)
}

/// By the header of dyld, where a note lists it among the images.
fn among_images(core: &Core) -> Option<u64> {
    let is_dyld = |path: &Option<String>| path.as_deref().is_some_and(|path| path.ends_with("/dyld"));
    let images = core.notes.images.iter().filter(|image| is_dyld(&image.path)).filter_map(|image| image.load_address);
    let binaries = core.notes.binaries.iter().filter(|binary| is_dyld(&binary.name)).filter_map(|found| found.address);
    // A hostile list may have many; a real one has at most the simulator's beside dyld.
    images.chain(binaries).take(4).find_map(|address| of_dyld(core, core.notes.stripped(address)))
}

/// By the pages: one that holds dyld's header, or one that begins with the structure itself.
fn scanned(core: &Core) -> Option<u64> {
    let mut headers = 0;
    for (address, protection, bytes) in core.memory.pages() {
        if is_little_endian(bytes) {
            let kind = Cursor::at(bytes, 12).u32_le();
            // Each costs a look at its load commands.
            if kind == Some(file_type::DYLINKER) && headers < 16 {
                headers += 1;
                if let Some(found) = of_dyld(core, address) {
                    return Some(found);
                }
            }
        } else if protection & WRITE != 0 {
            let infos = AllImageInfos::from_bytes(bytes, core.format);
            if is_sound(&infos) && knows_itself(&infos, address) {
                return Some(address);
            }
        }
    }
    None
}

const WRITE: u32 = 2;

/// By the header of dyld at `address`.
fn of_dyld(core: &Core, address: u64) -> Option<u64> {
    let header =
        header_at(core, address, &mut { FEW }).ok()?.filter(|header| header.file_type == file_type::DYLINKER)?;
    let slide = address.wrapping_sub(header.preferred_load_address.0);
    let section = header.sections.iter().find(|section| section.name == SECTION);
    let by_section = section.map(|section| section.address.0.wrapping_add(slide));
    by_section
        .filter(|found| looks_like_it(core, *found))
        .or_else(|| by_symbol(core, address, &header, slide).filter(|found| looks_like_it(core, *found)))
}

fn by_symbol(core: &Core, address: u64, header: &Slice, slide: u64) -> Option<u64> {
    let commands = read_all(core, address, usize::try_from(header.header_and_load_commands_size).ok()?).ok()??;
    let view = View::parse(&commands).ok()?;
    let table = view.commands().find(|found| found.number() == command::SYMTAB)?;
    let mut fields = Cursor::at(table.bytes(), 8);
    let (symbols, count, texts) = (fields.u32_le()?, fields.u32_le()?, fields.u32_le()?);
    let linkedit = header.segments.iter().find(|segment| segment.name == "__LINKEDIT")?;
    let in_memory = |offset: u32| {
        let offset = u64::from(offset).checked_sub(linkedit.file_offset)?;
        Some(linkedit.preferred_load_address.0.wrapping_add(slide).wrapping_add(offset))
    };
    let (symbols, texts) = (in_memory(symbols)?, in_memory(texts)?);
    let (size, wide) = match core.format {
        PointerFormat::Bits32 => (12, false),
        PointerFormat::Bits64 => (16, true),
    };
    let bytes = (count as usize).min(MOST_SYMBOLS).checked_mul(size)?;
    let table = read_all(core, symbols, bytes).ok()??;
    table.chunks_exact(size).find_map(|symbol| {
        let text = Cursor::new(symbol).u32_le()?;
        let mut name = [0; SYMBOL.len()];
        let _read = core.memory.read(texts.wrapping_add(text.into()), &mut name);
        let mut value = Cursor::at(symbol, 8);
        let value = if wide { value.u64_le()? } else { value.u32_le()?.into() };
        (name == *SYMBOL).then(|| value.wrapping_add(slide))
    })
}

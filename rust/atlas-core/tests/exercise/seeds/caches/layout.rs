//! Lays a cache out: which file and which address everything gets.

use super::header::{self, Says, Tables};
use super::plans::Processor;
use super::slide::{Slot, Spec, encode};
use super::words::Words;
use super::{Cache, File, Image, Local, Plan, Segment, image};

/// Bytes of data of each image. No divisor of a page, so that pages begin anywhere in it.
const DATA: usize = 0x58;
/// What the images share in the linked-edit data.
const SHARED: usize = 0x40;
const CODE_SIGNATURE: usize = 0x20;

/// A mapping while it is made.
#[derive(Clone, Debug, Default)]
pub struct Region {
    pub address: u64,
    pub file_offset: u64,
    pub bytes: Vec<u8>,
    pub protection: u32,
    pub flags: u64,
    /// Offset in the file and size of the slide info.
    pub slide: Option<(u64, u64)>,
}

fn uuid(kind: u8, index: usize) -> [u8; 16] {
    let mut uuid = [kind; 16];
    uuid[8..].copy_from_slice(&(index as u64 + 1).to_be_bytes());
    uuid
}

/// The version of slide info in the numbers of its encoder.
fn spec(version: u32, processor: &Processor) -> Spec {
    let (page_size, delta_mask, value_add) = match (version, processor.wide) {
        (1, _) => (0x1000, 0, 0),
        (2, true) => (0x1000, 0x00ff_ff00_0000_0000, if processor.cpu.0 & 0xff == 7 { processor.base } else { 0 }),
        (2, false) => (0x1000, 0xe000_0000, processor.base),
        (4, _) => (0x1000, 0xc000_0000, processor.base),
        (3, _) => (0x1000, 0, processor.base),
        (_, _) => (0x4000, 0, processor.base),
    };
    Spec { version, size: if processor.wide { 8 } else { 4 }, page_size, delta_mask, value_add }
}

/// Which file holds what.
struct Roles {
    data: usize,
    linkedit: usize,
    text_files: usize,
}

impl Roles {
    fn of(plan: &Plan) -> Self {
        let data = if plan.subcaches == 0 { 0 } else { (plan.subcaches - 1).max(1) };
        Self { data, linkedit: plan.subcaches, text_files: data.max(1) }
    }

    fn text(&self, image: usize, images: usize) -> usize {
        image * self.text_files / images
    }

    fn has_linkedit(&self, file: usize) -> bool {
        file == self.data || file == self.linkedit
    }
}

/// Makes the cache of a plan.
pub fn build(plan: &Plan) -> Cache {
    let roles = Roles::of(plan);
    let processor = &plan.processor;
    let mut images: Vec<Image> = (0..plan.images).map(|index| blank(index, &roles)).collect();
    let stride = images.iter().map(|it| image::header(processor, it).len()).max().unwrap_or(0).next_multiple_of(0x40);
    // dyld-832.7 is the first that slides more than one mapping.
    let data_regions = match (plan.slide, plan.has(0x140)) {
        (3 | 5, true) => 2,
        _ => 1,
    };
    let repeated = plan.subcaches != 0 && processor.cpu.0 & 0xff == 7;
    let mut files = Vec::new();
    let mut cursor = processor.base;
    let mut shift = Vec::new();
    for file in 0..=plan.subcaches {
        let mappings = 1 + if file == roles.data { data_regions } else { 0 } + usize::from(roles.has_linkedit(file));
        let listed = if file == 0 || repeated { images.as_slice() } else { &[] };
        let entries = if file == 0 { plan.subcaches } else { 0 };
        let tables = header::size(plan, mappings, listed, entries).next_multiple_of(0x40);
        let own = (0..plan.images).filter(|index| roles.text(*index, plan.images) == file).collect::<Vec<_>>();
        shift.push((tables, own.first().copied().unwrap_or(0)));
        let mut regions =
            vec![Region { bytes: vec![0; tables + own.len() * stride], protection: 5, ..Region::default() }];
        if file == roles.data {
            for number in 0..data_regions {
                let bytes = vec![0; (plan.images * DATA).max(1)];
                regions.push(Region { bytes, protection: 3, flags: number as u64, ..Region::default() });
            }
        }
        if roles.has_linkedit(file) {
            // Grows later; the hole behind it has room.
            regions.push(Region { bytes: vec![0xee; SHARED], protection: 1, ..Region::default() });
        }
        let mut offset = 0;
        let last = regions.len() - 1;
        for (index, region) in regions.iter_mut().enumerate() {
            let size = region.bytes.len().next_multiple_of(plan.alignment);
            if index != last || !roles.has_linkedit(file) {
                region.bytes.resize(size, 0);
            }
            (region.address, region.file_offset) = (cursor, offset);
            offset += region.bytes.len() as u64;
            let hole = if roles.has_linkedit(file) { 2 * plan.alignment + plan.images * 0x200 + 0x400 } else { 0 };
            cursor += (size + hole).next_multiple_of(plan.alignment) as u64;
        }
        let suffix = if file == 0 { String::new() } else { plan.suffix(file) };
        let name = format!("{}{suffix}", plan.main_name());
        files.push(File { name, uuid: uuid(0xf0, file), regions, bytes: Vec::new() });
    }
    place(plan, &roles, stride, &shift, &files, &mut images);
    let locals = locals(plan, &images);
    let symbols = if plan.symbols { local_symbols(plan, &images, &locals) } else { Vec::new() };
    let slots = data(plan, &images, &mut files[roles.data].regions);
    let mut inside = (0, 0);
    if plan.symbols && !plan.has_symbol_file() {
        let linkedit = files[0].regions.last_mut().unwrap();
        inside = (linkedit.file_offset + linkedit.bytes.len() as u64, symbols.len() as u64);
        linkedit.bytes.extend(&symbols);
    }
    let tables = tables(plan, &images, files[roles.linkedit].regions.last_mut().unwrap());
    let end = cursor - processor.base;
    let entries: Vec<_> = files
        .iter()
        .enumerate()
        .skip(1)
        .map(|(index, file)| (plan.suffix(index), file.uuid, file.regions[0].address - processor.base))
        .collect();
    let linkedit = files[roles.linkedit].regions.last().unwrap();
    let linkedit = (linkedit.address, linkedit.bytes.len() as u64, linkedit.file_offset);
    for image in &mut images {
        let segment = image.segments.last_mut().unwrap();
        (segment.address, segment.size, segment.file_offset) = linkedit;
    }
    for (index, image) in images.iter().enumerate() {
        let region = &mut files[roles.text(index, plan.images)].regions[0];
        let at = (image.address - region.address) as usize;
        let header = image::header(processor, image);
        region.bytes[at..at + header.len()].copy_from_slice(&header);
    }
    let symbol_file = plan.has_symbol_file().then(|| uuid(0xf1, 0));
    for (index, file) in files.iter_mut().enumerate() {
        let length: usize = file.regions.iter().map(|region| region.bytes.len()).sum();
        let main = index == 0;
        let says = Says {
            uuid: file.uuid,
            base: file.regions[0].address,
            size: if main { end } else { 0 },
            code_signature: (length as u64, CODE_SIGNATURE as u64),
            local_symbols: if main { inside } else { (0, 0) },
            symbol_file: symbol_file.filter(|_| main),
            entries: if main { entries.clone() } else { Vec::new() },
            dynamic_data: if main { (end, 0x4000) } else { (0, 0) },
            tables: if main { tables } else { Tables::default() },
        };
        let listed = if main || repeated { images.as_slice() } else { &[] };
        let header = header::write(plan, &file.regions, listed, &says);
        file.regions[0].bytes[..header.len()].copy_from_slice(&header);
        file.bytes = file.regions.iter().flat_map(|region| &region.bytes).copied().collect();
        file.bytes.extend([0x55; CODE_SIGNATURE]);
    }
    if let Some(uuid) = symbol_file {
        files.push(header::symbol_file(plan, format!("{}.symbols", plan.main_name()), uuid, &symbols));
    }
    Cache { plan: plan.clone(), files, images, slots, locals }
}

/// An image that has no addresses yet.
fn blank(index: usize, roles: &Roles) -> Image {
    let segment = |name, file| Segment { name, address: 0, size: 0, file_offset: 0, file };
    Image {
        address: 0,
        path: format!("/usr/lib/system/libimage{index}.dylib"),
        uuid: uuid(0x10, index),
        text_size: 0,
        segments: vec![segment("__TEXT", 0), segment("__DATA", roles.data), segment("__LINKEDIT", roles.linkedit)],
    }
}

/// Gives each image its addresses. `shift` holds the bytes before the first image of each file, and the number of that.
fn place(plan: &Plan, roles: &Roles, stride: usize, shift: &[(usize, usize)], files: &[File], images: &mut [Image]) {
    let data = &files[roles.data].regions[1];
    for (index, image) in images.iter_mut().enumerate() {
        let file = roles.text(index, plan.images);
        let (tables, first) = shift[file];
        let at = (tables + (index - first) * stride) as u64;
        image.address = files[file].regions[0].address + at;
        image.text_size = stride as u32;
        let text = &mut image.segments[0];
        (text.address, text.size, text.file_offset, text.file) = (image.address, stride as u64, at, file);
        let own = (index * DATA) as u64;
        let segment = &mut image.segments[1];
        (segment.address, segment.size, segment.file_offset) =
            (data.address + own, DATA as u64, data.file_offset + own);
    }
}

/// Fills the data with pointers, and appends the slide info to the linked-edit data; what was written, by address.
fn data(plan: &Plan, images: &[Image], regions: &mut [Region]) -> Vec<(u64, Slot)> {
    let (version, size) = (plan.slide, if plan.processor.wide { 8 } else { 4 });
    if version == 0 {
        return Vec::new();
    }
    let spec = spec(version, &plan.processor);
    let last = regions.len() - 1;
    let signed_apart = last > 2;
    let mut written = Vec::new();
    for number in 1..last {
        let start = regions[number].address;
        let mut slots = Vec::new();
        for (index, image) in images.iter().enumerate() {
            let at = index * DATA;
            let next = images[(index + 1) % images.len()].address;
            // Version 4 takes what is near the base for a number.
            let near = |target: u64| if version == 4 { target.max(spec.value_add + 0x8000) } else { target };
            let high = if plan.processor.wide && version != 1 { 0x80 << 56 } else { 0 };
            if number == 1 {
                slots.push((at, Slot::Pointer(near(image.address))));
                slots.push((at + size, Slot::Pointer(near(next + 4) | high)));
                if matches!(version, 2 | 4) {
                    slots.push((at + 2 * size, Slot::Number(if version == 4 { 7 } else { 0 })));
                }
                slots.push((at + 0x20, Slot::Pointer(near(start + at as u64))));
            }
            if matches!(version, 3 | 5) && (number == 2) == signed_apart {
                let key = if version == 3 { index as u8 % 4 } else { index as u8 % 2 * 2 };
                let slot = Slot::Signed(image.address + 0x10, key, index as u16 ^ 0xabc, index % 3 == 0);
                slots.push((at + 0x40, slot));
            }
        }
        let info = encode(&spec, &slots, &mut regions[number].bytes);
        written.extend(slots.into_iter().map(|(at, slot)| (start + at as u64, slot)));
        let linkedit = &mut regions[last];
        let place = linkedit.bytes.len().next_multiple_of(8);
        linkedit.bytes.resize(place, 0);
        linkedit.bytes.extend(&info);
        regions[number].slide = Some((regions[last].file_offset + place as u64, info.len() as u64));
    }
    written
}

/// Appends the tables that not every cache has to the linked-edit data.
fn tables(plan: &Plan, images: &[Image], linkedit: &mut Region) -> Tables {
    let mut add = |bytes: Vec<u8>| {
        let at = linkedit.bytes.len().next_multiple_of(8);
        linkedit.bytes.resize(at, 0);
        linkedit.bytes.extend(&bytes);
        (linkedit.address + at as u64, bytes.len() as u64)
    };
    let mut prewarming = Words::new(plan.processor.big);
    // Two pages of the second image's distance; one of the base.
    prewarming.u32(1).u32(2).u64(2 << 40 | 0x4000).u64(1 << 40);
    let mut variants = Words::new(plan.processor.big);
    variants.u32(1).u32(1).u64(linkedit_pointer(images)).u64(7).u64(8).u32(0xabcd_f003).u16(1).u16(5);
    let trie = if images.len() > 200 || !plan.has(0x118) { (0, 0) } else { add(trie(images)) };
    let prewarming = if plan.has(0x228) { add(prewarming.bytes) } else { (0, 0) };
    Tables {
        trie,
        prewarming: (prewarming.0.saturating_sub(plan.processor.base), prewarming.1),
        variants: if plan.has(0x218) { add(variants.bytes) } else { (0, 0) },
    }
}

fn linkedit_pointer(images: &[Image]) -> u64 {
    images.first().map_or(0, |image| image.address + 0x40)
}

/// A trie of every path and, for the first image, an alias; all nodes hang on the root.
fn trie(images: &[Image]) -> Vec<u8> {
    let mut names: Vec<(&str, u8)> =
        images.iter().zip(0..).map(|(image, index)| (image.path.as_str(), index)).collect();
    names.extend(images.first().map(|_| ("/usr/lib/alias.dylib", 0)));
    // Offsets of nodes take two bytes of seven bits each, however small.
    let root = 2 + names.iter().map(|(name, _)| name.len() + 3).sum::<usize>();
    let mut trie = vec![0, names.len() as u8];
    for (position, (name, _)) in names.iter().enumerate() {
        let node = root + position * 4;
        trie.extend(name.as_bytes());
        trie.extend([0, node as u8 & 0x7f | 0x80, (node >> 7) as u8]);
    }
    for (_, index) in names {
        // A payload of a number, also in two bytes, and no children.
        trie.extend([2, index & 0x7f | 0x80, index >> 7, 0]);
    }
    trie
}

fn locals(plan: &Plan, images: &[Image]) -> Vec<Local> {
    if !plan.symbols {
        return Vec::new();
    }
    let local = |(image, place): (usize, &Image)| {
        let of = move |number: usize| Local {
            image,
            address: place.address + 4 * number as u64,
            name: format!("_local_{image}_{number}"),
        };
        (0..1 + image % 3).map(of).collect::<Vec<_>>()
    };
    images.iter().enumerate().flat_map(local).collect()
}

/// `dyld_cache_local_symbols_info` with all that it leads to.
fn local_symbols(plan: &Plan, images: &[Image], locals: &[Local]) -> Vec<u8> {
    let Processor { wide, big, base, .. } = plan.processor;
    let mut strings = vec![0];
    let mut symbols = Words::new(big);
    for local in locals {
        symbols.u32(strings.len() as u32).raw(&[0x0e, 1]).u16(0).word(wide, local.address);
        strings.extend(local.name.as_bytes());
        strings.push(0);
    }
    let mut entries = Words::new(big);
    for (index, image) in images.iter().enumerate() {
        let first = locals.partition_point(|local| local.image < index);
        let count = locals.iter().filter(|local| local.image == index).count();
        // Distances are of 8 bytes since the header names a file of symbols.
        entries.word(plan.has(0x1a0), image.address - base).u32(first as u32).u32(count as u32);
    }
    let mut all = Words::new(big);
    let (names, rows) = (24 + symbols.len(), 24 + symbols.len() + strings.len());
    all.u32(24).u32(locals.len() as u32).u32(names as u32).u32(strings.len() as u32);
    all.u32(rows as u32).u32(images.len() as u32);
    all.raw(&symbols.bytes).raw(&strings).raw(&entries.bytes);
    all.bytes
}

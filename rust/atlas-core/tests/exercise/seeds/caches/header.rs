//! Headers of files, and the tables behind them.

use super::words::Words;
use super::{File, Image, Plan, Region};

/// What the header of a file says beside its mappings.
#[derive(Clone, Debug, Default)]
pub struct Says {
    pub uuid: [u8; 16],
    pub base: u64,
    /// Bytes of address space of all files, in the main file of several.
    pub size: u64,
    pub code_signature: (u64, u64),
    pub local_symbols: (u64, u64),
    pub symbol_file: Option<[u8; 16]>,
    /// Suffix, UUID and distance from the base.
    pub entries: Vec<(String, [u8; 16], u64)>,
    pub dynamic_data: (u64, u64),
    pub tables: Tables,
}

/// Where the tables are that not every cache has, with their sizes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tables {
    pub trie: (u64, u64),
    /// By its distance from the base.
    pub prewarming: (u64, u64),
    pub variants: (u64, u64),
}

/// Fields that are left out where the header ends before them.
struct Fields<'a> {
    plan: &'a Plan,
    words: Words,
}

impl Fields<'_> {
    fn u32(&mut self, at: usize, number: u32) {
        if self.plan.has(at + 4) {
            self.words.put_u32(at, number);
        }
    }

    fn u64(&mut self, at: usize, number: u64) {
        if self.plan.has(at + 8) {
            self.words.put_u64(at, number);
        }
    }

    fn raw(&mut self, at: usize, bytes: &[u8]) {
        if self.plan.has(at + bytes.len()) {
            self.words.put(at, bytes);
        }
    }

    /// An offset and a count, where both fit: whoever lacks one lacks the table.
    fn table(&mut self, at: usize, offset: usize, count: usize) {
        if self.plan.has(at + 8) {
            self.words.put_u32(at, if count == 0 { 0 } else { offset as u32 });
            self.words.put_u32(at + 4, count as u32);
        }
    }
}

/// Bytes of a header and its tables, for a file with so many mappings and images.
pub fn size(plan: &Plan, mappings: usize, images: &[Image], entries: usize) -> usize {
    let mut size = plan.header_size + mappings * 32;
    size += if plan.has(0x140) { mappings * 56 } else { 0 };
    size += images.len() * if plan.has(0x98) { 64 } else { 32 };
    size += entries * if plan.has_suffixes() { 56 } else { 24 };
    size += if plan.has(0x208) { 16 } else { 0 };
    size + images.iter().map(|image| image.path.len() + 1).sum::<usize>()
}

/// The header and tables of a file.
pub fn write(plan: &Plan, regions: &[Region], images: &[Image], says: &Says) -> Vec<u8> {
    let mut words = Words::new(plan.processor.big);
    words.text(&format!("dyld_v1{:>8}", plan.processor.magic), 16).pad(plan.header_size);
    let mut it = Fields { plan, words };
    it.u32(0x10, plan.header_size as u32);
    it.u32(0x14, regions.len() as u32);
    it.u64(0x28, says.code_signature.0);
    it.u64(0x30, says.code_signature.1);
    it.u64(0x48, says.local_symbols.0);
    it.u64(0x50, says.local_symbols.1);
    it.raw(0x58, &says.uuid);
    it.u64(0x68, 1);
    it.u32(0xd8, 1);
    it.u32(0xdc, 0x400);
    it.u64(0xe0, says.base);
    it.u64(0xe8, if plan.has_new_images() { says.size } else { 1 << 32 });
    it.u64(0xf0, 0x1000_0000);
    it.u32(0x16c, 0x000e_0500);
    if let Some(uuid) = says.symbol_file {
        it.raw(0x190, &uuid);
    }
    it.u32(0x1c8, 1);
    it.u64(0x1f0, says.dynamic_data.0);
    it.u64(0x1f8, says.dynamic_data.1);
    for (at, (start, size)) in
        [(0x108, says.tables.trie), (0x208, says.tables.variants), (0x218, says.tables.prewarming)]
    {
        it.u64(at, start);
        it.u64(at + 8, size);
    }
    it.u32(0x228, plan.processor.cpu.0);
    it.u32(0x22c, plan.processor.cpu.1);
    // What is behind the known fields is kept as it is.
    (0x238..plan.header_size).step_by(4).for_each(|at| it.u32(at, 0xcafe_0000 | at as u32));
    mappings(&mut it, regions);
    entries(&mut it, says);
    image_tables(&mut it, images);
    it.words.bytes
}

fn mappings(it: &mut Fields<'_>, regions: &[Region]) {
    for region in regions {
        it.words.u64(region.address).u64(region.bytes.len() as u64).u64(region.file_offset);
        it.words.u32(region.protection).u32(region.protection);
    }
    if it.plan.has(0x140) {
        let start = it.words.len();
        it.table(0x138, start, regions.len());
        for region in regions {
            it.words.u64(region.address).u64(region.bytes.len() as u64).u64(region.file_offset);
            let (offset, size) = region.slide.unwrap_or_default();
            it.words.u64(offset).u64(size).u64(region.flags).u32(region.protection).u32(region.protection);
        }
    } else if let Some((offset, size)) = regions.get(1).and_then(|region| region.slide) {
        it.u64(0x38, offset);
        it.u64(0x40, size);
    }
}

fn entries(it: &mut Fields<'_>, says: &Says) {
    let start = it.words.len();
    it.table(0x188, start, says.entries.len());
    for (suffix, uuid, offset) in &says.entries {
        it.words.raw(uuid).u64(*offset);
        if it.plan.has_suffixes() {
            it.words.text(suffix, 32);
        }
    }
    if it.plan.has(0x208) {
        let start = it.words.len();
        it.table(0x200, start, usize::from(!says.entries.is_empty()));
        it.words.u64(says.base + 0x1000).u64(0x4000);
    }
}

fn image_tables(it: &mut Fields<'_>, images: &[Image]) {
    let (start, rows) = (it.words.len(), if it.plan.has(0x98) { 64 } else { 32 });
    it.table(if it.plan.has_new_images() { 0x1c0 } else { 0x18 }, start, images.len());
    let mut paths = Vec::new();
    let mut next = start + images.len() * rows;
    for image in images {
        paths.push(next as u32);
        it.words.u64(image.address).u64(7).u64(9).u32(next as u32).u32(0);
        next += image.path.len() + 1;
    }
    if it.plan.has(0x98) {
        let start = it.words.len();
        it.u64(0x88, if images.is_empty() { 0 } else { start as u64 });
        it.u64(0x90, images.len() as u64);
        for (image, path) in images.iter().zip(paths) {
            it.words.raw(&image.uuid).u64(image.address).u32(image.text_size).u32(path);
        }
    }
    for image in images {
        it.words.raw(image.path.as_bytes()).raw(&[0]);
    }
}

/// The file of the local symbols: a header, and a mapping at address 0 that must not count.
pub fn symbol_file(plan: &Plan, name: String, uuid: [u8; 16], locals: &[u8]) -> File {
    let start = size(plan, 1, &[], 0).next_multiple_of(16);
    let region = Region { bytes: vec![0; start], protection: 1, ..Region::default() };
    let says = Says { uuid, local_symbols: (start as u64, locals.len() as u64), ..Says::default() };
    let mut bytes = write(plan, std::slice::from_ref(&region), &[], &says);
    bytes.resize(start, 0);
    bytes.extend(locals);
    File { name, uuid, regions: Vec::new(), bytes }
}

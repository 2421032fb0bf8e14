//! Writes Mach-O files by hand, from the layouts of `<mach-o/loader.h>` and without the tables that the reader uses.

use crate::macho::ByteOrder;

pub const X86_64: (u32, u32) = (0x0100_0007, 3);
pub const ARM64: (u32, u32) = (0x0100_000c, 0);
pub const ARM64E: (u32, u32) = (0x0100_000c, 0x8000_0002);
pub const ARM64_32: (u32, u32) = (0x0200_000c, 1);
pub const I386: (u32, u32) = (7, 3);
pub const PPC: (u32, u32) = (18, 0);

pub const UUID: [u8; 16] = [0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe, 1, 2, 3, 4, 5, 6, 7, 8];

/// A name field, padded with NUL.
pub fn name16(name: &str) -> [u8; 16] {
    let mut field = [0; 16];
    field[..name.len()].copy_from_slice(name.as_bytes());
    field
}

#[derive(Clone, Copy, Debug)]
pub struct SectionSpec {
    pub segment: [u8; 16],
    pub name: [u8; 16],
    pub address: u64,
    pub size: u64,
    /// offset, align, reloff, nreloc, flags, reserved1, reserved2
    pub rest: [u32; 7],
}

#[derive(Clone, Debug)]
pub struct SegmentSpec {
    pub name: [u8; 16],
    /// vmaddr, vmsize, fileoff, filesize
    pub words: [u64; 4],
    /// maxprot, initprot, flags
    pub bits: [u32; 3],
    pub sections: Vec<SectionSpec>,
}

impl SegmentSpec {
    pub fn new(name: &str, words: [u64; 4], initial_protection: u32) -> Self {
        Self { name: name16(name), words, bits: [7, initial_protection, 0], sections: Vec::new() }
    }

    pub fn section(mut self, name: &str, address: u64, size: u64, offset: u32) -> Self {
        let rest = [offset, 4, 0, 0, 0x8000_0400, 11, 12];
        self.sections.push(SectionSpec { segment: self.name, name: name16(name), address, size, rest });
        self
    }
}

#[derive(Clone, Debug)]
pub struct Builder {
    pub order: ByteOrder,
    pub wide: bool,
    pub cpu: (u32, u32),
    pub file_type: u32,
    pub flags: u32,
    pub commands: Vec<Vec<u8>>,
}

impl Builder {
    pub fn new(cpu: (u32, u32)) -> Self {
        let order = if cpu.0 & 0xff == 18 { ByteOrder::Big } else { ByteOrder::Little };
        Self { order, wide: cpu.0 & 0x0100_0000 != 0, cpu, file_type: 6, flags: 0, commands: Vec::new() }
    }

    pub fn u32(&self, value: u32) -> [u8; 4] {
        match self.order {
            ByteOrder::Little => value.to_le_bytes(),
            ByteOrder::Big => value.to_be_bytes(),
        }
    }

    fn u64(&self, value: u64) -> [u8; 8] {
        match self.order {
            ByteOrder::Little => value.to_le_bytes(),
            ByteOrder::Big => value.to_be_bytes(),
        }
    }

    fn word(&self, value: u64) -> Vec<u8> {
        if self.wide { self.u64(value).to_vec() } else { self.u32(value as u32).to_vec() }
    }

    /// A command whose size field says `size`.
    pub fn command_of_size(mut self, number: u32, size: u32, body: &[u8]) -> Self {
        self.commands.push([&self.u32(number), &self.u32(size), body].concat());
        self
    }

    pub fn command(self, number: u32, body: &[u8]) -> Self {
        let size = 8 + body.len() as u32;
        self.command_of_size(number, size, body)
    }

    pub fn integers(self, number: u32, body: &[u32]) -> Self {
        let body: Vec<u8> = body.iter().flat_map(|&value| self.u32(value)).collect();
        self.command(number, &body)
    }

    pub fn uuid(self) -> Self {
        self.command(0x1b, &UUID)
    }

    /// `LC_ID_DYLIB` or one of the `LC_LOAD_DYLIB`s.
    pub fn library(self, number: u32, name: &[u8]) -> Self {
        let mut body: Vec<u8> = [24, 2, 0x0005_2601, 0x0001_0000].iter().flat_map(|&value| self.u32(value)).collect();
        body.extend_from_slice(name);
        body.resize((body.len() + 8) & !7, 0);
        self.command(number, &body)
    }

    pub fn segment(self, spec: &SegmentSpec) -> Self {
        let mut body = spec.name.to_vec();
        spec.words.iter().for_each(|&value| body.extend(self.word(value)));
        body.extend(self.u32(spec.bits[0]));
        body.extend(self.u32(spec.bits[1]));
        body.extend(self.u32(spec.sections.len() as u32));
        body.extend(self.u32(spec.bits[2]));
        for section in &spec.sections {
            body.extend(section.name);
            body.extend(section.segment);
            body.extend(self.word(section.address));
            body.extend(self.word(section.size));
            section.rest.iter().for_each(|&value| body.extend(self.u32(value)));
            if self.wide {
                body.extend([0; 4]);
            }
        }
        let number = if self.wide { 0x19 } else { 1 };
        self.command(number, &body)
    }

    pub fn build(&self) -> Vec<u8> {
        let commands = self.commands.concat();
        self.build_with(self.commands.len() as u32, commands.len() as u32)
    }

    /// With `ncmds` and `sizeofcmds` as given.
    pub fn build_with(&self, count: u32, size: u32) -> Vec<u8> {
        let magic = if self.wide { 0xfeed_facf } else { 0xfeed_face };
        let header = [magic, self.cpu.0, self.cpu.1, self.file_type, count, size, self.flags];
        let mut file: Vec<u8> = header.iter().flat_map(|&value| self.u32(value)).collect();
        if self.wide {
            file.extend([0; 4]);
        }
        file.extend(self.commands.concat());
        file
    }
}

/// A small library with two segments and two sections.
pub fn library(cpu: (u32, u32)) -> Builder {
    let text = SegmentSpec::new("__TEXT", [0x4000, 0x4000, 0, 0x4000], 5)
        .section("__text", 0x4800, 0x200, 0x800)
        .section("__const_0123456789"[..16].trim_end(), 0x4a00, 0x10, 0xa00);
    Builder::new(cpu)
        .segment(&text)
        .segment(&SegmentSpec::new("__LINKEDIT", [0x8000, 0x4000, 0x4000, 0x100], 1))
        .library(0xd, b"/usr/lib/libone.dylib")
        .uuid()
        .integers(0x32, &[1, 0x000d_0000, 0x000e_0501, 1, 3, 0x0400_0000])
        .integers(0x8000_0028, &[0x800, 0, 0, 0])
        .library(0xc, b"/usr/lib/libSystem.B.dylib")
}

/// The table of a universal file: rows of cpu type, cpu subtype, offset, size.
pub fn fat_table(wide: bool, count: u32, rows: &[((u32, u32), u64, u64)]) -> Vec<u8> {
    let mut table = if wide { 0xcafe_babf_u32 } else { 0xcafe_babe }.to_be_bytes().to_vec();
    table.extend(count.to_be_bytes());
    for &((cpu_type, cpu_subtype), offset, size) in rows {
        table.extend(cpu_type.to_be_bytes());
        table.extend(cpu_subtype.to_be_bytes());
        if wide {
            table.extend(offset.to_be_bytes());
            table.extend(size.to_be_bytes());
        } else {
            table.extend((offset as u32).to_be_bytes());
            table.extend((size as u32).to_be_bytes());
        }
        table.extend(14_u32.to_be_bytes());
        if wide {
            table.extend([0; 4]);
        }
    }
    table
}

/// A universal file with `slices` on pages of 16 KiB.
pub fn fat(wide: bool, slices: &[((u32, u32), Vec<u8>)]) -> Vec<u8> {
    let mut end = 1;
    let mut rows = Vec::new();
    for (cpu, bytes) in slices {
        let start = (end + 0x3fff) & !0x3fff;
        rows.push((*cpu, start, bytes.len() as u64));
        end = start + bytes.len().max(1) as u64;
    }
    let mut file = fat_table(wide, rows.len() as u32, &rows);
    for ((_, start, _), (_, bytes)) in rows.iter().zip(slices) {
        file.resize(*start as usize, 0);
        file.extend(bytes);
    }
    file
}

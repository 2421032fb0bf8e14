//! Segments and sections.

use std::borrow::Cow;
use std::fmt;

use super::command::Command;
use super::fields::Fields;
use super::raw::{SEGMENT_32, SEGMENT_64, SectionLayout, SegmentLayout, command};
use crate::address::PreferredAddress;

/// The name of a segment or section: 16 bytes, the rest NUL. A name of 16 bytes has no NUL.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Name(pub [u8; 16]);

impl Name {
    /// The name without its padding.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// The name as text; what is not UTF-8 becomes U+FFFD.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes())
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text(), f)
    }
}

/// `LC_SEGMENT` or `LC_SEGMENT_64`. Nothing says that the file holds the bytes which it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its name. The one segment of an object file, and those of a core file, have none.
    pub name: Name,
    /// `vmaddr`: where the linker placed it.
    pub preferred_load_address: PreferredAddress,
    /// `vmsize`, in bytes.
    pub vm_size: u64,
    /// `fileoff`, in bytes from the Mach-O header; in a shared cache, from the start of the file that holds it.
    pub file_offset: u64,
    /// `filesize`, in bytes; what `vm_size` has more is zero.
    pub file_size: u64,
    /// `maxprot`: 1 read, 2 write, 4 execute.
    pub max_protection: u32,
    /// `initprot`.
    pub initial_protection: u32,
    /// `SG_*` of `<mach-o/loader.h>`.
    pub flags: u32,
    /// How many sections it has.
    pub section_count: u32,
}

impl Segment {
    /// Reads `command`, or `None` where it is no segment.
    pub(super) fn read(command: Command<'_>) -> Option<Self> {
        let layout = layout(command.number())?;
        let fields = command.fields();
        Some(Self {
            name: Name(fields.array(layout.name)),
            preferred_load_address: PreferredAddress(fields.word(layout.vm_address, layout.wide)),
            vm_size: fields.word(layout.vm_size, layout.wide),
            file_offset: fields.word(layout.file_offset, layout.wide),
            file_size: fields.word(layout.file_size, layout.wide),
            max_protection: fields.u32(layout.max_protection),
            initial_protection: fields.u32(layout.initial_protection),
            flags: fields.u32(layout.flags),
            section_count: fields.u32(layout.section_count),
        })
    }
}

/// `section` or `section_64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// The segment that it belongs to, which in an object file is not the one whose command holds it.
    pub segment_name: Name,
    /// Its own name.
    pub name: Name,
    /// Where the linker placed it.
    pub address: PreferredAddress,
    /// In bytes.
    pub size: u64,
    /// Where its bytes are, from the Mach-O header; 0 where it has none.
    pub file_offset: u32,
    /// The power of two that its address is a multiple of.
    pub alignment: u32,
    /// `S_*` of `<mach-o/loader.h>`.
    pub flags: u32,
    /// For stubs and pointers, the index of their first indirect symbol.
    pub reserved1: u32,
    /// For stubs, the size of one.
    pub reserved2: u32,
}

impl Section {
    fn read(fields: Fields<'_>, layout: &SectionLayout) -> Self {
        Self {
            segment_name: Name(fields.array(layout.segment_name)),
            name: Name(fields.array(layout.name)),
            address: PreferredAddress(fields.word(layout.address, layout.wide)),
            size: fields.word(layout.size_field, layout.wide),
            file_offset: fields.u32(layout.offset),
            alignment: fields.u32(layout.alignment),
            flags: fields.u32(layout.flags),
            reserved1: fields.u32(layout.reserved1),
            reserved2: fields.u32(layout.reserved2),
        }
    }
}

/// The sections of `command`; none where it is no segment.
pub(super) fn sections(command: Command<'_>) -> impl Iterator<Item = Section> + use<'_> {
    let layout = layout(command.number());
    let sections = layout.and_then(|layout| command.bytes().get(layout.size..)).unwrap_or_default();
    let layout = layout.map_or(&SEGMENT_64.section, |layout| &layout.section);
    // The check has seen that the sections fill the command to its end.
    sections.chunks_exact(layout.size).map(move |bytes| Section::read(Fields::new(bytes, command.byte_order()), layout))
}

/// The layout of a segment command: by its number, not by the width of the header, as in dyld.
pub(super) const fn layout(number: u32) -> Option<&'static SegmentLayout> {
    match number {
        command::SEGMENT => Some(&SEGMENT_32),
        command::SEGMENT_64 => Some(&SEGMENT_64),
        _ => None,
    }
}

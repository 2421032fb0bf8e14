//! Segments and UUID of a header in one pass: for the thousands of images of a shared cache.
//!
//! [`super::View`] checks every command whose fields somebody might read, and walks again for each question. Here only
//! what a list of images shows is looked at, once; the walk itself is checked the same way.

use super::fields::{ByteOrder, Fields};
use super::magic;
use super::raw::{SegmentLayout, command, header, load_command, uuid};
use super::segment::{self, Name};
use crate::error::{Error, Result};

/// Bytes from which [`outline_size`] tells how many [`outline`] needs.
pub const OUTLINE_START: usize = header::SIZE_64;

/// A segment, as far as a list of images shows it; the fields are those of [`super::Segment`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentOutline {
    /// Its name.
    pub name: Name,
    /// `vmaddr`.
    pub preferred_load_address: u64,
    /// `vmsize`, in bytes.
    pub vm_size: u64,
    /// `fileoff`.
    pub file_offset: u64,
    /// `filesize`, in bytes.
    pub file_size: u64,
}

/// What a header says of the whole image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline {
    /// 8 for a 64-bit header, else 4.
    pub pointer_size: u32,
    /// The first `LC_UUID`.
    pub uuid: Option<[u8; 16]>,
}

/// Bytes of the header and load commands at the start of `data`; `None` where that is no Mach-O or too short to tell.
#[must_use]
pub fn outline_size(data: &[u8]) -> Option<usize> {
    let (order, is_64) = magic::macho(data)?;
    let size = if is_64 { header::SIZE_64 } else { header::SIZE_32 };
    let commands = data.get(..size).map(|bytes| Fields::new(bytes, order).u32(header::COMMANDS_SIZE))?;
    size.checked_add(commands as usize)
}

/// Shows each segment of the header at the start of `data` to `segment`.
///
/// # Errors
/// [`crate::ErrorKind::MachO`] where `data` is no Mach-O, or its load commands leave `sizeofcmds` or `data`; segments
/// before that have been shown.
#[inline]
pub fn outline(data: &[u8], segment: impl FnMut(&SegmentOutline)) -> Result<Outline> {
    let Some((order, is_64)) = magic::macho(data) else {
        return Err(Error::macho(0, "a Mach-O header", magic::describe(data)));
    };
    let start = if is_64 { header::SIZE_64 } else { header::SIZE_32 };
    let header = Fields::new(data.get(..start).unwrap_or_default(), order);
    let size = header.u32(header::COMMANDS_SIZE) as usize;
    let Some(commands) = data.get(start..).and_then(|rest| rest.get(..size)) else {
        let found = format!("{} bytes", data.len());
        return Err(Error::macho(header::COMMANDS_SIZE, format!("{size} bytes of load commands"), found));
    };
    let count = header.u32(header::COMMAND_COUNT);
    // Once for each order, so that within it the order is known when it is compiled.
    let uuid = match order {
        ByteOrder::Little => walk(commands, count, ByteOrder::Little, segment),
        ByteOrder::Big => walk(commands, count, ByteOrder::Big, segment),
    };
    Ok(Outline { pointer_size: if is_64 { 8 } else { 4 }, uuid: uuid? })
}

#[inline(always)]
fn walk(
    commands: &[u8],
    count: u32,
    order: ByteOrder,
    mut segment: impl FnMut(&SegmentOutline),
) -> Result<Option<[u8; 16]>> {
    let (mut rest, mut found) = (commands, None);
    for index in 0..count {
        let Some(start) = rest.first_chunk::<{ load_command::SIZE }>() else { return Err(short(index, count, rest)) };
        let start = Fields::new(start, order);
        let size = start.u32(load_command::SIZE_FIELD) as usize;
        let split = rest.split_at_checked(size).filter(|_| size >= load_command::SIZE);
        let Some((bytes, after)) = split else { return Err(short(index, count, rest)) };
        let number = start.u32(load_command::NUMBER);
        match number {
            // By its number, not by the width of the header, as in dyld.
            command::SEGMENT | command::SEGMENT_64 => {
                let read = segment::layout(number).and_then(|layout| read(bytes, layout, order));
                let Some(read) = read else { return Err(short(index, count, bytes)) };
                segment(&read);
            }
            command::UUID if found.is_none() && bytes.len() >= uuid::SIZE => {
                found = Some(Fields::new(bytes, order).array(uuid::VALUE));
            }
            _ => {}
        }
        rest = after;
    }
    Ok(found)
}

#[inline(always)]
fn read(bytes: &[u8], layout: &SegmentLayout, order: ByteOrder) -> Option<SegmentOutline> {
    let fields = Fields::new(bytes.get(..layout.size)?, order);
    Some(SegmentOutline {
        name: Name(fields.array(layout.name)),
        preferred_load_address: fields.word(layout.vm_address, layout.wide),
        vm_size: fields.word(layout.vm_size, layout.wide),
        file_offset: fields.word(layout.file_offset, layout.wide),
        file_size: fields.word(layout.file_size, layout.wide),
    })
}

#[cold]
fn short(index: u32, count: u32, rest: &[u8]) -> Error {
    Error::macho(
        header::COMMANDS_SIZE,
        format!("load command {index} of {count} whole and inside the load commands"),
        format!("{} bytes left", rest.len()),
    )
}

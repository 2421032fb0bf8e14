//! Checks load commands before anything is read from them.

use super::command::Command;
use super::fields::{ByteOrder, Fields};
use super::raw::{build_version, command, dylib, load_command, uuid, version_min};
use super::segment;
use crate::error::{Error, Result};

/// What the walk has counted, so that nothing needs to be counted again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub segments: usize,
    pub sections: usize,
}

/// Walks `count` commands at the start of `commands`, which begin `offset` bytes from the Mach-O header and `base`
/// bytes further into the input.
///
/// The rules are those of dyld: every command has at least 8 bytes and lies inside `sizeofcmds`; its size need not be
/// a multiple of 4 or 8; bytes after the last command are no error.
pub(super) fn commands(commands: &[u8], offset: usize, base: usize, count: u32, order: ByteOrder) -> Result<Counts> {
    let mut counts = Counts::default();
    let mut rest = commands;
    for index in 0..count {
        // Inside the input: no overflow.
        let at = offset.saturating_add(commands.len().saturating_sub(rest.len()));
        let error = |expected: String, found: String| Error::macho(base.saturating_add(at), expected, found);
        if rest.len() < load_command::SIZE {
            return Err(error(
                format!("load command {index} of {count} inside the {} bytes of load commands", commands.len()),
                format!("{} bytes left", rest.len()),
            ));
        }
        let size = Fields::new(rest, order).u32(load_command::SIZE_FIELD);
        if (size as usize) < load_command::SIZE {
            return Err(error(
                format!("load command {index} of {count} to have at least {} bytes", load_command::SIZE),
                format!("size {size}"),
            ));
        }
        let Some((bytes, after)) = rest.split_at_checked(size as usize) else {
            return Err(error(
                format!("load command {index} of {count} to end with the load commands, {} bytes on", rest.len()),
                format!("size {size}"),
            ));
        };
        one(Command::new(at, bytes, order), base, &mut counts)?;
        rest = after;
    }
    Ok(counts)
}

fn one(command: Command<'_>, base: usize, counts: &mut Counts) -> Result<()> {
    let fields = command.fields();
    match command.number() {
        command::UUID => exactly(command, base, "LC_UUID", uuid::SIZE as u64),
        command::SEGMENT | command::SEGMENT_64 => {
            let Some(layout) = segment::layout(command.number()) else { return Ok(()) };
            at_least(command, base, "a segment", layout.size)?;
            let sections = fields.u32(layout.section_count);
            let size = u64::from(sections).saturating_mul(layout.section.size as u64);
            exactly_with(command, base, size.saturating_add(layout.size as u64), || {
                format!("a segment with {sections} sections")
            })?;
            counts.segments = counts.segments.saturating_add(1);
            counts.sections = counts.sections.saturating_add(sections as usize);
            Ok(())
        }
        command::BUILD_VERSION => {
            at_least(command, base, "LC_BUILD_VERSION", build_version::SIZE)?;
            let tools = fields.u32(build_version::TOOL_COUNT);
            let size = u64::from(tools).saturating_mul(build_version::TOOL_SIZE as u64);
            exactly_with(command, base, size.saturating_add(build_version::SIZE as u64), || {
                format!("LC_BUILD_VERSION with {tools} tools")
            })
        }
        command::VERSION_MIN_MACOS
        | command::VERSION_MIN_IOS
        | command::VERSION_MIN_TVOS
        | command::VERSION_MIN_WATCHOS => exactly(command, base, "LC_VERSION_MIN", version_min::SIZE as u64),
        // A dylinker's name is its install name; it has no versions after it.
        command::ID_DYLINKER => {
            at_least(command, base, "LC_ID_DYLINKER", dylib::NAME_OFFSET + 4)?;
            text(command, base, "LC_ID_DYLINKER")
        }
        command::ID_DYLIB
        | command::LOAD_DYLIB
        | command::LOAD_WEAK_DYLIB
        | command::REEXPORT_DYLIB
        | command::LOAD_UPWARD_DYLIB => {
            at_least(command, base, "a library's load command", dylib::SIZE)?;
            text(command, base, "a library's load command")
        }
        _ => Ok(()),
    }
}

fn at_least(command: Command<'_>, base: usize, what: &str, size: usize) -> Result<()> {
    if command.bytes().len() >= size {
        return Ok(());
    }
    Err(wrong_size(command, base, format!("{what} of at least {size} bytes")))
}

fn exactly(command: Command<'_>, base: usize, what: &str, size: u64) -> Result<()> {
    exactly_with(command, base, size, || what.to_owned())
}

fn exactly_with(command: Command<'_>, base: usize, size: u64, what: impl FnOnce() -> String) -> Result<()> {
    if command.bytes().len() as u64 == size {
        return Ok(());
    }
    Err(wrong_size(command, base, format!("{} of {size} bytes", what())))
}

#[cold]
fn wrong_size(command: Command<'_>, base: usize, expected: String) -> Error {
    Error::macho(base.saturating_add(command.offset()), expected, format!("{} bytes", command.bytes().len()))
}

fn text(command: Command<'_>, base: usize, what: &str) -> Result<()> {
    if command.text(dylib::NAME_OFFSET).is_some() {
        return Ok(());
    }
    Err(Error::macho(
        base.saturating_add(command.offset()).saturating_add(dylib::NAME_OFFSET),
        format!("{what} with a name that ends inside its {} bytes", command.bytes().len()),
        format!("a name at {}", command.fields().u32(dylib::NAME_OFFSET)),
    ))
}

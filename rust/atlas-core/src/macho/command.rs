//! Load commands: the walk over them, and what single ones hold.

use super::fields::{ByteOrder, Fields};
use super::platform::Version;
use super::raw::{command, dylib, dylib_use, load_command};

/// One load command, of whatever kind.
#[derive(Clone, Copy, Debug)]
pub struct Command<'a> {
    offset: usize,
    bytes: &'a [u8],
    order: ByteOrder,
}

impl<'a> Command<'a> {
    pub(super) const fn new(offset: usize, bytes: &'a [u8], order: ByteOrder) -> Self {
        Self { offset, bytes, order }
    }

    /// `cmd`: an `LC_*` of `<mach-o/loader.h>`, known or not.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.fields().u32(load_command::NUMBER)
    }

    /// Where the command begins, in bytes from the Mach-O header.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The whole command with its number and size; its length is `cmdsize`.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The byte order of the integers in [`Self::bytes`].
    #[must_use]
    pub const fn byte_order(&self) -> ByteOrder {
        self.order
    }

    pub(super) const fn fields(&self) -> Fields<'a> {
        Fields::new(self.bytes, self.order)
    }

    /// The text that the `lc_str` at `at` points to, without its NUL; `None` where it leaves the command.
    pub(super) fn text(&self, at: usize) -> Option<&'a [u8]> {
        let start = usize::try_from(self.fields().u32(at)).ok()?;
        let rest = self.bytes.get(start..)?;
        let end = rest.iter().position(|&byte| byte == 0)?;
        rest.get(..end)
    }
}

/// All load commands in the order of the file. The walk has been checked, so that it cannot fail.
#[derive(Clone, Debug)]
pub struct Commands<'a> {
    rest: &'a [u8],
    offset: usize,
    left: u32,
    order: ByteOrder,
}

impl<'a> Commands<'a> {
    pub(super) const fn new(bytes: &'a [u8], offset: usize, count: u32, order: ByteOrder) -> Self {
        Self { rest: bytes, offset, left: count, order }
    }
}

impl<'a> Iterator for Commands<'a> {
    type Item = Command<'a>;

    fn next(&mut self) -> Option<Command<'a>> {
        self.left = self.left.checked_sub(1)?;
        let size = Fields::new(self.rest, self.order).u32(load_command::SIZE_FIELD);
        let (bytes, rest) = self.rest.split_at_checked(usize::try_from(size).ok()?)?;
        let command = Command::new(self.offset, bytes, self.order);
        self.rest = rest;
        self.offset = self.offset.checked_add(bytes.len())?;
        Some(command)
    }
}

/// A library that a file is linked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dependent<'a> {
    /// Its install name or an `@rpath` form of it, usually UTF-8.
    pub install_name: &'a [u8],
    /// `DYLIB_USE_*` of `<mach-o/loader.h>`: 1 weak link, 2 re-export, 4 upward, 8 delayed initialisation.
    pub attributes: u32,
    /// The version that it must be compatible with.
    pub compatibility_version: Version,
    /// The version that was linked.
    pub current_version: Version,
}

impl<'a> Dependent<'a> {
    /// Reads `command`, or `None` where it links no library.
    pub(super) fn read(command: Command<'a>) -> Option<Self> {
        let fields = command.fields();
        let by_number = match command.number() {
            command::LOAD_DYLIB => 0,
            command::LOAD_WEAK_DYLIB => 1,
            command::REEXPORT_DYLIB => 2,
            command::LOAD_UPWARD_DYLIB => 4,
            _ => return None,
        };
        let has_flags = fields.u32(dylib_use::MARKER_FIELD) == dylib_use::MARKER
            && fields.u32(dylib::NAME_OFFSET) as usize == dylib_use::SIZE;
        Some(Self {
            install_name: command.text(dylib::NAME_OFFSET)?,
            attributes: if has_flags { fields.u32(dylib_use::FLAGS) } else { by_number },
            compatibility_version: Version(fields.u32(dylib::COMPATIBILITY_VERSION)),
            current_version: Version(fields.u32(dylib::CURRENT_VERSION)),
        })
    }
}

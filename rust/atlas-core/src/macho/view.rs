//! One Mach-O: its header and its load commands, checked once and borrowed.

use uuid::Uuid;

use super::architecture::Architecture;
use super::check::{self, Counts};
use super::command::{Commands, Dependent};
use super::fields::{ByteOrder, Fields};
use super::magic;
use super::platform::BuildVersion;
use super::raw::{command, dylib, header, uuid as uuid_command};
use super::segment::{self, Section, Segment};
use crate::address::PreferredAddress;
use crate::error::{Error, Result};

/// A thin Mach-O. Making one checks every load command; after that nothing can fail and nothing is allocated.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    order: ByteOrder,
    is_64: bool,
    header: Fields<'a>,
    commands: &'a [u8],
    counts: Counts,
}

impl<'a> View<'a> {
    /// Checks the header and the load commands at the start of `data`, which may end behind them or anywhere later.
    ///
    /// # Errors
    /// [`crate::ErrorKind::MachO`] where `data` is no Mach-O, or its load commands leave `sizeofcmds`, `data` or,
    /// for those that are read here, the sizes that dyld asks of them. Commands and file types that are not known are
    /// no error.
    pub fn parse(data: &'a [u8]) -> Result<Self> {
        Self::parse_at(data, 0)
    }

    /// The same for a slice that begins `base` bytes into some input: errors count their offsets from its start.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_at(data: &'a [u8], base: usize) -> Result<Self> {
        let Some((order, is_64)) = magic::macho(data) else {
            return Err(Error::macho(base, "a Mach-O header", magic::describe(data)));
        };
        let header_size = if is_64 { header::SIZE_64 } else { header::SIZE_32 };
        let Some((header, rest)) = data.split_at_checked(header_size) else {
            return Err(Error::macho(
                base,
                format!("a Mach-O header of {header_size} bytes"),
                format!("{} bytes", data.len()),
            ));
        };
        let header = Fields::new(header, order);
        let size = header.u32(header::COMMANDS_SIZE);
        let Some(commands) = rest.get(..size as usize) else {
            return Err(Error::macho(
                base.saturating_add(header::COMMANDS_SIZE),
                format!("load commands inside the {} bytes after the header", rest.len()),
                format!("{size} bytes of load commands"),
            ));
        };
        let counts = check::commands(commands, header_size, base, header.u32(header::COMMAND_COUNT), order)?;
        Ok(Self { order, is_64, header, commands, counts })
    }

    /// The processor that it is for.
    #[must_use]
    pub fn architecture(&self) -> Architecture {
        Architecture { cpu_type: self.header.u32(header::CPU_TYPE), cpu_subtype: self.header.u32(header::CPU_SUBTYPE) }
    }

    /// `MH_*`, as in 2 for an executable, 4 for a core file, 6 for a library; known or not.
    #[must_use]
    pub fn file_type(&self) -> u32 {
        self.header.u32(header::FILE_TYPE)
    }

    /// `MH_*` flags of the header.
    #[must_use]
    pub fn flags(&self) -> u32 {
        self.header.u32(header::FLAGS)
    }

    /// The byte order of the file.
    #[must_use]
    pub const fn byte_order(&self) -> ByteOrder {
        self.order
    }

    /// 8 for a 64-bit header, 4 for a 32-bit one, that of arm64_32 included.
    #[must_use]
    pub const fn pointer_size(&self) -> u32 {
        if self.is_64 { 8 } else { 4 }
    }

    /// How many bytes the header and the load commands take.
    #[must_use]
    pub const fn header_and_load_commands_size(&self) -> usize {
        self.header_size().saturating_add(self.commands.len())
    }

    const fn header_size(&self) -> usize {
        if self.is_64 { header::SIZE_64 } else { header::SIZE_32 }
    }

    /// All load commands, known or not, in the order of the file.
    #[must_use]
    pub fn commands(&self) -> Commands<'a> {
        Commands::new(self.commands, self.header_size(), self.header.u32(header::COMMAND_COUNT), self.order)
    }

    /// All segments in the order of their load commands.
    pub fn segments(&self) -> impl Iterator<Item = Segment> + use<'a> {
        self.commands().filter_map(Segment::read)
    }

    /// All sections, segment by segment.
    pub fn sections(&self) -> impl Iterator<Item = Section> + use<'a> {
        self.commands().flat_map(segment::sections)
    }

    /// How many segments there are.
    #[must_use]
    pub const fn segment_count(&self) -> usize {
        self.counts.segments
    }

    /// How many sections there are in all segments.
    #[must_use]
    pub const fn section_count(&self) -> usize {
        self.counts.sections
    }

    /// The UUID of the first `LC_UUID`.
    #[must_use]
    pub fn uuid(&self) -> Option<Uuid> {
        let command = self.commands().find(|found| found.number() == command::UUID)?;
        Some(Uuid::from_bytes(command.fields().array(uuid_command::VALUE)))
    }

    /// The install name of a library or of a dylinker, as bytes: the format asks for no encoding.
    #[must_use]
    pub fn install_name(&self) -> Option<&'a [u8]> {
        let is_name = |number| matches!(number, command::ID_DYLIB | command::ID_DYLINKER);
        self.commands().find(|found| is_name(found.number()))?.text(dylib::NAME_OFFSET)
    }

    /// Every platform that the file was built for; two for a library of macOS and Mac Catalyst.
    pub fn build_versions(&self) -> impl Iterator<Item = BuildVersion> + use<'a> {
        let architecture = self.architecture();
        self.commands().filter_map(move |found| BuildVersion::read(found, architecture))
    }

    /// The platform that dyld goes by: macOS before Mac Catalyst, else the first. `None` where the file says nothing.
    #[must_use]
    pub fn build_version(&self) -> Option<BuildVersion> {
        self.build_versions().fold(None, |first, next| Some(BuildVersion::join(first, next)))
    }

    /// The `vmaddr` of the first `__TEXT`, 0 where there is none, as dyld counts it.
    #[must_use]
    pub fn preferred_load_address(&self) -> PreferredAddress {
        self.segments()
            .find(|found| found.name == "__TEXT")
            .map(|found| found.preferred_load_address)
            .unwrap_or_default()
    }

    /// The libraries that it is linked with. dyld adds libSystem where there are none; this does not.
    pub fn dependents(&self) -> impl Iterator<Item = Dependent<'a>> + use<'a> {
        self.commands().filter_map(Dependent::read)
    }
}

//! What a caller wants to know of each slice, owned.

use uuid::Uuid;

use super::platform::{BuildVersion, Version};
use super::segment::{self, Section, Segment};
use super::universal::{Member, Universal, members};
use super::view::View;
use crate::address::PreferredAddress;
use crate::error::Result;

/// One Mach-O of a file: the whole file, or its part for one processor.
#[derive(Clone, Debug)]
pub struct Slice {
    /// The name of the processor, as dyld writes it: see [`super::Architecture::name`].
    pub architecture: std::borrow::Cow<'static, str>,
    /// `cputype` of the header.
    pub cpu_type: u32,
    /// `cpusubtype` of the header, with its capability byte.
    pub cpu_subtype: u32,
    /// `MH_*`: 1 object, 2 executable, 4 core, 6 library, 7 dylinker, 8 bundle, …; known or not.
    pub file_type: u32,
    /// `MH_*` flags of the header.
    pub flags: u32,
    /// Where the slice begins in the file, in bytes.
    pub offset: u64,
    /// In bytes; of a thin file, the whole file.
    pub size: u64,
    /// How many bytes of it the header and the load commands take.
    pub header_and_load_commands_size: u64,
    /// From the first `LC_UUID`.
    pub uuid: Option<Uuid>,
    /// Of a library or a dylinker; what is not UTF-8 becomes U+FFFD.
    pub install_name: Option<String>,
    /// `PLATFORM_*`, known or not: see [`View::build_version`].
    pub platform: Option<u32>,
    /// The oldest system that it runs on.
    pub min_os: Option<Version>,
    /// The SDK that it was built with.
    pub sdk: Option<Version>,
    /// The `vmaddr` of `__TEXT`, 0 where there is none.
    pub preferred_load_address: PreferredAddress,
    /// 8 or 4.
    pub pointer_size: u32,
    /// In the order of the load commands.
    pub segments: Vec<Segment>,
    /// Segment by segment.
    pub sections: Vec<Section>,
}

impl Slice {
    /// Sums up `view`, which begins `offset` bytes into its file and has `size` bytes.
    #[must_use]
    pub fn from_view(view: &View<'_>, offset: u64, size: u64) -> Self {
        let architecture = view.architecture();
        // The counts are bounded by the size of the load commands, which are there.
        let mut segments = Vec::with_capacity(view.segment_count());
        let mut sections = Vec::with_capacity(view.section_count());
        let mut build_version = None;
        for command in view.commands() {
            if let Some(segment) = Segment::read(command) {
                segments.push(segment);
                sections.extend(segment::sections(command));
            } else if let Some(next) = BuildVersion::read(command, architecture) {
                build_version = Some(BuildVersion::join(build_version, next));
            }
        }
        Self {
            architecture: architecture.name(),
            cpu_type: architecture.cpu_type,
            cpu_subtype: architecture.cpu_subtype,
            file_type: view.file_type(),
            flags: view.flags(),
            offset,
            size,
            header_and_load_commands_size: view.header_and_load_commands_size() as u64,
            uuid: view.uuid(),
            install_name: view.install_name().map(|name| String::from_utf8_lossy(name).into_owned()),
            platform: build_version.map(|found| found.platform),
            min_os: build_version.map(|found| found.min_os),
            sdk: build_version.map(|found| found.sdk),
            preferred_load_address: view.preferred_load_address(),
            pointer_size: view.pointer_size(),
            segments,
            sections,
        }
    }

    fn read(member: &Member<'_>) -> Result<Self> {
        Ok(Self::from_view(&member.view()?, member.offset as u64, member.bytes.len() as u64))
    }
}

/// Every slice of `data`, a whole thin or universal file. Only headers and load commands are read.
///
/// # Errors
/// [`crate::ErrorKind::MachO`] as of [`Universal::parse`] and [`View::parse`]. A slice that is no Mach-O (a static
/// library, bitcode) is an error that names it, since leaving it out would hide it: [`members`] gives the others.
pub fn slices(data: &[u8]) -> Result<Vec<Slice>> {
    if !Universal::is_universal(data) {
        return Ok(vec![Slice::read(&Member { architecture: None, offset: 0, bytes: data })?]);
    }
    Universal::parse(data)?.members().map(|member| Slice::read(&member)).collect()
}

/// The slice with `uuid`, if any. Slices that cannot be read are not it.
///
/// # Errors
/// As [`Universal::parse`]; of a thin file as [`View::parse`].
pub fn slice_with_uuid(data: &[u8], uuid: Uuid) -> Result<Option<Slice>> {
    for member in members(data)? {
        match member.view() {
            Ok(view) if view.uuid() == Some(uuid) => {
                return Ok(Some(Slice::from_view(&view, member.offset as u64, member.bytes.len() as u64)));
            }
            Err(error) if member.architecture.is_none() => return Err(error),
            _ => {}
        }
    }
    Ok(None)
}

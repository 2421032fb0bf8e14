//! Layouts and numbers of `<mach-o/loader.h>` and `<mach-o/fat.h>`. No behaviour.
//!
//! Offsets are bytes from the start of the structure, which for a load command includes its `cmd` and `cmdsize`.

/// `MH_MAGIC`, a 32-bit Mach-O, as read in the byte order of the file.
pub(super) const MH_MAGIC: u32 = 0xfeed_face;
/// `MH_MAGIC_64`.
pub(super) const MH_MAGIC_64: u32 = 0xfeed_facf;
/// `FAT_MAGIC`: always written in big-endian order. Java class files begin with the same four bytes.
pub(super) const FAT_MAGIC: u32 = 0xcafe_babe;
/// `FAT_MAGIC_64`.
pub(super) const FAT_MAGIC_64: u32 = 0xcafe_babf;

/// `mach_header`; `mach_header_64` only adds four reserved bytes at its end.
pub(super) mod header {
    pub const CPU_TYPE: usize = 4;
    pub const CPU_SUBTYPE: usize = 8;
    pub const FILE_TYPE: usize = 12;
    pub const COMMAND_COUNT: usize = 16;
    pub const COMMANDS_SIZE: usize = 20;
    pub const FLAGS: usize = 24;
    pub const SIZE_32: usize = 28;
    pub const SIZE_64: usize = 32;
}

/// `fat_header`.
pub(super) mod fat_header {
    pub const COUNT: usize = 4;
    pub const SIZE: usize = 8;
}

/// `fat_arch` and `fat_arch_64`, whose offset and size are 64 bits wide.
pub(super) struct FatEntryLayout {
    pub wide: bool,
    pub offset: usize,
    pub size: usize,
    pub alignment: usize,
    pub entry_size: usize,
}

/// `fat_arch`.
pub(super) const FAT_ENTRY_32: FatEntryLayout =
    FatEntryLayout { wide: false, offset: 8, size: 12, alignment: 16, entry_size: 20 };
/// `fat_arch_64`.
pub(super) const FAT_ENTRY_64: FatEntryLayout =
    FatEntryLayout { wide: true, offset: 8, size: 16, alignment: 24, entry_size: 32 };
/// The processor of a `fat_arch` of either width.
pub(super) mod fat_entry {
    pub const CPU_TYPE: usize = 0;
    pub const CPU_SUBTYPE: usize = 4;
}

/// `load_command`, the first fields of every command.
pub(super) mod load_command {
    pub const NUMBER: usize = 0;
    pub const SIZE_FIELD: usize = 4;
    pub const SIZE: usize = 8;
}

/// `segment_command` or `segment_command_64`, and the `section` or `section_64` that follow it.
pub(super) struct SegmentLayout {
    pub wide: bool,
    pub name: usize,
    pub vm_address: usize,
    pub vm_size: usize,
    pub file_offset: usize,
    pub file_size: usize,
    pub max_protection: usize,
    pub initial_protection: usize,
    pub section_count: usize,
    pub flags: usize,
    pub size: usize,
    pub section: SectionLayout,
}

/// `section` or `section_64`.
pub(super) struct SectionLayout {
    pub wide: bool,
    pub name: usize,
    pub segment_name: usize,
    pub address: usize,
    pub size_field: usize,
    pub offset: usize,
    pub alignment: usize,
    pub flags: usize,
    pub reserved1: usize,
    pub reserved2: usize,
    pub size: usize,
}

/// `segment_command`.
pub(super) const SEGMENT_32: SegmentLayout = SegmentLayout {
    wide: false,
    name: 8,
    vm_address: 24,
    vm_size: 28,
    file_offset: 32,
    file_size: 36,
    max_protection: 40,
    initial_protection: 44,
    section_count: 48,
    flags: 52,
    size: 56,
    section: SectionLayout {
        wide: false,
        name: 0,
        segment_name: 16,
        address: 32,
        size_field: 36,
        offset: 40,
        alignment: 44,
        flags: 56,
        reserved1: 60,
        reserved2: 64,
        size: 68,
    },
};

/// `segment_command_64`.
pub(super) const SEGMENT_64: SegmentLayout = SegmentLayout {
    wide: true,
    name: 8,
    vm_address: 24,
    vm_size: 32,
    file_offset: 40,
    file_size: 48,
    max_protection: 56,
    initial_protection: 60,
    section_count: 64,
    flags: 68,
    size: 72,
    section: SectionLayout {
        wide: true,
        name: 0,
        segment_name: 16,
        address: 32,
        size_field: 40,
        offset: 48,
        alignment: 52,
        flags: 64,
        reserved1: 68,
        reserved2: 72,
        size: 80,
    },
};

/// `uuid_command`.
pub(super) mod uuid {
    pub const VALUE: usize = 8;
    pub const SIZE: usize = 24;
}

/// `build_version_command`, followed by `build_tool_version`s.
pub(super) mod build_version {
    pub const PLATFORM: usize = 8;
    pub const MIN_OS: usize = 12;
    pub const SDK: usize = 16;
    pub const TOOL_COUNT: usize = 20;
    pub const SIZE: usize = 24;
    pub const TOOL_SIZE: usize = 8;
}

/// `version_min_command`.
pub(super) mod version_min {
    pub const MIN_OS: usize = 8;
    pub const SDK: usize = 12;
    pub const SIZE: usize = 16;
}

/// `dylib_command`. `dylinker_command` shares its first three fields.
pub(super) mod dylib {
    pub const NAME_OFFSET: usize = 8;
    pub const CURRENT_VERSION: usize = 16;
    pub const COMPATIBILITY_VERSION: usize = 20;
    pub const SIZE: usize = 24;
}

/// `dylib_use_command`: a `dylib_command` whose time stamp is a marker, with flags before the name (since macOS 15).
pub(super) mod dylib_use {
    pub const MARKER_FIELD: usize = 12;
    pub const MARKER: u32 = 0x1a74_1800;
    pub const FLAGS: usize = 24;
    pub const SIZE: usize = 28;
}

/// `cpu_type_t` of `<mach/machine.h>`.
pub(super) mod cpu_type {
    pub const ABI64: u32 = 0x0100_0000;
    pub const ABI64_32: u32 = 0x0200_0000;
    pub const I386: u32 = 7;
    pub const X86_64: u32 = I386 | ABI64;
    pub const ARM: u32 = 12;
    pub const ARM64: u32 = ARM | ABI64;
    pub const ARM64_32: u32 = ARM | ABI64_32;
    pub const POWERPC: u32 = 18;
    pub const POWERPC64: u32 = POWERPC | ABI64;
}

/// `PLATFORM_*` that dyld derives from the older `LC_VERSION_MIN_*`, or treats apart.
pub(super) mod platform {
    pub const MACOS: u32 = 1;
    pub const IOS: u32 = 2;
    pub const TVOS: u32 = 3;
    pub const WATCHOS: u32 = 4;
    pub const MAC_CATALYST: u32 = 6;
    pub const IOS_SIMULATOR: u32 = 7;
    pub const TVOS_SIMULATOR: u32 = 8;
    pub const WATCHOS_SIMULATOR: u32 = 9;
}

/// `LC_*`: numbers of load commands.
pub mod command {
    /// Set in numbers of commands that dyld must understand to run the file.
    pub const REQUIRED_BY_DYLD: u32 = 0x8000_0000;
    /// `LC_SEGMENT`
    pub const SEGMENT: u32 = 0x1;
    /// `LC_SYMTAB`
    pub const SYMTAB: u32 = 0x2;
    /// `LC_IDENT`: a string; in cores, before there were notes
    pub const IDENT: u32 = 0x8;
    /// `LC_LOAD_DYLIB`
    pub const LOAD_DYLIB: u32 = 0xc;
    /// `LC_ID_DYLIB`
    pub const ID_DYLIB: u32 = 0xd;
    /// `LC_ID_DYLINKER`
    pub const ID_DYLINKER: u32 = 0xf;
    /// `LC_LOAD_WEAK_DYLIB`
    pub const LOAD_WEAK_DYLIB: u32 = 0x18 | REQUIRED_BY_DYLD;
    /// `LC_SEGMENT_64`
    pub const SEGMENT_64: u32 = 0x19;
    /// `LC_UUID`
    pub const UUID: u32 = 0x1b;
    /// `LC_REEXPORT_DYLIB`
    pub const REEXPORT_DYLIB: u32 = 0x1f | REQUIRED_BY_DYLD;
    /// `LC_LOAD_UPWARD_DYLIB`
    pub const LOAD_UPWARD_DYLIB: u32 = 0x23 | REQUIRED_BY_DYLD;
    /// `LC_VERSION_MIN_MACOSX`
    pub const VERSION_MIN_MACOS: u32 = 0x24;
    /// `LC_VERSION_MIN_IPHONEOS`
    pub const VERSION_MIN_IOS: u32 = 0x25;
    /// `LC_VERSION_MIN_TVOS`
    pub const VERSION_MIN_TVOS: u32 = 0x2f;
    /// `LC_VERSION_MIN_WATCHOS`
    pub const VERSION_MIN_WATCHOS: u32 = 0x30;
    /// `LC_NOTE`, in core files
    pub const NOTE: u32 = 0x31;
    /// `LC_BUILD_VERSION`
    pub const BUILD_VERSION: u32 = 0x32;
}

/// `MH_*`: numbers of file types.
pub mod file_type {
    /// `MH_OBJECT`
    pub const OBJECT: u32 = 1;
    /// `MH_EXECUTE`
    pub const EXECUTE: u32 = 2;
    /// `MH_CORE`
    pub const CORE: u32 = 4;
    /// `MH_DYLIB`
    pub const DYLIB: u32 = 6;
    /// `MH_DYLINKER`
    pub const DYLINKER: u32 = 7;
    /// `MH_BUNDLE`
    pub const BUNDLE: u32 = 8;
    /// `MH_DSYM`
    pub const DSYM: u32 = 10;
}

/// `MH_*`: flags of the header.
pub mod flags {
    /// `MH_DYLIB_IN_CACHE`: the image lies in a shared cache; its file offsets may point into several files.
    pub const DYLIB_IN_CACHE: u32 = 0x8000_0000;
}

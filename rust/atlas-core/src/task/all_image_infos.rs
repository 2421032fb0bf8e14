//! `dyld_all_image_infos` of `<mach-o/dyld_images.h>`, of both widths and all versions.
//!
//! The structure has grown from 16 bytes to 368 and says nowhere how far: its version is no guide, since fields came
//! without a new number (macOS 10.13 added `compactInfo*` to version 15). The size from the kernel is; a field that
//! ends behind it is absent.

use super::memory::{DyldInfo, PointerFormat, TaskMemory};
use crate::bytes::Cursor;
use crate::error::{Error, ErrorKind, Result};

/// Bytes of the largest structure known; what a newer dyld adds is not read.
pub const LARGEST: usize = 368;

/// Bytes of the structure by its version, for memory where no kernel tells them: as many as every dyld of that version
/// has.
#[must_use]
pub const fn size_of_version(version: u32, format: PointerFormat) -> u64 {
    let (wide, narrow) = match version {
        0..=1 => (0x19, 0x11),
        2 => (0x28, 0x18),
        3..=4 => (0x30, 0x1c),
        5 => (0x48, 0x28),
        6 => (0x50, 0x2c),
        7 => (0x58, 0x30),
        8 => (0x68, 0x38),
        9 => (0x70, 0x3c),
        10 => (0x78, 0x40),
        11 => (0x98, 0x50),
        12 => (0xa0, 0x54),
        13..=14 => (0xb0, 0x64),
        // macOS 10.12 has less than 10.13, and zeros there.
        15 => (0x140, 0xb0),
        16 => (0x144, 0xb4),
        _ => (0x170, 0xe0),
    };
    match format {
        PointerFormat::Bits32 => narrow,
        PointerFormat::Bits64 => wide,
    }
}

/// Bits of a 64-bit pointer that are no tag (top-byte-ignore, MTE).
pub const ADDRESS_BITS: u64 = 0x00ff_ffff_ffff_ffff;

/// One field: where it is in the wide and in the narrow structure, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    wide: usize,
    narrow: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Byte,
    Word32,
    Word64,
    /// A pointer, or a `uintptr_t`.
    Pointer,
}

/// The fields by dyld's names, with the version that brought each.
pub mod field {
    use super::{Field, Kind};

    const fn field(wide: usize, narrow: usize, kind: Kind) -> Field {
        Field { wide, narrow, kind }
    }

    /// `version`, 1
    pub const VERSION: Field = field(0x00, 0x00, Kind::Word32);
    /// `infoArrayCount`, 1
    pub const INFO_ARRAY_COUNT: Field = field(0x04, 0x04, Kind::Word32);
    /// `infoArray`, 1; 0 while it is changed
    pub const INFO_ARRAY: Field = field(0x08, 0x08, Kind::Pointer);
    /// `libSystemInitialized`, 2
    pub const LIB_SYSTEM_INITIALIZED: Field = field(0x19, 0x11, Kind::Byte);
    /// `dyldImageLoadAddress`, 2
    pub const DYLD_IMAGE_LOAD_ADDRESS: Field = field(0x20, 0x14, Kind::Pointer);
    /// `uuidArrayCount`, 8
    pub const UUID_ARRAY_COUNT: Field = field(0x58, 0x30, Kind::Pointer);
    /// `uuidArray`, 8: only images outside the shared cache
    pub const UUID_ARRAY: Field = field(0x60, 0x34, Kind::Pointer);
    /// `dyldAllImageInfosAddress`, 9: the structure's own address before it was slid
    pub const DYLD_ALL_IMAGE_INFOS_ADDRESS: Field = field(0x68, 0x38, Kind::Pointer);
    /// `initialImageCount`, 10
    pub const INITIAL_IMAGE_COUNT: Field = field(0x70, 0x3c, Kind::Pointer);
    /// `sharedCacheBaseAddress`, 15
    pub const SHARED_CACHE_BASE_ADDRESS: Field = field(0xb0, 0x64, Kind::Pointer);
    /// `infoArrayChangeTimestamp`, 15: `mach_absolute_time` of the last change
    pub const INFO_ARRAY_CHANGE_TIMESTAMP: Field = field(0xb8, 0x68, Kind::Word64);
    /// `dyldPath`, 15
    pub const DYLD_PATH: Field = field(0xc0, 0x70, Kind::Pointer);
    /// `compact_dyld_image_info_addr`, 15 or 16
    pub const COMPACT_ADDRESS: Field = field(0x130, 0xa8, Kind::Pointer);
    /// `compact_dyld_image_info_size`, 15 or 16
    pub const COMPACT_SIZE: Field = field(0x138, 0xac, Kind::Pointer);
    /// `platform`, 16
    pub const PLATFORM: Field = field(0x140, 0xb0, Kind::Word32);
    /// `aotInfoCount`, 17
    pub const AOT_INFO_COUNT: Field = field(0x144, 0xb4, Kind::Word32);
    /// `aotInfoArray`, 17
    pub const AOT_INFO_ARRAY: Field = field(0x148, 0xb8, Kind::Word64);
    /// `aotSharedCacheBaseAddress`, 17
    pub const AOT_SHARED_CACHE_BASE_ADDRESS: Field = field(0x158, 0xc8, Kind::Word64);

    /// Where `sharedCacheUUID` (13) is, wide and narrow.
    pub(super) const SHARED_CACHE_UUID: (usize, usize) = (0xa0, 0x54);
    /// Where `aotSharedCacheUUID` (17) is, wide and narrow.
    pub(super) const AOT_SHARED_CACHE_UUID: (usize, usize) = (0x160, 0xd0);
}

/// What dyld announces of its atlas: where it lies, how large it is, and when it was made.
///
/// Two that are equal do not prove that nothing changed between them: dyld copies over the old buffer and only then
/// sets the time. Two that differ prove that something did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Address of the atlas, without tag.
    pub address: u64,
    /// In bytes; 0 before the first atlas.
    pub size: u64,
    /// `mach_absolute_time` of the last change; 0 before the first.
    pub timestamp: u64,
}

impl Publication {
    /// Whether dyld has published anything yet.
    #[must_use]
    pub const fn is_there(&self) -> bool {
        self.size != 0 && self.timestamp != 0
    }
}

/// A copy of the structure.
#[derive(Clone, Copy, Debug)]
pub struct AllImageInfos {
    bytes: [u8; LARGEST],
    length: usize,
    format: PointerFormat,
}

impl AllImageInfos {
    /// Copies the structure that `info` speaks of, or what of it is known here.
    ///
    /// # Errors
    /// [`crate::ErrorKind::UnsupportedPlatform`] where the process runs without dyld; those of [`TaskMemory::read`];
    /// [`crate::ErrorKind::UnmappedAddress`] where not even its version can be read.
    pub fn read(task: &dyn TaskMemory, info: DyldInfo) -> Result<Self> {
        if info.address == 0 {
            return Err(Error::unsupported("the process runs without dyld, so nothing says what it has loaded"));
        }
        let mut infos = Self { bytes: [0; LARGEST], length: 0, format: info.format };
        let size = usize::try_from(info.size).unwrap_or(LARGEST).min(LARGEST);
        let buffer = infos.bytes.get_mut(..size).unwrap_or_default();
        infos.length = task.read(info.address, buffer)?.min(size);
        if infos.version().is_none() {
            return Err(Error::new(ErrorKind::UnmappedAddress(info.address.wrapping_add(infos.length as u64)))
                .with_hint("dyld_all_image_infos was to be there"));
        }
        Ok(infos)
    }

    /// From bytes that begin with the structure.
    #[must_use]
    pub fn from_bytes(bytes: &[u8], format: PointerFormat) -> Self {
        let mut infos = Self { bytes: [0; LARGEST], length: bytes.len().min(LARGEST), format };
        for (to, from) in infos.bytes.iter_mut().zip(bytes) {
            *to = *from;
        }
        infos
    }

    /// The value of `field`, or `None` where the structure ends before its end.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<u64> {
        let at = self.place((field.wide, field.narrow));
        let bytes = self.bytes.get(..self.length)?;
        let mut cursor = Cursor::at(bytes, at);
        match (field.kind, self.format) {
            (Kind::Byte, _) => cursor.u8_le().map(u64::from),
            (Kind::Word32, _) | (Kind::Pointer, PointerFormat::Bits32) => cursor.u32_le().map(u64::from),
            (Kind::Word64, _) | (Kind::Pointer, PointerFormat::Bits64) => cursor.u64_le(),
        }
    }

    const fn place(&self, (wide, narrow): (usize, usize)) -> usize {
        match self.format {
            PointerFormat::Bits32 => narrow,
            PointerFormat::Bits64 => wide,
        }
    }

    /// A pointer without its tag; `None` also where it is NULL.
    #[must_use]
    pub fn pointer(&self, field: Field) -> Option<u64> {
        self.get(field).map(|pointer| self.untagged(pointer)).filter(|pointer| *pointer != 0)
    }

    /// An address without the tag that a 64-bit pointer may carry.
    #[must_use]
    pub const fn untagged(&self, pointer: u64) -> u64 {
        match self.format {
            PointerFormat::Bits32 => pointer,
            PointerFormat::Bits64 => pointer & ADDRESS_BITS,
        }
    }

    /// The number of the layout.
    #[must_use]
    pub fn version(&self) -> Option<u64> {
        self.get(field::VERSION)
    }

    /// How wide the pointers are.
    #[must_use]
    pub const fn format(&self) -> PointerFormat {
        self.format
    }

    /// What the structure says of the atlas; all 0 where it is too old to know of one.
    #[must_use]
    pub fn publication(&self) -> Publication {
        Publication {
            address: self.untagged(self.get(field::COMPACT_ADDRESS).unwrap_or(0)),
            size: self.get(field::COMPACT_SIZE).unwrap_or(0),
            timestamp: self.get(field::INFO_ARRAY_CHANGE_TIMESTAMP).unwrap_or(0),
        }
    }

    /// UUID of the shared cache; `None` also where all of it is 0.
    #[must_use]
    pub fn shared_cache_uuid(&self) -> Option<uuid::Uuid> {
        self.uuid(field::SHARED_CACHE_UUID)
    }

    /// UUID of the translated cache, under Rosetta.
    #[must_use]
    pub fn aot_shared_cache_uuid(&self) -> Option<uuid::Uuid> {
        self.uuid(field::AOT_SHARED_CACHE_UUID)
    }

    fn uuid(&self, places: (usize, usize)) -> Option<uuid::Uuid> {
        let bytes = self.bytes.get(..self.length)?;
        let uuid = uuid::Uuid::from_bytes(Cursor::at(bytes, self.place(places)).array()?);
        (!uuid.is_nil()).then_some(uuid)
    }
}

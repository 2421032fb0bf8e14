//! The memory behind the mappings that the system fills when it starts. In files it is absent or zero.

use crate::bytes::Cursor;
use crate::macho::{ByteOrder, Fields};

/// The last character is the version.
const MAGIC: &[u8] = b"dyld_data    v";

/// `DynamicRegion` of dyld.
mod at {
    pub const VERSION: usize = 14;
    pub const FILE_SYSTEM: usize = 16;
    pub const FILE: usize = 24;
    /// Version 1.
    pub const CRYPTEX_PATH: usize = 32;
    /// Version 2.
    pub const CACHE_PATH: usize = 36;
    /// Version 3.
    pub const SYSTEM_FLAGS: usize = 48;
    pub const PROCESSOR_FLAGS: usize = 64;
}

/// What a running system says of its cache. Integers are little-endian: no big-endian cache has the region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamicData {
    /// 0 to 3 so far.
    pub version: u8,
    /// `fsid_t` of the file system that the main file lies in.
    pub file_system: u64,
    /// `fs_obj_id_t` of the main file.
    pub file: u64,
    /// Where the Cryptex with the system is mounted; since version 1.
    pub os_cryptex_path: Option<String>,
    /// The path of the main file; since version 2.
    pub cache_path: Option<String>,
    /// Which function variants fit the system, and which the processor; since version 3.
    pub function_variant_flags: Option<(u128, u128)>,
}

impl DynamicData {
    /// Reads the region from the memory of a process; `None` where it was not filled.
    #[must_use]
    pub fn parse(region: &[u8]) -> Option<Self> {
        if !region.starts_with(MAGIC) {
            return None;
        }
        let version = region.get(at::VERSION)?.checked_sub(b'0')?;
        let fields = Fields::new(region, ByteOrder::Little);
        let path = |since: u8, at: usize| {
            let offset = (version >= since).then(|| fields.u32(at)).filter(|offset| *offset != 0)?;
            let path = region.get(usize::try_from(offset).ok()?..)?;
            let path = path.get(..path.iter().position(|byte| *byte == 0)?)?;
            Some(String::from_utf8_lossy(path).into_owned())
        };
        let flags = |at: usize| Cursor::at(region, at).array().map(u128::from_le_bytes);
        Some(Self {
            version,
            file_system: fields.u64(at::FILE_SYSTEM),
            file: fields.u64(at::FILE),
            os_cryptex_path: path(1, at::CRYPTEX_PATH),
            cache_path: path(2, at::CACHE_PATH),
            function_variant_flags: (version >= 3)
                .then(|| Some((flags(at::SYSTEM_FLAGS)?, flags(at::PROCESSOR_FLAGS)?)))
                .flatten(),
        })
    }
}

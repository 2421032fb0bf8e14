//! `aot_shared_cache`: the cache of Rosetta's translations, recognised and named. Its code is not read.
//!
//! Apple publishes no layout; this one is that of MachOKit's `aot_cache.h` and of Project Champollion.

use uuid::Uuid;

use crate::address::PreferredAddress;
use crate::error::{Error, Result};
use crate::macho::{ByteOrder, Fields};

use super::file::FileRange;

/// What the file begins with.
pub const MAGIC: [u8; 8] = *b"AotCache";

/// The header. Behind it stand the mappings: address, size, offset in the file, two protections.
mod at {
    pub const UUID: usize = 8;
    pub const X86_UUID: usize = 24;
    pub const VERSION: usize = 40;
    pub const CODE_SIGNATURE: usize = 72;
    pub const FRAGMENT_COUNT: usize = 88;
    pub const HEADER_SIZE: usize = 92;
    pub const SIZE: usize = 96;
    pub const MAPPING_SIZE: usize = 32;
}

/// Mappings that a header can hold; three have been seen.
const MOST_MAPPINGS: usize = 16;

/// A part of the file and the memory that it is mapped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AotMapping {
    /// Where it begins, unslid.
    pub address: PreferredAddress,
    /// The part of the file.
    pub file: FileRange,
}

/// What the header of a cache of translations says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AotCacheHeader {
    /// Of this file.
    pub uuid: Uuid,
    /// Of the x86_64 cache that was translated.
    pub x86_uuid: Uuid,
    /// The version of the translator, as it stands there.
    pub cambria_version: [u8; 32],
    /// The code signature.
    pub code_signature: FileRange,
    /// How many pieces of code were translated.
    pub fragment_count: u32,
    /// Bytes of the header with its mappings.
    pub header_size: u32,
    /// What is mapped where.
    pub mappings: Vec<AotMapping>,
}

impl AotCacheHeader {
    /// Reads the header of a file.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cache`] for other files and for headers that are cut short.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if !bytes.starts_with(&MAGIC) {
            return Err(
                Error::cache("a cache of translations, which begins with AotCache", "another file").at_offset(0)
            );
        }
        let fields = Fields::new(bytes, ByteOrder::Little);
        let header_size = fields.u32(at::HEADER_SIZE);
        let size = usize::try_from(header_size).unwrap_or(usize::MAX);
        let rows = bytes.get(..size).and_then(|header| header.get(at::SIZE..)).ok_or_else(|| {
            let expected = format!("a header of {} to {} bytes", at::SIZE, bytes.len());
            Error::cache(expected, size.to_string()).at_offset(at::HEADER_SIZE)
        })?;
        let mapping = |row| {
            let fields = Fields::new(row, ByteOrder::Little);
            let file = FileRange { offset: fields.u64(16), size: fields.u64(8) };
            AotMapping { address: PreferredAddress(fields.u64(0)), file }
        };
        let rows = rows.chunks_exact(at::MAPPING_SIZE).take(MOST_MAPPINGS).map(mapping);
        Ok(Self {
            uuid: Uuid::from_bytes(fields.array(at::UUID)),
            x86_uuid: Uuid::from_bytes(fields.array(at::X86_UUID)),
            cambria_version: fields.array(at::VERSION),
            code_signature: FileRange {
                offset: fields.u64(at::CODE_SIGNATURE),
                size: fields.u64(at::CODE_SIGNATURE.saturating_add(8)),
            },
            fragment_count: fields.u32(at::FRAGMENT_COUNT),
            header_size,
            mappings: rows.filter(|mapping| mapping.file.size != 0).collect(),
        })
    }
}

//! Tells by the first bytes what something is, for errors that name it.

use std::borrow::Cow;

use super::fields::ByteOrder;
use super::raw::{FAT_MAGIC, FAT_MAGIC_64, MH_MAGIC, MH_MAGIC_64};

/// The byte order and width of a Mach-O, or `None` where `data` does not begin with one.
pub(crate) fn macho(data: &[u8]) -> Option<(ByteOrder, bool)> {
    let first: [u8; 4] = *data.first_chunk()?;
    match (u32::from_le_bytes(first), u32::from_be_bytes(first)) {
        (MH_MAGIC, _) => Some((ByteOrder::Little, false)),
        (MH_MAGIC_64, _) => Some((ByteOrder::Little, true)),
        (_, MH_MAGIC) => Some((ByteOrder::Big, false)),
        (_, MH_MAGIC_64) => Some((ByteOrder::Big, true)),
        _ => None,
    }
}

/// Whether `data` begins as a Mach-O of a little-endian processor does.
pub(crate) fn is_little_endian(data: &[u8]) -> bool {
    macho(data).is_some_and(|(order, _)| order == ByteOrder::Little)
}

/// What `data` is instead of a Mach-O.
#[cold]
pub(crate) fn describe(data: &[u8]) -> Cow<'static, str> {
    const KNOWN: [(&[u8], &str); 11] = [
        (&FAT_MAGIC.to_be_bytes(), "a universal file"),
        (&FAT_MAGIC_64.to_be_bytes(), "a universal file"),
        (&FAT_MAGIC.to_le_bytes(), "a universal file in little-endian order, which dyld does not accept"),
        (&FAT_MAGIC_64.to_le_bytes(), "a universal file in little-endian order, which dyld does not accept"),
        (b"!<arch>\n", "a static library"),
        (b"\xde\xc0\x17\x0b", "LLVM bitcode in a wrapper"),
        (b"BC\xc0\xde", "LLVM bitcode"),
        (b"dyld_v1", "a shared cache"),
        (b"\x7fELF", "an ELF file"),
        (b"MZ", "a Windows executable"),
        (b"--- !tapi", "a text stub of a library"),
    ];
    if let Some((_, name)) = KNOWN.iter().find(|(magic, _)| data.starts_with(magic)) {
        return Cow::Borrowed(name);
    }
    match data.first_chunk::<4>() {
        Some(&first) => Cow::Owned(format!("{:#010x}", u32::from_be_bytes(first))),
        None => Cow::Owned(format!("{} bytes", data.len())),
    }
}

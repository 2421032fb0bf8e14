//! Sound records, to be changed by tests.

use uuid::Uuid;

use super::tree::{Tree, dict, text};

/// The cache of the atlases made here.
pub(crate) const CACHE: &str = "4B2A1C9E-0000-4000-8000-00000000ABCD";

/// Its unslid base address.
pub(crate) const BASE: u64 = 0x1_8000_0000;

pub(crate) fn int(number: u64) -> Tree {
    Tree::Int(number.cast_signed().into())
}

pub(crate) fn uuid(number: u128) -> Tree {
    Tree::Data(number.to_be_bytes().to_vec())
}

pub(crate) fn cache_uuid() -> Tree {
    Tree::Data(Uuid::parse_str(CACHE).unwrap().as_bytes().to_vec())
}

pub(crate) fn segment(name: &str, address: u64, size: u64) -> Tree {
    dict([
        ("name", text(name)),
        ("padr", int(address)),
        ("size", int(size)),
        ("foff", int(0x1000)),
        ("fsze", int(size / 2)),
        ("perm", int(5)),
    ])
}

/// An image at `address`, of which `segments` are (name, offset from the address, size).
pub(crate) fn image(number: u128, address: u64, segments: &[(&str, u64, u64)]) -> Tree {
    let segments =
        segments.iter().map(|&(name, offset, size)| segment(name, address.wrapping_add(offset), size)).collect();
    dict([
        ("segs", Tree::Array(segments)),
        ("name", text(&format!("/usr/lib/lib{number}.dylib"))),
        ("padr", int(address)),
        ("uuid", uuid(number)),
    ])
}

pub(crate) const SEGMENTS: [(&str, u64, u64); 3] =
    [("__TEXT", 0, 0x4000), ("__DATA", 0x4000, 0x4000), ("__LINKEDIT", 0x8000, 0x1000)];

/// An image of a process, moved by 0x4000.
pub(crate) fn own_image(number: u128, address: u64) -> Tree {
    image(number, address, &SEGMENTS)
        .with("addr", int(address.wrapping_add(0x4000)))
        .with("file", text(&format!("/opt/lib{number}.dylib")))
        .without("name")
}

/// The root of `process.plist`.
pub(crate) fn process(images: Vec<Tree>) -> Tree {
    dict([
        ("proc", int(7)),
        ("plat", int(1)),
        ("time", int(0x1234_5678_9abc)),
        ("stat", int(0x50)),
        ("imgs", Tree::Array(images)),
    ])
}

/// What a process says of the cache [`CACHE`].
pub(crate) fn reference(slide: u64, bitmap: &[u8]) -> Tree {
    dict([
        ("uuid", cache_uuid()),
        ("addr", int(BASE.wrapping_add(slide))),
        ("file", text("/nowhere/dyld_shared_cache_arm64e")),
        ("bitm", Tree::Data(bitmap.to_vec())),
    ])
}

pub(crate) fn aot_image(number: u8) -> Tree {
    dict([
        ("xadr", int(0x1000 * u64::from(number))),
        ("aadr", int(u64::MAX - u64::from(number))),
        ("asze", int(0x800)),
        ("ikey", Tree::Data(vec![number; 32])),
    ])
}

pub(crate) fn mapping(address: u64) -> Tree {
    dict([("size", int(0x1_0000)), ("padr", int(address)), ("foff", int(0x200)), ("prot", int(3))])
}

pub(crate) fn subcache(name: &str, offset: u64) -> Tree {
    dict([
        ("name", text(name)),
        ("uuid", uuid(u128::from(offset) + 1)),
        ("voff", int(offset)),
        ("fsze", int(0x3_0000)),
        ("padr", int(BASE + offset)),
        ("maps", Tree::Array(vec![mapping(BASE + offset), mapping(BASE + offset + 0x1_0000)])),
        ("size", int(0x4_0000)),
    ])
}

/// One cache of an atlas.
pub(crate) fn cache(images: Vec<Tree>) -> Tree {
    dict([
        ("uuid", cache_uuid()),
        ("padr", int(BASE)),
        ("size", int(0x1000_0000)),
        ("dscs", Tree::Array(vec![subcache("dyld_shared_cache_arm64e", 0), subcache(".01", 0x4_0000)])),
        ("psze", int(4)),
        ("imgs", Tree::Array(images)),
    ])
}

/// The root of an atlas with the cache [`CACHE`] alone.
pub(crate) fn atlas(cache: Tree) -> Tree {
    dict([("uuids", dict([(CACHE, cache)]))])
}

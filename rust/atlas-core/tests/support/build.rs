//! Records made for tests with the project's own writer.

use atlas_core::bplist::{Reference, Writer};
use uuid::Uuid;

/// The cache of the records made here.
pub const CACHE: &str = "4B2A1C9E-0000-4000-8000-00000000ABCD";

/// Unslid base of that cache.
pub const BASE: u64 = 0x1_8000_0000;

/// `process.plist` of a process without images of its own that uses the cache `uuid`.
pub fn process_plist(uuid: &str, address: u64, bitmap: &[u8]) -> Vec<u8> {
    process_plist_at(uuid, address, bitmap, "/nowhere/dyld_shared_cache_arm64e")
}

/// The same for a cache whose main file is at `path`.
pub fn process_plist_at(uuid: &str, address: u64, bitmap: &[u8], path: &str) -> Vec<u8> {
    process(0, Some((uuid, address, bitmap, path)))
}

/// `process.plist` of a process with `own` images that uses every image of a cache of `cached`.
pub fn process_with_images(own: u32, cached: u32) -> Vec<u8> {
    let bitmap = vec![0xff; cached.div_ceil(8) as usize];
    process(
        own,
        (cached != 0).then_some((CACHE, BASE + 0x123_4000, bitmap.as_slice(), "/nowhere/dyld_shared_cache_arm64e")),
    )
}

fn process(own: u32, cache: Option<(&str, u64, &[u8], &str)>) -> Vec<u8> {
    let mut writer = Writer::new();
    let images: Vec<_> = (0..own).map(|index| own_image(&mut writer, index)).collect();
    let images = writer.array(&images);
    let mut root = vec![
        ("proc", writer.integer(7)),
        ("plat", writer.integer(1)),
        ("time", writer.integer(1)),
        ("stat", writer.integer(0x50)),
        ("imgs", images),
    ];
    if let Some((uuid, address, bitmap, path)) = cache {
        let pairs = [
            ("uuid", writer.data(Uuid::parse_str(uuid).unwrap().as_bytes())),
            ("addr", writer.integer(address.cast_signed())),
            ("file", writer.text(path)),
            ("bitm", writer.data(bitmap)),
        ];
        root.push(("dsc1", dictionary(&mut writer, &pairs)));
    }
    let root = dictionary(&mut writer, &root);
    writer.finish(root).unwrap()
}

/// The property list of the atlas of [`CACHE`] with `count` images.
pub fn cache_plist(count: u32) -> Vec<u8> {
    let mut writer = Writer::new();
    let images: Vec<_> = (0..count).map(|index| cache_image(&mut writer, index)).collect();
    let images = writer.array(&images);
    let mapping = [
        ("size", writer.integer(0x1000_0000)),
        ("padr", writer.integer(BASE)),
        ("foff", writer.integer(0)),
        ("prot", writer.integer(5)),
    ];
    let mapping = dictionary(&mut writer, &mapping);
    let mappings = writer.array(&[mapping]);
    let uuid = Uuid::parse_str(CACHE).unwrap();
    let file = [
        ("name", writer.text("dyld_shared_cache_arm64e")),
        ("uuid", writer.data(uuid.as_bytes())),
        ("voff", writer.integer(0)),
        ("fsze", writer.integer(0x1000_0000)),
        ("padr", writer.integer(BASE)),
        ("maps", mappings),
        ("size", writer.integer(0x1000_0000)),
    ];
    let file = dictionary(&mut writer, &file);
    let files = writer.array(&[file]);
    let cache = [
        ("uuid", writer.data(uuid.as_bytes())),
        ("padr", writer.integer(BASE)),
        ("size", writer.integer(0x1000_0000)),
        ("dscs", files),
        ("psze", writer.integer(4)),
        ("imgs", images),
    ];
    let cache = dictionary(&mut writer, &cache);
    let caches = dictionary(&mut writer, &[(CACHE, cache)]);
    let root = dictionary(&mut writer, &[("uuids", caches)]);
    writer.finish(root).unwrap()
}

fn own_image(writer: &mut Writer, index: u32) -> Reference {
    let address = 0x1_0000_0000 + u64::from(index) * 0x10_0000;
    let image = [
        ("file", writer.text(&format!("/Applications/Test.app/Frameworks/lib{index}.dylib"))),
        ("addr", writer.integer(address + 0x4000)),
        ("padr", writer.integer(address)),
        ("uuid", writer.data(&u128::from(index + 1).to_be_bytes())),
        ("segs", segments(writer, address, address + 0x8000)),
    ];
    dictionary(writer, &image)
}

fn cache_image(writer: &mut Writer, index: u32) -> Reference {
    let address = BASE + u64::from(index) * 0x4000;
    let image = [
        ("segs", segments(writer, address, BASE + 0xf00_0000)),
        ("name", writer.text(&format!("/usr/lib/system/libtest{index}.dylib"))),
        ("padr", writer.integer(address)),
        ("uuid", writer.data(&(u128::from(index + 1) << 64).to_be_bytes())),
    ];
    dictionary(writer, &image)
}

/// `__TEXT` at `address` and a `__LINKEDIT`.
fn segments(writer: &mut Writer, address: u64, linkedit: u64) -> Reference {
    let segments = [("__TEXT", address, 5), ("__LINKEDIT", linkedit, 1)].map(|(name, address, permissions)| {
        let segment = [
            ("name", writer.text(name)),
            ("padr", writer.integer(address)),
            ("size", writer.integer(0x4000)),
            ("foff", writer.integer(0)),
            ("fsze", writer.integer(0x4000)),
            ("perm", writer.integer(permissions)),
        ];
        dictionary(writer, &segment)
    });
    writer.array(&segments)
}

/// A dictionary of `pairs`.
pub fn dictionary(writer: &mut Writer, pairs: &[(&str, Reference)]) -> Reference {
    let pairs: Vec<_> = pairs.iter().map(|(key, value)| (writer.text(key), *value)).collect();
    writer.dictionary(&pairs)
}

//! Records made for tests with the project's own writer.

use atlas_core::bplist::{Reference, Writer};
use uuid::Uuid;

/// `process.plist` of a process without images of its own that uses the cache `uuid`.
pub fn process_plist(uuid: &str, address: u64, bitmap: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new();
    let cache = [
        ("uuid", writer.data(Uuid::parse_str(uuid).unwrap().as_bytes())),
        ("addr", writer.integer(address.cast_signed())),
        ("file", writer.text("/nowhere/dyld_shared_cache_arm64e")),
        ("bitm", writer.data(bitmap)),
    ];
    let cache = dictionary(&mut writer, &cache);
    let images = writer.array(&[]);
    let root = [
        ("proc", writer.integer(7)),
        ("plat", writer.integer(1)),
        ("time", writer.integer(1)),
        ("stat", writer.integer(0x50)),
        ("imgs", images),
        ("dsc1", cache),
    ];
    let root = dictionary(&mut writer, &root);
    writer.finish(root).unwrap()
}

/// A dictionary of `pairs`.
pub fn dictionary(writer: &mut Writer, pairs: &[(&str, Reference)]) -> Reference {
    let pairs: Vec<_> = pairs.iter().map(|(key, value)| (writer.text(key), *value)).collect();
    writer.dictionary(&pairs)
}

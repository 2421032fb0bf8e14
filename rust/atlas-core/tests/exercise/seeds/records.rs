//! A process record that has every key.

use atlas_core::bplist::{Reference, Writer};

use super::build::{BASE, CACHE, dictionary};

/// `process.plist` with metrics, environment, translated images, a cache, and images with and without each optional
/// key.
pub fn full_process() -> Vec<u8> {
    let mut writer = Writer::new();
    let images = images(&mut writer);
    let metrics = [("launch", writer.integer(12_345)), ("flags", writer.integer(-1))];
    let metrics = dictionary(&mut writer, &metrics);
    let variables = ["root", "libp", "fwkp", "libf", "fwkf", "libv", "fwkv", "istd", "isuf"];
    let variables = variables.map(|key| (key, writer.text("/a/path:/and/another")));
    let environment = dictionary(&mut writer, &variables);
    let translated = [
        ("xadr", writer.integer(0x1_0000)),
        ("aadr", writer.integer(0x2_0000)),
        ("asze", writer.integer(0x1000)),
        ("ikey", writer.data(&[9; 32])),
    ];
    let translated = dictionary(&mut writer, &translated);
    let translated = writer.array(&[translated]);
    let uuid: Vec<u8> = CACHE.bytes().filter(u8::is_ascii_hexdigit).collect();
    let uuid: Vec<u8> =
        uuid.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect();
    let cache = [
        ("uuid", writer.data(&uuid)),
        ("addr", writer.integer(BASE + 0x4000)),
        ("file", writer.text("/nowhere/dyld_shared_cache_arm64e")),
        ("bitm", writer.data(&[0b1_0110])),
        ("aadr", writer.integer(0x7000)),
        ("auid", writer.data(&[3; 16])),
    ];
    let cache = dictionary(&mut writer, &cache);
    let root = [
        ("proc", writer.integer(7)),
        ("plat", writer.integer(1)),
        ("time", writer.integer(1)),
        ("stat", writer.integer(0x50)),
        ("init", writer.integer(3)),
        ("flag", writer.integer(4)),
        ("cput", writer.integer(0x0100_000c)),
        ("imgs", images),
        ("metr", metrics),
        ("envp", environment),
        ("aots", translated),
        ("dsc1", cache),
    ];
    let root = dictionary(&mut writer, &root);
    writer.finish(root).unwrap()
}

fn images(writer: &mut Writer) -> Reference {
    let first = segments(writer, &[("__TEXT", 0x1_0000_0000, 0x4000), ("__LINKEDIT", 0x1_0000_4000, 0x1000)]);
    let nested = segments(writer, &[("__TEXT", 0, 1 << 40), ("__DATA", u64::MAX - 0xfff, 0x2000)]);
    let whole = [
        ("file", writer.text("/usr/bin/true")),
        ("name", writer.text("/usr/lib/libä.dylib")),
        ("uuid", writer.data(&[1; 16])),
        ("addr", writer.integer(0x1_0000_8000_u64)),
        ("padr", writer.integer(0x1_0000_0000_u64)),
        ("segs", first),
        ("flag", writer.integer(1)),
    ];
    let bare = [("addr", writer.integer(0x5000))];
    let in_cache = [("padr", writer.integer(0)), ("name", writer.text("/usr/lib/libx.dylib")), ("segs", nested)];
    let images = [&whole[..], &bare, &in_cache].map(|pairs| dictionary(writer, pairs));
    writer.array(&images)
}

fn segments(writer: &mut Writer, segments: &[(&str, u64, u64)]) -> Reference {
    let segments: Vec<Reference> = segments
        .iter()
        .map(|(name, address, size)| {
            let segment = [
                ("name", writer.text(name)),
                ("padr", writer.integer(address.cast_signed())),
                ("size", writer.integer(*size)),
                ("fsze", writer.integer(*size)),
                ("perm", writer.integer(5)),
                ("foff", writer.integer(0)),
            ];
            dictionary(writer, &segment)
        })
        .collect();
    writer.array(&segments)
}

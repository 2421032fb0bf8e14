//! Inputs to start from, made by the project's own encoders: `(name, bytes)` for each format.

use std::sync::OnceLock;

use atlas_core::archive::{ArchiveWriter, Stamp};
use atlas_core::bplist::{Reference, Writer};
use atlas_core::bytes::Bytes;
use atlas_core::compress::{Codec, encode};
use atlas_core::model::{Opening, Options, Snapshot};

#[path = "../support/build.rs"]
mod build;
#[allow(unused_imports, reason = "each user takes its part")]
pub mod caches;
mod cores;
mod macho;
mod records;

pub use build::CACHE;

use super::snapshot::{Form, wrap};

const CODECS: [Codec; 6] = [Codec::None, Codec::Zlib, Codec::Lzma, Codec::Lz4, Codec::Lzfse, Codec::Lzbitmap];

/// Inputs for a function of `exercise`.
pub type Seeds = Vec<(String, Vec<u8>)>;

/// An atlas of [`CACHE`] with a few images.
pub fn small_atlas() -> Vec<u8> {
    static ATLAS: OnceLock<Vec<u8>> = OnceLock::new();
    ATLAS.get_or_init(|| build::cache_plist(5)).clone()
}

/// A process that uses all images of [`CACHE`] and has some of its own.
pub fn user_of_cache() -> Vec<u8> {
    static PROCESS: OnceLock<Vec<u8>> = OnceLock::new();
    PROCESS.get_or_init(|| build::process_with_images(2, 16)).clone()
}

/// A snapshot to compare others with.
pub fn other_snapshot() -> &'static Snapshot {
    static OTHER: OnceLock<Snapshot> = OnceLock::new();
    OTHER.get_or_init(|| {
        let bytes = archive_of(Stamp::None, &build::process_with_images(3, 5), &small_atlas(), None);
        Opening::new(Bytes::from(bytes), Options::default()).unwrap().finish().unwrap()
    })
}

fn archive_of(stamp: Stamp, process: &[u8], atlas: &[u8], codec: Option<Codec>) -> Vec<u8> {
    let mut writer = ArchiveWriter::with_stamp(stamp);
    writer
        .add_link(b"caches/names/dyld_shared_cache_arm64e.plist", format!("../uuids/{CACHE}.plist").as_bytes())
        .unwrap();
    writer.add_file(b"process.plist", process.to_vec()).unwrap();
    writer.add_file(format!("caches/uuids/{CACHE}.plist").as_bytes(), atlas.to_vec()).unwrap();
    writer.to_bytes(codec).unwrap()
}

/// The seeds of the format `name`.
pub fn seeds(name: &str) -> Seeds {
    match name {
        "archive" => archives(),
        "container" => containers(),
        "plist" => plists(),
        "snapshot" => snapshots(),
        "macho" => macho::files(),
        "cache" => caches::packed_caches(),
        "slide" => caches::packed_slides(),
        "core" => cores::files(&archive_of(Stamp::Crc32c, &build::process_with_images(2, 3), &small_atlas(), None)),
        other => panic!("no format {other}"),
    }
}

fn archives() -> Seeds {
    let mut seeds = Seeds::new();
    for (name, stamp) in [("crc32c", Stamp::Crc32c), ("cksum", Stamp::Cksum), ("bare", Stamp::None)] {
        let mut writer = ArchiveWriter::with_stamp(stamp);
        writer.add_link(b"names/a", b"../uuids/b").unwrap();
        writer.add_link(b"names/loop", b"loop").unwrap();
        writer.add_file(b"uuids/b", b"the data of b".to_vec()).unwrap();
        writer.add_file(b"process.plist", Vec::new()).unwrap();
        seeds.push((name.to_owned(), writer.to_bytes(None).unwrap()));
    }
    // Every subtype of field, by hand.
    let mut fields = b"TYP1FPATP\x03\x00a/bUID2\x01\x00MOD4\x01\x00\x00\x00FLG*SIZ8\x01\0\0\0\0\0\0\0".to_vec();
    fields.extend(b"DATA\x02\x00XATB\x0e\0\0\0MTMT\x01\0\0\0\0\0\0\0\x02\0\0\0CTMS\x01\0\0\0\0\0\0\0CKSF1234");
    for (tag, size) in [(b"SH1G", 20), (b"SH2H", 32), (b"SH3I", 48), (b"SH5J", 64)] {
        fields.extend(tag);
        fields.extend(vec![7_u8; size]);
    }
    fields.extend(b"YOPC\x01\0\0\0\0\0\0\0");
    let mut record = b"YAA1".to_vec();
    record.extend((fields.len() as u16 + 6).to_le_bytes());
    record.extend(fields);
    record.extend(b"hi\x0e\0\0\0name\0value!");
    seeds.push(("fields".to_owned(), record));
    seeds.push(("many".to_owned(), b"AA01\x06\x00".repeat(40)));
    seeds
}

fn containers() -> Seeds {
    let plain: Vec<u8> = (0..600_u32).flat_map(|number| (number / 7).to_be_bytes()).collect();
    let mut seeds = Seeds::new();
    for (number, codec) in CODECS.into_iter().enumerate() {
        seeds.push((format!("whole-{}", codec.name()), encode(&plain, codec, 1000).unwrap()));
        for size in [100, 2400] {
            let container = encode(&plain[..size], codec, 4096).unwrap();
            let mut block = vec![number as u8, 0, (size >> 8) as u8, size as u8];
            block.extend_from_slice(&container[28..]);
            seeds.push((format!("block-{}-{size}", codec.name()), block));
        }
    }
    seeds
}

fn plists() -> Seeds {
    let mut seeds = vec![
        ("atlas".to_owned(), small_atlas()),
        ("process".to_owned(), records::full_process()),
        ("user".to_owned(), user_of_cache()),
    ];
    let mut writer = Writer::new();
    let deep = (0..20).fold(writer.null(), |inner, _| writer.array(&[inner, inner]));
    seeds.push(("deep".to_owned(), writer.finish(deep).unwrap()));
    let mut writer = Writer::new();
    let scalars = [
        writer.null(),
        writer.boolean(true),
        writer.integer(-1),
        writer.integer(1_i128 << 100),
        writer.real(1.5),
        writer.date(0.0),
        writer.data(&[1; 20]),
        writer.text("text"),
        writer.text("tëxt"),
        writer.utf16(&[0xd800, 0x41]),
        writer.marked_ascii(&[0xff, 0x2f, 0x61]),
        writer.uid(70_000),
    ];
    let key = writer.text("key");
    let pairs: Vec<(Reference, Reference)> = scalars.iter().map(|scalar| (key, *scalar)).collect();
    let (array, dictionary) = (writer.array(&scalars), writer.dictionary(&pairs));
    let top = writer.array(&[array, dictionary, array]);
    seeds.push(("every-kind".to_owned(), writer.finish(top).unwrap()));
    seeds
}

fn snapshots() -> Seeds {
    let (process, atlas) = (records::full_process(), small_atlas());
    let mut seeds = vec![
        ("process".to_owned(), wrap(Form::Process, &process)),
        ("cache".to_owned(), wrap(Form::Cache, &atlas)),
        ("archive".to_owned(), archive_of(Stamp::None, &process, &atlas, None)),
        ("archive-crc32c".to_owned(), archive_of(Stamp::Crc32c, &user_of_cache(), &atlas, None)),
        ("archive-lzfse".to_owned(), archive_of(Stamp::Cksum, &user_of_cache(), &atlas, Some(Codec::Lzfse))),
    ];
    let mut both = (process.len() as u16).to_be_bytes().to_vec();
    both.extend_from_slice(&process);
    both.extend_from_slice(&atlas);
    seeds.push(("both".to_owned(), wrap(Form::Both, &both)));
    seeds.push(("user".to_owned(), wrap(Form::Process, &user_of_cache())));
    seeds
}

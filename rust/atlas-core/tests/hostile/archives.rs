//! Archives of links, stamps and tiny records, and containers that promise much.

use atlas_core::archive::{Archive, ArchiveWriter, Checksum, STAMP_NAME, Stamp};
use atlas_core::bytes::Bytes;
use atlas_core::compress::{Codec, decode, encode};
use atlas_core::{ErrorKind, Limits};

use crate::{bounded, open};

fn archive(bytes: &Bytes) -> Archive {
    Archive::from_bytes(bytes.clone(), &Limits::DEFAULT).unwrap()
}

#[test]
fn links_to_links() {
    let mut writer = ArchiveWriter::with_stamp(Stamp::None);
    writer.add_link(b"process.plist", b"link0").unwrap();
    for index in 0..1500 {
        writer.add_link(format!("link{index}").as_bytes(), format!("a/../link{}", index + 1).as_bytes()).unwrap();
    }
    writer.add_file(b"link1500", b"the end".to_vec()).unwrap();
    let bytes: Bytes = writer.to_bytes(None).unwrap().into();
    let error = bounded("links", bytes.len(), || open(&bytes, true).unwrap_err());
    assert!(
        matches!(error.kind(), ErrorKind::Archive(_)) && error.to_string().contains("an entry process.plist"),
        "{error}"
    );
    let archive = archive(&bytes);
    bounded("every link", bytes.len(), || {
        let found = (0..1500).filter(|index| archive.find(&format!("link{index}")).is_some()).count();
        assert_eq!(found, 32, "those that are at most 32 hops away");
    });
}

#[test]
fn links_in_circles_and_paths_of_dots() {
    let mut writer = ArchiveWriter::with_stamp(Stamp::None);
    let dots = "../".repeat(20_000);
    for index in 0..50 {
        writer
            .add_link(
                format!("{index}").as_bytes(),
                format!("{}{}", "x/../".repeat(12_000), (index + 1) % 50).as_bytes(),
            )
            .unwrap();
        writer.add_file(format!("{dots}{index}").as_bytes(), Vec::new()).unwrap();
    }
    let bytes: Bytes = writer.to_bytes(None).unwrap().into();
    let archive = archive(&bytes);
    bounded("circles", bytes.len(), || {
        assert!((0..3).all(|index| archive.find(&index.to_string()).is_none()));
        assert!(archive.find(&dots).is_none());
    });
}

#[test]
fn records_of_six_bytes() {
    let bytes = Bytes::from(b"AA01\x06\x00".repeat(500_000));
    let archive = bounded("tiny records", bytes.len(), || archive(&bytes));
    assert_eq!(archive.len(), 500_000);
    bounded("looking in tiny records", bytes.len(), || {
        assert_eq!((archive.checksum(), archive.find("a").is_none()), (Checksum::None, true));
    });
}

/// A record of nothing but attributes.
fn record(attributes: &[u8]) -> Vec<u8> {
    let mut record = b"AA01\x0e\x00XATB".to_vec();
    record.extend((attributes.len() as u32).to_le_bytes());
    record.extend_from_slice(attributes);
    record
}

fn attribute(name: &[u8], value: &[u8]) -> Vec<u8> {
    let size = (4 + name.len() + 1 + value.len()) as u32;
    [&size.to_le_bytes()[..], name, &[0], value].concat()
}

#[test]
fn stamps_in_every_record_and_in_every_attribute() {
    let stamp = attribute(STAMP_NAME, &[0; 8]);
    let bytes = Bytes::from(record(&stamp).repeat(50_000));
    let many = archive(&bytes);
    let error = bounded("wrong stamps", bytes.len(), || many.verify().unwrap_err());
    assert!(matches!(error.kind(), ErrorKind::Archive(_)), "{error}");
    assert_eq!(many.spans().len(), 50_000);

    let bytes = Bytes::from(record(&stamp.repeat(50_000)));
    let one = archive(&bytes);
    bounded("a record of stamps", bytes.len(), || assert_eq!(one.checksum(), Checksum::Bad));
    assert_eq!(one.entry(0).unwrap().extended_attributes().unwrap().count(), 50_000);

    // Damage before a stamp that goes on for megabytes.
    let bytes = Bytes::from(record(&[vec![0xff; 2 << 20], stamp].concat()));
    let damaged = archive(&bytes);
    bounded("a damaged attribute", bytes.len(), || assert_eq!(damaged.checksum(), Checksum::Bad));
}

#[test]
fn many_payloads_of_attributes_in_one_header() {
    // 6 500 fields of attributes, each with a damaged payload.
    let count = 6_500;
    let mut bytes = b"AA01".to_vec();
    bytes.extend((6 + 10 * count as u16).to_le_bytes());
    for _ in 0..count {
        bytes.extend(b"XATA\x00\x01ABC*");
    }
    bytes.extend(vec![0xff; 256 * count]);
    let bytes = Bytes::from(bytes);
    let archive = archive(&bytes);
    bounded("payloads", bytes.len(), || archive.checksum());
}

#[test]
fn containers_that_promise_what_they_do_not_hold() {
    let limits = Limits { decoded_bytes: 64 << 20, ..Limits::DEFAULT };
    for codec in [Codec::None, Codec::Zlib, Codec::Lzma, Codec::Lz4, Codec::Lzfse, Codec::Lzbitmap] {
        for declared in [(64_u64 << 20) + 1, 1 << 40, 1 << 63, u64::MAX] {
            let mut bytes = vec![b'p', b'b', b'z', codec.letter()];
            bytes.extend((4_u64 << 20).to_be_bytes());
            bytes.extend(declared.to_be_bytes());
            bytes.extend(8_u64.to_be_bytes());
            bytes.extend([0; 8]);
            let error = bounded("promise", bytes.len(), || decode(&bytes, &limits).unwrap_err());
            assert!(matches!(error.kind(), ErrorKind::Limit { what: "decoded bytes", .. }), "{error}");
        }
        // A bomb takes what was asked for and not more.
        let bomb = encode(&vec![0; 24 << 20], codec, 4 << 20).unwrap();
        let small = Limits { decoded_bytes: (24 << 20) - 1, ..Limits::DEFAULT };
        let error = bounded("bomb", bomb.len(), || decode(&bomb, &small).unwrap_err());
        assert!(matches!(error.kind(), ErrorKind::Limit { .. }), "{error}");
        assert_eq!(decode(&bomb, &limits).unwrap().bytes.len(), 24 << 20);
    }
}

#[test]
fn containers_of_thousands_of_small_blocks() {
    let limits = Limits { decoded_bytes: 64 << 20, ..Limits::DEFAULT };
    for codec in [Codec::None, Codec::Zlib, Codec::Lzma, Codec::Lz4, Codec::Lzfse, Codec::Lzbitmap] {
        let one = encode(&[7; 200], codec, 4096).unwrap();
        let (header, block) = one.split_at(12);
        let blocks = 20_000;
        let bytes = [header, &block.repeat(blocks)].concat();
        let decoded = bounded(codec.name(), bytes.len() + 50 * blocks, || decode(&bytes, &limits).unwrap());
        assert_eq!((decoded.blocks, decoded.bytes.len()), (blocks, 200 * blocks));
    }
}

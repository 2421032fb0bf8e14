//! What the writer writes, byte for byte where it matters, and what it refuses.

use super::{attribute, blob, file, link, open, record, text};
use crate::archive::{ArchiveWriter, Checksum, Key, STAMP_NAME, Stamp, Verdict};
use crate::bytes::Bytes;
use crate::compress::Codec;
use crate::error::ErrorKind;

#[test]
fn the_worked_examples() {
    let mut writer = ArchiveWriter::new();
    writer.add_file(b"process.plist", b"hi\n".to_vec()).unwrap();
    let stamped = writer.to_bytes(None).unwrap();
    assert_eq!(stamped.len(), 79);
    assert_eq!(&stamped[..0x30], b"AA01\x2a\0TYP1FPATP\x0d\0process.plistDATA\x03\0XATA\x22\0hi\n\x22\0\0");
    assert_eq!(stamped[71..], [0x4f, 0, 0, 0, 0x3d, 0xf7, 0x35, 0x1f]);
    assert_eq!(crc32c::crc32c(&stamped), 0x4867_4bc7);

    let mut writer = ArchiveWriter::with_stamp(Stamp::Cksum);
    writer.add_file(b"process.plist", b"hi\n".to_vec()).unwrap();
    writer.add_link(b"n/a.plist", b"../u/b.plist").unwrap();
    let expected = b"AA01\x2c\0TYP1LPATP\x09\0n/a.plistLNKP\x0c\0../u/b.plistAA01\x2c\0TYP1FPATP\x0d\0process.plistDATA\x03\0CKSFJ35Xhi\n";
    assert_eq!(writer.to_bytes(None).unwrap(), expected);

    let mut writer = ArchiveWriter::with_stamp(Stamp::None);
    writer.add_file(b"", Bytes::default()).unwrap();
    assert_eq!(writer.to_bytes(None).unwrap(), b"AA01\x17\0TYP1FPATP\0\0DATA\0\0");
}

#[test]
fn links_come_first_and_each_record_is_its_own_span() {
    let mut writer = ArchiveWriter::new();
    writer.add_file(b"f1", b"1".to_vec()).unwrap();
    writer.add_link(b"l1", b"f1").unwrap();
    writer.add_file(b"f2", b"2".to_vec()).unwrap();
    writer.add_link(b"l2", b"l1").unwrap();
    let archive = open(writer.to_bytes(None).unwrap());
    assert!(archive.entries().map(|entry| entry.path_text()).eq(["l1", "l2", "f1", "f2"]));
    assert_eq!(
        archive.spans().iter().filter(|span| span.verdict == Verdict::Right && span.entries.len() == 1).count(),
        4
    );
    assert_eq!(&archive.find("l2").unwrap().data()[..], b"1");
    for span in archive.spans() {
        assert_eq!(crc32c::crc32c(&archive.decoded()[span.start..span.end]), 0x4867_4bc7);
    }
}

#[test]
fn smallest_widths() {
    for (size, subtype) in [(0, b'A'), (255, b'A'), (256, b'A'), (65_535, b'A'), (65_536, b'B')] {
        let mut writer = ArchiveWriter::new();
        writer.add_file(b"p", vec![1; size]).unwrap();
        let archive = open(writer.to_bytes(None).unwrap());
        let data = archive.entry(0).unwrap().raw_fields().find(|field| field.key == Key::DAT).unwrap();
        assert_eq!((data.subtype, archive.entry(0).unwrap().size()), (subtype, size as u64));
        assert_eq!(archive.checksum(), Checksum::Ok);
    }
    let mut field = Vec::new();
    crate::archive::writer::put_blob(&mut field, Key::DAT, (u32::MAX as usize) + 1);
    assert_eq!(field, b"DATC\0\0\0\0\x01\0\0\0");
    field.clear();
    crate::archive::writer::put_blob(&mut field, Key::DAT, u32::MAX as usize);
    assert_eq!(field, b"DATB\xff\xff\xff\xff");
}

#[test]
fn what_does_not_fit_is_refused() {
    let limit = |error: crate::Error| match error.kind() {
        ErrorKind::Limit { what, limit, requested } => (*what, *limit, *requested),
        other => panic!("{other:?}"),
    };
    let mut writer = ArchiveWriter::new();
    let long = vec![b'x'; 65_536];
    let too_long = ("bytes of a path in an archive", 65_535, 65_536);
    assert_eq!(limit(writer.add_file(&long, Bytes::default()).unwrap_err()), too_long);
    assert_eq!(limit(writer.add_link(b"p", &long).unwrap_err()), too_long);
    assert!(matches!(writer.to_bytes(None).unwrap_err().kind(), ErrorKind::Archive(_)), "nothing was added");

    // 6 magic and size, 5 type, 6 path, 6 data, 6 attributes.
    let mut writer = ArchiveWriter::new();
    writer.add_file(&long[..65_535 - 29], Bytes::default()).unwrap();
    assert_eq!(open(writer.to_bytes(None).unwrap()).entry(0).unwrap().header_size(), 65_535);
    let mut writer = ArchiveWriter::new();
    writer.add_file(&long[..65_535 - 28], Bytes::default()).unwrap();
    assert_eq!(limit(writer.to_bytes(None).unwrap_err()), ("bytes of a record's header", 65_535, 65_536));
}

#[test]
fn in_a_container() {
    let mut writer = ArchiveWriter::new();
    writer.add_file(b"p", vec![7; 10_000]).unwrap();
    let bytes = writer.to_bytes(Some(Codec::None)).unwrap();
    assert!(bytes.starts_with(b"pbz-"));
    let archive = open(bytes);
    assert_eq!((archive.codec(), archive.find("p").unwrap().size()), (Some(Codec::None), 10_000));
}

#[test]
fn copies_lose_nothing_but_the_old_stamp() {
    let xat = [attribute(b"com.apple.macl", b"keep"), attribute(STAMP_NAME, &[9; 8])].concat();
    let (path, size) = (text(b"PAT", b"p"), blob(b"XAT", xat.len() as u16));
    let odd = record(
        &[
            b"UID2\xf5\x01",
            &size,
            &path,
            b"\xff\xfe!*",
            b"YECB\x02\0\0\0",
            b"DATC\x03\0\0\0\0\0\0\0",
            b"TYP1F",
            b"CKSF\x4a\x33\x35\x58",
        ],
        &[xat.as_slice(), b"ec", b"hi\n"].concat(),
    );
    let mut odd_old = odd.clone();
    odd_old[..4].copy_from_slice(b"YAA1");
    let source =
        open([odd_old, record(&[], b""), record(&[b"TYP1L", &text(b"PAT", b"l"), &text(b"LNK", b"p")], b"")].concat());
    assert_eq!(source.checksum(), Checksum::Bad);

    let mut writer = ArchiveWriter::new();
    source.entries().for_each(|entry| writer.add_entry(&entry).unwrap());
    let copy = open(writer.to_bytes(None).unwrap());
    copy.verify().unwrap();
    assert!(copy.entries().map(|entry| entry.path_text()).eq(["p", "entry 1", "l"]));
    let entry = copy.find("l").unwrap();
    assert_eq!((entry.index(), entry.magic(), &entry.data()[..]), (0, *b"YAA1", b"hi\n".as_slice()));
    let raw: Vec<_> = entry.raw_fields().map(|field| (field.key.0, field.subtype)).collect();
    let kept = [
        (*b"UID", b'2'),
        (*b"PAT", b'P'),
        ([0xff, 0xfe, b'!'], b'*'),
        (*b"YEC", b'B'),
        (*b"DAT", b'C'),
        (*b"TYP", b'1'),
        (*b"CKS", b'F'),
    ];
    assert_eq!(raw, [kept.as_slice(), &[(*b"XAT", b'A')]].concat());
    let names: Vec<_> = entry.extended_attributes().unwrap().map(|attribute| attribute.name).collect();
    assert_eq!(names, [b"com.apple.macl".as_slice(), STAMP_NAME]);
    let payload =
        entry.fields().find(|(key, _)| *key == Key(*b"YEC")).and_then(|(_, value)| entry.blob(value)).unwrap();
    assert_eq!(&payload[..], b"ec");

    // Without stamps a copy of a copy that had nothing to lose is the same bytes.
    let plain = |archive: &crate::archive::Archive| {
        let mut writer = ArchiveWriter::with_stamp(Stamp::None);
        archive.entries().for_each(|entry| writer.add_entry(&entry).unwrap());
        writer.to_bytes(None).unwrap()
    };
    let once = plain(&copy);
    assert_eq!(plain(&open(once.clone())), once);
    assert_eq!(open(once).entry(1).unwrap().fields().count(), 0, "an attribute list that held only a stamp is gone");
}

#[test]
fn a_copy_gets_no_second_cksum() {
    let mut writer = ArchiveWriter::with_stamp(Stamp::Cksum);
    writer.add_file(b"p", b"hi\n".to_vec()).unwrap();
    let first = writer.to_bytes(None).unwrap();
    let source = open(first.clone());
    let mut writer = ArchiveWriter::with_stamp(Stamp::Cksum);
    writer.add_entry(&source.entry(0).unwrap()).unwrap();
    assert_eq!(writer.to_bytes(None).unwrap(), first);
}

#[test]
fn malformed_attributes_are_not_copied() {
    let source = open(record(&[&blob(b"XAT", 4)], b"\0\0\0\0"));
    assert!(ArchiveWriter::new().add_entry(&source.entry(0).unwrap()).is_err());
}

#[test]
fn copies_keep_their_order_so_that_lookups_find_the_same() {
    for link_first in [false, true] {
        let mut records = [file("a", b"aa"), link("a", "b")];
        if link_first {
            records.reverse();
        }
        let source = open([records.concat(), file("b", b"bb")].concat());
        let mut writer = ArchiveWriter::new();
        writer.add_link(b"c", b"a").unwrap();
        source.entries().for_each(|entry| writer.add_entry(&entry).unwrap());
        let copy = open(writer.to_bytes(None).unwrap());
        let expected = if link_first { b"bb" } else { b"aa" };
        for (archive, path) in [(&source, "a"), (&copy, "a"), (&copy, "c")] {
            assert_eq!(&archive.find(path).unwrap().data()[..], expected);
        }
        assert_eq!(copy.entry(0).unwrap().path(), Some(b"c".as_slice()));
    }
}

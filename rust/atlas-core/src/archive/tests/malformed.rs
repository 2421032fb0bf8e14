//! Headers and sizes that lie: each error says where, what should stand there, what does.

use proptest::prelude::*;

use super::{blob, file, link, open, record, refused, said, text};
use crate::archive::Archive;
use crate::bytes::Bytes;
use crate::compress::{self, Codec};
use crate::error::ErrorKind;
use crate::limits::Limits;

fn says(bytes: impl Into<Vec<u8>>, offset: u64, expected: &str, found: &str) {
    let error = refused(bytes);
    assert_eq!(said(&error), (offset, expected, found));
}

#[test]
fn what_is_no_archive() {
    const WANTED: &str = "an Apple Archive (AA01 or YAA1)";
    says("", 0, WANTED, "no bytes");
    says("A", 0, WANTED, "\"A\"");
    says("AA0", 0, WANTED, "\"AA0\"");
    says("AA02\x06\0", 0, WANTED, "\"AA02\"");
    says("aa01\x06\0", 0, WANTED, "\"aa01\"");
    says("\0\0\0\0\0\0", 0, WANTED, "\"\\x00\\x00\\x00\\x00\"");
    says("0707070", 0, WANTED, "a cpio archive (0707)");
    says("bplist00", 0, WANTED, "a binary property list");
    let error = refused("AEA1\0\0\0\0");
    assert_eq!(said(&error), (0, WANTED, "an encrypted or signed archive (AEA1)"));
    assert!(error.hint().is_some());
}

#[test]
fn header_sizes() {
    says("AA01", 0, "a record header of 6 bytes or more", "4 bytes");
    says("AA01\x06", 0, "a record header of 6 bytes or more", "5 bytes");
    for size in 0..6u8 {
        says([b"AA01".as_slice(), &[size, 0], b"TYP1F"].concat(), 4, "a header size of 6 or more", &size.to_string());
    }
    says("AA01\x07\0", 0, "a record header of 7 bytes", "6 bytes");
    says(b"AA01\xff\xffTYP1F".as_slice(), 0, "a record header of 65535 bytes", "11 bytes");
}

#[test]
fn fields_that_the_header_cuts() {
    says(record(&[b"TY"], b"P1F"), 6, "a field's key and subtype", "2 bytes of header");
    for (field, subtype) in [
        (&b"TYP1"[..], "1"),
        (b"TYP2\x01", "2"),
        (b"TYP4\x01\0\0", "4"),
        (b"TYP8\x01\0\0\0\0\0\0", "8"),
        (b"PATP\x01", "P"),
        (b"PATP\x02\0a", "P"),
        (b"CKSF123", "F"),
        (b"SH1G1234567890123456789", "G"),
        (b"SH2H", "H"),
        (b"SH3I", "I"),
        (b"SH5J", "J"),
        (b"MTMS1234567", "S"),
        (b"MTMT12345678901", "T"),
        (b"DATA\0", "A"),
        (b"DATB\0\0\0", "B"),
        (b"DATC\0\0\0\0\0\0\0", "C"),
    ] {
        let found = format!("the end of the header within a field of type {subtype}");
        // Bytes that follow in the file do not belong to the header.
        says(record(&[b"FLG*", field], &[0; 100]), 10, "a whole field", &found);
    }
}

#[test]
fn unknown_subtypes() {
    for (subtype, name) in [(b'3', "0x33 (3)"), (b'\0', "0x00 (\\x00)"), (b'D', "0x44 (D)"), (0xff, "0xff (\\xff)")] {
        let bytes = record(&[b"XYZ", &[subtype], &[0; 8]], b"");
        says(bytes, 9, "a subtype of * 1 2 4 8 P F G H I J S T A B C", name);
    }
}

#[test]
fn payloads_that_are_not_there() {
    says(record(&[&blob(b"DAT", 3)], b"hi"), 12, "a payload of 3 bytes", "2 bytes");
    says(record(&[b"DATB\xff\xff\xff\xff"], b""), 14, "a payload of 4294967295 bytes", "0 bytes");
    for size in [u64::MAX, 1 << 63, u64::MAX - 17, 5] {
        let bytes = record(&[b"DATC", &size.to_le_bytes()], b"1234");
        says(bytes, 18, &format!("a payload of {size} bytes"), "4 bytes");
    }
    let bytes = record(&[&blob(b"DAT", 3), b"YECC", &(u64::MAX - 2).to_le_bytes()], b"12345678");
    says(bytes, 27, "a payload of 18446744073709551613 bytes", "5 bytes");
}

#[test]
fn what_follows_the_last_record() {
    const WANTED: &str = "a record (AA01 or YAA1) or the end of the archive";
    let good = file("x", b"!");
    let at = good.len() as u64;
    says([good.as_slice(), b"\0"].concat(), at, WANTED, "\"\\x00\"");
    says([good.as_slice(), &[0; 4096]].concat(), at, WANTED, "\"\\x00\\x00\\x00\\x00\"");
    says([good.as_slice(), b"AA01\x40\0"].concat(), at, "a record header of 64 bytes", "6 bytes");
    says(
        [good.as_slice(), b"pbze"].concat(),
        at,
        WANTED,
        "a pbz container, which stands only around a whole archive and only once",
    );
}

#[test]
fn containers() {
    let inner = compress::encode(&file("x", b"!"), Codec::None, 1024).unwrap();
    assert_eq!(open(inner.clone()).codec(), Some(Codec::None));
    let nested = compress::encode(&inner, Codec::None, 1024).unwrap();
    let error = refused(nested);
    assert_eq!(said(&error).2, "a pbz container, which stands only around a whole archive and only once");
    let empty = compress::encode(b"", Codec::None, 1024).unwrap();
    assert_eq!(said(&refused(empty)).2, "no bytes");
    let limits = Limits { decoded_bytes: 10, ..Limits::DEFAULT };
    let error = Archive::from_bytes(Bytes::from(inner), &limits).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Limit { limit: 10, .. }), "{error}");
}

/// Asks for everything that an archive can be asked for.
fn use_all(archive: &Archive) {
    let _ = (archive.checksum(), archive.verify(), archive.spans().len());
    for entry in archive.entries() {
        let _ = (entry.checksum(), entry.data(), entry.fields().count(), entry.path_text());
        let _ = entry.extended_attributes().map(Iterator::count);
        if let Some(path) = entry.path() {
            let _ = archive.find_bytes(path);
        }
        assert!(entry.end_offset() <= archive.decoded().len());
    }
    let _ = (archive.find("a/b"), archive.find("../x"), archive.find(""));
}

fn sample() -> Vec<u8> {
    let stamped = {
        let mut writer = crate::archive::ArchiveWriter::new();
        writer.add_file(b"caches/uuids/U.plist", vec![7; 300]).unwrap();
        writer.add_link(b"caches/names/n.plist", b"../uuids/U.plist").unwrap();
        writer.to_bytes(None).unwrap()
    };
    let sums = record(
        &[b"TYP1F", &text(b"PAT", b"s"), &blob(b"DAT", 2), b"CKSF1234", &[b"SH1G".as_slice(), &[0; 20]].concat()],
        b"hi",
    );
    [stamped, sums, link("a", "b"), link("b", "a"), file("a/../b", b"data")].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn changed_bytes_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<Option<prop::sample::Index>>()) {
        let mut bytes = sample();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(archive) = Archive::from_bytes(Bytes::from(bytes), &Limits::DEFAULT) {
            use_all(&archive);
        }
    }

    #[test]
    fn bytes_of_any_kind_never_panic(fields in prop::collection::vec(("[A-Z]{3}", prop::sample::select(b"*1248PFGHIJSTABC3".to_vec()), prop::collection::vec(any::<u8>(), 0..12)), 0..6), tail in prop::collection::vec(any::<u8>(), 0..64)) {
        let fields: Vec<Vec<u8>> = fields.into_iter().map(|(key, subtype, value)| [key.as_bytes(), &[subtype], &value].concat()).collect();
        let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
        if let Ok(archive) = Archive::from_bytes(Bytes::from(record(&fields, &tail)), &Limits::DEFAULT) {
            use_all(&archive);
        }
    }
}

/// Someone else writes into a mapped file while we hold it: what is read again must still be checked.
#[cfg(unix)]
#[test]
fn a_mapped_file_that_changes() {
    let path = std::env::temp_dir().join(format!("dyld-atlas-archive-{}", std::process::id()));
    let original = sample();
    for fill in [0, 0xff, b'A', b'P'] {
        std::fs::write(&path, &original).unwrap();
        let archive =
            Archive::from_bytes(Bytes::open(&path, crate::bytes::Mode::Map).unwrap(), &Limits::DEFAULT).unwrap();
        let count = archive.len();
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &vec![fill; original.len()], 0).unwrap();
        use_all(&archive);
        assert_eq!(archive.entries().len(), count);
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn threads_may_share_it() {
    fn shared<T: Send + Sync>(_: &T) {}
    let archive = open(sample());
    shared(&archive);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| use_all(&archive));
        }
    });
}

#[test]
fn every_single_byte_changed() {
    let good = sample();
    use_all(&open(good.clone()));
    for at in 0..good.len() {
        for value in [0, 1, 0x7f, 0xff, good[at] ^ 1, good[at] ^ 0x80] {
            let mut bytes = good.clone();
            bytes[at] = value;
            if let Ok(archive) = Archive::from_bytes(Bytes::from(bytes), &Limits::DEFAULT) {
                use_all(&archive);
            }
        }
        if let Ok(archive) = Archive::from_bytes(Bytes::from(good[..at].to_vec()), &Limits::DEFAULT) {
            use_all(&archive);
        }
    }
}

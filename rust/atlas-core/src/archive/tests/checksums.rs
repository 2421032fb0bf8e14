//! POSIX checksums, digests, CRC-32C stamps: none, right, wrong.

use proptest::prelude::*;

use super::{attribute, blob, file, open, record, said, text};
use crate::archive::{Archive, Checksum, STAMP_NAME, Verdict, cksum};

#[test]
fn known_cksums() {
    assert_eq!(cksum(b"123456789"), 930_766_865);
    assert_eq!(cksum(b""), 0xffff_ffff);
    assert_eq!(cksum(b"hi\n"), 1_479_881_546);
}

proptest! {
    #[test]
    fn cksum_is_the_long_division(data in prop_oneof![prop::collection::vec(any::<u8>(), 0..700), prop::collection::vec(any::<u8>(), 4090..8200)]) {
        let mut crc = 0u32;
        let mut size = data.len();
        let mut bytes = data.clone();
        while size > 0 {
            bytes.push((size & 0xff) as u8);
            size >>= 8;
        }
        for byte in bytes {
            for bit in (0..8).rev() {
                let carry = crc >> 31 ^ u32::from(byte >> bit & 1);
                crc = crc << 1 ^ if carry == 1 { 0x04c1_1db7 } else { 0 };
            }
        }
        prop_assert_eq!(cksum(&data), !crc);
    }
}

fn sums(fields: &[&[u8]]) -> Archive {
    let (path, data) = (text(b"PAT", b"p"), blob(b"DAT", 3));
    let mut all: Vec<&[u8]> = vec![b"TYP1F", &path, &data];
    all.extend(fields);
    open(record(&all, b"abc"))
}

/// Digests of "abc", from the standards' own examples.
const SHA1: [u8; 20] = [
    0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e, 0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8,
    0x9d,
];
const SHA256: [u8; 32] = [
    0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61,
    0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
];

#[test]
fn digests_of_the_data() {
    let right = [b"CKSF".as_slice(), &cksum(b"abc").to_le_bytes()].concat();
    let turned = [b"CKSF".as_slice(), &cksum(b"abc").to_be_bytes()].concat();
    let sha1 = [b"SH1G".as_slice(), &SHA1].concat();
    let sha256 = [b"SH2H".as_slice(), &SHA256].concat();
    let wrong = [b"SH2H".as_slice(), &[0; 32]].concat();
    let state = |fields: &[&[u8]]| sums(fields).entry(0).unwrap().checksum();
    assert_eq!(state(&[]), Checksum::None);
    assert_eq!(state(&[&right]), Checksum::Ok);
    assert_eq!(state(&[&right, &sha1, &sha256]), Checksum::Ok);
    assert_eq!(state(&[&right, &wrong]), Checksum::Bad);
    assert_eq!(state(&[&wrong, &sha1]), Checksum::Bad);
    assert_eq!(state(&[b"SH3I", &[0; 48]]), Checksum::Bad);
    assert_eq!(state(&[b"SH5J", &[0; 64]]), Checksum::Bad);
    assert_eq!(state(&[&sha1, b"SH1G", &[0; 20]]), Checksum::Bad, "each of a repeated key counts");
    assert_eq!(state(&[b"CKS4\0\0\0\0", b"SH1H", &[0; 32]]), Checksum::None, "of a wrong type");
    let archive = sums(&[&turned]);
    assert_eq!(archive.checksum(), Checksum::Bad);
    let error = archive.verify().unwrap_err();
    assert!(said(&error).2.ends_with("(the same in the other byte order)"), "{error}");
    let no_data = open(record(&[b"TYP1F", b"CKSF\0\0\0\0"], b""));
    assert_eq!(no_data.checksum(), Checksum::None);
    let empty = open(record(&[b"TYP1F", &blob(b"DAT", 0), b"CKSF\xff\xff\xff\xff"], b""));
    assert_eq!(empty.checksum(), Checksum::Ok);
}

#[test]
fn a_wrong_digest_is_named() {
    let bad = record(&[b"TYP1F", &text(b"PAT", b"bad"), &blob(b"DAT", 3), b"CKSF\x01\x02\x03\x04"], b"abc");
    let good = file("good", b"1");
    let archive = open([good.as_slice(), &bad].concat());
    assert_eq!(archive.checksum(), Checksum::Bad);
    assert!(archive.entries().map(|entry| entry.checksum()).eq([Checksum::None, Checksum::Bad]));
    let error = archive.verify().unwrap_err();
    let at = good.len() + 6 + 5 + 9 + 6 + 4;
    assert_eq!(said(&error), (at as u64, "CKS 01020304 as the header says", "a278aa48 over the data"));
    assert_eq!(cksum(b"abc").to_le_bytes(), [0xa2, 0x78, 0xaa, 0x48]);
    assert_eq!(error.location().entry.as_deref(), Some("bad"));
    assert!(error.hint().unwrap().contains("leniently"));
}

#[test]
fn a_thousand_digests_cost_one_computation() {
    let field = [b"SH5J".as_slice(), &[0; 64]].concat();
    let mut fields = [b"DATB\0\0\0\x01".to_vec(), b"SH1*".to_vec()].concat();
    // All but the last are of the right length for SHA-512 and of keys that make it be computed.
    let right: [u8; 20] = <sha1::Sha1 as sha1::Digest>::digest(vec![0; 1 << 24]).into();
    for _ in 0..2000 {
        fields.extend(b"SH1G");
        fields.extend(right);
    }
    fields.extend(field);
    let archive = open(record(&[&fields], &vec![0; 1 << 24]));
    let start = std::time::Instant::now();
    assert_eq!(archive.checksum(), Checksum::Bad);
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

/// A record with these extended attributes before its stamp, whose length covers `before` bytes more.
fn stamped(path: &str, data: &[u8], before: &[u8]) -> Vec<u8> {
    let xat = attribute(STAMP_NAME, &[0; 8]);
    let sizes = [blob(b"DAT", data.len() as u16), blob(b"XAT", xat.len() as u16)];
    let mut bytes = record(&[b"TYP1F", &text(b"PAT", path.as_bytes()), &sizes[0], &sizes[1]], &[data, &xat].concat());
    let length = (before.len() + bytes.len()) as u32;
    let at = bytes.len() - 8;
    bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
    let crc = crc32c::crc32c(&[before, &bytes[..at + 4]].concat());
    bytes[at + 4..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

#[test]
fn spans_tile_the_stream_from_its_first_byte() {
    let plain = file("plain", b"unstamped");
    let first = stamped("first", b"1", &plain);
    let second = stamped("second", b"2", b"");
    let archive = open([plain.clone(), first.clone(), second.clone(), file("after", b"x")].concat());
    archive.verify().unwrap();
    let ends = [plain.len() + first.len(), plain.len() + first.len() + second.len()];
    assert!(
        archive
            .spans()
            .iter()
            .map(|span| (span.start, span.end, span.entries.clone()))
            .eq([(0, ends[0], 0..2), (ends[0], ends[1], 2..3)])
    );
    assert!(archive.entries().map(|entry| entry.checksum()).eq([
        Checksum::Ok,
        Checksum::Ok,
        Checksum::Ok,
        Checksum::None
    ]));
    assert_eq!(archive.checksum(), Checksum::Ok);

    // A flipped bit spoils its own span only, unprotected bytes none.
    let good = [plain, first, second, file("after", b"x")].concat();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        let Ok(archive) = Archive::from_bytes(crate::bytes::Bytes::from(bytes), &crate::Limits::DEFAULT) else {
            continue;
        };
        let verdicts: Vec<_> = archive.spans().iter().map(|span| span.verdict == Verdict::Right).collect();
        let name_was_hit = archive.spans().len() < 2;
        if at < ends[0] {
            assert!(name_was_hit || verdicts == [false, true], "{at}: {verdicts:?}");
        } else if at < ends[1] {
            assert!(name_was_hit || verdicts == [true, false], "{at}: {verdicts:?}");
        } else {
            assert_eq!(verdicts, [true, true], "{at}");
        }
    }
}

/// A one-record archive with this payload of extended attributes.
fn with_attributes(xat: &[u8], after: &[&[u8]], tail: &[u8]) -> Archive {
    let (path, size) = (text(b"PAT", b"p"), blob(b"XAT", xat.len() as u16));
    let mut fields: Vec<&[u8]> = vec![b"TYP1F", &path, &size];
    fields.extend(after);
    open(record(&fields, &[xat, tail].concat()))
}

#[test]
fn malformed_stamps_are_bad() {
    let cases = [
        (with_attributes(&attribute(STAMP_NAME, b"123"), &[], b""), "three bytes"),
        (with_attributes(&attribute(STAMP_NAME, b"123456789"), &[], b""), "nine bytes"),
        (with_attributes(&attribute(STAMP_NAME, b""), &[], b""), "no bytes"),
        (
            with_attributes(&[attribute(STAMP_NAME, &[0; 8]), attribute(b"x", b"y")].concat(), &[], b""),
            "not the last attribute",
        ),
        (
            with_attributes(&attribute(STAMP_NAME, &[0; 8]), &[&blob(b"DAT", 1)], b"!"),
            "attributes not the last payload",
        ),
        (
            with_attributes(
                &[attribute(b"x", b"y"), [b"\x00\0\0\0".as_slice(), STAMP_NAME, &[0; 9]].concat()].concat(),
                &[],
                b"",
            ),
            "size lost",
        ),
        (with_attributes(&[b"\xff\0\0\0".as_slice(), STAMP_NAME, &[0; 9]].concat(), &[], b""), "size past the payload"),
    ];
    for (archive, why) in &cases {
        assert_eq!(archive.spans().iter().map(|span| span.verdict).collect::<Vec<_>>(), [Verdict::Malformed], "{why}");
        assert_eq!(archive.checksum(), Checksum::Bad, "{why}");
        assert_eq!(archive.entry(0).unwrap().checksum(), Checksum::Bad, "{why}");
        let error = archive.verify().unwrap_err();
        assert_eq!(error.location().entry.as_deref(), Some("p"));
    }
    let unfilled = with_attributes(&attribute(STAMP_NAME, &[0; 8]), &[], b"");
    assert_eq!(unfilled.spans()[0].verdict, Verdict::WrongLength { stored: 0 });
    let (others, broken) = (attribute(b"com.apple.dyld.crc32", &[0; 8]), b"\x00\0\0\0rest".as_slice());
    for none in [with_attributes(&others, &[], b""), with_attributes(broken, &[], b"")] {
        assert_eq!((none.checksum(), none.spans().len()), (Checksum::None, 0));
        none.verify().unwrap();
    }
}

#[test]
fn a_wrong_sum_or_length_is_named() {
    let mut bytes = stamped("p", b"data", b"");
    let size = bytes.len();
    let at = size - 8;
    let crc = u32::from_le_bytes(bytes[at + 4..].try_into().unwrap());
    for length in [0, 8, size as u32 - 1, size as u32 + 1, u32::MAX] {
        let mut bytes = bytes.clone();
        bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
        let error = open(bytes).verify().unwrap_err();
        let (expected, found) = (format!("a CRC-32C stamp over {size} bytes"), format!("one over {length} bytes"));
        assert_eq!(said(&error), (at as u64, expected.as_str(), found.as_str()));
    }
    bytes[at + 4] ^= 1;
    let error = open(bytes).verify().unwrap_err();
    let (expected, found) =
        (format!("CRC-32C {:#010x} as the stamp says", crc ^ 1), format!("{crc:#010x} over {size} bytes"));
    assert_eq!(said(&error), (at as u64, expected.as_str(), found.as_str()));
    assert_eq!(error.location().entry.as_deref(), Some("p"));
    assert!(error.hint().is_some());
}

#[test]
fn three_states_combine() {
    use Checksum::{Bad, None, Ok};
    for (left, right, both) in [(None, None, None), (None, Ok, Ok), (Ok, Ok, Ok), (Ok, Bad, Bad), (None, Bad, Bad)] {
        assert_eq!((left.and(right), right.and(left)), (both, both));
    }
    assert_eq!([None.ok(), Ok.ok(), Bad.ok()], [Option::None, Some(true), Some(false)]);
}

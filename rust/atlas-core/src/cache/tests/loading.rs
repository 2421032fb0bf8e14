//! From an atlas to the record of one cache.

use std::sync::Arc;

use uuid::Uuid;

use super::super::{KnownCache, RecordOrigin, Supply, embedded, load, table};
use super::*;
use crate::archive::{Archive, Stamp};
use crate::bytes::{Bytes, Mode};
use crate::compress::Codec;
use crate::error::ErrorKind;
use crate::limits::Limits;

#[test]
fn an_atlas_of_each_codec() {
    let _alone = alone();
    for codec in [
        None,
        Some(Codec::None),
        Some(Codec::Zlib),
        Some(Codec::Lzma),
        Some(Codec::Lz4),
        Some(Codec::Lzfse),
        Some(Codec::Lzbitmap),
    ] {
        let bytes = atlas_with(&[(uuid(), records::cache(images(9)))], codec);
        let file = File::new(&bytes);
        for supply in [memory(bytes), file.supply()] {
            let known = strict(&supply).unwrap().unwrap();
            assert_eq!(known.image_count(), 9, "{codec:?}");
            assert_eq!((known.uuid(), known.origin()), (uuid(), RecordOrigin::Provider));
        }
    }
}

#[test]
fn an_atlas_of_another_cache() {
    let _alone = alone();
    let other = Uuid::from_u128(7);
    let bytes = atlas_with(&[(other, records::cache(images(1))), (uuid(), records::cache(images(2)))], None);
    let supply = memory(bytes);
    for (wanted, count) in [(uuid(), Some(2)), (other, Some(1)), (Uuid::from_u128(8), None)] {
        let found = load(&supply, wanted, Policy::default(), Mode::Map, RecordOrigin::Provider).unwrap();
        assert_eq!(found.map(|known| known.image_count()), count);
    }
}

#[test]
fn what_is_wrong_with_an_atlas() {
    let _alone = alone();
    let missing = strict(&Supply::File("/nowhere/at/all.atlas".into())).unwrap_err();
    assert!(matches!(missing.kind(), ErrorKind::Io { .. }));
    for bytes in [vec![], b"AA01".to_vec(), vec![0; 100]] {
        for found in [strict(&memory(bytes.clone())), lenient(&memory(bytes.clone()))] {
            assert!(matches!(found.unwrap_err().kind(), ErrorKind::Archive(_)));
        }
    }
    let broken = atlas_with(&[(uuid(), records::cache(images(2)).with("imgs[1].segs[0].size", Tree::Int(-1)))], None);
    let error = strict(&memory(broken.clone())).unwrap_err();
    assert_eq!(error.location().entry.as_deref(), Some(&*entry_path(uuid())));
    let key_path = format!("uuids.{CACHE}.imgs[1].segs[0].size");
    assert_eq!(error.location().key_path, Some(key_path));
    let known = lenient(&memory(broken)).unwrap().unwrap();
    assert_eq!((known.warnings().len(), known.image_count(), known.columns().segments.len()), (1, 2, 5));
    let no_plist = {
        let mut writer = ArchiveWriter::new();
        writer.add_file(entry_path(uuid()).as_bytes(), b"none".to_vec()).unwrap();
        writer.to_bytes(None).unwrap()
    };
    for found in [strict(&memory(no_plist.clone())), lenient(&memory(no_plist.clone()))] {
        let error = found.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Plist(_)));
        assert_eq!(error.location().entry.as_deref(), Some(&*entry_path(uuid())));
    }
}

#[test]
fn a_wrong_checksum() {
    let _alone = alone();
    for stamp in [Stamp::Crc32c, Stamp::Cksum] {
        let mut writer = ArchiveWriter::with_stamp(stamp);
        let plist = records::atlas(records::cache(images(1))).encode();
        writer.add_file(entry_path(uuid()).as_bytes(), plist.clone()).unwrap();
        let mut bytes = writer.to_bytes(None).unwrap();
        let at = bytes.windows(plist.len()).position(|window| window == plist).unwrap();
        // A letter of an install name.
        let letter = at + plist.windows(4).position(|window| window == b"lib0").unwrap();
        bytes[letter] = b'L';
        let error = strict(&memory(bytes.clone())).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Archive(_)), "{error}");
        let known = lenient(&memory(bytes)).unwrap().unwrap();
        assert_eq!((known.warnings().len(), known.image_count()), (1, 1), "{:?}", known.warnings());
    }
}

#[test]
fn limits_hold_in_either_case() {
    let _alone = alone();
    let packed = memory(atlas_with(&[(uuid(), records::cache(images(20)))], Some(Codec::Zlib)));
    for limits in [Limits { images: 19, ..Limits::DEFAULT }, Limits { decoded_bytes: 1000, ..Limits::DEFAULT }] {
        for lenient in [false, true] {
            let error =
                load(&packed, uuid(), Policy { lenient, limits }, Mode::Map, RecordOrigin::Provider).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Limit { .. }), "{error}");
        }
    }
}

#[test]
fn embedded_records_are_not_kept_by_the_table() {
    let _alone = alone();
    table().clear();
    let archive = Archive::from_bytes(Bytes::from(atlas(3)), &Limits::DEFAULT).unwrap();
    let known = embedded(&archive, uuid(), Policy::default()).unwrap().unwrap();
    assert_eq!((known.origin(), known.image_count()), (RecordOrigin::Embedded, 3));
    assert!(embedded(&archive, Uuid::from_u128(1), Policy::default()).unwrap().is_none());
    assert!(table().is_empty());
}

#[test]
fn a_companion_is_made_once_and_may_ask_for_another() {
    let _alone = alone();
    let known: Arc<KnownCache> = strict(&memory(atlas(1))).unwrap().unwrap();
    // What makes it runs without the cell: it can ask for the companion itself, or wait for somebody who does.
    let made = known.companion(|| *known.companion(|| 5_u32).unwrap() + 1).unwrap();
    assert_eq!((*made, known.companion(|| 9_u32).copied()), (5, Some(5)));
    assert_eq!(known.companion(|| "another type"), None);
}

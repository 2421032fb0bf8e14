use super::builder::{Builder, map};
use crate::bytes::Bytes;
use crate::cache::CacheFile;
use crate::error::{Error, ErrorKind};

fn refused(bytes: &[u8]) -> Error {
    let error = CacheFile::parse(Bytes::from(bytes.to_vec())).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Cache(_)), "{error}");
    error
}

#[test]
fn other_files_are_named() {
    let files: [(&[u8], &str, Option<&str>); 11] = [
        (b"", "an empty file", None),
        (b"AA01\x2c\0", "an Apple Archive", Some("the cache itself")),
        (b"YAA1\x2c\0", "an Apple Archive", Some("the cache itself")),
        (b"pbze\0\0\0\0", "a compressed Apple Archive", Some("the cache itself")),
        (b"mapping  EX  1MB 0x7FFF20000000 -> 0x7FFF20100000\n", "the map of a cache", Some("the cache itself")),
        (b"AotCache\0\0", "Rosetta", Some("dyld_shared_cache_x86_64")),
        (b"\xcf\xfa\xed\xfe\x0c\0\0\x01", "0xcffaedfe", None),
        (b"\xca\xfe\xba\xbe\0\0\0\x02", "a universal file", None),
        (b"\x7fELF\x02", "an ELF file", None),
        (b"dyl", "3 bytes", None),
        (b"dyld_v0    i386\0", "0x64796c64", None),
    ];
    for (bytes, found, hint) in files {
        let error = refused(bytes);
        assert!(error.to_string().contains(found), "{error}");
        assert_eq!(error.hint().is_some(), hint.is_some(), "{error}");
        assert!(hint.is_none_or(|hint| error.hint().unwrap().contains(hint)), "{:?}", error.hint());
    }
}

#[test]
fn headers_that_cannot_be_are_refused() {
    for size in [0, 0x17, 0x4001, u32::MAX] {
        let mut file = Builder::new("dyld_v1   arm64", 0x140).build();
        file[0x10..0x14].copy_from_slice(&size.to_le_bytes());
        let error = refused(&file);
        assert_eq!(error.location().key_path.as_deref(), Some("mappingOffset"), "{error}");
    }
    // A file that ends before the field says nothing of it.
    let short = refused(b"dyld_v1");
    assert_eq!(short.location().key_path, None);
    assert_eq!(short.to_string(), "expected a header of at least 0x18 bytes, found a file of 0x7 bytes at offset 0x7");
    let mut little = Builder::new("dyld_v1     ppc", 0x28).build();
    little[0x10..0x14].copy_from_slice(&0x28_u32.to_le_bytes());
    assert!(refused(&little).to_string().contains("0x28000000"));
}

#[test]
fn tables_that_leave_the_file_are_refused() {
    let tables: [(usize, Vec<u32>, &str); 8] = [
        (0x138, vec![0x3ff0, 1], "mappings with slide info"),
        (0x138, vec![0xffff_ffff, 0x100], "mappings with slide info"),
        (0x138, vec![0x400, 1025], "mappings with slide info"),
        (0x1c0, vec![0x3fe1, 1], "images"),
        (0x1c0, vec![0x400, 0xffff_ffff], "images"),
        (0x88, vec![0, 0x8000_0000, 0, 0x4000_0000], "imagesText"),
        (0x188, vec![0x3fff, 1], "subcaches"),
        (0x188, vec![0x400, 1025], "subcaches"),
    ];
    for (at, words, what) in tables {
        let error = refused(&Builder::new("dyld_v1   arm64", 0x200).set32(at, &words).build());
        assert_eq!(error.location().key_path.as_deref(), Some(what), "{error}");
    }
    let mut cut = Builder::new("dyld_v1   arm64", 0x200);
    cut.length = 0;
    let mut bytes = cut.build();
    bytes.truncate(0x21f);
    assert_eq!(refused(&bytes).location().key_path.as_deref(), Some("mappings"));
    let mut many = Builder::new("dyld_v1   arm64", 0x28).build();
    many[0x14..0x18].copy_from_slice(&1025_u32.to_le_bytes());
    many.resize(1 << 20, 0);
    assert!(refused(&many).to_string().contains("at most 1024 mappings"));
}

#[test]
fn sums_that_leave_64_bits_are_refused() {
    for (address, size, offset) in [(u64::MAX, 2, 0), (0x1000, u64::MAX, 0), (0, 1, u64::MAX), (0, u64::MAX, 1)] {
        let mut builder = Builder::new("dyld_v1   arm64", 0x140);
        builder.maps.push(map(address, size, offset));
        let error = refused(&builder.build());
        assert_eq!(error.location().key_path.as_deref(), Some("mappings[1]"), "{error}");
        // Its row in the table with slide info.
        assert_eq!(error.location().offset, Some(0x140 + 2 * 32 + 56), "{error}");
    }
}

#[test]
fn a_mapping_may_end_where_the_address_space_does() {
    let mut builder = Builder::new("dyld_v1   arm64", 0x140);
    builder.maps.push(map(0_u64.wrapping_sub(0x4000), 0x4000, 0));
    let file = CacheFile::parse(builder.build().into()).unwrap();
    let last = &file.mappings()[1];
    assert_eq!((last.end(), last.reach_from(last.address.0)), (u64::MAX, 0x4000));
    assert_eq!((last.reach_from(last.address.0 + 0x1000), last.reach_from(1)), (0x3000, u64::MAX));
    assert_eq!(file.mappings()[0].reach_from(0x1_8000_4000), 0);
}

use super::{BASE, cache, open};
use crate::address::PreferredAddress;
use crate::cache::file::AddressRange;
use crate::cache::file::tests::builder::{Builder, map};
use crate::cache::tables::{DynamicData, FunctionVariant, FunctionVariants, Prewarming, embedded_atlas, tpro_mappings};

fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

const fn range(address: u64, size: u64) -> AddressRange {
    AddressRange { address: PreferredAddress(address), size }
}

#[test]
fn memory_that_only_dyld_writes() {
    let rows = words(&[BASE, 0x1000, BASE + 0x2000, 0x800]);
    let builder = cache(0x208, 1).set32(0x200, &[0x3000, 2]).piece(0x3000, rows);
    assert_eq!(tpro_mappings(&open(&builder)).unwrap(), [range(BASE, 0x1000), range(BASE + 0x2000, 0x800)]);
    // Subcaches, and most main files, have the place of a table and no rows.
    assert!(tpro_mappings(&open(&cache(0x208, 1).set32(0x200, &[0x9999_9999, 0]))).unwrap().is_empty());
    assert!(tpro_mappings(&open(&cache(0x200, 1))).unwrap().is_empty());
    let error = tpro_mappings(&open(&cache(0x208, 1).set32(0x200, &[0x3ff8, 1]))).unwrap_err();
    assert_eq!(error.location().key_path.as_deref(), Some("tproMappings"));
}

fn prewarming(offset: u64, bytes: Vec<u8>) -> Builder {
    let mut builder = cache(0x228, 1).set(0x218, &[offset, bytes.len() as u64]).piece(0x3000, bytes);
    // The second mapping lies elsewhere in memory than in the file.
    builder.maps = vec![map(BASE, 0x2000, 0), map(BASE + 0x8000, 0x2000, 0x2000)];
    builder
}

#[test]
fn pages_to_read_early() {
    let table = [vec![1, 0, 0, 0, 2, 0, 0, 0], words(&[0x10_0000_8000 | 3 << 40, 1 << 40])].concat();
    let expected = [range(BASE + 0x10_0000_8000, 3 * 0x4000), range(BASE, 0x4000)];
    // By memory, as the builder writes it, and by the file, as the header says.
    for offset in [0x9000, 0x3000] {
        let found = Prewarming::of(&open(&prewarming(offset, table.clone()))).unwrap().unwrap();
        assert_eq!((found.version, &found.ranges[..]), (1, &expected[..]), "{offset:#x}");
    }
    assert_eq!(Prewarming::of(&open(&cache(0x228, 1))).unwrap(), None);
    assert_eq!(Prewarming::of(&open(&cache(0x220, 1).set(0x218, &[0x9000]))).unwrap(), None);
    for broken in
        [vec![2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], vec![1, 0, 0, 0, 1, 0, 0, 0], vec![1; 7], vec![0xff; 32]]
    {
        let error = Prewarming::of(&open(&prewarming(0x9000, broken))).unwrap_err();
        assert_eq!(error.location().key_path.as_deref(), Some("prewarmingData"), "{error}");
    }
    assert!(Prewarming::of(&open(&cache(0x228, 1).set(0x218, &[0x1234_5678_9abc, 8]))).is_err());
}

#[test]
fn functions_in_several_variants() {
    let bits = 0x123 | 1 << 12 | 1 << 13 | 2 << 14 | 0xbeef << 16_u64;
    let rows = words(&[BASE + 8, BASE + 0x100, BASE + 0x1000, bits | 7 << 32 | 5 << 48, 1, 2, 3, 0xfff]);
    let table = [vec![1, 0, 0, 0, 2, 0, 0, 0], rows].concat();
    let of = |table: Vec<u8>| {
        FunctionVariants::of(&open(
            &cache(0x218, 1).set(0x208, &[BASE + 0x3000, table.len() as u64]).piece(0x3000, table),
        ))
    };
    let found = of(table.clone()).unwrap().unwrap();
    let first = FunctionVariant {
        fixup_location: PreferredAddress(BASE + 8),
        variants_table: PreferredAddress(BASE + 0x100),
        variants_table_size: 20,
        dylib_header: PreferredAddress(BASE + 0x1000),
        target_dylib: 7,
        variant: 0x123,
        authentication: Some((2, 0xbeef, true)),
    };
    assert_eq!(found.entries[0], first);
    assert_eq!((found.entries[1].variant, found.entries[1].authentication, found.entries.len()), (0xfff, None, 2));
    assert_eq!(
        of(vec![0; 8]).unwrap().unwrap(),
        FunctionVariants::default(),
        "the builder's empty table has no version"
    );
    assert!(of(table[..71].to_vec()).is_err());
    assert_eq!(FunctionVariants::of(&open(&cache(0x210, 1))).unwrap(), None);
    assert!(FunctionVariants::of(&open(&cache(0x218, 1).set(0x208, &[1, 8]))).is_err());
}

#[test]
fn what_the_system_fills_when_it_starts() {
    let region = |version: u8| {
        let mut region = b"dyld_data    v".to_vec();
        region.extend([version, 0]);
        region.extend(words(&[0x11, 0x22]));
        region.extend([0x50_u32, 0x58].iter().flat_map(|word| word.to_le_bytes()));
        region.extend(words(&[0, 3, 4, 5, 6]));
        region.extend(b"/crypt\0\0/cache\0");
        region
    };
    let third = DynamicData::parse(&region(b'3')).unwrap();
    assert_eq!((third.version, third.file_system, third.file), (3, 0x11, 0x22));
    assert_eq!((third.os_cryptex_path.as_deref(), third.cache_path.as_deref()), (Some("/crypt"), Some("/cache")));
    assert_eq!(third.function_variant_flags, Some((3 | 4 << 64, 5 | 6 << 64)));
    let second = DynamicData::parse(&region(b'2')).unwrap();
    assert_eq!((second.cache_path.as_deref(), second.function_variant_flags), (Some("/cache"), None));
    let first = DynamicData::parse(&region(b'1')).unwrap();
    assert_eq!((first.os_cryptex_path.as_deref(), first.cache_path), (Some("/crypt"), None));
    assert_eq!(DynamicData::parse(&region(b'0')).unwrap().os_cryptex_path, None);
    assert_eq!(DynamicData::parse(&region(b'!')), None);
    for length in 0..region(b'3').len() {
        let _ = DynamicData::parse(&region(b'3')[..length]);
    }
    assert_eq!(DynamicData::parse(&[0; 0x4000]), None, "zero, as on disk");
}

#[test]
fn an_atlas_inside_the_cache() {
    let of = |offset, size| {
        embedded_atlas(&open(&cache(0x1f0, 1).set(0x1e0, &[offset, size]).piece(0x3000, b"AA01".to_vec())))
    };
    assert_eq!(of(0x3000, 4).unwrap().unwrap()[..], *b"AA01");
    assert!(of(0, 0).unwrap().is_none() && of(0x3000, 0).unwrap().is_none());
    assert!(of(0x3000, 0x1001).is_err());
    assert!(embedded_atlas(&open(&cache(0x1e8, 1))).unwrap().is_none());
}

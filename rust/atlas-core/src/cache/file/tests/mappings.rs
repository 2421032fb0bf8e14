use super::builder::{Builder, Map, map};
use crate::address::PreferredAddress;
use crate::cache::file::mapping_flags as flag;

fn named(max_protection: u32, flags: u64) -> &'static str {
    let mut builder = Builder::new("dyld_v1   arm64", 0x200);
    builder.maps = vec![Map { max: max_protection, flags, ..map(0, 0x4000, 0) }];
    builder.parse().mappings()[0].name()
}

#[test]
fn names_are_those_of_dyld() {
    let names = [
        (5, 0, "__TEXT"),
        (5, flag::TEXT_STUBS, "__TEXT_STUBS"),
        (7, flag::AUTH_DATA, "__TEXT"),
        (3, flag::AUTH_DATA | flag::DIRTY_DATA | flag::CONST_DATA, "__AUTH_DIRTY"),
        (3, flag::AUTH_DATA | flag::CONST_DATA | flag::CONST_TPRO_DATA, "__AUTH_TPRO_CONST"),
        (3, flag::AUTH_DATA | flag::CONST_DATA, "__AUTH_CONST"),
        (3, flag::AUTH_DATA, "__AUTH"),
        (3, flag::DIRTY_DATA, "__DATA_DIRTY"),
        (3, flag::CONST_TPRO_DATA | flag::CONST_DATA, "__TPRO_CONST"),
        (3, flag::CONST_DATA, "__DATA_CONST"),
        (3, 0, "__DATA"),
        (1, flag::READ_ONLY_DATA, "__READ_ONLY"),
        (1, 0, "__LINKEDIT"),
        (0, 0, "*unknown*"),
    ];
    for (protection, flags, name) in names {
        assert_eq!(named(protection, flags), name, "{protection} {flags:#x}");
    }
}

#[test]
fn slide_info_comes_with_each_mapping() {
    let mut builder = Builder::new("dyld_v1   arm64", 0x140);
    let data = Map { slide: (0x3000, 0x80), flags: 1, max: 3, init: 1, ..map(0x1_9000_0000, 0x1000, 0x2000) };
    builder.maps = vec![map(0x1_8000_0000, 0x2000, 0), data];
    let file = builder.parse();
    let mapping = &file.mappings()[1];
    assert_eq!((mapping.slide_info.clone(), mapping.flags), (Some(0x3000..0x3080), 1));
    assert_eq!((mapping.max_protection, mapping.initial_protection), (3, 1));
    assert_eq!((mapping.address, mapping.end()), (PreferredAddress(0x1_9000_0000), 0x1_9000_1000));
    assert_eq!(file.mappings()[0].slide_info, None);
    assert!(file.warnings().is_empty());
}

/// Before dyld-832.7 one slide info stood in the header, for the second mapping.
#[test]
fn older_slide_info_is_that_of_the_second_mapping() {
    let mut builder = Builder::new("dyld_v1   armv7", 0x70).set(0x38, &[0x3000, 0x100]);
    builder.maps = (0..3).map(|n| map(0x2000_0000 + n * 0x1000, 0x1000, n * 0x1000)).collect();
    let slides: Vec<_> = builder.parse().mappings().iter().map(|mapping| mapping.slide_info.clone()).collect();
    assert_eq!(slides, [None, Some(0x3000..0x3100), None]);
    // In newer files the field may hold anything.
    builder.size = 0x140;
    assert!(builder.parse().mappings().iter().all(|mapping| mapping.slide_info.is_none()));
    builder.maps.truncate(1);
    builder.size = 0x70;
    assert_eq!(builder.parse().mappings()[0].slide_info, None);
}

#[test]
fn tables_that_differ_are_said() {
    // Writes over the address in the plain table alone.
    let builder = Builder::new("dyld_v1   arm64", 0x140).piece(0x140, 0x7000_0000_u64.to_le_bytes().to_vec());
    let file = builder.parse();
    assert_eq!(file.mappings()[0].address, PreferredAddress(0x1_8000_0000));
    assert!(file.warnings()[0].contains("differ"), "{:?}", file.warnings());
}

#[test]
fn a_file_that_was_cut_short_is_said_and_read_as_far_as_it_goes() {
    let mut builder = Builder::new("dyld_v1   arm64", 0x140);
    builder.maps =
        vec![map(0x1_8000_0000, 0x4000, 0), Map { slide: (0x9000, 8), ..map(0x1_9000_0000, 0x4000, 0x4000) }];
    builder.length = 0x5000;
    let file = builder.parse();
    assert_eq!(file.mappings()[1].file_range(file.bytes().len()), 0x4000..0x5000);
    assert_eq!(file.mappings()[1].slide_info, None);
    assert_eq!(file.warnings().len(), 2);
    assert!(file.warnings()[0].starts_with("mappings[1]: ends at 0x8000"), "{:?}", file.warnings());
    assert!(file.warnings()[1].contains("slide info from 0x9000 to 0x9008"), "{:?}", file.warnings());
}

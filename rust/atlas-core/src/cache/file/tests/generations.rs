use super::builder::{Builder, map};
use crate::address::PreferredAddress;
use crate::cache::CacheFile;
use crate::cache::file::{AddressRange, FileRange, OffsetRange, Table};
use crate::macho::{ByteOrder, Version};

const IMAGES: [(u64, &str); 2] = [(0x1_8000_1000, "/usr/lib/liba.dylib"), (0x1_8000_2000, "/usr/lib/libb.dylib")];

fn images(file: &CacheFile) -> Vec<(u64, String)> {
    let path = |offset| String::from_utf8(file.path_at(offset).unwrap().to_vec()).unwrap();
    file.images().map(|image| (image.address.0, path(image.path_offset))).collect()
}

#[test]
fn every_magic_is_read() {
    let names = [
        ("dyld_v1    i386", "i386"),
        ("dyld_v1  x86_64", "x86_64"),
        ("dyld_v1 x86_64h", "x86_64h"),
        ("dyld_v1   armv5", "armv5"),
        ("dyld_v1   armv6", "armv6"),
        ("dyld_v1   armv7", "armv7"),
        ("dyld_v1  armv7f", "armv7f"),
        ("dyld_v1  armv7s", "armv7s"),
        ("dyld_v1  armv7k", "armv7k"),
        ("dyld_v1arm64_32", "arm64_32"),
        ("dyld_v1   arm64", "arm64"),
        ("dyld_v1  arm64e", "arm64e"),
        ("dyld_v1arm64ex1", "arm64e.x1"),
        ("dyld_v1   riscv", "riscv"),
        ("dyld_v1", ""),
    ];
    for (magic, name) in names {
        let file = Builder::new(magic, 0x140).parse();
        assert_eq!((file.magic(), file.architecture(), file.byte_order()), (magic, name, ByteOrder::Little));
    }
}

#[test]
fn powerpc_is_big_endian() {
    let mut builder = Builder::new("dyld_v1     ppc", 0x28);
    (builder.big, builder.maps, builder.images) = (true, vec![map(0x9000_0000, 0x4000, 0)], IMAGES.to_vec());
    let file = builder.parse();
    assert_eq!((file.architecture(), file.byte_order()), ("ppc", ByteOrder::Big));
    assert_eq!(file.base_address(), PreferredAddress(0x9000_0000));
    assert_eq!(images(&file), IMAGES.map(|(address, path)| (address, path.to_owned())));
    assert_eq!(file.images().nth(1).unwrap().modification_time, 11);
}

/// A field is there exactly when the header reaches its end, whatever odd size a header has.
#[test]
fn a_field_is_there_when_it_ends_in_the_header() {
    type Has = fn(&CacheFile) -> bool;
    let fields: [(usize, Has); 30] = [
        (0x28, |file| file.header().dyld_base_address.is_some()),
        (0x38, |file| file.header().code_signature.is_some()),
        (0x48, |file| file.header().slide_info.is_some()),
        (0x58, |file| file.header().local_symbols.is_some()),
        (0x68, |file| file.header().uuid.is_some()),
        (0x70, |file| file.header().cache_type.is_some()),
        (0x78, |file| file.header().branch_pools.is_some()),
        (0x88, |file| file.header().dyld_in_cache_entry.is_some()),
        (0xa8, |file| file.header().patch_info.is_some()),
        (0xdc, |file| file.header().platform.is_some()),
        (0xe0, |file| file.header().format.is_some()),
        (0xe8, |file| file.header().shared_region_start.is_some()),
        (0xf0, |file| file.header().shared_region_size.is_some()),
        (0xf8, |file| file.header().max_slide.is_some()),
        (0x118, |file| file.header().dylibs_trie.is_some()),
        (0x138, |file| file.header().other_trie.is_some()),
        (0x16c, |file| file.header().program_trie.is_some()),
        (0x170, |file| file.header().os_version.is_some()),
        (0x174, |file| file.header().alternate_platform.is_some()),
        (0x178, |file| file.header().alternate_os_version.is_some()),
        (0x188, |file| file.header().swift_optimizations.is_some()),
        (0x1b0, |file| file.header().rosetta_read_only.is_some()),
        (0x1c0, |file| file.header().rosetta_read_write.is_some()),
        (0x1cc, |file| file.header().sub_type.is_some()),
        (0x1e0, |file| file.header().objc_optimizations.is_some()),
        (0x1f0, |file| file.header().cache_atlas.is_some()),
        (0x200, |file| file.header().dynamic_data.is_some()),
        (0x218, |file| file.header().function_variants.is_some()),
        (0x228, |file| file.header().prewarming.is_some()),
        (0x230, |file| file.header().cpu.is_some()),
    ];
    let build = |size: usize| {
        // All that is no table of the file holds a one.
        let mut builder = Builder::new("dyld_v1   arm64", size);
        for at in
            (0x20..0x238).step_by(4).filter(|at| !matches!(at, 0x88..0x98 | 0x138..0x140 | 0x188..0x190 | 0x1c0..0x1c8))
        {
            builder.fields.push((at, vec![1, 0, 0, 0]));
        }
        builder.parse()
    };
    for (end, has) in fields {
        for (size, expected) in [(end - 1, false), (end, true), (end + 1, true), (0x400, true)] {
            assert_eq!(has(&build(size)), expected, "a field that ends at {end:#x}, in a header of {size:#x}");
        }
    }
}

#[test]
fn fields_hold_what_stands_at_their_places() {
    let file = Builder::new("dyld_v1  arm64e", 0x238)
        .set(0x28, &[0x100, 0x200])
        .set(0x68, &[2])
        .set32(0xd8, &[1, 0x1f07])
        .set(0xf0, &[0x2000_0000])
        .set(0x108, &[0x1_8000_0100, 0x44])
        .set(0x160, &[0x1_8000_0200])
        .set32(0x168, &[9, 0x000f_0402, 6, 0x0012_0000])
        .set(0x178, &[0x300, 5])
        .set32(0x1c8, &[1])
        .set(0x1e0, &[0x800, 0x10])
        .set32(0x200, &[0x500, 0])
        .set32(0x228, &[0x0100_000c, 0x8000_000c])
        .parse();
    let header = file.header();
    assert_eq!(header.code_signature, Some(FileRange { offset: 0x100, size: 0x200 }));
    assert_eq!((header.cache_type, header.sub_type, header.platform), (Some(2), Some(1), Some(1)));
    let format = header.format.unwrap();
    assert_eq!(format.version(), 7);
    assert!(format.dylibs_expected_on_disk() && format.simulator() && format.locally_built());
    assert!(format.built_from_chained_fixups() && format.new_format_thread_locals());
    assert_eq!(header.dylibs_trie, Some(AddressRange { address: PreferredAddress(0x1_8000_0100), size: 0x44 }));
    assert_eq!(header.program_trie, Some(AddressRange { address: PreferredAddress(0x1_8000_0200), size: 9 }));
    assert_eq!(header.os_version, Some(Version(0x000f_0402)));
    assert_eq!((header.alternate_platform, header.alternate_os_version), (Some(6), Some(Version(0x0012_0000))));
    assert_eq!(header.swift_optimizations, Some(OffsetRange { vm_offset: 0x300, size: 5 }));
    assert_eq!(header.cache_atlas, Some(OffsetRange { vm_offset: 0x800, size: 0x10 }));
    assert_eq!(header.tpro, Some(Table { offset: 0x500, count: 0 }));
    assert_eq!(header.cpu.unwrap().name(), "arm64e.x1");
    assert_eq!((header.patch_info, header.symbol_file_uuid), (None, None), "zeros say that there is nothing");
}

#[test]
fn images_of_every_generation() {
    let sizes =
        [0x28, 0x38, 0x48, 0x58, 0x68, 0x70, 0x88, 0x98, 0x138, 0x140, 0x1c0, 0x1c8, 0x1d0, 0x200, 0x218, 0x228, 0x238];
    for size in sizes {
        let mut builder = Builder::new("dyld_v1   arm64", size);
        builder.images = IMAGES.to_vec();
        let file = builder.parse();
        assert_eq!(images(&file), IMAGES.map(|(address, path)| (address, path.to_owned())), "{size:#x}");
        let expected = if size >= 0x98 { 2 } else { 0 };
        assert_eq!(file.text_infos().len(), expected, "{size:#x}");
        if let Some(text) = file.text_infos().nth(1) {
            assert_eq!((text.uuid.as_bytes(), text.address.0, text.text_size), (&[2; 16], IMAGES[1].0, 0x1000));
        }
    }
}

#[test]
fn what_is_not_known_yet_is_kept() {
    let mut builder = Builder::new("dyld_v1arm64ex2", 0x260);
    builder.fields.push((0x230, (0..0x30).collect()));
    builder.images = IMAGES.to_vec();
    let file = builder.parse();
    assert_eq!(file.unknown_header(), (0..0x30).collect::<Vec<u8>>());
    assert_eq!(images(&file).len(), 2);
    for size in [0x28, 0x140, 0x228, 0x230] {
        assert!(Builder::new("dyld_v1   arm64", size).parse().unknown_header().is_empty(), "{size:#x}");
    }
}

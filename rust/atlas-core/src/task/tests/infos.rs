//! The structure field by field, in both widths, whole and cut.

use super::super::all_image_infos::{AllImageInfos, Publication, field, size_of_version};
use super::super::memory::{DyldInfo, PointerFormat};
use super::*;
use crate::error::ErrorKind;

/// Bytes in which every word tells its own place.
fn telling() -> Vec<u8> {
    (0..368_u32).step_by(4).flat_map(|at| (0x1000_0000 | at).to_le_bytes()).collect()
}

fn word(at: u64) -> u64 {
    0x1000_0000 | at
}

fn pair(at: u64) -> u64 {
    word(at) | word(at + 4) << 32
}

#[test]
fn fields_are_where_dyld_has_them() {
    let wide = AllImageInfos::from_bytes(&telling(), PointerFormat::Bits64);
    let narrow = AllImageInfos::from_bytes(&telling(), PointerFormat::Bits32);
    // dyld_images.h, compiled for both widths.
    let pointers = [
        (field::INFO_ARRAY, 0x08, 0x08),
        (field::DYLD_IMAGE_LOAD_ADDRESS, 0x20, 0x14),
        (field::UUID_ARRAY_COUNT, 0x58, 0x30),
        (field::UUID_ARRAY, 0x60, 0x34),
        (field::DYLD_ALL_IMAGE_INFOS_ADDRESS, 0x68, 0x38),
        (field::INITIAL_IMAGE_COUNT, 0x70, 0x3c),
        (field::SHARED_CACHE_BASE_ADDRESS, 0xb0, 0x64),
        (field::DYLD_PATH, 0xc0, 0x70),
        (field::COMPACT_ADDRESS, 0x130, 0xa8),
        (field::COMPACT_SIZE, 0x138, 0xac),
    ];
    for (field, wide_at, narrow_at) in pointers {
        assert_eq!((wide.get(field), narrow.get(field)), (Some(pair(wide_at)), Some(word(narrow_at))), "{field:?}");
    }
    let longs = [
        (field::INFO_ARRAY_CHANGE_TIMESTAMP, 0xb8, 0x68),
        (field::AOT_INFO_ARRAY, 0x148, 0xb8),
        (field::AOT_SHARED_CACHE_BASE_ADDRESS, 0x158, 0xc8),
    ];
    for (field, wide_at, narrow_at) in longs {
        assert_eq!((wide.get(field), narrow.get(field)), (Some(pair(wide_at)), Some(pair(narrow_at))), "{field:?}");
    }
    let words = [
        (field::VERSION, 0, 0),
        (field::INFO_ARRAY_COUNT, 4, 4),
        (field::PLATFORM, 0x140, 0xb0),
        (field::AOT_INFO_COUNT, 0x144, 0xb4),
    ];
    for (field, wide_at, narrow_at) in words {
        assert_eq!((wide.get(field), narrow.get(field)), (Some(word(wide_at)), Some(word(narrow_at))), "{field:?}");
    }
    assert_eq!(wide.get(field::LIB_SYSTEM_INITIALIZED), Some(0));
    let uuid = |at: usize| uuid::Uuid::from_slice(&telling()[at..at + 16]).ok();
    assert_eq!((wide.shared_cache_uuid(), narrow.shared_cache_uuid()), (uuid(0xa0), uuid(0x54)));
    assert_eq!((wide.aot_shared_cache_uuid(), narrow.aot_shared_cache_uuid()), (uuid(0x160), uuid(0xd0)));
}

#[test]
fn a_field_past_the_end_is_absent() {
    for length in 0..=368_usize {
        let infos = AllImageInfos::from_bytes(&telling()[..length], PointerFormat::Bits64);
        assert_eq!(infos.version().is_some(), length >= 4);
        assert_eq!(infos.get(field::COMPACT_ADDRESS).is_some(), length >= 0x138, "{length:#x}");
        assert_eq!(infos.get(field::COMPACT_SIZE).is_some(), length >= 0x140, "{length:#x}");
        assert_eq!(infos.publication().is_there(), length >= 0x140);
        assert_eq!(infos.aot_shared_cache_uuid().is_some(), length >= 0x170);
    }
    let later = [telling(), vec![7; 1000]].concat();
    assert_eq!(AllImageInfos::from_bytes(&later, PointerFormat::Bits64).version(), Some(0x1000_0000));
}

#[test]
fn only_wide_pointers_carry_tags() {
    let mut bytes = vec![0; 368];
    bytes[0x137] = 0xa5;
    bytes[0x130] = 1;
    bytes[0xab] = 0xa5;
    let wide = AllImageInfos::from_bytes(&bytes, PointerFormat::Bits64);
    let narrow = AllImageInfos::from_bytes(&bytes, PointerFormat::Bits32);
    assert_eq!((wide.publication().address, narrow.publication().address), (1, 0xa500_0000));
    assert_eq!((wide.pointer(field::COMPACT_ADDRESS), wide.pointer(field::DYLD_PATH)), (Some(1), None));
}

#[test]
fn sizes_of_the_kernel_are_not_believed() {
    let (memory, _) = process(PointerFormat::Bits64);
    for size in [0, 3, 4, 16, 328, 368, 400, 1 << 20, 1 << 63, u64::MAX] {
        let info = DyldInfo { address: INFOS, size, format: PointerFormat::Bits64 };
        let infos = AllImageInfos::read(&memory, info);
        assert_eq!(infos.as_ref().ok().and_then(AllImageInfos::version), (size >= 4).then_some(18), "{size}");
    }
    for address in [1, INFOS + 0x1000, u64::MAX, u64::MAX - 100] {
        let error = AllImageInfos::read(&memory, DyldInfo { address, size: 368, format: PointerFormat::Bits64 });
        assert!(matches!(error.unwrap_err().kind(), ErrorKind::UnmappedAddress(at) if *at == address));
    }
    let none = DyldInfo { address: 0, size: 368, format: PointerFormat::Bits64 };
    assert!(matches!(AllImageInfos::read(&memory, none).unwrap_err().kind(), ErrorKind::UnsupportedPlatform(_)));
}

#[test]
fn a_structure_at_the_end_of_a_mapping_is_cut() {
    let (memory, _) = process(PointerFormat::Bits64);
    memory.change(|contents| assert!(contents.write(INFOS + 0xff0, &15_u32.to_le_bytes())));
    let info = DyldInfo { address: INFOS + 0xff0, size: 368, format: PointerFormat::Bits64 };
    let infos = AllImageInfos::read(&memory, info).unwrap();
    assert_eq!((infos.version(), infos.get(field::INFO_ARRAY)), (Some(15), Some(0)));
    assert_eq!(infos.get(field::DYLD_IMAGE_LOAD_ADDRESS), None);
    assert_eq!(infos.publication(), Publication { address: 0, size: 0, timestamp: 0 });
}

#[test]
fn sizes_by_version_grow() {
    for format in [PointerFormat::Bits32, PointerFormat::Bits64] {
        let sizes: Vec<_> = (0..30).map(|version| size_of_version(version, format)).collect();
        assert!(sizes.is_sorted() && sizes[29] == if format == PointerFormat::Bits32 { 224 } else { 368 });
    }
    // The end of the last field of each: processDetachedFromSharedRegion, dyldImageLoadAddress, jitInfo,
    // terminationFlags, coreSymbolicationShmPage, systemOrderFlag, uuidArray.
    let sizes = |format| [1, 2, 3, 4, 5, 6, 7, 8].map(|version| size_of_version(version, format));
    assert_eq!(sizes(PointerFormat::Bits64), [0x19, 0x28, 0x30, 0x30, 0x48, 0x50, 0x58, 0x68]);
    assert_eq!(sizes(PointerFormat::Bits32), [0x11, 0x18, 0x1c, 0x1c, 0x28, 0x2c, 0x30, 0x38]);
    assert_eq!((PointerFormat::from_raw(0), PointerFormat::from_raw(1)), {
        (Some(PointerFormat::Bits32), Some(PointerFormat::Bits64))
    });
    assert!(PointerFormat::from_raw(2).is_none() && PointerFormat::from_raw(-1).is_none());
}

use proptest::prelude::*;

use super::shelf::{BASE, MAIN, Shelf, main_file, subcache, whole};
use crate::cache::Place;
use crate::cache::file::tests::builder::{Builder, Map, map};

#[test]
fn an_address_leads_to_its_file() {
    let group = whole().open(MAIN).unwrap();
    for number in 0..4_u64 {
        let start = BASE + number * 0x4000;
        let file = usize::try_from(number).unwrap();
        assert_eq!(group.at(start), Some(Place { file, mapping: 0, file_offset: 0, left: 0x4000 }));
        assert_eq!(group.at(start + 0x3fff), Some(Place { file, mapping: 0, file_offset: 0x3fff, left: 1 }));
        assert_eq!(group.bytes_from(start + 0x3000).unwrap()[0], number as u8);
        assert_eq!(group.slice(start + 0x3000, 1).unwrap()[..], [number as u8]);
    }
    for outside in [0, BASE - 1, BASE + 0x10000, u64::MAX] {
        assert_eq!((group.at(outside), group.bytes_from(outside)), (None, None), "{outside:#x}");
    }
    assert!(group.slice(BASE, 0x4000).is_some());
    assert!(group.slice(BASE, 0x4001).is_none(), "a slice ends with its mapping, though the next one follows");
    assert!(group.slice(BASE + 0x3fff, u64::MAX).is_none());
    assert_eq!(group.slice(BASE, 0).unwrap().len(), 0);
    // The file of local symbols is mapped at 0, and no memory of the cache.
    assert_eq!(group.at(0x1000), None);
}

/// The text of one file lies between text and data of another, as in every cache since macOS 13.
#[test]
fn files_that_lie_between_each_other() {
    let mut main = main_file([".01", ".02", ".03"], 0x200);
    main.maps.push(map(BASE + 0x8000, 0x1000, 0x4000));
    let mut first = subcache(1, 0x200);
    first.maps.push(map(BASE + 0xc000, 0x1000, 0x4000));
    let mut shelf = Shelf::default().with(MAIN, main.piece(0x4fff, vec![0]).build());
    shelf = shelf.with(&format!("{MAIN}.01"), first.piece(0x4fff, vec![0]).build());
    let group = shelf.open(MAIN).unwrap();
    assert!(group.warnings().is_empty(), "{:?}", group.warnings());
    let place = |offset| group.at(BASE + offset).map(|place| (place.file, place.mapping, place.file_offset));
    assert_eq!(place(0x3fff), Some((0, 0, 0x3fff)));
    assert_eq!(place(0x4000), Some((1, 0, 0)));
    assert_eq!(place(0x8010), Some((0, 1, 0x4010)));
    assert_eq!(place(0x9000), None);
    assert_eq!(place(0xc010), Some((1, 1, 0x4010)));
}

#[test]
fn memory_that_is_mapped_twice_counts_once() {
    let mut main = Builder::new("dyld_v1  arm64e", 0x140);
    main.maps = vec![map(BASE, 0x2000, 0), map(BASE + 0x1000, 0x2000, 0x2000), map(BASE + 0x1800, 0x100, 0)];
    let group = Shelf::default().with(MAIN, main.build()).open(MAIN).unwrap();
    let place = |offset| group.at(BASE + offset).map(|place| (place.mapping, place.file_offset, place.left));
    assert_eq!(place(0x1fff), Some((0, 0x1fff, 1)));
    assert_eq!(place(0x2000), Some((1, 0x3000, 0x1000)));
    assert_eq!(group.warnings().len(), 2, "{:?}", group.warnings());
    main.maps = vec![Map::default(); 20].into_iter().map(|_| map(BASE, 0x1000, 0)).collect();
    let group = Shelf::default().with(MAIN, main.build()).open(MAIN).unwrap();
    assert_eq!(group.warnings().len(), 9);
    assert!(group.warnings()[8].contains("11 more"), "{:?}", group.warnings());
}

#[test]
fn pointers_are_as_wide_as_the_images_are() {
    let size = |magic, header: usize, first: u32, cpu: u32| {
        let mut builder = Builder::new(magic, header).piece(0x1000, first.to_le_bytes().to_vec());
        builder.images = vec![(0x7000, "/missing"), (BASE + 0x1000, "/a")];
        builder = builder.set32(0x228, &[cpu, 0]);
        Shelf::default().with(MAIN, builder.build()).open(MAIN).unwrap().pointer_size()
    };
    assert_eq!(size("dyld_v1arm64_32", 0x140, 0xfeed_face, 0), 4);
    assert_eq!(size("dyld_v1   arm64", 0x140, 0xfeed_face, 0), 4, "the images know best");
    assert_eq!(size("dyld_v1arm64_32", 0x140, 0xfeed_facf, 0), 8);
    // No header can be read: the processor decides, by number or by name.
    assert_eq!(size("dyld_v1   arm64", 0x238, 0, 0x0200_000c), 4);
    assert_eq!(size("dyld_v1arm64_32", 0x238, 0, 0x0100_000c), 8);
    let narrow = ["arm64_32", "   i386", " armv7k", "  armv6"];
    for name in narrow {
        let magic: &'static str = Box::leak(format!("dyld_v1 {name}").into_boxed_str());
        assert_eq!(size(magic, 0x140, 0, 0), 4, "{name}");
    }
    for name in ["x86_64h", " x86_64", "  arm64", " arm64e", "arm64ex1", "  riscv"] {
        let magic: &'static str = Box::leak(format!("dyld_v1 {name}").into_boxed_str());
        assert_eq!(size(magic, 0x140, 0, 0), 8, "{name}");
    }
}

proptest! {
    /// Against a search through all mappings.
    #[test]
    fn every_address_as_by_a_plain_search(
        rows in prop::collection::vec((0_u64..0x100, 1_u64..0x20), 1..12),
        addresses in prop::collection::vec(0_u64..0x120, 1..40),
    ) {
        let mut main = Builder::new("dyld_v1  arm64e", 0x140);
        main.maps = rows.iter().map(|(address, size)| map(*address, *size, *address)).collect();
        let group = Shelf::default().with(MAIN, main.build()).open(MAIN).unwrap();
        for address in addresses {
            // Each mapping here has its address as its offset, so that any of those that overlap is right.
            let mapped = rows.iter().any(|(start, size)| (*start..start + size).contains(&address));
            prop_assert_eq!(group.at(address).map(|place| place.file_offset), mapped.then_some(address));
            if let Some(place) = group.at(address) {
                let end = address + place.left;
                prop_assert!((address..end).all(|inner| group.at(inner).is_some_and(|it| it.mapping == place.mapping)));
            }
        }
    }
}

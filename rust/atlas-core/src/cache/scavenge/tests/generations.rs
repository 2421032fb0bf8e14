//! Headers of every generation and processor tell the same.

use super::*;
use crate::cache::group::tests::shelf::{main_file, subcache};
use crate::cache::{HAS_PREFERRED, HAS_UUID};

const PROCESSORS: [(&str, (u32, u32)); 7] = [
    ("dyld_v1  arm64e", image::ARM64E),
    ("dyld_v1arm64ex1", image::ARM64E),
    ("dyld_v1  x86_64", image::X86_64),
    ("dyld_v1arm64_32", image::ARM64_32),
    ("dyld_v1    i386", image::I386),
    ("dyld_v1     ppc", image::PPC),
    ("dyld_v1  riscv9", image::ARM64),
];

#[test]
fn all_sizes_of_headers_and_all_processors() {
    // iPhone OS 3.1; with UUID; before imagesText, with it; 832, 940, 1042.1, 1231, 1284, macOS 27; and between them.
    let sizes = [0x28, 0x68, 0x70, 0x88, 0x98, 0x118, 0x140, 0x150, 0x1c8, 0x1d0, 0x200, 0x218, 0x228, 0x238, 0x300];
    for (magic, cpu) in PROCESSORS {
        // 32-bit processors have no address above 4 GiB.
        let base: u64 = if cpu.0 & 0x0100_0000 == 0 { 0x2000_0000 } else { BASE };
        for size in sizes {
            let place = format!("{magic} {size:#x}");
            let mut file = single(
                magic,
                size,
                0xc000,
                &[(base + 0x4000, "/usr/lib/liba.dylib"), (base + 0x8000, "/usr/lib/libb.dylib")],
            );
            file.maps[0].address = base;
            let file = file.piece(0x4000, library(cpu, base + 0x4000)).piece(0x8000, library(cpu, base + 0x8000));
            let known = known(&group(&file));
            assert_eq!(known.warnings(), [""; 0], "{place}");
            assert_eq!((known.image_count(), known.preferred_load_address()), (2, base), "{place}");
            assert_eq!(known.uuid().as_bytes(), &[if size >= 0x68 { 7 } else { 0 }; 16], "{place}");
            let images = &known.columns().images;
            for (index, (address, path)) in file.images.iter().enumerate() {
                let image = images[index];
                assert_eq!((image.address, image.preferred_load_address), (*address, *address), "{place}");
                assert_eq!(image.flags, HAS_UUID | HAS_PREFERRED, "{place}");
                // The name is the path of the table, as in what dyld's scavenger makes.
                assert_eq!(name(&known, index).as_deref(), Some(*path), "{place}");
                assert_eq!(image.file_path, 0, "{place}");
                // Before there was a table of them UUIDs are those of the load commands.
                let uuid = if size >= 0x98 { [index as u8 + 1; 16] } else { image::UUID };
                assert_eq!(image.uuid, uuid, "{place}");
                assert_eq!(image.vm_end, address + 0x3100, "{place}");
                let expected = [
                    ("__TEXT".to_owned(), 5, *address, 0x1000, 0x1000, 0x100),
                    ("__DATA_CONST".to_owned(), 3, address + 0x2000, 0x900, 0x800, 0x300),
                    ("__LINKEDIT".to_owned(), 1, address + 0x3000, 0x100, 0x100, 0x400),
                ];
                assert_eq!(segments(&known, index), expected, "{place}");
            }
            // From dyld-940 on the header says how much memory all files take.
            let vm_size = if size >= 0x190 { 0x1000_0000 } else { 0xc000 };
            assert_eq!(known.vm_size(), vm_size, "{place}");
            let [file] = known.subcaches() else { panic!("{place}") };
            assert_eq!((file.name.as_str(), file.vm_offset, file.vm_size, file.file_size), (MAIN, 0, 0xc000, 0xc000));
            assert_eq!((known.raw_pointer_size(), known.symbol_file_name()), (8, None), "{place}");
        }
    }
}

#[test]
fn the_atlas_has_the_pointer_size_of_the_builder() {
    use crate::bplist::Plist;
    use crate::schema::{CacheRecord, Report};
    for (magic, expected) in [("dyld_v1  arm64e", 4), ("dyld_v1arm64_32", 8), ("dyld_v1    i386", 4)] {
        let known = known(&group(&single(magic, 0x200, 0x4000, &[])));
        let plist = Plist::parse(known.atlas_plist(MAIN).unwrap()).unwrap();
        assert_eq!(CacheRecord::names(&plist).unwrap(), [MAIN]);
        let mut report = Report::new(false, "");
        let record = CacheRecord::check(plist, known.uuid(), Policy::default(), &mut report).unwrap().unwrap();
        assert_eq!(record.raw_pointer_size, expected, "{magic}");
    }
}

#[test]
fn numbered_subcaches_and_those_with_suffixes() {
    for (size, suffixes) in [(0x1c8, [".1", ".2", ".3"]), (0x228, [".01", ".02.dylddata", ".25.development"])] {
        let mut shelf = Shelf::default().with(MAIN, main_file(suffixes, size).build());
        for (suffix, number) in suffixes.iter().zip(1..) {
            shelf = shelf.with(&format!("{MAIN}{suffix}"), subcache(number, size).build());
        }
        let known = known(&shelf.open(MAIN).unwrap());
        let expected: Vec<_> = std::iter::once("").chain(suffixes).map(|suffix| format!("{MAIN}{suffix}")).collect();
        assert_eq!(known.subcaches().iter().map(|file| file.name.clone()).collect::<Vec<_>>(), expected);
        for (number, file) in known.subcaches().iter().enumerate().skip(1) {
            let offset = 0x4000 * number as u64;
            assert_eq!((file.vm_offset, file.preferred_load_address), (offset, BASE + offset));
            assert_eq!((file.vm_size, file.file_size, file.mappings.len()), (0x4000, 0x4000, 1));
            assert_eq!(file.uuid.as_bytes(), &[number as u8; 16]);
        }
        assert_eq!(known.symbol_file_name(), Some("dyld_shared_cache_arm64e.symbols"));
        assert_eq!(known.symbol_file_uuid().unwrap().as_bytes(), &[8; 16]);
    }
}

#[test]
fn files_of_a_development_cache_have_the_name_of_the_other() {
    let main = format!("{MAIN}.development");
    let mut shelf = Shelf::default().with(&main, main_file([".01", ".02", ".03"], 0x200).build());
    shelf = shelf.with(&format!("{MAIN}.01"), subcache(1, 0x200).build());
    let known = known(&shelf.open(&main).unwrap());
    let names: Vec<_> = known.subcaches().iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, [main.as_str(), &format!("{MAIN}.01"), &format!("{MAIN}.02"), &format!("{MAIN}.03")]);
    assert_eq!(known.symbol_file_name(), Some("dyld_shared_cache_arm64e.symbols"));
}

//! Tables that lie nowhere, files that are of something else, and local symbols of nobody.

use super::{BASE, Builder, MAIN, Shelf, findings, known, sound, verify};
use crate::cache::group::tests::shelf::{main_file, symbols};

fn newest() -> Builder {
    let mut file = sound();
    file.size = 0x228;
    file
}

fn only(file: &Builder, says: &str) {
    let found = findings(file);
    let [finding] = found.as_slice() else { panic!("{says}: {found:?}") };
    assert!(finding.contains(says), "{says}: {finding}");
}

#[test]
fn tables_lie_in_the_files() {
    assert_eq!(findings(&newest()), [""; 0]);
    let tpro = |address: u64, size: u64| {
        let row = [address, size].iter().flat_map(|word| word.to_le_bytes()).collect();
        newest().set32(0x200, &[0x9000, 1]).piece(0x9000, row)
    };
    assert_eq!(findings(&tpro(BASE, 0x8000)), [""; 0]);
    assert_eq!(findings(&tpro(0x10, 0)), [""; 0]);
    only(&tpro(0x10, 8), "tproMappings[0]: lies at 0x10, where nothing is mapped");
    only(&newest().set32(0x200, &[0x7fff_ffff, 2]), "tproMappings: expected 2 rows of 16 bytes in the file");
    only(&newest().set(0x208, &[0x10, 0x100]), "functionVariantInfo: expected 0x100 bytes at 0x10");
    only(&newest().set(0x218, &[0x7fff_ffff, 0x100]), "prewarmingData: expected 0x100 bytes at 0x1ffffffff");
    only(&newest().set(0x1e0, &[0x7fff_ffff, 0x100]), "cacheAtlas: expected 0x100 bytes at 0x1ffffffff");
    only(&newest().set(0x178, &[0x7fff_ffff, 0x100]), "swiftOpts: lies at 0x1ffffffff, where nothing is mapped");
    only(&newest().set(0x1d0, &[0x7fff_ffff, 0x100]), "objcOpts: lies at 0x1ffffffff, where nothing is mapped");
}

#[test]
fn what_may_lie_in_a_missing_file_is_no_finding() {
    let mut main = newest().set(0x208, &[0x10, 0x100]).set(0x108, &[0x10, 0x100]);
    main.subcaches = vec![([3; 16], 0x10_0000, ".01")];
    only(&main, "dyld_shared_cache_arm64e.01: the file is missing");
}

#[test]
fn files_say_where_they_lie_and_how() {
    only(
        &sound().set(0xe0, &[0x10, 0x1000_0000]),
        "sharedRegionStart is 0x10, the first mapping begins at 0x180000000",
    );
    let plain = sound().piece(0x200 + 24, vec![1]);
    only(&plain, "mappings[0] has the protections 5 and 5, 1 and 5 without slide info");
}

#[test]
fn files_of_one_cache_are_alike() {
    let opened = |change: fn(Builder) -> Builder| {
        let mut main = sound();
        main.subcaches = vec![([3; 16], 0x10_0000, ".01")];
        let mut part = Builder::new("dyld_v1  arm64e", 0x200);
        part.uuid = [3; 16];
        part.maps = vec![super::map(BASE + 0x10_0000, 0x4000, 0)];
        let shelf = Shelf::default().with(MAIN, main.build());
        let group = shelf.with(&format!("{MAIN}.01"), change(part).build()).open(MAIN).unwrap();
        verify(&group, &known(&group), None)
    };
    assert_eq!(opened(|part| part), [""; 0]);
    assert_eq!(opened(|part| part.set32(0xd8, &[2])), [format!("{MAIN}.01: is for platform 2, the main file for 0")]);
    assert_eq!(opened(|part| part.set(0x68, &[1])), [format!("{MAIN}.01: is of cache type 1, the main file of 0")]);
    let start = opened(|part| part.set(0xe0, &[0x10]));
    assert_eq!(start, [format!("{MAIN}.01: sharedRegionStart is 0x10, the first mapping begins at 0x180100000")]);
}

/// One image with two symbols: info, entries, nlists, strings.
fn block(entry: (u64, u32, u32), name: u32) -> Vec<u8> {
    let mut bytes: Vec<u8> = [40_u32, 2, 72, 4, 24, 1].iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.extend(entry.0.to_le_bytes());
    bytes.extend([entry.1, entry.2].iter().flat_map(|word| word.to_le_bytes()));
    for name in [1, name] {
        bytes.extend(name.to_le_bytes());
        bytes.extend([0; 12]);
    }
    bytes.extend(b"\0_a\0");
    bytes
}

#[test]
fn local_symbols_are_of_images_and_have_names() {
    let of = |bytes: Vec<u8>| sound().set(0x48, &[0x9000, bytes.len() as u64]).piece(0x9000, bytes);
    assert_eq!(findings(&of(block((0x4000, 0, 2), 3))), [""; 0]);
    only(&of(block((0x1230, 0, 2), 3)), "local symbols: entries[0] is of no image (0x1230)");
    only(&of(block((0x4000, 1, 999), 3)), "local symbols: entries[0] ends at symbol 1000 of 2");
    only(&of(block((0x4000, 0, 2), 4)), "the name of symbol 1 is at 0x4 of 0x4 bytes of strings, 0 more leave these");
    let cut = |at: usize| of(block((0x4000, 0, 2), 3)).piece(0x9000 + at, vec![0xff, 0xff, 0xff]);
    only(&cut(0), "local symbols: dyld_shared_cache_arm64e: nlists: expected");
    only(&cut(20), "local symbols: dyld_shared_cache_arm64e: entries: expected");
    only(&sound().set(0x48, &[0x9000, 0x10_0000]), "local symbols: dyld_shared_cache_arm64e: expected 0x100000 bytes");
}

#[test]
fn the_file_of_local_symbols_is_looked_at() {
    let file = |change: fn(Builder) -> Builder| {
        let bytes = block((0x1000, 0, 2), 3);
        let file = symbols(0x200).set(0x48, &[0x2000, bytes.len() as u64]).piece(0x2000, bytes);
        let mut main = main_file([""; 3], 0x200);
        main.images = vec![(BASE + 0x1000, "/usr/lib/liba.dylib")];
        main.subcaches.clear();
        let group = Shelf::default().with(MAIN, main.build());
        let group = group.with(&format!("{MAIN}.symbols"), change(file).build()).open(MAIN).unwrap();
        let mut found = verify(&group, &known(&group), None);
        found.retain(|finding| finding.contains("symbols"));
        found
    };
    assert_eq!(file(|file| file), [""; 0]);
    assert_eq!(file(|file| file.set(0x48, &[0, 0])), [format!("{MAIN}.symbols: holds no local symbols")]);
    let signed = file(|file| file.set(0x28, &[0x4000, 0x10]));
    assert_eq!(signed, [format!("{MAIN}.symbols: the code signature ends at 0x4010, the file at 0x4000")]);
    let cut = file(|file| file.set(0x48, &[0x2000, 0x9_0000]));
    assert!(cut.len() == 1 && cut[0].contains(".symbols: expected 0x90000 bytes at 0x2000"), "{cut:?}");
}

//! Each thing that does not fit is a sentence.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod places;
mod tables;

use super::verify;
use crate::bytes::Mode;
use crate::cache::file::tests::builder::{Builder, Map, map};
use crate::cache::group::tests::shelf::Shelf;
use crate::cache::{CacheGroup, KnownCache, NamedCache, RecordOrigin, Supply, atlas, load, scavenge};
use crate::macho::tests::builder as image;
use crate::schema::Policy;

const BASE: u64 = 0x1_8000_0000;
const MAIN: &str = "dyld_shared_cache_arm64e";

/// The header of a library at `address`, with its text and its linked-edit data.
fn library(address: u64) -> Vec<u8> {
    let mut library = image::Builder::new(image::ARM64E)
        .segment(&image::SegmentSpec::new("__TEXT", [address, 0x1000, address - BASE, 0x1000], 5))
        .segment(&image::SegmentSpec::new("__LINKEDIT", [BASE + 0x1_0000, 0x4000, 0x8000, 0x4000], 1));
    library
        .commands
        .push([&0x1b_u32.to_le_bytes()[..], &24_u32.to_le_bytes(), &[(address >> 14) as u8 & 3; 16]].concat());
    library.build()
}

/// Two mappings, two images, a signature; nothing is wrong with it.
fn sound() -> Builder {
    let mut file = Builder::new("dyld_v1  arm64e", 0x200).set(0x28, &[0xc000, 0x1000]);
    file.maps = vec![map(BASE, 0x8000, 0), Map { max: 1, init: 1, ..map(BASE + 0x1_0000, 0x4000, 0x8000) }];
    file.images = vec![(BASE + 0x4000, "/usr/lib/liba.dylib"), (BASE + 0x2000, "/usr/lib/libb.dylib")];
    file.length = 0xd000;
    file = file.piece(0x4000, library(BASE + 0x4000)).piece(0x2000, library(BASE + 0x2000));
    // The builder of caches numbers the UUIDs of its tables from 1.
    file.piece(0x2000 + 32 + 72 + 72 + 8, vec![2; 16])
}

fn group(main: &Builder) -> CacheGroup {
    Shelf::default().with(MAIN, main.build()).open(MAIN).unwrap()
}

fn known(group: &CacheGroup) -> KnownCache {
    scavenge(group, Mode::Map, Policy::default()).unwrap()
}

fn findings(main: &Builder) -> Vec<String> {
    let group = group(main);
    verify(&group, &known(&group), None)
}

#[test]
fn a_sound_cache_has_no_findings() {
    assert_eq!(findings(&sound()), [""; 0]);
}

#[test]
fn each_fault_is_one_sentence() {
    type Change = fn(Builder) -> Builder;
    let faults: [(Change, &str); 9] = [
        (|file| file.set(0x30, &[0x900]), "the code signature ends at 0xc900, the file at 0xd000"),
        (|file| file.set(0xe8, &[0x1_0000]), "outside of the cache's 0x180000000 to 0x180010000"),
        (
            |mut file| {
                file.maps[1].max = 3;
                file
            },
            "the last mapping can be more than read (protection 3)",
        ),
        (
            |mut file| {
                file.maps[1].offset = 0x9000;
                // The segments say so, too.
                let places = [0x4000, 0x2000].map(|header| header + 32 + 72 + 40);
                places.into_iter().fold(file, |file, at| file.piece(at, vec![0, 0x90]))
            },
            "mappings[1] begins at offset 0x9000 of the file, the one before it ends at 0x8000",
        ),
        (
            |file| file.piece(0x2000 + 32 + 24, BASE.to_le_bytes().to_vec()),
            "its header says that it lies at 0x180000000",
        ),
        (|file| file.piece(0x2000 + 32 + 32, vec![0, 0x20]), "its text has 0x2000 bytes, in the table 0x1000"),
        (|file| file.piece(0x2000 + 32 + 72 + 24 + 3, vec![9]), "__LINKEDIT at 0x"),
        (
            |file| file.piece(0x2000 + 32 + 72 + 72 + 8, vec![0xab; 16]),
            "/usr/lib/libb.dylib: its header has the UUID ABABABAB-ABAB-ABAB-ABAB-ABABABABABAB, the table 02020202-",
        ),
        (|file| file.piece(0x4000, vec![0; 4]), "the image at 0x180004000: expected a Mach-O header"),
    ];
    for (change, says) in faults {
        let found = findings(&change(sound()));
        let [finding] = found.as_slice() else { panic!("{says}: {found:?}") };
        assert!(finding.contains(says), "{says}: {finding}");
    }
    let mut twice = sound();
    twice.images[1].0 = BASE + 0x4000;
    let found = findings(&twice);
    assert!(
        found.iter().any(|finding| finding.contains("libb.dylib: lies at 0x180004000 as images[0] does")),
        "{found:?}"
    );
}

#[test]
fn a_missing_file_is_a_finding() {
    let mut main = sound();
    main.subcaches = vec![([3; 16], 0x10_0000, ".01")];
    let found = findings(&main);
    assert_eq!(found, [format!("{MAIN}.01: the file is missing, or is not the one that the cache names")]);
}

#[test]
fn files_of_one_uuid_are_a_finding() {
    let mut main = sound();
    main.subcaches = vec![([3; 16], 0x10_0000, ".01"), ([3; 16], 0x20_0000, ".02")];
    let part = |address| {
        let mut part = Builder::new("dyld_v1  arm64e", 0x200).set(0xe8, &[0]);
        part.uuid = [3; 16];
        part.maps = vec![map(address, 0x4000, 0)];
        part.build()
    };
    let shelf = Shelf::default().with(MAIN, main.build()).with(&format!("{MAIN}.01"), part(BASE + 0x10_0000));
    let group = shelf.with(&format!("{MAIN}.02"), part(BASE + 0x20_0000)).open(MAIN).unwrap();
    assert_eq!(verify(&group, &known(&group), None), [format!("{MAIN}.02: has the UUID of {MAIN}.01")]);
}

#[test]
fn slide_info_that_cannot_be_read_is_a_finding() {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    // Version, size of pages, place and number of starts, of extras, mask and what is added.
    let second = |page: u32, start: u32| words(&[2, page, 40, 1, 42, 1, 0, 0x00ff_ff00, 0, 0, start]);
    let infos = [
        (second(0x1000, 0x4000), None),
        (words(&[9]), Some("slide info of version 1 to 5")),
        (second(0, 0x4000), Some("page_size")),
        (words(&[2, 0x1000, 40, 0, 40, 0, 0, 0, 0, 0, 0]), Some("delta_mask")),
        // A list of extras that nothing ends, and a chain that leaves its page.
        (second(0x1000, 0x0380_8000), Some("page_starts[0]: expected an extra of 1 that ends the list")),
        (second(0x1000, 0x3fff), Some("page_starts[0]: expected a link in its page")),
    ];
    for (info, says) in infos {
        let mut file = sound();
        file.maps[0].slide = (0x9000, info.len() as u64);
        let found = findings(&file.piece(0x9000, info));
        match says {
            None => assert_eq!(found, [""; 0]),
            Some(says) => {
                let [finding] = found.as_slice() else { panic!("{says}: {found:?}") };
                assert!(finding.starts_with(&format!("{MAIN}: mappings[0]: slide info: ")), "{finding}");
                assert!(finding.contains(says), "{says}: {finding}");
            }
        }
    }
    // Of many pages the first is told, and how many more there are.
    let mut file = sound();
    file.maps[0].slide = (0x9000, 48);
    let info = [words(&[2, 0x1000, 40, 4, 40, 0, 0, 0x00ff_ff00, 0, 0]), words(&[0x3fff_3fff; 2])].concat();
    let found = findings(&file.piece(0x9000, info));
    assert!(found.len() == 1 && found[0].ends_with("and faults in 3 more pages"), "{found:?}");
}

#[test]
fn an_atlas_that_says_something_else() {
    type Change = fn(Builder) -> Builder;
    let changes: [(Change, &str); 6] = [
        (|file| file.set(0xe8, &[0x2000_0000]), "size in memory: the headers say 0x10000000, the atlas 0x20000000"),
        (
            |mut file| {
                file.length = 0xe000;
                file
            },
            "dyld_shared_cache_arm64e: size of the file: the headers say 0xd000, the atlas 0xe000",
        ),
        (
            |mut file| {
                file.images[0].1 = "/usr/lib/libz.dylib";
                file
            },
            "images[0]: the headers say /usr/lib/liba.dylib, the atlas /usr/lib/libz.dylib",
        ),
        (
            |mut file| {
                file.images.pop();
                file
            },
            "number of images: the headers say 2, the atlas 1",
        ),
        (
            |file| file.piece(0x2000 + 32 + 32, vec![0, 0x20]),
            "/usr/lib/libb.dylib: segment: the headers say __TEXT 0x1000 bytes",
        ),
        (
            |mut file| {
                file.symbols = [5; 16];
                file
            },
            "UUID of the local symbols: the headers say none, the atlas 05050505-",
        ),
    ];
    let group = group(&sound());
    let headers = known(&group);
    for (change, says) in changes {
        let other = known(&super::tests::group(&change(sound())));
        let bytes = atlas(&[NamedCache { leaf: MAIN, known: &other }], None).unwrap();
        let read =
            load(&Supply::Bytes(bytes.into()), headers.uuid(), Policy::default(), Mode::Map, RecordOrigin::Provider);
        let found = verify(&group, &headers, Some(&*read.unwrap().unwrap()));
        assert!(found.iter().any(|finding| finding.contains(says)), "{says}: {found:?}");
        assert!(found.len() <= 2, "{says}: {found:?}");
    }
    let bytes = atlas(&[NamedCache { leaf: MAIN, known: &headers }], None).unwrap();
    let read = load(&Supply::Bytes(bytes.into()), headers.uuid(), Policy::default(), Mode::Map, RecordOrigin::Provider);
    assert_eq!(verify(&group, &headers, Some(&*read.unwrap().unwrap())), [""; 0]);
}

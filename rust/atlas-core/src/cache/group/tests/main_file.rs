use super::shelf::{MAIN, Shelf, subcache, symbols};
use crate::cache::file::tests::builder::Builder;
use crate::error::{Error, ErrorKind};

fn refused(name: &str, bytes: Vec<u8>) -> Error {
    Shelf::default().with(name, bytes).open(name).unwrap_err()
}

#[test]
fn a_part_names_the_file_to_open() {
    let cases = [
        (".01", subcache(1, 0x200), "one of its subcaches", "open dyld_shared_cache_arm64e beside it"),
        (".1", subcache(1, 0x1c8), "one of its subcaches", "open dyld_shared_cache_arm64e beside it"),
        (".02.dylddata", subcache(1, 0x238), "one of its subcaches", "open dyld_shared_cache_arm64e beside it"),
        (
            ".02.development",
            subcache(1, 0x228),
            "one of its subcaches",
            "open dyld_shared_cache_arm64e.development beside it",
        ),
        (".symbols", symbols(0x200), "the file of its local symbols", "open dyld_shared_cache_arm64e beside it"),
        ("-renamed", subcache(1, 0x200), "one of its subcaches", "whose name has no extension"),
    ];
    for (suffix, builder, found, hint) in cases {
        let name = format!("{MAIN}{suffix}");
        let error = refused(&name, builder.build());
        assert!(matches!(error.kind(), ErrorKind::Cache(_)), "{error}");
        assert!(error.to_string().ends_with(found) && error.to_string().starts_with(&name), "{error}");
        assert!(error.hint().unwrap().contains(hint), "{:?}", error.hint());
    }
}

/// Rosetta needs the list of images in each file of an x86_64 cache: there only the name tells.
#[test]
fn a_subcache_of_x86_64_is_one_though_it_lists_images() {
    let mut part = Builder::new("dyld_v1  x86_64", 0x200).set(0xe8, &[0]);
    part.images = vec![(0x7ff8_0000_0000, "/usr/lib/liba.dylib")];
    assert_eq!(
        refused("dyld_shared_cache_x86_64.01", part.build()).hint(),
        Some("open dyld_shared_cache_x86_64 beside it")
    );
    let mut shelf = Shelf::default().with("dyld_shared_cache_x86_64", part.build());
    assert!(shelf.open("dyld_shared_cache_x86_64").is_ok());
    let mut shelf = Shelf::default().with("dyld_shared_cache_x86_64.development", part.build());
    assert!(shelf.open("dyld_shared_cache_x86_64.development").is_ok());
}

#[test]
fn a_cache_of_one_file_may_have_any_name() {
    let mut only = Builder::new("dyld_v1  arm64e", 0x228).set(0xe8, &[0]);
    only.images = vec![(0x1_8000_1000, "/usr/lib/liba.dylib")];
    for name in ["cache.bin", "my.cache", "dyld_shared_cache_arm64e.01"] {
        assert_eq!(Shelf::default().with(name, only.build()).open(name).unwrap().files().len(), 1, "{name}");
    }
}

#[test]
fn what_the_system_says_of_the_main_file_is_passed_on() {
    let error = Shelf::default().open(MAIN).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Io { .. }), "{error}");
    let error = refused("process.aar", b"AA01".to_vec());
    assert_eq!(error.location().entry.as_deref(), Some("process.aar"));
}

#[test]
fn a_cache_maps_something() {
    let mut empty = Builder::new("dyld_v1   arm64", 0x140);
    empty.maps.clear();
    assert!(refused(MAIN, empty.build()).to_string().contains("without mappings"));
}

#[test]
fn old_caches_are_one_file_whatever_its_name() {
    for size in [0x28, 0x68, 0x98, 0x140] {
        let mut builder = Builder::new("dyld_v1   armv7", size).set(0x48, &[0x1000, 0x10]);
        builder.images = vec![(0x2000_0000, "/a")];
        let group = Shelf::default().with("cache.1.bin", builder.build()).open("cache.1.bin").unwrap();
        assert_eq!((group.files().len(), group.missing().len(), group.warnings().len()), (1, 0, 0));
    }
}

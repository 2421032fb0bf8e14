use std::path::{Path, PathBuf};

use crate::bytes::Bytes;
use crate::cache::CacheGroup;
use crate::cache::file::tests::builder::Builder;

use super::shelf::{MAIN, SUFFIXES, Shelf, main_file, subcache, symbols, whole};

fn names(group: &CacheGroup) -> Vec<&str> {
    group.files().iter().map(|file| file.name.as_str()).collect()
}

#[test]
fn all_files_are_found_by_the_header_alone() {
    let mut shelf = whole().with(&format!("{MAIN}.04"), subcache(4, 0x200).build());
    let group = shelf.open(MAIN).unwrap();
    let expected = SUFFIXES.map(|suffix| format!("{MAIN}{suffix}"));
    assert_eq!(names(&group), [&[MAIN.to_owned()][..], &expected].concat());
    assert_eq!(group.symbols().unwrap().name, format!("{MAIN}.symbols"));
    assert_eq!((group.missing(), group.warnings()), (&[][..], &[][..]));
    assert_eq!(group.files()[2].vm_offset, 0x8000);
    assert_eq!(group.files()[2].uuid.unwrap().as_bytes(), &[2; 16]);
    assert_eq!(shelf.asked.len(), 5, "one question for each file: {:?}", shelf.asked);
}

#[test]
fn what_is_missing_is_named_and_the_rest_works() {
    let mut shelf = whole();
    shelf.files.remove(&format!("{MAIN}.02.dylddata"));
    shelf.files.remove(&format!("{MAIN}.symbols"));
    let group = shelf.open(MAIN).unwrap();
    assert_eq!(group.missing(), [format!("{MAIN}.02.dylddata"), format!("{MAIN}.symbols")]);
    assert!(group.warnings().is_empty(), "an absent file is no oddity: {:?}", group.warnings());
    assert_eq!(group.files().len(), 3);
    assert!(group.symbols().is_none() && group.at(0x1_8000_8000).is_none() && group.at(0x1_8000_c000).is_some());
    assert_eq!(group.main().file.images().len(), 1);
}

#[test]
fn files_of_another_cache_do_not_count() {
    let other = subcache(7, 0x200).build();
    let group =
        whole().with(&format!("{MAIN}.01"), other.clone()).with(&format!("{MAIN}.symbols"), other).open(MAIN).unwrap();
    assert_eq!(group.missing(), [format!("{MAIN}.01"), format!("{MAIN}.symbols")]);
    assert_eq!(group.warnings().len(), 2);
    assert!(group.warnings()[0].contains("its UUID is 07070707-") && group.warnings()[0].contains("names 01010101-"));
    assert!(group.at(0x1_8000_4000).is_none());
}

#[test]
fn broken_files_are_named_with_what_is_wrong() {
    let group = whole().with(&format!("{MAIN}.01"), b"no cache".to_vec()).open(MAIN).unwrap();
    assert_eq!(group.missing(), [format!("{MAIN}.01")]);
    assert!(group.warnings()[0].starts_with(&format!("{MAIN}.01: expected a shared cache")), "{:?}", group.warnings());
}

#[test]
fn numbered_subcaches() {
    let mut shelf = Shelf::default().with(MAIN, main_file([""; 3], 0x1c8).build());
    for number in 1..4 {
        shelf = shelf.with(&format!("{MAIN}.{number}"), subcache(number, 0x1c8).build());
    }
    let group = shelf.with(&format!("{MAIN}.symbols"), symbols(0x1c8).build()).open(MAIN).unwrap();
    assert_eq!((group.missing(), group.files().len()), (&[][..], 4));
}

/// Both main files of a universal cache name their subcaches by the name without `.development`.
#[test]
fn development_caches_share_the_names_of_subcaches() {
    let name = format!("{MAIN}.development");
    let suffixes = [".01", ".02.development", ".03.dylddata"];
    let mut shelf = Shelf::default().with(&name, main_file(suffixes, 0x200).build());
    for (suffix, number) in suffixes.iter().zip(1..) {
        shelf = shelf.with(&format!("{MAIN}{suffix}"), subcache(number, 0x200).build());
    }
    let group = shelf.with(&format!("{MAIN}.symbols"), symbols(0x200).build()).open(&name).unwrap();
    assert_eq!((group.missing(), group.files().len(), group.main().name.as_str()), (&[][..], 4, name.as_str()));
}

/// Before there were suffixes, a development cache had subcaches of its own, which may go by its full name.
#[test]
fn numbered_subcaches_of_a_development_cache() {
    let name = format!("{MAIN}.development");
    let mut shelf = Shelf::default().with(&name, main_file([""; 3], 0x1c8).build());
    for number in 1..4 {
        shelf = shelf.with(&format!("{name}.{number}"), subcache(number, 0x1c8).build());
        shelf = shelf.with(&format!("{MAIN}.{number}"), subcache(number + 10, 0x1c8).build());
    }
    let group = shelf.open(&name).unwrap();
    assert_eq!(group.files().len(), 4);
    assert_eq!(group.files()[1].name, format!("{name}.1"));
    assert_eq!(group.missing(), [format!("{MAIN}.symbols")]);
    assert!(group.warnings().is_empty(), "{:?}", group.warnings());
}

#[test]
fn names_never_leave_the_folder() {
    for suffix in ["/../evil", "\\..\\evil", "/x", "/"] {
        let mut shelf = Shelf::default().with(MAIN, main_file([".01", suffix, ".03"], 0x200).build());
        let group = shelf.open(MAIN).unwrap();
        assert_eq!(
            shelf.asked,
            [MAIN.to_owned(), format!("{MAIN}.01"), format!("{MAIN}.03"), format!("{MAIN}.symbols")]
        );
        assert_eq!((group.missing().len(), group.warnings().len()), (4, 1));
        assert!(group.warnings()[0].contains("leaves the folder"), "{:?}", group.warnings());
    }
}

#[test]
fn files_without_a_uuid_that_the_cache_names_without_one() {
    let without = |mut file: Builder| {
        file.uuid = [0; 16];
        file.build()
    };
    let mut main = main_file(SUFFIXES, 0x200);
    main.subcaches.iter_mut().for_each(|entry| entry.0 = [0; 16]);
    let mut shelf = whole().with(MAIN, main.build());
    // Only where both have none: one that has some other is another file.
    for (suffix, number) in SUFFIXES[..2].iter().zip(1..) {
        shelf = shelf.with(&format!("{MAIN}{suffix}"), without(subcache(number, 0x200)));
    }
    let group = shelf.open(MAIN).unwrap();
    assert_eq!(names(&group), ["", ".01", ".02.dylddata"].map(|suffix| format!("{MAIN}{suffix}")));
    assert_eq!(group.missing(), [format!("{MAIN}.03.dyldlinkedit")]);
    let said = group.warnings().iter().filter(|warning| warning.contains("has no UUID"));
    assert_eq!(said.count(), 2, "{:?}", group.warnings());
}

/// Whoever finds files elsewhere is told which, and where they would be on another machine.
#[test]
fn files_that_lie_elsewhere() {
    for (name, size, suffixes) in [
        (MAIN, 0x200, [".01", ".02.dylddata", ".03.dyldlinkedit"]),
        ("dyld_shared_cache_arm64e.development", 0x1c8, [".1", ".2", ".3"]),
    ] {
        let main = main_file(SUFFIXES, size).build();
        let mut asked = Vec::new();
        let group = CacheGroup::open_with(Path::new("here"), &mut |wanted| {
            let Some(uuid) = wanted.uuid else { return Ok((PathBuf::from("/a"), Bytes::from(main.clone()))) };
            assert!(!wanted.leaves && wanted.stays().is_ok());
            asked.push(wanted.beside(&format!("/far/{name}").as_str().into()).to_string_lossy().into_owned());
            let file = subcache(uuid.as_bytes()[0], size).build();
            assert!(
                wanted.is(&file.clone().into()) && !wanted.is(&main.clone().into()) && !wanted.is(&Bytes::default())
            );
            Ok((PathBuf::from(format!("/b/{}", asked.len())), Bytes::from(file)))
        });
        let group = group.unwrap();
        let paths: Vec<_> = group.files().iter().map(|file| file.path.to_str().unwrap()).collect();
        assert_eq!(paths, ["/a", "/b/1", "/b/2", "/b/3"]);
        assert_eq!(group.files()[1].name, format!("here{}", suffixes[0]));
        let expected: Vec<_> = suffixes.iter().chain(&[".symbols"]).map(|it| format!("/far/{MAIN}{it}")).collect();
        assert_eq!(asked, expected);
    }
}

#[test]
fn a_file_that_is_named_twice_counts_once() {
    let mut shelf = whole().with(MAIN, main_file([".01", ".01", ""], 0x200).build());
    let group = shelf.open(MAIN).unwrap();
    assert_eq!(names(&group), [MAIN.to_owned(), format!("{MAIN}.01")]);
    assert_eq!(shelf.asked.len(), 3);
    let twice = group.warnings().iter().filter(|warning| warning.contains("names this file twice"));
    assert_eq!(twice.count(), 2, "{:?}", group.warnings());
}

#[test]
fn files_that_do_not_fit_together_are_said() {
    let mut moved = subcache(1, 0x200);
    (moved.maps[0].address, moved.magic) = (0x1_9000_0000, "dyld_v1   arm64");
    let group = whole().with(&format!("{MAIN}.01"), moved.build()).open(MAIN).unwrap();
    assert_eq!(group.files().len(), 4);
    assert!(group.warnings()[0].contains("lies at 0x190000000, while the main file says 0x180004000"));
    assert!(group.warnings()[1].contains("is for \"dyld_v1   arm64\""), "{:?}", group.warnings());
}

#[test]
fn a_subcache_that_was_cut_short_is_said() {
    let mut bytes = subcache(1, 0x200).build();
    bytes.truncate(0x2000);
    let group = whole().with(&format!("{MAIN}.01"), bytes).open(MAIN).unwrap();
    assert!(group.warnings()[0].starts_with(&format!("{MAIN}.01: mappings[0]: ends at")), "{:?}", group.warnings());
    assert_eq!(group.at(0x1_8000_4000).unwrap().left, 0x2000);
    assert_eq!(group.at(0x1_8000_6000), None);
}

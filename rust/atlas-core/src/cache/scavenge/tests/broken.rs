//! What is wrong with one image or one file costs nothing else.

use super::*;
use crate::cache::HAS_PREFERRED;
use crate::cache::group::tests::shelf::{SUFFIXES, main_file, subcache};
use crate::error::ErrorKind;
use crate::limits::Limits;

/// Three images, of which the second is broken by `damage`.
fn second(damage: impl FnOnce(Builder) -> Builder) -> KnownCache {
    let images = [1, 2, 3].map(|number| (BASE + number * 0x4000, "/usr/lib/libone.dylib"));
    let mut file = single("dyld_v1  arm64e", 0x200, 0x10000, &images);
    for (address, _) in images {
        file = file.piece((address - BASE) as usize, library(image::ARM64E, address));
    }
    let known = known(&group(&damage(file)));
    assert_eq!((known.columns().images.len(), segments(&known, 0).len(), segments(&known, 2).len()), (3, 3, 3));
    assert_eq!(known.columns().images[1].uuid, [2; 16], "the table has it");
    known
}

#[test]
fn an_image_that_is_none_has_no_segments() {
    let most = vec![0xff; 4];
    let broken = [
        (0, vec![0; 4], "found 0x00000000"),
        // More commands than there are.
        (16, most.clone(), "inside the load commands"),
        // Load commands that leave the mapping.
        (20, most.clone(), "bytes of load commands"),
        // A command that is too small, and one that leaves the others.
        (32 + 4, vec![4, 0, 0, 0], "load command 0"),
        (32 + 152 + 4, most, "load command 1"),
    ];
    for (at, bytes, says) in broken {
        let known = second(|file| file.piece(0x8000 + at, bytes));
        assert_eq!(segments(&known, 1), [], "{says}");
        assert_eq!(known.columns().images[1].vm_end, 0);
        let [warning] = known.warnings() else { panic!("{says}: {:?}", known.warnings()) };
        assert!(warning.contains("0x180008000") && warning.contains(says), "{says}: {warning}");
    }
}

#[test]
fn an_image_in_no_file_keeps_what_the_tables_say() {
    let known = second(|mut file| {
        file.images[1].0 = BASE + 0x100_0000;
        file
    });
    assert_eq!((segments(&known, 1), name(&known, 1)), (vec![], Some("/usr/lib/libone.dylib".to_owned())));
    assert_eq!(known.columns().images[1].address, BASE + 0x100_0000);
    let [warning] = known.warnings() else { panic!("{:?}", known.warnings()) };
    assert!(warning.contains("1 images lie in no file that is there, the first at 0x181000000"), "{warning}");
}

#[test]
fn an_image_in_no_file_lies_where_its_text_does() {
    let known = second(|mut file| {
        file.images[1].0 = BASE + 0x100_0000;
        file
    });
    assert_eq!((segments(&known, 1), known.columns().images[1].vm_end), (vec![], BASE + 0x100_1000));
}

#[test]
fn rows_of_texts_that_no_image_goes_with_are_nobodys() {
    let file = single("dyld_v1  arm64e", 0x200, 0x8000, &[(BASE + 0x4000, "/usr/lib/liba.dylib")]).set(0x90, &[3]);
    let known = known(&group(&file.piece(0x4000, library(image::ARM64E, BASE + 0x4000))));
    assert_eq!((known.image_count(), known.columns().images.len()), (1, 1));
    assert!(
        known.warnings().iter().any(|warning| warning == "imagesText: 3 rows, and 1 images"),
        "{:?}",
        known.warnings()
    );
    // Without a table of images the texts are the list.
    let mut bare = single("dyld_v1  arm64e", 0x200, 0x8000, &[(BASE + 0x4000, "/usr/lib/liba.dylib")]);
    bare = bare.piece(0x4000, library(image::ARM64E, BASE + 0x4000));
    let mut bytes = bare.build();
    bytes[0x1c4..0x1c8].fill(0);
    let known = super::known(&Shelf::default().with(MAIN, bytes).open(MAIN).unwrap());
    assert_eq!((known.image_count(), known.columns().images[0].address), (1, BASE + 0x4000));
}

#[test]
fn a_table_without_a_uuid_hides_none() {
    let file = single("dyld_v1  arm64e", 0x200, 0x8000, &[(BASE + 0x4000, "/usr/lib/liba.dylib")]);
    let file = file.piece(0x4000, library(image::ARM64E, BASE + 0x4000));
    let mut bytes = file.build();
    let of_header = known(&group(&single_without_texts(&file))).columns().images[0];
    let text = u64::from_le_bytes(bytes[0x88..0x90].try_into().unwrap()) as usize;
    bytes[text..text + 16].fill(0);
    let known = known(&Shelf::default().with(MAIN, bytes).open(MAIN).unwrap());
    let found = known.columns().images[0];
    assert_eq!((found.uuid, found.flags), (of_header.uuid, of_header.flags));
    assert_ne!(found.uuid, [0; 16]);
}

/// The same cache whose header has no room for texts to be named.
fn single_without_texts(file: &Builder) -> Builder {
    file.clone().set(0x90, &[0])
}

#[test]
fn a_text_of_another_address_gives_no_uuid() {
    let mut file = single("dyld_v1  arm64e", 0x200, 0x8000, &[(BASE + 0x4000, "/usr/lib/liba.dylib")]);
    file = file.piece(0x4000, vec![0; 4]);
    let bytes = file.build();
    let text = u64::from_le_bytes(bytes[0x88..0x90].try_into().unwrap()) as usize;
    let file = file.piece(text + 16, BASE.to_le_bytes().to_vec());
    let known = known(&group(&file));
    assert_eq!(known.columns().images[0].flags, HAS_PREFERRED);
    assert_eq!(known.columns().images[0].uuid, [0; 16]);
    let says = ["1 rows are of other addresses", "found 0x00000000"];
    for words in says {
        assert!(known.warnings().iter().any(|warning| warning.contains(words)), "{:?}", known.warnings());
    }
}

#[test]
fn texts_alone_list_images() {
    let file = single("dyld_v1  arm64e", 0x200, 0x8000, &[(BASE + 0x4000, "/usr/lib/liba.dylib")]);
    let known = known(&group(&file.piece(0x4000, library(image::ARM64E, BASE + 0x4000)).set(0x1c0, &[0])));
    assert_eq!((known.image_count(), name(&known, 0).as_deref()), (1, Some("/usr/lib/liba.dylib")));
    assert_eq!(segments(&known, 0).len(), 3);
}

#[test]
fn an_image_without_a_path() {
    let mut file = single("dyld_v1  arm64e", 0x140, 0x8000, &[(BASE + 0x4000, "/usr/lib/liba.dylib")]);
    file = file.piece(0x4000, library(image::ARM64E, BASE + 0x4000));
    let bytes = file.build();
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let texts = u64::from_le_bytes(bytes[0x88..0x90].try_into().unwrap()) as usize;
    let far = 0x7fff_ffff_u32.to_le_bytes().to_vec();
    // One table is enough.
    let one = file.clone().piece(texts + 28, far.clone());
    assert_eq!(name(&known(&group(&one)), 0).as_deref(), Some("/usr/lib/liba.dylib"));
    let none = known(&group(&one.piece(word(0x18) + 24, far)));
    assert_eq!(name(&none, 0), None);
    assert_eq!(none.warnings().len(), 1, "{:?}", none.warnings());
}

#[test]
fn missing_files_are_rows_without_memory() {
    let mut shelf = Shelf::default().with(MAIN, main_file(SUFFIXES, 0x200).build());
    shelf = shelf.with(&format!("{MAIN}.02.dylddata"), subcache(2, 0x200).build());
    let known = known(&shelf.open(MAIN).unwrap());
    let rows: Vec<_> =
        known.subcaches().iter().map(|row| (row.name.as_str(), row.vm_size, row.mappings.len())).collect();
    let [one, two, three] = SUFFIXES.map(|suffix| format!("{MAIN}{suffix}"));
    assert_eq!(rows, [(MAIN, 0x4000, 1), (&one, 0, 0), (&two, 0x4000, 1), (&three, 0, 0)]);
    assert_eq!(known.subcaches()[3].preferred_load_address, BASE + 0xc000);
    assert_eq!(known.subcaches()[3].uuid.as_bytes(), &[3; 16]);
}

#[test]
fn more_images_than_allowed() {
    let images = [(BASE, "/a"), (BASE, "/b"), (BASE, "/c")];
    let group = group(&single("dyld_v1  arm64e", 0x200, 0x4000, &images));
    let policy = |images| Policy { limits: Limits { images, ..Limits::default() }, ..Policy::default() };
    assert_eq!(scavenge(&group, Mode::Map, policy(3)).unwrap().image_count(), 3);
    let error = scavenge(&group, Mode::Map, policy(2)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Limit { limit: 2, requested: 3, .. }), "{error}");
}

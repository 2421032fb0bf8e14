//! Rows of old tables that are further paths of images, and rows that only look like them.

use super::*;
use crate::cache::tables::alias_rows;
use crate::cache::verify;

/// Rows of the table: address, offset of the path. The first mapping begins the file; images begin at 0x4000 and
/// 0x8000.
fn table(size: usize, rows: &[(u64, u32)]) -> Builder {
    let images: Vec<_> = rows.iter().map(|(address, _)| (*address, "/usr/lib/from-the-table.dylib")).collect();
    let mut file = single("dyld_v1   arm64", size, 0xc000, &images);
    file = file.piece(0x4000, library(image::ARM64, BASE + 0x4000)).piece(0x8000, library(image::ARM64, BASE + 0x8000));
    file = file.piece(0x4800, b"/usr/lib/liba.dylib\0/usr/lib/libb.dylib\0".to_vec());
    file = file.piece(0x3000, b"/usr/lib/alias.dylib\0/usr/lib/other.dylib\0".to_vec());
    let mut first = size + if size < 0x140 { 32 } else { 32 + 56 } * file.maps.len();
    for (_, path) in rows {
        file = file.piece(first + 24, path.to_le_bytes().to_vec());
        first += 32;
    }
    file
}

/// How many images verify finds where another one lies.
fn twice(group: &CacheGroup, known: &KnownCache) -> usize {
    verify(group, known, None).iter().filter(|finding| finding.contains("as images[")).count()
}

const A: (u64, u32) = (BASE + 0x4000, 0x4800);
const B: (u64, u32) = (BASE + 0x8000, 0x4800 + 20);
const ALIAS: u32 = 0x3000;
const OTHER: u32 = 0x3000 + 21;

#[test]
fn rows_of_further_paths_are_no_images() {
    // Wherever they stand among the others.
    for rows in [
        &[(A.0, ALIAS), A, (B.0, OTHER), B][..],
        &[A, B, (A.0, ALIAS), (B.0, OTHER)],
        &[(B.0, OTHER), (A.0, ALIAS), A, B],
    ] {
        let group = group(&table(0x48, rows));
        let known = known(&group);
        assert_eq!(known.image_count(), 2);
        let addresses: Vec<_> = known.columns().images.iter().map(|image| image.address).collect();
        assert_eq!(addresses, [A.0, B.0]);
        assert_eq!([0, 1].map(|index| name(&known, index).unwrap()), ["/usr/lib/liba.dylib", "/usr/lib/libb.dylib"]);
        assert_eq!(known.columns().segments.len(), 6);
        assert_eq!((known.warnings(), twice(&group, &known)), (&[][..], 0));
        let main = &group.main().file;
        let mut found = alias_rows(main).entries;
        found.sort();
        let address = |(path, row): &(String, u32)| (path.clone(), main.image(*row).unwrap().address.0);
        let expected = [("/usr/lib/alias.dylib".to_owned(), A.0), ("/usr/lib/other.dylib".to_owned(), B.0)];
        assert_eq!(found.iter().map(address).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn other_rows_are_images_whatever_is_odd_about_them() {
    // Paths before the first image, of addresses that no other row has; and two rows in the images of one address.
    for (size, rows, faults) in [
        (0x48, &[(A.0, ALIAS), (B.0, OTHER)][..], 0),
        (0x48, &[A, B, A], 1),
        // Both before the first image: nothing says which is which.
        (0x48, &[(A.0, ALIAS), (A.0, OTHER), B], 1),
        (0x140, &[(A.0, ALIAS), (A.0, OTHER), B], 1),
        // Newer tables have no such rows.
        (0x1c8, &[(A.0, ALIAS), A, B], 1),
    ] {
        let group = group(&table(size, rows));
        assert_eq!(group.main().file.alias_rows().rows(), [0; 0], "{size:#x} {rows:x?}");
        let known = known(&group);
        assert_eq!(known.image_count() as usize, rows.len());
        assert_eq!(twice(&group, &known), faults, "{size:#x} {rows:x?}");
    }
}

#[test]
fn texts_go_with_images_alone() {
    // As between dyld-421 and the trie: the table of texts has no row for a further path.
    let mut file = table(0x98, &[A, B, (A.0, ALIAS)]);
    file = file.set(0x90, &[2]);
    let known = known(&group(&file));
    assert_eq!(known.warnings(), [""; 0]);
    assert_eq!(known.columns().images.iter().map(|image| image.uuid[0]).collect::<Vec<_>>(), [1, 2]);
}

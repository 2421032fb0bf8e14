//! Images that say something else of themselves than of where they lie, and paths that lead to others.

use super::super::Findings;
use super::super::paths::Paths;
use super::{BASE, Builder, findings, group, image, sound};
use crate::macho::tests::trie::trie;

/// Where the load commands of the two images begin: behind a header of 32 bytes.
const COMMANDS: [usize; 2] = [0x4020, 0x2020];
/// Of the segment `__LINKEDIT`, behind that of `__TEXT`.
const LINK_EDIT: usize = 72;
/// Behind the header: two mappings in two tables, and two images.
const TEXTS: usize = 0x200 + 2 * 32 + 2 * 56 + 2 * 32;

fn word(at: usize, value: u64) -> Builder {
    sound().piece(at, value.to_le_bytes().to_vec())
}

fn only(file: &Builder, says: &str) {
    let found = findings(file);
    let [finding] = found.as_slice() else { panic!("{says}: {found:?}") };
    assert!(finding.contains(says), "{says}: {finding}");
}

/// The second image with other load commands.
fn other(change: impl FnOnce(image::Builder) -> image::Builder) -> Builder {
    let address = BASE + 0x2000;
    let text = image::SegmentSpec::new("__TEXT", [address, 0x1000, 0x2000, 0x1000], 5);
    let mut built =
        change(image::Builder::new(image::ARM64E).segment(&text.section("__text", address + 0x800, 0x800, 0x2800)));
    built.commands.push([&0x1b_u32.to_le_bytes()[..], &24_u32.to_le_bytes(), &[2; 16]].concat());
    let mut file = sound();
    // Without what is put over the UUID of the usual one.
    file.pieces.retain(|(at, _)| !(0x2000..0x3000).contains(at));
    file.piece(0x2000, built.build())
}

#[test]
fn segments_lie_where_they_are_mapped() {
    let at = COMMANDS[1] + LINK_EDIT;
    only(
        &word(at + 40, 0x1234),
        "libb.dylib: __LINKEDIT says that it lies at offset 0x1234 of its file, and is mapped from 0x8000 of dyld_shared_cache_arm64e",
    );
    only(&word(at + 48, 0x8000), "libb.dylib: __LINKEDIT has 0x8000 bytes in the file, and 0x4000 in memory");
    // What has no bytes in the file lies nowhere in it.
    assert_eq!(findings(&word(at + 40, 0x1234).piece(at + 48, vec![0; 8])), [""; 0]);
}

#[test]
fn sections_lie_in_their_segments() {
    assert_eq!(findings(&other(|built| built)), [""; 0]);
    for (address, size) in [(BASE + 0x1fff, 1), (BASE + 0x2000, 0x1001), (BASE + 0x3000, 1), (u64::MAX, 2)] {
        let data = image::SegmentSpec::new("__DATA", [BASE + 0x2000, 0x1000, 0x2000, 0x1000], 5);
        let file = other(|built| built.segment(&data.section("__data", address, size, 0)));
        only(&file, &format!("libb.dylib: section __data with {size:#x} bytes at {address:#x} leaves __DATA"));
    }
}

#[test]
fn names_lead_to_their_images() {
    assert_eq!(findings(&other(|built| built.library(0xd, b"/usr/lib/libb.dylib\0"))), [""; 0]);
    for name in ["/usr/lib/liba.dylib", "/usr/lib/libz.dylib"] {
        let file = other(|built| built.library(0xd, format!("{name}\0").as_bytes()));
        only(&file, &format!("libb.dylib: its header has the name {name}, which leads elsewhere"));
    }
    // One that the trie has is another path of the image.
    let file = other(|built| built.library(0xd, b"/usr/lib/libz.dylib\0"));
    let paths = [("/usr/lib/liba.dylib", &[0][..]), ("/usr/lib/libb.dylib", &[1]), ("/usr/lib/libz.dylib", &[1])];
    assert_eq!(findings(&with_trie(file, trie(&paths))), [""; 0]);
}

#[test]
fn the_tables_have_one_path_for_each_image() {
    let mut file = sound();
    file.images[1].1 = "/usr/lib/liba.dylib";
    only(&file, "images[1]: lies at 0x180002000 and has the path /usr/lib/liba.dylib of the one at 0x180004000");
    let path = sound().build()[TEXTS + 28..][..4].to_vec();
    let file = sound().piece(TEXTS + 32 + 28, path);
    only(&file, "images[1]: has the path /usr/lib/libb.dylib, and in imagesText the path /usr/lib/liba.dylib");
    let file = sound().piece(TEXTS - 32 + 24, vec![0; 4]);
    only(&file, "images[1]: has no path, and in imagesText the path /usr/lib/libb.dylib");
}

fn with_trie(file: Builder, bytes: Vec<u8>) -> Builder {
    file.set(0x108, &[BASE + 0x1_0000, bytes.len() as u64]).piece(0x8000, bytes)
}

#[test]
fn the_trie_says_what_the_table_says() {
    let of = |paths: &[(&str, &[u8])]| with_trie(sound(), trie(paths));
    let (a, b) = ("/usr/lib/liba.dylib", "/usr/lib/libb.dylib");
    assert_eq!(findings(&of(&[(a, &[0]), (b, &[1]), ("/usr/lib/libc.dylib", &[1])])), [""; 0]);
    only(&of(&[(a, &[0])]), "dylibsTrie: lacks /usr/lib/libb.dylib");
    only(
        &of(&[(a, &[0]), (b, &[0])]),
        "dylibsTrie: /usr/lib/libb.dylib leads to the image at 0x180004000, and that lies at 0x180002000",
    );
    only(&of(&[(a, &[0]), (b, &[1]), ("/c", &[100])]), "dylibsTrie: expected the position of one of 2 images");
    only(&with_trie(sound(), vec![0xff; 0x100]), "dylibsTrie: ");
    only(&sound().set(0x108, &[0x10, 0x100]), "dylibsTrie: expected 0x100 bytes at 0x10");
    only(&sound().set(0x108, &[BASE + 0x1_0000, 0x10_0000]), "dylibsTrie: expected 0x100000 bytes at 0x180010000");
}

/// Many images may share one long path.
#[test]
fn paths_are_looked_at_within_a_bound() {
    let rows = (0..10_000_u64).flat_map(|row| [BASE + row, 0, 0, 0x1_0000].into_iter().flat_map(u64::to_le_bytes));
    let path = [vec![b'x'; 4000], vec![0]].concat();
    let file = sound().set32(0x1c0, &[0x2_0000, 10_000]).set(0x88, &[0, 0]).piece(0x1_0000, path);
    let mut findings = Findings::default();
    Paths::of(&group(&file.piece(0x2_0000, rows.collect())), &mut findings);
    let found = findings.finish();
    assert!(found[0].contains("images[1]: lies at 0x180000001 and has the path xxx"), "{found:?}");
    // Of ten thousand.
    assert_eq!(found.last().unwrap(), "3127 more findings");
}

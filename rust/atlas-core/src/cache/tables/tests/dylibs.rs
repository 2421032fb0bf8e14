use super::{BASE, cache, open};
use crate::cache::tables::DylibsTrie;
use crate::macho::tests::trie::trie;

fn dylibs(images: usize, bytes: Vec<u8>) -> DylibsTrie {
    let size = bytes.len() as u64;
    let builder = cache(0x140, images).set(0x108, &[BASE + 0x3000, size]).piece(0x3000, bytes);
    DylibsTrie::of(&open(&builder)).unwrap().unwrap()
}

#[test]
fn paths_and_aliases_lead_to_positions() {
    let names = [("/usr/lib/liba.dylib", &[0][..]), ("/usr/lib/libA.dylib", &[0]), ("/usr/lib/libb.dylib", &[0x81, 1])];
    let dylibs = dylibs(130, trie(&names));
    assert_eq!(dylibs.find("/usr/lib/libA.dylib").unwrap(), Some(0));
    assert_eq!(dylibs.find("/usr/lib/libb.dylib").unwrap(), Some(129));
    assert_eq!(dylibs.find("/usr/lib").unwrap(), None);
    let paths = dylibs.paths();
    let expected = [("/usr/lib/libA.dylib", 0), ("/usr/lib/liba.dylib", 0), ("/usr/lib/libb.dylib", 129)];
    assert_eq!(paths.entries, expected.map(|(path, position)| (path.to_owned(), position)));
    assert!(paths.faults.is_empty(), "{:?}", paths.faults);
}

/// dyld-1378 writes the size of a node as one byte: from 128 on, readers take the next byte for a part of it.
#[test]
fn a_node_of_broken_size_is_left_out_and_said() {
    let mut bytes = trie(&[("/a", &[0]), ("/b", &[1, 1, 1]), ("/c", &[2])]);
    let node = bytes.windows(4).position(|window| window == [3, 1, 1, 1]).unwrap();
    bytes[node] = 0x83;
    let dylibs = dylibs(3, bytes);
    let paths = dylibs.paths();
    assert_eq!(paths.entries, [("/a".to_owned(), 0), ("/c".to_owned(), 2)]);
    assert_eq!(paths.faults.len(), 1, "{:?}", paths.faults);
    assert!(paths.faults[0].starts_with("dylibsTrie: ") && paths.faults[0].contains(&format!("{node:#x}")));
    assert!(dylibs.find("/b").is_err());
    assert_eq!(dylibs.find("/c").unwrap(), Some(2));
}

#[test]
fn positions_that_cannot_be_are_said() {
    let payloads: [&[u8]; 4] = [&[2], &[0x80], &[0, 0], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]];
    for payload in payloads {
        let paths = dylibs(2, trie(&[("/a", payload), ("/b", &[1])])).paths();
        assert_eq!((paths.entries.len(), paths.faults.len()), (1, 1), "{payload:?}");
    }
}

#[test]
fn a_cache_may_have_none_or_one_that_is_not_there() {
    assert!(DylibsTrie::of(&open(&cache(0x140, 1))).unwrap().is_none());
    assert!(DylibsTrie::of(&open(&cache(0x70, 1))).unwrap().is_none());
    let error = DylibsTrie::of(&open(&cache(0x140, 1).set(0x108, &[BASE + 0x3000, 0x2000]))).unwrap_err();
    assert_eq!(error.location().key_path.as_deref(), Some("dylibsTrie"), "{error}");
}

/// Names may be much longer than the trie that spells them, which no list may be.
#[test]
fn the_text_of_a_trie_is_bounded() {
    let mut bytes = Vec::new();
    let edge = "x".repeat(0xfff0);
    bytes.extend([0, 1]);
    bytes.extend(edge.as_bytes());
    let second = bytes.len() + 4;
    bytes.extend([0, (second & 0x7f) as u8 | 0x80, (second >> 7 & 0x7f) as u8 | 0x80, (second >> 14) as u8]);
    // One node of 250 children, each a name of its own.
    bytes.extend([0, 250]);
    let leaves = bytes.len() + 250 * 6;
    for child in 0..250_usize {
        let target = leaves + 3 * child;
        let byte = if child < 128 { vec![1 + child as u8, 1] } else { vec![2 + (child - 128) as u8, 2] };
        bytes.extend(byte);
        bytes.extend([0, (target & 0x7f) as u8 | 0x80, (target >> 7 & 0x7f) as u8 | 0x80, (target >> 14) as u8]);
    }
    for _ in 0..250 {
        bytes.extend([1, 0, 0]);
    }
    let mut builder = cache(0x140, 1).set(0x108, &[BASE + 0x3000, bytes.len() as u64]).piece(0x3000, bytes);
    builder.maps[0].size = 0x4_0000;
    builder.length = 0x4_0000;
    let all = DylibsTrie::of(&open(&builder)).unwrap().unwrap().paths();
    assert!(all.faults[0].contains("the limit is 8388608"), "{:?}", all.faults);
    assert_eq!(all.entries.len(), (8 << 20) / (0xfff0 + 1 + 64));
}

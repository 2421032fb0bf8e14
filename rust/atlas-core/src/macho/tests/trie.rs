use proptest::prelude::*;

use crate::macho::Trie;
use crate::macho::trie::uleb128;

use crate::bytes::Cursor;
use crate::error::{Error, ErrorKind, Result};

fn uleb(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (value & 0x7f) as u8;
        value >>= 7;
        bytes.push(if value == 0 { byte } else { byte | 0x80 });
        if value == 0 {
            return bytes;
        }
    }
}

/// A node: its payload and its edges by text and target.
fn node(payload: &[u8], edges: &[(&str, u64)]) -> Vec<u8> {
    let mut bytes = uleb(payload.len() as u64);
    bytes.extend(payload);
    bytes.push(edges.len() as u8);
    for (edge, target) in edges {
        bytes.extend(edge.as_bytes());
        bytes.push(0);
        bytes.extend(uleb(*target));
    }
    bytes
}

/// A trie of these names: one node for each byte, with offsets of two bytes so that they do not move.
pub(crate) fn trie(names: &[(&str, &[u8])]) -> Vec<u8> {
    #[derive(Default)]
    struct Tree<'a> {
        payload: &'a [u8],
        children: std::collections::BTreeMap<u8, Tree<'a>>,
    }
    fn size(tree: &Tree<'_>) -> usize {
        1 + tree.payload.len() + 1 + 4 * tree.children.len()
    }
    fn write(tree: &Tree<'_>, bytes: &mut Vec<u8>) {
        assert!(tree.payload.len() < 128);
        bytes.push(tree.payload.len() as u8);
        bytes.extend(tree.payload);
        bytes.push(tree.children.len() as u8);
        let edges = bytes.len();
        bytes.resize(edges + 4 * tree.children.len(), 0);
        for (number, (byte, child)) in tree.children.iter().enumerate() {
            let target = bytes.len();
            let at = edges + 4 * number;
            bytes[at..at + 4].copy_from_slice(&[*byte, 0, (target & 0x7f) as u8 | 0x80, (target >> 7) as u8]);
            write(child, bytes);
        }
        assert!(bytes.len() < 1 << 14 && size(tree) <= bytes.len());
    }
    let mut root = Tree::default();
    for (name, payload) in names {
        let mut tree = &mut root;
        for byte in name.bytes() {
            tree = tree.children.entry(byte).or_default();
        }
        tree.payload = payload;
    }
    let mut bytes = Vec::new();
    write(&root, &mut bytes);
    bytes
}

type Pairs = Vec<(String, Vec<u8>)>;

fn walk(bytes: &[u8]) -> (Pairs, Vec<Error>) {
    let mut found = Vec::new();
    let faults = Trie::new(bytes).walk(&mut |name, payload| {
        found.push((String::from_utf8_lossy(name).into_owned(), payload.to_vec()));
        Ok(())
    });
    (found, faults)
}

fn find<'a>(bytes: &'a [u8], name: &str) -> Result<Option<&'a [u8]>> {
    Trie::new(bytes).find(name.as_bytes())
}

#[test]
fn numbers_of_seven_bits_in_each_byte() {
    for value in [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, u64::from(u32::MAX), u64::MAX] {
        let bytes = uleb(value);
        let mut cursor = Cursor::new(&bytes);
        assert_eq!((uleb128(&mut cursor), cursor.remaining()), (Some(value), 0));
        assert_eq!(uleb128(&mut Cursor::new(&bytes[..bytes.len() - 1])), None, "cut short");
    }
    let too_large = [[0xff; 9].as_slice(), &[2]].concat();
    assert_eq!(uleb128(&mut Cursor::new(&too_large)), None);
    assert_eq!(uleb128(&mut Cursor::new(&[0x80; 20])), None);
    assert_eq!(uleb128(&mut Cursor::new(&[0x80, 0x80, 0])), Some(0), "padding is no harm");
}

#[test]
fn names_share_what_they_begin_with() {
    // "a" is a name and the beginning of another; edges stand in another order than names.
    let root = node(b"", &[("bc", 9), ("a", 12)]);
    let bytes = [root, node(b"x", &[]), node(b"yy", &[("d", 19)]), node(b"z", &[])].concat();
    assert_eq!((bytes[9], bytes[12], bytes[19]), (1, 2, 1));
    let (found, faults) = walk(&bytes);
    let expected = [("bc", &b"x"[..]), ("a", b"yy"), ("ad", b"z")];
    assert_eq!(found, expected.map(|(name, payload)| (name.to_owned(), payload.to_vec())));
    assert!(faults.is_empty(), "{faults:?}");
    for (name, payload) in expected {
        assert_eq!(find(&bytes, name).unwrap(), Some(payload));
    }
    for name in ["", "b", "bcd", "add", "c"] {
        assert_eq!(find(&bytes, name).unwrap(), None, "{name}");
    }
    assert_eq!(find(&[], "a").unwrap(), None);
    assert!(walk(&[]).0.is_empty());
}

#[test]
fn a_broken_branch_costs_itself_alone() {
    let good = node(b"p", &[]);
    let broken: [(&str, Vec<u8>); 6] = [
        ("a payload that leaves the trie", vec![0x7f]),
        ("a payload that leaves the trie", vec![0x80]),
        ("an empty one", vec![0, 1, 0, 0]),
        ("bytes without a NUL", vec![0, 1, b'x', b'y']),
        ("one that leads out of it", vec![0, 1, b'x', 0, 0x7f]),
        ("one that several do", vec![0, 1, b'x', 0, 0]),
    ];
    for (message, branch) in broken {
        let root = node(b"", &[("a", 11), ("b", 14), ("c", 11 + 3)]);
        assert_eq!(root.len(), 11);
        // The third edge leads where the second does: a node is read once.
        let bytes = [root, good.clone(), branch].concat();
        let (found, faults) = walk(&bytes);
        assert_eq!(found, [("a".to_owned(), b"p".to_vec())], "{message}");
        assert!(faults.iter().any(|fault| fault.to_string().contains(message)), "{message}: {faults:?}");
        assert!(
            faults.iter().all(|fault| matches!(fault.kind(), ErrorKind::MachO(_)) && fault.location().offset.is_some())
        );
        assert_eq!(find(&bytes, "a").unwrap(), Some(&b"p"[..]));
    }
    assert!(find(&[0x7f, 0], "a").is_err());
    assert!(find(&[0, 1, b'a'], "a").is_err());
}

#[test]
fn what_the_visitor_refuses_is_left_out_with_its_branch() {
    let bytes = trie(&[("a", b"1"), ("ab", b"2"), ("b", b"3")]);
    let mut seen = Vec::new();
    let faults = Trie::new(&bytes).walk(&mut |name, payload| {
        seen.push(name.to_vec());
        if payload == b"1" { Err(Error::cache("another", "this")) } else { Ok(()) }
    });
    assert_eq!(seen, [b"a", b"b"]);
    assert_eq!((faults.len(), faults[0].location().offset.is_some()), (1, true));
}

#[test]
fn circles_and_overlaps_end() {
    // An edge that leads back to the root.
    let (found, faults) = walk(&node(b"", &[("a", 0)]));
    assert!(found.is_empty() && faults[0].to_string().contains("several"));
    assert_eq!(find(&node(b"", &[("a", 0)]), &"a".repeat(100)).unwrap_err().to_string().matches("overlap").count(), 1);
    // Nodes at every offset whose edges all run to the one NUL at the end.
    let mut bytes = vec![0];
    while bytes.len() < 1 << 20 {
        bytes.extend([0, 250]);
    }
    bytes.extend([b'x', 0, 1]);
    let start = cpu_time::ThreadTime::now();
    let _ = walk(&bytes);
    let _ = find(&bytes, "x");
    assert!(start.elapsed().as_secs() < 1, "{:?}", start.elapsed());
}

#[test]
fn faults_are_counted_no_further_than_anybody_reads() {
    let edges: Vec<_> = (1..=200).map(|n| char::from_u32(0x100 + n).unwrap().to_string()).collect();
    let edges: Vec<_> = edges.iter().map(|edge| (edge.as_str(), 0)).collect();
    assert_eq!(walk(&node(b"", &edges)).1.len(), 32);
}

proptest! {
    #[test]
    fn what_is_written_is_found(
        names in prop::collection::btree_map("[ab/]{0,6}", prop::collection::vec(any::<u8>(), 1..5), 0..30),
    ) {
        let pairs: Vec<_> = names.iter().map(|(name, payload)| (name.as_str(), payload.as_slice())).collect();
        let bytes = trie(&pairs);
        let (mut found, faults) = walk(&bytes);
        found.sort();
        prop_assert!(faults.is_empty());
        prop_assert_eq!(&found, &names.clone().into_iter().collect::<Pairs>());
        for (name, payload) in &found {
            prop_assert_eq!(find(&bytes, name).unwrap(), Some(payload.as_slice()));
        }
    }

    #[test]
    fn no_bytes_do_harm(bytes in prop::collection::vec(prop_oneof![0_u8..4, Just(b'a'), any::<u8>()], 0..200), name in "[a]{0,9}") {
        let (found, faults) = walk(&bytes);
        let _ = find(&bytes, &name);
        prop_assert!(found.len() + faults.len() <= 2 * bytes.len() + 1);
    }
}

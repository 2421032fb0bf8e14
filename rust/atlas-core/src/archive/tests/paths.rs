//! Lookups: lexical normalisation, links, duplicates, many entries.

use proptest::prelude::*;

use super::{file, link, number_of, open, record, text};
use crate::archive::path::{hash, same};

#[test]
fn paths_that_are_the_same() {
    let keys = std::hash::RandomState::new();
    for (left, right) in [
        ("a", "a"),
        ("./a//b/./c/", "a/b/c"),
        ("a/../b", "b"),
        ("a/b/../../c", "c"),
        ("x/y/..", "x"),
        ("", "."),
        ("", "a/.."),
        ("/a", "//a/"),
        ("/../a", "/a"),
        ("/a/../../b", "/b"),
        ("..a", "./..a"),
        ("a\0b", "a\0b/"),
    ] {
        assert!(same(left.as_bytes(), right.as_bytes()), "{left} {right}");
        assert_eq!(hash(left.as_bytes(), &keys), hash(right.as_bytes(), &keys), "{left} {right}");
    }
    for (left, right) in [
        ("a", "b"),
        ("a", "A"),
        ("a", "/a"),
        ("a/b", "b"),
        ("ab", "a/b"),
        ("..", ".."),
        ("../a", "../a"),
        ("a/../../b", "b"),
    ] {
        assert!(!same(left.as_bytes(), right.as_bytes()), "{left} {right}");
    }
    assert_eq!(hash(b"a/../..", &keys), None);
}

/// The obvious way: components on a stack. `None` for a relative path that leads above its start.
fn normalised(path: &[u8]) -> Option<(bool, Vec<&[u8]>)> {
    let absolute = path.first() == Some(&b'/');
    let mut stack = Vec::new();
    for component in path.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => {
                if stack.pop().is_none() && !absolute {
                    return None;
                }
            }
            other => stack.push(other),
        }
    }
    Some((absolute, stack))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn same_is_what_a_stack_says(left in "[ab./]{0,9}", right in "[ab./]{0,9}") {
        let (left, right) = (left.as_bytes(), right.as_bytes());
        let expected = normalised(left).is_some() && normalised(left) == normalised(right);
        prop_assert_eq!(same(left, right), expected);
        prop_assert_eq!(same(left, left), normalised(left).is_some());
        let keys = std::hash::RandomState::new();
        prop_assert_eq!(hash(left, &keys).is_some(), normalised(left).is_some());
        prop_assert!(!expected || hash(left, &keys) == hash(right, &keys));
    }
}

/// Both ways of looking up must agree, so every test of links runs with few entries and with many.
fn few_and_many(records: &[Vec<u8>], check: impl Fn(&crate::archive::Archive)) {
    check(&open(records.concat()));
    let more = (0..40).map(|number| file(&format!("more/{number}"), b""));
    check(&open(records.iter().cloned().chain(more).collect::<Vec<_>>().concat()));
}

#[test]
fn links() {
    let records = [
        file("a/b/target", b"T"),
        link("a/one", "b/target"),
        link("a/b/two", "../one"),
        link("three", "./a//b/./two"),
        link("dangling", "nowhere"),
        link("self", "self"),
        link("loop1", "loop2"),
        link("loop2", "loop1"),
        link("escape", "../../a/b/target"),
        link("nothing", ""),
        link("to-absolute", "/abs"),
        link("directory", "a/b"),
        record(&[b"TYP1L", &text(b"PAT", b"no-target")], b""),
        file("/abs", b"A"),
    ];
    few_and_many(&records, |archive| {
        for path in ["a/b/target", "a/one", "a/b/two", "three", "./a/x/../one", "a//one/"] {
            assert_eq!(number_of(archive, path), Some(0), "{path}");
        }
        assert_eq!(number_of(archive, "to-absolute"), Some(13));
        assert_eq!(number_of(archive, "/abs"), Some(13));
        for path in [
            "dangling",
            "self",
            "loop1",
            "escape",
            "nothing",
            "directory",
            "directory/target",
            "no-target",
            "abs",
            "",
            "a",
            "a/b",
            "x",
        ] {
            assert_eq!(number_of(archive, path), None, "{path}");
        }
    });
}

#[test]
fn at_most_32_links() {
    let mut records = vec![file("end", b"!"), link("chain0", "end")];
    records.extend((1..40).map(|number| link(&format!("chain{number}"), &format!("chain{}", number - 1))));
    let archive = open(records.concat());
    assert_eq!(number_of(&archive, "chain31"), Some(0), "the 32nd hop reaches it");
    assert_eq!(number_of(&archive, "chain32"), None);
}

#[test]
fn the_first_of_a_path_is_found() {
    let records = [
        record(&[b"TYP1D", &text(b"PAT", b"dup")], b""),
        file("./dup", b"1"),
        file("dup", b"2"),
        link("both", "dup"),
        file("both", b"3"),
        file("../up", b"4"),
        file("", b"5"),
    ];
    few_and_many(&records, |archive| {
        assert_eq!(number_of(archive, "dup"), Some(1), "directories are not seen");
        assert_eq!(number_of(archive, "both"), Some(1));
        assert_eq!(number_of(archive, "../up"), None);
        assert_eq!(number_of(archive, ""), Some(6));
        assert_eq!(archive.find_bytes(b"./").map(|entry| entry.index()), Some(6));
    });
}

#[test]
fn many_entries_are_indexed_once() {
    let count = 20_000;
    let mut bytes: Vec<u8> = (0..count).flat_map(|number| file(&format!("m/{number}"), b"")).collect();
    bytes.extend(file("m/7", b"second"));
    let archive = open(bytes);
    let start = std::time::Instant::now();
    for number in 0..count {
        assert_eq!(number_of(&archive, &format!("m/x/../{number}")), Some(number));
    }
    assert!(start.elapsed().as_secs() < 5, "{:?}: a scan for each lookup would take longer", start.elapsed());
    assert_eq!(number_of(&archive, "m/20000"), None);
}

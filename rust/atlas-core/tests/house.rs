//! The rules of the house that no compiler knows: sizes of files, the ledger of unsafe code, openings, leftovers.
#![allow(clippy::unwrap_used, reason = "every function here serves a test")]

#[path = "support/code.rs"]
#[allow(dead_code, reason = "each test uses its part")]
mod code;
#[path = "support/tree.rs"]
#[allow(dead_code, reason = "each test uses its part")]
mod tree;

use std::collections::BTreeMap;

use code::{code_of, tokens};
use tree::TextFile;

/// No file is longer, tests included.
const LONGEST: usize = 600;
/// Half of the files that ship are no longer.
const MEDIAN: usize = 200;

/// Where unsafe code may stand at all: what only the operating system can do, and buffers at the Python border.
const UNSAFE_ROOMS: [&str; 2] = ["rust/atlas-core/src/sys/", "rust/atlas-py/src/buffers"];

/// What marks work left open, merges among it. Spelt in pieces, so that this file does not find itself.
const LEFT_OPEN: [&str; 7] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("unimple", "mented!"),
    concat!("HA", "CK"),
    concat!("<<<<", "<<< "),
    concat!(">>>>", ">>> "),
];

/// What a published project does not name: folders of somebody's machine, and hosts that only a package client needs.
const PRIVATE: [&str; 6] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/tmp/", "bash"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("sub", "agent"),
];

fn lines(file: &TextFile) -> usize {
    file.text.lines().count()
}

fn is_code(file: &TextFile) -> bool {
    file.is_a(&["rs", "py", "pyi"]) || file.path.starts_with("scripts/")
}

/// Files above the longest length, with theirs.
fn too_long(files: &[TextFile]) -> Vec<String> {
    let long = files.iter().filter(|file| is_code(file) && lines(file) > LONGEST);
    long.map(|file| format!("{}: {} lines", file.path, lines(file))).collect()
}

/// The middle length of the files that ship.
fn median(files: &[TextFile]) -> usize {
    let mut sizes: Vec<usize> = files.iter().filter(|file| is_code(file) && !file.is_test()).map(lines).collect();
    sizes.sort_unstable();
    sizes.get(sizes.len() / 2).copied().unwrap_or(0)
}

/// How often the word `unsafe` stands in the code of each file that has it.
fn unsafe_code(files: &[TextFile]) -> BTreeMap<String, usize> {
    let count = |file: &TextFile| tokens(&code_of(&file.text)).iter().filter(|token| token.text == "unsafe").count();
    let counted = files.iter().filter(|file| file.is_a(&["rs"])).map(|file| (file.path.clone(), count(file)));
    counted.filter(|(_, count)| *count > 0).collect()
}

/// The ledger: the rows `` | `file` | count | reason | `` of docs/SAFETY.md below its heading "Ledger".
fn ledger(safety: &str) -> BTreeMap<String, usize> {
    let rows = safety.split("## Ledger").nth(1).unwrap_or_default().lines();
    rows.filter_map(|row| {
        let mut cells = row.split('|').skip(1).map(str::trim);
        let file = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
        Some((file.to_owned(), cells.next()?.parse().ok()?))
    })
    .collect()
}

/// Where code and ledger differ, and unsafe code outside its rooms.
fn unaccounted(code: &BTreeMap<String, usize>, ledger: &BTreeMap<String, usize>) -> Vec<String> {
    let mut found = Vec::new();
    for (file, count) in code {
        if !UNSAFE_ROOMS.iter().any(|room| file.starts_with(room)) {
            found.push(format!("{file}: unsafe code stands only in {UNSAFE_ROOMS:?}"));
        }
        let entered = ledger.get(file).copied().unwrap_or(0);
        if entered != *count {
            found.push(format!("{file}: `unsafe` {count} times, the ledger says {entered}"));
        }
    }
    let gone = ledger.keys().filter(|file| !code.contains_key(*file));
    found.extend(gone.map(|file| format!("{file}: in the ledger, but without unsafe code or not there at all")));
    found
}

/// Files of the two crates that do not open as a file of the house does.
fn bad_openings(files: &[TextFile]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.is_a(&["rs"]) && file.path.contains("/src/") && !file.is_test()) {
        if !file.text.starts_with("//!") {
            found.push(format!("{}: the first line says what the file owns (`//! …`)", file.path));
        }
        let folder = file.path.strip_prefix("rust/atlas-core/src/").and_then(|rest| rest.strip_suffix("/mod.rs"));
        let Some(folder) = folder.filter(|folder| !folder.contains('/')) else { continue };
        let opening: String = file.text.lines().take_while(|line| line.starts_with("//!")).collect();
        if !opening.contains("Owns") || !opening.to_lowercase().contains("must not") {
            found.push(format!("{}: the opening says what the folder owns and what it must not do", file.path));
        }
        if folder != "sys" && !code_of(&file.text).contains("#![forbid(unsafe_code)]") {
            found.push(format!("{}: `#![forbid(unsafe_code)]` is missing", file.path));
        }
    }
    found
}

/// Lines that hold one of `words`.
fn lines_with(files: &[TextFile], words: &[&str]) -> Vec<String> {
    let read = files.iter().filter(|file| is_code(file) || file.is_a(&["md", "toml", "yml", "txt"]));
    let mut found = Vec::new();
    for file in read {
        for (number, line) in file.text.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                found.push(format!("{}:{}: {word}", file.path, number + 1));
            }
        }
    }
    found
}

/// Comments that are wider than code may be, which rustfmt leaves as they are. A row of a table cannot be wrapped.
fn wide_comments(files: &[TextFile]) -> Vec<String> {
    const WIDTH: usize = 120;
    let is_wide = |line: &str| {
        let words = line.trim_start();
        let is_row = words.trim_start_matches(['/', '!']).trim_start().starts_with('|');
        words.starts_with("//") && !is_row && line.chars().count() > WIDTH
    };
    let ours = files.iter().filter(|file| file.is_a(&["rs"]));
    ours.flat_map(|file| {
        let lines = file.text.lines().enumerate().filter(|(_, line)| is_wide(line));
        lines.map(|(number, _)| format!("{}:{}", file.path, number + 1)).collect::<Vec<_>>()
    })
    .collect()
}

fn nothing(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

#[test]
fn files_are_short() {
    let files = tree::files();
    assert!(files.iter().filter(|file| is_code(file)).count() > 20, "the checkout was not found");
    nothing(&too_long(&files), &format!("no file has more than {LONGEST} lines"));
    assert!(median(&files) <= MEDIAN, "half of the files have more than {} lines", median(&files));
}

#[test]
fn unsafe_code_is_where_the_ledger_says() {
    let ledger = ledger(&std::fs::read_to_string(tree::top().join("docs/SAFETY.md")).unwrap());
    assert!(!ledger.is_empty(), "docs/SAFETY.md has no ledger");
    nothing(&unaccounted(&unsafe_code(&tree::files()), &ledger), "unsafe code and the ledger of docs/SAFETY.md differ");
}

#[test]
fn files_say_what_they_own() {
    nothing(&bad_openings(&tree::files()), "openings of files");
}

#[test]
fn nothing_is_left_open_and_nothing_private_is_named() {
    let files = tree::files();
    nothing(&lines_with(&files, &LEFT_OPEN), "left open");
    nothing(&lines_with(&files, &PRIVATE), "not for a published project");
}

#[test]
fn comments_are_as_wide_as_code() {
    nothing(&wide_comments(&tree::files()), "a comment is at most 120 columns wide");
    let sample = |path, text: &str| wide_comments(&[TextFile::sample(path, text)]).len();
    let wide = "a".repeat(117);
    assert_eq!(sample("rust/a.rs", &format!("/// {wide}\n    // {wide}\n// {wide}\nlet wide = {wide}; // no")), 2);
    assert_eq!(sample("rust/a.rs", &format!("/// | {wide} |")), 0);
}

#[test]
fn a_long_file_is_found() {
    let long = "x\n".repeat(LONGEST + 1);
    let files = [
        TextFile::sample("rust/a/src/long.rs", &long),
        TextFile::sample("tests/test_long.py", &long),
        TextFile::sample("scripts/check", &long),
        TextFile::sample("docs/long.md", &long),
        TextFile::sample("rust/a/src/short.rs", &long[2..]),
    ];
    assert_eq!(too_long(&files).len(), 3, "{:?}", too_long(&files));
}

#[test]
fn the_median_counts_what_ships() {
    let file = |path: &str, count: usize| TextFile::sample(path, &"x\n".repeat(count));
    let files =
        [file("a.rs", 10), file("b.py", 300), file("c.rs", 301), file("tests/test_d.py", 1), file("e/tests.rs", 1)];
    assert_eq!(median(&files), 300);
    assert_eq!(median(&[]), 0);
}

#[test]
fn unsafe_code_is_counted_as_code() {
    let text =
        "//! unsafe\n#![deny(unsafe_code)]\nunsafe fn f() { unsafe { g() } }\nconst S: &str = \"unsafe\"; // unsafe\n";
    let files = [TextFile::sample("rust/a/src/lib.rs", text), TextFile::sample("docs/a.md", "unsafe")];
    assert_eq!(unsafe_code(&files), BTreeMap::from([("rust/a/src/lib.rs".to_owned(), 2)]));
}

#[test]
fn a_wrong_ledger_is_found() {
    let counts = |rows: &[(&str, usize)]| rows.iter().map(|(file, count)| ((*file).to_owned(), *count)).collect();
    let file = "rust/atlas-core/src/sys/file.rs";
    let table = "| `rust/atlas-core/src/sys/early.rs` | 9 | before the heading |\n## Ledger\n\n| file | `unsafe` | why |\n\
                 |---|---|---|\n| `rust/atlas-core/src/sys/file.rs` | 1 | mapping |\n";
    let ledger = ledger(table);
    assert_eq!(ledger, counts(&[(file, 1)]));
    assert!(unaccounted(&counts(&[(file, 1)]), &ledger).is_empty());
    assert_eq!(unaccounted(&counts(&[(file, 2)]), &ledger).len(), 1, "one more than entered");
    assert_eq!(unaccounted(&counts(&[]), &ledger).len(), 1, "entered but gone");
    let elsewhere = counts(&[(file, 1), ("rust/atlas-core/src/model/mod.rs", 1)]);
    assert_eq!(unaccounted(&elsewhere, &ledger).len(), 2, "not entered, and in the wrong room");
}

#[test]
fn a_bad_opening_is_found() {
    let opening = |path: &str, text: &str| bad_openings(&[TextFile::sample(path, text)]).len();
    let folder = "rust/atlas-core/src/archive/mod.rs";
    assert_eq!(opening(folder, "//! Owns archives.\n//!\n//! Must not know plists.\n#![forbid(unsafe_code)]\n"), 0);
    assert_eq!(opening(folder, "//! Owns archives. Must not know plists.\n// #![forbid(unsafe_code)]\n"), 1);
    assert_eq!(opening(folder, "//! Archives.\n#![forbid(unsafe_code)]\n"), 1);
    assert_eq!(opening(folder, "use std::io;\n"), 3);
    assert_eq!(opening("rust/atlas-core/src/sys/mod.rs", "//! Owns mapping. Must not know formats.\n"), 0);
    assert_eq!(opening("rust/atlas-core/src/archive/reader.rs", "use std::io;\n"), 1);
    assert_eq!(opening("rust/atlas-core/src/archive/tests.rs", "use super::*;\n"), 0);
    assert_eq!(opening("rust/atlas-py/src/lib.rs", "use pyo3::prelude::*;\n"), 1);
}

#[test]
fn leftovers_are_found() {
    let files = [
        TextFile::sample("rust/a/src/lib.rs", &format!("// {}: later\n", LEFT_OPEN[0])),
        TextFile::sample("README.md", &format!("see {}main\n", PRIVATE[0])),
        TextFile::sample("scripts/check", &format!("# {}\n", LEFT_OPEN[1])),
        TextFile::sample("docs/a.md", &format!("{}HEAD\none\n=======\nother\n{}branch\n", LEFT_OPEN[5], LEFT_OPEN[6])),
    ];
    assert_eq!(lines_with(&files, &LEFT_OPEN).len(), 4);
    assert_eq!(lines_with(&files, &PRIVATE), [format!("README.md:1: {}", PRIVATE[0])]);
}

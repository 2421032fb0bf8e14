//! Data walks one way: a folder of the core imports only from the folders below it.
//!
//! The table is the one of docs/DESIGN.md. What a folder may use, it may use through others too: the order is what counts.
#![allow(clippy::unwrap_used, reason = "every function here serves a test")]

#[path = "support/code.rs"]
#[allow(dead_code, reason = "each test uses its part")]
mod code;
#[path = "support/tree.rs"]
#[allow(dead_code, reason = "each test uses its part")]
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use code::{code_of, names_at_root};
use tree::TextFile;

/// Each folder under `src` and the folders directly below it.
const BELOW: &[(&str, &[&str])] = &[
    ("sys", &[]),
    ("bytes", &["sys"]),
    ("compress", &["bytes"]),
    ("archive", &["bytes", "compress"]),
    ("bplist", &["bytes"]),
    ("macho", &["bytes"]),
    ("schema", &["bplist"]),
    ("cache", &["archive", "macho", "schema"]),
    ("memory", &["cache", "macho"]),
    ("model", &["schema", "memory", "archive", "cache"]),
    ("symbols", &["macho", "cache", "memory", "model"]),
    ("task", &["sys", "model"]),
    ("notify", &["sys", "task", "model"]),
];

/// What stands at the root: words that every folder speaks, so it may import from none.
const ROOT: [&str; 4] = ["error", "limits", "address", "identifier"];

const SOURCE: &str = "rust/atlas-core/src/";

/// The same for the binding, whose files at the root are layers of their own.
const BINDING: &[(&str, &[&str])] = &[
    ("detach", &[]),
    ("kept", &[]),
    ("text", &[]),
    ("uuids", &[]),
    ("addresses", &[]),
    ("enums", &[]),
    ("options", &["text", "uuids"]),
    ("errors", &["options"]),
    ("sequences", &[]),
    ("buffers", &["detach", "errors", "sequences"]),
    ("formats", &["buffers", "text"]),
    ("model", &["addresses", "enums", "formats", "kept"]),
    ("process", &["model"]),
];

type Table = &'static [(&'static str, &'static [&'static str])];

/// All that lies below a folder, near or far.
fn reach(folder: &str, table: Table) -> BTreeSet<&'static str> {
    let direct = table.iter().find(|(name, _)| *name == folder).map_or(&[][..], |(_, below)| *below);
    direct.iter().flat_map(|below| std::iter::once(*below).chain(reach(below, table))).collect()
}

/// The folder that a file lies in (`None` at the root), and how many modules its own is below the root.
fn place(path: &str) -> (Option<&str>, usize) {
    let parts: Vec<&str> = path.split('/').collect();
    let is_folder_file = matches!(parts.last(), Some(&"mod.rs" | &"lib.rs"));
    (parts.first().copied().filter(|_| parts.len() > 1), parts.len() - usize::from(is_folder_file))
}

/// Names that `lib.rs` offers at the root and the folder that each comes from, as in `pub use model::{Snapshot, Image}`.
fn offered(root: &str) -> BTreeMap<String, String> {
    let code = code_of(root);
    let mut names = BTreeMap::new();
    for statement in code.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next()) {
        let Some((folder, tail)) = statement.trim_start_matches("crate::").split_once("::") else { continue };
        for word in tail.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()) {
            names.insert(word.to_owned(), folder.trim().to_owned());
        }
    }
    names
}

/// Every import that goes up or sideways, in words.
fn violations(files: &[TextFile]) -> Vec<String> {
    let root = files.iter().find(|file| file.path == "lib.rs").map_or("", |file| file.text.as_str());
    let offered = offered(root);
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.path != "lib.rs") {
        let (folder, depth) = place(&file.path);
        if folder.is_none() && !ROOT.iter().any(|name| file.path == format!("{name}.rs")) {
            found.push(format!("{}: only lib.rs and {ROOT:?} stand at the root; this needs a folder", file.path));
        }
        let allowed = folder.map(|folder| reach(folder, BELOW)).unwrap_or_default();
        if let Some(unknown) = folder.filter(|folder| BELOW.iter().all(|(name, _)| name != folder)) {
            found.push(format!("{}: the folder `{unknown}` is not in the table of {}", file.path, file!()));
            continue;
        }
        for name in names_at_root(&code_of(&file.text), depth) {
            let target = offered.get(&name.text).unwrap_or(&name.text).as_str();
            let is_folder = BELOW.iter().any(|(folder, _)| *folder == target);
            if name.text == "*" {
                found.push(format!("{}:{}: `*` from the root hides what is imported", file.path, name.line));
            } else if is_folder && folder != Some(target) && !allowed.contains(target) {
                let here = folder.map_or_else(|| "the root".to_owned(), |folder| format!("`{folder}`"));
                found.push(format!(
                    "{}:{}: {here} imports from `{target}`, which does not lie below it (below it: {allowed:?})",
                    file.path, name.line,
                ));
            }
        }
    }
    found
}

#[test]
fn folders_import_only_from_below() {
    let mut files = tree::files();
    files.retain(|file| file.path.starts_with(SOURCE) && file.is_a(&["rs"]));
    files.iter_mut().for_each(|file| file.path = file.path[SOURCE.len()..].to_owned());
    assert!(files.len() > 10, "only {} files found below {SOURCE}", files.len());
    let found = violations(&files);
    assert!(found.is_empty(), "imports against the layering:\n  {}", found.join("\n  "));
}

/// Every import of the binding that goes up or sideways, in words.
fn violations_of_binding(files: &[TextFile]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.path != "lib.rs" && file.path != "parts.rs") {
        let (folder, depth) = place(&file.path);
        let layer = folder.unwrap_or_else(|| file.path.trim_end_matches(".rs"));
        if BINDING.iter().all(|(name, _)| *name != layer) {
            found.push(format!("{}: `{layer}` is not in the table of {}", file.path, file!()));
        }
        let allowed = reach(layer, BINDING);
        for name in names_at_root(&code_of(&file.text), depth) {
            let is_layer = BINDING.iter().any(|(other, _)| *other == name.text);
            if is_layer && name.text != layer && !allowed.contains(name.text.as_str()) {
                found.push(format!("{}:{}: `{layer}` imports from `{}`", file.path, name.line, name.text));
            }
        }
    }
    found
}

#[test]
fn the_binding_imports_only_from_below() {
    const SOURCE: &str = "rust/atlas-py/src/";
    let mut files = tree::files();
    files.retain(|file| file.path.starts_with(SOURCE) && file.is_a(&["rs"]));
    files.iter_mut().for_each(|file| file.path = file.path[SOURCE.len()..].to_owned());
    assert!(files.len() > 10, "only {} files found below {SOURCE}", files.len());
    let found = violations_of_binding(&files);
    assert!(found.is_empty(), "imports against the layering:\n  {}", found.join("\n  "));
    for (path, code) in [
        ("sequences.rs", "fn f() { crate::model::image_list::f() }"),
        ("formats/archive.rs", "use crate::model::snapshot::Snapshot;"),
        ("model/files.rs", "use crate::process::task::Task;"),
        ("text.rs", "use super::buffers;"),
        ("helpers.rs", ""),
    ] {
        assert_eq!(violations_of_binding(&[TextFile::sample(path, code)]).len(), 1, "{path}: {code}");
    }
    let good = [TextFile::sample("model/files.rs", "use super::image; use crate::{buffers, options::Limits};")];
    assert!(violations_of_binding(&good).is_empty());
}

#[test]
fn the_tables_have_no_cycle_and_name_only_their_own_folders() {
    for table in [BELOW, BINDING] {
        for (i, (folder, below)) in table.iter().enumerate() {
            for name in *below {
                let place = table.iter().position(|(other, _)| other == name);
                assert!(
                    place.is_some_and(|place| place < i),
                    "`{folder}` uses `{name}`, which must stand above it in the list"
                );
            }
        }
    }
}

#[test]
fn the_core_knows_no_python() {
    let manifest = std::fs::read_to_string(tree::top().join("rust/atlas-core/Cargo.toml")).unwrap();
    assert!(!manifest.contains("pyo3"), "atlas-core must stay usable from Rust alone");
}

/// The checker on one file that holds `code`, in a crate whose root offers `Snapshot`.
fn checked(path: &str, code: &str) -> Vec<String> {
    violations(&[TextFile::sample("lib.rs", "pub mod model;\npub use model::Snapshot;"), TextFile::sample(path, code)])
}

#[test]
fn an_import_from_above_or_aside_is_found() {
    let bad = [
        ("bytes/mod.rs", "use crate::archive::Archive;"),
        ("archive/reader.rs", "use crate::{bytes::Bytes, bplist::Plist};"),
        ("archive/reader.rs", "use crate::{\n    bytes::{Bytes, Cursor},\n    error::Error,\n    bplist,\n};"),
        ("archive/reader.rs", "fn f() { crate::schema::check() }"),
        ("archive/mod.rs", "use super::bplist::Plist;"),
        ("archive/reader.rs", "use super::super::bplist::Plist;"),
        ("archive/reader.rs", "use super::{Entry, super::bplist::Plist};"),
        ("archive/reader/mod.rs", "use super::super::bplist;"),
        ("macho/mod.rs", "pub(in crate::bplist) fn f() {}"),
        ("cache/mod.rs", "use crate::Snapshot;"),
        ("error.rs", "use crate::bytes::Bytes;"),
        ("limits.rs", "use super::bytes::Bytes;"),
        ("model/mod.rs", "use crate::*;"),
        ("cellar/mod.rs", ""),
        ("helpers.rs", ""),
    ];
    for (path, code) in bad {
        assert_eq!(checked(path, code).len(), 1, "{path}: {code}: {:?}", checked(path, code));
    }
    let place = checked("archive/reader.rs", "use crate::{\n    bytes::Bytes,\n    bplist::Plist,\n};");
    assert!(place[0].starts_with("archive/reader.rs:3: `archive` imports from `bplist`"), "{place:?}");
}

#[test]
fn an_import_from_below_or_within_is_fine() {
    let good = [
        (
            "archive/reader.rs",
            "use crate::archive::Entry; use crate::bytes::{Bytes, Cursor}; use crate::{Error, Limits};",
        ),
        ("archive/reader.rs", "use super::bplist; // a child of this folder that is called so"),
        ("archive/mod.rs", "//! See [`crate::model`].\n/* use crate::model; */\nconst S: &str = \"crate::model\";"),
        ("model/mod.rs", "use crate::bytes::Bytes; use crate::error::Result;"),
        ("cache/table.rs", "use crate::sys::FileIdentity;"),
        ("error.rs", "use crate::identifier::FileIdentifier;"),
    ];
    for (path, code) in good {
        assert!(checked(path, code).is_empty(), "{path}: {code}: {:?}", checked(path, code));
    }
}

//! Every key that can be missing, of the wrong type, or out of range: what a strict reading says, and where.

use super::records::{self, CACHE};
use super::tree::{Tree, parent};
use super::{parse, parts, policy, position_of};

const ADDRESS: &str = "integer of 64 bits";
const NUMBER: &str = "integer of 0 to 2^64 - 1";
const PATH: &str = "string of at most 4096 bytes";
const FILE_NAME: &str = "file name of at most 4096 bytes";
const UUID: &str = "data of 16 bytes";

/// A whole process with all that it can have.
fn process() -> Tree {
    records::process(vec![records::own_image(1, 0x1_0000_0000), records::own_image(2, 0x1_0010_0000)])
        .with("init", records::int(1))
        .with("flags", records::int(0))
        .with("flag", records::int(0))
        .with("dsc1", records::reference(0x4000, &[0xff]))
        .with("dsc1.aadr", records::int(1))
        .with("dsc1.auid", records::uuid(1))
        .with("envp", super::tree::dict([("root", super::tree::text("/sim"))]))
        .with("metr", super::tree::dict([("init", records::int(5))]))
        .with("aots", Tree::Array(vec![records::aot_image(1), records::aot_image(2)]))
}

fn atlas() -> Tree {
    let images = (0..3).map(|n| records::image(n.into(), records::BASE + n * 0x1_0000, &records::SEGMENTS)).collect();
    records::atlas(records::cache(images).with("snme", super::tree::text("x.symbols")).with("suid", records::uuid(9)))
}

fn full(path: &str) -> String {
    format!("uuids.{CACHE}.{path}")
}

/// Key path, what is expected, whether the key may be absent, whether a lenient reading goes on.
const PROCESS: &[(&str, &str, bool, bool)] = &[
    ("proc", ADDRESS, false, false),
    ("plat", NUMBER, false, false),
    ("time", NUMBER, false, false),
    ("stat", NUMBER, false, false),
    ("imgs", "array", false, false),
    ("init", NUMBER, true, true),
    ("flag", ADDRESS, true, true),
    ("flags", ADDRESS, true, true),
    ("envp", "dictionary", true, true),
    ("envp.root", "string", true, true),
    ("metr", "dictionary", true, true),
    ("metr.init", ADDRESS, true, true),
    ("aots", "array", true, true),
    ("aots[1].xadr", ADDRESS, false, true),
    ("aots[1].aadr", ADDRESS, false, true),
    ("aots[1].asze", NUMBER, false, true),
    ("aots[1].ikey", "data", false, true),
    ("dsc1", "dictionary", true, true),
    ("dsc1.uuid", UUID, false, true),
    ("dsc1.addr", ADDRESS, false, true),
    ("dsc1.file", PATH, false, true),
    ("dsc1.bitm", "data", false, true),
    ("dsc1.aadr", ADDRESS, true, true),
    ("dsc1.auid", UUID, true, true),
    ("imgs[1].addr", ADDRESS, true, true),
    ("imgs[1].padr", ADDRESS, true, true),
    ("imgs[1].uuid", UUID, true, true),
    ("imgs[1].file", "string", true, true),
    ("imgs[1].name", "string", true, true),
    ("imgs[1].segs", "array", true, true),
    ("imgs[1].segs[2].name", "string", false, true),
    ("imgs[1].segs[2].padr", ADDRESS, false, true),
    ("imgs[1].segs[2].size", NUMBER, false, true),
    ("imgs[1].segs[2].fsze", NUMBER, false, true),
    ("imgs[1].segs[2].perm", "integer of 0 to 255", false, true),
    ("imgs[1].segs[2].foff", NUMBER, true, true),
];

const ATLAS: &[(&str, &str, bool, bool)] = &[
    ("uuid", UUID, false, false),
    ("padr", ADDRESS, false, false),
    ("size", NUMBER, false, false),
    ("psze", NUMBER, false, false),
    ("imgs", "array", false, false),
    ("dscs", "array", false, false),
    ("imgs[2].segs[1].padr", ADDRESS, false, true),
    ("imgs[2].uuid", UUID, true, true),
    ("dscs[1].name", FILE_NAME, false, true),
    ("dscs[1].uuid", UUID, false, true),
    ("dscs[1].voff", NUMBER, false, true),
    ("dscs[1].size", NUMBER, false, true),
    ("dscs[1].fsze", NUMBER, false, true),
    ("dscs[1].padr", ADDRESS, false, true),
    ("dscs[1].maps", "array", false, true),
    ("dscs[1].maps[1].padr", ADDRESS, false, true),
    ("dscs[1].maps[1].size", NUMBER, false, true),
    ("dscs[1].maps[1].foff", NUMBER, false, true),
    ("dscs[1].maps[1].prot", NUMBER, false, true),
];

/// The fault of a strict reading and the warnings of a lenient one, if that goes on.
fn read(tree: &Tree, is_process: bool) -> (Option<crate::Error>, Option<Vec<String>>) {
    if is_process {
        (super::process(tree, policy(false)).err(), super::process(tree, policy(true)).ok().map(|(_, said)| said))
    } else {
        (super::cache(tree, policy(false)).err(), super::cache(tree, policy(true)).ok().map(|(_, said)| said))
    }
}

/// Both readings of a tree whose fault stands at `path` and is reported at `offset_of`.
fn fault(tree: &Tree, is_process: bool, path: &str, offset_of: &str, expected: &str, found: &str, goes_on: bool) {
    let (error, warnings) = read(tree, is_process);
    let error = error.unwrap_or_else(|| panic!("{path}: nothing is wrong"));
    let offset = position_of(&parse(tree), offset_of);
    assert_eq!(parts(&error), (path, offset, expected, found), "{error}");
    assert_eq!(warnings.is_some(), goes_on, "{path}: {found}");
    if let Some(warnings) = warnings {
        assert_eq!(warnings.len(), 1, "{path}: {warnings:?}");
        assert!(warnings[0].contains(&format!("{path}: expected {expected}, found {found} at")), "{warnings:?}");
    }
}

fn every_key(sound: &Tree, is_process: bool, keys: &[(&str, &str, bool, bool)]) {
    for &(key, expected, optional, goes_on) in keys {
        let path = if is_process { key.to_owned() } else { full(key) };
        let above = parent(&path).0;
        let missing = sound.without(&path);
        if optional {
            assert_eq!(read(&missing, is_process).0.map(|error| error.to_string()), None, "{path}");
        } else {
            fault(&missing, is_process, &path, above, expected, "no such key", goes_on);
        }
        fault(&sound.with(&path, Tree::True), is_process, &path, &path, expected, "boolean", goes_on);
        let wrong = match expected {
            ADDRESS => vec![(Tree::Wide(1 << 64), "integer 18446744073709551616")],
            NUMBER => vec![
                (Tree::Int(-1), "integer -1"),
                (Tree::Wide(-(1 << 70)), "integer -1180591620717411303424"),
                (Tree::Wide(1 << 64), "integer 18446744073709551616"),
            ],
            UUID => vec![(Tree::Data(vec![0; 15]), "data of 15 bytes"), (Tree::Data(vec![0; 17]), "data of 17 bytes")],
            "integer of 0 to 255" => vec![(Tree::Int(256), "integer 256"), (Tree::Int(-1), "integer -1")],
            PATH => vec![(super::tree::text(&"p".repeat(4097)), "string of 4097 bytes")],
            FILE_NAME => vec![
                (super::tree::text(&"n".repeat(4097)), "string of 4097 bytes"),
                (super::tree::text("../../etc/passwd"), "string"),
                (super::tree::text("/x"), "string"),
                (super::tree::text("x/"), "string"),
                (super::tree::text("."), "string"),
                (Tree::Utf16("..".to_owned()), "string"),
                (Tree::Utf16("a/b".to_owned()), "string"),
            ],
            "string" => vec![(Tree::Data(vec![]), "data of 0 bytes")],
            "array" => vec![(super::tree::dict([]), "dictionary")],
            _ => vec![(Tree::Array(vec![]), "array")],
        };
        for (value, found) in wrong {
            fault(&sound.with(&path, value), is_process, &path, &path, expected, found, goes_on);
        }
    }
}

#[test]
fn keys_of_a_process() {
    assert_eq!(read(&process(), true).1, Some(vec![]));
    every_key(&process(), true, PROCESS);
}

#[test]
fn keys_of_a_cache() {
    assert_eq!(read(&atlas(), false).1, Some(vec![]));
    every_key(&atlas(), false, ATLAS);
}

/// As dyld does. Nothing else of the record depends on them.
#[test]
fn optional_keys_of_a_cache_are_absent_where_they_are_wrong() {
    let wrong = |path: &str, value: Tree, expected: &str| {
        let full = full(path);
        let tree = atlas().with(&full, value);
        for lenient in [false, true] {
            let (record, warnings) = super::cache(&tree, policy(lenient)).unwrap();
            assert_eq!(warnings.len(), 1, "{path}: {warnings:?}");
            assert!(warnings[0].contains(&format!("{full}: expected {expected}, found")), "{warnings:?}");
            let image = record.images.row(2).unwrap();
            let offset = record.images.segments(&image).nth(1).unwrap().file_offset;
            let has = (record.symbol_file_name.is_some(), record.symbol_file_uuid.is_some(), offset.is_some());
            assert_eq!(has, (path != "snme", path != "suid", !path.ends_with("foff")), "{path}");
        }
    };
    for value in [Tree::True, Tree::Int(5), super::tree::text("../x"), super::tree::text(&"n".repeat(4097))] {
        wrong("snme", value, FILE_NAME);
    }
    for value in [Tree::True, Tree::Int(5), Tree::Data(vec![0; 15])] {
        wrong("suid", value, UUID);
    }
    for value in [Tree::True, Tree::Int(-1), Tree::Data(vec![0; 8])] {
        wrong("imgs[2].segs[1].foff", value, NUMBER);
    }
}

#[test]
fn elements_that_are_no_dictionaries() {
    for path in ["imgs[1]", "imgs[1].segs[2]", "aots[0]"] {
        fault(&process().with(path, Tree::True), true, path, path, "dictionary", "boolean", true);
    }
    for path in ["imgs[1]", "dscs[1]", "dscs[0].maps[1]"].map(full) {
        fault(&atlas().with(&path, Tree::True), false, &path, &path, "dictionary", "boolean", true);
    }
    let tree = Tree::True;
    assert_eq!(parts(&super::process(&tree, policy(true)).unwrap_err()), ("", 8, "dictionary", "boolean"));
}

#[test]
fn a_key_of_32_bytes() {
    let tree = process().with("aots[0].ikey", Tree::Data(vec![0; 31]));
    fault(&tree, true, "aots[0].ikey", "aots[0].ikey", "data of 32 bytes", "data of 31 bytes", true);
}

#[test]
fn an_image_without_addresses() {
    let tree = process().without("imgs[1].addr").without("imgs[1].padr");
    fault(&tree, true, "imgs[1]", "imgs[1]", "addr or padr", "neither", true);
    assert_eq!(super::process(&tree, policy(true)).unwrap().0.images.len(), 1);
}

#[test]
fn references_to_nothing() {
    let paths = ["imgs[1]", "imgs[1].uuid", "imgs[1].segs[0]", "imgs[0].segs[2].padr", "aots[1]", "metr.init"];
    for path in paths {
        let tree = process().with(path, Tree::Dangling);
        let (error, warnings) = read(&tree, true);
        let error = error.unwrap();
        assert_eq!(error.location().key_path.as_deref().map(|said| path.starts_with(said)), Some(true), "{error}");
        assert!(error.location().offset.is_some() && error.to_string().contains("number of objects"), "{error}");
        assert_eq!(warnings.unwrap().len(), 1, "{path}");
    }
    for path in ["dscs[1]", "dscs[1].maps[0]", "dscs[1].name"].map(full) {
        let (error, warnings) = read(&atlas().with(&path, Tree::Dangling), false);
        assert_eq!(error.unwrap().location().key_path.as_deref(), Some(&*path));
        assert_eq!(warnings.unwrap().len(), 1, "{path}");
    }
}

/// An image whose keys cannot be read is dropped, and the place is that of the reference.
#[test]
fn a_key_that_is_no_object() {
    let mut tree = process();
    tree.at("imgs[0]").pairs().push((Tree::Dangling, Tree::True));
    let (error, warnings) = read(&tree, true);
    assert_eq!(error.unwrap().location().key_path.as_deref(), Some("imgs[0]"));
    assert_eq!(warnings.unwrap().len(), 1);
    assert_eq!(super::process(&tree, policy(true)).unwrap().0.images.len(), 1);
}

#[test]
fn the_entry_and_the_hint_are_named() {
    let error = super::process(&process().with("imgs[0].segs[0].padr", Tree::True), policy(false)).unwrap_err();
    assert_eq!(error.location().entry.as_deref(), Some("process.plist"));
    assert!(error.hint().unwrap().contains("lenient"));
}

#[test]
fn warnings_are_capped() {
    let images = vec![super::tree::dict([]); 1234];
    let (record, warnings) = super::process(&records::process(images), policy(true)).unwrap();
    assert!(record.images.is_empty());
    assert_eq!(warnings.len(), 1001);
    assert_eq!(warnings[1000], "process.plist: 234 more faults of these kinds");
}

//! Links on a real disk.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::shelf::{Folder, MAIN, whole};
use crate::bytes::{Bytes, Mode};
use crate::cache::CacheGroup;

fn write(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (name, bytes) in whole().files {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

fn open(path: &Path) -> CacheGroup {
    CacheGroup::open(path, &mut |path| Bytes::open(path, Mode::Map)).unwrap()
}

#[test]
fn a_link_out_of_the_folder_is_not_followed() {
    let folder = Folder::new("link-out");
    let (inside, outside) = (folder.0.join("inside"), folder.0.join("outside"));
    write(&inside);
    write(&outside);
    for suffix in [".01", ".symbols"] {
        let name = inside.join(format!("{MAIN}{suffix}"));
        fs::remove_file(&name).unwrap();
        symlink(outside.join(format!("{MAIN}{suffix}")), &name).unwrap();
    }
    let group = open(&inside.join(MAIN));
    assert_eq!(group.missing(), [format!("{MAIN}.01"), format!("{MAIN}.symbols")]);
    assert!(group.warnings().iter().all(|warning| warning.contains("a link that leaves the folder")));
    assert_eq!(group.warnings().len(), 2);
}

#[test]
fn links_within_the_folder_and_to_the_main_file_are_followed() {
    let folder = Folder::new("link-in");
    let (real, linked) = (folder.0.join("real"), folder.0.join("linked"));
    write(&real);
    fs::create_dir_all(&linked).unwrap();
    // Each file on its own, as package managers lay them out, with the main file leading the way.
    for name in whole().files.keys() {
        symlink(real.join(name), linked.join(name)).unwrap();
    }
    assert!(open(&linked.join(MAIN)).missing().is_empty());
    // The folder as a whole, and one file by another's name.
    symlink(&real, folder.0.join("again")).unwrap();
    fs::rename(real.join(format!("{MAIN}.01")), real.join("first")).unwrap();
    symlink("first", real.join(format!("{MAIN}.01"))).unwrap();
    let group = open(&folder.0.join("again").join(MAIN));
    assert_eq!((group.missing(), group.files().len()), (&[][..], 4));
}

#[test]
fn files_are_beside_what_the_link_leads_to() {
    let folder = Folder::new("link-target");
    let real = folder.0.join("real");
    write(&real);
    // Under another name, in another folder, and one link by another.
    symlink(real.join(MAIN), folder.0.join("cache")).unwrap();
    symlink("cache", folder.0.join(MAIN)).unwrap();
    for name in ["cache", MAIN] {
        let group = open(&folder.0.join(name));
        assert_eq!((group.missing(), group.warnings()), (&[][..], &[][..]), "{name}");
        assert_eq!((group.main().name.as_str(), group.files().len()), (name, 4));
        assert_eq!(group.files()[1].path, real.canonicalize().unwrap().join(format!("{MAIN}.01")));
        assert!(group.symbols().is_some());
    }
    // What lies beside the link comes first, if it is the right one.
    fs::copy(real.join(format!("{MAIN}.01")), folder.0.join("cache.01")).unwrap();
    fs::copy(real.join(format!("{MAIN}.01")), folder.0.join("cache.02.dylddata")).unwrap();
    fs::remove_file(real.join(format!("{MAIN}.03.dyldlinkedit"))).unwrap();
    let group = open(&folder.0.join("cache"));
    assert_eq!(group.files()[1].path, folder.0.join("cache.01"));
    assert_eq!(group.files()[2].path, real.canonicalize().unwrap().join(format!("{MAIN}.02.dylddata")));
    assert_eq!((group.missing(), group.warnings()), (&["cache.03.dyldlinkedit".to_owned()][..], &[][..]));
}

/// Darwin has no such names.
#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let folder = Folder::new("no-text");
    for (end, bytes) in whole().files.iter().map(|(name, bytes)| (name.strip_prefix(MAIN).unwrap(), bytes)) {
        fs::write(folder.0.join(OsStr::from_bytes(&[b"caf\xe9", end.as_bytes()].concat())), bytes).unwrap();
    }
    let main = folder.0.join(OsStr::from_bytes(b"caf\xe9"));
    let group = open(&main);
    assert_eq!((group.missing(), group.files().len()), (&[][..], 4));
    assert!(group.files().iter().all(|file| file.path.exists() && file.name.starts_with("caf\u{fffd}")));
    fs::remove_file(&group.files()[1].path).unwrap();
    let group = open(&main);
    assert_eq!((group.missing()[0].as_str(), group.missing().len()), ("caf\u{fffd}.01", 1));
    assert_eq!(group.missing_file_names(), [OsStr::from_bytes(b"caf\xe9.01")]);
    // The other of the two is found by the same rule.
    for (path, expected) in [("a.development", Some("a")), ("a.b.development", Some("a.b")), (".development", None)] {
        assert_eq!(super::super::customer_name(OsStr::new(path)), expected.map(OsStr::new), "{path}");
    }
}

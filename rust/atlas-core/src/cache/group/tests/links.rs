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

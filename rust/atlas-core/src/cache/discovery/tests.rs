//! Caches in folders and in systems.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use super::{FOLDERS, SIMULATORS, find, installed};
use crate::cache::file::tests::builder::Builder;
use crate::cache::group::tests::shelf::{Folder, subcache};
use crate::error::ErrorKind;

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A cache with its own UUID.
fn cache(uuid: u8) -> Vec<u8> {
    let mut builder = Builder::new("dyld_v1  arm64e", 0x200);
    (builder.uuid, builder.images) = ([uuid; 16], vec![(0x1_8000_0000, "/a")]);
    builder.build()
}

fn below(folder: &Folder, found: &[PathBuf]) -> Vec<String> {
    found.iter().map(|path| path.strip_prefix(&folder.0).unwrap().to_str().unwrap().replace('\\', "/")).collect()
}

#[test]
fn main_files_of_any_tree() {
    let folder = Folder::new("find");
    let files: [(&str, Vec<u8>); 13] = [
        ("b/dyld_shared_cache_arm64e", cache(1)),
        ("b/dyld_shared_cache_arm64e.01", subcache(9, 0x200).build()),
        ("b/dyld_shared_cache_arm64e.development", cache(2)),
        ("b/dyld_shared_cache_arm64e.02.development", cache(3)),
        ("b/dyld_shared_cache_arm64e.symbols", cache(4)),
        ("a/deep/down/dyld_sim_shared_cache_x86_64", cache(5)),
        ("c/the_same_again", cache(1)),
        ("c/subcache_without_a_dot", subcache(9, 0x200).build()),
        ("c/malformed", b"dyld_v1  arm64e\0\xff\xff\xff\xff\0\0\0\0".to_vec()),
        ("c/short", b"dyld".to_vec()),
        ("c/text", b"anything else".to_vec()),
        ("c/empty", Vec::new()),
        ("z_other", cache(6)),
    ];
    for (name, bytes) in &files {
        write(&folder.0.join(name), bytes);
    }
    let expected = [
        "z_other",
        "a/deep/down/dyld_sim_shared_cache_x86_64",
        "b/dyld_shared_cache_arm64e",
        "b/dyld_shared_cache_arm64e.development",
        // Nobody else would say that it is there.
        "c/malformed",
        // Which of the two is whole is not known here.
        "c/the_same_again",
    ];
    assert_eq!(below(&folder, &find(&folder.0).unwrap()), expected);
    let error = find(&folder.0.join("nothing")).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Io { .. }), "{error}");
}

#[test]
fn old_caches_without_a_uuid_are_all_found() {
    let folder = Folder::new("find-old");
    for name in ["one", "two"] {
        write(&folder.0.join(name), &Builder::new("dyld_v1   armv6", 0x28).build());
    }
    assert_eq!(below(&folder, &find(&folder.0).unwrap()), ["one", "two"]);
}

#[test]
fn folders_may_be_deep() {
    let folder = Folder::new("find-deep");
    let at = |depth: usize| folder.0.join(vec!["d"; depth].join("/")).join("cache");
    write(&at(31), &cache(1));
    write(&at(200), &cache(2));
    assert_eq!(find(&folder.0).unwrap(), [at(31), at(200)]);
}

#[test]
fn a_system_keeps_its_caches_in_known_places() {
    let folder = Folder::new("installed");
    for (place, uuid) in FOLDERS.iter().zip(1..) {
        write(&folder.0.join(place).join("dyld_shared_cache_arm64e"), &cache(uuid));
        write(&folder.0.join(place).join("deeper/dyld_shared_cache_arm64e"), &cache(uuid + 100));
    }
    // The same cache by another way, and one elsewhere.
    write(&folder.0.join("System/Library/dyld/dyld_shared_cache_x86_64"), &cache(1));
    write(&folder.0.join("elsewhere/dyld_shared_cache_arm64e"), &cache(80));
    let simulators = [
        format!(
            "{SIMULATORS}/Caches/dyld/23A1/com.apple.CoreSimulator.SimRuntime.iOS-17-0.21A1/dyld_sim_shared_cache_arm64"
        ),
        format!(
            "{SIMULATORS}/Volumes/iOS_21A1/{SIMULATORS}/Profiles/Runtimes/iOS 17.0.simruntime/Contents/Resources/RuntimeRoot/System/Library/Caches/com.apple.dyld/dyld_sim_shared_cache_arm64"
        ),
        format!(
            "{SIMULATORS}/Profiles/Runtimes/tvOS.simruntime/Contents/Resources/RuntimeRoot/System/Library/dyld/dyld_sim_shared_cache_arm64"
        ),
    ];
    for (name, uuid) in simulators.iter().zip(90..) {
        write(&folder.0.join(name), &cache(uuid));
    }
    let mut expected: Vec<_> = FOLDERS.iter().map(|place| format!("{place}/dyld_shared_cache_arm64e")).collect();
    expected.extend(simulators);
    assert_eq!(below(&folder, &installed(&folder.0)), expected);
    assert!(installed(&folder.0.join("nothing")).is_empty());
}

#[cfg(unix)]
#[test]
fn links_lead_neither_around_nor_out() {
    use std::os::unix::fs::symlink;

    let folder = Folder::new("find-links");
    let (root, outside) = (folder.0.join("root"), folder.0.join("outside"));
    write(&root.join("System/Library/dyld/dyld_shared_cache_arm64e"), &cache(1));
    write(&outside.join("System/Library/Caches/com.apple.dyld/dyld_shared_cache_arm64e"), &cache(2));
    symlink(&root, root.join("around")).unwrap();
    symlink(&outside, root.join("out")).unwrap();
    symlink(outside.join("System/Library/Caches"), root.join("System/Library/Caches")).unwrap();
    let only = [root.join("System/Library/dyld/dyld_shared_cache_arm64e")];
    assert_eq!(find(&root).unwrap(), only);
    assert_eq!(installed(&root), only);
    // Inside the root a link is a way like any other, as from the Cryptexes of macOS to where they lie.
    let real = root.join("System/Volumes/Preboot/Real");
    write(&real.join("System/Library/dyld/dyld_shared_cache_arm64e"), &cache(3));
    fs::create_dir_all(root.join("System/Cryptexes")).unwrap();
    symlink(&real, root.join("System/Cryptexes/OS")).unwrap();
    assert_eq!(
        installed(&root),
        [root.join("System/Cryptexes/OS/System/Library/dyld/dyld_shared_cache_arm64e"), only[0].clone()]
    );
}

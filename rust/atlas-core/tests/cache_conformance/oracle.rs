//! The reader of the `object` crate, where it can read the file: it knows no magic of arm64e.x1 and arm64_32.

use object::Endianness;
use object::read::macho::DyldCache;

use super::support::caches::cache_folder;
use super::{BUILT, group, path};

#[test]
fn as_another_reader_sees_them() {
    let built = BUILT.map(|name| format!("built-1378/{name}"));
    let mut names: Vec<_> = built.iter().map(String::as_str).collect();
    names.extend(["real/arm64-two-images", "real/arm64-dyld1042", "real/arm64e-objc"]);
    names.extend(["split/macos12-v1", "split/macos13-v2", "split/macos26-slide5"]);
    for name in names {
        let Some(folder) = cache_folder(name) else { return };
        let mut mains: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        mains.retain(|path| path.extension().is_none());
        assert_eq!(mains.len(), 1, "{name}");
        compare(name, &mains[0]);
    }
}

fn compare(name: &str, main: &std::path::Path) {
    let group = group(main);
    let data: &[u8] = group.main().file.bytes();
    let suffixes = DyldCache::<Endianness>::subcache_suffixes(data).unwrap();
    let others: Vec<&[u8]> =
        group.files().iter().skip(1).chain(group.symbols()).map(|file| &**file.file.bytes()).collect();
    let found: Vec<_> = group.files().iter().skip(1).chain(group.symbols()).map(|file| file.name.as_str()).collect();
    let expected: Vec<_> = suffixes.iter().map(|suffix| format!("{}{suffix}", group.main().name)).collect();
    assert_eq!(found, expected, "{name}");
    let cache = DyldCache::<Endianness>::parse(data, &others).unwrap();

    let ours: Vec<_> =
        group.main().file.images().map(|image| (image.address.0, path(&group, image.path_offset))).collect();
    let theirs: Vec<_> = cache
        .images()
        .map(|image| (image.info().address.get(cache.endianness()), image.path().unwrap().to_owned()))
        .collect();
    assert_eq!(ours, theirs, "{name}");

    let mut ours = group.files().iter().flat_map(|file| file.file.mappings());
    for theirs in cache.mappings() {
        let ours = ours.next().unwrap();
        assert_eq!(
            (ours.address.0, ours.size, ours.file_offset),
            (theirs.address(), theirs.size(), theirs.file_offset())
        );
        for step in 0..=8 {
            let address = theirs.address() + (theirs.size() - 1) / 8 * step;
            let place = group.at(address).unwrap();
            let (data, offset) = cache.data_and_offset_for_address(address).unwrap();
            assert_eq!(place.file_offset, offset);
            assert_eq!(data.as_ptr(), group.files()[place.file].file.bytes().as_ptr(), "{name} {address:#x}");
        }
        assert!(group.at(theirs.address() - 1).is_none_or(|place| place.left == 1), "{name}");
    }
    assert!(ours.next().is_none(), "{name}");
}

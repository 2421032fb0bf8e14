//! Shared caches opened from their files: with an atlas and without, whole and in parts.
//!
//! The fixtures are no part of the project: `DYLD_ATLAS_FIXTURES`, by default `../shared/fixtures` beside the checkout.

// The allowances for tests do not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atlas_core::ErrorKind;
use atlas_core::address::{PreferredAddress, Slide};
use atlas_core::archive::ArchiveWriter;
use atlas_core::bytes::{Bytes, Mode};
use atlas_core::cache::RecordOrigin;
use atlas_core::model::{ImageSet, OpenCacheOptions, Opening, Options, SharedCache};
use support::caches::{cache_folder, cache_json, number};

const ARM64E: &str = "dyld_shared_cache_arm64e";

/// A copy of the files of a cache, gone in the end.
struct Folder(PathBuf);

impl Folder {
    fn copy(test: &str, from: &Path) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("shared-cache-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
        Self(folder)
    }

    fn main(&self) -> PathBuf {
        self.0.join(ARM64E)
    }

    fn atlas(&self) -> PathBuf {
        self.0.join(format!("{ARM64E}.atlas"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn open(path: &Path) -> Arc<SharedCache> {
    SharedCache::open(path, OpenCacheOptions::default()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn scavenge(path: &Path) -> Arc<SharedCache> {
    SharedCache::open(path, OpenCacheOptions { scavenge: true, ..OpenCacheOptions::default() }).unwrap()
}

/// What two ways to the same cache must agree on.
fn assert_same(a: &Arc<SharedCache>, b: &Arc<SharedCache>) {
    assert_eq!((a.uuid(), a.vm_size(), a.pointer_size()), (b.uuid(), b.vm_size(), b.pointer_size()));
    assert_eq!(a.subcaches(), b.subcaches());
    assert_eq!(a.mappings(), b.mappings());
    let [a, b] = [a, b].map(|cache| Arc::new(ImageSet::of_cache(Arc::clone(cache))));
    assert_eq!(a.len(), b.len());
    assert_eq!((&a.columns().address, &a.columns().uuid), (&b.columns().address, &b.columns().uuid));
    assert_eq!(a.columns().vm_end, b.columns().vm_end);
    let [segments, others] = [&a, &b].map(|set| set.segment_columns());
    assert_eq!((&segments.address, &segments.vm_size), (&others.address, &others.vm_size));
    assert_eq!(segments.permissions, others.permissions);
    for index in 0..a.len() {
        assert_eq!(a.install_name(index), b.install_name(index));
    }
}

#[test]
fn an_atlas_beside_the_cache_is_used_unless_it_is_unwanted() {
    let Some(from) = cache_folder("built-1378/arm64e-v5") else { return };
    let folder = Folder::copy("atlas", &from);
    let scavenged = open(&folder.main());
    assert_eq!((scavenged.known().origin(), scavenged.warnings().len()), (RecordOrigin::Scavenged, 0));
    fs::write(folder.atlas(), scavenged.to_atlas(None).unwrap()).unwrap();
    let cache = open(&folder.main());
    assert_eq!((cache.known().origin(), cache.warnings().len()), (RecordOrigin::BesideCache, 0));
    assert_same(&cache, &scavenged);
    assert_eq!(cache.verify().unwrap(), [""; 0]);
    assert_eq!(cache.to_atlas(None).unwrap(), scavenged.to_atlas(None).unwrap());
    let again = scavenge(&folder.main());
    assert_eq!(again.known().origin(), RecordOrigin::Scavenged);
    assert_same(&again, &scavenged);
    assert!(Arc::ptr_eq(again.known(), scavenged.known()), "one record for the same files");
}

#[test]
fn an_atlas_that_does_not_fit_costs_a_warning() {
    let Some(from) = cache_folder("built-1378/arm64e-v5") else { return };
    let Some(other) = cache_folder("built-1378/arm64-v2-split") else { return };
    let folder = Folder::copy("unfit", &from);
    let of_another = open(&other.join("dyld_shared_cache_arm64")).to_atlas(None).unwrap();
    let own = open(&folder.main()).to_atlas(None).unwrap();
    let mut damaged = own.clone();
    let place = damaged.len() / 2;
    damaged[place] ^= 0x55;
    for (bytes, says) in
        [(&of_another[..], "records of others only"), (b"nothing", "Apple Archive"), (&damaged, "CRC-32C")]
    {
        fs::write(folder.atlas(), bytes).unwrap();
        let cache = open(&folder.main());
        assert_eq!(cache.known().origin(), RecordOrigin::Scavenged);
        let [warning] = cache.warnings() else { panic!("{:?}", cache.warnings()) };
        assert!(warning.contains(says) && warning.contains(".atlas"), "{warning}");
        assert_eq!(cache.verify().unwrap().len(), 1, "the atlas is a finding");
    }
}

#[test]
fn a_universal_pair_is_in_one_atlas() {
    let Some(folder) = cache_folder("built-1378/arm64-universal") else { return };
    let customer = open(&folder.join("dyld_shared_cache_arm64"));
    let development = open(&folder.join("dyld_shared_cache_arm64.development"));
    assert_eq!(customer.to_atlas(None).unwrap(), development.to_atlas(None).unwrap());
    let copy = Folder::copy("universal", &folder);
    fs::write(copy.0.join("dyld_shared_cache_arm64.atlas"), customer.to_atlas(None).unwrap()).unwrap();
    for main in ["dyld_shared_cache_arm64", "dyld_shared_cache_arm64.development"] {
        let cache = open(&copy.0.join(main));
        assert_eq!((cache.known().origin(), cache.warnings().len()), (RecordOrigin::BesideCache, 0), "{main}");
        assert_same(&cache, &open(&folder.join(main)));
        let rewritten = cache.to_atlas(None).unwrap();
        let archive =
            atlas_core::archive::Archive::from_bytes(rewritten.into(), &atlas_core::Limits::default()).unwrap();
        assert_eq!(archive.entries().len(), 4, "one record and a link for each other way to it");
    }
}

#[test]
fn all_caches_fit_together() {
    for (folder, main) in [
        ("built-1378/arm64-v2-split", "dyld_shared_cache_arm64"),
        ("built-1378/arm64-universal", "dyld_shared_cache_arm64"),
        ("built-1378/arm64-universal", "dyld_shared_cache_arm64.development"),
        ("built-1378/arm64e-v5", ARM64E),
        ("built-1378/x86_64-single", "dyld_shared_cache_x86_64"),
        ("scale/big-arm64e", ARM64E),
        ("real/arm64-two-images", "dyld_shared_cache_arm64"),
        ("real/arm64-dyld1042", "dyld_shared_cache_arm64"),
        ("real/arm64e-objc", ARM64E),
        ("split/macos12-v1", ARM64E),
        ("split/macos13-v2", ARM64E),
        ("split/macos26-slide5", ARM64E),
        ("split/macos27-x1", "dyld_shared_cache_arm64e_x1"),
    ] {
        let Some(path) = cache_folder(folder) else { return };
        let cache = open(&path.join(main));
        assert_eq!(cache.verify().unwrap(), [""; 0], "{folder} {main}");
        assert_eq!((cache.pointer_size(), cache.platform()), (8, Some(1)), "{folder}");
        let architecture = cache.architecture().replace('.', "_");
        assert!(main.ends_with(&architecture) || main.ends_with("development"), "{folder} {architecture}");
        assert!(cache.missing_files().is_empty(), "{folder}");
    }
}

#[test]
fn a_missing_file_costs_its_images_only() {
    let Some(from) = cache_folder("built-1378/arm64e-v5") else { return };
    let whole = open(&from.join(ARM64E));
    let folder = Folder::copy("missing", &from);
    fs::write(folder.atlas(), whole.to_atlas(None).unwrap()).unwrap();
    let data = format!("{ARM64E}.02.dylddata");
    fs::remove_file(folder.0.join(&data)).unwrap();
    for cache in [open(&folder.main()), scavenge(&folder.main())] {
        assert_eq!(cache.missing_files(), [data.as_str().into()]);
        let names = |cache: &SharedCache| cache.subcaches().iter().map(|file| file.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&cache), names(&whole));
        assert!(!cache.verify().unwrap().is_empty());
        let [all, rest] = [&whole, &cache].map(|cache| ImageSet::of_cache(Arc::clone(cache)));
        assert_eq!(all.segment_columns().address, rest.segment_columns().address, "headers lie in another file");
    }
    fs::remove_file(folder.0.join(format!("{ARM64E}.01"))).unwrap();
    let cache = scavenge(&folder.main());
    assert_eq!(cache.missing_files().len(), 2);
    let images = ImageSet::of_cache(Arc::clone(&cache));
    assert_eq!((images.len(), images.segment_columns().len()), (24, 0));
    let all = ImageSet::of_cache(whole);
    assert_eq!(images.columns().uuid, all.columns().uuid);
    // The tables of the main file still say where their texts lie.
    let images = Arc::new(images);
    for (index, (address, end)) in images.columns().address.iter().zip(&images.columns().vm_end).enumerate() {
        for inside in [*address, end - 1] {
            let found = images.resolve(inside).unwrap();
            assert_eq!(
                (found.image.index() as usize, found.segment.is_none(), found.offset),
                (index, true, inside - address)
            );
        }
        assert_eq!(all.at(*address), Some(index as u32));
    }
    assert!(
        cache.warnings().iter().any(|warning| warning.contains("24 images lie in no file")),
        "{:?}",
        cache.warnings()
    );
}

#[test]
fn a_slide_moves_images_and_no_table() {
    let Some(path) = cache_folder("built-1378/arm64e-v5") else { return };
    let plain = open(&path.join(ARM64E));
    for slide in [0x4000, 0_u64.wrapping_sub(0x8000)] {
        let options = OpenCacheOptions { slide: Slide(slide), ..OpenCacheOptions::default() };
        let cache = SharedCache::open(&path.join(ARM64E), options).unwrap();
        assert_eq!(cache.slide(), Slide(slide));
        assert_eq!(cache.address().0, plain.address().0.wrapping_add(slide));
        let [moved, images] = [&cache, &plain].map(|cache| Arc::new(ImageSet::of_cache(Arc::clone(cache))));
        for index in 0..images.len() {
            let (moved, image) = (moved.get(index).unwrap(), images.get(index).unwrap());
            assert_eq!(moved.address().0, image.address().0.wrapping_add(slide));
            assert_eq!(moved.preferred_load_address(), image.preferred_load_address());
        }
    }
}

#[test]
fn sections_are_those_that_another_reader_saw() {
    let Some(path) = cache_folder("built-1378/arm64e-v5") else { return };
    let facts = cache_json("built-1378/arm64e-v5/facts.json.gz").unwrap();
    let cache = open(&path.join(ARM64E));
    let mut seen = 0;
    for image in support::list(&facts[ARM64E]["images"]) {
        let sections = cache.sections_at(PreferredAddress(number(&image["address"]))).unwrap();
        let expected = support::list(&image["sections"]);
        assert_eq!(sections.len(), expected.len());
        for (section, expected) in sections.iter().zip(expected) {
            let text = |field: usize| expected[field].as_str().unwrap();
            assert_eq!((section.segment_name.text(), section.name.text()), (text(0).into(), text(1).into()));
            assert_eq!(section.address.0, number(&expected[2]));
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
    assert!(cache.sections_at(PreferredAddress(0x1000)).is_err());
}

#[test]
fn the_map_names_every_mapping_image_and_segment() {
    let Some(path) = cache_folder("built-1378/arm64e-v5") else { return };
    let cache = open(&path.join(ARM64E));
    let text = cache.map_text().unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "mapping  EX   16KB 0x180000000 -> 0x180004000");
    assert_eq!(lines.iter().filter(|line| line.starts_with("mapping ")).count(), cache.mappings().len());
    let images = ImageSet::of_cache(cache);
    assert_eq!(lines.iter().filter(|line| line.starts_with('/')).count(), images.len());
    assert_eq!(lines.iter().filter(|line| line.starts_with('\t')).count(), images.segment_columns().len());
    let first = lines.iter().position(|line| line.starts_with('/')).unwrap();
    assert_eq!(&lines[first - 2..first], ["", ""]);
    assert_eq!(lines[first + 1], "\t          __TEXT 0x180008000 -> 0x180008EE3");
}

#[test]
fn a_snapshot_finds_its_cache_by_the_main_file() {
    let Some(path) = cache_folder("built-1378/arm64e-v5") else { return };
    let cache = open(&path.join(ARM64E));
    let uuid = format!("{:X}", cache.uuid().as_hyphenated());
    let slide = 0x10_0000;
    let process = |path: &Path| -> Bytes {
        let base = cache.preferred_load_address().0 + slide;
        let plist = support::build::process_plist_at(&uuid, base, &[0xff; 3], &path.to_string_lossy());
        let mut writer = ArchiveWriter::new();
        writer.add_file(b"process.plist", plist).unwrap();
        writer.to_bytes(None).unwrap().into()
    };
    let mut opening = Opening::new(process(Path::new("/nowhere/cache")), Options::default()).unwrap();
    opening.offer_installed();
    assert!(opening.wanted().is_some());
    let Some(other) = cache_folder("built-1378/arm64-v2-split") else { return };
    assert!(!opening.offer_cache(&other.join("dyld_shared_cache_arm64")).unwrap(), "another UUID");
    assert!(opening.offer_cache(&path.join(ARM64E)).unwrap());
    let given = opening.finish().unwrap();

    let mut opening = Opening::new(process(&path.join(ARM64E)), Options::default()).unwrap();
    opening.offer_installed();
    let installed = opening.finish().unwrap();
    for snapshot in [&given, &installed] {
        let found = snapshot.shared_cache().unwrap();
        assert_eq!((found.known().origin(), found.slide()), (RecordOrigin::Scavenged, Slide(slide)));
        assert_eq!(snapshot.images().len(), 24);
        assert_eq!(found.memory().unwrap().group().files().len(), 5);
        assert_eq!(snapshot.warnings(), [""; 0]);
        // Written again, it stands alone.
        let alone: Bytes = snapshot.to_bytes(None).unwrap().into();
        let alone = Opening::new(alone, Options::default()).unwrap().finish().unwrap();
        assert_eq!(alone.images().columns().uuid, snapshot.images().columns().uuid);
        assert_eq!(alone.images().segment_columns().address, snapshot.images().segment_columns().address);
        let alone = alone.shared_cache().unwrap();
        assert_eq!(alone.known().origin(), RecordOrigin::Embedded);
        let error = alone.memory().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::MissingData(_)), "{error}");
        assert!(alone.open_memory(&other.join("dyld_shared_cache_arm64"), Mode::Map).is_err());
        assert!(alone.open_memory(&path.join(ARM64E), Mode::Map).is_ok());
        assert!(alone.sections_at(alone.preferred_load_address()).is_err(), "no image lies at the base");
    }
}

#[test]
fn images_are_found_by_every_path_that_the_cache_knows() {
    let Some(path) = cache_folder("scale/big-arm64e") else { return };
    let images = ImageSet::of_cache(open(&path.join(ARM64E)));
    let group = images.cache().unwrap().group().unwrap();
    let paths = atlas_core::cache::tables::DylibsTrie::of(group).unwrap().unwrap().paths().entries;
    let aliases = paths.iter().filter(|(path, index)| !images.install_name(*index as usize).unwrap().is(path));
    let aliases: Vec<_> = aliases.collect();
    assert!(paths.len() > images.len() && !aliases.is_empty());
    for (path, index) in aliases.iter().take(100) {
        assert_eq!(images.by_name(path), Some(*index), "{path}");
    }
    assert_eq!((images.by_name("/usr/lib/none.dylib"), images.by_name("none")), (None, None));
}

//! What cores without a sound atlas still tell, and what is said of the rest.

use super::super::core::Core as CoreFile;
use super::cores::{self, ARM64, ARM64_32, Core, Image, Noted};
use super::publisher::{SEALED, atlas};
use crate::archive::ArchiveWriter;
use crate::error::Result;
use crate::limits::Limits;
use crate::model::{Options, Snapshot};
use crate::schema::Policy;

const AT: u64 = 0x7_0000;
const ARRAY: u64 = 0x100_0000;
const ATLAS: u64 = 0x8_0000;

fn read_with(core: &Core, options: Options) -> Result<Snapshot> {
    CoreFile::from_bytes(core.build().into())?.snapshot(options)?.finish()
}

fn read(core: &Core) -> Snapshot {
    read_with(core, Options::default()).unwrap()
}

fn options(lenient: bool, limits: Limits) -> Options {
    Options { policy: Policy { lenient, limits }, ..Options::default() }
}

fn warns(snapshot: &Snapshot, of: &str) -> bool {
    snapshot.warnings().iter().any(|warning| warning.contains(of))
}

fn addresses(snapshot: &Snapshot) -> Vec<u64> {
    snapshot.images().columns().address.clone()
}

fn path(snapshot: &Snapshot, index: usize) -> Option<String> {
    snapshot.images().get(index).unwrap().file_path().map(|path| path.decode_lossy().into_owned())
}

/// `dyld_all_image_infos` where a note says that it is, with these fields.
fn announced(fields: &[(usize, u64, usize)]) -> Core {
    Core::new(ARM64).note("main bin spec", &cores::main_bin_spec(2, 4, AT, 1)).segment(
        AT,
        3,
        cores::infos(true, fields),
    )
}

/// dyld's list of `count` images, `step` apart, of which the core holds the first `held` bytes.
fn list(count: u64, step: u64, held: usize, fields: &[(usize, u64, usize)]) -> Core {
    let mut array: Vec<u8> =
        (0..count).flat_map(|index| [0x1_0000_0000 + index * step, 0, 0]).flat_map(u64::to_le_bytes).collect();
    array.truncate(held);
    announced(&[&[(4, count, 4), (8, ARRAY, 8)], fields].concat()).segment(ARRAY, 3, array)
}

fn library(core: Core, address: u64, segments: &[(&'static str, u64, u64, u32)], kind: u32) -> Core {
    let image = Image { kind, segments: segments.to_vec(), ..Image::new("/usr/lib/l") };
    core.segment(address, 5, cores::image_header(ARM64, &image))
}

#[test]
fn odd_permissions_in_a_header_spoil_nothing() {
    for lenient in [false, true] {
        let core = library(list(2, 0x10_0000, usize::MAX, &[]), 0x1_0000_0000, &[("__TEXT", 0, 0x4000, 0x105)], 6);
        let found = read_with(&core, options(lenient, Limits::default())).unwrap();
        assert_eq!(addresses(&found).len(), 2);
        let permissions: Vec<_> =
            found.images().get(0).unwrap().segments().map(|segment| segment.permissions()).collect();
        assert_eq!(permissions, [5]);
    }
}

#[test]
fn a_damaged_atlas_is_no_reason_to_lose_the_list() {
    let archive = |entry: &str, plist: Vec<u8>| {
        let mut writer = ArchiveWriter::new();
        writer.add_file(entry.as_bytes(), plist).unwrap();
        writer.to_bytes(None).unwrap()
    };
    let mut writer = crate::bplist::Writer::new();
    let pair = (writer.text("proc"), writer.integer(1));
    let top = writer.dictionary(&[pair]);
    let mut torn = atlas(3, SEALED);
    torn[200..300].fill(0);
    let damaged = [
        torn,
        b"none".to_vec(),
        archive("other", vec![1]),
        archive("process.plist", b"bplist00garbage".to_vec()),
        archive("process.plist", writer.finish(top).unwrap()),
    ];
    for (index, bytes) in damaged.into_iter().enumerate() {
        // The first is readable in parts.
        for lenient in [false, index > 0] {
            let fields = [(0x130, ATLAS, 8), (0x138, bytes.len() as u64, 8), (0xb8, 5, 8)];
            let core = list(3, 0x10_0000, usize::MAX, &fields).segment(ATLAS, 3, bytes.clone());
            let found = read_with(&core, options(lenient, Limits::default())).unwrap();
            assert_eq!(found.record().timestamp, 5, "{index}");
            assert_eq!(addresses(&found).len(), 3, "{index}");
            assert!(warns(&found, "published is damaged in the core"), "{index} {:?}", found.warnings());
        }
    }
}

#[test]
fn lenient_openings_take_a_damaged_atlas_that_can_be_read() {
    let mut bytes = atlas(3, SEALED);
    let end = bytes.len() - 1;
    bytes[end] ^= 1;
    let fields = [(0x130, ATLAS, 8), (0x138, bytes.len() as u64, 8), (0xb8, 5, 8)];
    let core = list(3, 0x10_0000, usize::MAX, &fields).segment(ATLAS, 3, bytes);
    assert_eq!(read(&core).record().timestamp, 5, "the list");
    let found = read_with(&core, options(true, Limits::default())).unwrap();
    assert_eq!(found.record().timestamp, super::publisher::time(3), "the atlas");
    assert!(!found.warnings().is_empty());
}

#[test]
fn a_size_that_no_core_of_that_size_holds_is_no_matter_of_limits() {
    for size in [1 << 33, 1 << 62, u64::MAX] {
        let core = list(3, 0x10_0000, usize::MAX, &[(0x130, ATLAS, 8), (0x138, size, 8), (0xb8, 5, 8)]);
        let found = read(&core);
        assert_eq!(addresses(&found).len(), 3);
        assert!(warns(&found, "published is not in the core"), "{:?}", found.warnings());
    }
}

#[test]
fn the_part_of_the_array_that_is_there_is_read() {
    let found = read(&list(300, 0x1_0000, 0x1000, &[(0x20, 0x9_0000_0000, 8)]));
    assert_eq!(addresses(&found).len(), 171);
    assert!(warns(&found, "of 300 images in dyld's list only 170 are in the core"), "{:?}", found.warnings());
    // The others can be found by their headers, as far as those are there.
    let found = read(&library(list(300, 0x1_0000, 0x1000, &[]), 0x1_0000_0000 + 200 * 0x1_0000, &[], 6));
    assert_eq!((addresses(&found).len(), warns(&found, "names no whole list")), (171, true));
    let whole = read(&list(300, 0x1_0000, usize::MAX, &[]));
    assert!(!warns(&whole, "are in the core") && !warns(&whole, "names no whole list"), "{:?}", whole.warnings());
}

#[test]
fn uuids_are_known_without_headers() {
    for cpu in [ARM64, ARM64_32] {
        let width = if cpu.2 { 8 } else { 4 };
        let at = |wide: usize, narrow: usize| if cpu.2 { wide } else { narrow };
        let fields = [
            (4, 2, 4),
            (8, 0x9_0000, width),
            (at(0x58, 0x30), 3, width),
            (at(0x60, 0x34), 0xa_0000, width),
            (at(0x20, 0x14), 0x30_0000, width),
        ];
        let entry = |address: u64, uuid: u8| [&address.to_le_bytes()[..width], &[uuid; 16]].concat();
        let uuids = [entry(0x20_0000, 2), entry(0x30_0000, 3), entry(0x10_0000, 0)].concat();
        let core = Core::new(cpu)
            .note("main bin spec", &cores::main_bin_spec(1, 4, AT, 0))
            .segment(AT, 3, cores::infos(cpu.2, &fields))
            .segment(0x9_0000, 3, cores::info_array(cpu.2, 0x9_0000, &[(0x10_0000, "/a"), (0x20_0000, "/b")]))
            .segment(0xa_0000, 3, uuids);
        let found = read(&core);
        assert_eq!(addresses(&found), [0x10_0000, 0x20_0000, 0x30_0000]);
        let uuid = |index| found.images().get(index).unwrap().uuid().map(|uuid| uuid.as_bytes()[0]);
        assert_eq!((uuid(0), uuid(1), uuid(2)), (None, Some(2), Some(3)));
        assert_eq!(path(&found, 1).as_deref(), Some("/b"));
    }
}

#[test]
fn many_images_are_listed_up_to_the_limit() {
    let core = list(40_000, 0x1000, usize::MAX, &[]);
    let found = read(&core);
    assert_eq!(addresses(&found).len(), 40_000);
    assert!(!warns(&found, "left out") && warns(&found, "nothing tells the paths of 40000 images"));
    let limited = |images| read_with(&core, options(false, Limits { images, ..Limits::default() }));
    assert_eq!(limited(40_000).unwrap().images().len(), 40_000);
    let error = limited(3).unwrap_err();
    assert_eq!(error.kind().code(), 6);
    assert!(error.to_string().ends_with("the limit is 3, the input asks for 40000"), "{error}");
    // More than a file of that size can name in any useful way.
    let found = read(&list(1 << 17, 0x1000, usize::MAX, &[]));
    let (listed, all) = (addresses(&found).len(), 1 << 17);
    assert!(listed < all && warns(&found, &format!("{} images more than {listed} are left out", all - listed)));
}

#[test]
fn many_paths_are_read() {
    let images: Vec<(u64, String)> =
        (0..30_000).map(|index| (0x1_0000_0000 + index * 0x1000, format!("/usr/lib/{index:0>50}.dylib"))).collect();
    let borrowed: Vec<(u64, &str)> = images.iter().map(|(address, path)| (*address, path.as_str())).collect();
    let array = cores::info_array(true, ARRAY, &borrowed);
    let found = read(&announced(&[(4, 30_000, 4), (8, ARRAY, 8)]).segment(ARRAY, 3, array));
    assert_eq!(path(&found, 29_999).as_deref(), Some(borrowed[29_999].1));
    assert!(!warns(&found, "paths"), "{:?}", found.warnings());
}

#[test]
fn paths_that_are_too_many_are_told() {
    // All images have one path.
    let array: Vec<u8> = (0..30_000_u64)
        .flat_map(|index| [0x1_0000_0000 + index * 0x1000, ARRAY + 30_000 * 24, 0])
        .flat_map(u64::to_le_bytes)
        .chain([b'a'; 900])
        .chain([0])
        .collect();
    let found = read(&announced(&[(4, 30_000, 4), (8, ARRAY, 8)]).segment(ARRAY, 3, array));
    let without = (0..30_000).filter(|index| path(&found, *index).is_none()).count();
    assert!(without > 0 && without < 30_000);
    assert!(warns(&found, &format!("{without} paths in dyld's list of images are left out")), "{:?}", found.warnings());
    assert!(warns(&found, &format!("nothing tells the paths of {without} images")));
}

#[test]
fn paths_without_an_end_are_cut_between_characters_and_told() {
    // 1023 bytes and a NUL are a path; a byte more is not.
    for (bytes, length, is_cut) in [
        ([vec![b'a'; 1023], vec![0]].concat(), 1023, false),
        ([vec![b'a'; 1024], vec![0]].concat(), 1024, true),
        (["/".as_bytes(), "\u{e9}".repeat(600).as_bytes()].concat(), 1023, true),
        (["/".as_bytes(), "\u{1f600}".repeat(400).as_bytes()].concat(), 1021, true),
        (b"/bin/ex".to_vec(), 7, true),
    ] {
        let array = cores::info_array(true, ARRAY, &[(0x1_0000_0000, "")])[..24].to_vec();
        let core = announced(&[(4, 1, 4), (8, ARRAY, 8)]).segment(ARRAY, 3, [array, bytes.clone()].concat());
        let found = read(&core);
        let read_path = path(&found, 0).unwrap();
        assert_eq!((read_path.len(), warns(&found, "1 paths in dyld's list")), (length, is_cut), "{read_path}");
        assert!(String::from_utf8_lossy(&bytes).starts_with(&read_path), "{read_path}");
        // The name of a binary may end with its note.
        let mut note = cores::load_binary([5; 16], 0x1000, u64::MAX, "");
        note.pop();
        let found = read(&Core::new(ARM64).note("load binary", &[note, bytes].concat()));
        assert_eq!(path(&found, 0).unwrap().len(), length);
        assert_eq!(warns(&found, "1 paths in the core's notes"), is_cut && length > 7, "{:?}", found.warnings());
    }
}

#[test]
fn the_linkedit_of_a_cache_is_nobodys() {
    let image = |core, address: u64| {
        let segments = [("__TEXT", address, 0x4000, 5), ("__LINKEDIT", 0x9_0000_0000, 0x10_0000, 1)];
        library(core, address + 0x8000, &segments, 6)
    };
    let found = read(&image(image(Core::new(ARM64), 0x1_0000_0000), 0x2_0000_0000));
    let images = found.images();
    assert_eq!(
        (images.at(0x9_0000_8100), images.at(0x1_0000_8100), images.at(0x2_0000_8100)),
        (None, Some(0), Some(1))
    );
}

#[test]
fn nothing_lies_in_the_page_zero_of_an_executable() {
    let segments = [("__PAGEZERO", 0, 0, 0), ("__TEXT", 0x1_0000_0000, 0x4000, 5)];
    let mut image = Image { kind: 2, segments: segments.to_vec(), ..Image::new("") };
    image.segments[0].2 = 0x1_0000_0000;
    let mut header = cores::image_header(ARM64, &image);
    // The file has nothing of it, and __TEXT is at its beginning: file size, then file offset.
    header[32 + 48..32 + 56].fill(0);
    header[32 + 72 + 40..32 + 72 + 48].fill(0);
    let found = read(&Core::new(ARM64).segment(0x1_0400_0000, 5, header));
    assert_eq!((found.images().at(0x5000_0000), found.images().at(0x1_0400_0000)), (None, Some(0)));
    assert_eq!(found.images().get(0).unwrap().segment_count(), 2);
}

#[test]
fn without_any_image_the_reasons_are_told() {
    let mut note = cores::all_image_infos(0, &[], 48);
    note[0] = 2;
    let nowhere = Noted { path: Some("/bin/a"), uuid: [1; 16], address: u64::MAX, segments: vec![] };
    let core = Core::new(ARM64)
        .note("all image infos", &note)
        .note_at("all image infos", move |at| cores::all_image_infos(at, std::slice::from_ref(&nowhere), 48));
    let error = read_with(&core, Options::default()).unwrap_err();
    assert_eq!((error.kind().code(), error.location().offset), (4, None));
    let hint = error.hint().unwrap();
    for reason in
        ["of a version that is not known", "1 images in the core's notes have no address", "does not hold dyld"]
    {
        assert!(hint.contains(reason), "{hint}");
    }
    assert!(!hint.contains("are listed"), "{hint}");
}

#[test]
fn uuids_that_differ_are_told_with_those_who_differ() {
    let noted = |uuid| Noted { path: Some("/bin/a"), uuid: [uuid; 16], address: 0x10_0000, segments: vec![] };
    let lists = |other: u8| {
        let images = [noted(1), noted(other)];
        Core::new(ARM64).note_at("all image infos", move |at| cores::all_image_infos(at, &images, 48))
    };
    let (in_lists, in_headers) = ("different UUIDs in different lists", "other UUIDs in their headers");
    let warned = |core: &Core| (warns(&read(core), in_lists), warns(&read(core), in_headers));
    assert_eq!(warned(&lists(1)), (false, false));
    assert_eq!(warned(&lists(2)), (true, false));
    assert_eq!(warned(&library(lists(1), 0x10_0000, &[], 6)), (false, true));
}

#[test]
fn old_structures_are_read_as_far_as_they_go() {
    // dyldImageLoadAddress came with version 2, and libSystemInitialized with it.
    for (version, count, state) in [(1, 1, 0x10), (2, 2, 0x30), (300, 2, 0x30), (0x4000_0000, 2, 0x30)] {
        let fields = [(0, version, 4), (0x19, 1, 1), (0x20, 0x3_0000_0000, 8)];
        let found = read(&list(1, 1, usize::MAX, &fields));
        assert_eq!((addresses(&found).len(), found.record().state), (count, state), "{version}");
    }
}

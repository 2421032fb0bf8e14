//! Shared caches that somebody made to hurt: each ends quickly, in little memory, as an error or with less than it
//! says.

use std::cell::RefCell;
use std::io::{Error as IoError, ErrorKind as IoKind};
use std::path::{Path, PathBuf};

use atlas_core::archive::Archive;
use atlas_core::bytes::{Bytes, Mode};
use atlas_core::cache::local_symbols::LocalSymbols;
use atlas_core::cache::tables::{DylibsTrie, FunctionVariants, Prewarming};
use atlas_core::cache::{
    CacheFile, CacheGroup, KnownCache, NamedCache, SlideInfo, atlas, embedded, map_text, scavenge, verify,
};
use atlas_core::schema::Policy;
use atlas_core::{Error, ErrorKind, Limits, Result};

use crate::bounded;
use crate::growth::grows_no_faster;
use crate::synthetic::{ARM64, ARM64E, Cache, Plan, build};

const FOLDER: &str = "/nowhere";

/// Opens the files of `cache`; the second is what was asked for.
fn open(cache: &Cache) -> (Result<CacheGroup>, Vec<PathBuf>) {
    let asked = RefCell::new(Vec::new());
    let group = CacheGroup::open(&Path::new(FOLDER).join(cache.plan.main_name()), &mut |path| {
        asked.borrow_mut().push(path.to_owned());
        let file = path.file_name().and_then(|name| cache.file(name.to_str()?));
        let absent = || Error::io(path, IoError::from(IoKind::NotFound));
        file.map(|bytes| bytes.to_vec().into()).ok_or_else(absent)
    });
    (group, asked.into_inner())
}

fn parse(bytes: &[u8]) -> Result<CacheFile> {
    CacheFile::parse(Bytes::from(bytes.to_vec()))
}

fn put(bytes: &mut [u8], at: usize, number: &[u8]) {
    bytes[at..at + number.len()].copy_from_slice(number);
}

/// A main file whose bytes are changed before it is opened.
fn changed(plan: Plan, change: impl FnOnce(&mut Vec<u8>)) -> Cache {
    let mut cache = build(&plan);
    change(&mut cache.files[0].bytes);
    cache
}

/// Asks for everything that a group offers, each within the bounds; the record.
fn everything(what: &str, cache: &Cache) -> Result<KnownCache> {
    let length: usize = cache.files.iter().map(|file| file.bytes.len()).sum();
    let what = |part: &str| format!("{what}: {part}");
    let group = bounded(&what("open"), length, || open(cache).0)?;
    let warnings: usize = group.warnings().iter().map(String::len).sum();
    assert!(warnings < 1 << 20, "{warnings} bytes of warnings");
    bounded(&what("tables"), length, || {
        let trie = DylibsTrie::of(&group).ok().flatten().map_or(0, |trie| trie.paths().entries.len());
        let pages = Prewarming::of(&group).ok().flatten().map_or(0, |found| found.ranges.len());
        let variants = FunctionVariants::of(&group).ok().flatten().map_or(0, |found| found.entries.len());
        let symbols = LocalSymbols::of(&group).ok().flatten().map_or(0, |found| found.entries().len());
        trie + pages + variants + symbols
    });
    bounded(&what("pointers"), length, || {
        let mappings = group.files().iter().flat_map(|file| file.file.mappings().iter().map(|it| (&file.file, it)));
        let count = |(file, mapping): (&CacheFile, _)| {
            let info = SlideInfo::of(file, mapping, group.pointer_size()).ok().flatten();
            info.map_or(0, |info| info.pointers(&file.bytes()[mapping.file_range(file.bytes().len())]).count())
        };
        mappings.map(count).sum::<usize>()
    });
    let policy = Policy::default();
    bounded(&what("scavenge"), length, || scavenge(&group, Mode::Map, policy).map(|it| it.columns().images.len()))?;
    let known = scavenge(&group, Mode::Map, policy)?;
    assert!(known.warnings().len() <= 1002);
    bounded(&what("map"), length, || map_text(&group, &known).len());
    bounded(&what("verify"), length, || verify(&group, &known, None).len());
    Ok(known)
}

#[test]
fn counts_of_two_to_the_32() {
    let most = &u32::MAX.to_le_bytes();
    let plan = || Plan::new(ARM64E, 0x228, 5).split(2);
    // mappingCount, mappings with slide info, images, subcaches, TPRO.
    for (at, is_sound) in [(0x14, false), (0x13c, false), (0x1c4, false), (0x18c, false), (0x204, true)] {
        let cache = changed(plan(), |bytes| put(bytes, at, most));
        let found = everything("count", &cache);
        assert_eq!(found.is_ok(), is_sound, "{at:#x}");
        let Err(error) = found else { continue };
        assert!(matches!(error.kind(), ErrorKind::Cache(_)) && error.to_string().len() < 300, "{error}");
    }
    // imagesTextCount is of 64 bits.
    for count in [u64::MAX, u64::MAX / 32, 1 << 63, (1 << 59) + 1] {
        let cache = changed(plan(), |bytes| put(bytes, 0x90, &count.to_le_bytes()));
        assert!(everything("count of texts", &cache).is_err());
    }
    let old = changed(Plan::new(ARM64, 0x70, 2), |bytes| put(bytes, 0x1c, most));
    assert!(everything("old count", &old).is_err());
}

#[test]
fn headers_of_any_size() {
    for size in [0, 1, 0x10, 0x17, 0x18, 0x20, 0x21, 0x2000, u32::MAX - 31, u32::MAX] {
        let cache = changed(Plan::new(ARM64E, 0x228, 5), |bytes| put(bytes, 0x10, &size.to_le_bytes()));
        if let Err(error) = everything("header size", &cache) {
            assert!(matches!(error.kind(), ErrorKind::Cache(_)), "{size:#x}: {error}");
        }
    }
}

/// Where the mapping `index` and its row with slide info stand in a file of `count` mappings.
fn rows(header: usize, count: usize, index: usize) -> (usize, usize) {
    (header + 32 * index, header + 32 * count + 56 * index)
}

#[test]
fn mappings_of_2_to_the_63() {
    // Address, size, file offset; those that leave 64 bits are errors, those that leave the file are cut.
    let cases = [
        (0, 1 << 63, false),
        (8, 1 << 63, true),
        (8, u64::MAX, false),
        (16, 1 << 63, true),
        (16, u64::MAX, false),
        (0, u64::MAX, false),
        (0, u64::MAX - 0x1000_0000, true),
    ];
    for (field, number, is_sound) in cases {
        let cache = changed(Plan::new(ARM64E, 0x228, 5), |bytes| {
            let (plain, slid) = rows(0x228, 4, 1);
            put(bytes, plain + field, &u64::to_le_bytes(number));
            put(bytes, slid + field, &u64::to_le_bytes(number));
        });
        let found = everything("mapping", &cache);
        if is_sound {
            let (group, _) = open(&cache);
            assert!(!group.unwrap().warnings().is_empty() || number == u64::MAX - 0x1000_0000, "{field} {number:#x}");
        }
        assert!(found.is_ok() || !is_sound, "{field} {number:#x}: {:?}", found.err());
    }
}

#[test]
fn mappings_that_overlap_and_descend() {
    let order = |order: [usize; 3]| {
        changed(Plan::new(ARM64, 0x98, 0), |bytes| {
            let base = ARM64.base;
            for (index, place) in order.into_iter().enumerate() {
                put(bytes, 0x98 + 32 * index, &(base + 0x40 * place as u64).to_le_bytes());
                put(bytes, 0x98 + 32 * index + 8, &0x80_u64.to_le_bytes());
            }
        })
    };
    for places in [[0, 1, 2], [2, 1, 0], [0, 0, 0], [1, 2, 0]] {
        let cache = order(places);
        everything("overlap", &cache).unwrap();
        let group = open(&cache).0.unwrap();
        assert!(!group.warnings().is_empty());
        let (mut address, end) = (ARM64.base, ARM64.base + 0x100);
        while let Some(place) = group.at(address) {
            assert!(place.left > 0);
            address += place.left;
        }
        assert!(address <= end);
    }
}

#[test]
fn names_that_lead_out_of_the_folder() {
    let plan = Plan::new(ARM64E, 0x228, 5).split(2);
    let row = |cache: &Cache| {
        let bytes = &cache.files[0].bytes;
        u32::from_le_bytes(bytes[0x188..0x18c].try_into().unwrap()) as usize
    };
    let suffixes: [&[u8]; 9] =
        [b"/../../etc/passwd", b"../x", b"/etc/passwd", b"/", b"\\..\\x", b".01\0/../x", b"", b".01/.", &[0xff; 32]];
    for suffix in suffixes {
        let cache = changed(plan.clone(), |_| ());
        let at = row(&cache) + 24;
        let cache = changed(plan.clone(), |bytes| {
            put(bytes, at, &[0; 32]);
            put(bytes, at, suffix);
        });
        let (group, asked) = open(&cache);
        let group = group.unwrap();
        for path in asked {
            assert_eq!(path.parent(), Some(Path::new(FOLDER)), "{}", path.display());
            assert!(
                path.file_name().is_some_and(|name| name.to_str().is_some_and(|name| name.starts_with("dyld_shared")))
            );
        }
        assert_eq!((group.files().len(), group.missing().len()), (2, usize::from(!suffix.is_empty())), "{suffix:?}");
        everything("name", &cache).unwrap();
    }
}

#[test]
fn files_that_name_each_other_and_themselves() {
    // Every entry is the main file's own UUID, and every suffix is the same.
    let plan = Plan::new(ARM64E, 0x228, 5).split(40);
    let cache = build(&plan);
    let (table, uuid) =
        (u32::from_le_bytes(cache.files[0].bytes[0x188..0x18c].try_into().unwrap()), cache.files[0].uuid);
    let cache = changed(plan, |bytes| {
        for index in 0..40 {
            put(bytes, table as usize + 56 * index, &uuid);
            put(bytes, table as usize + 56 * index + 24, b".01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        }
    });
    let (group, asked) = open(&cache);
    assert_eq!(group.unwrap().files().len(), 1);
    assert_eq!(asked.len(), 2, "each file is opened once");
    // A subcache that is the main file.
    let mut cache = build(&Plan::new(ARM64E, 0x228, 5).split(1));
    cache.files[1].bytes = cache.files[0].bytes.clone();
    put(&mut cache.files[1].bytes, 0x58, &[0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0xf0, 0, 0, 0, 0, 0, 0, 0, 2]);
    everything("the main file as its own subcache", &cache).unwrap();
    assert_eq!(open(&cache).0.unwrap().files().len(), 2, "a subcache's entries are not followed");
}

/// A cache whose images all lie at one address, with one path.
fn images_at_one_place(count: usize) -> Cache {
    let plan = Plan::new(ARM64E, 0x228, 0).images(1);
    let mut cache = build(&plan);
    let bytes = &mut cache.files[0].bytes;
    let number = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let (image, text) = (number(bytes, 0x1c0), number(bytes, 0x88));
    for (field, count_at, row) in [(0x1c0, 0x1c4, image), (0x88, 0x90, text)] {
        let row = bytes[row..row + 32].to_vec();
        let start = bytes.len() as u32;
        bytes.extend(row.repeat(count));
        put(bytes, field, &start.to_le_bytes());
        put(bytes, count_at, &(count as u32).to_le_bytes());
    }
    cache
}

#[test]
fn a_million_images_of_one_header() {
    let cache = images_at_one_place(200_000);
    let known = everything("one header", &cache).unwrap();
    assert_eq!(known.columns().images.len(), 200_000);
    // What all of them would say is not read a million times.
    assert!(
        known.warnings().iter().any(|warning| warning.contains("more than the files hold")),
        "{:?}",
        known.warnings().last()
    );
    let length = cache.files[0].bytes.len();
    let written = bounded("atlas", length, || atlas(&[NamedCache { leaf: "a", known: &known }], None).unwrap());
    let archive = Archive::from_bytes(written.into(), &Limits::DEFAULT).unwrap();
    assert!(embedded(&archive, known.uuid(), Policy::default()).unwrap().is_some());
    let limits = Limits { images: 1000, ..Limits::DEFAULT };
    let error = scavenge(&open(&cache).0.unwrap(), Mode::Map, Policy { limits, ..Policy::default() }).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Limit { .. }), "{error}");
}

#[test]
fn work_over_images_grows_as_their_number() {
    grows_no_faster("images at one place", 10_000, |count| {
        let cache = images_at_one_place(count);
        move || {
            let group = open(&cache).0.unwrap();
            let known = scavenge(&group, Mode::Map, Policy::default()).unwrap();
            assert_eq!(known.columns().images.len(), count);
            assert!(!verify(&group, &known, None).is_empty());
        }
    });
    grows_no_faster("local symbols", 10_000, |count| {
        let cache = build(&Plan::new(ARM64E, 0x140, 0).images(count / 100).with_symbols());
        move || assert!(LocalSymbols::of(&open(&cache).0.unwrap()).unwrap().is_some_and(|symbols| !symbols.is_empty()))
    });
}

#[test]
fn tries_that_lead_in_circles() {
    let plan = Plan::new(ARM64E, 0x228, 0).images(2);
    let cache = build(&plan);
    let bytes = &cache.files[0].bytes;
    let address = u64::from_le_bytes(bytes[0x108..0x110].try_into().unwrap());
    let linkedit = cache.files[0].regions.last().unwrap();
    let at = (linkedit.file_offset + (address - linkedit.address)) as usize;
    let size = u64::from_le_bytes(bytes[0x110..0x118].try_into().unwrap()) as usize;
    // Each node leads twice to the next one; the last to the first.
    let mut doubling = Vec::new();
    while doubling.len() + 12 <= size.min(120) {
        let next = (doubling.len() + 10) as u8;
        doubling.extend([1, 0, 2, b'a', 0, next, b'b', 0, next, 0]);
    }
    let mut circle = vec![1, 0, 2, b'a', 0, 0, b'b', 0, 0];
    for trie in [&mut doubling, &mut circle] {
        trie.resize(size, 0);
        let cache = changed(plan.clone(), |bytes| put(bytes, at, trie));
        everything("trie", &cache).unwrap();
        let group = open(&cache).0.unwrap();
        let paths = DylibsTrie::of(&group).unwrap().unwrap().paths();
        assert!(!paths.faults.is_empty() && paths.entries.len() <= size, "{:?}", paths.faults);
        let name = "ab".repeat(100_000);
        let found = bounded("find", name.len(), || DylibsTrie::of(&group).unwrap().unwrap().find(&name));
        assert!(!found.is_ok_and(|position| position.is_some()));
    }
}

#[test]
fn slide_info_that_loops_and_promises_much() {
    let plan = Plan::new(ARM64E, 0x228, 5).images(40);
    let cache = build(&plan);
    let [_, data, ..] = cache.files[0].regions.as_slice() else { panic!("a mapping of data") };
    let (info, _) = data.slide.unwrap();
    let (info, start) = (info as usize, data.file_offset as usize);
    // Page sizes, counts, starts; and a chain whose every link leads to the next word, or far away.
    let changes: [(usize, &[u8]); 7] = [
        (info + 4, &0_u32.to_le_bytes()),
        (info + 4, &0x4001_u32.to_le_bytes()),
        (info + 4, &(1_u32 << 31).to_le_bytes()),
        (info + 8, &u32::MAX.to_le_bytes()),
        (info + 24, &0xfffe_u16.to_le_bytes()),
        (start, &(0x7ff_u64 << 52).to_le_bytes()),
        (start, &[0xff; 8]),
    ];
    for (at, bytes) in changes {
        let cache = changed(plan.clone(), |file| put(file, at, bytes));
        everything("slide info", &cache).unwrap();
        let group = open(&cache).0.unwrap();
        let file = &group.main().file;
        let mapping = &file.mappings()[1];
        let found = SlideInfo::of(file, mapping, group.pointer_size());
        let sound = found.map(|info| {
            info.unwrap().pointers(&file.bytes()[mapping.file_range(file.bytes().len())]).all(|pointer| pointer.is_ok())
        });
        assert!(!sound.is_ok_and(|sound| sound) || bytes == (1_u32 << 31).to_le_bytes(), "{at:#x}: {bytes:?}");
    }
}

#[test]
fn files_that_are_cut_short() {
    let whole = build(&Plan::new(ARM64E, 0x228, 5).split(3).images(7).with_symbols());
    for index in 0..whole.files.len() {
        let length = whole.files[index].bytes.len();
        for kept in (0..length).step_by(97) {
            let mut cache = whole.clone();
            cache.files[index].bytes.truncate(kept);
            let (group, _) = open(&cache);
            match group {
                Ok(group) => {
                    let known = scavenge(&group, Mode::Copy, Policy::default()).unwrap();
                    assert_eq!(known.columns().images.len(), 7, "the list of images is the main file's");
                    // The file of the symbols has no mappings that count, and every file ends with a code signature.
                    let is_odd = !group.warnings().is_empty() || index == 4 || kept > length - 0x60;
                    assert!(is_odd, "{index} {kept:#x}");
                }
                Err(error) => assert!(index == 0 && matches!(error.kind(), ErrorKind::Cache(_)), "{error}"),
            }
        }
    }
}

#[test]
fn what_is_no_cache_is_called_what_it_is() {
    for bytes in
        [&b""[..], b"dyld", b"dyld_v1", b"dyld_v1  arm64e\0", b"dyld_v2  arm64e\0", b"\xcf\xfa\xed\xfe", b"bplist00"]
    {
        let error = parse(bytes).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Cache(_)) && error.to_string().len() < 200, "{error}");
    }
}

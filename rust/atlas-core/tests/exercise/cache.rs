//! Shared caches: one file by itself, and several as a group, by everything that is offered over them.

use std::io::{Error as IoError, ErrorKind};
use std::path::Path;

use atlas_core::Error;
use atlas_core::archive::Archive;
use atlas_core::bytes::{Bytes, Mode};
use atlas_core::cache::aot::AotCacheHeader;
use atlas_core::cache::local_symbols::LocalSymbols;
use atlas_core::cache::tables::{DylibsTrie, DynamicData, FunctionVariants, Prewarming, embedded_atlas, tpro_mappings};
use atlas_core::cache::{
    CacheFile, CacheGroup, KnownCache, NamedCache, SlideInfo, atlas, embedded, map_text, scavenge, verify,
};
use atlas_core::macho::View;
use atlas_core::schema::Policy;

use super::{LIMITS, memory, refuse, slide};

const FOLDER: &str = "/nowhere/caches";
const MAIN: &str = "dyld_shared_cache_arm64e";
/// Images and symbols of which each is looked at.
const MOST: usize = 100;

/// The lengths of three files in four bytes each, these, then the main file: as the seeds are packed.
fn unpack(data: &[u8]) -> Option<(Bytes, Vec<Bytes>)> {
    let (lengths, mut rest) = data.split_first_chunk::<12>()?;
    let mut others = Vec::new();
    for length in lengths.chunks_exact(4) {
        let length = length.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte));
        let (file, after) = rest.split_at(length.min(rest.len()));
        others.push(Bytes::from(file.to_vec()));
        rest = after;
    }
    Some((Bytes::from(rest.to_vec()), others))
}

pub fn cache(data: &[u8]) -> bool {
    if let Err(error) = AotCacheHeader::parse(data) {
        refuse(&error);
    }
    let Some((main, others)) = unpack(data) else { return false };
    for file in others.iter().chain([&main]) {
        match CacheFile::parse(file.clone()) {
            Ok(file) => walk_file(&file),
            Err(error) => {
                refuse(&error);
            }
        }
    }
    let mut next = others.iter();
    let mut files = vec![(MAIN.to_owned(), main.clone())];
    let main_path = Path::new(FOLDER).join(MAIN);
    let group = CacheGroup::open(&main_path, &mut |path| {
        assert_eq!(path.parent(), Some(Path::new(FOLDER)), "nothing leads out of the folder");
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name of its own");
        assert!(path.components().count() == main_path.components().count() && name.starts_with(MAIN));
        let absent = || Error::io(path, IoError::from(ErrorKind::NotFound));
        if name == MAIN {
            return Ok(main.clone());
        }
        let other = next.next().cloned().ok_or_else(absent)?;
        files.push((name.to_owned(), other.clone()));
        Ok(other)
    });
    match group {
        Ok(group) => {
            walk_group(&group);
            walk_tables(&group);
            walk_record(&group);
            if memory::has_turn(data) {
                memory::memory(&group, &files);
            }
            true
        }
        Err(error) => refuse(&error),
    }
}

fn few(warnings: &[String]) {
    let length: usize = warnings.iter().map(String::len).sum();
    assert!(warnings.len() <= 10_000 && length < 2 << 20, "{} warnings of {length} bytes", warnings.len());
}

fn walk_file(file: &CacheFile) {
    few(file.warnings());
    let length = file.bytes().len();
    assert!(file.magic().starts_with("dyld_v1") && file.architecture().len() <= 3 * 16);
    let _text = (format!("{:?}", file.header()), file.byte_order());
    assert!(
        file.unknown_header().len() <= length && file.images().len() <= length && file.text_infos().len() <= length
    );
    for mapping in file.mappings() {
        assert!(mapping.address.0.saturating_add(mapping.size) == mapping.end() && !mapping.name().is_empty());
        let range = mapping.file_range(length);
        assert!(range.end <= length && range.len() as u64 <= mapping.size);
        assert!(mapping.slide_info.as_ref().is_none_or(|info| info.start <= info.end && info.end <= length as u64));
        match SlideInfo::of(file, mapping, file.pointer_size()) {
            Ok(Some(info)) => {
                slide::walk(&info, mapping, &file.bytes()[range]);
            }
            Ok(None) => {}
            Err(error) => {
                refuse(&error);
            }
        }
    }
    for entry in file.subcache_entries() {
        assert!(entry.suffix.len() <= 3 * 32);
    }
}

fn walk_group(group: &CacheGroup) {
    few(group.warnings());
    few(group.missing());
    let main = &group.main().file;
    assert!(matches!(group.pointer_size(), 4 | 8));
    for image in main.images().take(MOST) {
        assert!(main.path_at(image.path_offset).is_none_or(|path| !path.contains(&0) && path.len() <= 4096));
        let bytes = group.bytes_from(image.address.0);
        assert_eq!(bytes.is_some(), group.at(image.address.0).is_some());
        if let Some(view) = bytes.and_then(|bytes| View::parse(bytes).ok()) {
            assert_eq!(view.segments().count(), view.segment_count());
        }
    }
    for text in main.text_infos().take(MOST) {
        let _path = main.path_at(text.path_offset);
    }
    let edges = group.files().iter().flat_map(|file| file.file.mappings()).take(MOST);
    for address in edges.flat_map(|mapping| [mapping.address.0, mapping.end().wrapping_sub(1), mapping.end()]) {
        let Some(place) = group.at(address) else { continue };
        let file = &group.files()[place.file].file;
        let mapping = &file.mappings()[place.mapping];
        assert!((mapping.address.0..=mapping.end()).contains(&address));
        assert_eq!(place.file_offset - mapping.file_offset, address - mapping.address.0);
        let bytes = group.bytes_from(address).expect("it lies in a file");
        assert!(bytes.len() as u64 == place.left && place.left > 0);
        assert_eq!(group.slice(address, place.left).expect("all of it")[..], *bytes);
        assert!(group.slice(address, place.left + 1).is_none());
        assert_eq!(bytes[0], file.bytes()[place.file_offset as usize]);
    }
}

fn walk_tables(group: &CacheGroup) {
    let trie = DylibsTrie::of(group).map(|trie| {
        let Some(trie) = trie else { return };
        let paths = trie.paths();
        few(&paths.faults);
        for (path, position) in paths.entries.iter().take(MOST) {
            assert!((*position as usize) < group.main().file.images().len());
            // Broken tries may hold a path twice, or hide it on the way.
            let _found = trie.find(path);
        }
    });
    let variants = FunctionVariants::of(group).map(|table| drop(table.map(|table| format!("{table:?}"))));
    let prewarming = Prewarming::of(group).map(|table| drop(table.map(|table| format!("{table:?}"))));
    let tpro = tpro_mappings(group).map(|table| drop(format!("{table:?}")));
    let inside = embedded_atlas(group).map(|atlas| drop(atlas.map(|atlas| DynamicData::parse(&atlas))));
    let symbols = LocalSymbols::of(group).map(|symbols| {
        let Some(symbols) = symbols else { return };
        assert_eq!(symbols.len() * symbols.nlist_size(), symbols.nlists().len());
        for entry in symbols.entries().take(MOST) {
            assert!(symbols.entry(symbols.image_address(entry)).is_some());
            for symbol in symbols.symbols(entry).take(MOST) {
                assert!(symbols.name(symbol).len() <= symbols.strings().len());
            }
        }
    });
    for result in [trie, variants, prewarming, tpro, inside, symbols] {
        if let Err(error) = result {
            refuse(&error);
        }
    }
}

/// The record that the headers make, and the atlas that the record makes.
fn walk_record(group: &CacheGroup) {
    let policy = Policy { limits: LIMITS, ..Policy::default() };
    let known = match scavenge(group, Mode::Map, policy) {
        Ok(known) => known,
        Err(error) => {
            refuse(&error);
            return;
        }
    };
    let columns = known.columns();
    few(known.warnings());
    assert_eq!(columns.images.len(), known.image_count() as usize);
    for (index, image) in columns.images.iter().take(MOST).enumerate() {
        assert!(columns.segments_of(index).len() <= columns.segments.len());
        let _name = known.text(image.install_name).map(|name| name.decode_lossy().len());
    }
    assert!(known.subcaches().len() > known.subcaches().len().min(group.files().len()) - 1);
    assert!(map_text(group, &known).len() <= 200 * (columns.segments.len() + 2000) + 8192 * columns.images.len());
    few(&verify(group, &known, None));
    written(group, &known, policy);
}

/// Whoever reads the written atlas knows what the headers said.
fn written(group: &CacheGroup, known: &KnownCache, policy: Policy) {
    let bytes = match atlas(&[NamedCache { leaf: MAIN, known }], None) {
        Ok(bytes) => Bytes::from(bytes),
        Err(error) => {
            refuse(&error);
            return;
        }
    };
    let archive = Archive::from_bytes(bytes, &LIMITS).expect("it was just written");
    match embedded(&archive, known.uuid(), policy) {
        Ok(read) => {
            let read = read.expect("the entry of this UUID");
            assert_eq!(read.columns().images.len(), known.columns().images.len());
            few(&verify(group, known, Some(&read)));
        }
        Err(error) => {
            refuse(&error);
        }
    }
}

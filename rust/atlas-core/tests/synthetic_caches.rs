//! Shared caches of every generation, written for these tests: what was written is what is read.

// The allowances for tests do not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::indexing_slicing)]

#[path = "exercise/seeds/caches/mod.rs"]
#[allow(dead_code, unused_imports, reason = "each test uses its part")]
mod caches;

use std::io::{Error as IoError, ErrorKind};
use std::path::Path;
use std::time::Instant;

use atlas_core::address::PreferredAddress;
use atlas_core::archive::Archive;
use atlas_core::bytes::{Bytes, Mode};
use atlas_core::cache::local_symbols::LocalSymbols;
use atlas_core::cache::slide::{Authentication, Key, Pointer, SlideInfo};
use atlas_core::cache::tables::{DylibsTrie, FunctionVariants, Prewarming, tpro_mappings};
use atlas_core::cache::{CacheFile, CacheGroup, Mapping, NamedCache, atlas, embedded, scavenge, verify};
use atlas_core::macho::View;
use atlas_core::schema::{Policy, SegmentRow};
use atlas_core::{Error, Limits, Result};
use caches::slide::Slot;
use caches::{ARM64E, Cache, Plan, Region, X86_64, build, generations};

const SLIDE: u64 = 0x0765_4000;

/// Opens a cache whose files are in memory.
fn open(cache: &Cache) -> Result<CacheGroup> {
    let main = Path::new("/a folder").join(cache.plan.main_name());
    CacheGroup::open(&main, &mut |path| {
        assert_eq!(path.parent(), Some(Path::new("/a folder")));
        let bytes = cache.file(path.file_name().unwrap().to_str().unwrap());
        bytes.map(|bytes| bytes.to_vec().into()).ok_or_else(|| Error::io(path, IoError::from(ErrorKind::NotFound)))
    })
}

fn every_cache(check: impl Fn(&Cache, &CacheGroup)) {
    for (name, plan) in generations() {
        for plan in [plan.clone(), plan.clone().aligned(0x4000), plan.images(17).aligned(0x1000)] {
            println!("{name}, {} images, aligned to {:#x}", plan.images, plan.alignment);
            let cache = build(&plan);
            check(&cache, &open(&cache).unwrap());
        }
    }
}

#[test]
fn files_and_their_mappings() {
    every_cache(|cache, group| {
        assert_eq!((group.missing(), group.warnings()), (&[][..], &[][..]));
        assert_eq!(group.files().len(), cache.mapped().len());
        for (found, made) in group.files().iter().zip(cache.mapped()) {
            assert_eq!(found.name, made.name);
            assert_eq!(found.uuid.map(|uuid| *uuid.as_bytes()), cache.plan.has(0x68).then_some(made.uuid));
            assert_eq!(found.file.base_address().0, made.regions[0].address);
            assert_eq!(found.file.base_address().0 - cache.plan.processor.base, found.vm_offset);
            assert_eq!(found.file.mappings().len(), made.regions.len());
            for (mapping, region) in found.file.mappings().iter().zip(&made.regions) {
                let place = (mapping.address.0, mapping.size, mapping.file_offset);
                assert_eq!(place, (region.address, region.bytes.len() as u64, region.file_offset));
                assert_eq!(
                    (mapping.max_protection, mapping.initial_protection),
                    (region.protection, region.protection)
                );
                let slide = mapping.slide_info.clone().map(|range| (range.start, range.end - range.start));
                assert_eq!(slide, region.slide);
                assert_eq!(mapping.flags, if cache.plan.has(0x140) { region.flags } else { 0 });
            }
        }
        assert_eq!(group.symbols().is_some(), cache.plan.has_symbol_file());
        assert_eq!(group.pointer_size(), if cache.plan.processor.wide { 8 } else { 4 });
    });
}

#[test]
fn headers() {
    every_cache(|cache, group| {
        let (plan, file) = (&cache.plan, &group.main().file);
        let header = file.header();
        assert_eq!(header.mapping_offset as usize, plan.header_size);
        assert_eq!(file.magic().trim_end(), format!("dyld_v1{:>8}", plan.processor.magic));
        assert_eq!(file.architecture(), plan.processor.file_name.replace("_x1", ".x1"));
        assert_eq!(header.platform, plan.has(0xdc).then_some(1));
        assert_eq!(header.format.map(|format| format.0), plan.has(0xe0).then_some(0x400));
        assert_eq!(header.shared_region_start.map(|start| start.0), plan.has(0xe8).then_some(plan.processor.base));
        assert_eq!(header.max_slide, plan.has(0xf8).then_some(0x1000_0000));
        assert_eq!(header.cache_type, plan.has(0x70).then_some(1));
        assert_eq!(header.sub_type, plan.has(0x1cc).then_some(1));
        assert_eq!(header.os_version.is_some(), plan.has(0x170));
        assert_eq!(header.dynamic_data.is_some(), plan.has(0x200));
        assert_eq!(header.cpu.map(|it| (it.cpu_type, it.cpu_subtype)), plan.has(0x230).then_some(plan.processor.cpu));
        let signature = header.code_signature.map(|range| range.offset + range.size);
        assert_eq!(signature, plan.has(0x38).then_some(file.bytes().len() as u64));
        // Eight bytes that are 0 so far, then what this builder makes up.
        let made_up = (0x238..plan.header_size).step_by(4).flat_map(|at| (0xcafe_0000 | at as u32).to_le_bytes());
        let reserved = plan.header_size.saturating_sub(0x230).min(8);
        let unknown: Vec<u8> = std::iter::repeat_n(0, reserved).chain(made_up).collect();
        assert_eq!(file.unknown_header(), unknown);
        let entries: Vec<_> =
            file.subcache_entries().iter().map(|it| (it.suffix.clone(), *it.uuid.as_bytes(), it.vm_offset)).collect();
        let expected = cache.mapped().iter().enumerate().skip(1);
        let expected: Vec<_> = expected
            .map(|(index, file)| (plan.suffix(index), file.uuid, file.regions[0].address - plan.processor.base))
            .collect();
        assert_eq!(entries, expected);
    });
}

#[test]
fn images_and_their_load_commands() {
    every_cache(|cache, group| {
        let file = &group.main().file;
        assert_eq!(file.images().len(), cache.images.len());
        assert_eq!(file.text_infos().len(), if cache.plan.has(0x98) { cache.images.len() } else { 0 });
        for (found, made) in file.images().zip(&cache.images) {
            assert_eq!((found.address.0, found.modification_time, found.inode), (made.address, 7, 9));
            assert_eq!(file.path_at(found.path_offset), Some(made.path.as_bytes()));
            let view = View::parse(group.bytes_from(made.address).unwrap()).unwrap();
            assert_eq!(view.uuid().unwrap().as_bytes(), &made.uuid);
            assert_eq!(view.install_name().unwrap(), made.path.as_bytes());
            assert_eq!(view.segment_count(), made.segments.len());
            for (found, made) in view.segments().zip(&made.segments) {
                assert_eq!(found.name.text(), made.name);
                assert_eq!((found.preferred_load_address.0, found.vm_size), (made.address, made.size));
                let place = group.at(made.address).unwrap();
                assert_eq!((place.file, place.file_offset), (made.file, made.file_offset));
                assert!(place.left >= made.size);
            }
        }
        for (found, made) in file.text_infos().zip(&cache.images) {
            assert_eq!(
                (*found.uuid.as_bytes(), found.address.0, found.text_size),
                (made.uuid, made.address, made.text_size)
            );
            assert_eq!(file.path_at(found.path_offset), Some(made.path.as_bytes()));
        }
    });
}

/// The pointers that were written.
fn expected(cache: &Cache, size: u8) -> Vec<Pointer> {
    cache.slots.iter().filter_map(|(address, slot)| pointer(*address, *slot, size)).collect()
}

fn pointer(address: u64, slot: Slot, size: u8) -> Option<Pointer> {
    const KEYS: [Key; 4] = [Key::IA, Key::IB, Key::DA, Key::DB];
    let (target, authentication) = match slot {
        Slot::Pointer(target) => (target, None),
        Slot::Signed(target, key, diversity, address_diversity) => {
            (target, Some(Authentication { key: KEYS[usize::from(key)], diversity, address_diversity }))
        }
        Slot::Number(_) => return None,
    };
    Some(Pointer { address, target, size, authentication })
}

/// The pointers of a file, and the bytes of each mapping as they are in memory.
fn slid(file: &CacheFile) -> (Vec<Pointer>, Vec<(Mapping, Vec<u8>)>) {
    let (mut pointers, mut memory) = (Vec::new(), Vec::new());
    for mapping in file.mappings() {
        let bytes = &file.bytes()[mapping.file_range(file.bytes().len())];
        let mut window = bytes.to_vec();
        if let Some(info) = SlideInfo::of(file, mapping, file.pointer_size()).unwrap() {
            pointers.extend(info.pointers(bytes).map(|one| one.unwrap()));
            info.rebase(bytes, 0, &mut window, SLIDE).unwrap();
        }
        memory.push((mapping.clone(), window));
    }
    (pointers, memory)
}

#[test]
fn pointers_and_memory_at_a_slide() {
    every_cache(|cache, group| {
        let size = group.pointer_size();
        let mut found = Vec::new();
        for (file, made) in group.files().iter().zip(cache.mapped()) {
            let (pointers, memory) = slid(&file.file);
            for (region, (mapping, bytes)) in made.regions.iter().zip(&memory) {
                assert_eq!(region.address, mapping.address.0);
                assert!(*bytes == in_memory(cache, region), "{} at {:#x}", made.name, region.address);
            }
            found.extend(pointers);
        }
        assert_eq!(found, expected(cache, size));
        assert_eq!(found.is_empty(), cache.plan.slide == 0 || cache.images.is_empty());
    });
}

/// A mapping as it is in memory, by what was written alone.
fn in_memory(cache: &Cache, region: &Region) -> Vec<u8> {
    let mut bytes = region.bytes.clone();
    let size = if cache.plan.processor.wide { 8 } else { 4 };
    for (address, slot) in &cache.slots {
        let at = address.checked_sub(region.address).map_or(usize::MAX, |at| at as usize);
        let value = match *slot {
            Slot::Pointer(target) | Slot::Signed(target, ..) => target + SLIDE,
            Slot::Number(number) => number,
        };
        if at < bytes.len() {
            bytes[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
        }
    }
    bytes
}

#[test]
fn tables_that_not_every_cache_has() {
    every_cache(|cache, group| {
        let (plan, base) = (&cache.plan, cache.plan.processor.base);
        let trie = DylibsTrie::of(group).unwrap();
        assert_eq!(trie.is_some(), plan.has(0x118));
        if let Some(trie) = trie {
            let found = trie.paths();
            let mut expected: Vec<_> = cache.images.iter().map(|image| image.path.clone()).zip(0..).collect();
            expected.extend(cache.images.first().map(|_| ("/usr/lib/alias.dylib".to_owned(), 0)));
            assert_eq!((found.entries, found.faults), (expected.clone(), Vec::new()));
            for (path, position) in expected {
                assert_eq!(trie.find(&path).unwrap(), Some(position));
            }
        }
        let tpro = tpro_mappings(group).unwrap();
        let expected = (plan.has(0x208) && plan.subcaches != 0).then_some((base + 0x1000, 0x4000));
        assert_eq!(
            tpro.iter().map(|range| (range.address.0, range.size)).collect::<Vec<_>>(),
            Vec::from_iter(expected)
        );
        let prewarming = Prewarming::of(group).unwrap().map(|found| found.ranges).unwrap_or_default();
        let expected = if plan.has(0x228) { vec![(base + 0x4000, 0x8000), (base, 0x4000)] } else { Vec::new() };
        assert_eq!(prewarming.iter().map(|range| (range.address.0, range.size)).collect::<Vec<_>>(), expected);
        let variants = FunctionVariants::of(group).unwrap().map(|found| found.entries).unwrap_or_default();
        assert_eq!(variants.len(), usize::from(plan.has(0x218)));
        for found in variants {
            // Bits 0xabcd_f003: variant 3, signed with its address by DB (3).
            assert_eq!((found.variant, found.authentication), (3, Some((3, 0xabcd, true))));
            assert_eq!((found.variants_table.0, found.variants_table_size, found.dylib_header.0), (7, 20, 8));
            assert_eq!(
                (found.fixup_location.0, found.target_dylib),
                (cache.images.first().map_or(0, |it| it.address + 0x40), 1)
            );
        }
    });
}

#[test]
fn local_symbols() {
    every_cache(|cache, group| {
        let symbols = LocalSymbols::of(group).unwrap();
        assert_eq!(symbols.is_some(), cache.plan.symbols);
        let Some(symbols) = symbols else { return };
        let mut found = Vec::new();
        for entry in symbols.entries() {
            let image = symbols.image_address(entry).0;
            let image = cache.images.iter().position(|it| it.address == image).unwrap();
            assert_eq!(symbols.entry(PreferredAddress(cache.images[image].address)), Some(entry));
            for symbol in symbols.symbols(entry) {
                assert_eq!((symbol.kind, symbol.section, symbol.description), (0x0e, 1, 0));
                found.push((image, symbol.address.0, String::from_utf8(symbols.name(symbol).to_vec()).unwrap()));
            }
        }
        let expected: Vec<_> = cache.locals.iter().map(|it| (it.image, it.address, it.name.clone())).collect();
        assert_eq!((found, symbols.len()), (expected.clone(), expected.len()));
    });
}

#[test]
fn scavenged_records() {
    every_cache(|cache, group| {
        let known = scavenge(group, Mode::Map, Policy::default()).unwrap();
        let plan = &cache.plan;
        assert_eq!(known.uuid().as_bytes(), &if plan.has(0x68) { cache.files[0].uuid } else { [0; 16] });
        assert_eq!(known.preferred_load_address(), plan.processor.base);
        assert_eq!(known.image_count() as usize, cache.images.len());
        let columns = known.columns();
        let text = |position| known.text(position).map(|text| text.decode_lossy().into_owned()).unwrap();
        for (index, (found, made)) in columns.images.iter().zip(&cache.images).enumerate() {
            assert_eq!(
                (found.preferred_load_address, found.uuid, text(found.install_name)),
                (made.address, made.uuid, made.path.clone())
            );
            let segments: Vec<_> = columns
                .segments_of(index)
                .iter()
                .map(|it| {
                    (
                        text(it.name),
                        it.preferred_load_address,
                        it.vm_size,
                        it.file_size,
                        SegmentRow::from(it).file_offset,
                        it.permissions,
                    )
                })
                .collect();
            let permissions = |name| match name {
                "__TEXT" => 5,
                "__LINKEDIT" => 1,
                _ => 3,
            };
            let expected: Vec<_> = made
                .segments
                .iter()
                .map(|it| {
                    (it.name.to_owned(), it.address, it.size, it.size, Some(it.file_offset), permissions(it.name))
                })
                .collect();
            assert_eq!(segments, expected);
        }
        assert_eq!(known.warnings(), &[] as &[String]);
        assert_eq!(known.subcaches().len(), cache.mapped().len());
        for (found, made) in known.subcaches().iter().zip(cache.mapped()) {
            assert_eq!((found.name.as_str(), found.file_size), (made.name.as_str(), made.bytes.len() as u64));
            assert_eq!(found.mappings.len(), made.regions.len());
            for (found, made) in found.mappings.iter().zip(&made.regions) {
                let place = (found.preferred_load_address, found.size, found.file_offset, found.max_protection);
                assert_eq!(
                    place,
                    (made.address, made.bytes.len() as u64, made.file_offset, u64::from(made.protection))
                );
            }
        }
        assert_eq!(verify(group, &known, None), [] as [String; 0]);
        assert_eq!(
            known.symbol_file_name().map(str::to_owned),
            plan.has_symbol_file().then(|| format!("{}.symbols", plan.main_name()))
        );
        let archive = atlas(&[NamedCache { leaf: &plan.main_name(), known: &known }], None).unwrap();
        let archive = Archive::from_bytes(archive.into(), &Limits::DEFAULT).unwrap();
        let read = embedded(&archive, known.uuid(), Policy::default()).unwrap().unwrap();
        assert_eq!(verify(group, &known, Some(&read)), [] as [String; 0]);
    });
}

#[test]
fn what_is_missing_is_named_and_the_rest_is_read() {
    for (_, plan) in generations().into_iter().filter(|(_, plan)| plan.subcaches != 0) {
        let whole = build(&plan);
        for index in 1..whole.files.len() {
            let mut cache = whole.clone();
            let gone = cache.files.remove(index);
            let group = open(&cache).unwrap();
            assert_eq!(group.missing(), std::slice::from_ref(&gone.name));
            assert_eq!(group.main().file.images().len(), plan.images);
            for region in gone.regions {
                assert!(group.at(region.address).is_none());
            }
            // The wrong file is as good as none.
            let mut cache = whole.clone();
            cache.files[index].bytes[0x58] ^= 1;
            let group = open(&cache).unwrap();
            assert_eq!(group.missing(), [gone.name]);
            assert!(group.warnings().iter().any(|warning| warning.contains("UUID")), "{:?}", group.warnings());
        }
    }
}

#[test]
fn a_cache_of_the_size_of_a_system() {
    for (plan, pointers) in [
        (Plan::new(ARM64E, 0x228, 5).images(3800).split(62).with_symbols().aligned(0x4000), 4 * 3800),
        (Plan::new(X86_64, 0x1c8, 2).images(3800).split(12).aligned(0x1000), 3 * 3800),
        (Plan::new(ARM64E, 0x140, 3).images(3800).aligned(0x4000), 4 * 3800),
    ] {
        let cache = build(&plan);
        let start = Instant::now();
        let group = open(&cache).unwrap();
        println!("{} files opened in {:?}", group.files().len(), start.elapsed());
        assert_eq!((group.missing(), group.warnings()), (&[][..], &[][..]));
        assert_eq!(group.files().len(), plan.subcaches + 1);
        for (image, made) in group.main().file.images().zip(&cache.images) {
            assert_eq!(image.address.0, made.address);
            let view = View::parse(group.bytes_from(made.address).unwrap()).unwrap();
            assert_eq!(view.uuid().unwrap().as_bytes(), &made.uuid);
        }
        let found: Vec<_> = group.files().iter().flat_map(|file| slid(&file.file).0).collect();
        assert_eq!(found.len(), pointers);
        assert!(found == expected(&cache, 8));
        let _whole: Bytes = group.slice(group.main().file.base_address().0, 16).unwrap();
    }
}

use super::{BASE, MAIN, Shelf};
use crate::address::PreferredAddress;
use crate::cache::LocalSymbols;
use crate::cache::file::tests::builder::Builder;
use crate::cache::group::tests::shelf::{main_file, symbols};

/// Two images: the first with the symbols 0 and 1, the second with 2.
fn table(builder: &Builder, wide_entries: bool, wide_nlists: bool) -> Vec<u8> {
    let word = |value: u64, wide: bool| if wide { builder.u64(value) } else { builder.u32(value as u32) };
    let mut entries = Vec::new();
    for (image, start, count) in [(0x1000, 0, 2), (0x2000, 2, 1)] {
        entries.extend(word(image, wide_entries));
        entries.extend([start, count].iter().flat_map(|value| builder.u32(*value)));
    }
    let mut nlists = Vec::new();
    for (name, value) in [(1, 0x1100), (4, 0x1200), (1, 0x2100)] {
        nlists.extend(builder.u32(name));
        nlists.extend([0x0e, 1]);
        let description = 0x80_u16;
        nlists.extend(if builder.big { description.to_be_bytes() } else { description.to_le_bytes() });
        nlists.extend(word(value, wide_nlists));
    }
    let strings = b"\0_a\0_bc\0";
    let at_nlists = 24 + entries.len() as u32;
    let at_strings = at_nlists + nlists.len() as u32;
    let info = [at_nlists, 3, at_strings, strings.len() as u32, 24, 2];
    [info.iter().flat_map(|value| builder.u32(*value)).collect(), entries, nlists, strings.to_vec()].concat()
}

fn check(symbols: &LocalSymbols, base: u64) {
    assert_eq!((symbols.len(), symbols.is_empty()), (3, false));
    let images: Vec<_> =
        symbols.entries().map(|entry| (symbols.image_address(entry).0, entry.start, entry.count)).collect();
    assert_eq!(images, [(base + 0x1000, 0, 2), (base + 0x2000, 2, 1)]);
    let entry = symbols.entry(PreferredAddress(base + 0x1000)).unwrap();
    let found: Vec<_> = symbols.symbols(entry).map(|it| (symbols.name(it), it.address.0)).collect();
    assert_eq!(found, [(&b"_a"[..], 0x1100), (b"_bc", 0x1200)]);
    let only = symbols.symbols(symbols.entries().nth(1).unwrap()).next().unwrap();
    assert_eq!((symbols.name(only), only.kind, only.section, only.description), (&b"_a"[..], 0x0e, 1, 0x80));
    assert!(symbols.entry(PreferredAddress(base)).is_none());
}

/// One file that holds its own local symbols, its first image beginning with `first`.
fn single(magic: &'static str, size: usize, big: bool, first: u32, wide: bool) -> Builder {
    let mut builder = Builder::new(magic, size);
    (builder.big, builder.images) = (big, vec![(BASE + 0x1000, "/a")]);
    let bytes = table(&builder, size >= 0x1a0, wide);
    let first = builder.u32(first);
    builder.set(0x48, &[0x3000, bytes.len() as u64]).piece(0x1000, first).piece(0x3000, bytes)
}

#[test]
fn inside_the_cache_until_dyld_940() {
    let caches = [
        ("dyld_v1   arm64", 0x68, false, 0xfeed_facf, true),
        ("dyld_v1  arm64e", 0x140, false, 0xfeed_facf, true),
        ("dyld_v1  armv7k", 0x140, false, 0xfeed_face, false),
        // A 64-bit processor with 32-bit images.
        ("dyld_v1arm64_32", 0x140, false, 0xfeed_face, false),
        ("dyld_v1arm64_32", 0x140, false, 0, false),
        ("dyld_v1     ppc", 0x68, true, 0xfeed_face, false),
    ];
    for (magic, size, big, first, wide) in caches {
        let group = Shelf::default().with(MAIN, single(magic, size, big, first, wide).build()).open(MAIN).unwrap();
        let symbols = LocalSymbols::of(&group).unwrap().unwrap();
        assert_eq!(symbols.nlist_size(), if wide { 16 } else { 12 }, "{magic}");
        check(&symbols, BASE);
    }
}

#[test]
fn in_a_file_of_their_own_since() {
    for size in [0x1c8, 0x200, 0x238] {
        let file = symbols(size);
        let bytes = table(&file, true, true);
        let file = file.set(0x48, &[0x2000, bytes.len() as u64]).piece(0x2000, bytes);
        let main = main_file([""; 3], size).build();
        let mut shelf = Shelf::default().with(MAIN, main).with(&format!("{MAIN}.symbols"), file.build());
        check(&LocalSymbols::of(&shelf.open(MAIN).unwrap()).unwrap().unwrap(), BASE);
        shelf.files.remove(&format!("{MAIN}.symbols"));
        assert!(LocalSymbols::of(&shelf.open(MAIN).unwrap()).unwrap().is_none());
    }
}

#[test]
fn tables_that_leave_their_place_are_refused_with_the_file() {
    let sound = single("dyld_v1   arm64", 0x68, false, 0xfeed_facf, true);
    let mut broken = vec![sound.clone().set(0x48, &[0x3000, 23]), sound.clone().set(0x48, &[0x3ff0, 0x100])];
    broken.push(sound.clone().set(0x48, &[u64::MAX, 2]));
    for field in 0..6 {
        broken.push(sound.clone().piece(0x3000 + 4 * field, vec![0xff; 4]));
        broken.push(sound.clone().piece(0x3001 + 4 * field, vec![0x01]));
    }
    for builder in broken {
        let group = Shelf::default().with(MAIN, builder.build()).open(MAIN).unwrap();
        let error = LocalSymbols::of(&group).unwrap_err();
        assert_eq!(error.location().entry.as_deref(), Some(MAIN), "{error}");
    }
}

#[test]
fn entries_that_lead_out_of_the_table_have_the_symbols_that_are_there() {
    let sound = single("dyld_v1   arm64", 0x68, false, 0xfeed_facf, true);
    for (start, count, expected) in [(1_u32, 9_u32, 2), (3, 1, 0), (u32::MAX, u32::MAX, 0), (2, 0, 0)] {
        let entry = [start.to_le_bytes(), count.to_le_bytes()].concat();
        let builder = sound.clone().piece(0x3000 + 24 + 4, entry);
        let group = Shelf::default().with(MAIN, builder.build()).open(MAIN).unwrap();
        let symbols = LocalSymbols::of(&group).unwrap().unwrap();
        let entry = symbols.entries().next().unwrap();
        assert_eq!(symbols.symbols(entry).len(), expected, "{start} {count}");
    }
    let outside = sound.piece(0x3000 + 24 + 24, vec![0xff; 4]);
    let group = Shelf::default().with(MAIN, outside.build()).open(MAIN).unwrap();
    let symbols = LocalSymbols::of(&group).unwrap().unwrap();
    assert_eq!(symbols.name(symbols.symbols(symbols.entries().next().unwrap()).next().unwrap()), b"");
}

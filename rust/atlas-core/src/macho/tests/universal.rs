use super::builder::{ARM64, ARM64_32, ARM64E, PPC, X86_64, fat, fat_table, library};
use super::parts;
use crate::macho::{MAX_SLICES, Universal, View, members, slices};

const ARM64E_OLD: (u32, u32) = (0x0100_000c, 2);

fn error(file: &[u8]) -> (u64, Option<String>, String, String) {
    let error = slices(file).unwrap_err();
    let (offset, expected, found) = parts(&error);
    (offset, error.location().key_path.clone(), expected.to_owned(), found.to_owned())
}

#[test]
fn both_widths_of_the_table() {
    for wide in [false, true] {
        let cpus = [PPC, X86_64, ARM64, ARM64E, ARM64_32];
        let file = fat(wide, &cpus.map(|cpu| (cpu, library(cpu).build())));
        let found = slices(&file).unwrap();
        let names: Vec<_> = found.iter().map(|slice| &*slice.architecture).collect();
        assert_eq!(names, ["ppc", "x86_64", "arm64", "arm64e", "arm64_32"]);
        for (index, slice) in found.iter().enumerate() {
            assert_eq!(slice.offset, 0x4000 * (index as u64 + 1));
            assert_eq!(slice.size, library(cpus[index]).build().len() as u64);
            assert_eq!(slice.segments.len(), 2);
        }
        let universal = Universal::parse(&file).unwrap();
        let entries: Vec<_> = universal.entries().collect();
        assert_eq!(entries.len(), 5);
        assert_eq!((entries[1].entry_offset, entries[1].alignment), (8 + if wide { 32 } else { 20 }, 14));
    }
}

#[test]
fn a_thin_file_is_its_own_member() {
    let file = library(ARM64).build();
    let found = members(&file).unwrap();
    assert_eq!((found.len(), found[0].architecture, found[0].offset, found[0].bytes.len()), (1, None, 0, file.len()));
    assert_eq!(parts(&Universal::parse(&file).unwrap_err()), (0, "a universal file", "0xcffaedfe"));
}

#[test]
fn a_hidden_arm64_slice_stands_past_the_end_of_a_32_bit_table() {
    let mut file = fat(false, &[(X86_64, library(X86_64).build()), (ARM64, library(ARM64).build())]);
    file[7] = 1;
    let names: Vec<_> = slices(&file).unwrap().into_iter().map(|slice| slice.architecture).collect();
    assert_eq!(names, ["x86_64", "arm64"]);
    // It is for arm64 alone, and for the narrow table alone.
    let mut file = fat(false, &[(X86_64, library(X86_64).build()), (ARM64E, library(ARM64E).build())]);
    file[7] = 1;
    assert_eq!(slices(&file).unwrap().len(), 1);
    let mut file = fat(true, &[(X86_64, library(X86_64).build()), (ARM64, library(ARM64).build())]);
    file[7] = 1;
    assert_eq!(slices(&file).unwrap().len(), 1);
}

#[test]
fn arm64e_without_its_abi_version() {
    // In the table alone, as old libtools wrote it; and in both, as old compilers did.
    for header in [ARM64E, ARM64E_OLD] {
        let file = fat(false, &[(ARM64E_OLD, library(header).build())]);
        let expected = if header == ARM64E { "arm64e" } else { "arm64e.old" };
        assert_eq!(slices(&file).unwrap()[0].architecture, expected);
    }
    let file = fat(true, &[(ARM64E_OLD, library(ARM64E).build())]);
    assert!(error(&file).2.contains("arm64e.old"));
}

#[test]
fn a_table_without_slices() {
    let mut file = fat_table(false, 0, &[]);
    assert!(slices(&file).unwrap().is_empty());
    file.truncate(7);
    assert_eq!(error(&file).3, "7 bytes");
}

#[test]
fn more_slices_than_dyld_takes() {
    let file = fat_table(false, MAX_SLICES + 1, &[]);
    let (offset, _, expected, found) = error(&file);
    assert_eq!((offset, &*expected, &*found), (4, "at most 16 slices", "17"));
    for count in [52, u32::MAX] {
        assert_eq!(error(&fat_table(true, count, &[])).3, count.to_string());
    }
    let java = b"\xca\xfe\xba\xbe\0\0\0\x34\0\x1d";
    assert!(slices(java).unwrap_err().hint().unwrap().contains("Java"));
}

#[test]
fn sixteen_slices_and_a_hidden_one() {
    let cpu = |index: u32| (0x0100_0007, 100 + index);
    let mut all: Vec<_> = (0..16).map(|index| (cpu(index), library(cpu(index)).build())).collect();
    assert_eq!(slices(&fat(false, &all)).unwrap().len(), 16);
    all.push((ARM64, library(ARM64).build()));
    let mut file = fat(false, &all);
    file[7] = 16;
    assert_eq!(slices(&file).unwrap().len(), 17);
}

#[test]
fn a_table_that_leaves_the_file() {
    for wide in [false, true] {
        let file = fat(wide, &[(X86_64, library(X86_64).build()), (ARM64, library(ARM64).build())]);
        let table = if wide { 8 + 64 } else { 8 + 40 };
        for length in 8..table {
            let (offset, ..) = error(&file[..length]);
            assert!(offset < length as u64 || offset == 8, "{length}: {offset}");
        }
    }
    assert_eq!(error(&fat_table(false, 2, &[])[..]).2, "a table of 2 slices, 48 bytes with its header");
}

#[test]
fn slices_outside_of_the_file() {
    for wide in [false, true] {
        let row = if wide { 32 } else { 20 };
        let end = |offset, size| {
            let mut file = fat_table(wide, 2, &[(X86_64, 0x80, 0x10), (ARM64, offset, size)]);
            file.resize(0x100, 0);
            error(&file)
        };
        for (offset, size) in [(0x90, 0x71), (0x100, 1), (0x101, 0), (0xffff_ffff, 0xffff_ffff), (0xffff_fff0, 0x90)] {
            let (at, key, expected, found) = end(offset, size);
            assert_eq!((at, key.as_deref()), (8 + row, Some("slices[arm64]")));
            assert_eq!(expected, "a slice inside the 256 bytes of the file");
            assert_eq!(found, format!("{size} bytes at {offset:#x}"));
        }
    }
    let mut file = fat_table(true, 1, &[(ARM64, u64::MAX - 0xf, 0x20)]);
    file.resize(0x100, 0);
    assert_eq!(error(&file).2, "a slice inside the 256 bytes of the file");
}

#[test]
fn slices_on_the_table_or_on_each_other() {
    let parse = |rows: [((u32, u32), u64, u64); 2]| {
        let mut file = fat_table(false, 2, &rows);
        file.resize(0x1000, 0);
        Universal::parse(&file).map(|universal| universal.entries().len()).map_err(|error| error.to_string())
    };
    assert_eq!(parse([(X86_64, 0x100, 0x100), (ARM64, 0x200, 0x100)]), Ok(2));
    assert_eq!(parse([(X86_64, 0x200, 0x100), (ARM64, 0x100, 0x100)]), Ok(2), "any order");
    assert_eq!(parse([(X86_64, 0x101, 0x33), (ARM64, 0x203, 0x35)]), Ok(2), "any alignment");
    for second in [(0x1ff, 1), (0x100, 0x100), (0x80, 0x81), (0x180, 0x10), (0x180, 0), (0x80, 0x400)] {
        let error = parse([(X86_64, 0x100, 0x100), (ARM64, second.0, second.1)]).unwrap_err();
        assert!(error.contains("a slice outside that of x86_64, 0x100 to 0x200"), "{error}");
    }
    for inside in [0, 7, 8, 47] {
        let error = parse([(X86_64, 0x100, 0x100), (ARM64, inside, 8)]).unwrap_err();
        assert!(error.contains("a slice behind the 48 bytes of the table"), "{error}");
    }
    assert_eq!(parse([(X86_64, 0x100, 0x100), (ARM64, 48, 8)]), Ok(2));
}

#[test]
fn two_slices_for_one_architecture() {
    let file = fat(false, &[(X86_64, library(X86_64).build()), ((X86_64.0, 0x8000_0003), library(X86_64).build())]);
    let (offset, key, _, found) = error(&file);
    assert_eq!((offset, key.as_deref(), &*found), (28, Some("slices[x86_64]"), "a second one"));
    assert!(slices(&fat(false, &[(ARM64, library(ARM64).build()), (ARM64E, library(ARM64E).build())])).is_ok());
}

#[test]
fn a_header_for_another_processor_than_the_table_says() {
    let file = fat(false, &[(X86_64, library(X86_64).build()), (ARM64, library(ARM64E).build())]);
    let (offset, key, expected, found) = error(&file);
    assert_eq!((offset, key.as_deref(), &*found), (0x8004, Some("slices[arm64]"), "arm64e"));
    assert_eq!(expected, "a header for arm64, as the table of the universal file says");
}

#[test]
fn slices_that_are_no_macho_are_named_and_the_others_stay_readable() {
    let nested = fat(false, &[(ARM64, library(ARM64).build())]);
    for (bytes, what) in [
        (b"!<arch>\nrest".to_vec(), "a static library"),
        (b"BC\xc0\xde".to_vec(), "LLVM bitcode"),
        (nested, "a universal file"),
        (Vec::new(), "0 bytes"),
    ] {
        let file = fat(false, &[(ARM64E, bytes), (X86_64, library(X86_64).build())]);
        let (offset, key, expected, found) = error(&file);
        assert_eq!((offset, key.as_deref()), (0x4000, Some("slices[arm64e]")));
        assert_eq!((&*expected, &*found), ("a Mach-O header", what));
        let found = members(&file).unwrap();
        assert_eq!(found.len(), 2);
        assert!(found[0].view().is_err());
        assert_eq!(found[1].view().unwrap().segments().count(), 2);
    }
}

#[test]
fn errors_in_a_slice_count_from_the_start_of_the_file() {
    let broken = library(ARM64).command_of_size(0x99, 4, &[]).build();
    let at = 0x4000 + View::parse(&library(ARM64).build()).unwrap().header_and_load_commands_size() as u64;
    let (offset, key, ..) = error(&fat(false, &[(ARM64, broken)]));
    assert_eq!((offset, key.as_deref()), (at, Some("slices[arm64]")));
}

use super::builder::{ARM64, ARM64_32, ARM64E, Builder, I386, PPC, SegmentSpec, UUID, X86_64, library};
use super::parts;
use crate::address::PreferredAddress;
use crate::macho::{ByteOrder, Name, View};

const LIBRARIES: [((u32, u32), u32); 6] = [(X86_64, 8), (ARM64, 8), (ARM64E, 8), (ARM64_32, 4), (I386, 4), (PPC, 4)];

#[test]
fn reads_both_widths_and_both_byte_orders() {
    for (cpu, pointer_size) in LIBRARIES {
        let file = library(cpu).build();
        let view = View::parse(&file).unwrap();
        assert_eq!((view.architecture().cpu_type, view.architecture().cpu_subtype), cpu);
        assert_eq!(view.pointer_size(), pointer_size);
        assert_eq!(view.byte_order(), if cpu == PPC { ByteOrder::Big } else { ByteOrder::Little });
        assert_eq!(view.file_type(), 6);
        assert_eq!(view.uuid().unwrap().into_bytes(), UUID);
        assert_eq!(view.install_name(), Some(&b"/usr/lib/libone.dylib"[..]));
        assert_eq!(view.preferred_load_address(), PreferredAddress(0x4000));
        assert_eq!(view.header_and_load_commands_size(), file.len());
        let segments: Vec<_> = view.segments().collect();
        assert_eq!(segments.len(), view.segment_count());
        assert_eq!(segments[0].name, "__TEXT");
        assert_eq!(segments[0].section_count, 2);
        assert_eq!((segments[0].max_protection, segments[0].initial_protection), (7, 5));
        let linkedit = segments[1];
        assert_eq!(linkedit.name, "__LINKEDIT");
        assert_eq!(linkedit.preferred_load_address, PreferredAddress(0x8000));
        assert_eq!((linkedit.vm_size, linkedit.file_offset, linkedit.file_size), (0x4000, 0x4000, 0x100));
        let sections: Vec<_> = view.sections().collect();
        assert_eq!(sections.len(), view.section_count());
        let [text, long] = sections[..] else { panic!("two sections") };
        assert_eq!((text.segment_name, text.name), (segments[0].name, Name(*b"__text\0\0\0\0\0\0\0\0\0\0")));
        assert_eq!((text.address, text.size, text.file_offset), (PreferredAddress(0x4800), 0x200, 0x800));
        assert_eq!((text.alignment, text.flags, text.reserved1, text.reserved2), (4, 0x8000_0400, 11, 12));
        assert_eq!(long.name, "__const_01234567");
    }
}

#[test]
fn needs_nothing_behind_the_load_commands() {
    let mut file = library(ARM64).build();
    let size = file.len();
    let alone = format!("{:?}", View::parse(&file).unwrap());
    file.extend([0xa5; 4096]);
    let view = View::parse(&file).unwrap();
    assert_eq!(view.header_and_load_commands_size(), size);
    assert_eq!(format!("{view:?}"), alone);
}

#[test]
fn every_truncation_is_an_error_inside_the_file() {
    for (cpu, _) in LIBRARIES {
        let file = library(cpu).build();
        for length in 0..file.len() {
            let error = View::parse_at(&file[..length], 0x1000).unwrap_err();
            let (offset, ..) = parts(&error);
            assert!((0x1000..0x1000 + length.max(24) as u64).contains(&offset), "{length}: {error}");
        }
    }
}

#[test]
fn file_types_and_flags_are_data() {
    for file_type in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0, u32::MAX] {
        let mut builder = library(ARM64);
        builder.file_type = file_type;
        builder.flags = 0x8000_0085;
        let file = builder.build();
        let view = View::parse(&file).unwrap();
        assert_eq!((view.file_type(), view.flags()), (file_type, 0x8000_0085));
    }
}

#[test]
fn a_core_file_has_segments_without_names() {
    let mut builder = Builder::new(ARM64)
        .segment(&SegmentSpec::new("", [0x1_0000_0000, 0x4000, 0x1000, 0x4000], 5))
        .segment(&SegmentSpec::new("", [0x1_0000_4000, 0x4000, 0x5000, 0x4000], 3))
        .command(0x31, &[7; 32]);
    builder.file_type = 4;
    let file = builder.build();
    let view = View::parse(&file).unwrap();
    assert_eq!(view.segments().map(|segment| segment.name.as_bytes().len()).collect::<Vec<_>>(), [0, 0]);
    assert_eq!(view.preferred_load_address(), PreferredAddress(0));
    assert_eq!((view.uuid(), view.install_name(), view.build_version()), (None, None, None));
    let note = view.commands().nth(2).unwrap();
    assert_eq!((note.number(), note.bytes().len(), note.offset()), (0x31, 40, 32 + 72 + 72));
}

#[test]
fn the_first_uuid_and_the_first_text_segment_count() {
    let file = Builder::new(ARM64)
        .uuid()
        .command(0x1b, &[9; 16])
        .segment(&SegmentSpec::new("__TEXT", [0x1000, 0, 0, 0], 5))
        .segment(&SegmentSpec::new("__TEXT", [0x2000, 0, 0, 0], 5))
        .build();
    let view = View::parse(&file).unwrap();
    assert_eq!(view.uuid().unwrap().into_bytes(), UUID);
    assert_eq!(view.preferred_load_address(), PreferredAddress(0x1000));
}

#[test]
fn a_dylinker_has_an_install_name() {
    let mut builder = Builder::new(ARM64).integers(0xf, &[12, u32::from_le_bytes(*b"/usr"), 0]);
    builder.file_type = 7;
    let file = builder.build();
    assert_eq!(View::parse(&file).unwrap().install_name(), Some(&b"/usr"[..]));
}

#[test]
fn what_is_no_macho_is_named() {
    for (data, name) in [
        (&b"!<arch>\n/ 0"[..], "a static library"),
        (b"\x7fELF\x02\x01", "an ELF file"),
        (b"dyld_v1  arm64e\0", "a shared cache"),
        (b"MZ\x90\0", "a Windows executable"),
        (b"\xde\xc0\x17\x0b\0", "LLVM bitcode in a wrapper"),
        (b"\xca\xfe\xba\xbe\0\0\0\x02", "a universal file"),
        (b"\x01\x02\x03\x04", "0x01020304"),
        (b"\xcf\xfa\xed", "3 bytes"),
        (b"", "0 bytes"),
    ] {
        let error = View::parse_at(data, 64).unwrap_err();
        assert_eq!(parts(&error), (64, "a Mach-O header", name));
    }
    let swapped = [0xbe, 0xba, 0xfe, 0xca, 1, 0, 0, 0];
    assert!(parts(&View::parse(&swapped).unwrap_err()).2.contains("little-endian"));
}

#[test]
fn load_commands_must_lie_in_the_data() {
    let builder = library(ARM64);
    let size = builder.commands.concat().len() as u32;
    let file = builder.build_with(7, size + 1);
    assert_eq!(parts(&View::parse_at(&file, 0x4000).unwrap_err()).0, 0x4000 + 20);
    let file = builder.build_with(0, u32::MAX);
    assert_eq!(parts(&View::parse(&file).unwrap_err()).2, "4294967295 bytes of load commands");
}

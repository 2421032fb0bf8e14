use super::builder::{ARM64, Builder, I386, PPC, UUID, library, name16};
use super::parts;
use crate::macho::{ByteOrder, Version, View};

fn error(builder: &Builder) -> (u64, String, String) {
    let error = View::parse_at(&builder.build(), 0x100).unwrap_err();
    let (offset, expected, found) = parts(&error);
    (offset, expected.to_owned(), found.to_owned())
}

#[test]
fn unknown_commands_are_data() {
    let file = library(ARM64).command(0x8000_0fff, &[1, 2, 3, 4]).command(0x7777, &[]).build();
    let view = View::parse(&file).unwrap();
    let commands: Vec<_> = view.commands().collect();
    assert_eq!(commands.len(), 9);
    assert_eq!(commands[7].number(), 0x8000_0fff);
    assert_eq!(commands[7].bytes()[8..], [1, 2, 3, 4]);
    assert_eq!(commands[7].byte_order(), ByteOrder::Little);
    assert_eq!((commands[8].number(), commands[8].bytes().len()), (0x7777, 8));
    assert_eq!(commands[8].offset(), file.len() - 8);
    let mut end = 32;
    for command in commands {
        assert_eq!(command.offset(), end);
        end += command.bytes().len();
    }
    assert_eq!(end, file.len());
}

#[test]
fn sizes_need_not_be_aligned_nor_fill_sizeofcmds() {
    let builder = Builder::new(ARM64).command(0x1234, &[0; 3]).uuid();
    let mut file = builder.build_with(2, 64);
    file.resize(32 + 64, 0xff);
    let view = View::parse(&file).unwrap();
    assert_eq!(view.commands().map(|command| command.bytes().len()).collect::<Vec<_>>(), [11, 24]);
    assert_eq!(view.uuid().unwrap().into_bytes(), UUID);
    assert_eq!(view.header_and_load_commands_size(), 96);
}

#[test]
fn a_size_below_8_is_refused() {
    for size in 0..8 {
        let (offset, expected, found) = error(&Builder::new(ARM64).uuid().command_of_size(0x1234, size, &[0; 8]));
        assert_eq!((offset, &*expected), (0x100 + 32 + 24, "load command 1 of 2 to have at least 8 bytes"));
        assert_eq!(found, format!("size {size}"));
    }
}

#[test]
fn a_size_past_the_end_is_refused() {
    for size in [17, 0x7fff_ffff, 0x8000_0000, u32::MAX - 7, u32::MAX] {
        let (offset, expected, found) = error(&Builder::new(PPC).command_of_size(0x1234, size, &[0; 8]));
        assert_eq!(
            (offset, &*expected),
            (0x100 + 28, "load command 0 of 1 to end with the load commands, 16 bytes on")
        );
        assert_eq!(found, format!("size {size}"));
    }
}

#[test]
fn more_commands_than_bytes_are_refused() {
    let builder = Builder::new(I386).uuid();
    for (count, size, left) in [(2, 24, 0), (u32::MAX, 24, 0), (2, 31, 7)] {
        let mut file = builder.build_with(count, size);
        file.resize(28 + size as usize, 0);
        let error = View::parse(&file).unwrap_err();
        let (offset, expected, found) = parts(&error);
        assert_eq!((offset, found), (28 + 24, &*format!("{left} bytes left")));
        assert!(expected.starts_with(&format!("load command 1 of {count}")), "{expected}");
    }
}

#[test]
fn fixed_sizes_are_those_of_dyld() {
    for (number, right) in [(0x1b, 16), (0x24, 8), (0x25, 8), (0x2f, 8), (0x30, 8)] {
        assert!(View::parse(&Builder::new(ARM64).command(number, &vec![0; right]).build()).is_ok());
        for wrong in [0, 4, right - 1, right + 1, right + 8] {
            let (offset, expected, found) = error(&Builder::new(ARM64).command(number, &vec![0; wrong]));
            assert_eq!((offset, &*found), (0x100 + 32, &*format!("{} bytes", wrong + 8)));
            assert!(expected.ends_with(&format!("of {} bytes", right + 8)), "{expected}");
        }
    }
}

#[test]
fn tools_must_fill_a_build_version() {
    for (tools, bytes, fine) in
        [(0, 16, true), (1, 24, true), (1, 16, false), (0, 24, false), (0x2000_0000, 16, false), (u32::MAX, 24, false)]
    {
        let mut body = vec![0; bytes];
        body[12..16].copy_from_slice(&u32::to_le_bytes(tools));
        assert_eq!(View::parse(&Builder::new(ARM64).command(0x32, &body).build()).is_ok(), fine, "{tools} {bytes}");
    }
    let (_, expected, _) = error(&Builder::new(ARM64).command(0x32, &[0; 15]));
    assert_eq!(expected, "LC_BUILD_VERSION of at least 24 bytes");
}

#[test]
fn sections_must_fill_their_segment() {
    for (number, segment, section) in [(0x19, 72, 80), (1, 56, 68)] {
        for (count, bytes, fine) in [
            (0, segment, true),
            (1, segment + section, true),
            (1, segment, false),
            (0, segment + section, false),
            (2, segment + section, false),
            // 2^32 / 16 times a multiple of 16 would be 0 in 32 bits.
            (0x1000_0000, segment, false),
            (u32::MAX, segment, false),
        ] {
            let mut body = vec![0; bytes - 8];
            let at = segment - 8 - 8;
            body[at..at + 4].copy_from_slice(&u32::to_le_bytes(count));
            let builder = Builder::new(ARM64).command(number, &body);
            assert_eq!(View::parse(&builder.build()).is_ok(), fine, "{number:#x} {count} {bytes}");
        }
        let (offset, expected, found) = error(&Builder::new(ARM64).command(number, &vec![0; segment - 9]));
        assert_eq!((offset, found), (0x120, format!("{} bytes", segment - 1)));
        assert_eq!(expected, format!("a segment of at least {segment} bytes"));
    }
}

#[test]
fn the_command_says_how_wide_a_segment_is_not_the_header() {
    let mut narrow = Builder::new(ARM64);
    narrow.wide = false;
    let narrow = narrow.segment(&super::builder::SegmentSpec::new("__TEXT", [0x1000, 1, 2, 3], 5));
    let mut wide = narrow.clone();
    wide.wide = true;
    let file = wide.build();
    let segment = View::parse(&file).unwrap().segments().next().unwrap();
    assert_eq!((segment.vm_size, segment.file_offset, segment.file_size), (1, 2, 3));
}

#[test]
fn names_must_end_inside_their_command() {
    for number in [0xc, 0xd, 0x8000_0018, 0x8000_001f, 0x8000_0023] {
        let body = |offset: u32, text: &[u8]| [&offset.to_le_bytes()[..], &[0; 12], text].concat();
        for (offset, text, fine) in [
            (24, &b"a\0"[..], true),
            (24, b"\0", true),
            (25, b"a\0", true),
            (0, b"a\0", true), // inside its own number: dyld reads that as well
            (24, b"a", false),
            (24, b"", false),
            (26, b"a\0", false),
            (u32::MAX, b"a\0", false),
        ] {
            let builder = Builder::new(ARM64).command(number, &body(offset, text));
            assert_eq!(View::parse(&builder.build()).is_ok(), fine, "{number:#x} {offset} {text:?}");
        }
        let (offset, ..) = error(&Builder::new(ARM64).command(number, &body(24, b"abc")));
        assert_eq!(offset, 0x100 + 32 + 8);
        assert!(View::parse(&Builder::new(ARM64).command(number, &[0; 15]).build()).is_err());
    }
    assert!(View::parse(&Builder::new(ARM64).command(0xf, &[]).build()).is_err());
}

#[test]
fn dependents_carry_their_attributes() {
    let use_command = |name_offset: u32, flags: u32| {
        let integers: [u32; 5] = [name_offset, 0x1a74_1800, 0x0102_0304, 0x0001_0000, flags];
        let mut body: Vec<u8> = integers.iter().flat_map(|value| value.to_le_bytes()).collect();
        body.extend(b"/e\0\0");
        body
    };
    let file = Builder::new(ARM64)
        .library(0xd, b"/self")
        .library(0xc, b"/a")
        .library(0x8000_0018, b"/b")
        .library(0x8000_001f, b"/c")
        .library(0x8000_0023, b"/d\xff")
        .command(0xc, &use_command(28, 9))
        .command(0x8000_0018, &use_command(28, 8))
        // The marker alone might be a time stamp: the name must stand right behind the flags as well.
        .command(0x8000_0018, &use_command(29, 8))
        .build();
    let view = View::parse(&file).unwrap();
    let found: Vec<_> = view.dependents().map(|dependent| (dependent.install_name, dependent.attributes)).collect();
    let expected: [(&[u8], u32); 7] =
        [(b"/a", 0), (b"/b", 1), (b"/c", 2), (b"/d\xff", 4), (b"/e", 9), (b"/e", 8), (b"e", 1)];
    assert_eq!(found, expected);
    let first = view.dependents().next().unwrap();
    assert_eq!((first.current_version, first.compatibility_version), (Version(0x0005_2601), Version(0x0001_0000)));
    assert_eq!(
        (first.current_version.to_string(), first.compatibility_version.to_string()),
        ("5.38.1".into(), "1.0".into())
    );
    assert_eq!(view.install_name(), Some(&b"/self"[..]));
}

#[test]
fn sections_of_an_object_file_name_their_own_segment() {
    let mut segment = super::builder::SegmentSpec::new("", [0, 0x20, 0x200, 0x20], 7).section("__data", 0, 0x20, 0x200);
    segment.sections[0].segment = name16("__DATA");
    let mut builder = Builder::new(ARM64).segment(&segment);
    builder.file_type = 1;
    let file = builder.build();
    let section = View::parse(&file).unwrap().sections().next().unwrap();
    assert_eq!((section.segment_name.text().as_ref(), section.name.text().as_ref()), ("__DATA", "__data"));
}

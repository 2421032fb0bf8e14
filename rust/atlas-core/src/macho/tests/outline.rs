//! The outline says what the view says, of sound headers and of damaged ones.

use super::builder::{ARM64, ARM64_32, ARM64E, Builder, I386, PPC, SegmentSpec, X86_64, library};
use super::parts;
use crate::macho::{OUTLINE_START, SegmentOutline, View, outline, outline_size};

fn segments(data: &[u8]) -> crate::Result<(Vec<SegmentOutline>, Option<[u8; 16]>, u32)> {
    let mut segments = Vec::new();
    let found = outline(data, |segment| segments.push(*segment))?;
    Ok((segments, found.uuid, found.pointer_size))
}

fn as_seen(data: &[u8]) -> crate::Result<(Vec<SegmentOutline>, Option<[u8; 16]>, u32)> {
    let view = View::parse(data)?;
    let segments = view.segments().map(|segment| SegmentOutline {
        name: segment.name,
        preferred_load_address: segment.preferred_load_address.0,
        vm_size: segment.vm_size,
        file_offset: segment.file_offset,
        file_size: segment.file_size,
    });
    Ok((segments.collect(), view.uuid().map(uuid::Uuid::into_bytes), view.pointer_size()))
}

#[test]
fn all_widths_and_orders() {
    for cpu in [X86_64, ARM64, ARM64E, ARM64_32, I386, PPC] {
        let file = library(cpu).build();
        let found = segments(&file).unwrap();
        assert_eq!((found.0.len(), found.1.is_some()), (2, true), "{cpu:?}");
        assert_eq!(found, as_seen(&file).unwrap(), "{cpu:?}");
        assert_eq!(outline_size(&file[..OUTLINE_START]), Some(file.len()), "{cpu:?}");
        assert_eq!((outline_size(&file[..3]), outline_size(&file[..20])), (None, None));
        let none = Builder::new(cpu).build();
        assert_eq!(segments(&none).unwrap(), as_seen(&none).unwrap());
    }
}

#[test]
fn no_header_and_headers_that_end_early() {
    assert_eq!(parts(&segments(b"dyld_v1  arm64e").unwrap_err()).1, "a Mach-O header");
    for cpu in [ARM64, I386, PPC] {
        let file = library(cpu).build();
        for end in 0..file.len() {
            assert!(segments(&file[..end]).is_err(), "{cpu:?} {end}");
        }
    }
}

#[test]
fn damaged_bytes_are_read_as_the_view_reads_them_or_refused() {
    for cpu in [ARM64, I386, PPC] {
        let file = library(cpu).segment(&SegmentSpec::new("__SIXTEEN_BYTES_", [1, 2, 3, 4], 3)).build();
        for at in 0..file.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut damaged = file.clone();
                damaged[at] = value;
                // The view refuses more: it also checks what is not looked at here.
                if let Ok(expected) = as_seen(&damaged) {
                    assert_eq!(segments(&damaged).unwrap(), expected, "{cpu:?} {at} {value}");
                } else {
                    let _any = segments(&damaged);
                }
            }
        }
    }
}

use uuid::Uuid;

use super::builder::{ARM64, ARM64E, Builder, UUID, X86_64, fat, library};
use super::parts;
use crate::address::PreferredAddress;
use crate::macho::{Version, slice_with_uuid, slices};

#[test]
fn a_thin_file_is_one_slice() {
    let mut file = library(ARM64E).build();
    let header_and_load_commands_size = file.len() as u64;
    file.resize(0x4100, 0);
    let found = slices(&file).unwrap();
    let [slice] = &found[..] else { panic!("one slice") };
    assert_eq!(slice.architecture, "arm64e");
    assert_eq!((slice.cpu_type, slice.cpu_subtype), ARM64E);
    assert_eq!((slice.file_type, slice.flags, slice.pointer_size), (6, 0, 8));
    assert_eq!((slice.offset, slice.size), (0, 0x4100));
    assert_eq!(slice.header_and_load_commands_size, header_and_load_commands_size);
    assert_eq!(slice.uuid, Some(Uuid::from_bytes(UUID)));
    assert_eq!(slice.install_name.as_deref(), Some("/usr/lib/libone.dylib"));
    assert_eq!(slice.platform, Some(1));
    assert_eq!((slice.min_os, slice.sdk), (Some(Version(0x000d_0000)), Some(Version(0x000e_0501))));
    assert_eq!(slice.preferred_load_address, PreferredAddress(0x4000));
    let names: Vec<_> = slice.segments.iter().map(|segment| segment.name.to_string()).collect();
    assert_eq!(names, ["__TEXT", "__LINKEDIT"]);
    assert_eq!(slice.sections.len(), 2);
    assert_eq!((slice.segments.capacity(), slice.sections.capacity()), (2, 2));
}

#[test]
fn what_a_file_does_not_say_is_none() {
    let slice = slices(&Builder::new(ARM64).build()).unwrap().remove(0);
    assert_eq!(
        (slice.uuid, slice.install_name, slice.platform, slice.min_os, slice.sdk),
        (None, None, None, None, None)
    );
    assert_eq!(slice.preferred_load_address, PreferredAddress(0));
}

#[test]
fn an_install_name_that_is_no_text_is_kept_lossily() {
    let slice = slices(&Builder::new(ARM64).library(0xd, b"/lib\xff").build()).unwrap().remove(0);
    assert_eq!(slice.install_name.as_deref(), Some("/lib\u{fffd}"));
}

#[test]
fn a_slice_is_found_by_its_uuid() {
    let other = Builder::new(X86_64).command(0x1b, &[7; 16]).build();
    let file = fat(false, &[(X86_64, other), (ARM64, library(ARM64).build())]);
    let found = slice_with_uuid(&file, Uuid::from_bytes(UUID)).unwrap().unwrap();
    assert_eq!((&*found.architecture, found.offset), ("arm64", 0x8000));
    assert_eq!(slice_with_uuid(&file, Uuid::from_bytes([7; 16])).unwrap().unwrap().architecture, "x86_64");
    assert!(slice_with_uuid(&file, Uuid::from_bytes([8; 16])).unwrap().is_none());
    assert!(slice_with_uuid(&file, Uuid::nil()).unwrap().is_none());
}

#[test]
fn a_slice_that_cannot_be_read_does_not_hide_the_others() {
    let file = fat(true, &[(X86_64, b"!<arch>\n".to_vec()), (ARM64, library(ARM64).build())]);
    assert!(slice_with_uuid(&file, Uuid::from_bytes(UUID)).unwrap().is_some());
    assert_eq!(parts(&slice_with_uuid(b"!<arch>\n", Uuid::nil()).unwrap_err()).2, "a static library");
}

/// Bytes behind the load commands may be anything: nothing reads them, so a mapped file costs its header pages alone.
#[test]
fn only_headers_are_read() {
    let sizes = [library(X86_64).build().len(), library(ARM64).build().len()];
    let padded = |cpu| {
        let mut bytes = library(cpu).build();
        bytes.resize(0x4000, 0);
        (cpu, bytes)
    };
    let clean = fat(false, &[padded(X86_64), padded(ARM64)]);
    let mut noisy = clean.clone();
    let table = 8 + 3 * 20;
    for (index, byte) in noisy.iter_mut().enumerate() {
        let is_read =
            index < table || (1..3).any(|slice| (slice * 0x4000..slice * 0x4000 + sizes[slice - 1]).contains(&index));
        if !is_read {
            *byte = 0xcf ^ index as u8;
        }
    }
    assert_ne!(clean, noisy);
    assert_eq!(format!("{:?}", slices(&clean).unwrap()), format!("{:?}", slices(&noisy).unwrap()));
}

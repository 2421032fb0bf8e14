//! Mach-O files that lie in no cache.

use atlas_core::bytes::{Bytes, Mode};
use atlas_core::memory::ImageFile;
use atlas_core::{Error, ErrorKind};
use uuid::Uuid;

use crate::builder::Folder;

/// Name, address, size in memory, offset, size in the file.
pub type Segment = (&'static str, u64, u64, u64, u64);

pub const UUID: Uuid = Uuid::from_bytes([7; 16]);
pub const BASE: u64 = 0x1_0000_0000;

/// A 64-bit Mach-O of `size` bytes, whose byte at each offset behind its header tells it.
pub fn macho(uuid: Uuid, segments: &[Segment], size: usize) -> Vec<u8> {
    let words = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>();
    let mut commands = words(&[0x1b, 24]);
    commands.extend(uuid.as_bytes());
    for &(name, address, vm_size, offset, file_size) in segments {
        // One section, the second half of what is in the file.
        commands.extend(words(&[0x19, 72 + 80]));
        let mut name16 = [0; 16];
        name16[..name.len()].copy_from_slice(name.as_bytes());
        commands.extend(name16);
        commands.extend([address, vm_size, offset, file_size].iter().flat_map(|number| number.to_le_bytes()));
        commands.extend(words(&[7, 3, 1, 0]));
        commands.extend(*b"__half\0\0\0\0\0\0\0\0\0\0");
        commands.extend(name16);
        let half = file_size / 2;
        commands.extend([address.wrapping_add(half), file_size - half].iter().flat_map(|number| number.to_le_bytes()));
        commands.extend(words(&[offset.wrapping_add(half) as u32, 0, 0, 0, 0, 0, 0, 0]));
    }
    let mut bytes = words(&[0xfeed_facf, 0x0100_000c, 0, 6, segments.len() as u32 + 1, commands.len() as u32, 0, 0]);
    bytes.extend(commands);
    assert!(bytes.len() <= 0x1000);
    let start = bytes.len();
    bytes.extend((start..size).map(|at| (at / 3) as u8 | 1));
    bytes
}

pub const SEGMENTS: [Segment; 4] = [
    ("__PAGEZERO", 0, BASE, 0, 0),
    ("__TEXT", BASE, 0x4000, 0, 0x4000),
    ("__DATA", BASE + 0x4000, 0x2_0000, 0x4000, 0x1234),
    ("__LINKEDIT", BASE + 0x3_0000, 0x1000, 0x8000, 0x321),
];

fn universal(slices: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let words = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>();
    let mut bytes = words(&[0xcafe_babe, slices.len() as u32]);
    let mut data = Vec::new();
    for (subtype, slice) in slices {
        let offset = 0x4000 + data.len();
        bytes.extend(words(&[0x0100_000c, *subtype, offset as u32, slice.len() as u32, 14]));
        data.extend(slice);
        data.resize(data.len().next_multiple_of(0x4000), 0xee);
    }
    bytes.resize(0x4000, 0);
    bytes.extend(data);
    bytes
}

fn unmapped(error: &Error) -> u64 {
    match error.kind() {
        ErrorKind::UnmappedAddress(address) => *address,
        _ => panic!("{error}"),
    }
}

/// What the segment holds in memory.
fn memory_of(file: &[u8], &(_, _, vm_size, offset, file_size): &Segment) -> Vec<u8> {
    let mut bytes = file[offset as usize..(offset + file_size) as usize].to_vec();
    bytes.resize(vm_size as usize, 0);
    bytes
}

/// What the segment of that name holds in memory, as the image gives it.
pub fn segment_data(image: &ImageFile, name: &str) -> Result<Bytes, Error> {
    let found = image.slice().segments.iter().find(|segment| segment.name == *name).unwrap();
    image.data(found.preferred_load_address.0, found.file_size, found.vm_size)
}

fn check(image: &ImageFile, file: &[u8]) {
    for segment in &SEGMENTS[1..] {
        let expected = memory_of(file, segment);
        assert!(*segment_data(image, segment.0).unwrap() == *expected, "{}", segment.0);
        assert!(image.read(segment.1, segment.2).unwrap() == expected);
        // A part that begins in the file and ends in the zeros behind.
        let (at, size) = (segment.1 + 0x300, segment.2 - 0x300);
        assert!(*image.data(at, size, size).unwrap() == expected[0x300..]);
        assert!(*image.data(at, 0x10, 0x20).unwrap() == [&expected[0x300..0x310], &[0; 16][..]].concat());
        let section = image.slice().sections.iter().find(|section| section.segment_name == *segment.0).unwrap();
        let half = segment.4 / 2;
        assert!(
            *image.data(section.address.0, section.size, section.size).unwrap()
                == expected[half as usize..segment.4 as usize]
        );
    }
    let two = image.read(BASE + 0x3ff0, 0x20).unwrap();
    assert_eq!(two, file[0x3ff0..0x4010], "across segments");
    let zeros = segment_data(image, "__PAGEZERO").unwrap();
    assert_eq!((zeros.len() as u64, zeros[0], zeros[zeros.len() - 1]), (BASE, 0, 0));
    assert_eq!(unmapped(&image.read(BASE + 0x2_3fff, 2).unwrap_err()), BASE + 0x2_4000);
    assert_eq!(unmapped(&image.data(BASE + 0x2_3fff, 2, 2).unwrap_err()), BASE + 0x2_4000);
    assert_eq!(unmapped(&image.read(u64::MAX, 1).unwrap_err()), u64::MAX);
    assert_eq!(image.data(u64::MAX, 0, 0).unwrap().len(), 0);
}

#[test]
fn segments_sections_and_reads() {
    let folder = Folder::new();
    let bytes = macho(UUID, &SEGMENTS, 0x9000);
    let path = folder.file("image", &bytes);
    for mode in [Mode::Map, Mode::Copy] {
        check(&ImageFile::open(&path, UUID, mode).unwrap(), &bytes);
    }
    check(&ImageFile::from_bytes("image".into(), bytes.clone().into(), UUID).unwrap(), &bytes);
    let image = ImageFile::open(&path, UUID, Mode::Map).unwrap();
    let text = segment_data(&image, "__TEXT").unwrap();
    assert!(text.share_count() > 1, "not copied");
}

#[test]
fn the_slice_is_chosen_by_its_uuid() {
    let folder = Folder::new();
    let (one, two) = (macho(Uuid::from_u128(1), &SEGMENTS, 0xa000), macho(UUID, &SEGMENTS, 0x9000));
    let path = folder.file("universal", &universal(&[(0, one.clone()), (2, two.clone())]));
    // The first slice's header says arm64, and so must the second's: its subtype stands at 8.
    let mut two = two;
    two[8] = 2;
    std::fs::write(&path, universal(&[(0, one.clone()), (2, two.clone())])).unwrap();
    check(&ImageFile::open(&path, UUID, Mode::Map).unwrap(), &two);
    check(&ImageFile::open(&path, Uuid::from_u128(1), Mode::Map).unwrap(), &one);
    for path in [path, folder.file("thin", &one)] {
        let error = ImageFile::open(&path, Uuid::from_u128(3), Mode::Map).unwrap_err();
        let ErrorKind::MissingData(identifier) = error.kind() else { panic!("{error}") };
        assert_eq!(identifier.uuid, Some(Uuid::from_u128(3)));
        assert_eq!(identifier.path, path.to_str().map(Into::into));
    }
    let error = ImageFile::open(&folder.file("text", b"hello"), UUID, Mode::Map).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::MachO(_)), "{error}");
    let error = ImageFile::open(&folder.path().join("absent"), UUID, Mode::Map).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Io { .. }), "{error}");
}

#[test]
fn hostile_segments() {
    let segments: [Segment; 6] = [
        ("__HUGE", 0x1000, 1 << 62, 0, 0x10),
        ("__WRAPS", u64::MAX - 0xfff, u64::MAX, 0, 0x10),
        ("__LEAVES", 1 << 63, 0x4000, 0x8000, 0x4000),
        ("__FAR", (1 << 63) + 0x10_0000, 0x4000, u64::MAX - 1, 0x4000),
        ("__EMPTY", 0x1000, 0, 0, 0),
        ("__MORE", (1 << 63) + 0x20_0000, 0x10, 0, 0x1000),
    ];
    let bytes = macho(UUID, &segments, 0x9000);
    let image = ImageFile::from_bytes("image".into(), bytes.clone().into(), UUID).unwrap();
    let data = |name: &str| segment_data(&image, name);
    for name in ["__HUGE", "__WRAPS"] {
        let error = data(name).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Limit { .. }), "{name}: {error}");
    }
    for name in ["__LEAVES", "__FAR"] {
        let error = data(name).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::MachO(_)) && error.to_string().contains(name), "{name}: {error}");
    }
    assert_eq!(data("__EMPTY").unwrap().len(), 0);
    assert_eq!(*data("__MORE").unwrap(), bytes[..0x10], "no more than the segment takes in memory");
    assert_eq!(image.read(0x1008, 0x10).unwrap(), [&bytes[8..16], &[0; 8][..]].concat());
    for size in [1 << 62, 1 << 63, u64::MAX] {
        let error = image.read(0x1000, size).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Limit { .. } | ErrorKind::UnmappedAddress(_)), "{error}");
    }
}

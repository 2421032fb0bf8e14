//! Lists that were made to hurt: each is refused where it is wrong, quickly, and without much memory.

use super::*;

fn refused(raw: &Raw) -> (u64, String, String) {
    mismatch(&read(&raw.bytes()).unwrap_err())
}

fn small() -> Raw {
    Raw::new(&[b"\x51a".as_slice(), b"\xa1\0"])
}

/// Where the trailer of [`small`] stands: header 8, objects 4, two offsets of 4 bytes.
const TRAILER: u64 = 20;

#[test]
fn the_small_list_itself_is_right() {
    assert_eq!(*read(&small().bytes()).unwrap(), Value::Array(vec![text("a")]));
}

#[test]
fn less_than_header_and_trailer() {
    let whole = small().bytes();
    for length in 0..40 {
        assert_eq!(mismatch(&read(&whole[..length]).unwrap_err()).0, 0, "{length}");
    }
    for length in 40..whole.len() {
        assert!(read(&whole[..length]).is_err(), "{length}");
    }
}

#[test]
fn another_header() {
    for header in [b"bplisu00".as_slice(), b"<?xml ve", b"\0\0\0\0\0\0\0\0"] {
        let mut bytes = small().bytes();
        bytes[..8].copy_from_slice(header);
        assert_eq!(mismatch(&read(&bytes).unwrap_err()).0, 0);
    }
}

#[test]
fn widths_of_0_and_9() {
    for width in [0, 9, 255] {
        let mut raw = small();
        raw.offset_width = width;
        let mut bytes = raw.bytes();
        let trailer = bytes.len() as u64 - 32;
        assert_eq!(mismatch(&read(&bytes).unwrap_err()).0, trailer + 6);
        bytes = small().bytes();
        bytes[TRAILER as usize + 7] = width;
        assert_eq!(mismatch(&read(&bytes).unwrap_err()).0, TRAILER + 7);
    }
}

/// Numbers that wrap when they are multiplied by a width or added to an offset.
const HUGE: [u64; 9] = [3, 1 << 16, 1 << 32, 1 << 61, (1 << 61) + 2, 1 << 62, 1 << 63, u64::MAX - 7, u64::MAX];

#[test]
fn more_objects_than_the_table_has_room_for() {
    for count in HUGE.into_iter().chain([0]) {
        let (offset, ..) = refused(&Raw { count: Some(count), ..small() });
        assert_eq!(offset, TRAILER + 8, "{count}");
    }
}

#[test]
fn a_top_object_that_is_none() {
    for top in HUGE.into_iter().chain([2]) {
        assert_eq!(refused(&Raw { top, ..small() }).0, TRAILER + 16, "{top}");
    }
}

#[test]
fn an_offset_table_outside() {
    for table in HUGE.into_iter().chain([0, 7, TRAILER, TRAILER + 32]) {
        assert_eq!(refused(&Raw { table: Some(table), ..small() }).0, TRAILER + 24, "{table}");
    }
}

#[test]
fn an_object_in_the_header_the_table_the_trailer_or_beyond() {
    for offset in [0, 7, 12, 13, TRAILER, TRAILER + 31, TRAILER + 32, u32::MAX.into()] {
        let mut raw = small();
        raw.offsets[0] = offset;
        assert_eq!(refused(&raw).0, 12, "{offset}");
        let mut wide = Raw { offset_width: 8, ..raw };
        wide.offsets[0] = u64::MAX - offset;
        assert_eq!(refused(&wide).0, 12, "{offset}");
    }
}

#[test]
fn counts_that_no_list_has_room_for() {
    for kind in [0x4F, 0x5F, 0x6F, 0xAF, 0xBF, 0xCF, 0xDF_u8] {
        for count in HUGE {
            let object = [[kind, 0x13].as_slice(), &count.to_be_bytes()].concat();
            for reference_width in [1, 8] {
                let raw = Raw { reference_width, ..Raw::new(&[&object]) };
                assert_eq!(refused(&raw).0, 8, "{kind:x} {count}");
            }
        }
    }
}

#[test]
fn counts_that_are_no_integer_or_are_cut_short() {
    for head in [b"\x4f".as_slice(), b"\x5f\x14\0", b"\x6f\x50", b"\xaf\x33", b"\xdf\xff"] {
        assert_eq!(refused(&Raw::new(&[head])).0, 9, "{head:x?}");
    }
    for head in [b"\x4f\x10".as_slice(), b"\x5f\x11\0", b"\xaf\x12\0\0\0", b"\xdf\x13\0\0\0\0\0\0\0"] {
        assert_eq!(refused(&Raw::new(&[head])).0, 8, "{head:x?}");
    }
}

#[test]
fn references_to_no_object() {
    assert_eq!(refused(&Raw::new(&[b"\x51a".as_slice(), b"\xa2\0\x02"])).0, 12);
    let wide = [b"\xa1".as_slice(), &u64::MAX.to_be_bytes()].concat();
    assert_eq!(refused(&Raw { reference_width: 8, ..Raw::new(&[wide]) }).0, 9);
    // 2^32 is no object 0.
    let wide = [b"\xa1".as_slice(), &(1_u64 << 32).to_be_bytes()].concat();
    assert_eq!(refused(&Raw { reference_width: 8, ..Raw::new(&[wide]) }).0, 9);
}

#[test]
fn a_collection_within_itself() {
    let itself = Raw::new(&[b"\xa1\0"]);
    let two = Raw::new(&[b"\xa1\x01", b"\xa1\0"]);
    let value = Raw::new(&[b"\x51k".as_slice(), b"\xd1\0\x02", b"\xc1\x01"]);
    for (raw, offset) in [(itself, 9), (two, 9), (value, 12)] {
        let (at, _, found) = refused(&raw);
        assert_eq!((at, found.as_str()), (offset, "a reference to an enclosing collection"));
    }
    let long: Vec<Vec<u8>> =
        (1..=500_u16).map(|next| [&[0xA1], (next % 500).to_be_bytes().as_slice()].concat()).collect();
    let raw = Raw { reference_width: 2, ..Raw::new(&long) };
    assert_eq!(refused(&raw).2, "a reference to an enclosing collection");
    // The top is object 300 of 301, which a reference of one byte cannot name.
    let mut unnamed: Vec<Vec<u8>> = (0..300).map(|_| vec![0x08]).collect();
    unnamed.push(vec![0xA1, 44]);
    assert!(read(&Raw::new(&unnamed).bytes()).is_ok());
}

#[test]
fn sixty_thousand_references_to_one_long_string() {
    let long = [b"\x5f\x12\0\x01\0\0".as_slice(), &[b'x'; 65536]].concat();
    let many = [b"\xaf\x11\xea\x60".as_slice(), &[0; 60_000]].concat();
    let value = read(&Raw::new(&[long, many]).bytes()).unwrap();
    let Value::Array(items) = &*value else { panic!("not an array") };
    assert_eq!(items.len(), 60_000);
    assert!(items.iter().all(|item| Rc::ptr_eq(item, &items[0])));
}

/// Forty levels of arrays that hold the next one twice: 2^40 paths, 41 objects.
#[test]
fn a_lattice_is_walked_once() {
    let mut objects = vec![vec![0x08]];
    objects.extend((0..40).map(|inner| vec![0xA2, inner, inner]));
    assert!(read(&Raw::new(&objects).bytes()).is_ok());
}

/// Many objects at one place: as many copies of what stands there would be made.
fn overlapping(object: &[u8], count: u16) -> Raw {
    let all: Vec<u8> = (0..count).flat_map(u16::to_be_bytes).collect();
    let top = [&[0xAF, 0x11], count.to_be_bytes().as_slice(), &all].concat();
    let mut raw = Raw::new(&[object, &top]);
    let top = raw.offsets[1];
    raw.offsets = vec![8; count.into()];
    raw.offsets.push(top);
    Raw { reference_width: 2, top: count.into(), ..raw }
}

#[test]
fn objects_that_overlap() {
    let long = [b"\x4f\x12\0\x01\0\0".as_slice(), &[0; 65536]].concat();
    let (offset, expected, _) = refused(&overlapping(&long, 60_000));
    assert_eq!(offset, 8);
    assert!(expected.starts_with("objects that do not overlap, "), "{expected}");
    // References count as well: each of these would become an array of 60 000.
    let wide = [b"\xaf\x11\xea\x60".as_slice(), &[0xFF; 120_000]].concat();
    let mut raw = overlapping(&wide, 60_000);
    raw.area[4..4 + 120_000].fill(0);
    raw.offsets[0] = 8 + raw.area.len() as u64;
    raw.area.push(0x08);
    assert!(refused(&raw).1.starts_with("objects that do not overlap, "));
    // Strings that begin one byte after the other, each within the one before.
    let nested: Vec<u8> = [b"\x5f\x10\xf0".as_slice(), &[0x5E; 300]].concat();
    let mut raw = overlapping(&nested, 200);
    for (index, offset) in raw.offsets.iter_mut().take(200).enumerate() {
        *offset = 11 + index as u64;
    }
    assert!(refused(&raw).1.starts_with("objects that do not overlap, "));
}

#[test]
fn more_objects_than_bytes_to_hold_them() {
    let mut raw = small();
    raw.offsets = vec![8; 100_000];
    raw.offset_width = 1;
    raw.top = 0;
    let (_, expected, found) = refused(&raw);
    assert_eq!(
        (expected.as_str(), found.as_str()),
        ("at most 4 objects, as many as there are bytes for them", "100000")
    );
}

//! Reservations against a plain array of bytes.

use std::io::ErrorKind;

use proptest::prelude::*;

use super::Folder;
use crate::sys::reservation::{Reservation, Reserved, Space};
use crate::sys::{OpenFile, space_copied};

#[cfg(not(unix))]
type Host = space_copied::Space;
#[cfg(unix)]
type Host = crate::sys::space_unix::Space;

const PLENTY: u64 = 1 << 30;

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i / 7 % 251) as u8 | 1).collect()
}

/// Where a piece comes from and where it goes.
#[derive(Clone, Debug)]
enum Piece {
    File { at: u64, offset: u64, size: u64 },
    Bytes { at: u64, size: u64 },
}

fn lay_out<S: Space>(length: u64, file: &OpenFile, bytes: &[u8], pieces: &[Piece]) -> Reserved<S> {
    let mut reservation = Reservation::<S>::of(length, PLENTY).unwrap();
    assert_eq!(reservation.len(), length);
    for piece in pieces {
        match *piece {
            Piece::File { at, offset, size } => reservation.place_file(at, file, offset, size).unwrap(),
            Piece::Bytes { at, size } => reservation.place_bytes(at, &bytes[..size as usize]).unwrap(),
        }
    }
    reservation.finish().unwrap()
}

fn model(length: u64, bytes: &[u8], pieces: &[Piece]) -> Vec<u8> {
    let mut model = vec![0; length as usize];
    for piece in pieces {
        let (at, offset, size) = match *piece {
            Piece::File { at, offset, size } => (at as usize, offset as usize, size as usize),
            Piece::Bytes { at, size } => (at as usize, 0, size as usize),
        };
        model[at..at + size].copy_from_slice(&bytes[offset..offset + size]);
    }
    model
}

const LENGTH: u64 = 40 * 4096;
const FILE: u64 = 20 * 4096 + 123;

fn place(limit: u64) -> impl Strategy<Value = u64> {
    // Pages of every size, their neighbours, and anything.
    let pages = (0..limit / 4096 + 1, 0_u64..4).prop_map(|(page, more)| page * 4096 + more);
    prop_oneof![4 => (0..limit / 4096).prop_map(|page| page * 4096), 1 => pages, 1 => 0..limit]
        .prop_map(move |at| at.min(limit))
}

fn piece() -> impl Strategy<Value = Piece> {
    (place(LENGTH), place(FILE), place(FILE), any::<bool>()).prop_map(|(at, offset, size, mapped)| {
        if mapped {
            Piece::File { at, offset, size: size.min(FILE - offset).min(LENGTH - at) }
        } else {
            Piece::Bytes { at, size: size.min(LENGTH - at) }
        }
    })
}

proptest! {
    #[test]
    fn pieces_lie_where_they_were_placed(pieces in prop::collection::vec(piece(), 0..8), cut in 0_u64..5000) {
        let folder = Folder::new();
        let bytes = pattern(FILE as usize);
        let file = OpenFile::open(&folder.file("a", &bytes)).unwrap();
        let length = LENGTH + cut;
        let expected = model(length, &bytes, &pieces);
        prop_assert!(lay_out::<Host>(length, &file, &bytes, &pieces).as_ref() == expected);
        prop_assert!(lay_out::<space_copied::Space>(length, &file, &bytes, &pieces).as_ref() == expected);
    }
}

#[test]
fn whole_pages_cost_no_budget_and_the_rest_does() {
    let Some(page) = Host::page_size() else { return };
    let folder = Folder::new();
    let bytes = pattern(3 * page as usize);
    let file = OpenFile::open(&folder.file("a", &bytes)).unwrap();
    let mut reservation = Reservation::new(4 * page, 10).unwrap();
    reservation.place_file(0, &file, page, 2 * page).unwrap();
    // Both begin 5 bytes before a page: a head of 5, a page, a tail of 5.
    reservation.place_file(3 * page - 5, &file, page - 5, page + 10).unwrap_err();
    let mut reservation = Reservation::new(4 * page, 10).unwrap();
    reservation.place_file(2 * page - 5, &file, page - 5, page + 10).unwrap();
    let error = reservation.place_bytes(0, b"x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfMemory);
    let laid_out = reservation.finish().unwrap();
    let (start, size) = (2 * page as usize - 5, page as usize + 10);
    assert_eq!(laid_out.as_ref()[start..start + size], bytes[page as usize - 5..][..size]);
    assert!(laid_out.as_ref()[..start].iter().chain(&laid_out.as_ref()[start + size..]).all(|&byte| byte == 0));

    let mut reservation = Reservation::new(4 * page, 10).unwrap();
    let error = reservation.place_file(1, &file, 0, page).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfMemory, "no page of the one is a page of the other");
}

#[test]
fn pieces_that_leave_the_file_or_the_reservation_are_refused() {
    fn check<S: Space>() {
        let folder = Folder::new();
        let file = OpenFile::open(&folder.file("a", &[1; 10_000])).unwrap();
        let mut reservation = Reservation::<S>::of(8192, PLENTY).unwrap();
        let mut place =
            |at, offset, size| reservation.place_file(at, &file, offset, size).map_err(|error| error.kind());
        assert_eq!(place(4096, 0, 4096), Ok(()));
        assert_eq!(place(4096, 0, 4097), Err(ErrorKind::InvalidInput));
        assert_eq!(place(8193, 0, 0), Err(ErrorKind::InvalidInput));
        assert_eq!(place(u64::MAX, 0, 2), Err(ErrorKind::InvalidInput));
        assert_eq!(place(0, 8192, 4096), Err(ErrorKind::UnexpectedEof));
        assert_eq!(place(0, u64::MAX, 4096), Err(ErrorKind::UnexpectedEof));
        assert_eq!(place(8192, 10_000, 0), Ok(()));
        assert_eq!(reservation.place_bytes(8190, b"abc").unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    check::<Host>();
    check::<space_copied::Space>();
}

#[test]
fn a_file_that_was_cut_short_is_refused() {
    let folder = Folder::new();
    let path = folder.file("a", &[1; 3 * 65536]);
    let file = OpenFile::open(&path).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_len(65536).unwrap();
    let mut reservation = Reservation::new(3 * 65536, PLENTY).unwrap();
    assert_eq!(reservation.place_file(0, &file, 0, 2 * 65536).unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn sizes_that_no_machine_has_are_errors() {
    for length in [1 << 62, 1 << 63, u64::MAX, isize::MAX as u64, isize::MAX as u64 - 1] {
        assert_eq!(Reservation::new(length, PLENTY).unwrap_err().kind(), ErrorKind::OutOfMemory, "{length:#x}");
        let error = Reservation::<space_copied::Space>::of(length, u64::MAX).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfMemory, "{length:#x}");
    }
    let error = Reservation::<space_copied::Space>::of(101, 100).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfMemory, "what would be memory stays below the limit");
}

#[test]
fn a_large_reservation_costs_nothing() {
    if Host::page_size().is_none() {
        return;
    }
    let reservation = Reservation::new(1 << 36, 0).unwrap();
    assert!(!reservation.is_empty());
    let laid_out = reservation.finish().unwrap();
    let bytes = laid_out.as_ref();
    assert_eq!((bytes.len(), bytes[0], bytes[1 << 35], bytes[bytes.len() - 1]), (1 << 36, 0, 0, 0));
}

#[test]
fn no_bytes_are_a_reservation_too() {
    let mut reservation = Reservation::new(0, 0).unwrap();
    assert!(reservation.is_empty());
    reservation.place_bytes(0, b"").unwrap();
    assert_eq!(reservation.place_bytes(0, b"a").unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(reservation.finish().unwrap().as_ref(), b"");
}

/// Ranges of this process's address space that lie between `start` and `end`.
#[cfg(target_os = "linux")]
fn mappings(start: usize, end: usize) -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let ranges = maps.lines().filter_map(|line| line.split_once(' ')?.0.split_once('-'));
    let number = |text| usize::from_str_radix(text, 16).unwrap();
    ranges.filter(|(first, last)| number(first) < end && number(last) > start).count()
}

#[cfg(target_os = "linux")]
#[test]
fn address_space_is_given_back() {
    let folder = Folder::new();
    let file = OpenFile::open(&folder.file("a", &[7; 1 << 16])).unwrap();
    let mut reservation = Reservation::new(1 << 40, PLENTY).unwrap();
    reservation.place_file(1 << 39, &file, 0, 1 << 16).unwrap();
    reservation.place_bytes(100, b"abc").unwrap();
    let laid_out = reservation.finish().unwrap();
    let start = laid_out.as_ref().as_ptr() as usize;
    // What was written, zeros up to the file, the file, zeros.
    assert!(mappings(start, start + (1 << 40)) >= 3);
    drop(laid_out);
    // Another thread may have got a small mapping there meanwhile, but not the whole range.
    let again = Reservation::new(1 << 40, PLENTY);
    assert!(again.is_ok());
    let others = mappings(start + (1 << 39), start + (1 << 39) + (1 << 16));
    assert!(others <= 1, "{others} mappings where the file was");
}

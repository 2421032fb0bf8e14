//! Slide info that lies: each lie is an error with its place, after little work, and the other pages are read all the
//! same.

use std::time::Duration;

use cpu_time::ThreadTime;

use super::*;
use crate::error::ErrorKind;

const BASE: u64 = 0x1_8000_0000;
const MASK: u64 = 0x00ff_ff00_0000_0000;

/// The message of an opening that must fail.
fn refused(info: &[u8]) -> String {
    let error = parse(info, &mapping(BASE, 0x4000)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Cache(_)));
    assert!(error.location().offset.is_some() && error.location().key_path.is_some(), "{error}");
    error.to_string()
}

/// The messages of faulty pages, and how many pointers were read.
fn faults(info: &[u8], size: u64, bytes: &[u8]) -> (Vec<String>, usize) {
    let mapping = mapping(BASE, size);
    let info = parse(info, &mapping).unwrap();
    let (mut faults, mut count) = (Vec::new(), 0);
    for pointer in info.pointers(bytes) {
        match pointer {
            Ok(_) => count += 1,
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::Cache(_)));
                assert!(error.location().offset.is_some());
                faults.push(error.to_string());
            }
        }
    }
    (faults, count)
}

#[test]
fn short_or_unknown_info_is_refused() {
    let whole = linked(2, 0x1000, MASK, 0, &[0], &[1]);
    for length in 0..whole.len() {
        let message = refused(&whole[..length]);
        assert!(message.contains("slide info"), "{length}: {message}");
    }
    let whole = chained(3, 0x1000, 0, &[0, 0]);
    (0..whole.len()).for_each(|length| drop(refused(&whole[..length])));
    for version in [0, 6, u32::MAX] {
        let message = refused(&chained(version, 0x1000, 0, &[0]));
        assert!(message.contains(&format!("found version {version} at offset 0x0")), "{message}");
    }
}

#[test]
fn pages_of_no_size_or_without_a_bound_are_refused() {
    for size in [0, 1, 8, 0x1001, 0x3000, 1 << 21, 1 << 31, u32::MAX] {
        for info in [chained(3, size, 0, &[]), chained(5, size, 0, &[]), linked(2, size, MASK, 0, &[], &[])] {
            let message = refused(&info);
            assert!(message.starts_with("page_size: ") && message.ends_with("at offset 0x4"), "{message}");
        }
    }
    assert!(parse(&chained(3, 1 << 20, 0, &[]), &mapping(BASE, 1)).is_ok());
}

#[test]
fn tables_outside_the_info_are_refused() {
    for (offset, count) in [(39, u32::MAX), (u32::MAX, 1), (43, 1), (u32::MAX, u32::MAX), (0, 23)] {
        for field in [8, 16] {
            let mut info = linked(2, 0x1000, MASK, 0, &[0], &[0]);
            info[field..field + 8].copy_from_slice(&words(&[offset, count]));
            let message = refused(&info);
            assert!(message.starts_with("page_") && message.contains(&format!("{count} entries")), "{message}");
        }
    }
    let mut info = chained(5, 0x4000, 0, &[0]);
    info[8..12].copy_from_slice(&2_u32.to_le_bytes());
    assert!(refused(&info).starts_with("page_starts: "));
    // A table of nothing may be said to stand anywhere.
    let mut info = linked(2, 0x1000, MASK, 0, &[0], &[]);
    info[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(parse(&info, &mapping(BASE, 0x1000)).is_ok());
}

#[test]
fn bitmaps_of_other_sizes_or_places_are_refused() {
    let fields = |fields: [u32; 5]| [words(&[1]), words(&fields), vec![0; 130]].concat();
    assert!(parse(&fields([24, 1, 26, 1, 128]), &mapping(BASE, 0x1000)).is_ok());
    assert!(refused(&fields([24, 1, 26, 1, 64])).starts_with("entries_size: "));
    assert!(refused(&fields([24, 1, 27, 1, 128])).starts_with("entries: "));
    assert!(refused(&fields([24, 1, 26, 1 << 30, 128])).starts_with("entries: "));
    assert!(refused(&fields([24, 66, 26, 1, 128])).starts_with("toc: "));
    let (found, _) = faults(&fields([24, 2, 26, 1, 128]), 0x2000, &[0; 0x2000]);
    assert!(found.is_empty(), "{found:?}");
    let info = [words(&[1, 24, 2, 28, 1, 128]), halves(&[1, 0]), vec![0xff; 128]].concat();
    let (found, count) = faults(&info, 0x2000, &[0; 0x2000]);
    // No such bitmap; and a mapping that ends within the last of the others.
    assert_eq!((found.len(), count), (2, 1024 - 1));
}

#[test]
fn masks_without_room_for_a_link_are_refused() {
    for (version, mask) in [(2, 0), (2, 1), (2, 2), (2, u64::MAX), (4, 0), (4, 0xc000_0000 << 8), (4, MASK)] {
        let message = refused(&linked(version, 0x1000, mask, 0, &[], &[]));
        assert!(message.starts_with("delta_mask: ") && message.ends_with("at offset 0x18"), "{message}");
    }
}

#[test]
fn a_chain_that_leaves_its_page_is_one_error_and_the_next_page_goes_on() {
    let info = chained(3, 0x1000, BASE, &[0xff0, 8, 0x1000, 16]);
    let mut bytes = vec![0; 0x4000];
    bytes[0xff0..0xff8].copy_from_slice(&(2_u64 << 51).to_le_bytes());
    let (found, count) = faults(&info, 0x4000, &bytes);
    assert_eq!(count, 3);
    assert_eq!(
        found,
        [
            "page_starts[0]: expected a link in its page, found one at 0x1000 of the page at offset 0xff0",
            "page_starts[2]: expected a link in its page, found one at 0x1000 of the page at offset 0x2000",
        ]
    );
}

#[test]
fn a_chain_that_leaves_the_mapping_or_the_file_is_an_error() {
    let info = chained(5, 0x4000, BASE, &[0x3ff8, 0, 0]);
    // The mapping ends in the middle of a pointer.
    let (found, count) = faults(&info, 0x4004, &[0; 0x9000]);
    assert_eq!((found.len(), count), (2, 1));
    assert!(found[0].contains("a link in the mapping") && found[0].ends_with("at offset 0x4000"), "{found:?}");
    // The file does.
    let (found, count) = faults(&info, 0x9000, &[0; 0x4006]);
    assert_eq!((found.len(), count), (2, 1));
    let (found, count) = faults(&info, u64::MAX, &[]);
    assert_eq!((found.len(), count), (3, 0));
}

#[test]
fn extras_without_an_end_or_outside_the_table_are_errors() {
    let info = linked(2, 0x1000, MASK, 0, &[0x8000, 0x8005, 0xffff, 1], &[0, 4]);
    let (found, count) = faults(&info, 0x4000, &[0; 0x4000]);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.iter().all(|message| message.contains("an extra of 2 that ends the list")), "{found:?}");
    assert_eq!(count, 0, "zeros are no pointers");
}

#[test]
fn links_that_overlap_in_their_chain_are_errors() {
    // A step of four bytes in pointers of eight; in a chain of its own, and in one of two.
    let bytes = [longs(&[1 << 40 | 7]), vec![0; 0xff8]].concat();
    for (start, extras) in [(0, &[][..]), (0x8000, &[0, 0x8000 | 0x100])] {
        let (found, count) = faults(&linked(2, 0x1000, MASK, 0, &[start], extras), 0x1000, &bytes);
        assert_eq!((found.len(), count), (1, 1));
        assert!(found[0].contains("links that do not overlap"), "{found:?}");
    }
}

#[test]
fn chains_that_meet_rebase_once_what_they_share() {
    // Both chains pass the word at 0x20: the bytes of the file count, not those that the first chain has made of them.
    let info = linked(2, 0x1000, MASK, 0, &[0x8000], &[0, 0x8000 | 4]);
    let mut bytes = vec![0; 0x1000];
    for (at, raw) in [(0, 8 << 40 | 0x100_u64), (0x10, 4 << 40 | 0x200), (0x20, 0x300)] {
        bytes[at..at + 8].copy_from_slice(&raw.to_le_bytes());
    }
    let whole = rebased(&info, &mapping(BASE, 0x1000), &bytes, 0x1000);
    assert_eq!(whole[..0x28], longs(&[0x1100, 0, 0x1200, 0, 0x1300]));
}

#[test]
fn a_fault_of_one_chain_does_not_hide_the_others_from_a_window_before_it() {
    // The first chain leaves the page behind 0x800, the second is sound and lies before it.
    let info = linked(2, 0x1000, MASK, 0, &[0x8000], &[0x200, 0x8000 | 0x40]);
    let mut bytes = vec![0; 0x1000];
    bytes[0x800..0x808].copy_from_slice(&(0x800_u64 << 40 | 5).to_le_bytes());
    bytes[0x100..0x108].copy_from_slice(&7_u64.to_le_bytes());
    let mapping = mapping(BASE, 0x1000);
    let info = parse(&info, &mapping).unwrap();
    let rebase = |start: usize, length: usize| {
        let mut window = bytes[start..start + length].to_vec();
        info.rebase(&bytes, start as u64, &mut window, 0x10).map(|()| window).map_err(|error| error.to_string())
    };
    assert_eq!(rebase(0x100, 8).unwrap(), longs(&[0x17]));
    assert!(rebase(0x100, 0x701).unwrap_err().contains("a link in its page"));
    // All others of the page are walked, one fault after the other, and nothing but its own end bounds an unended list.
    let unended = linked(2, 0x1000, MASK, 0, &[0x8000], &[0x200, 0x200, 0x40]);
    let mut window = [0; 8];
    let error = parse(&unended, &mapping).unwrap().rebase(&bytes, 0x100, &mut window, 0x10).unwrap_err();
    assert!(error.to_string().contains("an extra of 3 that ends the list"), "{error}");
}

#[test]
fn a_page_has_no_more_links_than_room() {
    let extras: Vec<u16> = std::iter::repeat_n(0, 512).chain([0x8000]).collect();
    let (found, count) = faults(&linked(2, 0x1000, MASK, 0, &[0x8000], &extras), 0x1000, &longs(&[7; 512]));
    assert_eq!((found.len(), count), (1, 512));
    assert!(found[0].contains("at most 512 links in the page"), "{found:?}");
    let (found, count) = faults(&linked(2, 0x1000, MASK, 0, &[0x8001], &extras), 0x1000, &longs(&[7; 512]));
    assert_eq!((found.len(), count), (0, 512), "{found:?}");
}

#[test]
fn lists_of_extras_that_all_pages_share_do_not_multiply() {
    // 16 000 pages, each with 16 000 chains of one link at the same place.
    let info = linked(2, 0x1000, MASK, 0, &[0x8000; 0x3f00], &[0; 0x3f00]);
    let bytes = vec![0; 0x1000 * 0x3f00];
    let start = ThreadTime::now();
    let (found, _) = faults(&info, bytes.len() as u64, &bytes);
    assert_eq!(found.len(), 0x3f00);
    // And where nothing is mapped at all.
    assert_eq!(faults(&info, 0, &[]).0.len(), 0x3f00);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[test]
fn a_window_fails_for_its_own_faults_alone() {
    let info = linked(2, 0x1000, MASK, 0, &[0x3ff, 2, 0x200], &[]);
    let mut bytes = vec![0; 0x3000];
    // The first page is left behind its end, the second is sound, the third within itself.
    bytes[0xffc..0x1004].copy_from_slice(&(2_u64 << 40 | 9).to_le_bytes());
    bytes[0x1008..0x1010].copy_from_slice(&7_u64.to_le_bytes());
    bytes[0x2800..0x2808].copy_from_slice(&(0x800_u64 << 40 | 5).to_le_bytes());
    let mapping = mapping(BASE, 0x3000);
    let info = parse(&info, &mapping).unwrap();
    let rebase = |start: usize, length: usize| {
        let mut window = bytes[start..start + length].to_vec();
        info.rebase(&bytes, start as u64, &mut window, 1).map(|()| window).map_err(|error| error.to_string())
    };
    // The sound link before the fault is applied, also to what of it lies in the second page.
    assert_eq!(rebase(0x1000, 0x1000).unwrap()[8], 8);
    assert_eq!(rebase(0xf00, 0xfc).unwrap(), [0; 0xfc]);
    assert!(rebase(0xfff, 1).unwrap_err().contains("page_starts[0]"));
    // A fault behind the window's end is not its own.
    assert_eq!(rebase(0x2000, 0x800).unwrap(), [0; 0x800]);
    assert!(rebase(0x2000, 0x1000).unwrap_err().contains("page_starts[2]"));
}

#[test]
fn windows_outside_the_mapping_are_errors_and_empty_ones_are_not() {
    let info = chained(3, 0x1000, BASE, &[0]);
    let mapping = mapping(BASE, 0x1000);
    let info = parse(&info, &mapping).unwrap();
    let bytes = [0; 0x1000];
    for (start, length) in [(0x1000, 1), (0xfff, 2), (u64::MAX, 1), (u64::MAX, 0), (0x1001, 0)] {
        let error = info.rebase(&bytes, start, &mut vec![0; length], 0).unwrap_err();
        assert!(error.to_string().contains("in the mapping"), "{error}");
    }
    for start in [0, 5, 0x1000] {
        info.rebase(&bytes, start, &mut [], 0).unwrap();
        info.rebase(&[], start, &mut [], 0).unwrap();
    }
}

#[test]
fn the_end_of_the_address_space_is_no_place_to_fall_off() {
    let info = chained(3, 1 << 20, u64::MAX, &[0; 64]);
    let mapping = mapping(u64::MAX, u64::MAX);
    let info = parse(&info, &mapping).unwrap();
    let bytes = [0xff; 16];
    assert_eq!(info.pointers(&bytes).filter(Result::is_err).count(), 64);
    let mut window = [0; 8];
    assert!(info.rebase(&bytes, u64::MAX - 8, &mut window, u64::MAX).is_ok(), "behind the table of pages");
    assert!(info.rebase(&bytes, (64 << 20) - 1, &mut window, u64::MAX).is_err());
}

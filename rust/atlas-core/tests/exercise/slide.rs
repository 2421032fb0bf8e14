//! Slide info: pointers, and the memory that comes of them in one piece and in many.

use atlas_core::address::PreferredAddress;
use atlas_core::cache::Mapping;
use atlas_core::cache::slide::{Pointer, SlideInfo};

use super::refuse;

/// Windows of a mapping that are compared with the whole.
const WINDOWS: usize = 40;

/// The length of the info in four bytes, address and size of the mapping in eight bytes each, the info, the mapping.
pub fn slide(data: &[u8]) -> bool {
    let Some((fields, rest)) = data.split_first_chunk::<20>() else { return false };
    let number = |range: std::ops::Range<usize>| {
        fields[range].iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
    };
    let length = (number(0..4) as usize).min(rest.len());
    let mapping = Mapping {
        address: PreferredAddress(number(4..12)),
        size: number(12..20),
        file_offset: 0,
        slide_info: None,
        flags: 0,
        max_protection: 3,
        initial_protection: 3,
    };
    // Version 1 alone asks: above 4 GiB they are long.
    let pointer_size = if mapping.end() >> 32 == 0 { 4 } else { 8 };
    match SlideInfo::parse(&rest[..length], &mapping, pointer_size) {
        Ok(info) => walk(&info, &mapping, &rest[length..]),
        Err(error) => refuse(&error),
    }
}

/// Whether every page is sound.
pub fn walk(info: &SlideInfo<'_>, mapping: &Mapping, bytes: &[u8]) -> bool {
    let bytes = &bytes[..usize::try_from(mapping.size).map_or(bytes.len(), |size| size.min(bytes.len()))];
    let size = usize::from(info.pointer_size());
    assert!((1..=5).contains(&info.version()) && matches!(size, 4 | 8) && info.page_size().is_power_of_two());
    let (mut pointers, mut sound, mut needed) = (Vec::<Pointer>::new(), true, true);
    for pointer in info.pointers(bytes) {
        match pointer {
            Ok(pointer) => pointers.push(pointer),
            Err(error) => {
                sound = refuse(&error);
                assert!(error.location().offset.is_some() && error.location().key_path.is_some());
                // A chain that stands behind the mapping is nobody's; there may be others in its page, with faults of
                // their own.
                needed &= error.location().offset >= Some(bytes.len() as u64);
            }
        }
    }
    let at = |pointer: &Pointer| pointer.address.wrapping_sub(mapping.address.0) as usize;
    for pointer in &pointers {
        assert!(at(pointer) + size <= bytes.len() && usize::from(pointer.size) == size);
        assert!(size == 8 || pointer.target <= u64::from(u32::MAX));
    }
    // No page has more than its words, and pages follow each other; in one, chains may stand in any order.
    let page = |pointer: &Pointer| at(pointer) as u64 / info.page_size();
    assert!(pointers.is_sorted_by_key(page) && pointers.len() <= bytes.len() / 4 + (1 << 15));
    let middle = bytes.len() as u64 / 2;
    let low = info.pointers_in(bytes, 0..middle).flatten();
    let high = info.pointers_in(bytes, middle..u64::MAX).flatten();
    pointers.sort_by_key(at);
    let mut parts: Vec<Pointer> = low.chain(high).collect();
    parts.sort_by_key(at);
    assert!(parts == pointers, "a range has the pointers that begin in it");

    let slide = 0x1234_5678_9abc_4000;
    let mut whole = bytes.to_vec();
    let done = info.rebase(bytes, 0, &mut whole, slide);
    assert!(if done.is_ok() { needed } else { !sound });
    if done.is_err() {
        return false;
    }
    // Behind a fault that is nobody's, other chains of the page are rebased, and not listed.
    let listed = if sound { pointers.as_slice() } else { &[] };
    for (index, pointer) in listed.iter().enumerate() {
        // Where links overlap, which only bitmaps can say, ends of pages and several chains of one page, the later one
        // wins; behind an end of a page it may be a number, which is not among the pointers.
        let apart = |other: Option<&Pointer>| other.is_none_or(|other| at(other).abs_diff(at(pointer)) >= size);
        let neighbours =
            [index.checked_sub(1), Some(index + 1)].map(|index| index.and_then(|index| pointers.get(index)));
        let crosses = at(pointer) as u64 % info.page_size() + size as u64 > info.page_size();
        if !crosses && neighbours.into_iter().all(apart) {
            let expected = pointer.target.wrapping_add(slide).to_le_bytes();
            let halves = whole[at(pointer)..][..size].chunks(4).zip(expected.chunks(4));
            // A zero of another chain, in steps of four bytes, may hide half a pointer of eight.
            let hides = |half: &[u8]| info.version() == 2 && size == 8 && half == [0; 4];
            assert!(halves.into_iter().all(|(half, expected)| half == expected || hides(half)));
        }
    }
    windows(info, bytes, &whole, &pointers.iter().map(at).collect::<Vec<_>>(), slide);
    sound
}

/// Windows that begin and end within pointers, and at ends of pages.
fn windows(info: &SlideInfo<'_>, bytes: &[u8], whole: &[u8], pointers: &[usize], slide: u64) {
    let page = usize::try_from(info.page_size()).unwrap_or(usize::MAX);
    let step = (pointers.len() / WINDOWS).max(1);
    let pages = (0..bytes.len()).step_by(page).skip(1).step_by((bytes.len() / page / WINDOWS).max(1));
    let places = pointers.iter().copied().step_by(step).chain(pages).take(2 * WINDOWS);
    for (index, place) in places.enumerate() {
        let start = place.saturating_sub(index % 8);
        let end = (place + index % 16).min(bytes.len()).max(start);
        let mut window = bytes[start..end].to_vec();
        info.rebase(bytes, start as u64, &mut window, slide).expect("the whole was rebased");
        assert!(window == whole[start..end], "from {start:#x} to {end:#x}");
    }
}

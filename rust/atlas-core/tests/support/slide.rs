//! Writes slide info of every version: what the reader is tested with, and what caches made for tests hold.
//!
//! Knows nothing of the crate, so that a mistake there is not made here, too.

use std::collections::BTreeMap;

/// How pointers are to be written.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    pub version: u32,
    /// Bytes of a pointer.
    pub size: usize,
    pub page_size: usize,
    /// Versions 2 and 4 only.
    pub delta_mask: u64,
    pub value_add: u64,
}

/// What a chain leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    Pointer(u64),
    /// An authenticated pointer: target, number of the key, diversity, address diversity.
    Signed(u64, u8, u16, bool),
    /// Not a pointer: a number that a chain of version 2 (only 0) or 4 may pass through.
    Number(u64),
}

/// Writes the slots, each at its offset, into the mapping `bytes`; returns the slide info.
pub fn encode(spec: &Spec, slots: &[(usize, Slot)], bytes: &mut [u8]) -> Vec<u8> {
    let mut pages = vec![Vec::new(); bytes.len().div_ceil(spec.page_size)];
    for (offset, slot) in slots {
        pages[offset / spec.page_size].push((*offset, *slot));
    }
    match spec.version {
        1 => bitmaps(spec, &pages, bytes),
        2 | 4 => linked(spec, &pages, bytes),
        _ => chained(spec, &pages, bytes),
    }
}

type Page = Vec<(usize, Slot)>;

fn put(bytes: &mut [u8], at: usize, size: usize, value: u64) {
    bytes[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
}

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn halves(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn bitmaps(spec: &Spec, pages: &[Page], bytes: &mut [u8]) -> Vec<u8> {
    assert_eq!(spec.page_size, 4096);
    let mut numbers = BTreeMap::new();
    let (mut toc, mut entries) = (Vec::new(), Vec::new());
    for page in pages {
        let mut bitmap = vec![0_u8; 128];
        for (offset, slot) in page {
            let Slot::Pointer(target) = *slot else { panic!("version 1 has pointers alone") };
            put(bytes, *offset, spec.size, target);
            let word = offset % 4096 / 4;
            bitmap[word / 8] |= 1 << (word % 8);
        }
        // Pages with the same pattern share a bitmap.
        let next = numbers.len() as u16;
        toc.push(*numbers.entry(bitmap.clone()).or_insert_with(|| {
            entries.extend(bitmap);
            next
        }));
    }
    let toc = halves(&toc);
    let (count, start) = (pages.len() as u32, 24 + toc.len() as u32);
    let mut info = words(&[1, 24, count, start, numbers.len() as u32, 128]);
    info.extend(toc);
    info.extend(entries);
    info
}

/// The bits of a slot without those of the link.
fn value(spec: &Spec, slot: Slot) -> u64 {
    let value = match slot {
        Slot::Pointer(target) if spec.size == 4 => u64::from((target as u32).wrapping_sub(spec.value_add as u32)),
        Slot::Pointer(target) => target.wrapping_sub(spec.value_add),
        Slot::Number(number) => return number & !spec.delta_mask,
        Slot::Signed(..) => panic!("version {} signs nothing", spec.version),
    };
    assert_eq!(value & spec.delta_mask, 0, "{slot:?} does not fit");
    value
}

fn linked(spec: &Spec, pages: &[Page], bytes: &mut [u8]) -> Vec<u8> {
    let (none, index_bits) = if spec.version == 2 { (0x4000, 0x3fff) } else { (0xffff, 0x7fff) };
    let shift = spec.delta_mask.trailing_zeros() - 2;
    let furthest = (spec.delta_mask >> shift) as usize;
    let (mut starts, mut extras) = (Vec::new(), Vec::<u16>::new());
    for page in pages {
        let mut chains = Vec::new();
        for (index, (offset, slot)) in page.iter().enumerate() {
            let before = index.checked_sub(1).map(|index| page[index].0);
            if before.is_none_or(|before| offset - before > furthest) {
                chains.push((offset % spec.page_size / 4) as u16);
            }
            let delta = page.get(index + 1).map_or(0, |(next, _)| next - offset);
            let link = if delta > furthest { 0 } else { (delta as u64) << shift };
            put(bytes, *offset, spec.size, value(spec, *slot) | link);
        }
        starts.push(match chains.as_slice() {
            [] => none,
            [start] => *start,
            _ => {
                let first = extras.len() as u16;
                assert!(first <= index_bits, "too many extras");
                extras.extend(&chains);
                *extras.last_mut().unwrap() |= 0x8000;
                first | 0x8000
            }
        });
    }
    let after = 40 + 2 * starts.len() as u32;
    let tables = [40, starts.len() as u32, after, extras.len() as u32];
    let mut info = words(&[spec.version, spec.page_size as u32]);
    info.extend(words(&tables));
    info.extend(spec.delta_mask.to_le_bytes());
    info.extend(spec.value_add.to_le_bytes());
    info.extend(halves(&starts));
    info.extend(halves(&extras));
    info
}

fn chained(spec: &Spec, pages: &[Page], bytes: &mut [u8]) -> Vec<u8> {
    let mut starts = Vec::new();
    for page in pages {
        starts.push(page.first().map_or(0xffff, |(offset, _)| (offset % spec.page_size) as u16));
        for (index, (offset, slot)) in page.iter().enumerate() {
            let next = page.get(index + 1).map_or(0, |(next, _)| (next - offset) as u64 / 8);
            assert!(next < 1 << 11);
            let raw = if spec.version == 3 { pointer3(spec, *slot, next) } else { pointer5(spec, *slot, next) };
            put(bytes, *offset, 8, raw);
        }
    }
    let mut info = words(&[spec.version, spec.page_size as u32, starts.len() as u32, 0]);
    info.extend(spec.value_add.to_le_bytes());
    info.extend(halves(&starts));
    info
}

fn pointer3(spec: &Spec, slot: Slot, next: u64) -> u64 {
    match slot {
        Slot::Pointer(target) => {
            assert_eq!(target & 0x00ff_f800_0000_0000, 0, "{target:#x} does not fit");
            next << 51 | (target >> 56) << 43 | target & 0x7ff_ffff_ffff
        }
        Slot::Signed(target, key, diversity, address) => {
            let offset = target - spec.value_add;
            assert!(offset < 1 << 32);
            1 << 63 | next << 51 | u64::from(key) << 49 | u64::from(address) << 48 | u64::from(diversity) << 32 | offset
        }
        Slot::Number(_) => panic!("version 3 has pointers alone"),
    }
}

fn pointer5(spec: &Spec, slot: Slot, next: u64) -> u64 {
    let (target, rest) = match slot {
        Slot::Pointer(target) => (target & (u64::MAX >> 8), (target >> 56) << 34),
        Slot::Signed(target, key, diversity, address) => {
            assert!(key == 0 || key == 2, "only IA and DA");
            (target, 1 << 63 | u64::from(key / 2) << 51 | u64::from(address) << 50 | u64::from(diversity) << 34)
        }
        Slot::Number(_) => panic!("version 5 has pointers alone"),
    };
    let offset = target - spec.value_add;
    assert!(offset < 1 << 34);
    next << 52 | rest | offset
}

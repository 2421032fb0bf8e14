//! Whatever the encoder writes is read back, and rebased the same in one piece as in any number of pieces.

use proptest::prelude::*;

use super::encoder::{Slot, Spec, encode};
use super::*;

/// A mapping that was made of random numbers.
#[derive(Debug)]
struct Made {
    spec: Spec,
    address: u64,
    slots: Vec<(usize, Slot)>,
    bytes: Vec<u8>,
    info: Vec<u8>,
}

/// Every encoding: version, pointer size, mask, base; those of real caches, and masks that make chains short.
const KINDS: [(u32, usize, u64, u64); 10] = [
    (1, 4, 0, 0),
    (1, 8, 0, 0),
    (2, 8, 0x00ff_ff00_0000_0000, 0),
    (2, 8, 0x00ff_ff00_0000_0000, 0x7fff_2000_0000),
    (2, 8, 0x00c0_0000_0000_0000, 0x1_8000_0000),
    (2, 4, 0xe000_0000, 0x2000_0000),
    (2, 4, 0xc000_0000, 0),
    (3, 8, 0, 0x1_8000_0000),
    (4, 4, 0xc000_0000, 0x1a00_0000),
    (5, 8, 0, 0x1_8000_0000),
];

fn slot(spec: &Spec, kind: u8, number: u64) -> Slot {
    let high = number & 0xff << 56;
    let signed = |target, key| Slot::Signed(target, key, (number >> 40) as u16, number >> 39 & 1 != 0);
    match (spec.version, spec.size) {
        (1, _) => Slot::Pointer(number & u64::MAX >> (64 - 8 * spec.size)),
        (2, _) if kind == 0 => Slot::Number(0),
        (2 | 4, 4) => {
            let value = number & u64::from(u32::MAX) & !spec.delta_mask;
            let is_number = value & 0xffff_8000 == 0 || value & 0x3fff_8000 == 0x3fff_8000;
            match kind {
                0 => Slot::Number(value & 0x7fff),
                1 if spec.version == 4 => Slot::Number(0xffff_8000 | value & 0x7fff),
                _ if is_number || value == 0 => Slot::Pointer((spec.value_add + 0x1_0000) & u64::from(u32::MAX)),
                _ => Slot::Pointer((value + spec.value_add) & u64::from(u32::MAX)),
            }
        }
        (2, _) => Slot::Pointer((number & !spec.delta_mask | 1).wrapping_add(spec.value_add)),
        (3, _) if kind < 4 => signed(spec.value_add + (number & 0xffff_ffff), kind),
        (3, _) => Slot::Pointer(high | number & 0x7ff_ffff_ffff),
        (_, _) if kind < 4 => signed(spec.value_add + (number & 0x3_ffff_ffff), kind & 2),
        _ => Slot::Pointer(high | (spec.value_add + (number & 0x3_ffff_ffff))),
    }
}

fn make(kind: usize, page: u32, items: &[(u8, u8, u64)], rest: usize) -> Made {
    let (version, size, delta_mask, value_add) = KINDS[kind];
    let page_size = if version == 1 { 4096 } else { 1 << page };
    let spec = Spec { version, size, page_size, delta_mask, value_add };
    // Versions 3 and 5 step by eight bytes, and only they never cross the end of a page.
    let step = if matches!(version, 3 | 5) { 8 } else { 4 };
    let mut slots = Vec::new();
    let mut offset = 0;
    for (gap, kind, number) in items {
        // Mostly close together, sometimes pages away.
        offset += step * usize::from(*gap) * if gap % 16 == 15 { 64 } else { 1 };
        slots.push((offset, slot(&spec, *kind, *number)));
        offset += size;
    }
    let mut bytes: Vec<u8> = (0..offset + rest).map(|index| index as u8 | 1).collect();
    let address = if size == 4 { 0x1000_0000 } else { 0x1_8000_0000 };
    let info = encode(&spec, &slots, &mut bytes);
    Made { spec, address, slots, bytes, info }
}

impl Made {
    fn mapping(&self) -> Mapping {
        mapping(self.address, self.bytes.len() as u64)
    }

    fn expected(&self) -> Vec<Pointer> {
        const KEYS: [Key; 4] = [Key::IA, Key::IB, Key::DA, Key::DB];
        let pointer = |(offset, slot): &(usize, Slot)| {
            let address = self.address + *offset as u64;
            match *slot {
                Slot::Pointer(target) => Some(plain(address, target, self.spec.size as u8)),
                Slot::Signed(target, key, diversity, mixed) => {
                    Some(signed(address, target, KEYS[usize::from(key)], diversity, mixed))
                }
                Slot::Number(_) => None,
            }
        };
        self.slots.iter().filter_map(pointer).collect()
    }

    /// The mapping as a process sees it, made without the reader.
    fn slid(&self, slide: u64) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        for (offset, slot) in &self.slots {
            let value = match *slot {
                Slot::Pointer(target) | Slot::Signed(target, ..) => target.wrapping_add(slide),
                Slot::Number(number) => number,
            };
            bytes[*offset..offset + self.spec.size].copy_from_slice(&value.to_le_bytes()[..self.spec.size]);
        }
        bytes
    }
}

fn made() -> impl Strategy<Value = Made> {
    let items = prop::collection::vec((0..64_u8, 0..8_u8, any::<u64>()), 0..200);
    (0..KINDS.len(), 4..15_u32, items, 0..100_usize)
        .prop_map(|(kind, page, items, rest)| make(kind, page, &items, rest))
}

proptest! {
    #[test]
    fn every_pointer_is_read_back(made in made(), tail in 0..50_usize) {
        let mapping = made.mapping();
        let mut info = made.info.clone();
        info.resize(info.len() + tail, 0x77);
        let info = parse(&info, &mapping).unwrap();
        prop_assert_eq!(info.version(), made.spec.version);
        prop_assert_eq!(usize::from(info.pointer_size()), made.spec.size);
        prop_assert_eq!(info.page_size(), made.spec.page_size as u64);
        // Bytes behind the mapping do not count.
        let mut bytes = made.bytes.clone();
        bytes.resize(bytes.len() + tail, 0xff);
        let found: Vec<Pointer> = info.pointers(&bytes).map(Result::unwrap).collect();
        prop_assert_eq!(found, made.expected());
    }

    #[test]
    fn windows_put_together_are_the_rebased_mapping(
        made in made(),
        slide in any::<u64>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mapping = made.mapping();
        let info = parse(&made.info, &mapping).unwrap();
        let expected = made.slid(slide);
        let mut whole = made.bytes.clone();
        info.rebase(&made.bytes, 0, &mut whole, slide).unwrap();
        prop_assert_eq!(&whole, &expected);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(made.bytes.len() + 1)).collect();
        cuts.extend([0, made.bytes.len()]);
        cuts.sort_unstable();
        for ends in cuts.windows(2) {
            let mut window = made.bytes[ends[0]..ends[1]].to_vec();
            info.rebase(&made.bytes, ends[0] as u64, &mut window, slide).unwrap();
            prop_assert_eq!(&window, &expected[ends[0]..ends[1]], "window {:?}", ends);
        }
    }

    #[test]
    fn small_windows_around_pointers_and_page_ends(made in made(), slide in any::<u64>(), length in 1..17_usize) {
        let mapping = made.mapping();
        let info = parse(&made.info, &mapping).unwrap();
        let expected = made.slid(slide);
        let pages = (0..made.bytes.len()).step_by(made.spec.page_size).take(50);
        for place in made.slots.iter().map(|(offset, _)| *offset).take(50).chain(pages) {
            for start in place.saturating_sub(9)..(place + 9).min(made.bytes.len()) {
                let end = (start + length).min(made.bytes.len());
                let mut window = made.bytes[start..end].to_vec();
                info.rebase(&made.bytes, start as u64, &mut window, slide).unwrap();
                prop_assert_eq!(&window, &expected[start..end], "window from {} to {}", start, end);
            }
        }
    }

    #[test]
    fn nothing_in_the_tables_can_hurt(
        made in made(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..6),
        start in any::<prop::sample::Index>(),
    ) {
        let (mut info, mut bytes) = (made.info.clone(), made.bytes.clone());
        for (at, value, in_info) in damage {
            let damaged = if in_info { &mut info } else { &mut bytes };
            if !damaged.is_empty() {
                let at = at.index(damaged.len());
                damaged[at] = value;
            }
        }
        let mapping = made.mapping();
        let Ok(info) = parse(&info, &mapping) else { return Ok(()) };
        let mut last = 0;
        for pointer in info.pointers(&bytes).flatten() {
            let page = (pointer.address - made.address) / info.page_size();
            prop_assert!(page >= last, "pages ascend");
            last = page;
            prop_assert!(pointer.address + u64::from(pointer.size) <= made.address + bytes.len() as u64);
        }
        // A chain that leaves the mapping, or stands behind it, does not concern what is in it; but another one of its
        // page may.
        let end = Some(bytes.len() as u64);
        let faults: Vec<_> = info.pointers(&bytes).filter_map(Result::err).map(|error| error.location().offset).collect();
        let sound = faults.iter().all(|offset| *offset >= end);
        let mut whole = bytes.clone();
        let done = info.rebase(&bytes, 0, &mut whole, 3).is_ok();
        prop_assert!(done || !faults.is_empty());
        prop_assert!(sound || !done);
        let sound = done;
        let start = start.index(bytes.len() + 1);
        let mut window = bytes[start..].to_vec();
        if info.rebase(&bytes, start as u64, &mut window, 3).is_ok() && sound {
            prop_assert_eq!(&window, &whole[start..]);
        }
    }
}

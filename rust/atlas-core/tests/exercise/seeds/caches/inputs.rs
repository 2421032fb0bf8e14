//! Caches and slide info as single inputs.

use super::slide::{Slot, Spec, encode};
use super::{ARM64, ARM64E, Plan, build, generations};

/// Files that go into one input beside the main one.
const OTHERS: usize = 3;

/// Several files in one input: the lengths of three others in four bytes each, these, then the main file.
pub fn pack(main: &[u8], others: &[&[u8]]) -> Vec<u8> {
    let lengths = (0..OTHERS).flat_map(|index| (others.get(index).map_or(0, |it| it.len()) as u32).to_le_bytes());
    let mut packed: Vec<u8> = lengths.collect();
    others.iter().take(OTHERS).for_each(|file| packed.extend(*file));
    packed.extend(main);
    packed
}

/// A small cache of every generation.
pub fn packed_caches() -> Vec<(String, Vec<u8>)> {
    let plans = generations().into_iter().map(|(name, plan)| {
        // Few bytes, so that damage meets those that matter.
        let images = plan.images.min(3);
        (name, plan.images(images).aligned(0x40))
    });
    let more = [
        ("symbols".to_owned(), Plan::new(ARM64E, 0x228, 5).with_symbols().aligned(0x40)),
        ("symbols-and-data".to_owned(), Plan::new(ARM64, 0x218, 2).split(2).with_symbols().aligned(0x40)),
    ];
    plans
        .chain(more)
        .map(|(name, plan)| {
            let cache = build(&plan);
            let others: Vec<&[u8]> = cache.files[1..].iter().map(|file| file.bytes.as_slice()).collect();
            (name, pack(&cache.files[0].bytes, &others))
        })
        .collect()
}

/// Slide info of every version: the length of the info in four bytes, address and size of the mapping in eight bytes
/// each, the info, the mapping.
pub fn packed_slides() -> Vec<(String, Vec<u8>)> {
    let specs = [
        ("v1", 1, 4, 4096, 0, 0),
        ("v1-wide", 1, 8, 4096, 0, 0),
        ("v2", 2, 8, 256, 0x00ff_ff00_0000_0000, 0),
        ("v2-base", 2, 8, 4096, 0x00ff_ff00_0000_0000, 0x7fff_2000_0000),
        ("v2-extras", 2, 8, 256, 0x00c0_0000_0000_0000, 0),
        ("v2-short", 2, 4, 256, 0xe000_0000, 0x2000_0000),
        ("v3", 3, 8, 4096, 0, 0x1_8000_0000),
        ("v3-pages", 3, 8, 64, 0, 0x1_8000_0000),
        ("v4", 4, 4, 256, 0xc000_0000, 0x1a00_0000),
        ("v5", 5, 8, 0x4000, 0, 0x1_8000_0000),
        ("v5-pages", 5, 8, 128, 0, 0x1_8000_0000),
    ];
    let one = |(name, version, size, page_size, delta_mask, value_add): (&str, _, _, _, _, _)| {
        let spec = Spec { version, size, page_size, delta_mask, value_add };
        let base: u64 = if size == 4 { value_add.max(0x1000_0000) } else { value_add.max(0x1_0000_0000) };
        // Pointers close together and far apart, and across the ends of pages where there can be such.
        let offset = |index: usize| index * size * 3 + if size == 8 && version < 3 { index / 4 * 4 } else { 0 };
        let slots: Vec<_> = (0..40)
            .map(|index| {
                let target = base + 0x1_0000 + 16 * index as u64;
                let slot = match (version, index % 4) {
                    (3 | 5, 0) => Slot::Signed(target, index as u8 % 2 * 2, 0x1234, index % 3 == 0),
                    (2, 3) => Slot::Number(0),
                    (4, 3) => Slot::Number(if index % 8 == 3 { 5 } else { 0xffff_fff0 }),
                    _ => Slot::Pointer(target),
                };
                (offset(index), slot)
            })
            .collect();
        let mut bytes = vec![0; offset(40) + 0x180];
        let info = encode(&spec, &slots, &mut bytes);
        let mut packed = (info.len() as u32).to_le_bytes().to_vec();
        packed.extend((base & !0xfff).to_le_bytes());
        packed.extend((bytes.len() as u64).to_le_bytes());
        packed.extend(info);
        packed.extend(bytes);
        (name.to_owned(), packed)
    };
    specs.into_iter().map(one).collect()
}

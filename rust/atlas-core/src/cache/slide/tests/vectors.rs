//! Every formula, on numbers that were worked out by hand from the layouts in Apple's header.

use super::*;

const BASE: u64 = 0x1_8000_0000;
const SLIDE: u64 = 0x123_4000;
/// The mask of every 64-bit cache with version 2.
const MASK: u64 = 0x00ff_ff00_0000_0000;

#[test]
fn version_1_marks_words_of_four_bytes() {
    let mut bitmaps = [[0_u8; 128]; 2];
    bitmaps[0][0] = 0b1000_0001;
    bitmaps[0][127] = 0b1000_0000;
    let info = [words(&[1, 24, 3, 32, 2, 128]), halves(&[1, 0, 0, 0xdead]), bitmaps.concat()].concat();
    let mut bytes = vec![0; 3 * 4096];
    for (at, value) in [(4096, 0x1a00_1000_u32), (4096 + 28, 0x1a00_2001), (8188, 0xffff_ffff), (8192, 0)] {
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    let mapping = mapping(0x1b00_0000, bytes.len() as u64);
    let expected = [
        plain(0x1b00_1000, 0x1a00_1000, 4),
        plain(0x1b00_101c, 0x1a00_2001, 4),
        plain(0x1b00_1ffc, 0xffff_ffff, 4),
        plain(0x1b00_2000, 0, 4),
        plain(0x1b00_201c, 0, 4),
        plain(0x1b00_2ffc, 0, 4),
    ];
    assert_eq!(pointers(&info, &mapping, &bytes), expected);
    let rebased = rebased(&info, &mapping, &bytes, 0x4000);
    assert_eq!(rebased[4096..4100], 0x1a00_5000_u32.to_le_bytes());
    // Modulo 2^32, and nothing of it in the page behind.
    assert_eq!(rebased[8188..8196], [0xff, 0x3f, 0, 0, 0, 0x40, 0, 0]);
    let info = parse(&info, &mapping).unwrap();
    assert_eq!((info.version(), info.page_size(), info.pointer_size()), (1, 4096, 4));
}

#[test]
fn version_1_of_a_64_bit_cache_has_long_pointers() {
    let mut bitmap = [0_u8; 128];
    bitmap[0] = 0b10;
    let info = [words(&[1, 24, 1, 26, 1, 128]), halves(&[0]), bitmap.to_vec()].concat();
    let bytes = [words(&[7, 0xffff_f000, 1, 9]), vec![0; 4080]].concat();
    let mapping = mapping(BASE, 4096);
    assert_eq!(pointers(&info, &mapping, &bytes), [plain(BASE + 4, 0x1_ffff_f000, 8)]);
    assert_eq!(rebased(&info, &mapping, &bytes, 0x2000)[..16], words(&[7, 0x1000, 2, 9]));
}

#[test]
fn version_2_steps_over_four_times_the_delta() {
    // Links: 8, then 32 bytes on (the delta 8 counts words), then the end.
    let info = linked(2, 0x1000, MASK, 0, &[2, 0x4000], &[]);
    let mut bytes = vec![0x11; 0x2000];
    bytes[8..16].copy_from_slice(&(8 << 40 | BASE | 0x10).to_le_bytes());
    bytes[40..48].copy_from_slice(&(0x5a << 56 | BASE | 0x20_u64).to_le_bytes());
    let mapping = mapping(BASE, 0x2000);
    // The highest byte is data.
    let expected = [plain(BASE + 8, BASE + 0x10, 8), plain(BASE + 40, 0x5a << 56 | (BASE + 0x20), 8)];
    assert_eq!(pointers(&info, &mapping, &bytes), expected);
    let rebased = rebased(&info, &mapping, &bytes, SLIDE);
    assert_eq!(rebased[8..16], (BASE + 0x10 + SLIDE).to_le_bytes());
    assert_eq!(rebased[40..48], (0x5a << 56 | (BASE + 0x20 + SLIDE)).to_le_bytes());
    assert!([&rebased[..8], &rebased[16..40], &rebased[48..]].concat().iter().all(|byte| *byte == 0x11));
}

#[test]
fn version_2_adds_the_base_of_the_cache_except_to_zero() {
    let base = 0x7fff_2000_0000;
    let info = linked(2, 0x1000, MASK, base, &[0], &[]);
    // A zero that a chain passes through stays one, and is no pointer.
    let bytes = [longs(&[2 << 40 | 0x1234, 2 << 40, 0x5678]), vec![0; 0x1000 - 24]].concat();
    let mapping = mapping(base, 0x1000);
    assert_eq!(pointers(&info, &mapping, &bytes), [plain(base, base + 0x1234, 8), plain(base + 16, base + 0x5678, 8)]);
    let expected = longs(&[base + 0x1234 + SLIDE, 0, base + 0x5678 + SLIDE]);
    assert_eq!(rebased(&info, &mapping, &bytes, SLIDE)[..24], expected);
}

#[test]
fn version_2_lists_several_chains_of_a_page_in_the_extras() {
    let info = linked(2, 0x1000, MASK, 0, &[0x4000, 0x8001], &[0xffff, 4, 0x8000 | 10, 0x8000 | 20]);
    let mut bytes = vec![0; 0x2000];
    for (at, value) in [(16, 0x10 | 2 << 40), (24, 0x11), (40, 0x12), (80, 0x13)] {
        bytes[0x1000 + at..0x1008 + at].copy_from_slice(&(BASE + value).to_le_bytes());
    }
    let expected = [(16, 0x10), (24, 0x11), (40, 0x12)].map(|(at, to)| plain(BASE + 0x1000 + at, BASE + to, 8));
    assert_eq!(pointers(&info, &mapping(BASE, 0x2000), &bytes), expected);
}

/// The rebased mapping, from a window for each byte.
fn byte_by_byte(info: &[u8], mapping: &Mapping, bytes: &[u8], slide: u64) -> Vec<u8> {
    let info = parse(info, mapping).unwrap();
    let one = |(start, byte): (usize, &u8)| {
        let mut window = [*byte];
        info.rebase(bytes, start as u64, &mut window, slide).unwrap();
        window[0]
    };
    bytes.iter().enumerate().map(one).collect()
}

#[test]
fn version_2_lists_chains_in_any_order() {
    // From the end to the start, and one chain between the links of the other.
    for (extras, links) in [
        ([0x200, 0x8000 | 0x40], [(0x800, 0, 1), (0x100, 0x10, 2), (0x110, 0, 3)]),
        ([0x40, 0x8000 | 0x44], [(0x100, 0x20, 1), (0x120, 0, 3), (0x110, 0, 2)]),
    ] {
        let info = linked(2, 0x1000, MASK, 0, &[0x4000, 0x8000], &extras);
        let mut bytes = vec![0; 0x2000];
        for (at, delta, to) in links {
            bytes[0x1000 + at..0x1008 + at].copy_from_slice(&((delta as u64 / 4) << 40 | (BASE + to)).to_le_bytes());
        }
        let mapping = mapping(BASE, 0x2000);
        let expected = links.map(|(at, _, to)| plain(BASE + 0x1000 + at as u64, BASE + to, 8));
        assert_eq!(pointers(&info, &mapping, &bytes), expected);
        let whole = rebased(&info, &mapping, &bytes, SLIDE);
        for (at, _, to) in links {
            assert_eq!(whole[0x1000 + at..0x1008 + at], (BASE + to + SLIDE).to_le_bytes(), "{at:#x}");
        }
        assert!(byte_by_byte(&info, &mapping, &bytes, SLIDE) == whole);
    }
}

#[test]
fn version_4_lists_chains_in_any_order() {
    // Links of 0x100 and 0x108, between them those of the second chain.
    let info = linked(4, 0x1000, 0xc000_0000, 0x1a00_0000, &[0x8000], &[0x40, 0x8000 | 0x41]);
    let mut bytes = vec![0; 0x1000];
    bytes[0x100..0x110].copy_from_slice(&words(&[2 << 30 | 0x8001, 2 << 30 | 0x8002, 0x8003, 0x8004]));
    let mapping = mapping(0x1a00_0000, 0x1000);
    let whole = rebased(&info, &mapping, &bytes, 0x4000);
    assert_eq!(whole[0x100..0x110], words(&[0x1a00_c001, 0x1a00_c002, 0x1a00_c003, 0x1a00_c004]));
    assert!(byte_by_byte(&info, &mapping, &bytes, 0x4000) == whole);
}

#[test]
fn the_cache_and_not_its_place_says_how_long_pointers_of_version_1_are() {
    let mut bitmap = [0_u8; 128];
    bitmap[0] = 0b101;
    let info = [words(&[1, 24, 1, 26, 1, 128]), halves(&[0]), bitmap.to_vec()].concat();
    let bytes = [words(&[0xffff_f000, 1, 5, 0]), vec![0; 4080]].concat();
    for address in [0x7000_0000, BASE] {
        let mapping = mapping(address, 4096);
        for (size, expected) in [(4, [0x1000, 1, 0x2005, 0]), (8, [0x1000, 2, 0x2005, 0])] {
            let info = SlideInfo::parse(&info, &mapping, size).unwrap();
            let mut window = bytes.clone();
            info.rebase(&bytes, 0, &mut window, 0x2000).unwrap();
            assert_eq!((info.pointer_size(), &window[..16]), (size, words(&expected).as_slice()));
        }
    }
}

#[test]
fn version_2_of_a_32_bit_cache_has_short_pointers() {
    let info = linked(2, 0x1000, 0xe000_0000, 0x2000_0000, &[1], &[]);
    // The shift of 27 makes 3 in the mask 12 bytes.
    let bytes = [words(&[9, 3 << 29 | 0x1000, 9, 9, 0x1fff_ffff]), vec![0; 0x1000 - 20]].concat();
    let mapping = mapping(0x3000_0000, 0x1000);
    let expected = [plain(0x3000_0004, 0x2000_1000, 4), plain(0x3000_0010, 0x3fff_ffff, 4)];
    assert_eq!(pointers(&info, &mapping, &bytes), expected);
    let rebased = rebased(&info, &mapping, &bytes, 0xd000_0000);
    assert_eq!(rebased[..20], words(&[9, 0xf000_1000, 9, 9, 0x0fff_ffff]));
}

#[test]
fn version_2_lets_a_pointer_reach_into_the_next_page() {
    let info = linked(2, 0x1000, MASK, 0, &[0x3ff, 1], &[]);
    let mut bytes = vec![0; 0x2000];
    bytes[0xffc..0x1004].copy_from_slice(&(BASE + 0x77).to_le_bytes());
    bytes[0x1004..0x100c].copy_from_slice(&(BASE + 0x88).to_le_bytes());
    let mapping = mapping(BASE, 0x2000);
    let expected = [plain(BASE + 0xffc, BASE + 0x77, 8), plain(BASE + 0x1004, BASE + 0x88, 8)];
    assert_eq!(pointers(&info, &mapping, &bytes), expected);
    // The half that lies in the second page, by itself, with a carry from the first.
    let slide = 0x8000_0000_u64;
    let mut window = bytes[0x1000..0x1008].to_vec();
    parse(&info, &mapping).unwrap().rebase(&bytes, 0x1000, &mut window, slide).unwrap();
    assert_eq!(window, [2, 0, 0, 0, 0x88, 0, 0, 0]);
}

#[test]
fn version_3_has_absolute_pointers_and_signed_offsets() {
    let info = chained(3, 0x1000, BASE, &[0xffff, 8]);
    let mut bytes = vec![0; 0x2000];
    let raw = [
        // next 2 * 8; high byte 0x80 at bit 43; 43 bits of address.
        2 << 51 | 0x80 << 43 | 0x1_8000_1234,
        0,
        // next 1 * 8; key DB, address diversity, diversity 0xbeef.
        1 << 63 | 1 << 51 | 3 << 49 | 1 << 48 | 0xbeef << 32 | 0x8765_4321_u64,
        1 << 63 | 1 << 51 | 2 << 49 | 0x0001 << 32 | 1,
        1 << 63 | 1 << 51 | 1 << 49 | 2,
        1 << 63 | 3,
    ];
    bytes[0x1008..0x1038].copy_from_slice(&longs(&raw));
    let at = BASE + 0x1008;
    let mapping = mapping(BASE, 0x2000);
    let expected = [
        plain(at, 0x8000_0001_8000_1234, 8),
        signed(at + 16, BASE + 0x8765_4321, Key::DB, 0xbeef, true),
        signed(at + 24, BASE + 1, Key::DA, 1, false),
        signed(at + 32, BASE + 2, Key::IB, 0, false),
        signed(at + 40, BASE + 3, Key::IA, 0, false),
    ];
    assert_eq!(pointers(&info, &mapping, &bytes), expected);
    let expected = [0x8000_0001_8000_1234, 0, BASE + 0x8765_4321, BASE + 1, BASE + 2, BASE + 3];
    let expected = longs(&expected.map(|value| if value == 0 { 0 } else { value + SLIDE }));
    assert_eq!(rebased(&info, &mapping, &bytes, SLIDE)[0x1008..0x1038], expected);
    // A slide below 0.
    let expected = 0x8000_0001_8000_0234_u64.to_le_bytes();
    assert_eq!(rebased(&info, &mapping, &bytes, 0x1000_u64.wrapping_neg())[0x1008..0x1010], expected);
}

#[test]
fn version_4_keeps_small_numbers_of_both_signs() {
    let info = linked(4, 0x1000, 0xc000_0000, 0x1a00_0000, &[0x8001, 0xffff], &[0, 2, 0x8000 | 7]);
    // Each link steps over one word: 1 in the two highest bits.
    let link = 1 << 30;
    let raw = [0, 0, link | 0x7fff, link | 0x3fff_8000, link | 0x3fff_7fff, 0x8000, 0, 0x3fff_ffff];
    let bytes = [words(&raw), vec![0; 0x2000 - 32]].concat();
    let mapping = mapping(0x1b00_0000, 0x2000);
    let expected = [plain(0x1b00_0010, 0x59ff_7fff, 4), plain(0x1b00_0014, 0x1a00_8000, 4)];
    assert_eq!(pointers(&info, &mapping, &bytes), expected);
    let expected = words(&[0, 0, 0x7fff, 0xffff_8000, 0x59ff_bfff, 0x1a00_c000, 0, 0xffff_ffff]);
    assert_eq!(rebased(&info, &mapping, &bytes, 0x4000)[..32], expected);
}

#[test]
fn version_4_may_start_where_version_2_may_not() {
    // 0x4000 is a start here, for pages of 64 KiB and more.
    let info = linked(4, 0x2_0000, 0xc000_0000, 0, &[0x4000], &[]);
    let mut bytes = vec![0; 0x2_0000];
    bytes[0x1_0000..0x1_0004].copy_from_slice(&0x8000_u32.to_le_bytes());
    assert_eq!(pointers(&info, &mapping(0x1000_0000, 0x2_0000), &bytes), [plain(0x1001_0000, 0x8000, 4)]);
}

#[test]
fn version_5_has_offsets_and_reads_its_base_behind_the_padding() {
    let mut info = chained(5, 0x4000, BASE, &[0]);
    // What stands in the padding is nobody's business.
    info[12..16].copy_from_slice(&[0xaa; 4]);
    let raw = [
        // next 2 * 8; high byte 0xc1 at bit 34; 34 bits of offset.
        2 << 52 | 0xc1 << 34 | 0x3_ffff_ffff_u64,
        0,
        // next 1 * 8; a data key, address diversity, diversity 0xfedc.
        1 << 63 | 1 << 52 | 1 << 51 | 1 << 50 | 0xfedc << 34 | 0x10,
        1 << 63 | 0x20,
    ];
    let bytes = [longs(&raw), vec![0; 0x4000 - 32]].concat();
    let mapping = mapping(BASE, 0x4000);
    let expected = [
        plain(BASE, 0xc100_0005_7fff_ffff, 8),
        signed(BASE + 16, BASE + 0x10, Key::DA, 0xfedc, true),
        signed(BASE + 24, BASE + 0x20, Key::IA, 0, false),
    ];
    assert_eq!(pointers(&info, &mapping, &bytes), expected);
    let expected = longs(&[0xc100_0005_7fff_ffff + SLIDE, 0, BASE + 0x10 + SLIDE, BASE + 0x20 + SLIDE]);
    assert_eq!(rebased(&info, &mapping, &bytes, SLIDE)[..32], expected);
}

#[test]
fn pages_behind_the_table_and_of_a_short_mapping_hold_what_they_hold() {
    // The last page ends early, and the table lacks one.
    let info = chained(5, 0x4000, BASE, &[0xffff, 0]);
    let mut bytes = vec![0x22; 0x8008];
    bytes[0x4000..0x4008].copy_from_slice(&0x10_u64.to_le_bytes());
    let mapping = mapping(BASE, 0x8008);
    assert_eq!(pointers(&info, &mapping, &bytes), [plain(BASE + 0x4000, BASE + 0x10, 8)]);
    let rebased = rebased(&info, &mapping, &bytes, SLIDE);
    assert_eq!((rebased[..0x4000].to_vec(), rebased[0x4008..].to_vec()), (vec![0x22; 0x4000], vec![0x22; 0x4000]));
}

#[test]
fn a_start_of_a_page_need_not_be_aligned() {
    for version in [3, 5] {
        let info = chained(version, 0x1000, 0, &[0xff4, 0x10]);
        let mut bytes = vec![0; 0x2000];
        let next = if version == 3 { 1_u64 << 51 } else { 1 << 52 };
        bytes[0xff4..0xffc].copy_from_slice(&(next | 0x1111).to_le_bytes());
        bytes[0xffc..0x1004].copy_from_slice(&0x1_ffff_fff0_u64.to_le_bytes());
        let mapping = mapping(BASE, 0x2000);
        let whole = rebased(&info, &mapping, &bytes, 0x10);
        assert_eq!(whole[0xffc..0x1004], 0x2_0000_0000_u64.to_le_bytes());
        for start in 0xffd..0x1008 {
            let mut window = bytes[start..0x1008].to_vec();
            parse(&info, &mapping).unwrap().rebase(&bytes, start as u64, &mut window, 0x10).unwrap();
            assert_eq!(window, whole[start..0x1008]);
        }
    }
}

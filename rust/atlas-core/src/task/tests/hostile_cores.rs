//! Core files that lie: bounded time, bounded memory, no panic, and as much as is sound.

use std::time::Duration;

use cpu_time::ThreadTime;

use super::super::core::Core as CoreFile;
use super::cores::{self, ARM64, Core, Image};
use crate::model::Options;

/// Opens and reads; whatever comes of it, within bounds.
fn bounded(what: &str, bytes: Vec<u8>) -> bool {
    let length = bytes.len();
    let (mut sound, mut took) = (false, Duration::ZERO);
    let used = allocation_counter::measure(|| {
        let start = ThreadTime::now();
        let opening = CoreFile::from_bytes(bytes.into()).and_then(|core| core.snapshot(Options::default()));
        sound = opening.and_then(|opening| opening.finish()).is_ok();
        took = start.elapsed();
    });
    assert!(took < Duration::from_secs(1), "{what}: {took:?}");
    assert!(used.bytes_max < (32 << 20) + 4 * length as u64, "{what}: {} bytes of {length}", used.bytes_max);
    sound
}

fn note_of(count: u32, entries: u64, size: u32, rest: &[u8]) -> Vec<u8> {
    let mut note = [1_u32, count].map(u32::to_le_bytes).concat();
    note.extend(entries.to_le_bytes());
    note.extend([size, 0].map(u32::to_le_bytes).concat());
    note.extend(rest);
    note
}

#[test]
fn counts_and_offsets_of_the_list() {
    let one = || Core::new(ARM64).segment(0x1_0000, 5, cores::image_header(ARM64, &Image::new("/usr/lib/l")));
    for count in [0, 1, 1000, u32::MAX] {
        for entries in [0, 1, 100, 1 << 20, 1 << 63, u64::MAX] {
            for size in [0, 1, 48, 49, 1 << 20, u32::MAX] {
                let core = one().note("all image infos", &note_of(count, entries, size, &[0; 200]));
                bounded(&format!("{count} {entries} {size}"), core.build());
            }
        }
    }
    for length in 0..24 {
        let core = one().note("all image infos", &note_of(1, 0, 48, &[])[..length]);
        assert!(bounded("cut", core.build()));
    }
}

#[test]
fn entries_that_share_paths_and_segments() {
    // Every entry has the same long path, and as many segments as the file has room for.
    let note = |at: u64| {
        let count = 60_000_u32;
        let tail = at + 24 + 48 * u64::from(count);
        let mut entries = Vec::new();
        for index in 0..u64::from(count) {
            entries.extend(tail.to_le_bytes());
            entries.extend([1; 16]);
            entries.extend((0x10_0000 + index).to_le_bytes());
            entries.extend((at + 24).to_le_bytes());
            entries.extend([u32::MAX, 0].map(u32::to_le_bytes).concat());
        }
        entries.extend([b'a'; 1 << 16]);
        note_of(count, at + 24, 48, &entries)
    };
    bounded("shared", Core::new(ARM64).note_at("all image infos", note).build());
}

#[test]
fn headers_that_lie_in_each_other() {
    // One header with as many commands as are read, at each of thousands of addresses.
    let mut image = Image::new("/usr/lib/l");
    image.more = vec![cores::command(0x26, &[0; 8]); 50_000];
    let mut header = cores::image_header(ARM64, &image);
    header.resize(header.len().next_multiple_of(4096), 0);
    let mut core = Core::new(ARM64).segment(0x10_0000, 5, header);
    let array: Vec<(u64, &str)> = (0..60_000).map(|index| (0x10_0000 + index % 2, "/bin/a")).collect();
    core = core.segment(0x1000_0000, 3, cores::info_array(true, 0x1000_0000, &array)).segment(
        0x7_0000,
        3,
        cores::infos(true, &[(4, 60_000, 4), (8, 0x1000_0000, 8), (0x68, 0x7_0000, 8)]),
    );
    assert!(bounded("same header", core.build()));
    // A header in each page whose commands reach over all others.
    let small = cores::image_header(ARM64, &Image::new("/usr/lib/l"));
    let mut memory = vec![0_u8; 4096 * 2000];
    for page in memory.chunks_exact_mut(4096) {
        page[..small.len()].copy_from_slice(&small);
        page[16..20].copy_from_slice(&120_000_u32.to_le_bytes());
        page[20..24].copy_from_slice(&(1_000_000_u32).to_le_bytes());
        for command in page[small.len()..4088].chunks_exact_mut(8) {
            command[0] = 0x77;
            command[4] = 8;
        }
        // The last one is unsound, so that all others were looked at for nothing.
        page[4088..].fill(0);
    }
    bounded("nested headers", Core::new(ARM64).segment(0x10_0000, 5, memory).build());
}

#[test]
fn notes_that_share_one_payload() {
    let list = |at: u64| note_of(u32::MAX, at + 24, 48, &[0; 1 << 20]);
    let metadata = vec![b' '; 1 << 20];
    let core = Core::new(ARM64).note_at("all image infos", list).note("process metadata", &metadata);
    let bytes = core.build();
    // The commands of both notes, again and again, each for the same bytes of the file.
    let mut commands = [bytes[56..96].to_vec(), bytes[96..136].to_vec()].concat();
    let moved = (4000 * commands.len()) as u64;
    for command in commands.chunks_exact_mut(40) {
        let offset = u64::from_le_bytes(command[24..32].try_into().unwrap()) + moved;
        command[24..32].copy_from_slice(&offset.to_le_bytes());
    }
    let count = 1 + 8002_u32;
    let mut file = bytes[..136].to_vec();
    file[16..20].copy_from_slice(&count.to_le_bytes());
    file[20..24].copy_from_slice(&(104 + 8000 * 40_u32).to_le_bytes());
    file.extend(commands.repeat(4000));
    file.extend(&bytes[136..]);
    bounded("shared payloads", file);
}

#[test]
fn segments_of_any_place_and_size() {
    let wild = [0, 1, 0xfff, 1 << 32, 1 << 63, u64::MAX - 1, u64::MAX];
    for address in wild {
        for size in wild {
            for offset in wild {
                let mut core = Core::new(ARM64).segment(0x1_0000, 5, cores::image_header(ARM64, &Image::new("/l")));
                core = core.segment(0x2_0000, 3, vec![1; 64]);
                let mut bytes = core.build();
                // The second segment: after the header, one command of 24 bytes and a segment of 72.
                let at = 32 + 24 + 72 + 8 + 16;
                for (index, number) in [address, size, offset, size].into_iter().enumerate() {
                    bytes[at + 8 * index..at + 8 * index + 8].copy_from_slice(&number.to_le_bytes());
                }
                bounded(&format!("{address:#x} {size:#x} {offset:#x}"), bytes);
            }
        }
    }
}

#[test]
fn a_structure_that_lies() {
    let wild = [0, 1, 0x7_0000, 0x7_0000 + 360, 1 << 30, 1 << 40, 1 << 63, u64::MAX];
    for address in wild {
        for size in wild {
            for count in [0, 1, 1 << 16, 1 << 20] {
                let fields = [
                    (4, count, 4),
                    (8, address, 8),
                    (0x20, address, 8),
                    (0xc0, address, 8),
                    (0x68, 0x7_0000, 8),
                    (0xb8, 1, 8),
                    (0x130, address, 8),
                    (0x138, size, 8),
                    (0x144, count, 4),
                    (0x148, address, 8),
                ];
                let mut core = Core::new(ARM64).segment(0x7_0000, 3, cores::infos(true, &fields));
                // Memory that the file does not have.
                core.segments.push((1 << 40, 3, vec![1; 16], 1 << 50));
                bounded(&format!("{address:#x} {size:#x} {count}"), core.build());
            }
        }
    }
}

/// A core whose `count` segments, of `size` bytes and `step` apart, all show the same part of the file: `content`.
fn many_segments(count: u64, size: u64, step: u64, content: &[u8], more: Core) -> Vec<u8> {
    let base = more.build();
    let start = 32 + 72 * count + base.len() as u64 - 32;
    let commands: Vec<u8> = (0..count)
        .flat_map(|index| {
            let place = [0x1_0000_0000 + index * step, size, start, size];
            let body: Vec<u8> = [0, 0].into_iter().chain(place).flat_map(u64::to_le_bytes).collect();
            cores::command(0x19, &[body, [3_u32, 3, 0, 0].map(u32::to_le_bytes).concat()].concat())
        })
        .collect();
    let number = |at: usize| u32::from_le_bytes(base[at..at + 4].try_into().unwrap());
    let (own, own_size) = (number(16), number(20) as usize);
    let mut file = base[..32].to_vec();
    file[16..20].copy_from_slice(&(own + count as u32).to_le_bytes());
    file[20..24].copy_from_slice(&(own_size as u32 + commands.len() as u32).to_le_bytes());
    let mut moved = base[32..32 + own_size].to_vec();
    // Only segments are moved: what the others name lies behind the new commands.
    let mut at = 0;
    while at < moved.len() {
        let size = u32::from_le_bytes(moved[at + 4..at + 8].try_into().unwrap()) as usize;
        if moved[at] == 0x19 {
            let offset = u64::from_le_bytes(moved[at + 40..at + 48].try_into().unwrap()) + commands.len() as u64;
            moved[at + 40..at + 48].copy_from_slice(&offset.to_le_bytes());
        }
        at += size;
    }
    file.extend(moved);
    file.extend(commands);
    file.extend(&base[32 + own_size..]);
    assert_eq!(file.len() as u64, start);
    file.extend(content);
    file
}

#[test]
fn segments_that_show_the_same_pages() {
    let header = cores::image_header(ARM64, &Image::new("/usr/lib/l"));
    let mut pages = vec![0; 4 << 20];
    bounded("zeros", many_segments(100_000, 4 << 20, 1 << 32, &pages, Core::new(ARM64)));
    pages.chunks_exact_mut(4096).for_each(|page| page[..header.len()].copy_from_slice(&header));
    bounded("headers", many_segments(100_000, 4 << 20, 1 << 32, &pages, Core::new(ARM64)));
}

/// `dyld_all_image_infos` with an array of `images`, of which none has a path.
fn listing(images: impl Iterator<Item = u64>) -> Core {
    let array: Vec<u8> = images.flat_map(|image| [image, 0, 0]).flat_map(u64::to_le_bytes).collect();
    let count = array.len() as u64 / 24;
    Core::new(ARM64)
        .segment(0x7_0000, 3, cores::infos(true, &[(4, count, 4), (8, 0x1000_0000, 8), (0x68, 0x7_0000, 8)]))
        .segment(0x1000_0000, 3, array)
}

#[test]
fn memory_in_pieces_of_a_byte() {
    let images = (0..200_000).map(|index| 0x1_0000_0000 + index % 100_000);
    bounded("bytes", many_segments(100_000, 1, 1, &[0xcf], listing(images)));
}

#[test]
fn images_by_the_hundred_thousand() {
    bounded("array", listing((0..600_000).map(|index| 0x1_0000_0000 + index * 0x1000)).build());
    // Each entry has its own path, as long as any, in the path of the one before it, and segments in other entries.
    let note = |at: u64| {
        let count = 150_000_u32;
        let tail = at + 24 + 48 * u64::from(count);
        let mut entries = Vec::new();
        for index in 0..u64::from(count) {
            entries.extend((tail + index * 60).to_le_bytes());
            entries.extend([1; 16]);
            entries.extend((0x10_0000 + index).to_le_bytes());
            entries.extend((at + 24 + index).to_le_bytes());
            entries.extend([5, 0].map(u32::to_le_bytes).concat());
        }
        entries.extend((0..60 * count).map(|index| if index % 60 == 59 { 0 } else { b'a' + (index / 77 % 26) as u8 }));
        note_of(count, at + 24, 48, &entries)
    };
    bounded("note", Core::new(ARM64).note_at("all image infos", note).build());
}

#[test]
fn notes_of_every_length() {
    let notes: [(&str, Vec<u8>); 5] = [
        ("load binary", cores::load_binary([1; 16], 0x1000, 0, "/bin/a")),
        ("main bin spec", cores::main_bin_spec(2, 2, 0x1000, 1)),
        ("addrable bits", [4_u32, 47, 47, 0].map(u32::to_le_bytes).concat()),
        ("kern ver str", b"\x01\0\0\0Darwin".to_vec()),
        ("process metadata", br#"{"threads":[{"thread_id":1},{"a":{"thread_id":2}}]}"#.to_vec()),
    ];
    for (name, payload) in notes {
        for length in 0..=payload.len() {
            let core = Core::new(ARM64).note(name, &payload[..length]).segment(
                0x1_0000,
                5,
                cores::image_header(ARM64, &Image::new("/l")),
            );
            assert!(bounded(name, core.build()), "{name} {length}");
        }
        let zeros = vec![0xff; payload.len()];
        bounded(name, Core::new(ARM64).note(name, &zeros).build());
    }
}

#[test]
fn metadata_of_every_kind() {
    let ids = |json: &str| {
        let core = Core::new(ARM64).note("process metadata", json.as_bytes()).build();
        CoreFile::from_bytes(core.into()).unwrap().thread_ids()
    };
    assert_eq!(ids(r#"{"a": [{"thread_id": 1}], "threads": [], "b": 2}"#), Some(vec![]));
    assert_eq!(
        ids(r#" { "threads" : [ { "x" : "}\"]" , "thread_id" : 18446744073709551615 } ] } "#),
        Some(vec![u64::MAX])
    );
    assert_eq!(ids(r#"{"threads": [{"thread_id": "7"}, {"thread_id": -7}, {"thread_id": 1e3}]}"#), Some(vec![0, 0, 0]));
    assert_eq!(ids(r#"{"nested": {"threads": [{"thread_id": 1}]}}"#), None);
    for none in ["", "{", "[]", "null", "}}}}", "{\"threads\": 7}", "\"threads", "{\u{e9}}"] {
        assert_eq!(ids(none), None, "{none}");
    }
    ids(&"[".repeat(100_000));
    ids(&"{\"threads\":[".repeat(50_000));
}

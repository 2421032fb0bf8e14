//! Core files with an atlas inside, wherever it is announced; cores with less; what each is read as.

use super::super::core::{Core as CoreFile, MainBinaryKind};
use super::super::memory::TaskMemory;
use super::super::snapshot_loop::take;
use super::cores::{self, ARM64, ARM64_32, Core, Cpu, Image, Noted, X86_64};
use super::publisher::{SEALED, atlas, time};
use crate::bytes::Mode;
use crate::error::ErrorKind;
use crate::limits::Limits;
use crate::model::{Options, Snapshot};
use crate::schema::Policy;

/// Where the structure lies; in the first 4 GiB, so that cores of both widths can have it.
const AT: u64 = 0x7_0000;
const ATLAS: u64 = 0x8_0000;

fn open(core: &Core) -> CoreFile {
    CoreFile::from_bytes(core.build().into()).unwrap()
}

fn snapshot(core: &Core) -> Snapshot {
    open(core).snapshot(Options::default()).unwrap().finish().unwrap()
}

fn places(snapshot: &Snapshot) -> Vec<(u64, Option<String>)> {
    let image = |index| snapshot.images().get(index).unwrap();
    let place =
        |image: crate::model::Image| (image.address().0, image.file_path().map(|path| path.decode_lossy().into()));
    (0..snapshot.images().len()).map(|index| place(image(index))).collect()
}

fn warns(snapshot: &Snapshot, of: &str) -> bool {
    snapshot.warnings().iter().any(|warning| warning.contains(of))
}

/// The structure that announces the atlas, with more fields set.
fn structure(cpu: Cpu, more: &[(usize, u64, usize)]) -> Vec<u8> {
    let size = atlas(3, SEALED).len() as u64;
    let fields = if cpu.2 {
        [(0x130, ATLAS | 0xa5 << 56, 8), (0x138, size, 8), (0xb8, 5, 8)]
    } else {
        [(0xa8, ATLAS, 4), (0xac, size, 4), (0x68, 5, 8)]
    };
    cores::infos(cpu.2, &[&fields[..], more].concat())
}

/// A core that holds structure and atlas, in memory that begins with something else.
fn with_atlas(cpu: Cpu, more: &[(usize, u64, usize)]) -> Core {
    let mut memory = vec![0x55; 0x100];
    memory.extend(structure(cpu, more));
    Core::new(cpu).segment(AT - 0x100, 3, memory).segment(ATLAS, 1, atlas(3, SEALED))
}

/// dyld at `address`, linked at 0x1000, whose section or symbol leads to the structure.
fn dyld(cpu: Cpu, address: u64, by_symbol: bool) -> Vec<u8> {
    let slide = address - 0x1000;
    let mut image = Image { kind: 7, ..Image::new("/usr/lib/dyld") };
    image.segments =
        vec![("__TEXT", 0x1000, 0x1000, 5), ("__DATA", 0x2000, 0x1000, 3), ("__LINKEDIT", 0x3000, 0x1000, 1)];
    if !by_symbol {
        image.sections = vec![("__other", 0x2000, 8), ("__all_image_info", AT - slide, 368)];
        return cores::image_header(cpu, &image);
    }
    // Symbols at 0x2100 of the file, texts at 0x2200: __LINKEDIT begins at 0x2000 there.
    let table: Vec<u8> = [0x2100_u32, 2, 0x2200, 64].iter().flat_map(|word| word.to_le_bytes()).collect();
    image.more = vec![cores::command(2, &table)];
    let mut memory = cores::image_header(cpu, &image);
    memory.resize(0x3000, 0);
    let symbol = |text: u32, value: u64| {
        let mut symbol = [text.to_le_bytes(), [0x0f, 1, 0, 0]].concat();
        symbol.extend(if cpu.2 { value.to_le_bytes().to_vec() } else { (value as u32).to_le_bytes().to_vec() });
        symbol
    };
    memory.truncate(0x2000);
    memory.resize(0x2100, 0);
    memory.extend(symbol(1, 0x77));
    memory.extend(symbol(7, AT - slide));
    memory.resize(0x2200, 0);
    memory.extend(b"\0_main\0_dyld_all_image_infos\0");
    memory
}

#[test]
fn a_core_with_an_atlas_gives_the_whole_snapshot() {
    let noted = |cpu: Cpu| {
        let whole = Noted { path: Some("/bin/a"), uuid: [1; 16], address: 0x1000, segments: vec![] };
        with_atlas(cpu, &[])
            .note_at("all image infos", move |at| cores::all_image_infos(at, std::slice::from_ref(&whole), 48))
    };
    for cpu in [ARM64, X86_64, ARM64_32] {
        let by_itself = with_atlas(cpu, &[]).segments.remove(0).2[0x100..].to_vec();
        let own = if cpu.2 { (0x68, AT, 8) } else { (0x38, AT, 4) };
        let knowing = structure(cpu, &[own]);
        let cores: Vec<(&str, Core)> = vec![
            ("type 4", with_atlas(cpu, &[]).note("main bin spec", &cores::main_bin_spec(2, 4, AT, 2))),
            ("type 4, version 1", with_atlas(cpu, &[]).note("main bin spec", &cores::main_bin_spec(1, 4, AT, 0))),
            (
                "type 2",
                with_atlas(cpu, &[]).note("main bin spec", &cores::main_bin_spec(2, 2, 0x2_0000, 1)).segment(
                    0x2_0000,
                    5,
                    dyld(cpu, 0x2_0000, false),
                ),
            ),
            ("section of dyld", noted(cpu).segment(0x2_0000, 5, dyld(cpu, 0x2_0000, false))),
            ("symbol of dyld", noted(cpu).segment(0x2_0000, 5, dyld(cpu, 0x2_0000, true))),
            ("dyld inside a segment", {
                let memory = [vec![1; 0x3000], dyld(cpu, 0x2_3000, false)].concat();
                with_atlas(cpu, &[]).segment(0x2_0000, 5, memory)
            }),
            (
                "the page itself",
                Core::new(cpu).segment(AT - 0x1000, 3, [vec![1; 0x1000], knowing].concat()).segment(
                    ATLAS,
                    1,
                    atlas(3, SEALED),
                ),
            ),
        ];
        assert_eq!(by_itself.len(), if cpu.2 { 368 } else { 224 });
        for (name, core) in cores {
            let core = open(&core);
            let snapshot = core.snapshot(Options::default()).unwrap().finish().unwrap();
            assert_eq!(snapshot.archive().decoded()[..], atlas(3, SEALED)[..], "{name} {cpu:?}");
            assert!(snapshot.warnings().is_empty(), "{name}: {:?}", snapshot.warnings());
            // The loop finds the same, without a copy.
            let taken = take(&core, None, Options::default()).unwrap();
            assert_eq!((taken.attempts, taken.publication.timestamp), (1, 5));
            assert_eq!(taken.opening.unwrap().finish().unwrap().record().timestamp, time(3));
        }
    }
}

#[test]
fn an_atlas_in_two_segments_is_joined_and_one_at_fault_is_told() {
    let bytes = atlas(3, SEALED);
    let spec = cores::main_bin_spec(2, 4, AT, 1);
    let halves = |second: Vec<u8>| {
        Core::new(ARM64)
            .note("main bin spec", &spec)
            .segment(AT, 3, structure(ARM64, &[]))
            .segment(ATLAS, 3, bytes[..1000].to_vec())
            .segment(ATLAS + 1000, 3, second)
            .segment(0x1_0000, 5, cores::image_header(ARM64, &Image { kind: 2, ..Image::new("") }))
    };
    assert_eq!(snapshot(&halves(bytes[1000..].to_vec())).record().timestamp, time(3));
    let mut bad = bytes[1000..].to_vec();
    bad[500] ^= 1;
    let published = "the snapshot that the process published is";
    for (second, why) in [(bad, "damaged in the core"), (bytes[1000..2000].to_vec(), "not in the core")] {
        let found = snapshot(&halves(second));
        assert!(warns(&found, &format!("{published} {why}")), "{:?}", found.warnings());
        assert_eq!((places(&found), found.record().timestamp), (vec![(0x1_0000, None)], 5));
    }
    let limits = Limits { decoded_bytes: 100, ..Limits::default() };
    let options = Options { policy: Policy { limits, ..Policy::default() }, ..Options::default() };
    assert_eq!(open(&halves(bytes[1000..].to_vec())).snapshot(options).unwrap_err().kind().code(), 6);
}

#[test]
fn the_array_of_dyld_is_read_where_there_is_no_atlas() {
    for cpu in [ARM64, X86_64, ARM64_32] {
        let images = [(0x10_0000, "/bin/main"), (0x20_0000, "/usr/lib/lib\u{e9}.dylib"), (0x30_0000, "")];
        let (width, narrow) = if cpu.2 { (8, false) } else { (4, true) };
        let at = |wide: usize, small: usize| if narrow { small } else { wide };
        let infos = cores::infos(
            cpu.2,
            &[
                (4, 3, 4),
                (8, 0x9_0000, width),
                (at(0x19, 0x11), 1, 1),
                (at(0x20, 0x14), 0x40_0000, width),
                (at(0xc0, 0x70), 0x9_0800, width),
                (at(0x70, 0x3c), 2, width),
                (at(0xb8, 0x68), 99, 8),
                (at(0x140, 0xb0), 2, 4),
                (at(0xa0, 0x54), 0x1234, 8),
                (at(0xb0, 0x64), 0x50_0000, width),
                (at(0x144, 0xb4), 1, 4),
                (at(0x148, 0xb8), 0x9_0c00, 8),
            ],
        );
        let mut array = cores::info_array(cpu.2, 0x9_0000, &images);
        array.resize(0x800, 0);
        array.extend(b"/usr/lib/dyld\0");
        array.resize(0xc00, 0);
        array.extend([7, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
        array.extend([0xaa; 32]);
        let main = Image { kind: 2, uuid: [9; 16], ..Image::new("") };
        let core = Core::new(cpu)
            .note("main bin spec", &cores::main_bin_spec(1, 4, AT, 0))
            .segment(AT, 3, infos)
            .segment(0x9_0000, 3, array)
            .segment(0x10_0000, 5, cores::image_header(cpu, &main));
        let found = snapshot(&core);
        let path = |path: &str| Some(path.to_owned());
        let expected = [
            (0x10_0000, path("/bin/main")),
            (0x20_0000, path("/usr/lib/lib\u{e9}.dylib")),
            (0x30_0000, None),
            (0x40_0000, path("/usr/lib/dyld")),
        ];
        assert_eq!(places(&found), expected);
        let record = found.record();
        assert_eq!((record.timestamp, record.platform, record.state), (99, 2, 0x30));
        assert_eq!((record.initial_image_count, record.pid), (Some(2), 0));
        let flags = if narrow { 2 } else { 0 } | u64::from(cpu == X86_64);
        assert_eq!(record.flags, flags);
        let cache = record.cache.as_ref().unwrap();
        assert_eq!((cache.address, cache.uuid.as_bytes()[..2].to_vec()), (0x50_0000, vec![0x34, 0x12]));
        assert_eq!(record.aot_images().unwrap()[0].image_key, [0xaa; 32]);
        assert_eq!(found.images().get(0).unwrap().uuid().unwrap().as_bytes(), &[9; 16]);
        assert!(warns(&found, "had published no snapshot") && warns(&found, "the headers of 3 images"));
    }
}

#[test]
fn notes_are_joined_with_headers() {
    let uuid = |number: u8| [number; 16];
    let noted = vec![
        Noted {
            path: Some("/bin/main"),
            uuid: uuid(1),
            address: 0x10_0000,
            segments: vec![("__TEXT", 0x10_0000), ("__A_NAME_OF_16_BY", 0x10_8000)],
        },
        Noted { path: None, uuid: uuid(0), address: 0x20_0000, segments: vec![] },
        Noted { path: Some("/bin/no-place"), uuid: uuid(3), address: u64::MAX, segments: vec![("__TEXT", 0x30_0000)] },
        Noted { path: Some("/bin/nowhere"), uuid: uuid(4), address: u64::MAX, segments: vec![] },
    ];
    let noted: Vec<_> = noted
        .into_iter()
        .map(|mut image| {
            image.segments.iter_mut().for_each(|(name, _)| *name = &name[..name.len().min(16)]);
            image
        })
        .collect();
    for stride in [48, 56] {
        let images = noted.clone();
        let core = Core::new(ARM64)
            .note_at("all image infos", move |at| cores::all_image_infos(at, &images, stride))
            .note("load binary", &cores::load_binary(uuid(5), 0x50_0000, u64::MAX, "/bin/binary"))
            .note("load binary", &cores::load_binary(uuid(6), u64::MAX, 0x4000, "slid"))
            .note("load binary", &cores::load_binary(uuid(7), 0x20_0000, u64::MAX, "/bin/second"))
            .note("addrable bits", &[4_u32, 47, 47, 0].map(u32::to_le_bytes).concat())
            .note("kern ver str", b"\x01\0\0\0Darwin Kernel Version\0")
            .note(
                "process metadata",
                br#"{"threads": [{"thread_id": 7, "registers": {"sets": []}}, {}, {"thread_id":9}]}"#,
            )
            .note("of the future", b"?")
            .segment(0x20_0000, 5, cores::image_header(ARM64, &Image { uuid: uuid(8), ..Image::new("/usr/lib/s") }));
        let file = open(&core);
        assert_eq!(file.notes().kernel_version.as_deref(), Some("Darwin Kernel Version"));
        assert_eq!(file.thread_ids(), Some(vec![7, 0, 9]));
        assert_eq!(file.notes().names.last().map(String::as_str), Some("of the future"));
        assert_eq!((file.notes().images.len(), file.notes().binaries.len()), (4, 3));
        assert_eq!(file.notes().binaries[1].slide, Some(0x4000));
        let found = snapshot(&core);
        let path = |path: &str| Some(path.to_owned());
        let expected = [
            (0x10_0000, path("/bin/main")),
            (0x20_0000, path("/bin/second")),
            (0x30_0000, path("/bin/no-place")),
            (0x50_0000, path("/bin/binary")),
        ];
        assert_eq!(places(&found), expected, "{stride}");
        assert!(warns(&found, "2 images in the core's notes have no address") && warns(&found, "other UUIDs"));
        let first = found.images().get(0).unwrap();
        let segments: Vec<_> = first
            .segments()
            .map(|found| (found.name().unwrap().decode_lossy().into_owned(), found.address().0))
            .collect();
        assert_eq!(segments, [("__TEXT".to_owned(), 0x10_0000), ("__A_NAME_OF_16_B".to_owned(), 0x10_8000)]);
        let second = found.images().get(1).unwrap();
        assert_eq!((second.uuid().unwrap().as_bytes(), second.segment_count()), (&uuid(7), 3));
        assert_eq!(second.install_name().map(|name| name.decode_lossy().into_owned()), path("/usr/lib/s"));
    }
}

#[test]
fn pointers_are_stripped_by_the_bits_that_count() {
    for (payload, bits) in [(vec![3_u32, 39, 0, 0], (39, 39)), (vec![4, 47, 52, 0], (47, 52))] {
        let payload: Vec<u8> = payload.into_iter().flat_map(u32::to_le_bytes).collect();
        // Bit 55 chooses the half of memory, whatever stands in the bits around it.
        let (signed, high) = (0x1_0000 | 0xab4d << 48, 0xffff_ff80_0001_0000_u64);
        let core = Core::new(ARM64)
            .note("addrable bits", &payload)
            .note("load binary", &cores::load_binary([5; 16], signed, u64::MAX, "/bin/signed"))
            .note("load binary", &cores::load_binary([6; 16], high, u64::MAX, "/bin/kernel"));
        let core = open(&core);
        assert_eq!(core.notes().addressable_bits, Some(bits));
        assert_eq!(core.notes().stripped(signed), 0x1_0000);
        assert_eq!(core.notes().stripped(u64::MAX >> 9), (1 << bits.0) - 1);
        assert_eq!(core.notes().stripped(u64::MAX), u64::MAX);
        assert_eq!(core.notes().stripped(high & u64::MAX >> 8), high);
        let found = core.snapshot(Options::default()).unwrap().finish().unwrap();
        assert_eq!(found.images().get(0).unwrap().address().0, 0x1_0000);
        assert_eq!(found.images().get(1).unwrap().address().0, high);
    }
    // Where only one number is noted it counts for both halves; none at all leaves everything as it is.
    for (low, high, expected) in [(47, 0, [1 << 16, u64::MAX << 16]), (0, 47, [0xab4d << 48 | 1 << 16, u64::MAX << 16])]
    {
        let payload: Vec<u8> = [4_u32, low, high, 0].into_iter().flat_map(u32::to_le_bytes).collect();
        let core = open(&Core::new(ARM64).note("addrable bits", &payload));
        let high = u64::MAX << 16 & !(0x1200 << 48);
        assert_eq!([0xab4d << 48 | 1 << 16, high].map(|address| core.notes().stripped(address)), expected);
    }
    let core = open(&Core::new(ARM64).note("addrable bits", &[4_u32, 0, 0, 0].map(u32::to_le_bytes).concat()));
    assert_eq!(core.notes().stripped(0xab4d << 48), 0xab4d << 48);
}

#[test]
fn headers_alone_are_found_in_any_page() {
    let library = |number: u8| cores::image_header(ARM64, &Image { uuid: [number; 16], ..Image::new("/usr/lib/l") });
    let mut text = library(1);
    text.resize(0x5000, 0);
    text.extend(library(2));
    text.resize(0x9000 + 100, 0);
    // Not at the beginning of a page, and no image.
    text.extend(library(3));
    let object = cores::image_header(ARM64, &Image { kind: 1, ..Image::new("") });
    let core = Core::new(ARM64).segment(0x10_0000, 5, text).segment(0x20_0000, 5, object);
    let found = snapshot(&core);
    assert_eq!(places(&found), [(0x10_0000, None), (0x10_5000, None)]);
    assert!(warns(&found, "does not hold dyld_all_image_infos") && warns(&found, "names no whole list of images"));
    let error =
        open(&Core::new(ARM64).segment(0x10_0000, 5, vec![0; 0x4000])).snapshot(Options::default()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::MachO(_)) && error.hint().is_some());
}

#[test]
fn kernels_and_programs_without_system() {
    for (kind, expected) in [
        (0, MainBinaryKind::Unspecified),
        (1, MainBinaryKind::Kernel),
        (3, MainBinaryKind::Standalone),
        (9, MainBinaryKind::Unknown(9)),
    ] {
        let core = Core::new(ARM64).note("main bin spec", &cores::main_bin_spec(2, kind, 0xffff_fe00_0000_0000, 5));
        assert_eq!(open(&core).notes().main.as_ref().map(|main| main.kind), Some(expected));
        let found = snapshot(&core);
        assert_eq!((places(&found), found.record().platform), (vec![(0xffff_fe00_0000_0000, None)], 5));
    }
    let older = Core { more: vec![cores::command(8, b"Darwin of old\0\0\0")], ..Core::new(ARM64) };
    assert_eq!(open(&older).notes().kernel_version.as_deref(), Some("Darwin of old"));
}

#[test]
fn memory_is_the_segments() {
    let mut core = Core::new(ARM64)
        .segment(0x1000, 3, vec![1; 0x100])
        .segment(0x1100, 5, vec![2; 0x100])
        .segment(0x1180, 1, vec![3; 0x100])
        .segment(u64::MAX - 0xff, 1, vec![4; 0x100]);
    core.segments.push((0x4000, 3, vec![5; 16], 16));
    let file = open(&core);
    let read = |address: u64, size: usize| {
        let mut bytes = vec![0xee; size];
        let count = file.memory().read(address, &mut bytes);
        bytes[..count].to_vec()
    };
    assert_eq!(read(0x10ff, 3), [1, 2, 2]);
    assert_eq!((read(0x11ff, 2), read(0x127f, 9)), (vec![2, 3], vec![3]));
    assert_eq!(read(0x400f, 20), [vec![5], vec![0; 16]].concat());
    assert_eq!((read(0xfff, 1).len(), read(0x1280, 1).len(), read(u64::MAX, 2)), (0, 0, Vec::new()));
    assert_eq!(read(u64::MAX - 1, 4), [4]);
    assert!(file.memory().piece(0x10ff, 2).is_none() && file.memory().piece(0x4008, 9).is_none());
    assert_eq!(file.memory().piece(0x4008, 8).as_deref(), Some(&[5; 8][..]));
    let regions = file.regions().unwrap();
    assert_eq!(regions.iter().map(|region| region.size).collect::<Vec<_>>(), [0x100, 0x100, 0x80, 32, 0xff]);
    assert!(file.pid().is_none() && file.suspend().unwrap().is_none());
    assert_eq!(file.dyld_info().unwrap_err().kind().code(), 14);
    assert!(file.warnings().any(|warning| warning.contains("overlap")));
}

#[test]
fn large_segments_are_not_read() {
    let mut bytes = with_atlas(ARM64, &[]).note("main bin spec", &cores::main_bin_spec(2, 4, AT, 1));
    bytes.segments.push((0x1_0000_0000, 3, Vec::new(), 0));
    let mut bytes = bytes.build();
    // The last command is that segment: 3 GiB of the file, which has a hole there.
    let (end, size) = (bytes.len() as u64, 3_u64 << 30);
    let at = 32 + u32::from_le_bytes(bytes[20..24].try_into().unwrap()) as usize - 72;
    for (place, number) in [(32, size), (40, end), (48, size)] {
        bytes[at + place..at + place + 8].copy_from_slice(&number.to_le_bytes());
    }
    let path = std::env::temp_dir().join(format!("dyld-atlas-{}.core", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_len(end + size).unwrap();
    let mut core = None;
    let used = allocation_counter::measure(|| core = Some(CoreFile::open(&path, Mode::Map)));
    std::fs::remove_file(&path).unwrap();
    let core = core.unwrap().unwrap();
    assert!(used.bytes_max < 100_000, "{} bytes", used.bytes_max);
    assert_eq!(core.snapshot(Options::default()).unwrap().finish().unwrap().record().timestamp, time(3));
    let piece = core.memory().piece(0x1_0000_0000, 3 << 30).unwrap();
    assert_eq!((piece.len(), piece.last()), (3 << 30, Some(&0)));
}

#[test]
fn what_is_no_core_is_told() {
    let library = cores::image_header(ARM64, &Image::new("/usr/lib/l"));
    let mut big = Core::new(ARM64).build();
    big[..4].reverse();
    for bytes in [library, big, vec![0; 64], Vec::new(), b"\x7fELF".to_vec()] {
        assert_eq!(CoreFile::from_bytes(bytes.into()).unwrap_err().kind().code(), 4);
    }
    let missing = CoreFile::open(std::path::Path::new("/nowhere/core"), Mode::Map).unwrap_err();
    assert!(matches!(missing.kind(), ErrorKind::Io { .. }));
}

#[test]
fn a_core_that_was_cut_short_is_read_as_far_as_it_goes() {
    let core = with_atlas(ARM64, &[])
        .note("main bin spec", &cores::main_bin_spec(2, 4, AT, 1))
        .segment(0x10_0000, 5, vec![0; 64])
        .note("load binary", &cores::load_binary([5; 16], 0x10_0000, u64::MAX, "/bin/main"));
    let whole = core.build();
    let start = whole.len() - 64 - atlas(3, SEALED).len();
    for end in (start..whole.len()).step_by(7) {
        let file = CoreFile::from_bytes(whole[..end].to_vec().into()).unwrap();
        let cut_atlas = end < whole.len() - 64;
        assert_eq!(file.notes().binaries.len(), 1);
        let found = file.snapshot(Options::default()).unwrap().finish().unwrap();
        assert_eq!(found.record().timestamp == time(3), !cut_atlas, "{end}");
        assert!(warns(&found, "behind the file"), "{end}: {:?}", found.warnings());
    }
}

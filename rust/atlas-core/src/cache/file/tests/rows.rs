use super::builder::Builder;

const UUIDS: [[u8; 16]; 3] = [[1; 16], [2; 16], [3; 16]];

#[test]
fn subcaches_were_numbered_before_they_had_suffixes() {
    let mut builder = Builder::new("dyld_v1  arm64e", 0x1c8);
    builder.subcaches = UUIDS.iter().zip(1..).map(|(uuid, n)| (*uuid, n * 0x1000, "")).collect();
    let entries = builder.parse().subcache_entries().to_vec();
    let found: Vec<_> = entries.iter().map(|it| (it.suffix.as_str(), *it.uuid.as_bytes(), it.vm_offset)).collect();
    assert_eq!(found, [(".1", UUIDS[0], 0x1000), (".2", UUIDS[1], 0x2000), (".3", UUIDS[2], 0x3000)]);
}

#[test]
fn suffixes_come_from_the_header() {
    // One past the field that came with them, and a suffix that leaves no room for a NUL.
    for size in [0x1c9, 0x1d0, 0x200, 0x238] {
        let mut builder = Builder::new("dyld_v1  arm64e", size);
        let long = ".02.abcdefghijklmnopqrstuvwxyz12";
        assert_eq!(long.len(), 32);
        builder.subcaches = vec![(UUIDS[0], 1, ".01"), (UUIDS[1], 2, long), (UUIDS[2], 3, ".25.development")];
        let found: Vec<_> = builder.parse().subcache_entries().iter().map(|it| it.suffix.clone()).collect();
        assert_eq!(found, [".01", long, ".25.development"], "{size:#x}");
    }
}

#[test]
fn no_list_of_subcaches_before_there_was_one() {
    let mut builder = Builder::new("dyld_v1  arm64e", 0x188);
    builder.subcaches = vec![(UUIDS[0], 1, "")];
    let file = builder.parse();
    assert!(file.subcache_entries().is_empty() && !file.header().can_be_split());
}

#[test]
fn paths_end_at_their_nul() {
    let mut builder = Builder::new("dyld_v1  arm64e", 0x200);
    builder.images = vec![(0, "")];
    builder.length = 0x10_0000;
    let long = vec![b'a'; 0x8000];
    let file = builder.piece(0x4000, long).piece(0xf_fffe, b"xy".to_vec()).parse();
    let image = file.images().next().unwrap();
    assert_eq!(file.path_at(image.path_offset), Some(&b""[..]));
    assert_eq!(file.path_at(0x4000), None, "no path is that long");
    assert_eq!(file.path_at(0xf_fffe), None, "the file ends before the path does");
    assert_eq!(file.path_at(0xbfff), Some(&b"a"[..]));
    assert_eq!(file.path_at(0), None, "the header is no path");
    assert_eq!(file.path_at(u32::MAX), None);
}

//! Caches that were made to cost much.

use std::time::{Duration, Instant};

use super::*;

/// A cache whose `count` images all have their header at one place, and their path at another.
fn repeated(count: u64, header: &[u8], path: &'static str) -> CacheGroup {
    let end = 0x400 + 32 * count as usize;
    let mut file = Builder::new("dyld_v1  arm64e", 0x140).piece(end, header.to_vec());
    let at = end + header.len();
    file = file.piece(at, [path.as_bytes(), b"\0"].concat()).set32(0x18, &[0x400, count as u32]);
    let row = [(BASE + end as u64).to_le_bytes(), [0; 8], [0; 8], (at as u64).to_le_bytes()].concat();
    file = file.piece(0x400, row.repeat(count as usize));
    file.length = at + path.len() + 1;
    file.maps = vec![map(BASE, file.length as u64, 0)];
    group(&file)
}

#[test]
fn a_header_that_a_hundred_thousand_images_share() {
    let mut library = image::Builder::new(image::ARM64E);
    for _ in 0..1000 {
        library = library.segment(&image::SegmentSpec::new("__DATA", [BASE, 8, 0, 8], 3));
    }
    let group = repeated(100_000, &library.build(), "/usr/lib/liba.dylib");
    let started = Instant::now();
    let known = known(&group);
    let (columns, length) = (known.columns(), group.main().file.bytes().len());
    assert_eq!(columns.images.len(), 100_000);
    assert!(columns.segments.len() * 72 <= length + (1 << 20), "{} segments", columns.segments.len());
    assert!(known.byte_length() <= 4 * length + (32 << 20));
    assert!(known.warnings().iter().any(|warning| warning.contains("headers take more than the files hold")));
    assert!(known.warnings().len() <= 1001);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn a_path_that_all_images_share() {
    let path: &'static str = Box::leak(format!("/{}", "x".repeat(4000)).into_boxed_str());
    let group = repeated(100_000, &[0; 0x40], path);
    let started = Instant::now();
    let known = known(&group);
    assert_eq!(name(&known, 0).as_deref(), Some(path));
    assert_eq!(name(&known, 99_999), None);
    assert!(known.byte_length() <= 4 * group.main().file.bytes().len() + (32 << 20));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn looking_for_paths_that_have_no_end_costs_too() {
    // 600 paths of 4 KiB without an end are more than the file and what is spare; the last image has a good one.
    let count = 600;
    let end = 0x400 + 32 * count;
    let mut file = Builder::new("dyld_v1  arm64e", 0x140).set32(0x18, &[0x400, count as u32]);
    let row = |path: usize| [(BASE + 0x200).to_le_bytes(), [0; 8], [0; 8], (path as u64).to_le_bytes()].concat();
    file = file.piece(0x400, row(end).repeat(count));
    file =
        file.piece(end - 32, row(end + 0x2000)).piece(end, vec![b'x'; 0x2000]).piece(end + 0x2000, b"/good\0".to_vec());
    file.length = end + 0x3000;
    file.maps = vec![map(BASE, file.length as u64, 0)];
    let known = known(&group(&file));
    assert_eq!(name(&known, count - 1), None);
    // Fewer leave something for it.
    file = file.set32(0x18, &[0x400 + 32 * 500, 100]);
    assert_eq!(name(&super::known(&group(&file)), 99).as_deref(), Some("/good"));
}

#[test]
fn segment_names_without_end() {
    let mut library = image::Builder::new(image::ARM64E);
    for number in 0..20_000 {
        library = library.segment(&image::SegmentSpec::new(&format!("__S{number}"), [BASE, 8, 0, 8], 3));
    }
    let group = repeated(1, &library.build(), "/a");
    let known = known(&group);
    assert_eq!(known.columns().segments.len(), 20_000);
    let found = segments(&known, 0);
    assert!(found.iter().enumerate().all(|(number, row)| row.0 == format!("__S{number}")));
    let long = image::Builder::new(image::ARM64E)
        .segment(&image::SegmentSpec::new("__SIXTEEN_BYTES_", [1, 2, 0, 4], 3))
        .segment(&image::SegmentSpec::new("", [1, 2, 0, 4], 3));
    let known = super::known(&repeated(1, &long.build(), "/a"));
    assert_eq!(segments(&known, 0).iter().map(|row| row.0.as_str()).collect::<Vec<_>>(), ["__SIXTEEN_BYTES_", ""]);
}

#[test]
fn segments_at_the_end_of_memory() {
    let library = image::Builder::new(image::ARM64E)
        .segment(&image::SegmentSpec::new("__TEXT", [u64::MAX - 1, u64::MAX, u64::MAX, u64::MAX], 5))
        .segment(&image::SegmentSpec::new("__DATA", [8, 8, 0, 8], 3));
    let known = known(&repeated(1, &library.build(), "/a"));
    assert_eq!(known.columns().images[0].vm_end, u64::MAX);
    assert_eq!(segments(&known, 0)[0], ("__TEXT".to_owned(), 5, u64::MAX - 1, u64::MAX, u64::MAX, u64::MAX));
    known.atlas_plist("x").unwrap();
}

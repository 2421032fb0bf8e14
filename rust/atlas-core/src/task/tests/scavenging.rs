//! Processes that have published nothing yet.

use super::super::snapshot_loop::take;
use super::cores::{ARM64, Image, image_header};
use super::*;
use crate::model::{Options, Snapshot};

/// The header of an image with a UUID of `number`, padded to a page.
pub fn header(kind: u32, number: u8) -> Vec<u8> {
    let mut bytes = image_header(ARM64, &Image { kind, uuid: [number; 16], ..Image::new("/usr/lib/dyld") });
    bytes.resize(0x4000, 0);
    bytes
}

fn scavenged(change: impl FnOnce(&mut Contents)) -> crate::Result<Snapshot> {
    let (memory, _) = process(PointerFormat::Bits64);
    memory.change(change);
    let taken = take(&memory, None, Options::default())?;
    assert!(!taken.publication.is_there());
    taken.opening.expect("it was not known").finish()
}

#[test]
fn the_main_executable_and_dyld_are_found() {
    let snapshot = scavenged(|contents| {
        contents.map(0x10_0000, header(6, 1), 5, Some("/lib"));
        contents.map(0x20_0000, header(7, 2), 5, Some("/usr/lib/dyld"));
        contents.map(0x30_0000, header(2, 3), 3, Some("/writable"));
        contents.map(0x40_0000, header(2, 4), 7, Some("/all"));
        contents.map(0x50_0000, header(2, 5), 5, Some("/bin/program"));
        contents.map(0x60_0000, header(2, 6), 5, Some("/second"));
    })
    .unwrap();
    let record = snapshot.record();
    assert_eq!((record.pid, record.timestamp, record.platform, record.state), (77, 1, 0, 0));
    assert_eq!((record.initial_image_count, record.flags), (Some(1), 0));
    let found: Vec<_> = (0..snapshot.images().len())
        .map(|index| {
            let image = snapshot.images().get(index).unwrap();
            let path = image.file_path().map(|path| path.decode_lossy().into_owned());
            (image.address().0, image.uuid().unwrap().as_bytes()[0], path.unwrap())
        })
        .collect();
    assert_eq!(found, [(0x50_0000, 5, "/bin/program".to_owned()), (0x20_0000, 2, "/usr/lib/dyld".to_owned())]);
    let image = snapshot.images().get(0).unwrap();
    assert_eq!(image.segments().map(|segment| segment.vm_size()).collect::<Vec<_>>(), [0x4000, 0x4000, 0x4000]);
}

#[test]
fn one_is_enough_and_none_is_an_error() {
    let snapshot = scavenged(|contents| contents.map(0x20_0000, header(7, 2), 5, None)).unwrap();
    assert_eq!(snapshot.images().len(), 1);
    let error = scavenged(|contents| contents.map(0x20_0000, header(6, 2), 5, None)).unwrap_err();
    assert_eq!((error.kind().code(), error.hint().is_some()), (4, true));
}

#[test]
fn permissions_that_do_not_exist_are_left_out() {
    let image = Image { kind: 2, segments: vec![("__TEXT", 0x1000, 0x4000, 0x105)], ..Image::new("") };
    let snapshot = scavenged(|contents| contents.map(0x50_0000, image_header(ARM64, &image), 5, None)).unwrap();
    assert_eq!(snapshot.images().get(0).unwrap().segments().next().unwrap().permissions(), 5);
}

#[test]
fn load_commands_longer_than_a_page_and_longer_than_sense() {
    let mut long = Image::new("/bin/long");
    long.segments = (0..200).map(|index| ("__TEXT", 0x1_0000_0000 + index * 0x1000, 0x1000, 5)).collect();
    let mut bytes = image_header(ARM64, &Image { kind: 2, ..long });
    assert!(bytes.len() > 8192);
    let snapshot = scavenged(|contents| contents.map(0x50_0000, bytes.clone(), 5, None)).unwrap();
    assert_eq!(snapshot.images().get(0).unwrap().segment_count(), 200);
    // Cut short in memory; then with commands of 4 GiB.
    let cut = bytes[..5000].to_vec();
    assert!(scavenged(|contents| contents.map(0x50_0000, cut, 5, None)).is_err());
    bytes[20..24].fill(0xff);
    assert!(scavenged(|contents| contents.map(0x50_0000, bytes, 5, None)).is_err());
}

#[test]
fn a_scavenged_snapshot_is_replaced_by_the_first_published() {
    let (memory, mut publisher) = process(PointerFormat::Bits64);
    memory.change(|contents| contents.map(0x50_0000, header(2, 5), 5, None));
    let (_, known) = fresh(&memory, None);
    assert!(!is_unchanged(&memory, known), "still nothing published");
    publisher.publish(&publisher::atlas(0, publisher::SEALED));
    let (later, _) = fresh(&memory, Some(known));
    assert_eq!(later.record().timestamp, publisher::time(0));
}

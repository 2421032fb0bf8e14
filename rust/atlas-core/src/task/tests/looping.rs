//! The loop: what it takes, when it tries again, when it gives up, and what it never returns.

use super::super::recorded::{Contents, Meddling, Read};
use super::super::snapshot_loop::{ATTEMPTS, take};
use super::publisher::{Kind, SEALED, atlas, atlases, time};
use super::*;
use crate::archive::{ArchiveWriter, Stamp};
use crate::error::{Error, ErrorKind, SystemStatus, TaskFailure};
use crate::limits::Limits;
use crate::model::Options;
use crate::schema::Policy;

const KINDS: [Kind; 4] = [
    SEALED,
    Kind { stamp: Stamp::Cksum, more_files: false },
    Kind { stamp: Stamp::None, more_files: false },
    Kind { stamp: Stamp::Crc32c, more_files: true },
];

fn gone() -> Error {
    let failure = TaskFailure { call: "read", pid: Some(77), status: SystemStatus::Errno(3) };
    Error::new(ErrorKind::TaskGone(failure))
}

#[test]
fn what_is_published_is_taken() {
    for format in [PointerFormat::Bits32, PointerFormat::Bits64] {
        for kind in KINDS {
            let (memory, mut publisher) = process(format);
            let atlases = atlases(kind);
            for (index, atlas) in atlases.iter().enumerate() {
                publisher.publish(atlas);
                let taken = take(&memory, None, Options::default()).unwrap();
                assert_eq!((taken.attempts, taken.publication.timestamp), (1, index as u64 + 1));
                assert_eq!(taken.publication.size, atlas.len() as u64);
                assert_eq!(variant(taken, &atlases), index as u64);
            }
        }
    }
}

#[test]
fn an_unchanged_time_keeps_the_snapshot() {
    let (memory, mut publisher) = process(PointerFormat::Bits64);
    publisher.time = time(3) - 1;
    publisher.publish(&atlas(3, SEALED));
    let (_, known) = fresh(&memory, None);
    let reads = memory.reads();
    assert!(is_unchanged(&memory, known));
    assert_eq!(memory.reads(), reads + 1, "only the structure was read");
    publisher.publish(&atlas(4, SEALED));
    let (next, newer) = fresh(&memory, Some(known));
    assert_eq!(next.record().timestamp, time(4));
    assert!(is_unchanged(&memory, newer));
    // The time of the change need not be the one in the record.
    publisher.time = time(9);
    publisher.publish(&atlas(5, SEALED));
    let (last, newest) = fresh(&memory, Some(newer));
    assert!(newest.timestamp > last.record().timestamp);
    assert!(is_unchanged(&memory, newest));
    // A clock may be set back.
    publisher.time = time(1);
    publisher.publish(&atlas(6, SEALED));
    let (_, earlier) = fresh(&memory, Some(newest));
    assert!(earlier.timestamp < newest.timestamp);
}

/// Publishes the next atlas before read `number`, and spoils that read or not.
fn published_meanwhile(kind: Kind, number: u64, spoil: fn() -> Option<Meddling>) {
    let (memory, mut publisher) = process(PointerFormat::Bits64);
    let atlases = atlases(kind);
    publisher.publish(&atlases[0]);
    // The publisher changes the memory through the same lock that the reader holds: so it works on a copy.
    let states: Vec<Contents> = {
        let (copy, mut other) = process(PointerFormat::Bits64);
        other.publish(&atlases[0]);
        other.publish(&atlases[1]);
        vec![copy.change(|contents| contents.clone())]
    };
    memory.set_fault(Some(Box::new(move |read: Read, contents: &mut Contents| {
        if read.number != number {
            return None;
        }
        contents.clone_from(&states[0]);
        spoil()
    })));
    let taken = take(&memory, None, Options::default()).unwrap();
    assert!(taken.attempts <= 2, "{number}: {} attempts", taken.attempts);
    let found = variant(taken, &atlases);
    assert!(found <= 1);
}

#[test]
fn a_change_or_fault_at_any_read_is_survived() {
    for kind in KINDS {
        for number in 1..5 {
            published_meanwhile(kind, number, || None);
        }
        // Read 1 is that of the atlas.
        published_meanwhile(kind, 1, || Some(Meddling::Shorten(10)));
        published_meanwhile(kind, 1, || Some(Meddling::Fail(Error::mach("mach_vm_read_overwrite", 1))));
    }
}

#[test]
fn a_mix_with_nothing_else_to_tell_is_seen() {
    // The interleaving of the loop's own description: the atlas is copied while it is half written, and all that is
    // read before and after is the same.
    for kind in KINDS {
        let atlases = atlases(kind);
        let (old, new) = (atlases[0].clone(), atlases[1].clone());
        assert_eq!(old.len(), new.len());
        for cut in (1..old.len()).step_by(97) {
            let (memory, mut publisher) = process(PointerFormat::Bits64);
            publisher.publish(&old);
            let address = take(&memory, None, Options::default()).unwrap().publication.address;
            let first = memory.reads();
            let (half, whole) = (new[..cut].to_vec(), new.clone());
            memory.set_fault(Some(Box::new(move |read: Read, contents: &mut Contents| {
                let written = match read.number - first {
                    1 => &half,
                    2 => &whole,
                    _ => return None,
                };
                assert!(contents.write(address, written));
                None
            })));
            let taken = take(&memory, None, Options::default()).unwrap();
            let found = variant(taken, &atlases);
            assert!(found <= 1, "{kind:?} {cut}");
        }
    }
}

#[test]
fn what_changes_on_every_read_is_given_up() {
    let (memory, mut publisher) = process(PointerFormat::Bits64);
    publisher.publish(&atlas(0, SEALED));
    let mut time = 100_u64;
    memory.set_fault(Some(Box::new(move |_, contents: &mut Contents| {
        time += 1;
        assert!(contents.write(INFOS + 0xb8, &time.to_le_bytes()));
        None
    })));
    let error = take(&memory, None, Options::default()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::SnapshotTorn { attempts: ATTEMPTS, last: None }), "{error}");
    // A structure, the atlas, the structure again; no more.
    assert!(memory.reads() <= 3 * u64::from(ATTEMPTS) + 1);
}

#[test]
fn what_is_no_archive_is_the_form_of_another_dyld() {
    for form in [&b"compact info of macOS 10.13, which is no archive"[..], b"\0", &[0; 70_000]] {
        let (memory, mut publisher) = process(PointerFormat::Bits64);
        publisher.publish(form);
        let before = memory.reads();
        let error = take(&memory, None, Options::default()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::UnsupportedPlatform(_)), "{error}");
        assert!(error.to_string().contains(&format!("its {} bytes begin with", form.len())), "{error}");
        assert!(error.hint().unwrap().contains("dyld 1284"));
        assert!(memory.reads() - before <= 6, "it is read twice, and no more");
    }
}

#[test]
fn what_is_no_archive_yet_is_read_again() {
    let (memory, mut publisher) = process(PointerFormat::Bits64);
    publisher.publish(b"a buffer that dyld has not filled yet");
    let mut looks = 0_u8;
    memory.set_fault(Some(Box::new(move |read: Read, contents: &mut Contents| {
        if read.address != INFOS {
            // Other bytes each time, and no archive.
            looks = looks.wrapping_add(1);
            assert!(contents.write(read.address, &[looks]));
        }
        None
    })));
    let error = take(&memory, None, Options::default()).unwrap_err();
    let ErrorKind::SnapshotTorn { last: Some(last), .. } = error.kind() else { panic!("{error}") };
    assert_eq!(last.kind().code(), 1);
}

#[test]
fn a_broken_archive_is_given_up_with_the_reason() {
    let (memory, mut publisher) = process(PointerFormat::Bits64);
    let mut bad = atlas(0, SEALED);
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    publisher.publish(&bad);
    for lenient in [false, true] {
        let options = Options { policy: Policy { lenient, ..Policy::default() }, ..Options::default() };
        assert_eq!(take(&memory, None, options).unwrap_err().kind().code(), 12);
    }
}

#[test]
fn what_is_whole_and_wrong_is_not_tried_again() {
    let mut archive = ArchiveWriter::new();
    archive.add_file(b"process.cinfo", b"compact info".to_vec()).unwrap();
    let other = archive.to_bytes(None).unwrap();
    let mut archive = ArchiveWriter::new();
    archive.add_file(b"process.plist", b"no property list".to_vec()).unwrap();
    let broken = archive.to_bytes(None).unwrap();
    for (bytes, code, what) in [(other, 14, "holds \"process.cinfo\" and no process.plist"), (broken, 2, "")] {
        let (memory, mut publisher) = process(PointerFormat::Bits64);
        publisher.publish(&bytes);
        let error = take(&memory, None, Options::default()).unwrap_err();
        assert_eq!(error.kind().code(), code, "{error}");
        assert!(error.to_string().contains(what), "{error}");
        assert!(memory.reads() <= 4);
    }
}

#[test]
fn hostile_sizes_and_addresses() {
    for size in [(1 << 30) + 1, 1 << 62, 1 << 63, u64::MAX] {
        let (memory, mut publisher) = process(PointerFormat::Bits64);
        publisher.publish(&atlas(0, SEALED));
        publisher.set((0x138, 0xac), size, 8);
        let error = take(&memory, None, Options::default()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Limit { requested, .. } if *requested == size), "{error}");
    }
    // Within the limits but not there: nothing of that size may be allocated.
    for (address, size) in [(u64::MAX - 100, 1 << 29), (0x10_0000, 1 << 30), (1, 1 << 30), (1 << 55, 400)] {
        let (memory, mut publisher) = process(PointerFormat::Bits64);
        publisher.publish(&atlas(0, SEALED));
        publisher.set((0x130, 0xa8), address, 8);
        publisher.set((0x138, 0xac), size, 8);
        let mut error = None;
        let used = allocation_counter::measure(|| error = take(&memory, None, Options::default()).err());
        assert_eq!(error.unwrap().kind().code(), 12, "{address:#x} {size:#x}");
        assert!(used.bytes_max < 16 << 20, "{} bytes", used.bytes_max);
    }
    let (memory, mut publisher) = process(PointerFormat::Bits64);
    publisher.publish(&atlas(0, SEALED));
    let limits = Limits { decoded_bytes: 100, ..Limits::default() };
    let options = Options { policy: Policy { limits, ..Policy::default() }, ..Options::default() };
    assert_eq!(take(&memory, None, options).unwrap_err().kind().code(), 6);
}

#[test]
fn a_process_that_goes_away_is_gone() {
    for number in 0..4 {
        let (memory, mut publisher) = process(PointerFormat::Bits64);
        publisher.publish(&atlas(0, Kind { stamp: Stamp::None, more_files: false }));
        memory.set_fault(Some(Box::new(move |read: Read, _: &mut Contents| {
            (read.number >= number).then(|| Meddling::Fail(gone()))
        })));
        match take(&memory, None, Options::default()) {
            Err(error) => assert_eq!(error.kind().code(), 11, "{number}"),
            Ok(_) => panic!("{number}: read after its end"),
        }
    }
    let silent = RecordedMemory::new(Contents::default());
    assert_eq!(take(&silent, None, Options::default()).unwrap_err().kind().code(), 14);
}

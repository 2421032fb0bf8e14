//! Core files: notes, memory, and the snapshot that they hold or that is made of them.

use atlas_core::bytes::Bytes;
use atlas_core::model::{Options, Snapshot};
use atlas_core::schema::Policy;
use atlas_core::task::core::Core;
use atlas_core::task::{TaskMemory, take};

use super::{LIMITS, images, refuse};

fn options(lenient: bool) -> Options {
    Options { policy: Policy { lenient, limits: LIMITS }, ..Options::default() }
}

pub fn core(data: &[u8]) -> bool {
    let core = match Core::from_bytes(Bytes::from(data.to_vec())) {
        Ok(core) => core,
        Err(error) => return refuse(&error),
    };
    notes(&core, data.len());
    memory(&core);
    let strict = core.snapshot(options(false)).and_then(|opening| opening.finish());
    let lenient = core.snapshot(options(true)).and_then(|opening| opening.finish());
    match (&strict, &lenient) {
        (Ok(strict), Ok(lenient)) => {
            images::walk(strict.images());
            // An atlas whose checksum is wrong is good enough for a lenient reading only; a strict one lists what else
            // is there.
            if strict.archive().decoded()[..] == lenient.archive().decoded()[..] {
                images::equal(strict.images(), lenient.images());
            }
            published(&core, strict);
        }
        (Err(error), Ok(lenient)) => {
            refuse(error);
            images::walk(lenient.images());
        }
        (_, Err(error)) => {
            refuse(error);
        }
    }
    strict.is_ok()
}

fn notes(core: &Core, length: usize) {
    let notes = core.notes();
    assert!(notes.names.len() <= length / 40 + 1);
    assert!(core.thread_ids().is_none_or(|threads| threads.len() <= length));
    assert!(core.warnings().map(str::len).sum::<usize>() <= 1 << 20);
    assert!(notes.stripped(0) == 0 && notes.stripped(u64::MAX) != 0);
    let segments: usize = notes.images.iter().map(|image| image.segments.len()).sum();
    assert!(notes.images.len() <= length && segments <= 1 << 16);
}

/// What is read as a copy is what lies in the file.
fn memory(core: &Core) {
    let mut end = 0;
    for region in core.regions().expect("a core always tells").iter().take(64) {
        assert!(region.address >= end && region.size > 0, "{region:?}");
        end = region.address.saturating_add(region.size);
        let mut bytes = [0; 32];
        for address in [region.address, region.address + (region.size - 1) / 2, end - 1] {
            let count = core.memory().read(address, &mut bytes);
            assert!(count > 0, "{address:#x}");
            if let Some(piece) = core.memory().piece(address, count) {
                assert_eq!(piece[..], bytes[..count]);
            }
        }
    }
}

/// The loop gives the same record as the core, where the core holds one that was published.
fn published(core: &Core, whole: &Snapshot) {
    let Some(infos) = core.all_image_infos() else { return };
    if !infos.publication().is_there() {
        return;
    }
    if let Some(opening) = take(core, None, options(false)).ok().and_then(|taken| taken.opening) {
        let same = opening.finish().expect("it was opened before");
        assert_eq!(same.record().timestamp, whole.record().timestamp);
        images::equal(same.images(), whole.images());
    }
}

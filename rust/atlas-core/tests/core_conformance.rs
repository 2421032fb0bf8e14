//! Core files that LLDB has read: the same images, threads' numbers and notes.
//!
//! The fixtures are no part of the project: `DYLD_ATLAS_FIXTURES`, by default `../shared/fixtures` beside the checkout.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "every function here serves a test")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use atlas_core::bytes::Mode;
use atlas_core::model::{Image, Options, Snapshot};
use atlas_core::task::core::{Core, MainBinaryKind};
use serde_json::Value;
use support::{fixtures, json, list};
use uuid::Uuid;

fn hexadecimal(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

fn uuid(value: &Value) -> Uuid {
    Uuid::parse_str(value.as_str().unwrap()).unwrap()
}

fn images(snapshot: &Snapshot) -> Vec<Image> {
    (0..snapshot.images().len()).map(|index| snapshot.images().get(index).unwrap()).collect()
}

/// The images that were written into the core, whichever way it tells of them.
fn compare_written(name: &str, snapshot: &Snapshot, written: &[Value]) {
    let images = images(snapshot);
    assert_eq!(images.len(), written.len(), "{name}: {images:?}");
    for (image, expected) in images.iter().zip(written) {
        assert_eq!(image.address().0, hexadecimal(&expected["load_address"]), "{name}");
        assert_eq!(image.uuid(), Some(uuid(&expected["uuid"])), "{name}");
        let path = image.file_path().map(|path| path.decode_lossy().into_owned());
        assert_eq!(path.as_deref(), expected["path"].as_str(), "{name}");
        let segments: BTreeMap<String, u64> = image
            .segments()
            .map(|segment| (segment.name().unwrap().decode_lossy().into_owned(), segment.address().0))
            .collect();
        let expected = expected["segments"].as_object().unwrap().iter();
        let expected: BTreeMap<_, _> = expected.map(|(name, address)| (name.clone(), hexadecimal(address))).collect();
        assert_eq!(segments, expected, "{name}");
        assert!(image.segments().all(|segment| segment.vm_size() == 0x4000), "{name}");
    }
}

/// What LLDB reported: images by UUID, header and path; threads; notes.
fn compare_with_lldb(name: &str, core: &Core, snapshot: &Snapshot, facts: &Value) {
    let images = images(snapshot);
    for expected in list(&facts["lldb_images"]) {
        let header = hexadecimal(&expected["header"]);
        let image = images.iter().find(|image| image.address().0 == header).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(image.uuid(), Some(uuid(&expected["uuid"])), "{name}");
        assert_eq!(
            image.file_path().map(|path| path.decode_lossy().into_owned()).as_deref(),
            expected["path"].as_str()
        );
    }
    let notes = core.notes();
    if let Some(metadata) = facts["lldb_process_metadata"].as_str() {
        let own: Value = serde_json::from_str(notes.process_metadata.as_deref().unwrap()).unwrap();
        assert_eq!(own, serde_json::from_str::<Value>(metadata).unwrap(), "{name}");
        let ids: Vec<_> = list(&own["threads"]).iter().map(|thread| thread["thread_id"].as_u64().unwrap()).collect();
        assert_eq!(core.thread_ids(), Some(ids), "{name}");
    } else {
        assert_eq!((core.thread_ids(), &notes.process_metadata), (None, &None), "{name}");
    }
    let bits = facts["lldb_addrable_bits"].as_array().map(|bits| &bits[0]);
    let expected = bits.map(|bits| {
        let numbers: Vec<u32> = bits["bits"].as_str().unwrap().split(" & ").map(|text| text.parse().unwrap()).collect();
        (numbers[0], *numbers.last().unwrap())
    });
    assert_eq!(notes.addressable_bits, expected, "{name}");
    let binaries = facts["lldb_load_binary_notes"].as_array().map_or(&[][..], Vec::as_slice);
    assert_eq!(notes.binaries.len(), binaries.len(), "{name}");
    for (own, expected) in notes.binaries.iter().zip(binaries) {
        assert_eq!(own.name.as_deref(), expected["path"].as_str(), "{name}");
        assert_eq!(
            (own.uuid, own.address),
            (Some(uuid(&expected["uuid"])), Some(hexadecimal(&expected["load_address"])))
        );
        assert_eq!(own.slide.unwrap_or(u64::MAX), hexadecimal(&expected["slide"]), "{name}");
    }
    let main = facts["lldb_main_bin_spec"].as_array().map(|specs| &specs[0]);
    assert_eq!(notes.main.is_some(), main.is_some(), "{name}");
    if let (Some(own), Some(expected)) = (&notes.main, main) {
        assert_eq!(own.address, Some(hexadecimal(&expected["value"])), "{name}");
        let is_infos = expected["kind"].as_str() == Some("userland dyld_all_image_infos");
        assert_eq!(own.kind == MainBinaryKind::AllImageInfos, is_infos, "{name}");
    }
}

fn read(folder: &Path, facts: &Value, mode: Mode) -> (Core, Snapshot) {
    let name = facts["file"].as_str().unwrap();
    let core = Core::open(&folder.join(name), mode).unwrap_or_else(|error| panic!("{name}: {error}"));
    let snapshot = core.snapshot(Options { mode, ..Options::default() }).unwrap().finish().unwrap();
    (core, snapshot)
}

#[test]
fn cores_are_read_as_lldb_reads_them() {
    let Some(folder) = fixtures("core/lldb") else { return };
    let manifest = json(&folder.join("MANIFEST.json"));
    for facts in list(&manifest["files"]) {
        let name = facts["file"].as_str().unwrap();
        let (core, snapshot) = read(&folder, facts, Mode::Map);
        compare_written(name, &snapshot, list(&facts["written_images"]));
        compare_with_lldb(name, &core, &snapshot, facts);
        let (_, copied) = read(&folder, facts, Mode::Copy);
        assert_eq!(copied.archive().decoded()[..], snapshot.archive().decoded()[..], "{name}");
        // The structure in memory gives the time, the headers the platform; nothing gives the process's number.
        assert_eq!((snapshot.record().timestamp, snapshot.record().platform), (123_456_789, 1), "{name}");
        assert!(snapshot.warnings().iter().any(|warning| warning.contains("pid")), "{name}");
    }
}

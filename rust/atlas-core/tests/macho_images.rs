//! Mach-O headers where no file begins: images inside real shared caches, and core files.
//!
//! The files are fixtures (`DYLD_ATLAS_FIXTURES`, else `../shared/fixtures` beside the checkout). Where they are absent
//! the tests fail under `CI=true`, and otherwise say that they are skipped.

// The allowances for tests do not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod support;

use atlas_core::bytes::{Bytes, Mode};
use atlas_core::macho::{View, constants, slices};
use serde_json::Value;
use support::{fixtures, json, list};

#[test]
fn images_of_real_caches() {
    let Some(folder) = fixtures("cache/real") else { return };
    let mut count = 0;
    for record in list(&json(&folder.join("MANIFEST.json"))["fixtures"]) {
        // The manifest lists malformed caches too; those have no facts.
        let (Some(file), Some(facts)) = (record["file"].as_str(), record["facts"].as_str()) else { continue };
        let (data, facts) = (Bytes::open(&folder.join(file), Mode::Map).unwrap(), json(&folder.join(facts)));
        for image in list(&facts["images"]) {
            image_as_in(&data, image);
            count += 1;
        }
    }
    assert!(count > 5, "{count} images");
}

fn image_as_in(data: &[u8], image: &Value) {
    let rows = list(&image["segments"]);
    // The first row is __TEXT, which begins with the header: name, address, size, file offset, file size.
    let offset = rows[0][3].as_u64().unwrap() as usize;
    let view = View::parse_at(&data[offset..], offset).unwrap();
    assert_ne!(view.flags() & constants::flags::DYLIB_IN_CACHE, 0);
    assert_eq!(view.file_type(), constants::file_type::DYLIB);
    assert_eq!(view.preferred_load_address().0, image["address"].as_u64().unwrap());
    assert_eq!(view.install_name(), image["path"].as_str().map(str::as_bytes));
    let uuid = view.uuid().map(|uuid| format!("{:X}", uuid.as_simple()));
    assert_eq!(uuid.as_deref(), image["uuid"].as_str());
    let segments: Vec<_> = view
        .segments()
        .map(|found| {
            let (name, address) = (found.name.to_string(), found.preferred_load_address.0);
            serde_json::json!([name, address, found.vm_size, found.file_offset, found.file_size])
        })
        .collect();
    assert_eq!(segments, rows);
    let sections: Vec<_> = view
        .sections()
        .map(|found| {
            let (segment, name) = (found.segment_name.to_string(), found.name.to_string());
            serde_json::json!([segment, name, found.address.0, found.size])
        })
        .collect();
    assert_eq!(sections, list(&image["sections"]));
}

#[test]
fn core_files() {
    let Some(folder) = fixtures("core/lldb") else { return };
    let manifest = json(&folder.join("MANIFEST.json"));
    let records = list(&manifest["files"]);
    assert!(!records.is_empty());
    for record in records {
        let name = record["file"].as_str().unwrap();
        let data = Bytes::open(&folder.join(name), Mode::Map).unwrap();
        let [slice] = &slices(&data).unwrap()[..] else { panic!("{name}: one slice") };
        assert_eq!(slice.file_type, constants::file_type::CORE);
        assert_eq!(slice.architecture, name.split('_').next().unwrap().replace("x86", "x86_64"));
        assert_eq!((slice.uuid, slice.install_name.as_deref()), (None, None));
        // Every image that was written has its header in the memory that a segment holds.
        for image in list(&record["written_images"]) {
            let address = u64::from_str_radix(&image["load_address"].as_str().unwrap()[2..], 16).unwrap();
            let holds = |start: u64, size: u64| address.checked_sub(start).filter(|inside| *inside < size);
            let mut places = slice.segments.iter().filter_map(|found| {
                assert_eq!(found.name, "");
                Some(found.file_offset + holds(found.preferred_load_address.0, found.file_size)?)
            });
            let offset = places.next_back().unwrap_or_else(|| panic!("{name}: nothing at {address:#x}")) as usize;
            let view = View::parse_at(&data[offset..], offset).unwrap();
            let uuid = view.uuid().map(|uuid| uuid.as_simple().to_string());
            assert_eq!(uuid.as_deref(), image["uuid"].as_str());
        }
        let view = View::parse(&data).unwrap();
        let notes = view.commands().filter(|command| command.number() == constants::command::NOTE);
        assert!(notes.map(|note| note.bytes().len()).all(|size| size == 40));
    }
}

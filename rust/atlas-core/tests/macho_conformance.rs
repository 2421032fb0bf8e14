//! Real Mach-O files against facts that dyld's own reader printed, and against the reader of the `object` crate.
//!
//! The facts are `macho/EXPECTED.json` of the fixtures (`DYLD_ATLAS_FIXTURES`, else `../shared/fixtures` beside the
//! checkout). The files are members of published wheels, fetched by `tests/support/fetch_macho_wheels.py` into
//! `DYLD_ATLAS_MACHO_DIR`, else `build/macho-wheels`. Where either is absent the tests fail under `CI=true`, and
//! otherwise say that they are skipped.

// The allowances for tests do not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

mod support;

use std::time::Instant;

use atlas_core::bytes::{Bytes, Mode};
use atlas_core::macho::{Slice, Universal, View, members, slice_with_uuid, slices};
use object::{Object, ObjectSection, ObjectSegment};
use serde_json::Value;
use support::list;

/// The records with the bytes they speak of, or `None` where they are absent and may be.
fn files() -> Option<Vec<(Value, Bytes)>> {
    let facts = support::json(&support::fixtures("macho/EXPECTED.json")?);
    let folder = support::from_environment("DYLD_ATLAS_MACHO_DIR", "build/macho-wheels");
    let folder = support::present(folder, "python tests/support/fetch_macho_wheels.py")?;
    let open = |record: &Value| {
        let wheel = text(&record["wheel"]).strip_suffix(".whl").unwrap();
        let bytes = Bytes::open(&folder.join(wheel).join(text(&record["member"])), Mode::Map).unwrap();
        assert_eq!(bytes.len() as u64, number(&record["size"]));
        (record.clone(), bytes)
    };
    let files: Vec<_> = list(&facts["files"]).iter().map(open).collect();
    assert!(!files.is_empty());
    Some(files)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}

/// Numbers of 64 bits are decimal texts, so that no reader of JSON rounds them.
fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| text(value).parse().unwrap())
}

/// The facts of each slice with its offset and size, and whether the file is universal.
fn expected_slices(record: &Value) -> (bool, Vec<(u64, u64, &Value)>) {
    let expected = &record["expected"];
    if expected["universal"] == false {
        return (false, vec![(0, number(&record["size"]), &expected["macho"])]);
    }
    let mut slices = Vec::new();
    for slice in list(&expected["slices"]) {
        slices.push((number(&slice["file_offset"]), number(&slice["size"]), &slice["macho"]));
    }
    (true, slices)
}

#[test]
fn every_fact_of_dyld_holds() {
    let Some(files) = files() else { return };
    for (record, data) in &files {
        let (universal, expected) = expected_slices(record);
        assert_eq!(Universal::is_universal(data), universal);
        let found = slices(data).unwrap();
        assert_eq!(found.len(), expected.len());
        let views: Vec<_> = members(data).unwrap().iter().map(|member| member.view().unwrap()).collect();
        for ((slice, view), (offset, size, macho)) in found.iter().zip(&views).zip(expected) {
            assert_eq!((slice.offset, slice.size), (offset, size));
            compare_slice(slice, macho);
            compare_view(view, macho);
            let uuid = slice.uuid.unwrap();
            assert_eq!(slice_with_uuid(data, uuid).unwrap().unwrap().offset, offset);
        }
    }
}

fn compare_slice(slice: &Slice, macho: &Value) {
    assert_eq!(slice.architecture, text(&macho["arch"]));
    assert_eq!(u64::from(slice.cpu_type), number(&macho["cputype"]));
    assert_eq!(u64::from(slice.cpu_subtype), number(&macho["cpusubtype"]));
    assert_eq!(u64::from(slice.pointer_size), number(&macho["pointer_size"]));
    assert_eq!(u64::from(slice.file_type), number(&macho["filetype"]));
    assert_eq!(u64::from(slice.flags), number(&macho["mh_flags"]));
    assert_eq!(slice.uuid.map(|uuid| format!("{:X}", uuid.as_hyphenated())).as_deref(), macho["uuid"].as_str());
    assert_eq!(slice.install_name.as_deref(), macho["install_name"].as_str());
    assert_eq!(slice.platform.map(u64::from), macho["platform_value"].as_u64());
    assert_eq!(slice.min_os.unwrap().to_string(), text(&macho["min_os"]));
    assert_eq!(slice.sdk.unwrap().to_string(), text(&macho["sdk"]));
    assert_eq!(slice.preferred_load_address.0, number(&macho["preferred_load_address"]));
    assert_eq!(slice.header_and_load_commands_size, number(&macho["header_and_load_commands_size"]));

    let expected = list(&macho["segments"]);
    assert_eq!(slice.segments.len(), expected.len());
    for (segment, expected) in slice.segments.iter().zip(expected) {
        assert_eq!(segment.name, *text(&expected["name"]));
        assert_eq!(segment.preferred_load_address.0, number(&expected["vmaddr"]));
        assert_eq!(segment.vm_size, number(&expected["vmsize"]));
        // dyld's reader keeps these two in 32 bits.
        assert_eq!(segment.file_offset & 0xffff_ffff, number(&expected["fileoff"]));
        assert_eq!(segment.file_size & 0xffff_ffff, number(&expected["filesize"]));
        assert_eq!(u64::from(segment.initial_protection), number(&expected["init_prot"]));
        assert_eq!(u64::from(segment.max_protection), number(&expected["max_prot"]));
        assert_eq!(u64::from(segment.flags), number(&expected["flags"]));
    }
    let expected = list(&macho["sections"]);
    assert_eq!(slice.sections.len(), expected.len());
    for (section, expected) in slice.sections.iter().zip(expected) {
        assert_eq!(section.segment_name, *text(&expected["segment"]));
        assert_eq!(section.name, *text(&expected["name"]));
        assert_eq!(section.address.0, number(&expected["addr"]));
        assert_eq!(section.size, number(&expected["size"]));
        assert_eq!(u64::from(section.file_offset), number(&expected["offset"]));
        assert_eq!(u64::from(section.alignment), number(&expected["align_p2"]));
        assert_eq!(u64::from(section.flags), number(&expected["flags"]));
        assert_eq!(u64::from(section.reserved1), number(&expected["reserved1"]));
        assert_eq!(u64::from(section.reserved2), number(&expected["reserved2"]));
    }
}

fn compare_view(view: &View<'_>, macho: &Value) {
    assert_eq!(view.commands().count() as u64, number(&macho["ncmds"]));
    let expected = list(&macho["linked_dylibs"]);
    let found: Vec<_> = view.dependents().collect();
    assert_eq!(found.len(), expected.len());
    for (dependent, expected) in found.iter().zip(expected) {
        assert_eq!(dependent.install_name, text(&expected["path"]).as_bytes());
        assert_eq!(u64::from(dependent.attributes), number(&expected["attributes"]));
        assert_eq!(dependent.compatibility_version.to_string(), text(&expected["compat"]));
        assert_eq!(dependent.current_version.to_string(), text(&expected["current"]));
    }
}

#[test]
fn object_agrees() {
    let Some(files) = files() else { return };
    for (_, data) in &files {
        for (member, slice) in members(data).unwrap().iter().zip(slices(data).unwrap()) {
            let theirs = object::File::parse(member.bytes).unwrap();
            assert_eq!(slice.uuid.map(uuid::Uuid::into_bytes), theirs.mach_uuid().unwrap());
            let ours: Vec<_> = slice.segments.iter().map(|s| (s.preferred_load_address.0, s.vm_size)).collect();
            assert_eq!(ours, theirs.segments().map(|s| (s.address(), s.size())).collect::<Vec<_>>());
            let ours: Vec<_> = slice.sections.iter().map(|s| (s.name.to_string(), s.address.0, s.size)).collect();
            let theirs = theirs.sections().map(|s| (s.name().unwrap().to_owned(), s.address(), s.size()));
            assert_eq!(ours, theirs.collect::<Vec<_>>());
        }
    }
}

/// A header cut off behind its load commands gives the same: no other page of the file is needed.
#[test]
fn headers_are_enough() {
    let Some(files) = files() else { return };
    for (_, data) in &files {
        for member in members(data).unwrap() {
            let whole = member.view().unwrap();
            let header = member.bytes[..whole.header_and_load_commands_size()].to_vec();
            let alone = View::parse(&header).unwrap();
            let of = |view: &View<'_>| format!("{:?}", Slice::from_view(view, 0, 0));
            assert_eq!(of(&whole), of(&alone));
        }
    }
}

/// Of a large mapped file no more becomes resident than the kernel maps around the pages of its headers: 64 KiB, or a
/// huge page of 2 MiB where the page cache happens to hold one.
#[cfg(target_os = "linux")]
#[test]
fn a_mapped_file_costs_its_header_pages() {
    let Some(files) = files() else { return };
    let data = files.into_iter().map(|(_, data)| data).max_by_key(|data| data.len()).unwrap();
    let whole = data.len() as u64 >> 10;
    assert!(whole > 8 << 10, "{whole} KiB are too few to tell");
    assert!(slices(&data).unwrap()[0].segments.len() > 3);
    let for_headers = resident_kib(data.as_ptr() as u64);
    assert!(for_headers <= (2 << 10) + 64, "{for_headers} of {whole} KiB resident");
    assert!(data.iter().step_by(1024).map(|&byte| u64::from(byte)).sum::<u64>() > 0);
    let for_all = resident_kib(data.as_ptr() as u64);
    assert!(for_all > whole / 2, "{for_all} of {whole} KiB resident: the measure measures nothing");
}

/// The `Rss` of the mapping that holds `address`.
#[cfg(target_os = "linux")]
fn resident_kib(address: u64) -> u64 {
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut inside = false;
    for line in maps.lines() {
        let first = line.split_whitespace().next().unwrap_or_default();
        if let Some((start, end)) = first.split_once('-') {
            let parse = |text| u64::from_str_radix(text, 16).unwrap();
            inside = (parse(start)..parse(end)).contains(&address);
        } else if inside && first == "Rss:" {
            return line.split_whitespace().nth(1).unwrap().parse().unwrap();
        }
    }
    panic!("no mapping holds {address:#x}")
}

/// Target X1: at most 2 us for a file. `cargo test --release -p atlas-core --test macho_conformance -- --ignored
/// --nocapture`
#[test]
#[ignore = "measures time; the bar holds for release builds"]
fn nineteen_files_in_time() {
    let Some(files) = files() else { return };
    let files: Vec<&[u8]> = files.iter().map(|(_, data)| &**data).cycle().take(19).collect();
    let measure = |read: &dyn Fn(&[u8]) -> usize| {
        let expected: usize = files.iter().map(|data| read(data)).sum();
        let round = |_| {
            let started = Instant::now();
            let found: usize = files.iter().map(|data| read(std::hint::black_box(data))).sum();
            let elapsed = started.elapsed();
            assert_eq!(found, expected);
            elapsed.as_nanos() as f64 / 1000.0 / files.len() as f64
        };
        (0..2000).map(round).fold(f64::INFINITY, f64::min)
    };
    let owned = measure(&|data| slices(data).unwrap().iter().map(|slice| slice.segments.len()).sum());
    let borrowed = measure(&|data| {
        let segments = |view: View<'_>| usize::from(view.uuid().is_some()) + view.segments().count();
        members(data).unwrap().iter().map(|member| segments(member.view().unwrap())).sum()
    });
    println!("slices(): {owned:.3} us a file; View, uuid and segments: {borrowed:.3} us a file");
    if !cfg!(debug_assertions) {
        assert!(owned <= 2.0 && borrowed <= 2.0, "over 2 us a file: {owned:.3} {borrowed:.3}");
    }
}

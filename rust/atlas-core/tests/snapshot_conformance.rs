//! Records that dyld's own encoder wrote, wrapped by our archive writer and opened as snapshots: every value is
//! compared.
//!
//! The fixtures are no part of the project: `DYLD_ATLAS_FIXTURES`, by default `../shared/fixtures` beside the checkout.

// The allowances for tests do not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use atlas_core::archive::{ArchiveWriter, Stamp};
use atlas_core::bplist::Text;
use atlas_core::bytes::Bytes;
use atlas_core::cache::Supply;
use atlas_core::model::{ImageSet, Opening, Options, Snapshot};
use atlas_core::schema::Policy;
use serde_json::Value;
use support::expected::{Dict, dict, integer, text};

fn wrap(plist: Vec<u8>, stamp: Stamp) -> Bytes {
    let mut writer = ArchiveWriter::with_stamp(stamp);
    writer.add_file(b"process.plist", plist).unwrap();
    writer.to_bytes(None).unwrap().into()
}

fn lenient() -> Options {
    Options { policy: Policy { lenient: true, ..Policy::default() }, ..Options::default() }
}

fn string(text: Option<Text<'_>>) -> Option<String> {
    text.map(|text| text.decode_lossy().into_owned())
}

/// The images of the expectation that can be: those with an address of either kind.
fn expected_images(root: &Dict) -> Vec<Dict> {
    let images = root.get("imgs").and_then(Value::as_array).unwrap();
    images.iter().map(dict).filter(|image| image.contains_key("addr") || image.contains_key("padr")).collect()
}

fn compare_image(name: &str, images: &Arc<ImageSet>, index: usize, expected: &Dict, own_slide: u64) {
    let image = images.get(index).unwrap();
    let place = format!("{name} image {index}");
    let preferred = expected.get("padr").map_or(0, integer);
    let address = expected.get("addr").map_or_else(|| preferred.wrapping_add(own_slide), integer);
    assert_eq!(image.address().0, address, "{place}");
    assert_eq!(image.preferred_load_address().0, preferred, "{place}");
    assert_eq!(string(image.install_name()), expected.get("name").map(text), "{place}");
    assert_eq!(string(image.file_path()), expected.get("file").map(text), "{place}");
    let uuid = image.uuid().map(|uuid| uuid.simple().to_string());
    assert_eq!(uuid, expected.get("uuid").map(|uuid| uuid["data"].as_str().unwrap().to_owned()), "{place}");
    let segments = expected.get("segs").map_or(&[][..], |segments| segments.as_array().unwrap().as_slice());
    assert_eq!(image.segment_count(), segments.len(), "{place}");
    let slide = address.wrapping_sub(preferred);
    let mut end = 0_u64;
    for (segment, expected) in image.segments().zip(segments.iter().map(dict)) {
        assert_eq!(string(segment.name()), Some(text(&expected["name"])), "{place}");
        assert_eq!(segment.preferred_load_address().0, integer(&expected["padr"]), "{place}");
        assert_eq!(segment.address().0, integer(&expected["padr"]).wrapping_add(slide), "{place}");
        assert_eq!(segment.vm_size(), integer(&expected["size"]), "{place}");
        assert_eq!(segment.file_size(), integer(&expected["fsze"]), "{place}");
        assert_eq!(segment.file_offset(), expected.get("foff").map(integer), "{place}");
        assert_eq!(u64::from(segment.permissions()), integer(&expected["perm"]), "{place}");
        end = end.max(segment.address().0.saturating_add(segment.vm_size()));
    }
    assert_eq!(images.columns().vm_end[index], end, "{place}");
}

fn compare(name: &str, snapshot: &Snapshot, root: &Dict) {
    let record = snapshot.record();
    assert_eq!(record.pid.cast_unsigned(), integer(&root["proc"]), "{name}");
    assert_eq!(record.platform, integer(&root["plat"]), "{name}");
    assert_eq!(record.timestamp, integer(&root["time"]), "{name}");
    assert_eq!(record.state, integer(&root["stat"]), "{name}");
    assert_eq!(record.initial_image_count, root.get("init").map(integer), "{name}");
    assert_eq!(record.flags, root.get("flags").or(root.get("flag")).map_or(0, integer), "{name}");
    assert_eq!(snapshot.page_size(), if record.flags & 1 == 1 { 4096 } else { 16384 }, "{name}");
    assert_eq!(snapshot.pointer_size(), if record.flags & 2 == 2 { 4 } else { 8 }, "{name}");

    let images = expected_images(root);
    assert_eq!(snapshot.images().len(), images.len(), "{name}");
    for (index, expected) in images.iter().enumerate() {
        compare_image(name, snapshot.images(), index, expected, 0);
    }

    let metrics = record.metrics().map(|metrics| {
        let mut found = BTreeMap::new();
        for (key, value) in metrics {
            found.entry(key.decode_lossy().into_owned()).or_insert(value);
        }
        found
    });
    let expected = root.get("metr").map(|metrics| {
        dict(metrics).iter().map(|(key, value)| (key.clone(), integer(value).cast_signed())).collect::<BTreeMap<_, _>>()
    });
    assert_eq!(metrics, expected, "{name}");

    let environment = record.environment();
    assert_eq!(environment.is_some(), root.contains_key("envp"), "{name}");
    if let Some(root_path) = root.get("envp").map(dict).as_ref().and_then(|environment| environment.get("root")) {
        let found = environment.unwrap();
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!((found[0].0, found[0].1.decode_lossy().into_owned()), ("DYLD_ROOT_PATH", text(root_path)), "{name}");
    }

    let aot_images = record.aot_images();
    assert_eq!(
        aot_images.as_ref().map(Vec::len),
        root.get("aots").map(|images| images.as_array().unwrap().len()),
        "{name}"
    );
    for (found, expected) in
        aot_images.into_iter().flatten().zip(root.get("aots").into_iter().flat_map(|images| images.as_array().unwrap()))
    {
        let expected = dict(expected);
        let words = [found.x86_address, found.aot_address, found.aot_size];
        assert_eq!(
            words,
            [integer(&expected["xadr"]), integer(&expected["aadr"]), integer(&expected["asze"])],
            "{name}"
        );
        let key: String = found.image_key.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(key, expected["ikey"]["data"].as_str().unwrap(), "{name}");
    }

    assert_eq!(record.cache.is_some(), root.contains_key("dsc1"), "{name}");
    if let Some(cache) = &record.cache {
        let expected = dict(&root["dsc1"]);
        assert_eq!(cache.uuid.simple().to_string(), expected["uuid"]["data"].as_str().unwrap(), "{name}");
        assert_eq!(cache.address, integer(&expected["addr"]), "{name}");
        assert_eq!(cache.file_path.as_str(), Some(&*text(&expected["file"])), "{name}");
        assert_eq!(cache.aot_address, expected.get("aadr").map(integer), "{name}");
        let aot_uuid = cache.aot_uuid.map(|uuid| uuid.simple().to_string());
        assert_eq!(aot_uuid, expected.get("auid").map(|uuid| uuid["data"].as_str().unwrap().to_owned()), "{name}");
        let bitmap: String = cache.bitmap.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(bitmap, expected["bitm"]["data"].as_str().unwrap(), "{name}");
    }
}

#[test]
fn process_records_of_dyld() {
    let Some(fixtures) = support::fixtures("plist/dyld") else { return };
    let mut seen = 0;
    for (name, plist, expected) in support::expected::plists(&fixtures, "proc_") {
        let root = dict(&expected);
        for stamp in [Stamp::Crc32c, Stamp::Cksum, Stamp::None] {
            let mut opening =
                Opening::new(wrap(plist.clone(), stamp), lenient()).unwrap_or_else(|error| panic!("{name}: {error}"));
            opening.offer_installed();
            compare(&name, &opening.finish().unwrap(), &root);
        }
        let strict = Opening::new(wrap(plist, Stamp::Crc32c), Options::default());
        let broken = root["imgs"].as_array().unwrap().len() != expected_images(&root).len();
        match strict {
            Ok(_) => assert!(!broken, "{name}"),
            Err(error) => {
                assert!(broken, "{name}: {error}");
                assert_eq!(error.location().key_path.as_deref(), Some("imgs[7]"), "{name}: {error}");
            }
        }
        seen += 1;
    }
    assert!(seen >= 19, "only {seen} process records were found");
}

#[test]
fn cache_records_of_dyld() {
    let Some(fixtures) = support::fixtures("plist/dyld") else { return };
    let mut seen = 0;
    for (name, plist, expected) in support::expected::plists(&fixtures, "cache_") {
        let uuids = dict(&dict(&expected)["uuids"]);
        for (uuid, cache) in &uuids {
            let cache = dict(&support::expected::follow(&expected, cache));
            let slide = 0x1_2340_0000_u64;
            let base = integer(&cache["padr"]);
            // Images may be the very list of another cache in the same atlas.
            let images = support::expected::follow(&expected, &cache["imgs"]);
            let images: Vec<Dict> = images.as_array().unwrap().iter().map(dict).collect();

            let mut atlas = ArchiveWriter::new();
            atlas.add_file(format!("caches/uuids/{uuid}.plist").as_bytes(), plist.clone()).unwrap();
            let atlas: Bytes = atlas.to_bytes(None).unwrap().into();
            let process =
                support::process_plist(uuid, base.wrapping_add(slide), &vec![0xff; images.len().div_ceil(8) + 3]);

            let mut opening = Opening::new(wrap(process, Stamp::Crc32c), Options::default()).unwrap();
            assert_eq!(opening.wanted().unwrap().uuid.unwrap().hyphenated().to_string().to_uppercase(), *uuid);
            assert!(opening.offer(&Supply::Bytes(atlas)).unwrap_or_else(|error| panic!("{name}: {error}")), "{name}");
            let snapshot = opening.finish().unwrap();
            assert_eq!(snapshot.images().len(), images.len(), "{name}");
            for (index, expected) in images.iter().enumerate() {
                compare_image(&name, snapshot.images(), index, expected, slide);
                assert!(snapshot.images().get(index).unwrap().shared_cache().is_some(), "{name}");
            }
            let shared = snapshot.shared_cache().unwrap();
            let record = shared.known();
            assert_eq!(shared.slide().0, slide, "{name}");
            assert_eq!(record.raw_pointer_size(), integer(&cache["psze"]), "{name}");
            assert_eq!(record.vm_size(), integer(&cache["size"]), "{name}");
            assert_eq!(record.symbol_file_name().map(str::to_owned), cache.get("snme").map(text), "{name}");
            let symbols = record.symbol_file_uuid().map(|uuid| uuid.simple().to_string());
            assert_eq!(symbols, cache.get("suid").map(|uuid| uuid["data"].as_str().unwrap().to_owned()), "{name}");
            let files = cache["dscs"].as_array().unwrap();
            assert_eq!(shared.subcaches().len(), files.len(), "{name}");
            for (found, expected) in shared.subcaches().iter().zip(files.iter().map(dict)) {
                assert_eq!(found.name, text(&expected["name"]), "{name}");
                assert_eq!(found.uuid.simple().to_string(), expected["uuid"]["data"].as_str().unwrap(), "{name}");
                let words = [found.vm_offset, found.vm_size, found.file_size, found.preferred_load_address];
                assert_eq!(words, ["voff", "size", "fsze", "padr"].map(|key| integer(&expected[key])), "{name}");
                let mappings = expected["maps"].as_array().unwrap();
                assert_eq!(found.mappings.len(), mappings.len(), "{name}");
                for (found, expected) in found.mappings.iter().zip(mappings.iter().map(dict)) {
                    let words = [found.preferred_load_address, found.size, found.file_offset, found.max_protection];
                    assert_eq!(words, ["padr", "size", "foff", "prot"].map(|key| integer(&expected[key])), "{name}");
                }
            }
            // Written again, the snapshot stands alone.
            let again: Bytes = snapshot.to_bytes(None).unwrap().into();
            let again = Opening::new(again, Options::default()).unwrap().finish().unwrap();
            assert_eq!(again.images().columns().address, snapshot.images().columns().address, "{name}");
            assert_eq!(again.images().columns().uuid, snapshot.images().columns().uuid, "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 8, "only {seen} caches were found");
}

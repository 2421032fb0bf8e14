//! Every property list that dyld's own encoder wrote for us is read as what was put in, and written again as large.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test")]

mod support;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use atlas_core::bplist::{Build, Integer, Made, Object, Plist, Reference, Text, View, Writer, build};
use atlas_core::bytes::Bytes;
use atlas_core::{Error, Limits};
use cpu_time::ThreadTime;
use serde_json::Value as Json;

fn read(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut plain).unwrap();
        return plain;
    }
    bytes
}

struct Fixture {
    name: String,
    facts: Json,
    list: Plist,
    expected: Json,
}

static FIXTURES: LazyLock<Vec<Fixture>> = LazyLock::new(fixtures);

fn fixtures() -> Vec<Fixture> {
    let Some(folder) = support::fixtures("plist/dyld") else { return Vec::new() };
    let manifest: Json = serde_json::from_slice(&read(&folder.join("MANIFEST.json"))).unwrap();
    let fixtures: Vec<Fixture> = manifest["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|facts| {
            let file = |key: &str| read(&folder.join(facts[key].as_str().unwrap()));
            let list = file("file");
            assert_eq!(list.len() as u64, facts["plist_size"].as_u64().unwrap());
            Fixture {
                name: facts["name"].as_str().unwrap().to_owned(),
                facts: facts.clone(),
                list: Plist::parse(Bytes::from(list)).unwrap(),
                expected: serde_json::from_slice(&file("expected")).unwrap(),
            }
        })
        .collect();
    assert!(fixtures.len() >= 38, "only {} property lists", fixtures.len());
    fixtures
}

/// Compares an object with what was encoded. `found` collects the object at each path of keys from the root.
fn compare(
    view: View<'_>,
    reference: u32,
    expected: &Json,
    path: &mut Vec<String>,
    found: &mut BTreeMap<Vec<String>, u32>,
) {
    found.entry(path.clone()).or_insert(reference);
    let object = view.object(reference).unwrap();
    if let Json::Array(items) = expected {
        let Object::Array(references) = object else { panic!("{path:?}: {} for an array", object.kind()) };
        assert_eq!(references.len(), items.len(), "{path:?}");
        for (index, (reference, item)) in references.iter().zip(items).enumerate() {
            path.push(index.to_string());
            compare(view, reference.unwrap(), item, path, found);
            path.pop();
        }
        return;
    }
    let fields = expected.as_object().unwrap();
    let text = |key: &str| fields.get(key).and_then(Json::as_str);
    let kind = fields.keys().find(|key| *key != "input_utf8").unwrap().as_str();
    match kind {
        "dict" => {
            let Object::Dictionary(pairs) = object else { panic!("{path:?}: {} for a dictionary", object.kind()) };
            let expected = fields["dict"].as_array().unwrap();
            assert_eq!(pairs.len(), expected.len(), "{path:?}");
            for (pair, expected) in pairs.iter().zip(expected) {
                let (key, value) = pair.unwrap();
                let name = view.object(key).unwrap().text().unwrap().decode().unwrap().into_owned();
                assert_eq!(name, expected[0].as_str().unwrap(), "{path:?}");
                path.push(name);
                compare(view, value, &expected[1], path, found);
                path.pop();
            }
        }
        "same_as" => {
            let keys: Vec<String> =
                fields["same_as"].as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()).collect();
            assert_eq!(found.get(&keys), Some(&reference), "{path:?} is the same as {keys:?}");
        }
        "str" => assert_eq!(object.text().unwrap().decode().unwrap(), text("str").unwrap(), "{path:?}"),
        "int" => match object {
            Object::Integer(Integer(number)) => assert_eq!(number.to_string(), text("int").unwrap(), "{path:?}"),
            _ => panic!("{path:?}: {} for an integer", object.kind()),
        },
        "data" => match object {
            Object::Data(data) => assert_eq!(hex(data), text("data").unwrap(), "{path:?}"),
            _ => panic!("{path:?}: {} for data", object.kind()),
        },
        "ascii_raw" => match object {
            Object::Ascii(bytes) => {
                assert_eq!(hex(bytes), text("ascii_raw").unwrap(), "{path:?}");
                assert!(object.text().unwrap().decode().is_none(), "{path:?}");
            }
            _ => panic!("{path:?}: {} for raw text", object.kind()),
        },
        "utf16" => {
            let units: Vec<String> =
                object.text().unwrap().units().unwrap().map(|unit| format!("{unit:04x}")).collect();
            let expected: Vec<&str> =
                fields["utf16"].as_array().unwrap().iter().map(|unit| unit.as_str().unwrap()).collect();
            assert_eq!(units, expected, "{path:?}");
        }
        other => panic!("{path:?}: the fixtures speak of {other}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_list_holds_what_was_encoded() {
    for Fixture { name, list, expected, .. } in &*FIXTURES {
        eprintln!("{name}");
        let view = list.view();
        compare(view, view.top(), expected, &mut Vec::new(), &mut BTreeMap::new());
    }
}

#[test]
fn every_list_is_laid_out_as_the_manifest_says() {
    for Fixture { name, facts, list, .. } in &*FIXTURES {
        let (view, layout) = (list.view(), &facts["layout"]);
        let number = |key: &str| layout[key].as_u64().unwrap();
        assert_eq!(view.offset_width() as u64, number("offset_size"), "{name}");
        assert_eq!(view.reference_width() as u64, number("ref_size"), "{name}");
        assert_eq!(u64::from(view.object_count()), number("num_objects"), "{name}");
        assert_eq!(u64::from(view.top()), number("top_object"), "{name}");
        assert_eq!(view.area_end() as u64, number("offset_table_offset"), "{name}");
        let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
        for reference in 0..view.object_count() {
            let marker = view.data()[view.position(reference).unwrap()];
            let kind = match view.object(reference).unwrap() {
                Object::Ascii(_) => "str8".to_owned(),
                Object::Utf16(_) => "str16".to_owned(),
                Object::Data(_) => "data".to_owned(),
                Object::Array(_) => "array".to_owned(),
                Object::Dictionary(_) => "dict".to_owned(),
                Object::Integer(_) => format!("int{}", 1 << (marker & 0x0f)),
                other => panic!("{name}: dyld writes no {}", other.kind()),
            };
            *kinds.entry(kind).or_default() += 1;
        }
        let expected: BTreeMap<String, u64> = layout["kinds"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(kind, count)| (kind.clone(), count.as_u64().unwrap()))
            .collect();
        assert_eq!(kinds, expected, "{name}");
    }
}

/// Writes a list again, object by object.
struct Again(Writer);

impl Build for Again {
    type Value = Reference;
    type Error = Error;

    fn null(&mut self) -> Made<Self> {
        Ok(self.0.null())
    }
    fn boolean(&mut self, value: bool) -> Made<Self> {
        Ok(self.0.boolean(value))
    }
    fn integer(&mut self, value: Integer) -> Made<Self> {
        Ok(self.0.integer(value.0))
    }
    fn real(&mut self, value: f64) -> Made<Self> {
        Ok(self.0.real(value))
    }
    fn date(&mut self, seconds: f64) -> Made<Self> {
        Ok(self.0.date(seconds))
    }
    fn data(&mut self, data: &[u8]) -> Made<Self> {
        Ok(self.0.data(data))
    }
    fn text(&mut self, text: Text<'_>) -> Made<Self> {
        Ok(match text.units() {
            Some(units) => self.0.utf16(&units.collect::<Vec<_>>()),
            None => self.0.marked_ascii(text.payload()),
        })
    }
    fn uid(&mut self, value: u128) -> Made<Self> {
        Ok(self.0.uid(value.try_into().unwrap()))
    }
    fn array(&mut self, items: &[Reference]) -> Made<Self> {
        Ok(self.0.array(items))
    }
    fn dictionary(&mut self, keys: &[Reference], values: &[Reference]) -> Made<Self> {
        let pairs: Vec<_> = keys.iter().copied().zip(values.iter().copied()).collect();
        Ok(self.0.dictionary(&pairs))
    }
}

/// The sharing is the same, the widths are the same, and so the sizes are: only the order of objects is ours.
#[test]
fn every_list_written_again_is_as_large_and_holds_the_same() {
    for Fixture { name, facts, list, expected } in &*FIXTURES {
        let mut again = Again(Writer::new());
        let top = build(list.view(), &Limits::DEFAULT, &mut again).unwrap();
        let bytes = again.0.finish(top).unwrap();
        let written = Plist::parse(Bytes::from(bytes)).unwrap();
        let view = written.view();
        if name == "edge_malformed_utf8" {
            // One of its strings is ASCII in UTF-16, which we write as ASCII.
            assert_eq!(view.object_count(), list.view().object_count());
            continue;
        }
        compare(view, view.top(), expected, &mut Vec::new(), &mut BTreeMap::new());
        assert_eq!(view.object_count(), list.view().object_count(), "{name}");
        assert_eq!(written.bytes().len() as u64, facts["plist_size"].as_u64().unwrap(), "{name}");
    }
}

/// Values that are nothing: for the walk alone.
struct Nothing;

impl Build for Nothing {
    type Value = ();
    type Error = Error;

    fn null(&mut self) -> Made<Self> {
        Ok(())
    }
    fn boolean(&mut self, _: bool) -> Made<Self> {
        Ok(())
    }
    fn integer(&mut self, _: Integer) -> Made<Self> {
        Ok(())
    }
    fn real(&mut self, _: f64) -> Made<Self> {
        Ok(())
    }
    fn date(&mut self, _: f64) -> Made<Self> {
        Ok(())
    }
    fn data(&mut self, _: &[u8]) -> Made<Self> {
        Ok(())
    }
    fn text(&mut self, _: Text<'_>) -> Made<Self> {
        Ok(())
    }
    fn uid(&mut self, _: u128) -> Made<Self> {
        Ok(())
    }
    fn array(&mut self, _: &[()]) -> Made<Self> {
        Ok(())
    }
    fn dictionary(&mut self, _: &[()], _: &[()]) -> Made<Self> {
        Ok(())
    }
}

/// A few bytes of each list changed, two thousand times: an answer every time, and at once.
#[test]
fn changed_lists_are_read_or_refused() {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize % bound
    };
    for Fixture { name, list, .. } in FIXTURES.iter().filter(|fixture| fixture.list.bytes().len() < 20_000) {
        let mut answers = [0, 0];
        for _ in 0..2000 {
            let mut bytes = list.bytes().to_vec();
            for _ in 0..=random(3) {
                let at = random(bytes.len());
                bytes[at] = random(256) as u8;
            }
            let started = ThreadTime::now();
            let read =
                Plist::parse(Bytes::from(bytes)).and_then(|list| build(list.view(), &Limits::DEFAULT, &mut Nothing));
            assert!(started.elapsed() < Duration::from_secs(1), "{name}");
            answers[usize::from(read.is_ok())] += 1;
        }
        assert!(answers[0] > 0 && answers[1] > 0, "{name}: {answers:?}");
    }
}

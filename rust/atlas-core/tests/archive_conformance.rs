//! Archives that others wrote, against what independent readers say of them.
//!
//! The files lie outside the repository: `DYLD_ATLAS_FIXTURES`, or `../shared/fixtures` beside the checkout.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test"
)]

mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use atlas_core::archive::{Archive, Checksum, Entry, FieldValue, Key, Verdict};
use atlas_core::bytes::Bytes;
use atlas_core::limits::Limits;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What one archive may take, on a slow machine and without optimisation.
const PATIENCE: Duration = Duration::from_secs(4);

/// The folder of a set.
fn fixtures(set: &str) -> Option<PathBuf> {
    support::fixtures(&format!("archive/{set}"))
}

fn manifest(folder: &Path) -> Value {
    support::json(&folder.join("MANIFEST.json"))
}

fn read(folder: &Path, file: &Value) -> Vec<u8> {
    let bytes = std::fs::read(folder.join(file["file"].as_str().unwrap())).unwrap();
    assert_eq!(sha256(&bytes), file["sha256"].as_str().unwrap(), "the fixture itself");
    bytes
}

fn open(bytes: Vec<u8>) -> atlas_core::Result<Archive> {
    let start = Instant::now();
    let archive = Archive::from_bytes(Bytes::from(bytes), &Limits::DEFAULT);
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    archive
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Text as the manifests write it: a string, or an object with its bytes.
fn text(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone().into_bytes()),
        other => {
            let digits = other["bytes_hex"].as_str().unwrap();
            Some((0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect())
        }
    }
}

fn check_value(found: FieldValue<'_>, expected: &Value) {
    match found {
        FieldValue::Flag => assert_eq!(expected.as_bool(), Some(true)),
        FieldValue::Unsigned(number) => assert_eq!(expected.as_u64(), Some(number)),
        FieldValue::Text(bytes) => assert_eq!(text(expected).as_deref(), Some(bytes)),
        FieldValue::Digest(bytes) => assert_eq!(expected.as_str(), Some(hexadecimal(bytes).as_str())),
        FieldValue::Time { seconds, nanoseconds } => {
            assert_eq!(expected["sec"].as_i64(), Some(seconds));
            assert_eq!(expected["nsec"].as_u64().unwrap_or(0), u64::from(nanoseconds));
        }
        FieldValue::Blob { size, .. } => assert_eq!(expected["size"].as_u64(), Some(size)),
    }
}

fn check_entry(entry: &Entry<'_>, expected: &Value) {
    assert_eq!(entry.index() as u64, expected["index"].as_u64().unwrap());
    assert_eq!(entry.header_offset() as u64, expected["offset"].as_u64().unwrap());
    assert_eq!(entry.header_size() as u64, expected["header_size"].as_u64().unwrap());
    if let Some(magic) = expected["magic"].as_str() {
        assert_eq!(entry.magic(), magic.as_bytes());
    }
    assert_eq!(entry.kind(), expected["type"].as_str().map(|kind| kind.as_bytes()[0]));
    assert_eq!(entry.path(), text(&expected["path"]).as_deref());
    assert_eq!(entry.link_target(), text(&expected["link"]).as_deref());
    assert_eq!(entry.size(), expected["size"].as_u64().unwrap_or(0));
    let data = entry.data();
    assert_eq!(data.len() as u64, entry.size());
    if let Some(digest) = expected["sha256"].as_str() {
        assert_eq!(sha256(&data), digest);
    }
    let Some(fields) = expected["fields"].as_array() else { return };
    assert_eq!(entry.raw_fields().count(), fields.len());
    for (field, expected) in entry.raw_fields().zip(fields) {
        assert_eq!(field.key.to_string(), expected["key"].as_str().unwrap());
        assert_eq!(field.subtype, expected["subtype"].as_str().unwrap().as_bytes()[0]);
        check_value(field.value, &expected["value"]);
    }
    let blobs = expected["blobs"].as_array().unwrap();
    let found: Vec<_> = entry.raw_fields().filter(|field| matches!(field.value, FieldValue::Blob { .. })).collect();
    assert_eq!(found.len(), blobs.len());
    for (field, expected) in found.iter().zip(blobs) {
        let FieldValue::Blob { size, offset } = field.value else { unreachable!() };
        assert_eq!(field.key.to_string(), expected["key"].as_str().unwrap());
        assert_eq!((offset as u64, size), (expected["offset"].as_u64().unwrap(), expected["size"].as_u64().unwrap()));
        assert_eq!(sha256(&entry.blob(field.value).unwrap()), expected["sha256"].as_str().unwrap());
        if field.key == Key::DAT {
            assert_eq!(entry.data_offset(), offset);
        }
    }
    assert_eq!(entry.end_offset() as u64, entry.header_offset() as u64 + entry.header_size() as u64 + sum(blobs));
}

fn sum(blobs: &[Value]) -> u64 {
    blobs.iter().map(|blob| blob["size"].as_u64().unwrap()).sum()
}

fn check_container(archive: &Archive, file: &Value) {
    let Some(magic) = file["container"]["magic"].as_str() else {
        assert_eq!(archive.codec(), None);
        return;
    };
    assert_eq!(archive.codec().map(|codec| codec.letter()), magic.as_bytes().last().copied());
    assert_eq!(archive.decoded().len() as u64, file["decoded_size"].as_u64().unwrap());
    assert_eq!(sha256(archive.decoded()), file["decoded_sha256"].as_str().unwrap());
}

fn check_lookups(archive: &Archive, file: &Value) {
    for (path, digest) in file["lookups"].as_object().into_iter().flatten() {
        let found = archive.find(path).map(|entry| sha256(&entry.data()));
        assert_eq!(found.as_deref(), digest.as_str(), "{path}");
    }
    for path in file["lookups_undefined"].as_array().into_iter().flatten() {
        let start = Instant::now();
        let _ = archive.find(path.as_str().unwrap());
        assert!(start.elapsed() < PATIENCE);
    }
    // Whatever the path, an entry that is a file and the first of its path finds itself.
    let mut seen = std::collections::HashSet::new();
    for entry in archive.entries().filter(|entry| matches!(entry.kind(), Some(b'F' | b'L'))) {
        let Some(path) = entry.path() else { continue };
        let plain =
            !path.is_empty() && path.split(|&byte| byte == b'/').all(|part| !matches!(part, b"" | b"." | b".."));
        if seen.insert(path) && plain && entry.kind() == Some(b'F') {
            let found = archive.find_bytes(path).unwrap();
            assert!(found.index() <= entry.index(), "{}", entry.path_text());
            assert!(found.index() == entry.index() || archive.len() < 60, "{}", entry.path_text());
        }
    }
}

/// The verdicts of a file's spans and entries, and of the whole.
fn check_checksums(archive: &Archive, file: &Value) {
    let name = file["file"].as_str().unwrap();
    if let Some(spans) = file["crc32c_spans"].as_array() {
        let found: Vec<_> = archive.spans().iter().map(|span| serde_json::json!([span.start, span.end])).collect();
        assert_eq!(&found, spans);
    }
    let good = |verdict: &Value| verdict == "good" || verdict == "ok";
    let expected = match (&file["crc32c"], &file["checksums"]) {
        (Value::Array(verdicts), _) => {
            let found: Vec<_> = archive.spans().iter().map(|span| span.verdict == Verdict::Right).collect();
            assert_eq!(found, verdicts.iter().map(good).collect::<Vec<_>>());
            if found.contains(&false) { Checksum::Bad } else { Checksum::Ok }
        }
        (Value::Null, Value::Object(verdicts)) => {
            for (path, verdict) in verdicts {
                let state = archive.find(path).unwrap().checksum();
                assert_eq!(state.ok(), Some(good(verdict)), "{path}");
            }
            if verdicts.values().all(good) { Checksum::Ok } else { Checksum::Bad }
        }
        (Value::Null, Value::Null) if name.contains("cksum") => Checksum::Ok,
        (Value::Null, Value::Null) => Checksum::None,
        (one, Value::Null) | (Value::Null, one) => {
            if good(one) {
                Checksum::Ok
            } else {
                Checksum::Bad
            }
        }
        (crc, sums) => panic!("{crc} and {sums}"),
    };
    assert_eq!(archive.checksum(), expected);
    let error = archive.verify().err();
    assert_eq!(error.is_some(), expected == Checksum::Bad);
    if let Some(error) = error {
        let at = error.location();
        assert!(at.entry.is_some() && at.offset.is_some() && error.hint().is_some(), "{error}");
    }
}

fn check_set(set: &str) {
    let Some(folder) = fixtures(set) else { return };
    let manifest = manifest(&folder);
    let files = manifest["files"].as_array().unwrap();
    assert!(!files.is_empty());
    for file in files {
        println!("{}", file["file"]);
        let archive = open(read(&folder, file)).unwrap();
        check_container(&archive, file);
        let entries = file["entries"].as_array().unwrap();
        assert_eq!(archive.len(), entries.len());
        for (entry, expected) in archive.entries().zip(entries) {
            check_entry(&entry, expected);
        }
        check_lookups(&archive, file);
        check_checksums(&archive, file);
    }
}

#[test]
fn what_apple_wrote() {
    check_set("real");
}

#[test]
fn what_independent_writers_wrote() {
    check_set("oracle");
}

/// What this reader does where the manifest allows either: whether it opens.
fn decided(name: &str) -> Option<bool> {
    Some(match name {
        "empty" | "trailing_zero_1" | "trailing_zero_page" | "pbz_no_blocks" | "pbz_many_zero_blocks" => false,
        "typ_is_string" | "pat_is_uint" | "dat_is_uint" | "two_dat" | "link_without_lnk" | "link_with_dat" => true,
        "xat_size_0" | "xat_size_3" | "xat_size_past" | "xat_no_nul" | "xat_cut" => true,
        _ => return None,
    })
}

#[test]
fn what_is_malformed() {
    let Some(folder) = fixtures("oracle") else { return };
    let manifest = manifest(&folder);
    let files = manifest["malformed"].as_array().unwrap();
    assert!(!files.is_empty());
    for file in files {
        let name = file["file"].as_str().unwrap();
        let outcome = open(read(&folder, file));
        match file["expect"].as_str().unwrap() {
            "error" => {
                let error = outcome.map(|_| ()).expect_err(name);
                assert!(!error.to_string().is_empty(), "{name}");
            }
            "crc-error" => {
                let archive = outcome.expect(name);
                assert_eq!(archive.checksum(), Checksum::Bad, "{name}");
                assert_eq!(archive.entry(0).unwrap().checksum(), Checksum::Bad, "{name}");
                assert!(archive.verify().is_err(), "{name}");
            }
            "either" => {
                let name = name.rsplit('/').next().unwrap();
                if let Some(opens) = decided(name) {
                    assert_eq!(outcome.is_ok(), opens, "{name}");
                }
                if let Ok(archive) = outcome {
                    let refused = archive.entries().any(|entry| entry.extended_attributes().is_err());
                    assert_eq!(refused, name.starts_with("xat_"), "{name}");
                    use_all(&archive);
                }
            }
            "no-crash" | "error-or-other-bytes" => {
                let _ = outcome.map(|archive| use_all(&archive));
            }
            other => panic!("{name}: unknown expectation {other}"),
        }
    }
}

/// Asks for everything that an archive can be asked for.
fn use_all(archive: &Archive) {
    let _ = (archive.checksum(), archive.verify(), archive.spans().len());
    for entry in archive.entries() {
        let _ = (entry.checksum(), entry.data().len(), entry.fields().count(), entry.path_text());
        let _ = entry.extended_attributes().map(Iterator::count);
        assert!(entry.end_offset() <= archive.decoded().len());
    }
    for entry in archive.entries().take(100) {
        let _ = entry.path().and_then(|path| archive.find_bytes(path));
    }
}

/// A generator of numbers that are the same in each run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

/// A few changes such as bad storage, bad memory reads and bad intentions make.
fn mutated(original: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len());
        match numbers.below(7) {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << numbers.below(8),
            2 => bytes[at] = [0, 1, 6, 0x7f, 0x80, 0xff][numbers.below(6)],
            3 => bytes[at..].iter_mut().take(8).for_each(|byte| *byte = 0xff),
            4 => drop(bytes.drain(at..(at + numbers.below(16)).min(bytes.len()))),
            5 => bytes.insert(at, numbers.below(256) as u8),
            _ => {
                let from = numbers.below(bytes.len());
                let piece = bytes[from..].iter().copied().take(40).collect::<Vec<_>>();
                bytes.splice(at..at, piece);
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

#[test]
fn mutations_of_all_of_them() {
    let Some(folder) = fixtures("oracle") else { return };
    let manifest = manifest(&folder);
    let mut numbers = Numbers(0x0123_4567_89ab_cdef);
    let mut opened = 0;
    for list in ["files", "malformed"] {
        for file in manifest[list].as_array().unwrap() {
            let original = read(&folder, file);
            let container = original.starts_with(b"pbz");
            let rounds = if container || original.len() > 20_000 { 150 } else { 1200 };
            for _ in 0..if original.is_empty() { 0 } else { rounds } {
                let start = Instant::now();
                // A container may claim a gigabyte; what it yields within a small limit is enough here.
                let limits = Limits { decoded_bytes: 1 << 20, ..Limits::DEFAULT };
                if let Ok(archive) = Archive::from_bytes(Bytes::from(mutated(&original, &mut numbers)), &limits) {
                    opened += 1;
                    use_all(&archive);
                }
                assert!(start.elapsed() < PATIENCE, "{}: {:?}", file["file"], start.elapsed());
            }
        }
    }
    assert!(opened > 1000, "only {opened} still opened: the mutations are too wild to test anything");
}

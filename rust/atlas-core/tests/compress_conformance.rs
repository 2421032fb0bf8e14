//! The container and its codecs against containers that other implementations wrote, and against malformed ones.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test")]

mod support;

use std::path::PathBuf;

use atlas_core::compress::{self, Codec};
use atlas_core::{Error, ErrorKind, Limits};
use serde_json::Value;
use sha2::{Digest, Sha256};

struct Fixtures {
    folder: PathBuf,
    manifest: Value,
}

impl Fixtures {
    fn open(part: &str) -> Option<Self> {
        let folder = support::fixtures(part)?;
        let manifest = support::json(&folder.join("MANIFEST.json"));
        Some(Self { folder, manifest })
    }

    fn list(&self, key: &str) -> &[Value] {
        self.manifest[key].as_array().unwrap()
    }

    fn read(&self, fixture: &Value) -> Vec<u8> {
        std::fs::read(self.folder.join(text(fixture, "file"))).unwrap()
    }
}

fn text<'a>(fixture: &'a Value, key: &str) -> &'a str {
    fixture[key].as_str().unwrap_or_else(|| panic!("{key} of {fixture}"))
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn assert_is(bytes: &[u8], fixture: &Value) {
    let name = text(fixture, "file");
    assert_eq!(Some(bytes.len() as u64), fixture["decoded_size"].as_u64(), "{name}");
    assert_eq!(sha256(bytes), text(fixture, "decoded_sha256"), "{name}");
}

#[test]
fn every_container_decodes_to_what_its_writer_put_in() {
    let Some(fixtures) = Fixtures::open("archive/oracle") else { return };
    let mut seen = Vec::new();
    for fixture in fixtures.list("files") {
        let data = fixtures.read(fixture);
        let container = &fixture["container"];
        assert_eq!(compress::is_container(&data), !container.is_null(), "{fixture}");
        if container.is_null() {
            continue;
        }
        let decoded = compress::decode(&data, &Limits::DEFAULT).unwrap_or_else(|error| panic!("{fixture}: {error}"));
        assert_is(&decoded.bytes, fixture);
        let letter = char::from(decoded.codec.letter());
        assert_eq!(format!("pbz{letter}"), text(container, "magic"));
        assert_eq!(Some(decoded.block_size), container["block_size"].as_u64());
        // The manifest does not count the block without bytes that was put into one container.
        let empty = u64::from(text(fixture, "file").contains("empty_block"));
        assert_eq!(Some(decoded.blocks as u64 - empty), container["blocks"].as_u64(), "{fixture}");
        seen.push(decoded.codec);
    }
    for codec in Codec::ALL {
        assert!(seen.contains(&codec), "no container of {codec:?}");
    }
}

/// What is decoded again after encoding with every codec is what the other writer's container held.
#[test]
fn every_container_can_be_written_again() {
    let Some(fixtures) = Fixtures::open("archive/oracle") else { return };
    for fixture in fixtures.list("files").iter().filter(|fixture| !fixture["container"].is_null()) {
        let bytes = compress::decode(&fixtures.read(fixture), &Limits::DEFAULT).unwrap().bytes;
        for codec in Codec::ALL {
            let container = compress::encode(&bytes, codec, 64 << 10).unwrap();
            assert_is(&compress::decode(&container, &Limits::DEFAULT).unwrap().bytes, fixture);
            assert!(codec == Codec::None || bytes.len() < 4096 || container.len() < bytes.len(), "{codec:?}");
        }
    }
}

#[test]
fn malformed_containers_are_refused_as_expected() {
    /// Well formed as containers; what they hold is no archive.
    const DECODE: [&str; 2] = ["malformed/pbz_bomb_64m", "malformed/pbz_nested"];
    let Some(fixtures) = Fixtures::open("archive/oracle") else { return };
    let malformed = fixtures.list("malformed").iter().filter(|fixture| text(fixture, "file").contains("/pbz_"));
    let mut seen = 0;
    for fixture in malformed {
        let name = text(fixture, "file");
        let result = compress::decode(&fixtures.read(fixture), &Limits::DEFAULT);
        match (text(fixture, "expect"), &result) {
            ("error", Ok(_)) => assert!(DECODE.contains(&name), "{name} decodes"),
            ("error", Err(_)) => assert!(!DECODE.contains(&name), "{name}: {result:?}"),
            ("either" | "error-or-other-bytes", _) => {}
            (other, _) => panic!("{name}: what is {other}?"),
        }
        if let Err(error) = result {
            assert!(says_where(&error), "{name}: {error}");
        }
        seen += 1;
    }
    assert_eq!(seen, 39);
}

fn says_where(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Archive(_) => error.location().offset.is_some(),
        ErrorKind::Limit { requested, limit, .. } => requested > limit,
        _ => false,
    }
}

/// Streams of Apple's own LZBITMAP encoder, each made the one block of a container.
#[test]
fn lzbitmap_streams_of_apple_decode() {
    let Some(fixtures) = Fixtures::open("archive/real") else { return };
    let vectors = fixtures.list("codec_vectors");
    assert_eq!(vectors.len(), 7);
    for vector in vectors {
        let stream = fixtures.read(vector);
        let size = vector["decoded_size"].as_u64().unwrap();
        let mut container = b"pbzb\0\0\0\0\0\x40\0\0".to_vec();
        container.extend_from_slice(&size.to_be_bytes());
        container.extend_from_slice(&(stream.len() as u64).to_be_bytes());
        container.extend_from_slice(&stream);
        let decoded =
            compress::decode(&container, &Limits::DEFAULT).unwrap_or_else(|error| panic!("{vector}: {error}"));
        assert_is(&decoded.bytes, vector);
    }
}

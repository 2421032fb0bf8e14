//! Records made byte by byte, so that no test trusts the writer to judge the reader.

mod checksums;
mod dumps;
mod malformed;
mod paths;
mod round_trip;
mod values;
mod writer;

use super::Archive;
use crate::bytes::Bytes;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;

fn open(bytes: impl Into<Vec<u8>>) -> Archive {
    Archive::from_bytes(Bytes::from(bytes.into()), &Limits::DEFAULT).unwrap()
}

fn refused(bytes: impl Into<Vec<u8>>) -> Error {
    Archive::from_bytes(Bytes::from(bytes.into()), &Limits::DEFAULT).unwrap_err()
}

/// What an archive error says: offset, expected, found.
fn said(error: &Error) -> (u64, &str, &str) {
    match error.kind() {
        ErrorKind::Archive(mismatch) => (error.location().offset.unwrap(), &mismatch.expected, &mismatch.found),
        other => panic!("{other:?}"),
    }
}

/// A record of these fields and payloads.
fn record(fields: &[&[u8]], payload: &[u8]) -> Vec<u8> {
    let fields = fields.concat();
    let mut bytes = b"AA01".to_vec();
    bytes.extend(u16::try_from(6 + fields.len()).unwrap().to_le_bytes());
    bytes.extend(fields);
    bytes.extend(payload);
    bytes
}

fn text(key: &[u8; 3], value: &[u8]) -> Vec<u8> {
    let size = u16::try_from(value.len()).unwrap().to_le_bytes();
    [key.as_slice(), b"P", &size, value].concat()
}

fn blob(key: &[u8; 3], size: u16) -> Vec<u8> {
    [key.as_slice(), b"A", &size.to_le_bytes()].concat()
}

fn file(path: &str, data: &[u8]) -> Vec<u8> {
    let size = u16::try_from(data.len()).unwrap();
    record(&[b"TYP1F", &text(b"PAT", path.as_bytes()), &blob(b"DAT", size)], data)
}

fn link(path: &str, target: &str) -> Vec<u8> {
    record(&[b"TYP1L", &text(b"PAT", path.as_bytes()), &text(b"LNK", target.as_bytes())], b"")
}

fn attribute(name: &[u8], value: &[u8]) -> Vec<u8> {
    let size = u32::try_from(4 + name.len() + 1 + value.len()).unwrap();
    [&size.to_le_bytes(), name, b"\0", value].concat()
}

/// The number of the entry that a path leads to.
fn number_of(archive: &Archive, path: &str) -> Option<usize> {
    archive.find(path).map(|entry| entry.index())
}

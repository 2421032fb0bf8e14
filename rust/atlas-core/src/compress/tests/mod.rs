//! What the parts share: containers made by hand, data that compresses.

mod codecs;
mod container;
mod lz4;
mod lzbitmap;
mod lzfse;
mod mutations;
mod workers;
mod xz;
mod zlib;

use super::{Codec, Decoded, decode, encode};
use crate::{Error, ErrorKind, Limits, Result};

/// A container of blocks, each a decoded size and a payload.
fn container(codec: Codec, blocks: &[(u64, &[u8])]) -> Vec<u8> {
    let mut container = vec![b'p', b'b', b'z', codec.letter(), 0, 0, 0, 0, 0, 0x40, 0, 0];
    for (decoded_size, payload) in blocks {
        container.extend_from_slice(&decoded_size.to_be_bytes());
        container.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        container.extend_from_slice(payload);
    }
    container
}

fn decode_all(container: &[u8]) -> Result<Decoded> {
    decode(container, &Limits::DEFAULT)
}

/// Decodes one payload that declares `decoded_size` bytes.
fn decode_one(codec: Codec, decoded_size: usize, payload: &[u8]) -> Result<Vec<u8>> {
    decode_all(&container(codec, &[(decoded_size as u64, payload)])).map(|decoded| decoded.bytes)
}

/// The stream of a codec for data that it makes smaller.
fn stream(codec: Codec, data: &[u8]) -> Vec<u8> {
    let container = encode(data, codec, data.len()).unwrap();
    let stream = container.get(28..).unwrap().to_vec();
    assert!(stream.len() < data.len(), "{codec:?} does not make {} bytes smaller", data.len());
    stream
}

/// Text and numbers that repeat as records do; the same for the same size.
fn records(size: usize) -> Vec<u8> {
    let names = ["/usr/lib/libSystem.B.dylib", "__TEXT", "__DATA_CONST", "preferred load address", "\0\0\0\0\0\0\0\0"];
    let mut random = Random(size as u64 + 1);
    let mut data = Vec::with_capacity(size + 64);
    while data.len() < size {
        data.extend_from_slice(names[random.below(names.len())].as_bytes());
        data.extend_from_slice(&(0x1_8000_0000 + (random.next() & 0x0fff_f000)).to_be_bytes());
    }
    data.truncate(size);
    data
}

/// Xorshift: the tests must do the same every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 16) as usize % end.max(1)
    }
}

/// Asserts an archive error: where, and that it says what it should.
fn assert_error<T: std::fmt::Debug>(result: Result<T>, offset: usize, says: &str) {
    let error: Error = result.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Archive(_)), "{error}");
    assert_eq!(error.location().offset, Some(offset as u64), "{error}");
    assert!(error.to_string().contains(says), "{error}");
}

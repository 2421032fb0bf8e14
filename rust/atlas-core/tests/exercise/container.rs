//! Containers: decoding within a limit, and encoding again with every codec.

use atlas_core::compress::{Codec, Decoded, decode, encode, is_container};
use atlas_core::{ErrorKind, Limits};

use super::{LIMITS, refuse};

const CODECS: [Codec; 6] = [Codec::None, Codec::Zlib, Codec::Lzma, Codec::Lz4, Codec::Lzfse, Codec::Lzbitmap];

/// A container as it stands; any other input is the stream of one block: a byte that picks the codec, three that
/// declare the decoded size, the stream.
pub fn container(data: &[u8]) -> bool {
    let built;
    let container = if is_container(data) {
        data
    } else {
        let [codec, a, b, c, stream @ ..] = data else { return false };
        round_trip(stream, *codec);
        built = one_block(CODECS[usize::from(*codec) % CODECS.len()], [*a, *b, *c], stream);
        &built
    };
    let decoded = match decode(container, &LIMITS) {
        Ok(decoded) => decoded,
        Err(error) => return refuse(&error),
    };
    checked(container, &decoded);
    if decoded.bytes.len() <= 1 << 16 {
        round_trip(&decoded.bytes, container.len() as u8);
    }
    true
}

/// A container of one block.
pub fn one_block(codec: Codec, [a, b, c]: [u8; 3], stream: &[u8]) -> Vec<u8> {
    let mut container = vec![b'p', b'b', b'z', codec.letter()];
    container.extend_from_slice(&(4_u64 << 20).to_be_bytes());
    container.extend_from_slice(&u64::from(u32::from_be_bytes([0, a, b, c])).to_be_bytes());
    container.extend_from_slice(&(stream.len() as u64).to_be_bytes());
    container.extend_from_slice(stream);
    container
}

fn checked(container: &[u8], decoded: &Decoded) {
    let size = decoded.bytes.len() as u64;
    assert!(size <= LIMITS.decoded_bytes);
    let exactly = Limits { decoded_bytes: size, ..LIMITS };
    assert_eq!(decode(container, &exactly).as_ref().ok(), Some(decoded), "decoding twice differs");
    if let Some(less) = size.checked_sub(1) {
        let error = decode(container, &Limits { decoded_bytes: less, ..LIMITS }).expect_err("more than the limit");
        assert!(matches!(error.kind(), ErrorKind::Limit { .. }), "{error}");
    }
}

fn round_trip(data: &[u8], choice: u8) {
    let codec = CODECS[usize::from(choice) / CODECS.len() % CODECS.len()];
    assert_eq!(Codec::from_letter(codec.letter()), Some(codec));
    assert_eq!(Codec::from_name(codec.name()), Some(codec));
    let block_size = [1 << 20, data.len() / 2 + 1, 4096, 61][usize::from(choice) / 36 % 4];
    // Small blocks of much data only take time.
    let block_size = block_size.max(data.len() / 16);
    let container = encode(data, codec, block_size.max(1)).expect("anything can be encoded");
    let decoded = decode(&container, &LIMITS).expect("what was encoded is decoded");
    assert_eq!((decoded.codec, decoded.bytes.as_slice()), (codec, data), "block size {block_size}");
}

use super::{Codec, decode, encode, is_container};
use crate::Limits;

#[test]
fn stored_blocks_round_trip() {
    for codec in Codec::ALL {
        for size in [0, 1, 15, 16, 17, 40] {
            let data: Vec<u8> = (0..size).collect();
            let container = encode(&data, codec, 16).unwrap();
            assert!(is_container(&container));
            let decoded = decode(&container, &Limits::DEFAULT).unwrap();
            assert_eq!(
                (decoded.codec, decoded.block_size, decoded.blocks, decoded.bytes),
                (codec, 16, data.len().div_ceil(16), data)
            );
        }
    }
}

//! Valid streams, damaged at random, the same way every time. A decoder may refuse them or find other bytes in them; it
//! must not panic, and what it finds must be as long as declared.

use super::{Random, container, decode_all, records, stream};
use crate::compress::Codec;

const PER_CODEC: usize = 4000;

fn damage(stream: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        // Headers are where the sizes are.
        let end = if random.below(2) == 0 { stream.len().min(80) } else { stream.len() };
        let at = random.below(end);
        let Some(byte) = stream.get_mut(at) else { return };
        match random.below(6) {
            0 => *byte ^= 1 << random.below(8),
            1 => *byte = random.next() as u8,
            2 => *byte = [0, 0xff, 0x7f, 0x80][random.below(4)],
            3 => stream.truncate(at),
            4 => drop(stream.drain(at..(at + random.below(9)).min(end))),
            _ => {
                let copy = stream[at..(at + 16).min(end)].to_vec();
                stream.splice(at..at, copy);
            }
        }
    }
}

#[test]
fn damaged_streams_do_no_harm() {
    let mut random = Random(2026);
    for codec in [Codec::Zlib, Codec::Lzma, Codec::Lz4, Codec::Lzfse, Codec::Lzbitmap] {
        // LZFSE takes another path from 4096 bytes on.
        let whole: Vec<_> = [600, 9000].into_iter().map(|size| (size, stream(codec, &records(size)))).collect();
        let mut refused = 0;
        for _ in 0..PER_CODEC {
            let (size, stream) = &whole[random.below(2)];
            let mut stream = stream.clone();
            damage(&mut stream, &mut random);
            let size = if random.below(4) == 0 { random.below(100_000) } else { *size };
            match decode_all(&container(codec, &[(size as u64, &stream)])) {
                Ok(decoded) => assert_eq!(decoded.bytes.len(), size),
                Err(error) => {
                    refused += 1;
                    assert!(error.location().offset >= Some(28), "{codec:?}: {error}");
                }
            }
        }
        assert!(refused > PER_CODEC / 2, "{codec:?}: {refused}");
    }
}

#[test]
fn damaged_containers_do_no_harm() {
    let mut random = Random(7);
    let streams: Vec<_> = [600, 9000].map(|size| (size, stream(Codec::Lz4, &records(size as usize)))).to_vec();
    let blocks: Vec<(u64, &[u8])> = streams.iter().map(|(size, stream)| (*size, stream.as_slice())).collect();
    let whole = container(Codec::Lz4, &blocks);
    for _ in 0..PER_CODEC {
        let mut container = whole.clone();
        let at = random.below(44);
        container[at] = [0, 1, 0x7f, 0x80, 0xff, random.next() as u8][random.below(6)];
        let _refused_or_not = decode_all(&container);
    }
}
